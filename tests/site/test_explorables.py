"""Every explorable: for everyone, by every means, and light."""

import contextlib
import gzip
import json
import re

import pytest

from gru_tutorial.book.explorables.element import module, tags
from tests.site.browsing import in_chromium, opened
from tests.site.exploring import ALT, PAGE, drawn, given, made
from tests.site.reading import chapters, soup
from tests.site.test_pages import violations

pytestmark = pytest.mark.slow
EACH = pytest.mark.parametrize("tag", tags())
STATE = "document.querySelector('{}').state"
KEYS = {"check": "Space", "text": "1"}
# The controls, as the element tells them
CONTROLS = """tag => Object.entries(document.querySelector(tag).controls)
  .map(([name, c]) => ({ name, ...c, show: undefined }))"""


@EACH
@in_chromium
@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_overflows(pages, tag, scheme, width):
    with pages.open(tag, scheme=scheme, width=width) as page:
        drawn(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert not violations(page)
        small = page.locator(f"{tag} svg text").evaluate_all(
            "all => all.filter(t => t.getBoundingClientRect().height < 11)"
            ".map(t => t.textContent)"
        )
        assert not small


@EACH
@in_chromium
def test_keys_reach_and_move_every_control(pages, tag):
    with pages.open(tag) as page:
        for control in page.evaluate(CONTROLS, tag):
            name = control["name"]
            field = page.locator(f'[data-control="{name}"]').locator(
                "input, select"
            )
            field.focus()
            before = page.evaluate(STATE.format(tag))[name]
            page.keyboard.press(KEYS.get(control["kind"], "ArrowDown"))
            drawn(page)
            if page.evaluate(STATE.format(tag))[name] == before:
                page.keyboard.press("ArrowUp")  # it was at its end
                drawn(page)
            assert page.evaluate(STATE.format(tag))[name] != before, name
            outline = field.evaluate("e => getComputedStyle(e).outlineWidth")
            assert outline == "3px", name


@EACH
@in_chromium
def test_its_state_is_in_the_address_and_comes_from_it(pages, tag):
    with pages.open(tag) as page:
        control = page.evaluate(CONTROLS, tag)[0]
        other = (
            str(control["max"])
            if control["kind"] == "range"
            else list(control["options"])[-1]
        )
        page.evaluate(
            "([tag, name, value]) =>"
            " document.querySelector(tag).set({ [name]: value })",
            [tag, control["name"], other],
        )
        drawn(page)
        address = page.evaluate("location.hash")
        state = page.evaluate(STATE.format(tag))
        assert f"{control['name']}=" in address
    with pages.open(tag, address) as page:
        assert page.evaluate(STATE.format(tag)) == state
        page.get_by_role("button", name="Reset").click()
        drawn(page)
        assert page.evaluate("location.hash") == "#it"
        assert page.evaluate(STATE.format(tag)) != state


@EACH
@in_chromium
def test_nonsense_in_the_address_is_left_out(pages, tag):
    with pages.open(tag) as page:
        begun = page.evaluate(STATE.format(tag))
    names = "&".join(f"{name}=<b>NaN</b>" for name in begun)
    with pages.open(tag, f"#it?{names}&x=1") as page:
        found = page.evaluate(STATE.format(tag))
        assert found.keys() == begun.keys()
        assert {v for v in found.values() if isinstance(v, str)} <= {
            v for v in begun.values() if isinstance(v, str)
        }


@EACH
@in_chromium
def test_a_link_in_the_text_sets_it(pages, tag):
    with pages.open(tag) as page:
        control = page.evaluate(CONTROLS, tag)[0]
        value = control.get("min", None)
        if value is None:
            value = list(control["options"])[-1]
        page.evaluate(
            """([name, value]) => document.querySelector("h3").innerHTML =
              `<a href="#it?${name}=${value}">Look</a>`""",
            [control["name"], value],
        )
        page.get_by_role("link", name="Look").click()
        drawn(page)
        state = page.evaluate(STATE.format(tag))
        assert state[control["name"]] == value


# Lines, grids and controls as a reader sees them who forces colours: what
# draws, and how lines of one chart differ without a colour.
FORCED = """tag => {
  const all = (selector, of = document.querySelector(tag).shadowRoot) =>
    [...of.querySelectorAll(selector)];
  const style = e => getComputedStyle(e);
  const kind = line => [line.firstElementChild?.tagName,
    line.querySelector("path")?.getAttribute("stroke-dasharray"),
    line.style.getPropertyValue("--width"),
    line.querySelector("circle")?.getAttribute("r")].join();
  return {
    ink: style(document.body).color,
    lines: all("[data-line] path").map(e => style(e).stroke),
    dots: all("[data-line] circle, svg rect").map(e => style(e).fill),
    grids: all(".axis").map(e => style(e).stroke),
    edges: all(".controls :is(select, button, input[type=text])")
      .map(e => style(e).borderTopWidth),
    kinds: all("svg").map(svg => all("[data-line]", svg)
      .filter(line => line.dataset.line).map(kind)),
  };
}"""


@EACH
@in_chromium
def test_forced_colours_leave_lines_and_controls(pages, tag):
    with pages.open(tag, forced_colors="active") as page:
        drawn(page)
        seen = page.evaluate(FORCED, tag)
        assert not violations(page, runOnly=["color-contrast"])
    assert {*seen["lines"], *seen["dots"]} <= {seen["ink"]}
    assert not set(seen["grids"]) & set(seen["lines"])
    assert set(seen["edges"]) == {"1px"}
    for kinds in seen["kinds"]:
        assert len(set(kinds)) == len(kinds), kinds


@EACH
@in_chromium
def test_nothing_moves_by_itself(pages, tag):
    """Neither a transition nor an animation, whatever a reader prefers."""
    moving = """tag => [...document.querySelector(tag).shadowRoot
      .querySelectorAll("*")].filter(e => {
        const { transitionDuration: t, animationName: a } =
          getComputedStyle(e);
        return a !== "none" || t.split(", ").some(s => parseFloat(s) > 0);
      }).map(e => e.outerHTML.slice(0, 80))"""
    with pages.open(tag, reduced_motion="reduce") as page:
        page.evaluate(f"document.querySelector('{tag}').reset()")
        drawn(page)
        assert page.evaluate(moving, tag) == []


@EACH
@in_chromium
def test_it_begins_when_the_reader_comes_near(browser, tmp_path, tag):
    path = tmp_path / "page.html"
    body = f'<div style="height: 4000px"></div>{made(tag)._repr_html_()}'
    path.write_text(PAGE.format(body=body), "utf-8")
    begun = f"""[document.querySelector("{tag}")].map(e =>
      Boolean(e.state || e.result || e.worker || e.kept))[0]"""
    with opened(browser, tmp_path.as_uri()) as page:
        page.goto(path.as_uri())
        drawn(page)
        assert page.evaluate("document.querySelector('img').checkVisibility()")
        assert not page.evaluate(begun)
        page.evaluate("scrollTo(0, 2500)")  # its top is 700 below the screen
        drawn(page)
        assert not page.evaluate(begun)
        page.evaluate("scrollTo(0, 3200)")
        page.wait_for_function(begun)
        page.wait_for_function(f"document.querySelector('{tag}').result")


# The element drawn by what its page moved while a reader scrolled past. All
# else is laid out beforehand.
SHIFTS = """async tag => {
  await document.fonts.ready;
  const frame = () => new Promise(requestAnimationFrame);
  const element = document.querySelector(tag);
  const top = scrollY + element.getBoundingClientRect().top;
  const go = async y => {
    scrollTo({ top: y, behavior: "instant" });
    await frame();
    await frame();
  };
  await go(top - 1600);
  const early = Boolean(element.result);
  let sum = 0;
  const add = list => { for (const { value } of list) sum += value; };
  const watcher = new PerformanceObserver(list => add(list.getEntries()));
  watcher.observe({ type: "layout-shift" });
  for (let y = top - 1500; y < top + 900; y += 200) await go(y);
  add(watcher.takeRecords());
  return [early, Boolean(element.result), sum];
}"""


@in_chromium
@pytest.mark.parametrize("width", [1280, 360])
def test_nothing_jumps_while_a_reader_scrolls(site, server, browser, width):
    found = {}
    for name in [*chapters(site), "chapters/index.html"]:
        tag = soup(site / name).find(tags())
        if not tag:
            continue
        with opened(browser, server.base, width=width) as page:
            page.goto(server.base + name, wait_until="domcontentloaded")
            visible = "* { content-visibility: visible !important }"
            page.add_style_tag(content=visible)
            found[name, tag.name] = page.evaluate(SHIFTS, tag.name)
    assert {tag for _, tag in found} == set(tags())
    assert len(found) == len(tags()) + 2, found  # two stand on two pages
    for name, (early, late, moved) in found.items():
        assert (early, late) == (False, True), name
        assert moved <= 0.05, (name, moved)


@EACH
@in_chromium
def test_without_scripts_the_picture_stands_in(browser, tmp_path, tag):
    path = tmp_path / "page.html"
    path.write_text(PAGE.format(body=made(tag)._repr_html_()), "utf-8")
    with opened(browser, tmp_path.as_uri(), java_script_enabled=False) as page:
        page.goto(path.as_uri())
        page.get_by_alt_text(ALT).wait_for()


@EACH
def test_the_notebook_keeps_words_and_escapes_them(tag):
    one = made(tag, note='"<&')
    assert repr(one) == f"<{tag}: {ALT}>"
    assert 'note="&quot;&lt;&amp;"' in one._repr_html_()
    assert json.dumps(one._repr_html_()).count("export") == 0


@EACH
@in_chromium
def test_anywidget_can_render_it(browser, tag):
    """Its module is all that AnyWidget needs."""
    with contextlib.closing(browser.new_page()) as page:
        state = given(tag) | {"id": "it"}
        code = made(tag)._repr_html_()
        attributes = dict(re.findall(r' ([\w-]+)="([^"]*)"', code))
        state = {
            name.replace("_", "-"): attributes[name.replace("_", "-")]
            for name in state
        }
        page.evaluate(
            """async ([source, state]) => {
              const file = new Blob([source], { type: "text/javascript" });
              const widget = await import(URL.createObjectURL(file));
              widget.default.render({
                model: { get: name => name === "state" ? state : undefined },
                el: document.body });
            }""",
            [module(tag), state],
        )
        page.wait_for_function(f"document.querySelector('{tag}').result")


@EACH
def test_it_is_light(tag):
    size = len(gzip.compress(module(tag).encode()))
    assert size <= 20_000


def test_an_unknown_element_is_refused():
    for tag in ("gate", "no-such", "../engine", ""):
        with pytest.raises(ValueError, match="tag: expected one of"):
            module(tag)
