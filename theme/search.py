"""The search finds sections, and knows the words of the field.

Built pages are cut into sections, which are written into one file beside
Sphinx's own index. The search page alone loads it, as a script, so that it
works from a folder, too; ``static/search.js`` ranks the sections in the
browser, with the stemmer that Sphinx brings. ``search_terms.yml`` has words
that mean the same, misspellings, and words that say nothing.
"""

import json
from pathlib import Path

import yaml

from theme.sections import sections_of

TERMS = Path(__file__).with_name("search_terms.yml")
NAME = "searchsections.js"


def load_terms():
    """Return the words of the field."""
    return yaml.safe_load(TERMS.read_text("utf-8"))


def said_of(sections):
    """Return by a section's address what links elsewhere say of it."""
    owner = {
        f"{section['page']}#{name}": f"{section['page']}#{section['ids'][0]}"
        for section in sections
        for name in section["ids"] + [place[0] for place in section["places"]]
    }
    for section in sections:  # a link to a page leads to its first section
        own = f"{section['page']}#{section['ids'][0]}"
        owner.setdefault(section["page"], own)
    said = {}
    for section in sections:
        for address, words in section["links"]:
            if address in owner:
                said.setdefault(owner[address], []).append(words)
    return said


def index_of(pages, terms):
    """Return what the search page loads: sections and terms.

    ``pages`` are pairs of an address and a page's HTML, in the book's order.
    """
    sections = [s for page, html in pages for s in sections_of(html, page)]
    said, also = said_of(sections), terms.get("also", {})
    for section in sections:
        address = f"{section['page']}#{section['ids'][0]}"
        short = address.removeprefix("chapters/").replace(".html#", "#")
        section["said"] = " ".join(dict.fromkeys(said.get(address, [])))
        section["also"] = also.get(short, "")
        section["id"] = section["ids"][0]
        del section["links"], section["ids"]
    kept = {key: value for key, value in terms.items() if key != "also"}
    return {"sections": sections, **kept}


def write(app, exception):
    """Write the sections of all pages."""
    if exception or app.builder.name != "html":
        return
    addresses = map(app.builder.get_target_uri, app.env.external_site_map)
    out = Path(app.outdir)
    pages = [(a, (out / a).read_text("utf-8")) for a in addresses]
    index = json.dumps(index_of(pages, load_terms()), ensure_ascii=False)
    (out / NAME).write_text(f"window.bookIndex = {index};\n", "utf-8")


def setup(app):
    """Connect to Sphinx."""
    # After others have written the last of the pages.
    app.connect("build-finished", write, priority=950)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
