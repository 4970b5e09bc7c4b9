"""Scores of forecasts, in the series' own units or relative to a yardstick."""

from __future__ import annotations

import math

import numpy as np

from gru_tutorial.checks import (
    check_float,
    check_int,
    check_length,
    check_levels,
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


def pinball(y, quantiles, levels) -> np.ndarray:
    """Return the pinball loss of each quantile, for each value.

    ``max(q (y - quantile), (q - 1) (y - quantile))``: in expectation it is
    lowest for the true quantile of the level ``q``.

    Parameters
    ----------
    y : array_like of any shape (...)
        What came true.
    quantiles : array_like of shape (levels, ...)
        Forecasts of as many quantiles for each value.
    levels : array_like of shape (levels,)
        With which probability the truth is below each of them.

    Returns
    -------
    numpy.ndarray of shape (levels, ...)
        In the series' units; lower is better.

    Raises
    ------
    ValueError
        If the shapes do not fit each other, or ``levels`` do not rise from 0
        to 1.

    References
    ----------
    R. Koenker and G. Bassett (1978), Regression quantiles. *Econometrica* 46,
    33-50.

    Examples
    --------
    >>> pinball([1.0, 1.0], [[0.0, 3.0]], levels=[0.9])
    array([[0.9, 0.2]])
    """
    levels = np.array(check_levels("levels", levels))
    y, found = _beside("quantiles", y, quantiles, len(levels))
    level = levels.reshape(-1, *[1] * y.ndim)
    with np.errstate(over="ignore"):
        error = y - found
        losses = np.maximum(level * error, (level - 1) * error)
    return _scores("quantiles", losses)


def crps_normal(y, mean, std) -> np.ndarray:
    """Return the continuous ranked probability score of normal forecasts.

    Parameters
    ----------
    y, mean, std : array_like of the same shape
        What came true, and mean and standard deviation of what was forecast.

    Returns
    -------
    numpy.ndarray of the same shape
        In the series' units; lower is better, and ``|y - mean|`` where
        ``std`` is 0.

    Raises
    ------
    ValueError
        If the shapes differ, or ``std`` is below 0.

    References
    ----------
    T. Gneiting and A. E. Raftery (2007), Strictly proper scoring rules,
    prediction, and estimation. *Journal of the American Statistical
    Association* 102, 359-378, section 4.2.

    Examples
    --------
    >>> crps_normal([0.0, 3.0], [0.0, 0.0], [1.0, 0.0]).round(4)
    array([0.2337, 3.    ])
    """
    y, mean, std = (
        check_values(name, values, ndim=(1, 2, 3), dtype=np.float64)
        for name, values in (("y", y), ("mean", mean), ("std", std))
    )
    if not y.shape == mean.shape == std.shape:
        raise ValueError(
            f"mean, std: expected the shape of y {y.shape}, got {mean.shape} "
            f"and {std.shape}"
        )
    if (std < 0).any():
        raise ValueError(
            f"std: expected numbers of at least 0, got {std.min():.3g}"
        )
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        distance = np.abs(y - mean)
        z = np.where(std > 0, distance / std, np.inf)
        excess = 2 * std * (_density(z) - z * _tail(z))
        score = distance + np.where(z < np.inf, excess, 0.0)
        score -= std / math.sqrt(math.pi)
    return _scores("mean, std", score)


def crps_sample(y, samples) -> np.ndarray:
    """Return the continuous ranked probability score of drawn forecasts.

    ``mean |x - y| - mean |x - x'| / 2`` over all draws ``x`` and all pairs of
    two different ones. That is the fair form: in expectation it is the score
    of the distribution that the draws come from, however few they are.

    Parameters
    ----------
    y : array_like of any shape (...)
        What came true.
    samples : array_like of shape (draws, ...)
        Values that were drawn for each.

    Returns
    -------
    numpy.ndarray of the shape of y
        In the series' units; lower is better. One value's score can be below
        0, as an estimate.

    Raises
    ------
    ValueError
        If the shapes do not fit each other, or there is one draw only.

    References
    ----------
    T. Gneiting and A. E. Raftery (2007), equation 21; C. A. T. Ferro (2014),
    Fair scores for ensemble forecasts. *Quarterly Journal of the Royal
    Meteorological Society* 140, 1917-1923.

    Examples
    --------
    >>> crps_sample([1.0, 5.0], [[0.0, 0.0], [2.0, 2.0]])
    array([0., 3.])
    """
    y, samples = _beside("samples", y, samples)
    draws = len(samples)
    check_int("samples' length", draws, 2)
    rank = 2.0 * np.arange(draws) - (draws - 1)  # how many are below, - above
    weight = rank / (draws * (draws - 1.0))
    with np.errstate(over="ignore", invalid="ignore"):
        away = np.abs(samples - y).mean(axis=0)
        spread = np.tensordot(weight, np.sort(samples, axis=0), axes=1)
        return _scores("samples", away - spread)


def _beside(name: str, y, rows, count: int | None = None):
    """Return ``y``, and rows each of which has its shape."""
    y = check_values("y", y, ndim=(1, 2, 3), dtype=np.float64)
    rows = check_values(name, rows, ndim=(2, 3, 4), dtype=np.float64)
    expected = (len(rows) if count is None else count, *y.shape)
    if rows.shape != expected or y.size == 0:
        raise ValueError(
            f"{name}: expected shape {expected}, one row of y's shape for "
            f"each, got {rows.shape}"
        )
    return y, rows


def _scores(name: str, scores: np.ndarray) -> np.ndarray:
    """Return scores, or say whose numbers are too large for them."""
    if not np.isfinite(scores).all():
        raise ValueError(
            f"{name}: expected numbers whose score stays within float64's "
            f"range, got {scores[~np.isfinite(scores)][0]}"
        )
    return scores


def _density(z: np.ndarray) -> np.ndarray:
    """Return the standard normal density."""
    return np.exp(-(np.minimum(z, 40.0) ** 2) / 2) / math.sqrt(2 * math.pi)


def _tail(z: np.ndarray) -> np.ndarray:
    """Return the probability of a standard normal number above z."""
    return np.vectorize(math.erfc, otypes=[float])(z / math.sqrt(2)) / 2
