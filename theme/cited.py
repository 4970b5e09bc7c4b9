"""The references lead back to the places where each work is cited.

A citation is a link to a target on the page of references.
"""

import re

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform

from theme.numbers import number_of

REFERENCES = "chapters/references"
KEY = re.compile(r"[a-z]+\d{4}")  # such as cho2014


def note(app, doctree):
    """Note which works a page cites, and give its first citations ids."""
    places = app.env.citing[app.env.docname] = {}
    for link in list(doctree.findall(addnodes.pending_xref)):
        key = link["reftarget"]
        if KEY.fullmatch(key) and key not in places:
            places[key] = f"cites-{key}"
            place = nodes.inline(ids=[places[key]])
            link.replace_self(place)
            place += link


def forget(app, env, docname):
    """Forget what a page has cited before it is read again."""
    env.citing.pop(docname, None)


def merge(app, env, docnames, other):
    """Take what another process has read."""
    env.citing |= {name: other.citing[name] for name in docnames}


def begin(app, env, docnames):
    """Begin the list of the pages' citations, if none is stored."""
    if not hasattr(env, "citing"):
        env.citing = {}


def write_again(app, env):
    """Have the references written again: a page may cite others now."""
    return [REFERENCES] if REFERENCES in env.found_docs else []


class CitedIn(SphinxPostTransform):
    """Add to each work links to where it is cited, in the book's order."""

    default_priority = 900

    def run(self, **kwargs):
        """Extend the works on the page that has them."""
        if self.env.docname != REFERENCES:
            return
        for work in self.document.findall(nodes.paragraph):
            # A target before a paragraph gives its id to it.
            for key in work["ids"]:
                work["classes"].append("work")
                work += self.links(key)

    def links(self, key):
        """Return the text of a work's last sentence."""
        pages = [
            (page, self.env.citing[page][key])
            for page in self.env.external_site_map
            if key in self.env.citing.get(page, ())
        ]
        text = [nodes.inline("", " Cited in ")] if pages else []
        for page, anchor in pages:
            title = self.env.titles[page].astext()
            number = number_of(page)
            address = self.app.builder.get_relative_uri(REFERENCES, page)
            link = nodes.reference(
                "",
                title if number is None else f"chapter {number}",
                internal=True,
                refuri=f"{address}#{anchor}",
                reftitle=title,
            )
            last = page == pages[-1][0]
            text += [link, nodes.inline("", "." if last else ", ")]
        return text


def setup(app):
    """Connect to Sphinx."""
    app.add_post_transform(CitedIn)
    app.connect("env-before-read-docs", begin)
    app.connect("doctree-read", note)
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    app.connect("env-updated", write_again)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
