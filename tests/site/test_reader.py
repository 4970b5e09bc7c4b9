"""What a reader does: follow the path, search, download, print."""

from pathlib import Path

import pytest
import yaml

from tests.site.browsing import in_chromium, opened
from tests.site.reading import chapters, soup
from theme.download import IN_FULL, RUN_IT

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]

# Where to begin


def test_every_item_of_the_original_tutorial_is_linked(site):
    """The landing page's map leads to anchors, which are not dead."""
    table = soup(site / "chapters/index.html").find(id="the-original-tutorial")
    table = table.find_parent("section") or table
    table = table.find("table")
    rows = table.find_all("tr")
    assert len(rows) == 12  # a heading and eleven items
    for row in rows[1:]:
        links = [tag["href"] for tag in row.find_all("a")]
        assert links, row
        assert all("#" in link for link in links), row


def test_the_path_tells_the_minutes(site):
    """The minutes are those of the chapters; of a part, if it has several."""
    parts = soup(site / "chapters/index.html").select(".path-part")
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))["parts"]
    assert len(parts) == len(toc) == 4
    for part, expected in zip(parts, toc, strict=True):
        assert part.p.strong.get_text() == expected["caption"]
        links = [tag["href"] for tag in part.select("li a")]
        assert [f"chapters/{link[:-5]}" for link in links] == [
            chapter["file"] for chapter in expected["chapters"]
        ]
        total, items = 0, part.select("li:has(em)")
        for item in items:
            minutes = int(item.em.get_text().split()[0])
            text = soup(site / "chapters" / item.a["href"]).get_text(" ")
            text = " ".join(text.split())
            assert f"Reading takes about {minutes} minutes" in text
            total += minutes
        if len(items) > 1:
            assert part.p.em.get_text() == f"{total} minutes"


def test_the_path_numbers_chapters_as_their_files(site):
    """A list counts on by itself: where a number is missing, it must end."""
    lists = soup(site / "chapters/index.html").select(".path-part ol")
    told = {
        item.a["href"]: int(numbers.get("start", 1)) + k
        for numbers in lists
        for k, item in enumerate(numbers.find_all("li", recursive=False))
    }
    files = sorted(ROOT.glob("chapters/[01][0-9]_*.ipynb"))[1:]
    assert told == {f"{f.stem}.html": int(f.stem[:2]) for f in files}


@in_chromium
def test_every_notebook_can_be_downloaded(site, server, browser):
    """Through the menu, by keyboard; what comes says how to run it."""
    for name in chapters(site):
        with opened(browser, server.base, accept_downloads=True) as page:
            page.goto(server.base + name)
            menu = page.get_by_role("button", name="Download this page")
            menu.focus()
            page.keyboard.press("Enter")
            link = page.locator("a.btn-download-source-button")
            link.wait_for()
            address = link.evaluate("link => link.href")
            page.keyboard.press("Escape")
            link.wait_for(state="hidden")
            sent = page.request.get(address)
            stored = ROOT / "chapters" / Path(name).with_suffix(".ipynb").name
            text = stored.read_text("utf-8").replace(RUN_IT, IN_FULL)
            assert sent.body() == text.encode()


@in_chromium
def test_keyboard_reaches_text_menu_and_chapters(server, browser):
    with opened(browser, server.base) as page:
        page.goto(server.base + "chapters/03_model_definition.html")
        page.keyboard.press("Tab")
        assert "Skip" in page.evaluate("document.activeElement.textContent")
        page.keyboard.press("Enter")
        page.wait_for_url("**#main-content")
    with opened(browser, server.base, width=360) as page:
        page.goto(server.base + "chapters/03_model_definition.html")
        menu = page.locator("button.primary-toggle").first
        menu.focus()
        page.keyboard.press("Enter")
        sidebar = page.locator("#pst-primary-sidebar-modal")
        link = sidebar.get_by_role("link", name="4. Training")
        link.wait_for()
        page.keyboard.press("Escape")
        link.wait_for(state="hidden")


@in_chromium
def test_light_and_dark_can_be_chosen(server, browser):
    theme = "document.documentElement.dataset.theme"
    with opened(browser, server.base, "light") as page:
        page.goto(server.base + "chapters/index.html")
        switch = page.get_by_role("button", name="Color mode").first
        for _ in range(3):
            if page.evaluate(theme) == "dark":
                break
            switch.press("Enter")
        assert page.evaluate(theme) == "dark"
        page.goto(server.base + "chapters/notation.html")
        assert page.evaluate(theme) == "dark"  # remembered


@in_chromium
def test_a_chapter_says_where_it_stands(site, server, browser):
    part = soup(site / "chapters/03_model_definition.html").select_one(
        ".progress-in-part"
    )
    assert "Part I: The tutorial" in part.get_text()
    assert part.select_one(".progress-in-part__count").get_text() == "3 of 5"
    links = part.select("a")
    assert [link.get("aria-current") for link in links] == [
        None,
        None,
        "page",
        None,
        None,
    ]
    alone = soup(site / "chapters/00_first_forecast.html")
    assert not alone.select(".progress-in-part")
    assert alone.select_one("a.right-next")["href"] == "01_gru_theory.html"
    with opened(browser, server.base) as page:
        page.goto(server.base + "chapters/03_model_definition.html")
        page.locator("a.right-next").click()
        page.wait_for_url("**/04_training.html")
