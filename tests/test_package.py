"""The package as a whole: how it is imported, and how large its parts are."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import gru_tutorial

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("gru_tutorial", "tools", "theme", "benchmarks", "tests")
SOURCES = [
    path
    for folder in FOLDERS
    for path in sorted((ROOT / folder).rglob("*.py"))
]
LONGEST = 40  # code lines of a function
SITTING = 600  # lines of a module of the library, docstrings and all

IMPORTED = """
import sys
import gru_tutorial
early = {"torch", "numpy", "sklearn"} & set(sys.modules)
import torch
threads = torch.get_num_threads()
for name in gru_tutorial.__all__:
    getattr(gru_tutorial, name)
late = {"IPython", "matplotlib", "sklearn", "gru_tutorial.book"}
print(sorted(early), sorted(late & set(sys.modules)))
print(threads == torch.get_num_threads())
"""


def code_lines(node, source):
    """Return how many lines are not blank, comment or docstring."""
    lines = source.splitlines()
    first = node.body[0]
    told = set()
    if ast.get_docstring(node) is not None:
        told = set(range(first.lineno, first.end_lineno + 1))
    return sum(
        bool(lines[k - 1].strip() and not lines[k - 1].strip().startswith("#"))
        for k in range(node.lineno, node.end_lineno + 1)
        if k not in told
    )


def long_functions(source, longest=LONGEST):
    """Yield names and sizes of functions with too many code lines."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            size = code_lines(node, source)
            if size > longest:
                yield node.name, size


def test_code_lines_are_counted():
    source = 'def f():\n    """Say.\n\n    More."""\n    # why\n\n    x = 1\n'
    assert list(long_functions(source, 1)) == [("f", 2)]
    assert not list(long_functions(source, 2))


def test_no_function_is_long():
    found = {
        f"{path.relative_to(ROOT)}: {name}": size
        for path in SOURCES
        for name, size in long_functions(path.read_text("utf-8"))
    }
    assert not found


def test_a_module_is_read_in_a_sitting():
    sizes = {
        path.name: len(path.read_text("utf-8").splitlines())
        for path in (ROOT / "gru_tutorial").glob("*.py")
    }
    assert {k: n for k, n in sizes.items() if n > SITTING} == {}


@pytest.mark.slow
def test_importing_loads_what_is_asked_for_and_nothing_for_pages():
    run = subprocess.run(
        [sys.executable, "-c", IMPORTED],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split("\n")[:2] == ["[] []", "True"]


def test_public_names_are_known_before_they_are_loaded():
    assert set(gru_tutorial.__all__) <= set(dir(gru_tutorial))
    with pytest.raises(AttributeError, match="no attribute 'gru'"):
        assert gru_tutorial.gru


def test_no_check_goes_away_with_optimisation():
    for path in (ROOT / "gru_tutorial").rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        found = [n.lineno for n in ast.walk(tree) if isinstance(n, ast.Assert)]
        assert not found, path


def test_every_public_name_has_an_example():
    for name in gru_tutorial.__all__:
        thing = getattr(gru_tutorial, name)
        assert thing.__doc__, name
        data_only = hasattr(thing, "_fields") or name in (
            "History",
            "DIALECTS",
            "QUICK",
            "CAREFUL",
            "PATIENT",
        )
        assert data_only or ">>>" in thing.__doc__, name
