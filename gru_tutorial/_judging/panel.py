"""Series side by side: their scale, their parts in time, their origins."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from gru_tutorial.checks import is_constant

BLOCKS = 6  # of origins, for an interval of 95 %: see ``paired_skill``
SHARE = 0.2  # of a series, for the validation and for the test part each
MOST_ORIGINS = 300  # of a part
FEW = 10  # series that have all of these origins; of more, each has fewer
MOST_SEEN = 600  # values before an origin that a forecaster may see


class TooLittle(ValueError):
    """Series that are too short for the horizon, or constant."""


class Diverged(ValueError):
    """A training whose loss, gradient or weights are no longer finite."""


class Plan(NamedTuple):
    """How series are divided, counted from their ends.

    ``test`` and ``valid`` are numbers of values, ``step`` those from one
    origin to the next, ``seen`` those before an origin that all may see.
    """

    horizon: int
    test: int
    valid: int
    step: int
    seen: int

    def origins(self, part: str) -> np.ndarray:
        """Return the origins of a part, as steps before the end."""
        first = self.test if part == "test" else self.test + self.valid
        last = self.horizon if part == "test" else self.test + self.horizon
        return np.arange(first, last - 1, -self.step)

    @property
    def block(self) -> int:
        """Origins in a block of the bootstrap: see ``paired_skill``."""
        n = len(self.origins("test"))
        shared = math.ceil(self.horizon / self.step) - 1
        return math.ceil(n ** (1 / 3)) + shared

    @property
    def is_enough(self) -> bool:
        """Whether the test part's origins allow an interval."""
        return len(self.origins("test")) >= BLOCKS * self.block


def rows_for(level: float) -> int:
    """Return how many origins split conformal needs for a level."""
    return max(8, math.ceil((1 - 1e-9) / max(1 - level, 1e-6) - 1))


def shortest(horizon: int, level: float) -> int:
    """Return how many values a series must have."""
    part = horizon + rows_for(level) - 1
    return 2 * part + _train(horizon)


def plan(length: int, horizon: int, level: float, count: int = 1) -> Plan:
    """Divide ``count`` series of which the shortest has so many values.

    The test part is a fifth; up to two fifths, if only that makes its origins
    enough for an interval.
    """
    rows = rows_for(level)
    valid = max(horizon + rows - 1, round(SHARE * length))
    longest = min(round(2 * SHARE * length), length - valid - _train(horizon))
    most = max(30, MOST_ORIGINS // max(1, count // FEW))
    plans = []
    for test in range(valid, max(valid, longest) + 1, 1 + length // 200):
        origins = test - horizon + 1, valid - horizon + 1
        step = min(origins[0] // most, (origins[1] - 1) // (rows - 1))
        seen = min(MOST_SEEN, length - test - valid)
        plans.append(Plan(horizon, test, valid, max(1, step), seen))
        if plans[-1].is_enough:
            return plans[-1]
    return plans[0]


def _train(horizon: int) -> int:
    """Return how many values must come before the validation part."""
    return max(2 * horizon, 20)


class Panel(NamedTuple):
    """Series in their own scale: zero mean, unit spread before validation.

    ``series`` holds arrays of shape (time, columns), the target first.
    """

    names: tuple[str, ...]
    series: tuple[np.ndarray, ...]
    mean: np.ndarray
    std: np.ndarray

    @classmethod
    def of(cls, names, raw, known: int) -> Panel:
        """Scale series by their first values, all but ``known`` of the end."""
        mean = np.array([one[: len(one) - known, 0].mean() for one in raw])
        std = np.array([one[: len(one) - known, 0].std() for one in raw])
        return cls(tuple(names), (), mean, std).with_series(raw)

    def with_series(self, raw) -> Panel:
        """Return a panel with other values, in the same scale."""
        scaled = []
        for one, mean, std in zip(raw, self.mean, self.std, strict=True):
            columns = one.astype(np.float64).copy()
            columns[:, 0] = (columns[:, 0] - mean) / std
            scaled.append(columns)
        return self._replace(series=tuple(scaled))

    def before(self, end: int) -> Panel:
        """Return what comes before the last ``end`` values."""
        cut = tuple(one[: len(one) - end] for one in self.series)
        return self._replace(series=cut)

    def histories(self, ends: np.ndarray, seen: int) -> np.ndarray:
        """Return what is seen at origins: (series, origins, seen, columns)."""
        view = np.lib.stride_tricks.sliding_window_view
        found = []
        for one in self.series:
            windows = view(one, seen, axis=0).swapaxes(1, 2)
            found.append(windows[len(one) - ends - seen])
        return np.stack(found)

    def truths(self, ends: np.ndarray, horizon: int) -> np.ndarray:
        """Return what came true: (series, origins, horizon)."""
        view = np.lib.stride_tricks.sliding_window_view
        return np.stack(
            [view(one[:, 0], horizon)[len(one) - ends] for one in self.series]
        )

    def in_units(self, y: np.ndarray) -> np.ndarray:
        """Return scaled forecasts (series, ...) in the series' own units."""
        wide = (slice(None), *[None] * (y.ndim - 1))
        return y * self.std[wide] + self.mean[wide]


def farthest(length: int, level: float) -> tuple[int, int]:
    """Return the longest horizon, and the longest with an interval; or 0."""
    return (
        _last(length, lambda h: shortest(h, level) <= length),
        _last(
            length,
            lambda h: (
                shortest(h, level) <= length
                and plan(length, h, level).is_enough
            ),
        ),
    )


def _last(most: int, holds: Callable) -> int:
    """Return the last number from 1 up to which something holds; or 0."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low


def constant_one(names, raw, known: int) -> str | None:
    """Return the name of a series without a spread to learn from, if any."""
    for name, one in zip(names, raw, strict=True):
        if bool(is_constant(one[: len(one) - known, 0])):
            return name
    return None


def mean_square(y: np.ndarray, y_hat: np.ndarray) -> float:
    """Return a mean squared error in scaled units."""
    return float(np.mean((y - y_hat) ** 2))
