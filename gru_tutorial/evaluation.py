"""Chapter 7: can a forecast be trusted? Tests that take any forecaster."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from gru_tutorial.checks import (
    check_float,
    check_int,
    check_length,
    check_values,
)

Forecaster = Callable[[np.ndarray, int], np.ndarray]


class RollingForecasts(NamedTuple):
    """Forecasts from several origins; row i was made at ``origins[i]``."""

    origins: np.ndarray
    y: np.ndarray
    y_hat: np.ndarray


def _ask(forecaster: Forecaster, history, horizon: int) -> np.ndarray:
    if not callable(forecaster):
        raise ValueError(
            f"forecaster: expected a callable that takes history and horizon, "
            f"got {forecaster!r}"
        )
    y_hat = forecaster(history.copy(), horizon)  # a copy hides what follows
    y_hat = check_values("forecaster's answer", y_hat, ndim=(1,))
    if len(y_hat) != horizon:
        raise ValueError(
            f"forecaster's answer: expected shape ({horizon},), got "
            f"{y_hat.shape}"
        )
    return y_hat.astype(np.float64)


def visibility(
    forecaster: Forecaster,
    history,
    horizon: int,
    shift: float | None = None,
    at: int = -1,
) -> np.ndarray:
    """Measure how far each step of a forecast moves with one observation.

    If the last observation says anything about a step, a forecast that sees it
    moves there. A step that stays was made without it, or does not need it.

    Parameters
    ----------
    forecaster : callable
        ``forecaster(history, horizon)`` returns an array of shape (horizon,).
    history : array_like of shape (time,)
        What is known, in its own units.
    horizon : int
        Time steps to forecast.
    shift : float
        What is added to the observation; the history's standard deviation if
        not given.
    at : int
        Which observation moves, counted as an index: -1 is the last.

    Returns
    -------
    numpy.ndarray of shape (horizon,)
        The size of each step's move, in the series' own units. Exactly 0
        where the observation is not seen.

    Raises
    ------
    ValueError
        If ``history`` is empty or has no such observation, ``shift`` is not
        above 0, or the forecaster answers in another shape, or with another
        forecast for the same history (is dropout switched off?).

    Examples
    --------
    >>> def last_week(history, horizon):
    ...     return history[-7:][:horizon]
    >>> visibility(last_week, np.arange(28.0), 7, shift=1)
    array([0., 0., 0., 0., 0., 0., 1.])
    """
    history = check_values("history", history, ndim=(1,))
    horizon = check_int("horizon", horizon, 1)
    check_length("history", history, 1, "1")
    at = check_int("at", at, -len(history), len(history) - 1)
    if shift is None:
        shift = float(history.std(dtype=np.float64)) or 1.0
    shift = check_float("shift", shift, 0, exclusive=True)
    before, again = (_ask(forecaster, history, horizon) for _ in range(2))
    if not np.array_equal(before, again):
        raise ValueError(
            "forecaster: expected the same forecast for the same history, "
            "got two that differ (is dropout switched off?)"
        )
    moved = history.copy()
    moved[at] += shift
    return np.abs(_ask(forecaster, moved, horizon) - before)


def leakage(
    pipeline: Callable[[np.ndarray], np.ndarray],
    values,
    origin: int,
    seed: int = 0,
) -> np.ndarray:
    """Measure how far forecasts move when only their future is changed.

    Parameters
    ----------
    pipeline : callable
        ``pipeline(values)`` takes the whole series, does all that the
        forecasts need (scaling, training, ...) and returns forecasts that
        were made before the time step ``origin``.
    values : array_like of shape (time,)
        The series, in its own units.
    origin : int
        The first time step that those forecasts must not know.
    seed : int
        Seed of NumPy's generator: the values from ``origin`` on move by
        normal noise with the series' standard deviation.

    Returns
    -------
    numpy.ndarray
        The size of each forecast's move, in the shape of what ``pipeline``
        returns. All are 0, or the future has leaked.

    Raises
    ------
    ValueError
        If nothing comes before or after ``origin``.

    Examples
    --------
    >>> values = np.arange(20.0)
    >>> leakage(lambda v: [v[:15].mean()], values, origin=15)
    array([0.])
    >>> bool(leakage(lambda v: [v.mean()], values, origin=15)[0] > 0)
    True
    """
    values = check_values("values", values, ndim=(1,))
    check_length("values", values, 2, "2")
    origin = check_int("origin", origin, 1, len(values) - 1)
    rng = np.random.default_rng(check_int("seed", seed, 0))
    changed = values.astype(np.float64)
    spread = values.std(dtype=np.float64) or 1.0
    changed[origin:] += spread * rng.standard_normal(len(values) - origin)
    before, after = (
        check_values("pipeline's answer", pipeline(v), ndim=(0, 1, 2))
        for v in (values.astype(np.float64), changed)
    )
    return np.abs(after - before)


def rolling_origin(
    forecaster: Forecaster | None,
    values,
    start: int,
    horizon: int,
    step: int = 1,
    fit: Callable[[np.ndarray], Forecaster] | None = None,
) -> RollingForecasts:
    """Forecast from one origin after another, as time would have it.

    At the origin ``t`` the forecaster gets a copy of ``values[:t]`` alone, and
    forecasts ``values[t : t + horizon]``. As each origin comes once, no value
    is scored twice at the same horizon.

    Parameters
    ----------
    forecaster : callable
        ``forecaster(history, horizon)`` returns an array of shape (horizon,).
        ``None``, if ``fit`` makes it.
    values : array_like of shape (time,)
        The series, in its own units.
    start : int
        The first origin.
    horizon : int
        Time steps of each forecast; the last one ends with the series.
    step : int
        Time steps from one origin to the next.
    fit : callable
        ``fit(history)`` returns the forecaster for this origin: called at
        each of them, to refit. Without it the forecaster stays as it is.

    Returns
    -------
    RollingForecasts
        ``origins`` of shape (n,), and ``y`` and ``y_hat`` of shape
        (n, horizon), in the series' own units.

    Raises
    ------
    ValueError
        If no forecast fits after ``start``, or a forecaster answers in
        another shape.

    References
    ----------
    L. J. Tashman (2000), Out-of-sample tests of forecasting accuracy.
    *International Journal of Forecasting* 16, 437-450.

    Examples
    --------
    >>> def naive(history, horizon):
    ...     return np.full(horizon, history[-1])
    >>> result = rolling_origin(naive, np.arange(10.0), 6, horizon=2)
    >>> result.origins
    array([6, 7, 8])
    >>> result.y - result.y_hat
    array([[1., 2.],
           [1., 2.],
           [1., 2.]])
    """
    values = check_values("values", values, ndim=(1,))
    horizon = check_int("horizon", horizon, 1)
    check_length("values", values, horizon + 1, "horizon + 1")
    start = check_int("start", start, 1, len(values) - horizon)
    step = check_int("step", step, 1)
    origins = np.arange(start, len(values) - horizon + 1, step)
    y_hat = np.empty((len(origins), horizon))
    for row, origin in zip(y_hat, origins, strict=True):
        history = values[:origin]
        if fit is not None:
            forecaster = fit(history.copy())
        row[:] = _ask(forecaster, history, horizon)
    y = np.lib.stride_tricks.sliding_window_view(values, horizon)[origins]
    return RollingForecasts(origins, y, y_hat)
