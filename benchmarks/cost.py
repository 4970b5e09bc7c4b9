"""Time per step of recurrent layers, forward and backward, for chapter 6.

Usage: python benchmarks/cost.py    (about five minutes, an idle machine)
"""

import statistics
import time

import torch
from record import store
from torch import nn

from gru_tutorial.memory import MinGRU, count_parameters

HIDDEN = (16, 32, 64, 128, 256)
BATCH, LENGTH, RUNS = 32, 100, 15
LAYERS = {
    "RNN": lambda h: nn.RNN(1, h, batch_first=True),
    "LSTM": lambda h: nn.LSTM(1, h, batch_first=True),
    "GRU": lambda h: nn.GRU(1, h, batch_first=True),
    "minGRU": lambda h: MinGRU(1, h),
}


def seconds(layer, x):
    """Return the median times of a forward, and of forward and backward."""
    forward, both = [], []
    for _ in range(RUNS + 3):
        start = time.perf_counter()
        with torch.no_grad():
            layer(x)
        middle = time.perf_counter()
        out, _ = layer(x)
        out.square().mean().backward()
        end = time.perf_counter()
        forward.append(middle - start)
        both.append(end - middle)
    return statistics.median(forward[3:]), statistics.median(both[3:])


def main():
    """Measure all, and store microseconds per time step."""
    rows = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        for hidden in HIDDEN:
            for name, build in LAYERS.items():
                layer, x = build(hidden), torch.zeros(BATCH, LENGTH, 1)
                forward, both = seconds(layer, x)
                rows.append(
                    {
                        "layer": name,
                        "hidden": hidden,
                        "threads": threads,
                        "parameters": count_parameters(layer),
                        "forward_us": round(forward / LENGTH * 1e6, 2),
                        "training_us": round(both / LENGTH * 1e6, 2),
                    }
                )
                print(*rows[-1].values(), flush=True)
    store("cost", {"batch": BATCH, "length": LENGTH, "rows": rows})


if __name__ == "__main__":
    main()
