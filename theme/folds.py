"""A folded cell says what is in it: imports, a solution, a check, a drawing.

MyST-NB would say "Show the source" of all of them. A cell's own
``code_prompt_show`` is kept.
"""

import ast
import re

from docutils import nodes

GENERAL = "Show the {type}"
KINDS = {  # what is said of a cell, and by what its code is known
    "solution": re.compile(r"\A# Solution"),
    "source": re.compile(r"\A(show_source\(.*\)\s*)+\Z"),
    "code of the figure": re.compile(r"\bplt\.show\(\)"),
    "code of the table": re.compile(r"\bshow_table\("),
}


def kind_of(code):
    """Return what is in a cell, in a few words."""
    try:
        statements = ast.parse(code).body
    except SyntaxError:
        statements = []
    if {ast.FunctionDef} == set(map(type, statements)):
        return "code"  # which draws nothing before it is called
    for kind, pattern in KINDS.items():
        if pattern.search(code):
            return kind
    imports = (ast.Import, ast.ImportFrom)
    if statements and isinstance(statements[0], imports):
        return "imports"
    return "check" if re.search(r"\bassert", code) else "code"


def name_of(code):
    """Return what is in a cell, and the names of one or two functions."""
    kind = kind_of(code)
    defined = re.findall(r"^(?:def|class) (\w+)", code, re.M)
    if kind == "code" and len(defined) in (1, 2):
        kind = f"code of {' and '.join(defined)}"
    return kind


def name_folds(app, doctree):
    """Say of each folded cell what is in it."""
    for cell in doctree.findall(nodes.container):
        if cell.get("prompt_show") != GENERAL:
            continue
        source = next(iter(cell.findall(nodes.literal_block)), None)
        if source is not None:
            kind = name_of(source.astext())
            if cell.get("hide_mode") == "output" and kind != "source":
                kind = "output"
            cell["prompt_show"] = f"Show the {kind}"
            cell["prompt_hide"] = f"Hide the {kind}"


def setup(app):
    """Connect to Sphinx."""
    app.connect("doctree-read", name_folds)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
