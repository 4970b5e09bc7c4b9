"""Two kinds of series on which a GRU may win: for chapter 12.

A hidden regime, whose optimum is known, with three lengths of history; and
the chaos of Mackey and Glass, with and without noise, by horizon. Settings are
chosen on three other series: of six for a GRU, and for each of its rivals by a
search of up to 14 trials (``search.py``). Then each is scored on five. One
process, one thread. Each run is kept in ``.runs/wins.jsonl`` at once, and a
second start goes on there.

Usage: python benchmarks/wins.py    (about ten minutes)
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before the libraries are loaded

import math
import time
from typing import NamedTuple

import numpy as np
import torch
from peers import run_quietly, versions
from search import RUNS, Lattice, Runs, best_of, median, search, tried
from torch import nn

from gru_tutorial import (
    Boosting,
    Forecaster,
    GRUModel,
    Naive,
    Neighbours,
    Recipe,
    RegimeForecast,
    Ridge,
    evaluating,
    make_mackey_glass,
    make_regime,
    make_windows,
    mse,
)
from gru_tutorial.book.results import load_average, store
from gru_tutorial.heads import Direct

SEEDS = range(5)  # reported
SWEEP_SEEDS = range(100, 103)  # settings are chosen on these
MOST = 14  # trials of each search
TESTED = {"regime": 5000, "mackey_glass": 1000}  # values, or origins
HORIZONS = (1, 6, 24)
SEES = 100  # values before an origin, on the series of Mackey and Glass
CHUNK, BATCH, STRIDE = 64, 12, 8
NOISE = 0.023  # a tenth of the series' standard deviation


class Task(NamedTuple):
    """A kind of series, how many values are known, and what is asked."""

    kind: str
    known: int
    noise: float = 0.0
    horizons: tuple = (1,)


def tasks():
    """Return all tasks by name."""
    found = {f"regime, {n}": Task("regime", n) for n in (1250, 5000, 20_000)}
    for name, noise in (("clean", 0.0), ("noisy", NOISE)):
        for steps in (HORIZONS, *((h,) for h in HORIZONS)):
            asked = " ".join(map(str, steps))
            found[f"mackey_glass, {name}, {asked}"] = Task(
                "mackey_glass", 1000, noise, steps
            )
    return found


TASKS = tasks()


# The methods: each is fitted to the past, and then forecasts


class TwoLayers(Direct):
    """Read the state by a small network instead of a linear function."""

    def build(self, size):
        """Make two layers with a bend between them."""
        return nn.Sequential(
            nn.Linear(size, 64), nn.ReLU(), nn.Linear(64, self.width)
        )


def gru(past, task, seed, hidden, layers, updates, lr, noise, recursive=False):
    """Train the book's model, with a label for every step."""
    horizon = 1 if recursive else max(task.horizons)
    head = (TwoLayers if layers == 2 else Direct)(horizon)
    pieces = (len(past) - CHUNK - horizon + 1) // STRIDE
    recipe = Recipe(
        num_epochs=max(1, round(updates * BATCH / pieces)),
        lr=lr,
        one_cycle=True,
        clip=1.0,
        input_noise=noise,
        burn_in=CHUNK // 2,
        batch_size=BATCH,
        chunk=CHUNK,
        stride=STRIDE,
    )
    torch.manual_seed(seed)
    model = GRUModel(hidden_size=hidden, head=head, fast="compiled")
    strategy = "recursive" if recursive else None
    return Forecaster(model, strategy=strategy).fit(past, recipe, seed=seed)


class Straight:
    """Forecast the value some steps ahead from the last ones, at one go."""

    def __init__(self, rival, past, horizon):
        lags, option, *_ = rival._settings().values()
        self.lags, self.mean, self.std = lags, past.mean(), past.std()
        X, y = make_windows((past - self.mean) / self.std, lags, horizon)
        self.learnt = rival._learn(X[..., 0], y[:, -1], [option])

    def __call__(self, X, horizon):
        """Return as many columns as steps; all but the last are empty."""
        path = np.full((len(X), horizon), np.nan)
        late = (X[:, -self.lags :] - self.mean) / self.std
        path[:, -1] = self.mean + self.std * self.learnt(late)[:, 0]
        return path


RIVALS = {
    "ridge": Ridge,
    "boosting": Boosting,
    "neighbours": Neighbours,
    "naive": Naive,
    "optimum": RegimeForecast,
}


def rival(past, task, seed, kind, recursive=True, **settings):
    """Fit a method without a network, to the next value or to a later one."""
    made = RIVALS[kind](**settings)
    if kind == "optimum":
        return made  # it knows all but the regime
    return (
        made.fit(past) if recursive else Straight(made, past, *task.horizons)
    )


# How they are scored


def states_of(forecaster, values):
    """Return the state after each step of a series, (time, units)."""
    scaled = forecaster.scaler.transform(values)
    stream = torch.tensor(scaled, dtype=torch.float32)[None, :, None]
    with evaluating(forecaster.model):
        return forecaster.model.gru(stream)[0][0].numpy()


def one_unit(states, target, start):
    """Return how well the best single unit follows a target, and which.

    The unit is found on the first steps, and compared on the others.
    """
    found = [
        np.corrcoef(unit, target[:start])[0, 1] for unit in states[:start].T
    ]
    best = int(np.argmax(np.abs(found)))
    late = np.corrcoef(states[start:, best], target[start:])[0, 1]
    return round(abs(float(late)), 4), best


def drawn(task, seed):
    """Return the values of a task's series."""
    points = task.known + TESTED[task.kind]
    if task.kind == "regime":
        return make_regime(points, seed=seed).values
    points += max(HORIZONS) - 1
    return make_mackey_glass(points, noise=task.noise, seed=seed).values


def on_regime(fitted, values, task):
    """Return the squared error as a ratio to the optimum's."""
    start = task.known
    best = RegimeForecast().one_step(values, start)
    y_hat = fitted.one_step(values, start)
    found = {"ratio": mse(values[start:], y_hat) / mse(values[start:], best)}
    if isinstance(fitted, Forecaster):
        probability = RegimeForecast().probability(values)
        states = states_of(fitted, values)
        found["unit"], _ = one_unit(states, probability, start)
        torch.manual_seed(0)
        model = GRUModel(hidden_size=fitted.model.gru.hidden_size)
        states = states_of(Forecaster(model, fitted.scaler), values)
        found["untrained"], _ = one_unit(states, probability, start)
    return found


def on_chaos(fitted, values, task):
    """Return the errors' size by horizon, in standard deviations.

    All methods and horizons have the same 1,000 origins.
    """
    late = values[task.known - SEES :]
    X, y = make_windows(late, SEES, max(HORIZONS))
    path = fitted(X[..., 0], max(task.horizons))
    found = [
        math.sqrt(mse(y[:, h - 1], path[:, h - 1])) / values.std()
        for h in task.horizons
    ]
    return {
        "ratio": math.exp(np.mean(np.log(found))),
        "by_horizon": [round(float(one), 5) for one in found],
    }


FUNCTIONS = {"gru": gru, "rival": rival}


def measure(name, function, settings, seed):
    """Fit and forecast one series; return score and cost."""
    task = TASKS[name]
    values, start = drawn(task, seed), time.process_time()
    fitted = FUNCTIONS[function](values[: task.known], task, seed, **settings)
    seconds = time.process_time() - start
    score = on_regime if task.kind == "regime" else on_chaos
    found = score(fitted, values, task)
    found["ratio"] = round(float(found["ratio"]), 5)
    return {**found, "cpu_s": round(seconds, 3)}


# What is searched


def networks(task):
    """Return the six settings of a GRU, the likely ones first.

    What is hopeless on the first series is not run on the others.
    """
    if task.kind == "regime":
        few, some, many = (
            {"hidden": hidden, "updates": updates, "lr": 0.04, "noise": 0.0}
            for hidden, updates in ((32, 250), (8, 500), (32, 1000))
        )
        sizes = (few, some, many) if task.known < 2000 else (many, some, few)
        return [{"layers": n, **size} for size in sizes for n in (2, 1)]
    first = {"hidden": 32, "updates": 1000, "lr": 0.02, "noise": 0.0}
    ways = [
        {"recursive": recursive, "layers": n, **first}
        for recursive in (True, False)
        for n in (2, 1)
    ]
    best = ways[0]
    return [*ways, {**best, "updates": 2000}, {**best, "noise": 0.1}]


LAGS = (1, 2, 3, 4, 6, 9, 12, 18, 24, 36, 48, 72, 96)
COUNTS = (1, 2, 5, 10, 20, 50, 100, 200, 400, 800)
TREES = (12, 25, 50, 100, 200, 400, 800, 1600, 3200)
ALPHAS = tuple(float(f"1e{power}") for power in range(-12, 5))
SEARCHED = {
    "ridge": ({"alpha": ALPHAS}, {"lags": 24, "alpha": 1e-4}),
    "boosting": ({"max_iter": TREES}, {"lags": 6, "max_iter": 400}),
    "neighbours": ({"n_neighbors": COUNTS}, {"lags": 6, "n_neighbors": 10}),
}


def searches(name):
    """Return what a task's methods may choose from, and where they start."""
    task, found = TASKS[name], {}
    if task.kind == "regime" or task.horizons == HORIZONS:
        found["GRU"] = ("gru", Lattice({}), networks(task))
    if task.horizons == HORIZONS:
        return found  # one network for all; the rivals have one for each
    ahead = max(task.horizons) > 1
    way = {"recursive": (False, True)} if ahead else {}
    first = {"recursive": False} if ahead else {}
    for kind, (axis, start) in SEARCHED.items():
        if (task.kind, kind) == ("regime", "ridge"):
            continue  # it chooses on its past
        fixed = {"kind": (kind,)}
        if kind != "ridge":
            fixed["centre"] = (False,)
        axes = {**fixed, "lags": LAGS, **axis, **way}
        point = {name: one[0] for name, one in fixed.items()}
        lattice = Lattice(axes, ("kind", "centre", "recursive"))
        found[kind] = ("rival", lattice, [{**point, **start, **first}])
    return found


def without_choice(name):
    """Return the methods of a task that are not searched."""
    if TASKS[name].kind == "regime":
        kinds = ("naive", "ridge", "optimum")
    else:
        kinds = () if TASKS[name].horizons == HORIZONS else ("naive",)
    return {kind: ("rival", {"kind": kind}) for kind in kinds}


def searched(runs, name, function, lattice, starts):
    """Search the settings of a method; return trials and open edges."""

    def attempt(settings, to_beat):
        of = runs, name, function, settings
        trial = tried(*of, SWEEP_SEEDS, to_beat)
        print(f"  {name:24}", *trial["ratios"], settings, flush=True)
        return trial

    trials = search(attempt, lattice, starts, MOST)
    return {"trials": trials, "edges": lattice.edges(trials)}


def reported(runs, name, function, settings):
    """Run a method on all reported series; return what is stored."""
    rows = []
    for seed in SEEDS:
        run = dict(runs.run(name, function, settings, seed))
        del run["of"], run["date"]
        rows.append({"seed": seed, **run})
    print(name, *(row["ratio"] for row in rows), settings, flush=True)
    return {"settings": settings, "rows": rows}


def gathered(runs):
    """Search and run all methods of all tasks."""
    found = {}
    for name in TASKS:
        swept, methods = {}, dict(without_choice(name))
        for method, (function, lattice, starts) in searches(name).items():
            swept[method] = searched(runs, name, function, lattice, starts)
            best = best_of(swept[method]["trials"])
            print(f"{name}, {method}: {median(best)}", swept[method]["edges"])
            methods[method] = (function, best["settings"])
        if TASKS[name].kind == "regime":
            plain = {**methods["GRU"][1], "layers": 1}
            methods["GRU, linear head"] = ("gru", plain)
        found[name] = {
            "searches": swept,
            "methods": {
                k: reported(runs, name, *v) for k, v in methods.items()
            },
        }
    return found


def main():
    """Measure what is not measured yet, and store all."""
    run_quietly()
    load = load_average()
    results = {
        "versions": versions("scikit-learn", "numba"),
        "tested": TESTED,
        "horizons": list(HORIZONS),
        "noise": NOISE,
        "tasks": gathered(Runs(RUNS / "wins.jsonl", measure)),
    }
    store("wins", results, load=load, repetitions=len(SEEDS))


if __name__ == "__main__":
    main()
