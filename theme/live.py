"""The script of the landing page's live figure.

A notebook brings the script of its figure with it. The landing page is none,
and loads it from a file.
"""

from pathlib import Path

from gru_tutorial.book.explorables.element import script

TAG = "gate-explorer"


def write(app, exception):
    """Write the script beside the site's other ones."""
    if exception or app.builder.name != "html":
        return
    path = Path(app.outdir) / "_static" / f"{TAG}.js"
    path.write_text(script(TAG), "utf-8")


def setup(app):
    """Connect to Sphinx."""
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
