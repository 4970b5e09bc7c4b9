"""The chapters as they are stored: what the rules for notebooks look at."""

import ast
import json
import re
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import yaml

from theme.plain import ANCHOR, join_captions

ROOT = Path(__file__).resolve().parents[1]

# The page before the first chapter has the whole classic in plain PyTorch. It
# alone defines what the package has too, and has no exercises.
FIRST = "00_first_forecast"
# Sections that speak of the whole chapter, as its lead does.
WHOLE = ("Summary", "Exercises", "Next", "Conclusion")
FOLDING = ("hide-cell", "hide-input", "remove-cell", "remove-input")
# A numbered formula, with the target that links lead to, if it has one.
FORMULA = re.compile(
    r'(?:^<a id="(eq-[a-z0-9-]+)"></a>\n)?^\$\$\n(.+?)\n\$\$$', re.M | re.S
)


class Cell:
    """A cell of a stored notebook; ``where`` names it."""

    def __init__(self, stored, where=""):
        source = stored["source"]
        self.where = where
        self.is_code = stored["cell_type"] == "code"
        self.source = source if isinstance(source, str) else "".join(source)
        self.lines = [x for x in self.source.splitlines() if x.strip()]
        self.metadata = stored["metadata"]
        self.tags = self.metadata.get("tags", [])
        self.count = stored.get("execution_count")
        self.outputs = stored.get("outputs", [])

    @property
    def kinds(self):
        """The kinds of data that the cell has put out."""
        return [kind for out in self.outputs for kind in out.get("data", {})]

    @property
    def figure(self):
        """What the site is told of the cell's figure."""
        mystnb = self.metadata.get("mystnb", {})
        return {"name": "", "caption": ""} | mystnb.get("figure", {})

    @property
    def alt(self):
        """The text that replaces the cell's figure."""
        image = self.metadata.get("mystnb", {}).get("image", {})
        return image.get("alt", "")

    def words(self):
        """Yield places and texts: of prose, or of what a figure says."""
        if not self.is_code:
            for part in split_at_headings(self.source):
                yield self.where, part
            return
        caption, alt = self.figure["caption"], self.alt
        for name, text in (("caption", caption), ("alt", alt)):
            if text:
                yield f"{name} of {self.where}", text

    @property
    def is_folded(self):
        """Whether the site shows the cell's code at a click only."""
        return any(tag in FOLDING for tag in self.tags)

    @cached_property
    def tree(self):
        """The code's syntax tree, or ``None`` if it is not Python."""
        try:
            return ast.parse(self.source)
        except SyntaxError:
            return None


class Exercise(NamedTuple):
    """A call of ``check_answer``, and where it stands."""

    cell: Cell
    at: int  # the cell's place in the chapter
    name: str  # such as "4.2"
    has_test: bool

    @property
    def is_solution(self):
        """Whether it stands in a solution."""
        return self.cell.source.startswith("# Solution")


class Passage(NamedTuple):
    """A piece of a section's prose."""

    where: str  # such as "cell 4", or "caption of code cell 2"
    text: str
    preceding: int  # how many of the section's code cells come before it
    figure: Cell | None = None  # the cell that it captions or replaces


class Section(NamedTuple):
    """What stands under a heading ``##``, or before the first one."""

    title: str
    prose: list  # of passages
    code: list  # of cells

    @property
    def is_whole(self):
        """Whether it speaks of the whole chapter."""
        return self.title in ("", *WHOLE)


class Chapter:
    """A notebook and its cells."""

    def __init__(self, stem, notebook, at_hand=False, size=0):
        self.stem, self.notebook = stem, notebook
        self.at_hand, self.size = at_hand, size
        self.book = None  # the one that it is part of
        self.cells, number = [], 0
        for k, stored in enumerate(join_captions(notebook["cells"])):
            is_code = stored["cell_type"] == "code"
            number += is_code
            name = f"code cell {number}" if is_code else f"cell {k}"
            self.cells.append(Cell(stored, name))
        self.code = [cell for cell in self.cells if cell.is_code]
        self.prose = [cell for cell in self.cells if not cell.is_code]
        self.text = "\n\n".join(cell.source for cell in self.prose)
        self.pictures = [c for c in self.code if "image/png" in c.kinds]

    @property
    def is_first(self):
        """Whether it is the page before the first chapter."""
        return self.stem == FIRST

    @property
    def number(self):
        """The number of its file, which is the one shown."""
        return int(self.stem[:2])

    @property
    def question(self):
        """What the chapter asks, in bold below its title."""
        found = re.search(r"\*\*(.+?)\*\*", self.cells[0].source, re.S)
        return found[1] if found else ""

    @cached_property
    def formulas(self):
        """The displayed formulas: their targets, perhaps empty, and TeX."""
        return FORMULA.findall(self.text)

    @cached_property
    def sections(self):
        """Its sections, the first of which is what precedes a heading."""
        sections = [Section("", [], [])]
        for cell in self.cells:
            if cell.is_code:
                sections[-1].code.append(cell)
            for where, text in cell.words():
                if title := re.match(r"## (.*)", text):
                    sections.append(Section(title[1].strip(), [], []))
                figure = cell if cell.is_code else None
                preceding = len(sections[-1].code)
                passage = Passage(where, text, preceding, figure)
                sections[-1].prose.append(passage)
        return sections

    @cached_property
    def exercises(self):
        """The calls of ``check_answer``, in their order."""
        found = []
        for k, cell in enumerate(self.cells):
            for call in calls_of(cell, "check_answer"):
                name = getattr([*call.args, None][0], "value", "")
                has_test = len(call.args) + len(call.keywords) > 2
                found.append(Exercise(cell, k, name, has_test))
        return found

    @property
    def minutes(self):
        """The minutes that reading takes: words, and lines of code."""
        words = len(ANCHOR.sub("target", self.text).split())
        shown = sum(len(c.lines) for c in self.code if not c.is_folded)
        folded = sum(len(c.lines) for c in self.code if c.is_folded)
        return round(words / 200 + shown / 12 + folded / 36)

    def numbered(self):
        """Yield names and numbers of figures and formulas."""
        chapter = "" if self.is_first else f"{self.number}."
        for k, cell in enumerate(self.pictures, start=1):
            yield cell.figure["name"], f"Figure {chapter}{k}"
        for k, (target, _) in enumerate(self.formulas, start=1):
            yield target, f"({chapter}{k})"

    def targets(self):
        """Return the names that links to this chapter may lead to."""
        figures = {cell.figure["name"] for cell in self.pictures} - {""}
        return {*ANCHOR.findall(self.text), *figures, f"{self.stem}.ipynb"}


def calls_of(cell, name):
    """Return the calls of a function in a code cell."""
    tree = cell.tree if cell.is_code else None
    return [
        node
        for node in ast.walk(tree or ast.Module([]))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == name
    ]


def split_at_headings(text):
    """Return the parts of a text, each of which begins with its ``##``."""
    parts = re.split(r"^(?=## )", text, flags=re.M)
    return [part for part in parts if part]


class Book:
    """All chapters, the table of contents, and the pages beside them."""

    def __init__(self, chapters, listed, pages=None, answers=None):
        self.chapters = chapters
        for chapter in chapters:
            chapter.book = self
        self.listed = list(listed)  # files, in the order of the contents
        self.pages = pages or {}  # the text of each Markdown file
        self.answers = answers or {}  # of exercises, by their numbers

    @cached_property
    def numbers(self):
        """The number of each figure and formula, by the name of its target."""
        numbers = {}
        for chapter in self.chapters:
            for name, number in chapter.numbered():
                numbers.setdefault(name, number)
        return numbers

    @cached_property
    def homes(self):
        """The chapter that holds each target."""
        return {
            name: chapter
            for chapter in self.chapters
            for name in chapter.targets()
        }


def read_book(root=ROOT):
    """Read the chapters as they are stored, and the table of contents."""
    toc = yaml.safe_load((root / "_toc.yml").read_text("utf-8"))
    listed = {
        chapter["file"]: part["caption"]
        for part in toc["parts"]
        for chapter in part["chapters"]
    }
    chapters = [
        Chapter(
            path.stem,
            json.loads(path.read_text("utf-8")),
            listed.get(f"chapters/{path.stem}", "").endswith("At hand"),
            path.stat().st_size,
        )
        for path in sorted((root / "chapters").glob("*.ipynb"))
    ]
    paths = [root / "README.md", *sorted((root / "chapters").glob("*.md"))]
    pages = {
        path.relative_to(root).as_posix(): path.read_text("utf-8")
        for path in paths
        if path.exists()
    }
    store = root / "gru_tutorial/book/answers.json"
    stored = json.loads(store.read_text("utf-8")) if store.exists() else {}
    return Book(chapters, listed, pages, stored.get("answers"))
