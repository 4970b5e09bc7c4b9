"""Where the time of a GRU goes, for chapter 11.

Usage: python benchmarks/speed.py    (about six minutes, an idle machine)
"""

import copy
import os
import time

os.environ["TORCHINDUCTOR_FORCE_DISABLE_CACHES"] = "1"  # compile in earnest

import torch
from timing import LENGTH, ROUNDS, RUNS, clocked, microseconds, training
from torch import nn
from torch.profiler import ProfilerActivity, profile

from gru_tutorial import exact as by_hand
from gru_tutorial.book.results import load_average, store
from gru_tutorial.exact import ExactGRU
from gru_tutorial.model import GRUModel

HIDDEN = (8, 16, 32, 64, 128)
BATCH = (1, 4, 16, 64, 256)
THREAD_SIZES = (16, 32, 64, 128, 256)


def products(hidden, batch):
    """Return a function that does the matrix products of ``training`` alone.

    Forwards the state times its weights, backwards the gates' gradient times
    the same weights, step after step; the weights' gradient at once.
    """
    W = torch.zeros(3 * hidden, hidden)
    states = torch.zeros(LENGTH, batch, hidden)
    gates = torch.zeros(LENGTH, batch, 3 * hidden)

    def run():
        for h, d_gates in zip(states, gates, strict=True):
            torch.mm(h, W.t())
            torch.mm(d_gates, W)
        torch.mm(gates.flatten(0, 1).t(), states.flatten(0, 1))

    return run


def layers():
    """Compare nn.GRU, the backward pass by hand, and the products alone."""
    rows, limit = [], by_hand.MAX_STATES
    for hidden in HIDDEN:
        for batch in BATCH:
            gru = nn.GRU(1, hidden)
            exact, forced = ExactGRU.of(gru), ExactGRU.of(gru)
            x = torch.zeros(LENGTH, batch, 1)
            run_forced = training(forced, x)

            def always(run=run_forced):
                by_hand.MAX_STATES = 10**9  # by hand, whatever the size
                run()
                by_hand.MAX_STATES = limit

            found = clocked(
                [
                    training(gru, x),
                    training(exact, x),
                    always,
                    products(hidden, batch),
                ]
            )
            names = ("torch_us", "exact_us", "forced_us", "products_us")
            times = dict(zip(names, map(microseconds, found), strict=True))
            rows.append({"hidden": hidden, "batch": batch, **times})
            print(*rows[-1].values(), flush=True)
    return rows


def operations():
    """Count PyTorch's operator calls in each step of a sequence."""

    def count(layer, steps):
        run = training(layer, torch.zeros(steps, 16, 1))
        with profile(activities=[ProfilerActivity.CPU]) as found:
            run()
        return sum(event.count for event in found.key_averages())

    gru = nn.GRU(1, 32)
    layers = {"nn.GRU": gru, "ExactGRU": ExactGRU.of(gru)}
    found = {}
    for name, layer in layers.items():
        short, long = count(layer, LENGTH), count(layer, 2 * LENGTH)
        found[name] = round((long - short) / LENGTH, 1)
    print(found)
    return found


def accuracy():
    """Compare both gradients in float32 with autograd's in float64.

    The largest error of an entry, relative to the largest entry, of the worst
    of the four weights.
    """
    rows = []
    for hidden, batch in ((16, 16), (32, 16), (64, 64), (16, 256)):
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(LENGTH, batch, 1, generator=generator)
        torch.manual_seed(0)
        single = nn.GRU(1, hidden)
        layers = [copy.deepcopy(single).double(), single, ExactGRU.of(single)]
        grads = []
        for layer in layers:
            out, _ = layer(x.to(layer.weight_hh_l0.dtype))
            loss = out.square().mean()
            grads.append(torch.autograd.grad(loss, layer.parameters()))
        errors = [
            max(
                float((a - b).abs().max() / b.abs().max())
                for a, b in zip(found, grads[0], strict=True)
            )
            for found in grads[1:]
        ]
        names = ("torch_error", "exact_error")
        errors = [float(f"{error:.2g}") for error in errors]
        row = dict(zip(names, errors, strict=True))
        rows.append({"hidden": hidden, "batch": batch, **row})
        print(*rows[-1].values())
    return rows


def threads():
    """Compare one thread and two, at one batch size."""
    rows = []
    for hidden in THREAD_SIZES:
        gru, x = nn.GRU(1, hidden), torch.zeros(LENGTH, 32, 1)
        for count in (1, 2):
            torch.set_num_threads(count)
            (found,) = clocked([training(gru, x)])
            rows.append(
                {
                    "hidden": hidden,
                    "threads": count,
                    "us": microseconds(found),
                }
            )
            print(*rows[-1].values(), flush=True)
    torch.set_num_threads(1)
    return rows


def precision():
    """Compare float32 and float64."""
    rows = []
    for hidden in THREAD_SIZES:
        single = nn.GRU(1, hidden)
        double = nn.GRU(1, hidden).double()
        x = torch.zeros(LENGTH, 32, 1)
        found = clocked([training(single, x), training(double, x.double())])
        times = list(map(microseconds, found))
        rows.append(
            {"hidden": hidden, "float32_us": times[0], "float64_us": times[1]}
        )
        print(*rows[-1].values(), flush=True)
    return rows


class ByCell(nn.Module):
    """A GRU as a loop over ``nn.GRUCell``, which a compiler can see into."""

    def __init__(self, hidden):
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


def compilation():
    """Compare eager and compiled models, and time the compilation."""
    rows, steps = [], 24
    x = torch.zeros(steps, 32, 1)
    for name, build in {"nn.GRU": nn.GRU, "loop over GRUCell": None}.items():
        layer = build(1, 32) if build else ByCell(32)
        torch.compiler.reset()
        compiled = torch.compile(layer)
        start = time.perf_counter()
        training(compiled, x)()
        first = time.perf_counter() - start
        found = clocked([training(layer, x), training(compiled, x)])
        times = [microseconds(seconds, steps) for seconds in found]
        rows.append(
            {
                "layer": name,
                "eager_us": times[0],
                "compiled_us": times[1],
                "first_call_s": round(first, 2),
            }
        )
        print(*rows[-1].values(), flush=True)
    return rows


def recomputation():
    """Compare a window for each point with one stream, forwards only."""
    model, points, rows = GRUModel(hidden_size=32), 512, []
    for window in (12, 24, 48, 96, 192):
        windows = torch.zeros(points, window, 1)
        stream = torch.zeros(1, points, 1)
        with torch.no_grad():
            found = clocked(
                [lambda x=windows: model(x), lambda x=stream: model.run(x)]
            )
        rows.append(
            {
                "window": window,
                "windows_ms": round(found[0] * 1e3, 3),
                "stream_ms": round(found[1] * 1e3, 3),
            }
        )
        print(*rows[-1].values(), flush=True)
    return rows


def main():
    """Measure all, and store microseconds per time step."""
    load = load_average()
    torch.set_num_threads(1)
    parts = (layers, operations, accuracy, threads, precision)
    parts += (recomputation, compilation)
    results = {part.__name__: part() for part in parts}
    results = {"length": LENGTH, **results}
    store("speed", results, load=load, repetitions=ROUNDS * RUNS)


if __name__ == "__main__":
    main()
