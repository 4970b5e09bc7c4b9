"""Prediction intervals, and whether they hold what they promise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from gru_tutorial.checks import (
    check_bool,
    check_bounds,
    check_float,
    check_int,
    check_values,
)


def _check_level(level: float) -> float:
    return check_float("level", level, 0, exclusive=True, below=1)


def _check_joint(joint, ways: tuple[str, ...]) -> str | None:
    """Return how all steps of a path shall lie inside at once, if at all."""
    if joint is None or (isinstance(joint, str) and joint in ways):
        return joint
    known = " or ".join(map(repr, ways))
    raise ValueError(f"joint: expected None or {known}, got {joint!r}")


def _rank(n: int, level: float) -> int:
    """Return which of n sorted scores bounds a new one; n + 1 if none does."""
    return math.ceil((n + 1) * level - 1e-9)  # 0.9 is not quite 9/10


def _check_rows(name: str, rows, level: float, why: str) -> None:
    miss = max(1 - level, 1e-16)
    needed = max(1, math.ceil((1 - 1e-9) / miss - 1))  # rank n suffices
    if len(rows) < needed:
        raise ValueError(
            f"{name}: expected at least {needed} rows {why}, got {len(rows)}"
        )


@dataclass(eq=False)
class Intervals:
    """Bounds that hold the truth with a promised probability.

    Parameters
    ----------
    lower, upper : numpy.ndarray of shape (horizon,) or (n, horizon)
        In the series' own units; infinite where nothing narrower is safe.
    level : float
        What was promised: the share of values inside, or of whole paths if
        the intervals are joint ones.

    Raises
    ------
    ValueError
        If ``lower`` and ``upper`` differ in shape, are not in order, or are
        no numbers, or ``level`` is not between 0 and 1.

    Examples
    --------
    >>> intervals = Intervals([0.0, 0.0], [1.0, 2.0], level=0.9)
    >>> intervals.contains([0.5, 3.0])
    array([ True, False])
    >>> intervals.width
    array([1., 2.])
    """

    lower: np.ndarray
    upper: np.ndarray
    level: float

    def __post_init__(self):
        """Check the bounds, and keep them as arrays of float64."""
        self.lower = check_bounds("lower", self.lower)
        self.upper = check_bounds("upper", self.upper)
        self.level = _check_level(self.level)
        shapes = self.lower.shape, self.upper.shape
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"lower, upper: expected one shape, got {shapes[0]} and "
                f"{shapes[1]}"
            )
        infinite = np.isinf(self.lower) | np.isinf(self.upper)
        with np.errstate(over="ignore", invalid="ignore"):
            width = self.width
        held = (width >= 0) & (infinite | np.isfinite(width))
        if not held.all():
            at = tuple(map(int, np.argwhere(~held)[0]))
            raise ValueError(
                f"lower, upper: expected lower <= upper and a width within "
                f"float64's range, got {self.lower[at]} and {self.upper[at]} "
                f"at index {at}"
            )

    @property
    def width(self) -> np.ndarray:
        """``upper - lower``."""
        return self.upper - self.lower

    def contains(self, y) -> np.ndarray:
        """Tell for each value whether it lies inside.

        Parameters
        ----------
        y : array_like of the bounds' shape
            What came true, in the series' own units.

        Returns
        -------
        numpy.ndarray of bool
            Of the same shape; a value on a bound is inside.

        Raises
        ------
        ValueError
            If the shape is another one, or a value is missing.
        """
        y = check_values("y", y, dtype=np.float64)
        if y.shape != self.lower.shape:
            raise ValueError(
                f"y: expected the intervals' shape {self.lower.shape}, got "
                f"{y.shape}"
            )
        return (self.lower <= y) & (y <= self.upper)


def _check_intervals(intervals: Intervals) -> Intervals:
    if not isinstance(intervals, Intervals):
        raise ValueError(
            f"intervals: expected Intervals, got {type(intervals).__name__}"
        )
    return intervals


def coverage(y, intervals: Intervals, joint: bool = False) -> float:
    """Return the share of values, or of whole paths, inside their intervals.

    Parameters
    ----------
    y : array_like of shape (n, horizon), or of any one if not ``joint``
        What came true.
    intervals : Intervals
        Of the same shape.
    joint : bool
        Whether a path counts only if all of its steps are inside.

    Returns
    -------
    float
        From 0 to 1; to be compared with ``intervals.level``.

    Raises
    ------
    ValueError
        If the shapes differ, or a joint coverage is asked of single values.

    Examples
    --------
    >>> intervals = Intervals(np.zeros((2, 2)), np.ones((2, 2)), level=0.9)
    >>> y = [[0.1, 0.2], [0.3, 4.0]]
    >>> coverage(y, intervals), coverage(y, intervals, joint=True)
    (0.75, 0.5)
    """
    inside = _check_intervals(intervals).contains(y)
    if inside.size == 0:
        raise ValueError("y: expected at least one value, got none")
    if not check_bool("joint", joint):
        return float(inside.mean())
    if inside.ndim != 2:
        raise ValueError(
            f"y: expected paths of shape (n, horizon), got {inside.shape}"
        )
    return float(inside.all(axis=1).mean())


def interval_score(y, intervals: Intervals) -> float:
    """Return the mean interval score: width, plus a fine for each miss.

    ``(upper - lower) + 2/α · distance``, where the distance is that of a value
    outside to the nearer bound and ``α = 1 - level``. In expectation it is
    lowest for the true α/2 and 1 - α/2 quantiles. Compare it only at the same
    level, and only for intervals that promise it step by step.

    Parameters
    ----------
    y : array_like of the intervals' shape
        What came true.
    intervals : Intervals
        The bounds and their level.

    Returns
    -------
    float
        In the series' units; lower is better.

    Raises
    ------
    ValueError
        If the shapes differ, or the numbers are too large for a score.

    References
    ----------
    T. Gneiting and A. E. Raftery (2007), Strictly proper scoring rules,
    prediction, and estimation. *Journal of the American Statistical
    Association* 102, 359-378, equation 43.

    Examples
    --------
    >>> intervals = Intervals([0.0, 0.0], [1.0, 1.0], level=0.5)
    >>> interval_score([0.5, 2.0], intervals)
    3.0
    """
    coverage(y, intervals)  # checks the shapes
    y = check_values("y", y, dtype=np.float64)
    with np.errstate(over="ignore"):
        below = np.maximum(intervals.lower - y, 0)
        above = np.maximum(y - intervals.upper, 0)
        fine = 2 / (1 - intervals.level) * (below + above)
        score = float(np.mean(intervals.width + fine))
    bounds = intervals.lower, intervals.upper
    if not math.isfinite(score) and np.isfinite(bounds).all():
        raise ValueError(
            f"y: expected numbers whose score stays within float64's range, "
            f"got {score}"
        )
    return score


def conformal_quantile(scores, level: float) -> np.ndarray:
    """Return what a new score does not exceed with the given probability.

    The ``ceil((n + 1) level)``-th smallest of n scores. If the new one is
    exchangeable with them, it is not above with a probability of at least
    ``level``, and of at most ``level + 1/(n + 1)`` if no two are equal.

    Parameters
    ----------
    scores : array_like of shape (n,) or (n, horizon)
        Sizes of errors in a calibration part.
    level : float
        Between 0 and 1.

    Returns
    -------
    numpy.ndarray of shape () or (horizon,)
        One for each column.

    Raises
    ------
    ValueError
        If there are too few scores for this level.

    References
    ----------
    Lei et al. (2018), Distribution-free predictive inference for regression.
    *Journal of the American Statistical Association* 113, 1094-1111.

    Examples
    --------
    >>> conformal_quantile(np.arange(1.0, 20.0), level=0.9)
    np.float64(18.0)
    """
    scores = check_values("scores", scores, dtype=np.float64)
    level = _check_level(level)
    _check_rows("scores", scores, level, f"for level {level:.6g}")
    n = len(scores)
    rank = min(max(_rank(n, level), 1), n)
    return np.sort(scores, axis=0)[rank - 1]


def _around(y_hat: np.ndarray, radius: np.ndarray, level: float) -> Intervals:
    with np.errstate(over="ignore"):
        lower, upper = y_hat - radius, y_hat + radius
    if np.any((np.isinf(lower) | np.isinf(upper)) & np.isfinite(radius)):
        raise ValueError(
            f"y_hat: expected intervals within float64's range, got forecasts "
            f"up to {np.abs(y_hat).max():.3g} and errors up to "
            f"{np.max(radius):.3g}"
        )
    return Intervals(lower, upper, level)


def gaussian_intervals(
    forecaster,
    history,
    horizon: int,
    level: float = 0.9,
    joint: str | None = None,
) -> Intervals:
    """Return the intervals of a forecaster that says how sure it is.

    Parameters
    ----------
    forecaster : Forecaster
        One whose model has the head ``Gaussian``, which forecasts a mean and
        a variance.
    history : array_like
        As for the forecaster: what is known, in the series' own units.
    horizon : int
        Time steps to forecast, as many as the head has at most.
    level : float
        The share of values that shall lie inside.
    joint : str
        ``"bonferroni"``, if all steps of a path shall lie inside at once.

    Returns
    -------
    Intervals
        Of shape (horizon,) or (series, horizon), in the series' own units.

    Raises
    ------
    ValueError
        If the forecaster gives no distribution, or as it does itself.

    Examples
    --------
    >>> from gru_tutorial import Forecaster, Gaussian, GRUModel
    >>> forecaster = Forecaster(GRUModel(hidden_size=8, head=Gaussian(12)))
    >>> gaussian_intervals(forecaster, np.zeros(100), 12).width.shape
    (12,)
    """
    level = _check_level(level)
    horizon = check_int("horizon", horizon, 1)
    joint = _check_joint(joint, ("bonferroni",))
    if not callable(getattr(forecaster, "distribution", None)):
        raise ValueError(
            f"forecaster: expected a Forecaster whose model has a Gaussian "
            f"head, got {type(forecaster).__name__}"
        )
    mean, std = forecaster.distribution(history, horizon)
    tail = (1 - level) / 2 / (horizon if joint else 1)
    z = -NormalDist().inv_cdf(tail)  # that of 1 - tail, which may round to 1
    with np.errstate(over="ignore"):
        radius = check_values("forecaster's spread", z * std)
    return _around(mean, radius, level)


def quantile_intervals(
    forecaster, history, horizon: int, level: float = 0.9
) -> Intervals:
    """Return the intervals of a forecaster that gives quantiles.

    Parameters
    ----------
    forecaster : Forecaster
        One whose model has the head ``Quantiles``, with the two levels that
        leave ``(1 - level) / 2`` outside on either side.
    history : array_like
        As for the forecaster: what is known, in the series' own units.
    horizon : int
        Time steps to forecast, as many as the head has at most.
    level : float
        The share of values that shall lie inside.

    Returns
    -------
    Intervals
        Of shape (horizon,) or (series, horizon), in the series' own units.

    Raises
    ------
    ValueError
        If the forecaster gives no such quantiles, or as it does itself.

    Examples
    --------
    >>> from gru_tutorial import Forecaster, GRUModel, Quantiles
    >>> forecaster = Forecaster(GRUModel(hidden_size=8, head=Quantiles(12)))
    >>> quantile_intervals(forecaster, np.zeros(100), 12).width.shape
    (12,)
    """
    level = _check_level(level)
    horizon = check_int("horizon", horizon, 1)
    if not callable(getattr(forecaster, "quantiles", None)):
        raise ValueError(
            f"forecaster: expected a Forecaster whose model has the head "
            f"Quantiles, got {type(forecaster).__name__}"
        )
    tails = (1 - level) / 2, (1 + level) / 2
    lower, upper = forecaster.quantiles(history, horizon, tails)
    return Intervals(lower, upper, level)


def sample_intervals(
    paths, level: float = 0.9, joint: str | None = None
) -> Intervals:
    """Return the intervals that sample paths come to.

    Parameters
    ----------
    paths : array_like of shape (draws, horizon) or (draws, n, horizon)
        Paths that may come, as ``Forecaster.sample`` gives them.
    level : float
        The share of values, or of whole paths, that shall lie inside.
    joint : str
        If not given, the bounds are quantiles of the values at each step.
        ``"max"``: they are as many standard deviations from the mean, at all
        steps, as hold the whole of so many paths.

    Returns
    -------
    Intervals
        Of shape (horizon,) or (n, horizon).

    Raises
    ------
    ValueError
        If there are too few paths for the level: 19 are needed for 0.9, and
        9 if it is to hold jointly.

    Examples
    --------
    >>> paths = np.random.default_rng(0).standard_normal((999, 12)).cumsum(1)
    >>> single = sample_intervals(paths)
    >>> whole = sample_intervals(paths, joint="max")
    >>> for found in (single, whole):
    ...     inside = (found.lower <= paths) & (paths <= found.upper)
    ...     print(f"{inside.all(axis=1).mean():.2f}")
    0.63
    0.90
    """
    paths = check_values("paths", paths, (2, 3), np.float64)
    level = _check_level(level)
    joint = _check_joint(joint, ("max",))
    share = level if joint else (1 + level) / 2  # below the upper bound
    _check_rows("paths", paths, share, f"for level {level:g}")
    if joint is None:
        tails = (1 - level) / 2, share
        lower, upper = np.quantile(paths, tails, axis=0, method="weibull")
        return Intervals(lower, upper, level)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = check_values("paths' mean", paths.mean(axis=0), dtype=float)
        sizes = np.abs(check_values("paths", paths - mean, (2, 3)))
        scale = check_values("paths' spread", paths.std(axis=0))
    largest = np.divide(
        sizes, scale, out=np.zeros_like(sizes), where=scale > 0
    ).max(axis=-1)
    count = np.expand_dims(conformal_quantile(largest, level), -1)
    return _around(mean, count * scale, level)
