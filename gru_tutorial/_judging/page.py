"""Steps as a notebook: each cell is run here, and kept with what it gave."""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import json
import sys
from pathlib import Path


class Page:
    """A notebook that grows as its cells are run in one namespace."""

    def __init__(self):
        self.cells: list[dict] = []
        self.names: dict = {"__name__": "__main__"}

    def say(self, text: str) -> None:
        """Add a cell of words."""
        self._add({"cell_type": "markdown", "metadata": {}, "source": text})

    def run(self, source: str) -> None:
        """Run a cell, and add it with its outputs."""
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            shown = self._run(source)
        outputs = []
        if printed.getvalue():
            text = printed.getvalue()
            outputs.append(
                {"output_type": "stream", "name": "stdout", "text": text}
            )
        number = 1 + sum(c["cell_type"] == "code" for c in self.cells)
        if shown is not None:
            outputs.append(_result(shown, number))
        outputs += _figures()
        self._add(
            {
                "cell_type": "code",
                "execution_count": number,
                "metadata": {},
                "outputs": outputs,
                "source": source,
            }
        )

    def _run(self, source: str):
        """Return what the last line gives, as a notebook shows it."""
        tree = ast.parse(source)
        last = tree.body[-1]
        shows = isinstance(last, ast.Expr)
        first = ast.Module(tree.body[: -1 if shows else None], [])
        exec(compile(first, "<cell>", "exec"), self.names)
        if not shows:
            return None
        code = compile(ast.Expression(last.value), "<cell>", "eval")
        return eval(code, self.names)

    def _add(self, cell: dict) -> None:
        self.cells.append({"id": f"cell-{len(self.cells) + 1}"} | cell)

    def write(self, path: Path) -> None:
        """Write the notebook."""
        kernel = {
            "display_name": "Python 3",
            "language": "python",
            "name": "python3",
        }
        notebook = {
            "cells": self.cells,
            "metadata": {
                "kernelspec": kernel,
                "language_info": {"name": "python"},
            },
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        text = json.dumps(notebook, indent=1, ensure_ascii=False)
        path.write_text(text + "\n", "utf-8")


def _result(value, number: int) -> dict:
    data = {"text/plain": repr(value)}
    as_html = getattr(value, "_repr_html_", None)
    if as_html is not None and as_html():
        data["text/html"] = as_html()
    return {
        "output_type": "execute_result",
        "execution_count": number,
        "data": data,
        "metadata": {},
    }


def _figures() -> list[dict]:
    """Return the figures that pyplot holds, and close them."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None:
        return []
    found = []
    for number in pyplot.get_fignums():
        memory = io.BytesIO()
        pyplot.figure(number).savefig(memory, format="png", dpi=120)
        picture = base64.b64encode(memory.getvalue()).decode()
        found.append(
            {
                "output_type": "display_data",
                "data": {"image/png": picture, "text/plain": "<Figure>"},
                "metadata": {},
            }
        )
        pyplot.close(number)
    return found
