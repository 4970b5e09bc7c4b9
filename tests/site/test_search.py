"""The search: what it finds, and how it is used."""

import functools
import json
import re
from pathlib import Path

import pytest
import yaml

from tests.site.browsing import in_chromium, opened
from tests.site.reading import pages, soup
from tests.site.test_pages import violations
from theme.search import NAME, load_terms

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
GALLERY = ROOT / "chapters" / "16_error_gallery.ipynb"
QUERIES = sorted(Path(__file__).parent.glob("queries_*.yml"))

FIND = """queries => queries.map(
  query => bookSearch.find(query).results.slice(0, 3)
    .map(({ section }) => [section.page, section.id]))"""
# Which of its pages a word does not lead to
MISSING = """words => Object.entries(words).flatMap(([word, pages]) => {
  const found = new Set(
    bookSearch.find(word).results.map(({ section }) => section.page));
  return pages.filter(page => !found.has(page)).map(page => [word, page]);
})"""
NO_STORAGE = """Object.defineProperty(window, "localStorage", {
  get() { throw new DOMException("blocked", "SecurityError"); },
});"""
# What readers do not see; tags that part no words; and all the others
UNSEEN = re.compile(r"<(nav|summary|style|script)\b.*?</\1>", re.S)
INLINE = re.compile(r"</?(a|b|code|em|i|mark|span|strong)\b[^>]*>")
SPACE = re.compile(r"<[^>]*>|&\w+;")
FIRST = "#search-results li a"


@pytest.fixture(scope="module")
def searching(server, browser):
    """The search page."""
    with opened(browser, server.base) as page:
        page.goto(server.base + "search.html")
        page.get_by_text("Type a word, a question").wait_for()
        yield page


@functools.cache
def sections_by_anchor(page):
    """Return by each anchor of a page the id of the section it stands in."""
    owners = {}
    for section in soup(page).find_all("section", id=True):  # inner ones last
        names = [tag["id"] for tag in section.find_all(id=True)]
        owners |= dict.fromkeys([section["id"], *names], section["id"])
    return owners


def section_of(site, address, anchor):
    """Return what tells a section from all others, whatever it is called."""
    owners = sections_by_anchor(site / address)
    assert anchor in owners, f"{address}#{anchor}: there is no such place"
    return address, owners[anchor]


def found(page, site, queries):
    """Return the first three sections that the search finds, by query."""
    results = page.evaluate(FIND, queries)
    return [[section_of(site, *place) for place in r] for r in results]


def parts_of(address):
    """Return page and anchor of an address as the files write it."""
    page, _, anchor = address.partition("#")
    return f"chapters/{page}.html", anchor


# What it finds


@in_chromium
def test_what_readers_ask_for_is_found(site, searching):
    """First for nine in ten, in the first three for 49 in 50."""
    ranks, report = [], []
    for path in QUERIES:
        asked = yaml.safe_load(path.read_text("utf-8"))
        results = found(searching, site, [query["ask"] for query in asked])
        for query, result in zip(asked, results, strict=True):
            right = {section_of(site, *parts_of(a)) for a in query["right"]}
            hits = [k for k, place in enumerate(result) if place in right]
            ranks.append(hits[0] if hits else 3)
            if ranks[-1]:
                report.append(f"{query['ask']}: {ranks[-1]} {result[:1]}")
        own = ranks[-len(asked) :]
        report.append(
            f"{path.name}: first {own.count(0) / len(own):.1%}, in the first "
            f"three {1 - own.count(3) / len(own):.1%} of {len(own)}"
        )
    print(*report, sep="\n")
    assert len(ranks) >= 60
    assert ranks.count(0) >= 0.9 * len(ranks), "\n".join(report)
    assert ranks.count(3) <= 0.02 * len(ranks), "\n".join(report)


def words_of_pages(site):
    """Return by word the pages on which it stands."""
    words = {}
    for name in pages(site):
        article = soup(site / name).find("article", class_="bd-article")
        if article is None or not name.startswith("chapters/"):
            continue
        text = SPACE.sub(" ", INLINE.sub("", UNSEEN.sub("", str(article))))
        for word in set(re.findall(r"\b[^\W\d_]{2,}\b", text)):
            words.setdefault(word, []).append(name)
    return words


@in_chromium
def test_every_word_of_every_page_is_found(site, searching):
    words = words_of_pages(site)
    assert len(words) > 3000
    assert {"its", "one", "Candès", "Tikhonov"} <= set(words)
    assert not searching.evaluate(MISSING, words)


def messages_of_the_gallery():
    """Return (message, entry) for all that the gallery quotes or prints."""
    notebook = json.loads(GALLERY.read_text("utf-8"))
    messages, entry = [], None
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            text = "".join(cell["source"])
            if named := re.search(
                r'^<a id="(error-[\w-]+)"></a>$', text, re.M
            ):
                entry = named[1]
                headings = re.findall(r"^### .*?`([^`]+ [^`]+)`", text, re.M)
                messages += [(message, entry) for message in headings]
        for output in cell.get("outputs", []):
            printed = re.sub(r"\n {4}", " ", "".join(output.get("text", "")))
            messages += [
                (message, entry)
                for message in re.findall(
                    r"^\w+(?:Error|Warning): (.*)", printed, re.M
                )
            ]
    assert len(messages) > 30
    return messages


@in_chromium
def test_a_message_leads_to_its_entry(site, searching):
    """First, unless another entry has the same words."""
    messages = messages_of_the_gallery()
    entries = {}
    for message, _ in messages:
        entries[message] = {
            section_of(site, "chapters/16_error_gallery.html", entry)
            for whole, entry in messages
            if whole.startswith(message)
        }
    results = found(searching, site, list(entries))
    wrong = [
        (message, result[:1])
        for (message, right), result in zip(
            entries.items(), results, strict=True
        )
        if not result or result[0] not in right
    ]
    assert not wrong


# Pasted messages have the reader's numbers. Which of them are equal tells
# messages apart that differ in nothing else.
OF_READERS = [
    ("hidden size (1, 32, 64), got [1, 16, 64]", "error-last-batch"),
    ("hidden size (1, 32, 64), got [32, 1, 64]", "error-batch-first-states"),
    ("hidden size (2, 32, 64), got [1, 32, 64]", "error-hidden-size"),
    ("hidden[0] size (1, 32, 64), got [1, 16, 64]", "error-hidden-lstm"),
]


@in_chromium
@pytest.mark.parametrize(("shapes", "entry"), OF_READERS)
def test_a_message_with_other_numbers(site, searching, shapes, entry):
    query = f"RuntimeError: Expected {shapes}"
    right = section_of(site, "chapters/16_error_gallery.html", entry)
    assert found(searching, site, [query])[0][0] == right


@in_chromium
def test_who_asks_is_led_to_an_answer_rather_than_a_message(site, searching):
    asked = ["what does hidden size mean", "GRUCell vs GRU", "numpy"]
    for result in found(searching, site, asked):
        assert result[0][0] != "chapters/16_error_gallery.html"


SAME = [
    ("back-propagation", "backpropagation"),
    ("back propagation", "backprop"),
    ("persistence", "naive"),
    ("RNN", "recurrent network"),
    ("overfitting", "memorising"),
    ("normalise", "normalize"),
    ("normalise", "scale"),
    ("GPU", "graphics card"),
    ("confidence interval", "prediction interval"),
    ("hyperparameter", "hyper-parameter"),
    ("time series", "timeseries"),
    ("vanishing gradient", "vanshing gradeint"),
    ("labeled", "labelled"),
]


@in_chromium
@pytest.mark.parametrize(("one", "other"), SAME)
def test_other_words_lead_to_the_same_sections(site, searching, one, other):
    first, second = found(searching, site, [one, other])
    assert first, one
    assert second, other
    assert first[0] in second or second[0] in first


@in_chromium
def test_a_figure_is_found_by_its_caption(site, searching):
    caption = soup(site / "chapters/04_training.html").select_one(
        "figcaption .caption-text"
    )
    figure = caption.find_parent("figure")["id"]
    searching.locator(".bd-search-container input").fill(caption.get_text())
    link = searching.locator(f".search-result__places a[href$='#{figure}']")
    link.wait_for()


# How it is kept


def test_the_words_of_the_field_are_in_order(site):
    """Each section that has further words exists; no word is sent twice."""
    terms = load_terms()
    for address in terms["also"]:
        section_of(site, *parts_of(address))
    members = [m.lower() for group in terms["same"] for m in group]
    assert sorted(set(members)) == sorted(members)


def test_only_the_search_page_loads_the_index(site):
    for name in pages(site):
        loads = NAME in (site / name).read_text("utf-8")
        assert loads == (name == "search.html"), name


# How it is used


@in_chromium
def test_search_by_keyboard(server, browser):
    with opened(browser, server.base) as page:
        page.goto(server.base + "chapters/02_data_preparation.html")
        page.keyboard.press("Control+k")
        page.keyboard.type("reset gate")
        page.keyboard.press("Enter")
        page.wait_for_url("**/search.html?q=reset+gate")
        page.locator(FIRST).first.wait_for()
        in_results = f"document.activeElement.matches('{FIRST}')"
        for _ in range(30):
            page.keyboard.press("Tab")
            if page.evaluate(in_results):
                break
        page.keyboard.press("Enter")
        page.wait_for_url("**/01_gru_theory.html#the-reset-gate")


@in_chromium
def test_more_results_come_at_a_press_and_get_the_focus(server, browser):
    with opened(browser, server.base) as page:
        page.goto(server.base + "search.html?q=forecast")
        assert page.locator("#search-results > li").count() == 10
        page.get_by_role("button", name="Show more").press("Enter")
        eleventh = page.locator("#search-results > li").nth(10).locator("a")
        eleventh.first.wait_for()
        assert eleventh.first.evaluate("a => a === document.activeElement")


@in_chromium
def test_the_number_of_results_is_announced(server, browser):
    with opened(browser, server.base) as page:
        page.goto(server.base + "search.html")
        page.keyboard.type("noise floor")  # the field has the focus
        status = page.get_by_role("status")
        status.filter(has_text="sections for “noise floor”").wait_for()
        assert page.locator("mark").first.is_visible()


@in_chromium
def test_nothing_found_leads_on(site, server, browser):
    with opened(browser, server.base) as page:
        page.goto(server.base + "search.html?q=how+to+qxzqxzqxz")
        page.get_by_text("Nothing found for").wait_for()
        for link in page.locator("#search-nothing a").all():
            address = link.evaluate("a => a.getAttribute('href')")
            assert (site / address).is_file(), address
        page.keyboard.type("reset gate")
        page.locator(FIRST).first.wait_for()
        assert not page.locator("#search-nothing").is_visible()


@in_chromium
def test_search_works_from_a_folder(site, browser):
    with opened(browser, site.as_uri()) as page:
        page.goto((site / "search.html").as_uri() + "?q=reset+gate")
        page.locator(FIRST).first.click()
        page.wait_for_url("**/01_gru_theory.html#the-reset-gate")


@in_chromium
def test_search_works_with_storage_blocked(server, browser):
    with opened(browser, server.base) as page:
        page.add_init_script(NO_STORAGE)
        page.goto(server.base + "search.html?q=reset+gate")
        page.locator(FIRST).first.wait_for()


@in_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_results_are_legible(server, browser, scheme, width):
    server.sent.clear()
    with opened(browser, server.base, scheme, width) as page:
        page.goto(server.base + "search.html?q=Expected+hidden+size+figure")
        page.locator(FIRST).first.wait_for()
        page.wait_for_load_state("networkidle")
        across = page.evaluate("document.documentElement.scrollWidth")
        assert across <= width
        assert len(server.sent) <= 25
        assert sum(server.sent.values()) <= 450 * 1024, server.sent
        assert not violations(page)
