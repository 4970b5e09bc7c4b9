"""Find the numbers that a chapter's cells printed, asserted or set.

They are the evidence for the numbers in prose, which ``prose_numbers.py``
finds and ``lint_numbers.py`` compares with these.
"""

import ast
import re
from dataclasses import dataclass
from functools import lru_cache

# A number in an output: 12, 1,200, 3.5 or 1.2e-03, but no part of a name or
# of a version. Signs are not looked at, here and in prose.
TOKEN = re.compile(
    r"(?<![\w.])(\d{1,3}(?:,\d{3})+(?!\d)|\d+)(\.\d+)?(?:e([-+]?\d+))?", re.I
)
# What an output says of its numbers: percentages, or multiples.
PERCENT = re.compile(r"%|per ?cent", re.I)
RATIO = re.compile(r"times|factor|ratio|×|fold\b|quotient|\s/\s", re.I)
# Arguments of assertions that are no results.
TOLERANCES = ("rtol", "atol", "err_msg", "decimal", "significant")


@dataclass(frozen=True)
class Value:
    """A number of a cell; ``digits`` are those after its point."""

    kind: str  # "printed", "asserted" or "set"
    value: float
    where: str
    digits: int | None = None  # of a number in code: it is exact
    line: str = ""  # in which it is printed
    is_percent: bool = False  # by what the output says
    is_ratio: bool = False

    def rounds_to(self, value, digits, scale=1):
        """Tell whether it is ``value``, rounded; a setting is it exactly."""
        room = 1e-9 if self.kind == "set" else 0.5 * 10.0**-digits
        more = self.value * scale - value
        if self.digits is None:  # half goes up: 0.85 is no 0.8
            return -room <= more + 1e-12 < room
        return abs(more) <= room + 1e-12


def printed_texts(cell):
    """Yield the texts that a cell printed, without sources and figures."""
    for output in cell.outputs:
        data = output.get("data", {})
        if "text/markdown" in data or "image/png" in data:
            continue
        text = output.get("text") or data.get("text/plain", "")
        yield "".join(text)


def printed(cell):
    """Yield the numbers that a cell printed."""
    for text in printed_texts(cell):
        told = bool(PERCENT.search(text)), bool(RATIO.search(text))
        for line in text.splitlines():
            for match in TOKEN.finditer(line):
                _, after, power = match.groups()
                digits = len(after or ".") - 1 - int(power or 0)
                value = float(match[0].replace(",", ""))
                yield Value("printed", value, cell.where, digits, line, *told)


def literals(node):
    """Yield the numbers in code, without tolerances, places and digits."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield node.value
    children = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.keyword) and node.arg in TOLERANCES:
        children = []
    elif isinstance(node, ast.Subscript):  # the 2 of x[:2] sets nothing
        children = [node.value]
    elif isinstance(node, ast.Call) and ast.unparse(node.func) == "round":
        children = node.args[:1]
    for child in children:
        yield from literals(child)


def is_assertion(node):
    """Tell whether a node is ``assert``, or calls an ``assert_...``."""
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func).rpartition(".")[2]
        return name.startswith("assert_")
    return isinstance(node, ast.Assert)


def asserted(cell):
    """Yield the numbers of assertions; of a folded guard, all numbers."""
    nodes = [node for node in ast.walk(cell.tree) if is_assertion(node)]
    if nodes and "hide-cell" in cell.tags:
        nodes = [cell.tree]
    for node in nodes:
        for value in literals(node):
            yield Value("asserted", abs(value), cell.where)


def settings(cell):
    """Yield the numbers that code sets where the reader sees it."""
    if not cell.is_folded:
        for value in literals(cell.tree):
            yield Value("set", abs(value), cell.where)


@lru_cache(4096)
def values_of(cell):
    """Return the numbers of a cell: what it printed, asserted and set."""
    code = [] if cell.tree is None else [*asserted(cell), *settings(cell)]
    return [*printed(cell), *code]


def values_of_all(cells):
    """Return the numbers of several cells."""
    return [value for cell in cells for value in values_of(cell)]


def results_of(cells):
    """Return what several cells printed or asserted, without settings."""
    return [value for value in values_of_all(cells) if value.kind != "set"]
