"""The package as a whole: which way imports point, and how large it is."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import gru_tutorial

PACKAGE = Path(gru_tutorial.__file__).parent
CORE = ["cell", "checks", "data", "model", "training", "prediction", "metrics"]
FOR_PAGES = ["plotting", "notebook", "explorables"]


def code_lines(source):
    """Return the number of lines that are not blank, comment or docstring."""
    lines = {
        k
        for k, line in enumerate(source.splitlines(), start=1)
        if line.strip() and not line.strip().startswith("#")
    }
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, kinds) and ast.get_docstring(node) is not None:
            text = node.body[0]
            lines -= set(range(text.lineno, text.end_lineno + 1))
    return len(lines)


def test_code_lines_are_counted():
    source = (
        '"""Say.\n\nMore."""\n\n# why\nx = 1\n\ndef f():\n    "Do."\n    y\n'
    )
    assert code_lines(source) == 3


def test_the_core_stays_small():
    sources = [(PACKAGE / f"{name}.py").read_text("utf-8") for name in CORE]
    assert sum(map(code_lines, sources)) <= 900


def test_importing_the_package_imports_nothing_for_pages():
    absent = ["IPython", "matplotlib"]
    absent += [f"gru_tutorial.{name}" for name in FOR_PAGES]
    code = (
        "import sys, gru_tutorial\n"
        f"print([name for name in {absent} if name in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("name", CORE)
def test_the_core_imports_nothing_for_pages(name):
    tree = ast.parse((PACKAGE / f"{name}.py").read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            modules = [node.module]
        elif isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        else:
            continue
        for module in modules:
            assert module.split(".")[-1] not in [*FOR_PAGES, "IPython"]


def test_importing_leaves_the_number_of_threads_alone():
    code = (
        "import torch; before = torch.get_num_threads(); import gru_tutorial; "
        "assert torch.get_num_threads() == before"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_public_name_has_an_example():
    for name in gru_tutorial.__all__:
        thing = getattr(gru_tutorial, name)
        assert thing.__doc__, name
        data_only = hasattr(thing, "_fields") or name in (
            "History",
            "DIALECTS",
        )
        assert data_only or ">>>" in thing.__doc__, name
