"""Old addresses lead to where their content is now.

``moved.json`` holds the pages of the site before its chapters were split, and
every anchor that they had: each section's, target's, figure's and formula's
``id``; with a section's, the target before its heading, if it had one. Not
there are ids that Sphinx and Jupyter Book count by themselves (``id3``).
``renamed`` says where to go for an id, or for such a target, that no page has
any more: to another id, or to the top of the page (``""``). A page's own case
is ``page#id``.

When all pages are written, each id is looked up in them. A page whose name is
gone gets a page that leads on. On a page that still exists, ``book.js`` loads
``moved.js`` if it lacks what it was asked for.
"""

import json
import re
from pathlib import Path

MOVED = Path(__file__).with_name("moved.json")
GO = '<meta http-equiv="refresh" content="0; url={target}">'
REDIRECT = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<meta name="description" content="{description}">
{go}
<link rel="canonical" href="{canonical}">
<p><a href="{target}">{title}</a></p>
</html>
"""
# The script leads to the anchor; without scripts, the page is reached.
LEAD_ON = """\
<script>
  const moved = {moved};
  location.replace(moved[location.hash.slice(1)] ?? "{target}");
</script>
<noscript>{go}</noscript>"""


def load():
    """Return the old pages, and the ids that were renamed."""
    known = json.loads(MOVED.read_text("utf-8"))
    return known["pages"], known["renamed"]


def ids_of(html):
    """Return all ids in the text of a page."""
    return set(re.findall(r'<[^>]*\sid="([^"]+)"', html))


def find(new, page, names):
    """Return page and id of one of these names, or None.

    The page itself is asked first, for all of them, then all pages in the
    order of the book, for one name after the other.
    """
    asked = [(page, name) for name in names]
    asked += [(other, name) for name in names for other in new]
    for other, name in asked:
        wanted, _, name = name.rpartition("#")
        if name in new.get(wanted or other, ()):
            return f"{wanted or other}.html#{name}"
    return None


def destinations(new, pages, renamed):
    """Return where each old page's ids lead to, and those that lead nowhere.

    Parameters
    ----------
    new : dict
        For each page there is, in the book's order, all its ids.
    pages, renamed : dict
        What ``load`` returns.
    """
    leads, lost = {}, []
    for old, known in pages.items():
        page = known["page"]
        if page not in new:
            continue  # of another book
        leads[old] = {}
        for name, label in known["ids"].items():
            again = renamed.get(f"{old}#{name}", renamed.get(name, name))
            names = [again, name, renamed.get(label), label]
            if name in new[page]:
                names = [name]
            target = again and find(new, page, [n for n in names if n])
            if not target and again:
                lost.append(f"{old}#{name}")
            leads[old][name] = target or f"{page}.html"
    return leads, lost


def page_that_leads_on(app, old, page, leads):
    """Return a page for an old address: to each id's place."""
    base = app.config.html_baseurl
    target = f"{page}.html"
    title = app.env.titles[f"chapters/{page}"].astext()
    go = LEAD_ON.format(
        moved=json.dumps(leads), target=target, go=GO.format(target=target)
    )
    return REDIRECT.format(
        title=f"{title}, formerly {old}",
        description=f"{app.config.html_title}: this page has moved to the "
        f"address {target}.",
        target=target,
        canonical=(f"{base}chapters/" if base else "") + target,
        go=go,
    )


def write(app, exception):
    """Write what leads on from old pages and from old anchors."""
    if exception or app.builder.name != "html":
        return
    out = Path(app.outdir)
    new = {
        name.removeprefix("chapters/"): ids_of(
            (out / f"{name}.html").read_text("utf-8")
        )
        for name in app.env.external_site_map
        if name.startswith("chapters/")
    }
    pages, renamed = load()
    leads, _ = destinations(new, pages, renamed)
    elsewhere = {}
    for old, moved in leads.items():
        if old in new:
            page = f"{old}.html"
            elsewhere[old] = {
                name: target
                for name, target in moved.items()
                if target not in (page, f"{page}#{name}")
            }
        else:
            text = page_that_leads_on(app, old, pages[old]["page"], moved)
            (out / f"chapters/{old}.html").write_text(text, "utf-8")
    text = f"window.moved = {json.dumps(elsewhere)};\n"
    (out / "_static/moved.js").write_text(text, "utf-8")


def setup(app):
    """Connect to Sphinx."""
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
