"""Every explorable: for everyone, by every means, and light."""

import contextlib
import gzip
import json
import re

import pytest

from gru_tutorial.book.explorables.element import module, tags
from tests.site.browsing import in_chromium, opened
from tests.site.exploring import ALT, PAGE, drawn, given, made
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
