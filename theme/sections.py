"""The sections of a built page, as the search wants them.

A section is what stands under one heading, without the sections inside it:
an address, a heading and those above it, and words in blocks. What a link
says of the section that it leads to counts for that section, too.
"""

import re
from urllib.parse import urljoin

from bs4 import BeautifulSoup, SoupStrainer

ARTICLE = SoupStrainer("article", class_="bd-article")
HEADINGS = ["h1", "h2", "h3", "h4", "h5", "h6"]
LEFT_OUT = (
    "a.headerlink, nav, script, style, button, h1 > .section-number, "
    ".cell summary"
)
# A row of a table is one block; of others, the innermost ones are.
BLOCKS = ["p", "li", "tr", "dt", "dd", "pre", "figcaption", "caption", "math"]
WORD = re.compile(r"\w+")
OF_SPHINX = re.compile(r"id\d+|cites-.*")  # ids that no author gave
SAYS_NOTHING = re.compile(
    r"(chapters?|figures?|section)?[\s\d.]*|here|next|more|exercise[\s\d.]*",
    re.I,
)


def is_hidden(tag):
    """Tell a fold, or a program: found, but not shown by the search."""
    return tag.name == "details" or "highlight-python" in tag.get("class", [])


def words_of(element):
    """Return an element's text on one line."""
    cells = element.find_all(["th", "td"]) if element.name == "tr" else []
    text = " ".join(c.get_text() for c in cells) or element.get_text()
    return " ".join(text.split())


def heading_of(section):
    """Return a section's own heading."""
    return section.find(HEADINGS, recursive=False)


def names_of(section):
    """Return the ids of a section, what its author calls it first."""
    spans = heading_of(section).find_previous_siblings("span", id=True)
    names = [tag["id"] for tag in [*spans, section]]
    return sorted(names, key=lambda name: bool(OF_SPHINX.fullmatch(name)))


def kind_of(block):
    """Tell what is folded, a program or a formula, and results, from text."""
    if block.name == "math" or block.find_parent(is_hidden):
        return "code"
    return "results" if block.find_parent(class_="stream") else "text"


def place_of(block):
    """Return the id of a figure, or of a paragraph that has one."""
    owner = block.find_parent("figure") or block
    before = owner.find_previous_sibling()
    owners = [owner]
    if before is not None and before.name == "span" and not before.get_text():
        owners.append(before)
    names = [tag["id"] for tag in owners if tag.get("id")]
    return next((n for n in names if not OF_SPHINX.fullmatch(n)), None)


def blocks_of(section):
    """Yield the blocks of a section, without those of sections inside it."""
    for block in section.find_all(BLOCKS):
        if block.find_parent("section") is not section:
            continue
        row = block.find_parent("tr")
        whole = block.name == "tr" or not block.find(BLOCKS[:-1])
        inside = block.name == "math" and block.find_parent(BLOCKS[:-1])
        if row is None and whole and not inside:
            yield block


def read(section, page, above):
    """Return what the search has to know of a section."""
    found = {"text": [], "results": [], "code": []}
    places = []
    for block in blocks_of(section):
        text = words_of(block)
        if not text:
            continue
        kind, name = kind_of(block), place_of(block)
        if kind == "text" and name:
            places.append([name, text])
        else:
            found[kind].append(text)
    pictures = section.find_all("img", alt=True)
    own = [i["alt"] for i in pictures if i.find_parent("section") is section]
    return {
        "page": page,
        "ids": names_of(section),
        "title": words_of(heading_of(section)),
        "above": above,
        "text": found["text"],
        "results": found["results"],
        "places": places,
        # Each word once: nothing of it is shown.
        "code": " ".join(
            dict.fromkeys(WORD.findall(" ".join(found["code"] + own)))
        ),
    }


def terms_of(section):
    """Return what is set in bold: a standard term, where it is explained."""
    found = section.find_all(["strong", "dfn", "dt"])
    own = [t for t in found if t.find_parent("section") is section]
    return [words_of(tag) for tag in own]


def sections_of(html, page):
    """Yield the sections of a page, and what its links say of others."""
    article = BeautifulSoup(html, "html.parser", parse_only=ARTICLE)
    for tag in article.select(LEFT_OUT):
        tag.decompose()
    for section in article.find_all("section", id=True):
        if heading_of(section) is not None:
            above = [
                words_of(heading_of(outer))
                for outer in reversed(section.find_parents("section"))
            ]
            yield read(section, page, above) | {
                "terms": terms_of(section),
                "links": links_of(section, page),
            }


def links_of(section, page):
    """Return (address, words) of each link into the book from a section.

    In a table the words are those of the row: a term, or a symptom.
    """
    found = []
    for link in section.find_all("a", class_="internal", href=True):
        if link.find_parent("section") is section:
            row = link.find_parent("tr")
            words = words_of(row if row is not None else link)
            if not SAYS_NOTHING.fullmatch(words):
                found.append((urljoin(page, link["href"]), words))
    return found
