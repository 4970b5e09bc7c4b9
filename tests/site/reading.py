"""The files of a built site, and the elements of its pages."""

import functools
import re

from bs4 import BeautifulSoup

from theme import moved


def pages(site):
    """Return the names of all pages, without those that have moved."""
    names = [p.relative_to(site) for p in sorted(site.rglob("*.html"))]
    gone = {
        f"chapters/{old}.html"
        for old, known in moved.load()[0].items()
        if known["page"] != old
    }
    return [
        name.as_posix()
        for name in names
        if "_static" not in name.parts and name.as_posix() not in gone
    ]


def chapters(site):
    """Return the names of the pages that are notebooks."""
    return [name for name in pages(site) if re.match(r"chapters/\d", name)]


@functools.cache
def soup(path):
    """Return a page's elements."""
    return BeautifulSoup(path.read_text("utf-8"), "html.parser")
