"""How a reader runs a page that was downloaded.

Each chapter's first cell holds ``RUN_IT``. It cannot know where the
repository is; the site's build does, if ``GITHUB_REPOSITORY=owner/name`` is
set. Then the pages, and the notebooks that they offer for download, name the
address.
"""

import os
from pathlib import Path

# No line break, quote or backslash: a notebook's JSON holds it as it is.
RUN_IT = (
    "To run this page, first install what it uses. In a copy of the book's "
    "repository, `pip install .` does that. Anywhere else, `pip install "
    "git+ADDRESS` does, with the repository's address; on Colab, type it into "
    "the terminal."
)


def name_address(text, repository):
    """Return a page's or notebook's text with the address of owner/name."""
    named = RUN_IT.replace("ADDRESS", f"https://github.com/{repository}")
    named = named.replace(", with the repository's address", "")
    return text.replace(RUN_IT, named)


def name_in_page(app, docname, source):
    """Name the address in a page before Sphinx parses it."""
    if app.config.github_repository:
        source[0] = name_address(source[0], app.config.github_repository)


def name_in_downloads(app, exception):
    """Name the address in the notebooks that the site offers."""
    repository = app.config.github_repository
    if exception or app.builder.format != "html" or not repository:
        return
    for path in (Path(app.outdir) / "_sources/chapters").glob("*.ipynb"):
        text = path.read_text("utf-8")
        path.write_text(name_address(text, repository), "utf-8")


def setup(app):
    """Connect to Sphinx; another repository makes it read all pages again."""
    repository = os.environ.get("GITHUB_REPOSITORY", "")
    app.add_config_value("github_repository", repository, "env")
    app.connect("source-read", name_in_page)
    app.connect("build-finished", name_in_downloads)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
