"""Messy files of our own making, and what becomes of each."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import numpy as np
import pandas as pd

FIVE = (1.5, 2.0, -3.25, 4.0, 5.5)


def lines(*rows):
    return "".join(f"{row}\n" for row in rows)


def rows_of(times, values, mark=",", header="time,load"):
    """Return a file of times and values with one delimiter."""
    named = [header.replace(",", mark)] if header else []
    pairs = zip(times, values, strict=False)
    return lines(*named, *(f"{t}{mark}{v}" for t, v in pairs))


def days(form="%Y-%m-%d", n=5, start="2024-01-10", freq="D"):
    return pd.date_range(start, periods=n, freq=freq).strftime(form)


def hours(n=5, start="2024-01-10", form="%Y-%m-%d %H:%M"):
    return days(form, n, start, "h")


def zipped(**files):
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("_csv", ".csv"), text)
    return memory.getvalue()


def tarred(text):
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w") as archive:
        info = tarfile.TarInfo("data.csv")
        info.size = len(text)
        archive.addfile(info, io.BytesIO(text.encode()))
    return memory.getvalue()


PLAIN = rows_of(hours(), FIVE)
COMMAS = [str(v).replace(".", ",") for v in FIVE]
THOUSANDS = (1234.5, 1.25, 1234567.0, -12345.75, 999.0)


def in_thousands(group, mark):
    texts = [f"{v:,.2f}" for v in THOUSANDS]
    table = str.maketrans({",": group, ".": mark})
    return [text.translate(table) for text in texts]


# Files that are read as they are: values, step, first and last time


READ = {
    "plain": (PLAIN, {}, FIVE, "hour", "2024-01-10 00:00", "04:00"),
    "tabs": (
        rows_of(hours(), FIVE, "\t"),
        {},
        FIVE,
        "hour",
        "2024-01-10",
        "04:00",
    ),
    "bars": (rows_of(hours(), FIVE, "|"), {}, FIVE, "hour", "2024", "04:00"),
    "spaces": (
        rows_of(hours(), FIVE, " ", "day,clock,load"),
        {},
        FIVE,
        "hour",
        "2024-01-10",
        "04:00",
    ),
    "semicolons and decimal commas": (
        rows_of(hours(), COMMAS, ";"),
        {},
        FIVE,
        "hour",
        "2024",
        "04:00",
    ),
    "thousands with commas": (
        rows_of(hours(), in_thousands(",", "."), ";"),
        {},
        THOUSANDS,
        "hour",
        "2024",
        "04:00",
    ),
    "thousands with points": (
        rows_of(hours(), in_thousands(".", ","), ";"),
        {},
        THOUSANDS,
        "hour",
        "2024",
        "04:00",
    ),
    "thousands with narrow spaces": (
        rows_of(hours(), in_thousands("\u202f", ","), ";"),
        {},
        THOUSANDS,
        "hour",
        "2024",
        "04:00",
    ),
    "thousands with apostrophes": (
        rows_of(hours(), in_thousands("'", "."), ","),
        {},
        THOUSANDS,
        "hour",
        "2024",
        "04:00",
    ),
    "thousands in quotes": (
        rows_of(hours(), [f'"{v}"' for v in in_thousands(",", ".")]),
        {},
        THOUSANDS,
        "hour",
        "2024",
        "04:00",
    ),
    "a minus sign of typesetters, and exponents": (
        rows_of(hours(), ["−1.5", "2e3", "+4", ".5", "1E-3"]),
        {},
        (-1.5, 2000, 4, 0.5, 0.001),
        "hour",
        "2024",
        "04:00",
    ),
    "BOM": (
        b"\xef\xbb\xbf" + PLAIN.encode(),
        {},
        FIVE,
        "hour",
        "2024",
        "04:00",
    ),
    "Excel's Unicode text": (
        rows_of(hours(), FIVE, "\t").encode("utf-16"),
        {},
        FIVE,
        "hour",
        "2024",
        "04:00",
    ),
    "Excel's sep line, CRLF": (
        ("sep=;\n" + rows_of(hours(), COMMAS, ";")).replace("\n", "\r\n"),
        {},
        FIVE,
        "hour",
        "2024",
        "04:00",
    ),
    "old Macintosh": (
        PLAIN.replace("\n", "\r"),
        {},
        FIVE,
        "hour",
        "2024",
        "04:00",
    ),
    "latin-1": (
        rows_of(hours(), FIVE, ",", "Zeit,Kühlung").encode("latin-1"),
        {},
        FIVE,
        "hour",
        "2024",
        "04:00",
    ),
    "no newline at the end": (
        PLAIN.rstrip(),
        {},
        FIVE,
        "hour",
        "2024",
        "04:00",
    ),
    "empty rows at the end": (
        PLAIN + "\n\n,\n",
        {},
        FIVE,
        "hour",
        "2024",
        "04:00",
    ),
    "trailing delimiters": (
        rows_of(hours(), [f"{v};" for v in FIVE], ";"),
        {},
        FIVE,
        "hour",
        "2024",
        "04:00",
    ),
    "quoted cells, a delimiter in a name": (
        '"time","load, net"\n'
        + "".join(
            f'"{t}","{v}"\n' for t, v in zip(hours(), FIVE, strict=True)
        ),
        {},
        FIVE,
        "hour",
        "2024",
        "04:00",
    ),
    "no header": (
        rows_of(hours(), FIVE, header=""),
        {},
        FIVE,
        "hour",
        "2024",
        "04:00",
    ),
    "one column": (lines("load", *FIVE), {}, FIVE, "1", "0", "4"),
    "one column without a name": (lines(*FIVE), {}, FIVE, "1", "0", "4"),
    "an index of pandas": (
        rows_of(range(5), FIVE, header=",load"),
        {},
        FIVE,
        "1",
        "0",
        "4",
    ),
    "numbers as times": (
        rows_of(["0.1", "0.2", "0.30000000000000004", "0.4", "0.5"], FIVE),
        {},
        FIVE,
        "0.1",
        "0.1",
        "0.5",
    ),
    "years": (
        rows_of(range(1990, 1995), FIVE, header="year,load"),
        {},
        FIVE,
        "1",
        "1990",
        "1994",
    ),
    "epoch in seconds": (
        rows_of(range(1704844800, 1704862800, 3600), FIVE),
        {},
        FIVE,
        "hour",
        "2024-01-10",
        "04:00",
    ),
    "epoch in milliseconds": (
        rows_of(range(1704844800000, 1704862800000, 3600000), FIVE),
        {},
        FIVE,
        "hour",
        "2024-01-10",
        "04:00",
    ),
    "epoch in nanoseconds": (
        rows_of(
            range(1704844800 * 10**9, 1704862800 * 10**9, 36 * 10**11), FIVE
        ),
        {},
        FIVE,
        "hour",
        "2024-01-10",
        "04:00",
    ),
    "compact dates": (
        rows_of(days("%Y%m%d"), FIVE),
        {},
        FIVE,
        "day",
        "2024-01-10",
        "01-14",
    ),
    "ISO with T and Z": (
        rows_of(hours(form="%Y-%m-%dT%H:%M:%SZ"), FIVE),
        {},
        FIVE,
        "hour",
        "2024-01-10",
        "04:00",
    ),
    "fractions of a second": (
        rows_of([f"2024-01-10 00:00:00.{k}00" for k in range(5)], FIVE),
        {},
        FIVE,
        "100 milliseconds",
        "2024",
        "00.4",
    ),
    "day first, a row decides": (
        rows_of(days("%d/%m/%Y"), FIVE),
        {},
        FIVE,
        "day",
        "2024-01-10",
        "01-14",
    ),
    "month first, a row decides": (
        rows_of(days("%m/%d/%Y"), FIVE),
        {},
        FIVE,
        "day",
        "2024-01-10",
        "01-14",
    ),
    "day first, as told": (
        rows_of(days("%d.%m.%Y", start="2024-03-01"), FIVE),
        {"day_first": True},
        FIVE,
        "day",
        "2024-03-01",
        "03-05",
    ),
    "month first, as told": (
        rows_of(days("%m/%d/%Y", start="2024-03-01"), FIVE),
        {"day_first": False},
        FIVE,
        "day",
        "2024-03-01",
        "03-05",
    ),
    "years of two digits": (
        rows_of(days("%m/%d/%y", start="2024-01-28"), FIVE),
        {},
        FIVE,
        "day",
        "2024-01-28",
        "02-01",
    ),
    "a format": (
        rows_of(days("%y%m-%d"), FIVE),
        {"date_format": "%y%m-%d"},
        FIVE,
        "day",
        "2024-01-10",
        "01-14",
    ),
    "names of months": (
        rows_of(days("%d-%b-%Y"), FIVE),
        {},
        FIVE,
        "day",
        "2024-01-10",
        "01-14",
    ),
    "month, day and year in quotes": (
        rows_of(days('"%B %d, %Y"'), FIVE),
        {},
        FIVE,
        "day",
        "2024-01-10",
        "01-14",
    ),
    "morning and afternoon": (
        rows_of(
            hours(start="2024-01-13 10:00", form="%m/%d/%Y %I:%M %p"), FIVE
        ),
        {},
        FIVE,
        "hour",
        "2024-01-13 10:00",
        "14:00",
    ),
    "midnight as 24:00": (
        rows_of(
            [
                "2024-01-10 22:00",
                "2024-01-10 23:00",
                "2024-01-10 24:00",
                "2024-01-11 01:00",
                "2024-01-11 02:00",
            ],
            FIVE,
        ),
        {},
        FIVE,
        "hour",
        "2024-01-10 22:00",
        "02:00",
    ),
    "months": (
        rows_of(days("%Y-%m", freq="MS"), FIVE),
        {},
        FIVE,
        "month",
        "2024-02-01",
        "06-01",
    ),
    "ends of months": (
        rows_of(days(freq="ME"), FIVE),
        {},
        FIVE,
        "month, at its end",
        "2024-01-31",
        "05-31",
    ),
    "quarters": (
        rows_of(["2023Q2", "2023Q3", "2023Q4", "2024Q1", "2024Q2"], FIVE),
        {},
        FIVE,
        "quarter",
        "2023-04-01",
        "2024-04-01",
    ),
    "ISO weeks": (
        rows_of([f"2024-W{k:02}" for k in range(1, 6)], FIVE),
        {},
        FIVE,
        "week",
        "2024-01-01",
        "01-29",
    ),
    "a date and a clock": (
        rows_of(
            hours(form="%d.%m.%Y;%H:%M", start="2024-01-13"),
            COMMAS,
            ";",
            "day;clock,load",
        ),
        {},
        FIVE,
        "hour",
        "2024-01-13 00:00",
        "04:00",
    ),
    "rows after the last value": (
        PLAIN + rows_of(hours(3, "2024-01-10 05:00"), ["", "", ""], header=""),
        {},
        FIVE,
        "hour",
        "2024",
        "04:00",
    ),
    "a preamble that is skipped": (
        "Station 5\nunit: kW, net\n" + PLAIN,
        {"skip": 2},
        FIVE,
        "hour",
        "2024",
        "04:00",
    ),
    "a row of units that is dropped": (
        PLAIN.replace("load\n", "load\n,kW\n"),
        {"drop_rows": "2"},
        FIVE,
        "hour",
        "2024",
        "04:00",
    ),
    "the value by its number": (
        lines(
            "time,a,b",
            *(f"{t},{v},0" for t, v in zip(hours(), FIVE, strict=True)),
        ),
        {"value": "2"},
        FIVE,
        "hour",
        "2024",
        "04:00",
    ),
    "gzip": (gzip.compress(PLAIN.encode()), {}, FIVE, "hour", "2024", "04:00"),
    "bzip2": (bz2.compress(PLAIN.encode()), {}, FIVE, "hour", "2024", "04:00"),
    "xz": (lzma.compress(PLAIN.encode()), {}, FIVE, "hour", "2024", "04:00"),
    "zip": (zipped(data_csv=PLAIN), {}, FIVE, "hour", "2024", "04:00"),
}


# Files that need a repair, and get it only if it is told


GAP = rows_of([*hours(3), *hours(2, "2024-01-10 05:00")], FIVE)
HOLE = rows_of(hours(), [1.5, "", "NA", 4.5, 5])
TWICE = rows_of(
    [*hours(3), *hours(3)[2:], *hours(3, "2024-01-10 03:00")],
    [1, 2, 3, 3, 4, 5, 6],
)
CONFLICT = TWICE.replace("02:00,3\n", "02:00,7\n", 1)
TRADED = [d for d in pd.bdate_range("2024-01-08", periods=10) if d.day != 15]
TRADING = rows_of([d.strftime("%Y-%m-%d") for d in TRADED], range(9))
SPRING = [
    "2024-03-31 00:00",
    "2024-03-31 01:00",
    "2024-03-31 03:00",
    "2024-03-31 04:00",
]
AUTUMN = [
    "2024-10-27 01:00",
    "2024-10-27 02:00",
    "2024-10-27 02:00",
    "2024-10-27 03:00",
]
MIXED = rows_of(
    [*hours(5), *days("%Y-%m-%d %H:%M", 6, "2024-01-10 04:30", "30min")],
    range(11),
)
JITTER = rows_of(
    [
        "2024-01-10 00:00:01",
        "2024-01-10 00:59:58",
        "2024-01-10 02:00:00",
        "2024-01-10 03:00:03",
    ],
    range(4),
)

MENDED = {
    "missing values": (
        HOLE,
        (3, "load", "missing value"),
        {"fill": "interpolate"},
        [1.5, 2.5, 3.5, 4.5, 5],
    ),
    "missing values, the last known": (
        HOLE,
        (3, "load", "missing value"),
        {"fill": "previous"},
        [1.5, 1.5, 1.5, 4.5, 5],
    ),
    "a gap": (
        GAP,
        (5, "time", "gap"),
        {"fill": "previous"},
        [1.5, 2, -3.25, -3.25, -3.25, 4, 5.5],
    ),
    "identical rows": (
        TWICE,
        (5, "time", "identical duplicate"),
        {"duplicates": "drop-identical"},
        [1, 2, 3, 4, 5, 6],
    ),
    "conflicting rows": (
        CONFLICT,
        (5, "time", "conflicting duplicate"),
        {"duplicates": "mean"},
        [1, 2, 5, 4, 5, 6],
    ),
    "conflicting rows, the first": (
        CONFLICT,
        (5, "time", "conflicting duplicate"),
        {"duplicates": "first"},
        [1, 2, 7, 4, 5, 6],
    ),
    "unsorted": (
        rows_of(np.array(hours())[[0, 2, 1, 3, 4]], range(5)),
        (4, "time", "order"),
        {"sort": True},
        [0, 2, 1, 3, 4],
    ),
    "from new to old": (
        rows_of(hours()[::-1], range(5)),
        (3, "time", "order"),
        {"sort": True},
        [4, 3, 2, 1, 0],
    ),
    "a word for a missing value": (
        rows_of(hours(), [1, "offline", 3, 4, 5]),
        (3, "load", "text"),
        {"missing": "offline", "fill": "interpolate"},
        [1, 2, 3, 4, 5],
    ),
    "a total at the end": (
        PLAIN + "Total,9.75\n",
        (7, "time", "time"),
        {"drop_rows": (7,)},
        FIVE,
    ),
    "business days but for a holiday": (
        TRADING,
        (7, "time", "gap"),
        {"every": "row"},
        range(9),
    ),
    "a holiday filled": (
        TRADING,
        (7, "time", "gap"),
        {"fill": "previous"},
        [0, 1, 2, 3, 4, 4, 5, 6, 7, 8],
    ),
    "mixed frequencies": (
        MIXED,
        (3, "time", "gap"),
        {"every": "1h"},
        [0, 1, 2, 3, 4.5, 6.5, 8.5, 10],
    ),
    "uneven steps": (
        JITTER,
        (4, "time", "uneven"),
        {"every": "1h", "fill": "previous"},
        [0.5, 0.5, 2, 3],
    ),
    "sums": (
        rows_of(hours(9), range(9)),
        None,
        {"every": "3h", "aggregate": "sum"},
        [3, 12, 21],
    ),
    "a clock set forward": (
        rows_of(SPRING, range(4)),
        (4, "time", "gap"),
        {"tz": "Europe/Berlin"},
        range(4),
    ),
    "a clock set back": (
        rows_of(AUTUMN, range(4)),
        (4, "time", "conflicting duplicate"),
        {"tz": "Europe/Berlin"},
        range(4),
    ),
    "a decimal that may group thousands": (
        rows_of(hours(), ["1.234", "2.345", "3.456", "4.567", "5.678"], ";"),
        (2, "load", "ambiguous number"),
        {"decimal": "."},
        [1.234, 2.345, 3.456, 4.567, 5.678],
    ),
    "a group that may be decimals": (
        rows_of(hours(), [f'"{k},500"' for k in range(1, 6)]),
        (2, "load", "ambiguous number"),
        {"thousands": ","},
        [1500, 2500, 3500, 4500, 5500],
    ),
    "day or month first": (
        rows_of(days("%d/%m/%Y", start="2024-03-01"), FIVE),
        (2, "time", "ambiguous date"),
        {"day_first": True},
        FIVE,
    ),
    "several columns of values": (
        lines(
            "time,a,b",
            *(f"{t},{v},0" for t, v in zip(hours(), FIVE, strict=True)),
        ),
        (None, None, "several values"),
        {"value": "a"},
        FIVE,
    ),
    "several columns of times": (
        lines(
            "start,end,load",
            *(f"{t},{t},{v}" for t, v in zip(hours(), FIVE, strict=True)),
        ),
        (None, None, "several times"),
        {"time": "end"},
        FIVE,
    ),
    "a header that may be a value": (
        lines(
            "load,7", *(f"{t},{v}" for t, v in zip(hours(), FIVE, strict=True))
        ),
        (1, None, "header"),
        {"header": True},
        FIVE,
    ),
    "a preamble": (
        "Station 5\n" + PLAIN,
        (1, None, "ragged"),
        {"skip": 1},
        FIVE,
    ),
    "missing before the first": (
        rows_of(hours(), ["", "", 3, 4, 5]),
        (2, "load", "missing value"),
        {"drop_rows": "2-3"},
        [3, 4, 5],
    ),
}


# Files that cannot be used: row, column, kind, words


REFUSED = {
    "empty": (b"", None, None, "empty", "an empty file"),
    "blank": (b" \n\n \n", None, None, "empty", "blanks alone"),
    "header alone": (b"time,load\n", None, None, "empty", "a header alone"),
    "binary": (bytes(range(256)), 1, None, "no text", "is this a binary file"),
    "a picture": (
        b"\x89PNG\r\n\x1a\n\0\0",
        2,
        None,
        "no text",
        "expected text",
    ),
    "neither UTF-8 nor Windows-1252": (
        b"time,load\n\x81,1\n",
        2,
        None,
        "no text",
        "0x81",
    ),
    "an Excel workbook": (
        zipped(**{"[Content_Types].xml": "x", "xl/workbook.xml": "x"}),
        None,
        None,
        "no text",
        "save it as CSV",
    ),
    "a PDF": (b"%PDF-1.4", None, None, "no text", "a PDF"),
    "a tar archive": (
        gzip.compress(tarred(PLAIN)),
        None,
        None,
        "no text",
        "tar archive",
    ),
    "a cut gzip": (
        gzip.compress(PLAIN.encode())[:-9],
        None,
        None,
        "damaged",
        "whole",
    ),
    "a zip of two": (
        zipped(a_csv=PLAIN, b_csv=PLAIN),
        None,
        None,
        "several files",
        r"2 \(a.csv, b.csv\)",
    ),
    "a damaged zip": (
        zipped(a_csv=PLAIN)[:-9],
        None,
        None,
        "damaged",
        "whole zip",
    ),
    "open quotes": ('time,load\n2024-01-10,"5\n', 2, None, "quotes", "closed"),
    "a short row": (
        PLAIN.replace(",-3.25", ""),
        4,
        None,
        "ragged",
        "expected 2 cells",
    ),
    "a long row": (
        PLAIN.replace("-3.25", "-3,25"),
        4,
        None,
        "ragged",
        "got 3",
    ),
    "text alone": (
        lines("a,b", "x,y", "z,w"),
        2,
        "a",
        "no values",
        "got none: 'x'",
    ),
    "all missing": (
        rows_of(hours(), ["NA"] * 5),
        2,
        "load",
        "no values",
        "'NA'",
    ),
    "one row": (
        rows_of(hours(1), FIVE),
        None,
        None,
        "too short",
        "at least 3 rows",
    ),
    "a number beyond float64": (
        rows_of(hours(), [1, 2, "1e999", 4, 5]),
        4,
        "load",
        "number",
        "1e999",
    ),
    "infinity": (
        rows_of(hours(), [1, 2, "inf", 4, 5]),
        4,
        "load",
        "text",
        "'inf'",
    ),
    "a unit": (
        rows_of(hours(), [1, 2, "3 kW", 4, 5]),
        4,
        "load",
        "text",
        "'3 kW'",
    ),
    "a day that does not exist": (
        rows_of(["2023-02-27", "2023-02-28", "2023-02-29"], FIVE),
        4,
        "time",
        "time",
        "a day that exists",
    ),
    "an hour that does not exist": (
        rows_of(["2023-02-27 23:00", "2023-02-28 24:30"], FIVE),
        3,
        "time",
        "time",
        "24:30",
    ),
    "a time in another form": (
        rows_of(["2023-02-27", "2023-02-28", "1 March 2023"], FIVE),
        4,
        "time",
        "time",
        r"as in row 2 \('2023-02-27'\)",
    ),
    "a missing clock": (
        rows_of(
            ["2023-02-27;05:00", "2023-02-27;", "2023-02-27;07:00"],
            FIVE,
            ";",
            "day;clock,load",
        ),
        3,
        "clock",
        "time",
        "expected a time, got ''",
    ),
    "text among decimal commas": (
        rows_of(hours(), ["1,5", "2.000,5", "x", "4,5", "5,5"], ";"),
        4,
        "load",
        "text",
        "decimal comma, thousands set off by '.', got 'x'",
    ),
    "a missing time": (
        rows_of(["2023-02-27", "", "2023-03-01"], FIVE),
        3,
        "time",
        "time",
        "expected a time, got ''",
    ),
    "no order of day and month": (
        rows_of(["13/01/2023", "14/01/2023", "01/15/2023"], FIVE),
        4,
        "time",
        "time",
        "row 2 cannot have the month first",
    ),
    "a zone that is not there": (
        rows_of(["2024-01-10T00:00Z", "2024-01-10T01:00"], FIVE),
        3,
        "time",
        "time",
        "expected a zone",
    ),
}
