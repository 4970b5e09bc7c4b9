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
from gru_tutorial.evaluation import rolling_origin


def _check_level(level: float) -> float:
    return check_float("level", level, 0, exclusive=True, below=1)


def _per_step(level: float, horizon: int, joint: bool) -> float:
    """Return the level of each step; Bonferroni's, if all are to hold."""
    return 1 - (1 - level) / horizon if joint and horizon > 1 else level


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


class SplitConformal:
    """Intervals whose size is measured on a calibration part.

    The calibration part comes after the training part and before the test
    part; the model has not been trained on it. The promise needs errors that
    are exchangeable: those of a series are not quite, so measure coverage.

    Parameters
    ----------
    level : float
        The share of values that shall lie inside.
    joint : bool
        Whether all steps of a path shall lie inside at once. Each then gets
        the level ``1 - (1 - level) / horizon`` (Bonferroni).

    Attributes
    ----------
    radius : numpy.ndarray of shape (horizon,)
        Half the width of the interval at each step; None before ``fit``.

    References
    ----------
    Papadopoulos et al. (2002); for paths with Bonferroni, Stankevičiūtė et
    al. (2021), Conformal time-series forecasting. *NeurIPS* 34.

    Examples
    --------
    >>> residuals = np.random.default_rng(0).standard_normal((500, 12))
    >>> conformal = SplitConformal(level=0.9).fit(residuals)
    >>> intervals = conformal.intervals(np.zeros((100, 12)))
    >>> intervals.width.shape, intervals.level
    ((100, 12), 0.9)
    """

    radius: np.ndarray | None = None

    def __init__(self, level: float = 0.9, joint: bool = False):
        self.level = _check_level(level)
        self.joint = check_bool("joint", joint)

    def fit(self, residuals) -> SplitConformal:
        """Measure the errors of a calibration part.

        Parameters
        ----------
        residuals : array_like of shape (n, horizon)
            ``y - y_hat``, a row for each origin, in the series' own units.

        Returns
        -------
        SplitConformal
            Itself.

        Raises
        ------
        ValueError
            If there are too few rows for the level: 9 are needed for 0.9,
            and 119 if it is to hold for 12 steps jointly.
        """
        residuals = check_values("residuals", residuals, (2,), np.float64)
        level = _per_step(self.level, residuals.shape[1], self.joint)
        why = f"for level {self.level:g}"
        if self.joint:
            why += f" over {residuals.shape[1]} steps jointly"
        _check_rows("residuals", residuals, level, why)
        self.radius = conformal_quantile(np.abs(residuals), level)
        return self

    def calibrate(
        self, forecaster, values, forecast_start: int, horizon: int, step=1
    ) -> SplitConformal:
        """Measure the errors of any forecaster from one origin after another.

        Parameters
        ----------
        forecaster, values, forecast_start, horizon, step
            As for ``rolling_origin``: from ``forecast_start`` on lies the
            calibration part, which the forecaster has not been trained on.

        Returns
        -------
        SplitConformal
            Itself.

        Raises
        ------
        ValueError
            As for ``rolling_origin`` and ``fit``.

        Examples
        --------
        >>> from gru_tutorial import Naive
        >>> conformal = SplitConformal(0.8)
        >>> conformal.calibrate(Naive(), np.arange(20.0), 10, 2).radius
        array([1., 2.])
        """
        rolled = rolling_origin(
            forecaster, values, forecast_start, horizon, step
        )
        return self.fit(rolled.y - rolled.y_hat)

    def intervals(self, y_hat) -> Intervals:
        """Return intervals around forecasts.

        Parameters
        ----------
        y_hat : array_like of shape (horizon,) or (n, horizon)
            In the series' own units.

        Returns
        -------
        Intervals
            Of the same shape.

        Raises
        ------
        ValueError
            If ``fit`` was not called, or the horizon is another one.
        """
        if self.radius is None:
            raise ValueError(
                "conformal: expected a fitted one, call fit(residuals) first"
            )
        y_hat = check_values("y_hat", y_hat, dtype=np.float64)
        if y_hat.shape[-1] != len(self.radius):
            raise ValueError(
                f"y_hat: expected {len(self.radius)} steps, as in fit, got "
                f"shape {y_hat.shape}"
            )
        return _around(y_hat, self.radius, self.level)


def adaptive_conformal(
    y,
    y_hat,
    residuals,
    level: float = 0.9,
    rate: float = 0.02,
    horizon: int = 1,
) -> Intervals:
    """Return intervals that widen after a miss and narrow after a hit.

    ``α`` starts at ``1 - level`` and moves by ``rate (1 - level - missed)``
    with every truth that comes in; each interval is the split conformal one of
    level ``1 - α``, from the latest errors known. So the share of misses
    tends to ``1 - level`` whatever the series does, with
    ``|share - (1 - level)| <= (level + rate) / (rate n)`` after n forecasts
    (``level >= 1/2``, ``horizon=1``). Where forecasts are exactly right, the
    share can be lower: not even an interval of width 0 misses those.

    Parameters
    ----------
    y, y_hat : array_like of shape (n,)
        Truth and forecasts, one for each time step, in time order.
    residuals : array_like of shape (m,)
        ``y - y_hat`` of the calibration part before; the intervals always
        use the ``m`` latest that are known.
    level : float
        The share of values that shall lie inside.
    rate : float
        How far a miss moves ``α``: called γ in the paper.
    horizon : int
        Time steps from a forecast to its truth. What a forecast comes to is
        used only ``horizon`` forecasts later.

    Returns
    -------
    Intervals
        Of shape (n,). Infinite while ``α`` is too small for ``m`` errors, of
        width 0 while it is above 1.

    Raises
    ------
    ValueError
        If ``y`` and ``y_hat`` differ in length, or ``residuals`` is too short
        for the level.

    References
    ----------
    I. Gibbs and E. Candès (2021), Adaptive conformal inference under
    distribution shift, arXiv:2106.00170, equation 2 and proposition 4.1.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = rng.standard_normal(1000) * np.repeat([1, 3], 500)  # a shift
    >>> residuals = rng.standard_normal(200)
    >>> intervals = adaptive_conformal(y, np.zeros(1000), residuals)
    >>> abs(coverage(y, intervals) - 0.9) < 0.02
    True
    """
    y = check_values("y", y, (1,), np.float64)
    y_hat = check_values("y_hat", y_hat, (1,), np.float64)
    if y.shape != y_hat.shape:
        raise ValueError(
            f"y_hat: expected the shape of y {y.shape}, got {y_hat.shape}"
        )
    residuals = check_values("residuals", residuals, (1,), np.float64)
    level = _check_level(level)
    rate = check_float("rate", rate, 0)
    horizon = check_int("horizon", horizon, 1)
    _check_rows("residuals", residuals, level, f"for level {level:g}")
    with np.errstate(over="ignore"):
        errors = np.concatenate([residuals, y - y_hat])
        sizes = check_values("y - y_hat", np.abs(errors))
        radius = _adapt(y, y_hat, sizes, 1 - level, rate, horizon)
    return _around(y_hat, radius, level)


def _adapt(y, y_hat, sizes, target, rate, horizon) -> np.ndarray:
    """Return half of each width, from the sizes of all errors before it."""
    m, misses, radius = len(sizes) - len(y), 0, np.empty(len(y))
    for t in range(len(y)):
        known = max(0, t + 1 - horizon)  # truths that have come in
        if known:
            k = known - 1
            lower, upper = y_hat[k] - radius[k], y_hat[k] + radius[k]
            misses += not lower <= y[k] <= upper
        alpha = target + rate * (known * target - misses)
        rank = _rank(m, min(max(1 - alpha, 0.0), 1.0))
        latest = np.sort(sizes[known : known + m])
        radius[t] = np.concatenate([[0.0], latest, [np.inf]])[rank]
    return radius


def gaussian_intervals(
    forecaster, history, horizon: int, level: float = 0.9, joint: bool = False
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
    joint : bool
        Whether all steps of a path shall lie inside at once (Bonferroni).

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
    joint = check_bool("joint", joint)
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
