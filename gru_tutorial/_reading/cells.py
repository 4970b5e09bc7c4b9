"""Kinds of cells: missing ones, numbers in several dialects, and text."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

import numpy as np

from gru_tutorial._reading.problems import (
    FileProblem,
    Problem,
    count,
    refuse,
    shown,
)

MISSING = {
    *("", "na", "n/a", "#n/a", "#na", "nan", "null", "none", "nil"),
    *("missing", "-", "--", "---", ".", "..", "?"),
}
SPACES = "  \u2007\u2009\u202f"
GROUPS = {"": "", ",": ",", ".": r"\.", " ": f"[{SPACES}]", "'": "['’]"}
MARKS = {".": r"\.", ",": ","}
USUAL = (".", "")
WRITTEN = {" ": "a space", "'": "an apostrophe"}


class Dialect(NamedTuple):
    """How numbers are written: the decimal mark, and what groups digits."""

    decimal: str = "."
    thousands: str = ""

    def __str__(self) -> str:
        """Return it in words."""
        mark = "decimal comma" if self.decimal == "," else "decimal point"
        if not self.thousands:
            return mark
        shown = WRITTEN.get(self.thousands, f"{self.thousands!r}")
        return f"{mark}, thousands set off by {shown}"


DIALECTS = tuple(
    Dialect(mark, group)
    for mark, group in (
        *(USUAL, (",", ""), (".", ","), (",", "."), (".", " "), (",", " ")),
        *((".", "'"), (",", "'")),
    )
)


@cache
def pattern(dialect: Dialect) -> re.Pattern:
    """Return what a number looks like in a dialect."""
    whole = "[0-9]+"
    if dialect.thousands:
        group = GROUPS[dialect.thousands]
        whole = f"(?:[1-9][0-9]{{0,2}}(?:{group}[0-9]{{3}})+|[0-9]+)"
    mark = MARKS[dialect.decimal]
    body = f"(?:{whole}(?:{mark}[0-9]*)?|{mark}[0-9]+)"
    return re.compile(rf"[-+−]?{body}(?:[eE][-+]?[0-9]+)?")


ANY = re.compile("|".join(f"(?:{pattern(d).pattern})" for d in DIALECTS))


def is_missing(cell: str) -> bool:
    """Tell whether a cell says that there is no value."""
    return len(cell) < 8 and cell.lower() in MISSING


def is_number(cell: str) -> bool:
    """Tell whether a cell is a number in any dialect."""
    return ANY.fullmatch(cell) is not None


def to_floats(cells: list[str], dialect: Dialect) -> np.ndarray:
    """Return numbers of cells that match the dialect; missing ones as nan."""
    table = {ord("−"): "-"}
    if dialect.thousands:
        marks = {" ": SPACES, "'": "'’"}.get(dialect.thousands)
        table |= dict.fromkeys(map(ord, marks or dialect.thousands), "")
    if dialect.decimal == ",":
        table[ord(",")] = "."
    return np.array(
        [np.nan if is_missing(c) else float(c.translate(table)) for c in cells]
    )


def known_of(cells: list[str]) -> list[str]:
    """Return each cell once, without those that are missing."""
    return [cell for cell in dict.fromkeys(cells) if not is_missing(cell)]


def fitting(cells: list[str], dialects=DIALECTS) -> list[Dialect]:
    """Return the dialects in which most cells are numbers."""
    known = known_of(cells)
    fits = [sum(map(bool, map(pattern(d).fullmatch, known))) for d in dialects]
    most = max(fits, default=0)
    return [d for d, n in zip(dialects, fits, strict=True) if n == most]


def all_fit(cells: list[str], dialect: Dialect) -> bool:
    """Tell whether all cells are numbers in a dialect, or missing."""
    return all(map(pattern(dialect).fullmatch, known_of(cells)))


def _distinct(cells: list[str], found: list[Dialect]) -> list[Dialect]:
    """Return one dialect for each reading of the cells that differs."""
    written = "".join(cells)
    kept, readings = [], []
    for dialect in found:
        group = re.search(GROUPS[dialect.thousands] or "(?!)", written)
        if dialect.thousands and not group:
            continue  # as the one without groups
        if dialect == (",", "") and "," not in written:
            continue
        reading = to_floats(cells, dialect)
        if not any(np.array_equal(reading, r, True) for r in readings):
            kept.append(dialect)
            readings.append(reading)
    return kept


def allowed(decimal: str | None, thousands: str | None) -> list[Dialect]:
    """Return the dialects that the reader's options leave."""
    return [
        d
        for d in DIALECTS
        if decimal in (None, d.decimal) and thousands in (None, d.thousands)
    ]


def dialect_of(name: str, grid, columns: list[int], options) -> Dialect:
    """Return how a file's numbers are written, from all columns of numbers.

    One dialect must hold for the file. Where several do and read different
    numbers, the usual one is taken if commas divide the columns; else the
    reader is asked.
    """
    common = allowed(options.decimal, options.thousands)
    cells = []
    for column in columns:
        common = fitting(grid.cells[column], common)
        cells += known_of(grid.cells[column])
    # One column's fault is named when it is read.
    cells = list(filter(pattern(common[0]).fullmatch, cells))
    common = [d for d in common if all(map(pattern(d).fullmatch, cells))]
    readings = _distinct(cells, common)
    if len(readings) < 2:
        return common[0]
    if readings[0] == USUAL and grid.delimiter != ";":
        return readings[0]
    return _ask(name, grid, columns, readings)


def _ask(name: str, grid, columns: list[int], readings: list[Dialect]):
    """Say which number may be read in two ways."""
    for column in columns:
        for row, cell in zip(grid.rows, grid.cells[column], strict=True):
            if is_missing(cell):
                continue
            values = [to_floats([cell], d)[0] for d in readings]
            if values[0] != values[1]:
                refuse(
                    name,
                    "ambiguous number",
                    f"{shown(cell)} may be {values[0]:.10g} or "
                    f"{values[1]:.10g}, and no row decides",
                    row=int(row),
                    column=grid.header[column],
                    repairs=tuple(
                        f"--decimal {d.decimal!r}"
                        for d in {r.decimal: r for r in readings}.values()
                    ),
                )
    return readings[0]


def numbers(name: str, grid, column: int, dialect: Dialect) -> np.ndarray:
    """Return a column of numbers, or name the cells that are none."""
    cells, title = grid.cells[column], grid.header[column]
    match = pattern(dialect).fullmatch
    bad = [k for k, c in enumerate(cells) if not (is_missing(c) or match(c))]
    if bad:
        _text_in_column(name, grid, column, bad, dialect)
    values = to_floats(cells, dialect)
    infinite = np.flatnonzero(np.isinf(values))
    if infinite.size:
        k = int(infinite[0])
        refuse(
            name,
            "number",
            f"expected a number within float64's range, got {shown(cells[k])}",
            row=int(grid.rows[k]),
            column=title,
        )
    return values


def _text_in_column(name, grid, column, bad, dialect) -> None:
    cells, title = grid.cells[column], grid.header[column]
    texts = dict.fromkeys(cells[k] for k in bad)
    problems = []
    for text in list(texts)[:3]:
        where = [int(grid.rows[k]) for k in bad if cells[k] == text]
        more = f" ({count(len(where), 'such cell')})"
        written = "" if dialect == USUAL else f" with a {dialect}"
        problems.append(
            Problem(
                "text",
                f"expected a number{written}, got {shown(text)}"
                + (more if len(where) > 1 else ""),
                where[0],
                title,
                (f"--missing {text!r}", f"--drop-rows {where[0]}"),
            )
        )
    if len(texts) > 3:
        last = f"and {len(texts) - 3} other texts in column {title!r}"
        problems.append(Problem("text", last))
    raise FileProblem(name, problems)
