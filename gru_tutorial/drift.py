"""What watches a forecaster at work: one value after another."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque

import numpy as np

from gru_tutorial.checks import (
    check_float,
    check_int,
    check_length,
    check_values,
)
from gru_tutorial.intervals import _check_level, _check_rows, _rank

MAX_ORIGINS = 10**6  # that are remembered
LARGEST = 1e6  # of a skill below 0


class AdaptiveBand:
    """A band that widens after a miss and narrows after a hit, step by step.

    What ``adaptive_conformal`` computes for a whole series, one value at a
    time: the same radii, in memory that does not grow.

    Parameters
    ----------
    residuals : array_like of shape (m,)
        ``y - y_hat`` of the calibration part before; the band always uses the
        ``m`` latest errors.
    level : float
        The share of values that shall lie inside.
    rate : float
        How far a miss moves the band.
    horizon : int
        Time steps from a forecast to its truth.

    Attributes
    ----------
    radius : float
        Half the width of the band around the next forecast; infinite where
        nothing narrower is safe.

    Raises
    ------
    ValueError
        If ``residuals`` is too short for the level, or an argument is out of
        range.

    References
    ----------
    I. Gibbs and E. Candès (2021), Adaptive conformal inference under
    distribution shift, arXiv:2106.00170, equation 2.

    Examples
    --------
    >>> band = AdaptiveBand(np.arange(1.0, 20.0), level=0.9)
    >>> band.around(100.0)
    (82.0, 118.0)
    >>> band.update(150.0, 100.0), band.radius  # a miss: it widens
    (True, 50.0)
    """

    def __init__(
        self,
        residuals,
        level: float = 0.9,
        rate: float = 0.02,
        horizon: int = 1,
    ):
        residuals = check_values("residuals", residuals, (1,), np.float64)
        self.level = _check_level(level)
        self.rate = check_float("rate", rate, 0)
        horizon = check_int("horizon", horizon, 1, MAX_ORIGINS)
        _check_rows("residuals", residuals, level, f"for level {level:g}")
        self._latest = deque(np.abs(residuals).tolist())
        self._sorted = sorted(self._latest)
        self._known = self._misses = 0
        self._radii = deque([self._next()] * horizon)

    @property
    def radius(self) -> float:
        """Half the width of the band around the next forecast."""
        return self._radii[-1]

    def around(self, y_hat: float) -> tuple[float, float]:
        """Return the band around the next forecast.

        Parameters
        ----------
        y_hat : float
            In the series' own units.

        Returns
        -------
        tuple of float
            Lower and upper bound; infinite if ``radius`` is, or float64 ends.

        Raises
        ------
        ValueError
            If ``y_hat`` is not finite.
        """
        y_hat = _number("y_hat", y_hat)
        return y_hat - self.radius, y_hat + self.radius

    def update(self, y: float, y_hat: float) -> bool:
        """Take in what has come true, and move the band.

        Parameters
        ----------
        y : float
            The newest value.
        y_hat : float
            What was forecast for it, ``horizon`` steps before.

        Returns
        -------
        bool
            Whether the value was outside its band: an alarm, if one is
            wanted.

        Raises
        ------
        ValueError
            If one of them, or their difference, is not finite. The band stays
            as it was.
        """
        y, y_hat = _number("y", y), _number("y_hat", y_hat)
        size = _number("y - y_hat", abs(y - y_hat))
        radius = self._radii.popleft()
        missed = not y_hat - radius <= y <= y_hat + radius
        self._known += 1
        self._misses += missed
        self._latest.append(size)
        oldest = self._latest.popleft()
        del self._sorted[bisect_left(self._sorted, oldest)]
        insort(self._sorted, size)
        self._radii.append(self._next())
        return missed

    def _next(self) -> float:
        target = 1 - self.level
        alpha = target + self.rate * (self._known * target - self._misses)
        rank = _rank(len(self._sorted), min(max(1 - alpha, 0.0), 1.0))
        if rank == 0:
            return 0.0
        return self._sorted[rank - 1] if rank <= len(self._sorted) else np.inf

    def state(self) -> dict:
        """Return all that ``of`` needs, as JSON can hold it.

        Returns
        -------
        dict
            Plain values by name; an infinite radius is None.
        """
        radii = [None if np.isinf(r) else r for r in self._radii]
        return {
            "level": self.level,
            "rate": self.rate,
            "errors": list(self._latest),
            "radii": radii,
            "known": self._known,
            "misses": self._misses,
        }

    @classmethod
    def of(cls, state: dict) -> AdaptiveBand:
        """Return the band that ``state`` was made of.

        Parameters
        ----------
        state : dict
            What ``AdaptiveBand.state`` returned, in this process or another.

        Raises
        ------
        ValueError
            If it is something else.

        Examples
        --------
        >>> band = AdaptiveBand(np.arange(1.0, 20.0))
        >>> AdaptiveBand.of(band.state()).radius == band.radius
        True
        """
        names = ("level", "rate", "errors", "radii", "known", "misses")
        if not isinstance(state, dict) or set(state) != set(names):
            raise ValueError(
                f"state: expected a dict with {', '.join(names)}, as "
                f"AdaptiveBand.state gives it, got {state!r}"
            )
        try:
            return cls._made_again(**state)
        except ValueError as error:
            raise ValueError(
                f"state: expected what AdaptiveBand.state gives, got {error}"
            ) from None

    @classmethod
    def _made_again(cls, level, rate, errors, radii, known, misses):
        check_length("radii", radii, 1, "1")
        band = cls(errors, level, rate, len(radii))
        band._known = check_int("known", known, 0)
        band._misses = check_int("misses", misses, 0, band._known)
        band._radii = deque(
            np.inf if r is None else check_float("radii", r, 0) for r in radii
        )
        return band


class Fallback:
    """Go back to a baseline while a forecaster has lately been worse.

    Its skill over the last origins, ``1 - mse / mse of the baseline``, is
    looked at after each one. Below ``lower`` the baseline takes over; the
    forecaster comes back when its skill has reached ``upper`` again.

    Parameters
    ----------
    origins : int
        How many are remembered. Before so many are known, the forecaster is
        used.
    lower, upper : float
        Two bounds, so that it does not change with every origin.

    Attributes
    ----------
    uses_baseline : bool
        Whether the next forecast should be the baseline's.

    Raises
    ------
    ValueError
        If ``origins`` is below 1, or ``lower`` above ``upper``.

    Examples
    --------
    >>> fallback = Fallback(origins=2)
    >>> [fallback.update(y, 0.0, 1.0) for y in (0.1, 0.2, 0.9, 0.2, 0.1)]
    [False, False, True, True, False]
    """

    def __init__(
        self, origins: int = 14, lower: float = 0.0, upper: float = 0.0
    ):
        origins = check_int("origins", origins, 1, MAX_ORIGINS)
        self.lower = check_float("lower", lower, -LARGEST, below=1)
        self.upper = check_float("upper", upper, -LARGEST, below=1)
        if self.lower > self.upper:
            raise ValueError(
                f"lower, upper: expected lower <= upper, got {lower} and "
                f"{upper}"
            )
        self._errors: deque = deque(maxlen=origins)
        self.uses_baseline = False

    @property
    def skill(self) -> float | None:
        """Over the origins that are remembered; None before they are enough.

        Also None if the baseline's errors are nothing.
        """
        own, baseline = self._means()
        if len(self._errors) < self._errors.maxlen or baseline == 0:
            return None
        return 1 - own / baseline if own < LARGEST * baseline else -LARGEST

    def _means(self) -> tuple[float, float]:
        """Return the mean squared errors of both."""
        parts = np.array([*self._errors, (0.0, 0.0)])
        parts /= max(1, len(self._errors))
        own, baseline = parts.sum(axis=0).tolist()
        return own, baseline

    def update(self, y, y_hat, y_baseline) -> bool:
        """Take in what has come true after one origin.

        Parameters
        ----------
        y : float or array_like of shape (horizon,)
            The values.
        y_hat, y_baseline : float or array_like of y's shape
            What the forecaster and the baseline had said.

        Returns
        -------
        bool
            ``uses_baseline``, from now on.

        Raises
        ------
        ValueError
            If the shapes differ, or a number is not finite. Nothing is
            remembered then.
        """
        y = check_values("y", y, (0, 1), np.float64)
        errors = []
        for name, one in (("y_hat", y_hat), ("y_baseline", y_baseline)):
            one = check_values(name, one, (0, 1), np.float64)
            if one.shape != y.shape or y.size == 0:
                raise ValueError(
                    f"{name}: expected the shape of y, which is not empty, "
                    f"{y.shape}, got {one.shape}"
                )
            with np.errstate(over="ignore"):
                errors.append(_number(f"y, {name}", np.mean((y - one) ** 2)))
        self._errors.append(errors)
        if len(self._errors) == self._errors.maxlen:
            bound = self.upper if self.uses_baseline else self.lower
            own, baseline = self._means()
            self.uses_baseline = own > (1 - bound) * baseline
        return self.uses_baseline


def _number(name: str, value) -> float:
    """Return a finite number as a float."""
    value = check_values(name, value, (0,), np.float64)
    return float(value)
