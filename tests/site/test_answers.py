"""A reader of the site answers exercises, and is told how far off they are."""

import gzip
import json
import re
from pathlib import Path

import pytest

from gru_tutorial.book import answers
from tests.site.browsing import in_chromium, opened
from tests.site.reading import chapters, soup
from theme.answers import MARK, box_of

pytestmark = pytest.mark.slow
STATIC = Path(__file__).resolve().parents[2] / "theme/static"
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<title>A page</title><link rel="icon" href="data:,"><h1>A page</h1>
{boxes}<script src="answers.js"></script></html>"""


def stored_of(**right):
    """Return a store with these answers, as ``make run`` writes it."""
    made = {
        name[1:].replace("_", "."): answers.entry_of(
            name[1:].replace("_", "."), answer, "a salt"
        )
        for name, answer in right.items()
    }
    return {"salt": "a salt", "answers": made}


STORED = stored_of(x1_1=0.3456, x1_2=239, x1_3=[2, 7], x1_4=-1.5, x1_5=0.0)


@pytest.fixture
def page(browser, tmp_path):
    """A page with a box for each answer."""
    boxes = "".join(box_of(name, STORED) for name in STORED["answers"])
    (tmp_path / "page.html").write_text(PAGE.format(boxes=boxes), "utf-8")
    script = (STATIC / "answers.js").read_text("utf-8")
    (tmp_path / "answers.js").write_text(script, "utf-8")
    with opened(browser, tmp_path.as_uri()) as page:
        page.goto((tmp_path / "page.html").as_uri())
        yield page


def told(page, exercise, text):
    """Answer an exercise by keyboard; return what is said."""
    field = page.get_by_label(f"your answer to {exercise}")
    field.fill(text)
    said = page.locator("form", has=field).locator("output")
    said.evaluate("e => { e.textContent = '' }")
    field.press("Enter")
    said.filter(has_text=re.compile(r"\w")).wait_for()
    return said.inner_text()


@in_chromium
@pytest.mark.parametrize(
    ("exercise", "text", "expected"),
    [
        ("1.1", "0.3456", "Right."),
        ("1.1", " 0.347", "Right."),
        ("1.1", "0.37", "Not yet, but close: within 10 %."),
        ("1.1", "-0.3456", "Not yet: of the wrong sign."),
        ("1.1", "34.56", "Not yet: by a factor of 100. A percentage?"),
        ("1.1", "0.5", "Not yet. A hint stands below."),
        ("1.1", "1 2", "Expected 1 number, got 2."),
        ("1.1", "", "Type a number, such as 0.5."),
        ("1.1", "many", "Type a number, such as 0.5."),
        ("1.2", "239", "Right."),
        ("1.2", "239.0", "Right."),
        ("1.2", "240", "Not yet: off by one."),
        ("1.2", "241", "Not yet. A hint stands below."),
        ("1.3", "[2, 7]", "Right."),
        ("1.3", "2; 7", "Right."),
        ("1.3", "7 2", "Not yet. A hint stands below."),
        ("1.3", "2", "Expected 2 numbers, got 1."),
        ("1.4", "-1.5", "Right."),
        ("1.4", "1.5", "Not yet: of the wrong sign."),
        ("1.5", "0", "Right."),
    ],
)
def test_an_answer_is_judged_as_in_a_notebook(page, exercise, text, expected):
    assert told(page, exercise, text) == expected


@pytest.mark.parametrize("answer", ["a text", [True, False], [1, 2, 3, 4]])
def test_answers_that_are_no_few_numbers_have_no_box(answer):
    assert box_of("1.1", stored_of(x1_1=answer)) == ""
    assert box_of("9.9", STORED) == ""


def test_the_script_is_light():
    script = (STATIC / "answers.js").read_bytes()
    assert len(gzip.compress(script)) <= 2000


def test_each_exercise_with_numbers_has_one_box(site):
    kept = json.loads(answers.STORE.read_text("utf-8"))["answers"]
    numeric = {
        name
        for name, entry in kept.items()
        if entry["kind"] == "numbers" and len(entry["hashes"]) <= 3
    }
    found = []
    for name in chapters(site):
        page = soup(site / name)
        boxes = page.select("form.answer-box")
        assert bool(boxes) == bool(page.select('script[src*="answers.js"]'))
        found += [box.input["id"].removeprefix("answer-") for box in boxes]
    assert sorted(found) == sorted(numeric)
    assert len(found) > 30
    assert MARK in (site / "chapters/02_data_preparation.html").read_text()


@in_chromium
def test_the_solution_of_a_chapter_is_right_on_the_site(server, browser):
    with opened(browser, server.base) as page:
        page.goto(server.base + "chapters/02_data_preparation.html")
        assert told(page, "2.1", str(720 - 24 - 12 + 1)) == "Right."
