"""How the scripts about speed measure a time."""

import statistics
import time

LENGTH, ROUNDS, RUNS = 100, 9, 4  # time steps; turns, and runs in each


def clocked(functions, rounds=ROUNDS, runs=RUNS):
    """Return the median seconds of each function; they take turns.

    A turn is a few runs in a row, of which the first is left out: it pays for
    what the function before it has done to the cache.
    """
    times = [[] for _ in functions]
    for _ in range(rounds):
        for found, function in zip(times, functions, strict=True):
            function()
            for _ in range(runs):
                start = time.perf_counter()
                function()
                found.append(time.perf_counter() - start)
    return [statistics.median(found) for found in times]


def microseconds(seconds, steps=LENGTH):
    """Return the time of one step of a sequence, for the tables."""
    return round(seconds / steps * 1e6, 2)


def training(layer, x):
    """Return a function that runs a layer forwards and backwards."""

    def run():
        out, _ = layer(x)
        out.square().mean().backward()

    return run
