"""Conformal intervals: as wide as the errors of a calibration part say."""

from __future__ import annotations

import numpy as np

from gru_tutorial.checks import check_float, check_int, check_values
from gru_tutorial.evaluation import rolling_origin
from gru_tutorial.intervals import (
    Intervals,
    _around,
    _check_joint,
    _check_level,
    _check_rows,
    _rank,
    conformal_quantile,
)


def _per_step(level: float, horizon: int, joint: str | None) -> float:
    """Return the level of each step; Bonferroni's, if all are to hold."""
    shared = joint == "bonferroni" and horizon > 1
    return 1 - (1 - level) / horizon if shared else level


class SplitConformal:
    """Intervals whose size is measured on a calibration part.

    The calibration part comes after the training part and before the test
    part; the model has not been trained on it. The promise needs errors that
    are exchangeable: those of a series are not quite, so measure coverage.

    Parameters
    ----------
    level : float
        The share of values that shall lie inside.
    joint : str
        How all steps of a path shall lie inside at once; if not given, each
        step holds the level alone. ``"bonferroni"``: each step gets the level
        ``1 - (1 - level) / horizon``, which is enough whatever the errors do,
        and more than enough where neighbours are alike. ``"max"``: what is
        measured is each path's largest error, relative to the scale of its
        step.

    Attributes
    ----------
    radius : numpy.ndarray of shape (horizon,)
        Half the width of the interval at each step; None before ``fit``.

    References
    ----------
    Papadopoulos et al. (2002); for paths with Bonferroni, Stankevičiūtė et
    al. (2021), Conformal time-series forecasting. *NeurIPS* 34; by the
    largest error, Diquigiovanni, Fontana and Vantini (2022), Conformal
    prediction bands for multivariate functional data. *Journal of
    Multivariate Analysis* 189, 104879.

    Examples
    --------
    >>> residuals = np.random.default_rng(0).standard_normal((500, 12))
    >>> conformal = SplitConformal(level=0.9).fit(residuals)
    >>> intervals = conformal.intervals(np.zeros((100, 12)))
    >>> intervals.width.shape, intervals.level
    ((100, 12), 0.9)
    """

    radius: np.ndarray | None = None

    def __init__(self, level: float = 0.9, joint: str | None = None):
        self.level = _check_level(level)
        self.joint = _check_joint(joint, ("bonferroni", "max"))

    def fit(self, residuals, scale=None) -> SplitConformal:
        """Measure the errors of a calibration part.

        Parameters
        ----------
        residuals : array_like of shape (n, horizon)
            ``y - y_hat``, a row for each origin, in the series' own units.
        scale : array_like of shape (horizon,)
            For ``joint="max"``: how large an error is at each step, such as
            the root mean square of errors on the training part. The promise
            holds for any scale that was chosen before the calibration part
            was seen; a good one makes a narrow band. If not given, it is the
            root mean square of these residuals, which makes the band a trace
            too narrow.

        Returns
        -------
        SplitConformal
            Itself.

        Raises
        ------
        ValueError
            If there are too few rows for the level: 9 are needed for 0.9,
            and 119 for 12 steps with Bonferroni. If ``scale`` is given for
            another way, is of another length, or not above 0.
        """
        residuals = check_values("residuals", residuals, (2,), np.float64)
        horizon = residuals.shape[1]
        level = _per_step(self.level, horizon, self.joint)
        why = f"for level {self.level:g}"
        if self.joint == "bonferroni":
            why += f" over {horizon} steps jointly"
        _check_rows("residuals", residuals, level, why)
        sizes = np.abs(residuals)
        if self.joint == "max":
            scale = _scale(residuals, scale)
            with np.errstate(over="ignore"):
                largest = (sizes / scale).max(axis=1)
                largest = check_values("scale, residuals", largest)
                radius = scale * conformal_quantile(largest, level)
            self.radius = check_values("scale, residuals", radius)
        elif scale is not None:
            raise ValueError(
                f"scale: expected None, as only joint='max' takes one, got "
                f"{scale!r}"
            )
        else:
            self.radius = conformal_quantile(sizes, level)
        return self

    def calibrate(
        self,
        forecaster,
        values,
        forecast_start: int,
        horizon: int,
        step: int = 1,
        scale=None,
    ) -> SplitConformal:
        """Measure the errors of any forecaster from one origin after another.

        Parameters
        ----------
        forecaster, values, forecast_start, horizon, step
            As for ``rolling_origin``: from ``forecast_start`` on lies the
            calibration part, which the forecaster has not been trained on.
        scale
            As for ``fit``.

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
        return self.fit(rolled.y - rolled.y_hat, scale)

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


def _scale(residuals: np.ndarray, scale) -> np.ndarray:
    """Return how large an error is at each step, above 0."""
    if scale is None:
        largest = np.abs(residuals).max(axis=0, initial=0.0)
        unit = np.where(largest > 0, largest, 1.0)  # squares stay in range
        return np.sqrt(np.mean((residuals / unit) ** 2, axis=0)) * unit + (
            largest == 0
        )
    scale = check_values("scale", scale, (1,), np.float64)
    if len(scale) != residuals.shape[1] or not (scale > 0).all():
        raise ValueError(
            f"scale: expected {residuals.shape[1]} numbers above 0, one for "
            f"each step, got {scale}"
        )
    return scale


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
    >>> from gru_tutorial import coverage
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
