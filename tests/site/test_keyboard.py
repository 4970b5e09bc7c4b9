"""Whoever uses the keyboard sees where they are, and keeps their place."""

import pytest

from tests.site.browsing import in_chromium, opened

pytestmark = pytest.mark.slow

# What has the focus: whether a ring shows it, and whether it does anything
FOCUSED = """() => {
  let it = document.activeElement;
  while (it.shadowRoot) it = it.shadowRoot.activeElement; // a live figure
  const style = getComputedStyle(it);
  return {
    what: it === document.body ? null : it.outerHTML.slice(0, 200),
    ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2
      && it.checkVisibility({ opacityProperty: true }),
    kind: it.matches("pre") ? "code"
      : it.className.split(" ")[0] || it.tagName,
    clipped: it.matches("pre, .formula__body")
      && parseFloat(style.outlineOffset) >= 0,
    works: it.matches("a[href], button, input, select, summary, textarea")
      || it.scrollWidth > it.clientWidth + 1
      || it.scrollHeight > it.clientHeight + 1,
  };
}"""
AT_ONCE = "*, ::before { transition: none !important; }"
HEADER = ".bd-header-article button"


def walk(page, most=500):
    """Press the tabulator through a page; yield what gets the focus."""
    page.add_style_tag(content=AT_ONCE)
    for _ in range(most):
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUSED)
        if found["what"] is None:
            return
        yield found
    raise AssertionError(f"the page does not end after {most} stops")


@in_chromium
@pytest.mark.parametrize(
    ("name", "width", "kinds"),
    [
        ("03_model_definition", 1280, {"SUMMARY", "headerlink", "btn"}),
        ("01_gru_theory", 360, {"SUMMARY", "headerlink", "code"}),
        ("index", 1280, {"INPUT", "copybtn", "navbar-brand"}),
    ],
)
def test_every_stop_is_seen_and_does_something(
    server, browser, name, width, kinds
):
    with opened(browser, server.base, width=width) as page:
        page.goto(server.base + f"chapters/{name}.html")
        seen = list(walk(page))
    assert len(seen) > 30
    for stop in seen:
        assert stop["ring"], stop
        assert stop["works"], stop
        assert not stop["clipped"], stop
    found = {stop["kind"] for stop in seen}
    assert kinds <= found, found


def wait_for_focus(page, selector):
    """Wait until what a selector finds has the focus."""
    page.wait_for_function(
        "selector => document.activeElement.matches(selector)", arg=selector
    )


@in_chromium
def test_a_button_keeps_the_focus(server, browser):
    theme = "document.documentElement.dataset.mode"
    with opened(browser, server.base) as page:
        page.goto(server.base + "chapters/notation.html")
        page.locator(".theme-switch-button").first.focus()
        modes = []
        for _ in range(3):  # it can be pressed again and again
            before = page.evaluate(theme)
            page.keyboard.press("Enter")
            page.wait_for_function(f"before => {theme} !== before", arg=before)
            wait_for_focus(page, ".theme-switch-button")
            modes.append(page.evaluate(theme))
        assert set(modes) == {"auto", "light", "dark"}
        page.locator(".primary-toggle").first.focus()
        for _ in range(2):
            page.keyboard.press("Enter")
            wait_for_focus(page, ".primary-toggle")


@in_chromium
@pytest.mark.parametrize("by", ["keyboard", "pointer"])
@pytest.mark.parametrize("name", ["primary", "secondary", "search", "menu"])
def test_escape_returns_to_the_button_that_opened(server, browser, name, by):
    button, shown = {
        "primary": (".primary-toggle", "dialog[open]"),
        "secondary": (".secondary-toggle", "dialog[open]"),
        "search": (".search-button", "dialog[open]"),
        "menu": (
            ".dropdown-download-buttons > button",
            ".dropdown-download-buttons .dropdown-menu.show",
        ),
    }[name]
    with opened(browser, server.base, width=360) as page:
        page.goto(server.base + "chapters/notation.html")
        opener = page.locator(".bd-header-article " + button)
        if by == "keyboard":
            opener.focus()
            page.keyboard.press("Enter")
        else:
            opener.click()
        page.locator(shown).wait_for()
        page.keyboard.press("Escape")
        page.locator(shown).wait_for(state="detached")
        wait_for_focus(page, ".bd-header-article " + button)


@in_chromium
def test_escape_returns_to_where_a_search_began(server, browser):
    with opened(browser, server.base) as page:
        page.goto(server.base + "chapters/notation.html")
        page.locator("a.left-prev").focus()
        page.keyboard.press("Control+k")
        page.locator("dialog[open]").wait_for()
        page.keyboard.press("Escape")
        page.locator("dialog[open]").wait_for(state="detached")
        wait_for_focus(page, "a.left-prev")


@in_chromium
def test_a_mark_gives_the_address_of_what_it_stands_at(server, browser):
    """It shows where the pointer or the focus is, and is pressed by Enter."""
    opacity = "mark => getComputedStyle(mark).opacity"
    with opened(browser, server.base) as page:
        page.goto(server.base + "chapters/01_gru_theory.html")
        page.mouse.move(0, 0)
        for place in ("h2", "figure", "p.exercise"):
            owner = page.locator(f"article {place}:has(a.headerlink)").first
            mark = owner.locator("a.headerlink")
            assert mark.evaluate(opacity) == "0", place
            owner.hover()
            assert mark.evaluate(opacity) == "1", place
            page.mouse.move(0, 0)
            page.keyboard.press("Shift")  # the keyboard is in use
            mark.focus()
            assert mark.evaluate(opacity) == "1", place
            address = mark.get_attribute("href")
            page.keyboard.press("Enter")
            page.wait_for_url("**" + address)


@in_chromium
def test_without_a_pointer_all_marks_show(server, browser):
    touch = {"has_touch": True, "is_mobile": True}
    with opened(browser, server.base, width=360, **touch) as page:
        page.goto(server.base + "chapters/01_gru_theory.html")
        shown = page.locator("article a.headerlink").evaluate_all(
            "marks => marks.map(mark => getComputedStyle(mark).opacity)"
        )
        assert len(shown) > 15
        assert set(shown) == {"1"}
