"""A forecaster that takes in one value at a time: what it costs, and drift.

memory   resident memory along 1,000,000 steps of a state that is carried,
         and as many of the exported model; 100,000 of a window
latency  how long a step takes, in percentiles
kept     a state that another process goes on from: to the bit?
drift    how many values lie inside a band before and after the noise has
         doubled, of a fixed band and of an adaptive one; ten seeds

Some parts alone are measured again, and the others kept.

Usage: python benchmarks/streaming.py              (a quarter of an hour)
       python benchmarks/streaming.py latency drift     (a minute)
       python benchmarks/streaming.py memory --steps 20000
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before the libraries are loaded

import argparse
import multiprocessing
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from timing import quartiles

from gru_tutorial import (
    QUICK,
    AdaptiveBand,
    Forecaster,
    GRUModel,
    Scaler,
    SplitConformal,
    make_series,
)
from gru_tutorial.book.results import load_average, load_results, store
from gru_tutorial.export import export_onnx, open_onnx
from gru_tutorial.stream import Stream

STEPS, MARKS = 1_000_000, 20  # of the long run; how often memory is read
WINDOW, HIDDEN = 24, 16
TURNS, RUN = 7, 2000  # of the latencies: turns, and steps in each
SEEDS, LEVEL, RATE = range(10), 0.9, 0.02
TRAIN, CALIBRATED, BEFORE, AFTER = 800, 300, 1000, 1000
SHIFT = 2.0  # how many times as large the noise becomes
SMOOTH = 100  # steps over which the drawn coverage is a mean


def forecaster(window=None):
    """Return one with weights that were drawn: time does not depend on it."""
    torch.manual_seed(0)
    return Forecaster(GRUModel(hidden_size=HIDDEN), Scaler(2.0, 1.2), window)


def exported(folder):
    """Return a function that takes in a value, by ONNX Runtime."""
    path = Path(folder, "gru.onnx")
    export_onnx(forecaster(), path)
    session, feeds = open_onnx(path), {}
    outputs = ["forecast", "new_state"]

    def update(value):
        feeds["history"] = np.full((1, 1, 1), value)
        y_hat, feeds["state"] = session.run(outputs, feeds)
        return y_hat

    return update


def kinds(folder):
    """Return what takes in a value, by name."""
    past = make_series().values
    return {
        "state carried": forecaster().stream(past).update,
        "window of 24": forecaster(WINDOW).stream(past).update,
        "exported, state carried": exported(folder),
    }


def resident():
    """Return the kilobytes of this process that are in memory."""
    pages = Path("/proc/self/statm").read_text("ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE") // 1024


def along(name, steps):
    """Return resident memory along a stream, in a process of its own."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        update = kinds(folder)[name]
        for value in rng.standard_normal(1000):  # what is made once
            update(value)
        found = [resident()]
        for _ in range(MARKS):
            for value in rng.standard_normal(steps // MARKS):
                update(value)
            found.append(resident())
    return {"kind": name, "steps": steps, "resident_kb": found}


def in_a_process(function, *arguments):
    """Return what a function returns that a fresh process calls."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=fresh) as pool:
        return pool.submit(function, *arguments).result()


def memory(steps):
    """Return memory along the long run of each kind."""
    with tempfile.TemporaryDirectory() as folder:
        names = list(kinds(folder))
    return [
        in_a_process(along, name, steps // 10 if "window" in name else steps)
        for name in names
    ]


def latency(steps):
    """Return percentiles of a step's time; kinds take turns."""
    del steps
    rng, found = np.random.default_rng(0), {}
    with tempfile.TemporaryDirectory() as folder:
        updates = kinds(folder)
        for _ in range(TURNS):
            for name, update in updates.items():
                times = np.empty(RUN)
                for k, value in enumerate(rng.standard_normal(RUN)):
                    begin = time.perf_counter()
                    update(value)
                    times[k] = time.perf_counter() - begin
                found.setdefault(name, []).append(times[RUN // 10 :])
    rows = []
    for name, times in found.items():
        parts = np.quantile(times, [0.5, 0.99], axis=1)
        p50, p99 = (quartiles(part, 1e-6) for part in parts)
        rows.append({"kind": name, "p50_us": p50, "p99_us": p99})
    return rows


def go_on(folder, values):
    """Return the forecasts of a stream that a file holds, as text."""
    torch.set_num_threads(1)
    owner = Forecaster.load(Path(folder, "gru.pt"))
    stream = Stream.load(Path(folder, "stream.pt"), owner)
    return [float(stream.update(value)[0]).hex() for value in values]


def kept(steps):
    """Return whether another process goes on to the bit, and a file's size."""
    del steps
    values, rows = make_series(seed=1).values, []
    for name, window in (("state carried", None), ("window of 24", WINDOW)):
        owner = forecaster(window)
        with tempfile.TemporaryDirectory() as folder:
            owner.save(Path(folder, "gru.pt"))
            stream = owner.stream(values[:400])
            stream.save(Path(folder, "stream.pt"))
            size = Path(folder, "stream.pt").stat().st_size
            found = in_a_process(go_on, folder, values[400:])
        expected = [float(stream.update(v)[0]).hex() for v in values[400:]]
        same = int(np.count_nonzero(np.equal(found, expected)))
        row = {"kind": name, "bytes": size, "steps": len(found)}
        rows.append(row | {"equal_to_the_bit": same})
    return rows


def drifting(seed):
    """Return a series whose noise grows, once training is over."""
    begin = TRAIN + CALIBRATED + BEFORE
    series = make_series(begin + AFTER, seed=seed)
    noise = series.values - series.clean
    noise[begin:] *= SHIFT
    return series.clean + noise


def bands(y, y_hat, residuals):
    """Return which values are outside, and half the widths, by band."""
    fixed = SplitConformal(LEVEL).fit(residuals[:, None]).radius[0]
    found = {"fixed": (abs(y - y_hat) > fixed, np.full(len(y), fixed))}
    band, missed, radii = AdaptiveBand(residuals, LEVEL, RATE), [], []
    for value, forecast in zip(y, y_hat, strict=True):
        radii.append(band.radius)
        missed.append(band.update(value, forecast))
    return found | {"adaptive": (np.array(missed), np.array(radii))}


PARTS_OF_DRIFT = {
    "before": slice(0, BEFORE),
    "first 100 after": slice(BEFORE, BEFORE + 100),
    "after": slice(BEFORE, None),
    "last 500 after": slice(-500, None),
}


def drift(steps):
    """Return the coverage of each seed and part, and a curve to draw."""
    del steps
    runs, curves = [], {"fixed": 0.0, "adaptive": 0.0}
    for seed in SEEDS:
        values = drifting(seed)
        torch.manual_seed(seed)
        gru = Forecaster(GRUModel(hidden_size=32, horizon=4))
        gru.fit(values[:TRAIN], QUICK.but(seed=seed))
        y, y_hat = values[TRAIN:], gru.one_step(values, TRAIN)
        residuals = (y - y_hat)[:CALIBRATED]
        found = bands(y[CALIBRATED:], y_hat[CALIBRATED:], residuals)
        run = {"seed": seed}
        for name, (missed, radii) in found.items():
            inside = np.convolve(~missed, np.ones(SMOOTH) / SMOOTH, "valid")
            curves[name] = curves[name] + inside[::10] / len(SEEDS)
            run[name] = {
                part: {
                    "coverage": round(1 - float(missed[at].mean()), 4),
                    "width": float(f"{2 * np.median(radii[at]):.4g}"),
                }
                for part, at in PARTS_OF_DRIFT.items()
            }
        runs.append(run)
    curves = {k: np.round(v, 4).tolist() for k, v in curves.items()}
    settings = {"level": LEVEL, "rate": RATE, "shift": SHIFT, "every": 10}
    sizes = {"before": BEFORE, "after": AFTER, "smooth": SMOOTH}
    return {**settings, **sizes, "runs": runs, "curves": curves}


PARTS = {part.__name__: part for part in (latency, kept, drift, memory)}


def keep(name, found, load):
    """Store one part beside the others."""
    try:
        results = load_results("streaming")["results"]
    except ValueError:
        results = {"parts": {}}
    parts = results["parts"] | {
        name: {"load": load, "date": time.strftime("%Y-%m-%d")}
    }
    highest = max(part["load"] or 0.0 for part in parts.values())
    results |= {"parts": parts, name: found}
    store("streaming", results, load=highest, repetitions=TURNS)


def main():
    """Measure the parts that are asked for, or all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS])
    parser.add_argument("--steps", type=int, default=STEPS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    for name in asked.parts or PARTS:
        load, start = load_average(), time.perf_counter()
        keep(name, PARTS[name](asked.steps), load)
        print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
