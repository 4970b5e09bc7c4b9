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
PERCENT = re.compile(r"(?<!\d)(?<!\d )(?:%|per ?cent)", re.I)  # of a column
PERCENT_OF_IT = re.compile(r"\s?(?:%|per ?cent)", re.I)  # of one number
RATIO = re.compile(r"times|factor|ratio|×|fold\b|quotient|\s/\s", re.I)
# Arguments of assertions that are no results.
TOLERANCES = ("rtol", "atol", "err_msg", "decimal", "significant")
# Comparisons, and which bound of the other side is on their left, and right.
COMPARED = {
    ast.Lt: ("lower", "upper"),
    ast.LtE: ("lower", "upper"),
    ast.Gt: ("upper", "lower"),
    ast.GtE: ("upper", "lower"),
}


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
    bound: str = ""  # that an assertion sets: "lower" for x > 3

    def rounds_to(self, value, digits, scale=1):
        """Tell whether it is ``value``, rounded.

        Settings and bounds are it exactly: above 0.25 is not above 0.3.
        """
        is_exact = self.kind == "set" or self.bound
        room = 1e-9 if is_exact else 0.5 * 10.0**-digits
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
        in_percent, in_ratios = PERCENT.search(text), RATIO.search(text)
        for line in text.splitlines():
            for match in TOKEN.finditer(line):
                _, after, power = match.groups()
                digits = len(after or ".") - 1 - int(power or 0)
                value = float(match[0].replace(",", ""))
                its_own = PERCENT_OF_IT.match(line, match.end())
                told = bool(in_percent or its_own), bool(in_ratios)
                yield Value("printed", value, cell.where, digits, line, *told)


def constants(node):
    """Yield the numbers in code, without tolerances, places and digits."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield node
    children = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.keyword) and node.arg in TOLERANCES:
        children = []
    elif isinstance(node, ast.Subscript):  # the 2 of x[:2] sets nothing
        children = [node.value]
    elif isinstance(node, ast.Call) and ast.unparse(node.func) == "round":
        children = node.args[:1]
    for child in children:
        yield from constants(child)


def literals(node):
    """Yield the values of the numbers in code."""
    return (constant.value for constant in constants(node))


def factors(node):
    """Yield the numbers of a product, on one side of a comparison."""
    if isinstance(node, ast.Constant):
        yield node
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        yield from factors(node.left)
        yield from factors(node.right)


def bounds_in(tree):
    """Return the numbers in code that are bounds, and which they are."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            for op, *pair in zip(node.ops, sides, sides[1:], strict=False):
                told = COMPARED.get(type(op), ("", ""))
                for side, bound in zip(pair, told, strict=True):
                    if not all(isinstance(x, ast.Constant) for x in pair):
                        found |= {factor: bound for factor in factors(side)}
    return found


def is_assertion(node):
    """Tell whether a node is ``assert``, or calls an ``assert_...``."""
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func).rpartition(".")[2]
        return name.startswith("assert_")
    return isinstance(node, ast.Assert)


def assertions(cell):
    """Return the parts of a cell that assert; of a folded guard, all of it."""
    nodes = [node for node in ast.walk(cell.tree) if is_assertion(node)]
    return [cell.tree] if nodes and "hide-cell" in cell.tags else nodes


def asserted(cell):
    """Yield the numbers of assertions."""
    bounds = bounds_in(cell.tree)
    for node in assertions(cell):
        for constant in constants(node):
            value, bound = abs(constant.value), bounds.get(constant, "")
            yield Value("asserted", value, cell.where, bound=bound)


def settings(cell):
    """Yield the numbers that code sets where the reader sees it."""
    if not cell.is_folded:
        known = {c for node in assertions(cell) for c in constants(node)}
        for constant in constants(cell.tree):
            if constant not in known:
                yield Value("set", abs(constant.value), cell.where)


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
