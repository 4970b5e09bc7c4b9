"""One style sheet and one script for every page.

The theme and Sphinx's extensions bring ten style sheets and ten scripts, and
an icon font that is larger than all of them. Here they are joined, in the
order in which the pages would have loaded them, and the rules for what no
page holds are left out: two thirds of all. What this relies on is checked:
when the theme changes, the build fails and says where.
"""

import re
import shutil
from pathlib import Path

import tinycss2
from sphinx.errors import ExtensionError

from theme import icons

# What the theme's own templates load, before and after everything else.
FIRST_STYLES = ["basic.css", "styles/pydata-sphinx-theme.css"]
LAST_SCRIPTS = ["scripts/bootstrap.js", "scripts/pydata-sphinx-theme.js"]
UNUSED = ["scripts/fontawesome.js", "vendor/fontawesome"]

FONT_FACE = re.compile(r"@font-face\{[^}]*Font Awesome[^}]*\}")
# What is left out of the theme's scripts: a piece, and what takes its place.
LEFT_OUT = {
    # The theme makes what overflows a stop for the tabulator, and has the
    # browser lay out the page anew for each box it looks at: a second on a
    # phone. book.js does it when a box is drawn.
    "scripts/pydata-sphinx-theme.js": (
        '["pre",".nboutput > .output_area",".cell_output > .output",'
        '".jp-RenderedHTMLCommon",".pst-scrollable-table-container"]'
        '.join(", ")',
        '":not(*)"',
    ),
    # A button that was pressed would lose the focus, and with it the reader
    # of the keyboard their place.
    "scripts/sphinx-book-theme.js": ("(()=>{t.blur()})", "(()=>{})"),
}
IN_BRACKETS = re.compile(
    r":(?:not|is|where|has)\((?:[^()]|\([^()]*\))*\)|\[[^\]]*\]"
)
NAME = re.compile(r"[.#](-?[A-Za-z_](?:[\w-]|\\.)*)")
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
    """Drop the icon font from the theme's style sheet."""
    style, faces = FONT_FACE.subn("", style)
    if faces != 3:
        raise ExtensionError(
            f"the theme's icon font has changed: expected 3 faces, got {faces}"
        )
    return style


def mended(name, script):
    """Leave out of one of the theme's scripts what is not wanted."""
    piece, instead = LEFT_OUT.get(name, ("", ""))
    if piece and script.count(piece) != 1:
        raise ExtensionError(f"{name}: the theme no longer has {piece}")
    return script.replace(piece, instead) if piece else script


def is_used(selector, words):
    """Tell whether a page may hold what a selector asks for.

    Words are all that stand in pages and scripts, so the answer is "no" only
    if a class or an identifier stands nowhere.
    """
    plain = IN_BRACKETS.sub("", selector)
    names = [name.replace("\\", "") for name in NAME.findall(plain)]
    return words.issuperset(names)


def split(prelude):
    """Return the selectors that stand before a rule's block."""
    groups = [[]]
    for token in prelude:
        if token == ",":
            groups.append([])
        else:
            groups[-1].append(token)
    return [tinycss2.serialize(group) for group in groups]


def only_used(rules, words):
    """Return the style sheet without rules that can apply to nothing."""
    kept = []
    for rule in rules:
        if rule.type == "error":
            raise ExtensionError(f"style sheet: {rule.message}")
        if rule.type == "qualified-rule":
            selectors = split(rule.prelude)
            selectors = [s.strip() for s in selectors if is_used(s, words)]
            if selectors:
                content = tinycss2.serialize(rule.content).strip()
                kept.append(f"{','.join(selectors)}{{{content}}}")
        elif rule.lower_at_keyword in ("media", "supports"):
            inner = only_used(parsed(rule.content), words)
            if inner:
                condition = tinycss2.serialize(rule.prelude)
                kept.append(f"@{rule.at_keyword}{condition}{{{inner}}}")
        else:
            kept.append(rule.serialize())
    return "\n".join(kept)


def parsed(style):
    """Return the rules of a style sheet, or of a block in one."""
    return tinycss2.parse_rule_list(
        style, skip_comments=True, skip_whitespace=True
    )


def write(app, exception):
    """Join the files into ``site.css`` and ``site.js``."""
    if exception or app.builder.name != "html" or not app.bundle:
        return  # not app.bundle: no page was written, so nothing has changed
    static = Path(app.outdir) / "_static"

    def text(name):
        path = static / name
        if not path.exists():
            raise ExtensionError(f"{name}: the theme no longer brings it")
        return mended(name, SOURCE_MAP.sub("", path.read_text("utf-8")))

    styles, scripts = app.bundle
    # A file that lacks its last semicolon must not swallow the next one.
    code = ";\n".join(map(text, [*scripts, *LAST_SCRIPTS]))
    (static / "site.js").write_text(code, "utf-8")

    first = [text(name) for name in FIRST_STYLES]
    first[1] = without_icon_font(first[1])
    style = "\n".join([*first, icons.style(), *map(text, styles)])
    words = set()
    pages = [
        p for p in static.parent.rglob("*.html") if static not in p.parents
    ]
    for path in [*pages, *static.glob("*.js")]:
        words.update(re.findall(r"[\w-]+", path.read_text("utf-8")))
    style = only_used(parsed(style), words)
    (static / "site.css").write_text(style, "utf-8")
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
