"""A chapter is found by its number, and no other with it."""

import json

import pytest

from tests.sample_book import sample_notebooks
from tools import find_chapters, lint_chapters, run_chapters

NAMES = ["00_first.ipynb", "01_a.ipynb", "02_b.ipynb", "11_c.ipynb"]


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "chapters"
    folder.mkdir()
    toc = {"parts": [{"caption": "I", "chapters": []}]}
    (tmp_path / "_toc.yml").write_text(json.dumps(toc), "utf-8")
    notebook = json.dumps(next(iter(sample_notebooks().values())))
    for name in [*NAMES, "index.md"]:
        (folder / name).write_text(notebook, "utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("number", "found"),
    [
        ("1", ["01_a.ipynb"]),
        ("01", ["01_a.ipynb"]),
        ("0", ["00_first.ipynb"]),
        ("2", ["02_b.ipynb"]),
        ("11", ["11_c.ipynb"]),
        ("", NAMES),
    ],
)
def test_a_number_finds_its_chapter_alone(root, monkeypatch, number, found):
    paths = [root / "chapters" / name for name in found]
    assert find_chapters.find(number, root) == paths
    executed = []
    monkeypatch.setattr(run_chapters, "ROOT", root)
    monkeypatch.setattr(run_chapters, "execute", executed.append)
    monkeypatch.setattr(run_chapters, "is_current", lambda path: False)
    run_chapters.main(number)
    assert executed == paths


def test_the_rules_look_at_that_chapter_alone(root, capsys):
    lint_chapters.main("1", root)
    printed = capsys.readouterr().out
    assert "1 chapters, " in printed
    assert "11_c: " not in printed


@pytest.mark.parametrize("number", ["7", "07", "001", "foo", "1*"])
def test_an_unknown_number_lists_what_there_is(root, monkeypatch, number):
    monkeypatch.setattr(run_chapters, "ROOT", root)
    expected = f"no chapter '{number}' in chapters/; there are 0, 1, 2, 11"
    for command in (
        lambda: find_chapters.find(number, root),
        lambda: run_chapters.main(number),
        lambda: lint_chapters.main(number, root),
    ):
        with pytest.raises(SystemExit) as error:
            command()
        assert str(error.value) == expected


def test_the_command_prints_paths_from_the_repository(capsys):
    find_chapters.main("4")
    assert capsys.readouterr().out == "chapters/04_training.ipynb\n"
