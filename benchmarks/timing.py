"""How the scripts about speed measure a time, and the memory of a process."""

import gc
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

LENGTH = 100  # time steps of a sequence, where nothing else is said
TURNS, RUNS = 7, 3  # turns, and runs in each


class Parts(NamedTuple):
    """Seconds that a function has found itself."""

    forth: float
    back: float
    both: float


def clocked(functions, turns=TURNS, runs=RUNS):
    """Return the seconds of every run of each function; they take turns.

    A turn is a few runs in a row, of which the first is left out: it pays for
    what the function before it has done to the cache. Functions that return
    ``Parts`` have a column for each.
    """
    times = [[] for _ in functions]
    for _ in range(turns):
        for found, function in zip(times, functions, strict=True):
            function()
            found += [_seconds(function) for _ in range(runs)]
    return [np.array(found) for found in times]


def _seconds(function):
    start = time.perf_counter()
    parts = function()
    whole = time.perf_counter() - start
    return parts if isinstance(parts, Parts) else (whole,)


def quartiles(seconds, unit=1.0):
    """Return lower quartile, median and upper quartile, in a unit."""
    found = np.quantile(np.asarray(seconds) / unit, [0.25, 0.5, 0.75])
    return [float(f"{value:.4g}") for value in found]


def microseconds(seconds, steps=LENGTH):
    """Return the quartiles of the time of one step of a sequence."""
    return quartiles(seconds, 1e-6 * steps)


def forward(layer, x):
    """Return a function that runs a layer forwards, without gradients."""

    def run():
        with torch.no_grad():
            layer(x)

    return run


def training(layer, x):
    """Return a function that runs a layer there and back.

    The loss's gradient is given, so that no loss has to be computed.
    """
    with torch.no_grad():
        d_out = torch.ones_like(layer(x)[0])

    def run():
        start = time.perf_counter()
        out, _ = layer(x)
        middle = time.perf_counter()
        out.backward(d_out)
        end = time.perf_counter()
        return Parts(middle - start, end - middle, end - start)

    return run


def of_layers(layers, inputs, steps=LENGTH, turns=TURNS, runs=RUNS):
    """Return the times of a step of layers that take turns, by their names.

    ``layers`` and ``inputs`` are dictionaries with the same keys.
    """
    pairs = [(layer, inputs[name]) for name, layer in layers.items()]
    passes = [forward(*pair) for pair in pairs]
    passes += [training(*pair) for pair in pairs]
    found, rows = clocked(passes, turns, runs), {}
    for name, alone, both in zip(
        layers, found[: len(layers)], found[len(layers) :], strict=True
    ):
        parts = {"forward_us": alone[:, 0], "recorded_us": both[:, 0]}
        parts |= {"backward_us": both[:, 1], "training_us": both[:, 2]}
        rows[name] = {k: microseconds(v, steps) for k, v in parts.items()}
    return rows


def in_a_process(function, *arguments):
    """Return what a function returns that a fresh process calls."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=fresh) as pool:
        return pool.submit(function, *arguments).result()


def peak_megabytes(function):
    """Return how much memory a call needs beyond what was in use before.

    Once in a process: what it frees is not always given back.
    """
    gc.collect()
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
    function()
    return max(0.0, (_status("VmHWM") - before) / 1024)


def _status(name):
    """Return kilobytes of this process, as Linux counts them."""
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    raise RuntimeError(f"no {name} in /proc/self/status")
