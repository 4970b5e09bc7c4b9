"""The benchmarks' scripts run, and their stored results belong to them."""

import importlib
import json
import sys
from pathlib import Path

import pytest

import gru_tutorial
from gru_tutorial.notebook import load_results

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def script(monkeypatch):
    """Import a benchmark's script by its name."""
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in ("memory", "cost", "speed", "recipes", "record", "visibility"):
        sys.modules.pop(name, None)
    return importlib.import_module


@pytest.mark.parametrize(
    "name",
    ["memory", "cost", "speed", "recipes", "recipes_sweep", "visibility"],
)
def test_results_say_what_they_depend_on(name):
    record = load_results(name)
    for key in ("date", "machine", "python", "torch", "numpy", "results"):
        assert record[key]


def test_memory_results_are_those_of_the_script(script):
    memory = script("memory")
    runs = load_results("memory")["results"]["runs"]
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
    rows = load_results("cost")["results"]["rows"]
    found = {(r["layer"], r["hidden"], r["threads"]) for r in rows}
    assert found == {
        (layer, hidden, threads)
        for layer in cost.LAYERS
        for hidden in cost.HIDDEN
        for threads in (1, 2)
    }


def test_cost_measures_forward_and_backward(script, monkeypatch):
    cost = script("cost")
    monkeypatch.setattr(cost, "RUNS", 15)
    layer = cost.LAYERS["GRU"](8)
    x = cost.torch.zeros(2, 30, 1)
    forward, both = cost.seconds(layer, x)
    assert 0 < forward < both


def test_results_are_written_where_chapters_read_them(script):
    package = Path(gru_tutorial.__file__).parent
    assert package / "results" == script("record").RESULTS


def test_results_are_written_whole(script, monkeypatch, tmp_path):
    record = script("record")
    monkeypatch.setattr(record, "RESULTS", tmp_path / "results")
    record.store("small", {"x": 1})
    text = (tmp_path / "results" / "small.json").read_text("utf-8")
    assert json.loads(text)["results"] == {"x": 1}


def test_speed_results_are_those_of_the_script(script):
    speed = script("speed")
    results = load_results("speed")["results"]
    found = {(r["hidden"], r["batch"]) for r in results["layers"]}
    assert found == {(h, b) for h in speed.HIDDEN for b in speed.BATCH}
    assert {r["hidden"] for r in results["threads"]} == set(speed.THREAD_SIZES)


def test_the_backward_pass_by_hand_is_as_fast_as_promised():
    gains = {
        (r["hidden"], r["batch"]): r["torch_us"] / r["exact_us"]
        for r in load_results("speed")["results"]["layers"]
    }
    assert gains[16, 16] >= 2.5
    assert gains[32, 16] >= 2
    assert min(gains.values()) >= 0.95


def test_turns_are_timed_one_by_one(script):
    speed = script("speed")
    calls = []
    slow, quick = speed.clocked(
        [lambda: speed.time.sleep(0.01), lambda: calls.append(1)], 2, 3
    )
    assert slow > 0.009 > quick
    assert len(calls) == 2 * (3 + 1)


def test_the_table_of_recipes_belongs_to_the_script(script):
    recipes = script("recipes")
    swept = load_results("recipes_sweep")["results"]
    assert set(swept) == set(recipes.SWEEP)
    for name, results in swept.items():
        settings = [result["settings"] for result in results]
        assert settings == recipes.settings_of(name)
        for result in results:
            seeds = [row["seed"] for row in result["rows"]]
            assert seeds == list(recipes.SWEEP_SEEDS)
    methods = load_results("recipes")["results"]["methods"]
    expected = {**recipes.FIXED, **recipes.chosen(swept)}
    assert list(methods) == list(expected)
    for name, (function, settings) in expected.items():
        assert methods[name]["function"] == function
        assert methods[name]["settings"] == settings
        seeds = [row["seed"] for row in methods[name]["rows"]]
        assert seeds == list(recipes.SEEDS)


def test_settings_are_chosen_on_other_series(script):
    recipes = script("recipes")
    assert not set(recipes.SEEDS) & set(recipes.SWEEP_SEEDS)


@pytest.mark.parametrize(
    ("function", "settings"),
    [
        ("windows", {"window": 24, "lr": 0.01, "epochs": 1}),
        ("ridge", {"lags": 50, "alpha": 1}),
        ("seasonal_naive", {"period": 450}),
        ("oracle", {}),
    ],
)
def test_a_method_runs_in_a_process_of_its_own(script, function, settings):
    recipes = script("recipes")
    found = recipes.in_a_process(function, settings, [7])
    assert [row["seed"] for row in found["rows"]] == [7]
    assert 1 <= found["rows"][0]["ratio"] < 14
    assert found["rows"][0]["cpu_s"] > 0
    assert found["memory_mb"] > 50


def test_the_quick_recipe_is_the_chapters(script):
    recipes = script("recipes")
    chapter = (FOLDER.parent / "chapters/04_training.ipynb").read_text("utf-8")
    settings = recipes.QUICK
    for text in (
        "length, burn_in = 64, 16",
        "make_chunks(train_scaled, length, horizon=4)",
        "batch_size=12, shuffle=True, seed=seed)",
        "lr=0.04, one_cycle=True, clip=1.0, input_noise=0.4)",
        "num_epochs=5, burn_in=32, seed=seed",
    ):
        assert text in chapter
    assert list(settings.values()) == [64, 4, 12, 0.04, 5, 0.4, 32]


def test_the_original_recipe_gets_the_ratio_of_the_chapter(script):
    """The stored table and chapter 4 tell the same about series 0."""
    methods = load_results("recipes")["results"]["methods"]
    rows = methods["original recipe"]["rows"]
    chapter = (FOLDER.parent / "chapters/04_training.ipynb").read_text("utf-8")
    assert f"test {rows[0]['ratio']:.3f}" in chapter


def test_a_failed_method_says_why(script):
    recipes = script("recipes")
    with pytest.raises(RuntimeError, match="KeyError"):
        recipes.in_a_process("unknown", {}, [7])


def test_visibility_results_are_those_of_the_script(script):
    visibility = script("visibility")
    results = load_results("visibility")["results"]
    assert results["horizon"] == visibility.HORIZON
    assert results["window"] == visibility.WINDOW
    assert set(results["versions"]) == {"darts", "neuralforecast"}
    assert list(results["moves"]) == list(visibility.CANDIDATES)
    for moves in results["moves"].values():
        assert len(moves) == visibility.HORIZON


def test_the_heads_of_two_libraries_are_as_the_chapter_says():
    results = load_results("visibility")["results"]
    assert results["agrees_below_1e_6"] == {
        "Darts BlockRNNModel": True,
        "NeuralForecast GRU": True,
    }
    moves = results["moves"]
    for name in ("Darts BlockRNNModel", "NeuralForecast GRU, unscaled"):
        assert not any(moves[name][:-1])
        assert moves[name][-1] > 0.01
    for name in ("Darts RNNModel", "NeuralForecast GRU, recurrent"):
        assert all(moves[name])
