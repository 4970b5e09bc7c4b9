"""Pages read well where nobody knows MyST, and Sphinx is told all the same."""

import json
import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

from theme import plain

CHAPTERS = Path(__file__).resolve().parents[1] / "chapters"
PAGES = sorted([*CHAPTERS.glob("*.ipynb"), *CHAPTERS.glob("*.md")])
# What GitHub, JupyterLab, VS Code and Colab all know
COMMON = MarkdownIt("commonmark").enable("table").use(dollarmath_plugin)
# What they would show as it stands: a role, a target, a directive's fence or
# options, a comment, attributes, a substitution, a footnote
RAW = re.compile(
    r"\{[\w:-]+\}(?:`|$)|\([\w-]+\)=|:::|^:\w+:|^% |^\{[.#]|\{\{|\[\^|`{3}\{",
    re.M,
)


def texts_of(path):
    """Return the texts of a page's cells, or of a page that is no notebook."""
    text = path.read_text("utf-8")
    if path.suffix == ".md":
        return [re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.S)]
    return [
        "".join(cell["source"])
        for cell in json.loads(text)["cells"]
        if cell["cell_type"] == "markdown"
    ]


def shown(tokens):
    """Yield what a reader sees of a text; not code, comments or formulas."""
    for token in tokens:
        if token.children:
            yield from shown(token.children)
        elif token.type == "text":
            yield token.content
        elif token.type == "fence" and token.info.startswith("{"):
            yield f"```{token.info}"


def links(tokens):
    """Yield the addresses of links and pictures."""
    for token in tokens:
        for key in ("href", "src"):
            if token.attrGet(key):
                yield token.attrGet(key)
        yield from links(token.children or [])


def raw_marks(text):
    """Return what plain Markdown would show of MyST's marks."""
    return [t for t in shown(COMMON.parse(text)) if RAW.search(t)]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_plain_markdown_shows_no_marks(path):
    for text in texts_of(path):
        assert not raw_marks(text)


@pytest.mark.parametrize(
    "text",
    [
        "{cite:p}`cho2014`",
        "(gate)=\n## A gate",
        ":::{note}\nWords.\n:::",
        "```{figure} gate.png\n:alt: A gate.\n```",
        "% a comment",
        "{.start}\nWords",
        "Words[^1]",
    ],
)
def test_marks_would_be_found(text):
    assert raw_marks(text)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_links_lead_to_files_and_anchors(path):
    """As they stand, that is, from one notebook to another."""
    for text in texts_of(path):
        for address in links(COMMON.parse(text)):
            if re.match(r"https?://|mailto:", address):
                continue
            file, _, anchor = address.partition("#")
            target = path.parent / file if file else path
            assert target.is_file(), address
            if anchor:
                assert f'<a id="{anchor}"></a>' in "".join(texts_of(target))


PNG = {"output_type": "display_data", "data": {"image/png": "aGk="}}
FIGURE = {
    "cell_type": "code",
    "metadata": {"mystnb": {"image": {"alt": "A curve."}}},
    "outputs": [PNG],
    "source": "plt.show()",
}


def words(text):
    return {"cell_type": "markdown", "metadata": {}, "source": [text]}


def test_targets_and_links_become_those_of_myst():
    text = (
        '<a id="the-gate"></a>\n## A gate\n\nSee [it](#the-gate), '
        "[there](04_training.ipynb#loop) or [others](notation.md#words), "
        '`<a id="x"></a>`, [a file](04_training.ipynb).'
    )
    assert plain.to_myst(text) == (
        "(the-gate)=\n## A gate\n\nSee [it](the-gate), "
        '[there](loop) or [others](words), `<a id="x"></a>`, '
        "[a file](04_training.ipynb)."
    )


def test_a_caption_goes_to_its_figure():
    caption = words('<a id="fig-gate"></a>**Figure 4.2.** See [it](#gate).')
    stored = json.dumps({"cells": [FIGURE, caption, words("On.")]})
    figure, on = json.loads(plain.notebook_to_myst(stored))["cells"]
    assert on["source"] == "On."
    assert figure["metadata"] == {
        "figure": "4.2",
        "mystnb": {
            "image": {"alt": "A curve."},
            "figure": {"name": "fig-gate", "caption": "See [it](gate)."},
        },
    }
    assert "figure" not in FIGURE["metadata"]["mystnb"]  # as it was


def test_the_style_sheet_says_how_wide_a_picture_is():
    sized = PNG | {"metadata": {"image/png": {"width": 580}, "kept": 1}}
    stored = json.dumps({"cells": [FIGURE | {"outputs": [sized, PNG]}]})
    (figure,) = json.loads(plain.notebook_to_myst(stored))["cells"]
    assert figure["outputs"] == [PNG | {"metadata": {"kept": 1}}, PNG]


def test_a_caption_without_a_figure_is_an_error():
    caption = words('<a id="fig-gate"></a>**Figure 4.2.** A gate.')
    blank = FIGURE | {"outputs": []}
    for cells in ([caption], [words("A"), caption], [blank, caption]):
        with pytest.raises(ValueError, match=r"Figure 4\.2: no figure"):
            plain.join_captions(cells)
