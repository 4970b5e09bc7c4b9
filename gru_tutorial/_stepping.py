"""One step of a forecaster as a program of ``torch.export``."""

from __future__ import annotations

import warnings
from copy import deepcopy

import numpy as np
import torch
from torch import Tensor, nn

from gru_tutorial._tracing import TOLERANCE, check_model
from gru_tutorial.forecaster import Forecaster
from gru_tutorial.model import GRUModel


class OneStep(nn.Module):
    """A forecaster's next step, in units, with its state in and out.

    Parameters
    ----------
    forecaster : Forecaster
        Trained, without a window.
    """

    def __init__(self, forecaster: Forecaster):
        super().__init__()
        model, scaler = deepcopy(forecaster.model), forecaster.scaler
        self.gru, self.linear, self.head = model.gru, model.linear, model.head
        target = list(forecaster.target) if scaler.mean.ndim else ...
        for name in ("mean", "std"):
            scale = torch.from_numpy(np.array(getattr(scaler, name)))
            self.register_buffer(name, scale)
            self.register_buffer(f"{name}_of_target", scale[target])

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return (batch, horizon, targets), and the state to go on from."""
        scaled = ((x - self.mean) / self.std).to(state.dtype)
        out, state = self.gru(scaled[:, None], state)
        y_hat = self.head.point(self.linear(out[:, -1]))
        steps = y_hat.unflatten(1, (-1, len(self.head.target))).double()
        return steps * self.std_of_target + self.mean_of_target, state


def export_step(forecaster: Forecaster) -> torch.export.ExportedProgram:
    """Return one step of a forecaster as a program of PyTorch's operators.

    Its ``module()`` maps float64 of shape (batch, features), in the series'
    own units, and a state of shape (num_layers, batch, hidden_size) to
    forecasts of shape (batch, horizon, targets) and the next state, for any
    batch. Of a free *length* ``torch.export`` says that a GRU makes it a
    constant (as of PyTorch 2.13): hence one step.

    Parameters
    ----------
    forecaster : Forecaster
        Trained; of one direction, without a window, and with a head that
        reads the last state alone.

    Raises
    ------
    ValueError
        If it is another one, or the program's forecasts differ.

    Examples
    --------
    >>> from gru_tutorial import Scaler
    >>> model = GRUModel(hidden_size=8)
    >>> program = export_step(Forecaster(model, Scaler(5.0, 2.0)))
    >>> x = torch.tensor([[4.0], [5.0], [6.0]], dtype=torch.float64)
    >>> y_hat, state = program.module()(x, torch.zeros(1, 3, 8))
    >>> y_hat.shape
    torch.Size([3, 1, 1])
    """
    if not isinstance(forecaster, Forecaster) or forecaster.scaler is None:
        raise ValueError(
            f"forecaster: expected a Forecaster with a scaler, got "
            f"{forecaster!r}"
        )
    model = check_model(forecaster.model)
    by_series = not forecaster.frame.is_table and forecaster.scaler.mean.ndim
    if model.gru.bidirectional or forecaster.window or by_series:
        raise ValueError(
            f"forecaster: expected one of one direction, without a window, "
            f"and with one scale for all series, got {forecaster!r} of "
            f"{model.gru!r}"
        )
    step = OneStep(forecaster).eval()
    rng, batch = np.random.default_rng(0), torch.export.Dim("batch", min=1)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of what it finds on its way
        program = torch.export.export(
            step,
            _drawn_step(model, rng, 2),
            dynamic_shapes=({0: batch}, {1: batch}),
        )
    for count in (1, 5):
        given = _drawn_step(model, rng, count)
        with torch.no_grad():
            pairs = zip(program.module()(*given), step(*given), strict=True)
            apart = [(a - b).abs().max().item() for a, b in pairs]
        scale = forecaster.scaler.std.max()
        if not (apart[0] <= TOLERANCE * scale and apart[1] <= TOLERANCE):
            raise ValueError(
                f"exported program: expected the model's forecasts within "
                f"{TOLERANCE:g}, got {apart} for {count} series"
            )
    return program


def _drawn_step(model: GRUModel, rng, batch: int) -> tuple[Tensor, Tensor]:
    x = torch.from_numpy(rng.standard_normal((batch, model.input_size)))
    state = rng.standard_normal(
        (model.gru.num_layers, batch, model.gru.hidden_size)
    )
    return x, torch.from_numpy(state).to(model.gru.weight_ih_l0.dtype)
