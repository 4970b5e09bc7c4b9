"""Models of statistics and GRUs over 24 steps, taught and untaught: chapter 9.

Each model is fitted once, to the first part of a series, and forecasts 24
steps from each of 3,977 origins in the rest. ARIMA and exponential smoothing
are filtered through all values before an origin with the parameters that they
have; a GRU and ridge see the last values, as many as ``Task.sees`` says. The
orders of ARIMA and the parts of exponential smoothing are chosen on the first
part by AIC. On the waves a second ARIMA is told the periods, which smoothing
may choose from, and its fit begins near them. Five series each and five
starting weights, but three where a decoder learns on the longer chunks; one
thread.

Every run is kept in ``benchmarks/.runs/horizons.jsonl`` as soon as it ends,
and a second start goes on after the last one.

Usage: python benchmarks/horizons.py    (about 25 minutes)
"""

import itertools
import time
from typing import NamedTuple

import numpy as np
import torch
from peers import run_quietly, versions
from search import RUNS, Runs
from tasks import NOISE

from gru_tutorial import (
    CAREFUL,
    Forecaster,
    GRUModel,
    Naive,
    Recipe,
    Ridge,
    Seq2Seq,
    cycle_error,
    cycle_forecast,
    make_cycle,
    make_mackey_glass,
    make_series,
    make_windows,
)
from gru_tutorial.book.results import load_average, store

HORIZON, SEEDS = 24, range(5)
FEW = range(3)  # of what takes long: decoders on the longer chunks
SHORT = Recipe(  # chapter 9's
    num_epochs=8,
    lr=0.01,
    one_cycle=True,
    clip=1.0,
    burn_in=5,
    batch_size=16,
    chunk=30,
    stride=4,
)


class Task(NamedTuple):
    """A kind of series: what is for training, and for the test."""

    train: int  # values to be fitted to
    start: int  # the first origin
    sees: int  # values before an origin that a GRU or ridge gets
    hidden: int  # units of a GRU
    recipe: Recipe
    periods: tuple  # seasons that exponential smoothing may have


TASKS = {
    "cycle": Task(3000, 4000, 60, 16, SHORT, (12,)),
    "waves": Task(720, 720, 200, 32, CAREFUL, (18, 50)),
    "mackey_glass": Task(
        2000,
        2000,
        60,
        32,
        SHORT.but(num_epochs=20, chunk=60, burn_in=20),
        (),
    ),
}
DEGREES = range(5)  # of both parts of ARIMA


def drawn(task, seed):
    """Return a series, and a function that scores paths from all origins.

    A score is the mean squared error that is to be expected, over that of
    the best forecast: for the chaos over that of one who knows its course.
    """
    start = TASKS[task].start
    if task == "cycle":
        values = make_cycle(start + 4000, seed=seed)
        X, _ = make_windows(values[start - 2 :], 2, HORIZON)
        best, least = cycle_forecast(X[..., 0], HORIZON), cycle_error(HORIZON)
    else:
        if task == "waves":
            (values, clean), least = make_series(start + 4000, seed=seed), 0.35
        else:
            values, clean = make_mackey_glass(
                start + 4000, noise=NOISE, seed=seed
            )
            least = NOISE
        _, best = make_windows(clean[start - 1 :], 1, HORIZON)
    return (
        values,
        lambda path: 1 + np.mean((path - best) ** 2, axis=0) / least**2,
    )


def gru(values, task, seed, strategy, steps=1, share=0.0):
    """Train a GRU in one of chapter 9's three ways.

    ``share`` is that of true values among the decoder's inputs; "falling"
    goes from 1 to 0 over the epochs.
    """
    torch.manual_seed(seed)
    falls = share == "falling"
    head = Seq2Seq(steps, teacher_forcing=1.0 if falls else share)
    more = {"head": head} if strategy == "seq2seq" else {"horizon": steps}
    model = GRUModel(hidden_size=task.hidden, fast=True, **more)

    def less(run):
        rest = 1 - run.done / run.recipe.num_epochs
        run.model.head.teacher_forcing = rest

    forecaster = Forecaster(
        model, strategy="recursive" if strategy == "recursive" else None
    )
    forecaster.fit(
        values[: task.train],
        task.recipe,
        seed=seed,
        callbacks=[less] if falls else (),
    )
    return seeing(forecaster, task), {}


def seeing(forecaster, task):
    """Return a function of a series: paths from the last values before."""

    def paths(values):
        X, _ = make_windows(values[task.start - task.sees :], task.sees)
        return forecaster(X[: 1 - HORIZON, :, 0], HORIZON)

    return paths


def baseline(values, task, seed, kind):
    """Fit a baseline of this package."""
    forecaster = {"naive": Naive, "ridge": Ridge}[kind]()
    forecaster.fit(values[: task.train])
    return seeing(forecaster, task), getattr(forecaster, "chosen", {})


def arima(values, task, seed, told=False):
    """Fit statsmodels' ARIMA: differences by KPSS' test, degrees by AIC.

    Or it is told the periods of the waves: see ``near_waves``.
    """
    from statsmodels.tsa.arima.model import ARIMA
    from statsmodels.tsa.stattools import kpss

    run_quietly()  # statsmodels switches its warnings on
    past = values[: task.train]
    if told:
        fits = [near_waves(past, task.periods)]
    else:
        d = int(kpss(past, nlags="auto")[1] < 0.05)
        fits = [
            ARIMA(past, order=(p, d, q)).fit()
            for p, q in itertools.product(DEGREES, DEGREES)
        ]
    best = min(fits, key=lambda fit: fit.aic)
    order = [int(n) for n in best.model.order]
    return lambda values: arima_paths(best, values, task), {"order": order}


def near_waves(past, periods):
    """Fit the ARIMA of waves in noise, from near their coefficients.

    A wave is given by its last two values, as in (9.2) with a damping of 1.
    With noise, the errors before have the same coefficients as the values,
    and nearly cancel them. The fit begins with both damped a little.
    """
    from statsmodels.tsa.arima.model import ARIMA

    def coefficients(damping):
        found = np.ones(1)
        for angle in 2 * np.pi / np.array(periods):
            wave = 1, -2 * damping * np.cos(angle), damping**2
            found = np.convolve(found, wave)
        return found[1:]

    degree = 2 * len(periods)
    start = [past.mean(), *-coefficients(0.999), *coefficients(0.97)]
    model = ARIMA(past, order=(degree, 0, degree))
    return model.fit(start_params=[*start, past.var() / 10])


def arima_paths(fitted, values, task):
    """Return forecasts from all origins: states filtered, then moved on."""
    found = fitted.apply(values).filter_results
    states = found.predicted_state[:, task.start : len(values) - HORIZON + 1]
    level, path = found.obs_intercept[0, -1], []
    for _ in range(HORIZON):
        path.append(found.design[0, :, 0] @ states + level)
        states = found.transition[..., 0] @ states + found.state_intercept
    return np.stack(path, axis=1)


def smoothing(values, task, seed):
    """Fit statsmodels' exponential smoothing, with parts chosen by AIC."""
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    run_quietly()
    past, fits = values[: task.train], []
    for period in (None, *task.periods):
        for trend in (False, True):
            options = {
                "trend": "add" if trend else None,
                "damped_trend": trend,
                "seasonal": period and "add",
                "seasonal_periods": period,
            }
            found = best_smoothing(ETSModel(past, **options))
            fits.append((found.aic, len(fits), found.params, options))
    _, _, parameters, options = min(fits)
    chosen = {
        "trend": options["damped_trend"],
        "period": options["seasonal_periods"],
    }

    def paths(values):
        states = ETSModel(values, **options).smooth(parameters)
        at = np.arange(task.start, len(values) - HORIZON + 1) - 1
        return smoothing_paths(states, at, **chosen)

    return paths, chosen


def best_smoothing(model):
    """Return the best of two fits: statsmodels' start, and a quick one."""
    quick = np.array(model.start_params)
    for k, name in enumerate(model.param_names):
        if name in ("smoothing_level", "smoothing_trend", "damping_trend"):
            quick[k] = 0.9 if name != "smoothing_trend" else 0.8
    fits = [
        model.fit(disp=False, maxiter=1000, start_params=start)
        for start in (None, quick)
    ]
    return min(fits, key=lambda fit: fit.aic)


def smoothing_paths(states, at, trend, period):
    """Return forecasts made after steps: level, trend and season go on."""
    path = np.repeat(np.asarray(states.level)[at][:, None], HORIZON, axis=1)
    if trend:
        kept = states.damping_trend ** np.arange(1, HORIZON + 1)
        path += np.asarray(states.slope)[at][:, None] * np.cumsum(kept)
    if period:
        back = np.arange(HORIZON) % period - period + 1
        path += np.asarray(states.season)[at[:, None] + back]
    return path


FUNCTIONS = {f.__name__: f for f in (gru, baseline, arima, smoothing)}


def methods_of(task):
    """Return function and settings of each method, by name."""
    steps = 12 if task == "cycle" else HORIZON  # of the decoder
    seq2seq = {"strategy": "seq2seq", "steps": steps}
    taught = {
        f"seq2seq, {name}": ("gru", {**seq2seq, "share": share})
        for name, share in (
            ("half", 0.5),
            ("teacher", 1.0),
            ("falling", "falling"),
        )
    }
    found = {"seq2seq": ("gru", seq2seq), **taught}
    if task == "waves":
        short = {**seq2seq, "steps": HORIZON // 2}
        found["seq2seq, 12 steps"] = ("gru", short)
        found["ARIMA, told the periods"] = ("arima", {"told": True})
    if task != "mackey_glass":
        found |= {
            "naive": ("baseline", {"kind": "naive"}),
            "exponential smoothing": ("smoothing", {}),
            "ARIMA": ("arima", {}),
            "ridge": ("baseline", {"kind": "ridge"}),
            "recursive": ("gru", {"strategy": "recursive"}),
            "direct": ("gru", {"strategy": "direct", "steps": HORIZON}),
        }
    return found


def measure(task, function, settings, seed):
    """Return scores by horizon, CPU seconds of the fit, and what it chose."""
    values, score = drawn(task, seed)
    start = time.process_time()
    paths, chosen = FUNCTIONS[function](values, TASKS[task], seed, **settings)
    seconds = time.process_time() - start
    ratio = [round(float(r), 5) for r in score(paths(values))]
    return {"ratio": ratio, "cpu_s": round(seconds, 2), **chosen}


def grid():
    """Return all runs, the quick ones first."""
    quick, slow = [], []
    for seed in SEEDS:
        for task in TASKS:
            for name, (function, settings) in methods_of(task).items():
                run = (task, name, function, settings, seed)
                if task == "cycle" or not name.startswith("seq2seq"):
                    quick.append(run)
                elif seed in FEW:
                    slow.append(run)
    return quick + slow


def gathered(found):
    """Return the stored form of all runs: by series and method."""
    tables = {}
    for name, task in TASKS.items():
        about = {"train": task.train, "start": task.start, "sees": task.sees}
        methods = {method: {"runs": []} for method in methods_of(name)}
        tables[name] = {**about, "methods": methods}
    for task, name, function, settings, seed in grid():
        run = dict(found.run(task, function, settings, seed))
        row = {"seed": seed, "ratio": run["ratio"], "cpu_s": run["cpu_s"]}
        print(task, name, seed, row["ratio"][0], row["cpu_s"], flush=True)
        chosen = set(run) - {"of", "date", *row}
        if chosen:
            row["chosen"] = {key: run[key] for key in sorted(chosen)}
        tables[task]["methods"][name]["runs"].append(row)
    return tables


def main():
    """Measure what is not measured yet, and store all."""
    run_quietly()
    load = load_average()
    results = {
        "versions": versions("statsmodels", "scipy"),
        "horizon": HORIZON,
        "series": gathered(Runs(RUNS / "horizons.jsonl", measure)),
    }
    store("horizons", results, load=load, repetitions=len(FEW))


if __name__ == "__main__":
    main()
