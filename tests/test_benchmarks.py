"""The benchmarks' scripts run, and their stored results belong to them."""

import importlib
import json
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def script(monkeypatch):
    """Import a benchmark's script by its name."""
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in ("memory", "cost", "record"):
        sys.modules.pop(name, None)
    return importlib.import_module


def stored(name):
    return json.loads((FOLDER / "results" / f"{name}.json").read_text("utf-8"))


@pytest.mark.parametrize("name", ["memory", "cost"])
def test_results_say_what_they_depend_on(name):
    record = stored(name)
    for key in ("date", "machine", "python", "torch", "numpy", "results"):
        assert record[key]


def test_memory_results_are_those_of_the_script(script):
    memory = script("memory")
    runs = stored("memory")["results"]["runs"]
    found = {(r["task"], r["lag"], r["network"], r["seed"]) for r in runs}
    expected = {
        (task, lag, network, seed)
        for task, lags in memory.LAGS.items()
        for lag in lags
        for network in memory.NETWORKS
        for seed in memory.SEEDS
    }
    assert found == expected
    assert len(runs) == len(expected)
    for run in runs:
        assert run["curve"][-1][0] == memory.UPDATES


def test_a_short_memory_run_has_the_stored_form(script, monkeypatch):
    memory = script("memory")
    monkeypatch.setattr(memory, "UPDATES", 20)
    for network in memory.NETWORKS:
        curve = memory.run("marked recall", 5, network, seed=0)
        assert len(curve) == 20
        assert curve[-1][0] == 20


def test_cost_results_are_those_of_the_script(script):
    cost = script("cost")
    rows = stored("cost")["results"]["rows"]
    found = {(r["layer"], r["hidden"], r["threads"]) for r in rows}
    assert found == {
        (layer, hidden, threads)
        for layer in cost.LAYERS
        for hidden in cost.HIDDEN
        for threads in (1, 2)
    }


def test_cost_measures_forward_and_backward(script, monkeypatch):
    cost = script("cost")
    monkeypatch.setattr(cost, "RUNS", 3)
    layer = cost.LAYERS["GRU"](8)
    x = cost.torch.zeros(2, 30, 1)
    forward, both = cost.seconds(layer, x)
    assert 0 < forward < both


def test_results_are_written_whole(script, monkeypatch, tmp_path):
    record = script("record")
    monkeypatch.setattr(record, "RESULTS", tmp_path / "results")
    record.store("small", {"x": 1})
    text = (tmp_path / "results" / "small.json").read_text("utf-8")
    assert json.loads(text)["results"] == {"x": 1}
