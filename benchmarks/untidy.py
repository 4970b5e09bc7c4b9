"""Files as people send them: for ``commandline.py``.

Each holds the same 120 values. Some are only written in their own way; others
have one fault; from the rest no forecast can be made.
"""

import bz2
import gzip
import io
import math
import zipfile
from typing import NamedTuple

import numpy as np
import pandas as pd

COUNT, START, HORIZON = 120, "2024-01-10", 7
VALUES = [
    round(120 + 30 * math.sin(k / 4) + (k * 7919 % 97) / 10, 2)
    for k in range(COUNT)
]
NAMES = ("time", "load")


class Untidy(NamedTuple):
    """A file, what is right about it, and what a good answer says.

    ``kind`` is "written", "faulty" or "hopeless". ``fault`` are words of which
    a precise message holds one; ``told`` those of which one says that a fault
    was seen and mended. ``first`` and ``follows`` are times; "" if there are
    none.
    """

    name: str
    kind: str
    content: bytes | None
    values: tuple = tuple(VALUES)
    first: str = START
    follows: str = "2024-01-15"
    fault: tuple = ()
    told: tuple = ()
    columns: tuple = NAMES
    suffix: str = ".csv"


def times(form="%Y-%m-%d %H:%M", n=COUNT, start=START, freq="h"):
    """Return times as text."""
    return list(pd.date_range(start, periods=n, freq=freq).strftime(form))


def table(stamps, values=VALUES, mark=",", header=NAMES):
    """Return a file of two columns."""
    rows = [mark.join(header)] if header else []
    pairs = zip(stamps, values, strict=True)
    return "\n".join([*rows, *(f"{t}{mark}{v}" for t, v in pairs), ""])


def zipped(**texts):
    """Return a zip of files."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for name, text in texts.items():
            archive.writestr(name.replace("_csv", ".csv"), text)
    return memory.getvalue()


def made(kind, name, content, **more):
    """Return a file; text is written in UTF-8.

    Of one without a fault, each message is precise that names a column, a row,
    or a byte.
    """
    if isinstance(content, str):
        content = content.encode()
    if kind == "written":
        columns = more.get("columns", NAMES)
        more["fault"] = (*columns, "row", "byte", "exog")
    return Untidy(name, kind, content, **more)


# Files that are only written in their own way


def grouped(group, mark):
    """Return a hundred times the values, their thousands set off."""
    marks = str.maketrans({",": group, ".": mark})
    return [f"{100 * v:,.2f}".translate(marks) for v in VALUES]


def commas():
    """Return the values with decimal commas."""
    return [str(v).replace(".", ",") for v in VALUES]


def quoted(texts):
    """Return texts in quotes."""
    return [f'"{text}"' for text in texts]


def numbers():
    """Yield files with their own way of writing numbers."""
    large = {"values": tuple(100 * v for v in VALUES)}
    for name, stamps, values, mark, more in (
        ("plain", times(), VALUES, ",", {}),
        ("tabs", times(), VALUES, "\t", {"suffix": ".tsv"}),
        ("semicolons", times(), VALUES, ";", {}),
        ("bars", times(), VALUES, "|", {}),
        ("semicolons, decimal commas", times(), commas(), ";", {}),
        ("decimal commas in quotes", times(), quoted(commas()), ",", {}),
        ("thousands with points", times(), grouped(".", ","), ";", large),
        ("thousands with spaces", times(), grouped(" ", ","), ";", large),
        ("thousands with apostrophes", times(), grouped("'", "."), ";", large),
        (
            "thousands with commas, in quotes",
            times(),
            quoted(grouped(",", ".")),
            ",",
            large,
        ),
    ):
        yield made("written", name, table(stamps, values, mark), **more)


def packages():
    """Yield files in their own encoding, compression or frame."""
    plain = table(times())
    packed = plain.encode()
    latin = plain.replace("load", "Kühllast").encode("latin-1")
    excel = "sep=;\n" + table(times(), commas(), ";")
    future = times(n=24, start="2024-01-15")
    rows = (
        ("byte order mark", b"\xef\xbb\xbf" + packed, {}),
        (
            "UTF-16 of a spreadsheet",
            table(times(), mark="\t").encode("utf-16"),
            {},
        ),
        ("latin-1", latin, {"columns": ("time", "Kühllast")}),
        ("sep line, CRLF", excel.replace("\n", "\r\n"), {}),
        ("no header", table(times(), header=()), {"columns": ("1", "2")}),
        ("rows end with a delimiter", plain.replace("\n", ",\n"), {}),
        ("empty rows at the end", plain + "\n\n,\n", {}),
        (
            "rows to come, without a value",
            plain + table(future, [""] * 24, header=()),
            {},
        ),
        ("gzip", gzip.compress(packed), {"suffix": ".csv.gz"}),
        ("bzip2", bz2.compress(packed), {"suffix": ".csv.bz2"}),
        ("zip", zipped(load_csv=plain), {"suffix": ".zip"}),
    )
    for name, content, more in rows:
        yield made("written", name, content, **more)


def dates():
    """Yield files whose times are written in their own way."""
    for name, unit in (("seconds", 1), ("milliseconds", 1000)):
        stamps = [(1704844800 + 3600 * k) * unit for k in range(COUNT)]
        yield made("written", f"epoch in {name}", table(stamps))
    yield made("written", "ISO, in UTC", table(times("%Y-%m-%dT%H:%M:%SZ")))
    local = pd.date_range("2024-03-29", periods=COUNT, freq="h", tz="UTC")
    local = local.tz_convert("Europe/Berlin")
    stamps = [one.isoformat() for one in local]
    zoned = {"first": "2024-03-29", "follows": "2024-04-03"}
    name = "ISO, over a change of the clock"
    yield made("written", name, table(stamps), **zoned)
    later = {"first": "2024-01-13", "follows": "2024-01-18"}
    for name, form in (
        ("day first, a row decides", "%d/%m/%Y %H:%M"),
        ("month first, a row decides", "%m/%d/%Y %H:%M"),
        ("years of two digits", "%d.%m.%y %H:%M"),
        ("names of months", "%d-%b-%Y %H:%M"),
        ("morning and afternoon", "%m/%d/%Y %I:%M %p"),
        ("compact", "%Y%m%d%H%M"),
    ):
        stamps = times(form, start="2024-01-13")
        yield made("written", name, table(stamps), **later)
    both = times("%d.%m.%Y;%H:%M", start="2024-01-13")
    text = table(both, commas(), ";", ("day", "clock", "load"))
    columns = ("day,clock", "load")
    name = "a date and a clock"
    yield made("written", name, text, columns=columns, **later)


def periods():
    """Yield files with other steps than hours."""
    for name, form, freq, first in (
        ("days", "%Y-%m-%d", "D", "2024-01-10"),
        ("months", "%Y-%m", "MS", "2014-02-01"),
        ("ends of months", "%Y-%m-%d", "ME", "2014-01-31"),
        ("quarters", "", "QS", "1994-04-01"),
        ("ISO weeks", "%G-W%V", "W-MON", "2022-01-03"),
        ("business days", "%Y-%m-%d", "B", "2024-01-10"),
        ("tenths of a second", "%Y-%m-%d %H:%M:%S.%f", "100ms", "2024-01-10"),
    ):
        found = pd.date_range(first, periods=COUNT + 1, freq=freq)
        stamps = list(found[:-1].strftime(form or "%Y"))
        if not form:
            stamps = [f"{one.year}Q{one.quarter}" for one in found[:-1]]
        ends = {"first": str(found[0]), "follows": str(found[-1])}
        yield made("written", name, table(stamps), **ends)
    text = table(range(1900, 1900 + COUNT))
    yield made("written", "years", text, first="", follows="")


# Files with one fault


FILLED = ("fill", "interpol", "missing", "imputed", "gap")
TWICE = ("duplicate", "again", "twice")
HERE = ("row 52", "line 52", "2024-01-12 02:00")


def with_row(row, k=52):
    """Return the plain file with another row k, counted from 1."""
    lines = table(times()).split("\n")
    lines[k - 1 : k] = row.split("\n")
    return "\n".join(lines)


def cells():
    """Yield files with one bad cell or row, of 2024-01-12 02:00."""
    time, row = times()[50], f"{times()[50]},{VALUES[50]}"
    for name, other, fault, told in (
        ("a missing value", f"{time},", HERE, FILLED),
        (
            "a word for a missing value",
            f"{time},offline",
            (*HERE, "offline"),
            FILLED,
        ),
        ("a unit behind a number", f"{row} kW", (*HERE, " kW'"), ()),
        ("infinity", f"{time},inf", (*HERE, "'inf"), ("inf",)),
        ("a number beyond all", f"{time},1e999", (*HERE, "1e999"), ("inf",)),
        ("a sentinel", f"{time},-9999", HERE, ("-9999", "outlier")),
        ("an identical row", f"{row}\n{row}", ("row 53", *HERE), TWICE),
        ("a conflicting row", f"{row}\n{time},5", ("row 53", *HERE), TWICE),
        ("a short row", time, HERE, FILLED),
        ("a long row", f"{row},7", HERE, ("column", "cell")),
        ("open quotes", row.replace(",", ',"'), ("row 51", *HERE), ()),
        (
            "a day that does not exist",
            "2024-01-32 02:00,1",
            ("row 52", "line 52", "2024-01-32"),
            (),
        ),
        (
            "a time in another form",
            f"12 January 2024 2 am,{VALUES[50]}",
            ("row 52", "line 52", "12 January"),
            (),
        ),
    ):
        yield made("faulty", name, with_row(other), fault=fault, told=told)


def orders():
    """Yield files whose rows are not one even step apart."""
    rows, steps = table(times()).split("\n"), ("frequenc", "irregular", "step")
    swapped = [*rows[:51], rows[52], rows[51], *rows[53:]]
    newest = [rows[0], *rows[-2:0:-1], ""]
    gap, more = [*rows[:51], *rows[54:]], {"told": ("sort", "order")}
    places = ("row 53", "line 53", *HERE)
    yield made("faulty", "a gap", "\n".join(gap), fault=HERE, told=FILLED)
    text = "\n".join(swapped)
    yield made("faulty", "two rows swapped", text, fault=places, **more)
    words = ("row 3", "new to old", "descending")
    text = "\n".join(newest)
    yield made("faulty", "from new to old", text, fault=words, **more)
    half = times(n=60, start="2024-01-12 12:00", freq="30min")
    words = ("row 63", "2024-01-12 12:30", "two frequencies")
    text = table([*times(n=60), *half])
    name = "hours, then half hours"
    yield made("faulty", name, text, fault=words, told=steps)
    shift = np.random.default_rng(0).integers(-20, 20, COUNT)
    clock = pd.date_range(START, periods=COUNT, freq="h")
    clock = clock + pd.to_timedelta(shift, "s")
    stamps = list(clock.strftime("%Y-%m-%d %H:%M:%S"))
    words = ("row 3", "row 4", stamps[1], stamps[2], "irregular")
    name = "uneven seconds"
    yield made("faulty", name, table(stamps), fault=words, told=steps)
    days = pd.bdate_range(START, periods=COUNT + 1)
    stamps = [str(day.date()) for day in days if str(day)[5:10] != "04-01"]
    words = ("2024-04-01", "2024-04-02")
    name = "a holiday among business days"
    yield made("faulty", name, table(stamps), fault=words, told=FILLED)


def doubts():
    """Yield files that can be read in two ways."""
    for name, first, words in (
        ("local time, set forward", "2024-03-29", ("2024-03-31 02:00",)),
        ("local time, set back", "2024-10-25", ("2024-10-27 02:00",)),
    ):
        clock = pd.date_range(
            first, periods=COUNT, freq="h", tz="Europe/Berlin"
        )
        text = table(clock.strftime("%Y-%m-%d %H:%M"))
        told = ("daylight", "clock", *FILLED, *TWICE)
        yield made("faulty", name, text, fault=words, told=told)
    text = table(times("%d/%m/%Y %H:%M", start="2024-03-01"))
    words = ("01/03/2024", "ambiguous", "day-first")
    told = ("day first", "dayfirst", "month first", "ambiguous")
    name = "day or month first"
    yield made("faulty", name, text, fault=words, told=told)
    text = table(times(), [f"{v / 50:.3f}" for v in VALUES], ";")
    words = ("'2.", "decimal")
    name = "decimals, or thousands"
    yield made("faulty", name, text, fault=words, told=("decimal", "thousand"))
    shops = [
        f"{time},{value + more}"
        for more in (0, 50)
        for time, value in zip(times(), VALUES, strict=True)
    ]
    text = "\n".join(["time,load", *shops, ""])
    words = ("row 122", "2024-01-10")
    name = "two series, one below the other"
    yield made("faulty", name, text, fault=words, told=("series", *TWICE))


def frames():
    """Yield files with more than a table in them."""
    plain = table(times())
    words = ("row 1", "line 3", "Station 5", "expected 1 field")
    text = "Station 5\nunit: kW\n" + plain
    yield made("faulty", "a preamble", text, fault=words, told=("skip",))
    text = plain.replace("load\n", "load\n,kW\n", 1)
    words = ("row 2", "line 2", "'kW'", "position(s) 0")
    yield made("faulty", "a row of units", text, fault=words, told=("'kW'",))
    words = ("row 122", "line 122", "Total")
    text = plain + "Total,999\n"
    yield made("faulty", "a total", text, fault=words, told=("Total",))


# Files from which no forecast can be made


def hopeless():
    """Yield files that hold no series, or too little of one."""
    warned = {"told": ("short series",)}
    short = ("at least", "too short", "too few", "insufficient", "enough")
    workbook = {"[Content_Types].xml": "x", "xl/workbook.xml": "x"}
    plain = table(times())
    for name, content, words, more in (
        ("empty", b"", ("empty", "no columns"), {}),
        ("blanks", b" \n\n \n", ("blank", "empty", "no columns"), {}),
        (
            "a header alone",
            b"time,load\n",
            ("header", "no rows", "no values"),
            {},
        ),
        ("binary", bytes(range(256)), ("binary", "decode byte"), {}),
        ("a workbook", zipped(**workbook), ("Excel", "workbook"), {}),
        (
            "a zip of two",
            zipped(a_csv=plain, b_csv=plain),
            ("a.csv", "multiple files"),
            {"suffix": ".zip"},
        ),
        ("no such file", None, ("no such file", "not found"), {}),
        (
            "values that are all missing",
            table(times(), ["NA"] * COUNT),
            ("row 2", "no values", "all missing", "NaN", "missing"),
            {},
        ),
        ("text", table(times(), ["x"] * COUNT), ("'x'", "numeric"), {}),
        ("a constant", table(times(), [3] * COUNT), ("constant", "vary"), {}),
        ("one row", table(times(n=1), VALUES[:1]), short, warned),
        (
            "six rows for seven steps",
            table(times(n=6), VALUES[:6]),
            short,
            warned,
        ),
    ):
        yield made("hopeless", name, content, fault=words, **more)


def all_files():
    """Return all files, in order."""
    groups = (numbers, packages, dates, periods, cells, orders, doubts)
    return [one for group in (*groups, frames, hopeless) for one in group()]
