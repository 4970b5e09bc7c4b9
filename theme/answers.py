"""A box below each exercise that takes numbers: right, close, or not yet.

A reader of the site has no kernel. ``answers.js`` compares what they type with
the hashes in ``answers.json``, as ``check_answer`` does in a notebook; so the
answer stands nowhere in the page. Without scripts, the boxes stay hidden.
"""

import json
import re
from html import escape

from docutils import nodes

from gru_tutorial.book.answers import STORE

ASKED = re.compile(r'^check_answer\("(\d+\.\d+)", answer\)$', re.M)
MOST = 3  # numbers that a reader types
MARK = 'class="answer-box"'
BOX = """\
<form {mark} hidden data-salt="{salt}" data-entry="{entry}">
<label for="answer-{exercise}">Your answer to {exercise}{how}</label>
<input id="answer-{exercise}" autocomplete="off" spellcheck="false">
<button>Check</button>
<output for="answer-{exercise}"></output>
</form>
"""


def box_of(exercise, stored):
    """Return an exercise's box as HTML, or nothing without numbers."""
    entry = stored["answers"].get(exercise, {"kind": "", "hashes": []})
    count = len(entry["hashes"])
    if entry["kind"] != "numbers" or not 1 <= count <= MOST:
        return ""
    return BOX.format(
        mark=MARK,
        salt=escape(f"{stored['salt']} {exercise}"),
        entry=escape(json.dumps([entry["whole"], *entry["hashes"]])),
        exercise=exercise,
        how=f": {count} numbers" if count > 1 else "",
    )


def add_boxes(app, doctree):
    """Put a box below each cell in which a reader of the notebook answers."""
    stored = json.loads(STORE.read_text("utf-8"))
    for cell in list(doctree.findall(nodes.container)):
        if cell.get("nb_element") != "cell_code":
            continue
        source = next(iter(cell.findall(nodes.literal_block)), None)
        text = source.astext() if source is not None else ""
        asked = ASKED.search(text)
        if asked and not text.startswith("# Solution"):
            box = box_of(asked[1], stored)
            if box:
                place = cell.parent.index(cell) + 1
                cell.parent.insert(place, nodes.raw("", box, format="html"))


def add_script(app, pagename, templatename, context, doctree):
    """Load the script on pages that have a box."""
    if MARK in context.get("body", ""):
        address = context["pathto"]("_static/answers.js", 1)
        context["body"] += f'<script defer src="{address}"></script>\n'


def setup(app):
    """Connect to Sphinx."""
    app.connect("doctree-read", add_boxes)
    app.connect("html-page-context", add_script)
    return {
        "env_version": 1,
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
