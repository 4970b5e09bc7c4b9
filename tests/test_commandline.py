"""The comparison of two command lines: its files, its words, its results."""

import importlib
import json
import sys
from pathlib import Path

import pytest

from gru_tutorial.__main__ import main
from gru_tutorial.book.results import load_results

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in ("commandline", "untidy", "search"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module("commandline")


@pytest.fixture
def files(script):
    return {file.name: file for file in script.all_files()}


def test_there_are_many_files_of_each_kind(files):
    kinds = [file.kind for file in files.values()]
    assert len(kinds) >= 40
    assert min(map(kinds.count, ("written", "faulty", "hopeless"))) >= 10


def test_stored_rows_are_those_of_the_script(script, files):
    found = load_results("commandline")["results"]
    assert [row["file"] for row in found["files"]] == list(files)
    assert all(
        row["kind"] == files[row["file"]].kind for row in found["files"]
    )
    assert found["counts"] == script.counted(found["files"])
    assert (found["rival"], found["version"]) == (script.RIVAL, script.VERSION)


def test_ours_is_worse_on_no_file(script):
    for row in load_results("commandline")["results"]["files"]:
        ours, theirs = (
            script.rank(row["kind"], row[program]["outcome"])
            for program in ("ours", "theirs")
        )
        assert ours <= theirs, row


def test_ours_is_still_as_stored(script, files, tmp_path, capsys):
    """Each file is checked again; some are refused by ``forecast`` only."""
    for row in load_results("commandline")["results"]["files"]:
        file, outcome = files[row["file"]], row["ours"]["outcome"]
        path = tmp_path / f"data{file.suffix}"
        path.unlink(missing_ok=True)
        if file.content is not None:
            path.write_bytes(file.content)
        time, value = file.columns
        flags = ["--time", time, "--value", value, "--json"]
        code = main(["check", str(path), *flags])
        out, err = capsys.readouterr()
        if code:
            found = {"code": code, "said": script.tidied(err)}
            assert script.outcome_of(file, found) == outcome, file.name
        elif outcome == "right":
            look = json.loads(out)
            names = ("values", "mean", "first")
            read = dict(zip(names, script.facts_of_ours(look), strict=True))
            assert script.is_right(file, read | {"follows": file.follows})
        else:
            assert outcome == "told" or file.kind == "hopeless", file.name


READ = {"values": 120, "first": "2024-01-10 00:00", "follows": "2024-01-15"}


@pytest.mark.parametrize(
    ("name", "code", "said", "read", "outcome"),
    [
        ("plain", 0, "", {}, "right"),
        ("plain", 0, "", {"values": 119}, "silent"),
        ("plain", 0, "", {"follows": "2024-01-16"}, "silent"),
        ("plain", 0, "", {"first": "2024-01-10T01:00+01:00"}, "right"),
        ("plain", 1, "no", {}, "vague"),
        ("plain", 1, "Traceback (most recent call last)", {}, "traceback"),
        ("a gap", 0, "", {}, "silent"),
        ("a gap", 0, "3 missing timestamps", {}, "told"),
        ("a gap", 1, "data.csv, row 52: a gap", {}, "precise"),
        ("a gap", 1, "cannot infer the frequency", {}, "vague"),
    ],
)
def test_an_outcome_is_named(script, files, name, code, said, read, outcome):
    mean = sum(files["plain"].values) / 120
    read = READ | {"mean": mean} | read
    found = {"code": code, "said": said, "read": read}
    assert script.outcome_of(files[name], found) == outcome


def test_the_best_outcome_depends_on_the_kind(script):
    assert script.rank("written", "right") < script.rank("written", "precise")
    assert script.rank("faulty", "told") == script.rank("faulty", "precise")
    assert script.rank("hopeless", "precise") < script.rank(
        "hopeless", "right"
    )
    for kind in script.RANKS:
        found = [script.rank(kind, one) for one in ("vague", "silent")]
        assert found == sorted(found)
