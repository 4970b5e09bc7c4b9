"""Windows of 100 million rows that memory does not hold: for chapter 13.

Writes them into a temporary folder (about 700 MB), and passes over them in
fresh processes: windows, scaled by series and batched, in the files' order and
mixed. Memory is the peak of what belongs to a process
alone; libraries and other files that are mapped do not count, and are told
apart. Training on the same stream is timed for itself.

Usage: python benchmarks/rows.py                  (three minutes)
       python benchmarks/rows.py --rows 1000000   (nothing is stored)
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before the libraries are loaded

import argparse
import contextlib
import shutil
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from pyarrow import parquet
from timing import in_a_process, quartiles

from gru_tutorial import GRUModel, Recipe, Run
from gru_tutorial.book.results import load_average, store
from gru_tutorial.parquet import ParquetWindows

ROWS = 100_000_000
LENGTH = 1000  # rows of a series
GROUP = 1_000_000  # rows of a row group: 1,000 series
FILES = 4
WINDOW, BATCH, MIXED = 24, 256, 4
HIDDEN, UPDATES = 32, 100
TURNS = 3
SPACE = 2  # times the bytes of the rows, free on the disk before


def check_space(folder, rows):
    """Refuse to begin where the disk would fill up."""
    needed, free = SPACE * 12 * rows, shutil.disk_usage(folder).free
    if free < needed:
        raise SystemExit(
            f"{folder}: expected {needed / 1e9:.1f} GB of free space, got "
            f"{free / 1e9:.1f} GB"
        )


def write(folder, rows, length=LENGTH, group=GROUP, files=FILES):
    """Write series with a cycle and noise, one row group at a time."""
    rng = np.random.default_rng(0)
    schema = pa.schema(
        [("series", pa.int32()), ("time", pa.int32()), ("value", pa.float32())]
    )
    t = np.arange(length, dtype=np.int32)
    per_group, groups = group // length, rows // group
    for file in range(files):
        path = Path(folder, f"part-{file}.parquet")
        mine = range(groups)[file::files]
        with parquet.ParquetWriter(path, schema) as writer:
            for number in mine:
                first = number * per_group
                series = np.arange(first, first + per_group, dtype=np.int32)
                table = pa.table(
                    [
                        np.repeat(series, length),
                        np.tile(t, per_group),
                        values_of(series, t, rng),
                    ],
                    schema=schema,
                )
                writer.write_table(table, row_group_size=group)


def values_of(series, t, rng):
    """Return values of series that differ in level, period and size."""
    level = rng.normal(100, 30, (len(series), 1))
    period = rng.uniform(6, 24, (len(series), 1))
    size = rng.uniform(1, 10, (len(series), 1))
    values = level + size * np.sin(2 * np.pi * t / period)
    noise = rng.standard_normal(values.shape, dtype=np.float32)
    return (values + size / 2 * noise).astype(np.float32).ravel()


@contextlib.contextmanager
def watched():
    """Yield a list; at the end it holds the peak of a process's own memory.

    It is looked at twenty times a second.
    """
    peak, end = [megabytes("RssAnon")], threading.Event()

    def watch():
        while not end.wait(0.05):
            peak[0] = max(peak[0], megabytes("RssAnon"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        end.set()
        watcher.join()


def megabytes(name):
    """Return a size of this process, as Linux counts it."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    found = next(line for line in lines if line.startswith(f"{name}:"))
    return int(found.split()[1]) / 1024


def read(folder, shuffle):
    """Pass over all windows once, in this process."""
    torch.set_num_threads(1)
    with watched() as peak:
        before = peak[0]
        start, used = time.perf_counter(), time.process_time()
        windows = ParquetWindows(
            folder, WINDOW, batch_size=BATCH, shuffle=shuffle
        )
        ready = time.perf_counter()
        count = batches = 0
        total = torch.zeros((), dtype=torch.float64)
        for X, y in windows:
            count, batches = count + len(X), batches + 1
            total += y.sum()
        end, used = time.perf_counter(), time.process_time() - used
    return {
        "index_s": round(ready - start, 3),
        "pass_s": round(end - ready, 3),
        "cpu_s": round(used, 3),
        "windows": count,
        "batches": batches,
        "expected": [windows.windows, len(windows)],
        "mean_label": float(f"{total.item() / count:.3g}"),
        "own_mb": round(peak[0]),
        "own_before_mb": round(before),
        "with_mapped_mb": round(megabytes("VmHWM")),
    }


def train(folder, fast):
    """Train a GRU on the first batches of a pass; return rows a second."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    windows = ParquetWindows(folder, WINDOW, batch_size=BATCH, shuffle=MIXED)
    model = GRUModel(hidden_size=HIDDEN, fast=fast)
    run = Run(model, windows, None, Recipe(lr=0.003, num_epochs=1))
    batches = windows.batches()
    for _ in range(3):  # reads the first row groups, too
        run.update(*next(batches))
    start = time.perf_counter()
    for _ in range(UPDATES):
        run.update(*next(batches))
    return UPDATES * BATCH / (time.perf_counter() - start)


def measured(folder, turns=TURNS):
    """Return all that is stored of rows that are written."""
    found = {}
    for name, shuffle in (("in order", 0), ("shuffled", MIXED)):
        runs = [in_a_process(read, folder, shuffle) for _ in range(turns)]
        print(name, *runs, sep="\n", flush=True)
        for run in runs:
            if [run["windows"], run["batches"]] != run.pop("expected"):
                raise SystemExit(f"{name}: expected {run} to be complete")
        found[name] = {
            **{
                key: quartiles([run[key] for run in runs])
                for key in ("index_s", "pass_s", "cpu_s")
            },
            **{
                key: max(run[key] for run in runs)
                for key in ("own_mb", "own_before_mb", "with_mapped_mb")
            },
            **{k: runs[0][k] for k in ("windows", "batches", "mean_label")},
        }
    for name, fast in (("nn.GRU", False), ("ExactGRU", True)):
        speeds = [in_a_process(train, folder, fast) for _ in range(turns)]
        found[f"training, {name}"] = {"rows_per_second": quartiles(speeds)}
        print(name, *speeds, flush=True)
    return found


def main():
    """Write, pass over, train, and remove."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    rows = parser.parse_args().rows
    load = load_average()
    with tempfile.TemporaryDirectory() as folder:
        check_space(folder, rows)
        start = time.perf_counter()
        write(folder, rows)
        print(f"written in {time.perf_counter() - start:.0f} s", flush=True)
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
        found = measured(folder)
    found = {
        "rows": rows,
        "row_group": GROUP,
        "length": LENGTH,
        "window": WINDOW,
        "batch": BATCH,
        "mixed": MIXED,
        "hidden": HIDDEN,
        "updates": UPDATES,
        "files_mb": round(size / 1e6),
        "versions": {"pyarrow": pa.__version__},
        "passes": found,
    }
    if rows == ROWS:
        store("rows", found, load=load, repetitions=TURNS)


if __name__ == "__main__":
    main()
