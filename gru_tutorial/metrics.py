"""Scores of forecasts, in the series' own units or relative to a yardstick."""

from __future__ import annotations

import math

import numpy as np

from gru_tutorial.checks import (
    check_float,
    check_int,
    check_length,
    check_values,
)


def _errors(y, y_hat) -> np.ndarray:
    y = check_values("y", y, ndim=(1, 2, 3), dtype=np.float64)
    y_hat = check_values("y_hat", y_hat, ndim=(1, 2, 3), dtype=np.float64)
    if y.shape != y_hat.shape:
        raise ValueError(
            f"y_hat: expected the shape of y {y.shape}, got {y_hat.shape}; "
            f"NumPy would spread (N,) over (N, 1) without a word"
        )
    if y.size == 0:
        raise ValueError("y: expected at least one value, got none")
    return y_hat - y


def _score(name: str, score: float) -> float:
    """Return a score, or say whose numbers are too large for it."""
    if not math.isfinite(score):
        raise ValueError(
            f"{name}: expected numbers whose score stays within float64's "
            f"range, got {score}"
        )
    return float(score)


def mse(y, y_hat) -> float:
    """Return the mean squared error.

    Parameters
    ----------
    y, y_hat : array_like of the same shape
        Truth and forecast.

    Returns
    -------
    float
        In the series' units, squared.

    Raises
    ------
    ValueError
        If the shapes differ, or a value is missing.

    Examples
    --------
    >>> mse([1.0, 2.0], [1.0, 4.0])
    2.0
    """
    with np.errstate(over="ignore"):
        return _score("y_hat", np.mean(_errors(y, y_hat) ** 2))


def rmse(y, y_hat) -> float:
    """Return the root of the mean squared error.

    Parameters
    ----------
    y, y_hat : array_like of the same shape
        Truth and forecast.

    Returns
    -------
    float
        In the series' units.

    Raises
    ------
    ValueError
        If the shapes differ, or a value is missing.

    Examples
    --------
    >>> rmse([1.0, 2.0], [3.0, 4.0])
    2.0
    """
    return math.sqrt(mse(y, y_hat))


def mae(y, y_hat) -> float:
    """Return the mean absolute error.

    Parameters
    ----------
    y, y_hat : array_like of the same shape
        Truth and forecast.

    Returns
    -------
    float
        In the series' units.

    Raises
    ------
    ValueError
        If the shapes differ, or a value is missing.

    Examples
    --------
    >>> mae([1.0, 2.0], [1.0, 4.0])
    1.0
    """
    with np.errstate(over="ignore"):
        return _score("y_hat", np.mean(np.abs(_errors(y, y_hat))))


def mase(y, y_hat, train, period: int = 1) -> float:
    """Return the mean absolute error, scaled by the seasonal naive forecast's.

    Below 1, the forecast is better than copying the value of one period
    before was within the training part.

    Parameters
    ----------
    y, y_hat : array_like of the same shape
        Truth and forecast.
    train : array_like of shape (time,)
        The training part, in the same units.
    period : int
        Time steps of a season; 1 for the naive forecast.

    Returns
    -------
    float
        Without a unit.

    Raises
    ------
    ValueError
        If ``train`` is not longer than ``period``, or repeats itself but for
        rounding.

    References
    ----------
    R. J. Hyndman and A. B. Koehler (2006), Another look at measures of
    forecast accuracy. *International Journal of Forecasting* 22, 679-688.

    Examples
    --------
    >>> mase([5.0, 6.0], [5.5, 6.5], train=[1.0, 2.0, 3.0, 4.0])
    0.5
    """
    train = check_values("train", train, ndim=(1,))
    period = check_int("period", period, 1)
    check_length("train", train, period + 1, "period + 1")
    scale = _naive_error(train, period)
    return _score("y_hat", mae(y, y_hat) / scale)


def _naive_error(train: np.ndarray, period: int) -> float:
    """Return the mean change from season to season, if there is one."""
    floats = train.astype(np.float64)
    level = np.abs(floats).max()
    with np.errstate(over="ignore"):
        changes = np.abs(floats[period:] - floats[:-period])
        scale = _score("train", np.mean(changes))
        # How far a repeated value can come out otherwise: once rounded as the
        # caller's floats are, and computed from a time that is rounded too.
        rounding = np.finfo(train.dtype).eps * level
        drift = level + len(floats) * np.ptp(floats)
    if scale <= rounding + 4 * np.finfo(np.float64).eps * drift:
        raise ValueError(
            f"train: expected values that change, got a series that repeats "
            f"itself every {period} steps"
        )
    return scale


def floor_ratio(y, y_hat, noise: float = 0.35) -> float:
    """Return the mean squared error as a multiple of the noise's variance.

    Parameters
    ----------
    y, y_hat : array_like of the same shape
        Observed values and forecasts.
    noise : float
        The noise's standard deviation.

    Returns
    -------
    float
        1 is the noise floor; a sample's own floor scatters around it.

    Raises
    ------
    ValueError
        If the shapes differ, or ``noise`` is not above 0.

    Examples
    --------
    >>> floor_ratio([0.5, -0.5], [0.0, 0.0], noise=0.5)
    1.0
    """
    noise = check_float("noise", noise, 1e-100)
    return _score("y_hat", mse(y, y_hat) / (noise * noise))


def expected_ratio(clean, y_hat, noise: float = 0.35) -> float:
    """Return the floor ratio to expect over all draws of the test noise.

    ``1 + mean((y_hat - clean)²) / noise²``: it needs the clean signal, and is
    free of the luck of one noisy test part.

    Parameters
    ----------
    clean, y_hat : array_like of the same shape
        The signal without noise, and one-step forecasts of it.
    noise : float
        The noise's standard deviation.

    Returns
    -------
    float
        At least 1.

    Raises
    ------
    ValueError
        If the shapes differ, or ``noise`` is not above 0.

    Examples
    --------
    >>> expected_ratio([0.0, 0.0], [0.5, -0.5], noise=0.5)
    2.0
    """
    clean = check_values("clean", clean, ndim=(1, 2, 3))
    return 1.0 + floor_ratio(clean, y_hat, noise)
