"""Is a GRU worth it for these series? A verdict in words, and a forecast.

All choices are made on a validation part; the test part comes after it, and
is scored once. What is forecast in the end comes from whatever won.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from gru_tutorial._judging.contest import (
    Contest,
    forecast_of,
    has_fallen,
    pooled,
    refitted,
)
from gru_tutorial._judging.kept import Kept, joined
from gru_tutorial._judging.panel import (
    Panel,
    TooLittle,
    constant_one,
    plan,
    shortest,
)
from gru_tutorial._judging.rivals import RIVALS
from gru_tutorial._reading.problems import count
from gru_tutorial.checks import (
    MAX_HORIZON,
    check_callable,
    check_float,
    check_int,
    check_seed,
    check_values,
)
from gru_tutorial.conformal import SplitConformal
from gru_tutorial.evaluation import PairedSkill
from gru_tutorial.storage import check_destination

WORDS = {
    "better": "use it",
    "no difference": "no difference",
    "worse": "don't",
}
FEW = 3  # series, beyond which only quick rivals compete
QUICK = ("persistence", "seasonal naive", "ridge")
MAX_UPDATES = 10**6


class Score(NamedTuple):
    """Root mean squared errors of one model; ``test`` is None if not asked.

    They are in units of a series, if there is one; else in its spread.
    """

    model: str
    valid: float
    test: float | None = None


class Verdict(NamedTuple):
    """What a comparison came to, and the forecast of the winner.

    ``word`` is "use it", "no difference" or "don't"; ``skill`` compares the
    GRU with the best baseline, and is None if origins are too few for an
    interval. ``covered`` is the share of held-out values inside their bands.
    """

    word: str
    winner: str
    baseline: str
    skill: PairedSkill | None
    scores: tuple[Score, ...]
    period: int
    origins: int
    level: float
    covered: float
    forecast: pd.DataFrame
    kept: Kept

    def save(self, path) -> None:
        """Write the winner and its series into one file, for ``go_on``.

        Parameters
        ----------
        path : str or pathlib.Path
            The file; written whole or not at all.

        Raises
        ------
        ValueError
            If nothing can be written there, or the series came from no file.
        """
        if not self.kept.tables:
            raise ValueError("data: expected a Reading, for what is saved")
        self.kept.save(check_destination("path", path))

    def __str__(self) -> str:
        """Return the comparison in a few lines."""
        lines = [_title(self)]
        width = max(len(one.model) for one in self.scores)
        lines.append(f"  {'RMSE of':{width}}  validation        test")
        for one in self.scores:
            test = "" if one.test is None else f"{one.test:12.5g}"
            lines.append(f"  {one.model:{width}}{one.valid:12.5g}{test}")
        lines += [f"verdict: {self.word}", *_reasons(self)]
        lines.append(
            f"forecast: {count(len(self.forecast), 'value')} by "
            f"{self.winner}; bands of {100 * self.level:g} % held "
            f"{100 * self.covered:.1f} % of the test part"
        )
        return "\n".join(lines)


def _title(verdict: Verdict) -> str:
    season = f", period {verdict.period}" if verdict.period > 1 else ""
    return f"compared at {verdict.origins} origins of the test part{season}"


def _reasons(verdict: Verdict) -> list[str]:
    """Return what stands behind the word."""
    best = verdict.baseline
    tested = {one.model: one.test for one in verdict.scores}
    if verdict.skill is None and not tested[best]:
        return [f"  {best} makes no errors: nothing is left to learn"]
    if verdict.skill is None:
        return [
            f"  {verdict.origins} origins are too few for an interval: "
            f"nothing shows that a GRU is better than {best}"
        ]
    skill = verdict.skill
    used = "" if verdict.word == "use it" else ": the simpler one is used"
    return [
        f"  the GRU's squared error is {1 - skill.skill:.2f} times that of "
        f"{best}; it is the smaller one at {100 * skill.won:.1f} % of the "
        f"origins",
        f"  skill {_short(skill.skill)}, 95 % interval from "
        f"{_short(skill.lower)} to {_short(skill.upper)}{used}",
    ]


def _short(number: float) -> str:
    """Return two decimals, or a digit of what these would make 0."""
    text = f"{number:.2f}"
    return text if float(text) or not number else f"{number:.1g}"


def judge(
    data,
    horizon: int,
    level: float = 0.9,
    rivals: tuple | None = None,
    updates: int = 600,
    seed: int = 0,
    progress: Callable | None = None,
) -> Verdict:
    """Compare a GRU with baselines, and forecast with whatever won.

    The last fifth of each series is the test part, the fifth before it the
    validation part. There the best baseline is chosen, and whether the GRU
    sees the series, its differences, or its seasonal differences. Both are
    then fitted anew up to the test part, and scored once, at the same rolling
    origins; ``paired_skill`` tells whether they differ. The winner is fitted
    to all, and gets bands from its errors in the test part.

    Parameters
    ----------
    data : Reading or array_like of shape (time,)
        What ``read_series`` returned, or one series.
    horizon : int
        Time steps to forecast.
    level : float
        Of the bands, from 0.5 to below 1.
    rivals : tuple of str
        Baselines: some of "persistence", "seasonal naive", "ridge",
        "neighbours" and "boosting". If not given, all of them, and of more
        than three series the first three.
    updates : int
        Of the GRU's weights in each training; half of it in a trial.
    seed : int
        Of the GRU, and of the bootstrap.
    progress : callable
        Is called with a text when a stage begins.

    Returns
    -------
    Verdict
        Its ``forecast`` has columns forecast, lower and upper, and of many
        series their names.

    Raises
    ------
    ValueError
        If an argument is of another kind, or a series is too short for the
        horizon or constant (``TooLittle``), or a training diverges
        (``Diverged``).

    Examples
    --------
    >>> values = np.sin(np.arange(200.0))
    >>> verdict = judge(values, 4, rivals=("persistence",), updates=4)
    >>> verdict.baseline
    'persistence'
    >>> verdict.forecast.shape
    (4, 3)
    """
    horizon = check_int("horizon", horizon, 1, MAX_HORIZON)
    level = check_float("level", level, 0.5, below=1)
    updates = check_int("updates", updates, 2, MAX_UPDATES)
    seed = check_seed("seed", seed)
    if progress is not None:
        check_callable("progress", progress, "progress(text)")
    names, raw, tables = _series_of(data)
    rivals = _rivals(rivals, len(raw))
    _check_enough(names, raw, horizon, level)
    parts = plan(min(map(len, raw)), horizon, level, len(raw))
    panel = Panel.of(names, raw, parts.test + parts.valid)
    contest = Contest(panel, parts, updates, seed, progress or _silent)
    contest.choose(rivals, tables[0].step if tables else None)
    contest.compare()
    return _concluded(contest, level, tables)


def _silent(text: str) -> None:
    """Say nothing."""


def _concluded(contest: Contest, level: float, tables) -> Verdict:
    """Fit the winner to all, and put together what came out."""
    winner, name = contest.winner, str(contest.winner)
    contest.progress(f"forecast: {name} is fitted to all values")
    fitted = contest.refitted(winner, 0)
    errors = contest.errors[name]["test"]
    radius = SplitConformal(level).fit(pooled(errors)).radius
    panel, parts, skill = contest.panel, contest.parts, contest.skill
    return Verdict(
        "no difference" if skill is None else WORDS[skill.verdict],
        name,
        str(contest.best),
        skill,
        tuple(Score(*one) for one in contest.scores()),
        contest.period,
        len(parts.origins("test")),
        level,
        contest.covered(level),
        forecast_of(fitted, panel, parts, radius, tables),
        Kept(fitted, panel, parts, errors, tables, contest.updates, level, {}),
    )


def _series_of(data) -> tuple:
    """Return names, arrays (time, columns), and the tables of a reading."""
    tables = getattr(data, "tables", None)
    if isinstance(tables, tuple) and tables:
        raw = [t.frame.to_numpy(np.float64) for t in tables]
        return [t.name for t in tables], raw, tables
    if isinstance(tables, tuple):
        raise ValueError("data: expected a reading with series, got none")
    values = check_values("data", data, (1,), np.float64)
    return [""], [values[:, None]], ()


def _rivals(rivals, count: int) -> tuple[str, ...]:
    if rivals is None:
        return RIVALS if count <= FEW else QUICK
    several = isinstance(rivals, (tuple, list)) and len(rivals) > 0
    for one in rivals if several else [rivals]:
        if not isinstance(one, str) or one not in RIVALS:
            raise ValueError(
                f"rivals: expected some of {', '.join(RIVALS)}, got {one!r}"
            )
    return tuple(dict.fromkeys(rivals if several else [rivals]))


def _check_enough(names, raw, horizon: int, level: float) -> None:
    needed = shortest(horizon, level)
    for name, one in zip(names, raw, strict=True):
        whose = f" of series {name!r}" if name else ""
        if len(one) < needed:
            raise TooLittle(
                f"data: expected at least {needed} values{whose} for horizon "
                f"{horizon}, got {len(one)}"
            )
    parts = plan(min(map(len, raw)), horizon, level, len(raw))
    constant = constant_one(names, raw, parts.test + parts.valid)
    if constant is not None:
        whose = f" of series {constant!r}" if constant else ""
        raise TooLittle(
            f"data: expected values{whose} that vary, got a constant before "
            f"the validation part"
        )


class Continued(NamedTuple):
    """What became of a kept model when rows were added.

    ``before`` and ``now`` are root mean squared errors in the test part and
    at ``origins`` origins among the new rows, as in ``Score``; ``fallen``
    tells whether the new one is worse than chance would have it. Both are
    None if the new rows are fewer than a horizon; ``fallen`` alone, if the
    test part was too short to tell.
    """

    winner: str
    rows: int
    changed: int
    origins: int
    before: float
    now: float | None
    fallen: bool | None
    level: float
    forecast: pd.DataFrame
    kept: Kept

    def save(self, path) -> None:
        """Write the model and all rows into one file, for ``go_on``.

        Parameters
        ----------
        path : str or pathlib.Path
            The file; written whole or not at all.
        """
        self.kept.save(check_destination("path", path))

    def __str__(self) -> str:
        """Return what became of it in a few lines."""
        lines = [f"{self.rows:,} new rows, {self.changed:,} changed ones"]
        if self.now is None:
            lines.append("score: too few new rows to tell")
        else:
            told = {
                None: "the old origins are too few to tell",
                False: "it holds",
                True: "it has fallen: judge again",
            }
            lines.append(
                f"score: RMSE {self.now:.5g} at {self.origins} new origins, "
                f"{self.before:.5g} before: {told[self.fallen]}"
            )
        lines.append(
            f"forecast: {count(len(self.forecast), 'value')} by "
            f"{self.winner}, fitted to the new rows, too; bands of "
            f"{100 * self.level:g} %"
        )
        return "\n".join(lines)


def go_on(path, data, progress: Callable | None = None) -> Continued:
    """Score a kept model on new rows, fit it to them, and forecast.

    Parameters
    ----------
    path : str or pathlib.Path
        What ``Verdict.save`` or ``Continued.save`` wrote.
    data : Reading
        Of a file with all rows, or with those that follow.
    progress : callable
        Is called with a text when a stage begins.

    Returns
    -------
    Continued
        What became of the score, and the forecast.

    Raises
    ------
    ValueError
        If the file is none of these, or ``data`` does not go on from there.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from gru_tutorial import read_series
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> file, model = folder / "data.csv", folder / "model.pt"
    >>> rows = [f"{k},{k % 7}" for k in range(100)]
    >>> _ = file.write_text("\\n".join(["t,y", *rows[:90]]))
    >>> judge(read_series(file), 2, rivals=("ridge",), updates=2).save(model)
    >>> _ = file.write_text("\\n".join(["t,y", *rows]))
    >>> continued = go_on(model, read_series(file))
    >>> continued.rows, continued.fallen
    (10, False)
    """
    if progress is not None:
        check_callable("progress", progress, "progress(text)")
    say = progress or _silent
    kept = Kept.load(path)
    tables, rows, changed = _joined_all(kept, data)
    raw = [table.frame.to_numpy(np.float64) for table in tables]
    panel, parts = kept.panel.with_series(raw), kept.parts
    errors, new = kept.errors, None
    if rows >= parts.horizon:
        say("score: on the new rows")
        ends = np.arange(rows, parts.horizon - 1, -parts.step)
        y_hat = kept.model(panel.histories(ends, parts.seen), parts.horizon)
        new = panel.truths(ends, parts.horizon) - y_hat
        errors = np.concatenate([errors, new], axis=1)
    say(f"forecast: {kept.model} is fitted to all values")
    model = refitted(kept.model, panel, kept.updates)
    radius = SplitConformal(kept.level).fit(pooled(errors)).radius
    unit = panel.std[0] if len(raw) == 1 else 1.0
    return Continued(
        str(model),
        rows,
        changed,
        0 if new is None else new.shape[1],
        unit * _rms(kept.errors),
        None if new is None else unit * _rms(new),
        None if new is None else has_fallen(kept.errors, new, parts.step),
        kept.level,
        forecast_of(model, panel, parts, radius, tables),
        kept._replace(model=model, panel=panel, errors=errors, tables=tables),
    )


def _rms(errors: np.ndarray) -> float:
    return float(np.sqrt(np.mean(errors**2)))


def _joined_all(kept: Kept, data) -> tuple:
    """Return the series with the new rows: as many for each of them."""
    given = getattr(data, "tables", None)
    if not isinstance(given, tuple):
        raise ValueError(
            f"data: expected a Reading, got {type(data).__name__}"
        )
    found = {table.name: table for table in given}
    names = [table.name for table in kept.tables]
    if sorted(found) != sorted(names):
        raise ValueError(
            f"data: expected the series {names[:5]}, got {list(found)[:5]}"
        )
    all_three = [joined(one, found[one.name]) for one in kept.tables]
    tables, rows, changed = zip(*all_three, strict=True)
    if len(set(rows)) > 1:
        raise ValueError(
            f"data: expected as many new rows for each series, got "
            f"{min(rows)} to {max(rows)}"
        )
    return tables, rows[0], sum(changed)
