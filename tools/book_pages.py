"""The pages of a built site in the book's order, without what only a site has.

``tools/print_book.py`` and ``tools/bind_epub.py`` make one file of them.
"""

import posixpath
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import yaml
from bs4 import BeautifulSoup, Comment, Tag

ROOT = Path(__file__).resolve().parents[1]
# Marks, menus and scripts; the files that the site offers.
LEFT_OUT = (
    ".headerlink, .progress-in-part, .copybtn, .files, script, noscript, "
    "button, style, .answer-box"
)
# What only a browser uses.
ATTRIBUTES = ("loading", "tabindex", "contenteditable")


class Page(NamedTuple):
    """A page of the site."""

    name: str  # such as "chapters/04_training"
    part: str  # the caption of its part; empty for the landing page
    title: str
    article: Tag


def listed(root=ROOT):
    """Yield names and parts of the pages, in the book's order."""
    toc = yaml.safe_load((root / "_toc.yml").read_text("utf-8"))
    yield toc["root"], ""
    for part in toc["parts"]:
        for chapter in part["chapters"]:
            yield chapter["file"], part["caption"]


def open_fold(fold, soup):
    """Replace a fold by what is in it, under a label that says what it is."""
    summary = fold.summary.extract()
    said = summary.select_one(".collapsed") or summary
    words = said.get_text(" ", strip=True).removeprefix("Show the ")
    label = soup.new_tag("p", attrs={"class": "fold-label"})
    label.string = words[:1].upper() + words[1:]
    fold.name, fold.attrs = "div", {"class": "fold"}
    fold.insert(0, label)


def clean(article, soup):
    """Leave out what only a site has, and open the folds."""
    for element in article.select(LEFT_OUT):
        element.decompose()
    for comment in article.find_all(string=lambda s: isinstance(s, Comment)):
        comment.extract()
    for fold in article.find_all("details"):
        open_fold(fold, soup)
    for element in article.find_all(True):
        if "-" in element.name:  # a figure that is drawn by a script
            element.unwrap()
        for name in ATTRIBUTES:
            element.attrs.pop(name, None)


def read_pages(site, root=ROOT):
    """Return the pages of a site, cleaned."""
    pages = []
    for name, part in listed(root):
        text = (Path(site) / f"{name}.html").read_text("utf-8")
        soup = BeautifulSoup(text, "html.parser")
        article = soup.find("article")
        clean(article, soup)
        title = " ".join(article.h1.get_text().split())
        pages.append(Page(name, part, title, article))
    return pages


def relink(page, address_of):
    """Have a page's links lead to their places in the one file.

    ``address_of`` takes a file of the site and an anchor, and returns an
    address, or None: then the words stay, without a link.
    """
    for link in page.article.find_all("a", href=True):
        parts = urlsplit(link["href"])
        if parts.scheme:
            continue
        folder = posixpath.dirname(page.name)
        path = posixpath.normpath(posixpath.join(folder, unquote(parts.path)))
        if not parts.path:
            path = f"{page.name}.html"
        address = address_of(path, unquote(parts.fragment))
        if address is None:
            link.unwrap()
        else:
            link["href"] = address
