"""Chapters, their figures and the menu have the numbers of the files."""

import re
from pathlib import Path

import pytest
import yaml

from tests.site.reading import chapters, pages, soup
from theme.numbers import number_of

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]


def shown(text):
    """Return the number that stands before a title, as text."""
    found = re.match(r"\s*(\d+)\.\s", text)
    return int(found[1]) if found else None


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("chapters/07_memory", 7),
        ("16_error_gallery", 16),
        ("chapters/00_first_forecast", None),
        ("chapters/notation", None),
        ("chapters/2nd/index", None),
    ],
)
def test_a_number_comes_from_the_name(name, number):
    assert number_of(name) == number


def check_numbers(site, name):
    """Compare what a page shows, and the menu and path on it, with names."""
    page = soup(site / name)
    number = number_of(name)
    assert shown(page.find("h1").get_text()) == number, name
    for heading in page.select("article :is(h2, h3)"):
        assert not heading.select(".section-number"), (name, heading)
    for caption in page.select("figcaption .caption-number"):
        text = caption.get_text().strip()
        found = re.fullmatch(r"Figure (?:(\d+)\.)?\d+", text)
        assert found, (name, caption)
        assert (int(found[1]) if found[1] else None) == number, name
    menu = page.select("nav.bd-links a.reference.internal")
    assert len(menu) > 2
    for link in [*menu, *page.select(".progress-in-part li a")]:
        target = name if link["href"] == "#" else link["href"]
        assert shown(link.get_text()) == number_of(target), (name, link)
    for link in page.select(".prev-next-area a"):
        title = link.select_one(".prev-next-title").get_text()
        assert shown(title) == number_of(link["href"]), (name, link)


def test_numbers_are_those_of_the_files(site):
    names = [n for n in pages(site) if n.startswith("chapters/")]
    assert any(number_of(name) == 16 for name in names)
    for name in names:
        check_numbers(site, name)


def test_chapters_may_be_missing_in_between(site_of_repository):
    """Chapter 12 comes right after chapter 1."""
    check_numbers(site_of_repository, "chapters/12_later.html")
    check_numbers(site_of_repository, "chapters/01_small.html")
    page = soup(site_of_repository / "chapters/12_later.html")
    caption = page.select_one("figcaption .caption-number")
    assert caption.get_text().strip() == "Figure 12.1"


def test_every_chapter_is_in_the_table_of_contents(site):
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    listed = [c["file"] for part in toc["parts"] for c in part["chapters"]]
    files = {path.stem for path in (ROOT / "chapters").glob("[0-9]*.ipynb")}
    numbered = [n for n in listed if number_of(n) or "00_" in n]
    assert {Path(name).name for name in numbered} == files
    numbers = [number_of(name) or 0 for name in numbered]
    assert numbers == sorted(set(numbers))
    assert [f"{name}.html" for name in numbered] == chapters(site)
