"""One series of a file: in order, at even steps, without holes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from gru_tutorial._reading.problems import FileProblem, Problem, count, refuse
from gru_tutorial._reading.steps import (
    Rows,
    Step,
    check_gaps,
    check_missing,
    check_steps,
    filled,
    find_step,
    in_order,
    resampled,
    without_doubles,
)
from gru_tutorial.checks import MAX_HORIZON, check_int, is_constant

FEWEST = 3  # rows of a series
SENTINELS = {-99.0, -99.9, -999.0, -999.9, -9999.0, -99999.0, 999.0} | {
    9999.0,
    99999.0,
    999999.0,
    9999999.0,
}


class Table(NamedTuple):
    """One series: ``frame`` has times as index, the value as first column.

    ``step`` is the distance of its rows; ``after`` the number of rows in the
    file that come after the last value.
    """

    name: str
    frame: pd.DataFrame
    step: Step
    after: int = 0

    @property
    def values(self) -> np.ndarray:
        """The values of shape (time,), float64."""
        return self.frame.iloc[:, 0].to_numpy(np.float64)

    def __str__(self) -> str:
        """Return what it holds, in a line."""
        head = f"series {self.name!r}: " if self.name else ""
        index = self.frame.index
        first, last = _shown(index[0]), _shown(index[-1])
        size = count(len(index), "value")
        if self.step.kind == "numbers" and index.name == "row":
            return f"{head}{size}, one each row"
        return f"{head}{size}, one each {self.step}, from {first} to {last}"

    def following(self, horizon: int) -> pd.Index:
        """Return the times of the steps that follow.

        Parameters
        ----------
        horizon : int
            How many.
        """
        horizon = check_int("horizon", horizon, 1, MAX_HORIZON)
        index = self.frame.index
        steps = np.arange(1, horizon + 1)
        if self.step.kind == "rows":
            return pd.Index(steps, name="step")
        if not isinstance(index, pd.DatetimeIndex):
            found = self.step.times(index[-1], steps)
            return pd.Index(found, name=index.name)
        utc = (
            index[-1:].tz_convert("UTC").tz_localize(None)
            if index.tz
            else index[-1:]
        )
        found = self.step.times(utc.to_numpy()[0], steps)
        return _dates(found, index.tz, index.name)


def _shown(time) -> str:
    if isinstance(time, pd.Timestamp):
        text = str(time)
        return text.removesuffix(":00") if text.count(":") == 2 else text
    return f"{time:.10g}"


def _dates(times, zone, name) -> pd.DatetimeIndex:
    index = pd.DatetimeIndex(times, name=name)
    if zone is None:
        return index
    return index.tz_localize("UTC").tz_convert(zone)


def table_of(grid, name, data: Rows, zone, chosen, options, notes) -> Table:
    """Return a series without faults, or say which ones it has."""
    found: list[Problem] = []
    done: list[str] = []
    if len(data.rows) < FEWEST:
        _too_few(grid, name, data, len(data.rows))
    data = in_order(data, options, found, done)
    if options.every != "row":
        data = without_doubles(grid, data, options, found, done)
    data, after = _until_last_value(grid, name, data, done)
    if options.every not in (None, "row"):
        data = resampled(data, options, done)
    if len(data.rows) < FEWEST:
        _too_few(grid, name, data, len(data.rows))
    step = Step("rows") if options.every == "row" else find_step(data.times)
    positions = check_steps(data, step, found)
    uneven = any(one.kind == "uneven" for one in found)
    if not uneven:
        check_gaps(data, step, positions, options, found)
    for title in data.columns:
        check_missing(data, title, options, found)
    if found:
        raise FileProblem(grid.name, [_of(name, one) for one in found])
    times, columns = filled(data, step, positions, options, done)
    values = columns[data.titles[1]]
    head = f"series {name!r}: " if name else ""
    grid.done += [head + one for one in done]
    notes += [head + one for one in _notes(values)]
    index = _index(times, zone, data.titles[0], chosen)
    frame = pd.DataFrame(columns, index=index)
    return Table(name, _with_calendar(frame, chosen, step), step, after)


def _of(name: str, problem: Problem) -> Problem:
    if not name:
        return problem
    return problem._replace(message=f"series {name!r}: {problem.message}")


def _too_few(grid, name: str, data: Rows, n: int) -> None:
    whose = f"of series {name!r} " if name else ""
    refuse(
        grid.name,
        "too short",
        f"expected at least {FEWEST} rows {whose}with a value, got {n}",
    )


def _until_last_value(grid, name: str, data: Rows, done: list[str]):
    """Return the rows up to the last value, and how many come after."""
    known = np.flatnonzero(~np.isnan(data.columns[data.titles[1]]))
    if not known.size:
        whose = f" of series {name!r}" if name else ""
        refuse(
            grid.name,
            "no values",
            f"expected numbers{whose}, but all {len(data.rows):,} cells are "
            f"missing",
            row=int(data.rows[0]),
            column=data.titles[1],
        )
    n = int(known[-1]) + 1
    after = len(data.rows) - n
    if after:
        done.append(
            f"{count(after, 'row')} after the last value, from row "
            f"{data.rows[n]} on: taken as the future"
        )
    return data.take(slice(0, n)), after


def _notes(values: np.ndarray) -> list[str]:
    """Return what may be wrong with a series though it can be read."""
    if bool(is_constant(values)):
        return [f"all values are {values[0]:.10g}: nothing can be learnt"]
    notes = []
    for odd in (values.min(), values.max()):
        rest = values[values != odd]
        often = len(values) - len(rest)
        far = abs(odd - np.median(rest)) > 5 * (rest.std() or 1.0)
        if float(odd) in SENTINELS and far:
            notes.append(
                f"{odd:g} comes {often} times, far from all else: is it a "
                f"missing value? --missing {odd:g}"
            )
    return notes


def _index(times: np.ndarray, zone, title: str, chosen) -> pd.Index:
    if times.dtype.kind == "M":
        return _dates(times, zone, title)
    if not chosen.time:
        title = "row"
    if (times == np.rint(times)).all() and np.abs(times).max() < 2**53:
        return pd.Index(times.astype(np.int64), name=title)
    return pd.Index(times, name=title)


def _with_calendar(frame: pd.DataFrame, chosen, step: Step) -> pd.DataFrame:
    """Add what the calendar knows: cycles as sine and cosine, weekdays."""
    if not chosen.calendar:
        return frame
    if not isinstance(frame.index, pd.DatetimeIndex):
        raise ValueError(
            f"columns: expected dates for {chosen.calendar[0]!r}, but the "
            f"times are no dates"
        )
    index, added = frame.index, {}
    for word in chosen.calendar:
        if word == "weekday":
            for day in range(7):
                added[f"weekday {day}"] = (index.day_of_week == day) * 1.0
            continue
        turn = index.hour / 24 + index.minute / 1440
        if word == "month":
            turn = (index.day_of_year - 1) / 365.25
        added[f"{word} sin"] = np.sin(2 * np.pi * turn)
        added[f"{word} cos"] = np.cos(2 * np.pi * turn)
    return pd.concat([frame, pd.DataFrame(added, index=index)], axis=1)
