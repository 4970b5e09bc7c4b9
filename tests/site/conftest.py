"""The site, built once in a test run, served, and a browser."""

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import nbformat
import pytest
from filelock import FileLock
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tests.site.browsing import CHROMIUM, Server
from theme.download import ANYWHERE, RUN_IT

ROOT = Path(__file__).resolve().parents[2]
BOOK = Path(sys.executable).with_name("jupyter-book")

SMALL_TOC = """\
format: jb-book
root: chapters/index
parts:
  - caption: A part
    chapters:
      - file: chapters/01_small
      - file: chapters/12_later
      - file: chapters/notation
"""
METADATA = {
    "kernelspec": {"name": "python3", "display_name": "Python 3"},
    "language_info": {"name": "python"},
}
LEAD = "A page of a book that is small and knows where its repository is."
MORE = {
    "index": (
        '<a id="run-it-yourself"></a>\n## Run it yourself\n\n'
        f"Use {ANYWHERE}.\n\n"
        '<a id="as-files"></a>\nAs files.\n'
    ),
    "12_later": "```{figure} ../theme/images/gate.png\nA caption.\n```\n",
    "notation": "",
}


def built(tmp_path_factory, name, source=ROOT, **environment):
    """Build a book strictly; return the site's folder.

    The worker that asks first builds it, and the others wait.
    """
    if not BOOK.exists():
        pytest.skip("jupyter-book is not installed")
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent  # of all workers
    report = shared / f"{name}.json"
    with FileLock(shared / f"{name}.lock"):
        if not report.exists():
            command = [BOOK, "build", ".", "-W", "-n", "--keep-going"]
            known = {k: v for k, v in os.environ.items() if k[:7] != "GITHUB_"}
            run = subprocess.run(
                [*command, "--path-output", shared / name],
                cwd=source,
                env=known | environment,
                capture_output=True,
                text=True,
                check=False,
            )
            printed = run.stdout[-3000:] + run.stderr[-3000:]
            report.write_text(json.dumps([run.returncode, printed]), "utf-8")
    code, printed = json.loads(report.read_text("utf-8"))
    assert code == 0, printed
    return shared / name / "_build" / "html"


def write_small_book(folder):
    """Write a book of four pages with our settings and theme."""
    for part in ("theme", "gru_tutorial/book"):  # and what it reads
        shutil.copytree(ROOT / part, folder / part)
    shutil.copy(ROOT / "_config.yml", folder)
    (folder / "_toc.yml").write_text(SMALL_TOC, "utf-8")
    pages = folder / "chapters"
    pages.mkdir()
    for name, more in MORE.items():
        text = f"# Page {name}\n\n{LEAD}\n\n{more}"
        (pages / f"{name}.md").write_text(text, "utf-8")
    cells = [
        new_markdown_cell(f"# A small chapter\n\n{LEAD} {RUN_IT}"),
        new_code_cell("1 + 1", execution_count=1),
    ]
    notebook = new_notebook(cells=cells, metadata=METADATA)
    nbformat.write(notebook, pages / "01_small.ipynb")


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The site of the book, which does not know its repository.

    ``make test`` has built it and says where. On GitHub a build knows the
    repository, so that site is another one.
    """
    folder = os.environ.get("BUILT_SITE")
    if folder and not os.environ.get("GITHUB_REPOSITORY"):
        assert (Path(folder) / "chapters/index.html").is_file(), folder
        return Path(folder)
    return built(tmp_path_factory, "site")


@pytest.fixture(scope="session")
def site_of_repository(tmp_path_factory):
    """The site of a small book that knows its repository."""
    folder = tmp_path_factory.mktemp("small")
    write_small_book(folder)
    repository = {"GITHUB_REPOSITORY": "someone/gru"}
    return built(tmp_path_factory, "small_site", folder, **repository)


@pytest.fixture(scope="module")
def server(site):
    """The site under an address of this machine."""
    with Server(site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def browser():
    """A browser; a loop of its own runs in this thread until it is closed."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def pages(browser, tmp_path_factory):
    """Pages with one explorable each."""
    from tests.site.exploring import Pages

    pages = Pages(tmp_path_factory.mktemp("pages"), browser)
    yield pages
    pages.close()
