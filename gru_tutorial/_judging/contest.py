"""A comparison: chosen on validation, scored once on the test part."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd

from gru_tutorial._judging.network import Network, lags_of
from gru_tutorial._judging.panel import Panel, Plan
from gru_tutorial._judging.rivals import Rival, find_period
from gru_tutorial.conformal import SplitConformal
from gru_tutorial.evaluation import PairedSkill, paired_skill
from gru_tutorial.intervals import coverage


class Contest:
    """A GRU against baselines on a panel of series.

    ``best`` and ``network`` are what validation chose; ``errors`` holds those
    of each model and part, of shape (series, origins, horizon).
    """

    def __init__(
        self,
        panel: Panel,
        parts: Plan,
        updates: int,
        seed: int,
        progress: Callable,
    ):
        self.panel, self.parts = panel, parts
        self.updates, self.seed, self.progress = updates, seed, progress
        self.period = 1
        self.errors: dict[str, dict[str, np.ndarray]] = {}
        self.best: Rival | None = None
        self.network: Network | None = None
        self.skill: PairedSkill | None = None

    def choose(self, rivals: tuple, step) -> None:
        """Choose the best baseline and the GRU's input on validation."""
        parts = self.parts
        train = self.panel.before(parts.test + parts.valid)
        self.period = find_period(train, step, parts)
        models = []
        for name in rivals:
            if name == "seasonal naive" and self.period == 1:
                continue
            self.progress(f"validation: {name}")
            models.append(Rival(name, self.period).fit(train))
        self.best = self._best(models or [Rival("persistence", 1).fit(train)])
        trials = []
        for lag in lags_of(self.period, parts.seen, _shortest(train)):
            trials.append(self._new_network(lag))
            self.progress(f"validation: {trials[-1]}")
            trials[-1].fit(train, max(1, self.updates // 2))
        self.network = self._best(trials)

    def _new_network(self, lag: int) -> Network:
        columns = self.panel.series[0].shape[1]
        return Network(self.parts.horizon, lag, columns, self.seed)

    def _best(self, models: list):
        """Return the model with the least squared error on validation."""
        errors = [np.mean(self._score(m, "valid") ** 2) for m in models]
        return models[int(np.argmin(errors))]

    def _score(self, model, part: str) -> np.ndarray:
        """Return and keep a model's errors at the origins of a part."""
        y, y_hat = rolled(model, self.panel, self.parts, part)
        self.errors.setdefault(str(model), {})[part] = y - y_hat
        return y - y_hat

    def refitted(self, model, end: int):
        """Return a chosen model, fitted anew up to ``end`` values."""
        known = self.panel.before(end)
        if isinstance(model, Network):
            return self._new_network(model.lag).fit(known, self.updates)
        return Rival(model.name, self.period, model.settings).fit(known)

    def compare(self) -> None:
        """Fit both up to the test part, and score them there, once."""
        self.progress("test: both are fitted up to it, and compared")
        y, _ = rolled(self.best, self.panel, self.parts, "test")
        errors = [
            self._score(self.refitted(model, self.parts.test), "test")
            for model in (self.network, self.best)
        ]
        rows = [as_rows(one) for one in (y, y - errors[0], y - errors[1])]
        try:
            self.skill = paired_skill(
                *rows, block=self.parts.block, seed=self.seed
            )
        except ValueError:  # too few origins, or a baseline without errors
            self.skill = None

    @property
    def winner(self):
        """The GRU if it is surely better, else the simpler one."""
        better = self.skill is not None and self.skill.verdict == "better"
        return self.network if better else self.best

    def covered(self, level: float) -> float:
        """Return the share of test values in bands made on validation."""
        kept = self.errors[str(self.winner)]
        bands = SplitConformal(level).fit(pooled(kept["valid"]))
        test = pooled(kept["test"])
        return coverage(test, bands.intervals(np.zeros_like(test)))

    def scores(self) -> list[tuple]:
        """Return name, validation RMSE and test RMSE of each model."""
        unit = self.panel.std[0] if len(self.panel.series) == 1 else 1.0
        found = []
        for name, parts in self.errors.items():
            each = [
                unit * float(np.sqrt(np.mean(parts[part] ** 2)))
                if part in parts
                else None
                for part in ("valid", "test")
            ]
            found.append((name, *each))
        return found


def _shortest(panel: Panel) -> int:
    return min(map(len, panel.series))


def rolled(model, panel: Panel, parts: Plan, part: str):
    """Return truths and forecasts, (series, origins, horizon)."""
    ends = parts.origins(part)
    y_hat = model(panel.histories(ends, parts.seen), parts.horizon)
    return panel.truths(ends, parts.horizon), y_hat


def as_rows(y: np.ndarray) -> np.ndarray:
    """Return (origins, series * horizon): all series at once."""
    return y.swapaxes(0, 1).reshape(y.shape[1], -1)


def pooled(y: np.ndarray) -> np.ndarray:
    """Return (series * origins, horizon): one series after another."""
    return y.reshape(-1, y.shape[-1])


def forecast_of(model, panel: Panel, parts: Plan, radius, tables):
    """Return a table of what follows, with bands, in the series' units."""
    histories = panel.histories(np.array([0]), parts.seen)
    middle = model(histories, parts.horizon)[:, 0]
    frames = []
    for k, name in enumerate(panel.names):
        columns = {}
        for title, shift in (("forecast", 0), ("lower", -1), ("upper", 1)):
            y_hat = (middle[k] + shift * radius)[None]
            one = panel._replace(
                mean=panel.mean[k : k + 1], std=panel.std[k : k + 1]
            )
            columns[title] = one.in_units(y_hat)[0]
        index = pd.RangeIndex(1, parts.horizon + 1, name="step")
        if tables:
            index = tables[k].following(parts.horizon)
        frame = pd.DataFrame(columns, index=index)
        if len(panel.names) > 1:
            frame.insert(0, "series", name)
        frames.append(frame)
    return pd.concat(frames)


def refitted(model, panel: Panel, updates: int):
    """Return a kept model, fitted to a panel with more rows.

    A GRU goes on from its weights, for a quarter of the updates.
    """
    if isinstance(model, Network):
        return model.fit(panel, max(1, updates // 4))
    return Rival(model.name, model.period, model.settings).fit(panel)


def has_fallen(
    errors: np.ndarray, new: np.ndarray, step: int = 1
) -> bool | None:
    """Tell whether new errors are larger than chance would have it.

    Mean squares of blocks of consecutive origins, which are long enough to be
    nearly independent, are compared on a logarithmic scale by a t test at the
    level of 1.5 %. ``step`` is the distance of origins. None stands for an
    old part that has fewer than three blocks.

    Where nothing had changed, it said so all the same in 1.4 % of cases on
    average, and in at most 4.3 % of 400 each, over 68 settings: errors that
    are independent, of a random walk with normal or heavy tails, or of an
    autoregression; horizons of 1, 6 and 12; 24 to 300 old origins, and 1 to
    300 new ones.
    """
    old, now = (np.mean(one**2, axis=(0, 2)) for one in (errors, new))
    size = math.ceil(len(old) ** (1 / 3)) + math.ceil(new.shape[-1] / step) - 1
    count = len(old) / size
    if count < 3:
        return None
    least = 1e-12 * old.mean() + 1e-300  # its logarithm exists
    short = min(size, len(now))
    x, y = (np.log(_block_means(one, short) + least) for one in (old, now))
    spread = x.std() * math.sqrt(count / (count - 1))
    spread *= math.sqrt(1 / count + 1 / max(1, len(now) / size))
    return bool(
        y.mean() - x.mean() > _quantile_of_t(count - 1) * spread + 1e-9
    )


def _block_means(squares: np.ndarray, size: int) -> np.ndarray:
    """Return the mean of each block of consecutive ones."""
    return np.convolve(squares, np.ones(size) / size, "valid")


def _quantile_of_t(degrees: float) -> float:
    """Return Student's quantile of 98.5 %, by its expansion."""
    z = 2.17009
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return sum(term / degrees**k for k, term in enumerate(terms))
