"""Faults to plant in a notebook of the small book.

Each function returns one that plants: called with a notebook, it changes it.
"""

from tests.sample_book import markdown

STDOUT = {"output_type": "stream", "name": "stdout"}


def code(notebook, k=1):
    """Return a code cell; the second one is the first after the imports."""
    return [c for c in notebook["cells"] if c["cell_type"] == "code"][k]


def picture(notebook):
    """Return the first cell that draws a figure."""
    return next(
        cell
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    )


def source(text, k=1):
    def plant(notebook):
        code(notebook, k)["source"] = text

    return plant


def sources(text):
    def plant(notebook):
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                cell["source"] = text

    return plant


def output(**stored):
    def plant(notebook):
        code(notebook)["outputs"].append(stored)

    return plant


def tag(name, k=1):
    def plant(notebook):
        code(notebook, k)["metadata"]["tags"] = [name]

    return plant


def count(number):
    def plant(notebook):
        code(notebook)["execution_count"] = number

    return plant


def metadata(**changes):
    def plant(notebook):
        notebook["metadata"].update(changes)

    return plant


def figure(**changes):
    def plant(notebook):
        picture(notebook)["metadata"]["mystnb"]["figure"].update(changes)

    return plant


def words(text):
    def plant(notebook):
        picture(notebook)["metadata"]["mystnb"]["image"]["alt"] = text

    return plant


def prose(text, at=4):
    def plant(notebook):
        notebook["cells"].insert(at, markdown(text))

    return plant


def rewritten(old, new):
    """Plant a text in the place of another one, in cells of all kinds."""

    def plant(notebook):
        found = 0
        for cell in notebook["cells"]:
            found += old in cell["source"]
            cell["source"] = cell["source"].replace(old, new)
        assert found

    return plant


def no_metadata(key):
    def plant(notebook):
        for cell in notebook["cells"]:
            cell["metadata"].pop(key, None)

    return plant


def cells_swapped(a, b):
    def plant(notebook):
        cells = notebook["cells"]
        cells[a], cells[b] = cells[b], cells[a]

    return plant


def printed(text):
    return output(**STDOUT, text=text)
