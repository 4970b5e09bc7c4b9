"""Several processes, and what befalls them: the last chapter's figures.

Two processes against one; workers killed at every kind of moment, with a
whole checkpoint and with a snapshot of weights and epoch alone; two hosts of
which one loses its network for ten seconds; samples a second. Some parts
alone are measured again, and the others kept.

Usage: python benchmarks/distributed.py            (six minutes; Linux, root)
       python benchmarks/distributed.py kills network
"""

import argparse
import json
import sys
import tempfile
import time

import numpy as np
import torch
import torch.distributed as dist
from hosts import ADDRESSES, TwoHosts, missing
from timing import quartiles
from workers import (
    PLACES,
    Job,
    difference,
    end_of,
    finish,
    launch,
    lives_of,
    run_job,
    torchrun,
    work,
)

from gru_tutorial import GRUModel, Recipe, count_parameters, make_loader
from gru_tutorial.book.results import load_average, load_results, store
from gru_tutorial.distributed import SharedRun, joined, place

SEEDS = (0, 1, 2)
LOST = 10  # seconds without a network
PATIENCE = {"patient": 60.0, "impatient": 3.0}  # of one exchange, in seconds
ROUNDS, EPOCHS = 3, 6  # launches that take turns, and timed epochs in each
MODELS = {  # units, layers, windows, batch
    "small": (16, 1, 1024, 64),
    "larger": (128, 2, 512, 128),
}
MESSAGES = (1_000, 100_000, 1_000_000)  # numbers in an exchange


def equality(folder):
    """Compare two processes with one, and one with a plain ``Run``."""
    rows = []
    for seed in SEEDS:
        jobs = [Job(folder, f"eq{n}-{seed}", seed, 30) for n in (1, 2)]
        one, two = (run_job(job, n) for n, job in enumerate(jobs, 1))
        losses = np.subtract(one["valid_loss"], two["valid_loss"])
        row = {"seed": seed, "updates": 30 * 5}
        row["weights"] = difference(one, two)
        row["valid loss"] = float(np.abs(losses).max())
        rows.append(row)
    return {"runs": rows}


def moments(seed):
    """Return a fault for each life, the last one at any time."""
    rng = np.random.default_rng(seed)
    found = []
    for where in PLACES:
        worker = 0 if "file" in where else int(rng.integers(2))
        call = int(rng.integers(*((2, 4) if "file" in where else (6, 15))))
        found.append((where, worker, call))
    return [*found, ("at any time", 1, round(rng.uniform(0, 0.5), 3))]


def kills(folder):
    """Kill one run after another, six times each; then the control, once."""
    rows = []
    for seed in SEEDS:
        same = {"seed": seed, "epochs": 30, "dropout": 0.2, "pause": 0.02}
        calm = run_job(Job(folder, f"calm-{seed}", **same))
        faults = moments(seed)
        job = Job(folder, f"killed-{seed}", faults=faults, **same)
        killed = run_job(job, restarts=len(faults))
        fault = ("before the optimiser's step", 1, 5 * 14 + 3)
        part = Job(folder, f"part-{seed}", whole=False, faults=[fault], **same)
        control = run_job(part, restarts=1)
        start = Job(folder, f"start-{seed}", **same | {"epochs": 1})
        rows.append(
            {
                "seed": seed,
                "faults": [list(fault) for fault in faults],
                "epochs done when a life began": lives_of(job),
                "weights": difference(calm, killed),
                "same losses": calm["valid_loss"] == killed["valid_loss"],
                "snapshot's lives": lives_of(part),
                "snapshot's weights": difference(calm, control),
                "snapshot's last loss": control["valid_loss"][-1],
                "last loss": calm["valid_loss"][-1],
                "learned": difference(calm, run_job(start)),
            }
        )
    return {"runs": rows}


def network(folder):
    """Pull the cable between two hosts for ten seconds, in two ways."""
    reason = missing()
    if reason:
        raise SystemExit(reason)
    rows = []
    for name, timeout in PATIENCE.items():
        same = {"epochs": 150, "pause": 0.02, "timeout": timeout}
        calm = run_job(Job(folder, f"calm-{name}", **same))
        job = Job(folder, f"lost-{name}", **same)
        row = {"timeout": timeout, "lost": LOST} | lose_network(job, LOST)
        row["epochs done when a life began"] = lives_of(job)
        row["weights"] = difference(calm, end_of(job))
        rows.append(row)
    return {"runs": rows}


def lose_network(job, seconds, restarts=3, limit=200):
    """Run a job on two hosts, one of which loses its network for a while.

    Returns when the last epoch before was saved, and the next one after it,
    in seconds from the loss.
    """
    with TwoHosts(job.folder) as hosts:
        processes = []
        try:
            for host in (0, 1):
                command = torchrun(job, *meeting(host, restarts))
                processes.append(launch(hosts.on(host, command)))
            wait_for(job, lambda age: age is not None, limit)
            time.sleep(0.5)
            hosts.set_cable("down")
            lost = time.time()
            time.sleep(seconds)
            last = job.file("kept").stat().st_mtime - lost
            hosts.set_cable("up")
            wait_for(job, lambda saved: saved > lost + seconds, limit)
            stall = job.file("kept").stat().st_mtime - lost
            for process in processes:
                finish(process, limit)
        finally:
            for process in processes:
                process.kill()  # nothing, if it has ended
                process.wait()
    return {"saved last": round(last, 1), "stalled": round(stall, 1)}


def meeting(host, restarts):
    """Return the options by which two hosts find each other."""
    return (
        "--nnodes=2",
        "--nproc-per-node=1",
        f"--max-restarts={restarts}",
        "--monitor-interval=0.1",
        "--rdzv-backend=c10d",
        f"--rdzv-endpoint={ADDRESSES[0]}:29500",
        "--rdzv-id=book",
        f"--rdzv-conf=is_host={1 - host}",
        f"--local-addr={ADDRESSES[host]}",
    )


def wait_for(job, holds, limit):
    """Wait until something holds of the time at which a file was saved."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        file = job.file("kept")
        if holds(file.stat().st_mtime if file.exists() else None):
            return
        time.sleep(0.05)
    raise TimeoutError(f"{job.name}: nothing saved in {limit} s")


def scaling(folder):
    """Time one process and two, which take turns."""
    found = {}
    for turn in range(ROUNDS):
        for workers in (1, 2):
            job = Job(folder, f"time-{workers}-{turn}", epochs=0)
            for row in run_job(job, workers)["rows"]:
                key = row["what"], row["size"], workers
                found.setdefault(key, []).extend(row["seconds"])
    rows = []
    for (what, size, workers), seconds in found.items():
        row = {"what": what, "workers": workers}
        if what == "exchange":
            row |= {"numbers": size, "ms": quartiles(seconds, 1e-3)}
        else:
            units, layers, windows, batch = MODELS[what]
            model = GRUModel(hidden_size=units, num_layers=layers)
            row |= {"parameters": count_parameters(model), "batch": batch}
            row["ms a step"] = quartiles(seconds, 1e-3 * windows / batch)
            row["windows a second"] = quartiles(windows / np.array(seconds))
        rows.append(row)
    return {"rows": rows}


def clock(job):
    """Time epochs, and exchanges: what each process does for ``scaling``."""
    torch.set_num_threads(1)
    with joined():
        rows = [
            {"what": name, "size": 0, "seconds": epochs(*sizes)}
            for name, sizes in MODELS.items()
        ]
        if place()[1] > 1:
            for numbers in MESSAGES:
                row = {"what": "exchange", "size": numbers}
                rows.append(row | {"seconds": exchanges(numbers)})
        if place()[0] == 0:
            torch.save({"rows": rows}, job.file("end"))


def epochs(units, layers, windows, batch):
    """Return the seconds of epochs; the first one is left out."""
    torch.manual_seed(0)
    model = GRUModel(hidden_size=units, num_layers=layers)
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((windows, 24, 1)), np.zeros((windows, 1))
    run = SharedRun(model, make_loader(X, y, batch), None, Recipe())
    times = []
    for _ in range(EPOCHS + 1):
        start = time.perf_counter()
        run.epoch()
        times.append(time.perf_counter() - start)
    return times[1:]


def exchanges(numbers, times=20):
    """Return the seconds of sums over all processes; the first is left out."""
    values, found = torch.zeros(numbers), []
    for _ in range(times + 1):
        start = time.perf_counter()
        dist.all_reduce(values)
        found.append(time.perf_counter() - start)
    return found[1:]


PARTS = {part.__name__: part for part in (equality, kills, network, scaling)}


def main():
    """Measure the parts that are asked for, or all; keep the others."""
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS])
    try:
        found = load_results("distributed")["results"]
    except ValueError:
        found = {}
    for name in parser.parse_args().parts or PARTS:
        load, start = load_average(), time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            results = PARTS[name](folder)
        found[name] = {"load": load} | results
        print(json.dumps(found[name], indent=1))
        print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)
        found = {part: found[part] for part in PARTS if part in found}
        highest = max(part["load"] or 0.0 for part in found.values())
        store("distributed", found, load=highest, repetitions=len(SEEDS))


def worker(text):
    """Do what ``torchrun`` starts this script for."""
    job = Job(**json.loads(text))
    return work(job) if job.epochs else clock(job)


if __name__ == "__main__":
    if sys.argv[1:2] == ["work"]:
        worker(sys.argv[2])
    else:
        main()
