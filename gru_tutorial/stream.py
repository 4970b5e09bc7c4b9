"""A forecaster that takes in one value at a time."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from torch import Tensor

from gru_tutorial._saved import SETTINGS, state_of
from gru_tutorial.checks import MAX_HORIZON, check_int, check_values
from gru_tutorial.forecaster import Forecaster
from gru_tutorial.frame import in_units, moved_on
from gru_tutorial.model import (
    GRUModel,
    evaluating,
    ran,
    to_model,
    to_numpy,
)
from gru_tutorial.storage import check_destination, read_whole, write_whole
from gru_tutorial.tensors import kind_of

KIND = "stream 1"


class Stream:
    """Take in one value at a time, and forecast what follows.

    Parameters
    ----------
    forecaster : Forecaster
        Makes the forecasts.
    history : array_like
        What is known before, if anything.
    horizon : int
        Time steps to forecast after each value.

    Raises
    ------
    ValueError
        If the forecaster needs a window and ``history`` is shorter, or the
        model cannot go on step by step.

    Examples
    --------
    >>> stream = Forecaster(GRUModel(hidden_size=8)).stream(horizon=3)
    >>> stream.update(0.5).shape
    (3,)
    """

    def __init__(self, forecaster: Forecaster, history=None, horizon: int = 1):
        self.forecaster = _check_forecaster(forecaster)
        self.horizon = check_int("horizon", horizon, 1, MAX_HORIZON)
        self.x = self.state = None
        model, window = forecaster.model, forecaster.window
        whole = isinstance(model, GRUModel) and not model.head.streams
        if window is None and whole:
            raise ValueError(
                f"model: expected a head that forecasts from a single step, "
                f"got {model.head!r}"
            )
        if history is not None:
            self.x, _, _, single = forecaster._read(history)
            if not single:
                raise ValueError("history: expected one series, got several")
            if window is None:
                with evaluating(model):
                    batch = to_model(model, self.x)
                    _, self.state = ran(model, batch)
            else:
                self.x = self.x[:, -window:]
        elif window is not None:
            raise ValueError(
                f"history: expected the {window} values before, which the "
                f"forecaster sees, got None"
            )

    def update(self, value) -> np.ndarray:
        """Take in the newest value, and forecast what follows it.

        Parameters
        ----------
        value : float or array_like of shape (features,)
            In the series' own units.

        Returns
        -------
        numpy.ndarray of shape (horizon,)
            In the series' own units; with several targets (horizon, targets).

        Raises
        ------
        ValueError
            If ``value`` is not finite, or has other features. The stream
            stays as it was.
        """
        owner = self.forecaster
        value = check_values("value", value, (0, 1), np.float64)
        if value.size != owner.frame.features:
            raise ValueError(
                f"value: expected {owner.frame.features} numbers, one for "
                f"each column, got {value.size}"
            )
        mean, std = owner.frame.scale(1)
        newest = self._scaled(value, mean, std)
        x = newest if owner.window is None else moved_on(self.x, newest)
        with evaluating(owner.model):
            steps, state = self._forecast(to_model(owner.model, x))
        if owner.frame.is_table:
            mean, std = mean[list(owner.target)], std[list(owner.target)]
        y_hat = in_units(to_numpy(steps), mean, std)
        y_hat = owner.frame.shaped(y_hat, single=True)
        self.x, self.state = x, state
        return y_hat

    def _scaled(self, value: np.ndarray, mean, std) -> Tensor:
        """Return a step as the model takes it in, of shape (1, 1, features).

        What ``Frame.read`` does for whole histories, without its checks of
        many values.
        """
        with np.errstate(over="ignore"):
            scaled = (value.reshape(1, 1, -1) - mean) / std
            array = scaled.astype(np.float32)
        if not np.isfinite(array).all():
            raise ValueError(
                f"value: expected numbers within float32's range once they "
                f"are scaled, got {np.abs(value).max():.3g}"
            )
        return torch.from_numpy(array)

    def save(self, path) -> None:
        """Write what the stream remembers into one file.

        The forecaster's own file is another one; this one knows its digest.

        Parameters
        ----------
        path : str or pathlib.Path
            The file; written whole or not at all.

        Raises
        ------
        ValueError
            If nothing can be written there, or the model's state is not made
            of tensors.
        """
        kept = {"x": self.x, "state": self.state, "horizon": self.horizon}
        _check_state(self.state)
        kept["forecaster"] = _digest(self.forecaster)
        write_whole(check_destination("path", path), KIND, kept)

    @classmethod
    def load(cls, path, forecaster: Forecaster) -> Stream:
        """Go on with a stream that ``save`` wrote, in this process or another.

        Parameters
        ----------
        path : str or pathlib.Path
            The file.
        forecaster : Forecaster
            The one that the stream was made of, or another with the same
            weights, scale and settings, as ``Forecaster.load`` returns it.

        Returns
        -------
        Stream
            With the same forecasts as if it had never stopped.

        Raises
        ------
        ValueError
            If the file is absent, damaged or of another kind, or belongs to
            another forecaster.

        Examples
        --------
        >>> import tempfile
        >>> forecaster = Forecaster(GRUModel(hidden_size=8))
        >>> stream = forecaster.stream([0.1, 0.2])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     stream.save(f"{folder}/stream.pt")
        ...     again = Stream.load(f"{folder}/stream.pt", forecaster)
        >>> bool(again.update(0.3) == stream.update(0.3))
        True
        """
        _check_forecaster(forecaster)
        kept = read_whole("path", path, KIND)
        if kept["forecaster"] != _digest(forecaster):
            raise ValueError(
                "forecaster: expected the one that the stream was made of, "
                "got one with other weights, another scale or other settings"
            )
        stream = cls.__new__(cls)
        stream.forecaster, stream.horizon = forecaster, kept["horizon"]
        stream.x = kept["x"]
        stream.state = _moved(kept["state"], forecaster.model)
        return stream

    def _forecast(self, x):
        """Return the steps that follow, and the state after ``x``."""
        owner, horizon = self.forecaster, self.horizon
        if owner.window is not None:
            return owner._unroll(x, horizon), None
        steps, _, state = owner._next(x, self.state)
        given, model = steps.shape[1], owner.model
        if owner.strategy == "recursive":
            return owner._recursive(steps, x, state, horizon), state
        if given >= horizon:
            return steps[:, :horizon], state
        goes_on = isinstance(model, GRUModel) and model.head.unbounded
        if goes_on or owner.strategy == "direct":
            raise ValueError(
                f"horizon: expected at most {given}, which the model "
                f"forecasts from each step of a stream, got {horizon}"
            )
        return owner._recursive(steps, x, state, horizon), state


def _check_forecaster(forecaster) -> Forecaster:
    if not isinstance(forecaster, Forecaster):
        raise ValueError(
            f"forecaster: expected a Forecaster, got "
            f"{type(forecaster).__name__}"
        )
    return forecaster


def _check_state(state) -> None:
    """Refuse what does not come back from a file as it was."""
    for part in state if isinstance(state, tuple) else [state]:
        if not (part is None or type(part) is Tensor):
            raise ValueError(
                f"model.run's state: expected a Tensor, or a tuple of them, "
                f"got {kind_of(part)}"
            )


def _moved(state, model):
    """Return a state where a model's weights are."""
    weight = next(model.parameters(), None)
    if state is None or weight is None:
        return state
    if isinstance(state, tuple):
        return tuple(_moved(part, model) for part in state)
    return state.to(weight.device)


def _digest(forecaster: Forecaster) -> str:
    """Return what tells a forecaster from others: weights, scale, settings."""
    state, found = state_of(forecaster), hashlib.sha256()
    for name in ("model", "scaler", "columns", *SETTINGS):
        found.update(f"{name} {state[name]!r}\n".encode())
    for name, weight in state["weights"].items():
        array = weight.detach().cpu().contiguous()
        found.update(f"{name} {kind_of(array)}\n".encode())
        found.update(array.flatten().view(torch.uint8).numpy().tobytes())
    return found.hexdigest()
