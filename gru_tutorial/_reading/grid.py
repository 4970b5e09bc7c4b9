"""Text as rows of cells: which delimiter, which header, no ragged row."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from gru_tutorial._reading.cells import is_missing, is_number
from gru_tutorial._reading.problems import count, refuse, shown, some
from gru_tutorial._reading.times import is_time

DELIMITERS = (";", "\t", "|", ",", " ")  # of equals, the first one
CALLED = {"\t": "tabs", " ": "spaces", ",": "commas", ";": "semicolons"}
SAMPLE = 200  # rows that decide on the delimiter and the header


@dataclass
class Grid:
    """Cells by column, without the header; ``rows`` are the file's lines."""

    name: str
    header: list[str]
    rows: list[int]
    cells: list[list[str]]
    delimiter: str
    done: list[str] = field(default_factory=list)
    has_header: bool = True


def records(name: str, text: str, delimiter: str) -> Iterator:
    """Yield the number of a row's first line, and its cells."""
    file = io.StringIO(text, newline="")
    if delimiter == " ":
        for row, line in enumerate(file, 1):
            yield row, line.split()
        return
    options = {"skipinitialspace": True, "strict": True}
    lines = csv.reader(file, delimiter=delimiter or "\0", **options)
    row = 1
    try:
        for cells in lines:
            yield row, [cell.strip() for cell in cells]
            row = lines.line_num + 1
    except csv.Error as error:
        refuse(
            name,
            "quotes",
            f"expected cells in quotes that are closed ({error})",
            row=row,
        )


def _sample(text: str, delimiter: str, skip: int) -> list[list[str]]:
    """Return the first rows that are not blank, as far as they can be cut."""
    found = []
    try:
        for row, cells in records("", text, delimiter):
            if row > skip and any(cells):
                found.append(cells)
            if len(found) > SAMPLE:
                break
    except ValueError:
        pass  # a row with open quotes: it is named when all are read
    return found


def _score(rows: list[list[str]]) -> float:
    """Return how well rows are cut: of one width, into times and numbers."""
    widths = Counter(map(len, rows))
    if not widths:
        return 0.0
    width = max(widths, key=lambda w: (widths[w], w))
    if width < 2:
        return 0.0
    even = [row for row in rows if len(row) == width]
    cells = [cell for row in even[1:] or even for cell in row]
    known = [cell for cell in cells if not is_missing(cell)]
    read = sum(is_number(cell) or is_time(cell) for cell in known)
    return len(even) / len(rows) * (0.1 + read / max(1, len(known)))


def find_delimiter(text: str, options) -> str:
    """Return what divides the columns; nothing, if there is only one."""
    if options.delimiter is not None:
        return options.delimiter
    quoted = '"' in text  # then a decimal comma can stand between commas
    left = [d for d in DELIMITERS if quoted or d != options.decimal]
    if options.thousands == " ":
        left.remove(" ")
    scores = {d: _score(_sample(text, d, options.skip)) for d in left}
    best = max(scores, key=scores.get)  # the first of equals
    return best if scores[best] > 0.05 else ""


def _body(name: str, text: str, delimiter: str, options, done: list[str]):
    """Return rows that are not blank, and say which were left out."""
    rows, blank, dropped = [], [], []
    wanted = set(options.drop_rows)
    for row, cells in records(name, text, delimiter):
        if row <= options.skip:
            continue
        if row in wanted:
            dropped.append(row)
        elif any(cells) or (delimiter == "" and rows):
            rows.append((row, cells or [""]))
        else:
            blank.append(row)
    while delimiter == "" and rows and not rows[-1][1][0]:
        blank.append(rows.pop()[0])
    if options.skip:
        done.append(f"skipped the first {count(options.skip, 'row')}")
    if dropped:
        done.append(f"dropped {some(dropped)}, as told")
    missed = sorted(wanted - set(dropped))
    if missed:
        raise ValueError(f"drop_rows: expected rows of the file, got {missed}")
    last = rows[-1][0] if rows else 0
    inside = [row for row in blank if row < last]
    if inside:
        several = f" ({len(inside)} in all)" if len(inside) > 1 else ""
        done.append(f"skipped empty {some(inside)}{several}")
    return rows


def _separator_line(text: str, options) -> tuple[str | None, int]:
    """Return what Excel's first line ``sep=;`` says, if it is there."""
    first = text.split("\n", 1)[0].strip().strip('"')
    if options.skip == 0 and len(first) == 5 and first.startswith("sep="):
        return first[4], 1
    return None, 0


def read_grid(name: str, text: str, options, done: list[str]) -> Grid:
    """Cut a text into columns of cells."""
    told, more = _separator_line(text, options)
    if told is not None:
        done.append(f"row 1 says that {told!r} divides the columns")
        options = options._replace(
            delimiter=options.delimiter or told, skip=options.skip + more
        )
    delimiter = find_delimiter(text, options)
    rows = _body(name, text, delimiter, options, done)
    if not rows:
        refuse(name, "empty", "expected rows of numbers, got none")
    has_header = _has_header(name, rows, options)
    rows = _even(name, rows, delimiter, has_header, done)
    header = _named(rows[0][1] if has_header else [""] * len(rows[0][1]))
    body = rows[1:] if has_header else rows
    if not body:
        refuse(name, "empty", "expected rows of numbers, got a header alone")
    cells = [
        list(column) for column in zip(*(c for _, c in body), strict=True)
    ]
    _replace_missing(cells, options)
    grid = Grid(name, header, [r for r, _ in body], cells, delimiter, done)
    grid.has_header = has_header
    size = count(len(header), "column")
    if delimiter:
        size += f" between {CALLED.get(delimiter, repr(delimiter))}"
    named = "no header: they go by their numbers"
    if has_header:
        named = f"names in row {rows[0][0]}"
    done.append(f"{size}, {named}")
    return grid


def _replace_missing(cells: list[list[str]], options) -> None:
    tokens = set(options.missing)
    if tokens:
        for column in cells:
            column[:] = ["" if cell in tokens else cell for cell in column]


def _named(header: list[str]) -> list[str]:
    """Return names of columns: their numbers, where they have none."""
    return [name or str(k) for k, name in enumerate(header, 1)]


def _readable(cell: str) -> bool:
    return is_number(cell) or is_time(cell)


def _has_header(name: str, rows, options) -> bool:
    """Tell whether the first row names the columns, or ask."""
    if options.header is not None:
        return options.header
    (row, first), later = rows[0], [cells for _, cells in rows[1:SAMPLE]]
    named = [c for c in first if not is_missing(c)]
    texts = [c for c in named if not _readable(c)]
    if not texts:
        return not named
    if len(texts) == len(named):
        return _all_names(first, later)
    for k, cell in enumerate(first):
        below = [cells[k] for cells in later if len(cells) > k]
        below = [c for c in below if not is_missing(c)]
        if is_missing(cell) or not _readable(cell):
            continue
        if below and all(map(_readable, below)):
            refuse(
                name,
                "header",
                f"expected a header or values, got both: {shown(texts[0])} "
                f"and {shown(cell)}",
                row=row,
                repairs=("--header yes", "--header no", f"--drop-rows {row}"),
            )
    return True


def _all_names(first: list[str], later: list[list[str]]) -> bool:
    """Tell names from values in a row of texts: names come once."""
    for k, cell in enumerate(first):
        below = [cells[k] for cells in later if len(cells) > k]
        if cell and cell in below:
            return False
    return True


def _even(name: str, rows, delimiter: str, has_header: bool, done):
    """Return rows of one width, or name one that is longer or shorter."""
    width = len(rows[0][1])
    if has_header and len(rows) > 1:
        longer = {len(cells) for _, cells in rows[1:]} == {width + 1}
        if longer and not any(cells[-1] for _, cells in rows[1:]):
            done.append("each row ends with a delimiter")
            return [rows[0], *((row, c[:-1]) for row, c in rows[1:])]
    for row, cells in rows:
        if len(cells) < width or any(cells[width:]):
            _ragged(name, rows, row, delimiter)
        del cells[width:]
    return rows


def _ragged(name: str, rows, row: int, delimiter: str) -> None:
    """Name the first row of another width, or the first row of all."""
    widths = Counter(len(cells) for _, cells in rows)
    usual = widths.most_common(1)[0][0]
    first = next(r for r, cells in rows if len(cells) == usual)
    repair = f"--drop-rows {row}"
    if len(rows[0][1]) != usual and widths[usual] > 1:
        row, repair = rows[0][0], f"--skip {first - 1}"
    else:
        first = rows[0][0]
    cells = dict(rows)[row]
    told = CALLED.get(delimiter, repr(delimiter))
    refuse(
        name,
        "ragged",
        f"expected {count(len(dict(rows)[first]), 'cell')} between {told}, as "
        f"in row {first}, got {len(cells)}: {shown(' | '.join(cells))}",
        row=row,
        repairs=(repair,),
    )
