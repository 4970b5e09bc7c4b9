"""The site's own Sphinx extension.

It sets up its parts, one module each, which ``PARTS`` names. Here are the
smaller ones: what the pages know of their place in the book and of its
colours, sizes of pictures, remarks in the margin.
"""

import re
from pathlib import Path

from docutils import nodes
from PIL import Image
from sphinx.transforms.post_transforms import SphinxPostTransform

from theme.numbers import number_of
from theme.tokens import TOKENS

HERE = Path(__file__).parent
PARTS = (
    "address",
    "plain",
    "formulas",
    "folds",
    "body",
    "bundle",
    "download",
    "files",
    "numbers",
    "moved",
    "cited",
    "answers",
    "live",
    "search",
)
PICTURE = re.compile(r'<img [^>]*src="[^"]*_images/(?P<name>[^"]+)"[^>]*>')


def add_place(app, pagename, templatename, context, doctree):
    """Tell a page which part of the book it belongs to, and where it stands.

    The template ``progress.html`` draws what comes of it; ``layout.html``
    names the colours.
    """
    context["tokens"] = TOKENS
    for part in app.env.external_site_map.root.subtrees:
        names = [str(name) for name in part.files()]
        if pagename in names:
            context["part"] = {
                "caption": part.caption,
                "position": names.index(pagename) + 1,
                "chapters": [
                    {
                        "name": name,
                        "number": number_of(name),
                        "title": app.env.titles[name].astext(),
                    }
                    for name in names
                ],
            }


def size_pictures(app, pagename, templatename, context, doctree):
    """Tell the browser how large each picture is, so that nothing jumps.

    All but the first wait until the reader comes near.
    """
    files = {name: path for path, name in app.builder.images.items()}
    lazy = ""

    def sized(match):
        nonlocal lazy
        with Image.open(Path(app.srcdir) / files[match["name"]]) as picture:
            width, height = picture.size
        attributes = f' width="{width}" height="{height}"{lazy}'
        lazy = ' loading="lazy"'
        return match[0].replace("<img", f"<img{attributes}", 1)

    if "body" in context:
        context["body"] = PICTURE.sub(sized, context["body"])


class InPassing(SphinxPostTransform):
    """Move a quotation that begins with *In passing:* into the margin."""

    default_priority = 300

    def run(self, **kwargs):
        """Replace each such quotation of the page."""
        for quote in list(self.document.findall(nodes.block_quote)):
            first = next(iter(quote.findall(nodes.emphasis)), None)
            if first is not None and quote.astext().startswith("In passing:"):
                note = nodes.container(classes=["margin", "in-passing"])
                note += quote.children
                quote.replace_self(note)


def setup(app):
    """Connect to Sphinx."""
    app.add_config_value("book_description", "", "html", [str])
    for part in PARTS:
        app.setup_extension(f"theme.{part}")
    app.config.templates_path.append(str(HERE / "templates"))
    app.add_post_transform(InPassing)
    app.connect("html-page-context", add_place)
    app.connect("html-page-context", size_pictures)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
