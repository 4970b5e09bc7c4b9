"""Training by several processes, each on its rows of every batch.

PyTorch's own engine does the work: ``torchrun`` starts the processes, and
starts them again if one fails; ``DistributedDataParallel`` averages their
gradients. What is added here is that the number of processes does not matter:
the result is that of one process, but for rounding.

Usage: python -m gru_tutorial.distributed
       torchrun --nproc-per-node 2 -m gru_tutorial.distributed

With ``--max-restarts``, set TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1: else workers
that start again may read the addresses of those before them, and hang
(PyTorch's issue 135712).
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, IterableDataset

from gru_tutorial.checkpoint import _generators, _state, settings_of
from gru_tutorial.checks import check_float, check_int
from gru_tutorial.model import GRUModel, evaluating
from gru_tutorial.series import make_series
from gru_tutorial.training import Run, _batches, _mean, fit
from gru_tutorial.windows import Scaler, make_loader, make_windows, split


def train(checkpoint=None, num_epochs: int = 5):
    """Train on the book's series, alone or with the others of ``torchrun``.

    Parameters
    ----------
    checkpoint : str or pathlib.Path
        A file that all processes can read, from which a run goes on.
    num_epochs : int
        Passes over the training part.

    Returns
    -------
    model : GRUModel
        The same in every process.
    history : History
        The losses.

    Examples
    --------
    >>> model, history = train(num_epochs=1)
    >>> len(history.valid_loss)
    1
    """
    parts = split(make_series().values, 650, valid=100, context=24)
    scaler = Scaler().fit(parts.train)
    train = make_windows(scaler.transform(parts.train), window=24)
    valid = make_windows(scaler.transform(parts.valid), window=24)
    with joined() as device:
        torch.manual_seed(0)
        model = GRUModel(hidden_size=16).to(device)
        history = fit(
            model,
            make_loader(*train, batch_size=50, shuffle=True),
            make_loader(*valid, batch_size=50),
            num_epochs=num_epochs,
            input_noise=0.1,
            clip=1.0,
            checkpoint=checkpoint,
            shared=True,
        )
    return model, history


@contextmanager
def joined(timeout: float = 60.0) -> Iterator[torch.device]:
    """Meet the other processes of ``torchrun`` for a block.

    Parameters
    ----------
    timeout : float
        Seconds that a process waits for the others in one exchange. Then it
        fails, and ``torchrun`` starts all of them again, if it may.

    Yields
    ------
    torch.device
        Where this process computes: a GPU of its own, if there are some.

    Raises
    ------
    ValueError
        If ``timeout`` is not above 0, or ``torchrun`` may start workers again
        that would read old addresses.

    Examples
    --------
    >>> with joined() as device:  # no torchrun: one process alone
    ...     print(place(), device.type in ("cpu", "cuda"))
    (0, 1) True
    """
    timeout = check_float("timeout", timeout, 0, exclusive=True, below=1e6)
    has_gpu = torch.cuda.is_available()
    device = torch.device("cuda" if has_gpu else "cpu")
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield device
        return
    _refuse_old_addresses()
    if has_gpu:
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    backend = "nccl" if has_gpu else "gloo"
    dist.init_process_group(backend, timeout=timedelta(seconds=timeout))
    try:
        yield device
    finally:
        dist.destroy_process_group()


def _refuse_old_addresses() -> None:
    restarts = os.environ.get("TORCHELASTIC_MAX_RESTARTS", "0") != "0"
    if restarts and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True":
        raise ValueError(
            "TORCH_DISABLE_SHARE_RDZV_TCP_STORE: expected 1 in torchrun's "
            "environment if it may restart workers, as they could read the "
            "addresses of those before them and hang"
        )


def place() -> tuple[int, int]:
    """Return this process' number, from 0, and how many have joined.

    Examples
    --------
    >>> place()
    (0, 1)
    """
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


class Share:
    """Batches of a loader, cut to one worker's rows of each.

    Worker ``k`` of ``n`` gets the rows ``k``, ``k + n``, ``k + 2n`` and so on.
    Of a ``DataLoader``'s data it reads no others.

    Parameters
    ----------
    loader : iterable
        Yields pairs of tensors, the same ones for every worker.
    worker, workers : int
        The number of this one, from 0, and how many there are.

    Attributes
    ----------
    size : int
        Rows of the whole batch whose part was yielded last.

    Raises
    ------
    ValueError
        If there is no such worker.

    Examples
    --------
    >>> X = torch.arange(5.0).reshape(5, 1, 1)
    >>> second = Share(make_loader(X, X[:, 0], batch_size=4), 1, 2)
    >>> for X_batch, y_batch in second:
    ...     print(y_batch.flatten().tolist(), second.count, "of", second.size)
    [1.0, 3.0] 2 of 4
    [4.0] 0 of 1
    """

    def __init__(self, loader, worker: int, workers: int):
        self.workers = check_int("workers", workers, 1)
        self.worker = check_int("worker", worker, 0, self.workers - 1)
        self.whole, self.rows, self.size = loader, None, 0
        indexed = isinstance(loader, DataLoader) and not isinstance(
            loader.dataset, IterableDataset
        )
        if indexed and loader.batch_sampler is not None:
            self.rows = _Rows(loader.batch_sampler, self.worker, self.workers)
            self.own = _like(loader, self.rows)

    @property
    def count(self) -> int:
        """How many of those rows are this worker's.

        It can be none, of a short batch. A row is yielded all the same, as
        every worker takes part in every exchange; it must count nothing.
        """
        return len(range(self.worker, self.size, self.workers))

    def _cut(self, whole: Tensor) -> Tensor:
        return whole[self.worker :: self.workers] if self.count else whole[:1]

    def __iter__(self):
        """Yield this worker's part of each batch."""
        if self.rows is not None:
            for batch in self.own:
                self.size = self.rows.sizes.popleft()
                yield batch
            return
        for X, y in _batches("loader", self.whole):
            self.size = min(len(X), len(y))
            yield self._cut(X), self._cut(y)


class _Rows:
    """A worker's rows of the batches of a sampler."""

    def __init__(self, batches, worker, workers):
        self.batches, self.worker, self.workers = batches, worker, workers
        self.sizes = deque()

    def __iter__(self):
        self.sizes.clear()
        for rows in self.batches:
            self.sizes.append(len(rows))
            yield list(rows)[self.worker :: self.workers] or list(rows)[:1]

    def __len__(self):
        return len(self.batches)


def _like(loader: DataLoader, rows: _Rows) -> DataLoader:
    return DataLoader(
        loader.dataset,
        batch_sampler=rows,
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        timeout=loader.timeout,
        worker_init_fn=loader.worker_init_fn,
        multiprocessing_context=loader.multiprocessing_context,
        generator=loader.generator,
        prefetch_factor=loader.prefetch_factor,
        persistent_workers=loader.persistent_workers,
    )


class SharedRun(Run):
    """A run whose batches are divided among the processes that have joined.

    Losses, weights and decisions are the same in all of them, and but for
    rounding those of a ``Run``. So is the checkpoint: another number of
    processes can go on from it. (Dropout alone draws other numbers.)

    Parameters
    ----------
    model, train_loader, valid_loader, recipe
        As for ``Run``, the same in every process.

    Raises
    ------
    ValueError
        As for ``Run``, and if the processes do not have the same run.

    Examples
    --------
    >>> from gru_tutorial import Recipe
    >>> loader = make_loader(*make_windows([0, 1, 2, 3, 4, 5], window=3))
    >>> run = SharedRun(GRUModel(), loader, None, Recipe(num_epochs=2))
    >>> run.epoch()
    >>> run.done, run.first
    (1, True)
    """

    def __init__(self, model: nn.Module, train_loader, valid_loader, recipe):
        super().__init__(model, train_loader, valid_loader, recipe)
        self.worker, self.workers = place()
        self.first = self.worker == 0
        self.share, self.draws = None, 0  # of the batch that is being read
        if self.workers > 1:
            self._compare([settings_of(self)])
            self.averaged = DistributedDataParallel(_LossOf(self))

    def epoch(self) -> None:
        """Pass over both parts once, as ``Run.epoch`` does."""
        if self.workers > 1:
            states = [_state(one) for one in _generators(self)]
            self._compare([self.done, torch.get_rng_state(), *states])
        self.draws = 0
        super().epoch()

    def update(self, X: Tensor, y: Tensor) -> float:
        """Take one step, as ``Run.update`` does; ``epoch`` calls it.

        Raises
        ------
        ValueError
            If there are other processes, but it is not ``epoch`` that calls.
        """
        if self.workers > 1 and self.share is None:
            raise ValueError(
                "update: expected to be called by epoch(), which divides the "
                "batches, as others have joined"
            )
        return super().update(X, y)

    def _batches_of(self, name: str) -> Iterator[tuple[Tensor, Tensor, int]]:
        """Yield this process' rows, and the windows of the whole batches."""
        self.share = Share(getattr(self, name), self.worker, self.workers)
        for X, y in _batches(name, self.share):
            yield X, y, self.share.size
        self.share = None

    def _noise(self, X: Tensor) -> Tensor:
        """Draw the whole batch's noise, and return that of these rows."""
        if self.workers == 1:
            return super()._noise(X)
        whole = super()._noise(X.new_empty(self.share.size, *X.shape[1:]))
        return self.share._cut(whole)

    def _losses(self, X: Tensor, y: Tensor) -> tuple[Tensor, float]:
        """Return what is differentiated, and the whole batch's mean loss."""
        if self.workers == 1:
            return super()._losses(X, y)
        part = self.share.count / self.share.size
        with self._own_draws():
            loss = self.averaged(X, y)
        (mean,) = self._sums(loss.item() * part)
        # The processes' gradients are averaged; each counts by its rows.
        return loss * (self.workers * part), mean

    def _valid_loss(self) -> float:
        total, count = 0.0, 0
        with evaluating(self.model):
            for X, y, _ in self._batches_of("valid_loader"):
                total += self._mean_loss(X, y).item() * self.share.count
                count += self.share.count
        return _mean(*self._sums(total, count))

    def _agreed(self, stop: bool) -> bool:
        """Return whether to stop, as the first process says."""
        return bool(self._gathered(bool(stop))[0][0])

    def _sums(self, *values: float) -> list[float]:
        """Return sums over the processes: the same to the bit in each."""
        columns = zip(*self._gathered(*values), strict=True)
        return [sum(column) for column in columns]

    def _gathered(self, *values: float) -> list[list[float]]:
        """Return what each process has passed."""
        if self.workers == 1:
            return [list(values)]
        device = self.parameters[0].device
        own = torch.tensor(values, dtype=torch.float64, device=device)
        found = [torch.empty_like(own) for _ in range(self.workers)]
        dist.all_gather(found, own)
        return [one.tolist() for one in found]

    @contextmanager
    def _own_draws(self) -> Iterator[None]:
        """Let dropout draw other numbers in each process, and repeatably."""
        self.draws += 1
        device = self.parameters[0].device
        devices = [device] if device.type == "cuda" else []
        drawn = [self.recipe.seed, self.done, self.draws, self.worker]
        with torch.random.fork_rng(devices):
            seed = np.random.SeedSequence(drawn).generate_state(1)
            torch.manual_seed(int(seed[0]))
            yield

    def _compare(self, state) -> None:
        """Complain if the processes do not have the same run before them."""
        plain = [x.tolist() if torch.is_tensor(x) else x for x in state]
        digest = hashlib.sha256(repr(plain).encode()).digest()
        own = int.from_bytes(digest[:6], "big")  # a float64 holds it
        found = {one for (one,) in self._gathered(own)}
        if len(found) > 1:
            raise ValueError(
                "shared: expected the same run in every process (settings, "
                "data, seeds of torch and of the loaders, and a checkpoint "
                "that all can read), got different ones"
            )


class _LossOf(nn.Module):
    """A model with its loss: what ``DistributedDataParallel`` is to call."""

    def __init__(self, run: SharedRun):
        super().__init__()
        self.model, self.mean_loss = run.model, run._mean_loss

    def forward(self, X: Tensor, y: Tensor) -> Tensor:
        return self.mean_loss(X, y)


def _parsed(arguments) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m gru_tutorial.distributed",
        description="Train a small model, alone or under torchrun.",
    )
    parser.add_argument("--checkpoint", help="a file to go on from")
    parser.add_argument("--weights", help="a file for the weights")
    parser.add_argument("--epochs", type=int, default=5)
    return parser.parse_args(arguments)


def _main(arguments=None) -> int:
    given = _parsed(arguments)
    torch.set_num_threads(1)  # as torchrun has it: a small layer needs no more
    try:
        model, history = train(given.checkpoint, given.epochs)
    except ValueError as error:
        print(f"gru_tutorial.distributed: {error}", file=sys.stderr)
        return 2
    if os.environ.get("RANK", "0") == "0":  # torchrun sets it
        workers = os.environ.get("WORLD_SIZE", "1")
        loss = f"{history.train_loss[-1]:.4f}, {history.valid_loss[-1]:.4f}"
        print(f"{workers} at work; losses {loss} after {given.epochs} epochs")
        if given.weights:
            torch.save(model.state_dict(), given.weights)
    return 0


if __name__ == "__main__":
    sys.exit(_main())
