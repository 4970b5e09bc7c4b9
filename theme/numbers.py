"""Chapters are counted by their files' names.

``07_memory`` is chapter 7, whatever stands before it: in the menu, in its
title, in the names of its figures. So a chapter may come later without moving
the numbers of others. ``00_first_forecast`` and pages without digits have no
number.
"""

import re

from docutils import nodes
from sphinx.environment.collectors.toctree import TocTreeCollector


def number_of(name):
    """Return the number of a page, or None if it has none."""
    digits = re.match(r"\d+", name.rpartition("/")[2])
    return int(digits[0]) or None if digits else None


def assign_section_numbers(collector, env):
    """Number each page's title; return the pages whose number has changed.

    This takes the place of Sphinx's own method, which counts: it comes before
    the figures are numbered, which follow the chapters.
    """
    before = env.toc_secnumbers
    env.toc_secnumbers = {}
    for name, contents in env.tocs.items():
        number = number_of(name)
        numbers = env.toc_secnumbers[name] = {}
        env.titles[name]["secnumber"] = [number] if number else None
        for heading in contents.findall(nodes.reference):
            anchor = heading["anchorname"]  # a title's is empty
            numbers[anchor] = (number,) if number and not anchor else None
            heading["secnumber"] = numbers[anchor]
    now = env.toc_secnumbers
    return [name for name in now if now[name] != before.get(name)]


def setup(app):
    """Take the place of Sphinx's own counting, and of the table's."""
    app.setup_extension("sphinx_external_toc")  # brings a way of its own
    for kind in (TocTreeCollector, *TocTreeCollector.__subclasses__()):
        kind.assign_section_numbers = assign_section_numbers
    return {"parallel_read_safe": True, "parallel_write_safe": True}
