"""One style sheet and one script for every page.

The theme and Sphinx's extensions bring ten style sheets and ten scripts, and
an icon font that is larger than all of them. Here they are joined, in the
order in which the pages would have loaded them. What this relies on is
checked: when the theme changes, the build fails and says where.
"""

import re
import shutil
from pathlib import Path

import icons
from sphinx.errors import ExtensionError

# What the theme's own templates load, before and after everything else.
FIRST_STYLES = ["basic.css", "styles/pydata-sphinx-theme.css"]
LAST_SCRIPTS = ["scripts/bootstrap.js", "scripts/pydata-sphinx-theme.js"]
UNUSED = ["scripts/fontawesome.js", "vendor/fontawesome"]

FONT_FACE = re.compile(r"@font-face\{[^}]*Font Awesome[^}]*\}")
GLYPH = re.compile(
    r"(?<=[}/])(?:\.fa[a-z]?(?:-[a-z0-9]+)*(?::before)?,?)+\{[^{}]*\}"
)
SOURCE_MAP = re.compile(r"/[/*][#@] ?sourceMappingURL=[^\n]*")


def collect(app, pagename, templatename, context, doctree):
    """Note which files the pages ask for; all must ask for the same ones."""
    asked = [
        [f.filename.partition("?")[0].removeprefix("_static/") for f in files]
        for files in (
            context["css_files"],
            [f for f in context["script_files"] if f.filename],
        )
    ]
    if app.bundle and app.bundle != asked:
        raise ExtensionError(
            f"{pagename}: asks for other styles and scripts than the pages "
            f"before it: {asked}, expected {app.bundle}"
        )
    app.bundle = asked


def without_icon_font(style):
    """Drop the icon font and its glyphs from the theme's style sheet."""
    style, faces = FONT_FACE.subn("", style)
    style, glyphs = GLYPH.subn("", style)
    if faces != 3 or glyphs < 1000:
        raise ExtensionError(
            "the theme's icon font has changed: expected 3 faces and more "
            f"than 1,000 glyphs, got {faces} and {glyphs}"
        )
    return style


def write(app, exception):
    """Join the files into ``site.css`` and ``site.js``."""
    if exception or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"

    def text(name):
        path = static / name
        if not path.exists():
            raise ExtensionError(f"{name}: the theme no longer brings it")
        return SOURCE_MAP.sub("", path.read_text("utf-8"))

    styles, scripts = app.bundle
    first = [text(name) for name in FIRST_STYLES]
    first[1] = without_icon_font(first[1])
    sheets = [*first, icons.style(), *map(text, styles)]
    (static / "site.css").write_text("\n".join(sheets), "utf-8")
    # A file that lacks its last semicolon must not swallow the next one.
    code = ";\n".join(text(name) for name in [*scripts, *LAST_SCRIPTS])
    (static / "site.js").write_text(code, "utf-8")
    for name in UNUSED:
        path = static / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def setup(app):
    """Connect to Sphinx."""
    app.bundle = None
    app.connect("html-page-context", collect, priority=900)
    # After the theme has written its pygments.css, at the usual priority.
    app.connect("build-finished", write, priority=900)
    # The pages' files are noted in this process.
    return {"parallel_read_safe": True, "parallel_write_safe": False}
