"""What is solved, by whom, after how many updates: the race of chapter 7.

Usage: python benchmarks/memory.py    (about an hour, one thread)

Every run is kept in ``benchmarks/.runs/memory.jsonl`` as soon as it ends; a
second start goes on after the last one. The grid is smaller
than it could be, to fit into that hour:

- three seeds, and one for minGRU with one layer, whose 428 units take as long
  as three other networks together;
- 1,500 updates at a rate of 0.01 for all. Networks that did not solve a task
  without a bias, from all seeds, get a second chance: 5,000 updates at 0.003;
- five pairs of a network and another lag, with 1,500 updates.
"""

import json
from dataclasses import asdict, dataclass
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
SEEDS = range(3)
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
    ("marked recall", 80, "GRU", "2"),
    ("marked recall", 80, "LSTM, coupled", "4"),
    ("adding problem", 80, "GRU", "0"),
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
        if not (starter[0] == "minGRU" and seed)  # slow
    ]


def why_grid():
    """Return the plain GRU on tasks that differ in one thing."""
    return [
        Setting(task, 40, "GRU", "0", RATES[0], seed, BUDGETS[1])
        for seed in SEEDS
        for task in WHY
    ]


def second_chance(found):
    """Return who did not solve a task without a bias, with other settings."""
    failed = dict.fromkeys(
        (run.task, run.lag, run.network, run.bias)
        for run in full_grid()
        if run.bias == "0" and run.network != "minGRU"
        if found[run]["solved"] is None
    )
    return [
        Setting(*cell, RATES[1], seed, BUDGETS[2])
        for seed in SEEDS
        for cell in failed
    ]


def thin_grid():
    """Return a few networks at the other lags."""
    return [
        Setting(*cell, RATES[0], seed, BUDGETS[1])
        for seed in SEEDS
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


def race(grid, found):
    """Do what of a grid is not done, and keep each run at once."""
    FILE.parent.mkdir(exist_ok=True)
    for run in grid:
        if run in found:
            continue
        found[run] = train(run)
        row = {"settings": settings()} | asdict(run) | found[run]
        with FILE.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(*asdict(run).values(), found[run]["solved"], flush=True)


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
    return why_grid() + full_grid()


def later_grid(found):
    """Return what is run when the first grid is done."""
    return second_chance(found) + thin_grid()


def main():
    """Run all, and store."""
    torch.set_num_threads(1)
    load, found = load_average(), kept()
    race([run for run in first_grid() if run.network != "minGRU"], found)
    grid = later_grid(found) + first_grid()
    race(grid, found)
    store("memory", gathered(grid, found), load=load, repetitions=len(SEEDS))


if __name__ == "__main__":
    main()
