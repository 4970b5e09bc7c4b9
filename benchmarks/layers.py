"""Times of a step of recurrent layers, for ``speed.py``."""

import contextlib
import copy

import torch
from timing import (
    LENGTH,
    TURNS,
    clocked,
    microseconds,
    of_layers,
    quartiles,
    training,
)
from torch import nn
from torch.profiler import ProfilerActivity, profile

from gru_tutorial import exact as by_hand
from gru_tutorial.compiled import CompiledGRU
from gru_tutorial.exact import ExactGRU
from gru_tutorial.memory import size_for
from gru_tutorial.mingru import MinGRU
from gru_tutorial.model import count_parameters

KINDS = {
    "RNN": lambda h: nn.RNN(1, h, batch_first=True),
    "LSTM": lambda h: nn.LSTM(1, h, batch_first=True),
    "GRU": lambda h: nn.GRU(1, h, batch_first=True),
    "minGRU": lambda h: MinGRU(1, h),
    "minGRU, loop": lambda h: MinGRU(1, h, parallel=False),
}
UNITS, PARAMETERS = (8, 16, 32, 64, 128, 256), 3000
LENGTHS, UNITS_OF_LENGTHS = (16, 64, 256, 1024, 4096), 32
HIDDEN, BATCHES = (8, 16, 32, 64, 128), (1, 4, 16, 64, 256)
SEEDS = range(5)


def race_size(kind):
    """Return the units with which chapter 7 races a kind of network."""
    return size_for(kind.partition(",")[0], 2, PARAMETERS)


def of_kinds(sizes, batch, length, threads=1, turns=TURNS, runs=3):
    """Measure a layer of every kind, with a size for each."""
    layers = {kind: make(sizes[kind]) for kind, make in KINDS.items()}
    torch.set_num_threads(threads)
    inputs = dict.fromkeys(KINDS, torch.zeros(batch, length, 1))
    times = of_layers(layers, inputs, length, turns, runs)
    torch.set_num_threads(1)
    rows = [
        {
            "layer": kind,
            "hidden": sizes[kind],
            "parameters": count_parameters(layer),
            "batch": batch,
            "length": length,
            "threads": threads,
            **times[kind],
        }
        for kind, layer in layers.items()
    ]
    for row in rows:
        print(*row.values(), flush=True)
    return rows


def by_size(units):
    """Return the two ways to compare: of equal units, and parameters."""
    found = [("units", dict.fromkeys(KINDS, hidden)) for hidden in units]
    return [*found, ("parameters", {kind: race_size(kind) for kind in KINDS})]


def kinds(threads=1):
    """Compare RNN, LSTM, GRU and minGRU."""
    return [
        {"equal": equal, **row}
        for equal, sizes in by_size(UNITS)
        for row in of_kinds(sizes, 32, LENGTH, threads)
    ]


def two_threads():
    """Compare them when two threads share the work."""
    return kinds(2)


def lengths():
    """Compare them against the length of the sequence."""
    return [
        {"equal": equal, **row}
        for batch in (1, 8)
        for equal, sizes in by_size([UNITS_OF_LENGTHS])
        for length in LENGTHS
        for row in of_kinds(
            sizes, batch, length, 1, 3, 1 if length > 256 else 4
        )
    ]


@contextlib.contextmanager
def whatever_the_size(modules):
    """Let layers do all batches themselves."""
    kept = [module.MAX_STATES for module in modules]
    for module in modules:
        module.MAX_STATES = 10**9
    yield
    for module, limit in zip(modules, kept, strict=True):
        module.MAX_STATES = limit


class Always(nn.Module):
    """A layer by hand that never hands over to ``nn.GRU``."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        """Run it."""
        with whatever_the_size([by_hand]):
            return self.layer(x)


def three_rungs(gru):
    """Return PyTorch's layer, and what shares its weights."""
    return {
        "nn.GRU": gru,
        "ExactGRU": ExactGRU.of(gru),
        "ExactGRU, always": Always(ExactGRU.of(gru)),
        "compiled": CompiledGRU.of(gru),
    }


def rungs():
    """Compare nn.GRU, the backward pass by hand, and the compiled kernel.

    All sizes take turns, too, as the page compares them with each other.
    """
    layers, inputs = {}, {}
    for hidden in HIDDEN:
        for batch in BATCHES:
            for name, layer in three_rungs(nn.GRU(1, hidden)).items():
                layers[name, hidden, batch] = layer
                inputs[name, hidden, batch] = torch.zeros(LENGTH, batch, 1)
    rows = []
    for key, found in of_layers(layers, inputs).items():
        row = dict(zip(("layer", "hidden", "batch"), key, strict=True))
        rows.append({**row, **found})
        medians = [value[1] for value in found.values()]
        print(*row.values(), *medians, flush=True)
    return rows


def products(hidden, batch):
    """Return a function that does the matrix products of a training step.

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


def floating_operations(hidden, batch):
    """Count the products and sums in the matrix products of a step.

    Each weight of a step's two matrices, 3 H (H + 1) of them with one input,
    is in one product and one sum forwards, and as many for its own gradient;
    those from the state, 3 H H, also for the gradient of the state.
    """
    return batch * (4 * 3 * hidden * (hidden + 1) + 2 * 3 * hidden**2)


def limit(size=2048):
    """Measure the products alone, calls that do next to nothing, the peak."""
    A = torch.randn(size, size)
    (found,) = clocked([lambda: torch.mm(A, A)], 5, 3)
    rates = 2 * size**3 / found[:, 0] / 1e9
    rows = []
    for hidden in HIDDEN:
        for batch in BATCHES:
            calls = [products(hidden, batch), products(1, 1)]
            times = [microseconds(seconds) for seconds in clocked(calls)]
            operations = floating_operations(hidden, batch)
            row = {"hidden": hidden, "batch": batch}
            row |= {"products_us": times[0], "empty_us": times[1]}
            rows.append(row | {"megaflops": operations / 1e6})
            print(*rows[-1].values(), flush=True)
    best = float(f"{rates.max():.4g}")
    return {
        "peak_size": size,
        "peak_gflops": best,
        "peak_range": quartiles(rates),
        "rows": rows,
    }


def operations():
    """Count PyTorch's operator calls in each step of a sequence."""

    def count(layer, steps):
        run = training(layer, torch.zeros(steps, 16, 1))
        with profile(activities=[ProfilerActivity.CPU]) as found:
            run()
        return sum(event.count for event in found.key_averages())

    found = {}
    for name, layer in three_rungs(nn.GRU(1, 32)).items():
        short, long = count(layer, LENGTH), count(layer, 2 * LENGTH)
        found[name] = round((long - short) / LENGTH, 1)
    del found["ExactGRU, always"]
    print(found)
    return found


def accuracy():
    """Compare gradients in float32 with autograd's in float64.

    The largest error of an entry, relative to the largest entry, of the worst
    of the four weights.
    """
    sizes = ((16, 16), (32, 16), (64, 64), (16, 256))
    return [
        {"hidden": hidden, "batch": batch, "seed": seed}
        | errors(hidden, batch, seed)
        for hidden, batch in sizes
        for seed in SEEDS
    ]


def errors(hidden, batch, seed):
    """Return the largest error of each layer's gradient in float32."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(LENGTH, batch, 1, generator=generator)
    torch.manual_seed(seed)
    layers = three_rungs(nn.GRU(1, hidden))
    exact = gradients(copy.deepcopy(layers["nn.GRU"]).double(), x.double())
    names = {"nn.GRU": "torch", "ExactGRU": "exact", "compiled": "compiled"}
    found = {}
    for name, short in names.items():
        pairs = zip(gradients(layers[name], x), exact, strict=True)
        error = max((a - b).abs().max() / b.abs().max() for a, b in pairs)
        found[f"{short}_error"] = float(f"{float(error):.2g}")
    print(hidden, batch, seed, *found.values())
    return found


def gradients(layer, x):
    """Return the gradients of a loss with respect to the weights."""
    loss = layer(x)[0].square().mean()
    return torch.autograd.grad(loss, layer.parameters())


def precision():
    """Compare float32 and float64."""
    rows = []
    for hidden in UNITS:
        single, double = nn.GRU(1, hidden), nn.GRU(1, hidden).double()
        x = torch.zeros(LENGTH, 32, 1)
        found = clocked([training(single, x), training(double, x.double())])
        times = [microseconds(seconds[:, 2]) for seconds in found]
        row = {"hidden": hidden, "batch": 32}
        row |= {"float32_us": times[0], "float64_us": times[1]}
        rows.append(row)
        print(*rows[-1].values(), flush=True)
    return rows
