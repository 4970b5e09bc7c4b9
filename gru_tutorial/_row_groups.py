"""Row groups of Parquet files: where series begin, and their values."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np


class Runs(NamedTuple):
    """Where series begin; row groups are counted over all files."""

    groups: np.ndarray  # in which each series begins
    offsets: np.ndarray  # and at which row of it
    lengths: np.ndarray  # rows of each series, over all row groups
    bounds: np.ndarray  # the first series of each row group, and the end

    def within(self, group: int) -> np.ndarray:
        """Return the lengths of the series that begin in a row group."""
        return self.lengths[self.bounds[group] : self.bounds[group + 1]]


def check_names(series, time, value) -> dict[str, str]:
    """Return the columns' names by what they hold."""
    names = {"series": series, "time": time, "value": value}
    for kind, name in names.items():
        if not isinstance(name, str) or not name:
            raise ValueError(f"{kind}: expected a column's name, got {name!r}")
    if len(set(names.values())) < 3:
        raise ValueError(
            f"series, time, value: expected three columns, got "
            f"{series!r}, {time!r} and {value!r}"
        )
    return names


def check_files(path) -> list[Path]:
    """Return a file, or those of a folder in the order of their names."""
    try:
        found = Path(path)
        files = (
            [found] if found.is_file() else sorted(found.rglob("*.parquet"))
        )
    except (TypeError, ValueError, OSError):
        files = []
    if not files:
        raise ValueError(
            f"path: expected a Parquet file, or a folder with files whose "
            f"names end with .parquet, got {str(path)!r}"
        )
    return files


class RowGroups:
    """Reads row groups, and keeps the last one.

    Parameters
    ----------
    files : list of pathlib.Path
        In order.
    columns : dict
        Names of the columns that hold series, time and value.

    Raises
    ------
    ValueError
        If one of the files is none of Parquet, or lacks a column.
    """

    def __init__(self, files: list[Path], columns: dict[str, str]):
        self.files, self.columns = files, columns
        self.opened, self.kept = (None, None), (None, None)
        counts = [self._open(path).num_row_groups for path in files]
        self.ends = np.cumsum(counts)

    def _open(self, path: Path):
        if self.opened[0] == path:
            return self.opened[1]
        import pyarrow as pa
        from pyarrow.parquet import ParquetFile

        try:
            file = ParquetFile(path, memory_map=False)
        except (OSError, pa.ArrowException) as error:
            raise ValueError(
                f"path: expected a Parquet file, got {path.name!r} ({error})"
            ) from None
        _check_schema(path.name, file.schema_arrow, self.columns)
        self.opened = path, file
        return file

    def _place(self, group: int) -> tuple[Path, int]:
        """Return a row group's file, and its number there."""
        file = int(np.searchsorted(self.ends, group, side="right"))
        before = self.ends[file - 1] if file else 0
        return self.files[file], int(group - before)

    def _where(self, group: int, kind: str) -> str:
        path, number = self._place(group)
        name = self.columns[kind]
        return f"in column {name!r} of {path.name!r}, row group {number}"

    def _read(self, group: int, *kinds: str) -> list:
        """Return columns of a row group."""
        import pyarrow as pa

        path, number = self._place(group)
        names = [self.columns[kind] for kind in kinds]
        try:
            table = self._open(path).read_row_group(
                number, names, use_threads=False
            )
            return [table[name].combine_chunks() for name in names]
        except (OSError, pa.ArrowException) as error:
            raise ValueError(
                f"path: expected rows that can be read, got others in "
                f"{path.name!r}, row group {number} ({error})"
            ) from None

    def runs(self) -> Runs:
        """Find where series begin.

        Raises
        ------
        ValueError
            If a series has no name, or rows in two places.
        """
        groups, offsets, lengths = [], [], []
        seen, last = set(), None
        for group in range(self.ends[-1]):
            row = 0
            for name, count in self._names(group):
                if row or name != last:
                    self._check_new(name, seen, group)
                    seen.add(name)
                    groups.append(group)
                    offsets.append(row)
                    lengths.append(0)
                lengths[-1] += count
                row, last = row + count, name
        groups, offsets, lengths = (
            np.array(found, dtype=np.int64)
            for found in (groups, offsets, lengths)
        )
        bounds = np.searchsorted(groups, np.arange(self.ends[-1] + 1))
        return Runs(groups, offsets, lengths, bounds)

    def _check_new(self, name, seen: set, group: int) -> None:
        if name in seen:
            raise ValueError(
                f"series: expected the rows of {name!r} side by side, got "
                f"more of them {self._where(group, 'series')}"
            )

    def _names(self, group: int) -> list[tuple[object, int]]:
        """Return the series of a row group in order, and how many rows each.

        Where metadata tell that there is only one, nothing is read.
        """
        path, number = self._place(group)
        found = self._open(path).metadata.row_group(number)
        columns = [found.column(k) for k in range(found.num_columns)]
        told = next(
            column.statistics
            for column in columns
            if column.path_in_schema == self.columns["series"]
        )
        whole = told is not None and told.has_min_max and not told.null_count
        if whole and told.min == told.max and isinstance(told.min, int):
            return [(told.min, found.num_rows)]
        (column,) = self._read(group, "series")
        self._check_missing(column, group, "series")
        coded = column.dictionary_encode()
        codes = coded.indices.to_numpy(zero_copy_only=False)
        starts = np.flatnonzero(np.diff(codes, prepend=-1))
        names = coded.dictionary.take(coded.indices.take(starts)).to_pylist()
        counts = np.diff(starts, append=len(codes))
        return list(zip(names, counts.tolist(), strict=True))

    def _check_missing(self, column, group: int, kind: str) -> None:
        if column.null_count:
            first = column.is_null().to_numpy(zero_copy_only=False).argmax()
            raise ValueError(
                f"{kind}: expected no missing ones, got {column.null_count} "
                f"{self._where(group, kind)}, the first in row {first}"
            )

    def values(self, group: int, runs: Runs) -> np.ndarray:
        """Return the values of all series that begin in a row group.

        They may go on in those that follow.

        Raises
        ------
        ValueError
            If times do not rise within a series, or a value is not finite.
        """
        lengths = runs.within(group)
        begins = np.cumsum(lengths) - lengths
        needed, parts, last = int(lengths.sum()), [], None
        skip = int(runs.offsets[runs.bounds[group]])
        while needed:
            times, values = self._checked(group)
            times = times[skip : skip + needed]
            values = values[skip : skip + needed]
            self._check_rising(times, last, begins, group, skip)
            parts.append(values)
            begins = begins - len(values)
            last = times[-1:] if len(times) else last  # some hold no rows
            group, needed, skip = group + 1, needed - len(values), 0
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _checked(self, group: int) -> tuple[np.ndarray, np.ndarray]:
        """Return a row group's times and values as NumPy's numbers."""
        if self.kept[0] == group:
            return self.kept[1]
        self.kept = None, None  # there is room for one
        times, values = self._read(group, "time", "value")
        self._check_missing(times, group, "time")
        self._check_missing(values, group, "value")
        found = _plain(times), _floats(values)
        for kind, numbers in zip(("time", "value"), found, strict=True):
            bad = np.flatnonzero(~np.isfinite(numbers))
            if bad.size:
                raise ValueError(
                    f"{kind}: expected finite numbers, got "
                    f"{numbers[bad[0]]} {self._where(group, kind)}, row "
                    f"{bad[0]} ({bad.size} of {numbers.size})"
                )
        self.kept = group, found
        return found

    def _check_rising(self, times, last, begins, group, skip) -> None:
        """Refuse times that do not rise, but for those where series begin."""
        before = np.concatenate([times[:1] if last is None else last, times])
        rises = times > before[:-1]
        rises[begins[(begins >= 0) & (begins < len(times))]] = True
        if not rises.all():
            row = int(rises.argmin())
            raise ValueError(
                f"time: expected times that rise within a series, got "
                f"{times[row]} after {before[row]} "
                f"{self._where(group, 'time')}, row {skip + row}"
            )


def _plain(column) -> np.ndarray:
    """Return numbers as they are, and dates as whole numbers."""
    import pyarrow as pa

    if pa.types.is_temporal(column.type):
        bits = column.type.bit_width
        column = column.view(pa.int32() if bits == 32 else pa.int64())
    return column.to_numpy(zero_copy_only=False)


def _floats(column) -> np.ndarray:
    """Return float32 as it is, and other numbers as float64."""
    numbers = column.to_numpy(zero_copy_only=False)
    wide = numbers.dtype != np.float32
    return numbers.astype(np.float64, copy=False) if wide else numbers


def _check_schema(file: str, schema, columns: dict[str, str]) -> None:
    """Refuse a file without the columns, or with others of their names."""
    import pyarrow as pa

    types = pa.types
    for kind, name in columns.items():
        if schema.names.count(name) != 1:
            raise ValueError(
                f"{kind}: expected one column {name!r}, got "
                f"{', '.join(map(repr, schema.names))} in {file!r}"
            )
        found = schema.field(name).type
        number = types.is_integer(found) or types.is_floating(found)
        dated = types.is_timestamp(found) or types.is_date(found)
        wanted, fits = {
            "series": ("words or whole numbers", not _is_odd(found)),
            "time": ("numbers or dates", number or dated),
            "value": ("numbers", number),
        }[kind]
        if not fits:
            raise ValueError(
                f"{kind}: expected {wanted}, got {found} in column {name!r} "
                f"of {file!r}"
            )


def _is_odd(kind) -> bool:
    """Tell what cannot name a series."""
    import pyarrow as pa

    return pa.types.is_nested(kind) or pa.types.is_floating(kind)
