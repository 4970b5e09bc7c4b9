"""Every page: what it weighs, says about itself, shows, and leads to."""

import functools
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from tests.site.browsing import in_chromium, opened
from tests.site.reading import chapters, pages, soup

pytestmark = pytest.mark.slow
SCREENS = [("light", 1280), ("dark", 1280), ("light", 768), ("light", 360)]
HEIGHT = 2400  # fewer steps to the end
ZOOMED = {768: 640, 360: 320}  # a screen of 1280 pixels at 200 and 400 %

FORGET = "localStorage.clear(); sessionStorage.clear();"  # as at first

# Opens the folds and scrolls to the end, so that all is drawn and every
# picture asked for. The second frame comes when the first has been drawn;
# nobody looks, so the browser need not paint it.
SCROLL = """async () => {
  const folds = document.querySelectorAll("details");
  for (const fold of folds) fold.open = true;
  const frame = () => new Promise(requestAnimationFrame);
  const page = document.documentElement;
  page.style.opacity = 0;
  for (let top = 0; top < page.scrollHeight; top += innerHeight - 100) {
    scrollTo(0, top);
    await frame();
    await frame();
  }
  page.style.opacity = "";
  await document.fonts.ready;
  await Promise.all([...document.images]
    .filter(image => image.checkVisibility() && !image.complete)
    .map(image => new Promise(
      done => image.onload = image.onerror = done)));
}"""
SEEN = r"""() => {
const isWide = e => e.scrollWidth > e.clientWidth + 1 && e.checkVisibility();
const show = e => e.outerHTML.slice(0, 300);
return {
  width: document.documentElement.scrollWidth,
  theme: document.documentElement.dataset.theme,
  missing: [...document.images]
    .filter(i => i.checkVisibility() && !i.naturalWidth)
    .map(i => i.src),
  wide: [...document.querySelectorAll("pre")].filter(isWide).map(show),
  // A message is never cut; other boxes only with a shadow that says so.
  messages: [...document.querySelectorAll("pre")]
    .filter(pre => /^\w+(Error|Warning)\b/m.test(pre.textContent))
    .filter(isWide).map(show),
  cut: [...document.querySelectorAll("article *")]
    .filter(e => isWide(e) && e.clientWidth > 1 && !e.closest("math, svg"))
    .filter(e => getComputedStyle(e).overflowX !== "visible"
      && !getComputedStyle(e).backgroundAttachment.includes("local"))
    .map(show),
  unseen: [...document.querySelectorAll(".formula__number")]
    .filter(number => number.getBoundingClientRect().right > innerWidth)
    .map(show),
}; }"""

# Tokens of one kind have one colour, and so have formulas: the first of each
# kind is left, or axe would look at thousands.
FEWER = """() => {
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
  const seen = new Set();
  for (const formula of document.querySelectorAll("math")) {
    const { tagName, className } = formula.parentElement;
    const kind = tagName + className;
    if (seen.has(kind)) formula.replaceWith(formula.textContent);
    seen.add(kind);
  }
}"""


NAME_LACKS_LABEL = "label-content-name-mismatch"  # off by itself


def violations(page, **options):
    """Return what axe finds wrong with a page."""
    from axe_playwright_python.sync_playwright import Axe

    page.evaluate(FEWER)
    asked = {"enabled": "runOnly" not in options}
    rules = {NAME_LACKS_LABEL: asked} | options.pop("rules", {})
    options = {"resultTypes": ["violations"], "rules": rules, **options}
    found = Axe().run(page, options=options).response["violations"]
    return [
        (rule["id"], node["html"][:200], node.get("failureSummary"))
        for rule in found
        for node in rule["nodes"]
    ]


def check_page(page, server, name, scheme, width):
    """Hold a page against what all must be."""
    page.set_viewport_size({"width": width, "height": HEIGHT})
    server.sent.clear()
    page.goto(server.base + name)
    page.evaluate(SCROLL)
    if (scheme, width) == SCREENS[0]:
        page.wait_for_load_state("networkidle")  # nothing is late
    seen = page.evaluate(SEEN)
    assert seen["width"] <= width, name
    assert seen["theme"] == scheme, name
    for fault in ("missing", "messages", "cut", "unseen"):
        assert not seen[fault], (name, fault, seen[fault])
    if width == 1280:
        assert not seen["wide"], name
    assert 4 <= len(server.sent) <= 25, (name, server.sent)
    assert sum(server.sent.values()) <= 450 * 1024, (name, server.sent)
    # Colours do not change with the width, nor anything else with the scheme.
    if scheme == "dark":
        options = {"runOnly": ["color-contrast"]}
    else:
        options = {"rules": {"color-contrast": {"enabled": width == 1280}}}
    assert not violations(page, **options), name
    if width in ZOOMED:
        page.set_viewport_size({"width": ZOOMED[width], "height": 450})
        zoomed = page.evaluate("document.documentElement.scrollWidth")
        assert zoomed <= ZOOMED[width], name


@in_chromium
@pytest.mark.parametrize(("scheme", "width"), SCREENS)
def test_every_page(site, server, browser, scheme, width):
    """Shown without a complaint, light to load, nothing for axe to find."""
    with opened(browser, server.base, scheme) as page:
        page.add_init_script(FORGET)
        for name in pages(site):
            check_page(page, server, name, scheme, width)


@in_chromium
def test_axe_would_find_something(server, browser):
    with opened(browser, server.base) as page:
        page.goto(server.base + "chapters/notation.html")
        page.add_style_tag(content=".bd-article p { color: #ddd; }")
        page.evaluate(
            "document.querySelector('h1').outerHTML = '<h4>A jump</h4>'"
        )
        page.evaluate(
            "document.querySelector('.search-button-field').ariaLabel = 'Go'"
        )
        rules = {rule for rule, *_ in violations(page)}
        expected = {"color-contrast", "page-has-heading-one", NAME_LACKS_LABEL}
        assert expected <= rules


@in_chromium
def test_a_formula_that_is_too_pale_would_be_found(server, browser):
    with opened(browser, server.base) as page:
        page.goto(server.base + "chapters/01_gru_theory.html")
        page.add_style_tag(content="math { color: #ddd; }")
        found = violations(page, runOnly=["color-contrast"])
        assert {html[:3] for _, html, _ in found} & {"<mi", "<mo", "<mn"}


@in_chromium
def test_pages_work_from_a_folder(site, browser):
    with opened(browser, site.as_uri()) as page:
        for name in [*chapters(site), "chapters/index.html", "index.html"]:
            page.goto((site / name).as_uri())
            page.evaluate("document.fonts.ready.then(() => 0)")
            assert page.evaluate("document.fonts.check('1em STIX Two Text')")
            assert page.locator("h1").is_visible()


@in_chromium
def test_the_first_idea_is_on_the_first_screen(site, server, browser):
    """The frame has a few lines; a chapter's imports are folded."""
    with opened(browser, server.base) as page:
        for name in chapters(site):
            page.goto(server.base + name)
            page.evaluate("document.fonts.ready.then(() => 0)")
            top = page.locator("article h2").first.bounding_box()["y"]
            assert top < 900, (name, top)
            if "/00_" not in name:
                folded = page.locator("article details.hide").first
                assert folded.bounding_box()["y"] < top, name
                assert folded.bounding_box()["height"] < 40, name


# What the pages say about themselves


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
            assert not head.find("link", rel="canonical")
    # The landing page, which stands at the root, too
    landing = {"index.html", "chapters/index.html"}
    titles = {k: set(v) - landing for k, v in titles.items()}
    assert all(len(names) <= 1 for names in titles.values()), titles


def test_a_known_address_is_told(site_of_repository):
    base = "https://someone.github.io/gru/"
    names = [n for n in pages(site_of_repository) if n[:9] == "chapters/"]
    assert len(names) == 4
    for name in ["index.html", *names]:
        head = soup(site_of_repository / name).head
        own = base if name.endswith("index.html") else base + name
        assert head.find("link", rel="canonical")["href"] == own
        told = {
            tag["property"]: tag["content"]
            for tag in head.find_all("meta", property=True)
        }
        assert told["og:url"] == own
        assert told["og:title"]
        assert told["og:description"]
        picture = told["og:image"].removeprefix(base)
        assert (site_of_repository / picture).read_bytes()[:4] == b"\x89PNG"


def test_pictures_have_words_and_tables_have_headers(site):
    for name in pages(site):
        article = soup(site / name).find("article")
        pictures = article.find_all("img") if article else []
        # What stands in for live figures comes last, and is never the first.
        pictures.sort(key=lambda picture: picture["src"].startswith("data:"))
        begin = int(bool(pictures) and pictures[0]["src"].startswith("data:"))
        for k, picture in enumerate(pictures, begin):
            assert len(picture.get("alt", "")) > 40, (name, picture)
            width, height = int(picture["width"]), int(picture["height"])
            # On a phone, a picture and its words fit on one screen.
            assert width > 0.85 * height > 100, (name, picture)
            assert picture.get("loading") == ("lazy" if k else None)
        for table in soup(site / name).find_all("table"):
            assert table.find("th"), name


# Where they lead


@functools.cache
def ids(path):
    """Return the ids on a page."""
    return {tag["id"] for tag in soup(path).find_all(id=True)}


def leads_nowhere(site, name, address):
    """Tell whether an internal address on a page leads nowhere."""
    if not address or urlsplit(address).scheme:
        return False
    path, _, anchor = urljoin(f"/{name}", address).partition("#")
    anchor = anchor.partition("?")[0]  # then comes a live figure's state
    target = site / unquote(path).partition("?")[0].lstrip("/")
    if not target.is_file():
        return True
    if not anchor or target.suffix != ".html":
        return False
    return unquote(anchor) not in ids(target)


def dead_links(site):
    """Return every internal address that leads nowhere."""
    return [
        (name, tag[key])
        for name in pages(site)
        for tag in soup(site / name).find_all(True)
        for key in ("href", "src")
        if leads_nowhere(site, name, tag.get(key))
    ]


def test_no_link_is_dead(site):
    assert dead_links(site) == []


def test_a_dead_link_would_be_found(tmp_path):
    (tmp_path / "a.html").write_text('<a href="b.html#there">b</a>')
    (tmp_path / "b.html").write_text('<p id="here"><img src="c.png">')
    assert dead_links(tmp_path) == [
        ("a.html", "b.html#there"),
        ("b.html", "c.png"),
    ]


def test_without_a_repository_no_button_leads_to_one(site):
    foreign = ("github.com/someone", "mybinder", "colab.research")
    assert pages(site)
    for name in pages(site):
        text = (site / name).read_text("utf-8")
        assert not [word for word in foreign if word in text], name


def test_with_a_repository_its_buttons_appear(site_of_repository):
    page = site_of_repository / "chapters" / "01_small.html"
    links = [tag["href"] for tag in soup(page).find_all(href=True)]
    path = "chapters/01_small.ipynb"
    assert "https://github.com/someone/gru" in links
    assert f"https://github.com/someone/gru/edit/main/{path}" in links
    assert any("issues/new" in link for link in links)
    colab = "https://colab.research.google.com/github/someone/gru/blob/main/"
    assert colab + path in links
    assert any(link.startswith("https://mybinder.org/") for link in links)


def test_page_and_download_say_where_to_install_from(site_of_repository):
    named = "git+https://github.com/someone/gru"
    folder = site_of_repository
    for name in ("chapters/index.html", "_sources/chapters/01_small.ipynb"):
        assert named in (folder / name).read_text("utf-8"), name
    page = soup(folder / "chapters/01_small.html")
    assert page.find("a", href="index.html#run-it-yourself")


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
