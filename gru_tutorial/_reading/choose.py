"""Which column is the time, which the value: found if plain, else asked."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gru_tutorial._reading.cells import (
    Dialect,
    all_fit,
    dialect_of,
    is_missing,
    is_number,
    numbers,
    to_floats,
)
from gru_tutorial._reading.grid import SAMPLE, Grid
from gru_tutorial._reading.problems import refuse, shown
from gru_tutorial._reading.times import (
    COMPACT,
    PATTERNS,
    Column,
    Times,
    from_numbers,
    is_clock,
    is_time,
    localised,
    read_dates,
)

PLAIN = {"value", "values", "y", "target"}
COUNTING = {
    *("", "t", "time", "index", "step", "timestamp", "date", "datetime"),
    *("epoch", "unix", "year", "id", "n", "nr", "no", "i", "row", "ds"),
}
CALENDAR = ("hour", "weekday", "month")


class Chosen(NamedTuple):
    """The columns that are used, by their places, and how they are written."""

    time: tuple[int, ...]
    value: int
    columns: tuple[int, ...]
    series: int | None
    calendar: tuple[str, ...]
    dialect: Dialect
    counts: bool  # whether the time is a number


def kinds_of(grid: Grid) -> list[str]:
    """Return what each column holds, by its first rows."""
    found = []
    for cells in grid.cells:
        known = [cell for cell in cells if not is_missing(cell)]
        known = known[:SAMPLE]
        some = max(1, len(known)) / 2
        if not known:
            found.append("nothing")
        elif sum(map(is_number, known)) >= some:
            found.append("number")
        elif all(map(is_clock, known)):
            found.append("clock")
        elif sum(map(is_time, known)) >= some:
            found.append("time")
        else:
            found.append("text")
    return found


def place(grid: Grid, argument: str, wanted: str) -> int:
    """Return the place of a column by its name, or its number from 1."""
    places = [k for k, name in enumerate(grid.header) if name == wanted]
    if len(places) == 1:
        return places[0]
    if places:
        numbered = ", ".join(str(k + 1) for k in places)
        raise ValueError(
            f"{argument}: expected a column, but {wanted!r} names several: "
            f"say one of the numbers {numbered}"
        )
    if wanted.isdecimal() and 1 <= int(wanted) <= len(grid.header):
        return int(wanted) - 1
    names = ", ".join(map(repr, grid.header[:20]))
    raise ValueError(
        f"{argument}: expected a column of {grid.name}, one of {names}, got "
        f"{wanted!r}"
    )


def choose(grid: Grid, options) -> Chosen:
    """Return the columns that the reader named, or those that are plain."""
    kinds, done = kinds_of(grid), grid.done
    series = None
    if options.series is not None:
        series = place(grid, "series", options.series)
    calendar, columns = _extra(grid, options)
    value = None
    if options.value is not None:
        value = place(grid, "value", options.value)
    taken = {series, value, *columns}
    dialect = _dialect(grid, kinds, [value, *columns], options)
    time = _time(grid, kinds, taken, dialect, options)
    if value is None:
        value = _value(grid, kinds, taken | {*time}, options)
    _check_apart(grid, time, value, columns, series)
    counts = len(time) == 1 and kinds[time[0]] == "number"
    counts = counts and not (options.date_format or _compact(grid, time))
    chosen = Chosen(time, value, columns, series, calendar, dialect, counts)
    _say(grid, kinds, chosen, done)
    return chosen


def _extra(grid: Grid, options) -> tuple:
    """Return words of the calendar, and places of the other columns."""
    calendar, columns = [], []
    for one in options.columns:
        if one in CALENDAR and one not in grid.header:
            calendar.append(one)
        else:
            columns.append(place(grid, "columns", one))
    return tuple(calendar), tuple(columns)


def _dialect(grid: Grid, kinds, named, options) -> Dialect:
    """Return how the file's numbers are written."""
    used = [k for k, kind in enumerate(kinds) if kind == "number"]
    used += [k for k in named if k is not None and k not in used]
    return dialect_of(grid.name, grid, used, options)


def _time(grid: Grid, kinds, taken, dialect, options) -> tuple[int, ...]:
    if options.time == ("none",):
        return ()
    if options.time is not None:
        return tuple(place(grid, "time", one) for one in options.time)
    dates = [k for k, kind in enumerate(kinds) if kind == "time"]
    dates = [k for k in dates if k not in taken]
    clocks = [k for k, kind in enumerate(kinds) if kind == "clock"]
    if len(dates) == 1 and len(clocks) == 1 and _is_date(grid, dates[0]):
        return dates[0], clocks[0]
    if len(dates) > 1:
        names = [grid.header[k] for k in dates]
        refuse(
            grid.name,
            "several times",
            f"expected one column of times, got {', '.join(map(repr, names))}",
            repairs=tuple(f"--time {name}" for name in names),
        )
    if dates:
        return (dates[0],)
    return _counting(grid, kinds, taken, dialect)


def _is_date(grid: Grid, k: int) -> bool:
    """Tell whether a column's times have no clock."""
    return not any(":" in cell for cell in grid.cells[k][:SAMPLE])


def _counting(grid: Grid, kinds, taken, dialect) -> tuple[int, ...]:
    """Return the first column, if it counts and another holds values."""
    numeric = [k for k, kind in enumerate(kinds) if kind == "number"]
    left = [k for k in numeric if k not in taken]
    if not left or left[0] != 0 or len(numeric) < 2:
        return ()
    name = grid.header[0].lower() if grid.has_header else ""
    named = name in COUNTING or name in ("1", "unnamed: 0")
    if not named or not all_fit(grid.cells[0], dialect):
        return ()
    values = to_floats(grid.cells[0], dialect)
    steps = np.diff(values[~np.isnan(values)])
    if not steps.size or np.mean(np.abs(steps) > 0) < 0.5:
        return ()
    even = np.ptp(steps) <= 1e-6 * abs(steps[0])
    dated = values[0] >= 1e8 or _compact(grid, (0,))
    return (0,) if even or dated or grid.has_header else ()


def _compact(grid: Grid, time: tuple[int, ...]) -> bool:
    """Tell whether numbers are dates such as 20200131."""
    if len(time) != 1:
        return False
    cells = [c for c in grid.cells[time[0]] if not is_missing(c)]
    return bool(cells) and all(map(PATTERNS[COMPACT].fullmatch, cells))


def _value(grid: Grid, kinds, taken, options) -> int:
    left = [
        k
        for k, kind in enumerate(kinds)
        if kind == "number" and k not in taken
    ]
    if len(left) == 1:
        return left[0]
    plain = [k for k in left if grid.header[k].lower() in PLAIN]
    if len(plain) == 1:
        return plain[0]
    names = [grid.header[k] for k in left]
    if names:
        refuse(
            grid.name,
            "several values",
            f"expected one column of numbers, got {len(names)}: "
            f"{', '.join(map(repr, names[:8]))}",
            repairs=tuple(f"--value {name!r}" for name in names[:3])
            + (("--decimal ,",) if grid.delimiter == "," else ()),
        )
    first = next((k for k in range(len(kinds)) if k not in taken), 0)
    cell = shown(grid.cells[first][0])
    refuse(
        grid.name,
        "no values",
        f"expected a column of numbers, got none: {cell}",
        row=int(grid.rows[0]),
        column=grid.header[first],
    )


def _check_apart(grid: Grid, time, value, columns, series) -> None:
    used = [*time, value, *columns, *([] if series is None else [series])]
    for k in used:
        if used.count(k) > 1:
            raise ValueError(
                f"time, value, columns, series: expected different columns, "
                f"got {grid.header[k]!r} twice"
            )


def _say(grid: Grid, kinds, chosen: Chosen, done: list[str]) -> None:
    """Say which columns are used, and which are not."""
    names = grid.header
    time = " and ".join(repr(names[k]) for k in chosen.time)
    done.append(f"time: {time or 'none, each row is one step'}")
    done.append(f"value: {names[chosen.value]!r}")
    if chosen.columns or chosen.calendar:
        extra = [*(names[k] for k in chosen.columns), *chosen.calendar]
        done.append(f"beside it: {', '.join(map(repr, extra))}")
    used = {*chosen.time, chosen.value, *chosen.columns, chosen.series}
    rest = [
        f"{name!r} ({kinds[k]})"
        for k, name in enumerate(names)
        if k not in used
    ]
    if rest:
        more = f" and {len(rest) - 8} more" if len(rest) > 8 else ""
        done.append(f"not used: {', '.join(rest[:8])}{more}")
    if chosen.dialect != (".", ""):
        done.append(f"numbers have a {chosen.dialect}")


def _joined(grid: Grid, time: tuple[int, ...]) -> list[str]:
    """Return dates with their clocks, each of which must be there."""
    for place in time:
        for k, cell in enumerate(grid.cells[place]):
            if is_missing(cell):
                refuse(
                    grid.name,
                    "time",
                    f"expected a time, got {shown(cell)}",
                    row=int(grid.rows[k]),
                    column=grid.header[place],
                    repairs=(f"--drop-rows {grid.rows[k]}",),
                )
    both = zip(*(grid.cells[place] for place in time), strict=True)
    return [" ".join(pair) for pair in both]


def times_of(grid: Grid, chosen: Chosen, options) -> Times:
    """Return the times of all rows."""
    if not chosen.time:
        return Times(np.arange(len(grid.rows), dtype=float))
    title = " ".join(grid.header[k] for k in chosen.time)
    cells = grid.cells[chosen.time[0]]
    if len(chosen.time) == 2:
        cells = _joined(grid, chosen.time)
    column = Column(grid.name, title, grid.rows, cells)
    if chosen.counts:
        k = chosen.time[0]
        usual = Dialect() if all_fit(cells, Dialect()) else chosen.dialect
        values = numbers(grid.name, grid, k, usual)
        times = from_numbers(column, values, grid.done)
    else:
        times = read_dates(column, options, grid.done)
    if options.tz and times.are_dates:
        times = localised(column, times, options.tz, grid.done)
    return times
