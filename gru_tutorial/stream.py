"""A forecaster that takes in one value at a time."""

from __future__ import annotations

import numpy as np

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
    """

    def __init__(self, forecaster: Forecaster, history=None, horizon: int = 1):
        if not isinstance(forecaster, Forecaster):
            raise ValueError(
                f"forecaster: expected a Forecaster, got "
                f"{type(forecaster).__name__}"
            )
        self.forecaster = forecaster
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
        row = (
            value.reshape(1, -1) if owner.frame.is_table else value.reshape(-1)
        )
        newest, mean, std, _ = owner.frame.read(row, 1, "value")
        x = newest if owner.window is None else moved_on(self.x, newest)
        with evaluating(owner.model):
            steps, state = self._forecast(to_model(owner.model, x))
        y_hat = in_units(to_numpy(steps), mean, std)
        y_hat = owner.frame.shaped(y_hat, single=True)
        self.x, self.state = x, state
        return y_hat

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
