"""Each rule for a chapter finds a fault that is planted in a small book."""

import copy
import json

import pytest

from tests.planting import (
    STDOUT,
    cells_swapped,
    code,
    count,
    figure,
    metadata,
    no_metadata,
    output,
    picture,
    printed,
    prose,
    rewritten,
    source,
    sources,
    tag,
    words,
)
from tests.sample_book import exercise, sample_book, sample_notebooks
from theme.download import RUN_IT
from tools import lint_book
from tools import lint_chapters as lint
from tools.chapters import FIRST, Chapter

ONE = "01_theory_one"


def test_the_small_book_keeps_the_rules():
    for chapter in sample_book().chapters:
        assert list(lint.chapter_faults(chapter)) == []


# Faults of a chapter


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


def fourth_to_sixth(notebook):
    for k in (4, 5, 6):
        notebook["cells"] += exercise(1, k)


def no_bytes_left(notebook):
    code(notebook)["outputs"].append(
        {"output_type": "stream", "name": "stdout", "text": "1" * 400_000}
    )


def a_table_below_a_figure(notebook):
    picture(notebook)["outputs"].append(
        {"output_type": "display_data", "data": {"text/plain": "a  b"}}
    )


NOTE = "> *In passing:*"
ROWS = "a 1 2.5\nb 3 4.5\nc 5 6.5\n"
FAULTS = {
    lint.short_cells: [
        (source("x = 1\n" * 26), "26 lines"),
    ],
    lint.narrow_lines: [
        (source("x = '" + "a" * 80 + "'"), "79 columns"),
    ],
    lint.nothing_forbidden: [
        (source("%timeit 1"), "a magic or shell line: %timeit 1"),
        (source("!pip list"), "shell line: !pip list"),
        (source("x = 1;"), "semicolon: x = 1;"),
        (source("warnings.filterwarnings('ignore')"), "warnings filtered"),
        (source("clear_output()"), "clear_output"),
        (source("# NBVAL_IGNORE_OUTPUT\n1"), "ignored"),
        (source("x = torch.randn(3)"), "random data"),
    ],
    lint.no_hiding_tags: [
        (tag("nbval-ignore-output"), "the tag nbval-ignore-output"),
        (tag("raises-exception"), "the tag raises-exception"),
    ],
    lint.one_run_from_the_top: [
        (count(None), "run as None, not as 2 of one run"),
        (count(4), "run as 4, not as 2 of one run"),
    ],
    lint.only_python: [
        (source("x = = 1"), "not Python"),
    ],
    lint.nothing_defined_twice: [
        (source("def make_windows():\n    return 1"), "defines make_windows"),
        (
            source("if True:\n    class GRUModel:\n        x = 1"),
            "defines GRUModel",
        ),
        (source("def set_style():\n    return 1"), "defines set_style"),
        (source("def show_source():\n    return 1"), "defines show_source"),
    ],
    lint.no_stderr: [
        (output(output_type="stream", name="stderr", text="oh"), "stderr"),
    ],
    lint.no_error: [
        (
            output(output_type="error", ename="E", evalue="", traceback=[]),
            "an error is stored",
        ),
    ],
    lint.no_svg: [
        (
            output(output_type="display_data", data={"image/svg+xml": ""}),
            "SVG",
        ),
    ],
    lint.figures_have_words: [
        (words(""), "without a text"),
        (words("a" * 39), "without a text"),
    ],
    lint.figures_stand_alone: [
        (a_table_below_a_figure, "a figure, and more that is no printed"),
    ],
    lint.figures_have_names: [
        (no_metadata("mystnb"), "a name"),
        (figure(name="recall"), "a name"),
    ],
    lint.figures_have_captions: [
        (figure(caption=""), "caption"),
        (figure(caption="so " * 31), "caption"),
    ],
    lint.notes_in_passing: [
        (prose(f"{NOTE} so\nOn."), "no paragraph of its own"),
        (prose(NOTE + " so" * 46 + "\n\nOn."), "of 48 words, more than 45"),
        (prose(f"{NOTE} so\n\n## On"), "belongs to no paragraph"),
    ],
    lint.cells_are_mostly_short: [
        (sources("x = 1\n" * 7), "median cell has 7 lines"),
        (sources("x = 1\n" * 16), "has 16 lines or more"),
    ],
    lint.more_words_than_code: [
        (no_prose, "lines of code in plain sight"),
    ],
    lint.says_how_to_run_it: [
        (rewritten(RUN_IT, "Run it."), "does not end with [How to run"),
    ],
    lint.sets_one_thread: [
        (source("import torch", k=0), "do not call torch.set_num"),
    ],
    lint.begins_with_title_and_question: [
        (prose("# Again"), "one title: # Theory of one, # Again"),
        (rewritten("# Theory", "## Theory"), "begin with the title"),
        (rewritten("Does it work?", "It works."), "no bold question"),
        (rewritten("**Does it work?**", "Does it work?"), "no bold question"),
    ],
    lint.says_what_you_can_do: [
        (rewritten("Afterwards you can", "You can"), "Afterwards"),
    ],
    lint.tells_its_minutes: [
        (
            rewritten("Reading takes about 3 minutes,", "A while,"),
            "does not say 'Reading",
        ),
        (rewritten("about 3 seconds", "a moment"), "does not say 'Reading"),
        (
            rewritten("about 3 minutes", "about 2 minutes"),
            "2 minutes, but reading takes 3",
        ),
        (prose("word " * 200), "3 minutes, but reading takes 4"),
        (source("x = 1\n" * 25), "3 minutes, but reading takes 5"),
        (prose("word " * 6700), "more than 35"),
    ],
    lint.imports_come_first_and_folded: [
        (tag("a", k=0), "without the tag hide-input"),
        (source("import numpy", k=2), "code cell 3: imports after"),
    ],
    lint.the_first_section_comes_at_once: [
        (
            rewritten("Afterwards you", "## Aims\n\nAfterwards you"),
            "heading in the first cell",
        ),
        (prose("## The libraries", at=1), "no imports right after"),
        (prose("Before you start:", at=2), "no section right after"),
    ],
    lint.ends_as_all_do: [
        (rewritten("## Summary", "## In short"), "Summary, Exercises, Next"),
        (sections_swapped, "Summary, Exercises, Next"),
        (prose("## And more", at=99), "Summary, Exercises, Next"),
    ],
    lint.plots_are_folded: [
        (
            source("x = 1\n" * 6 + "ax.plot(x)"),
            "7 lines that plot, and no hide-input",
        ),
        (
            source("x = 1\n" * 6 + "axes[0].plot(x)"),
            "7 lines that plot, and no hide-input",
        ),
    ],
    lint.guards_are_folded: [
        (
            source("assert x == 1\nnp.testing.assert_allclose(x, 1)"),
            "nothing but assertions",
        ),
    ],
    lint.tables_are_tables: [
        (printed("name x y\n" + ROWS), "a printed table"),
    ],
    lint.exercises_are_numbered: [
        (fourth_to_sixth, "6 exercises, not 3 to 5"),
        (prose("**4. So?**", at=99), "not 1.1, 1.2, 1.3, 1.4"),
        (rewritten("**3. ", "**4. "), "numbered 1, 2, 4"),
        (
            rewritten('answer = None\ncheck_answer("1.2', 'check_answer("2.2'),
            "exercises check 1.1, 2.2, 1.3, not",
        ),
        (
            rewritten('2 + 40\ncheck_answer("1.2", answer)', "2 + 40"),
            "solutions check 1.1, 1.3, not",
        ),
    ],
    lint.exercises_are_blank: [
        (rewritten("answer = None", "answer = 7"), "no `answer = None`"),
        (
            rewritten(
                'answer = None\ncheck_answer("1.2", answer)',
                'answer = None\ncheck_answer("1.2", answer, 2 + 40)',
            ),
            "contains the answer",
        ),
    ],
    lint.solutions_are_folded_after_a_hint: [
        (no_metadata("tags"), "not folded"),
        (no_metadata("jupyter"), "not folded"),
        (rewritten("*Hint:*", "Well:"), "without a hint"),
        (cells_swapped(11, 12), "without a hint"),
    ],
    lint.numbers_are_bound: [
        (
            rewritten("is 1.198 at", "is 1.189 at"),
            "'1.189' in “The loss is 1.189 at",
        ),
    ],
    lint.small_file: [
        (no_bytes_left, "more than 400,000"),
    ],
    lint.clean_metadata: [
        (metadata(kernelspec={"name": "my-env"}), "kernel is not python3"),
        (metadata(vscode={}), "an editor: vscode"),
    ],
    lint.outputs_of_these_sources: [
        (source("x = 1"), "outputs of other sources: `make run CHAPTER=01`"),
    ],
    lint.no_path_of_a_machine: [
        (output(**STDOUT, text="/home/me/x"), "a path of a machine: /home/"),
    ],
}


def planted(plant, stem=ONE):
    """Return a chapter of the small book with a fault in it."""
    notebooks = sample_notebooks()
    plant(notebooks[stem])
    book = sample_book(notebooks)
    return next(chapter for chapter in book.chapters if chapter.stem == stem)


def each(faults):
    """Return a case for each rule, plant, and what is found."""
    return [
        pytest.param(rule, *case, id=f"{rule.__name__}: {case[-1]}"[:70])
        for rule, cases in faults.items()
        for case in cases
    ]


@pytest.mark.parametrize(("rule", "plant", "found"), each(FAULTS))
def test_a_planted_fault_is_found(rule, plant, found):
    chapter = planted(plant)
    assert any(found in fault for fault in rule(chapter))
    assert any(found in fault for fault in lint.chapter_faults(chapter))


def test_every_rule_is_seen_to_fail():
    assert set(FAULTS) == {*lint.RULES, *lint.RULES_AFTER_THE_FIRST}


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
    notebook = sample_notebooks()[ONE]
    printed(ROWS)(notebook)
    assert not list(lint.tables_are_tables(Chapter("06_x", notebook)))
    assert list(lint.tables_are_tables(Chapter("05_x", notebook)))


def test_a_page_at_hand_needs_no_exercises_and_has_none():
    notebook = sample_notebooks()[ONE]
    faults = list(lint.chapter_faults(Chapter("16_x", notebook, at_hand=True)))
    assert "3 exercises, not none" in faults
    cells = notebook["cells"]
    start = next(k for k, c in enumerate(cells) if "## Ex" in c["source"])
    del cells[start : start + 13]
    as_page = Chapter("16_x", notebook, at_hand=True)
    assert not list(lint.ends_as_all_do(as_page))
    assert not list(lint.exercises_are_numbered(as_page))
    faults = list(lint.chapter_faults(Chapter("16_x", notebook)))
    assert "0 exercises, not 3 to 5" in faults
    assert any("does not end" in fault for fault in faults)


def test_a_page_at_hand_may_be_long():
    """Nobody reads all of it; its minutes are told all the same."""
    notebook = sample_notebooks()[ONE]
    prose("word " * 8000)(notebook)
    long = "more than 35"
    for at_hand in (False, True):
        page = Chapter("16_x", notebook, at_hand=at_hand)
        faults = " ".join(lint.tells_its_minutes(page))
        assert (long in faults) != at_hand
        assert "says 3 minutes" in faults


def test_the_first_page_alone_defines_what_the_package_has():
    """Under another name it would have to import, and to ask exercises."""
    notebook = sample_notebooks()["00_first_forecast"]
    source("def make_windows():\n    return 1", k=0)(notebook)
    faults = lint.chapter_faults(Chapter(FIRST, notebook))
    assert not any("defines" in fault for fault in faults)
    faults = set(lint.chapter_faults(Chapter("03_x", notebook)))
    assert {
        "code cell 1: defines make_windows, which the package has",
        "no bold question below the title",
        "0 exercises, not 3 to 5",
    } <= faults


FAULTS_OF_FIRST = {
    "no questions": (
        rewritten("## What is wrong with this picture?", "## Done"),
        "What is wrong with this picture?",
    ),
    "sections in another order": (
        cells_swapped(2, 3),
        "does not end with the sections",
    ),
    "an exercise": (prose("**1. So?**"), "1 exercises, not none"),
    "a magic": (source("%timeit 1", k=0), "a magic"),
    "no way to run it": (rewritten(RUN_IT, "Run it."), "[How to run"),
    "dishonest minutes": (rewritten("about 1 m", "about 9 m"), "9 minutes"),
    "an unbound number": (prose("It is 1.5."), "'1.5'"),
}


@pytest.mark.parametrize("name", FAULTS_OF_FIRST)
def test_the_first_page_keeps_all_other_rules(name):
    plant, found = FAULTS_OF_FIRST[name]
    chapter = planted(plant, "00_first_forecast")
    assert any(found in fault for fault in lint.chapter_faults(chapter))


# The command


@pytest.fixture
def root(tmp_path):
    """A folder with two chapters, a fault in each, of which one is listed."""
    (tmp_path / "chapters").mkdir()
    part = {"caption": "I", "chapters": [{"file": "chapters/02_b"}]}
    toc = json.dumps({"parts": [part]})  # which is YAML, too
    (tmp_path / "_toc.yml").write_text(toc, "utf-8")
    for stem, text in (("01_a", "x = 1;"), ("02_b", "!pip list")):
        notebook = sample_notebooks()[ONE]
        source(text)(notebook)
        path = tmp_path / "chapters" / f"{stem}.ipynb"
        path.write_text(json.dumps(notebook), "utf-8")
    return tmp_path


def test_the_command_tells_faults_and_chapters(root, capsys):
    assert lint.main(root=root) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "01_a: code cell 2: a trailing semicolon: x = 1;" in lines
    assert "chapters/01_a: not in the table of contents" in lines
    assert "02_b: code cell 2: a magic or shell line: !pip list" in lines
    assert lines[-1] == f"2 chapters, {len(lines) - 1} faults"


def test_the_command_looks_at_one_chapter_and_what_the_book_says_of_it(
    root, capsys
):
    assert lint.main("01", root) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "01_a: code cell 2: a trailing semicolon: x = 1;" in lines
    assert "chapters/01_a: not in the table of contents" in lines
    assert not any("02_b: code" in line for line in lines)
    assert lines[-1] == f"1 chapters, {len(lines) - 1} faults"
    with pytest.raises(SystemExit, match="no chapter '07'"):
        lint.main("07", root)


def test_the_command_succeeds_without_a_fault(root, capsys, monkeypatch):
    monkeypatch.setattr(lint, "RULES", ())
    monkeypatch.setattr(lint, "RULES_AFTER_THE_FIRST", ())
    monkeypatch.setattr(lint_book, "BOOK_RULES", ())
    assert lint.main(root=root) == 0
    assert capsys.readouterr().out == "2 chapters, 0 faults\n"
