"""Pages as they are met: on paper, without scripts or storage, zoomed."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.colours import contrast, luminance, rgb
from tests.site.browsing import in_chromium, opened
from tests.site.reading import chapters

pytestmark = pytest.mark.slow

FORBID = """for (const name of ["localStorage", "sessionStorage"])
  Object.defineProperty(window, name, {
    get() { throw new DOMException("forbidden", "SecurityError"); } });"""

# What the page knows of its colours before a script of a file has run
EARLY = """document.addEventListener("readystatechange", () => {
  window.early ??= document.documentElement.dataset.theme;
});"""

# How far what is in sight moves by itself while a reader leafs through
SHIFTS = """window.shifts = [];
new PerformanceObserver((list) => {
  for (const { value, sources } of list.getEntries())
    shifts.push([value, sources[0]?.node?.textContent?.slice(0, 60)]);
}).observe({ type: "layout-shift", buffered: true });"""
LEAF = """async () => {
  const page = document.documentElement;
  while (scrollY + innerHeight < page.scrollHeight - 1) {
    scrollBy({ top: 700, behavior: "instant" });
    await new Promise((done) => setTimeout(done, 60));
  }
}"""

# What a printed page shows, and what it must not
PRINTED = """() => ({
  inks: ["section > p", ".highlight pre", ".highlight .k"]
    .map(e => document.querySelector("article " + e))
    .map(e => getComputedStyle(e).color),
  title: document.querySelector("h1").checkVisibility(),
  paper: getComputedStyle(document.body).backgroundColor,
  menus: [...document.querySelectorAll(
    "#pst-primary-sidebar, #pst-secondary-sidebar, "
    + ".bd-header-article, .prev-next-footer, .copybtn, summary")]
    .filter(e => e.checkVisibility()).map(e => e.className),
  cut: [...document.querySelectorAll("article pre")]
    .filter(e => e.checkVisibility()
      && e.scrollWidth > e.clientWidth + 1)
    .map(e => e.textContent),
  folded: [...document.querySelectorAll("article details pre")]
    .filter(e => !e.checkVisibility({ contentVisibilityAuto: true })
      || e.getBoundingClientRect().height < 10)
    .map(e => e.textContent),
})"""


@in_chromium
def test_pages_print_legibly(site, server, browser):
    """Dark ink on white, whole lines, open folds: from a dark page too."""
    for name in chapters(site):
        with opened(browser, server.base, "dark", width=760) as page:
            page.goto(server.base + name)
            page.emulate_media(media="print", color_scheme="dark")
            seen = page.evaluate(PRINTED)
            paper = rgb(seen["paper"])
            assert luminance(paper) > 0.9
            for ink in seen["inks"]:
                assert contrast(rgb(ink), paper) > 10, seen
            assert seen["title"], name
            for fault in ("menus", "cut", "folded"):
                assert not seen[fault], (name, fault, seen[fault])


@in_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_has_its_colours_from_the_first(server, browser, scheme):
    """Told when all scripts are there, it would be laid out once more."""
    with opened(browser, server.base, scheme) as page:
        page.add_init_script(EARLY)
        page.goto(server.base + "chapters/03_model_definition.html")
        assert page.evaluate("early") == scheme


@in_chromium
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", ["03_model_definition", "16_error_gallery"])
def test_nothing_moves_while_one_leafs_through(server, browser, name, width):
    """Code that is laid out late has its height before."""
    with opened(browser, server.base, width=width, height=800) as page:
        page.add_init_script(SHIFTS)
        page.goto(server.base + f"chapters/{name}.html")
        page.evaluate(LEAF)
        shifts = page.evaluate("shifts")
    assert sum(value for value, _ in shifts) < 0.1, max(shifts)


@in_chromium
def test_the_contents_show_where_the_reader_is(server, browser):
    with opened(browser, server.base) as page:
        page.goto(server.base + "chapters/16_error_gallery.html")
        bar = page.locator("#pst-secondary-sidebar").bounding_box()
        here = page.locator("#pst-secondary-sidebar .nav-link.active").last
        seen = set()
        for share in (0.3, 0.6, 0.9):
            page.evaluate(f"""() => scrollTo({{
              behavior: "instant", top: {share} * document.body.scrollHeight,
            }})""")
            page.wait_for_timeout(300)
            seen.add(here.inner_text())
            box = here.bounding_box()
            assert bar["y"] <= box["y"]
            assert box["y"] + box["height"] <= bar["y"] + bar["height"]
        wide = "bar => bar.scrollWidth - bar.clientWidth"
        assert page.locator("#pst-secondary-sidebar").evaluate(wide) == 0
    assert len(seen) == 3


@in_chromium
def test_code_does_not_scroll_up_and_down(server, browser):
    """Not laid out yet it seems higher than its box, which is no place then
    that a keyboard has to reach."""
    with opened(browser, server.base) as page:
        page.goto(server.base + "chapters/04_training.html")
        boxes = page.locator("article pre")
        styles = boxes.evaluate_all(
            "boxes => boxes.map(box => getComputedStyle(box).overflowY)"
        )
        assert set(styles) == {"hidden"}


@in_chromium
def test_links_like_buttons_print_in_ink(server, browser):
    with opened(browser, server.base) as page:
        page.goto(server.base + "chapters/index.html")
        page.emulate_media(media="print")
        ink = page.locator(".start a").first.evaluate(
            "link => getComputedStyle(link).color"
        )
        assert contrast(rgb(ink), "#ffffff") > 4.5


@in_chromium
def test_pages_work_without_storage(server, browser):
    """Nothing fails, colours can be chosen, and the search finds."""
    theme = "document.documentElement.dataset.theme"
    with opened(browser, server.base, "light") as page:
        page.add_init_script(FORBID)
        page.goto(server.base + "chapters/03_model_definition.html")
        switch = page.locator(".theme-switch-button").first
        for color in ("dark", "light"):
            switch.press("Enter")
            page.wait_for_function(f"color => {theme} === color", arg=color)
        page.goto(server.base + "search.html?q=GRU")
        page.locator("#search-results a").first.wait_for()


@in_chromium
def test_without_scripts_a_picture_stands_in(server, browser):
    settings = {"java_script_enabled": False}
    with opened(browser, server.base, **settings) as page:
        page.goto(server.base + "chapters/index.html")
        assert page.locator("gate-explorer img").is_visible()
        assert page.locator("h1").is_visible()
        page.goto(server.base + "chapters/01_gru_theory.html")
        assert page.locator(".formula math").first.is_visible()


@in_chromium
@pytest.mark.parametrize("width", [1280, 360])
def test_without_scripts_nothing_is_offered_that_needs_them(
    server, browser, width
):
    settings = {"java_script_enabled": False, "width": width}
    with opened(browser, server.base, **settings) as page:
        page.goto(server.base + "chapters/03_model_definition.html")
        shown = page.locator("button:visible, input:visible, select:visible")
        assert shown.all_inner_texts() == []
        fold = page.locator("details.hide").first
        assert not fold.locator("pre").first.is_visible()
        fold.locator("summary").click()
        fold.locator("pre").first.wait_for()


@in_chromium
def test_colours_that_a_reader_forces_keep_the_progress(server, browser):
    """Read, here, and to come differ; a box that scrolls has a border."""
    settings = {"forced_colors": "active", "width": 360}
    with opened(browser, server.base, **settings) as page:
        page.goto(server.base + "chapters/03_model_definition.html")
        bars = page.locator(".progress-in-part li a")
        bars.first.scroll_into_view_if_needed()
        grounds = bars.evaluate_all(
            "bars => bars.map(bar =>"
            " getComputedStyle(bar, '::before').backgroundColor)"
        )
        assert len(set(grounds[:2])) == len(set(grounds[3:])) == 1
        assert len({grounds[0], grounds[2], grounds[3]}) == 3
        box = page.locator("article pre[tabindex]").first
        box.scroll_into_view_if_needed()
        edge = box.evaluate("box => getComputedStyle(box).borderRightStyle")
        assert edge == "dashed"


@in_chromium
def test_a_box_is_reached_when_its_letters_come_later(server, browser):
    """They overflow it then, though its own size has not changed."""
    with opened(browser, server.base) as page:
        page.goto(server.base + "chapters/03_model_definition.html")
        box = page.locator("article pre:visible:not([tabindex])").first
        box.scroll_into_view_if_needed()
        box.evaluate("box => box.id = 'probe'")
        page.add_style_tag(content="#probe { letter-spacing: 2rem; }")
        page.evaluate(
            "() => document.fonts.dispatchEvent(new Event('loadingdone'))"
        )
        page.locator("#probe[tabindex='0']").wait_for()


# All is laid out; formulas and tables are too wide, and nothing in a box
# hides its edges.
TOO_WIDE = """
  * { content-visibility: visible !important; }
  article :is(pre, .formula__body, .pst-scrollable-table-container) * {
    visibility: hidden;
  }
  article pre { color: transparent; }
  .formula__body math { font-size: 3em; }
  article table { width: 40rem !important; }
"""


def edges(box):
    """Return how far the left and right edges of a box are from its ground.

    The ground is the commonest colour of the box's picture.
    """
    shot = Image.open(io.BytesIO(box.screenshot())).convert("RGB")
    pixels = np.asarray(shot).astype(int)
    flat = pixels.reshape(-1, 3)
    colors, counts = np.unique(flat, axis=0, return_counts=True)
    away = np.abs(pixels - colors[counts.argmax()]).max(2)
    return [np.median(away[:, column]) for column in (4, -4)]


@in_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("name", "selector"),
    [
        ("03_model_definition", "div.cell_input pre"),
        ("03_model_definition", "div.cell_output pre:has(.k)"),
        ("16_error_gallery", ".pst-scrollable-table-container"),
        ("01_gru_theory", ".formula__body"),
    ],
)
def test_a_box_that_scrolls_has_a_shadow_where_there_is_more(
    server, browser, scheme, name, selector
):
    with opened(browser, server.base, scheme, width=320) as page:
        page.goto(server.base + f"chapters/{name}.html")
        page.add_style_tag(content=TOO_WIDE)
        box = page.locator(f"article {selector}[tabindex]:visible").first
        box.wait_for()
        left, right = edges(box)
        assert right > 20 > 3 >= left
        box.evaluate("box => box.scrollLeft = 9999")
        left, right = edges(box)
        assert left > 20 > 3 >= right


@in_chromium
def test_what_names_a_row_stays_in_sight(server, browser):
    with opened(browser, server.base, width=360) as page:
        page.goto(server.base + "chapters/06_inside_the_cell.html")
        box = page.locator(".output.text_html[tabindex]").first
        box.evaluate("box => box.scrollLeft = 9999")
        assert box.evaluate("box => box.scrollLeft") > 20
        left = box.bounding_box()["x"]
        names = box.locator("tbody th")
        assert names.count() > 1
        for name in names.all():
            assert left - 1 <= name.bounding_box()["x"] < left + 5


@in_chromium
@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 1280), ("dark", 1600)]
)
def test_notes_do_not_shine_through_the_bar_of_contents(
    server, browser, scheme, width
):
    with opened(browser, server.base, scheme, width=width) as page:
        page.goto(server.base + "chapters/02_data_preparation.html")
        note = page.locator(".in-passing").first
        note.evaluate("""note => scrollBy({
          behavior: "instant", top: note.getBoundingClientRect().top - 15,
        })""")
        bar = page.locator(".bd-sidebar-secondary.hide")
        bar.wait_for()
        page.mouse.move(0, 0)
        assert bar.bounding_box()["height"] <= 56
        box = note.bounding_box()
        assert box["y"] < bar.bounding_box()["height"] - 20
        covers = page.evaluate(
            "([x, y]) => document.elementFromPoint(x, y)"
            ".closest('.bd-sidebar-secondary') !== null",
            [box["x"] + box["width"] / 2, box["y"] + 10],
        )
        assert covers
        style = bar.evaluate("""bar => (({ opacity, backgroundColor }) =>
          [opacity, backgroundColor])(getComputedStyle(bar))""")
        ground = page.evaluate(
            "getComputedStyle(document.body).backgroundColor"
        )
        assert style == ["1", ground]
