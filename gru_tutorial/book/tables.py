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
FORMAT = re.compile(r"\+?\.([0-9]{1,2})[ef%]")


def show_table(
    rows,
    columns: Iterable[str] | None = None,
    digits: int | str | Mapping[str, int | str] = DIGITS,
    caption: str | None = None,
    best: Mapping[str, str] | None = None,
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
    best : dict
        Columns whose ``"lowest"`` or ``"highest"`` number is the best: it is
        shown in bold, in the text with a star.

    Raises
    ------
    ValueError
        If there is no row or no column, a cell is missing, not finite or of
        another kind, or ``columns``, ``digits`` or ``best`` names no such
        column, or one without numbers.

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
    >>> show_table(rows, digits=2, best={"MSE / floor": "lowest"})
    forecast  MSE / floor   weights
    copy            11.74         –
    ridge            1.43*       25
    """
    cells = _chosen(_by_column(rows), columns)
    formats = _formats(digits, cells)
    if caption is not None:
        caption = _line("caption", caption)
    best = _best(best, cells)
    shown = [
        _column(name, cells[name], formats[name], best.get(name))
        for name in cells
    ]
    display(_Table(shown, caption))


class _Column(NamedTuple):
    """A column: its name and cells as text, how wide, and on which side."""

    texts: list[str]
    width: int
    side: str
    is_best: list[bool]

    def padded(self) -> list[str]:
        sign = ">" if self.side == "right" else "<"
        padded = [f"{text:{sign}{self.width}}" for text in self.texts]
        if not any(self.is_best):
            return padded
        stars = ["*" if best else " " for best in self.is_best]
        return [text + star for text, star in zip(padded, stars, strict=True)]

    def marked(self) -> list[str]:
        """Return the texts as HTML, the best in bold."""
        pairs = zip(map(escape, self.texts), self.is_best, strict=True)
        return [f"<b>{text}</b>" if best else text for text, best in pairs]


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
        head, *body = zip(*(c.marked() for c in self.columns), strict=True)
        # Two classes that the site's theme knows; the second alone keeps the
        # page's ground in the dark.
        lines = ['<table class="table dataframe">']
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
            cells.append(f"<{tag}{told}{style}>{text}</{tag}>")
        return f"<tr>{''.join(cells)}</tr>"


def _column(name: str, cells: list, form: str, best) -> _Column:
    found = [cell for cell in cells if _is_number(cell)]
    whole = all(isinstance(cell, numbers.Integral) for cell in found)
    texts = [name]
    texts += [_text(name, cell, "d" if whole else form) for cell in cells]
    # nbval compares heads exactly: 9.99 gets as much room as 10.01.
    room = 0 if whole else ROOM + int(FORMAT.fullmatch(form)[1])
    width = max(room, *map(len, texts))
    top = None if best is None else _text(name, best, "d" if whole else form)
    is_best = [
        _is_number(cell) and text == top
        for cell, text in zip(cells, texts[1:], strict=True)
    ]
    side = "right" if found else "left"
    return _Column(texts, width, side, [False, *is_best])


def _best(best, cells: dict[str, list]) -> dict:
    """Return the best number of each column that has one."""
    best = {} if best is None else best
    if not isinstance(best, Mapping):
        raise ValueError(f"best: expected a dict by column, got {best!r:.200}")
    kinds = {"lowest": min, "highest": max}
    numbers_of = {
        name: found
        for name in cells
        if (found := [cell for cell in cells[name] if _is_number(cell)])
    }
    for name, kind in best.items():
        if name not in numbers_of:
            raise ValueError(
                f"best: expected some of {list(numbers_of)}, got {name!r}"
            )
        if not isinstance(kind, str) or kind not in kinds:
            raise ValueError(
                f"best[{name!r}]: expected 'lowest' or 'highest', got {kind!r}"
            )
    return {name: kinds[kind](numbers_of[name]) for name, kind in best.items()}


def _is_number(cell) -> bool:
    is_bool = isinstance(cell, (bool, np.bool_))
    return isinstance(cell, numbers.Real) and not is_bool


def _text(name: str, cell, form: str) -> str:
    """Return a cell as it is shown."""
    if cell is None:
        return NOTHING
    if isinstance(cell, (bool, np.bool_)):
        return str(cell)
    where = f"rows, column {name!r}"
    if not _is_number(cell):
        return _line(where, cell, "numbers, lines of text, or None")
    if form == "d":
        return str(int(cell))
    try:
        value = float(cell)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise ValueError(f"{where}: expected finite numbers, got {cell!r:.50}")
    return format(value, form)


def _line(name: str, text, expected: str = "a line of text") -> str:
    line = isinstance(text, str) and text.isprintable() and text.strip()
    if not line:
        raise ValueError(f"{name}: expected {expected}, got {text!r}")
    return str(text)


def _by_column(rows) -> dict[str, list]:
    """Return the cells of each column, as many for all."""
    if isinstance(rows, Mapping):
        cells = {name: _items("rows", rows[name]) for name in rows}
    else:
        rows = _items("rows", rows)
        if not all(isinstance(row, Mapping) for row in rows):
            raise ValueError(f"rows: expected dicts, got {rows!r:.200}")
        names = list(rows[0]) if rows else []
        for row in rows:
            if set(row) != set(names):
                raise ValueError(
                    f"rows: expected cells for {names}, got {list(row)}"
                )
        cells = {name: [row[name] for row in rows] for name in names}
    lengths = sorted({len(column) for column in cells.values()})
    if len(lengths) != 1 or lengths[0] == 0:
        raise ValueError(
            f"rows: expected columns of one length, at least 1, got {lengths}"
        )
    return {_line("rows, name", name): cells[name] for name in cells}


def _chosen(cells: dict[str, list], columns) -> dict[str, list]:
    if columns is None:
        return cells
    columns = [
        _line("columns", x, "names") for x in _items("columns", columns)
    ]
    known = list(cells)
    unique = all(columns.count(name) == 1 for name in columns)
    if not (columns and unique and all(name in known for name in columns)):
        raise ValueError(
            f"columns: expected some of {known}, each once, got {columns}"
        )
    return {name: cells[name] for name in columns}


def _items(name: str, values) -> list:
    try:
        if isinstance(values, (str, bytes, Mapping)):
            raise TypeError
        return list(values)
    except Exception:  # what cannot be listed raises what it pleases
        raise ValueError(
            f"{name}: expected a sequence, got {values!r:.200}"
        ) from None


def _formats(digits, names: Iterable[str]) -> dict[str, str]:
    """Return the format of each column's numbers."""
    if not isinstance(digits, Mapping):
        return dict.fromkeys(names, _format("digits", digits))
    formats = dict.fromkeys(names, _format("digits", DIGITS))
    for name, one in digits.items():
        if name not in formats:
            raise ValueError(
                f"digits: expected some of {list(formats)}, got {name!r}"
            )
        formats[name] = _format(f"digits[{name!r}]", one)
    return formats


def _format(name: str, digits) -> str:
    if not isinstance(digits, str):
        return f".{check_int(name, digits, 0, 17)}f"
    if not FORMAT.fullmatch(digits):
        raise ValueError(
            f'{name}: expected a number of digits or a format such as ".2e", '
            f'"+.3f" or ".1%", got {digits!r}'
        )
    return digits
