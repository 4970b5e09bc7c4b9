"""A series on which a GRU wins, whose optimum is known: for chapters 5 and 12.

Each method sees the first 20,000 values of a series with a hidden regime and
forecasts the other 5,000, each from all true values before it. GRU, boosting
and neighbours have six settings each to choose from, on data seeds that the
table does not use; ridge chooses on its past. One process, one thread.

Usage: python benchmarks/regime.py    (about three minutes)
"""

import time

import numpy as np
import torch
from peers import run_quietly, versions

from gru_tutorial import (
    CAREFUL,
    QUICK,
    Boosting,
    Forecaster,
    GRUModel,
    Naive,
    Neighbours,
    RegimeForecast,
    Ridge,
    evaluating,
    make_regime,
    mse,
)
from gru_tutorial.book.results import load_average, store

START, POINTS, HIDDEN = 20_000, 25_000, 32
SEEDS = range(5)  # reported
SWEEP_SEEDS = range(100, 103)  # settings are chosen on these
RECIPES = {"QUICK": QUICK, "CAREFUL": CAREFUL}
LEARNERS = {"boosting": Boosting, "neighbours": Neighbours}
SWEEP = {
    "GRU": [
        {"recipe": name, "input_noise": noise, "stride": stride}
        for name, stride in [("QUICK", 24), ("QUICK", 8), ("CAREFUL", 24)]
        for noise in (RECIPES[name].input_noise, 0.0)
    ],
    "boosting": [
        {"lags": lags, "max_iter": trees}
        for lags in (3, 6, 12)
        for trees in (100, 400)
    ],
    "neighbours": [
        {"lags": lags, "n_neighbors": n}
        for lags in (2, 3, 4)
        for n in (20, 50)
    ],
}


def gru(values, seed, recipe, **changes):
    """Train the book's model, with a label for every step."""
    torch.manual_seed(seed)
    forecaster = Forecaster(GRUModel(hidden_size=HIDDEN, fast=True))
    changed = RECIPES[recipe].but(**changes)
    return forecaster.fit(values[:START], changed, seed=seed)


def method(name, values, seed, settings):
    """Return a method, fitted to the first part of a series."""
    past = values[:START]
    if name == "GRU":
        return gru(values, seed, **settings)
    if name in LEARNERS:
        return LEARNERS[name](centre=False, **settings).fit(past)
    if name == "ridge":
        return Ridge().fit(past)
    # The optimum knows all but the regime.
    return Naive() if name == "naive" else RegimeForecast()


def knows_the_switch(forecaster, values):
    """Return how well the exact probability can be read from the state.

    It is the correlation, on the other values, with a linear function of the
    units that was fitted to the first ones.
    """
    probability = RegimeForecast().probability(values)
    scaled = forecaster.scaler.transform(values)
    stream = torch.tensor(scaled, dtype=torch.float32)[None, :, None]
    with evaluating(forecaster.model):
        states = forecaster.model.gru(stream)[0][0].numpy()
    units = np.column_stack([states, np.ones(len(states))])
    read, *_ = np.linalg.lstsq(units[:START], probability[:START], rcond=None)
    found = np.corrcoef(units[START:] @ read, probability[START:])
    return round(found[0, 1], 4)


def measure(name, settings, seed):
    """Fit and forecast one series; return score and cost."""
    values = make_regime(POINTS, seed=seed).values
    start = time.process_time()
    fitted = method(name, values, seed, settings)
    y_hat = fitted.one_step(values, START)
    seconds = time.process_time() - start
    best = RegimeForecast().one_step(values, START)
    error = mse(values[START:], y_hat)
    row = {
        "seed": seed,
        "ratio": round(error / mse(values[START:], best), 4),
        "mse": round(error, 4),
        "cpu_s": round(seconds, 3),
    }
    if name == "GRU":
        torch.manual_seed(seed)
        untrained = Forecaster(GRUModel(hidden_size=HIDDEN), fitted.scaler)
        row["trained"] = knows_the_switch(fitted, values)
        row["untrained"] = knows_the_switch(untrained, values)
    return row


def rows_of(name, settings, seeds):
    """Measure one method on several series, and print a line."""
    rows = [measure(name, settings, seed) for seed in seeds]
    print(f"{name:10}", *[row["ratio"] for row in rows], settings, flush=True)
    return {"settings": settings, "rows": rows}


def chosen(swept):
    """Return the settings whose worst ratio of the sweep is smallest."""
    worst = [max(row["ratio"] for row in one["rows"]) for one in swept]
    return swept[worst.index(min(worst))]["settings"]


def main():
    """Choose settings, run all, and store."""
    run_quietly()
    load = load_average()
    swept = {
        name: [rows_of(name, one, SWEEP_SEEDS) for one in grid]
        for name, grid in SWEEP.items()
    }
    settings = {name: {} for name in ("naive", "ridge", "optimum")}
    settings |= {name: chosen(found) for name, found in swept.items()}
    results = {
        "versions": versions("scikit-learn"),
        "start": START,
        "points": POINTS,
        "hidden": HIDDEN,
        "sweep": swept,
        "methods": {k: rows_of(k, v, SEEDS) for k, v in settings.items()},
    }
    store("regime", results, load=load, repetitions=len(SEEDS))


if __name__ == "__main__":
    main()
