"""The forecasting service under load, on loopback.

Clients in processes of their own send histories over connections that stay
open, as fast as they are answered, for a few seconds. Every answer is compared
with what the exported model says in this process. One worker and two; one
history in a request, and 32. The clients share the machine with the service.

Usage: python benchmarks/serving.py              (two minutes)
       python benchmarks/serving.py --seconds 1
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before the libraries are loaded

import argparse
import http.client
import json
import multiprocessing
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from timing import quartiles

SECONDS, MOST = 5.0, 20_000  # of a run; requests of one client at most
ROUNDS, CLIENTS = 3, 4
LENGTH, HORIZON, HIDDEN = 168, 24, 32
WORKERS, BATCHES = (1, 2), (1, 32)
QUESTIONS = 50  # that differ
CLOSE = 1e-6  # relative: batches of other sizes are rounded otherwise
SERVE = "import sys; from gru_tutorial.serving import serve; serve("
SERVE += "sys.argv[1], port=0, workers=int(sys.argv[2]))"
HEADERS = {"content-type": "application/json"}


def made(path):
    """Write an exported model; its weights were drawn."""
    import torch

    from gru_tutorial import Forecaster, GRUModel, Scaler
    from gru_tutorial.export import export_onnx

    torch.manual_seed(0)
    model = GRUModel(hidden_size=HIDDEN, horizon=HORIZON)
    export_onnx(Forecaster(model, Scaler(30.0, 5.0)), path)


@contextmanager
def running(path, workers):
    """Start the service in a process of its own; end it in any case."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(path), str(workers)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        port = int(process.stdout.readline().rpartition(":")[2])
        wait_for(port)
        yield port
        process.send_signal(signal.SIGINT)
        process.wait(20)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        process.stdout.close()


def wait_for(port, seconds=60):
    """Ask until there is an answer."""
    end = time.monotonic() + seconds
    while True:
        try:
            link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            link.request("GET", "/health")
            return link.getresponse().read()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        finally:
            link.close()


def questions(path, batch):
    """Return bodies, and the right answer of each."""
    from gru_tutorial.export import forecast_onnx, open_onnx

    rng, session, found = np.random.default_rng(batch), open_onnx(path), []
    for _ in range(QUESTIONS):
        histories = rng.normal(30, 5, (batch, LENGTH)).round(2)
        body = json.dumps({"histories": histories.tolist()})
        y_hat = forecast_onnx(session, histories[..., None], HORIZON)
        found.append((body, y_hat[..., 0]))
    return found


def client(port, asked, seconds, first):
    """Ask for some seconds; return times, and how many answers were wrong."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    times, answers = [], []
    start = time.perf_counter()
    for k in range(first, first + MOST):
        begin = time.perf_counter()
        link.request("POST", "/forecast", asked[k % QUESTIONS][0], HEADERS)
        answer = link.getresponse()
        answers.append((k, answer.status, answer.read()))
        end = time.perf_counter()
        times.append(end - begin)
        if end > start + seconds:
            break
    link.close()
    wrong = sum(
        status != 200 or not right(text, asked[k % QUESTIONS][1])
        for k, status, text in answers
    )
    return times, end - start, wrong


def right(text, expected):
    """Tell whether an answer is the right one."""
    found = np.array(json.loads(text)["forecasts"])
    same = found.shape == expected.shape
    return same and np.allclose(found, expected, rtol=CLOSE, atol=0)


def loaded(port, asked, seconds, pool):
    """Let all clients ask at once; return what came out."""
    jobs = [
        pool.submit(client, port, asked, seconds, 7 * k)
        for k in range(CLIENTS)
    ]
    parts = [job.result() for job in jobs]
    times, lasted, wrong = zip(*parts, strict=True)
    found = {"n": sum(map(len, times)), "wrong": int(sum(wrong))}
    found["rate"] = found["n"] / max(lasted)
    times = np.concatenate(times)
    found["p50"], found["p99"] = np.quantile(times, [0.5, 0.99])
    return found


def measured(path, workers, batch, seconds, pool):
    """Return the figures of one setting, over all rounds."""
    asked = questions(path, batch)
    with running(path, workers) as port:
        loaded(port, asked, min(1.0, seconds), pool)  # warm up
        rounds = [loaded(port, asked, seconds, pool) for _ in range(ROUNDS)]
    column = {key: [one[key] for one in rounds] for key in rounds[0]}
    return {
        "workers": workers,
        "histories": batch,
        "requests": sum(column["n"]),
        "wrong": sum(column["wrong"]),
        "requests_a_second": quartiles(column["rate"]),
        "p50_ms": quartiles(column["p50"], 1e-3),
        "p99_ms": quartiles(column["p99"], 1e-3),
    }


def main():
    """Measure all settings, and store."""
    from gru_tutorial.book.results import load_average, store

    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=SECONDS)
    seconds = min(parser.parse_args().seconds, 20.0)
    load, rows = load_average(), []
    fresh = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(CLIENTS, mp_context=fresh) as pool,
    ):
        path = Path(folder, "gru.onnx")
        made(path)
        for workers in WORKERS:
            for batch in BATCHES:
                row = measured(path, workers, batch, seconds, pool)
                print(row, flush=True)
                rows.append(row)
    results = {"clients": CLIENTS, "length": LENGTH, "horizon": HORIZON}
    results |= {"hidden": HIDDEN, "run_of": seconds, "cores": os.cpu_count()}
    results |= {"close": CLOSE, "rows": rows}
    store("serving", results, load=load, repetitions=ROUNDS)


if __name__ == "__main__":
    main()
