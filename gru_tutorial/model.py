"""Chapter 3: the model, and the state it starts from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from gru_tutorial.checks import check_bool, check_float, check_int


class GRUModel(nn.Module):
    """Predict the next values of a sequence from its last GRU state.

    Parameters
    ----------
    input_size : int
        Features of the series.
    hidden_size : int
        Units of the GRU.
    output_size : int
        Values to predict: the horizon.
    num_layers : int
        GRU layers, stacked.
    bidirectional : bool
        Whether a second GRU reads each window from its end.
    dropout : float
        Share of values set to zero between layers in training.
    learn_h0 : bool
        Whether the initial state is trained like a weight, from zeros.

    Raises
    ------
    ValueError
        If a size is below 1, ``dropout`` is not in [0, 1), or there is
        dropout but only one layer (where PyTorch would apply none).

    References
    ----------
    Cho et al. (2014), arXiv:1406.1078, in the form of ``torch.nn.GRU``.

    Examples
    --------
    >>> model = GRUModel(hidden_size=8)
    >>> model(torch.zeros(32, 24, 1)).shape
    torch.Size([32, 1])
    """

    def __init__(
        self,
        input_size: int = 1,
        hidden_size: int = 32,
        output_size: int = 1,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        learn_h0: bool = False,
    ):
        super().__init__()
        input_size = check_int("input_size", input_size, 1)
        hidden_size = check_int("hidden_size", hidden_size, 1)
        output_size = check_int("output_size", output_size, 1)
        num_layers = check_int("num_layers", num_layers, 1)
        bidirectional = check_bool("bidirectional", bidirectional)
        dropout = check_float("dropout", dropout, 0)
        if dropout >= 1:
            raise ValueError(
                f"dropout: expected a number below 1, got {dropout!r}"
            )
        if dropout and num_layers == 1:
            raise ValueError(
                f"dropout: expected 0 with num_layers=1, got {dropout!r}; it "
                f"acts between layers only, so one layer has none"
            )
        self.gru = nn.GRU(
            input_size,
            hidden_size,
            num_layers,
            batch_first=True,
            dropout=dropout,
            bidirectional=bidirectional,
        )
        self.linear = nn.Linear(hidden_size * (1 + bidirectional), output_size)
        self.h0 = None
        if check_bool("learn_h0", learn_h0):
            rows = num_layers * (1 + bidirectional)
            self.h0 = nn.Parameter(torch.zeros(rows, 1, hidden_size))

    def initial_state(self, x: Tensor) -> Tensor:
        """Return the state from which a batch starts.

        Parameters
        ----------
        x : Tensor of shape (batch, time, features)
            The batch: it sets the state's size, dtype and device.

        Returns
        -------
        Tensor of shape (num_layers * directions, batch, hidden_size)
            Zeros, or the learned state once for each sequence. The batch
            comes second, whatever ``batch_first`` says.

        Examples
        --------
        >>> model = GRUModel(hidden_size=8, num_layers=2, bidirectional=True)
        >>> model.initial_state(torch.zeros(32, 24, 1)).shape
        torch.Size([4, 32, 8])
        """
        directions = 2 if self.gru.bidirectional else 1
        rows = self.gru.num_layers * directions
        if self.h0 is not None:
            return self.h0.expand(rows, x.size(0), -1).contiguous()
        return x.new_zeros(rows, x.size(0), self.gru.hidden_size)

    def forward(self, x: Tensor, h0: Tensor | None = None) -> Tensor:
        """Predict what follows each window.

        Parameters
        ----------
        x : Tensor of shape (batch, time, features)
            Windows, scaled as in training.
        h0 : Tensor of shape (num_layers * directions, batch, hidden_size)
            The state before the first step; ``initial_state(x)`` if not
            given.

        Returns
        -------
        Tensor of shape (batch, output_size)
            The predictions, scaled.

        Raises
        ------
        ValueError
            If ``x`` or ``h0`` has another shape, dtype or device.
        """
        self._check(x, h0)
        if h0 is None:
            h0 = self.initial_state(x)
        out, _ = self.gru(x, h0)  # (batch, time, directions * hidden_size)
        last = out[:, -1, :]
        if self.gru.bidirectional:  # the second direction ends at step 1
            size = self.gru.hidden_size
            last = torch.cat([out[:, -1, :size], out[:, 0, size:]], dim=1)
        return self.linear(last)  # (batch, output_size)

    def run(
        self, x: Tensor, state: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Predict after every step, and return the state to go on from.

        Parameters
        ----------
        x : Tensor of shape (batch, time, features)
            A stretch of each sequence, scaled as in training.
        state : Tensor of shape (num_layers, batch, hidden_size)
            The state after the stretch before; ``initial_state(x)`` at first.

        Returns
        -------
        y_hat : Tensor of shape (batch, time, output_size)
            What follows each step, scaled.
        state : Tensor of shape (num_layers, batch, hidden_size)
            The state after the last step. It holds on to the graph that made
            it: ``detach`` it before the next stretch in training.

        Raises
        ------
        ValueError
            If ``x`` or ``state`` has another shape, dtype or device, or if
            the model reads backwards too: it would need the future.

        Examples
        --------
        >>> model, x = GRUModel(hidden_size=8), torch.zeros(1, 100, 1)
        >>> first, state = model.run(x[:, :60])
        >>> second, state = model.run(x[:, 60:], state)
        >>> first.shape, second.shape
        (torch.Size([1, 60, 1]), torch.Size([1, 40, 1]))
        """
        if self.gru.bidirectional:
            raise ValueError(
                "bidirectional: expected False for a stream, got True; the "
                "backward direction would need the future"
            )
        self._check(x, state, "state")
        if state is None:
            state = self.initial_state(x)
        out, state = self.gru(x, state)
        return self.linear(out), state

    def step(
        self, x: Tensor, state: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Take in one time step of a stream, and predict what follows.

        Parameters
        ----------
        x : Tensor of shape (batch, features)
            The newest values, scaled as in training.
        state : Tensor of shape (num_layers, batch, hidden_size)
            What the last call returned; ``None`` at first.

        Returns
        -------
        y_hat : Tensor of shape (batch, output_size)
            What follows, scaled.
        state : Tensor of shape (num_layers, batch, hidden_size)
            All that the next call needs, however long the stream.

        Raises
        ------
        ValueError
            As for ``run``.

        Examples
        --------
        >>> model, state = GRUModel(hidden_size=8), None
        >>> with evaluating(model):
        ...     for value in [0.1, 0.2, 0.3]:
        ...         y_hat, state = model.step(torch.tensor([[value]]), state)
        >>> y_hat.shape
        torch.Size([1, 1])
        """
        if not isinstance(x, Tensor) or x.ndim != 2:
            got = tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__
            raise ValueError(
                f"x: expected a Tensor of shape (batch, "
                f"{self.gru.input_size}), got {got}"
            )
        y_hat, state = self.run(x.unsqueeze(1), state)
        return y_hat.squeeze(1), state

    def _check(self, x: Tensor, h0: Tensor | None, name: str = "h0") -> None:
        features = self.gru.input_size
        if not isinstance(x, Tensor):
            raise ValueError(
                f"x: expected a Tensor, got {type(x).__name__}; "
                f"torch.as_tensor makes one"
            )
        if x.ndim != 3 or x.shape[-1] != features or 0 in x.shape:
            mend = ""
            if 0 in x.shape:
                mend = "; it is empty"
            elif x.ndim == 2 and x.shape[-1] == features:
                mend = "; for one window: x.unsqueeze(0)"
            elif x.ndim == 2 and features == 1:
                mend = "; for windows of one feature: x.unsqueeze(-1)"
            raise ValueError(
                f"x: expected shape (batch, time, {features}), got "
                f"{tuple(x.shape)}{mend}"
            )
        weight = self.gru.weight_ih_l0
        self._check_kind("x", x, weight.dtype, weight.device)
        if h0 is None:
            return
        expected = tuple(self.initial_state(x).shape)
        if not isinstance(h0, Tensor) or tuple(h0.shape) != expected:
            got = (
                tuple(h0.shape)
                if isinstance(h0, Tensor)
                else type(h0).__name__
            )
            raise ValueError(
                f"{name}: expected shape (num_layers * directions, batch, "
                f"hidden_size) = {expected}, got {got}; "
                f"model.initial_state(x) gives such zeros"
            )
        self._check_kind(name, h0, x.dtype, x.device)

    @staticmethod
    def _check_kind(name: str, value: Tensor, dtype, device) -> None:
        if value.dtype != dtype or value.device != device:
            raise ValueError(
                f"{name}: expected {dtype} on {device}, got {value.dtype} on "
                f"{value.device}; {name}.to(device, dtype) converts it"
            )


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Switch off dropout and gradients for a block, then restore the modes.

    Parameters
    ----------
    model : torch.nn.Module
        The model; each of its parts gets back the mode that it had.

    Examples
    --------
    >>> model = GRUModel()
    >>> with evaluating(model):
    ...     model.training
    False
    >>> model.training
    True
    """
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training


def to_model(model: nn.Module, batch: Tensor) -> Tensor:
    """Move a batch to the device and dtype of a model's parameters.

    Parameters
    ----------
    model : torch.nn.Module
        The model; without parameters the batch stays as it is.
    batch : Tensor
        Any shape.

    Returns
    -------
    Tensor
        The batch itself, if nothing had to change.

    Examples
    --------
    >>> to_model(GRUModel().double(), torch.zeros(32, 24, 1)).dtype
    torch.float64
    """
    weight = next(model.parameters(), None)
    if weight is None:
        return batch
    return batch.to(device=weight.device, dtype=weight.dtype)
