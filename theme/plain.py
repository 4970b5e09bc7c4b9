"""Pages are stored in a form that every program for notebooks renders.

JupyterLab, VS Code, Colab and GitHub know plain Markdown only. Sphinx is told
the same in its own words, as MyST:

=============================================  ==========================
stored                                         for Sphinx
=============================================  ==========================
``<a id="gate"></a>``, a line of its own       ``(gate)=``
``[text](04_training.ipynb#gate)``             ``[text](gate)``
``<a id="fig-gate"></a>**Figure 4.2.** Words``  the caption of the figure
below a figure                                 above, called ``fig-gate``
=============================================  ==========================
"""

import json
import re

ANCHOR = re.compile(r'^<a id="([a-z0-9-]+)"></a>$', re.M)
LINK = re.compile(r"\]\((?:[\w-]+\.(?:ipynb|md))?#([a-z0-9-]+)\)")
CAPTION = re.compile(
    r'\A<a id="([a-z0-9-]+)"></a>\*\*Figure ([\d.]+)\.\*\* (.+)\Z', re.S
)


def to_myst(text):
    """Return the text of a page, or of a cell, with MyST's own marks."""
    return LINK.sub(r"](\1)", ANCHOR.sub(r"(\1)=", text))


def source_of(cell):
    """Return the text of a stored cell, which may be a list of lines."""
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def has_picture(cell):
    """Tell whether a code cell has drawn a figure."""
    return any("image/png" in out.get("data", {}) for out in cell["outputs"])


def join_captions(cells):
    """Return the cells without captions, which their figures get instead.

    MyST-NB reads name and caption in a code cell's metadata. The number as it
    is typed stands beside them: Sphinx counts by itself, and a rule for
    chapters compares.
    """
    joined = []
    for cell in cells:
        found = CAPTION.match(source_of(cell))
        figure = joined[-1] if joined else {"cell_type": ""}
        if cell["cell_type"] != "markdown" or not found:
            joined.append(cell)
        elif figure["cell_type"] != "code" or not has_picture(figure):
            raise ValueError(f"Figure {found[2]}: no figure stands above it")
        else:
            name, number, caption = found.groups()
            told = dict(figure["metadata"].get("mystnb", {}))
            told["figure"] = {"name": name, "caption": caption}
            metadata = figure["metadata"] | {"mystnb": told, "figure": number}
            joined[-1] = figure | {"metadata": metadata}
    return joined


def notebook_to_myst(text):
    """Return a notebook's JSON with what Sphinx is to be told."""
    notebook = json.loads(text)
    notebook["cells"] = join_captions(notebook["cells"])
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = to_myst(source_of(cell))
        elif told := cell["metadata"].get("mystnb", {}).get("figure"):
            told["caption"] = to_myst(told["caption"])
        for output in cell.get("outputs", []):
            # How wide JupyterLab shows a picture; here the style sheet says.
            output.get("metadata", {}).pop("image/png", None)
    return json.dumps(notebook)


def tell_sphinx(app, docname, source):
    """Turn a page into MyST before Sphinx parses it."""
    is_notebook = app.env.doc2path(docname).endswith(".ipynb")
    source[0] = (notebook_to_myst if is_notebook else to_myst)(source[0])


def setup(app):
    """Connect to Sphinx."""
    app.connect("source-read", tell_sphinx)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
