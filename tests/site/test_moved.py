"""Old addresses, anchors included, lead to where their content is."""

import json
import re

import pytest

from tests.site.browsing import in_chromium, opened
from tests.site.reading import pages
from theme import moved

NEW = {
    "01_a": {"here", "kept"},
    "02_b": {"kept", "elsewhere", "label"},
    "03_c": {"kept", "summary"},
}
ADDRESS = re.compile(r"([\w-]+)\.html(?:#(.+))?")


def leads_of(renamed=(), **ids):
    """Return where the ids of an old page lead to, and what is lost."""
    pages = {"old": {"page": "02_b", "ids": ids}}
    leads, lost = moved.destinations(NEW, pages, dict(renamed))
    return leads["old"], lost


def test_an_id_is_looked_up_on_its_page_and_then_on_others():
    assert leads_of(kept="", here="", summary="") == (
        {
            "kept": "02_b.html#kept",
            "here": "01_a.html#here",
            "summary": "03_c.html#summary",
        },
        [],
    )


def test_a_heading_in_other_words_is_found_by_its_target():
    assert leads_of(reworded="label")[0] == {"reworded": "02_b.html#label"}
    again = leads_of({"old-label": "here"}, reworded="old-label")
    assert again == ({"reworded": "01_a.html#here"}, [])


def test_what_was_renamed_is_found():
    renamed = {"a": "here", "b": "03_c#kept", "old#c": "summary", "here": ""}
    leads, lost = leads_of(renamed, a="", b="", c="", here="")
    assert leads == {
        "a": "01_a.html#here",
        "b": "03_c.html#kept",
        "c": "03_c.html#summary",
        "here": "02_b.html",
    }
    assert not lost


def test_what_is_nowhere_leads_to_the_page_and_is_told():
    leads, lost = leads_of({"a": "gone"}, a="", b="c")
    assert leads == {"a": "02_b.html", "b": "02_b.html"}
    assert lost == ["old#a", "old#b"]


def test_a_book_without_these_pages_has_none():
    known = {"old": {"page": "99_x", "ids": {"a": ""}}}
    assert moved.destinations(NEW, known, {}) == ({}, [])


# On the site


@pytest.fixture(scope="module")
def new(site):
    """All ids of the pages that there are."""
    return {
        name[9:-5]: moved.ids_of((site / name).read_text("utf-8"))
        for name in pages(site)
        if name.startswith("chapters/")
    }


@pytest.mark.slow
def test_no_old_address_is_lost(new):
    known, renamed = moved.load()
    leads, lost = moved.destinations(new, known, renamed)
    assert leads.keys() == known.keys()
    assert lost == []


@pytest.mark.slow
def test_every_old_address_leads_to_something(site, new):
    """What the build wrote: a page for each that is gone, one map for all."""
    known, _ = moved.load()
    script = (site / "_static/moved.js").read_text("utf-8")
    elsewhere = json.loads(script.removeprefix("window.moved = ")[:-2])
    for old, page in known.items():
        if old in new:
            leads = elsewhere.get(old, {})
            stays = page["ids"].keys() - leads.keys()
            assert not stays - TOP - new[old], old
        else:
            text = (site / f"chapters/{old}.html").read_text("utf-8")
            leads = json.loads(re.search(r"moved = (.*);", text)[1])
            assert leads.keys() == page["ids"].keys()
            assert f'content="0; url={page["page"]}.html"' in text
            assert f'canonical" href="{page["page"]}.html"' in text
        for target in leads.values():
            name, anchor = ADDRESS.fullmatch(target).groups()
            assert not anchor or anchor in new[name], (old, target)


TOP = {name for name, to in moved.load()[1].items() if not to}


@in_chromium
@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "address"),
    [
        ("06_memory.html#marked-recall", "07_memory.html#marked-recall"),
        ("07_horizons.html#conformal", "10_intervals.html#conformal"),
        ("08_speed.html", "11_speed.html"),
        ("08_speed.html#nonsense", "11_speed.html"),
        (
            "01_gru_theory.html#the-gradient-by-hand",
            "06_inside_the_cell.html#the-gradient-by-hand",
        ),
        (
            "04_training.html#input-noise",
            "08_better_training.html#input-noise",
        ),
    ],
)
def test_a_reader_is_led_on(server, browser, old, address):
    with opened(browser, server.base) as page:
        page.goto(server.base + "chapters/" + old)
        page.wait_for_url(f"**/chapters/{address}")
        assert page.locator("h1").is_visible()


@in_chromium
@pytest.mark.slow
def test_an_anchor_that_never_was_is_left_alone(server, browser):
    with opened(browser, server.base) as page:
        page.goto(server.base + "chapters/02_data_preparation.html#nonsense")
        page.wait_for_load_state("networkidle")
        assert page.url.endswith("02_data_preparation.html#nonsense")


@in_chromium
@pytest.mark.slow
def test_without_scripts_the_page_is_reached(server, browser):
    settings = {"java_script_enabled": False}
    with opened(browser, server.base, **settings) as page:
        page.goto(server.base + "chapters/11_error_gallery.html")
        page.wait_for_url("**/chapters/16_error_gallery.html*")
