"""What an exported forecaster costs: bytes, and microseconds of a step.

The same forecaster of one GRU layer, in units, with its state carried along,
by five engines that take turns in fresh processes, one thread each: PyTorch,
a program of ``torch.export``, ONNX Runtime, the book's NumPy cell with its
checks, and NumPy without any. One series over 100 steps, one step a call,
and 16 series over 100 steps. And which axes PyTorch's exporter leaves free
when one process exports again.

Usage: python benchmarks/export.py            (an idle machine, four minutes)
       python benchmarks/export.py latency
"""

import argparse
import io
import os
import tempfile
import time
import warnings
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import onnx
import onnxruntime
import torch
from timing import clocked, in_a_process, quartiles
from torch import nn

from gru_tutorial import Forecaster, GRUModel, GRUWeights, Scaler
from gru_tutorial.book.results import (
    load_average,
    load_results,
    processor,
    store,
)
from gru_tutorial.cell import gru_step
from gru_tutorial.export import (
    export_step,
    exported_twice,
    onnx_model,
    open_onnx,
    trace_onnx,
)

HIDDEN, MEAN, STD = 16, 50.0, 12.0
CASES = {  # name: batch, steps a call, calls of one run
    "one series, 100 steps a call": (1, 100, 5),
    "one series, one step a call": (1, 1, 100),
    "16 series, 100 steps a call": (16, 100, 5),
}
PROCESSES, TURNS, RUNS = 5, 5, 3


def make_forecaster():
    """Return the forecaster: its weights make no difference to the clock."""
    torch.manual_seed(0)
    return Forecaster(GRUModel(hidden_size=HIDDEN), Scaler(MEAN, STD))


class Whole(nn.Module):
    """A forecaster's numbers in PyTorch: units in, state in, and both out."""

    def __init__(self, model):
        super().__init__()
        self.gru, self.linear = model.gru, model.linear

    def forward(self, x, state):
        """Return the forecast after the last step, and the state."""
        out, state = self.gru(((x - MEAN) / STD).float(), state)
        return self.linear(out[:, -1]).double() * STD + MEAN, state


def with_module(module, x):
    """Return a function that forecasts from ``x`` by a PyTorch module."""
    x = torch.from_numpy(x)
    state = [torch.zeros(1, len(x), HIDDEN)]

    def call():
        with torch.no_grad():
            y_hat, state[0] = module(x, state[0])
        return y_hat

    return call


def by_eager(forecaster, x):
    """Forecast by PyTorch, operation by operation."""
    return with_module(Whole(forecaster.model).eval(), x)


def by_program(forecaster, x):
    """Forecast by a program of ``torch.export``, made for these shapes."""
    parts = torch.from_numpy(x), torch.zeros(1, len(x), HIDDEN)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        program = torch.export.export(Whole(forecaster.model).eval(), parts)
    return with_module(program.module(), x)


def by_onnx(forecaster, x):
    """Forecast by ONNX Runtime."""
    session = open_onnx(onnx_model(forecaster).SerializeToString())
    names, feeds = ["forecast", "new_state"], {"history": x}
    feeds["state"] = np.zeros((1, len(x), HIDDEN), np.float32)

    def call():
        y_hat, feeds["state"] = session.run(names, feeds)
        return y_hat

    return call


def checked_step(weights):
    """Return a step of the book's cell."""
    return lambda x, h: gru_step(x, h, weights).h


def bare_step(weights):
    """Return a step that looks at nothing, in float32."""
    W, R, b, c = weights
    W, R, b = W.T.copy(), R.T.copy(), b.copy()
    rest = c[2 * HIDDEN :].copy()
    b[: 2 * HIDDEN] += c[: 2 * HIDDEN]
    cut = 2 * HIDDEN

    def step(x, h):
        a, s = x @ W + b, h @ R
        gates = 1 / (1 + np.exp(-a[:, :cut] - s[:, :cut]))
        r, z = gates[:, :HIDDEN], gates[:, HIDDEN:]
        n = np.tanh(a[:, cut:] + r * (s[:, cut:] + rest))
        return n + z * (h - n)

    return step


def by_numpy(make_step, forecaster, x):
    """Forecast by NumPy."""
    model = forecaster.model
    step = make_step(GRUWeights.of(model.gru))
    read = model.linear.weight.detach().numpy().T.copy()
    bias = model.linear.bias.detach().numpy()
    state = [np.zeros((len(x), HIDDEN), np.float32)]

    def call():
        h = state[0]
        scaled = ((x - MEAN) / STD).astype(np.float32)
        for t in range(x.shape[1]):
            h = step(scaled[:, t], h)
        state[0] = h
        return (h @ read + bias) * STD + MEAN

    return call


ENGINES = {
    "PyTorch": by_eager,
    "torch.export": by_program,
    "ONNX Runtime": by_onnx,
    "NumPy cell": lambda *parts: by_numpy(checked_step, *parts),
    "NumPy, no checks": lambda *parts: by_numpy(bare_step, *parts),
}


def repeated(call, calls):
    """Return a function that calls so often."""

    def run():
        for _ in range(calls):
            call()

    return run


def of_case(case, turns, runs):
    """Return the seconds of a step by engine: all runs, which take turns."""
    batch, steps, calls = CASES[case]
    rng = np.random.default_rng(0)
    x = MEAN + STD * rng.standard_normal((batch, steps, 1))
    ready = {k: make(make_forecaster(), x) for k, make in ENGINES.items()}
    first = {name: np.asarray(call()).ravel() for name, call in ready.items()}
    for y_hat in first.values():
        np.testing.assert_allclose(y_hat, first["PyTorch"], atol=1e-5 * STD)
    found = clocked([repeated(c, calls) for c in ready.values()], turns, runs)
    return {
        name: seconds[:, 0] / (calls * steps)
        for name, seconds in zip(ready, found, strict=True)
    }


def all_cases(turns, runs):
    """Return the seconds of a step by case and engine, in one process."""
    torch.set_num_threads(1)
    return {case: of_case(case, turns, runs) for case in CASES}


def latency(processes=PROCESSES, turns=TURNS, runs=RUNS):
    """Return the quartiles of a step's time, and gains by process."""
    rows = []
    found = [in_a_process(all_cases, turns, runs) for _ in range(processes)]
    for case, (batch, steps, _) in CASES.items():
        base = [np.median(one[case]["PyTorch"]) for one in found]
        for name in ENGINES:
            own = [np.median(one[case][name]) for one in found]
            every = np.concatenate([one[case][name] for one in found])
            gains = [a / b for a, b in zip(base, own, strict=True)]
            rows.append(
                {
                    "case": case,
                    "engine": name,
                    "batch": batch,
                    "steps": steps,
                    "step_us": quartiles(every, 1e-6),
                    "times_pytorch": [float(f"{g:.3g}") for g in gains],
                }
            )
            print(rows[-1], flush=True)
    return rows


def sizes():
    """Return bytes of the same forecaster in files of all kinds."""
    forecaster = make_forecaster()
    found = {
        "weights": 4 * sum(p.numel() for p in forecaster.model.parameters())
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "gru")
        for kind, write in {
            "Forecaster.save": forecaster.save,
            "Forecaster.export": forecaster.export,
            "PyTorch's exporter": lambda p: trace_onnx(forecaster.model, p),
        }.items():
            write(path)
            found[kind] = path.stat().st_size
    memory = io.BytesIO()
    torch.export.save(export_step(forecaster), memory)
    found["torch.export"] = len(memory.getvalue())
    return found


def again(times=3):
    """Return the axes of several exports in one process, by what is asked."""
    asked = "named", "auto", "dynamic"
    return {name: exported_twice(name, times, 900)["axes"] for name in asked}


PARTS = {part.__name__: part for part in (latency, sizes, again)}


def versions():
    """Return the versions of what is compared."""
    return {
        "onnx": onnx.__version__,
        "onnxruntime": onnxruntime.__version__,
        "torch": torch.__version__.split("+")[0],
    }


def measured():
    """Return what is stored, if it was measured here, with these versions."""
    try:
        record = load_results("export")
    except ValueError:
        return {}
    results, here = record["results"], processor()
    same = record["machine"] == here and results["versions"] == versions()
    return results if same else {}


def keep(name, results, load):
    """Store the results of one part beside those of the others."""
    found = {k: v for k, v in measured().items() if k in ("parts", *PARTS)}
    parts = found.get("parts", {})
    parts[name] = {"load": load, "date": time.strftime("%Y-%m-%d")}
    found |= {"hidden": HIDDEN, "versions": versions()}
    found |= {"parts": parts, name: results}
    highest = max(part["load"] or 0.0 for part in parts.values())
    store("export", found, load=highest, repetitions=PROCESSES * TURNS * RUNS)


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
