"""The site knows its address, and has its landing page there."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.site.browsing import in_chromium, opened
from tests.site.conftest import built, write_small_book
from tests.site.reading import soup
from theme import address

ROOT = Path(__file__).resolve().parents[2]
# What a build is told: the repository, an address, a file CNAME.
KNOWN = [
    ("Someone/gru", "", "", "https://someone.github.io/gru/"),
    ("alice/alice.github.io", "", "", "https://alice.github.io/"),
    ("Alice/Alice.GitHub.io", "", "", "https://alice.github.io/"),
    ("alice/bob.github.io", "", "", "https://alice.github.io/bob.github.io/"),
    ("someone/gru", "", "gru.example.org\n", "https://gru.example.org/"),
    ("someone/gru", "https://a.org", "gru.example.org", "https://a.org/"),
    ("", "https://a.org/books/gru/", "", "https://a.org/books/gru/"),
    ("", "", "", ""),
]


@pytest.fixture
def config():
    return SimpleNamespace(
        html_theme_options={"logo": "ours"},
        html_baseurl="",
        notfound_urls_prefix="/",
        notfound_context={"body": '<a href="/search.html">'},
    )


@pytest.mark.parametrize(("repository", "told", "domain", "expected"), KNOWN)
def test_the_address_is_that_of_the_site(
    repository, told, domain, expected, tmp_path, monkeypatch, config
):
    monkeypatch.setenv("GITHUB_REPOSITORY", repository)
    monkeypatch.setenv("SITE_ADDRESS", told)
    if domain:
        (tmp_path / "CNAME").write_text(domain, "utf-8")
    address.tell_address(SimpleNamespace(confdir=tmp_path), config)
    assert config.html_baseurl == expected
    if expected:
        assert config.ogp_site_url == expected
        host = expected.split("/")[2]
        prefix = expected.partition(host)[2]
        assert config.notfound_urls_prefix == prefix
        link = f'<a href="{prefix}search.html">'
        assert config.notfound_context["body"] == link
    else:
        assert not hasattr(config, "ogp_site_url")


def test_a_repository_is_told_to_the_theme(monkeypatch, config):
    monkeypatch.setenv("GITHUB_REPOSITORY", "Someone/gru")
    address.add_repository(None, config)
    told = config.html_theme_options
    assert told["repository_url"] == "https://github.com/Someone/gru"
    assert told["logo"] == "ours"


def test_no_repository_adds_no_button(monkeypatch, config):
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    address.add_repository(None, config)
    assert config.html_theme_options == {"logo": "ours"}


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        (
            {"GITHUB_REPOSITORY": "https://github.com/a/b"},
            "GITHUB_REPOSITORY: expected owner/name",
        ),
        ({"SITE_ADDRESS": "gru.example.org"}, "SITE_ADDRESS: expected https"),
    ],
)
def test_an_address_that_is_none_is_refused(environment, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        address.address_of(environment, tmp_path)


@pytest.mark.parametrize(
    ("below", "above"),
    [
        (
            '<a href="04_training.html#loop">',
            '"chapters/04_training.html#loop"',
        ),
        ('<a href="#run">', '"#run"'),
        ('<a href="index.html#run">', '"index.html#run"'),
        ('<img src="../_images/a.png">', '"_images/a.png"'),
        ('<html data-content_root="../">', '"./"'),
        ('link.href = "../_static/fonts/" + name', '"_static/fonts/"'),
        ('<a href="https://a.org/b.html">', '"https://a.org/b.html"'),
        ('<img src="data:image/png;base64,a">', '"data:image/png;base64,a"'),
        ('<a href="/gru/404.html">', '"/gru/404.html"'),
    ],
)
def test_links_of_a_page_lead_to_the_same_places_from_above(below, above):
    text = address.at_root(below, "chapters")
    assert text[text.index('"') : text.rindex('"') + 1] == above


# Built sites


@pytest.fixture(scope="module")
def site_of_user(tmp_path_factory):
    """The site of a small book in a repository NAME.github.io."""
    folder = tmp_path_factory.mktemp("user")
    write_small_book(folder)
    repository = {"GITHUB_REPOSITORY": "alice/alice.github.io"}
    return built(tmp_path_factory, "user_site", folder, **repository)


@pytest.mark.slow
def test_a_users_own_site_has_its_addresses(site_of_user):
    base = "https://alice.github.io/"
    for name, own in (
        ("index.html", base),
        ("chapters/index.html", base),
        ("chapters/01_small.html", f"{base}chapters/01_small.html"),
    ):
        head = soup(site_of_user / name).head
        (canonical,) = head.find_all("link", rel="canonical")
        (told,) = head.find_all("meta", property="og:url")
        assert canonical["href"] == told["content"] == own
        (site_name,) = head.find_all("meta", property="og:site_name")
        assert site_name["content"] == "GRU by Experiment"
        picture = head.find("meta", property="og:image")["content"]
        assert picture == f"{base}_static/social.png"
    text = (site_of_user / "404.html").read_text("utf-8")
    assert '"/alice.github.io/' not in text
    assert 'href="/_static/site.css"' in text


@pytest.mark.slow
def test_without_an_address_no_page_tells_its_own(site):
    for name in ("index.html", "chapters/04_training.html"):
        assert not soup(site / name).head.find("meta", property="og:url")


@pytest.mark.slow
def test_the_landing_page_stands_at_the_root(site):
    """The same text, and no redirect."""
    pages = [
        soup(site / name) for name in ("index.html", "chapters/index.html")
    ]
    texts = [page.find("article").get_text() for page in pages]
    assert texts[0] == texts[1]
    assert not pages[0].find("meta", attrs={"http-equiv": "refresh"})


@pytest.mark.slow
def test_the_searches_list_the_landing_page_once(site):
    index = (site / "searchindex.js").read_text("utf-8")
    assert index.count('"chapters/index"') == 1
    sections = (site / "searchsections.js").read_text("utf-8")
    assert '"index.html"' not in sections
    assert '"chapters/index.html"' in sections


@pytest.mark.slow
@in_chromium
def test_a_reader_at_the_root_finds_the_way(server, browser):
    with opened(browser, server.base) as page:
        page.goto(server.base + "index.html")
        assert page.url == server.base + "index.html"
        page.locator("article .start a").first.click()
        page.wait_for_url("**/chapters/00_first_forecast.html")
        page.go_back()
        page.wait_for_url(server.base + "index.html")
        page.locator(
            "#pst-primary-sidebar a", has_text="Training"
        ).first.click()
        page.wait_for_url("**/chapters/0*.html")
        page.locator("a[href='index.html#run-it-yourself']").first.click()
        page.wait_for_url("**/chapters/index.html#run-it-yourself")
