"""The built site, as a browser shows it.

Pages are built from the stored notebooks, served from this machine, and
driven in headless Chromium. Whatever asks another host is blocked and counted.
"""

import colorsys
import contextlib
import functools
import gzip
import http.server
import json
import math
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import numpy as np
import pytest

pytest.importorskip("sphinx", reason="the site's tools are not installed")
import bundle
import formulas
import icons
import marks
import yaml
from bs4 import BeautifulSoup
from sphinx.errors import ExtensionError

from gru_tutorial.plotting import COLORS

ROOT = Path(__file__).resolve().parents[1]
BOOK = Path(sys.executable).with_name("jupyter-book")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FOREIGN = re.compile(r"github\.com/someone|mybinder|colab\.research")
SCREENS = [
    (scheme, width) for scheme in ("light", "dark") for width in (1280, 360)
]

pytestmark = pytest.mark.skipif(
    not BOOK.exists(), reason="jupyter-book is not installed"
)
in_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="Chromium is not installed"
)


# The site, built, read and served


def build(folder, **environment):
    """Build the book strictly into a folder; return the run."""
    variables = {k: v for k, v in os.environ.items() if k[:7] != "GITHUB_"}
    command = [BOOK, "build", ".", "-W", "-n", "--keep-going"]
    return subprocess.run(
        [*command, "--path-output", folder],
        cwd=ROOT,
        env=variables | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site of a book that does not know its repository."""
    folder = tmp_path_factory.mktemp("plain")
    run = build(folder)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return folder / "_build" / "html"


@pytest.fixture(scope="module")
def site_of_repository(tmp_path_factory):
    """The site of a book that does."""
    folder = tmp_path_factory.mktemp("known")
    run = build(folder, GITHUB_REPOSITORY="someone/gru")
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return folder / "_build" / "html"


def pages(site):
    """Return the names of all pages."""
    names = [p.relative_to(site) for p in sorted(site.rglob("*.html"))]
    return [str(name) for name in names if "_static" not in name.parts]


def chapters(site):
    """Return the names of the pages that are notebooks."""
    return [name for name in pages(site) if re.match(r"chapters/\d", name)]


@functools.cache
def soup(path):
    """Return a page's elements."""
    return BeautifulSoup(path.read_text("utf-8"), "html.parser")


class Server(http.server.ThreadingHTTPServer):
    """Serve a site compressed, as web servers do, and note what was sent."""

    def __init__(self, site):
        super().__init__(("127.0.0.1", 0), Handler)
        self.site, self.sent = site, {}
        self.base = f"http://127.0.0.1:{self.server_port}/"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.server.site / unquote(urlsplit(self.path).path).lstrip("/")
        if not path.is_file():
            self.server.sent[self.path] = None
            self.send_error(404)
            return
        kind = http.server.SimpleHTTPRequestHandler.guess_type(self, path)
        content = path.read_bytes()
        self.send_response(200)
        if not re.search(r"png|woff", path.suffix):
            content = gzip.compress(content)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.server.sent[self.path] = len(content)

    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def server(site):
    with Server(site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield chromium
        chromium.close()


@contextlib.contextmanager
def opened(browser, base, scheme="light", width=1280, **settings):
    """Open a page that can reach one address only; complain at the end.

    What a page says on its console, a request that fails, and one to any
    other host are complaints.
    """
    settings = {"color_scheme": scheme, **settings}
    viewport = {"width": width, "height": 900}
    context = browser.new_context(viewport=viewport, **settings)
    complaints = []

    def let_through(route):
        if route.request.url.startswith((base, "data:", "blob:")):
            route.continue_()
        else:
            complaints.append(f"foreign: {route.request.url}")
            route.abort()

    context.route("**/*", let_through)
    page = context.new_page()
    page.on(
        "console",
        lambda message: (
            message.type in ("error", "warning")
            and complaints.append(message.text)
        ),
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "response",
        lambda response: (
            response.status >= 400
            and complaints.append(f"{response.status}: {response.url}")
        ),
    )
    yield page
    context.close()
    assert not complaints


# Every page


def scrolled_through(page):
    """Scroll to the end, so that all is drawn and every picture asked for."""
    page.evaluate(
        """async () => {
          const frame = () => new Promise(requestAnimationFrame);
          const page = document.documentElement;
          for (let top = 0; top < page.scrollHeight; top += 800) {
            scrollTo(0, top);
            await frame();
            await frame();
          }
        }"""
    )
    page.wait_for_load_state("networkidle")


# Tokens of one kind have one colour: the first of each kind is left, or axe
# would look at thousands.
FEWER_TOKENS = """() => {
  for (const box of ["cell_input", "cell_output", "bd-article"]) {
    const seen = new Set();
    for (const token of document.querySelectorAll(`.${box} .highlight span`)) {
      if (token.closest(".cell_input, .cell_output, .bd-article")
          .classList.contains(box)) {
        if (seen.has(token.className)) token.replaceWith(...token.childNodes);
        seen.add(token.className);
      }
    }
  }
}"""


def violations(page, **options):
    """Return what axe finds wrong with a page."""
    from axe_playwright_python.sync_playwright import Axe

    page.evaluate(FEWER_TOKENS)
    options = {"resultTypes": ["violations"], **options}
    found = Axe().run(page, options=options).response["violations"]
    return [
        (rule["id"], node["html"][:200], node.get("failureSummary"))
        for rule in found
        for node in rule["nodes"]
    ]


@in_chromium
@pytest.mark.parametrize(("scheme", "width"), SCREENS)
def test_every_page(site, server, browser, scheme, width):
    """Shown without a complaint, light to load, and nothing for axe to find.

    Colours do not change with the width, so axe looks at them once; then the
    narrow dark page has nothing that the other three have not.
    """
    rules = {"color-contrast": {"enabled": width == 1280}}
    for name in pages(site):
        if name == "index.html":
            continue  # leads on at once: tested below
        server.sent.clear()
        with opened(browser, server.base, scheme, width) as page:
            page.goto(server.base + name)
            scrolled_through(page)
            seen = page.evaluate(
                """() => ({
                  width: document.documentElement.scrollWidth,
                  theme: document.documentElement.dataset.theme,
                  missing: [...document.images]
                    .filter(i => i.checkVisibility() && !i.naturalWidth)
                    .map(i => i.src),
                  wide: [...document.querySelectorAll(".cell_input pre")]
                    .filter(pre => pre.checkVisibility()
                      && pre.scrollWidth > pre.clientWidth)
                    .map(pre => pre.textContent),
                })"""
            )
            assert seen["width"] <= width, name
            assert seen["theme"] == scheme, name
            assert not seen["missing"], name
            if width == 1280:
                assert not seen["wide"], name
            assert 5 < len(server.sent) <= 25, (name, server.sent)
            assert sum(server.sent.values()) <= 450 * 1024, (name, server.sent)
            if (scheme, width) != ("dark", 360):
                assert not violations(page, rules=rules), name


@in_chromium
def test_axe_would_find_something(server, browser):
    with opened(browser, server.base) as page:
        page.goto(server.base + "chapters/notation.html")
        page.add_style_tag(content=".bd-article p { color: #ddd; }")
        page.evaluate(
            "document.querySelector('h1').outerHTML = '<h4>A jump</h4>'"
        )
        rules = {rule for rule, *_ in violations(page)}
        assert {"color-contrast", "page-has-heading-one"} <= rules


@in_chromium
def test_pages_work_from_a_folder(site, browser):
    for name in [*chapters(site), "chapters/index.html"]:
        with opened(browser, site.as_uri()) as page:
            page.goto((site / name).as_uri())
            page.evaluate("document.fonts.ready.then(() => 0)")
            assert page.evaluate("document.fonts.check('1em STIX Two Text')")
            assert page.locator("h1").is_visible()


# What the pages say about themselves, and where they lead


def test_every_page_has_a_head(site):
    titles = {}
    for name in pages(site):
        head = soup(site / name).head or soup(site / name)
        title = head.find("title").get_text(strip=True)
        assert title, name
        titles.setdefault(title, []).append(name)
        if name.startswith("chapters/") or name == "index.html":
            about = head.find("meta", attrs={"name": "description"})
            assert 50 <= len(about["content"]) <= 200, name
            assert not head.find("link", rel="canonical") or (
                name == "index.html"
            )
    titles.pop(
        "GRU by Experiment", None
    )  # the landing page, and what leads there
    assert all(len(names) == 1 for names in titles.values()), titles


def test_a_known_address_is_told(site_of_repository):
    base = "https://someone.github.io/gru/"
    for name in pages(site_of_repository):
        if not name.startswith("chapters/"):
            continue
        head = soup(site_of_repository / name).head
        assert head.find("link", rel="canonical")["href"] == base + name
        told = {
            tag["property"]: tag["content"]
            for tag in head.find_all("meta", property=True)
        }
        assert told["og:url"] == base + name
        assert told["og:title"]
        assert told["og:description"]
        picture = told["og:image"].removeprefix(base)
        assert (site_of_repository / picture).read_bytes()[:4] == b"\x89PNG"
    assert base + "chapters/index.html" in (
        site_of_repository / "index.html"
    ).read_text("utf-8")


def dead_links(site):
    """Return every internal address that leads nowhere."""
    dead = []
    for name in pages(site):
        for tag in soup(site / name).find_all(True):
            for key in ("href", "src"):
                address = tag.get(key)
                if not address or urlsplit(address).scheme:
                    continue
                path, _, anchor = urljoin(f"/{name}", address).partition("#")
                target = site / unquote(path).partition("?")[0].lstrip("/")
                if not target.is_file() or (
                    anchor
                    and target.suffix == ".html"
                    and not soup(target).find(id=unquote(anchor))
                ):
                    dead.append((name, address))
    return dead


def test_no_link_is_dead(site):
    assert dead_links(site) == []


def test_a_dead_link_would_be_found(tmp_path):
    (tmp_path / "a.html").write_text('<a href="b.html#there">b</a>')
    (tmp_path / "b.html").write_text('<p id="here"><img src="c.png">')
    assert dead_links(tmp_path) == [
        ("a.html", "b.html#there"),
        ("b.html", "c.png"),
    ]


def test_pictures_have_words_and_tables_have_headers(site):
    for name in pages(site):
        article = soup(site / name).find("article")
        pictures = article.find_all("img") if article else []
        for k, picture in enumerate(pictures):
            assert len(picture.get("alt", "")) > 40, (name, picture)
            assert int(picture["width"]) > int(picture["height"]) > 100
            assert picture.get("loading") == ("lazy" if k else None)
        for table in soup(site / name).find_all("table"):
            assert table.find("th"), name


def test_without_a_repository_no_button_leads_to_one(site):
    assert pages(site)
    for name in pages(site):
        assert not FOREIGN.search((site / name).read_text("utf-8")), name


def test_with_a_repository_its_buttons_appear(site_of_repository):
    page = site_of_repository / "chapters" / "02_data_preparation.html"
    links = [tag["href"] for tag in soup(page).find_all(href=True)]
    path = "chapters/02_data_preparation.ipynb"
    assert "https://github.com/someone/gru" in links
    assert f"https://github.com/someone/gru/edit/main/{path}" in links
    assert any("issues/new" in link for link in links)
    colab = "https://colab.research.google.com/github/someone/gru/blob/main/"
    assert colab + path in links
    assert any(link.startswith("https://mybinder.org/") for link in links)


def test_an_address_that_is_none_is_refused(tmp_path):
    run = build(tmp_path, GITHUB_REPOSITORY="https://github.com/a/b")
    assert run.returncode != 0
    assert "expected owner/name" in run.stdout + run.stderr


@in_chromium
def test_the_address_of_the_site_leads_to_its_landing_page(server, browser):
    with opened(browser, server.base) as page:
        page.goto(server.base + "index.html")
        page.wait_for_url("**/chapters/index.html")


def test_a_lost_reader_is_led_back(site, site_of_repository):
    """The page for wrong addresses works at any depth: no relative link."""
    for folder, prefix in ((site, "/"), (site_of_repository, "/gru/")):
        lost = soup(folder / "404.html")
        assert lost.find("h1")
        for tag in lost.find_all(href=True):
            address = tag["href"].partition("#")[0]
            if address and not urlsplit(address).scheme:
                assert address.startswith(prefix), address
                target = address.removeprefix(prefix).partition("?")[0]
                assert (folder / target).exists(), address


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
    """The minutes are those that the chapters tell; a part's are their sum."""
    parts = soup(site / "chapters/index.html").select(".path-part")
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))["parts"]
    assert len(parts) == len(toc) == 3
    for part, expected in zip(parts, toc, strict=True):
        assert part.p.strong.get_text() == expected["caption"]
        links = [tag["href"] for tag in part.select("li a")]
        assert [f"chapters/{link[:-5]}" for link in links] == [
            chapter["file"] for chapter in expected["chapters"]
        ]
        total = 0
        for item in part.select("ol > li"):
            minutes = int(item.em.get_text().split()[0])
            text = soup(site / "chapters" / item.a["href"]).get_text(" ")
            text = " ".join(text.split())
            assert f"Reading takes about {minutes} minutes" in text
            total += minutes
        if total:
            assert part.p.em.get_text() == f"{total} minutes"


# What a reader does


def results_of(page, base, query):
    """Search as a reader does; return the names of the pages found."""
    page.goto(f"{base}search.html?q={query}")
    page.locator("#search-results > p").filter(
        has_text=re.compile("found|match")
    ).wait_for()
    links = page.locator("#search-results li a").evaluate_all(
        "links => links.map(link => link.href)"
    )
    return [urlsplit(link).path.rpartition("/")[2] for link in links]


@in_chromium
def test_search_by_keyboard(server, browser):
    with opened(browser, server.base) as page:
        page.goto(server.base + "chapters/02_data_preparation.html")
        page.keyboard.press("Control+k")
        page.keyboard.type("reset gate")
        page.keyboard.press("Enter")
        page.wait_for_url("**/search.html?q=reset+gate")
        first = page.locator("#search-results li a").first
        first.wait_for()
        for _ in range(30):
            page.keyboard.press("Tab")
            if page.evaluate(
                "document.activeElement.closest('li') !== null "
                "&& document.activeElement.closest("
                "'#search-results') !== null"
            ):
                break
        page.keyboard.press("Enter")
        page.wait_for_url("**/chapters/*.html*")


def messages_of_the_gallery():
    """Return every message that the gallery quotes or prints."""
    notebook = json.loads(
        (ROOT / "chapters" / "11_error_gallery.ipynb").read_text("utf-8")
    )
    messages = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            text = "".join(cell["source"])
            messages += re.findall(r"^### .*?`([^`]+)`", text, re.M)
        for output in cell.get("outputs", []):
            printed = "".join(output.get("text", ""))
            messages += re.findall(
                r"^\w+(?:Error|Warning): (.*)", printed, re.M
            )
    assert len(messages) > 30
    return messages


@in_chromium
def test_search_finds_what_readers_look_for(server, browser):
    with opened(browser, server.base) as page:
        found = results_of(page, server.base, "h0")
        assert "03_model_definition.html" in found
        assert "11_error_gallery.html" in found
        found = results_of(page, server.base, "reset gate")
        assert "01_gru_theory.html" in found
        from urllib.parse import quote_plus

        for message in messages_of_the_gallery():
            found = results_of(page, server.base, quote_plus(message))
            assert "11_error_gallery.html" in found, message


@in_chromium
def test_every_notebook_can_be_downloaded(site, server, browser):
    """Through the menu, by keyboard; what comes is the notebook itself."""
    for name in chapters(site):
        with opened(browser, server.base, accept_downloads=True) as page:
            page.goto(server.base + name)
            menu = page.get_by_role("button", name="Download this page")
            menu.focus()
            page.keyboard.press("Enter")
            link = page.locator("a.btn-download-source-button")
            assert link.is_visible()
            address = link.evaluate("link => link.href")
            page.keyboard.press("Escape")
            assert not link.is_visible()
            sent = page.request.get(address)
            stored = ROOT / "chapters" / Path(name).with_suffix(".ipynb").name
            assert sent.body() == stored.read_bytes()


@in_chromium
def test_keyboard_reaches_text_menu_and_chapters(server, browser):
    with opened(browser, server.base) as page:
        page.goto(server.base + "chapters/03_model_definition.html")
        page.keyboard.press("Tab")
        assert "Skip" in page.evaluate("document.activeElement.textContent")
        page.keyboard.press("Enter")
        assert page.url.endswith("#main-content")
    with opened(browser, server.base, width=360) as page:
        page.goto(server.base + "chapters/03_model_definition.html")
        menu = page.locator("button.primary-toggle").first
        menu.focus()
        page.keyboard.press("Enter")
        sidebar = page.locator("#pst-primary-sidebar-modal")
        sidebar.get_by_role("link", name="Training").wait_for()
        page.keyboard.press("Escape")
        sidebar.get_by_role("link", name="Training").wait_for(state="hidden")


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
    with opened(browser, server.base) as page:
        page.goto(server.base + "chapters/03_model_definition.html")
        page.locator("a.right-next").click()
        page.wait_for_url("**/04_training.html")


@in_chromium
def test_the_live_figure_computes_what_chapter_1_derives(server, browser):
    with opened(browser, server.base) as page:
        page.goto(server.base + "chapters/index.html")
        slider = page.get_by_label("Bias of the update gate")
        said = page.locator("#open-gate-says")
        assert "Bias 3.0" in said.inner_text()
        slider.focus()
        for presses, key in ((10, "ArrowRight"), (40, "ArrowLeft")):
            for _ in range(presses):
                page.keyboard.press(key)
            bias = float(slider.input_value())
            assert bias == pytest.approx(4 if key == "ArrowRight" else 0)
            z = 1 / (1 + math.exp(-bias))
            half = math.log(0.5) / math.log(z)
            words = said.inner_text()
            numbers = [
                float(n) for n in re.findall(r"\d+\.?\d*(?:e-\d+)?", words)
            ]
            shown = [bias, 100 * z, half, 100 * z**20, 20]
            assert numbers == pytest.approx(shown, rel=0.01), words
            points = page.locator("polyline.open").get_attribute("points")
            heights = [float(p.partition(",")[2]) for p in points.split()]
            top, bottom = heights[0], 226.0
            shares = (bottom - np.array(heights)) / (bottom - top)
            np.testing.assert_allclose(shares, z ** np.arange(61), atol=1e-3)


@in_chromium
def test_without_scripts_a_picture_stands_in(server, browser):
    settings = {"java_script_enabled": False}
    with opened(browser, server.base, **settings) as page:
        page.goto(server.base + "chapters/index.html")
        assert page.locator("open-gate img").is_visible()
        assert page.locator("h1").is_visible()
        page.goto(server.base + "chapters/01_gru_theory.html")
        assert page.locator(".formula math").first.is_visible()


@in_chromium
def test_pages_print_legibly(site, server, browser):
    """Dark ink on white, whole lines, no menus: from a dark page too."""
    for name in chapters(site):
        with opened(browser, server.base, "dark", width=760) as page:
            page.goto(server.base + name)
            page.emulate_media(media="print", color_scheme="dark")
            seen = page.evaluate(
                """() => ({
                  inks: ["section > p", ".highlight pre", ".highlight .k"]
                    .map(e => document.querySelector("article " + e))
                    .map(e => getComputedStyle(e).color),
                  title: document.querySelector("h1").checkVisibility(),
                  paper: getComputedStyle(document.body).backgroundColor,
                  menus: [...document.querySelectorAll(
                    "#pst-primary-sidebar, #pst-secondary-sidebar, "
                    + ".bd-header-article, .prev-next-footer, .copybtn")]
                    .filter(e => e.checkVisibility()).map(e => e.className),
                  cut: [...document.querySelectorAll("article pre")]
                    .filter(e => e.checkVisibility()
                      && e.scrollWidth > e.clientWidth + 1)
                    .map(e => e.textContent),
                })"""
            )
            paper = luminance(rgb(seen["paper"]))
            assert paper > 0.9
            for ink in seen["inks"]:
                assert contrast(luminance(rgb(ink)), paper) > 10, seen
            assert seen["title"], name
            assert not seen["menus"], name
            assert not seen["cut"], name


# Colours, formulas, marks


def rgb(text):
    """Return a style's colour as three numbers up to 1; none is white."""
    numbers = [float(n) for n in re.findall(r"[\d.]+", text)]
    if len(numbers) == 4 and numbers[3] == 0:
        return np.ones(3)
    return np.array(numbers[:3]) / 255


def luminance(color):
    """Return the relative luminance of a colour (WCAG 2)."""
    linear = np.where(
        color <= 0.04045, color / 12.92, ((color + 0.055) / 1.055) ** 2.4
    )
    return linear @ [0.2126, 0.7152, 0.0722]


def contrast(one, other):
    """Return the contrast of two luminances (WCAG 2)."""
    low, high = sorted([one, other])
    return (high + 0.05) / (low + 0.05)


@in_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_figures_suit_the_page(server, browser, scheme):
    """A figure's paper becomes the page's; lines keep contrast and hue."""
    import io

    from PIL import Image

    swatches = np.ones((40, 40 * (len(COLORS) + 1), 3))
    for k, color in enumerate(COLORS.values()):
        value = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        swatches[:, 40 * (k + 1) : 40 * (k + 2)] = value
    png = io.BytesIO()
    Image.fromarray((255 * swatches).round().astype("uint8")).save(png, "PNG")
    with opened(browser, server.base, scheme) as page:
        page.goto(server.base + "chapters/01_gru_theory.html")
        picture = page.locator("div.cell_output img").first
        picture.evaluate(
            """(image, png) => {
              image.src = "data:image/png;base64," + png;
              image.style = "width: auto; height: auto; margin: 0";
              return image.decode();
            }""",
            __import__("base64").b64encode(png.getvalue()).decode(),
        )
        picture.scroll_into_view_if_needed()
        shot = Image.open(io.BytesIO(picture.screenshot())).convert("RGB")
        pixels = np.asarray(shot) / 255
        ground = rgb(
            page.evaluate("getComputedStyle(document.body).backgroundColor")
        )
    row = pixels[20, 20::40]
    np.testing.assert_allclose(row[0], ground, atol=0.02)
    for name, color in zip(COLORS, row[1:], strict=True):
        ratio = contrast(luminance(color), luminance(ground))
        assert ratio >= 4.5, (name, ratio)
        stored = [int(COLORS[name][i : i + 2], 16) / 255 for i in (1, 3, 5)]
        turn = colorsys.rgb_to_hsv(*color)[0] - colorsys.rgb_to_hsv(*stored)[0]
        assert abs((turn + 0.5) % 1 - 0.5) < 0.1, (name, turn)


def test_a_formula_that_cannot_be_drawn_stops_the_build():
    assert formulas.to_mathml(r"z_t", display=False).startswith("<math")
    with pytest.raises(ExtensionError, match=r"formula '\\\\nosuch'"):
        formulas.to_mathml(r"\nosuch", display=False)


def test_fonts_hold_every_letter_of_the_formulas(site):
    from fontTools.ttLib import TTFont

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
    assert len(numbers) >= 8
    figures = [n.get_text(strip=True) for n in page.select(".caption-number")]
    assert figures == [f"Figure 1.{k + 1}" for k in range(len(figures))]
    assert len(figures) >= 6


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
    page = soup(site_of_repository / "chapters/01_gru_theory.html")
    for tag in page.select("i[class*=fa-]"):
        found = {c[3:] for c in tag["class"] if c.startswith("fa-")}
        assert found & set(icons.PATHS), tag


def test_the_bundle_notices_a_changed_theme(site, tmp_path):
    with pytest.raises(ExtensionError, match="icon font has changed"):
        bundle.without_icon_font("body { color: red }")
    with pytest.raises(ExtensionError, match="boxes that overflow anew"):
        bundle.without_tab_stops("addTabStops()")
    style = (site / "_static/site.css").read_text("utf-8")
    assert "fa-solid-900" not in style
    assert not (site / "_static/scripts/fontawesome.js").exists()

    class App:
        bundle, outdir = ([], []), tmp_path
        builder = type("Builder", (), {"format": "html"})

    with pytest.raises(ExtensionError, match="no longer brings it"):
        bundle.write(App, None)

    class File:
        filename = "_static/one.css?v=1"

    App.bundle = None
    context = {"css_files": [File], "script_files": []}
    bundle.collect(App, "a", "", context, None)
    assert App.bundle == [["one.css"], []]
    with pytest.raises(ExtensionError, match="b: asks for other styles"):
        bundle.collect(App, "b", "", {**context, "css_files": []}, None)


def test_code_has_few_colours(site):
    page = soup(site / "chapters/01_gru_theory.html")
    kinds = {s.get("class", [""])[0] for s in page.select(".highlight span")}
    assert {"k", "s2", "mi"} <= kinds
    assert not kinds & {"n", "o", "p", "w"}


def test_rules_for_what_no_page_holds_are_left_out():
    style = """
      p, .no { a: b } .yes .no { a: b } #yes { a: b } .no-longer { a: b }
      .yes:not(.no), .yes:is(.no, :not(.b)) { a: b } [href=".no"] { a: b }
      @media print { .no { a: b } .yes { a: b } } @media print { .no { a: b } }
      @font-face { src: url(.no) } .m\\:1 { a: b }
    """
    kept = bundle.only_used(bundle.parsed(style), {"yes", "m:1"})
    assert kept.split("\n") == [
        "p{a: b}",
        "#yes{a: b}",
        ".yes:not(.no),.yes:is(.no, :not(.b)){a: b}",
        '[href=".no"]{a: b}',
        "@media print {.yes{a: b}}",
        "@font-face { src: url(.no) }",
        ".m\\:1{a: b}",
    ]
    with pytest.raises(ExtensionError, match="style sheet"):
        bundle.only_used(bundle.parsed("p { a: b } }"), set())


def test_mark_and_preview_are_drawn_by_the_code():
    import io

    import matplotlib.pyplot as plt
    from PIL import Image

    assert marks.mark() == (marks.STATIC / "mark.svg").read_text("utf-8")
    stored = Image.open(marks.STATIC / "social.png").convert("RGB")
    assert stored.size == (1200, 630)
    drawn = io.BytesIO()
    with plt.rc_context():
        marks.preview().savefig(drawn)
        plt.close()
    drawn = np.asarray(Image.open(drawn).convert("RGB"), float)
    assert np.abs(drawn - np.asarray(stored, float)).mean() < 1
