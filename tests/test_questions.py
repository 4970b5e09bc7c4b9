"""The page of questions: each is answered by something that runs."""

import re

import pytest

from tools.chapters import read_book

BOOK = read_book()
PAGE = next(c for c in BOOK.chapters if c.stem == "15_questions")
TARGET = r"(?:<a id=\"([a-z0-9-]+)\"></a>|\(([a-z0-9-]+)\)=)"
LINK = re.compile(r"\]\((\d\d_\w+)\.ipynb#([a-z0-9-]+)\)")
# What people type into a search box, and must find somewhere on this page.
SEARCHED = """GPU, stateful, teacher forcing, exposure bias, cross-validation,
trend, orthogonal, classification, Transformer, attention, embedding, overfit,
exogenous, truncated back-propagation, variable length, loss is stuck,
weight_ih_l0, layout, ONNX, Keras, batch_first, bidirectional, dropout,
layer norm, learning rate, reproducible, CPU, epochs, hidden units,
time stamps, missing values, outliers, many steps, many series, anomalies,
ARIMA, ridge, LSTM, peaks, distribution, feature importance,
hyper-parameters, save a model, weight decay"""


def sections_of(chapter):
    """Return code cells and heading of each target, up to the next heading.

    A section ends at the next heading of its own level or a higher one.
    """
    found, open_ones, waiting = {}, {}, []
    for cell in chapter.cells:
        if cell.is_code:
            for name in open_ones:
                found[name][1].append(cell)
            continue
        for line in cell.source.splitlines():
            if target := re.fullmatch(TARGET, line):
                waiting.append(target[1] or target[2])
            elif heading := re.match(r"(#+) (.*)", line):
                level = len(heading[1])
                open_ones = {n: k for n, k in open_ones.items() if k < level}
                for name in waiting:
                    open_ones[name] = level
                    found[name] = (heading[2], [])
                waiting = []
    return found


SECTIONS = {chapter.stem: sections_of(chapter) for chapter in BOOK.chapters}
QUESTIONS = SECTIONS[PAGE.stem]
TEXTS = dict(
    re.findall(
        r'<a id="(q-[a-z0-9-]+)"></a>\n### [^\n]+\n+(.*?)(?=\n<a id|\n## |\Z)',
        PAGE.text,
        re.S,
    )
)


def runs(stem, name):
    """Tell whether a section of a chapter has cells that were run."""
    _, code = SECTIONS.get(stem, {}).get(name, ("", []))
    return any(cell.count for cell in code)


def test_there_are_enough_questions_each_with_its_own_target():
    names = re.findall(r'<a id="(q-[a-z0-9-]+)">', PAGE.text)
    assert len(names) >= 60
    assert len(set(names)) == len(names)
    headings = re.findall(r"^### (.*)", PAGE.text, re.M)
    assert [QUESTIONS[name][0] for name in names] == headings
    assert len(set(headings)) == len(headings)
    everywhere = [n for found in SECTIONS.values() for n in found]
    assert all(everywhere.count(name) == 1 for name in names)


@pytest.mark.parametrize("name", QUESTIONS)
def test_question_is_answered_by_something_that_runs(name):
    heading, code = QUESTIONS[name]
    assert "?" in heading or heading.startswith(("My ", "What ", "I want"))
    answer = re.sub(r"<!--.*?-->", "", TEXTS[name], flags=re.S)
    sentences = re.findall(r"[.?:!](?=[\s)]|\Z)", answer)
    assert len(sentences) >= 2
    assert len(answer.split()) >= 20
    linked = any(runs(*link) for link in LINK.findall(answer))
    assert any(cell.count for cell in code) or linked


def test_examples_are_small():
    for name, (_, code) in QUESTIONS.items():
        for cell in code:
            assert len(cell.lines) <= 12, name


def test_links_lead_to_sections():
    for stem, name in LINK.findall(PAGE.text):
        assert name in SECTIONS[stem], f"{stem}#{name}"


def test_the_contents_list_each_question_under_its_group():
    groups = re.split(r"^## ", PAGE.text, flags=re.M)
    contents = next(g for g in groups if g.startswith("Find your question"))
    listed = re.findall(r"^- \[(.*?)\]\(#(q-[a-z0-9-]+)\)$", contents, re.M)
    assert listed == [(QUESTIONS[n][0], n) for n in TEXTS]
    named = re.findall(r"^\*\*(.*?)\*\*$", contents, re.M)
    with_questions = [g for g in groups[1:] if "\n### " in g]
    assert named == [g.partition("\n")[0] for g in with_questions]
    assert 6 <= len(named) <= 12
    for group in with_questions:
        assert re.search(r"^Asked ", group, re.M)


@pytest.mark.parametrize("words", re.split(r",\s+", SEARCHED))
def test_words_that_people_search_for_are_there(words):
    assert re.search(rf"\b{words}", PAGE.text, re.I)
