"""What nbval accepts as the same output: run on planted differences."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from unittest import mock

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from gru_tutorial.book import tables

ROOT = Path(__file__).resolve().parents[2]


def printed(text):
    return [new_output("stream", name="stdout", text=text)]


def result(**data):
    return [new_output("execute_result", data=data, execution_count=1)]


HTML = "from IPython.display import HTML\nHTML({!r})"
PICTURE = '<img alt="{}" src="data:image/png;base64,{}">'

TABLE = (
    "from gru_tutorial.book.tables import show_table\n"
    "show_table({{'model': ['GRU'], 'MSE': [{}], 'units': [32]}})"
)


def tabled(value, model="GRU", head="MSE", **changed):
    """Return the output of ``TABLE``, perhaps with another twin."""
    with mock.patch.object(tables, "display") as display:
        tables.show_table({"model": [model], head: [value], "units": [32]})
    table = display.call_args[0][0]
    data = {"text/plain": repr(table), "text/html": table._repr_html_()}
    for kind, other in changed.items():
        data[f"text/{kind}"] = other[0]["data"][f"text/{kind}"]
    return [new_output("display_data", data=data)]


# name: (what the cell runs, the outputs stored in it, does it pass?)
CASES = {
    "the same": ("print('loss 0.1225')", printed("loss 0.1225\n"), True),
    "0.3 % off": ("print('loss 0.1229')", printed("loss 0.1225\n"), True),
    "3 % off": ("print('loss 0.1262')", printed("loss 0.1225\n"), False),
    "one unit in the last place": ("print(0.02)", printed("0.01\n"), True),
    "two units in the last place": ("print(0.03)", printed("0.01\n"), False),
    "0.3 % off, with an exponent": (
        "print('1.003e-05')",
        printed("1.000e-05\n"),
        True,
    ),
    "3 % off, with an exponent": (
        "print('1.030e-05')",
        printed("1.000e-05\n"),
        False,
    ),
    "another sign": ("print(-1.25)", printed("1.25\n"), False),
    "a changed word": ("print('lost 0.5')", printed("loss 0.5\n"), False),
    "a changed integer": ("print(1001)", printed("1000\n"), False),
    "a changed shape": ("print((32, 24))", printed("(32, 25)\n"), False),
    "a changed version": ("print('3.11.7')", printed("3.11.8\n"), False),
    "a changed date": ("print('2000-06-05')", printed("2000-06-06\n"), False),
    "a changed power": ("print('1e-3')", printed("1e-4\n"), False),
    "a missing output": ("pass", printed("loss 0.5\n"), False),
    "an extra output": ("print('loss 0.5')", [], False),
    "an extra line": ("print('a\\nb')", printed("a\n"), False),
    "a number more": ("print(0.5, 0.5)", printed("0.5\n"), False),
    "padding beside a float": (
        "print('[ 9.99, 10.0 ]')",
        printed("[10.01, 10.0 ]\n"),
        True,
    ),
    "a result 0.3 % off": ("1.003", result(**{"text/plain": "1.000"}), True),
    "a result 3 % off": ("1.03", result(**{"text/plain": "1.00"}), False),
    "a changed list": ("[1, 2]", result(**{"text/plain": "[1, 3]"}), False),
    "another picture in HTML": (
        HTML.format(PICTURE.format("a wave", "iVBORw0KGgo=")),
        result(
            **{
                "text/html": PICTURE.format("a wave", "iVBORw0KAAA="),
                "text/plain": "<IPython.core.display.HTML object>",
            }
        ),
        True,
    ),
    "another text beside a picture": (
        HTML.format(PICTURE.format("a wave", "iVBORw0KGgo=")),
        result(
            **{
                "text/html": PICTURE.format("a line", "iVBORw0KGgo="),
                "text/plain": "<IPython.core.display.HTML object>",
            }
        ),
        False,
    ),
    "a table": (TABLE.format(9.98), tabled(9.98), True),
    "a table 0.5 % off": (TABLE.format(9.98), tabled(10.03), True),
    "a table 3 % off": (TABLE.format(9.98), tabled(10.28), False),
    "a table's text 3 % off": (
        TABLE.format(9.98),
        tabled(9.98, plain=tabled(10.28)),
        False,
    ),
    "a table's HTML 3 % off": (
        TABLE.format(9.98),
        tabled(9.98, html=tabled(10.28)),
        False,
    ),
    "a table with another word": (
        TABLE.format(9.98),
        tabled(9.98, model="RNN"),
        False,
    ),
    "a table with another head": (
        TABLE.format(9.98),
        tabled(9.98, head="MAE"),
        False,
    ),
    "not a number": ("print(float('nan'))", printed("0.5\n"), False),
}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """Run all cases in one kernel; return the verdict on each."""
    folder = tmp_path_factory.mktemp("comparison")
    cells = [
        new_code_cell(source, outputs=outputs, execution_count=k)
        for k, (source, outputs, _) in enumerate(CASES.values(), start=1)
    ]
    kernel = {"name": "python3", "display_name": "Python 3"}
    notebook = new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, folder / "cases.ipynb")
    command = [sys.executable, "-m", "pytest", "--nbval", "-p", "conftest"]
    command += ["-W", "error", "--junit-xml=report.xml", "cases.ipynb"]
    run = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1, run.stdout + run.stderr
    report = ET.parse(folder / "report.xml")
    passed = [case.find("failure") is None for case in report.iter("testcase")]
    return dict(zip(CASES, passed, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_verdict(verdicts, name):
    assert verdicts[name] == CASES[name][2]


class Collected:
    """Notes, as a plugin of pytest, which cells were collected by whom."""

    def pytest_collection_finish(self, session):
        self.cells = Counter(item.path.name for item in session.items)
        self.plugins = session.config.pluginmanager


def test_chapters_are_compared_by_this_rule():
    """Every code cell is, by the conftest.py that is tested here."""
    seen = Collected()
    options = ["--nbval", "--collect-only", "-q", "--override-ini=addopts="]
    options += ["-p", "no:cacheprovider", str(ROOT / "chapters")]
    assert pytest.main(options, [seen]) == 0
    stored = {
        path.name: nbformat.read(path, as_version=4).cells
        for path in (ROOT / "chapters").glob("*.ipynb")
    }
    assert seen.cells == {
        name: sum(cell.cell_type == "code" for cell in cells)
        for name, cells in stored.items()
    }
    assert seen.plugins.has_plugin(str(ROOT / "conftest.py"))
    assert not list((ROOT / "chapters").rglob("conftest.py"))
