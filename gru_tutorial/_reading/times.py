"""Times as people write them: which order of day and month, which zone."""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

import numpy as np
import pandas as pd

from gru_tutorial._reading.cells import is_missing
from gru_tutorial._reading.problems import refuse, shown, some

MONTHS = (
    *("jan", "feb", "mar", "apr", "may", "jun"),
    *("jul", "aug", "sep", "oct", "nov", "dec"),
)
MONTH = (
    "(?P<word>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|"
    "july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|"
    "dec(?:ember)?)"
)
DAY = "(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*[., ]+)?"
CLOCK = (
    "(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})"
    "(?::(?P<second>[0-9]{2})(?:[.,](?P<part>[0-9]{1,9}))?)?"
    r" *(?P<half>[ap]\.?m\.?)?"
)
ZONE = (
    "(?: *(?P<zone>z|utc|gmt|[-+][0-9]{2}(?::?[0-9]{2})?|[a-z]{3,5})"
    r"(?:\[[a-z_+-]+(?:/[a-z0-9_+-]+)*\])?)?"  # [Europe/Berlin]
)
TAIL = f"(?:(?:t| *,? +){CLOCK}{ZONE})?"
FORMS = {
    "year-month-day": (
        "(?P<year>[0-9]{4})(?P<mark>[-/.])(?P<month>[0-9]{1,2})(?P=mark)"
        f"(?P<day>[0-9]{{1,2}}){TAIL}"
    ),
    "numbers": (
        "(?P<a>[0-9]{1,2})(?P<mark>[-/.])(?P<b>[0-9]{1,2})(?P=mark)"
        f"(?P<c>[0-9]{{4}}|[0-9]{{2}}){TAIL}"
    ),
    "yearmonthday": (
        "(?P<year>1[5-9][0-9]{2}|20[0-9]{2})(?P<month>0[1-9]|1[0-2])"
        "(?P<day>0[1-9]|[12][0-9]|3[01])(?:[t ]?(?P<hour>[0-9]{2})"
        f"(?P<minute>[0-9]{{2}})(?P<second>[0-9]{{2}})?{ZONE})?"
    ),
    "year-month": "(?P<year>[0-9]{4})[-/](?P<month>[0-9]{1,2})",
    "month-year": "(?P<month>[0-9]{1,2})[-/](?P<year>[0-9]{4})",
    "day month year": (
        f"{DAY}(?P<day>[0-9]{{1,2}})[ ./-]*{MONTH}[ .,/-]*"
        f"(?P<year>[0-9]{{4}}|[0-9]{{2}}){TAIL}"
    ),
    "month day year": (
        f"{DAY}{MONTH}[. ]*(?P<day>[0-9]{{1,2}}),? +(?P<year>[0-9]{{4}}){TAIL}"
    ),
    "month year": f"{MONTH}[ .,/-]*(?P<year>[0-9]{{4}})",
    "quarter": "(?P<year>[0-9]{4})[- ]?q(?P<quarter>[1-4])",
    "quarter year": "q(?P<quarter>[1-4])[-/ ]?(?P<year>[0-9]{4})",
    "week": "(?P<year>[0-9]{4})-?w(?P<week>[0-9]{2})(?:-?(?P<weekday>[1-7]))?",
}
PATTERNS = {k: re.compile(v, re.IGNORECASE) for k, v in FORMS.items()}
CLOCK_ALONE = re.compile(CLOCK, re.IGNORECASE)
COMPACT = "yearmonthday"
ORDERS = {"day": "abc", "month": "bac", "year": "cba"}  # day, month, year
EPOCHS = {
    "seconds": (1e8, 1e10, 10**6),
    "milliseconds": (1e11, 1e13, 10**3),
    "microseconds": (1e14, 1e16, 1),
    "nanoseconds": (1e17, 9.2e18, None),
}
SECOND = 10**6  # in microseconds
DATE = "datetime64[us]"


class Times(NamedTuple):
    """Times in order of the file: microseconds, or plain numbers.

    ``zone`` is what they are shown in; with one, ``values`` are in UTC.
    """

    values: np.ndarray
    zone: str | None = None

    @property
    def are_dates(self) -> bool:
        """Whether they are dates, not numbers."""
        return self.values.dtype.kind == "M"


def is_time(cell: str) -> bool:
    """Tell whether a cell is a date, with or without a clock, or a clock."""
    found = any(p.fullmatch(cell) for p in PATTERNS.values())
    return found or is_clock(cell)


def is_clock(cell: str) -> bool:
    """Tell whether a cell is a time of day without a date."""
    return CLOCK_ALONE.fullmatch(cell) is not None


def form_of(cells: list[str]) -> str | None:
    """Return the form that most cells have; None if fewer than half do."""
    known = [cell for cell in cells if not is_missing(cell)]
    counts = Counter()
    for cell in known:
        for form, pattern in PATTERNS.items():
            if pattern.fullmatch(cell):
                counts[form] += 1
                break
    if not counts or 2 * counts.total() < len(known):
        return None
    return counts.most_common(1)[0][0]


class Column(NamedTuple):
    """A column of times and where it stands in the file."""

    name: str  # the file's
    title: str
    rows: list[int]
    cells: list[str]

    def refuse(self, kind: str, k: int, message: str, *repairs) -> None:
        """Say what is wrong with cell k."""
        refuse(
            self.name,
            kind,
            message,
            row=int(self.rows[k]),
            column=self.title,
            repairs=repairs,
        )


def read_dates(column: Column, options, done: list[str]) -> Times:
    """Return the dates of a column, each cell read in the same way."""
    for k, cell in enumerate(column.cells):
        if is_missing(cell):
            told = f"expected a time, got {shown(cell)}"
            column.refuse("time", k, told, f"--drop-rows {column.rows[k]}")
    if options.date_format:
        return _by_format(column, options.date_format)
    form = form_of(column.cells)
    if form is None:
        told = f"expected a time, got {shown(column.cells[0])}"
        column.refuse("time", 0, told, "--date-format FORMAT, as %d.%m.%Y")
    parts = _parts(column, form)
    if form == "numbers":
        _order(column, parts, options, done)
    if "word" in parts:
        parts["month"] = [
            MONTHS.index(w[:3].lower()) + 1 for w in parts["word"]
        ]
    days = _days(column, parts)
    if options.tz is None or not _without_letters(column, parts, done):
        return _zoned(column, parts, days, done)
    return Times((days * 86400 * SECOND + _clock(column, parts)).astype(DATE))


def _are_letters(zone: str | None) -> bool:
    """Tell whether a zone is an abbreviation, such as CET."""
    known = zone is None or zone.lower() in ("z", "utc", "gmt")
    return not known and zone.isalpha()


def _without_letters(column: Column, parts: dict, done: list[str]) -> bool:
    """Tell whether all zones are abbreviations; ``tz`` says what they mean."""
    letters = dict.fromkeys(parts.get("zone", []))
    if not letters or not all(map(_are_letters, letters)):
        return False
    named = " and ".join(map(repr, letters))
    done.append(f"{column.title!r}: {named} not read, as the zone is told")
    return True


def _by_format(column: Column, form: str) -> Times:
    try:
        found = pd.to_datetime(
            pd.Series(column.cells, dtype=object),
            format=form,
            errors="coerce",
            utc="%z" in form or None,
        )
    except (ValueError, TypeError, re.error) as error:
        raise ValueError(
            f"date_format: expected one such as %d.%m.%Y %H:%M, got {form!r} "
            f"({error})"
        ) from None
    bad = np.flatnonzero(found.isna())
    if bad.size:
        k = int(bad[0])
        cell = shown(column.cells[k])
        column.refuse("time", k, f"expected a time as {form}, got {cell}")
    zone = "UTC" if found.dt.tz is not None else None
    found = found.dt.tz_localize(None) if zone else found
    return Times(found.to_numpy().astype(DATE), zone)


def _parts(column: Column, form: str) -> dict[str, list]:
    """Return what each cell consists of, by name."""
    pattern = PATTERNS[form]
    names = sorted(pattern.groupindex, key=pattern.groupindex.get)
    found: list[list] = [[] for _ in names]
    same: dict = {}  # "00" is kept once
    for k, cell in enumerate(column.cells):
        match = pattern.fullmatch(cell)
        if match is None:
            _another_form(column, pattern, k)
        for texts, text in zip(found, match.groups(), strict=True):
            texts.append(same.setdefault(text, text))
    return dict(zip(names, found, strict=True))


def _another_form(column: Column, pattern: re.Pattern, k: int) -> None:
    cells, rows = column.cells, column.rows
    first = next(j for j, cell in enumerate(cells) if pattern.fullmatch(cell))
    column.refuse(
        "time",
        k,
        f"expected a time as in row {rows[first]} ({shown(cells[first])}), "
        f"got {shown(cells[k])}",
        f"--drop-rows {rows[k]}",
        "--date-format FORMAT",
    )


def _ints(texts: list, default: int) -> np.ndarray:
    return np.array([default if t is None else int(t) for t in texts])


def _order(column: Column, parts: dict, options, done: list[str]) -> None:
    """Find out which number is the day, the month, and the year."""
    a, b, c = (_ints(parts.pop(key), 0) for key in "abc")
    short = np.array([len(cell) for cell in map(str, c)]).max() <= 2
    rows, numbers = column.rows, {"a": a, "b": b, "c": c}
    left, why = [], {}
    for order, places in ORDERS.items():
        if order == "year" and not short:
            continue
        day, month = numbers[places[0]], numbers[places[1]]
        bad = np.flatnonzero(
            (month > 12) | (month < 1) | (day > 31) | (day < 1)
        )
        if bad.size:
            why[order] = bad
        else:
            left.append(order)
    told = {True: "day", False: "month"}.get(options.day_first)
    asked = told is None and len(left) > 1
    even = [x for x in left if asked and _is_even(column, parts, numbers, x)]
    only_one = len(even) == 1
    chosen = even[0] if only_one else _chosen(column, left, why, told)
    if only_one:
        done.append(
            f"{column.title!r} has the {chosen} first, as only so are its "
            f"steps even"
        )
    elif told is None:
        bad = np.unique(np.concatenate(list(why.values())))
        done.append(
            f"{column.title!r} has the {chosen} first, as "
            f"{some([rows[k] for k in bad])} can be read in no other way"
        )
    else:
        done.append(f"{column.title!r} has the {chosen} first, as told")
    day, month, year = (numbers[place] for place in ORDERS[chosen])
    if short:
        done.append("years of two digits are from 1970 to 2069")
    parts |= {"year": _in_full(year), "month": month, "day": day}


def _in_full(year: np.ndarray) -> np.ndarray:
    """Return years; those of two digits are from 1970 to 2069."""
    full = np.where(year < 70, 2000, 1900) + year
    return np.where(year < 100, full, year)


def _is_even(column: Column, parts: dict, numbers: dict, order: str) -> bool:
    """Tell whether an order of day and month puts all rows at even steps.

    Those are of one length, or of as many months.
    """
    day, month, year = (numbers[place] for place in ORDERS[order])
    months = (_in_full(year) - 1970) * 12 + month - 1
    start = months.astype("datetime64[M]")
    days = start.astype("datetime64[D]").astype(int) + day - 1
    if (days.astype("datetime64[D]").astype("datetime64[M]") != start).any():
        return False
    clock = _clock(column, parts)
    times = days * 86400 * SECOND + clock
    of_month = np.ptp(day) == np.ptp(clock) == 0
    steps = np.diff(months if of_month else times)
    return bool(len(steps) > 1 and steps[0] != 0 and np.ptp(steps) == 0)


def _chosen(column: Column, left: list, why: dict, told: str | None) -> str:
    cells, rows = column.cells, column.rows
    if told is not None and told not in left:
        k = int(why[told][0])
        column.refuse(
            "time",
            k,
            f"expected the {told} first, as told, got {shown(cells[k])}",
        )
    if told is not None:
        return told
    flags = tuple(f"--{one}first" for one in left if one != "year")
    if len(left) > 1:
        column.refuse(
            "ambiguous date",
            0,
            f"{shown(cells[0])} may have the {' or the '.join(left)} first, "
            f"and no row decides",
            *flags,
            *(("--date-format FORMAT",) if "year" in left else ()),
        )
    if not left:
        k, j = int(why["day"][0]), int(why["month"][0])
        column.refuse(
            "time",
            k,
            f"expected one order of day and month, but {shown(cells[k])} "
            f"cannot have the day first, and {shown(cells[j])} in row "
            f"{rows[j]} cannot have the month first",
            "--date-format FORMAT",
        )
    return left[0]


def _days(column: Column, parts: dict) -> np.ndarray:
    """Return days since 1970, or name a date that does not exist."""
    n = len(column.cells)
    year = np.asarray(parts["year"]).astype(int)
    if "word" in parts:
        year = _in_full(year)
    if "week" in parts:
        return _of_weeks(column, year, parts)
    if "quarter" in parts:
        month = 3 * _ints(parts["quarter"], 1) - 2
    else:
        month = np.asarray(parts["month"]).astype(int)
    day = np.asarray(parts.get("day", [1] * n)).astype(int)
    month_ok = (month >= 1) & (month <= 12)
    start = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = start.astype("datetime64[D]").astype(int) + day - 1
    same = days.astype("datetime64[D]").astype("datetime64[M]") == start
    bad = np.flatnonzero(~(month_ok & same & (day >= 1)))
    if bad.size:
        k = int(bad[0])
        told = f"expected a day that exists, got {shown(column.cells[k])}"
        column.refuse("time", k, told, f"--drop-rows {column.rows[k]}")
    return days


def _of_weeks(column: Column, year: np.ndarray, parts: dict) -> np.ndarray:
    """Return the days of ISO weeks: the first one holds 4 January."""
    week, weekday = _ints(parts["week"], 1), _ints(parts["weekday"], 1)

    def monday(year):
        fourth = (year - 1970).astype("datetime64[Y]").astype("datetime64[D]")
        fourth = fourth.astype(int) + 3
        return fourth - (fourth + 3) % 7  # 1 January 1970 was a Thursday

    days = monday(year) + 7 * (week - 1)
    bad = np.flatnonzero((week < 1) | (days >= monday(year + 1)))
    if bad.size:
        k = int(bad[0])
        told = f"expected a week that exists, got {shown(column.cells[k])}"
        column.refuse("time", k, told)
    return days + weekday - 1


def _zoned(column: Column, parts: dict, days, done: list[str]) -> Times:
    """Add the clock to days, and turn all into UTC, if zones are given."""
    wall = days * 86400 * SECOND + _clock(column, parts)
    zones = parts.get("zone", [None] * len(days))
    if not any(zones):
        return Times(wall.astype(DATE))
    if not all(zones):
        k = next(k for k, zone in enumerate(zones) if not zone)
        told = "expected a zone, as other rows have one, got "
        column.refuse("time", k, told + shown(column.cells[k]))
    if any(map(_are_letters, dict.fromkeys(zones))):
        k = next(k for k, zone in enumerate(zones) if _are_letters(zone))
        told = "expected a zone as a distance from UTC, such as +01:00, got "
        told += f"{shown(column.cells[k])}: letters have several meanings"
        column.refuse("time", k, told, "--tz Europe/Berlin, or another zone")
    offsets = {zone: _offset(zone) for zone in dict.fromkeys(zones)}
    shift = np.array([offsets[zone] for zone in zones])
    if len(set(offsets.values())) == 1:
        zone = _named_offset(int(shift[0]))
        done.append(f"{column.title!r} is in the zone {zone}")
        return Times((wall - shift * 60 * SECOND).astype(DATE), zone)
    clocks = wall % (86400 * SECOND)
    if (clocks == clocks[0]).all():
        done.append(
            f"{column.title!r} has the same clock each day, in a zone with "
            f"daylight saving: days are counted"
        )
        return Times(wall.astype(DATE))
    changes = np.count_nonzero(np.diff(shift))
    done.append(
        f"{column.title!r} changes its distance from UTC {changes} times "
        f"(daylight saving?): shown in UTC"
    )
    return Times((wall - shift * 60 * SECOND).astype(DATE), "UTC")


def _offset(zone: str) -> int:
    """Return the minutes by which a zone is ahead of UTC."""
    digits = re.sub("[^0-9]", "", zone).ljust(4, "0")
    minutes = 60 * int(digits[:2]) + int(digits[2:])
    return -minutes if zone.startswith("-") else minutes


def _named_offset(minutes: int) -> str:
    if minutes == 0:
        return "UTC"
    sign, size = "-" if minutes < 0 else "+", abs(minutes)
    return f"UTC{sign}{size // 60:02}:{size % 60:02}"


def _clock(column: Column, parts: dict) -> np.ndarray:
    """Return microseconds since midnight."""
    n = len(column.cells)
    if "hour" not in parts:
        return np.zeros(n, dtype=int)
    hour = _ints(parts["hour"], 0)
    minute = _ints(parts.get("minute"), 0)
    second = _ints(parts.get("second"), 0)
    parse = [(t or "0").ljust(9, "0") for t in parts.get("part", [None] * n)]
    nano = _ints(parse, 0)
    halves = parts.get("half", [None] * n)
    twelve = np.array([h is not None for h in halves])
    late = np.array([h is not None and h[0].lower() == "p" for h in halves])
    bad = (minute > 59) | (second > 59) | (hour > 24) | (nano % 1000 > 0)
    bad |= (hour == 24) & (minute + second + nano > 0)
    bad |= twelve & ((hour < 1) | (hour > 12))
    found = np.flatnonzero(bad)
    if found.size:
        k = int(found[0])
        told = "expected a time of day that exists, to the microsecond, got "
        column.refuse("time", k, told + shown(column.cells[k]))
    hour = np.where(twelve, hour % 12 + 12 * late, hour)
    return ((hour * 60 + minute) * 60 + second) * SECOND + nano // 1000


def localised(column: Column, times: Times, zone: str, done) -> Times:
    """Return local times of a zone with daylight saving in UTC.

    Times that say their distance from UTC are only shown in the zone.
    """
    if times.zone is not None:
        _zone(zone, pd.DatetimeIndex(times.values[:0]))
        done.append(f"{column.title!r} is shown in the time of {zone}")
        return Times(times.values, zone)
    local = pd.DatetimeIndex(times.values)
    clocks = times.values.astype(np.int64) % (86400 * SECOND)
    known = _zone(zone, local)
    if (clocks == clocks[0]).all():
        done.append(f"one value a day: {zone} changes nothing")
        return times
    for ambiguous in ("infer", "NaT"):
        try:
            found = local.tz_localize(known, ambiguous, "NaT")
            break
        except (ValueError, TypeError):
            continue
    bad = np.flatnonzero(found.isna())
    if bad.size:
        k = int(bad[0])
        column.refuse(
            "time",
            k,
            f"expected a time that comes once in {zone}, got "
            f"{shown(column.cells[k])}: the clock is changed then",
            f"--drop-rows {column.rows[k]}",
        )
    done.append(f"{column.title!r} is local time of {zone}")
    utc = found.tz_convert("UTC").tz_localize(None)
    return Times(utc.to_numpy().astype(DATE), zone)


def _zone(zone: str, local):
    try:
        return pd.DatetimeIndex(local[:0]).tz_localize(zone).tz
    except Exception:  # zoneinfo and pandas raise several kinds
        raise ValueError(
            f"tz: expected a time zone such as Europe/Berlin, got {zone!r}"
        ) from None


def from_numbers(column: Column, values: np.ndarray, done) -> Times:
    """Return times that are numbers: an epoch, or a count."""
    missing = np.flatnonzero(np.isnan(values))
    if missing.size:
        k = int(missing[0])
        told = f"expected a time, got {shown(column.cells[k])}"
        column.refuse("time", k, told, f"--drop-rows {column.rows[k]}")
    for unit, (low, high, factor) in EPOCHS.items():
        if values.min() >= low and values.max() < high:
            exact = [_exact(cell) for cell in column.cells]
            micro = [v * factor if factor else v / 1000 for v in exact]
            found = np.array([round(m) for m in micro]).astype(DATE)
            done.append(
                f"{column.title!r} counts {unit} since 1970: row "
                f"{column.rows[0]} is {pd.Timestamp(found[0])} in UTC"
            )
            return Times(found, "UTC")
    return Times(values)


def _exact(cell: str):
    """Return a whole number without rounding."""
    try:
        return int(cell)
    except ValueError:
        return float(cell.replace("−", "-").replace(",", "."))
