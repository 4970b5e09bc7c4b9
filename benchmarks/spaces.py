"""What each method of the comparison may choose from.

``fixed`` are methods that have nothing to choose, ``searches`` those whose
settings are searched for: the lists of values, where a search starts, and how
many trials it has.
"""

import itertools
from typing import NamedTuple

from methods import stored
from search import Lattice

from gru_tutorial import CAREFUL, PATIENT, QUICK


class Searched(NamedTuple):
    """What a method may choose from, and where its search starts."""

    function: str
    lattice: Lattice
    starts: list
    most: int


def grid(**axes):
    """Return all combinations of some values, as settings."""
    return [
        dict(zip(axes, values, strict=True))
        for values in itertools.product(*axes.values())
    ]


CLOSED = ("cycle", "clip", "loss", "kind", "period", "trend")
EPOCHS = (1, 2, 5, 10, 20, 40, 80, 160, 320)
STEPS = (50, 100, 200, 400, 1000, 2000, 4000, 8000)
RATES = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
LENGTHS = (6, 12, 24, 50, 100, 200)
WIDE = {
    "epochs": EPOCHS,
    "cycle": (False, True),
    "clip": (None, 1.0),
    "window": LENGTHS,
    "lr": RATES,
}
STEPWISE = {
    "cycle": (False, True),
    "clip": (None, 1.0),
    "loss": ("MAE", "MSE"),
    "steps": STEPS,
    "window": LENGTHS,
    "lr": RATES,
}
BATCHES = (4, 8, 16, 32, 64, 128)
NETWORKS = {
    "windows": ("windows", WIDE),
    "skorch": ("skorch", WIDE),
    "Darts RNNModel": (
        "darts",
        {**WIDE, "batch": BATCHES, "kind": ("RNNModel",)},
    ),
    "Darts BlockRNNModel": (
        "darts",
        {**WIDE, "batch": BATCHES, "kind": ("BlockRNNModel",)},
    ),
    "NeuralForecast GRU": ("neuralforecast", STEPWISE),
}
# Where the search on the waves starts: a small grid for each network.
PLAIN = {"cycle": (False,), "clip": (None,)}
GRID = {**PLAIN, "window": (24, 50), "lr": (0.003, 0.01)}
GRIDS = {
    "windows": grid(**GRID, epochs=(10, 20, 40)),
    "skorch": grid(**GRID, epochs=(10, 20, 40)),
    "Darts RNNModel": grid(
        **{**GRID, "lr": (0.01, 0.03)},
        epochs=(5, 10, 20),
        batch=(16, 32),
        kind=("RNNModel",),
    ),
    "Darts BlockRNNModel": grid(
        **GRID, epochs=(10, 20, 40), batch=(32,), kind=("BlockRNNModel",)
    ),
    "NeuralForecast GRU": grid(**GRID, steps=(400, 1000, 2000), loss=("MAE",)),
}
MORE = {  # trials after the grid on the waves
    "windows": 3,
    "skorch": 3,
    "Darts RNNModel": 3,
    "Darts BlockRNNModel": 3,
    "NeuralForecast GRU": 2,
}
MOST = {"regime": 20, "mackey_glass": 12}  # trials of a network, ours too
# And on the other series: one point for each.
POINT = {"cycle": True, "clip": 1.0, "lr": 0.01, "window": 24}
STARTS = {
    "windows": {**POINT, "epochs": 20},
    "skorch": {**POINT, "epochs": 20},
    "Darts RNNModel": {**POINT, "epochs": 10, "batch": 32, "kind": "RNNModel"},
    "Darts BlockRNNModel": {
        **POINT,
        "epochs": 20,
        "batch": 32,
        "kind": "BlockRNNModel",
    },
    "NeuralForecast GRU": {**POINT, "steps": 1000, "loss": "MSE"},
}
CHUNKS = Lattice(
    {
        "noise": (0.0, 0.2, 0.4, 0.8, 1.2, 1.6),
        "epochs": (1, 2, 5, 12, 24, 48, 96, 192),
        "lr": (0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16),
        "length": (16, 32, 64, 128, 256, 512),
        "burn_in": (0, 8, 16, 32, 48, 96, 192),
        "horizon": (1, 2, 4, 8, 16, 32),
        "batch": (4, 8, 16, 32, 64, 128),
    },
    allowed=lambda s: s["burn_in"] < s["length"],
)
LAGS = (1, 2, 3, 6, 12, 24, 50, 100, 150, 200, 300)
ALPHAS = (0.01, 0.1, 1, 10, 30, 100, 300, 1000, 3000)
QUICK_TO_FIT = {
    "AutoReg": (
        "autoreg",
        {"lags": LAGS},
        grid(lags=(2, 6, 24, 50)),
    ),
    "ARIMA": (
        "arima",
        {"p": (0, 1, 2, 3, 4, 6, 8, 12), "q": (0, 1, 2, 4, 6)},
        grid(p=(2, 4), q=(0, 2)),
    ),
    "ETS": (
        "ets",
        {"period": (1, 8, 18, 50), "trend": (False, True)},
        grid(period=(1, 8, 18, 50), trend=(False, True)),
    ),
    "boosting": (
        "boosting",
        {"lags": LAGS, "max_iter": (25, 50, 100, 200, 400, 800, 1600)},
        grid(lags=(3, 12, 50), max_iter=(100, 400)),
    ),
    "neighbours": (
        "neighbours",
        {"lags": LAGS, "n_neighbors": (1, 2, 5, 10, 20, 50, 100, 200)},
        grid(lags=(3, 6, 24), n_neighbors=(5, 20)),
    ),
}


def named(*recipes):
    """Return the book's recipes as points of the search."""
    horizon = {"QUICK": 4, "CAREFUL": 8, "PATIENT": 8}
    found = {"QUICK": QUICK, "CAREFUL": CAREFUL, "PATIENT": PATIENT}
    return [
        stored(found[name], horizon[name], exact="compiled")
        for name in recipes
    ]


def searches(task):
    """Return all methods whose settings are searched for a task."""
    waves, found = task == "waves", {}
    recipes = ("QUICK", "CAREFUL", "PATIENT") if waves else ("QUICK",)
    starts = named(*recipes)
    most = 8 if waves else MOST[task]
    found["chunks, searched"] = Searched("chunks", CHUNKS, starts, most)
    for name, (function, axes, starts) in QUICK_TO_FIT.items():
        lattice = Lattice(axes, CLOSED)
        found[name] = Searched(function, lattice, starts, 32)
    lags = (24, 50, 100, 200) if waves else ()
    for n in lags:
        lattice = Lattice({"lags": (n,), "alpha": ALPHAS}, ("lags",))
        starts = grid(lags=(n,), alpha=(1, 10, 30, 100, 300, 1000))
        found[f"ridge, {n} lags"] = Searched("ridge", lattice, starts, 16)
    if not waves:
        lattice = Lattice({"lags": LAGS, "alpha": ALPHAS})
        starts = grid(lags=(6, 24, 100), alpha=(1, 100))
        found["ridge"] = Searched("ridge", lattice, starts, 32)
    for name, (function, axes) in NETWORKS.items():
        lattice = Lattice(axes, CLOSED)
        starts = GRIDS[name] if waves else [STARTS[name]]
        most = len(starts) + MORE[name] if waves else MOST[task]
        found[name] = Searched(function, lattice, starts, most)
    return found


def fixed(task):
    """Return the methods that have nothing to choose, with their settings."""
    careful = stored(CAREFUL, 8)
    if task != "waves":
        return {
            "naive": ("seasonal_naive", {"period": 1}),
            "chunks, quick": ("chunks", stored(QUICK, 4)),
            "chunks, careful": ("chunks", careful),
        }
    ten_times = {"window": 24, "lr": 0.01, "epochs": 100}
    return {
        "original recipe": ("windows", ten_times),
        "chunks, quick": ("chunks", stored(QUICK, 4)),
        "chunks, quick, nn.GRU": ("chunks", stored(QUICK, 4, exact=False)),
        "chunks, careful": ("chunks", careful),
        "chunks, careful, compiled": (
            "chunks",
            {**careful, "exact": "compiled"},
        ),
        "chunks, careful, 50 values": (
            "chunks",
            {**careful, "exact": "compiled", "sees": 50},
        ),
        "chunks, patient": ("chunks", stored(PATIENT, 8)),
        "five careful, averaged": ("committee", careful),
        "seasonal naive": ("seasonal_naive", {"period": 450}),
        "oracle": ("oracle", {}),
    }
