"""Windows of many series from Parquet files, a row group at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from gru_tutorial._row_groups import RowGroups, check_files, check_names
from gru_tutorial.checks import (
    MAX_BATCH,
    check_bool,
    check_int,
    check_seed,
)

BLOCK = 4096  # windows that are copied at a time


class ParquetWindows(IterableDataset):
    """Read windows of many series from files that memory could not hold.

    A file has one row for each series and time step. The rows of a series
    stand side by side, in time order; they may go on in the next row group,
    or in the next file. In memory is one row group, to the end of the last
    series that begins in it; with ``shuffle``, so many of them.

    Parameters
    ----------
    path : str or pathlib.Path
        A Parquet file, or a folder: all its files, in the order of their
        names.
    window, horizon : int
        Time steps per window and per label, as in ``make_windows``.
    batch_size : int
        Windows per batch; the last batch may hold fewer.
    stride : int
        Time steps from the start of one window to the next.
    series, time, value : str
        The columns' names.
    scale : bool
        Whether each series is standardised by its mean and spread in the
        files, which should hold its training part alone. A constant series
        becomes zeros.
    shuffle : int
        Row groups, drawn at random, whose windows are mixed with each other.
        With 0, all come in the files' order.
    seed : int
        Of the order. Each pass draws another.
    part : tuple of int
        ``(k, n)``: only the ``k``-th of ``n`` parts of about the same size,
        from 0. Each series belongs to one part. The workers of a
        ``DataLoader`` share a part among them.

    Attributes
    ----------
    rows, series, skipped : int
        Rows and series in the files, and how many of the series are too
        short for a window.
    windows : int
        In this part.

    Raises
    ------
    ValueError
        If files or columns are missing or hold no numbers, the rows of a
        series do not stand side by side, or no series is long enough. And
        when they are read, if times do not rise or values are not finite.

    Examples
    --------
    >>> import tempfile, pandas
    >>> table = {"series": 4 * [1] + 3 * [2], "time": [0, 1, 2, 3, 0, 1, 2]}
    >>> table = pandas.DataFrame(table | {"value": [0.0, 1, 2, 3, 7, 8, 9]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     table.to_parquet(f"{folder}/some.parquet")
    ...     windows = ParquetWindows(folder, window=2, scale=False)
    ...     for X_batch, y_batch in windows:
    ...         print(X_batch.squeeze(-1), y_batch.squeeze(-1))
    tensor([[0., 1.],
            [1., 2.],
            [7., 8.]]) tensor([2., 3., 9.])
    """

    def __init__(
        self,
        path,
        window: int,
        horizon: int = 1,
        batch_size: int = 256,
        stride: int = 1,
        series: str = "series",
        time: str = "time",
        value: str = "value",
        scale: bool = True,
        shuffle: int = 0,
        seed: int = 0,
        part: tuple = (0, 1),
    ):
        super().__init__()
        self.window = check_int("window", window, 1, MAX_BATCH)
        self.horizon = check_int("horizon", horizon, 1, MAX_BATCH)
        self.batch_size = check_int("batch_size", batch_size, 1, MAX_BATCH)
        self.stride = check_int("stride", stride, 1, MAX_BATCH)
        self.scale = check_bool("scale", scale)
        self.shuffle = check_int("shuffle", shuffle, 0, MAX_BATCH)
        self.generator = np.random.default_rng(check_seed("seed", seed))
        self.part = _check_part(part)
        self._from = check_files(path), check_names(series, time, value)
        self._runs = RowGroups(*self._from).runs()
        self._count()

    def _count(self) -> None:
        """Find how many windows each row group has, and those of this part."""
        lengths, width = self._runs.lengths, self.window + self.horizon
        self.rows, self.series = int(lengths.sum()), len(lengths)
        self.skipped = int(np.count_nonzero(lengths < width))
        each = np.maximum(lengths - width + self.stride, 0) // self.stride
        ends = np.concatenate([[0], np.cumsum(each)])
        self._ends = ends[self._runs.bounds]  # windows before each row group
        if self._ends[-1] == 0:
            longest = int(lengths.max(initial=0))
            raise ValueError(
                f"window + horizon: expected at most {longest}, the rows of "
                f"the longest series, got {width}"
            )
        groups = self._groups()
        self.windows = int(self._ends[groups.stop] - self._ends[groups.start])
        if self.windows == 0:
            raise ValueError(
                f"part: expected fewer parts than the {len(self._ends) - 1} "
                f"row groups, got {self.part[1]}, of which one is empty"
            )

    def _groups(self, k: int = 0, n: int = 1) -> range:
        """Return the row groups of part k of n of this part."""
        k, n = self.part[0] * n + k, self.part[1] * n
        shares = self._ends[-1] * np.arange(n + 1) / n
        edges = np.searchsorted(self._ends[:-1], shares)
        edges[-1] = len(self._ends) - 1
        return range(edges[k], edges[k + 1])

    def __len__(self) -> int:
        """Return how many batches a pass has."""
        return -(-self.windows // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Pass over the windows once."""
        return self.batches()

    def batches(self, start: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Pass over the windows once, from a batch on.

        Parameters
        ----------
        start : int
            Batches to leave out: of a pass that was broken off. In the
            files' order their row groups are not read.

        Returns
        -------
        iterator
            Yields ``X_batch`` (batch, window, 1) and ``y_batch`` (batch,
            horizon), float32.

        Raises
        ------
        ValueError
            If ``start`` is not from 0 to the number of batches. As it is
            read, if times do not rise or values are not finite.
        """
        start = check_int("start", start, 0, len(self))
        worker, own = get_worker_info(), (0, 1)
        key = [int(self.generator.integers(2**62))] if self.shuffle else []
        if worker is not None:
            own = worker.id, worker.num_workers
            key += [worker.seed - worker.id]  # the same in all of them
        order, rng = np.array(self._groups(*own), dtype=int), None
        if self.shuffle:
            rng = np.random.default_rng(key)
            rng.shuffle(order)
        return self._pass(order, rng, start * self.batch_size)

    def _pass(self, order, rng, left_out: int):
        at_once = max(1, self.shuffle)
        if rng is None:  # whole row groups need not be read
            counts = np.cumsum(np.diff(self._ends)[order])
            whole = int(np.searchsorted(counts, left_out, side="right"))
            left_out -= int(counts[whole - 1]) if whole else 0
            order = order[whole:]
        reader = RowGroups(*self._from)
        mixed = (order[k : k + at_once] for k in range(0, len(order), at_once))
        pieces = (
            one for some in mixed for one in self._cut(reader, some, rng)
        )
        for both in _batches(pieces, self.batch_size, left_out):
            yield both[:, : self.window, None], both[:, self.window :]

    def _cut(self, reader, groups, rng) -> Iterator[Tensor]:
        """Yield windows with their labels, (n, window + horizon)."""
        width = self.window + self.horizon
        lengths = [self._runs.within(group) for group in groups]
        read = [
            self._scaled(reader.values(int(group), self._runs), counts)
            for group, counts in zip(groups, lengths, strict=True)
            if len(counts)
        ]
        if not read:
            return
        values = torch.from_numpy(np.concatenate(read))
        if len(values) < width:
            return
        starts = _starts(np.concatenate(lengths), width, self.stride)
        if rng is not None:
            rng.shuffle(starts)
        windows = values.unfold(0, width, 1)
        for some in torch.from_numpy(starts).split(BLOCK):
            yield windows.index_select(0, some)

    def _scaled(self, values: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Return the series of a row group in float32."""
        if self.scale:
            values = _standardised(values, lengths)
        with np.errstate(over="ignore"):
            values = values.astype(np.float32, copy=False)
        if not np.isfinite(values).all():
            raise ValueError(
                "value: expected numbers within float32's range, got larger "
                "ones; scale=True brings them there"
            )
        return values


def _check_part(part) -> tuple[int, int]:
    if not isinstance(part, (tuple, list)) or len(part) != 2:
        raise ValueError(
            f"part: expected (k, n), the k-th of n parts, got {part!r}"
        )
    n = check_int("part", part[1], 1, MAX_BATCH)
    return check_int("part", part[0], 0, n - 1), n


def _standardised(values: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return series that stand one after another, each on its own scale."""
    rounding = 8 * np.finfo(values.dtype).eps
    begins = np.cumsum(lengths) - lengths
    highest = np.maximum.reduceat(values, begins).astype(np.float64)
    lowest = np.minimum.reduceat(values, begins).astype(np.float64)
    mean = np.add.reduceat(values, begins, dtype=np.float64) / lengths
    values = values - np.repeat(mean, lengths)
    std = np.sqrt(np.add.reduceat(values**2, begins) / lengths)
    level = np.maximum(np.abs(highest), np.abs(lowest))
    std[highest - lowest <= rounding * level] = np.inf  # it becomes zeros
    return values / np.repeat(std, lengths)


def _starts(lengths: np.ndarray, width: int, stride: int) -> np.ndarray:
    """Return where windows begin in series that stand one after another."""
    begins = np.cumsum(lengths) - lengths
    counts = np.maximum(lengths - width + stride, 0) // stride
    before = np.cumsum(counts) - counts
    starts = np.arange(counts.sum())
    starts -= np.repeat(before, counts)
    starts *= stride
    starts += np.repeat(begins, counts)
    return starts


def _batches(pieces, size: int, left_out: int) -> Iterator[Tensor]:
    """Yield batches of one size, after some rows that are left out."""
    kept, held = [], 0
    for rows in pieces:
        skip = min(left_out, len(rows))
        left_out -= skip
        kept.append(rows[skip:])
        held += len(kept[-1])
        if held < size:
            continue
        rows = kept[0] if len(kept) == 1 else torch.cat(kept)
        whole = held // size * size
        yield from rows[:whole].split(size)
        kept, held = [rows[whole:]], held - whole
    if held:
        yield torch.cat(kept)
