"""What a page says about running it, with and without a repository."""

import json
from types import SimpleNamespace

import pytest

from theme import download
from theme.download import RUN_IT, name_address

ADDRESS = "https://github.com/someone/gru"
PAGE = f"# A page\n\nBefore.\n\n{RUN_IT}\n\nAfter."


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
        builder=SimpleNamespace(format="html"),
        outdir=str(tmp_path),
        path=folder / "01_small.ipynb",
    )


def test_the_sentence_is_the_same_in_a_notebooks_file():
    assert json.dumps(RUN_IT, ensure_ascii=False) == f'"{RUN_IT}"'


def test_a_known_address_is_named_and_no_longer_asked_for():
    text = name_address(PAGE, "someone/gru")
    assert f"`pip install git+{ADDRESS}` does; on Colab" in text
    assert "ADDRESS" not in text
    assert text.startswith("# A page\n\nBefore.\n\nTo run this page,")
    assert text.endswith("\n\nAfter.")
    assert name_address("Another page.", "someone/gru") == "Another page."
    assert name_address(text, "someone/gru") == text


def test_a_page_names_the_address_if_it_is_known(app):
    source = [PAGE]
    download.name_in_page(app, "chapters/01_small", source)
    assert source == [name_address(PAGE, "someone/gru")]
    app.config.github_repository = ""
    source = [PAGE]
    download.name_in_page(app, "chapters/01_small", source)
    assert source == [PAGE]


def test_a_download_names_the_address_and_stays_a_notebook(app):
    before = json.loads(app.path.read_text("utf-8"))
    download.name_in_downloads(app, None)
    after = json.loads(app.path.read_text("utf-8"))
    text = "".join(after["cells"][0]["source"])
    assert text == name_address(PAGE, "someone/gru")
    after["cells"][0]["source"] = before["cells"][0]["source"]
    assert after == before


@pytest.mark.parametrize("case", ["unknown", "failed", "other builder"])
def test_a_download_is_left_alone(app, case):
    exception = None
    if case == "unknown":
        app.config.github_repository = ""
    elif case == "failed":
        exception = RuntimeError()
    else:
        app.builder.format = "latex"
    before = app.path.read_bytes()
    download.name_in_downloads(app, exception)
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
        "build-finished": download.name_in_downloads,
    }
