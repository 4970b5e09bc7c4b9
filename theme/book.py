"""The site's own Sphinx extension.

It sets up its parts, one module each: formulas, bundle, download, numbers,
moved, cited. Here are the smaller ones: what the pages know of their place in
the book and of its colours, sizes of pictures, remarks in the margin, the
repository's buttons.

Buttons that lead to the repository, to Colab and to Binder appear when the
build is told which repository it is: ``GITHUB_REPOSITORY=owner/name``, as
GitHub's own machines set it. Without it, they are absent.
"""

import os
import re
from pathlib import Path

from docutils import nodes
from PIL import Image
from sphinx.transforms.post_transforms import SphinxPostTransform

from theme.numbers import number_of
from theme.tokens import TOKENS

HERE = Path(__file__).parent
PARTS = (
    "formulas",
    "folds",
    "bundle",
    "download",
    "numbers",
    "moved",
    "cited",
)
PLAIN = re.compile(r'<span class="(?:n|o|p|w)">([^<]*)</span>')
PICTURE = re.compile(r'<img [^>]*src="[^"]*_images/(?P<name>[^"]+)"[^>]*>')
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


def add_repository(app, config):
    """Add the repository's buttons, if the build knows its address."""
    repository = os.environ.get("GITHUB_REPOSITORY", "")
    if not repository:
        return
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise ValueError(
            f"GITHUB_REPOSITORY: expected owner/name, got {repository!r}"
        )
    options = dict(config.html_theme_options)
    options.update(
        repository_url=f"https://github.com/{repository}",
        repository_branch="main",
        path_to_docs="",
        use_repository_button=True,
        use_edit_page_button=True,
        use_issues_button=True,
        launch_buttons={
            "notebook_interface": "jupyterlab",
            "binderhub_url": "https://mybinder.org",
            "colab_url": "https://colab.research.google.com",
        },
    )
    config.html_theme_options = options
    owner, name = repository.split("/")
    config.html_baseurl = f"https://{owner.lower()}.github.io/{name}/"
    config.ogp_site_url = config.html_baseurl
    config.notfound_urls_prefix = f"/{name}/"


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


def mend_body(app, pagename, templatename, context, doctree):
    """Leave names, operators and brackets of code in the text's own colour.

    That is calmer, and halves the number of a page's elements. And give the
    entries of the bibliography a role that browsers still know.
    """
    if "body" in context:
        body = PLAIN.sub(r"\1", context["body"])
        context["body"] = body.replace("doc-biblioentry", "listitem")


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


def write_redirect(app, exception):
    """Lead from the site's address to its landing page."""
    if exception or app.builder.format != "html":
        return
    target = app.builder.get_target_uri(app.config.root_doc)
    page = REDIRECT.format(
        title=app.config.html_title,
        description=app.config.book_description,
        target=target,
        canonical=app.config.html_baseurl + target,
        go=GO.format(target=target),
    )
    (Path(app.outdir) / "index.html").write_text(page, "utf-8")


def setup(app):
    """Connect to Sphinx."""
    app.add_config_value("book_description", "", "html", [str])
    for part in PARTS:
        app.setup_extension(f"theme.{part}")
    app.config.templates_path.append(str(HERE / "templates"))
    app.add_post_transform(InPassing)
    app.connect("config-inited", add_repository)
    app.connect("html-page-context", add_place)
    app.connect("html-page-context", mend_body)
    app.connect("html-page-context", size_pictures)
    app.connect("build-finished", write_redirect)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
