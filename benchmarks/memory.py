"""Error against lag, for chapter 7: several networks of equal size.

Usage: python benchmarks/memory.py    (about ten minutes, one thread)
"""

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
UPDATES = 500
SEEDS = range(3)
LAGS = {
    "marked recall": (5, 10, 20, 40, 80),
    "adding problem": (10, 20, 40, 80),
    "delay line": (5, 10, 20),
}
TASKS = {
    "marked recall": (marked_recall, 2),
    "adding problem": (adding_problem, 2),
    "delay line": (delay_line, 1),
}
# name: the kind of layer, and how far the gate is opened for a lag
NETWORKS = {
    "RNN": ("RNN", 0.0),
    "LSTM": ("LSTM", 0.0),
    "LSTM, bias + 2": ("LSTM", 2.0),
    "GRU": ("GRU", 0.0),
    "GRU, bias + 2": ("GRU", 2.0),
    "GRU, chrono": ("GRU", "chrono"),
    "minGRU": ("minGRU", 0.0),
}


def run(task, lag, network, seed):
    """Train one network; return its error at every test."""
    draw_task, features = TASKS[task]
    kind, opened = NETWORKS[network]
    hidden = size_for(kind, features, PARAMETERS)
    if opened == "chrono":
        opened = chrono_bias(max(lag, 3), hidden, seed)
    torch.manual_seed(seed)
    model = Recaller(kind, features, hidden, opened)
    history = train_on_task(
        model,
        lambda n, rng: draw_task(n, lag, rng),
        updates=UPDATES,
        seed=seed,
        every=UPDATES // 20,
    )
    return [[updates, round(error, 6)] for updates, error in history]


def main():
    """Run all, and store."""
    torch.set_num_threads(1)
    load, rows = load_average(), []
    for task, lags in LAGS.items():
        for lag in lags:
            for network in NETWORKS:
                for seed in SEEDS:
                    curve = run(task, lag, network, seed)
                    rows.append(
                        {
                            "task": task,
                            "lag": lag,
                            "network": network,
                            "seed": seed,
                            "curve": curve,
                        }
                    )
                last = [row["curve"][-1][1] for row in rows[-len(SEEDS) :]]
                print(f"{task} {lag:3} {network:14}", *last, flush=True)
    results = {"parameters": PARAMETERS, "updates": UPDATES, "runs": rows}
    store("memory", results, load=load, repetitions=len(SEEDS))


if __name__ == "__main__":
    main()
