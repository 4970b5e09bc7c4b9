"""What executes chapters and stores their outputs, run on small ones."""

import base64
import io
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from PIL import Image

from gru_tutorial.book import answers
from tools import run_chapters
from tools.notebook_files import source_digest, tagged_picture


@pytest.fixture
def chapter(tmp_path, monkeypatch):
    """A folder with one chapter, never run."""
    monkeypatch.setattr(run_chapters, "ROOT", tmp_path)
    monkeypatch.setattr(answers, "STORE", tmp_path / "answers.json")
    answers.STORE.write_text('{"salt": "s", "answers": {"2.1": {}}}', "utf-8")
    path = tmp_path / "chapters" / "01_small.ipynb"
    path.parent.mkdir()
    cells = [new_markdown_cell("# Small"), new_code_cell("print(1 + 1)")]
    nbformat.write(new_notebook(cells=cells), path)
    return path


@pytest.mark.slow
def test_run_writes_clean_outputs_that_are_current(chapter):
    """Until a source or an output is another one."""
    run_chapters.main("01")
    notebook = nbformat.read(chapter, as_version=4)
    cell = notebook.cells[1]
    assert cell.execution_count == 1
    assert cell.outputs[0].text == "2\n"
    assert "execution" not in cell.metadata
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.metadata.gru_tutorial.sources == source_digest(notebook)
    good = chapter.read_text("utf-8")
    assert good.count("1 + 1") == good.count('"2\\n"') == 1
    other_source = good.replace("1 + 1", "3 - 1")
    other_output = good.replace('"2\\n"', '"3\\n"')
    paths = [chapter.with_name(f"{k}.ipynb") for k in range(3)]
    for k, text in enumerate([good, other_source, other_output]):
        paths[k].write_text(text, "utf-8")
    with ThreadPoolExecutor() as pool:  # each runs nbval, in a process
        verdicts = list(pool.map(run_chapters.is_current, paths))
    assert verdicts == [True, False, False]


@pytest.mark.slow
def test_run_records_the_answers_of_solutions(chapter):
    """And another run those of the chapter as it then is."""
    source = """\
from gru_tutorial.book.notebook import check_answer
check_answer("1.2", None)
check_answer("1.10", 3.5)
check_answer("1.2", 7)
check_answer("1.3", 7, lambda answer: answer == 7)"""
    notebook = nbformat.read(chapter, as_version=4)
    for text, found in ((source, ["1.2", "1.10"]), ("print(1)", [])):
        notebook.cells[1].source = text
        nbformat.write(notebook, chapter)
        run_chapters.main("01")
        stored = json.loads(answers.STORE.read_text("utf-8"))["answers"]
        assert list(stored) == [*found, "2.1"]
    assert answers.RECORD not in os.environ


@pytest.mark.parametrize("names", [["1.1", "1.1"], ["2.1"], ["1.1", "2.1"]])
def test_an_exercise_recorded_twice_or_elsewhere_is_refused(chapter, names):
    record = "\n".join(json.dumps({name: {}}) for name in names)
    with pytest.raises(SystemExit, match="of chapter 1: expected each once"):
        run_chapters.store_answers(record, 1)


def test_run_leaves_current_chapters_alone(chapter, monkeypatch, capsys):
    """Unless one is named."""
    executed = []
    monkeypatch.setattr(run_chapters, "execute", executed.append)
    monkeypatch.setattr(run_chapters, "is_current", lambda path: True)
    run_chapters.main()
    assert capsys.readouterr().out == "01_small.ipynb: current, left alone\n"
    assert executed == []
    run_chapters.main("01")
    monkeypatch.setattr(run_chapters, "is_current", lambda path: False)
    run_chapters.main()
    assert executed == [chapter, chapter]
    with pytest.raises(SystemExit, match="no chapter '07'"):
        run_chapters.main("07")


def test_a_chapter_never_run_is_not_current(chapter):
    assert not run_chapters.is_current(chapter)


@pytest.mark.slow
def test_run_refuses_stderr(chapter):
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


def test_the_colours_of_areas_stay():
    """Pale cells of a table, beside a line of many colours."""
    pale = [(250 - 3 * k, 252 - k, 245 - 5 * k) for k in range(9)]
    pixels = np.full((100, 200, 3), 255, dtype="uint8")
    for k, color in enumerate(pale):
        pixels[:60, 20 * k : 20 * k + 20] = color
    pixels[90, :, 0], pixels[90, :, 2] = np.arange(200), 40
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    small = run_chapters.smaller_picture(base64.b64encode(file.getvalue()))
    picture = Image.open(io.BytesIO(base64.b64decode(small))).convert("RGB")
    assert [picture.getpixel((20 * k + 9, 9)) for k in range(9)] == pale
    assert min(picture.getpixel((199, 9))) >= 254
    assert len(picture.getcolors()) <= 24


@pytest.mark.parametrize("name", run_chapters.FRONT_PICTURES)
def test_a_front_picture_is_the_one_that_the_chapter_drew(name):
    root = Path(run_chapters.__file__).parents[1]
    notebook = nbformat.read(root / "chapters" / name, as_version=4)
    tag, kept = run_chapters.FRONT_PICTURES[name]
    assert (root / kept).read_bytes() == tagged_picture(notebook, tag)
    assert kept in (root / "chapters/index.md").read_text("utf-8")
    with pytest.raises(ValueError, match="expected a cell 'no-such-tag'"):
        tagged_picture(notebook, "no-such-tag")


def test_the_readme_shows_the_first_forecast():
    root = Path(run_chapters.__file__).parents[1]
    _, kept = run_chapters.FRONT_PICTURES["00_first_forecast.ipynb"]
    assert kept in (root / "README.md").read_text("utf-8")
