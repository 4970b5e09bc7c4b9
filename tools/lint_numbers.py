"""Hold the numbers in a chapter's prose against what its cells computed.

Usage: python -m tools.lint_numbers NN

Every number that ``tools/prose_numbers.py`` finds in prose, captions and the
texts that replace figures is bound by one of these:

- an output of the section has it, rounded. If it has fewer than three
  significant digits, which many outputs have by chance, the output is near:
  that of the next cell, or the last one or two of the three cells before it;
  for a caption, that of its own cell (data drawn are asserted);
- an assertion of the section has it, rounded;
- an output or assertion of the chapter has it, if it has four digits;
- a literal in the code of the section that readers see has it exactly: a
  setting;
- lead, Summary, Exercises and Next speak of the whole chapter; there three
  digits are enough, and a number with fewer is said in another section, too;
- a comment in the section marks it: ``<!-- defined: 0.35 -->``,
  ``<!-- cited: 1.348 % -->``, ``<!-- from 04_training: 1.198 -->``; the last
  is looked up in that chapter's outputs and assertions.

With a chapter's number, the command prints each number and what binds it.
"""

import ast
import re
import sys
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from tools.chapters import Section, read_book, split_at_headings
from tools.prose_numbers import numbers_in

TOKEN = re.compile(
    r"(?<![\w.])(\d{1,3}(?:,\d{3})+(?!\d)|\d+)(\.\d+)?(?:e([-+]?\d+))?", re.I
)
MARKER = re.compile(r"<!--\s*(defined|cited|from)\b([^:]*):(.*?)-->", re.S)
PERCENT = re.compile(r"%|per ?cent", re.I)
RATIO = re.compile(r"times|factor|ratio|×|fold\b|quotient|\s/\s", re.I)
DRAWING = re.compile(r"(axs?|axes|fig|figure|plt|axis)\d?$")
TESTING = re.compile(r"assert_\w+")
TOLERANCES = ("rtol", "atol", "err_msg", "decimal", "significant")


# What a chapter's cells computed


@dataclass(frozen=True)
class Value:
    """A number that a cell printed, asserted or set.

    ``digits`` are those after its point, ``None`` if it is exact.
    """

    kind: str  # "printed", "asserted" or "set"
    value: float
    where: str
    digits: int | None = None
    line: str = ""  # where it is printed
    is_percent: bool = False  # by what the output says
    is_ratio: bool = False

    def rounds_to(self, value, digits, scale=1):
        """Tell whether it is ``value``, to that many digits."""
        mine, room = self.value * scale, 0.5 * 10.0**-digits * (1 + 1e-6)
        if self.kind == "set" or value == 0:
            room = 1e-9 * max(1.0, abs(value))
        elif self.digits is None and mine > value:
            room -= 1e-5 * 10.0**-digits  # 0.85 is no 0.8
        return abs(mine - value) <= room


@dataclass
class Evidence:
    """The numbers of some cells."""

    values: list = field(default_factory=list)

    def __add__(self, other):
        return Evidence(self.values + other.values)

    @property
    def results(self):
        """What was printed or asserted, without settings."""
        return Evidence([v for v in self.values if v.kind != "set"])


def printed_texts(cell):
    """Yield the texts that a cell printed; the source of code is none."""
    for output in cell.outputs:
        data = output.get("data", {})
        if "text/markdown" in data or "image/png" in data:
            continue
        text = output.get("text") or data.get("text/plain", "")
        yield text if isinstance(text, str) else "".join(text)


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
    """Yield the numbers in code, except those that place and paint."""
    if isinstance(node, ast.Constant):
        if type(node.value) in (int, float):
            yield node.value
        return
    if isinstance(node, ast.Call):
        root = node.func
        while isinstance(root, (ast.Attribute, ast.Subscript, ast.Call)):
            root = getattr(root, "value", getattr(root, "func", None))
        if isinstance(root, ast.Name) and DRAWING.match(root.id):
            return
        if isinstance(root, ast.Name) and root.id == "round":
            yield from literals(node.args[0])  # without the digits
            return
    if isinstance(node, ast.keyword) and node.arg in TOLERANCES:
        return
    if isinstance(node, ast.Subscript):  # x[:2] sets nothing
        yield from literals(node.value)
        return
    for child in ast.iter_child_nodes(node):
        yield from literals(child)


def is_assertion(node):
    """Tell whether a node asserts something of its numbers."""
    if isinstance(node, ast.Assert):
        return True
    if isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        return bool(TESTING.fullmatch(name))
    return False


def asserted(cell):
    """Yield the numbers of assertions; of a folded guard, all numbers."""
    nodes = [n for n in ast.walk(cell.tree) if is_assertion(n)]
    if nodes and "hide-cell" in cell.tags:
        nodes = [cell.tree]
    for node in nodes:
        for value in literals(node):
            yield Value("asserted", abs(value), cell.where)


def settings(cell):
    """Yield the numbers that a cell's code sets, for the reader to see."""
    for value in literals(cell.tree):
        yield Value("set", abs(value), cell.where)


@lru_cache(4096)
def cell_evidence(cell):
    """Return the numbers of a cell."""
    values = list(printed(cell))
    if cell.tree is not None:
        values += asserted(cell)
        values += [] if cell.is_folded else settings(cell)
    return Evidence(values)


def evidence(cells):
    """Return the numbers of several cells."""
    return evidence_of_cells(tuple(cells))


@lru_cache(1024)
def evidence_of_cells(cells):
    """Return the numbers of several cells, which are a tuple."""
    return Evidence([v for cell in cells for v in cell_evidence(cell).values])


def near(cells, place, count):
    """Return the names of cells near a place: that set, and that printed.

    These are three before it, and the next one; of those before it that
    printed, only the last ``count``.
    """
    before, after = cells[max(0, place - 3) : place], cells[place : place + 1]
    prints = [cell for cell in before if any(printed(cell))][-count:]
    return [{c.where for c in found + after} for found in (before, prints)]


# What binds a number


def binds_decimal(number, value):
    return value.rounds_to(number.value, number.digits)


def binds_percent(number, value):
    """A percentage is a fraction, or a number that says it is one."""
    if value.digits != 0 and value.rounds_to(number.value, number.digits, 100):
        return True
    if value.kind == "asserted":
        return value.value == number.value > 12
    return value.is_percent and value.rounds_to(number.value, number.digits)


def binds_count(number, value):
    """Both numbers are in one printed line, or the first is asserted."""
    if value.value != number.value:
        return False
    x, total = int(number.value), number.total
    if value.kind != "printed":
        return x > 12 or (value.kind == "asserted" and x < total)
    pairs = re.findall(rf"(\d+)(?:/| of | out of ){total}\b", value.line)
    if pairs:
        return str(x) in pairs
    tokens = [t[0].replace(",", "") for t in TOKEN.finditer(value.line)]
    return str(x) in tokens and tokens.count(str(total)) > (x == total)


def binds_multiple(number, value):
    """A number rounds to it: an asserted one, or one printed as a ratio.

    A setting may be how often something is done.
    """
    if value.kind == "set":
        return not number.is_ratio and value.value == number.value
    if value.kind == "printed" and not value.is_ratio:
        return not number.is_ratio and value.value == number.value
    in_words = not number.text[0].isdigit() and number.value % 10 == 0
    room = max(0.5, 0.05 * number.value if in_words else 0)
    return abs(value.value - number.value) <= room


BINDS = {
    "decimal": binds_decimal,
    "percent": binds_percent,
    "of": binds_count,
    "times": binds_multiple,
}


def first_that_binds(number, values):
    """Return the first value that binds a number, or ``None``."""
    binds = BINDS[number.kind]
    return next((v for v in values if binds(number, v)), None)


@dataclass(frozen=True)
class Marker:
    """A comment that marks numbers."""

    kind: str
    chapter: str  # whose numbers they are
    numbers: tuple


def markers_of(section):
    """Return the comments of a section that mark numbers."""
    found = []
    for _, text, _ in section.prose:
        for kind, chapter, marked in MARKER.findall(text):
            numbers = tuple(
                number
                for part in re.split(r",\s|;", marked)
                for number in numbers_in(part) or [part.strip()]
            )
            found.append(Marker(kind, chapter.strip(), numbers))
    return found


class Numbers:
    """The numbers of a page's prose, and what binds them."""

    def __init__(self, sections, others, total=None):
        self.sections = sections
        self.others = others  # the evidence of chapters, by their stems
        cells = [cell for section in sections for cell in section.code]
        self.total = evidence(cells) if total is None else total

    def candidates(self, number, section, where, place):
        """Return the numbers that may bind one at this place.

        ``place`` is how many of the section's code cells precede it.
        """
        here = evidence(section.code).values
        long = number.significant
        results = self.total.results.values
        if long >= 4 or (long == 3 and section.is_whole):
            return results + here
        if section.is_whole:
            elsewhere = self.said.get(number.key, set()) - {section.title}
            return here + (results if elsewhere else [])
        if long == 3:
            return here
        sets, prints = near(section.code, place, max(1, long))
        if " of code cell " in where:  # a caption: data drawn are asserted
            prints = {where.partition(" of ")[2]}
        places = {"printed": prints}
        if number.kind == "times":  # so often
            places["set"] = sets
        return [v for v in here if v.where in places.get(v.kind, {v.where})]

    @cached_property
    def said(self):
        """The sections that say a number, by the number's key."""
        said = {}
        for section in self.sections:
            for _, text, _ in section.prose:
                for number in numbers_in(text):
                    if not section.is_whole:
                        said.setdefault(number.key, set()).add(section.title)
        return said

    def marked(self, number, section):
        """Return what marks a number, and the fault of it, if any."""
        for marker in markers_of(section):
            keys = [getattr(x, "key", x) for x in marker.numbers]
            if number.key not in keys:
                continue
            told = f"{marker.kind} {marker.chapter}".strip()
            if marker.kind != "from":
                return told, ""
            if marker.chapter not in self.others:
                return told, f"there is no chapter {marker.chapter!r}"
            values = self.others[marker.chapter].values
            if first_that_binds(number, values):
                return told, ""
            return told, f"not in {marker.chapter}{nearest(number, values)}"
        return "", ""

    def bound_in(self, section):
        """Yield places, texts, numbers, what binds each, or the fault."""
        for where, text, place in section.prose:
            for number in numbers_in(text):
                told, fault = self.binding(number, section, where, place)
                yield where, text, number, told, fault

    def binding(self, number, section, where, place):
        """Return what binds a number, or nothing and the fault."""
        told, fault = self.marked(number, section)
        if told:
            return ("", fault) if fault else (told, "")
        candidates = self.candidates(number, section, where, place)
        found = first_that_binds(number, candidates)
        if found and self.has_total(number):
            return f"{found.kind} in {found.where}", ""
        return "", f"bound to nothing{self.hint(number, section)}"

    def has_total(self, number):
        """Tell whether the five of "four of five" is any cell's number."""
        if number.kind != "of":
            return True
        values = {value.value for value in self.total.values}
        cells = [cell for section in self.sections for cell in section.code]
        for cell in cells:
            values |= set(literals(cell.tree)) if cell.tree else set()
        return number.total in values

    def hint(self, number, section):
        """Return where the number, or one that is near, is to be found."""
        values = self.total.results.values
        elsewhere = first_that_binds(number, values)
        if elsewhere:
            where = elsewhere.where
            return f" near by (only in {where}): assert it in this section"
        return nearest(number, evidence(section.code).values + values)

    def faults_in(self, section):
        """Yield the faults of a section's numbers and markers."""
        title = section.title or "lead"
        for where, text, number, told, fault in self.bound_in(section):
            if not told:
                words = f"{number.text!r} in “{words_around(text, number)}”"
                yield f"{title}, {where}: {words}: {fault}"
        keys = {n.key for _, t, _ in section.prose for n in numbers_in(t)}
        for marker in markers_of(section):
            for number in marker.numbers:
                if getattr(number, "key", None) not in keys:
                    told = getattr(number, "text", number)
                    yield f"{title}: unused marker {marker.kind}: {told}"


def nearest(number, values):
    """Return words for the computed number that is nearest."""
    if number.kind == "of":
        return ""
    scales = (1, 100) if number.kind == "percent" else (1,)
    gaps = [
        (abs(v.value * scale - number.value), v.value, v.where)
        for v in values
        for scale in scales
        if v.kind != "set"
    ]
    if not gaps:
        return ""
    gap, value, where = min(gaps)
    if gap == 0 and number.kind == "percent":
        return f"; {value:g} without a % ({where})"
    close = gap <= 0.5 * max(abs(number.value), 1e-9)
    return f"; nearest: {value:g} ({where})" if close else ""


def words_around(text, number):
    """Return the words around a number."""
    start = max(0, number.start - 30)
    end = number.start + len(number.text) + 25
    return " ".join(text[start:end].split())


def faults_of(numbers):
    """Yield the faults of a page's numbers."""
    for section in numbers.sections:
        yield from numbers.faults_in(section)


def numbers_of_chapter(chapter):
    """Return the numbers of a chapter's prose."""
    return Numbers(chapter.sections, evidence_of(chapter.book))


@lru_cache(4)
def evidence_of(book):
    """Return the numbers of the book's chapters, by their stems."""
    return {c.stem: evidence(c.code) for c in book.chapters} if book else {}


def numbers_of_page(text, book):
    """Return the numbers of a page without cells; any chapter binds them."""
    sections = []
    for part in split_at_headings(text):
        title = re.match(r"## (.*)", part)
        title = title[1].strip() if title else "top"
        sections.append(Section(title, [("text", part, 0)], []))
    others = evidence_of(book)
    total = sum(others.values(), Evidence())
    return Numbers(sections, others, total.results)


def main(number):
    """Print each number of a chapter's prose, and what binds it."""
    for chapter in read_book().chapters:
        if not chapter.stem.startswith(number):
            continue
        numbers = numbers_of_chapter(chapter)
        for section in numbers.sections:
            for where, text, found, told, fault in numbers.bound_in(section):
                words = words_around(text, found)
                print(f"{section.title or 'lead'}, {where}: {words}")
                print(f"    {found.text}: {told or 'NOT BOUND: ' + fault}")


if __name__ == "__main__":
    main(*sys.argv[1:2])
