"""Steps of time: how far apart rows are, in which order, what is missing."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
import pandas as pd

from gru_tutorial._reading.problems import Problem, count, some
from gru_tutorial._reading.times import DATE, SECOND

DAY = 86400 * SECOND
UNITS = (
    ("week", 7 * DAY),
    ("day", DAY),
    ("hour", 3600 * SECOND),
    ("minute", 60 * SECOND),
    ("second", SECOND),
    ("millisecond", 1000),
    ("microsecond", 1),
)
MONTHLY = {1: "month", 3: "quarter", 12: "year"}
CLOSE = 0.01  # of a step: times that are numbers may be rounded


class Step(NamedTuple):
    """The distance of one row to the next.

    ``kind`` is "fixed" (``size`` in microseconds), "months", "month ends",
    "business days", "numbers", or "rows": each row is one, whatever its time.
    """

    kind: str
    size: float = 1.0

    def __str__(self) -> str:
        """Return it in words."""
        if self.kind in ("months", "month ends"):
            size = int(self.size)
            told = MONTHLY.get(size, f"{size} months")
            return told + (", at its end" if self.kind == "month ends" else "")
        if self.kind == "business days":
            return "business day"
        if self.kind == "rows":
            return "row"
        if self.kind == "numbers":
            return f"{self.size:.10g}"
        for unit, size in UNITS:
            if self.size % size == 0:
                n = int(self.size // size)
                return unit if n == 1 else f"{n} {unit}s"
        return f"{self.size} microseconds"

    def positions(self, times: np.ndarray) -> np.ndarray:
        """Return how many steps each time is after the first one."""
        if self.kind == "rows":
            return np.arange(len(times), dtype=float)
        if self.kind == "numbers":
            return (times - times[0]) / self.size
        if self.kind in ("months", "month ends"):
            months = times.astype("datetime64[M]").astype(np.int64)
            return (months - months[0]) / self.size
        if self.kind == "business days":
            days = times.astype("datetime64[D]")
            return np.busday_count(days[0], days).astype(float)
        micro = times.astype(DATE).astype(np.int64)
        return (micro - micro[0]) / self.size

    def times(self, first, positions: np.ndarray) -> np.ndarray:
        """Return the times that are so many steps after the first one."""
        positions = np.asarray(positions).astype(np.int64)
        if self.kind == "numbers":
            return first + positions * self.size
        first = np.datetime64(first).astype(DATE)
        if self.kind in ("months", "month ends"):
            return self._in_months(first, positions)
        if self.kind == "business days":
            day = first.astype("datetime64[D]")
            days = np.busday_offset(day, positions).astype(DATE)
            return days + (first - day.astype(DATE))
        return first + (positions * int(self.size)).astype("timedelta64[us]")

    def _in_months(self, first, positions: np.ndarray) -> np.ndarray:
        month = first.astype("datetime64[M]")
        found = month + positions * int(self.size)
        if self.kind == "month ends":
            ends = (found + 1).astype("datetime64[D]") - 1
            clock = first - first.astype("datetime64[D]").astype(DATE)
            return ends.astype(DATE) + clock
        return found.astype(DATE) + (first - month.astype(DATE))


def find_step(times: np.ndarray) -> Step:
    """Return the step that most of the sorted, different times keep."""
    if times.dtype.kind != "M":
        return _step_of_numbers(times)
    micro = times.astype(DATE).astype(np.int64)
    diffs = np.diff(micro)
    usual = Counter(diffs.tolist()).most_common(1)[0][0]
    calendar = _in_calendar(times, micro, usual)
    return calendar or Step("fixed", usual)


def _step_of_numbers(times: np.ndarray) -> Step:
    diffs = np.diff(times)
    middle = np.median(diffs)
    near = diffs[np.abs(diffs - middle) <= CLOSE * middle]
    size = float(near.mean()) if near.size else float(middle)
    places = round(size, 9)
    return Step(
        "numbers", places if abs(places - size) < 1e-9 * size else size
    )


def _in_calendar(times: np.ndarray, micro: np.ndarray, usual: int):
    """Return a step of months or business days, if the times keep one."""
    if len(set((micro % DAY).tolist())) > 1 or usual % DAY:
        return None
    days = times.astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    if usual >= 28 * DAY:
        of_month = (days - months.astype("datetime64[D]")).astype(int)
        steps = Counter(np.diff(months.astype(np.int64)).tolist())
        size = steps.most_common(1)[0][0]
        next_day = (days + 1).astype("datetime64[M]")
        if len(set(of_month.tolist())) == 1 and of_month[0] < 28:
            return Step("months", size)
        if (next_day != months).all():
            return Step("month ends", size)
        return None
    if usual == DAY and np.is_busday(days).all() and len(days) > 5:
        return Step("business days")
    return None


class Rows(NamedTuple):
    """A series' rows: lines of the file, times, and columns of numbers.

    ``places`` are those of the rows in the grid of cells.
    """

    places: np.ndarray
    rows: np.ndarray
    times: np.ndarray
    columns: dict[str, np.ndarray]
    titles: tuple[str, str]  # of time and value

    def take(self, kept) -> Rows:
        """Return some of the rows."""
        columns = {k: v[kept] for k, v in self.columns.items()}
        places, rows = self.places[kept], self.rows[kept]
        return Rows(places, rows, self.times[kept], columns, self.titles)

    def time(self, k: int) -> str:
        """Return a time in words."""
        return told(self.times[k])


def told(time) -> str:
    """Return one time in words."""
    if isinstance(time, np.datetime64):
        text = str(pd.Timestamp(time))
        return text.removesuffix(":00") if text.count(":") == 2 else text
    return f"{time:.10g}"


def in_order(data: Rows, options, found: list, done: list[str]) -> Rows:
    """Return the rows sorted by time, and say so; or name the first fault."""
    back = np.flatnonzero(data.times[1:] < data.times[:-1])
    if not back.size:
        return data
    k = int(back[0]) + 1
    if options.sort:
        done.append(
            f"sorted by time: {count(len(back), 'row')} stood too late"
        )
    else:
        all_back = len(back) == len(data.times) - 1
        why = (
            "rows run from new to old"
            if all_back
            else (f"{count(len(back), 'row')} out of order")
        )
        found.append(
            Problem(
                "order",
                f"expected times that rise, got {data.time(k)} after "
                f"{data.time(k - 1)}: {why}",
                int(data.rows[k]),
                data.titles[0],
                ("--sort",),
            )
        )
    return data.take(np.argsort(data.times, kind="stable"))


def without_doubles(grid, data: Rows, options, found, done) -> Rows:
    """Return rows with different times; what comes twice is mended as told."""
    times = data.times
    new = np.r_[True, times[1:] != times[:-1]]
    double, first = np.flatnonzero(~new), np.flatnonzero(new)
    if not double.size:
        return data
    group = np.cumsum(new) - 1
    before = first[group[double]]
    pairs = zip(data.places[double], data.places[before], strict=True)
    same = np.array([_are_same(grid, k, j) for k, j in pairs])
    how = options.duplicates
    if how is None or (how == "drop-identical" and not same.all()):
        found += _doubles(grid, data, double, same, before)
    elif how == "mean":
        merged = pd.DataFrame(data.columns).groupby(group).mean()
        columns = {k: merged[k].to_numpy() for k in data.columns}
        done.append(_mended(double, same, "the mean is taken"))
        return data.take(first)._replace(columns=columns)
    else:
        done.append(_mended(double, same, "the first is kept"))
    return data.take(first)


def _are_same(grid, k: int, j: int) -> bool:
    """Tell whether two rows are equal, cell by cell."""
    return all(cells[k] == cells[j] for cells in grid.cells)


def _mended(double, same, told: str) -> str:
    kinds = f"{int(same.sum())} identical, {int((~same).sum())} conflicting"
    return f"{count(len(double), 'time')} came again ({kinds}): {told}"


def _doubles(grid, data: Rows, double, same, before) -> list[Problem]:
    """Return what is wrong: identical rows apart from conflicting ones."""
    problems = []
    for kind, kept, repairs in (
        ("identical", same, ("drop-identical", "first")),
        ("conflicting", ~same, ("mean", "first")),
    ):
        if not kept.any():
            continue
        k, j = int(double[kept][0]), int(before[kept][0])
        what = "the same in all cells"
        if kind == "conflicting":
            what = _difference(grid, data, k, j)
        n = int(kept.sum())
        more = f" ({n} such rows)" if n > 1 else ""
        flags = tuple(f"--duplicates {one}" for one in repairs)
        if kind == "conflicting":
            flags = _apart(grid, data) + flags
        problems.append(
            Problem(
                f"{kind} duplicate",
                f"expected each time once, got {data.time(k)} again, as in "
                f"row {data.rows[j]}, {what}{more}{_hint(data, k)}",
                int(data.rows[k]),
                data.titles[0],
                flags,
            )
        )
    return problems


def _difference(grid, data: Rows, k: int, j: int) -> str:
    """Say in what two rows of one time differ: the value, or another cell."""
    value = data.columns[data.titles[1]]
    if not np.isclose(value[k], value[j], rtol=1e-12, atol=0, equal_nan=True):
        return f"with {_value(value[k])}, not {_value(value[j])}"
    a, b = data.places[k], data.places[j]
    for title, cells in zip(grid.header, grid.cells, strict=True):
        if cells[a] != cells[b]:
            return f"with {cells[a]!r} in {title!r}, not {cells[b]!r}"
    return "with the same cells"


def _value(value: float) -> str:
    return "a missing value" if np.isnan(value) else f"{value:.10g}"


def _apart(grid, data: Rows) -> tuple[str, ...]:
    """Return the flag for a column that tells series apart, if one does."""
    for title, cells in zip(grid.header, grid.cells, strict=True):
        if title in (*data.titles, *data.columns):
            continue
        names = [cells[k] for k in data.places]
        pairs = set(zip(names, data.times.tolist(), strict=True))
        if 1 < len(set(names)) <= len(names) // 2 == len(pairs) // 2:
            return (f"--series {title!r}",)
    return ()


def _hint(data: Rows, k: int) -> str:
    """Say if an hour that comes twice may be a clock that is set back."""
    time = data.times[k]
    if time.dtype.kind != "M":
        return ""
    stamp = pd.Timestamp(time)
    autumn = stamp.day_of_week == 6 and stamp.month in (10, 11)
    if autumn and 0 <= stamp.hour <= 3 and stamp.hour + stamp.minute > 0:
        return " (the clock is set back on such a Sunday: --tz ZONE?)"
    return ""


def check_steps(data: Rows, step: Step, found: list) -> np.ndarray:
    """Return each row's position in steps; name the first uneven step."""
    exact = step.positions(data.times)
    nearest = np.rint(exact)
    slack = CLOSE if step.kind == "numbers" else 1e-12
    uneven = np.abs(exact - nearest) > slack
    same_day = np.r_[False, nearest[1:] == nearest[:-1]]
    bad = np.flatnonzero(uneven | same_day)
    if bad.size:
        found.append(_uneven(data, step, int(bad[0])))
    return nearest.astype(np.int64)


def _uneven(data: Rows, step: Step, k: int) -> Problem:
    """Say where the step changes, and to what."""
    times = data.times
    diffs = np.diff(
        times.astype(DATE).astype(np.int64)
        if times.dtype.kind == "M"
        else times
    )
    counts = Counter(diffs.tolist())
    usual, often = counts.most_common(1)[0]
    kind = "fixed" if times.dtype.kind == "M" else "numbers"
    share = round(100 * often / len(diffs))
    after = [Step(kind, d) for d in diffs[k - 1 : k + 3].tolist()]
    message = (
        f"expected even steps, got {data.time(k)} after {data.time(k - 1)}: "
        f"{len(counts)} different steps, {Step(kind, usual)} in {share} %"
    )
    if len(counts) == 2 and len({str(one) for one in after}) == 1:
        message += f"; from here on {after[0]}"
    every = "--every 1h, or another step, for means"
    rows = "--every row, if each row is one step"
    repairs = (every, rows) if kind == "fixed" else (rows,)
    return Problem(
        "uneven", message, int(data.rows[k]), data.titles[0], repairs
    )


def check_gaps(data: Rows, step: Step, positions, options, found) -> int:
    """Return how many steps have no row; name the first gap."""
    gaps = np.flatnonzero(np.diff(positions) > 1)
    if not gaps.size:
        return 0
    lost = np.diff(positions)[gaps] - 1
    if options.fill is None:
        found.append(_gap(data, step, positions, gaps, lost))
    return int(lost.sum())


def _gap(data: Rows, step: Step, positions, gaps, lost) -> Problem:
    k = int(gaps[0]) + 1
    first = step.times(data.times[0], positions[k - 1 : k] + 1)[0]
    repairs = ["--fill previous", "--fill interpolate"]
    if step.kind == "business days":
        repairs.append("--every row, if holidays are no steps")
    even = len(gaps) > 2 and (np.diff(gaps) == 1).all() and np.ptp(lost) == 0
    mixed = ""
    if even and step.kind == "fixed":
        wide = Step("fixed", int(step.size) * (int(lost[0]) + 1))
        last = data.rows[gaps[-1] + 1]
        mixed = f"; up to row {last} each is {wide} apart: two frequencies?"
        repairs.insert(0, "--every 1h, or another step, for means")
    return Problem(
        "gap",
        f"expected a row for each {step}, got none for "
        f"{told(first)}{_after_gap(data, k)}: {count(len(gaps), 'gap')}, "
        f"{count(int(lost.sum()), 'step')} in all, the longest "
        f"{int(lost.max())}{mixed}",
        int(data.rows[k]),
        data.titles[0],
        tuple(repairs),
    )


def _after_gap(data: Rows, k: int) -> str:
    """Say if a missing hour may be a clock that is set forward."""
    if data.times.dtype.kind != "M":
        return ""
    before, after = (
        pd.Timestamp(data.times[k - 1]),
        pd.Timestamp(data.times[k]),
    )
    spring = after.day_of_week == 6 and after.month in (3, 4)
    hour = pd.Timedelta("1h")
    if spring and before.hour <= 2 and hour < after - before <= 2 * hour:
        return " (the clock is set forward on such a Sunday: --tz ZONE?)"
    return ""


def check_missing(data: Rows, title: str, options, found: list) -> None:
    """Name the first missing value of a column, if none fills it."""
    bad = np.flatnonzero(np.isnan(data.columns[title]))
    if not bad.size or (options.fill is not None and bad[0] > 0):
        return
    k, n = int(bad[0]), len(bad)
    repairs = ("--fill previous", "--fill interpolate")
    what = "expected a number, got a missing value"
    if bad[0] == 0:
        lead = int(np.argmin(np.isnan(data.columns[title])))
        repairs = (f"--drop-rows {_range(data.rows[:lead])}",)
        what += " before the first one, which nothing can fill"
    else:
        what += f" at {data.time(k)}"
    more = f" ({n} in {some(data.rows[bad])})" if n > 1 else ""
    found.append(
        Problem(
            "missing value", what + more, int(data.rows[k]), title, repairs
        )
    )


def _range(rows) -> str:
    rows = list(map(int, rows))
    if len(rows) == 1:
        return str(rows[0])
    if rows[-1] - rows[0] == len(rows) - 1:
        return f"{rows[0]}-{rows[-1]}"
    return ",".join(map(str, rows))


def filled(data: Rows, step: Step, positions, options, done) -> tuple:
    """Return times and columns at every step, filled as told."""
    wanted = np.arange(positions[-1] + 1)
    added = len(wanted) - len(positions)
    times = data.times
    if added:
        times = step.times(data.times[0], wanted)
        times[positions] = data.times
    columns = {}
    for title, values in data.columns.items():
        known = ~np.isnan(values)
        holes = len(wanted) - int(known.sum())
        columns[title] = values
        if holes:
            columns[title] = _fill(
                wanted, positions[known], values[known], options.fill
            )
            longest = int(np.diff(positions[known]).max()) - 1
            rest = f", {added} of them in gaps" if added else ""
            done.append(
                f"filled {count(holes, 'value')} of {title!r} by "
                f"{options.fill}{rest}; the longest run is {longest}"
            )
    return times, columns


def _fill(wanted, known, values, how: str) -> np.ndarray:
    if how == "interpolate":
        return np.interp(wanted, known, values)
    return values[np.searchsorted(known, wanted, side="right") - 1]


def resampled(data: Rows, options, done: list[str]) -> Rows:
    """Return one row for each step that was asked for."""
    every, how = options.every, options.aggregate
    if data.times.dtype.kind != "M":
        raise ValueError(
            f"every: expected 'row', as {data.titles[0]!r} holds numbers, "
            f"not dates, got {every!r}"
        )
    offset = _offset(every, data.times)
    index = pd.DatetimeIndex(data.times)
    table = pd.DataFrame(data.columns, index=index)
    groups = table.resample(offset)
    values = getattr(groups, how)()
    values = values.where(groups.count() > 0)  # a sum of none is no 0
    sizes = groups.size()
    first = np.r_[0, sizes.to_numpy().cumsum()[:-1]]
    first = np.minimum(first, len(data.rows) - 1)
    lost = int(np.isnan(table.to_numpy()).sum())
    if lost:
        done.append(f"left {count(lost, 'missing value')} out of each {how}")
    done.append(
        f"{len(table):,} rows became {len(values):,} steps of {every}, the "
        f"{how} of {int(sizes[sizes > 0].min())} to {int(sizes.max())} rows"
    )
    columns = {k: values[k].to_numpy() for k in data.columns}
    times = values.index.to_numpy().astype(DATE)
    places, rows = data.places[first], data.rows[first]
    return Rows(places, rows, times, columns, data.titles)


def _offset(every: str, times: np.ndarray):
    """Return what pandas calls a frequency, if it is not far too fine."""
    try:
        offset = pd.tseries.frequencies.to_offset(every)
        span = pd.Timestamp(times[-1]) - pd.Timestamp(times[0])
        steps = span / pd.Timedelta(offset) if _is_fixed(offset) else 0
    except Exception as error:  # pandas raises several kinds
        raise ValueError(
            f"every: expected 'row', or a step such as 1h, 30min, D or MS, "
            f"got {every!r} ({error})"
        ) from None
    if not 0 <= steps <= 20 * len(times) + 1000:
        raise ValueError(
            f"every: expected a step not far below the file's, got {every!r}: "
            f"{steps:,.0f} steps of {len(times):,} rows"
        )
    return offset


def _is_fixed(offset) -> bool:
    return isinstance(offset, (pd.offsets.Tick, pd.offsets.Day))
