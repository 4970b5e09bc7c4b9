"""What a page says about running it, with and without a repository."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from theme import download
from theme.download import ANYWHERE, IN_FULL, RUN_IT, name_address

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = "https://github.com/someone/gru"
PAGE = f"# A page\n\nBefore. {RUN_IT}\n\nAfter."


@pytest.fixture
def app(tmp_path):
    """What the hooks use of Sphinx, in a folder with one download."""
    folder = tmp_path / "_sources" / "chapters"
    folder.mkdir(parents=True)
    cell = {"cell_type": "markdown", "source": PAGE.splitlines(keepends=True)}
    text = json.dumps({"cells": [cell], "é": '"\\'}, ensure_ascii=False)
    (folder / "01_small.ipynb").write_text(text, "utf-8")
    return SimpleNamespace(
        config=SimpleNamespace(github_repository="someone/gru"),
        builder=SimpleNamespace(name="html"),
        outdir=str(tmp_path),
        path=folder / "01_small.ipynb",
    )


@pytest.mark.parametrize("sentence", [RUN_IT, IN_FULL])
def test_the_sentence_is_the_same_in_a_notebooks_file(sentence):
    assert json.dumps(sentence, ensure_ascii=False) == f'"{sentence}"'


def test_a_known_address_is_named_and_no_longer_asked_for():
    text = name_address(f"Before. {IN_FULL}\n\nAfter.", "someone/gru")
    assert f"it is `pip install git+{ADDRESS}`. On Colab" in text
    assert "ADDRESS" not in text
    assert text.startswith("Before. To run this page,")
    assert text.endswith("\n\nAfter.")
    assert name_address("Another page.", "someone/gru") == "Another page."
    assert name_address(text, "someone/gru") == text
    assert name_address(IN_FULL, "") == IN_FULL


def test_the_landing_page_tells_it_once_for_all():
    text = (ROOT / "chapters/index.md").read_text("utf-8")
    assert text.count(ANYWHERE) == 1
    section = text.partition("\n## Run it yourself\n")[2]
    section = section.partition("\n## ")[0]
    for what in (
        ANYWHERE,
        "`pip install .`",
        "Colab",
        "make",
        "graphics card",
    ):
        assert what in section, what


def test_a_page_names_the_address_if_it_is_known(app):
    source = [IN_FULL]
    download.name_in_page(app, "chapters/index", source)
    assert source == [name_address(IN_FULL, "someone/gru")]
    app.config.github_repository = ""
    source = [IN_FULL]
    download.name_in_page(app, "chapters/index", source)
    assert source == [IN_FULL]


@pytest.mark.parametrize("repository", ["someone/gru", ""])
def test_a_download_says_it_in_full_and_stays_a_notebook(app, repository):
    app.config.github_repository = repository
    before = json.loads(app.path.read_text("utf-8"))
    for _ in range(2):  # a second build changes nothing
        download.tell_in_downloads(app, None)
        after = json.loads(app.path.read_text("utf-8"))
        text = "".join(after["cells"][0]["source"])
        told = name_address(IN_FULL, repository)
        assert text == PAGE.replace(RUN_IT, told)
        assert ("ADDRESS" in text) == (not repository)
    after["cells"][0]["source"] = before["cells"][0]["source"]
    assert after == before


@pytest.mark.parametrize("case", ["failed", "other builder"])
def test_a_download_is_left_alone(app, case):
    exception = None
    if case == "failed":
        exception = RuntimeError()
    else:
        app.builder.name = "epub"
    before = app.path.read_bytes()
    download.tell_in_downloads(app, exception)
    assert app.path.read_bytes() == before


@pytest.mark.parametrize("repository", ["someone/gru", ""])
def test_setup_asks_the_environment(monkeypatch, repository):
    monkeypatch.setenv("GITHUB_REPOSITORY", repository)
    if not repository:
        monkeypatch.delenv("GITHUB_REPOSITORY")
    values, hooks = [], {}
    app = SimpleNamespace(
        add_config_value=lambda *value: values.append(value),
        connect=lambda event, hook: hooks.update({event: hook}),
    )
    assert download.setup(app)["parallel_read_safe"]
    assert values == [("github_repository", repository, "env")]
    assert hooks == {
        "source-read": download.name_in_page,
        "build-finished": download.tell_in_downloads,
    }
