"""Heads: what a model reads from the states of its GRU, and how it is scored.

A new head is a subclass of ``Head`` that says how many numbers it gives, and
overrides what it does otherwise. It is saved and loaded with its model once
it is among ``HEADS`` of ``_saved``.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from gru_tutorial.checks import (
    MAX_HORIZON,
    check_callable,
    check_float,
    check_int,
    check_length,
)
from gru_tutorial.tensors import (
    build_layer,
    check_same,
    check_tensor,
    kind_of,
)
from gru_tutorial.windows import check_target

LAYER = "the model's linear layer"  # which reads numbers from states


class Head(nn.Module):
    """Forecast all steps at once from a state: what all heads have in common.

    Parameters
    ----------
    horizon : int
        Time steps to forecast.
    target : int or tuple of int
        The feature of the series that is predicted, or those.

    Attributes
    ----------
    numbers : int
        How many numbers it gives for each forecast.
    width : int
        How many the model's linear layer reads from one state.
    blind : int
        Steps at the start of a sequence from which it cannot forecast yet.

    Raises
    ------
    ValueError
        If ``horizon`` is below 1 or ``target`` no feature.
    """

    blind = 0
    streams = True  # can go on from a state that was carried over
    unbounded = False  # can forecast more steps than it was trained for

    def __init__(self, horizon: int = 1, target: int | tuple = 0):
        super().__init__()
        self.horizon = check_int("horizon", horizon, 1, MAX_HORIZON)
        several = isinstance(target, (tuple, list)) and len(target) > 0
        wanted = target if several else [target]
        highest = max(check_int("target", one, 0) for one in wanted)
        self.target = check_target(target, highest + 1)

    @property
    def numbers(self) -> int:
        """How many numbers are given for each forecast."""
        return self.horizon * len(self.target)

    @property
    def width(self) -> int:
        """How many numbers are read from one state."""
        return self.numbers

    def extra_repr(self) -> str:
        """Say what tells this head from others, for ``print(model)``."""
        return ", ".join(f"{k}={v!r}" for k, v in self.settings().items())

    def settings(self) -> dict:
        """Return what is needed to make the head again, by name.

        So each argument of a head is kept as an attribute of its name, and is
        a plain value.
        """
        names = inspect.signature(type(self)).parameters
        return {name: getattr(self, name) for name in names}

    def build(self, size: int) -> nn.Module:
        """Make the layer that reads ``width`` numbers from a state.

        Parameters
        ----------
        size : int
            Numbers in a state.

        Returns
        -------
        torch.nn.Module
            The model's ``linear``. Layers of its own a head makes here, too.

        Raises
        ------
        ValueError
            If ``size`` is below 1, or the layer does not fit into memory.
        """
        return _linear(size, self.width)

    def last(self, read, x: Tensor, out: Tensor, state: Tensor, horizon=None):
        """Forecast what follows each sequence.

        Parameters
        ----------
        read : callable
            The model's linear layer.
        x : Tensor of shape (batch, time, features)
            The sequences.
        out : Tensor of shape (batch, time, size)
            The states after every step.
        state : Tensor of shape (batch, size)
            The last of them.
        horizon : int
            Other time steps than in training, for a head that can go on.

        Returns
        -------
        Tensor of shape (batch, numbers)
            The forecasts, scaled.

        Raises
        ------
        ValueError
            If the head cannot forecast ``horizon`` steps, or the other
            arguments do not fit each other.
        """
        check_callable("read", read, LAYER)
        check_tensor("state", state, (2,))
        _check_horizon(self, horizon)
        return read(state)

    def every(self, read, x: Tensor, out: Tensor) -> Tensor:
        """Forecast what follows each step, (batch, time, numbers)."""
        check_callable("read", read, LAYER)
        check_tensor("out", out, (3,))
        return read(out)

    def loss(self, y_hat: Tensor, y: Tensor) -> Tensor:
        """Return the mean loss of a batch.

        Parameters
        ----------
        y_hat : Tensor of shape (..., numbers)
            What the model gave.
        y : Tensor of shape (..., horizon * targets)
            What came true, scaled.

        Returns
        -------
        Tensor of shape ()
            Infinite or nan where the dtype cannot hold it, as in PyTorch:
            ``fit`` and ``evaluate`` refuse that.

        Raises
        ------
        ValueError
            If the shapes differ.
        """
        _check_labels(y_hat, y)
        return nn.functional.mse_loss(y_hat, y)

    def point(self, y_hat: Tensor) -> Tensor:
        """Return the forecasts among the numbers: (..., horizon * targets)."""
        return y_hat

    @contextmanager
    def taught(self, y: Tensor) -> Iterator[None]:
        """Let a head that learns from a teacher see the labels, for a block.

        ``fit`` forecasts each batch within such a block.

        Parameters
        ----------
        y : Tensor of shape (..., horizon * targets)
            What came true, scaled.

        Raises
        ------
        ValueError
            If ``y`` is no tensor.
        """
        check_tensor("y", y)
        yield


class Direct(Head):
    """One output for each step ahead, all read from the last state.

    Examples
    --------
    >>> from gru_tutorial import GRUModel
    >>> GRUModel(hidden_size=8, head=Direct(12))(torch.zeros(32, 24, 1)).shape
    torch.Size([32, 12])
    """


class Seq2Seq(Head):
    """A second GRU goes on from the last state: sequence to sequence.

    It starts from the last state and the last value, and takes its own
    forecasts from then on. In contrast to a recursive forecast this is how it
    is trained, too; and it can go on for longer than in training.

    Parameters
    ----------
    horizon, target
        As for every head.
    teacher_forcing : float
        Share of true values among what the second GRU takes in *training*,
        where it else takes its own forecasts: 1 for all, and between 0 and 1
        the toss of a coin for each. A forecast never takes any.

    Raises
    ------
    ValueError
        If ``teacher_forcing`` is not in [0, 1].

    References
    ----------
    Sutskever et al. (2014), arXiv:1409.3215; Cho et al. (2014),
    arXiv:1406.1078. Teacher forcing: R. J. Williams and D. Zipser (1989), A
    learning algorithm for continually running fully recurrent neural
    networks. *Neural Computation* 1, 270-280. A share of it: S. Bengio et
    al. (2015), arXiv:1506.03099.

    Examples
    --------
    >>> from gru_tutorial import GRUModel
    >>> model = GRUModel(hidden_size=8, head=Seq2Seq(12))
    >>> x = torch.zeros(32, 100, 1)
    >>> model(x).shape, model(x, horizon=30).shape
    (torch.Size([32, 12]), torch.Size([32, 30]))
    """

    unbounded = True

    def __init__(
        self,
        horizon: int = 1,
        target: int | tuple = 0,
        teacher_forcing: float = 0.0,
    ):
        super().__init__(horizon, target)
        share = check_float("teacher_forcing", teacher_forcing, 0)
        if share > 1:
            raise ValueError(
                f"teacher_forcing: expected a share from 0 to 1, got {share!r}"
            )
        self.teacher_forcing = share
        self._truth: Tensor | None = None

    @property
    def width(self) -> int:
        """One step's forecast is read from one state."""
        return len(self.target)

    def build(self, size: int) -> nn.Module:
        """Make the linear layer, and the second GRU."""
        linear = super().build(size)
        self.decoder = _decoder(self.width, size)
        return linear

    def decode(self, read, last: Tensor, state: Tensor, horizon: int):
        """Forecast from states of the first GRU.

        Parameters
        ----------
        read : callable
            The model's linear layer.
        last : Tensor of shape (n, targets)
            The values that each state has seen last.
        state : Tensor of shape (n, size)
            The states.
        horizon : int
            Time steps to forecast.

        Returns
        -------
        Tensor of shape (n, horizon * targets)
            The forecasts, scaled.

        Raises
        ------
        ValueError
            If the arguments do not fit each other.
        """
        horizon = _check_start(self, read, last, state, horizon)
        truth = self._check_truth(len(state), horizon)
        path = []
        for step in range(horizon):
            state = self.decoder(last, state)
            path.append(_read(read, state, self.width))
            last = path[-1]
            if truth is not None:  # in training, if a teacher is asked for
                forced = torch.rand(len(last), 1) < self.teacher_forcing
                last = torch.where(forced.to(last.device), truth[step], last)
        return torch.cat(path, dim=1)

    def last(self, read, x: Tensor, out: Tensor, state: Tensor, horizon=None):
        """Forecast what follows each sequence, however far."""
        _check_states(self, read, x, out, state)
        horizon = self.horizon if horizon is None else horizon
        return self.decode(read, x[:, -1, self.target], state, horizon)

    def every(self, read, x: Tensor, out: Tensor) -> Tensor:
        """Forecast what follows each step, (batch, time, numbers)."""
        _check_states(self, read, x, out)
        values = x[..., self.target].flatten(0, 1)
        y_hat = self.decode(read, values, out.flatten(0, 1), self.horizon)
        return y_hat.unflatten(0, x.shape[:2])

    @contextmanager
    def taught(self, y: Tensor) -> Iterator[None]:
        """Let the second GRU take true values for the time of a block."""
        self._truth = check_tensor("y", y)
        try:
            yield
        finally:
            self._truth = None

    def _check_truth(self, count: int, horizon: int) -> list | None:
        """Return what came true, a tensor of (n, targets) for each step."""
        if self._truth is None or self.teacher_forcing == 0:
            return None
        y, width = self._truth, horizon * self.width
        flat = y.flatten(0, -2) if y.ndim > 1 else y
        check_same("y", flat, (count, width), self.decoder.weight_ih)
        return list(flat.split(self.width, dim=1))


class LastStates(Head):
    """Read step k of the forecast from the state of k steps after T - horizon.

    A reconstruction, to be tested: so do ``BlockRNNModel`` of Darts 0.48.1
    and ``GRU`` of NeuralForecast 3.3.0 (with its default
    ``recurrent=False``) where the horizon is not longer than the window.
    Their output layer can so take covariates of each future step; but step 1
    does not see the last ``horizon - 1`` observations.

    Parameters
    ----------
    horizon, target
        As for every head.
    decoder_size : int
        Units of a hidden layer with ReLU between state and output, as in
        NeuralForecast; ``None`` for a linear output, as in Darts.

    Raises
    ------
    ValueError
        If one of them is below 1.

    Notes
    -----
    The first ``horizon - 1`` steps of a sequence have no states of their own
    to read from: ``model.run`` gives nan there, so train on chunks with
    ``burn_in=horizon - 1`` or more.

    Examples
    --------
    >>> from gru_tutorial import Forecaster, GRUModel, visibility
    >>> forecaster = Forecaster(GRUModel(hidden_size=8, head=LastStates(4)))
    >>> visibility(forecaster, [0.0, 1.0] * 12, 4) > 0
    array([False, False, False,  True])
    """

    streams = False

    def __init__(
        self,
        horizon: int = 1,
        target: int | tuple = 0,
        decoder_size: int | None = None,
    ):
        super().__init__(horizon, target)
        if decoder_size is not None:
            decoder_size = check_int("decoder_size", decoder_size, 1)
        self.decoder_size = decoder_size

    @property
    def width(self) -> int:
        """One step's forecast is read from one state."""
        return len(self.target)

    @property
    def blind(self) -> int:
        """Steps at a sequence's start that have too few states before."""
        return self.horizon - 1

    def build(self, size: int) -> nn.Module:
        """Make the layer that reads one state, linear or with a hidden one."""
        if self.decoder_size is None:
            return super().build(size)
        return nn.Sequential(
            _linear(size, self.decoder_size),
            nn.ReLU(),
            _linear(self.decoder_size, self.width),
        )

    def last(self, read, x: Tensor, out: Tensor, state: Tensor, horizon=None):
        """Forecast what follows each sequence, from its last states."""
        _check_states(self, read, x, out, state)
        _check_horizon(self, horizon)
        check_length("x", x[0], self.horizon, "horizon")
        return self._windows(read, out[:, -self.horizon :])[:, -1]

    def every(self, read, x: Tensor, out: Tensor) -> Tensor:
        """Forecast what follows each step, (batch, time, numbers)."""
        _check_states(self, read, x, out)
        return self._windows(read, out)

    def _windows(self, read, out: Tensor) -> Tensor:
        """Put the numbers of ``horizon`` states side by side."""
        numbers = _read(read, out, self.width)
        padding = (0, 0, self.blind, 0)
        padded = nn.functional.pad(numbers, padding, value=math.nan)
        steps = padded.unfold(1, self.horizon, 1)  # (..., targets, horizon)
        return steps.transpose(2, 3).flatten(2)


def _linear(size: int, width: int) -> nn.Module:
    return build_layer("size", nn.Linear, check_int("size", size, 1), width)


def _decoder(width: int, size: int) -> nn.GRUCell:
    return build_layer("size", nn.GRUCell, width, size)


def _check_states(head: Head, read, x, out, state=None) -> None:
    """Refuse what a model's GRU does not give."""
    check_callable("read", read, LAYER)
    decoder = head._modules.get("decoder")
    like = x if decoder is None else decoder.weight_ih
    check_tensor("x", x, (3,))
    check_tensor("out", out, (3,))
    shape = x.shape
    size = out.shape[2] if decoder is None else decoder.hidden_size
    if decoder is not None:
        check_same("x", x, shape, like)
    check_same("out", out, (shape[0], shape[1], size), like)
    if state is not None:
        check_same("state", state, (shape[0], size), like)
    if 0 in shape or shape[2] <= max(head.target):
        raise ValueError(
            f"x: expected steps with at least {max(head.target) + 1} "
            f"features, got shape {tuple(shape)}"
        )


def _check_horizon(head: Head, horizon) -> None:
    if horizon is None:
        return
    if check_int("horizon", horizon, 1) != head.horizon:
        raise ValueError(
            f"horizon: expected {head.horizon}, which this head gives at "
            f"once, got {horizon}"
        )


def _check_start(head: Seq2Seq, read, last, state, horizon) -> int:
    """Return the horizon, if all fits the head's second GRU."""
    check_callable("read", read, LAYER)
    decoder = head._modules.get("decoder")
    if decoder is None:
        raise ValueError(
            "head: expected one with its second GRU; a GRUModel builds it in "
            "the copy that it gets"
        )
    check_tensor("state", state, (2,))
    like = decoder.weight_ih
    count = state.shape[0]
    check_same("state", state, (count, decoder.hidden_size), like)
    check_same("last", last, (count, head.width), like)
    return check_int("horizon", horizon, 1, MAX_HORIZON)


def _read(read, states: Tensor, width: int) -> Tensor:
    """Return what a layer reads from states: so many numbers from each."""
    numbers = read(states)
    given = getattr(numbers, "shape", None)
    if not isinstance(numbers, Tensor) or given != (*states.shape[:-1], width):
        raise ValueError(
            f"read: expected a layer that gives {width} numbers for each "
            f"state, got {kind_of(numbers)}"
        )
    return numbers


def _check_labels(y_hat, y) -> None:
    """Refuse labels that PyTorch would spread over the forecasts."""
    check_tensor("y_hat", y_hat)
    check_tensor("y", y)
    if y_hat.shape != y.shape or y.numel() == 0 or y.device != y_hat.device:
        raise ValueError(
            f"y: expected shape {tuple(y_hat.shape)} on {y_hat.device}, as "
            f"the forecasts have it, and at least one number, got "
            f"{tuple(y.shape)} on {y.device}"
        )
