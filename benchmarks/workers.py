"""What the processes of benchmarks/distributed.py do, and how they die.

A job is plain data: it reaches a worker as JSON. ``faults`` has one entry for
each life of the workers: the place where one of them kills itself, which one,
and at which call.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch

from gru_tutorial import (
    GRUModel,
    Recipe,
    Scaler,
    make_loader,
    make_series,
    make_windows,
)
from gru_tutorial.checkpoint import Checkpoint
from gru_tutorial.distributed import SharedRun, joined, place

SCRIPT = Path(__file__).with_name("distributed.py")
PLACES = {  # a name, and what is called there
    "before the loss": (SharedRun, "_losses"),
    "before the optimiser's step": (SharedRun, "_clipped_norm"),
    "in the validation": (SharedRun, "_mean_loss"),
    "while the file is written": (os, "fsync"),
    "before the new file takes the old one's place": (os, "replace"),
}


@dataclass
class Job:
    """One run, by one process or several."""

    folder: str
    name: str = "run"
    seed: int = 0
    epochs: int = 12
    dropout: float = 0.0
    timeout: float = 60.0
    whole: bool = True  # else a snapshot: weights and epoch alone
    faults: list = field(default_factory=list)
    pause: float = 0.0  # seconds after each epoch

    def file(self, kind):
        """Return one of the files that the run writes."""
        return Path(self.folder, f"{self.name}.{kind}")


def make_run(job):
    """Return a run with all that draws, remembers or does not divide.

    101 windows in batches of 25: the last one holds a single window.
    """
    values = make_series(length=260, seed=job.seed).values
    scaled = Scaler().fit(values[:200]).transform(values)
    train, valid = (
        make_windows(scaled[:125], 24),
        make_windows(scaled[140:], 24),
    )
    torch.manual_seed(job.seed)
    layers = 2 if job.dropout else 1
    model = GRUModel(hidden_size=8, num_layers=layers, dropout=job.dropout)
    recipe = Recipe(
        num_epochs=job.epochs,
        one_cycle=True,
        clip=0.5,
        input_noise=0.2,
        patience=job.epochs,
        seed=job.seed,
    )
    loaders = (
        make_loader(*train, 25, shuffle=True, seed=job.seed),
        make_loader(*valid, 30, shuffle=True, seed=job.seed),
    )
    return SharedRun(model, *loaders, recipe)


class Snapshot:
    """Weights and epoch alone: what many a script keeps."""

    def __init__(self, path, run):
        self.path, self.run = path, run

    def save(self):
        """Write it."""
        state = {
            "weights": self.run.model.state_dict(),
            "epoch": self.run.done,
        }
        torch.save(state, f"{self.path}.new")
        os.replace(f"{self.path}.new", self.path)

    def load(self):
        """Go on after the epoch it was written in."""
        if self.path.exists():
            state = torch.load(self.path, weights_only=True)
            self.run.model.load_state_dict(state["weights"])
            missed = [0.0] * state["epoch"]
            self.run.history.train_loss += missed
            self.run.history.valid_loss += [np.inf] * state["epoch"]


def work(job):
    """Train until the end, or until the fault that is meant for this life."""
    die_with_parent()
    torch.set_num_threads(1)
    with joined(job.timeout):
        run = make_run(job)
        kept = (Checkpoint if job.whole else Snapshot)(job.file("kept"), run)
        kept.load()
        life = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", 0))
        if run.first:
            with job.file("lives").open("a") as file:
                file.write(f"{run.done}\n")
        if life < len(job.faults):
            strike(*job.faults[life])
        while not run.over():
            run.epoch()
            if run.first:
                kept.save()
            time.sleep(job.pause)
        if run.first:
            end = {"weights": run.model.state_dict()}
            torch.save(end | asdict(run.history), job.file("end"))


def strike(where, worker, call):
    """Let one worker kill itself at a call, or after so many seconds."""
    if place()[0] != worker:
        return
    if where == "at any time":
        timer = threading.Timer(call, os.kill, (os.getpid(), signal.SIGKILL))
        timer.daemon = True
        timer.start()
        return
    owner, name = PLACES[where]
    real, calls = getattr(owner, name), []

    def dying(*arguments, **options):
        evaluated = where != "in the validation" or not torch.is_grad_enabled()
        calls.extend([1] * evaluated)
        if len(calls) == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **options)

    setattr(owner, name, dying)


def die_with_parent():
    """Let Linux end this process if the one that started it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def torchrun(job, *options, script=SCRIPT):
    """Return the command that runs a job under ``torchrun``."""
    start = [sys.executable, "-m", "torch.distributed.run", *options]
    return [*start, str(script), "work", json.dumps(asdict(job))]


def launch(command):
    """Start a command whose words can be read; one thread each."""
    env = os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    env["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] = "1"  # see distributed.py
    if "netns" in command:
        env["GLOO_SOCKET_IFNAME"] = "e0"
    return subprocess.Popen(
        command,
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def finish(process, seconds):
    """Wait for a process, and end it if it takes longer; return its words."""
    try:
        words, _ = process.communicate(timeout=seconds)
    except BaseException:
        process.terminate()  # torchrun ends its workers
        try:
            process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        raise
    if process.returncode:
        raise RuntimeError(f"torchrun failed:\n{words}")
    return words


def run_job(job, workers=2, restarts=0, seconds=400):
    """Run a job under ``torchrun``, and return what is at its end."""
    options = ("--standalone", f"--nproc-per-node={workers}")
    options += (f"--max-restarts={restarts}", "--monitor-interval=0.1")
    finish(launch(torchrun(job, *options)), seconds)
    return end_of(job)


def end_of(job):
    """Return weights and losses at the end of a run."""
    return torch.load(job.file("end"), weights_only=True)


def lives_of(job):
    """Return how many epochs were done when each life of a run began."""
    return [int(line) for line in job.file("lives").read_text().split()]


def difference(end, other):
    """Return the largest difference of two ends' weights."""
    pairs = [(end["weights"][k], other["weights"][k]) for k in end["weights"]]
    return max((a - b).abs().max().item() for a, b in pairs)
