"""A small book that keeps all rules, for tests that plant faults in it."""

import copy
import json

from theme.download import RUN_IT
from tools.chapters import Book, Chapter
from tools.notebook_files import source_digest

FOLDED = {"tags": ["hide-cell"], "jupyter": {"source_hidden": True}}
PNG = {"output_type": "display_data", "data": {"image/png": "aGk="}}
FIGURE = {
    "figure": "1.1",
    "mystnb": {
        "figure": {"name": "fig-one", "caption": "The loss falls to 1.198."},
        "image": {"alt": "A curve that falls from 3.5 to about 1.198 in ten."},
    },
}


def markdown(text):
    return {"cell_type": "markdown", "metadata": {}, "source": text}


def code(text, *outputs, **metadata):
    return {
        "cell_type": "code",
        "metadata": metadata,
        "source": text,
        "outputs": list(outputs),
        "execution_count": None,
    }


def stream(text):
    return {"output_type": "stream", "name": "stdout", "text": text}


def table(text):
    data = {"text/plain": text, "text/html": "<table></table>"}
    return {"output_type": "display_data", "data": data}


def exercise(number, k):
    call = f'check_answer("{number}.{k}", answer)'
    return [
        markdown(f"**{k}. Count.** How many are there of them?"),
        code(f"answer = None\n{call}", stream("not yet\n")),
        markdown("*Hint:* count them."),
        code(f"# Solution: {k}\nanswer = {k} + 40\n{call}", **FOLDED),
    ]


def notebook(cells):
    """Return a notebook as one run from the top has it."""
    cells = copy.deepcopy(cells)
    counted = [cell for cell in cells if cell["cell_type"] == "code"]
    for count, cell in enumerate(counted, start=1):
        cell["execution_count"] = count
    made = {
        "cells": cells,
        "metadata": {"kernelspec": {"name": "python3"}, "gru_tutorial": {}},
    }
    made["metadata"]["gru_tutorial"]["sources"] = source_digest(made)
    return made


def cells_of(number, name="one", minutes=3):
    """Return the cells of a chapter."""
    lead = (
        f"# Theory of {name}\n\n**Does it work?** It does: 1.198.\n\n"
        "Afterwards you can count, and measure. Reading takes about "
        f"{minutes} minutes, running about 3 seconds. {RUN_IT}"
    )
    imports = "import torch\n\ntorch.set_num_threads(1)"
    formula = f'<a id="eq-{name}"></a>\n$$\na = b \\tag{{{number}.1}}\n$$'
    return [
        markdown(lead),
        code(imports, tags=["hide-input"]),
        markdown(
            f'<a id="first-{name}"></a>\n## A section\n\n' + "word " * 250
        ),
        code("lr = 0.01\nprint(loss)", stream("loss 1.1979\n")),
        markdown(
            "The loss is 1.198 at a rate of 0.01; a guess gets 3.5. "
            f"That is [({number}.1)](#eq-{name}).\n\n{formula}"
            "\n\n<!-- defined: 3.5 -->"
        ),
        code("plt.show()", PNG, **FIGURE),
        code("assert loss < 2.5", tags=["hide-cell"]),
        markdown("## Summary\n\nIt is 1.198, see [Figure 1.1](#fig-one)."),
        markdown("## Exercises"),
        *[cell for k in (1, 2, 3) for cell in exercise(number, k)],
        markdown("## Next\n\nOn to [chapter 1](#first-one)."),
    ]


def first_cells():
    """Return the cells of the page before the first chapter."""
    lead = (
        "# A first forecast\n\n**You train.** All of it.\n\n"
        "Reading takes about 1 minutes, running about a minute. " + RUN_IT
    )
    return [
        markdown(lead + "\n\n" + "word " * 100),
        code("import torch\n\ntorch.set_num_threads(1)\nplt.plot(1)"),
        markdown("## What is wrong with this picture?\n\nMuch."),
        markdown("## Your own series\n\nTake it."),
    ]


def two_cells():
    """Return a second chapter's cells, with other names."""
    cells = copy.deepcopy(cells_of(2, "two"))
    for cell in cells:
        figure = cell["metadata"].get("mystnb", {}).get("figure")
        if figure:
            figure["name"] = "fig-two"
            cell["metadata"]["figure"] = "2.1"
        for name in ("fig-one", "first-one"):  # they are in the first
            cell["source"] = cell["source"].replace(
                f"(#{name})", f"(01_theory_one.ipynb#{name})"
            )
    return cells


INDEX = """# A book

<a id="run-it-yourself"></a>
Run it yourself.

**Start** *1 minutes*

- [A first forecast](00_first_forecast.ipynb) *1 minutes*
  You train.

**Part I: All** *6 minutes*

1. [Theory of one](01_theory_one.ipynb) *3 minutes*
   Does it
   work? Yes.
2. [Theory of two](02_theory_two.ipynb) *3 minutes*
   Does it work?

It reaches 1.198, says [chapter 1](01_theory_one.ipynb).
"""
README = """# A book

| chapter | question |
| --- | --- |
| 0 [A first forecast](chapters/00_first_forecast.ipynb) | You train. |
| 1 [Theory of one](chapters/01_theory_one.ipynb) | Does it work? |
"""


def sample_notebooks():
    return {
        "00_first_forecast": notebook(first_cells()),
        "01_theory_one": notebook(cells_of(1)),
        "02_theory_two": notebook(two_cells()),
    }


def sample_book(notebooks=None):
    notebooks = notebooks or sample_notebooks()
    chapters = [
        Chapter(stem, made, size=len(json.dumps(made)))
        for stem, made in notebooks.items()
    ]
    listed = [f"chapters/{stem}" for stem in notebooks]
    pages = {"README.md": README, "chapters/index.md": INDEX}
    answers = dict.fromkeys(f"{n}.{k}" for n in (1, 2) for k in (1, 2, 3))
    return Book(chapters, listed, pages, answers)
