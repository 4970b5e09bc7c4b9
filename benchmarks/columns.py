"""Columns beside the demand for electricity: what chapter 12 says of them.

Settings are chosen once for each method: those with the lowest error in week
4, after training on the weeks 1-3. Then the weeks 5-12 are scored, in four
folds of two weeks, each after training on all weeks before them. From every
half hour of a fold's first 13 days the next 48 values are forecast. The choice
is made with one seed, and three others are reported; one thread.

Every run is kept in ``benchmarks/.runs/columns.jsonl`` as soon as it ends, and
a second start goes on after the last one.

Usage: python benchmarks/columns.py    (about ten minutes)
"""

import time
from typing import NamedTuple

import numpy as np
import torch
from peers import run_quietly
from search import RUNS, Runs
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

from gru_tutorial import CompiledGRU, load_electricity
from gru_tutorial.book.results import load_average, store

DAY, WEEK = 48, 336
FOLDS = (4, 6, 8, 10)  # weeks of training; the two after them are scored
SEEDS, CHOICE_SEED = range(3), 100
CHUNK, BURN_IN, BATCH, HIDDEN = 192, 48, 8, 32
EVERY = 12  # steps from one origin to the next, where a decoder learns
SETTINGS = [
    {"updates": updates, "rate": rate}
    for updates in (200, 600)
    for rate in (0.02, 0.04)
]
ALPHAS = [{"alpha": 10.0**power} for power in (-2, -1, 0, 1, 2, 3)]


class Method(NamedTuple):
    """What a GRU reads beside the demand, and what it forecasts."""

    coding: str = "none"  # of the calendar
    decoder: bool = False  # that reads what is known of the future
    base: str = "none"  # sees and forecasts differences from this
    change: bool = False  # a second target: the step from the value before


METHODS = {
    "GRU, demand alone": Method(),
    "GRU, numbers": Method("number"),
    "GRU, waves": Method("waves"),
    "GRU, one-hot": Method("one-hot"),
    "GRU, embedding": Method("embedding"),
    "GRU, waves, two targets": Method("waves", change=True),
    "decoder, one-hot": Method("one-hot", decoder=True),
    "GRU, one-hot, week before": Method("one-hot", base="week before"),
    # Added when the others were known, to find out why they fail.
    "GRU, one-hot, last week's mean": Method(
        "one-hot", base="last week's mean"
    ),
}
RIDGES = {  # whether each step has a ridge of its own, and reads the calendar
    "ridge": (False, False),
    "ridge, calendar": (False, True),
    "ridge, direct": (True, False),
    "ridge, direct, calendar": (True, True),
}
WEEK_OLD = np.arange(WEEK, WEEK + DAY + 1)  # lags


class Coding(nn.Module):
    """The calendar as columns: hour and weekday of a step, from Monday on."""

    def __init__(self, kind):
        super().__init__()
        steps = np.arange(WEEK)
        hour, day = steps % DAY, steps // DAY
        if kind == "embedding":
            self.hours, self.days = nn.Embedding(DAY, 4), nn.Embedding(7, 2)
            self.width = 6
            return
        turns = 2 * np.pi * np.array([hour / DAY, day / 7])
        numbers = np.column_stack([hour, day])
        table = {
            "none": np.empty((WEEK, 0)),
            "number": (numbers - numbers.mean(0)) / numbers.std(0),
            "waves": np.vstack([np.sin(turns), np.cos(turns)]).T,
            "one-hot": np.hstack([np.eye(DAY)[hour], np.eye(7)[day]]),
        }[kind]
        table = torch.tensor(table, dtype=torch.float32)
        self.register_buffer("table", table)
        self.width = table.shape[1]

    def forward(self, steps):
        """Return (..., width) of time steps."""
        if hasattr(self, "table"):
            return self.table[steps % WEEK]
        columns = [self.hours(steps % DAY), self.days(steps // DAY % 7)]
        return torch.cat(columns, dim=-1)


class Network(nn.Module):
    """A GRU that reads the past; a linear layer or a second GRU forecasts."""

    def __init__(self, method, hidden=HIDDEN):
        super().__init__()
        self.method, self.coding = method, Coding(method.coding)
        width = self.coding.width
        self.encoder = CompiledGRU(1 + width, hidden, batch_first=True)
        self.decoder = None
        if method.decoder:
            self.decoder = CompiledGRU(width, hidden, batch_first=True)
            self.linear = nn.Linear(hidden, 1)
        else:
            self.linear = nn.Linear(hidden, DAY * (1 + method.change))

    def forward(self, series, begins, origins):
        """Forecast from origins, which are counted from each beginning.

        Returns (chunks, origins, targets * 48).
        """
        steps = begins[:, None] + torch.arange(origins[-1] + 1)
        base = base_of(self.method, series)
        past = (series - base)[steps][..., None]
        x = torch.cat([past, self.coding(steps)], dim=-1)
        states = self.encoder(x)[0][:, origins]
        future = ahead(begins, origins)
        if self.method.base == "week before":
            before = base[future]
        else:
            before = base[steps[:, origins]][..., None]
        if self.decoder is None:
            return self.linear(states) + before
        known = self.coding(future).flatten(0, 1)
        out, _ = self.decoder(known, states.flatten(0, 1)[None])
        return self.linear(out)[..., 0].unflatten(0, states.shape[:2])


def base_of(method, series):
    """Return what is subtracted at each step, and is known a day ahead."""
    if method.base == "week before":
        return torch.cat([series[:WEEK], series[:-WEEK]])
    if method.base == "last week's mean":  # or that of all before
        total = nn.functional.pad(series.double().cumsum(0), (WEEK, 0))
        count = torch.arange(1, len(series) + 1).clamp(max=WEEK)
        return ((total[WEEK:] - total[:-WEEK]) / count).float()
    return torch.zeros_like(series)


def ahead(begins, origins):
    """Return the 48 steps after each origin, (chunks, origins, 48)."""
    at = begins[:, None] + origins
    return at[..., None] + torch.arange(1, DAY + 1)


def labels(method, series, begins, origins, spread):
    """Return what comes after each origin, and how it changes."""
    future = ahead(begins, origins)
    y = series[future]
    if not method.change:
        return y
    return torch.cat([y, (y - series[future - 1]) / spread], dim=-1)


def scaled(values, train):
    """Return the series in the scale of its training part, and the scale."""
    mean, std = values[:train].mean(), values[:train].std()
    series = torch.tensor((values - mean) / std, dtype=torch.float32)
    spread = float(series[:train].diff().std())  # of its changes
    return series, mean, std, spread


def train_network(method, values, train, seed, updates, rate):
    """Train on random chunks of the training part."""
    torch.manual_seed(seed)
    rng, network = np.random.default_rng(seed), Network(method)
    series, *_, spread = scaled(values, train)
    optimizer = torch.optim.Adam(network.parameters())
    schedule = OneCycleLR(optimizer, rate, updates, cycle_momentum=False)
    every = EVERY if method.decoder else 1
    origins = torch.arange(BURN_IN, CHUNK, every)
    first = 0 if method.base == "none" else WEEK
    for _ in range(updates):
        begins = rng.integers(first, train - CHUNK - DAY + 1, BATCH)
        begins = torch.from_numpy(begins)
        y_hat = network(series, begins, origins)
        y = labels(method, series, begins, origins, spread)
        loss = nn.functional.mse_loss(y_hat, y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return network


def origins_of(train, weeks):
    """Return the origins of scored weeks: the last value that is known."""
    return np.arange(train - 1, train - 1 + (7 * weeks - 1) * DAY)


def gru(name, values, train, origins, seed, **settings):
    """Return paths in MW, and those of the changes if they are a target."""
    method = METHODS[name]
    network = train_network(method, values, train, seed, **settings)
    series, mean, std, spread = scaled(values, train)
    with torch.no_grad():
        y_hat = network(series, torch.tensor([0]), torch.from_numpy(origins))
    y_hat = y_hat[0].double().numpy()
    changes = y_hat[:, DAY:] * spread * std if method.change else None
    return y_hat[:, :DAY] * std + mean, changes


def dummies(at):
    """Return hour and weekday of steps as ones and zeros."""
    at = np.asarray(at)
    return np.hstack([np.eye(DAY)[at % DAY], np.eye(7)[at // DAY % 7]])


def fitted(X, y, alpha):
    """Return a ridge regression as a function of rows."""
    centre, level = X.mean(axis=0), y.mean()
    A = X - centre
    normal = A.T @ A + alpha * np.eye(A.shape[1])
    weights = np.linalg.solve(normal, A.T @ (y - level))
    return lambda rows: (rows - centre) @ weights + level


def ridge(name, values, train, origins, seed, alpha):
    """Forecast by ridge on the last 48 values and those of a week before.

    It goes on from its own forecasts, or has other weights for each step.
    """
    direct, calendar = RIDGES[name]
    mean, std = values[:train].mean(), values[:train].std()
    series, learnt = (values - mean) / std, np.arange(WEEK + DAY, train)
    paths = np.zeros((len(origins), WEEK + 2 * DAY))
    now = WEEK + DAY  # the first step that is forecast
    paths[:, :now] = series[origins[:, None] + np.arange(1 - now, 1)]
    forecast = None
    for step in range(DAY):
        first = 1 + step if direct else 1
        lags = np.r_[first : first + DAY, WEEK_OLD]
        more = [dummies(learnt)] if calendar else []
        if direct or step == 0:
            X = np.hstack([series[learnt[:, None] - lags], *more])
            forecast = fitted(X, series[learnt], alpha)
        more = [dummies(origins + 1 + step)] if calendar else []
        rows = np.hstack([paths[:, now + step - lags], *more])
        paths[:, now + step] = forecast(rows)
    return paths[:, now:] * std + mean, None


def naive(name, values, train, origins, seed):
    """Repeat the week before."""
    return values[origins[:, None] + np.arange(1, DAY + 1) - WEEK], None


def measure(task, name, settings, seed):
    """Train on so many weeks, forecast the next ones; return the errors."""
    weeks, scored = task
    values = load_electricity().demand_mw
    train = weeks * WEEK
    origins = origins_of(train, scored)
    function = gru if name in METHODS else ridge if name in RIDGES else naive
    start = time.process_time()
    path, changes = function(name, values, train, origins, seed, **settings)
    seconds = time.process_time() - start
    y = values[origins[:, None] + np.arange(1, DAY + 1)]
    errors = 100 * np.abs(path - y) / y
    found = {
        "mape": round(float(errors.mean()), 4),
        "days": errors.reshape(-1, DAY * DAY).mean(axis=1).round(4).tolist(),
    }
    if changes is not None:
        came = y - values[origins[:, None] + np.arange(DAY)]
        path = np.diff(path, axis=1, prepend=values[origins][:, None])
        for key, one in (("change", changes), ("difference", path)):
            found[f"{key}_mae"] = round(float(np.abs(one - came).mean()), 3)
    return {**found, "cpu_s": round(seconds, 2)}


def grid_of(name):
    """Return the settings that a method has to choose from."""
    return SETTINGS if name in METHODS else ALPHAS if name in RIDGES else [{}]


def chosen(runs, name):
    """Return the settings that are best in week 4, and the errors of all."""
    grid = grid_of(name)
    if len(grid) == 1:
        return grid[0], []
    found = [
        runs.run([3, 1], name, settings, CHOICE_SEED)["mape"]
        for settings in grid
    ]
    return grid[int(np.argmin(found))], found


def fold_of(runs, name, settings, weeks):
    """Return a method's runs in one fold."""
    rows = []
    for seed in SEEDS if name in METHODS else [0]:
        run = dict(runs.run([weeks, 2], name, settings, seed))
        row = {key: run[key] for key in run if key not in ("of", "date")}
        if name not in METHODS:
            row.pop("cpu_s")
        rows.append({"seed": seed, **row})
    print(f"{weeks:2} {name:34}", *[row["mape"] for row in rows], flush=True)
    return {"weeks": weeks, "runs": rows}


def method_of(runs, name):
    """Return a method's settings, and its runs in all folds."""
    settings, errors = chosen(runs, name)
    print(name, settings, errors, flush=True)
    folds = [fold_of(runs, name, settings, weeks) for weeks in FOLDS]
    return {"settings": settings, "choice_mape": errors, "folds": folds}


def main():
    """Measure what is not measured yet, and store all."""
    run_quietly()
    load = load_average()
    runs = Runs(RUNS / "columns.jsonl", measure)
    names = ["seasonal naive", *RIDGES, *METHODS]
    results = {
        "folds": list(FOLDS),
        "hidden": HIDDEN,
        "choice": {"GRU": SETTINGS, "ridge": ALPHAS},
        "methods": {name: method_of(runs, name) for name in names},
    }
    store("columns", results, load=load, repetitions=len(SEEDS))


if __name__ == "__main__":
    main()
