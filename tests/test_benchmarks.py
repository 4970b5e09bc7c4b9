"""The benchmarks' scripts run, and their stored results belong to them."""

import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from gru_tutorial import Forecaster, GRUModel, RegimeForecast, Scaler
from gru_tutorial.book.results import load_results
from gru_tutorial.recipe import CAREFUL, PATIENT, QUICK
from gru_tutorial.series import make_regime, make_series

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "benchmarks"
SCRIPTS = [
    path.stem
    for path in sorted(FOLDER.glob("*.py"))
    if "__main__" in path.read_text("utf-8")
]


@pytest.fixture
def script(monkeypatch):
    """Import a benchmark's script by its name; undo what it sets."""
    monkeypatch.syspath_prepend(str(FOLDER))
    for variable in ("OMP_NUM_THREADS", "TORCHINDUCTOR_FORCE_DISABLE_CACHES"):
        monkeypatch.setenv(variable, "1")
    for path in FOLDER.glob("*.py"):
        monkeypatch.delitem(sys.modules, path.stem, raising=False)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield importlib.import_module
    torch.set_num_threads(threads)


def test_make_bench_runs_every_script():
    """And the sweep before the table that its settings are for."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert "for script in $(BENCHMARKS); do" in makefile
    (line,) = re.findall(r"^BENCHMARKS = (.*)$", makefile, re.M)
    runs = shlex.split(line)
    assert {run.split()[0] for run in runs} == set(SCRIPTS)
    assert runs.index("recipes --sweep") < runs.index("recipes")


def test_scripts_that_texts_name_exist():
    texts = [ROOT / "Makefile", *ROOT.glob("*.md")]
    for folder in ("benchmarks", "chapters", "gru_tutorial", "theme", "tools"):
        for kind in ("py", "md", "ipynb"):
            texts += (ROOT / folder).rglob(f"*.{kind}")
    for text in texts:
        named = re.findall(r"benchmarks/(\w+)\.py", text.read_text("utf-8"))
        for name in named:
            assert name in SCRIPTS, f"{text.name} names benchmarks/{name}.py"


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


class Counting(nn.Module):
    """A layer that counts its passes."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.weight.register_hook(lambda _: self.count("backward"))
        self.passes = []

    def count(self, name):
        self.passes.append(name)

    def forward(self, x):
        self.count("training" if torch.is_grad_enabled() else "forward")
        return self.weight * x, None


def test_cost_measures_forward_and_backward(script):
    cost, layer = script("cost"), Counting()
    forward, both = cost.seconds(layer, torch.zeros(2, 3, 1))
    assert forward > 0
    assert both > 0
    turn = cost.RUNS + 1
    assert layer.passes == cost.ROUNDS * (
        turn * ["forward"] + turn * ["training", "backward"]
    )


def test_a_row_of_cost_has_the_stored_form(script):
    cost = script("cost")
    for name in cost.LAYERS:
        found, stored = cost.row(name, 16, 1), None
        for row in load_results("cost")["results"]["rows"]:
            if (row["layer"], row["hidden"]) == (name, 16):
                stored = row
        assert list(found) == list(stored)
        assert found["parameters"] == stored["parameters"]


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


def test_turns_are_timed_one_by_one(script, monkeypatch):
    """Each turn's first run, which may be slow, does not count."""
    timing, now, calls = script("timing"), [0.0], []
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])

    def function(name, seconds):
        def run():
            first = calls[-1:] != [name]
            calls.append(name)
            now[0] += 100 * seconds if first else seconds

        return run

    found = timing.clocked([function("a", 5.0), function("b", 1.0)], 2, 3)
    assert found == [5.0, 1.0]
    assert calls == 2 * (4 * ["a"] + 4 * ["b"])
    assert timing.microseconds(0.5, 100) == 5000


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


METHODS = {
    "windows": {"window": 24, "lr": 0.01, "epochs": 1},
    "chunks": {
        "length": 32,
        "horizon": 2,
        "batch": 64,
        "lr": 0.01,
        "epochs": 1,
        "noise": 0.4,
        "burn_in": 8,
        "exact": True,
    },
    "ridge": {"lags": 50, "alpha": 1},
    "seasonal_naive": {"period": 450},
    "oracle": {},
}


def check_measured(found):
    assert [row["seed"] for row in found["rows"]] == [7]
    assert 1 <= found["rows"][0]["ratio"] < 14
    assert found["rows"][0]["cpu_s"] >= 0
    assert found["memory_mb"] > 50


@pytest.mark.parametrize("function", METHODS)
def test_a_method_is_measured(script, function):
    check_measured(script("recipes").measure(function, METHODS[function], [7]))


@pytest.mark.slow
def test_a_method_runs_in_a_process_of_its_own(script):
    check_measured(script("recipes").in_a_process("oracle", {}, [7]))


@pytest.mark.parametrize(
    "name", ["chunks, quick", "seasonal naive", "oracle", "ridge, 24 lags"]
)
def test_a_method_gets_the_stored_ratio(script, name):
    method = load_results("recipes")["results"]["methods"][name]
    function, settings = method["function"], method["settings"]
    found = script("recipes").measure(function, settings, [0])
    assert found["parameters"] == method["parameters"]
    stored = method["rows"][0]["ratio"]
    assert found["rows"][0]["ratio"] == pytest.approx(stored, rel=0.01)


def test_windows_and_chunks_are_the_packages_recipes(script, monkeypatch):
    """The stored settings reach ``Forecaster.fit``, and the seed too."""
    recipes, seen = script("recipes"), []

    def fit(forecaster, values, recipe, **changes):
        seen.append((forecaster, len(values), recipe.but(**changes)))
        raise InterruptedError

    monkeypatch.setattr(recipes.Forecaster, "fit", fit)
    values = make_series().values
    for name, recipe in {
        "chunks, quick": QUICK,
        "chunks, careful": CAREFUL,
        "chunks, patient": PATIENT,
        "original recipe": recipes.Recipe(num_epochs=100, lr=0.01),
    }.items():
        function, settings = recipes.FIXED[name]
        with pytest.raises(InterruptedError):
            recipes.FUNCTIONS[function](values, 3, **settings)
        forecaster, known, used = seen.pop()
        assert known == 720
        assert used == recipe.but(seed=3)
        assert forecaster.window == settings.get("window")
        assert forecaster.model.horizon == settings.get("horizon", 1)
        fast = type(forecaster.model.gru) is not nn.GRU
        assert fast == settings.get("exact", False)


def test_a_committee_averages_five(script, monkeypatch):
    recipes = script("recipes")
    monkeypatch.setattr(
        recipes, "chunks", lambda values, seed, lr: (lr * seed * values, 7)
    )
    y_hat, parameters = recipes.committee(torch.ones(2).numpy(), 2, lr=0.5)
    assert list(y_hat) == [6.0, 6.0]  # of the seeds 10 to 14
    assert parameters == 35


def test_the_quick_recipe_is_the_chapters(script):
    recipes = script("recipes")
    settings = recipes.FIXED["chunks, quick"][1]
    assert settings == {
        "length": 64,
        "horizon": 4,
        "batch": 12,
        "lr": 0.04,
        "epochs": 5,
        "noise": 0.4,
        "burn_in": 32,
        "exact": True,
    }
    chapter = (ROOT / "chapters/08_better_training.ipynb").read_text("utf-8")
    for text in ("hidden_size=32, horizon=4, fast", "QUICK, seed=seed)"):
        assert text in chapter


def test_the_original_recipe_gets_the_ratio_of_the_chapter(script):
    """The stored table and chapter 4 tell the same about series 0."""
    methods = load_results("recipes")["results"]["methods"]
    rows = methods["original recipe"]["rows"]
    chapter = (ROOT / "chapters/04_training.ipynb").read_text("utf-8")
    assert f"test {rows[0]['ratio']:.3f}" in chapter


def test_a_failed_method_says_why(script, monkeypatch):
    recipes = script("recipes")

    def fails(command, **options):
        assert command[1:3] == [recipes.__file__, "--task"]
        assert command[3] == '["unknown", {}, [7]]'
        return subprocess.CompletedProcess(command, 1, "", "KeyError: 'unk'")

    monkeypatch.setattr(recipes.subprocess, "run", fails)
    with pytest.raises(RuntimeError, match=r"unknown \{\}: KeyError"):
        recipes.in_a_process("unknown", {}, [7])


def test_the_command_line_runs_one_task(script, monkeypatch, capsys):
    recipes = script("recipes")
    task = '["oracle", {}, [7]]'
    monkeypatch.setattr(sys, "argv", ["recipes.py", "--task", task])
    recipes.main()
    check_measured(recipes.json.loads(capsys.readouterr().out))


def test_a_sweep_of_one_method_keeps_the_others(script, monkeypatch):
    recipes, stored = script("recipes"), {}
    monkeypatch.setattr(
        recipes, "store", lambda name, found, **_: stored.update({name: found})
    )
    result = {"rows": [{"ratio": 1.0, "cpu_s": 0.1}]}
    result |= {"memory_mb": 9, "parameters": 3}
    monkeypatch.setattr(recipes, "in_a_process", lambda *_: dict(result))
    recipes.sweep(["AutoReg"])
    before = load_results("recipes_sweep")["results"]
    after = stored["recipes_sweep"]
    assert after.pop("AutoReg") == [
        {"settings": settings, **result}
        for settings in recipes.settings_of("AutoReg")
    ]
    del before["AutoReg"]
    assert after == before


def test_the_reconstructions_have_a_librarys_layers(script):
    visibility = script("visibility")
    linear = visibility.reconstruction().linear
    assert (linear.in_features, linear.out_features) == (16, 1)
    hidden = visibility.reconstruction(decoder_size=8).linear
    assert [type(layer) for layer in hidden] == [nn.Linear, nn.ReLU, nn.Linear]
    assert hidden[0].out_features == 8


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


def test_regime_results_are_those_of_the_script(script):
    regime = script("regime")
    record = load_results("regime")
    assert record["repetitions"] == len(regime.SEEDS)
    assert record["load"] >= 0
    results = record["results"]
    assert results["start"] == regime.START
    assert results["points"] == regime.POINTS
    assert results["hidden"] == regime.HIDDEN
    methods = results["methods"]
    assert set(methods) == {"naive", "ridge", "optimum", *regime.SWEEP}
    for found in methods.values():
        assert [row["seed"] for row in found["rows"]] == list(regime.SEEDS)
    for name, grid in regime.SWEEP.items():
        swept = results["sweep"][name]
        assert [one["settings"] for one in swept] == grid
        for one in swept:
            seeds = [row["seed"] for row in one["rows"]]
            assert seeds == list(regime.SWEEP_SEEDS)
        assert methods[name]["settings"] == regime.chosen(swept)


def test_regime_settings_are_chosen_on_other_series_with_equal_care(script):
    regime = script("regime")
    assert not set(regime.SEEDS) & set(regime.SWEEP_SEEDS)
    assert len({len(grid) for grid in regime.SWEEP.values()}) == 1


def test_the_chosen_setting_has_the_best_worst_case(script):
    rows = {
        name: [{"ratio": ratio} for ratio in ratios]
        for name, ratios in {"a": [1.0, 1.3], "b": [1.2, 1.2]}.items()
    }
    swept = [{"settings": k, "rows": v} for k, v in rows.items()]
    assert script("regime").chosen(swept) == "b"


@pytest.mark.parametrize("name", ["naive", "ridge", "optimum"])
def test_a_rival_gets_the_stored_ratio_on_the_regime(script, name):
    stored = load_results("regime")["results"]["methods"][name]
    found = script("regime").measure(name, stored["settings"], 0)
    assert list(found) == list(stored["rows"][0])
    ratio = stored["rows"][0]["ratio"]
    assert found["ratio"] == pytest.approx(ratio, rel=0.01)


@pytest.mark.parametrize("name", ["GRU", "boosting", "neighbours"])
def test_a_learner_is_measured_on_the_regime(script, monkeypatch, name):
    """On a short series; chapter 5 gets the GRU's stored ratio itself."""
    regime = script("regime")
    monkeypatch.setattr(regime, "START", 600)
    monkeypatch.setattr(regime, "POINTS", 700)
    row = regime.measure(name, regime.SWEEP[name][0], 7)
    assert row["seed"] == 7
    assert 1 < row["ratio"] < 20
    assert row["mse"] > 0


def test_the_gru_is_nearer_to_the_optimum_than_its_rivals():
    methods = load_results("regime")["results"]["methods"]
    ratios = {
        name: [row["ratio"] for row in found["rows"]]
        for name, found in methods.items()
    }
    assert set(ratios["optimum"]) == {1.0}
    assert max(ratios["GRU"]) < 1.05
    for name in ("naive", "ridge", "boosting", "neighbours"):
        assert min(ratios[name]) > max(ratios["GRU"]), name
    assert min(ratios["ridge"]) > 1.4
    for row in methods["GRU"]["rows"]:
        assert 0 < row["untrained"] < row["trained"] - 0.1 < 0.9


def test_the_switch_is_read_from_a_state_that_has_it(script, monkeypatch):
    """A state with the exact probability in it, and one of mere noise."""
    regime = script("regime")
    monkeypatch.setattr(regime, "START", 600)
    values = make_regime(700, seed=0).values
    probability = RegimeForecast().probability(values)
    forecaster = Forecaster(GRUModel(hidden_size=1), Scaler(0.0, 1.0))
    noise = np.random.default_rng(0).standard_normal(700)
    found = []
    for unit in (probability, noise):
        states = torch.tensor(unit, dtype=torch.float32)[None, :, None]
        forecaster.model.gru.forward = lambda x, s=states: (s, None)
        found.append(regime.knows_the_switch(forecaster, values))
    assert found[0] > 0.999
    assert abs(found[1]) < 0.5
