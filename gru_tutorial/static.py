"""What is known of a series, as the state from which a GRU starts."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gru_tutorial.checks import check_int
from gru_tutorial.model import GRUModel
from gru_tutorial.tensors import _check_batch, _check_kind, build_layer


class StaticStart(nn.Module):
    """Let static columns set the state from which a GRU starts.

    ``h0 = tanh(W s)`` for the static columns ``s``, which do not change
    within a series: a group, a place, a price. They are not read again at
    every step, as further columns would be.

    Parameters
    ----------
    model : GRUModel
        Reads the columns that do change; its own initial state is not used.
    static_size : int
        Static columns: the last of each sequence.

    Raises
    ------
    ValueError
        If ``model`` is no ``GRUModel``, or ``static_size`` below 1.

    References
    ----------
    Lim et al. (2019), arXiv:1912.09363: a recurrent network inside another
    model starts so.

    Examples
    --------
    >>> model = StaticStart(GRUModel(hidden_size=8), static_size=3)
    >>> model(torch.zeros(32, 24, 1 + 3)).shape
    torch.Size([32, 1])
    """

    def __init__(self, model: GRUModel, static_size: int):
        super().__init__()
        if not isinstance(model, GRUModel):
            raise ValueError(
                f"model: expected a GRUModel, got {type(model).__name__}"
            )
        static_size = check_int("static_size", static_size, 1)
        self.model, gru = model, model.gru
        self.rows = gru.num_layers * (2 if gru.bidirectional else 1)
        size = self.rows * gru.hidden_size
        self.start = build_layer(
            "static_size", nn.Linear, static_size, size, bias=False
        )

    def initial_state(self, x: Tensor) -> Tensor:
        """Return the state from which each sequence of a batch starts.

        Parameters
        ----------
        x : Tensor of shape (batch, time, features + static_size)
            Their first step tells.

        Returns
        -------
        Tensor of shape (num_layers * directions, batch, hidden_size)
            Within -1 and 1.

        Raises
        ------
        ValueError
            If ``x`` has another shape, dtype or device.
        """
        _check_batch(x, self.model.input_size + self.start.in_features)
        weight = self.start.weight
        _check_kind("x", x, weight.dtype, weight.device)
        h0 = torch.tanh(self.start(x[:, 0, self.model.input_size :]))
        return h0.unflatten(1, (self.rows, -1)).transpose(0, 1).contiguous()

    def forward(self, x: Tensor) -> Tensor:
        """Predict what follows each window, (batch, head.numbers).

        Parameters
        ----------
        x : Tensor of shape (batch, time, features + static_size)
            Windows, scaled as in training, with the static columns last.

        Raises
        ------
        ValueError
            If ``x`` has another shape, dtype or device.
        """
        h0 = self.initial_state(x)
        return self.model(x[..., : self.model.input_size], h0)

    def run(
        self, x: Tensor, state: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Predict after every step, and return the state to go on from.

        Parameters
        ----------
        x : Tensor of shape (batch, time, features + static_size)
            A stretch of each sequence, scaled as in training.
        state : Tensor of shape (num_layers, batch, hidden_size)
            The state after the stretch before; the static columns' at first.

        Returns
        -------
        y_hat : Tensor of shape (batch, time, head.numbers)
            What follows each step, scaled.
        state : Tensor of shape (num_layers, batch, hidden_size)
            The state after the last step.

        Raises
        ------
        ValueError
            As ``GRUModel.run``.
        """
        start = self.initial_state(x)
        x = x[..., : self.model.input_size]
        return self.model.run(x, start if state is None else state)
