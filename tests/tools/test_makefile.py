"""What `make` says before anything is installed."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NEEDS = "GRU by Experiment needs Python 3.11 to 3.13"

pytestmark = pytest.mark.skipif(
    shutil.which("make") is None, reason="make is not installed"
)


@pytest.fixture
def folder(tmp_path):
    """A copy of what `make` looks at, and a place for programs."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "bin").mkdir()
    return tmp_path


def program(folder, name, code):
    """Write a program of the shell."""
    path = folder / "bin" / name
    path.write_text(f"#!/bin/sh\n{code}\n", "utf-8")
    path.chmod(0o755)
    return path


def said(folder, *arguments, path=None):
    """Return what `make` prints; it must fail."""
    run = subprocess.run(
        [shutil.which("make"), *arguments],
        cwd=folder,
        env={"PATH": path or "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2, run.stdout
    assert not (folder / ".venv").exists()
    return run.stdout


def test_another_python_is_named_only_if_it_works(folder):
    program(folder, "python3.13", "exit 127")  # found, but broken
    program(folder, "python3.12", f'exec {sys.executable} "$@"')
    old = program(folder, "python3", "exit 1")
    path = f"{folder / 'bin'}:/usr/bin:/bin"
    printed = said(folder, "lab", f"PYTHON={old}", path=path)
    assert printed.startswith(f"{NEEDS}; {old} is not.\n")
    assert printed.endswith("Try: make lab PYTHON=python3.12\n")


def test_without_another_python_it_says_what_is_missing(folder):
    for number in (11, 12, 13):
        program(folder, f"python3.{number}", "exit 127")
    path = f"{folder / 'bin'}:/usr/bin:/bin"
    printed = said(folder, "book", "PYTHON=python3.99", path=path)
    assert NEEDS in printed
    assert "make book PYTHON=/path/to/python3" in printed


def test_a_command_says_how_much_it_installs(folder):
    python = program(folder, "python3", '[ "$1" = -c ]')  # installs nothing
    printed = said(folder, "book", f"PYTHON={python}")
    assert "Installing what the book needs into .venv, once." in printed
    assert "GB" in printed


def planned(*arguments):
    """Return what `make` would run, in an environment that is ready."""
    return subprocess.run(
        ["make", "-n", "-o", ".venv/ready", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_flags_reach_jupyterlab():
    printed = planned("lab", "LABFLAGS=--allow-root")
    assert "jupyter lab --allow-root chapters/" in printed


def test_a_chapter_is_found_by_its_number():
    assert "tools.run_chapters 1\n" in planned("run", "CHAPTER=1")
    printed = planned("test", "CHAPTER=1")
    assert "--nbval $(.venv/bin/python -m tools.find_chapters 1)" in printed


def test_pdf_and_epub_are_made_of_a_book_that_is_built_once():
    printed = planned("book", "pdf", "epub")
    assert printed.count("jupyter-book build") == 1
    assert printed.index("jupyter-book") < printed.index("print_book")
    assert "tools.bind_epub" in printed
