"""This package, its peers and simple baselines on three kinds of series.

Each method forecasts several series of a kind, one step ahead: ``tasks.py``.
Settings come from one and the same search on three other series, for our own
recipe as for the peers: see ``search.py`` and ``spaces.py``. One process, one
thread. Each run is kept in ``.runs/recipes.jsonl`` at once, and a second start
goes on there.

Usage: python benchmarks/recipes.py --sweep    (the searches)
       python benchmarks/recipes.py            (the tables)
       ... --tasks waves                       (one kind of series)
"""

import argparse
import functools
import importlib
import os
import time

os.environ["OMP_NUM_THREADS"] = "1"  # before the libraries are loaded

import methods
import numpy as np
import peers
import torch
from search import RUNS, Runs, best_of, median, search, tried
from spaces import fixed, searches
from tasks import REPORTED, SWEEP_SEEDS, TASKS, drawn

from gru_tutorial import GRUModel
from gru_tutorial.book.results import load_average, load_results, store

FUNCTIONS = {**methods.FUNCTIONS, **peers.FUNCTIONS}
# Reported on three series, as they cost much and are no rivals of anybody
COSTLY = ("chunks, patient", "five careful, averaged")
WORST = 1000.0  # for forecasts that are no numbers


@functools.cache
def compile_first():
    """Compile the kernel, which is not timed."""
    model = GRUModel(hidden_size=32, fast="compiled")
    model(torch.zeros(2, 3, 1)).sum().backward()


def measure(task, function, settings, seed):
    """Run one method on one series; return its score and its cost."""
    if function in peers.IMPORTS:
        importlib.import_module(peers.IMPORTS[function])  # is not timed
    if settings.get("exact") == "compiled":
        compile_first()
    values, score = drawn(task, seed)
    start = time.process_time()
    try:
        y_hat, parameters = FUNCTIONS[function](
            values, TASKS[task].start, seed, **settings
        )
    except Exception as error:
        raise RuntimeError(f"{task}, {function}, {settings}") from error
    seconds = time.process_time() - start
    ratio = float(score(y_hat)) if np.isfinite(y_hat).all() else WORST
    return {
        "ratio": round(min(ratio, WORST), 4),
        "cpu_s": round(seconds, 4),
        "parameters": parameters,
    }


def row(run):
    """Return what a table needs of a run."""
    return {"seed": run["of"][3], "ratio": run["ratio"], "cpu_s": run["cpu_s"]}


def said(name, settings, trial):
    """Print one line of a search or table."""
    print(f"{name:28}", *trial, settings, flush=True)


def sweep(runs, tasks):
    """Search settings for all methods, and store what was tried."""
    load, found = load_average(), {}
    for task in tasks:
        found[task] = {}
        for name, one in searches(task).items():

            def attempt(settings, to_beat, name=name, one=one, task=task):
                of = runs, task, one.function, settings
                trial = tried(*of, SWEEP_SEEDS, to_beat)
                said(name, settings, trial["ratios"])
                return trial

            trials = search(attempt, one.lattice, one.starts, one.most)
            edges = one.lattice.edges(trials)
            best = best_of(trials)
            said(f"{name}: best of {len(trials)}", edges, [median(best)])
            found[task][name] = {"trials": trials, "edges": edges}
        keep("recipes_sweep", found, load, len(SWEEP_SEEDS))


def keep(name, found, load, repetitions):
    """Store results of some tasks beside those of the others."""
    try:
        before = load_results(name)["results"]
    except ValueError:
        before = {}
    both = {**before, **found}
    ordered = {task: both[task] for task in TASKS if task in both}
    if "versions" in both:
        ordered["versions"] = both["versions"]
    store(name, ordered, load=load, repetitions=repetitions)


def compared(task, swept):
    """Return all methods of a task's table: function and settings."""
    found = dict(fixed(task))
    for name, one in searches(task).items():
        best = best_of(swept[name]["trials"])["settings"]
        found[name] = (one.function, best)
        if name == "chunks, searched" and task != "waves":
            seeing = {**best, "sees": 50}
            found[f"{name}, 50 values"] = (one.function, seeing)
    return found


def seeds_of(task, name):
    """Return the series that a method is reported on."""
    return range(3) if name in COSTLY else REPORTED[task]


def table(runs, tasks, series):
    """Run all methods on the reported series, and store the tables.

    ``series`` is how many of them, for a first look.
    """
    load = load_average()
    swept = load_results("recipes_sweep")["results"]
    for task in tasks:
        found = {}
        for name, (function, settings) in compared(task, swept[task]).items():
            of = task, function, settings
            seeds = seeds_of(task, name)[:series]
            each = [runs.run(*of, seed) for seed in seeds]
            said(name, settings, [run["ratio"] for run in each])
            found[name] = {
                "function": function,
                "settings": settings,
                "rows": [row(run) for run in each],
                "parameters": each[0]["parameters"],
                "dates": sorted({run["date"] for run in each}),
            }
        of_peers = peers.versions(*peers.PEERS)
        if task == "waves":
            results = {"versions": of_peers, "methods": found}
            store(
                "recipes", results, load=load, repetitions=len(REPORTED[task])
            )
        else:
            results = {"versions": of_peers, task: {"methods": found}}
            keep("recipes_other", results, load, len(seeds))


def main():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sweep", action="store_true", help="search settings")
    parser.add_argument("--tasks", nargs="+", default=list(TASKS))
    parser.add_argument("--series", type=int, help="so many alone")
    options = parser.parse_args()
    peers.run_quietly()
    runs = Runs(RUNS / "recipes.jsonl", measure)
    if options.sweep:
        sweep(runs, options.tasks)
    else:
        table(runs, options.tasks, options.series)


if __name__ == "__main__":
    main()
