"""The site's own Sphinx extension: formulas without a foreign host."""

import shutil
from importlib.metadata import distribution
from pathlib import Path

FONTS = Path("output/chtml/fonts/woff-v2")


def copy_mathjax(app, exception):
    """Copy MathJax's one bundle and its fonts out of their wheel."""
    if exception or app.builder.format != "html":
        return
    wheel = distribution("sphinx-mathjax-offline")
    source = Path(wheel.locate_file("sphinx-mathjax-offline/static/mathjax"))
    target = Path(app.outdir) / "_static/mathjax"
    shutil.copytree(source / FONTS, target / FONTS, dirs_exist_ok=True)
    shutil.copy(source / "tex-chtml.js", target)


def setup(app):
    """Connect to Sphinx."""
    app.connect("build-finished", copy_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
