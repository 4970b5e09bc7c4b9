"""One file of all pages: folds open, links that lead to their places."""

import shutil
import zipfile
from xml.etree import ElementTree

import pytest
from bs4 import BeautifulSoup
from PIL import Image

from tests.epub import check_epub
from theme import files
from tools import bind_epub, book_pages, print_book

TOC = """\
root: chapters/index
parts:
  - caption: Part & one
    chapters:
      - file: chapters/01_a
      - file: chapters/02_b
"""
CONFIG = """\
title: A book & more
author: Nobody
sphinx: {config: {book_description: About nothing.}}
"""
PAGES = {
    "index": """\
<h1>Overview</h1>
<p id="as-files">As files.</p>
<!-- files --><ul class="files"><li><a href="x.pdf">PDF</a></li></ul>
<p><a href="01_a.html#here">to 1</a> <a href="https://a.org/">away</a></p>
<gate-explorer bz="3">
<img src="../_images/a.png" loading="lazy" alt="A"></gate-explorer>
<script>document.write("no")</script>""",
    "01_a": """\
<nav class="progress-in-part">1 of 2</nav>
<section id="a"><h1>1. A<a class="headerlink" href="#a">#</a></h1>
<section id="here"><h2>Here it is</h2><p>A<br>b</p><p>Below</p>
<math><mi scriptlevel="1">x</mi></math>
<p><a href="#here">here</a> <a href="02_b.html">next</a>
<a href="index.html">overview</a> <a href="../index.html">root</a>
<a href="../search.html">search</a> <a href="02_b.html#gone">gone</a></p>
<details class="hide"><summary><p class="collapsed">Show the solution</p>
<p class="expanded">Hide the solution</p></summary><pre>x = 7</pre></details>
<table border="1"><tr><th>n</th></tr></table>
</section></section>""",
    "02_b": """\
<section id="b"><h1>2. B &amp; more</h1><p id="here">There</p>
<p id="cites-a/b">x</p><p><a href="#cites-a/b">a/b</a></p></section>""",
}


@pytest.fixture
def book(tmp_path):
    """A folder with a book's settings."""
    (tmp_path / "_toc.yml").write_text(TOC, "utf-8")
    (tmp_path / "_config.yml").write_text(CONFIG, "utf-8")
    return tmp_path


@pytest.fixture
def site(book):
    """A small site, built by hand."""
    site = book / "site"
    for folder in ("chapters", "_images", "_static"):
        (site / folder).mkdir(parents=True)
    for name, body in PAGES.items():
        text = f'<body><article class="bd-article">{body}</article></body>'
        (site / f"chapters/{name}.html").write_text(text, "utf-8")
    (site / "_static/site.css").write_text("p { color: black }", "utf-8")
    Image.new("RGB", (40, 20)).save(site / "_images/a.png")
    shutil.copy(site / "chapters/index.html", site)
    return site


def test_pages_come_in_order_without_what_only_a_site_has(site, book):
    pages = book_pages.read_pages(site, book)
    assert [(page.name, page.part, page.title) for page in pages] == [
        ("chapters/index", "", "Overview"),
        ("chapters/01_a", "Part & one", "1. A"),
        ("chapters/02_b", "Part & one", "2. B & more"),
    ]
    landing, first, _ = (page.article for page in pages)
    assert not landing.select("script, .files, gate-explorer")
    assert landing.img.attrs == {"src": "../_images/a.png", "alt": "A"}
    assert not first.select("nav, .headerlink, details, summary")
    fold = first.select_one("div.fold")
    assert fold.select_one(".fold-label").get_text() == "Solution"
    assert fold.pre.get_text() == "x = 7"


def test_in_one_document_each_link_leads_to_its_place(site, book):
    html = print_book.gather(book_pages.read_pages(site, book))
    soup = BeautifulSoup(html, "html.parser")
    ids = [tag["id"] for tag in soup.find_all(id=True)]
    assert len(ids) == len(set(ids))
    places = {tag.get_text(): tag["href"] for tag in soup.find_all("a")}
    assert places == {
        "to 1": "#01_a--here",
        "away": "https://a.org/",
        "here": "#01_a--here",
        "next": "#02_b",
        "overview": "#index",
        "root": "#index",
        "a/b": "#02_b--cites-a/b",
    }
    inner = {place[1:] for place in places.values() if place[0] == "#"}
    assert inner <= set(ids)
    assert "gone" in soup.get_text()


def test_contents_name_parts_pages_and_their_numbers(site, book):
    pages = book_pages.read_pages(site, book)
    rows = print_book.contents(pages, {"index": 3, "01_a": 4}).split("\n")
    assert rows == [
        '<p><a href="#index">Overview</a><span>3</span></p>',
        '<p class="contents__part">Part &amp; one</p>',
        '<p><a href="#01_a">1. A</a><span>4</span></p>',
        '<p><a href="#02_b">2. B &amp; more</a><span>999</span></p>',
    ]


def test_an_epub_is_well_formed_and_its_links_lead_somewhere(site, book):
    path = book / "book.epub"
    assert bind_epub.write(path, site, book) == 3
    check_epub(path)
    archive = zipfile.ZipFile(path)
    text = archive.read("book/pages/01_a.xhtml").decode()
    assert '<math xmlns="http://www.w3.org/1998/Math/MathML">' in text
    assert '<mstyle scriptlevel="1"><mi>x</mi></mstyle>' in text
    assert '<a href="01_a.xhtml#here">here</a>' in text
    assert '<a href="index.xhtml">root</a>' in text
    assert 'border="1"' not in text
    package = archive.read("book/content.opf").decode()
    assert "<dc:title>A book &amp; more</dc:title>" in package
    assert package.count('properties="mathml"') == 1
    contents = ElementTree.fromstring(archive.read("book/nav.xhtml"))
    titles = ["".join(a.itertext()) for a in contents.iter() if a.get("href")]
    assert titles[1:] == ["Overview", "1. A", "Here it is", "2. B & more"]


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("<br/>", "<br>", ElementTree.ParseError),
        ('"02_b.xhtml"', '"03_c.xhtml"', AssertionError),
        ('"01_a.xhtml#here"', '"01_a.xhtml#there"', AssertionError),
    ],
)
def test_a_faulty_epub_would_be_found(site, book, old, new, error):
    path, other = book / "book.epub", book / "other.epub"
    bind_epub.write(path, site, book)
    with zipfile.ZipFile(path) as good, zipfile.ZipFile(other, "w") as bad:
        for entry in good.infolist():
            text = good.read(entry)
            if entry.filename == "book/pages/01_a.xhtml":
                assert old.encode() in text
                text = text.replace(old.encode(), new.encode())
            bad.writestr(entry, text)
    with pytest.raises(error):
        check_epub(other)


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(
    not any(map(shutil.which, print_book.BROWSERS)),
    reason="Chromium is not installed",
)
def test_the_pdf_has_bookmarks_and_links_and_is_linked(
    site, book, monkeypatch, capsys
):
    """All in one go, on the small site."""
    from pypdf import PdfReader

    monkeypatch.setattr(print_book, "ROOT", book)
    print_book.main(site)
    path = files.path_of(site, "pdf")
    assert f"{path}: 5 pages" in capsys.readouterr().out
    reader = PdfReader(path)
    assert reader.metadata.title == "A book & more"
    titles = [
        (mark.title, reader.get_destination_page_number(mark) + 1)
        for mark in reader.outline
        if not isinstance(mark, list)
    ]
    assert titles == [
        ("Contents", 2),
        ("Overview", 3),
        ("1. A", 4),
        ("2. B & more", 5),
    ]
    texts = [page.extract_text() for page in reader.pages]
    told = [line.split() for line in texts[1].split("\n")]
    assert ["1.", "A", "4"] in told or "1. A4" in texts[1]
    assert "x = 7" in texts[3]
    inner = [
        link
        for page in reader.pages
        for link in page.get("/Annots", ())
        if "/Dest" in link.get_object()
    ]
    assert len(inner) >= 9  # three of the contents, and the pages' own
    for name in ("index.html", "chapters/index.html"):
        text = (site / name).read_text("utf-8")
        assert "downloads/gru-by-experiment.pdf" in text


def test_printing_without_a_site_says_what_to_do(tmp_path):
    for command in (print_book.main, bind_epub.main):
        with pytest.raises(SystemExit, match="run `make book`"):
            command(tmp_path)


def test_printing_without_chromium_says_what_to_do(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(SystemExit, match="expected `chromium`"):
        print_book.browser_path()
