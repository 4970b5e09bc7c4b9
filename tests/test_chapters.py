"""The rules for notebooks, held against each chapter.

``tools/lint_chapters.py`` and ``tools/lint_book.py`` have the rules. Here
each chapter passes, and each rule finds a fault that is planted in a small
book which has none. ``tests/tools/test_lint_numbers.py`` is about numbers.
"""

import copy
import json
import re

import pytest

from tests.sample_book import (
    cells_of,
    exercise,
    markdown,
    sample_book,
    sample_notebooks,
)
from theme.download import RUN_IT
from tools import lint_book
from tools import lint_chapters as lint
from tools.chapters import Chapter, read_book

BOOK = read_book()
STEMS = [chapter.stem for chapter in BOOK.chapters]
FIRST = BOOK.chapters[0]


@pytest.mark.parametrize("chapter", BOOK.chapters, ids=STEMS)
def test_chapter_keeps_the_rules(chapter):
    assert list(lint.chapter_faults(chapter)) == []


def test_book_keeps_the_rules():
    assert list(lint.book_faults(BOOK)) == []
    assert len(BOOK.chapters) >= 13


def test_the_small_book_keeps_the_rules():
    book = sample_book()
    for chapter in book.chapters:
        assert list(lint.chapter_faults(chapter)) == []
    assert list(lint.book_faults(book)) == []


# Faults of a chapter


def code(notebook, k=1):
    """Return a code cell; the second one is the first after the imports."""
    return [c for c in notebook["cells"] if c["cell_type"] == "code"][k]


def picture(notebook):
    """Return the first cell that draws a figure."""
    return next(
        cell
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    )


def source(text, k=1):
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


def tag(name, k=1):
    def plant(notebook):
        code(notebook, k)["metadata"]["tags"] = [name]

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


def prose(text, at=4):
    def plant(notebook):
        notebook["cells"].insert(at, markdown(text))

    return plant


def rewritten(old, new):
    """Plant a text in the place of another one, in cells of all kinds."""

    def plant(notebook):
        found = 0
        for cell in notebook["cells"]:
            found += old in cell["source"]
            cell["source"] = cell["source"].replace(old, new)
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
            lines = cell["source"].splitlines()
            cell["source"] = "\n".join(x for x in lines if x[:1] in "#*")


def sections_swapped(notebook):
    rewritten("## Summary", "## Now")(notebook)
    rewritten("## Exercises", "## Summary")(notebook)
    rewritten("## Now", "## Exercises")(notebook)


def cells_swapped(a, b):
    def plant(notebook):
        cells = notebook["cells"]
        cells[a], cells[b] = cells[b], cells[a]

    return plant


def printed(text):
    return output(**STDOUT, text=text)


def fourth_to_sixth(notebook):
    for k in (4, 5, 6):
        notebook["cells"] += exercise(1, k)


def no_bytes_left(notebook):
    code(notebook)["outputs"].append(
        {"output_type": "stream", "name": "stdout", "text": "1" * 400_000}
    )


NOTE = "> *In passing:*"
STDOUT = {"output_type": "stream", "name": "stdout"}
ROWS = "a 1 2.5\nb 3 4.5\nc 5 6.5\n"
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
    "no count": (lint.one_run_from_the_top, count(None), "not number 2"),
    "another count": (lint.one_run_from_the_top, count(4), "not number 2"),
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
        rewritten(RUN_IT, "Run it."),
        "how to run",
    ),
    "many threads": (
        lint.sets_one_thread,
        source("import torch", k=0),
        "one thread",
    ),
    "a second title": (
        lint.begins_with_title_and_question,
        prose("# Again"),
        "one title",
    ),
    "no title": (
        lint.begins_with_title_and_question,
        rewritten("# Theory", "## Theory"),
        "begin with the title",
    ),
    "no question": (
        lint.begins_with_title_and_question,
        rewritten("Does it work?", "It works."),
        "no bold question",
    ),
    "a question in plain letters": (
        lint.begins_with_title_and_question,
        rewritten("**Does it work?**", "Does it work?"),
        "no bold question",
    ),
    "nothing that you can do": (
        lint.says_what_you_can_do,
        rewritten("Afterwards you can", "You can"),
        "Afterwards",
    ),
    "no minutes": (
        lint.tells_its_minutes,
        rewritten("Reading takes about 3 minutes,", "A while,"),
        "does not say 'Reading",
    ),
    "no seconds": (
        lint.tells_its_minutes,
        rewritten("about 3 seconds", "a moment"),
        "does not say 'Reading",
    ),
    "dishonest minutes": (
        lint.tells_its_minutes,
        rewritten("about 3 minutes", "about 2 minutes"),
        "2 minutes, but reading takes 3",
    ),
    "more words": (
        lint.tells_its_minutes,
        prose("word " * 200),
        "3 minutes, but reading takes 4",
    ),
    "more code": (
        lint.tells_its_minutes,
        source("x = 1\n" * 25),
        "3 minutes, but reading takes 5",
    ),
    "too many minutes": (
        lint.tells_its_minutes,
        prose("word " * 6700),
        "more than 35",
    ),
    "imports in plain sight": (
        lint.imports_come_first_and_folded,
        tag("a", k=0),
        "without the tag hide-input",
    ),
    "a late import": (
        lint.imports_come_first_and_folded,
        source("import numpy", k=2),
        "code cell 3: imports after",
    ),
    "a heading before the imports": (
        lint.the_first_section_comes_at_once,
        rewritten("Afterwards you", "## Aims\n\nAfterwards you"),
        "heading in the first cell",
    ),
    "prose before the imports": (
        lint.the_first_section_comes_at_once,
        prose("## The libraries", at=1),
        "no imports right after",
    ),
    "prose before the first section": (
        lint.the_first_section_comes_at_once,
        prose("Before you start:", at=2),
        "no section right after",
    ),
    "a lost section": (
        lint.ends_as_all_do,
        rewritten("## Summary", "## In short"),
        "Summary, Exercises, Next",
    ),
    "sections in another order": (
        lint.ends_as_all_do,
        sections_swapped,
        "Summary, Exercises, Next",
    ),
    "a section after the last": (
        lint.ends_as_all_do,
        prose("## And more", at=99),
        "Summary, Exercises, Next",
    ),
    "a plot in plain sight": (
        lint.plots_are_folded,
        source("x = 1\n" * 6 + "ax.plot(x)"),
        "plotting code",
    ),
    "a plot on an array of axes": (
        lint.plots_are_folded,
        source("x = 1\n" * 6 + "axes[0].plot(x)"),
        "plotting code",
    ),
    "a guard in plain sight": (
        lint.guards_are_folded,
        source("assert x == 1\nnp.testing.assert_allclose(x, 1)"),
        "nothing but assertions",
    ),
    "a printed table": (
        lint.tables_are_tables,
        printed("name x y\n" + ROWS),
        "a printed table",
    ),
    "too many exercises": (
        lint.exercises_are_numbered,
        fourth_to_sixth,
        "6 exercises",
    ),
    "an exercise without a check": (
        lint.exercises_are_numbered,
        prose("**4. So?**", at=99),
        "not ['1.1', '1.2', '1.3', '1.4']",
    ),
    "exercises out of order": (
        lint.exercises_are_numbered,
        rewritten("**3. ", "**4. "),
        "numbered 1, 2, 4",
    ),
    "another chapter's exercise": (
        lint.exercises_are_numbered,
        rewritten('answer = None\ncheck_answer("1.2', 'check_answer("2.2'),
        "exercises check ['1.1', '2.2', '1.3']",
    ),
    "a solution that checks nothing": (
        lint.exercises_are_numbered,
        rewritten('2 + 40\ncheck_answer("1.2", answer)', "2 + 40"),
        "solutions check ['1.1', '1.3']",
    ),
    "a blank that is filled": (
        lint.exercises_are_blank,
        rewritten("answer = None", "answer = 7"),
        "no `answer = None`",
    ),
    "an answer in the check": (
        lint.exercises_are_blank,
        rewritten(
            'answer = None\ncheck_answer("1.2", answer)',
            'answer = None\ncheck_answer("1.2", answer, 2 + 40)',
        ),
        "contains the answer",
    ),
    "an open solution": (
        lint.solutions_are_folded_after_a_hint,
        no_metadata("tags"),
        "not folded",
    ),
    "a solution that is shown": (
        lint.solutions_are_folded_after_a_hint,
        no_metadata("jupyter"),
        "not folded",
    ),
    "no hint": (
        lint.solutions_are_folded_after_a_hint,
        rewritten("*Hint:*", "Well:"),
        "without a hint",
    ),
    "a hint after the solution": (
        lint.solutions_are_folded_after_a_hint,
        cells_swapped(11, 12),
        "without a hint",
    ),
    "a number that nothing computed": (
        lint.numbers_are_bound,
        rewritten("is 1.198 at", "is 1.189 at"),
        "'1.189' in “The loss is 1.189 at",
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


def planted(plant, stem="01_theory_one"):
    """Return a chapter of the small book with a fault in it."""
    notebooks = sample_notebooks()
    plant(notebooks[stem])
    book = sample_book(notebooks)
    return next(chapter for chapter in book.chapters if chapter.stem == stem)


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(name):
    rule, plant, found = FAULTS[name]
    chapter = planted(plant)
    assert any(found in fault for fault in rule(chapter))
    assert any(found in fault for fault in lint.chapter_faults(chapter))


NO_FAULTS = {
    "a short plot": source("lr = 0.01\n" * 5 + "ax.plot(x)"),
    "an assertion beside code": source("lr = 0.01\nassert x == lr"),
    "a comparison with the package": source(
        "torch.testing.assert_close(mine, package(0.01))"
    ),
    "the log": printed("Epoch [1/10], Loss: 1.0\n" * 9),
    "an array": printed("[[1 2]\n [3 4]\n [5 6]]"),
    "two lines": printed("train 1 2.5\ntest 3 4.5\nin all 7"),
    "a test in place of a stored answer": rewritten(
        'None\ncheck_answer("1.2", answer)',
        'None\ncheck_answer("1.2", answer, solves)',
    ),
}


@pytest.mark.parametrize("name", NO_FAULTS)
def test_what_is_no_fault_is_not_found(name):
    faults = lint.chapter_faults(planted(NO_FAULTS[name]))
    assert [x for x in faults if "make run" not in x] == []


def test_a_second_cell_of_imports_is_allowed():
    def plant(notebook):
        notebook["cells"].insert(2, copy.deepcopy(notebook["cells"][1]))

    faults = list(lint.chapter_faults(planted(plant)))
    assert not any("import" in fault for fault in faults)


def test_tables_after_part_one_may_be_printed():
    """They should not, but a bench's own table is shown as it is."""
    notebook = sample_notebooks()["01_theory_one"]
    printed(ROWS)(notebook)
    assert not list(lint.tables_are_tables(Chapter("06_x", notebook)))
    assert list(lint.tables_are_tables(Chapter("05_x", notebook)))


def test_a_page_at_hand_needs_no_exercises_and_has_none():
    gallery = next(c for c in BOOK.chapters if c.stem[:2] == "16")
    assert gallery.at_hand
    notebook = sample_notebooks()["01_theory_one"]
    faults = list(lint.chapter_faults(Chapter("16_x", notebook, at_hand=True)))
    assert "3 exercises" in faults
    cells = notebook["cells"]
    start = next(k for k, c in enumerate(cells) if "## Ex" in c["source"])
    del cells[start : start + 13]
    as_page = Chapter("16_x", notebook, at_hand=True)
    assert not list(lint.ends_as_all_do(as_page))
    assert not list(lint.exercises_are_numbered(as_page))
    faults = list(lint.chapter_faults(Chapter("16_x", notebook)))
    assert "0 exercises" in faults
    assert any("does not end" in fault for fault in faults)


def test_the_first_page_alone_defines_what_the_package_has():
    """Under another name it would have to import, and to ask exercises."""
    notebook = sample_notebooks()["00_first_forecast"]
    source("def make_windows():\n    return 1", k=0)(notebook)
    assert not list(lint.nothing_defined_twice(Chapter(FIRST.stem, notebook)))
    faults = set(lint.chapter_faults(Chapter("03_x", notebook)))
    assert {
        "code cell 1: defines make_windows, which the package has",
        "no bold question below the title",
        "0 exercises",
    } <= faults
    assert FIRST.is_first
    assert not any(chapter.is_first for chapter in BOOK.chapters[1:])


FAULTS_OF_FIRST = {
    "no questions": (
        rewritten("## What is wrong with this picture?", "## Done"),
        "What is wrong with this picture?",
    ),
    "sections in another order": (
        cells_swapped(2, 3),
        "does not end with the sections",
    ),
    "an exercise": (prose("**1. So?**"), "1 exercises"),
    "a magic": (source("%timeit 1", k=0), "a magic"),
    "no way to run it": (rewritten(RUN_IT, "Run it."), "how to run"),
    "dishonest minutes": (rewritten("about 1 m", "about 9 m"), "9 minutes"),
    "an unbound number": (prose("It is 1.5."), "'1.5'"),
}


@pytest.mark.parametrize("name", FAULTS_OF_FIRST)
def test_the_first_page_keeps_all_other_rules(name):
    plant, found = FAULTS_OF_FIRST[name]
    chapter = planted(plant, "00_first_forecast")
    assert any(found in fault for fault in lint.chapter_faults(chapter))


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
    assert not any(cell.is_folded for cell in FIRST.code)
    drawn = r"\s*(ax\b|plt\b|steps =)"
    steps = [
        line
        for cell in classic[1:]
        for line in cell.lines
        if not re.match(drawn, line)
    ]
    assert 35 <= len(steps) <= 50


# Faults of the book


def in_chapter(stem, plant):
    """Plant a fault in one chapter, and read the book anew."""

    def planted_book():
        notebooks = sample_notebooks()
        plant(notebooks[stem])
        return sample_book(notebooks)

    return planted_book


def on_page(name, old, new):
    def planted_book():
        book = sample_book()
        assert old in book.pages[name]
        book.pages[name] = book.pages[name].replace(old, new)
        return book

    return planted_book


def listed(*files):
    def planted_book():
        book = sample_book()
        book.listed = [f"chapters/{file}" for file in files]
        return book

    return planted_book


def a_page_more():
    book = sample_book()
    book.pages["chapters/notation.md"] = "# Notation"
    return book


def answers(*names):
    def planted_book():
        book = sample_book()
        book.answers = dict.fromkeys(names)
        return book

    return planted_book


def one_number_twice():
    made = sample_notebooks()
    made["02_other"] = made["02_theory_two"]
    return sample_book(made)


def a_long_part():
    made = sample_notebooks()
    prose("word " * 24_000)(made["01_theory_one"])
    return sample_book(made)


def a_picture_before(notebook):
    cell = copy.deepcopy(cells_of(9, "nine")[5])
    cell["metadata"]["mystnb"]["figure"]["name"] = "fig-nine"
    notebook["cells"].insert(2, cell)


ONE, TWO = "01_theory_one", "02_theory_two"
LINK = "[Figure 1.1](fig-one)"
BOOK_FAULTS = {
    "a chapter apart": (
        lint_book.pages_are_listed,
        listed("00_first_forecast", ONE),
        "02_theory_two: not in the table",
    ),
    "a page apart": (
        lint_book.pages_are_listed,
        a_page_more,
        "chapters/notation: not in the table",
    ),
    "chapters out of order": (
        lint_book.chapters_are_in_order,
        listed("00_first_forecast", TWO, ONE),
        "order of the numbers",
    ),
    "a number twice": (
        lint_book.chapters_are_in_order,
        one_number_twice,
        "two chapters of one number",
    ),
    "another number on the landing page": (
        lint_book.lists_tell_numbers,
        on_page("chapters/index.md", "2. [", "3. ["),
        "Theory of two is 3, its file 02_theory_two",
    ),
    "another number in the README": (
        lint_book.lists_tell_numbers,
        on_page("README.md", "| 1 [", "| 6 ["),
        "Theory of one is 6, its file 01_theory_one",
    ),
    "another title": (
        lint_book.lists_tell_titles,
        on_page("README.md", "[Theory of one]", "[Speed]"),
        "'Speed' is another title",
    ),
    "a title that the chapter lost": (
        lint_book.lists_tell_titles,
        in_chapter(ONE, rewritten("# Theory of one", "# Speed")),
        "'Theory of one' is another title",
    ),
    "a link to no chapter": (
        lint_book.lists_tell_titles,
        on_page("README.md", "01_theory_one", "03_theory_one"),
        "no chapter 03_theory_one",
    ),
    "dishonest minutes": (
        lint_book.landing_tells_minutes,
        on_page("chapters/index.md", "two.ipynb) *3", "two.ipynb) *2"),
        "02_theory_two takes 3 minutes",
    ),
    "a dishonest sum": (
        lint_book.landing_tells_minutes,
        on_page("chapters/index.md", "*6 minutes*", "*5 minutes*"),
        "Part I: All takes 6 minutes",
    ),
    "no minutes": (
        lint_book.landing_tells_minutes,
        on_page("chapters/index.md", "two.ipynb) *3 minutes*", "two.ipynb)"),
        "no minutes of 02_theory_two",
    ),
    "a long Part I": (
        lint_book.part_one_is_short,
        a_long_part,
        "more than 120: [123, 3]",
    ),
    "a name again": (
        lint_book.names_are_given_once,
        in_chapter(TWO, figure(name="fig-one")),
        "02_theory_two: a second fig-one",
    ),
    "a formula in a line": (
        lint_book.formulas_have_own_lines,
        in_chapter(ONE, prose("$$a = 1$$")),
        "in its lines",
    ),
    "no number": (
        lint_book.formulas_are_numbered,
        in_chapter(ONE, rewritten(r" \tag{1.1}", "")),
        "numbered",
    ),
    "two numbers": (
        lint_book.formulas_are_numbered,
        in_chapter(ONE, rewritten(r"\tag{1.1}", r"\tag{1.1} \tag{1.9}")),
        "numbered",
    ),
    "numbers out of order": (
        lint_book.formulas_are_numbered,
        in_chapter(ONE, rewritten(r"\tag{1.1}", r"\tag{1.2}")),
        "numbered",
    ),
    "another chapter's number": (
        lint_book.formulas_are_numbered,
        in_chapter(TWO, rewritten(r"\tag{2.1}", r"\tag{1.1}")),
        "02_theory_two: f",
    ),
    "another figure's number": (
        lint_book.links_tell_the_number,
        in_chapter(ONE, rewritten("[Figure 1.1]", "[Figure 1.2]")),
        "Figure 1.2 leads to fig-one, Figure 1.1",
    ),
    "a figure before": (
        lint_book.links_tell_the_number,
        in_chapter(ONE, a_picture_before),
        "leads to fig-one, Figure 1.2",
    ),
    "another formula's number": (
        lint_book.links_tell_the_number,
        in_chapter(TWO, rewritten("[(2.1)]", "[(2.2)]")),
        "(2.2)",
    ),
    "a lost target": (
        lint_book.links_tell_the_number,
        in_chapter(ONE, rewritten("(eq-one)=\n", "")),
        "leads to eq-one, None",
    ),
    "a lost figure": (
        lint_book.links_tell_the_number,
        in_chapter(ONE, figure(name="fig-own")),
        "leads to fig-one, None",
    ),
    "a figure's number on the landing page": (
        lint_book.links_tell_the_number,
        on_page("chapters/index.md", "It reaches", "[Figure 2.1](fig-one)"),
        "chapters/index.md: Figure 2.1",
    ),
    "another chapter's number in a link": (
        lint_book.links_tell_the_chapter,
        in_chapter(TWO, rewritten("[chapter 1](", "[Chapter 2, there](")),
        "chapter 2 leads to first-one, in 01_theory_one",
    ),
    "another chapter's number in a link to its file": (
        lint_book.links_tell_the_chapter,
        on_page("chapters/index.md", "[chapter 1]", "[chapter 2]"),
        "chapter 2 leads to 01_theory_one.ipynb",
    ),
    "a link to nothing": (
        lint_book.links_tell_the_chapter,
        in_chapter(TWO, rewritten("(first-one)", "(last-one)")),
        "leads to last-one, nowhere",
    ),
    "a chapter that is none": (
        lint_book.chapters_named_exist,
        in_chapter(ONE, prose("See chapters 2 and 7.")),
        "there is no chapter 7",
    ),
    "a chapter that is none, in a caption": (
        lint_book.chapters_named_exist,
        in_chapter(ONE, figure(caption="As in chapter 8.")),
        "there is no chapter 8",
    ),
    "no stored answer": (
        lint_book.answers_have_exercises,
        answers("1.1", "1.2", "1.3", "2.1", "2.2"),
        "02_theory_two: no stored answer 2.3",
    ),
    "an answer to nothing": (
        lint_book.answers_have_exercises,
        answers("1.1", "1.2", "1.3", "2.1", "2.2", "2.3", "2.4"),
        "2.4 answers no exercise",
    ),
    "a number in the README": (
        lint_book.numbers_on_pages_are_bound,
        on_page("README.md", "Why?", "Why 1.55?"),
        "README.md: top, text: '1.55'",
    ),
    "a number on the landing page": (
        lint_book.numbers_on_pages_are_bound,
        on_page("chapters/index.md", "1.198", "1.199"),
        "chapters/index.md: top, text: '1.199'",
    ),
}


@pytest.mark.parametrize("name", BOOK_FAULTS)
def test_a_planted_fault_of_the_book_is_found(name):
    rule, planted_book, found = BOOK_FAULTS[name]
    book = planted_book()
    assert any(found in fault for fault in rule(book))
    assert any(found in fault for fault in lint.book_faults(book))


def test_every_rule_is_seen_to_fail():
    assert {rule for rule, *_ in FAULTS.values()} == set(lint.RULES)
    rules = {rule for rule, *_ in BOOK_FAULTS.values()}
    assert rules == set(lint_book.BOOK_RULES)


# The command


@pytest.fixture
def root(tmp_path):
    """A folder with two chapters, a fault in each, of which one is listed."""
    (tmp_path / "chapters").mkdir()
    part = {"caption": "I", "chapters": [{"file": "chapters/02_b"}]}
    toc = json.dumps({"parts": [part]})  # which is YAML, too
    (tmp_path / "_toc.yml").write_text(toc, "utf-8")
    for stem, text in (("01_a", "x = 1;"), ("02_b", "!pip list")):
        notebook = sample_notebooks()["01_theory_one"]
        source(text)(notebook)
        path = tmp_path / "chapters" / f"{stem}.ipynb"
        path.write_text(json.dumps(notebook), "utf-8")
    return tmp_path


def test_the_command_tells_faults_and_chapters(root, capsys):
    assert lint.main(root=root) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "01_a: code cell 2: a trailing semicolon" in lines
    assert "chapters/01_a: not in the table of contents" in lines
    assert "02_b: code cell 2: a magic or shell line" in lines
    assert lines[-1] == f"2 chapters, {len(lines) - 1} faults"


def test_the_command_looks_at_one_chapter_and_what_the_book_says_of_it(
    root, capsys
):
    assert lint.main("01", root) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "01_a: code cell 2: a trailing semicolon" in lines
    assert "chapters/01_a: not in the table of contents" in lines
    assert not any("02_b: code" in line for line in lines)
    assert lines[-1] == f"1 chapters, {len(lines) - 1} faults"
    with pytest.raises(SystemExit, match="no chapter '07'"):
        lint.main("07", root)


def test_the_command_succeeds_without_a_fault(root, capsys, monkeypatch):
    monkeypatch.setattr(lint, "RULES", ())
    monkeypatch.setattr(lint_book, "BOOK_RULES", ())
    assert lint.main(root=root) == 0
    assert capsys.readouterr().out == "2 chapters, 0 faults\n"
