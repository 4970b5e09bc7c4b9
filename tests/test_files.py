"""Files as readers have them: read right, or refused by row and column."""

import gzip
import sys
import types

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gru_tutorial._reading import raw
from gru_tutorial._reading.cells import Dialect, all_fit, to_floats
from gru_tutorial._reading.steps import Step, find_step
from gru_tutorial._reading.times import PATTERNS, is_time
from gru_tutorial.files import FileProblem, Reading, read_series
from tests.messy import (
    AUTUMN,
    FIVE,
    MENDED,
    PLAIN,
    READ,
    REFUSED,
    SPRING,
    TRADING,
    days,
    hours,
    lines,
    rows_of,
    zipped,
)


@pytest.fixture
def write(tmp_path):
    def written(content, name="data.csv"):
        path = tmp_path / name
        if isinstance(content, str):
            content = content.encode()
        path.write_bytes(content)
        return path

    return written


@pytest.mark.parametrize("name", READ)
def test_is_read_right(name, write):
    content, options, values, step, first, last = READ[name]
    reading = read_series(write(content), **options)
    np.testing.assert_array_equal(reading.values, values)
    assert str(reading.table.step) == step
    index = reading.frame.index
    assert str(index[0]).startswith(first)
    assert last in str(index[-1])
    assert str(reading).startswith("data.csv: ")


@pytest.mark.parametrize("name", MENDED)
def test_is_refused_until_a_repair_is_told(name, write):
    content, fault, options, values = MENDED[name]
    path = write(content)
    if fault is not None:
        with pytest.raises(FileProblem) as caught:
            read_series(path)
        first = caught.value.problems[0]
        assert (first.row, first.column, first.kind) == fault
        assert first.repairs
        assert "data.csv" in str(caught.value)
    reading = read_series(path, **options)
    np.testing.assert_allclose(reading.values, values, rtol=1e-12)
    assert len(reading.done) > 2  # beside the columns


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused_by_row_and_column(name, write):
    content, row, column, kind, words = REFUSED[name]
    with pytest.raises(FileProblem, match=words) as caught:
        read_series(write(content))
    first = caught.value.problems[0]
    assert (first.row, first.column, first.kind) == (row, column, kind)


def test_there_are_many_files():
    assert len({**READ, **MENDED, **REFUSED}) >= 100


def test_a_path_that_is_no_file(tmp_path):
    for path, words in (
        (tmp_path / "none.csv", "none.csv: could not be read"),
        (tmp_path, "got a folder"),
        ("https://example.org/data.csv", "download it first"),
    ):
        with pytest.raises(FileProblem, match=words):
            read_series(path)
    for path in (3, None, "", b"data.csv", "a\0b"):
        with pytest.raises(ValueError, match="path: expected a file's path"):
            read_series(path)


@pytest.mark.skipif(sys.platform == "win32", reason="no devices")
def test_a_device_is_refused():
    with pytest.raises(FileProblem, match="expected a regular file"):
        read_series("/dev/zero")


def test_a_large_file_is_refused(write, monkeypatch):
    monkeypatch.setattr(raw, "MAX_BYTES", 1000)
    bomb = gzip.compress(b"1\n" * 10**6)
    for content in (b"1\n" * 501, bomb, zipped(a_csv="1\n" * 501)):
        with pytest.raises(FileProblem, match="expected at most 0 MB"):
            read_series(write(content))
    assert len(read_series(write(b"1\n2\n" * 250)).values) == 500


def test_all_faults_of_a_series_are_told_at_once(write):
    text = rows_of(
        [*hours(3), *hours(1, "2024-01-10 01:00"), *hours(2, "2024-01-11")],
        [1, 2, "", 4, 5, 6],
    )
    with pytest.raises(FileProblem, match="4 faults") as caught:
        read_series(write(text))
    kinds = [one.kind for one in caught.value.problems]
    assert kinds == ["order", "conflicting duplicate", "gap", "missing value"]


def test_nothing_is_dropped_without_a_word(write):
    text = PLAIN.replace("-3.25\n", "-3.25\n\n,\n")
    reading = read_series(write(text))
    assert "skipped empty rows 5, 6 (2 in all)" in reading.done
    text = PLAIN + rows_of(hours(2, "2024-01-10 05:00"), ["", ""], header="")
    reading = read_series(write(text))
    assert reading.table.after == 2
    assert any(
        "2 rows after the last value, from row 7" in one
        for one in reading.done
    )


def test_a_column_that_is_not_used_is_named(write):
    text = lines(
        "time,load,site",
        *(f"{t},{v},x" for t, v in zip(hours(), FIVE, strict=True)),
    )
    assert "not used: 'site' (text)" in read_series(write(text)).done


def test_what_is_odd_is_noted(write):
    constant = read_series(write(rows_of(hours(), [3] * 5)))
    assert "all values are 3: nothing can be learnt" in constant.notes
    gone = rows_of(hours(20), [*range(18), -999, -999])
    assert "--missing -999" in read_series(write(gone)).notes[0]
    low = rows_of(hours(20), range(-999, -979))
    assert read_series(write(low)).notes == ()


# Several series, other columns, the calendar


LONG = lines(
    "shop,day,sold",
    *(
        f"{shop},{day},{k}"
        for k, day in enumerate(days())
        for shop in ("Åre", "Bo")
    ),
)


def test_series_are_told_apart(write):
    reading = read_series(write(LONG), series="shop")
    assert [table.name for table in reading.tables] == ["Åre", "Bo"]
    for table in reading.tables:
        np.testing.assert_array_equal(table.values, range(5))
    with pytest.raises(ValueError, match="expected one series, got 2"):
        assert reading.values
    assert "2 series by 'shop'" in reading.done


def test_series_that_are_not_told_apart_are_seen(write):
    with pytest.raises(FileProblem, match="--series 'shop'"):
        read_series(write(LONG))


def test_a_fault_names_its_series(write):
    text = LONG.replace("Bo,2024-01-12,2\n", "")
    with pytest.raises(FileProblem, match=r"row 8.*series 'Bo'.*2024-01-12"):
        read_series(write(text), series="shop")
    text = LONG.replace("Bo,2024-01-12", ",2024-01-12")
    with pytest.raises(FileProblem, match=r"row 7.*name of a series"):
        read_series(write(text), series="shop")


def test_other_columns_and_the_calendar(write):
    text = lines(
        "time,load,heat",
        *(f"{t},{v},{v}" for t, v in zip(hours(30), range(30), strict=True)),
    )
    path = write(text)
    reading = read_series(
        path, value="load", columns=("heat", "hour", "weekday", "month")
    )
    frame = reading.frame
    assert list(frame)[:4] == ["load", "heat", "hour sin", "hour cos"]
    assert frame.shape == (30, 2 + 2 + 7 + 2)
    np.testing.assert_allclose(frame["hour sin"].iloc[6], 1)
    assert frame["weekday 2"].iloc[0] == 1  # 10 January 2024: a Wednesday
    with pytest.raises(ValueError, match="columns: expected a column of"):
        read_series(path, columns=("cold",))
    with pytest.raises(ValueError, match="got 'heat' twice"):
        read_series(path, value="heat", columns=("heat",))
    with pytest.raises(ValueError, match="columns: expected dates for"):
        read_series(write(lines("load", *FIVE)), columns=("hour",))


@pytest.mark.parametrize(
    ("text", "following"),
    [
        (PLAIN, ["2024-01-10 05:00:00", "2024-01-10 06:00:00"]),
        (
            rows_of(days(freq="ME"), FIVE),
            ["2024-06-30 00:00:00", "2024-07-31 00:00:00"],
        ),
        (
            rows_of(days("%Y-%m", freq="MS"), FIVE),
            ["2024-07-01 00:00:00", "2024-08-01 00:00:00"],
        ),
        (
            rows_of(days(n=10, freq="B"), range(10)),
            ["2024-01-24 00:00:00", "2024-01-25 00:00:00"],
        ),
        (
            rows_of(
                [
                    "2024-03-31T00:00+01:00",
                    "2024-03-31T01:00+01:00",
                    "2024-03-31T03:00+02:00",
                ],
                FIVE,
            ),
            ["2024-03-31 02:00:00+00:00", "2024-03-31 03:00:00+00:00"],
        ),
        (lines("load", *FIVE), ["5", "6"]),
        (rows_of(["0.1", "0.2", "0.3"], FIVE), ["0.4", "0.5"]),
    ],
)
def test_times_go_on(text, following, write):
    table = read_series(write(text)).table
    found = [str(t)[:25] for t in table.following(2)]
    assert [f[: len(w)] for f, w in zip(found, following, strict=True)] == (
        following
    )


def test_local_times_go_on_over_a_change_of_the_clock(write):
    path = write(rows_of(SPRING[:2] + ["2024-03-31 03:00"], FIVE))
    table = read_series(path, tz="Europe/Berlin").table
    back = write(rows_of(AUTUMN, FIVE))
    assert str(table.following(1)[0]) == "2024-03-31 04:00:00+02:00"
    reading = read_series(back, tz="Europe/Berlin")
    assert str(reading.frame.index[2]) == "2024-10-27 02:00:00+01:00"
    daily = read_series(write(rows_of(days(), FIVE)), tz="Europe/Berlin")
    assert "one value a day: Europe/Berlin changes nothing" in daily.done
    for zone in ("Mars/Base", "x"):
        with pytest.raises(ValueError, match="tz: expected a time zone"):
            read_series(back, tz=zone)
    zoned = write(rows_of(hours(form="%Y-%m-%dT%H:%M+01:00"), FIVE))
    assert (
        str(read_series(zoned).frame.index[0]) == "2024-01-10 00:00:00+01:00"
    )
    reading = read_series(zoned, tz="America/New_York")
    assert str(reading.frame.index[0]) == "2024-01-09 18:00:00-05:00"
    assert "'time' is shown in the time of America/New_York" in reading.done
    with pytest.raises(ValueError, match="tz: expected a time zone"):
        read_series(zoned, tz="Mars/Base")


def test_a_zone_in_letters_is_asked_for(write):
    path = write(rows_of([f"{t} CEST" for t in hours()], FIVE))
    with pytest.raises(FileProblem, match=r"row 2.*got .* CEST': letters"):
        read_series(path)
    reading = read_series(path, tz="Europe/Berlin")
    assert str(reading.frame.index[0]) == "2024-01-10 00:00:00+01:00"
    assert "'time': 'CEST' not read, as the zone is told" in reading.done
    mixed = [f"{t} CET" for t in hours(4)] + ["2024-01-10 04:00+01:00"]
    with pytest.raises(FileProblem, match=r"row 2.*distance from UTC"):
        read_series(write(rows_of(mixed, FIVE)), tz="Europe/Berlin")


def test_a_zone_in_brackets_is_met(write):
    stamps = hours(form="%Y-%m-%dT%H:%M+01:00[Europe/Berlin]")
    index = read_series(write(rows_of(stamps, FIVE))).frame.index
    assert str(index[0]) == "2024-01-10 00:00:00+01:00"


def test_rows_as_steps_have_numbers_for_times_to_come(write):
    table = read_series(write(TRADING), every="row").table
    assert table.following(2).tolist() == [1, 2]


def test_means_of_missing_values_are_told(write):
    text = rows_of(hours(6), [1, "", 3, 4, 5, 6])
    reading = read_series(write(text), every="2h")
    np.testing.assert_array_equal(reading.values, [1, 3.5, 5.5])
    assert "left 1 missing value out of each mean" in reading.done


# Arguments


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"fill": "zero"}, "fill: expected one of 'previous', 'interpolate'"),
        ({"duplicates": True}, "duplicates: expected one of"),
        ({"aggregate": "median"}, "aggregate: expected one of"),
        ({"sort": 1}, "sort: expected True or False"),
        ({"day_first": "yes"}, "day_first: expected True or False"),
        ({"header": 0}, "header: expected True or False"),
        ({"skip": -1}, "skip: expected a whole number"),
        ({"drop_rows": "2-"}, "drop_rows: expected rows such as 2,5-8"),
        ({"drop_rows": (0,)}, "drop_rows: expected a whole number"),
        ({"drop_rows": (99,)}, r"drop_rows: expected rows of the file"),
        ({"missing": 3}, "missing: expected texts"),
        ({"missing": ("a", 3)}, "missing: expected texts, got 3"),
        ({"columns": ("load", "load")}, "columns: expected each once"),
        ({"delimiter": ";;"}, "delimiter: expected one mark"),
        ({"delimiter": "a"}, "delimiter: expected one mark"),
        ({"decimal": ";"}, "decimal: expected one of"),
        ({"decimal": ",", "thousands": ","}, "thousands: expected another"),
        ({"encoding": "utf-9"}, "encoding: expected an encoding"),
        ({"date_format": "%Q"}, "date_format: expected one such as"),
        ({"time": ("a", "b", "c")}, "time: expected one column, or a date"),
        ({"time": "when"}, "time: expected a column of data.csv, one of"),
        ({"value": "3"}, "value: expected a column of data.csv"),
        ({"value": " "}, "value: expected a text"),
        ({"every": "hourly!"}, "every: expected 'row', or a step such as 1h"),
        ({"every": "1ns"}, "every: expected a step not far below"),
    ],
)
def test_an_argument_of_another_kind_is_named(options, words, write):
    with pytest.raises(ValueError, match=words):
        read_series(write(PLAIN), **options)


def test_a_name_that_comes_twice_is_asked_for_by_number(write):
    text = lines(
        "time,load,load",
        *(f"{t},{v},0" for t, v in zip(hours(), FIVE, strict=True)),
    )
    path = write(text)
    with pytest.raises(ValueError, match="say one of the numbers 2, 3"):
        read_series(path, value="load")
    assert read_series(path, value="2").values[0] == 1.5


def test_told_the_wrong_order_a_row_says_so(write):
    path = write(rows_of(days("%d/%m/%Y"), FIVE))
    with pytest.raises(FileProblem, match=r"row 5.*month first, as told"):
        read_series(path, day_first=False)


@pytest.mark.parametrize("form", ["%d/%m/%Y %H:%M", "%m/%d/%y %H:%M"])
def test_even_steps_decide_on_day_and_month(form, write):
    """Five days at the begin of March; read otherwise, they jump."""
    stamps = hours(120, "2024-03-01", form)
    reading = read_series(write(rows_of(stamps, range(120))))
    assert str(reading.frame.index[-1]) == "2024-03-05 23:00:00"
    first = "day" if form.startswith("%d") else "month"
    words = f"'time' has the {first} first, as only so are its steps even"
    assert words in reading.done


@pytest.mark.parametrize(
    ("n", "freq"), [(5, "D"), (12, "MS"), (20, "h"), (2, "D")]
)
def test_steps_that_are_even_in_both_ways_decide_nothing(n, freq, write):
    """Days of a month may be months, and hours of a day that of another."""
    stamps = days("%d/%m/%Y %H:%M", n, "2024-01-01", freq)
    with pytest.raises(FileProblem, match="may have the day or the month"):
        read_series(write(rows_of(stamps, range(n))))


# Parquet


def test_parquet_needs_pyarrow(write, monkeypatch):
    monkeypatch.setattr(
        "gru_tutorial._reading.parquet.find_spec", lambda name: None
    )
    words = r"install it \(pip install pyarrow\)"
    with pytest.raises(FileProblem, match=words):
        read_series(write(b"PAR1", "data.parquet"))


def test_parquet_of_many_kinds(tmp_path):
    times = pd.date_range("2024-03-30", periods=60, freq="h", tz="UTC")
    load = np.random.default_rng(0).standard_normal(60)
    frame = pd.DataFrame({"time": times, "load": load})
    path = tmp_path / "data.parquet"
    for other in (
        frame,
        frame.set_index("time"),
        frame.assign(time=times.tz_convert("Europe/Berlin")),
        frame.assign(time=times.tz_convert(None), shop="a", open=True),
    ):
        other.to_parquet(path, compression="zstd")
        reading = read_series(path)
        np.testing.assert_array_equal(reading.values, load)
        assert str(reading.table.step) == "hour"
    whole = pd.array([*range(59), None], dtype="Int64")
    frame.assign(load=whole).to_parquet(path)
    assert read_series(path).table.after == 1
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(FileProblem, match="expected a Parquet file"):
        read_series(path)


def test_parquet_is_read_like_text(write, monkeypatch):
    path = write(b"PAR1", "data.parquet")
    monkeypatch.setattr(
        "gru_tutorial._reading.parquet.find_spec", lambda name: types
    )
    index = pd.date_range("2024-01-10", periods=4, freq="h", name="when")
    frame = pd.DataFrame({"load": [0.1, 1e-7, 3.0, 1 / 3]}, index=index)
    monkeypatch.setattr(pd, "read_parquet", lambda path: frame)
    reading = read_series(path)
    np.testing.assert_array_equal(reading.values, frame["load"])
    assert reading.time == "when"
    frame.iloc[1] = np.nan
    with pytest.raises(FileProblem, match="row 2, column 'load'"):
        read_series(path)

    def fails(path):
        raise OSError("no footer")

    monkeypatch.setattr(pd, "read_parquet", fails)
    with pytest.raises(FileProblem, match="expected a Parquet file"):
        read_series(path)


def test_rows_of_one_time_that_differ_elsewhere_say_where(write):
    rows = [f"{t},5,{shop}" for shop in "ab" for t in hours()]
    path = write("\n".join(["time,load,shop", *rows]))
    with pytest.raises(FileProblem) as caught:
        read_series(path)
    assert "again, as in row 2, with 'b' in 'shop', not 'a'" in str(
        caught.value
    )


# Steps and forms on their own


def test_each_form_of_a_time_is_seen():
    for text in (
        *("2024-01-31", "2024/1/31 5:00", "2024.01.31T05:00:00.5+0100"),
        *("31.01.2024", "1/31/24 12:00 am", "20240131", "20240131T0500"),
        *("2024-01", "01/2024", "31 Jan 2024", "Wed, 31 January 2024 05:00"),
        *("Jan 31, 2024", "January 2024", "2024Q1", "Q1 2024", "2024-W05-3"),
        *("05:00", "5:00 PM"),
    ):
        assert is_time(text), text
    for text in ("5", "1.5", "load", "", "2024-01-31x", "12-34", "9:99:99:9"):
        assert not is_time(text), text
    assert len(PATTERNS) == 11


def test_a_step_leads_from_times_to_positions_and_back():
    for freq, kind in (
        ("h", "fixed"),
        ("MS", "months"),
        ("QS", "months"),
        ("ME", "month ends"),
        ("B", "business days"),
        ("D", "fixed"),
    ):
        times = pd.date_range("2024-01-03", periods=9, freq=freq).to_numpy()
        times = times.astype("datetime64[us]")
        step = find_step(times)
        assert step.kind == kind
        positions = step.positions(times)
        np.testing.assert_array_equal(positions, range(9))
        np.testing.assert_array_equal(step.times(times[0], positions), times)
    assert str(Step("fixed", 7)) == "7 microseconds"
    assert str(Step("months", 5)) == "5 months"
    assert str(Step("rows")) == "row"


# Whatever is written in one of several ways comes back


def assert_kind(error, kind):
    assert error.problems[0].kind == kind


def assert_told(error, name):
    assert str(error).startswith(name)
    assert all(problem.kind for problem in error.problems)


NUMBERS = st.floats(-1e12, 1e12).map(lambda x: round(x, 3))
WAYS = st.tuples(
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(
        [
            Dialect(".", ""),
            Dialect(",", ""),
            Dialect(",", "."),
            Dialect(".", "'"),
        ]
    ),
    st.sampled_from(
        [
            "%Y-%m-%d %H:%M",
            "%d.%m.%Y %H:%M",
            "%m/%d/%Y %H:%M",
            "%d %b %Y %H:%M",
            "%Y%m%d%H%M",
        ]
    ),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
)


def written(value, dialect):
    text = f"{value:,.3f}" if dialect.thousands else f"{value:.3f}"
    return text.translate(
        {ord(","): dialect.thousands, ord("."): dialect.decimal}
    )


@given(values=st.lists(NUMBERS, min_size=3, max_size=30), way=WAYS)
def test_values_written_in_any_way_come_back(values, way, tmp_path_factory):
    mark, dialect, form, encoding, end = way
    texts = [written(v, dialect) for v in values]
    times = hours(len(values), "2024-01-13", form)
    quoted = [f'"{t}"' if mark in t else t for t in texts]
    text = rows_of(times, quoted, mark).replace("\n", end)
    path = tmp_path_factory.getbasetemp() / "way.csv"
    path.write_bytes(text.encode(encoding))
    options = {"decimal": dialect.decimal, "thousands": dialect.thousands}
    reading = read_series(path, **options)
    np.testing.assert_array_equal(reading.values, values)
    assert reading.rows == len(values)
    try:  # without a word it reads the same, or asks
        reading = read_series(path)
    except FileProblem as error:
        assert_kind(error, "ambiguous number")
    else:
        np.testing.assert_array_equal(reading.values, values)


@given(content=st.binary(max_size=200))
def test_bytes_give_a_reading_or_a_message(content, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "bytes.csv"
    path.write_bytes(content)
    try:
        assert isinstance(read_series(path), Reading)
    except FileProblem as error:
        assert_told(error, "bytes.csv")


CELLS = st.sampled_from(
    [
        "",
        "1",
        "2",
        "3.5",
        "1,5",
        "x",
        "NA",
        "2024-01-01",
        "2024-01-02",
        "01/02/2024",
        "13/02/2024",
        "1e400",
        '"',
        "12:30",
        "20240101",
        "−4",
        "1704844800",
        "2024-02-30",
        "  7 ",
    ]
)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "fill": st.sampled_from(["previous", "interpolate"]),
        "duplicates": st.sampled_from(["mean", "first", "drop-identical"]),
        "sort": st.booleans(),
        "every": st.sampled_from(["row", "1h", "D", "MS"]),
        "value": st.sampled_from(["1", "2", "a"]),
        "time": st.sampled_from(["1", "none", "a"]),
        "series": st.sampled_from(["1", "a"]),
        "header": st.booleans(),
        "missing": st.sampled_from(["x", ()]),
        "drop_rows": st.sampled_from(["2", ()]),
    },
)


@given(
    rows=st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=12),
    mark=st.sampled_from([",", ";", " "]),
    options=OPTIONS,
)
def test_any_cells_give_a_reading_or_a_message(
    rows, mark, options, tmp_path_factory
):
    path = tmp_path_factory.getbasetemp() / "cells.csv"
    path.write_text(
        lines("a,b".replace(",", mark), *map(mark.join, rows)), "utf-8"
    )
    try:
        reading = read_series(path, **options)
    except FileProblem as error:
        assert_told(error, "cells.csv")
    except ValueError as error:
        name = str(error).partition(":")[0].split(",")[0]
        assert name in {*options, "columns", "path", "time"}
    else:
        for table in reading.tables:
            assert np.isfinite(table.values).all()
            assert len(table.following(3)) == 3


def test_numbers_are_exact():
    for value in (0.1, 1e-7, 123456789.123456789, 2**53 - 1, 5e-324):
        assert to_floats([repr(value)], Dialect())[0] == value
    assert not all_fit(["1_000"], Dialect())
    assert not all_fit(["٣"], Dialect())  # digits of other scripts


@pytest.mark.parametrize("form", ["%Y-%m-%d %H:%M", "%Y%m%d%H%M"])
def test_decimal_commas_may_stand_between_commas_in_quotes(form, tmp_path):
    rows = [f'{t},"{k},5"' for k, t in enumerate(hours(3, "2024-01-13", form))]
    path = tmp_path / "quoted.csv"
    path.write_text("\n".join(["time,load", *rows]))
    found = read_series(path, decimal=",").values
    np.testing.assert_array_equal(found, [0.5, 1.5, 2.5])
