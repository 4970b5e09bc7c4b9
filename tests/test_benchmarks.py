"""The benchmarks' scripts run, and their stored results belong to them."""

import dataclasses
import functools
import importlib
import itertools
import json
import re
import shlex
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from gru_tutorial import Forecaster, GRUModel, RegimeForecast, Scaler
from gru_tutorial.book.results import load_results
from gru_tutorial.recipe import CAREFUL, PATIENT, QUICK
from gru_tutorial.series import make_mackey_glass, make_regime, make_series

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "benchmarks"
SCRIPTS = [
    path.stem
    for path in sorted(FOLDER.glob("*.py"))
    if "__main__" in path.read_text("utf-8")
]


def test_make_bench_runs_every_script():
    """And the sweep before the table that its settings are for."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert "for script in $(BENCHMARKS); do" in makefile
    (lines,) = re.findall(r"^BENCHMARKS = ((?:.*\\\n)*.*)$", makefile, re.M)
    runs = shlex.split(lines.replace("\\\n", " "))
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


def memory_runs(memory):
    """Return the stored runs of the race, as the script keeps them."""
    fields = [field.name for field in dataclasses.fields(memory.Setting)]
    found = {}
    for row in load_results("memory")["results"]["runs"]:
        errors = [float(error) for error in row["errors"].split()]
        run = memory.Setting(**{name: row[name] for name in fields})
        found[run] = {"solved": row["solved"], "errors": errors}
    return found


def test_memory_results_are_those_of_the_script(script):
    memory = script("memory")
    stored = load_results("memory")["results"]
    for name, value in memory.settings().items():
        assert stored[name] == value
    assert tuple(stored["budgets"]) == memory.BUDGETS
    found = memory_runs(memory)
    grid = memory.first_grid() + memory.later_grid(found)
    assert list(found) == grid
    assert len(found) == len(stored["runs"])
    for run, result in found.items():
        tests = len(result["errors"])
        if result["solved"] is None:
            assert tests * memory.EVERY == run.updates
        else:
            assert tests * memory.EVERY == result["solved"] <= run.updates
            assert max(result["errors"][-2:]) <= memory.SOLVED


def test_every_network_of_the_race_is_trained(script, monkeypatch):
    memory = script("memory")
    monkeypatch.setattr(memory, "EVERY", 1)
    starters = memory.starters()
    assert len(starters) == 26
    for network, bias in starters:
        run = memory.Setting("marked recall", 5, network, bias, 0.01, 0, 2)
        result = memory.train(run)
        assert len(result["errors"]) == 2
        assert 0.1 < result["errors"][0] < 10
        assert result["solved"] is None


def test_a_race_goes_on_after_a_break(script, monkeypatch, tmp_path):
    memory, trained = script("memory"), []
    monkeypatch.setattr(memory, "FILE", tmp_path / ".runs" / "memory.jsonl")

    def train(run):
        trained.append(run)
        if len(trained) == 3:
            raise KeyboardInterrupt
        return {"solved": None, "errors": [0.5, 1 / 3]}

    monkeypatch.setattr(memory, "train", train)
    grid = memory.full_grid()[:4]
    with pytest.raises(KeyboardInterrupt):
        memory.race(grid, memory.kept())
    assert list(memory.kept()) == grid[:2]
    memory.race(grid, memory.kept())
    assert trained == [*grid[:3], *grid[2:]]
    rows = memory.gathered(grid, memory.kept())["runs"]
    assert rows[3]["errors"] == "0.5 0.333"
    monkeypatch.setattr(memory, "EVERY", 7)
    assert not memory.kept()  # of other settings


def test_who_did_not_solve_a_task_gets_more_updates(script):
    memory = script("memory")
    found = {run: {"solved": 400} for run in memory.first_grid()}
    assert not memory.longer(found)
    for run in memory.full_grid():
        if run.task == "delay line" and run.bias == "2":
            found[run] = {"solved": None}
    again = memory.longer(found)
    assert {(run.lag, run.bias, run.lr, run.updates) for run in again} == {
        (20, "2", 0.01, 5000)
    }
    assert {run.network for run in again} == {
        "LSTM",
        "LSTM, coupled",
        "GRU",
        "minGRU, 3 layers",
    }
    assert len(again) == 4 * len(memory.FEW_SEEDS)


def test_all_but_the_slow_network_run_at_both_rates(script):
    memory = script("memory")
    starters = {(run.network, run.bias) for run in memory.second_rate()}
    slow = {("minGRU", bias) for bias in memory.BIASES}
    assert starters | slow == set(memory.starters())
    assert not starters & slow
    assert {run.lr for run in memory.second_rate()} == {memory.RATES[1]}


def test_a_race_runs_in_processes(script, monkeypatch, tmp_path):
    memory = script("memory")
    monkeypatch.setattr(memory, "FILE", tmp_path / ".runs" / "memory.jsonl")
    monkeypatch.setattr(memory, "train", str)
    grid, asked = memory.full_grid()[:3], []

    def train_all(train, runs):
        asked.extend(runs)
        return [{"solved": None, "errors": [len(train(r))]} for r in runs]

    memory.race([*grid, grid[0]], memory.kept(), train_all)
    assert asked == grid
    assert list(memory.kept()) == grid


def test_variants_of_a_task_ask_for_the_same_numbers(script):
    memory = script("memory")
    assert len(memory.WHY) == 4
    for name, (draw, _, chance) in memory.WHY.items():
        X, y = draw(20_000, 10, np.random.default_rng(0))
        asked = (X[..., 0] * X[..., 1]).sum(1, keepdim=True)
        plus = 1 if name == "recall, answer + 1" else 0
        torch.testing.assert_close(y, asked + plus)
        assert y.var().item() == pytest.approx(chance, rel=0.03)
        mean = 0 if "mean 0" in name else 1
        assert y.mean().item() == pytest.approx(mean, abs=0.02)
        longer = 40 if "40 more" in name else 0
        assert X.shape[1] == longer + (11 if plus else 10)


TIMING = re.compile(r"(^|_)(us|ms|s|seconds|minutes|hours)$")


def unspread(found, where="results", runs=()):
    """Find timings that are stored without how they spread.

    A timing is three quartiles, or a number in one of at least three runs
    that differ in their seed and in what was measured.
    """
    if isinstance(found, list):
        same = runs_of_one_setting(found)
        for k, part in enumerate(found):
            yield from unspread(part, f"{where}[{k}]", same)
    elif isinstance(found, dict):
        for key, part in found.items():
            named = key in ("rows", "runs")
            if TIMING.search(key):
                if not (is_spread(part) or key in runs):
                    yield f"{where}.{key}"
            elif named and isinstance(part, list):
                yield from unspread(part, f"{where}.{key}")
            else:
                yield from within(part, f"{where}.{key}")


def within(found, where):
    """Look into what is no list of runs: numbers there stand alone."""
    if isinstance(found, dict):
        yield from unspread(found, where)
    for k, part in enumerate(found if isinstance(found, list) else []):
        if isinstance(part, (dict, list)):
            yield from unspread(part, f"{where}[{k}]")


def runs_of_one_setting(rows):
    """Return which timings stand in at least three runs of one setting."""
    if len(rows) < 3 or not all(isinstance(row, dict) for row in rows):
        return set()
    seeds = [row.get("seed", k) for k, row in enumerate(rows)]
    words = {
        tuple((k, v) for k, v in row.items() if isinstance(v, (str, bool)))
        for row in rows
    }
    alone = len(set(seeds)) == len(rows) and len(words) == 1
    return {key for key in rows[0] if TIMING.search(key)} if alone else set()


def is_spread(value):
    """Tell three quartiles, from low to high."""
    return (
        isinstance(value, list)
        and len(value) == 3
        and all(isinstance(part, (int, float)) for part in value)
        and 0 <= value[0] <= value[1] <= value[2]
    )


STORED = sorted((ROOT / "gru_tutorial" / "results").glob("*.json"))


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_a_stored_timing_has_a_spread(path):
    record = json.loads(path.read_text("utf-8"))
    assert not list(unspread(record["results"]))


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_a_record_says_what_it_depends_on(path):
    record = json.loads(path.read_text("utf-8"))
    for key in ("date", "machine", "python", "torch", "numpy", "results"):
        assert record[key]
    assert record["load"] >= 0
    assert record["repetitions"] >= 1


QUARTILES, RUN = [1.0, 2.0, 3.0], {"seed": 0, "cpu_s": 1.0}
RUNS = [{"seed": seed, "cpu_s": 1.0} for seed in range(3)]


@pytest.mark.parametrize(
    ("results", "missing"),
    [
        ({"rows": [{"us": 1.0}]}, "results.rows[0].us"),
        ({"first_call_s": 0.5}, "results.first_call_s"),
        ({"first_call_s": [0.5, 0.6]}, "results.first_call_s"),
        ({"first_call_s": [0.5, 0.7, 0.6]}, "results.first_call_s"),
        ({"first_call_s": [0.5, None, 0.7]}, "results.first_call_s"),
        ({"a": [{"b": {"cpu_s": 3}}]}, "results.a[0].b.cpu_s"),
        ({"rows": RUNS[:2]}, "results.rows[0].cpu_s"),
        ({"rows": [RUN, RUN, RUN]}, "results.rows[0].cpu_s"),
        ({"methods": RUNS}, "results.methods[0].cpu_s"),
        (
            {"rows": [{**run, "layer": f"{run['seed']}"} for run in RUNS]},
            "results.rows[0].cpu_s",
        ),
    ],
)
def test_a_bare_timing_is_found(results, missing):
    assert missing in list(unspread(results))


@pytest.mark.parametrize(
    "results",
    [
        {"rows": RUNS},
        {"a": {"b": [{"runs": RUNS, "layer": "GRU", "eager_us": QUARTILES}]}},
        {"rows": [{"layer": "GRU", "us": QUARTILES}]},
        {"units": 3, "versions": {"numba": "0.68"}, "seeds": [1, 2]},
        {"runs": [{"cold_s": 1.0}, {"cold_s": 2.0}, {"cold_s": 3.0}]},
    ],
)
def test_a_timing_with_its_spread_is_let_through(results):
    assert not list(unspread(results))


def test_speed_results_are_those_of_the_script(script):
    speed, layers = script("speed"), script("layers")
    record = load_results("speed")
    results = record["results"]
    assert set(results) - {"length", "parts", "versions"} == set(speed.PARTS)
    assert set(results["parts"]) == set(speed.PARTS)
    assert results["length"] == speed.LENGTH
    found = {(r["layer"], r["hidden"], r["batch"]) for r in results["rungs"]}
    assert found == {
        (layer, hidden, batch)
        for layer in layers.three_rungs(nn.GRU(1, 8))
        for hidden in layers.HIDDEN
        for batch in layers.BATCHES
    }
    for part, threads in (("kinds", 1), ("two_threads", 2)):
        assert len(results[part]) == len(layers.KINDS) * 7
        assert {r["threads"] for r in results[part]} == {threads}
    sizes = {r["length"] for r in results["lengths"]}
    assert sizes == set(layers.LENGTHS)


def test_the_kinds_have_the_parameters_of_the_race(script):
    layers = script("layers")
    (equal, sizes) = layers.by_size([16])[-1]
    assert equal == "parameters"
    assert sizes == {
        "RNN": 52,
        "LSTM": 25,
        "GRU": 29,
        "minGRU": 428,
        "minGRU, loop": 428,
    }


def gains(layer, part="training_us"):
    """Return how many times as fast as nn.GRU a layer is, by its size."""
    times = {
        (r["layer"], r["hidden"], r["batch"]): r[part][1]
        for r in load_results("speed")["results"]["rungs"]
    }
    return {
        (hidden, batch): times["nn.GRU", hidden, batch] / time
        for (name, hidden, batch), time in times.items()
        if name == layer
    }


def test_the_backward_pass_by_hand_is_as_fast_as_promised():
    found = gains("ExactGRU")
    assert found[16, 16] >= 2.5
    assert found[32, 16] >= 2
    assert min(found.values()) >= 0.95


def test_the_compiled_loop_is_as_fast_as_promised():
    found = gains("compiled")
    assert found[16, 16] >= 5
    assert found[32, 16] >= 2.5
    assert min(found.values()) >= 0.95


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
    assert [times.tolist() for times in found] == [6 * [[5.0]], 6 * [[1.0]]]
    assert calls == 2 * (4 * ["a"] + 4 * ["b"])
    assert timing.microseconds([0.1, 0.2, 0.3], 100) == [1500, 2000, 2500]


class Counting(nn.Module):
    """A layer that counts its passes, each of which takes its time."""

    def __init__(self, now):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.weight.register_hook(lambda _: self.count("backward", 5))
        self.passes, self.now = [], now

    def count(self, name, seconds):
        self.passes.append(name)
        self.now[0] += seconds

    def forward(self, x):
        graph = torch.is_grad_enabled()
        self.count("recorded" if graph else "forward", 2 if graph else 1)
        return self.weight * x, None


def test_forth_and_back_are_timed_apart(script, monkeypatch):
    timing, now = script("timing"), [0.0]
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])
    layer = Counting(now)
    x = torch.zeros(4, 2, 1)
    rows = timing.of_layers({"a": layer}, {"a": x}, 4, 1, 2)
    seconds = {k: value[1] * 4e-6 for k, value in rows["a"].items()}
    assert seconds == pytest.approx(
        {
            "forward_us": 1,
            "recorded_us": 2,
            "backward_us": 5,
            "training_us": 7,
        }
    )
    expected = 3 * ["forward"] + 3 * ["recorded", "backward"]
    assert layer.passes[1:] == expected  # after the gradient's shape


@pytest.mark.slow
@pytest.mark.parametrize("part", ["kinds", "two_threads", "lengths", "rungs"])
def test_a_row_of_a_layer_has_the_stored_form(script, monkeypatch, part):
    layers = script("layers")
    monkeypatch.setattr(layers, "UNITS", (8,))
    monkeypatch.setattr(layers, "LENGTHS", (4,))
    monkeypatch.setattr(layers, "HIDDEN", (4,))
    monkeypatch.setattr(layers, "BATCHES", (2,))
    few = functools.partial(script("timing").clocked, turns=1, runs=1)
    monkeypatch.setattr(script("timing"), "clocked", lambda f, *_: few(f))
    rows, stored = getattr(layers, part)(), load_results("speed")["results"]
    for row in rows:
        assert list(row) == list(stored[part][0])
        assert not list(unspread([row]))


def test_operations_are_counted_as_the_formula_says(script):
    """By going through the matrices of one step, entry by entry."""
    layers = script("layers")
    hidden, batch = 5, 3
    gru = nn.GRU(1, hidden)
    counted = 2 * 2 * gru.weight_ih_l0.numel()  # forth, and its own gradient
    counted += 2 * 3 * gru.weight_hh_l0.numel()  # and the state's
    assert layers.floating_operations(hidden, batch) == batch * counted
    assert counted == 18 * hidden**2 + 12 * hidden


def test_a_limit_is_given_back(script):
    layers = script("layers")
    before = layers.by_hand.MAX_STATES
    with layers.whatever_the_size([layers.by_hand]):
        assert before < layers.by_hand.MAX_STATES
    assert before == layers.by_hand.MAX_STATES


@pytest.mark.slow
def test_the_peak_of_a_process_is_what_was_asked_for(script):
    """32 MB of zeros that are written; what was there does not count."""
    script("timing")
    found = script("timing").in_a_process(megabytes_of_ones, 32)
    assert 30 < found < 40


def megabytes_of_ones(size):
    sys.path.insert(0, str(FOLDER))
    return importlib.import_module("timing").peak_megabytes(
        lambda: np.ones(size * 2**17)
    )


@pytest.mark.parametrize("task", ["windows, copies", "training"])
def test_a_task_grows(script, monkeypatch, task):
    growth = script("growth")
    monkeypatch.setattr(
        growth.time, "perf_counter", itertools.count().__next__
    )
    monkeypatch.setattr(growth, "peak_megabytes", lambda run: run() or 1)
    row = growth.grown(task, 1000, 8)
    stored = load_results("speed")["results"]["growth"]
    assert list(row) == list(stored[0])
    assert row["task_s"] == [1.0, 1.0, 1.0]


def test_what_grew_is_what_the_script_asks_for(script):
    growth = script("growth")
    rows = load_results("speed")["results"]["growth"]
    assert {r["task"] for r in rows} == set(growth.TASKS)
    for task in growth.TASKS:
        longest = max(r["length"] for r in rows if r["task"] == task)
        assert longest == growth.LONGEST.get(task, growth.POINTS[-1])


def test_newton_is_counted(script):
    growth = script("growth")
    x = torch.ones(1, 60, 1, dtype=torch.float64)
    row = growth.corrections(growth.network("opened by 4", None, 0), x)
    assert row["converged"]
    assert row["error"] < 1e-12
    assert 0.9 < row["growth_of_truth"] < 1
    stored = load_results("speed")["results"]["newton"]
    assert list(stored[0])[3:] == list(row)
    lengths = {r["length"] for r in stored}
    seeds = {r["seed"] for r in stored}
    assert seeds == set(growth.SEEDS_OF_NEWTON)
    assert len(stored) == len(seeds) * len(growth.NETWORKS) * len(lengths)


def test_parts_are_kept_beside_each_other(script, monkeypatch):
    speed, stored = script("speed"), {}

    def store(name, results, **circumstances):
        stored.update({"results": results, **circumstances})
        stored.update(torch=speed.version(), machine=speed.processor())

    monkeypatch.setattr(speed, "store", store)
    monkeypatch.setattr(speed, "load_results", lambda _: stored)
    monkeypatch.setattr(speed, "PARTS", ("a", "b"))
    speed.keep("a", [1], 0.5)
    speed.keep("b", [2], 2.0)
    speed.keep("a", [3], 1.0)
    assert (stored["results"]["a"], stored["results"]["b"]) == ([3], [2])
    assert stored["results"]["parts"]["b"]["load"] == 2.0
    assert stored["load"] == 2.0
    for name in ("torch", "machine"):  # what others measured is left out
        speed.keep("a", [1], 0.5)
        stored[name] = "another"
        speed.keep("b", [4], 0.1)
        assert "a" not in stored["results"]


@pytest.mark.slow
def test_a_compiled_loop_over_cells_is_timed(script, tmp_path):
    unrolled = script("unrolled")
    first, times = unrolled.in_a_process(
        unrolled.first_call, "nn.GRU", str(tmp_path), 2
    )
    assert first > 0
    assert all(map(is_spread, times))


KINDS = ("waves", "regime", "mackey_glass")


def tables():
    """Return the stored table of each kind of series."""
    others = load_results("recipes_other")["results"]
    found = {"waves": load_results("recipes")["results"]["methods"]}
    return found | {task: others[task]["methods"] for task in KINDS[1:]}


@pytest.mark.parametrize("task", KINDS)
def test_a_stored_search_is_the_scripts(script, task):
    """Replayed with the stored trials, it takes the same way."""
    recipes = script("recipes")
    swept = load_results("recipes_sweep")["results"][task]
    searches = recipes.searches(task)
    assert list(swept) == list(searches)
    for name, one in searches.items():
        stored = {str(t["settings"]): t for t in swept[name]["trials"]}

        def attempt(settings, to_beat, stored=stored):
            trial = stored[str(settings)]
            stopped = len(trial["ratios"]) < len(recipes.SWEEP_SEEDS)
            assert trial["stopped"] == stopped
            return trial

        again = recipes.search(attempt, one.lattice, one.starts, one.most)
        assert again == swept[name]["trials"], name
        assert swept[name]["edges"] == one.lattice.edges(again), name


@pytest.mark.parametrize("task", KINDS)
def test_a_stored_table_is_the_scripts(script, task):
    recipes = script("recipes")
    swept = load_results("recipes_sweep")["results"][task]
    expected, methods = recipes.compared(task, swept), tables()[task]
    assert list(methods) == list(expected)
    for name, (function, settings) in expected.items():
        assert methods[name]["function"] == function
        assert methods[name]["settings"] == settings
        seeds = [row["seed"] for row in methods[name]["rows"]]
        assert seeds == list(recipes.seeds_of(task, name))


def test_settings_are_chosen_on_other_series(script):
    tasks = script("tasks")
    assert set(tasks.REPORTED) == set(tasks.TASKS) == set(KINDS)
    for seeds in tasks.REPORTED.values():
        assert not set(seeds) & set(tasks.SWEEP_SEEDS)


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
    "boosting": {"lags": 3, "max_iter": 20},
    "neighbours": {"lags": 3, "n_neighbors": 5},
    "seasonal_naive": {"period": 450},
    "oracle": {},
}


@pytest.mark.parametrize("function", METHODS)
def test_a_method_is_measured(script, function):
    measure = script("recipes").measure
    found = measure("waves", function, METHODS[function], 7)
    assert 1 <= found["ratio"] < 14
    assert found["cpu_s"] >= 0
    assert found["parameters"] >= 0


def test_all_own_methods_are_measured(script):
    assert set(script("methods").FUNCTIONS) == {*METHODS, "committee"}


@pytest.mark.parametrize(
    ("task", "name"),
    [
        *(("waves", n) for n in ("chunks, quick", "seasonal naive", "oracle")),
        *(("waves", "ridge, 24 lags"), ("waves", "neighbours")),
        *((task, n) for task in KINDS[1:] for n in ("naive", "neighbours")),
    ],
)
def test_a_method_gets_the_stored_ratio(script, task, name):
    method = tables()[task][name]
    function, settings = method["function"], method["settings"]
    found = script("recipes").measure(task, function, settings, 0)
    assert found["parameters"] == method["parameters"]
    stored = method["rows"][0]["ratio"]
    assert found["ratio"] == pytest.approx(stored, rel=0.01)


def test_the_best_forecast_of_a_task_has_the_score_1(script):
    tasks = script("tasks")
    optimum = RegimeForecast().one_step(make_regime(2000).values, 1000)
    best = {"waves": make_series(850).clean[720:], "regime": optimum}
    best["mackey_glass"] = make_mackey_glass(1100, noise=0.05).clean[600:]
    for task, y_hat in best.items():
        values, score = tasks.drawn(task, 0)
        assert len(values) == tasks.TASKS[task].points
        assert score(y_hat) == pytest.approx(1, abs=1e-12)
        assert score(y_hat + 1) > 1.2


def test_windows_and_chunks_are_the_packages_recipes(script, monkeypatch):
    """The stored settings reach ``Forecaster.fit``, and the seed too."""
    recipes, methods, seen = script("recipes"), script("methods"), []

    def fit(forecaster, values, recipe, **changes):
        seen.append((forecaster, len(values), recipe.but(**changes)))
        raise InterruptedError

    monkeypatch.setattr(methods.Forecaster, "fit", fit)
    values = make_series().values
    for name, recipe in {
        "chunks, quick": QUICK,
        "chunks, careful": CAREFUL,
        "chunks, patient": PATIENT,
        "original recipe": methods.Recipe(num_epochs=100, lr=0.01),
    }.items():
        function, settings = recipes.fixed("waves")[name]
        with pytest.raises(InterruptedError):
            methods.FUNCTIONS[function](values, 700, 3, **settings)
        forecaster, known, used = seen.pop()
        assert known == 700
        assert used == recipe.but(seed=3)
        assert forecaster.window == settings.get("window")
        assert forecaster.model.horizon == settings.get("horizon", 1)
        fast = type(forecaster.model.gru) is not nn.GRU
        assert fast == settings.get("exact", False)


def test_a_forecast_may_see_less_than_all(script):
    """Of what comes before the last 50 values, nothing reaches it."""
    chunks, values = script("methods").chunks, make_series().values
    settings, moved = METHODS["chunks"], values.copy()
    moved[700:720] += 1.0  # 50 and more steps before the last forecasts
    for sees, untouched in ((None, False), (50, True)):
        one, other = (
            chunks(series, 700, 0, sees=sees, **settings)[0][-80:]
            for series in (values, moved)
        )
        assert np.array_equal(one, other) == untouched


def test_a_committee_averages_five(script, monkeypatch):
    methods = script("methods")
    monkeypatch.setattr(
        methods, "chunks", lambda values, start, seed, lr: (lr * seed, start)
    )
    y_hat, parameters = methods.committee(None, 7, 2, lr=0.5)
    assert y_hat == 6.0  # of the seeds 10 to 14
    assert parameters == 35


def test_the_quick_recipe_is_the_chapters(script):
    settings = script("recipes").fixed("waves")["chunks, quick"][1]
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
    rows = tables()["waves"]["original recipe"]["rows"]
    chapter = (ROOT / "chapters/04_training.ipynb").read_text("utf-8")
    assert f"test {rows[0]['ratio']:.3f}" in chapter


def test_a_failed_method_says_which(script):
    with pytest.raises(RuntimeError, match=r"waves, ridge, {'lags': 0"):
        script("recipes").measure("waves", "ridge", {"lags": 0, "alpha": 1}, 7)


def test_forecasts_that_are_no_numbers_have_the_worst_score(
    script, monkeypatch
):
    recipes = script("recipes")
    nothing = np.full(130, np.nan)
    monkeypatch.setitem(recipes.FUNCTIONS, "oracle", lambda *_: (nothing, 5))
    assert recipes.measure("waves", "oracle", {}, 7)["ratio"] == recipes.WORST


def test_the_peers_functions_are_those_of_the_searches(script):
    recipes, peers = script("recipes"), script("peers")
    assert set(peers.IMPORTS) == set(peers.FUNCTIONS)
    for task in KINDS:
        used = {one.function for one in recipes.searches(task).values()}
        assert set(peers.FUNCTIONS) <= used


def test_the_command_line_sweeps_or_makes_tables(script, monkeypatch):
    recipes, calls = script("recipes"), []
    for name in ("sweep", "table"):
        monkeypatch.setattr(
            recipes, name, lambda _, *of, n=name: calls.append((n, *of))
        )
    for line in (["--sweep"], ["--tasks", "waves"]):
        monkeypatch.setattr(sys, "argv", ["recipes.py", *line])
        recipes.main()
    assert calls == [
        ("sweep", list(recipes.TASKS)),
        ("table", ["waves"], None),
    ]


def test_a_sweep_of_one_task_keeps_the_others(script, monkeypatch):
    recipes, kept = script("recipes"), {}
    monkeypatch.setattr(
        recipes, "store", lambda name, found, **_: kept.update({name: found})
    )
    one = script("spaces").Searched(
        "oracle",
        script("search").Lattice({"lags": (1, 2, 3)}),
        [{"lags": 2}],
        9,
    )
    monkeypatch.setattr(recipes, "searches", lambda task: {"it": one})
    runs = script("search").Runs(
        "absent", lambda *of: {"ratio": of[2]["lags"]}
    )
    monkeypatch.setattr(
        runs,
        "keep",
        lambda run: runs.known.update({script("search").key(*run["of"]): run}),
    )
    recipes.sweep(runs, ["regime"])
    before = load_results("recipes_sweep")["results"]
    after = kept["recipes_sweep"]
    assert [
        t["settings"]["lags"] for t in after["regime"]["it"]["trials"]
    ] == [
        2,
        3,
        1,
    ]
    assert after["regime"]["it"]["edges"] == []
    for task in ("waves", "mackey_glass"):
        assert after[task] == before[task]


def valley(search, most=99, stop=2):
    """Search the lowest point of a valley, with a cliff at ``stop``."""
    lattice = search.Lattice(
        {"x": (0, 1, 2, 4, 8, 16), "kind": ("a", "b")},
        ("kind",),
        lambda s: s["x"] <= stop or s["kind"] == "b",
    )

    def attempt(settings, to_beat):
        ratio = abs(settings["x"] - 8) + (settings["kind"] == "a")
        return {"settings": settings, "ratios": 3 * [ratio], "stopped": False}

    starts = [{"x": 1, "kind": "a"}]
    return lattice, search.search(attempt, lattice, starts, most)


def test_a_search_ends_where_no_neighbour_is_better(script):
    search = script("search")
    lattice, trials = valley(search)
    assert search.best_of(trials)["settings"] == {"x": 8, "kind": "b"}
    assert lattice.edges(trials) == []
    points = [tuple(trial["settings"].values()) for trial in trials]
    assert len(set(points)) == len(points)  # none is tried twice
    assert "a" not in {kind for x, kind in points if x > 2}  # not allowed


def test_a_search_that_runs_out_of_trials_says_its_edges(script):
    search = script("search")
    lattice, trials = valley(search, most=2)
    assert len(trials) == 2
    assert search.best_of(trials)["settings"] == {"x": 2, "kind": "a"}
    assert lattice.edges(trials) == ["kind"]  # 4 is not allowed
    lattice, trials = valley(search, most=4)
    assert lattice.edges(trials) == ["x"]


def test_the_end_of_a_list_is_an_edge_unless_it_is_closed(script):
    search = script("search")
    trials = [
        {"settings": {"x": x}, "ratios": [ratio], "stopped": False}
        for x, ratio in ((0, 3), (4, 2), (8, 1))
    ]
    assert search.Lattice({"x": (0, 4, 8)}).edges(trials) == ["x"]
    assert search.Lattice({"x": (0, 4, 8)}, ("x",)).edges(trials) == []
    assert search.Lattice({"x": (0, 4, 8, 16)}).edges(trials) == ["x"]
    down = [{**one, "ratios": [-one["ratios"][0]]} for one in trials]
    assert search.Lattice({"x": (0, 4, 8)}).edges(down) == []  # 0 is no edge


def test_a_value_between_those_of_a_list_has_neighbours(script):
    lattice = script("search").Lattice({"x": (1, 4, 8)})
    assert lattice.neighbours({"x": 5}) == {
        ("x", 1): {"x": 8},
        ("x", -1): {"x": 4},
    }
    assert lattice.neighbours({"x": 8}) == {("x", -1): {"x": 4}}


@pytest.mark.parametrize(
    ("ratios", "seen"),
    [
        ([1.0, 1.3, 1.1], 3),
        ([1.3, 1.0, 1.1], 1),  # the first is a tenth worse
        ([1.25, 1.25, 1.1], 2),  # two of three are no better
        ([1.0, 1.25, 1.3], 3),
    ],
)
def test_a_hopeless_trial_stops_early(script, tmp_path, ratios, seen):
    search = script("search")
    runs = search.Runs(tmp_path / "runs", lambda *of: {"ratio": ratios[of[3]]})
    trial = search.tried(runs, "waves", "f", {"x": 1}, range(3), 1.18)
    assert trial["ratios"] == ratios[:seen]
    assert trial["stopped"] == (seen < 3)
    expected = sorted(ratios)[1] if seen == 3 else float("inf")
    assert search.median(trial) == expected


def test_runs_go_on_where_they_stopped(script, tmp_path):
    search, path, asked = script("search"), tmp_path / "new" / "runs", []

    def measure(*of):
        asked.append(of)
        return {"ratio": 2.5}

    of = ("waves", "f", {"b": 1, "a": 2}, 3)
    first = search.Runs(path, measure).run(*of)
    again = search.Runs(path, measure)
    assert again.run("waves", "f", {"a": 2, "b": 1}, 3) == first
    assert first["ratio"] == 2.5
    assert asked == [of]
    again.run("waves", "f", {"a": 2, "b": 2}, 3)
    assert len(asked) == 2
    assert len(path.read_text("utf-8").splitlines()) == 2


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
    assert {"darts", "neuralforecast"} < set(results["versions"])
    assert results["seeds"] == list(visibility.SEEDS)
    assert list(results["moves"]) == list(visibility.CANDIDATES)
    for moves in results["moves"].values():
        assert np.shape(moves) == (len(visibility.SEEDS), visibility.HORIZON)


def test_the_heads_of_two_libraries_are_as_the_chapter_says():
    results = load_results("visibility")["results"]
    assert results["agrees_below_1e_6"] == {
        "Darts BlockRNNModel": True,
        "NeuralForecast GRU": True,
    }
    moves = {name: np.array(rows) for name, rows in results["moves"].items()}
    for name in ("Darts BlockRNNModel", "NeuralForecast GRU, unscaled"):
        assert not moves[name][:, :-1].any()
        assert np.all(moves[name][:, -1] > 1e-3)
    for name in ("Darts RNNModel", "NeuralForecast GRU, recurrent"):
        assert moves[name].all()


def test_horizons_results_are_those_of_the_script(script):
    horizons = script("horizons")
    record = load_results("horizons")
    assert record["repetitions"] == len(horizons.FEW) >= 3
    results = record["results"]
    assert results["horizon"] == horizons.HORIZON
    found = []
    for series, table in results["series"].items():
        task = horizons.TASKS[series]
        assert table["train"] == task.train
        assert table["start"] == task.start
        assert table["sees"] == task.sees
        for name, method in table["methods"].items():
            for run in method["runs"]:
                found.append((series, name, run["seed"]))
                assert len(run["ratio"]) == horizons.HORIZON
                assert min(run["ratio"]) >= 1
    expected = [(run[0], run[1], run[-1]) for run in horizons.grid()]
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("series", ["cycle", "waves"])
@pytest.mark.parametrize("name", ["naive", "ridge", "recursive"])
def test_a_model_gets_the_stored_ratio_over_24_steps(script, series, name):
    if (series, name) == ("waves", "recursive"):
        pytest.skip("takes seconds")
    horizons = script("horizons")
    function, settings = horizons.methods_of(series)[name]
    found = horizons.measure(series, function, settings, 0)
    tables = load_results("horizons")["results"]["series"]
    stored = tables[series]["methods"][name]["runs"][0]
    assert found["ratio"] == pytest.approx(stored["ratio"], rel=0.01)
    for key, value in stored.get("chosen", {}).items():
        assert found[key] == value


def test_every_model_forecasts_from_the_same_origins(script):
    """Forecasts that know the truth get a ratio of 1, from 3,977 origins."""
    horizons = script("horizons")
    for series, task in horizons.TASKS.items():
        values, score = horizons.drawn(series, 3)

        def seen(X, horizon, values=values, task=task):
            first, last = X[0, -1], X[-1, -1]
            assert first == values[task.start - 1]
            assert last == values[-1 - horizon]
            assert X.shape == (3977, task.sees)
            return np.zeros((len(X), horizon))

        assert np.all(score(horizons.seeing(seen, task)(values)) > 1.05)
    cycle = horizons.TASKS["cycle"]
    values, score = horizons.drawn("cycle", 3)
    best = horizons.seeing(horizons.cycle_forecast, cycle)(values)
    np.testing.assert_allclose(score(best), 1)


def test_states_go_on_to_the_best_forecast(script):
    """An autoregression's filtered states, in statsmodels' layout."""
    horizons = script("horizons")
    task, (values, score) = horizons.TASKS["cycle"], horizons.drawn("cycle", 0)
    phi_1, phi_2 = 2 * 0.95 * np.cos(np.pi / 6), -(0.95**2)
    states = np.zeros((2, len(values) + 1))
    states[0, 2:] = phi_1 * values[1:] + phi_2 * values[:-1]
    states[1, 2:] = phi_2 * values[1:]
    found = types.SimpleNamespace(
        predicted_state=states,
        design=np.array([[[1.0], [0.0]]]),
        transition=np.array([[[phi_1], [1.0]], [[phi_2], [0.0]]]),
        obs_intercept=np.full((1, len(values)), 5.0),
        state_intercept=np.zeros((2, 1)),
    )
    applied = types.SimpleNamespace(filter_results=found)
    fitted = types.SimpleNamespace(apply=lambda values: applied)
    path = horizons.arima_paths(fitted, values + 5, task)
    np.testing.assert_allclose(score(path - 5), 1)


def test_level_trend_and_season_go_on(script):
    class Smoothed:
        level = np.arange(100.0)
        slope = np.full(100, 2.0)
        season = np.tile([0.0, 10.0, 20.0], 34)[:100]
        damping_trend = 0.5

    at, paths = np.array([50, 60]), script("horizons").smoothing_paths
    level = np.array([[50.0], [60.0]])
    np.testing.assert_allclose(paths(Smoothed, at, False, None) - level, 0)
    trend = paths(Smoothed, at, True, None) - level
    np.testing.assert_allclose(trend[:, :3], [[1, 1.5, 1.75]] * 2)
    season = paths(Smoothed, at, False, 3) - level  # steps 50 and 60: 20, 0
    np.testing.assert_allclose(season[0, :4], [0, 10, 20, 0])
    np.testing.assert_allclose(season[1, :4], [10, 20, 0, 10])


@pytest.mark.parametrize("share", [0.5, "falling"])
def test_the_share_of_true_values_falls_if_asked(script, monkeypatch, share):
    horizons, shares = script("horizons"), []
    task = horizons.TASKS["cycle"]._replace(
        train=200, start=250, recipe=horizons.SHORT.but(num_epochs=4)
    )

    def taught(head, y, plain=horizons.Seq2Seq.taught):
        shares.append(head.teacher_forcing)
        return plain(head, y)

    monkeypatch.setattr(horizons.Seq2Seq, "taught", taught)
    values = horizons.make_cycle(400)
    paths, _ = horizons.gru(values, task, 0, "seq2seq", 3, share)
    assert np.isfinite(paths(values)).all()
    falls = [1, 0.75, 0.5, 0.25] if share == "falling" else [0.5]
    assert list(dict.fromkeys(shares)) == falls


def test_a_teacher_helps_at_first_and_costs_later():
    """As chapter 9 says of the waves and the chaos."""
    tables = load_results("horizons")["results"]["series"]
    for series in ("waves", "mackey_glass"):
        found = {
            name: np.median([run["ratio"] for run in method["runs"]], axis=0)
            for name, method in tables[series]["methods"].items()
        }
        own, teacher = found["seq2seq"], found["seq2seq, teacher"]
        mixed = found["seq2seq, falling"]
        assert teacher[0] < own[0], series
        assert mixed[-1] < teacher[-1], series


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
