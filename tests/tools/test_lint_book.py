"""Each rule for the book finds a fault that is planted in a small one."""

import copy

import pytest

from tests.planting import figure, prose, rewritten
from tests.sample_book import cells_of, sample_book, sample_notebooks
from tools import lint_book as lint

ONE, TWO = "01_theory_one", "02_theory_two"


def test_the_small_book_keeps_the_rules():
    assert list(lint.book_faults(sample_book())) == []


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


BOOK_FAULTS = {
    lint.pages_are_listed: [
        (listed("00_first_forecast", ONE), "02_theory_two: not in the table"),
        (a_page_more, "chapters/notation: not in the table"),
    ],
    lint.chapters_are_in_order: [
        (listed("00_first_forecast", TWO, ONE), "order of the numbers"),
        (one_number_twice, "two chapters of one number"),
    ],
    lint.lists_tell_numbers: [
        (
            on_page("chapters/index.md", "2. [", "3. ["),
            "'Theory of two' has number 3, but is 02_theory_two",
        ),
        (
            on_page("README.md", "| 1 [", "| 6 ["),
            "'Theory of one' has number 6, but is 01_theory_one",
        ),
    ],
    lint.lists_tell_titles: [
        (
            on_page("README.md", "[Theory of one]", "[Speed]"),
            "'Speed' is another title",
        ),
        (
            in_chapter(ONE, rewritten("# Theory of one", "# Speed")),
            "'Theory of one' is another title",
        ),
        (
            on_page("README.md", "01_theory_one", "03_theory_one"),
            "no chapter 03_theory_one",
        ),
    ],
    lint.lists_ask_the_questions: [
        (
            on_page("README.md", "Does it work?", "Why?"),
            "'Theory of one' asks 'Why?', not its page's question",
        ),
        (
            on_page("chapters/index.md", "   Does it work?", "   Does it?"),
            "'Theory of two' asks 'Does it?'",
        ),
    ],
    lint.landing_tells_minutes: [
        (
            on_page("chapters/index.md", "two.ipynb) *3", "two.ipynb) *2"),
            "02_theory_two takes 3 minutes, not 2",
        ),
        (
            on_page("chapters/index.md", "*6 minutes*", "*5 minutes*"),
            "Part I: All takes 6 minutes, not 5",
        ),
        (
            on_page(
                "chapters/index.md", "two.ipynb) *3 minutes*", "two.ipynb)"
            ),
            "no minutes of 02_theory_two",
        ),
    ],
    lint.part_one_is_short: [
        (a_long_part, "more than 120: [123, 3]"),
    ],
    lint.names_are_given_once: [
        (
            in_chapter(TWO, figure(name="fig-one")),
            "02_theory_two: Figure 2.1 is a second fig-one, after Figure 1.1",
        ),
    ],
    lint.formulas_have_own_lines: [
        (in_chapter(ONE, prose("$$a = 1$$")), "have no own lines"),
    ],
    lint.formulas_are_numbered: [
        (
            in_chapter(ONE, rewritten(r" \tag{1.1}", "")),
            "numbered none, not 1.1",
        ),
        (
            in_chapter(ONE, rewritten(r"\tag{1.1}", r"\tag{1.1} \tag{1.9}")),
            "numbered 1.1 and 1.9, not 1.1",
        ),
        (
            in_chapter(ONE, rewritten(r"\tag{1.1}", r"\tag{1.2}")),
            "numbered 1.2, not 1.1",
        ),
        (
            in_chapter(TWO, rewritten(r"\tag{2.1}", r"\tag{1.1}")),
            "02_theory_two: formulas are numbered 1.1, not 2.1",
        ),
    ],
    lint.links_tell_the_number: [
        (
            in_chapter(ONE, rewritten("[Figure 1.1]", "[Figure 1.2]")),
            "Figure 1.2 leads to fig-one, which is Figure 1.1",
        ),
        (
            in_chapter(ONE, a_picture_before),
            "leads to fig-one, which is Figure 1.2",
        ),
        (in_chapter(TWO, rewritten("[(2.1)]", "[(2.2)]")), "(2.2)"),
        (
            in_chapter(ONE, rewritten('<a id="eq-one"></a>\n', "")),
            "leads to eq-one, nowhere",
        ),
        (in_chapter(ONE, figure(name="fig-own")), "leads to fig-one, nowhere"),
        (
            on_page(
                "chapters/index.md",
                "It reaches",
                "[Figure 2.1](01_theory_one.ipynb#fig-one)",
            ),
            "chapters/index.md: Figure 2.1",
        ),
    ],
    lint.links_tell_the_chapter: [
        (
            in_chapter(TWO, rewritten("[chapter 1](", "[Chapter 2, there](")),
            "chapter 2 leads to 01_theory_one.ipynb#first-one, which is in",
        ),
        (
            on_page("chapters/index.md", "[chapter 1]", "[chapter 2]"),
            "chapter 2 leads to 01_theory_one.ipynb",
        ),
        (
            in_chapter(TWO, rewritten("(01_theory_one", "(01_practice")),
            "chapter 1 leads to 01_practice.ipynb#first-one, nowhere",
        ),
    ],
    lint.links_lead_to_anchors: [
        (
            in_chapter(TWO, rewritten("#first-one)", "#last-one)")),
            "02_theory_two: 01_theory_one.ipynb#last-one leads nowhere",
        ),
        (
            in_chapter(
                TWO, rewritten("(01_theory_one.ipynb#first", "(#first")
            ),
            "02_theory_two: #first-one leads nowhere",
        ),
        (
            in_chapter(ONE, rewritten("(#", "(01_theory_one.ipynb#")),
            "01_theory_one.ipynb#first-one is on this page: #first-one",
        ),
        (
            on_page(
                "chapters/index.md", "It reaches", "[See](notation.md#it)"
            ),
            "chapters/index.md: notation.md#it leads nowhere",
        ),
    ],
    lint.figures_tell_the_number: [
        (
            in_chapter(ONE, a_picture_before),
            "01_theory_one: Figure 1.1, fig-one, is Figure 1.2",
        ),
    ],
    lint.chapters_named_exist: [
        (
            in_chapter(ONE, prose("See chapters 2 and 7.")),
            "there is no chapter 7",
        ),
        (
            in_chapter(ONE, figure(caption="As in chapter 8.")),
            "there is no chapter 8",
        ),
    ],
    lint.answers_have_exercises: [
        (
            answers("1.1", "1.2", "1.3", "2.1", "2.2"),
            "02_theory_two: no stored answer 2.3",
        ),
        (
            answers("1.1", "1.2", "1.3", "2.1", "2.2", "2.3", "2.4"),
            "2.4 answers no exercise",
        ),
    ],
    lint.numbers_on_pages_are_bound: [
        (
            on_page("README.md", "train. |", "1.55 |"),
            "README.md: top, text: '1.55'",
        ),
        (
            on_page("chapters/index.md", "1.198", "1.199"),
            "chapters/index.md: top, text: '1.199'",
        ),
    ],
}


@pytest.mark.parametrize(
    ("rule", "planted_book", "found"),
    [
        pytest.param(rule, *case, id=f"{rule.__name__}: {case[-1]}"[:70])
        for rule, cases in BOOK_FAULTS.items()
        for case in cases
    ],
)
def test_a_planted_fault_is_found(rule, planted_book, found):
    book = planted_book()
    assert any(found in fault for fault in rule(book))
    assert any(found in fault for fault in lint.book_faults(book))


def test_every_rule_is_seen_to_fail():
    assert set(BOOK_FAULTS) == set(lint.BOOK_RULES)
