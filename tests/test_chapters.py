"""Each chapter, and the book, keep the rules that ``tools`` holds.

``tests/tools/test_lint_*.py`` show that the rules find faults.
"""

import re

import pytest
from docutils.core import publish_doctree
from myst_parser.parsers.docutils_ import Parser
from sphinx.search import WordCollector
from sphinx.search.en import SearchEnglish

from tools import lint_book
from tools import lint_chapters as lint
from tools.chapters import read_book
from tools.lint_numbers import COMMENT

BOOK = read_book()
STEMS = [chapter.stem for chapter in BOOK.chapters]
FIRST = BOOK.chapters[0]


@pytest.mark.parametrize("chapter", BOOK.chapters, ids=STEMS)
def test_chapter_keeps_the_rules(chapter):
    assert list(lint.chapter_faults(chapter)) == []


def test_book_keeps_the_rules():
    assert list(lint_book.book_faults(BOOK)) == []
    assert len(BOOK.chapters) >= 13


def test_pages_of_a_kind_of_their_own():
    """The first page, and those at hand, which have no exercises."""
    assert [c.stem for c in BOOK.chapters if c.is_first] == [FIRST.stem]
    at_hand = [c.stem for c in BOOK.chapters if c.at_hand]
    assert "16_error_gallery" in at_hand
    assert all(int(stem[:2]) >= 14 for stem in at_hand)


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


def test_each_word_of_the_notation_page_is_said_in_bold_somewhere():
    table = BOOK.pages["chapters/notation.md"].partition("## Words")[2]
    words = re.findall(r"^\| ([a-z][\w -]+) \|", table, re.M)[1:]
    assert len(words) > 18
    said = " ".join(
        word
        for chapter in BOOK.chapters
        for word in re.findall(r"\*\*([^*]+)\*\*", chapter.text)
    ).lower()
    assert [word for word in words if word[:9] not in said] == []


def test_the_readmes_first_forecast_runs(capsys):
    """With one epoch; the first page has its numbers."""
    code = re.search(r"```python\n(.*?)```", BOOK.pages["README.md"], re.S)[1]
    short = code.replace(
        "values[:start])\n", "values[:start], num_epochs=1)\n", 1
    )
    assert short != code
    exec(short, {})
    gru, copied = capsys.readouterr().out.splitlines()
    assert 0.4 < float(gru.split()[-1]) < 1.2
    assert float(copied.split()[-1]) == pytest.approx(0.540, abs=0.001)


def words_found(text):
    """Return the words that the site's search finds in a text."""
    page = publish_doctree(
        text, parser=Parser(), settings_overrides={"report_level": 5}
    )
    collector = WordCollector(page, SearchEnglish({}))
    page.walk(collector)
    return collector.found_words


def test_comments_neither_show_nor_are_found():
    texts = [cell.source for c in BOOK.chapters for cell in c.prose]
    texts = [x for x in [*texts, *BOOK.pages.values()] if COMMENT.search(x)]
    assert texts
    for text in texts:
        assert words_found(text) == words_found(COMMENT.sub("", text))
    shown = "```\n<!-- defined: it -->\n```"
    assert "defined" in words_found(shown)
