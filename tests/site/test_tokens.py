"""One set of colours and typefaces for figures, marks and pages."""

import re
from pathlib import Path

import pytest

pytest.importorskip("tinycss2", reason="the site's tools are not installed")
import tinycss2

from gru_tutorial.book import plotting
from tests.colours import contrast
from theme import marks
from theme.tokens import TOKENS

THEME = Path(marks.__file__).parent
STYLE = (THEME / "static/book.css").read_text("utf-8")
LIGHT = TOKENS["page"] | TOKENS["colors"]
DARK = TOKENS["page_on_dark"] | TOKENS["colors_on_dark"]


def variables(selector, style):
    """Return our variables that a style sheet sets for a selector."""
    rules = tinycss2.parse_stylesheet(style, True, True)
    inner = [
        found
        for rule in rules
        if rule.type == "at-rule" and rule.at_keyword == "media"
        for found in tinycss2.parse_rule_list(rule.content, True, True)
    ]
    values = {}
    for rule in [*rules, *inner]:
        if rule.type != "qualified-rule":
            continue
        if tinycss2.serialize(rule.prelude).strip() == selector:
            for set_to in tinycss2.parse_blocks_contents(rule.content):
                if getattr(set_to, "name", "").startswith("--book-"):
                    value = tinycss2.serialize(set_to.value)
                    values[set_to.name[7:]] = " ".join(value.split())
    return values


def colors(selector):
    """Return the colours that our style sheet sets for a selector."""
    values = variables(selector, STYLE)
    return {name: value for name, value in values.items() if value[0] == "#"}


def test_the_style_sheet_has_the_colours():
    figures_only = {"other": TOKENS["colors"]["other"]}
    assert colors("html[data-theme]") | figures_only == LIGHT
    assert colors('html[data-theme="dark"]') == DARK


def test_the_style_sheet_has_no_other_colour():
    own = len(colors("html[data-theme]")) + len(DARK)
    assert len(re.findall(r"#[0-9a-fA-F]{3,8}\b(?![^{};]*\{)", STYLE)) == own


def test_the_style_sheet_has_the_typefaces():
    fonts = {
        name: [font.strip().strip('"') for font in value.split(",")]
        for name, value in variables("html", STYLE).items()
    }
    assert fonts == TOKENS["fonts"]


def test_figures_have_the_colours():
    assert TOKENS["colors"] == plotting.COLORS


def test_marks_have_the_colours():
    """Those of a dark page, which the mark is."""
    drawn = set(re.findall(r'"(#\w+)"', marks.mark()))
    assert drawn <= {*DARK.values(), TOKENS["page"]["ground"]}
    assert len(drawn) == 4


@pytest.mark.parametrize("name", ["marks.py", "templates/layout.html"])
def test_no_colour_is_typed_in(name):
    assert not re.search(r"#[0-9a-f]{6}", (THEME / name).read_text("utf-8"))


@pytest.mark.parametrize("page", [LIGHT, DARK], ids=["light", "dark"])
def test_what_is_read_stands_out_from_the_page(page):
    for ground in ("ground", "surface"):
        for name in ("text", "muted", "link", "hover"):
            assert contrast(page[name], page[ground]) >= 4.5, (name, ground)
    for name in TOKENS["colors_on_dark"]:
        assert contrast(page[name], page["ground"]) >= 4.5, name


@pytest.mark.parametrize("name", TOKENS["colors"])
def test_figures_stand_out_from_their_white_paper(name):
    assert contrast(TOKENS["colors"][name], "#ffffff") >= 4.5
