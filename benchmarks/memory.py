"""What is solved, by whom, after how many updates: the race of chapter 7.

Usage: python benchmarks/memory.py                (about two hours)
       python benchmarks/memory.py --processes 2  (about one hour)

Every run is kept in ``benchmarks/.runs/memory.jsonl`` as soon as it ends; a
second start goes on after the last one. The rate is constant and a run ends
when its task is solved, so that a run tells about all smaller budgets, too.
The grid is smaller than it could be, to fit into that time:

- five seeds at a rate of 0.01 with 1,500 updates; three seeds at 0.003 with
  5,000, and at 0.01 with 5,000 for the runs that 1,500 were too few for;
- minGRU with one layer, whose 428 units take as long as three other networks
  together, runs from three seeds, and at 0.01 with 1,500 updates only;
- other lags: pairs of a network and a lag, three seeds, 1,500 updates.
"""

import argparse
import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from gru_tutorial.book.results import load_average, store
from gru_tutorial.memory import (
    Recaller,
    adding_problem,
    chrono_bias,
    delay_line,
    marked_recall,
    size_for,
    train_on_task,
)

PARAMETERS = 3000
RATES = (0.01, 0.003)
BUDGETS = (500, 1500, 5000)
SEEDS = range(5)
FEW_SEEDS = range(3)  # of what takes long
EVERY = 50  # updates between two tests
SOLVED = 0.01  # of chance, at two tests in a row
FILE = Path(__file__).with_name(".runs") / "memory.jsonl"


def recall_plus_one(n, lag, rng):
    """Ask for the marked number plus 1: answers have a mean of 1, not 0."""
    X, y = marked_recall(n, lag, rng)
    return X, y + 1


def adding_around_zero(n, length, rng):
    """Add two numbers from -1 to 1: answers have a mean of 0, not 1."""
    X, y = adding_problem(n, length, rng)
    X[:, :, 0] = 2 * X[:, :, 0] - 1
    return X, 2 * y - 2


def adding_and_wait(n, length, rng, draw=adding_problem):
    """Add 40 steps without a mark at the end: no mark is near it then."""
    X, y = draw(n, length, rng)
    more, _ = draw(n, 40, rng)
    more[:, :, 1] = 0
    return torch.cat([X, more], dim=1), y


def adding_around_zero_and_wait(n, length, rng):
    """Do both."""
    return adding_and_wait(n, length, rng, adding_around_zero)


# The function that draws, its features, and the error of knowing nothing.
TASKS = {
    "marked recall": (marked_recall, 2, 1 / 3),
    "adding problem": (adding_problem, 2, 1 / 6),
    "delay line": (delay_line, 1, 1 / 3),
}
# Variants of two tasks, to see why the plain GRU solves one and not the other.
WHY = {
    "recall, answer + 1": (recall_plus_one, 2, 1 / 3),
    "adding, mean 0": (adding_around_zero, 2, 2 / 3),
    "adding, 40 more steps": (adding_and_wait, 2, 1 / 6),
    "adding, mean 0, 40 more steps": (adding_around_zero_and_wait, 2, 2 / 3),
}
TELLING = {"marked recall": 40, "adding problem": 40, "delay line": 20}
# A few networks at other lags.
THIN = (
    ("marked recall", 20, "RNN", "0"),
    ("marked recall", 20, "LSTM", "0"),
    ("marked recall", 20, "LSTM", "2"),
    ("marked recall", 20, "GRU", "0"),
    ("marked recall", 80, "RNN, orthogonal", "0"),
    ("marked recall", 80, "LSTM", "4"),
    ("marked recall", 80, "LSTM, coupled", "4"),
    ("marked recall", 80, "GRU", "2"),
    ("marked recall", 80, "minGRU, 3 layers", "2"),
    ("marked recall", 160, "GRU", "2"),
    ("marked recall", 160, "GRU", "4"),
    ("adding problem", 20, "RNN", "0"),
    ("adding problem", 20, "LSTM", "0"),
    ("adding problem", 80, "LSTM", "2"),
    ("adding problem", 80, "GRU", "0"),
    ("delay line", 10, "RNN, orthogonal", "0"),
    ("delay line", 10, "LSTM", "0"),
    ("delay line", 10, "GRU", "0"),
    ("delay line", 10, "minGRU, 3 layers", "2"),
    ("delay line", 40, "GRU", "2"),
)
# What a network is made with, beside its size and the bias of its gate.
NETWORKS = {
    "RNN": {"kind": "RNN"},
    "RNN, orthogonal": {"kind": "RNN", "orthogonal": True},
    "LSTM": {"kind": "LSTM"},
    "LSTM, coupled": {"kind": "LSTM", "coupled": True},
    "GRU": {"kind": "GRU"},
    "minGRU": {"kind": "minGRU"},
    "minGRU, 3 layers": {"kind": "minGRU", "num_layers": 3},
}
SLOW = "minGRU"  # with one layer
BIASES = ("0", "2", "4", "6", "chrono")


@dataclass(frozen=True)
class Setting:
    """One run of the race."""

    task: str
    lag: int
    network: str
    bias: str
    lr: float
    seed: int
    updates: int


def starters():
    """Return each network with each bias that it can have."""
    return [
        (network, bias)
        for network, made in NETWORKS.items()
        for bias in BIASES
        if bias == "0" or made["kind"] != "RNN"
        if bias != "0" or not made.get("coupled")  # the plain LSTM
    ]


def full_grid():
    """Return all networks at the telling lags, at the first rate."""
    return [
        Setting(task, lag, *starter, RATES[0], seed, BUDGETS[1])
        for seed in SEEDS
        for task, lag in TELLING.items()
        for starter in starters()
        if starter[0] != SLOW or seed in FEW_SEEDS
    ]


def why_grid():
    """Return the plain GRU on tasks that differ in one thing."""
    return [
        Setting(task, 40, "GRU", "0", RATES[0], seed, BUDGETS[1])
        for seed in SEEDS
        for task in WHY
    ]


def second_rate():
    """Return all networks but the slow one at the other rate."""
    return [
        replace(run, lr=RATES[1], updates=BUDGETS[2])
        for run in full_grid()
        if run.seed in FEW_SEEDS and run.network != SLOW
    ]


def longer(found):
    """Return the runs that had too few updates, with more."""
    return [
        replace(run, updates=BUDGETS[2])
        for run in full_grid()
        if run.seed in FEW_SEEDS and run.network != SLOW
        if found[run]["solved"] is None
    ]


def thin_grid():
    """Return a few networks at the other lags."""
    return [
        Setting(*cell, RATES[0], seed, BUDGETS[1])
        for seed in FEW_SEEDS
        for cell in THIN
    ]


def train(run):
    """Train one network; return its errors, and when it had solved the task.

    Errors are shares of chance, one for each ``EVERY`` updates.
    """
    draw_task, features, chance = (TASKS | WHY)[run.task]
    made = NETWORKS[run.network]
    layers = made.get("num_layers", 1)
    hidden = size_for(made["kind"], features, PARAMETERS, layers)
    if run.bias == "chrono":
        bias = chrono_bias(max(run.lag, 3), hidden, run.seed)
    else:
        bias = float(run.bias)
    torch.manual_seed(run.seed)
    model = Recaller(
        input_size=features, hidden_size=hidden, open_for=bias, **made
    )
    history = train_on_task(
        model,
        lambda n, rng: draw_task(n, run.lag, rng),
        updates=run.updates,
        seed=run.seed,
        lr=run.lr,
        every=EVERY,
        enough=SOLVED * chance,
    )
    errors = [error / chance for _, error in history]
    done = len(errors) > 1 and max(errors[-2:]) < SOLVED
    return {"solved": history[-1][0] if done else None, "errors": errors}


def settings():
    """Return what every kept run must share with the script."""
    return {"parameters": PARAMETERS, "every": EVERY, "threshold": SOLVED}


def kept():
    """Read the runs that are done already, by their settings."""
    found = {}
    if FILE.exists():
        for line in FILE.read_text("utf-8").splitlines():
            row = json.loads(line)
            if row.pop("settings") == settings():
                result = {key: row.pop(key) for key in ("solved", "errors")}
                found[Setting(**row)] = result
    return found


def race(grid, found, train_all=map):
    """Do what of a grid is not done, and keep each run at once.

    ``train_all(train, runs)`` yields results in the order of the runs.
    """
    FILE.parent.mkdir(exist_ok=True)
    missing = [run for run in dict.fromkeys(grid) if run not in found]
    for run, result in zip(missing, train_all(train, missing), strict=True):
        found[run] = result
        row = {"settings": settings()} | asdict(run) | result
        with FILE.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(*asdict(run).values(), result["solved"], flush=True)


def gathered(grid, found):
    """Return the stored form of runs; a line of errors is one string."""
    rows = []
    for run in grid:
        errors = [f"{error:.3g}" for error in found[run]["errors"]]
        row = asdict(run) | {"solved": found[run]["solved"]}
        rows.append(row | {"errors": " ".join(errors)})
    return settings() | {"budgets": BUDGETS, "runs": rows}


def first_grid():
    """Return what is run whatever comes out."""
    return why_grid() + full_grid() + thin_grid() + second_rate()


def later_grid(found):
    """Return what is run when the first grid is done."""
    return longer(found)


def main():
    """Run all, and store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=1)
    workers = ProcessPoolExecutor(
        parser.parse_args().processes,
        multiprocessing.get_context("spawn"),
        torch.set_num_threads,
        (1,),
    )
    load, found = load_average(), kept()
    with workers:
        race(first_grid(), found, workers.map)
        race(later_grid(found), found, workers.map)
    grid = first_grid() + later_grid(found)
    store("memory", gathered(grid, found), load=load, repetitions=len(SEEDS))


if __name__ == "__main__":
    main()
