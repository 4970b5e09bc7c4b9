"""A reader's own file: read as it is, or refused by row and column.

Nothing is dropped, filled, sorted or guessed in silence: a ``Reading`` holds
in words what was done. The text is cut into cells first, so that a complaint
names a row of the file; pandas then computes with times and tables.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from gru_tutorial._reading.cells import numbers
from gru_tutorial._reading.choose import Chosen, choose, times_of
from gru_tutorial._reading.grid import Grid, read_grid
from gru_tutorial._reading.options import Options, checked
from gru_tutorial._reading.parquet import is_parquet, read_parquet
from gru_tutorial._reading.problems import FileProblem, Problem, refuse
from gru_tutorial._reading.raw import as_path, decode, read_bytes, unpack
from gru_tutorial._reading.steps import Rows
from gru_tutorial._reading.table import Table, table_of

MOST_FAULTS = 8  # that are told at once
MOST_SERIES = 1000


class Reading(NamedTuple):
    """What was read from a file, and in words how.

    ``tables`` holds one ``Table`` for each series: its ``frame`` has times as
    index and the value as first column. ``done`` says what was done to the
    file; ``notes`` what may be wrong with it all the same.
    """

    path: str
    rows: int
    time: str | None
    value: str
    tables: tuple[Table, ...]
    done: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def table(self) -> Table:
        """The only series; a ValueError says so if there are several."""
        if len(self.tables) != 1:
            raise ValueError(
                f"tables: expected one series, got {len(self.tables)}"
            )
        return self.tables[0]

    @property
    def frame(self) -> pd.DataFrame:
        """The only series as a table, times as its index."""
        return self.table.frame

    @property
    def values(self) -> np.ndarray:
        """The only series' values, of shape (time,), float64."""
        return self.table.values

    def __str__(self) -> str:
        """Return a summary of several lines."""
        lines = [f"{self.path}: {self.rows:,} rows"]
        lines += [f"  {one}" for one in self.done]
        for table in self.tables[:5]:
            lines.append(f"  {table}")
        if len(self.tables) > 5:
            lines.append(f"  and {len(self.tables) - 5} more series")
        lines += [f"  note: {one}" for one in self.notes]
        return "\n".join(lines)


def read_series(
    path,
    time: str | tuple | None = None,
    value: str | None = None,
    columns: tuple = (),
    series: str | None = None,
    *,
    fill: str | None = None,
    duplicates: str | None = None,
    sort: bool = False,
    every: str | None = None,
    aggregate: str = "mean",
    day_first: bool | None = None,
    date_format: str | None = None,
    tz: str | None = None,
    decimal: str | None = None,
    thousands: str | None = None,
    missing: str | tuple = (),
    drop_rows: tuple | str = (),
    skip: int = 0,
    header: bool | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
) -> Reading:
    """Read one series, or many, from a CSV, TSV or Parquet file.

    Encoding, compression, delimiter, header, decimal mark and the form of
    times are found; columns, too, if they are plain. Where two readings are
    possible, and no row decides, the reader is asked by an error. So it is
    with faults: each has a repair that is switched on by an argument.

    Parameters
    ----------
    path : str or pathlib.Path
        The file, of at most 32 MB unpacked.
    time : str or tuple of str
        The column of times, by name or by number from 1; two for a date and
        a clock; "none" if each row is one step.
    value : str
        The column to forecast.
    columns : tuple of str
        Columns that are read beside it, or "hour", "weekday", "month".
    series : str
        The column that tells series apart, in a long file of many.
    fill : str
        "previous" or "interpolate": fills missing values and gaps.
    duplicates : str
        Where a time comes twice: "drop-identical", "mean", or "first".
    sort : bool
        Whether rows may be put in the order of time.
    every : str
        A step such as "1h", to which rows are put together; or "row", if
        each row is one step, whatever its time.
    aggregate : str
        How rows are put together: "mean", "sum", "first", "last", "min" or
        "max".
    day_first : bool
        Whether 01/02 is 1 February; False for 2 January.
    date_format : str
        How times are written, as for ``datetime.strptime``.
    tz : str
        The zone of local times that know daylight saving; or the one in
        which times are shown that say their distance from UTC.
    decimal, thousands : str
        The decimal mark, and what groups digits.
    missing : str or tuple of str
        Cells that stand for a missing value, besides "", "NA", "-" and such.
    drop_rows : tuple of int or str
        Rows of the file that are left out, such as "2,5-8".
    skip : int
        Rows before the header.
    header : bool
        Whether the first row names the columns.
    delimiter : str
        What divides the columns.
    encoding : str
        The text's, such as "latin-1".

    Returns
    -------
    Reading
        Series at even steps without missing values, and what was done.

    Raises
    ------
    ValueError
        If an argument is of another kind.
    FileProblem
        A ``ValueError`` with ``problems``: what is wrong in which row and
        column, and which arguments mend it.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp(), "load.csv")
    >>> text = "day,load\\n12/01/2024,5\\n13/01/2024,\\n14/01/2024,7\\n"
    >>> _ = path.write_text(text)
    >>> try:
    ...     read_series(path)
    ... except ValueError as error:
    ...     print(str(error).split(";")[0])
    load.csv, row 3, column 'load': expected a number, got a missing value \
at 2024-01-13 00:00
    >>> reading = read_series(path, fill="interpolate")
    >>> reading.values
    array([5., 6., 7.])
    >>> print(reading)
    load.csv: 3 rows
      2 columns between commas, names in row 1
      time: 'day'
      value: 'load'
      'day' has the day first, as rows 3, 4 can be read in no other way
      filled 1 value of 'load' by interpolate; the longest run is 1
      3 values, one each day, from 2024-01-12 00:00 to 2024-01-14 00:00
    """
    given = {k: v for k, v in locals().items() if k != "path"}
    given["time"] = (time,) if isinstance(time, str) else time
    return _read(as_path(path), checked(Options(**given)))


def _read(path: Path, options: Options) -> Reading:
    """Read a file with options that are checked."""
    grid = _grid(path, options)
    chosen = choose(grid, options)
    parts, found, notes = _parts(grid, chosen, options), [], []
    tables = []
    for name, data, zone in parts:
        try:
            tables.append(
                table_of(grid, name, data, zone, chosen, options, notes)
            )
        except FileProblem as error:
            found += error.problems
    if found:
        raise FileProblem(grid.name, _at_most(found))
    names = [grid.header[k] for k in chosen.time]
    return Reading(
        grid.name,
        len(grid.rows),
        " ".join(names) or None,
        grid.header[chosen.value],
        tuple(tables),
        tuple(grid.done),
        tuple(notes),
    )


def _at_most(found: list[Problem]) -> list[Problem]:
    if len(found) <= MOST_FAULTS:
        return found
    more = Problem("more", f"and {len(found) - MOST_FAULTS} more faults")
    return [*found[:MOST_FAULTS], more]


def _grid(path: Path, options: Options) -> Grid:
    """Return a file's cells as text."""
    done: list[str] = []
    data = read_bytes(path)
    if is_parquet(data):
        return read_parquet(path, done)
    data = unpack(path.name, data, done)
    text = decode(path.name, data, options.encoding, done)
    return read_grid(path.name, text, options, done)


def _parts(grid: Grid, chosen: Chosen, options: Options) -> list[tuple]:
    """Return each series' rows, as they stand in the file."""
    columns = {}
    for k in (chosen.value, *chosen.columns):
        title = grid.header[k]
        columns[title] = numbers(grid.name, grid, k, chosen.dialect)
    if len(columns) <= len(chosen.columns):
        raise ValueError("columns: expected different names of columns")
    times = times_of(grid, chosen, options)
    title = " ".join(grid.header[k] for k in chosen.time) or "row"
    titles = title, grid.header[chosen.value]
    rows = np.array(grid.rows)
    places = np.arange(len(rows))
    data = Rows(places, rows, times.values, columns, titles)
    if chosen.series is None:
        return [("", data, times.zone)]
    names = np.array(grid.cells[chosen.series], dtype=object)
    each = list(dict.fromkeys(names.tolist()))
    if len(each) > MOST_SERIES:
        refuse(
            grid.name,
            "many series",
            f"expected at most {MOST_SERIES:,} series in "
            f"{grid.header[chosen.series]!r}, got {len(each):,}",
        )
    for k, name in enumerate(names):
        if not name:
            refuse(
                grid.name,
                "series",
                "expected the name of a series, got an empty cell",
                row=int(grid.rows[k]),
                column=grid.header[chosen.series],
            )
    grid.done.append(f"{len(each)} series by {grid.header[chosen.series]!r}")
    return [(one, data.take(names == one), times.zone) for one in each]
