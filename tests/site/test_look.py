"""How the pages look: figures, formulas, fonts, icons, code."""

import base64
import colorsys
import io

import numpy as np
import pytest
from fontTools.ttLib import TTFont
from PIL import Image

from tests.colours import contrast, rgb
from tests.site.browsing import in_chromium, opened
from tests.site.reading import chapters, pages, soup
from theme import icons
from theme.tokens import TOKENS

pytestmark = pytest.mark.slow
COLORS = {name: rgb(color) for name, color in TOKENS["colors"].items()}

# Puts another picture in the place of a figure.
REPLACE = """(image, png) => {
  image.src = "data:image/png;base64," + png;
  image.style = "width: auto !important; height: auto !important; margin: 0";
  return image.decode();
}"""


def swatches():
    """Return a base64 PNG: white paper, then the colours of figures."""
    pixels = np.ones((40, 40 * (len(COLORS) + 1), 3))
    for k, color in enumerate(COLORS.values(), start=1):
        pixels[:, 40 * k : 40 * (k + 1)] = color
    png = io.BytesIO()
    Image.fromarray((255 * pixels).round().astype("uint8")).save(png, "PNG")
    return base64.b64encode(png.getvalue()).decode()


def turned(one, other):
    """Return how far two hues are apart, as a share of the circle."""
    turn = colorsys.rgb_to_hsv(*one)[0] - colorsys.rgb_to_hsv(*other)[0]
    return abs((turn + 0.5) % 1 - 0.5)


@in_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_figures_suit_the_page(server, browser, scheme):
    """A figure's paper becomes the page's; lines keep contrast and hue."""
    with opened(browser, server.base, scheme) as page:
        page.goto(server.base + "chapters/01_gru_theory.html")
        picture = page.locator("div.cell_output img").first
        picture.evaluate(REPLACE, swatches())
        picture.scroll_into_view_if_needed()
        shot = Image.open(io.BytesIO(picture.screenshot())).convert("RGB")
        ground = rgb(
            page.evaluate("getComputedStyle(document.body).backgroundColor")
        )
    row = np.asarray(shot)[20, 20::40] / 255
    np.testing.assert_allclose(row[0], ground, atol=0.02)
    for name, color in zip(COLORS, row[1:], strict=True):
        assert contrast(color, ground) >= 4.5, name
        assert turned(color, COLORS[name]) < 0.1, name


def test_fonts_hold_every_letter_of_the_formulas(site):
    known = set(
        TTFont(site / "_static/fonts/stix-two-math.woff2").getBestCmap()
    )
    count = 0
    for name in pages(site):
        for formula in soup(site / name).find_all("math"):
            count += 1
            missing = {
                c for c in formula.get_text() if ord(c) not in known
            } - set("\u2061\u2062\u2063\u2064\ufe00\n ")
            assert not missing, (name, missing)
    assert count > 100


def test_numbers_of_formulas_and_figures(site):
    page = soup(site / "chapters/01_gru_theory.html")
    numbers = [n.get_text() for n in page.select(".formula__number")]
    assert numbers == [f"(1.{k + 1})" for k in range(len(numbers))]
    assert len(numbers) >= 6
    figures = [n.get_text(strip=True) for n in page.select(".caption-number")]
    assert figures == [f"Figure 1.{k + 1}" for k in range(len(figures))]
    assert len(figures) >= 4
    first = soup(site / "chapters/00_first_forecast.html")
    figures = [n.get_text(strip=True) for n in first.select(".caption-number")]
    assert figures == ["Figure 1", "Figure 2"]


def test_remarks_in_passing_stand_in_the_margin(site):
    notes = [
        note
        for name in chapters(site)
        for note in soup(site / name).select("div.in-passing")
    ]
    assert len(notes) >= 8
    for note in notes:
        assert note.get_text(" ", strip=True).startswith("In passing:")
        assert "margin" in note["class"]


def test_every_icon_is_drawn(site):
    names = set()
    for name in pages(site):
        for tag in soup(site / name).select("i[class*=fa-], span[class*=fa-]"):
            found = [c[3:] for c in tag["class"] if c.startswith("fa-")]
            names |= {n for n in found if n not in ("solid", "lg")}
    assert len(names) > 8
    assert names <= set(icons.PATHS)


def test_icons_of_a_known_repository_are_drawn(site_of_repository):
    page = soup(site_of_repository / "chapters/01_small.html")
    assert page.select("i.fa-github")
    for tag in page.select("i[class*=fa-]"):
        found = {c[3:] for c in tag["class"] if c.startswith("fa-")}
        assert found & set(icons.PATHS), tag


def test_code_has_few_colours(site):
    page = soup(site / "chapters/01_gru_theory.html")
    kinds = {s.get("class", [""])[0] for s in page.select(".highlight span")}
    assert {"k", "s2", "mi"} <= kinds
    assert not kinds & {"n", "o", "p", "w"}


def test_the_icon_font_is_left_out(site):
    style = (site / "_static/site.css").read_text("utf-8")
    assert "fa-solid-900" not in style
    assert not (site / "_static/scripts/fontawesome.js").exists()


def test_the_browser_is_told_the_colours_of_the_pages(site):
    """Its own bars take the colour of the ground."""
    head = soup(site / "chapters/index.html").head
    colors = {
        tag["media"]: tag["content"]
        for tag in head.find_all("meta", attrs={"name": "theme-color"})
    }
    assert colors == {
        "(prefers-color-scheme: light)": TOKENS["page"]["ground"],
        "(prefers-color-scheme: dark)": TOKENS["page_on_dark"]["ground"],
    }
