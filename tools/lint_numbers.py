"""Hold the numbers in a chapter's prose against what its cells computed.

Usage: python -m tools.lint_numbers NN

``tools/prose_numbers.py`` finds the numbers in prose, captions and texts that
replace figures; ``tools/cell_numbers.py`` finds those of the cells. A number
in prose is bound by one of these:

- an output or assertion of the chapter has it, rounded, if it has at least
  four significant digits, so that no other agrees by chance;
- one of the section has it, if it has three;
- if it has fewer, an assertion of the section has it, or an output that is
  near: of the next cell, or of the last one before it that printed something;
  for the words of a figure, of the figure's own cell;
- a literal in the code of the section that readers see has it exactly: a
  setting;
- lead, Summary, Exercises and Next speak of the whole chapter. There three
  digits are enough; a number with fewer is said in another section, too;
- of the numbers in assertions, a bound binds only what prose calls one:
  ``x > 3`` is "more than 3", but neither "3" nor "less than 3";
- a comment in the section marks it: ``<!-- defined: 0.35 -->``,
  ``<!-- cited: 1.348 % -->``, ``<!-- from 04_training: 1.198 -->``; the last
  is looked up in that chapter's outputs and assertions.

With a chapter's number, the command prints each number and what binds it.
"""

import re
import sys
from dataclasses import dataclass
from functools import lru_cache

from tools.cell_numbers import (
    literals,
    printed,
    results_of,
    values_of_all,
)
from tools.chapters import Passage, Section, read_book, split_at_headings
from tools.find_chapters import choose
from tools.prose_numbers import numbers_in

COMMENT = re.compile(r"<!--(.*?)-->", re.S)
MARKER = re.compile(r"\s*(defined|cited|from)\b([^:]*):(.*)", re.S)
KINDS = "defined: …, cited: …, from NN_chapter: …"


# What binds a number


def binds_decimal(number, value):
    return value.rounds_to(number.value, number.digits)


def binds_percent(number, value):
    """A fraction that is no whole number, or a number printed with a %."""
    if value.digits != 0 and value.rounds_to(number.value, number.digits, 100):
        return True
    return value.is_percent and binds_decimal(number, value)


def binds_count(number, value):
    """``4 of 5`` or ``4/5`` is printed, or 4 is asserted."""
    total = number.total
    if value.kind == "printed":
        pairs = rf"(\d+)(?:/| of | out of ){total}\b"
        return f"{number.value:g}" in re.findall(pairs, value.line)
    is_asserted = value.kind == "asserted"
    return is_asserted and value.value == number.value < total


def binds_multiple(number, value):
    """A ratio rounds to it, or it is asserted; or set, if no ratio."""
    if value.kind == "set":
        return not number.is_ratio and value.value == number.value
    is_known = value.is_ratio or value.kind == "asserted"
    room = 1e-9 if value.bound else 0.5
    return is_known and abs(value.value - number.value) < room


BINDS = {
    "decimal": binds_decimal,
    "percent": binds_percent,
    "of": binds_count,
    "times": binds_multiple,
}


def may_bind(number, value):
    """Tell whether a bound in code, ``x > 3``, meets "more than 3"."""
    return not value.bound or number.bound in (value.bound, "either")


def first_that_binds(number, values):
    """Return the first value that binds a number, or ``None``."""
    binds = BINDS[number.kind]
    fit = (v for v in values if may_bind(number, v))
    return next((v for v in fit if binds(number, v)), None)


def last_that_printed(cells):
    """Return the last cell with a number in its output, in a list."""
    return [cell for cell in cells if any(printed(cell))][-1:]


# Comments that mark numbers


@dataclass(frozen=True)
class Marker:
    """A comment that marks numbers."""

    kind: str  # "defined", "cited" or "from"
    chapter: str  # whose numbers they are
    numbers: tuple
    unread: tuple  # what is no number that the rule looks at

    @property
    def name(self):
        """What it begins with."""
        return f"{self.kind} {self.chapter}".strip()

    @property
    def keys(self):
        """The keys of its numbers."""
        return [number.key for number in self.numbers]


def comments_of(section):
    """Yield the comments of a section's cells: paragraphs, and words."""
    for passage in section.prose:
        for block in re.split(r"\n\s*\n", passage.text.strip()):
            for words in COMMENT.findall(block):
                yield block, words


def markers_of(section):
    """Return the markers of a section."""
    found = []
    for _, words in comments_of(section):
        if marker := MARKER.match(words):
            kind, chapter, marked = marker.groups()
            parts = [x.strip() for x in re.split(r",\s|;", marked)]
            numbers = [n for part in parts for n in numbers_in(part)]
            unread = [part for part in parts if not numbers_in(part)]
            found.append(
                Marker(kind, chapter.strip(), tuple(numbers), tuple(unread))
            )
    return found


def faults_of_markers(section):
    """Yield comments that show, or that mark nothing."""
    keys = {n.key for p in section.prose for n in numbers_in(p.text)}
    for block, words in comments_of(section):
        told = f"<!--{words}-->"
        if words.strip() and not MARKER.match(words):
            yield f"{told} marks nothing; markers are {KINDS}"
        if COMMENT.sub("", block).strip():
            yield f"{told} is no paragraph of its own"
    for marker in markers_of(section):
        unused = [n.text for n in marker.numbers if n.key not in keys]
        for told in [*unused, *marker.unread]:
            yield f"unused marker {marker.kind}: {told}"


# The numbers of a page


class Numbers:
    """The numbers of a page's prose, and what binds them.

    ``others`` has the results of chapters, by their stems; ``results`` are
    the page's own, if not those of its cells.
    """

    def __init__(self, sections, others, results=None):
        self.sections, self.others = sections, others
        self.cells = [cell for section in sections for cell in section.code]
        self.results = results_of(self.cells) if results is None else results
        self.totals = {value.value for value in self.results}
        for cell in self.cells:
            self.totals |= set(literals(cell.tree)) if cell.tree else set()
        self.said = {  # in sections that are about one thing
            number.key
            for section in sections
            if not section.is_whole
            for passage in section.prose
            for number in numbers_in(passage.text)
        }

    def candidates(self, number, section, passage):
        """Return the numbers that may bind one in this passage."""
        here, digits = values_of_all(section.code), number.significant
        if section.is_whole:
            is_known = digits >= 3 or number.key in self.said
            return self.results + here if is_known else here
        if digits >= 3:
            return self.results + here if digits >= 4 else here
        before = section.code[: passage.preceding]
        after = section.code[passage.preceding :]
        near = last_that_printed(before) + after[:1]
        if passage.figure:
            near = [passage.figure]  # data drawn are asserted
        places = {cell.where for cell in near}
        return [v for v in here if v.kind != "printed" or v.where in places]

    def marked(self, number, section):
        """Return what marks a number, and the fault of it, if any."""
        for marker in markers_of(section):
            if number.key not in marker.keys:
                continue
            values = self.others.get(marker.chapter)
            if marker.kind != "from" or first_that_binds(number, values or []):
                return marker.name, ""
            if values is None:
                return "", f"there is no chapter {marker.chapter!r}"
            return "", f"not in {marker.chapter}{nearest(number, values)}"
        return "", ""

    def binding(self, number, section, passage):
        """Return what binds a number; or nothing, and the fault."""
        told, fault = self.marked(number, section)
        if told or fault:
            return told, fault
        if number.kind == "of" and number.total not in self.totals:
            return "", f"bound to nothing: no cell has a {number.total}"
        values = self.candidates(number, section, passage)
        found = first_that_binds(number, values)
        if found:
            return f"{found.kind} in {found.where}", ""
        return "", f"bound to nothing{self.hint(number, section)}"

    def hint(self, number, section):
        """Return where the number, or one that is near, is to be found."""
        elsewhere = first_that_binds(number, self.results)
        if elsewhere:
            where = elsewhere.where
            return f" near by (only in {where}): assert it in this section"
        if number.kind == "of":
            x, total = int(number.value), number.total
            either = f", or assert {x}" if x < total else ""
            return f": print '{x} of {total}'{either}"
        if number.kind == "times":
            return ": print it as a ratio, or assert it"
        return nearest(number, results_of(section.code) + self.results)

    def bound_in(self, section):
        """Yield passages, numbers, what binds each, or the fault."""
        for passage in section.prose:
            for number in numbers_in(passage.text):
                yield passage, number, *self.binding(number, section, passage)

    def faults_in(self, section):
        """Yield the faults of a section's numbers and markers."""
        title = section.title or "lead"
        for passage, number, told, fault in self.bound_in(section):
            if not told:
                words = words_around(passage.text, number)
                yield (
                    f"{title}, {passage.where}: {number.text!r} in "
                    f"“{words}”: {fault}"
                )
        for fault in faults_of_markers(section):
            yield f"{title}: {fault}"


def nearest(number, results):
    """Return words for the computed number that is nearest."""
    scales = (1, 100) if number.kind == "percent" else (1,)
    gaps = [
        (abs(v.value * scale - number.value), v.value, v.where)
        for v in results
        for scale in scales
    ]
    gap, value, where = min(gaps, default=(float("inf"), 0, ""))
    if gap == 0 and number.kind == "percent":
        return f"; {where} has {value:g}, without a %: assert the fraction"
    close = gap <= 0.5 * max(abs(number.value), 1e-9)
    return f"; nearest: {value:g} ({where})" if close else ""


def words_around(text, number):
    """Return the words around a number."""
    start = max(0, number.start - 30)
    end = number.start + len(number.text) + 25
    return " ".join(text[start:end].split())


# Pages


def faults_of(numbers):
    """Yield the faults of a page's numbers."""
    for section in numbers.sections:
        yield from numbers.faults_in(section)


@lru_cache(4)
def results_of_chapters(book):
    """Return what the book's chapters computed, by their stems."""
    return {c.stem: results_of(c.code) for c in book.chapters} if book else {}


def numbers_of_chapter(chapter):
    """Return the numbers of a chapter's prose."""
    return Numbers(chapter.sections, results_of_chapters(chapter.book))


def numbers_of_page(text, book):
    """Return the numbers of a page without cells; any chapter binds them."""
    sections = []
    for part in split_at_headings(text):
        title = re.match(r"## (.*)", part)
        title = title[1].strip() if title else "top"
        sections.append(Section(title, [Passage("text", part, 0)], []))
    others = results_of_chapters(book)
    results = [value for values in others.values() for value in values]
    return Numbers(sections, others, results)


def main(number):
    """Print each number of a chapter's prose, and what binds it."""
    chapters = {chapter.stem: chapter for chapter in read_book().chapters}
    for stem in choose(number, chapters):
        chapter = chapters[stem]
        numbers = numbers_of_chapter(chapter)
        for section in numbers.sections:
            for passage, found, told, fault in numbers.bound_in(section):
                words = words_around(passage.text, found)
                print(f"{section.title or 'lead'}, {passage.where}: {words}")
                print(f"    {found.text}: {told or 'NOT BOUND: ' + fault}")


if __name__ == "__main__":
    main(*sys.argv[1:2])
