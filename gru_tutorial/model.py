"""The model: a GRU, the state it starts from, and a head."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from gru_tutorial.checks import (
    MAX_BATCH,
    check_bool,
    check_float,
    check_int,
    check_values,
)
from gru_tutorial.compiled import CompiledGRU
from gru_tutorial.exact import MAX_LAYERS, ExactGRU
from gru_tutorial.heads import Direct, Head
from gru_tutorial.tensors import (
    _check_batch,
    _check_kind,
    _shape_of,
    build_layer,
    check_module,
    check_tensor,
    kind_of,
)
from gru_tutorial.windows import to_tensor

BATCH_SIZE = 256  # series or windows per call of a model


@runtime_checkable
class Streaming(Protocol):
    """A model that reads a stretch, and carries its state to the next one."""

    def run(self, x: Tensor, state=None) -> tuple[Tensor, Tensor]:
        """Return predictions after every step, and the state to go on from."""


class GRUModel(nn.Module):
    """Predict the next values of a sequence from its last GRU state.

    Parameters
    ----------
    input_size : int
        Features of the series.
    hidden_size : int
        Units of the GRU.
    horizon : int
        Time steps to predict, all at once: 1, if neither it nor a head is
        given.
    num_layers : int
        GRU layers, stacked.
    bidirectional : bool
        Whether a second GRU reads each window from its end.
    dropout : float
        Share of values set to zero between layers in training.
    learn_h0 : bool
        Whether the initial state is trained like a weight, from zeros.
    head : Head
        What is read from the states; ``Direct(horizon)`` if not given. The
        model gets a copy. Its horizon counts, if it is given.
    fast : bool or str
        Whether the layer is an ``ExactGRU``: the same numbers, trained faster
        where the model is small. Or "compiled", for a ``CompiledGRU``: faster
        still, and the same but for rounding.

    Raises
    ------
    ValueError
        If a size is below 1, ``dropout`` is not in [0, 1), there is dropout
        but only one layer (where PyTorch would apply none), or ``fast`` is
        something else.
    ImportError
        If ``fast`` is "compiled" and numba is missing.

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
        horizon: int | None = None,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        learn_h0: bool = False,
        head: Head | None = None,
        fast: bool | str = False,
    ):
        super().__init__()
        input_size = check_int("input_size", input_size, 1)
        hidden_size = check_int("hidden_size", hidden_size, 1)
        num_layers = check_int("num_layers", num_layers, 1, MAX_LAYERS)
        bidirectional = check_bool("bidirectional", bidirectional)
        dropout = _check_dropout(dropout, num_layers)
        head = _check_head(head, horizon, input_size)
        self.gru = build_layer(
            "input_size, hidden_size, num_layers",
            _layer_of(fast),
            input_size,
            hidden_size,
            num_layers,
            batch_first=True,
            dropout=dropout,
            bidirectional=bidirectional,
        )
        self.linear = head.build(hidden_size * (1 + bidirectional))
        self.head = head
        self.h0 = None
        if check_bool("learn_h0", learn_h0):
            rows = num_layers * (1 + bidirectional)
            self.h0 = nn.Parameter(torch.zeros(rows, 1, hidden_size))

    @property
    def input_size(self) -> int:
        """Features of the series."""
        return self.gru.input_size

    @property
    def horizon(self) -> int:
        """Time steps that are predicted at once."""
        return self.head.horizon

    def settings(self) -> dict:
        """Return what is needed to make the model again: plain values."""
        gru = self.gru
        return {
            "input_size": gru.input_size,
            "hidden_size": gru.hidden_size,
            "num_layers": gru.num_layers,
            "bidirectional": gru.bidirectional,
            "dropout": gru.dropout,
            "learn_h0": self.h0 is not None,
            "fast": isinstance(gru, ExactGRU)
            and ("compiled" if isinstance(gru, CompiledGRU) else True),
            "head": [type(self.head).__name__, self.head.settings()],
        }

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

        Raises
        ------
        ValueError
            If ``x`` is no tensor of this shape.

        Examples
        --------
        >>> model = GRUModel(hidden_size=8, num_layers=2, bidirectional=True)
        >>> model.initial_state(torch.zeros(32, 24, 1)).shape
        torch.Size([4, 32, 8])
        """
        check_tensor("x", x, ndim=(3,))
        directions = 2 if self.gru.bidirectional else 1
        rows = self.gru.num_layers * directions
        if self.h0 is not None:
            return self.h0.expand(rows, x.size(0), -1).contiguous()
        return x.new_zeros(rows, x.size(0), self.gru.hidden_size)

    def forward(
        self, x: Tensor, h0: Tensor | None = None, horizon: int | None = None
    ) -> Tensor:
        """Predict what follows each window.

        Parameters
        ----------
        x : Tensor of shape (batch, time, features)
            Windows, scaled as in training.
        h0 : Tensor of shape (num_layers * directions, batch, hidden_size)
            The state before the first step; ``initial_state(x)`` if not
            given.
        horizon : int
            Other time steps than in training, if the head can go on.

        Returns
        -------
        Tensor of shape (batch, head.numbers)
            The predictions, scaled; one for each step, with most heads.
            Numbers that the dtype cannot hold are infinite or nan, as in
            PyTorch: ``predict`` and a ``Forecaster`` refuse them.

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
        return self.head.last(self.linear, x, out, last, horizon)

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
        y_hat : Tensor of shape (batch, time, head.numbers)
            What follows each step, scaled.
        state : Tensor of shape (num_layers, batch, hidden_size)
            The state after the last step. It holds on to the graph that made
            it: ``detach`` it before the next stretch in training.

        Raises
        ------
        ValueError
            If ``x`` or ``state`` has another shape, dtype or device, or if
            the model reads backwards too: it would need the future. And if
            a stretch is to go on for a head that needs the whole sequence.

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
        if state is not None and not self.head.streams:
            raise ValueError(
                f"state: expected None, as {type(self.head).__name__} reads "
                f"the states of several steps and needs whole sequences"
            )
        self._check(x, state, "state")
        if state is None:
            state = self.initial_state(x)
        out, state = self.gru(x, state)
        return self.head.every(self.linear, x, out), state

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
        y_hat : Tensor of shape (batch, head.numbers)
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
            raise ValueError(
                f"x: expected a Tensor of shape (batch, "
                f"{self.gru.input_size}), got {_shape_of(x)}"
            )
        if self.head.blind:
            raise ValueError(
                f"head: expected one that forecasts from a single step, got "
                f"{self.head!r}; use run, on whole sequences"
            )
        y_hat, state = self.run(x.unsqueeze(1), state)
        return y_hat.squeeze(1), state

    def _check(self, x: Tensor, h0: Tensor | None, name: str = "h0") -> None:
        _check_batch(x, self.gru.input_size)
        weight = self.gru.weight_ih_l0
        _check_kind("x", x, weight.dtype, weight.device)
        if h0 is None:
            return
        expected = tuple(self.initial_state(x).shape)
        if not isinstance(h0, Tensor) or tuple(h0.shape) != expected:
            raise ValueError(
                f"{name}: expected shape (num_layers * directions, batch, "
                f"hidden_size) = {expected}, got {_shape_of(h0)}; "
                f"model.initial_state(x) gives such zeros"
            )
        _check_kind(name, h0, x.dtype, x.device)


def _layer_of(fast) -> type:
    """Return the class of the layer that ``fast`` asks for."""
    if isinstance(fast, str) and fast == "compiled":
        return CompiledGRU
    if not isinstance(fast, (bool, np.bool_)):
        raise ValueError(
            f"fast: expected True, False or 'compiled', got {fast!r}"
        )
    return ExactGRU if fast else nn.GRU


def _check_dropout(dropout: float, num_layers: int) -> float:
    dropout = check_float("dropout", dropout, 0, below=1)
    if dropout and num_layers == 1:
        raise ValueError(
            f"dropout: expected 0 with num_layers=1, got {dropout!r}; it "
            f"acts between layers only, so one layer has none"
        )
    return dropout


def _check_head(head: Head | None, horizon, features: int) -> Head:
    if head is None:
        head = Direct(1 if horizon is None else horizon)
    elif not isinstance(head, Head):
        raise ValueError(
            f"head: expected a Head, such as Direct(12), got {head!r}"
        )
    elif horizon is not None and (
        check_int("horizon", horizon, 1) != head.horizon
    ):
        raise ValueError(
            f"horizon: expected {head.horizon}, as the head has it, got "
            f"{horizon!r}"
        )
    check_int("head.target", max(head.target), 0, features - 1)
    return deepcopy(head)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Switch off dropout and gradients for a block, then restore the modes.

    Parameters
    ----------
    model : torch.nn.Module
        The model; each of its parts gets back the mode that it had.

    Raises
    ------
    ValueError
        If ``model`` is no module.

    Examples
    --------
    >>> model = GRUModel()
    >>> with evaluating(model):
    ...     model.training
    False
    >>> model.training
    True
    """
    check_module("model", model)
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training


def to_model(model: nn.Module, batch: Tensor, name: str = "batch") -> Tensor:
    """Move a batch to the device and dtype of a model's parameters.

    Parameters
    ----------
    model : torch.nn.Module
        The model; without parameters the batch stays as it is.
    batch : Tensor
        Any shape.
    name : str
        The batch's name, for messages.

    Returns
    -------
    Tensor
        The batch itself, if nothing had to change.

    Raises
    ------
    ValueError
        If ``batch`` is no dense tensor of real numbers, or the model's
        weights hold none (on the meta device).

    Examples
    --------
    >>> to_model(GRUModel().double(), torch.zeros(32, 24, 1)).dtype
    torch.float64
    """
    weight = next(check_module("model", model).parameters(), None)
    dense = isinstance(batch, Tensor) and batch.layout == torch.strided
    if not dense or batch.is_complex() or batch.is_meta:
        raise ValueError(
            f"{name}: expected a dense Tensor that holds real numbers, got "
            f"{kind_of(batch)}"
        )
    if weight is None:
        return batch
    if weight.is_meta:
        raise ValueError(
            "model: expected weights that hold numbers, got the meta device"
        )
    return batch.to(device=weight.device, dtype=weight.dtype)


def count_parameters(module: nn.Module) -> int:
    """Return the number of parameters of a module.

    Parameters
    ----------
    module : torch.nn.Module
        Any.

    Raises
    ------
    ValueError
        If ``module`` is none.

    Examples
    --------
    >>> count_parameters(nn.Linear(3, 2))
    8
    """
    return sum(p.numel() for p in check_module("module", module).parameters())


def ran(model: Streaming, x: Tensor, state=None) -> tuple:
    """Return what a model's ``run`` gives, if it is forecasts and a state.

    Parameters
    ----------
    model : torch.nn.Module
        One with ``run``.
    x : Tensor of shape (batch, time, features)
        A stretch.
    state : object
        As ``run`` returned it before.

    Raises
    ------
    ValueError
        If the model has no ``run``, or gives something else.

    Examples
    --------
    >>> y_hat, state = ran(GRUModel(), torch.zeros(1, 24, 1))
    >>> y_hat.shape
    torch.Size([1, 24, 1])
    """
    if not callable(getattr(model, "run", None)):
        raise ValueError(
            f"model: expected one with run(x, state), as GRUModel has, got "
            f"{type(model).__name__}"
        )
    answer = model.run(x) if state is None else model.run(x, state)
    pair = isinstance(answer, tuple) and len(answer) == 2
    if not pair or not isinstance(answer[0], Tensor) or answer[0].ndim != 3:
        raise ValueError(
            f"model.run's answer: expected forecasts of shape (batch, time, "
            f"numbers) and a state, got {kind_of(answer)}"
        )
    return answer


def point_of(model: nn.Module, y_hat: Tensor) -> Tensor:
    """Return the forecasts among the numbers that a model gives.

    Parameters
    ----------
    model : torch.nn.Module
        The head of a ``GRUModel`` knows; of other modules all are forecasts.
    y_hat : Tensor of shape (..., numbers)
        What the model gave.
    """
    return model.head.point(y_hat) if isinstance(model, GRUModel) else y_hat


def predict(model: nn.Module, X, batch_size: int = BATCH_SIZE) -> np.ndarray:
    """Return a model's forecasts for windows, without gradients or dropout.

    Parameters
    ----------
    model : torch.nn.Module
        Maps (batch, time, features) to (batch, horizon).
    X : array_like of shape (n, window, features)
        Windows, scaled as in training.
    batch_size : int
        Windows per call of the model.

    Returns
    -------
    numpy.ndarray of shape (n, horizon)
        The forecasts, scaled, float64.

    Raises
    ------
    ValueError
        If ``X`` is empty, not finite or of another rank, or if the forecasts
        are.

    Examples
    --------
    >>> predict(GRUModel(horizon=3), np.zeros((5, 24, 1))).shape
    (5, 3)
    """
    check_module("model", model)
    X = to_tensor("X", X, ndim=3)
    batch_size = check_int("batch_size", batch_size, 1, MAX_BATCH)
    if len(X) == 0:
        raise ValueError("X: expected at least one window, got none")
    with evaluating(model):
        parts = [
            to_numpy(point_of(model, model(to_model(model, part))))
            for part in X.split(batch_size)
        ]
    widths = {part.shape[1:] for part in parts}
    count = sum(map(len, parts))
    if len(widths) > 1 or parts[0].ndim != 2 or count != len(X):
        got = " and ".join(str((count, *width)) for width in sorted(widths))
        raise ValueError(
            f"model: expected forecasts of shape ({len(X)}, horizon), got "
            f"{got}"
        )
    return np.concatenate(parts)


def to_numpy(y_hat: Tensor) -> np.ndarray:
    """Return a model's forecasts as float64, or say that they are not finite.

    Parameters
    ----------
    y_hat : Tensor
        On any device.

    Raises
    ------
    ValueError
        If ``y_hat`` is no tensor of finite real numbers.
    """
    dense = isinstance(y_hat, Tensor) and y_hat.layout == torch.strided
    if not dense or y_hat.is_complex() or y_hat.is_meta:
        raise ValueError(
            f"model's forecasts: expected a Tensor that holds real numbers, "
            f"got {kind_of(y_hat)}"
        )
    array = y_hat.detach().double().cpu().numpy()
    return check_values("model's forecasts", array, (1, 2, 3))
