"""How a reader runs a page.

On the site, and in the repository, each chapter's first cell ends in
``RUN_IT``, a link to the one page that says how. A notebook that the site
offers for download is read where that page is not, so there the instruction
stands in full. Both know the repository's address if the build does:
``GITHUB_REPOSITORY=owner/name``.
"""

import os
from pathlib import Path

RUN_IT = "[How to run this page](index.md#run-it-yourself)."
# The landing page holds it too. No quote or backslash, and no line break: a
# notebook's JSON holds it as it is.
ANYWHERE = "`pip install git+ADDRESS`, with the repository's address"
IN_FULL = (
    "To run this page, first install what it uses. In a copy of the book's "
    f"repository, that is `pip install .`. Anywhere else, it is {ANYWHERE}. "
    "On Colab, type it into the terminal."
)


def name_address(text, repository):
    """Return a page's or notebook's text with the address of owner/name."""
    if not repository:
        return text
    address = f"https://github.com/{repository}"
    named = ANYWHERE.partition(",")[0].replace("ADDRESS", address)
    return text.replace(ANYWHERE, named)


def name_in_page(app, docname, source):
    """Name the address in a page before Sphinx parses it."""
    source[0] = name_address(source[0], app.config.github_repository)


def tell_in_downloads(app, exception):
    """Put the whole instruction into the notebooks that the site offers."""
    if exception or app.builder.name != "html":
        return
    instruction = name_address(IN_FULL, app.config.github_repository)
    for path in (Path(app.outdir) / "_sources/chapters").glob("*.ipynb"):
        text = path.read_text("utf-8")
        path.write_text(text.replace(RUN_IT, instruction), "utf-8")


def setup(app):
    """Connect to Sphinx; another repository makes it read all pages again."""
    repository = os.environ.get("GITHUB_REPOSITORY", "")
    app.add_config_value("github_repository", repository, "env")
    app.connect("source-read", name_in_page)
    app.connect("build-finished", tell_in_downloads)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
