"""What ``torch.compile`` makes of a GRU, for ``speed.py``."""

import os
import tempfile
import time

import torch
from timing import clocked, in_a_process, microseconds, training
from torch import nn

STEPS, BATCH, HIDDEN, PROCESSES = 24, 32, 32, 3


class ByCell(nn.Module):
    """A GRU as a loop over ``nn.GRUCell``, which a compiler can see into."""

    def __init__(self, hidden=HIDDEN):
        super().__init__()
        self.cell = nn.GRUCell(1, hidden)

    def forward(self, x):
        """Run over (time, batch, 1)."""
        h = x.new_zeros(x.shape[1], self.cell.hidden_size)
        states = []
        for step in x:
            h = self.cell(step, h)
            states.append(h)
        return torch.stack(states), h


LAYERS = {  # and whether the compiler is told to let nn.GRU in
    "nn.GRU": (nn.GRU, False),
    "nn.GRU, allow_rnn": (nn.GRU, True),
    "loop over GRUCell": (lambda _, hidden: ByCell(hidden), False),
}


def first_call(name, folder, steps):
    """Compile a layer in this process; return seconds, and then its times.

    The folder is that of the compiler's cache.
    """
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = folder
    torch.set_num_threads(1)
    build, allowed = LAYERS[name]
    torch._dynamo.config.allow_rnn = allowed
    layer, x = build(1, HIDDEN), torch.zeros(steps, BATCH, 1)
    compiled = torch.compile(layer)
    start = time.perf_counter()
    out, _ = compiled(x)
    out.sum().backward()
    first = time.perf_counter() - start
    found = clocked([training(layer, x), training(compiled, x)])
    return first, [microseconds(seconds[:, 2], steps) for seconds in found]


def compiler():
    """Compare layers as they are and compiled; time each first call."""
    rows = []
    for name in LAYERS:
        runs = []
        for _ in range(PROCESSES):
            with tempfile.TemporaryDirectory() as folder:
                cold, times = in_a_process(first_call, name, folder, STEPS)
                warm, _ = in_a_process(first_call, name, folder, STEPS)
            runs.append({"cold_s": round(cold, 2), "warm_s": round(warm, 2)})
            print(name, *runs[-1].values(), *times, flush=True)
        row = {"layer": name, "steps": STEPS, "eager_us": times[0]}
        row |= {"compiled_us": times[1]}
        rows.append(row | {"runs": runs})
    return rows
