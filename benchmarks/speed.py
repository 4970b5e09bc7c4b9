"""What a recurrent layer costs, and where the time goes: chapters 7 and 11.

The only timing of a layer in the book. Every time is stored as quartiles;
layers that are compared take turns. Some parts alone are measured again, and
the others kept, if they come from the same machine and versions.

Usage: python benchmarks/speed.py            (an idle machine, half an hour)
       python benchmarks/speed.py rungs kinds
"""

import argparse
import os
import time

os.environ["OMP_NUM_THREADS"] = "1"  # but for the rows with two threads

import numba
import torch
from growth import growth, newton, newton_times, recipes, windows
from layers import (
    accuracy,
    kinds,
    lengths,
    limit,
    operations,
    precision,
    rungs,
    two_threads,
)
from timing import LENGTH, RUNS, TURNS
from unrolled import compiler

from gru_tutorial.book.results import (
    load_average,
    load_results,
    processor,
    store,
)

PARTS = {
    part.__name__: part
    for part in (
        kinds,
        two_threads,
        rungs,
        limit,
        operations,
        accuracy,
        precision,
        windows,
        lengths,
        recipes,
        newton,
        newton_times,
        growth,
        compiler,
    )
}


def measured():
    """Return what is stored, if it was measured here and now."""
    try:
        record = load_results("speed")
    except ValueError:
        return {}
    here = {"torch": version(), "machine": processor()}
    same = all(record.get(name) == value for name, value in here.items())
    return record["results"] if same else {}


def version():
    """Return PyTorch's version, as records have it."""
    return torch.__version__.split("+")[0]


def keep(name, results, load):
    """Store the results of one part beside those of the others."""
    found = {k: v for k, v in measured().items() if k in ("parts", *PARTS)}
    parts = {k: v for k, v in found.get("parts", {}).items() if k in PARTS}
    parts[name] = {"load": load, "date": time.strftime("%Y-%m-%d")}
    found |= {"length": LENGTH, "versions": {"numba": numba.__version__}}
    found |= {"parts": parts, name: results}
    highest = max(part["load"] or 0.0 for part in parts.values())
    store("speed", found, load=highest, repetitions=TURNS * RUNS)


def main():
    """Measure the parts that are asked for, or all, one after the other."""
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS])
    torch.set_num_threads(1)
    for name in parser.parse_args().parts or PARTS:
        load, start = load_average(), time.perf_counter()
        keep(name, PARTS[name](), load)
        print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
