"""The references lead back to the places where each work is cited."""

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

from theme.numbers import number_of


def places(domain, docnames):
    """Return by a work's key the pages that cite it, in the book's order.

    A page stands with the address of its first citation of the work.
    """
    found = {}
    order = {name: k for k, name in enumerate(docnames)}
    refs = [ref for ref in domain.citation_refs if ref.docname in order]
    for ref in sorted(refs, key=lambda r: (order[r.docname], r.line)):
        for key in (target.key for target in ref.targets):
            pages = found.setdefault(key, {})
            pages.setdefault(ref.docname, ref.citation_ref_id)
    return found


class CitedIn(SphinxPostTransform):
    """Add to each work of the bibliography links to where it is cited."""

    default_priority = 900  # after the bibliography is made

    def run(self, **kwargs):
        """Extend the entries on the page that has them."""
        docname = self.env.docname
        domain = self.env.get_domain("cite")
        keys = {c.citation_id: c.key for c in domain.citations}
        cited = None
        for entry in self.document.findall(nodes.citation):
            if cited is None:
                cited = places(domain, list(self.env.external_site_map))
            for key in filter(None, map(keys.get, entry["ids"])):
                entry[-1] += self.links(docname, cited.get(key, {}))

    def links(self, docname, pages):
        """Return the text of an entry's last sentence."""
        text = [nodes.inline("", " Cited in ")] if pages else []
        for page, anchor in pages.items():
            title = self.env.titles[page].astext()
            number = number_of(page)
            address = self.app.builder.get_relative_uri(docname, page)
            link = nodes.reference(
                "",
                title if number is None else f"chapter {number}",
                internal=True,
                refuri=f"{address}#{anchor}",
                reftitle=title,
            )
            last = page == list(pages)[-1]
            text += [link, nodes.inline("", "." if last else ", ")]
        return text


def setup(app):
    """Connect to Sphinx."""
    app.add_post_transform(CitedIn)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
