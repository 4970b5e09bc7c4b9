"""Time per step of recurrent layers, forward and backward, for chapter 7.

Usage: python benchmarks/cost.py    (about five minutes, an idle machine)
"""

import torch
from timing import LENGTH, clocked, microseconds, training
from torch import nn

from gru_tutorial.book.results import load_average, store
from gru_tutorial.memory import MinGRU
from gru_tutorial.model import count_parameters

HIDDEN = (16, 32, 64, 128, 256)
BATCH, ROUNDS, RUNS = 32, 5, 3
LAYERS = {
    "RNN": lambda h: nn.RNN(1, h, batch_first=True),
    "LSTM": lambda h: nn.LSTM(1, h, batch_first=True),
    "GRU": lambda h: nn.GRU(1, h, batch_first=True),
    "minGRU": lambda h: MinGRU(1, h),
}


def seconds(layer, x):
    """Return the median times of a forward, and of forward and backward."""

    def forward():
        with torch.no_grad():
            layer(x)

    return clocked([forward, training(layer, x)], ROUNDS, RUNS)


def row(name, hidden, threads):
    """Measure one layer, in microseconds per time step."""
    torch.set_num_threads(threads)
    layer = LAYERS[name](hidden)
    forward, both = seconds(layer, torch.zeros(BATCH, LENGTH, 1))
    return {
        "layer": name,
        "hidden": hidden,
        "threads": threads,
        "parameters": count_parameters(layer),
        "forward_us": microseconds(forward),
        "training_us": microseconds(both),
    }


def main():
    """Measure all, and store it."""
    load, rows = load_average(), []
    for threads in (1, 2):
        for hidden in HIDDEN:
            for name in LAYERS:
                rows.append(row(name, hidden, threads))
                print(*rows[-1].values(), flush=True)
    results = {"batch": BATCH, "length": LENGTH, "rows": rows}
    store("cost", results, load=load, repetitions=ROUNDS * RUNS)


if __name__ == "__main__":
    main()
