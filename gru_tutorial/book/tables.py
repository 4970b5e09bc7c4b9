"""Tables of a page: HTML for browsers, and a text that says the same."""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import NamedTuple

import numpy as np
from IPython.display import display

from gru_tutorial.checks import check_int

DIGITS = 3
ROOM = 7  # beside the digits: a sign, a point, and five before it or e-05
NOTHING = "–"
FORMAT = re.compile(r"(\+?)(\.([0-9]{1,2})[ef%])")


def show_table(
    rows,
    columns: Iterable[str] | None = None,
    digits: int | str | Mapping[str, int | str] = DIGITS,
    caption: str | None = None,
) -> None:
    """Show a table below a cell; outside of notebooks, print it.

    The first column names the rows. Columns with numbers stand to the right.

    Parameters
    ----------
    rows : list of dict, or dict of sequences
        The rows, each with a cell for every column; or the columns, by their
        names. A cell is a number, a line of text, True or False, or None,
        which is shown as a dash.
    columns : sequence of str
        The columns to show, in this order; all if not given.
    digits : int, str or dict
        Digits after the point, or a format such as ``".2e"``, ``"+.3f"`` or
        ``".1%"``. A dict has them by column; the others have 3. Columns of
        whole numbers alone are shown as they are.
    caption : str
        A line that says what the table shows.

    Raises
    ------
    ValueError
        If there is no row or no column, a cell is missing, not finite or of
        another kind, or ``columns`` or ``digits`` names no such column.

    Examples
    --------
    >>> rows = [
    ...     {"forecast": "copy", "MSE / floor": 11.74, "weights": None},
    ...     {"forecast": "ridge", "MSE / floor": 1.432, "weights": 25},
    ... ]
    >>> show_table(rows, digits=2, caption="One step ahead")
    One step ahead
    forecast  MSE / floor  weights
    copy            11.74        –
    ridge            1.43       25
    """
    cells = _chosen(_by_column(rows), columns)
    formats = _formats(digits, cells)
    if caption is not None:
        _check_line("caption", caption)
    shown = [_column(name, cells[name], formats[name]) for name in cells]
    display(_Table(shown, caption))


class _Column(NamedTuple):
    """A column as text: its name and its cells, how wide, and on which side."""

    texts: list[str]
    width: int
    side: str

    def padded(self) -> list[str]:
        sign = ">" if self.side == "right" else "<"
        return [f"{text:{sign}{self.width}}" for text in self.texts]


class _Table:
    """What IPython displays: as HTML, or as text where it can do no better."""

    def __init__(self, columns: list[_Column], caption: str | None):
        self.columns, self.caption = columns, caption

    def __repr__(self) -> str:
        padded = [column.padded() for column in self.columns]
        lines = ["  ".join(line) for line in zip(*padded, strict=True)]
        if self.caption is not None:
            lines.insert(0, self.caption)
        return "\n".join(line.rstrip() for line in lines)

    def _repr_html_(self) -> str:
        head, *body = zip(*(c.texts for c in self.columns), strict=True)
        lines = ['<table class="table">']
        if self.caption is not None:
            lines.append(f"<caption>{escape(self.caption)}</caption>")
        lines += ["<thead>", self._row(head, "col"), "</thead>", "<tbody>"]
        lines += [self._row(texts, "row") for texts in body]
        return "\n".join([*lines, "</tbody>", "</table>"])

    def _row(self, texts: Sequence[str], scope: str) -> str:
        cells = []
        for k, (text, column) in enumerate(
            zip(texts, self.columns, strict=True)
        ):
            heads = scope == "col" or k == 0
            tag, told = ("th", f' scope="{scope}"') if heads else ("td", "")
            style = f' style="text-align: {column.side}"'
            cells.append(f"<{tag}{told}{style}>{escape(text)}</{tag}>")
        return f"<tr>{''.join(cells)}</tr>"


def _column(name: str, cells: list, form: str) -> _Column:
    found = [cell for cell in cells if _is_number(cell)]
    whole = all(isinstance(cell, numbers.Integral) for cell in found)
    texts = [name]
    texts += [_text(name, cell, "d" if whole else form) for cell in cells]
    # nbval compares heads exactly: 9.99 gets as much room as 10.01.
    room = 0 if whole else ROOM + int(FORMAT.search(form)[3])
    width = max(room, *map(len, texts))
    return _Column(texts, width, "right" if found else "left")


def _is_number(cell) -> bool:
    is_bool = isinstance(cell, (bool, np.bool_))
    return isinstance(cell, numbers.Real) and not is_bool


def _text(name: str, cell, form: str) -> str:
    if cell is None:
        return NOTHING
    if isinstance(cell, (bool, np.bool_)):
        return str(cell)
    where = f"rows, column {name!r}"
    if not _is_number(cell):
        return _check_line(where, cell, "a number, a line of text, or None")
    if form == "d":
        return str(int(cell))
    return format(check_float(where, cell, -math.inf), form)
