"""How whole tasks grow with the series and the layer, for ``speed.py``."""

import math
import time

import numpy as np
import torch
from timing import clocked, in_a_process, peak_megabytes, quartiles
from torch import nn

from gru_tutorial import expected_ratio
from gru_tutorial.forecaster import Forecaster
from gru_tutorial.model import GRUModel
from gru_tutorial.newton import jacobians, newton_states
from gru_tutorial.recipe import CAREFUL, QUICK
from gru_tutorial.series import make_series
from gru_tutorial.windows import make_windows

START = 720
FAST = {"nn.GRU": False, "ExactGRU": True, "compiled": "compiled"}
SIZES = {"quick": (QUICK, 4), "careful": (CAREFUL, 8)}
POINTS, UNITS = [10**k for k in range(3, 8)], (8, 16, 32, 64, 128, 256, 512)
POINTS_OF_UNITS = 10**4
WINDOW = 24


def windows():
    """Compare a window for each point with one stream, forwards only."""
    model, points, rows = GRUModel(hidden_size=32), 512, []
    for window in (12, 24, 48, 96, 192):
        cut, stream = torch.zeros(points, window, 1), torch.zeros(1, points, 1)
        with torch.no_grad():
            found = clocked(
                [lambda x=cut: model(x), lambda x=stream: model.run(x)]
            )
        times = [quartiles(seconds, 1e-3) for seconds in found]
        row = {"window": window, "windows_ms": times[0], "stream_ms": times[1]}
        rows.append(row)
        print(*row.values(), flush=True)
    return rows


def trained(values, name, layer, seed):
    """Train the book's model with a recipe."""
    recipe, horizon = SIZES[name]
    torch.manual_seed(seed)
    model = GRUModel(hidden_size=32, horizon=horizon, fast=FAST[layer])
    return Forecaster(model).fit(values[:START], recipe, seed=seed)


def recipes(seeds=range(5)):
    """Run whole recipes with each layer, which take turns, by seed."""
    found = {name: {layer: [] for layer in FAST} for name in SIZES}
    trained(make_series().values, "quick", "compiled", 0)  # compiles
    for seed in seeds:
        series = make_series(seed=seed)
        for name, by_layer in found.items():
            for layer, rows in by_layer.items():
                start = time.process_time()
                forecaster = trained(series.values, name, layer, seed)
                y_hat = forecaster.one_step(series.values, START)
                cpu = time.process_time() - start
                ratio = expected_ratio(y_hat, series.clean[START:])
                row = {"seed": seed, "cpu_s": round(cpu, 3)}
                rows.append(row | {"ratio": round(float(ratio), 4)})
                print(name, layer, *rows[-1].values(), flush=True)
    return {
        name: {layer: {"rows": rows} for layer, rows in by_layer.items()}
        for name, by_layer in found.items()
    }


def cut(points, hidden):
    """Return a function that cuts windows, as views of the series."""
    values = make_series(points).values.astype(np.float32)
    return lambda: make_windows(values, WINDOW)


def copy(points, hidden):
    """Return a function that writes each window to a place of its own."""
    values = make_series(points).values.astype(np.float32)
    return lambda: [*map(np.ascontiguousarray, make_windows(values, WINDOW))]


def train(points, hidden):
    """Return a function that trains for one epoch, each value met once."""
    values = make_series(points).values
    recipe = QUICK.but(num_epochs=1, stride=QUICK.chunk, batch_size=64)

    def run():
        model = GRUModel(hidden_size=hidden, horizon=4, fast=True)
        Forecaster(model).fit(values, recipe)

    return run


def stream(points, hidden):
    """Return a function that forecasts each value, with a state carried."""
    return forecasts(points, hidden, None)


def by_windows(points, hidden):
    """Return a function that forecasts each value from a window of its own."""
    return forecasts(points, hidden, WINDOW)


def forecasts(points, hidden, window):
    """Return a function that forecasts the last nine tenths of a series."""
    values = make_series(points).values
    model = Forecaster(GRUModel(hidden_size=hidden), window=window)
    start = points // 10
    model.fit(values[:start], QUICK, num_epochs=1, stride=max(1, start // 100))
    return lambda: model.one_step(values, start)


TASKS = {
    "windows, views": cut,
    "windows, copies": copy,
    "training": train,
    "forecasts, stream": stream,
    "forecasts, windows": by_windows,
}
# The longest series that a task is given; beyond it a run takes minutes.
LONGEST = {"forecasts, stream": 10**6, "forecasts, windows": 10**6}


def grown(task, points, hidden):
    """Measure the memory of a task once, and its time at least three times."""
    torch.set_num_threads(1)
    TASKS[task](1000, 8)()  # what is loaded at first is not counted
    run, seconds = TASKS[task](points, hidden), []

    def timed():
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)

    memory = peak_megabytes(timed)
    if seconds[0] < 1:
        seconds.clear()  # a first short run may be slow
    while len(seconds) < 3 or (sum(seconds) < 1 and len(seconds) < 25):
        timed()
    row = {"task": task, "length": points, "hidden": hidden}
    row |= {"task_s": quartiles(seconds), "peak_mb": round(memory, 1)}
    print(*row.values(), flush=True)
    return row


def growth(longest=POINTS[-1]):
    """Measure each task against the series' length and the layer's units."""
    wanted = [
        (task, points, 32)
        for task in TASKS
        for points in POINTS
        if points <= min(longest, LONGEST.get(task, longest))
    ]
    wanted += [
        (task, POINTS_OF_UNITS, hidden)
        for task in ("training", "forecasts, stream", "forecasts, windows")
        for hidden in UNITS
        if hidden != 32
    ]
    return [in_a_process(grown, *task) for task in wanted]


SEEDS_OF_NEWTON = range(3)
NETWORKS = ("untrained", "opened by 2", "opened by 4", "opened by 6")
NETWORKS += ("quick", "careful")


def network(name, values, seed):
    """Return a layer of 32 units in float64: as it starts, opened, trained."""
    torch.manual_seed(seed)
    if name in SIZES:
        state = trained(values, name, "ExactGRU", seed).model.gru.state_dict()
        gru = nn.GRU(1, 32, batch_first=True)
        gru.load_state_dict(state)
    else:
        gru = nn.GRU(1, 32, batch_first=True)
        with torch.no_grad():
            gru.bias_ih_l0[32:64] += float(name.partition(" by ")[2] or 0)
    return gru.double()


@torch.no_grad()
def growth_of(gru, x, states, skip=50):
    """Return by which factor a small change of the state grows each step.

    With the states that are before each step given; a change that only
    fades has a factor below 1.
    """
    weights = [p.detach() for p in gru.parameters()]
    steps = jacobians(x.transpose(0, 1), states.transpose(0, 1), weights)
    v, logs = torch.ones(gru.hidden_size, dtype=x.dtype), []
    for J in steps[:, 0]:
        v = J @ v
        logs.append(float(v.norm().log()))
        v = v / v.norm()
    return math.exp(np.mean(logs[skip:]))


def newton(seeds=SEEDS_OF_NEWTON, lengths=(100, START, 10**4)):
    """Count the corrections that Newton's method needs; nothing is timed."""
    rows = []
    for seed in seeds:
        values = make_series(max(lengths), seed=seed).values
        mean, std = values[:START].mean(), values[:START].std()
        series = torch.from_numpy((values - mean) / std)[None, :, None]
        for name in NETWORKS:
            gru = network(name, values, seed)
            for length in lengths:
                row = {"network": name, "seed": seed, "length": length}
                rows.append(row | corrections(gru, series[:, :length]))
                print(*rows[-1].values(), flush=True)
    return rows


@torch.no_grad()
def corrections(gru, x):
    """Run Newton's method once; return how it went."""
    run, (out, _) = newton_states(gru, x, max_iter=100), gru(x)
    before = torch.cat([torch.zeros_like(out[:, :1]), out[:, :-1]], 1)
    error = float((run.states - out).abs().max()) if run.converged else None
    finite = [r for r in run.residuals if math.isfinite(r)]
    return {
        "corrections": len(run.residuals) - 1,
        "converged": run.converged,
        "overflowed": len(finite) < len(run.residuals),
        "error": error and float(f"{error:.2g}"),
        "residuals": [float(f"{r:.2g}") for r in finite],
        "growth_of_guess": round(growth_of(gru, x, 0 * before), 4),
        "growth_of_truth": round(growth_of(gru, x, before), 4),
    }


def newton_times(lengths=(100, START, 10**4)):
    """Compare Newton's method with the loop, on an untrained layer."""
    torch.manual_seed(0)
    gru, rows = nn.GRU(1, 32, batch_first=True).double(), []
    for length in lengths:
        values = make_series(length).values - 2
        x = torch.from_numpy(values)[None, :, None]
        with torch.no_grad():
            runs = [lambda x=x: newton_states(gru, x), lambda x=x: gru(x)]
            found = clocked(runs, 3, 2)
        times = [quartiles(seconds, 1e-3) for seconds in found]
        rows.append(
            {"length": length, "newton_ms": times[0], "loop_ms": times[1]}
        )
        print(*rows[-1].values(), flush=True)
    return rows
