"""Hold each chapter against the rules for notebooks.

Usage: python -m tools.lint_chapters [NN]

Each rule is a function: given a chapter, or the whole book, it yields what is
wrong with it. With a chapter's number, that chapter is held against the rules
for chapters, and the book against its own. ``pytest --nbval chapters/``
compares what the cells print; this is about how they are written.
"""

import ast
import json
import re
import statistics
import sys
from functools import cache, cached_property
from pathlib import Path

import yaml

import gru_tutorial
from theme.download import RUN_IT
from tools.notebook_files import source_digest

ROOT = Path(__file__).resolve().parents[1]

# The sections that every chapter has, in this order.
FRAME = [
    "What you will find out",
    "Before you start",
    "The libraries",
    "Summary",
    "Exercises",
    "Next",
]
# A page at hand, such as the error gallery, has fewer, and no exercises.
FRAME_AT_HAND = ["The libraries", "Summary", "Next"]
# The page before the first chapter has the whole classic in plain PyTorch. It
# alone defines what the package has too, is unnumbered, and has no exercises.
FIRST = "00_first_forecast"
FRAME_OF_FIRST = ["What is wrong with this picture?", "Your own series"]
FORBIDDEN = {
    "a magic or shell line": r"^\s*[!%]",
    "a trailing semicolon": r";\s*$",
    "warnings filtered out": r"filterwarnings",
    "clear_output": r"clear_output",
    "an ignored or skipped cell": r"NBVAL_|nbval-(ignore|skip)",
    "torch's own random data": r"torch\.randn?\(",
}
# A numbered formula, with the target that links lead to, if it has one.
FORMULA = re.compile(
    r"(?:^\((eq-[a-z-]+)\)=\n)?^\$\$\n(.+?)\n\$\$$", re.M | re.S
)
TAG = re.compile(r"\\tag\{(.*?)\}")
LINK = re.compile(r"\[([^\]]*)\]\(((?:fig|eq)-[a-z0-9-]+)\)")
PATHS = re.compile(r"/(home|root|Users|work|tmp)/|site-packages|\.venv")
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


# What the rules look at


class Cell:
    """A cell of a stored notebook; ``where`` names it."""

    def __init__(self, stored, where=""):
        source = stored["source"]
        self.where = where
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
    def tree(self):
        """The code's syntax tree, or ``None`` if it is not Python."""
        try:
            return ast.parse(self.source)
        except SyntaxError:
            return None


class Chapter:
    """A notebook and its cells."""

    def __init__(self, stem, notebook, at_hand=False, size=0):
        self.stem, self.notebook = stem, notebook
        self.at_hand, self.size = at_hand, size
        stored = notebook["cells"]
        code = [cell for cell in stored if cell["cell_type"] == "code"]
        self.code = [
            Cell(cell, f"code cell {number}")
            for number, cell in enumerate(code, start=1)
        ]
        self.prose = [
            Cell(cell) for cell in stored if cell["cell_type"] == "markdown"
        ]
        self.text = "\n\n".join(cell.source for cell in self.prose)
        self.pictures = [c for c in self.code if "image/png" in c.kinds]

    @property
    def is_first(self):
        """Whether it is the page before the first chapter."""
        return self.stem == FIRST

    @property
    def frame(self):
        """The sections that it must have, in this order."""
        if self.is_first:
            return FRAME_OF_FIRST
        return FRAME_AT_HAND if self.at_hand else FRAME

    @cached_property
    def formulas(self):
        """The displayed formulas: their targets, perhaps empty, and TeX."""
        return FORMULA.findall(self.text)

    def numbered(self):
        """Yield names and numbers of figures and formulas."""
        chapter = "" if self.is_first else f"{int(self.stem[:2])}."
        for k, cell in enumerate(self.pictures, start=1):
            yield cell.figure["name"], f"Figure {chapter}{k}"
        for k, (target, _) in enumerate(self.formulas, start=1):
            yield target, f"({chapter}{k})"


class Book:
    """All chapters, and the files in the table of contents."""

    def __init__(self, chapters, listed):
        self.chapters, self.listed = chapters, listed

    @cached_property
    def numbers(self):
        """The number of each figure and formula, by the name of its target."""
        numbers = {}
        for chapter in self.chapters:
            for name, number in chapter.numbered():
                numbers.setdefault(name, number)
        return numbers


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
    return Book(chapters, set(listed))


@cache
def public_names():
    """Return the names that chapters import and must not define again."""
    names = set(gru_tutorial.__all__)
    for path in (ROOT / "gru_tutorial/book").glob("*.py"):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, DEFINITIONS) and node.name[0] != "_":
                names.add(node.name)
    return names


# The cells of a chapter


def short_cells(chapter):
    for cell in chapter.code:
        if len(cell.lines) > 25:
            yield f"{cell.where}: {len(cell.lines)} lines, more than 25"


def narrow_lines(chapter):
    for cell in chapter.code:
        if any(len(line) > 79 for line in cell.lines):
            yield f"{cell.where}: a line of more than 79 columns"


def nothing_forbidden(chapter):
    for cell in chapter.code:
        for fault, pattern in FORBIDDEN.items():
            if re.search(pattern, cell.source, re.M):
                yield f"{cell.where}: {fault}"


def no_hiding_tags(chapter):
    for cell in chapter.code:
        for tag in cell.tags:
            if "nbval" in tag or tag == "raises-exception":
                yield f"{cell.where}: the tag {tag}"


def one_run_from_the_top(chapter):
    for number, cell in enumerate(chapter.code, start=1):
        if cell.count != number:
            yield f"{cell.where}: not number {number} of one run from the top"


def only_python(chapter):
    for cell in chapter.code:
        if cell.tree is None:
            yield f"{cell.where}: not Python"


def nothing_defined_twice(chapter):
    if chapter.is_first:
        return
    for cell in chapter.code:
        for node in ast.walk(cell.tree or ast.Module([])):
            if isinstance(node, DEFINITIONS) and node.name in public_names():
                name = node.name
                yield f"{cell.where}: defines {name}, which the package has"


def no_stderr(chapter):
    for cell in chapter.code:
        if any(output.get("name") == "stderr" for output in cell.outputs):
            yield f"{cell.where}: stderr is stored"


def no_error(chapter):
    for cell in chapter.code:
        if any(output["output_type"] == "error" for output in cell.outputs):
            yield f"{cell.where}: an error is stored"


def no_svg(chapter):
    for cell in chapter.code:
        if any("svg" in kind for kind in cell.kinds):
            yield f"{cell.where}: an SVG, which nbval would compare"


# Its figures


def figures_have_words(chapter):
    for cell in chapter.pictures:
        image = cell.metadata.get("mystnb", {}).get("image", {})
        if len(image.get("alt", "")) < 40:
            yield f"{cell.where}: a figure without a text that replaces it"


def figures_have_names(chapter):
    for cell in chapter.pictures:
        if not re.fullmatch(r"fig-[a-z0-9-]+", cell.figure["name"]):
            yield f"{cell.where}: a figure without a name"


def figures_have_captions(chapter):
    for cell in chapter.pictures:
        if not 1 < len(cell.figure["caption"].split()) <= 30:
            yield f"{cell.where}: a figure without a caption of 2 to 30 words"


# Its notes in passing, which the site sets into the margin, beside the
# paragraph that follows


def notes_of(chapter):
    """Yield each block with a note in passing, and the block after it."""
    for cell in chapter.prose:
        blocks = re.split(r"\n\s*\n", cell.source.strip())
        for block, following in zip(blocks, [*blocks[1:], ""], strict=True):
            if "*In passing:*" in block:
                yield block, following


def notes_are_paragraphs(chapter):
    for block, _ in notes_of(chapter):
        if not re.fullmatch(r"> \*In passing:\* .*", block):
            yield "a note in passing that is no paragraph of its own"


def notes_are_short(chapter):
    for block, _ in notes_of(chapter):
        if len(block.split()) > 46:
            yield "a note in passing of more than 45 words"


def notes_belong_to_a_paragraph(chapter):
    for _, following in notes_of(chapter):
        if not following or following[0] in "#(":
            yield "a note in passing that belongs to no paragraph"


# Its text as a whole


def cells_are_mostly_short(chapter):
    lengths = sorted(len(cell.lines) for cell in chapter.code)
    if statistics.median(lengths) > 6:
        yield f"median cell of {statistics.median(lengths)} lines"
    long = lengths[max(0, round(0.9 * len(lengths)) - 1)]
    if long > 15:
        yield f"a tenth of the cells above {long} lines"


def more_words_than_code(chapter):
    words = len(chapter.text.split())
    lines = sum(len(cell.lines) for cell in chapter.code)
    if words < 7 * lines:
        yield f"{words} words for {lines} lines of code"


def says_how_to_run_it(chapter):
    first = Cell(chapter.notebook["cells"][0])
    if RUN_IT not in first.lines:
        yield "the first cell does not say how to run the page"


def sets_one_thread(chapter):
    if "torch.set_num_threads(1)" not in chapter.code[0].source:
        yield "the first cell does not set one thread"


def headings_of(chapter, level):
    """Return the headings of a level, in their order."""
    return re.findall(rf"^{'#' * level} (.*)$", chapter.text, re.M)


def has_one_title(chapter):
    if len(headings_of(chapter, 1)) != 1:
        yield "not exactly one title"


def has_the_frame(chapter):
    sections = headings_of(chapter, 2)
    missing = [title for title in chapter.frame if title not in sections]
    for title in missing:
        yield f"no section {title!r}"
    found = [title for title in sections if title in chapter.frame]
    if not missing and found != chapter.frame:
        yield "the frame's sections are out of order"


def is_checked_solution(cell):
    """Tell whether a cell is a folded solution that checks its answer."""
    return (
        cell.source.startswith("# Solution")
        and "hide-cell" in cell.tags
        and cell.metadata.get("jupyter", {}).get("source_hidden", False)
        and "check_answer(" in cell.source
    )


def exercises_have_solutions(chapter):
    asked = len(re.findall(r"^\*\*\d\. ", chapter.text, re.M))
    solved = sum(map(is_checked_solution, chapter.code))
    expected = range(3, 6) if "Exercises" in chapter.frame else [0]
    if asked not in expected or asked != solved:
        yield f"{asked} exercises, {solved} folded and checked solutions"


# Its file


def small_file(chapter):
    if chapter.size >= 400_000:
        yield f"{chapter.size} bytes, more than 400,000"


def clean_metadata(chapter):
    metadata = chapter.notebook["metadata"]
    if metadata.get("kernelspec", {}).get("name") != "python3":
        yield "the kernel is not python3"
    if set(metadata) - {"kernelspec", "language_info", "gru_tutorial"}:
        yield "metadata of an editor"


def outputs_of_these_sources(chapter):
    made_from = chapter.notebook["metadata"].get("gru_tutorial", {})
    if made_from.get("sources") != source_digest(chapter.notebook):
        yield "outputs of other sources: run `make run`"


def no_path_of_a_machine(chapter):
    if PATHS.search(json.dumps(chapter.notebook)):
        yield "a path of a machine"


RULES = (
    short_cells,
    narrow_lines,
    nothing_forbidden,
    no_hiding_tags,
    one_run_from_the_top,
    only_python,
    nothing_defined_twice,
    no_stderr,
    no_error,
    no_svg,
    figures_have_words,
    figures_have_names,
    figures_have_captions,
    notes_are_paragraphs,
    notes_are_short,
    notes_belong_to_a_paragraph,
    cells_are_mostly_short,
    more_words_than_code,
    says_how_to_run_it,
    sets_one_thread,
    has_one_title,
    has_the_frame,
    exercises_have_solutions,
    small_file,
    clean_metadata,
    outputs_of_these_sources,
    no_path_of_a_machine,
)


# The book as a whole. The site counts figures itself; the numbers of
# formulas, and all numbers in links, are typed.


def chapters_are_listed(book):
    for chapter in book.chapters:
        if f"chapters/{chapter.stem}" not in book.listed:
            yield f"{chapter.stem}: not in the table of contents"


def names_are_given_once(book):
    for chapter in book.chapters:
        for name, number in chapter.numbered():
            if name and book.numbers[name] != number:
                yield f"{chapter.stem}: a second {name}"


def formulas_have_own_lines(book):
    for chapter in book.chapters:
        if chapter.text.count("$$") != 2 * len(chapter.formulas):
            yield f"{chapter.stem}: a formula whose $$ stand in its lines"


def formulas_are_numbered(book):
    for chapter in book.chapters:
        tags = [TAG.findall(formula) for _, formula in chapter.formulas]
        number = int(chapter.stem[:2])
        if tags != [[f"{number}.{k + 1}"] for k in range(len(tags))]:
            yield f"{chapter.stem}: formulas are numbered {tags}"


def links_tell_the_number(book):
    for chapter in book.chapters:
        for text, name in LINK.findall(chapter.text):
            number = book.numbers.get(name)
            if text != number:
                yield f"{chapter.stem}: {text} leads to {name}, {number}"


BOOK_RULES = (
    chapters_are_listed,
    names_are_given_once,
    formulas_have_own_lines,
    formulas_are_numbered,
    links_tell_the_number,
)


def chapter_faults(chapter):
    """Yield all that is wrong with a chapter."""
    for rule in RULES:
        yield from rule(chapter)


def book_faults(book):
    """Yield all that is wrong with the book as a whole."""
    for rule in BOOK_RULES:
        yield from rule(book)


def main(number="", root=ROOT):
    """Print what is wrong with chapters and book; return the exit code."""
    book = read_book(root)
    chosen = [c for c in book.chapters if c.stem.startswith(number)]
    if not chosen:
        sys.exit(f"no chapter {number!r} in chapters/")
    faults = [
        f"{chapter.stem}: {fault}"
        for chapter in chosen
        for fault in chapter_faults(chapter)
    ]
    faults += book_faults(book)
    for fault in faults:
        print(fault)
    print(f"{len(chosen)} chapters, {len(faults)} faults")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
