"""Baselines with settings found before the validation part, and a period."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gru_tutorial._judging.panel import Panel, Plan, mean_square
from gru_tutorial.baselines import Boosting, Naive, Neighbours, Ridge

RIVALS = ("persistence", "seasonal naive", "ridge", "neighbours", "boosting")
LEARNING = {"ridge": Ridge, "neighbours": Neighbours, "boosting": Boosting}
MICRO = {"day": 86400e6, "week": 7 * 86400e6, "hour": 3600e6}
YEARS = {"months": 12, "month ends": 12}


class Rival:
    """One kind of baseline, fitted to each series of a panel.

    Parameters
    ----------
    name : str
        One of ``RIVALS``.
    period : int
        Of the seasonal naive forecast.
    settings : list of dict
        Of a learning one, by series; found by ``fit`` if not given.
    """

    def __init__(self, name: str, period: int, settings=None):
        self.name, self.period, self.settings = name, period, settings
        self.fitted: list = []

    def __str__(self):
        """Return its name and settings."""
        if self.name == "seasonal naive":
            return f"seasonal naive (period {self.period})"
        if self.settings and len(self.settings) == 1:
            words = ", ".join(
                f"{k}={v:g}" if isinstance(v, float) else f"{k}={v}"
                for k, v in self.settings[0].items()
            )
            return f"{self.name} ({words})"
        return self.name

    def fit(self, panel: Panel) -> Rival:
        """Learn from all of a panel; settings that are known are kept."""
        if self.name not in LEARNING:
            period = self.period if self.name == "seasonal naive" else 1
            self.fitted = [Naive(period) for _ in panel.series]
            return self
        made = LEARNING[self.name]
        known = self.settings or [{}] * len(panel.series)
        self.fitted = [
            made(**one).fit(values[:, 0])
            for one, values in zip(known, panel.series, strict=True)
        ]
        self.settings = [dict(one.chosen) for one in self.fitted]
        return self

    def __call__(self, histories: np.ndarray, horizon: int) -> np.ndarray:
        """Forecast (series, origins, horizon) from what is seen."""
        return np.stack(
            [
                one(history[:, :, 0], horizon)
                for one, history in zip(self.fitted, histories, strict=True)
            ]
        )


def periods_of(step, values: np.ndarray, most: int) -> list[int]:
    """Return periods that may be: the calendar's, and peaks of the ACF."""
    found = []
    if step is not None and step.kind == "fixed":
        found += [round(size / step.size, 6) for size in MICRO.values()]
    if step is not None and step.kind in YEARS:
        found.append(YEARS[step.kind] / step.size)
    if step is not None and step.kind == "business days":
        found.append(5)
    whole = [int(p) for p in found if p == int(p)]
    peaks = _peaks(values, most)
    return sorted({p for p in [*whole, *peaks] if 2 <= p <= most})


def _peaks(values: np.ndarray, most: int) -> list[int]:
    """Return the three highest peaks of the autocorrelation."""
    steps = np.arange(len(values))
    slope = np.polyfit(steps, values, 1)
    rest = values - np.polyval(slope, steps)
    size = 2 ** int(np.ceil(np.log2(2 * len(rest))))
    power = np.abs(np.fft.rfft(rest, size)) ** 2
    acf = np.fft.irfft(power)[: most + 2]
    if acf[0] <= 0:
        return []
    acf = acf / acf[0]
    inner = acf[2:-1]
    high = (inner > acf[1:-2]) & (inner >= acf[3:]) & (inner > 0.1)
    lags = np.flatnonzero(high) + 2
    return sorted(lags.tolist(), key=lambda k: -acf[k])[:3]


def find_period(panel: Panel, step, plan: Plan) -> int:
    """Return the period whose seasonal naive forecast is best; 1 if none.

    It is looked for before the validation part alone. The shortest counts of
    those that are within a quarter of the best: twice a period is one, too.
    """
    values = panel.series[0][:, 0]
    most = min(len(values) // 3, plan.seen)
    options = periods_of(step, values, most)
    seen = max([1, *options])
    last = len(values) - seen
    if last < plan.horizon:
        return 1
    every = max(1, last // 200)
    ends = np.arange(last, plan.horizon - 1, -every)
    truth = panel.truths(ends, plan.horizon)
    histories = panel.histories(ends, seen)
    errors = {
        p: mean_square(truth, _naive(p)(histories, plan.horizon))
        for p in [1, *options]
    }
    best = min(errors.values())
    return min(p for p, error in errors.items() if error <= 1.25 * best)


def _naive(period: int) -> Callable:
    def forecast(histories, horizon):
        season = histories[:, :, -period:, 0]
        return season[:, :, np.arange(horizon) % period]

    return forecast
