"""The rules for notebooks, held against each chapter.

``tools/lint_chapters.py`` has the rules. Here each chapter passes, and each
rule finds a fault that is planted.
"""

import copy
import json
import re

import pytest

from tools import lint_chapters as lint
from tools.lint_chapters import Book, Chapter

BOOK = lint.read_book()
STEMS = [chapter.stem for chapter in BOOK.chapters]
FIRST, ONE, *_ = BOOK.chapters


@pytest.mark.parametrize("chapter", BOOK.chapters, ids=STEMS)
def test_chapter_keeps_the_rules(chapter):
    assert list(lint.chapter_faults(chapter)) == []


def test_book_keeps_the_rules():
    assert list(lint.book_faults(BOOK)) == []
    assert len(BOOK.chapters) >= 10


# Faults of a chapter


def code(notebook, k=2):
    """Return a code cell; the third one is anything but the first."""
    return [c for c in notebook["cells"] if c["cell_type"] == "code"][k]


def picture(notebook):
    """Return the first cell that draws a figure."""
    return next(
        cell
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    )


def source(text, k=2):
    def plant(notebook):
        code(notebook, k)["source"] = text

    return plant


def sources(text):
    def plant(notebook):
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                cell["source"] = text

    return plant


def output(**stored):
    def plant(notebook):
        code(notebook)["outputs"].append(stored)

    return plant


def tag(name):
    def plant(notebook):
        code(notebook)["metadata"]["tags"] = [name]

    return plant


def count(number):
    def plant(notebook):
        code(notebook)["execution_count"] = number

    return plant


def metadata(**changes):
    def plant(notebook):
        notebook["metadata"].update(changes)

    return plant


def figure(**changes):
    def plant(notebook):
        picture(notebook)["metadata"]["mystnb"]["figure"].update(changes)

    return plant


def words(text):
    def plant(notebook):
        picture(notebook)["metadata"]["mystnb"]["image"]["alt"] = text

    return plant


def prose(text):
    def plant(notebook):
        cell = {"cell_type": "markdown", "metadata": {}, "source": text}
        notebook["cells"].append(cell)

    return plant


def rewritten(old, new):
    def plant(notebook):
        found = 0
        for cell in notebook["cells"]:
            if cell["cell_type"] == "markdown":
                text = "".join(cell["source"])
                found += old in text
                cell["source"] = text.replace(old, new)
        assert found

    return plant


def no_metadata(key):
    def plant(notebook):
        for cell in notebook["cells"]:
            cell["metadata"].pop(key, None)

    return plant


def no_prose(notebook):
    """Leave headings and exercises alone."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            lines = "".join(cell["source"]).splitlines()
            cell["source"] = "\n".join(x for x in lines if x[:1] in "#*")


def sections_swapped(notebook):
    rewritten("## Summary", "## Now")(notebook)
    rewritten("## Exercises", "## Summary")(notebook)
    rewritten("## Now", "## Exercises")(notebook)


def no_bytes_left(notebook):
    code(notebook)["outputs"].append(
        {"output_type": "stream", "name": "stdout", "text": "1" * 400_000}
    )


NOTE = "> *In passing:*"
STDOUT = {"output_type": "stream", "name": "stdout"}
FAULTS = {
    "a long cell": (lint.short_cells, source("x = 1\n" * 26), "26 lines"),
    "a wide line": (
        lint.narrow_lines,
        source("x = '" + "a" * 80 + "'"),
        "79 columns",
    ),
    "a magic": (lint.nothing_forbidden, source("%timeit 1"), "a magic"),
    "a shell line": (lint.nothing_forbidden, source("!pip list"), "a magic"),
    "a semicolon": (lint.nothing_forbidden, source("x = 1;"), "semicolon"),
    "filtered warnings": (
        lint.nothing_forbidden,
        source("warnings.filterwarnings('ignore')"),
        "warnings filtered",
    ),
    "a cleared output": (
        lint.nothing_forbidden,
        source("clear_output()"),
        "clear_output",
    ),
    "an ignored output": (
        lint.nothing_forbidden,
        source("# NBVAL_IGNORE_OUTPUT\n1"),
        "ignored",
    ),
    "random data": (
        lint.nothing_forbidden,
        source("x = torch.randn(3)"),
        "random data",
    ),
    "an ignoring tag": (
        lint.no_hiding_tags,
        tag("nbval-ignore-output"),
        "the tag nbval-ignore-output",
    ),
    "a wanted traceback": (
        lint.no_hiding_tags,
        tag("raises-exception"),
        "the tag raises-exception",
    ),
    "no count": (lint.one_run_from_the_top, count(None), "not number 3"),
    "another count": (lint.one_run_from_the_top, count(4), "not number 3"),
    "no Python": (lint.only_python, source("x = = 1"), "not Python"),
    "a definition again": (
        lint.nothing_defined_twice,
        source("def make_windows():\n    return 1"),
        "defines make_windows",
    ),
    "a class again": (
        lint.nothing_defined_twice,
        source("if True:\n    class GRUModel:\n        x = 1"),
        "defines GRUModel",
    ),
    "a plot again": (
        lint.nothing_defined_twice,
        source("def set_style():\n    return 1"),
        "defines set_style",
    ),
    "a helper again": (
        lint.nothing_defined_twice,
        source("def show_source():\n    return 1"),
        "defines show_source",
    ),
    "stderr": (
        lint.no_stderr,
        output(output_type="stream", name="stderr", text="oh"),
        "stderr",
    ),
    "an error": (
        lint.no_error,
        output(output_type="error", ename="E", evalue="", traceback=[]),
        "an error is stored",
    ),
    "an SVG": (
        lint.no_svg,
        output(output_type="display_data", data={"image/svg+xml": ""}),
        "SVG",
    ),
    "no alt text": (lint.figures_have_words, words(""), "without a text"),
    "a short alt text": (
        lint.figures_have_words,
        words("a" * 39),
        "without a text",
    ),
    "no figure": (lint.figures_have_names, no_metadata("mystnb"), "a name"),
    "no name": (lint.figures_have_names, figure(name="recall"), "a name"),
    "no caption": (lint.figures_have_captions, figure(caption=""), "caption"),
    "a long caption": (
        lint.figures_have_captions,
        figure(caption="so " * 31),
        "caption",
    ),
    "a note within a paragraph": (
        lint.notes_are_paragraphs,
        prose(f"{NOTE} so\nOn."),
        "no paragraph of its own",
    ),
    "a long note": (
        lint.notes_are_short,
        prose(NOTE + " so" * 46 + "\n\nOn."),
        "of more than 45 words",
    ),
    "a note at the end": (
        lint.notes_belong_to_a_paragraph,
        prose(f"{NOTE} so\n\n## On"),
        "belongs to no paragraph",
    ),
    "cells of seven lines": (
        lint.cells_are_mostly_short,
        sources("x = 1\n" * 7),
        "median cell of 7",
    ),
    "many long cells": (
        lint.cells_are_mostly_short,
        sources("x = 1\n" * 16),
        "above 16 lines",
    ),
    "code without prose": (
        lint.more_words_than_code,
        no_prose,
        "words for",
    ),
    "no way to run it": (
        lint.says_how_to_run_it,
        rewritten("`pip install .`", "pip"),
        "how to run",
    ),
    "many threads": (
        lint.sets_one_thread,
        source("import torch", k=0),
        "one thread",
    ),
    "a second title": (lint.has_one_title, prose("# Again"), "one title"),
    "a lost section": (
        lint.has_the_frame,
        rewritten("## Summary", "## In short"),
        "no section 'Summary'",
    ),
    "sections in another order": (
        lint.has_the_frame,
        sections_swapped,
        "out of order",
    ),
    "an open solution": (
        lint.exercises_have_solutions,
        no_metadata("tags"),
        "0 folded",
    ),
    "a solution that is shown": (
        lint.exercises_have_solutions,
        no_metadata("jupyter"),
        "0 folded",
    ),
    "a solution that checks nothing": (
        lint.exercises_have_solutions,
        sources("# Solution"),
        "0 folded",
    ),
    "too many exercises": (
        lint.exercises_have_solutions,
        prose("**5. So?**\n\n**6. And?**"),
        "exercises",
    ),
    "a large file": (lint.small_file, no_bytes_left, "more than 400,000"),
    "another kernel": (
        lint.clean_metadata,
        metadata(kernelspec={"name": "my-env"}),
        "kernel is not python3",
    ),
    "an editor's metadata": (
        lint.clean_metadata,
        metadata(vscode={}),
        "an editor",
    ),
    "a changed source": (
        lint.outputs_of_these_sources,
        source("x = 1"),
        "make run",
    ),
    "a path": (
        lint.no_path_of_a_machine,
        output(**STDOUT, text="/home/me/x"),
        "a path",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(name):
    rule, plant, found = FAULTS[name]
    notebook = copy.deepcopy(ONE.notebook)
    plant(notebook)
    size = len(json.dumps(notebook))
    chapter = Chapter(ONE.stem, notebook, size=size)
    assert any(found in fault for fault in rule(chapter))
    assert any(found in fault for fault in lint.chapter_faults(chapter))


def test_a_page_at_hand_needs_no_exercises_and_has_none():
    gallery = next(c for c in BOOK.chapters if c.stem[:2] == "11")
    assert gallery.at_hand
    as_chapter = Chapter("11_error_gallery", gallery.notebook)
    faults = list(lint.chapter_faults(as_chapter))
    assert "no section 'Exercises'" in faults
    assert "0 exercises, 0 folded and checked solutions" in faults
    as_page = Chapter(ONE.stem, ONE.notebook, at_hand=True)
    assert any("exercises" in x for x in lint.chapter_faults(as_page))


def test_the_first_page_alone_defines_what_the_package_has():
    """Under another name it would have to import, and to ask exercises."""
    assert FIRST.stem == lint.FIRST
    as_chapter = Chapter("01_first_forecast", FIRST.notebook)
    faults = set(lint.chapter_faults(as_chapter))
    assert {fault.partition(": ")[2] for fault in faults} >= {
        "defines make_windows, which the package has",
        "defines GRUModel, which the package has",
    }
    assert {f"no section {title!r}" for title in lint.FRAME} <= faults
    assert "0 exercises, 0 folded and checked solutions" in faults
    assert Chapter(FIRST.stem, ONE.notebook).is_first
    assert not any(chapter.is_first for chapter in BOOK.chapters[1:])


FAULTS_OF_FIRST = {
    "no questions": (
        rewritten("## What is wrong with this picture?", "## Done"),
        "no section 'What is wrong with this picture?'",
    ),
    "sections in another order": (
        prose("## What is wrong with this picture?"),
        "out of order",
    ),
    "an exercise": (prose("**1. So?**"), "1 exercises, 0 folded"),
    "a magic": (source("%timeit 1"), "a magic"),
    "no way to run it": (rewritten("`pip install .`", "pip"), "how to run"),
    "a figure without a text": (words(""), "without a text"),
}


@pytest.mark.parametrize("name", FAULTS_OF_FIRST)
def test_the_first_page_keeps_all_other_rules(name):
    plant, found = FAULTS_OF_FIRST[name]
    notebook = copy.deepcopy(FIRST.notebook)
    plant(notebook)
    faults = list(lint.chapter_faults(Chapter(FIRST.stem, notebook)))
    assert any(found in fault for fault in faults)


def test_the_first_page_is_short_plain_and_whole():
    """Nothing folded; PyTorch alone, up to the same in six lines."""
    *classic, short = FIRST.code
    assert "Forecaster" in short.source
    assert len(short.lines) <= 7
    loaded = re.findall(
        r"^(?:from|import) (\S+)", "\n".join(c.source for c in classic), re.M
    )
    assert {name.partition(".")[0] for name in loaded} == {
        "matplotlib",
        "numpy",
        "torch",
        "gru_tutorial",
    }
    assert [x for x in loaded if x[:3] == "gru"] == [
        "gru_tutorial.book.plotting"
    ]
    assert not any(cell.tags for cell in FIRST.code)
    drawn = r"\s*(ax\b|plt\b|steps =)"
    steps = [
        line
        for cell in classic[1:]
        for line in cell.lines
        if not re.match(drawn, line)
    ]
    assert 35 <= len(steps) <= 50


def test_the_first_page_tells_its_minutes():
    lines = sum(len(cell.lines) for cell in FIRST.code)
    minutes = len(FIRST.text.split()) / 200 + lines / 12
    assert f"Reading takes about {minutes:.0f} minutes" in FIRST.text
    assert f"{minutes:.0f}" == "10"


# Faults of the book


def everywhere(old, new):
    def plant(book):
        found = 0
        for chapter in book.chapters:
            for cell in chapter.notebook["cells"]:
                if cell["cell_type"] == "markdown":
                    text = "".join(cell["source"])
                    found += old in text
                    cell["source"] = text.replace(old, new)
        assert found

    return plant


def numbered(book, number):
    return next(c for c in book.chapters if c.stem[:2] == f"{number:02}")


def a_name_again(book):
    figure(name="fig-recall")(numbered(book, 2).notebook)


def a_picture_before(book):
    notebook = numbered(book, 4).notebook
    notebook["cells"].insert(0, picture(notebook))


def a_picture_before_the_first(book):
    """The first page counts on its own: 1, 2 and so on."""
    notebook = book.chapters[0].notebook
    notebook["cells"].insert(0, picture(notebook))
    prose("[Figure 2](fig-first-forecast)")(notebook)


def an_unlisted_chapter(book):
    book.listed.remove("chapters/04_training")


BOOK_FAULTS = {
    "a chapter apart": (
        lint.chapters_are_listed,
        an_unlisted_chapter,
        "04_training: not in the table",
    ),
    "a name again": (
        lint.names_are_given_once,
        a_name_again,
        "02_data_preparation: a second fig-recall",
    ),
    "a formula in a line": (
        lint.formulas_have_own_lines,
        everywhere("## Summary", "$$a = 1$$\n\n## Summary"),
        "in its lines",
    ),
    "no number": (
        lint.formulas_are_numbered,
        everywhere(r" \tag{1.3}", ""),
        "numbered",
    ),
    "two numbers": (
        lint.formulas_are_numbered,
        everywhere(r"\tag{1.3}", r"\tag{1.3} \tag{1.9}"),
        "numbered",
    ),
    "numbers out of order": (
        lint.formulas_are_numbered,
        everywhere(r"\tag{1.3}", r"\tag{1.4}"),
        "numbered",
    ),
    "another chapter's number": (
        lint.formulas_are_numbered,
        everywhere(r"\tag{7.1}", r"\tag{1.1}"),
        "07_horizons: f",
    ),
    "another figure's number": (
        lint.links_tell_the_number,
        everywhere("[Figure 4.2]", "[Figure 4.3]"),
        "4.2",
    ),
    "a figure before": (
        lint.links_tell_the_number,
        a_picture_before,
        "leads to fig-validation-loss",
    ),
    "a figure before the first": (
        lint.links_tell_the_number,
        a_picture_before_the_first,
        "Figure 2 leads to fig-first-forecast, Figure 3",
    ),
    "another formula's number": (
        lint.links_tell_the_number,
        everywhere("[(1.6)]", "[(1.5)]"),
        "(1.6)",
    ),
    "a lost target": (
        lint.links_tell_the_number,
        everywhere("(eq-four)=", ""),
        "leads to eq-four, None",
    ),
    "a lost figure": (
        lint.links_tell_the_number,
        everywhere("(fig-cost)", "(fig-coast)"),
        "fig-coast, None",
    ),
}


@pytest.mark.parametrize("name", BOOK_FAULTS)
def test_a_planted_fault_of_the_book_is_found(name):
    rule, plant, found = BOOK_FAULTS[name]
    book = copy.deepcopy(BOOK)
    plant(book)
    # Read it anew: what was planted is in the stored cells.
    chapters = [Chapter(c.stem, c.notebook) for c in book.chapters]
    book = Book(chapters, book.listed)
    assert any(found in fault for fault in rule(book))
    assert any(found in fault for fault in lint.book_faults(book))


def test_every_rule_is_seen_to_fail():
    assert {rule for rule, *_ in FAULTS.values()} == set(lint.RULES)
    assert {rule for rule, *_ in BOOK_FAULTS.values()} == set(lint.BOOK_RULES)


# The command


@pytest.fixture
def root(tmp_path):
    """A folder with two chapters, a fault in each, of which one is listed."""
    (tmp_path / "chapters").mkdir()
    part = {"caption": "I", "chapters": [{"file": "chapters/02_b"}]}
    toc = json.dumps({"parts": [part]})  # which is YAML, too
    (tmp_path / "_toc.yml").write_text(toc, "utf-8")
    for stem, text in (("01_a", "x = 1;"), ("02_b", "!pip list")):
        notebook = copy.deepcopy(ONE.notebook)
        source(text)(notebook)
        path = tmp_path / "chapters" / f"{stem}.ipynb"
        path.write_text(json.dumps(notebook), "utf-8")
    return tmp_path


def test_the_command_tells_faults_and_chapters(root, capsys):
    assert lint.main(root=root) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "01_a: code cell 3: a trailing semicolon" in lines
    assert "01_a: not in the table of contents" in lines
    assert "02_b: code cell 3: a magic or shell line" in lines
    assert lines[-1] == f"2 chapters, {len(lines) - 1} faults"


def test_the_command_looks_at_one_chapter_and_the_book(root, capsys):
    assert lint.main("02", root) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "02_b: code cell 3: a magic or shell line" in lines
    assert "01_a: not in the table of contents" in lines
    assert "01_a: code cell 3: a trailing semicolon" not in lines
    assert lines[-1] == f"1 chapters, {len(lines) - 1} faults"
    with pytest.raises(SystemExit, match="no chapter '07'"):
        lint.main("07", root)


def test_the_command_succeeds_without_a_fault(root, capsys, monkeypatch):
    monkeypatch.setattr(lint, "RULES", ())
    monkeypatch.setattr(lint, "BOOK_RULES", ())
    assert lint.main(root=root) == 0
    assert capsys.readouterr().out == "2 chapters, 0 faults\n"
