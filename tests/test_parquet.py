"""Windows from Parquet files are those of the series in memory."""

import datetime
import itertools

import numpy as np
import pyarrow as pa
import pytest
import torch
from pyarrow import parquet
from torch.utils.data import DataLoader

from gru_tutorial import GRUModel, Scaler, evaluate, fit, make_windows
from gru_tutorial._row_groups import RowGroups
from gru_tutorial.parquet import ParquetWindows

LENGTHS = (9, 30, 5, 1, 12, 40, 6, 2, 25)


def drawn(lengths=LENGTHS, seed=0):
    """Return series by their names, at levels of their own."""
    rng = np.random.default_rng(seed)
    return {
        10 + k: (100 * k + rng.standard_normal(n)).astype(np.float32)
        for k, n in enumerate(lengths)
    }


def table_of(series):
    names = np.repeat(list(series), [len(one) for one in series.values()])
    times = np.concatenate([np.arange(len(one)) for one in series.values()])
    values = np.concatenate(list(series.values()))
    return pa.table({"series": names, "time": times, "value": values})


def write(folder, series=None, group=1000, files=1):
    """Write series into files that break where rows happen to."""
    table = series if isinstance(series, pa.Table) else table_of(series)
    edges = np.linspace(0, len(table), files + 1).astype(int)
    for k, (start, end) in enumerate(itertools.pairwise(edges)):
        parquet.write_table(
            table.slice(start, end - start),
            folder / f"part-{k:02}.parquet",
            row_group_size=group,
        )
    return folder


def both(batches):
    """Return windows and labels side by side, one row for each."""
    rows = [torch.cat([X.squeeze(-1), y], dim=1) for X, y in batches]
    return torch.cat(rows).numpy()


def in_memory(series, window, horizon, stride, scale):
    """Cut each series and join the pieces."""
    rows = []
    for one in series.values():
        if len(one) < window + horizon:
            continue
        one = Scaler().fit(one).transform(one) if scale else one
        X, y = make_windows(one, window, horizon)
        rows.append(np.concatenate([X.squeeze(-1), y], axis=1)[::stride])
    return np.concatenate(rows)


def ordered(rows):
    return rows[np.lexsort(rows.T)]


@pytest.mark.parametrize("scale", [False, True])
@pytest.mark.parametrize(
    ("group", "files", "window", "horizon", "stride"),
    [
        (1000, 1, 4, 1, 1),
        (7, 1, 4, 2, 1),
        (1, 1, 3, 1, 1),
        (7, 5, 4, 2, 3),
        (3, 40, 1, 1, 2),
        (50, 2, 20, 5, 4),
    ],
)
def test_no_window_is_lost_or_crosses_a_series(
    tmp_path, group, files, window, horizon, stride, scale
):
    """Wherever row groups and files end."""
    series = drawn()
    write(tmp_path, series, group, files)
    windows = ParquetWindows(tmp_path, window, horizon, 8, stride, scale=scale)
    expected = in_memory(series, window, horizon, stride, scale)
    batches = list(windows)
    np.testing.assert_allclose(both(batches), expected, atol=3e-5)
    assert len(batches) == len(windows)
    assert {len(X) for X, _ in batches[:-1]} <= {8}
    assert windows.windows == len(expected)
    assert (windows.rows, windows.series) == (130, 9)
    short = [n for n in LENGTHS if n < window + horizon]
    assert windows.skipped == len(short)
    X, y = batches[0]
    assert X.dtype == y.dtype == torch.float32
    assert X.shape[1:] == (window, 1)
    assert y.shape[1:] == (horizon,)


@pytest.mark.parametrize("group", [7, 30, 1000])
@pytest.mark.parametrize("shuffle", [1, 3, 100])
def test_a_seed_gives_an_order(tmp_path, group, shuffle):
    write(tmp_path, drawn(), group)

    def read(seed):
        windows = ParquetWindows(
            tmp_path, 4, batch_size=8, shuffle=shuffle, seed=seed
        )
        return both(windows), both(windows)

    plain = both(ParquetWindows(tmp_path, 4, batch_size=8))
    first, second = read(0)
    for rows in (first, second):
        np.testing.assert_array_equal(ordered(rows), ordered(plain))
    np.testing.assert_array_equal(read(0), [first, second])
    for other in (plain, second, read(1)[0]):
        assert not np.array_equal(first, other)


def test_row_groups_that_are_read_together_are_mixed(tmp_path):
    """With one at a time, a series stays in one place of the order."""
    write(tmp_path, drawn(8 * [100]), group=100)

    def jumps(shuffle):
        windows = ParquetWindows(tmp_path, 4, scale=False, shuffle=shuffle)
        rows = both(windows)
        return np.count_nonzero(np.diff(np.rint(rows[:, 0] / 100)))

    assert jumps(1) < 40
    assert jumps(8) > 500


@pytest.mark.parametrize("shuffle", [0, 2])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_parts_share_the_series(tmp_path, count, shuffle):
    write(tmp_path, drawn(12 * LENGTHS), group=31)
    whole = both(ParquetWindows(tmp_path, 4))
    parts = [
        ParquetWindows(tmp_path, 4, shuffle=shuffle, part=(k, count))
        for k in range(count)
    ]
    rows = [both(part) for part in parts]
    assert [len(one) for one in rows] == [part.windows for part in parts]
    assert min(map(len, rows)) > 0.8 * len(whole) / count
    np.testing.assert_array_equal(
        ordered(np.concatenate(rows)), ordered(whole)
    )


@pytest.mark.slow
def test_workers_share_a_part(tmp_path):
    """And each pass has an order of its own, as without workers."""
    write(tmp_path, drawn(4 * LENGTHS), group=31)
    windows = ParquetWindows(tmp_path, 4, shuffle=2, batch_size=16)

    def read(seed):
        loader = DataLoader(
            windows,
            batch_size=None,
            num_workers=2,
            generator=torch.Generator().manual_seed(seed),
        )
        return both(loader), both(loader)

    first, second = read(0)
    whole = both(ParquetWindows(tmp_path, 4))
    np.testing.assert_array_equal(ordered(first), ordered(whole))
    np.testing.assert_array_equal(read(0), [first, second])
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("shuffle", [0, 2])
@pytest.mark.parametrize("part", [(0, 1), (1, 2)])
def test_a_pass_goes_on_from_a_batch(tmp_path, shuffle, part):
    write(tmp_path, drawn(), group=31)

    def opened():
        return ParquetWindows(
            tmp_path, 4, batch_size=8, shuffle=shuffle, part=part
        )

    whole = both(opened())
    for start in range(len(opened())):
        rest = both(opened().batches(start))
        np.testing.assert_array_equal(rest, whole[8 * start :])
    assert not list(opened().batches(len(opened())))
    with pytest.raises(ValueError, match="start: expected a whole number"):
        opened().batches(len(opened()) + 1)


def test_row_groups_before_the_start_are_not_read(tmp_path, monkeypatch):
    write(tmp_path, drawn(8 * [100]), group=100)
    read, whole = [], RowGroups._read

    def watched(self, group, *kinds):
        read.append(group)
        return whole(self, group, *kinds)

    monkeypatch.setattr(RowGroups, "_read", watched)
    windows = ParquetWindows(tmp_path, 4, batch_size=96)
    assert read == []  # metadata say that each row group has one series
    next(windows.batches(6))
    assert read == [6]


def test_it_is_trained_on_as_a_loader(tmp_path):
    write(tmp_path, drawn(6 * [40]), group=31)
    windows = ParquetWindows(tmp_path, 6, shuffle=2, batch_size=32)
    torch.manual_seed(0)
    model = GRUModel(hidden_size=4)
    before = evaluate(model, windows)
    history = fit(model, windows, windows, num_epochs=4, one_cycle=True)
    assert history.valid_loss[-1] < before


def test_a_run_goes_on_in_the_order_that_it_had(tmp_path):
    """A checkpoint keeps the generator from which orders are drawn."""
    write(tmp_path, drawn(6 * [40]), group=31)

    def run(num_epochs, name):
        windows = ParquetWindows(tmp_path, 6, shuffle=2, batch_size=32)
        torch.manual_seed(0)
        model = GRUModel(hidden_size=4)
        file = tmp_path / f"{name}.pt"
        fit(model, windows, num_epochs=num_epochs, checkpoint=file)
        return model.state_dict()

    whole = run(4, "whole")
    run(2, "broken")
    for name, weight in run(4, "broken").items():
        torch.testing.assert_close(weight, whole[name], rtol=0, atol=0)


DAYS = [datetime.date(2024, 1, 1) + datetime.timedelta(k) for k in range(6)]
COLUMNS = {
    "series": pa.array(3 * ["a"] + 3 * ["b"]),
    "time": pa.array([0, 1, 2, 0, 1, 2]),
    "value": pa.array([0.0, 1, 2, 7, 8, 9]),
}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"series": pa.array([1, 1, 1, 2, 2, 2], pa.uint8())},
        {"series": COLUMNS["series"].dictionary_encode()},
        {"time": pa.array([0.1, 0.2, 0.3, -5, 0, 5])},
        {"time": pa.array(10**18 + np.arange(6))},
        {"time": pa.array(DAYS)},
        {"time": pa.array(DAYS).cast(pa.timestamp("ns", "UTC"))},
        {"value": pa.array([0, 1, 2, 7, 8, 9], pa.int8())},
        {"value": COLUMNS["value"].cast(pa.float16())},
    ],
)
@pytest.mark.parametrize("group", [2, 100])
def test_columns_of_many_types_are_read(tmp_path, change, group):
    write(tmp_path, pa.table(COLUMNS | change), group)
    windows = ParquetWindows(tmp_path / "part-00.parquet", 2, scale=False)
    np.testing.assert_array_equal(both(windows), [[0, 1, 2], [7, 8, 9]])


def test_columns_may_have_other_names(tmp_path):
    table = pa.table(COLUMNS | {"place": COLUMNS["value"]})
    write(tmp_path, table.rename_columns(["shop", "day", "sold", "place"]))
    windows = ParquetWindows(
        tmp_path, 2, series="shop", time="day", value="sold", scale=False
    )
    assert both(windows)[1].tolist() == [7, 8, 9]


def test_a_constant_series_becomes_zeros(tmp_path):
    series = {1: np.full(9, 0.1), 2: np.arange(9) * 1e-3 + 1e6}
    write(tmp_path, series)
    rows = both(ParquetWindows(tmp_path, 8))
    assert not rows[0].any()
    expected = (np.arange(9) - 4) / np.arange(9).std()
    np.testing.assert_allclose(rows[1], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"value": None}, "value: expected one column 'value', got 'series'"),
        ({"value": pa.array(6 * ["1"])}, "value: expected numbers, got str"),
        ({"time": pa.array(6 * ["1"])}, "time: expected numbers or dates, g"),
        ({"series": pa.array(6 * [1.5])}, "series: expected words or whole"),
        (
            {"series": pa.array([1, 1, 2, 2, 1, 1])},
            "series: expected the rows of 1 side by side, got more of them "
            "in column 'series' of 'part-00.parquet', row group 2",
        ),
        (
            {"series": pa.array(["a", "a", None, "b", "b", "b"])},
            "series: expected no missing ones, got 1 in .* row group 1, the "
            "first in row 0",
        ),
        (
            {"time": pa.array([0, 1, 1, 0, 1, 2])},
            "time: expected times that rise within a series, got 1 after 1 "
            "in column 'time' of 'part-00.parquet', row group 1, row 0",
        ),
        (
            {"time": pa.array([0, 1, 2, 0, 2, 1])},
            "got 1 after 2 in column 'time' .*, row group 2, row 1",
        ),
        (
            {"time": pa.array([0, 1, 2, 0, None, 1])},
            "time: expected no missing ones, got 1 .* row group 2",
        ),
        (
            {"value": pa.array([0.0, 1, 2, np.nan, 8, 9])},
            "value: expected finite numbers, got nan in column 'value' of "
            "'part-00.parquet', row group 1, row 1",
        ),
        (
            {"value": pa.array([0, 1, 2, None, 8, 9])},
            "value: expected no missing ones, got 1 in .* row group 1",
        ),
        (
            {"value": pa.array([0, 1, 2, 1e39, 8, 9])},
            "value: expected numbers within float32's range",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path, change, message):
    columns = {k: v for k, v in (COLUMNS | change).items() if v is not None}
    write(tmp_path, pa.table(columns), group=2)
    with pytest.raises(ValueError, match=message):
        list(ParquetWindows(tmp_path, 2, scale=False))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"path": "none"}, "path: expected a Parquet file, or a folder"),
        ({"path": 3}, "path: expected a Parquet file, or a folder"),
        (
            {"path": "text.txt"},
            "path: expected a Parquet file, got 'text.txt'",
        ),
        ({"window": 3}, r"window \+ horizon: expected at most 3, .* got 4"),
        ({"part": (1, 1)}, "part: expected a whole number from 0 to 0, got 1"),
        ({"part": 2}, r"part: expected \(k, n\)"),
        ({"part": (2, 3)}, "part: expected fewer parts than the 1 row groups"),
        ({"time": "value"}, "series, time, value: expected three columns"),
        ({"time": 3}, "time: expected a column's name, got 3"),
        ({"shuffle": True}, "shuffle: expected a whole number"),
        ({"scale": 1}, "scale: expected True or False"),
    ],
)
def test_what_is_wrong_with_an_argument_is_said(
    tmp_path, monkeypatch, asked, message
):
    write(tmp_path, pa.table(COLUMNS))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("series,time,value", "ascii")
    with pytest.raises(ValueError, match=message):
        ParquetWindows(**({"path": ".", "window": 2} | asked))


def test_a_file_that_is_cut_off_or_gone_is_told(tmp_path):
    write(tmp_path, drawn(6 * [400]), group=400)
    windows = ParquetWindows(tmp_path, 6)
    file = tmp_path / "part-00.parquet"
    file.write_bytes(file.read_bytes()[:5000])
    message = "path: expected a Parquet file, got 'part-00.parquet'"
    with pytest.raises(ValueError, match=message):
        list(windows)
    file.unlink()
    with pytest.raises(ValueError, match=message):
        list(windows)
