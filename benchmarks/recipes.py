"""One task for this package, its peers and simple baselines: chapters 4, 8.

Each method sees the first 720 points of a series and forecasts the other 130,
each from all true values before it. One process per method, one thread. The
peers' settings come from a sweep on data seeds that the table does not use.

Usage: python benchmarks/recipes.py --sweep    (about half an hour)
       python benchmarks/recipes.py            (about ten minutes)
"""

import argparse
import importlib
import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import time

os.environ["OMP_NUM_THREADS"] = "1"  # before the libraries are loaded

import numpy as np
import torch
from peers import LIGHTNING, run_quietly, versions

from gru_tutorial import (
    CAREFUL,
    PATIENT,
    QUICK,
    Forecaster,
    GRUModel,
    Naive,
    Recipe,
    Ridge,
    Scaler,
    count_parameters,
    expected_ratio,
    make_series,
    make_windows,
)
from gru_tutorial.book.results import load_average, load_results, store

START = 720
SEEDS = range(5)  # reported
SWEEP_SEEDS = range(100, 103)  # settings are chosen on these


def trained(values, seed, window, recipe, **options):
    """Train the book's model, and forecast; return also its size."""
    torch.manual_seed(seed)
    model = GRUModel(hidden_size=32, **options)
    forecaster = Forecaster(model, window=window)
    forecaster.fit(values[:START], recipe, seed=seed)
    return forecaster.one_step(values, START), count_parameters(model)


def windows(values, seed, window, lr, epochs):
    """Train on windows with one label each, as the original tutorial does."""
    return trained(values, seed, window, Recipe(num_epochs=epochs, lr=lr))


def chunks(values, seed, horizon, exact, **settings):
    """Train on chunks with a label for every step."""
    recipe = Recipe(
        one_cycle=True,
        clip=1.0,
        **{name: settings[stored] for name, stored in STORED_AS.items()},
    )
    return trained(values, seed, None, recipe, horizon=horizon, fast=exact)


def committee(values, seed, **settings):
    """Average the forecasts of five networks."""
    found = [chunks(values, 5 * seed + k, **settings) for k in range(5)]
    return np.mean([y_hat for y_hat, _ in found], axis=0), 5 * found[0][1]


def ridge(values, seed, lags, alpha):
    """Fit a penalised linear function of the last values."""
    forecaster = Ridge(lags, alpha).fit(values[:START])
    return forecaster.one_step(values, START), lags + 1


def seasonal_naive(values, seed, period):
    """Copy the value of one period before."""
    return Naive(period).one_step(values, START), 0


def oracle(values, seed):
    """Fit a mean and two waves, whose frequencies it has been told."""
    t = 2 * np.pi * np.arange(len(values))
    waves = [f(t / p) for p in (50, 18) for f in (np.sin, np.cos)]
    design = np.stack([np.ones(len(values)), *waves], axis=1)
    found, *_ = np.linalg.lstsq(design[:START], values[:START], rcond=None)
    return design[START:] @ found, 5


def autoreg(values, seed, lags):
    """Fit statsmodels' autoregression."""
    from statsmodels.tsa.ar_model import AutoReg

    fitted = AutoReg(values[:START], lags).fit()
    moved = fitted.apply(values)
    return moved.fittedvalues[-(len(values) - START) :], lags + 1


def scaled(values):
    """Return the scaler of the training part, and all values scaled by it."""
    scaler = Scaler().fit(values[:START])
    return scaler, scaler.transform(values).astype(np.float32)


def skorch(values, seed, window, lr, epochs):
    """Train the windows' model with skorch's loop."""
    from skorch import NeuralNetRegressor

    scaler, values_scaled = scaled(values)
    X, y = make_windows(values_scaled, window)
    net = NeuralNetRegressor(
        GRUModel,
        module__hidden_size=32,
        optimizer=torch.optim.Adam,
        lr=lr,
        max_epochs=epochs,
        batch_size=32,
        train_split=None,
        iterator_train__shuffle=True,
        verbose=0,
    )
    torch.manual_seed(seed)
    n = START - window
    net.fit(np.ascontiguousarray(X[:n]), np.ascontiguousarray(y[:n]))
    y_hat = net.predict(np.ascontiguousarray(X[n:]))[:, 0]
    return scaler.inverse_transform(y_hat), count_parameters(net.module_)


def darts(values, seed, kind, window, lr, epochs, batch):
    """Train a model of Darts."""
    from darts import TimeSeries
    from darts.models import BlockRNNModel, RNNModel  # needs PyTorch Lightning

    scaler, values_scaled = scaled(values)
    series = TimeSeries.from_values(values_scaled)
    common = {
        "model": "GRU",
        "hidden_dim": 32,
        "input_chunk_length": window,
        "n_epochs": epochs,
        "batch_size": batch,
        "optimizer_kwargs": {"lr": lr},
        "random_state": seed,
        "pl_trainer_kwargs": LIGHTNING,
    }
    if kind == "RNNModel":
        model = RNNModel(training_length=2 * window, **common)
    else:
        model = BlockRNNModel(output_chunk_length=1, **common)
    model.fit(series[:START])
    forecast = model.historical_forecasts(
        series, start=START, forecast_horizon=1, retrain=False
    )
    y_hat = scaler.inverse_transform(forecast.values()[:, 0])
    return y_hat, count_parameters(model.model)


def neuralforecast(values, seed, window, lr, steps):
    """Train the GRU of NeuralForecast."""
    import pandas as pd
    from neuralforecast import NeuralForecast
    from neuralforecast.models import GRU

    table = pd.DataFrame(
        {"unique_id": "y", "ds": np.arange(len(values)), "y": values}
    )
    model = GRU(
        h=1,
        input_size=window,
        encoder_n_layers=1,
        encoder_hidden_size=32,
        max_steps=steps,
        learning_rate=lr,
        windows_batch_size=32,
        scaler_type="identity",
        random_seed=seed,
        **LIGHTNING,
    )
    forecaster = NeuralForecast([model], freq=1, local_scaler_type="standard")
    found = forecaster.cross_validation(
        table, n_windows=None, test_size=len(values) - START, step_size=1
    )
    return found["GRU"].to_numpy(), count_parameters(forecaster.models[0])


FUNCTIONS = {
    f.__name__: f
    for f in (
        windows,
        chunks,
        committee,
        ridge,
        seasonal_naive,
        oracle,
        autoreg,
        skorch,
        darts,
        neuralforecast,
    )
}
RATES, LENGTHS = (0.003, 0.01), (24, 50)
SWEEP = {
    "windows": {"window": LENGTHS, "lr": RATES, "epochs": (10, 20, 40)},
    "skorch": {"window": LENGTHS, "lr": RATES, "epochs": (10, 20, 40)},
    "Darts RNNModel": {
        "kind": ("RNNModel",),
        "window": LENGTHS,
        "lr": (0.01, 0.03),
        "epochs": (5, 10, 20),
        "batch": (16, 32),
    },
    "Darts BlockRNNModel": {
        "kind": ("BlockRNNModel",),
        "window": LENGTHS,
        "lr": RATES,
        "epochs": (10, 20, 40),
        "batch": (32,),
    },
    "NeuralForecast GRU": {
        "window": LENGTHS,
        "lr": (0.003, 0.01),
        "steps": (400, 1000, 2000),
    },
    "AutoReg": {"lags": (24, 50, 100, 150, 200)},
    **{
        f"ridge, {lags} lags": {
            "lags": (lags,),
            "alpha": (1, 10, 30, 100, 300, 1000),
        }
        for lags in (24, 50, 100, 200)
    },
}
IMPORTS = {
    "autoreg": "statsmodels.tsa.ar_model",
    "skorch": "skorch",
    "darts": "darts.models",
    "neuralforecast": "neuralforecast.models",
}
PEERS = (
    "darts",
    "neuralforecast",
    "skorch",
    "statsmodels",
    "scikit-learn",
    "pytorch-lightning",
)
GOOD = 1.30  # what the quickest setting of a peer has to reach

# The settings of a recipe, and their names in the stored results
STORED_AS = {
    "chunk": "length",
    "batch_size": "batch",
    "lr": "lr",
    "num_epochs": "epochs",
    "input_noise": "noise",
    "burn_in": "burn_in",
}


def stored(recipe, horizon, exact=True):
    """Return a recipe as the settings of ``chunks``, which JSON can hold."""
    found = {name: getattr(recipe, ours) for ours, name in STORED_AS.items()}
    return {**found, "horizon": horizon, "exact": exact}


FIXED = {
    "original recipe": ("windows", {"window": 24, "lr": 0.01, "epochs": 100}),
    "chunks, quick": ("chunks", stored(QUICK, 4)),
    "chunks, quick, nn.GRU": ("chunks", stored(QUICK, 4, exact=False)),
    "chunks, careful": ("chunks", stored(CAREFUL, 8)),
    "chunks, patient": ("chunks", stored(PATIENT, 8)),
    "five careful, averaged": ("committee", stored(CAREFUL, 8)),
    "seasonal naive": ("seasonal_naive", {"period": 450}),
    "oracle": ("oracle", {}),
}


def function_of(name):
    """Return the name of the function that runs a method."""
    return name.split(",")[0].split()[0].lower()


def settings_of(name):
    """Return all settings of a method's sweep."""
    grid = SWEEP[name]
    return [
        dict(zip(grid, values, strict=True))
        for values in itertools.product(*grid.values())
    ]


def measure(function, settings, seeds):
    """Run one method in this process; return its score and cost by seed."""
    run_quietly()
    if function in IMPORTS:
        importlib.import_module(IMPORTS[function])  # is not timed
    run, rows = FUNCTIONS[function], []
    for seed in seeds:
        series = make_series(seed=seed)
        start = time.process_time()
        y_hat, parameters = run(series.values, seed, **settings)
        rows.append(
            {
                "seed": seed,
                "ratio": round(expected_ratio(series.clean[START:], y_hat), 4),
                "cpu_s": round(time.process_time() - start, 4),
            }
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"rows": rows, "parameters": parameters, "memory_mb": round(peak)}


def in_a_process(function, settings, seeds):
    """Run ``measure`` in a process of its own."""
    task = json.dumps([function, settings, list(seeds)])
    run = subprocess.run(
        [sys.executable, __file__, "--task", task],
        capture_output=True,
        text=True,
    )
    if run.returncode:
        raise RuntimeError(f"{function} {settings}: {run.stderr[-2000:]}")
    return json.loads(run.stdout.splitlines()[-1])


def middle(result, column):
    """Return the median over seeds."""
    return statistics.median(row[column] for row in result["rows"])


def report(name, settings, result):
    """Print one line of the table."""
    ratios = [row["ratio"] for row in result["rows"]]
    print(
        f"{name:28} {middle(result, 'ratio'):6.3f} "
        f"({min(ratios):.3f} to {max(ratios):.3f}) "
        f"{middle(result, 'cpu_s'):8.3f} s {result['memory_mb']:5} MB "
        f"{result['parameters']:6}  {settings}",
        flush=True,
    )


def sweep(names):
    """Try all settings on the sweep's data seeds, and store what came."""
    load = load_average()
    found = load_results("recipes_sweep")["results"] if names else {}
    for name in names or SWEEP:
        found[name] = []
        for settings in settings_of(name):
            result = in_a_process(function_of(name), settings, SWEEP_SEEDS)
            report(name, settings, result)
            found[name].append({"settings": settings, **result})
    store("recipes_sweep", found, load=load, repetitions=len(SWEEP_SEEDS))


def chosen(swept):
    """Return each method's best setting, and its quickest good one."""
    methods = {}
    for name, results in swept.items():
        best = min(results, key=lambda r: middle(r, "ratio"))
        good = [r for r in results if middle(r, "ratio") <= GOOD]
        quick = min(good, key=lambda r: middle(r, "cpu_s"), default=best)
        cheap = middle(best, "cpu_s") < 0.5
        methods[name if cheap else f"{name}, best"] = best["settings"]
        if quick is not best and not cheap:
            methods[f"{name}, quickest"] = quick["settings"]
    return {n: (function_of(n), s) for n, s in methods.items()}


def table():
    """Run all methods on the reported data seeds, and store the table."""
    load, found = load_average(), {}
    swept = load_results("recipes_sweep")["results"]
    for name, (function, settings) in {**FIXED, **chosen(swept)}.items():
        result = in_a_process(function, settings, SEEDS)
        report(name, settings, result)
        found[name] = {"function": function, "settings": settings, **result}
    results = {"versions": versions(*PEERS), "methods": found}
    store("recipes", results, load=load, repetitions=len(SEEDS))


def main():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", help="run one method, in this process")
    parser.add_argument(
        "--sweep", nargs="*", help="choose settings; all methods, or these"
    )
    options = parser.parse_args()
    if options.task:
        print(json.dumps(measure(*json.loads(options.task))))
    elif options.sweep is not None:
        sweep(options.sweep)
    else:
        table()


if __name__ == "__main__":
    main()
