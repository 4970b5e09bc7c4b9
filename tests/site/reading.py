"""The files of a built site, and the elements of its pages."""

import functools
import re

from bs4 import BeautifulSoup


def pages(site):
    """Return the names of all pages."""
    names = [p.relative_to(site) for p in sorted(site.rglob("*.html"))]
    return [name.as_posix() for name in names if "_static" not in name.parts]


def chapters(site):
    """Return the names of the pages that are notebooks."""
    return [name for name in pages(site) if re.match(r"chapters/\d", name)]


@functools.cache
def soup(path):
    """Return a page's elements."""
    return BeautifulSoup(path.read_text("utf-8"), "html.parser")
