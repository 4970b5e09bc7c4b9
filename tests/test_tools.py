"""The tools around the notebooks, run on small ones."""

import base64
import io
import os
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
import run_chapters
import run_downloads
from nbformat.v4 import (
    new_code_cell,
    new_markdown_cell,
    new_notebook,
    new_output,
)
from notebook_files import source_digest, tagged_picture
from PIL import Image
from portable import portable_settings

GRU_BYTES = """
import hashlib, numpy, torch
torch.set_num_threads(1)
torch.manual_seed(0)
gru = torch.nn.GRU(4, 32, batch_first=True)
x = numpy.random.default_rng(0).standard_normal((8, 50, 4))
out, _ = gru(torch.from_numpy(x.astype("float32")))
print(hashlib.sha256(out.detach().numpy().tobytes()).hexdigest())
curves = numpy.exp(x), numpy.exp(x.astype("float32")), numpy.tanh(x)
print(hashlib.sha256(b"".join(c.tobytes() for c in curves)).hexdigest())
"""


def digests(settings):
    """Return digests of a GRU's output and of NumPy's curves."""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", GRU_BYTES],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stderr == ""
    return run.stdout.splitlines()


def test_each_portable_setting_changes_bits_and_warns_of_nothing():
    settings = portable_settings()
    if "NPY_DISABLE_CPU_FEATURES" not in settings:
        pytest.skip("NumPy found no feature beyond this processor's baseline")
    assert len(settings) == 3
    gru, curves = digests({})
    for name, value in settings.items():
        new_gru, new_curves = digests({name: value})
        if name == "NPY_DISABLE_CPU_FEATURES":
            assert new_curves != curves
        else:
            assert new_gru != gru, name
    new_gru, new_curves = digests(settings)
    assert new_gru != gru
    assert new_curves != curves


@pytest.fixture
def chapter(tmp_path, monkeypatch):
    """A folder with one chapter, never run."""
    monkeypatch.setattr(run_chapters, "ROOT", tmp_path)
    path = tmp_path / "chapters" / "01_small.ipynb"
    path.parent.mkdir()
    cells = [new_markdown_cell("# Small"), new_code_cell("print(1 + 1)")]
    nbformat.write(new_notebook(cells=cells), path)
    return path


def test_run_writes_clean_outputs_and_then_leaves_them(chapter, capsys):
    run_chapters.main("01")
    notebook = nbformat.read(chapter, as_version=4)
    cell = notebook.cells[1]
    assert cell.execution_count == 1
    assert cell.outputs[0].text == "2\n"
    assert "execution" not in cell.metadata
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.metadata.gru_tutorial.sources == source_digest(notebook)
    before = chapter.read_bytes()
    run_chapters.main()
    assert "current, left alone" in capsys.readouterr().out
    assert chapter.read_bytes() == before


def test_run_notices_a_changed_source_and_a_changed_output(chapter):
    run_chapters.main("01")
    good = chapter.read_text("utf-8")
    for old, new in [("print(1 + 1)", "print(3 - 1)"), ('"2\\n"', '"3\\n"')]:
        assert good.count(old) == 1
        chapter.write_text(good.replace(old, new), "utf-8")
        assert not run_chapters.is_current(chapter)


def test_run_refuses_stderr_and_unknown_chapters(chapter):
    with pytest.raises(SystemExit, match="no chapter '07'"):
        run_chapters.main("07")
    before = nbformat.read(chapter, as_version=4)
    before.cells[1].source = "import sys; print('no', file=sys.stderr)"
    nbformat.write(before, chapter)
    stored = chapter.read_bytes()
    with pytest.raises(SystemExit, match="stderr was written"):
        run_chapters.main("01")
    assert chapter.read_bytes() == stored


def test_pictures_become_smaller_and_look_the_same():
    plain = io.BytesIO()
    fig, ax = plt.subplots()
    ax.plot(np.sin(np.arange(100)))
    ax.fill_between(range(100), -0.5, 0.5, alpha=0.3)
    fig.savefig(plain, format="png")
    plt.close(fig)
    before = base64.b64encode(plain.getvalue()).decode()
    after = run_chapters.smaller_picture(before)
    assert len(after) < 0.7 * len(before)
    pixels = [
        np.asarray(
            Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB"), float
        )
        for png in (before, after)
    ]
    assert np.abs(pixels[0] - pixels[1]).max() <= 24
    assert np.abs(pixels[0] - pixels[1]).mean() < 0.5


def test_the_front_picture_is_the_one_that_the_chapter_drew():
    root = Path(run_chapters.__file__).parents[1]
    chapter = root / "chapters" / run_chapters.FRONT_CHAPTER
    notebook = nbformat.read(chapter, as_version=4)
    picture = tagged_picture(notebook, run_chapters.FRONT_TAG)
    assert (root / run_chapters.FRONT_PICTURE).read_bytes() == picture
    for page in ("README.md", "chapters/index.md"):
        assert run_chapters.FRONT_PICTURE in (root / page).read_text("utf-8")
    with pytest.raises(ValueError, match="expected a cell 'no-such-tag'"):
        tagged_picture(notebook, "no-such-tag")


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
        metadata={"kernelspec": run_chapters.KERNEL},
    )
    nbformat.write(notebook, path)
    return path


@pytest.fixture
def small_package(tmp_path):
    """A package of the book's name with nothing in it."""
    package = tmp_path / "package"
    (package / "gru_tutorial").mkdir(parents=True)
    (package / "gru_tutorial/__init__.py").write_text("RATIO = 1.0\n")
    return package


IMPORTED = "import gru_tutorial\nprint(f'{gru_tutorial.RATIO:.4f}')"
READ = "print(len(open('../benchmarks/record.py').read()) > 0)"


def test_a_download_runs_with_the_package_that_is_given(
    small_package, tmp_path
):
    """Numbers are compared as in the repository: within 1 %."""
    (tmp_path / "elsewhere").mkdir()
    download = written(tmp_path / "01_small.ipynb", (IMPORTED, "1.0010\n"))
    run = run_downloads.compare
    assert run([download], small_package, tmp_path / "elsewhere") == 0


def test_a_download_that_reads_the_repository_fails(
    small_package, tmp_path, capfd
):
    (tmp_path / "elsewhere").mkdir()
    download = written(tmp_path / "01_small.ipynb", (READ, "True\n"))
    run = run_downloads.compare
    assert run([download], small_package, tmp_path / "elsewhere") == 1
    assert "FileNotFoundError" in capfd.readouterr().out
    near = run_downloads.ROOT / "chapters"
    subprocess.run([sys.executable, "-c", READ], cwd=near, check=True)


def test_downloads_do_not_run_with_the_repositorys_own_package(tmp_path):
    with pytest.raises(SystemExit, match="expected the package of"):
        run_downloads.compare([], tmp_path / "empty", tmp_path)


def test_the_installed_package_is_whole(tmp_path):
    run_downloads.install(tmp_path / "package", tmp_path)
    own = run_downloads.ROOT / "gru_tutorial"
    installed = tmp_path / "package" / "gru_tutorial"
    for path in own.rglob("*.*"):
        if "__pycache__" not in path.parts:
            copy = installed / path.relative_to(own)
            assert copy.read_bytes() == path.read_bytes()


def test_a_site_without_some_chapter_is_refused(chapter, monkeypatch):
    monkeypatch.setattr(run_downloads, "ROOT", chapter.parents[1])
    with pytest.raises(SystemExit, match="run `make book`"):
        run_downloads.main()
