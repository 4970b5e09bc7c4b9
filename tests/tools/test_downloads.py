"""What runs the site's notebooks as their readers do, run on small ones."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tools import run_downloads
from tools.run_chapters import KERNEL

IMPORTED = "import gru_tutorial\nprint(f'{gru_tutorial.RATIO:.4f}')"
OTHER_FILE = "../pyproject.toml"
READ = f"print(len(open('{OTHER_FILE}').read()) > 0)"


def written(path, *cells):
    """Write a notebook of (code, printed text) pairs; return its path."""
    notebook = new_notebook(
        cells=[
            new_code_cell(
                code,
                execution_count=k,
                outputs=[new_output("stream", name="stdout", text=text)],
            )
            for k, (code, text) in enumerate(cells, start=1)
        ],
        metadata={"kernelspec": KERNEL},
    )
    nbformat.write(notebook, path)
    return path


@pytest.fixture
def elsewhere(tmp_path):
    """A folder for downloads."""
    (tmp_path / "elsewhere").mkdir()
    return tmp_path / "elsewhere"


@pytest.fixture
def small_package(tmp_path):
    """A package of the book's name with nothing in it."""
    package = tmp_path / "package"
    (package / "gru_tutorial").mkdir(parents=True)
    (package / "gru_tutorial/__init__.py").write_text("RATIO = 1.0\n")
    return package


@pytest.mark.slow
def test_a_download_runs_with_the_package_that_is_given(
    small_package, elsewhere
):
    """Numbers are compared as in the repository: within 1 %."""
    download = written(
        elsewhere.with_name("01_small.ipynb"), (IMPORTED, "1.0010\n")
    )
    assert run_downloads.compare([download], small_package, elsewhere) == 0


@pytest.mark.slow
def test_a_download_that_reads_the_repository_fails(
    small_package, elsewhere, capfd
):
    """Two workers find it among others."""
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    downloads = [
        written(elsewhere.with_name(f"{name}.ipynb"), cell)
        for name, cell in (
            ("01_imports", (IMPORTED, "1.0000\n")),
            ("02_reads", (READ, "True\n")),
        )
    ]
    assert run_downloads.compare(downloads, small_package, elsewhere, 2) == 1
    printed = capfd.readouterr().out
    assert "FileNotFoundError" in printed
    assert "1 failed, 1 passed" in printed
    chapters = run_downloads.ROOT / "chapters"  # where it would not fail
    assert (chapters / OTHER_FILE).is_file()


@pytest.mark.slow
def test_downloads_do_not_run_with_the_repositorys_own_package(tmp_path):
    with pytest.raises(SystemExit, match="expected the package of"):
        run_downloads.compare([], tmp_path / "empty", tmp_path)


@pytest.mark.slow
def test_the_installed_package_is_whole(tmp_path):
    run_downloads.install(tmp_path / "package", tmp_path)
    own = run_downloads.ROOT / "gru_tutorial"
    installed = tmp_path / "package" / "gru_tutorial"
    for path in own.rglob("*.*"):
        if "__pycache__" not in path.parts:
            copy = installed / path.relative_to(own)
            assert copy.read_bytes() == path.read_bytes()


def test_a_site_without_some_chapter_is_refused(tmp_path, monkeypatch):
    (tmp_path / "chapters").mkdir()
    (tmp_path / "chapters" / "01_small.ipynb").touch()
    monkeypatch.setattr(run_downloads, "ROOT", tmp_path)
    with pytest.raises(SystemExit, match="run `make book`"):
        run_downloads.main()
