"""Stored results: what they say, and that they are written whole."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

import gru_tutorial
from gru_tutorial.book import results
from gru_tutorial.book.results import load_average, load_results, store


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """Where results are stored in a test."""
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results")
    return tmp_path / "results"


def test_results_are_the_packages_data():
    package = Path(gru_tutorial.__file__).parent
    assert package / "results" == results.RESULTS


def test_results_of_another_name_are_refused():
    message = (
        "name: expected one of columns, commandline, distributed, "
        "explorables, export, horizons, labels, many_series, memory, "
        "recipes, recipes_other, recipes_sweep, regime, retraining, rows, "
        "series, serving, speed, streaming, visibility, wins, got '../speed'"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        load_results("../speed")
    for name in (None, ["speed"], 3):
        with pytest.raises(ValueError, match="name: expected one of columns"):
            load_results(name)


def test_what_is_stored_is_loaded(folder, capsys):
    store("small", {"x": [1, 2.5]})
    assert capsys.readouterr().out == "written: small.json\n"
    record = load_results("small")
    assert list(record) == [
        "date",
        "machine",
        "python",
        "torch",
        "numpy",
        "results",
    ]
    assert record["results"] == {"x": [1, 2.5]}
    assert record["numpy"] == np.__version__
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", record["date"])


def test_load_and_repetitions_are_stored_where_given(folder):
    store("busy", {}, load=0.5, repetitions=9)
    assert load_results("busy")["load"] == 0.5
    assert load_results("busy")["repetitions"] == 9


def test_a_failed_write_leaves_the_old_results(folder, monkeypatch):
    store("small", {"x": 1})
    before = (folder / "small.json").read_bytes()

    def fails(*paths):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(OSError, match="no space"):
        store("small", {"x": 2})
    assert (folder / "small.json").read_bytes() == before
    assert [path.name for path in folder.iterdir()] == ["small.json"]


def test_others_may_read_what_is_stored(folder):
    mask = os.umask(0o022)
    try:
        store("small", {})
    finally:
        os.umask(mask)
    assert (folder / "small.json").stat().st_mode & 0o777 == 0o644


def test_the_old_file_is_replaced_only_when_the_new_one_is_whole(
    folder, monkeypatch
):
    steps, replace = [], os.replace
    monkeypatch.setattr(os, "fsync", lambda file: steps.append("synced"))

    def watched(new, path):
        assert json.loads(Path(new).read_text("utf-8"))["results"] == {"x": 1}
        assert not Path(path).exists()
        steps.append("replaced")
        replace(new, path)

    monkeypatch.setattr(os, "replace", watched)
    store("small", {"x": 1})
    assert steps == ["synced", "replaced"]


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("../speed", {}), {}, "name: expected small letters"),
        (("", {}), {}, "name: expected small letters"),
        ((3, {}), {}, "name: expected small letters"),
        (("a", {"x": float("nan")}), {}, "results: expected what JSON"),
        (("a", {"x": np.float32(1)}), {}, "results: expected what JSON"),
        (("a", {}), {"load": -1}, "load: expected a finite number"),
        (("a", {}), {"repetitions": 0}, "repetitions: expected a whole"),
    ],
)
def test_what_cannot_be_stored_is_refused(folder, arguments, options, message):
    with pytest.raises(ValueError, match=message):
        store(*arguments, **options)
    assert not folder.exists()


def test_load_is_unknown_where_the_system_does_not_tell(monkeypatch):
    monkeypatch.delattr(os, "getloadavg")
    assert load_average() is None
