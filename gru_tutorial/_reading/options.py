"""What a reader may say about a file, checked once."""

from __future__ import annotations

import re
from typing import NamedTuple

from gru_tutorial.checks import check_bool, check_int

FILLS = ("previous", "interpolate")
DUPLICATES = ("drop-identical", "mean", "first")
AGGREGATES = ("mean", "sum", "first", "last", "min", "max")
TAB = {"tab": "\t", "\\t": "\t", "space": " "}


class Options(NamedTuple):
    """As the arguments of ``files.read_series``."""

    time: tuple[str, ...] | None = None
    value: str | None = None
    columns: tuple[str, ...] = ()
    series: str | None = None
    fill: str | None = None
    duplicates: str | None = None
    sort: bool = False
    every: str | None = None
    aggregate: str = "mean"
    day_first: bool | None = None
    date_format: str | None = None
    tz: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    missing: tuple[str, ...] = ()
    drop_rows: tuple[int, ...] = ()
    skip: int = 0
    header: bool | None = None
    delimiter: str | None = None
    encoding: str | None = None


def _one_of(name: str, value, allowed: tuple) -> None:
    known = isinstance(value, str) and value in allowed
    if value is not None and not known:
        raise ValueError(
            f"{name}: expected one of {', '.join(map(repr, allowed))}, got "
            f"{value!r}"
        )


def _text(name: str, value) -> None:
    if value is not None and not (isinstance(value, str) and value.strip()):
        raise ValueError(f"{name}: expected a text, got {value!r}")


def _texts(name: str, value) -> tuple[str, ...]:
    """Return one text or several as a tuple."""
    several = (value,) if isinstance(value, str) else value
    if not isinstance(several, (tuple, list)):
        raise ValueError(f"{name}: expected texts, got {value!r}")
    for one in several:
        if not isinstance(one, str):
            raise ValueError(f"{name}: expected texts, got {one!r}")
    if len(set(several)) < len(several):
        raise ValueError(f"{name}: expected each once, got {value!r}")
    return tuple(several)


def _rows(value) -> tuple[int, ...]:
    """Return row numbers: one, several, or a text such as ``2,5-8``."""
    name = "drop_rows"
    if isinstance(value, str):
        parts = re.findall(r"([0-9]+)(?:-([0-9]+))?(?:,|$)", value)
        exact = re.fullmatch(r"[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*", value)
        ends = [(int(a), int(b or a)) for a, b in parts] if exact else []
        if not ends or any(not 0 <= b - a < 10**7 for a, b in ends):
            raise ValueError(
                f"{name}: expected rows such as 2,5-8, got {value!r}"
            )
        return tuple(row for a, b in ends for row in range(a, b + 1))
    several = value if isinstance(value, (tuple, list)) else (value,)
    return tuple(check_int(name, row, 1) for row in several)


def checked(options: Options) -> Options:
    """Return options of the right kinds, or say which one is not."""
    found = options._asdict()
    for name in ("value", "series", "every", "date_format", "tz", "encoding"):
        _text(name, found[name])
    if options.time is not None:
        found["time"] = _texts("time", options.time)
        if not 1 <= len(found["time"]) <= 2:
            raise ValueError(
                f"time: expected one column, or a date and a clock, got "
                f"{options.time!r}"
            )
    for name in ("columns", "missing"):
        found[name] = _texts(name, found[name])
    _one_of("fill", options.fill, FILLS)
    _one_of("duplicates", options.duplicates, DUPLICATES)
    _one_of("aggregate", options.aggregate, AGGREGATES)
    _one_of("decimal", options.decimal, (".", ","))
    _one_of("thousands", options.thousands, (",", ".", " ", "'", ""))
    found["sort"] = check_bool("sort", options.sort)
    for name in ("day_first", "header"):
        if found[name] is not None:
            found[name] = check_bool(name, found[name])
    found["drop_rows"] = _rows(options.drop_rows)
    found["skip"] = check_int("skip", options.skip, 0)
    found["delimiter"] = _delimiter(options.delimiter)
    if options.decimal and options.decimal == options.thousands:
        raise ValueError(
            f"thousands: expected another mark than decimal's, got "
            f"{options.thousands!r}"
        )
    return Options(**found)


def _delimiter(value) -> str | None:
    if value is None:
        return None
    value = TAB.get(value, value) if isinstance(value, str) else value
    odd = not isinstance(value, str) or len(value) != 1
    if odd or value in '"\r\n\0' or value.isalnum():
        raise ValueError(
            f"delimiter: expected one mark, such as ';' or 'tab', got "
            f"{value!r}"
        )
    return value
