"""What is wrong with a file: where, and how the reader may mend it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Problem(NamedTuple):
    """One fault of a file.

    ``kind`` names it in one word or two; ``row`` counts the file's lines from
    1, as an editor or a spreadsheet does; ``repairs`` are options that mend
    it.
    """

    kind: str
    message: str
    row: int | None = None
    column: str | None = None
    repairs: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return where it is, what it is, and what mends it."""
        where = [] if self.row is None else [f"row {self.row}"]
        where += [] if self.column is None else [f"column {self.column!r}"]
        told = f"{', '.join(where)}: {self.message}" if where else self.message
        if self.repairs:
            told += f"; to mend it: {', or '.join(self.repairs)}"
        return told


class FileProblem(ValueError):
    """A file that is not read as it is, with all that is wrong at this stage.

    ``problems`` holds the faults; ``path`` the file's name.
    """

    def __init__(self, path: str, problems: Sequence[Problem]):
        self.path, self.problems = path, tuple(problems)
        told = [str(one) for one in self.problems]
        if len(told) == 1:
            joint = ", " if self.problems[0].row is not None else ": "
            super().__init__(f"{path}{joint}{told[0]}")
        else:
            lines = "".join(f"\n  {one}" for one in told)
            super().__init__(f"{path}: {len(told)} faults:{lines}")


def refuse(path: str, kind: str, message: str, **where) -> None:
    """Raise a ``FileProblem`` with one fault."""
    raise FileProblem(path, [Problem(kind, message, **where)])


def shown(cell: str) -> str:
    """Return a cell in quotes, cut short if it is long."""
    return repr(cell if len(cell) <= 40 else cell[:37] + "...")


def some(rows: Sequence[int], most: int = 3) -> str:
    """Return row numbers in words: the first ones, and how many there are."""
    rows = list(rows)
    if len(rows) == 1:
        return f"row {rows[0]}"
    first = ", ".join(str(row) for row in rows[:most])
    return f"rows {first}" + (", ..." if len(rows) > most else "")


def count(n: int, thing: str) -> str:
    """Return a number and a word, in the plural if need be."""
    return f"{n:,} {thing}" + ("" if n == 1 else "s")
