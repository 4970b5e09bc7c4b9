"""Chapter 7: prediction intervals, and whether they hold what they promise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

from gru_tutorial.checks import (
    check_bool,
    check_float,
    check_int,
    check_values,
)
from gru_tutorial.data import Scaler
from gru_tutorial.horizons import GaussianGRU, forecast


def _check_level(level: float) -> float:
    level = check_float("level", level, 0, exclusive=True)
    if level >= 1:
        raise ValueError(f"level: expected a number below 1, got {level!r}")
    return level


def _per_step(level: float, horizon: int, joint: bool) -> float:
    """Return the level of each step; Bonferroni's, if all are to hold."""
    return 1 - (1 - level) / horizon if joint else level


def _check_rows(name: str, rows, level: float, why: str) -> None:
    needed = math.ceil(level / (1 - level) - 1e-9)  # 0.9 is not quite 9/10
    if len(rows) < needed:
        raise ValueError(
            f"{name}: expected at least {needed} rows {why}, got {len(rows)}"
        )


@dataclass(eq=False)
class Intervals:
    """Bounds that hold the truth with a promised probability.

    Attributes
    ----------
    lower, upper : numpy.ndarray of shape (horizon,) or (n, horizon)
        In the series' own units; infinite where nothing narrower is safe.
    level : float
        What was promised: the share of values inside, or of whole paths if
        the intervals are joint ones.

    Raises
    ------
    ValueError
        If ``lower`` and ``upper`` differ in shape, or are not in order, or
        ``level`` is not between 0 and 1.

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
        self.lower = np.asarray(self.lower, dtype=np.float64)
        self.upper = np.asarray(self.upper, dtype=np.float64)
        self.level = _check_level(self.level)
        shapes = self.lower.shape, self.upper.shape
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"lower, upper: expected one shape, got {shapes[0]} and "
                f"{shapes[1]}"
            )
        if not np.all(self.lower <= self.upper):  # also where one is nan
            raise ValueError(
                "lower, upper: expected lower <= upper everywhere, got bounds "
                "that are missing or cross"
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
        y = check_values("y", y, ndim=(1, 2))
        if y.shape != self.lower.shape:
            raise ValueError(
                f"y: expected the intervals' shape {self.lower.shape}, got "
                f"{y.shape}"
            )
        return (self.lower <= y) & (y <= self.upper)


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
    inside = intervals.contains(y)
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
        If the shapes differ.

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
    y = np.asarray(y, dtype=np.float64)
    below = np.maximum(intervals.lower - y, 0)
    above = np.maximum(y - intervals.upper, 0)
    fine = 2 / (1 - intervals.level) * (below + above)
    return float(np.mean(intervals.width + fine))


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
    scores = check_values("scores", scores)
    level = _check_level(level)
    _check_rows("scores", scores, level, f"for level {level:.6g}")
    rank = math.ceil((len(scores) + 1) * level - 1e-9)
    return np.sort(scores, axis=0)[rank - 1]


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
        residuals = check_values("residuals", residuals, ndim=(2,))
        level = _per_step(self.level, residuals.shape[1], self.joint)
        why = f"for level {self.level:g}"
        if self.joint:
            why += f" over {residuals.shape[1]} steps jointly"
        _check_rows("residuals", residuals, level, why)
        self.radius = conformal_quantile(np.abs(residuals), level)
        return self

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
        y_hat = check_values("y_hat", y_hat)
        if y_hat.shape[-1] != len(self.radius):
            raise ValueError(
                f"y_hat: expected {len(self.radius)} steps, as in fit, got "
                f"shape {y_hat.shape}"
            )
        return Intervals(y_hat - self.radius, y_hat + self.radius, self.level)


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
    (``level >= 1/2``, ``horizon=1``).

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
    y = check_values("y", y, ndim=(1,))
    y_hat = check_values("y_hat", y_hat, ndim=(1,))
    if y.shape != y_hat.shape:
        raise ValueError(
            f"y_hat: expected the shape of y {y.shape}, got {y_hat.shape}"
        )
    residuals = check_values("residuals", residuals, ndim=(1,))
    rate = check_float("rate", rate, 0)
    horizon = check_int("horizon", horizon, 1)
    level = _check_level(level)
    _check_rows("residuals", residuals, level, f"for level {level:g}")
    m, target = len(residuals), 1 - level
    scores = np.abs(np.concatenate([residuals, y - y_hat]))
    radius, alpha = np.empty(len(y)), target
    for t in range(len(y)):
        known = max(0, t + 1 - horizon)  # truths that have come in
        if known:
            missed = scores[m + known - 1] > radius[known - 1]
            alpha += rate * (target - missed)
        rank = math.ceil((m + 1) * (1 - alpha) - 1e-9)
        latest = np.sort(scores[known : known + m])
        bounded = np.concatenate([[0.0], latest, [np.inf]])
        radius[t] = bounded[np.clip(rank, 0, m + 1)]
    return Intervals(y_hat - radius, y_hat + radius, level)


class _Quantile(nn.Module):
    """A quantile of a Gaussian model, as a forecast of its own."""

    def __init__(self, model: GaussianGRU, p: float):
        super().__init__()
        self.model, self.p = model, p

    def forward(self, x: Tensor) -> Tensor:
        return self.model.quantile(x, self.p)


def gaussian_intervals(
    model: GaussianGRU,
    history,
    horizon: int,
    scaler: Scaler | None = None,
    level: float = 0.9,
    joint: bool = False,
) -> Intervals:
    """Return the intervals of a model that forecasts mean and variance.

    Parameters
    ----------
    model : GaussianGRU
        Trained with ``gaussian_loss``.
    history, horizon, scaler
        As for ``forecast``.
    level : float
        The share of values that shall lie inside.
    joint : bool
        Whether all steps of a path shall lie inside at once (Bonferroni).

    Returns
    -------
    Intervals
        Of shape (horizon,) or (batch, horizon), in the series' own units.

    Raises
    ------
    ValueError
        As for ``forecast``, or if the model has no ``quantile``.

    Examples
    --------
    >>> model = GaussianGRU(horizon=12, hidden_size=8)
    >>> gaussian_intervals(model, np.zeros(100), 12).width.shape
    (12,)
    """
    if not hasattr(model, "quantile"):
        raise ValueError(
            f"model: expected one with quantile(x, p), as GaussianGRU has, "
            f"got {type(model).__name__}"
        )
    level = _check_level(level)
    horizon = check_int("horizon", horizon, 1)
    tail = (1 - _per_step(level, horizon, check_bool("joint", joint))) / 2
    lower, upper = (
        forecast(_Quantile(model, p), history, horizon, scaler, "direct")
        for p in (tail, 1 - tail)
    )
    return Intervals(lower, upper, level)
