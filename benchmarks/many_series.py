"""One model for many series, against one for each: chapter 13.

2,000 series of a family (``make_family``), of which 30 to 480 values are
known; the next 40 are forecast one step ahead. One GRU for all, without the
series' group, with it as the state it starts from, and with it as constant
columns; one GRU for each series, of a sample; and ridge regressions, for all,
for each group and for each series. Then series that were never seen, from
their first value on. Settings are chosen on another family.

A figure is the root mean squared error in units of each series' own noise,
against the values without noise, with the noise added again: whoever knew
everything would have 1.

Every run is kept in ``.runs/many_series.jsonl`` as soon as it ends; a second
start goes on after the last one.

Usage: python benchmarks/many_series.py    (twelve minutes of one processor)
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before the libraries are loaded

import functools
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from timing import quartiles

from gru_tutorial import GRUModel, Ridge, evaluating, fit
from gru_tutorial.book.results import load_average, store
from gru_tutorial.family import make_family
from gru_tutorial.static import StaticStart

SEEDS = range(5)  # reported
SWEEP = 100  # the family on which settings are chosen
COUNT, UNSEEN, GROUPS = 2000, 500, 8
SAMPLE = 20  # series with a model of their own
KNOWN = (30, 60, 120, 480)
TESTED = 40
FIRST = (0, 5, 10, 50)  # values known of a series never seen
CHUNK, BATCH = 60, 64
OWN_CHUNK, OWN_BATCH = 40, 16
FAST = "compiled"
FILE = Path(__file__).with_name(".runs") / "many_series.jsonl"

# Hidden units, rate and updates from which is chosen.
GLOBAL = ((32, 0.01, 1000), (32, 0.02, 1000), (32, 0.04, 1000))
OWN = ((16, 0.03, 100), (16, 0.01, 300), (32, 0.01, 200))
STATIC = {
    "global GRU": None,
    "global GRU, h0": "h0",
    "global GRU, column": "column",
}
LAGS = (6, 12, 20, 40, 80)
RIDGES = ("ridge for all", "ridge by group", "own ridge")


@dataclass(frozen=True)
class Setting:
    """One method on one family, and how much is known of its series."""

    method: str
    known: int  # 0 for series that were never seen
    seed: int
    choice: tuple = ()


# The series


@functools.lru_cache(maxsize=2)
def family(seed):
    """Return the series that are known, and those never seen."""
    return make_family(COUNT + UNSEEN, max(KNOWN) + TESTED, GROUPS, seed=seed)


class Part:
    """Some series of a family on their own scales, and what follows."""

    def __init__(self, seed, known, rows):
        made, start = family(seed), max(KNOWN)
        values = made.values[rows, start - known :]
        self.mean = values[:, :known].mean(axis=1, keepdims=True)
        self.std = values[:, :known].std(axis=1, keepdims=True)
        self.scaled = ((values - self.mean) / self.std).astype(np.float32)
        self.values, self.known = values, known
        self.static = np.eye(GROUPS, dtype=np.float32)[made.group[rows]]
        self.group, self.noise = made.group[rows], made.noise[rows, None]
        self.clean = made.clean[rows, start:]

    def ratio(self, y_hat, rows=slice(None)):
        """Return the error of scaled forecasts in units of the noise."""
        y_hat = y_hat * self.std[rows] + self.mean[rows]
        return ratio(y_hat, self.clean[rows], self.noise[rows])


def ratio(y_hat, clean, noise):
    """Return the error that is expected, where 1 cannot be beaten."""
    return float(np.sqrt(1 + np.mean(((y_hat - clean) / noise) ** 2)))


# The networks


def joined(values, static, kind):
    """Return a model's input, (batch, time, columns)."""
    x = np.ascontiguousarray(values)[..., None]
    if kind is not None:
        shape = (*values.shape, static.shape[1])
        x = np.concatenate(
            [x, np.broadcast_to(static[:, None], shape)], axis=2
        )
    return torch.from_numpy(x)


def network(kind, hidden, seed):
    """Return a GRU that takes in the group as ``kind`` says, or not."""
    torch.manual_seed(seed)
    columns = 1 + GROUPS * (kind == "column")
    model = GRUModel(columns, hidden, fast=FAST)
    return StaticStart(model, GROUPS) if kind == "h0" else model


def batches(scaled, static, kind, size, chunk, updates, seed):
    """Draw pieces with a label for every step: of any series, from any time.

    Parameters are as in ``train``; ``scaled`` holds the known values.
    """
    rng = np.random.default_rng(seed)
    count, known = scaled.shape
    chunk = min(chunk, known - 1)
    view = np.lib.stride_tricks.sliding_window_view(scaled, chunk + 1, axis=1)
    for _ in range(updates):
        rows = rng.integers(count, size=size)
        pieces = view[rows, rng.integers(view.shape[1], size=size)]
        X = joined(pieces[:, :-1], static[rows], kind)
        yield X, torch.from_numpy(pieces[:, 1:, None].copy())


def train(scaled, static, kind, choice, size, chunk, seed):
    """Train a network for a number of updates."""
    hidden, lr, updates = choice
    model = network(kind, hidden, seed)
    drawn = batches(scaled, static, kind, size, chunk, updates, seed)
    fit(model, list(drawn), num_epochs=1, lr=lr, one_cycle=True, clip=1.0)
    return model


def forecasts(model, scaled, static, kind, count=TESTED):
    """Return what a model says of the last steps, from all before each."""
    with evaluating(model):
        y_hat, _ = model.run(joined(scaled[:, :-1], static, kind))
    return y_hat[:, -count:, 0].double().numpy()


def one_for_all(run):
    """Train one GRU on all series; score it on all, and on the sample."""
    part, kind = Part(run.seed, run.known, slice(COUNT)), STATIC[run.method]
    start = time.process_time()
    model = train(
        part.scaled[:, : run.known],
        part.static,
        kind,
        run.choice,
        BATCH,
        CHUNK,
        run.seed,
    )
    seconds = time.process_time() - start
    sees = min(run.known, CHUNK) + TESTED  # no more than in training before
    y_hat = forecasts(model, part.scaled[:, -sees:], part.static, kind)
    mine = slice(SAMPLE)
    return {
        "ratio": part.ratio(y_hat),
        "sample": part.ratio(y_hat[mine], mine),
        "cpu": seconds,
    }


def one_for_each(run):
    """Train a GRU on each series of the sample."""
    part = Part(run.seed, run.known, slice(SAMPLE))
    y_hat, start = [], time.process_time()
    for k in range(SAMPLE):
        own = part.scaled[k : k + 1], part.static[k : k + 1]
        model = train(
            own[0][:, : run.known],
            own[1],
            None,
            run.choice,
            OWN_BATCH,
            OWN_CHUNK,
            run.seed,
        )
        y_hat.append(forecasts(model, *own, None))
    seconds = time.process_time() - start
    found = part.ratio(np.concatenate(y_hat))
    return {"ratio": found, "sample": found, "cpu": seconds / SAMPLE}


# The ridge regressions


def learnt(scaled, lags, alpha):
    """Return weights of the last values, and a constant, over all series."""
    view = np.lib.stride_tricks.sliding_window_view(scaled, lags + 1, axis=1)
    rows = view.reshape(-1, lags + 1).astype(np.float64)
    X = np.column_stack([rows[:, :-1], np.ones(len(rows))])
    penalty = np.diag([alpha] * lags + [0.0])
    return np.linalg.solve(X.T @ X + penalty, X.T @ rows[:, -1])


def applied(weights, scaled, count=TESTED):
    """Return the forecasts of the last steps."""
    lags = len(weights) - 1
    late = scaled[:, -count - lags : -1]
    view = np.lib.stride_tricks.sliding_window_view(late, lags, axis=1)
    return view @ weights[:-1] + weights[-1]


def ridge(run):
    """Fit one to all series or to each group, or one to each series."""
    rows = slice(SAMPLE if run.method == "own ridge" else COUNT)
    part = Part(run.seed, run.known, rows)
    y_hat, start = np.empty((len(part.scaled), TESTED)), time.process_time()
    if run.method == "own ridge":
        for k, values in enumerate(part.values):
            own = Ridge().fit(values[: run.known])
            y_hat[k] = own.one_step(values, run.known)
        y_hat = (y_hat - part.mean) / part.std
    else:
        by_group = run.method == "ridge by group"
        for group in range(GROUPS if by_group else 1):
            mine = part.group == group if by_group else part.group >= 0
            weights = learnt(part.scaled[mine, : run.known], *run.choice)
            y_hat[mine] = applied(weights, part.scaled[mine])
    seconds = time.process_time() - start
    own = run.method == "own ridge"
    return {
        "ratio": part.ratio(y_hat),
        "sample": part.ratio(y_hat[:SAMPLE], slice(SAMPLE)),
        "cpu": seconds / (SAMPLE if own else 1),
    }


# Series that were never seen


def from_the_first(seed):
    """Return whole series on one scale, with a zero before the first value.

    A scale of its own would need a past.
    """
    values = family(seed).values[:, : CHUNK + 1]
    mean, std = values[:COUNT].mean(), values[:COUNT].std()
    scaled = ((values - mean) / std).astype(np.float32)
    return np.pad(scaled, ((0, 0), (1, 0))), mean, std


def cold(run):
    """Forecast the next value of series never seen, by how many are known."""
    made, (scaled, mean, std) = family(run.seed), from_the_first(run.seed)
    static = np.eye(GROUPS, dtype=np.float32)[made.group]
    new, start = slice(COUNT, None), time.process_time()
    if run.method in STATIC:
        kind = STATIC[run.method]
        known = scaled[:COUNT], static[:COUNT], kind, run.choice
        model = train(*known, BATCH, CHUNK + 1, run.seed)
        steps = forecasts(model, scaled[new], static[new], kind, CHUNK + 1)
        y_hat = steps[:, list(FIRST)]
    else:
        y_hat = cold_ridge(scaled, made.group)
    seconds = time.process_time() - start
    clean, noise = made.clean[new][:, list(FIRST)], made.noise[new, None]
    y_hat = y_hat * std + mean
    errors = [
        ratio(y_hat[:, [k]], clean[:, [k]], noise) for k in range(len(FIRST))
    ]
    return {"by_known": errors, "cpu": seconds}


def cold_ridge(scaled, group, alpha=1.0):
    """Return forecasts from all values known, for each group and number."""
    y_hat = np.empty((UNSEEN, len(FIRST)))
    for k, known in enumerate(FIRST):
        for one in range(GROUPS):
            mine = group == one
            past = scaled[:COUNT][mine[:COUNT], 1:]
            weights = learnt(past, known, alpha)
            seen = scaled[COUNT:][mine[COUNT:], 1 : known + 1]
            y_hat[mine[COUNT:], k] = seen @ weights[:-1] + weights[-1]
    return y_hat


# What is run


def result(run):
    """Do one run."""
    if run.known == 0:
        return cold(run)
    if run.method in STATIC:
        return one_for_all(run)
    return one_for_each(run) if run.method == "own GRU" else ridge(run)


def options(method, known):
    """Return the settings from which a method may choose."""
    if method in STATIC:
        return GLOBAL
    if method == "own GRU":
        return OWN
    if method == "own ridge":
        return ((),)  # it chooses on the past
    return tuple(
        (lags, alpha)
        for lags in LAGS
        if lags < known - 1
        for alpha in ((1.0, 100.0) if known <= 60 else (1.0,))
    )


def tried(method, known):
    """Return the runs on the other family. One GRU for all: at 60 values."""
    known = 60 if method in STATIC else known
    found = options(method, known)
    return [Setting(method, known, SWEEP, choice) for choice in found]


def chosen(method, known, found):
    """Return the best settings on the other family."""
    trials = tried(method, known)
    return min(trials, key=lambda run: found[run]["ratio"]).choice


def cells():
    """Return all methods with all that may be known."""
    methods = (*STATIC, "own GRU", *RIDGES)
    return [(method, known) for known in KNOWN for method in methods]


def sweep():
    """Return the runs that choose."""
    runs = [run for cell in cells() for run in tried(*cell)]
    return list(dict.fromkeys(runs))


def grid(found):
    """Return the runs that are reported: whole seeds, one after the other."""
    runs = []
    for seed in SEEDS:
        for method, known in cells():
            choice = chosen(method, known, found)
            runs.append(Setting(method, known, seed, choice))
        for method in STATIC:
            choice = chosen(method, 60, found)
            runs.append(Setting(method, 0, seed, choice))
        runs.append(Setting("ridge by group", 0, seed))
    return runs


def settings():
    """Return what every kept run must share with the script."""
    return {
        "count": COUNT,
        "unseen": UNSEEN,
        "groups": GROUPS,
        "sample": SAMPLE,
        "tested": TESTED,
        "chunk": CHUNK,
    }


def kept():
    """Read the runs that are done already, by their settings."""
    found = {}
    if FILE.exists():
        for line in FILE.read_text("utf-8").splitlines():
            row = json.loads(line)
            if row.pop("settings") == settings():
                run = row.pop("run")
                run["choice"] = tuple(run["choice"])
                found[Setting(**run)] = row
    return found


def do(runs, found):
    """Do what is not done, and keep each run at once."""
    FILE.parent.mkdir(exist_ok=True)
    for run in runs:
        if run in found:
            continue
        found[run] = result(run)
        row = {"settings": settings(), "run": asdict(run)} | found[run]
        with FILE.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(*asdict(run).values(), found[run], flush=True)


def gathered(found):
    """Return the stored form: one row for each method and what is known."""
    cells = {}
    for run in grid(found):
        cells.setdefault((run.method, run.known, run.choice), []).append(run)
    rows, unseen = [], []
    for (method, known, choice), runs in cells.items():
        done = [found[run] for run in runs]
        row = {"method": method, "choice": list(choice)}
        cpu = quartiles([one["cpu"] for one in done])
        if known:
            row |= {"known": known, "cpu_s": cpu}
            for key in ("ratio", "sample"):
                row[key] = [float(f"{one[key]:.5g}") for one in done]
            rows.append(row)
            continue
        for k, number in enumerate(FIRST):
            errors = [float(f"{one['by_known'][k]:.5g}") for one in done]
            unseen.append(row | {"known": number, "ratio": errors})
    trials = [
        {
            "method": run.method,
            "known": run.known,
            "choice": list(run.choice),
            "ratio": float(f"{found[run]['ratio']:.5g}"),
        }
        for run in sweep()
    ]
    asked = {"seeds": list(SEEDS), "sweep": SWEEP}
    return (
        settings()
        | asked
        | {
            "rows": rows,
            "unseen_series": unseen,
            "trials": trials,
        }
    )


def main():
    """Choose, run all, and store."""
    torch.set_num_threads(1)
    load, found = load_average(), kept()
    do(sweep(), found)
    do(grid(found), found)
    store("many_series", gathered(found), load=load, repetitions=len(SEEDS))


if __name__ == "__main__":
    main()
