"""Chapter 4: the training loop."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import DataLoader
from tqdm import tqdm

from gru_tutorial.checks import check_bool, check_float, check_int
from gru_tutorial.data import MAX_SEED
from gru_tutorial.model import evaluating, to_model


@dataclass
class History:
    """Losses by epoch, in scaled units.

    Attributes
    ----------
    train_loss, valid_loss : list of float
        Mean loss per window; ``valid_loss`` stays empty without a
        validation part.
    """

    train_loss: list[float] = field(default_factory=list)
    valid_loss: list[float] = field(default_factory=list)

    @property
    def best_epoch(self) -> int:
        """The epoch with the lowest validation loss, from 1; 0 if none."""
        if not self.valid_loss:
            return 0
        return self.valid_loss.index(min(self.valid_loss)) + 1


def _batch_loss(
    model: nn.Module, X_batch, y_batch, loss_fn, burn_in
) -> torch.Tensor:
    X_batch, y_batch = to_model(model, X_batch), to_model(model, y_batch)
    if y_batch.ndim == 3:  # a label for every step: see make_chunks
        if burn_in >= y_batch.shape[1]:
            raise ValueError(
                f"burn_in: expected fewer than the {y_batch.shape[1]} steps "
                f"of a chunk, got {burn_in}"
            )
        if not hasattr(model, "run"):
            raise ValueError(
                f"model: expected one with run(x), as GRUModel has, for "
                f"labels at every step, got {type(model).__name__}"
            )
        y_hat, _ = model.run(X_batch)
        y_hat, y_batch = y_hat[:, burn_in:], y_batch[:, burn_in:]
    else:
        y_hat = model(X_batch)
    numbers = getattr(loss_fn, "numbers", 1)  # that it takes for each label
    if y_hat.shape != (*y_batch.shape[:-1], numbers * y_batch.shape[-1]):
        raise ValueError(
            f"y: expected labels of the predictions' shape "
            f"{tuple(y_hat.shape)}, got {tuple(y_batch.shape)}"
        )
    loss = loss_fn(y_hat, y_batch)
    if loss.ndim:
        raise ValueError(
            f"loss_fn: expected one number for a batch, its mean, got shape "
            f"{tuple(loss.shape)}"
        )
    return loss


def _check_finite(what: str, tensors, epoch: int, lr: float) -> None:
    size = nn.utils.get_total_norm(tensors)
    if not math.isfinite(size):
        raise FloatingPointError(
            f"{what}: expected finite numbers, got {size.item()} in epoch "
            f"{epoch}; try a smaller lr than {lr}, or clip the gradient"
        )


def evaluate(
    model: nn.Module, loader: DataLoader, loss_fn=None, burn_in: int = 0
) -> float:
    """Return the mean loss per window, without training.

    Parameters
    ----------
    model : torch.nn.Module
        Maps (batch, time, features) to (batch, horizon); for chunks it needs
        ``run``, as ``GRUModel`` has.
    loader : torch.utils.data.DataLoader
        Yields ``X_batch`` and ``y_batch``, of windows or of chunks.
    loss_fn : callable
        Gives a batch's mean loss; ``torch.nn.MSELoss()`` if not given.
    burn_in : int
        Steps at a chunk's start whose predictions do not count.

    Returns
    -------
    float
        In scaled units; each window counts the same, also in a short batch.

    Raises
    ------
    ValueError
        If labels and predictions differ in shape, or the loader is empty.

    Examples
    --------
    >>> from gru_tutorial import GRUModel, make_loader, make_windows
    >>> loader = make_loader(*make_windows([0, 1, 2, 3, 4, 5], window=3))
    >>> evaluate(GRUModel(), loader) > 0
    True
    """
    loss_fn = loss_fn or nn.MSELoss()
    burn_in = check_int("burn_in", burn_in, 0)
    total, count = 0.0, 0
    with evaluating(model):
        for X_batch, y_batch in loader:
            loss = _batch_loss(model, X_batch, y_batch, loss_fn, burn_in)
            total += loss.item() * len(X_batch)
            count += len(X_batch)
    if count == 0:
        raise ValueError("loader: expected at least one batch, got none")
    return total / count


def fit(
    model: nn.Module,
    train_loader: DataLoader,
    valid_loader: DataLoader | None = None,
    *,
    num_epochs: int = 100,
    lr: float = 0.01,
    optimizer: Callable = torch.optim.Adam,
    one_cycle: bool = False,
    clip: float | None = None,
    input_noise: float = 0.0,
    burn_in: int = 0,
    patience: int | None = None,
    seed: int = 0,
    loss_fn: Callable | None = None,
    checkpoint: str | Path | None = None,
    on_epoch: Callable[[History], object] | None = None,
    log_every: int = 0,
    progress: bool = False,
) -> History:
    """Train a model, on windows or on chunks with a label for every step.

    Parameters
    ----------
    model : torch.nn.Module
        Maps (batch, time, features) to (batch, horizon); trained in place.
        For chunks it needs ``run``, as ``GRUModel`` has.
    train_loader, valid_loader : torch.utils.data.DataLoader
        Yield ``X_batch`` and ``y_batch``: windows with labels of shape
        (batch, horizon), or chunks with (batch, time, horizon).
    num_epochs : int
        Passes over the training windows, at most.
    lr : float
        The learning rate, with ``one_cycle`` its highest value.
    optimizer : callable
        Makes the optimiser: ``optimizer(parameters, lr=lr)``.
    one_cycle : bool
        Whether the learning rate climbs to ``lr`` and falls to almost 0, once
        in the run (``torch.optim.lr_scheduler.OneCycleLR``).
    clip : float
        The largest norm of the gradient; longer ones are shortened to it.
    input_noise : float
        Standard deviation of noise added to the inputs, in scaled units.
    burn_in : int
        Steps at a chunk's start whose predictions do not count.
    patience : int
        Stop after so many epochs without a new lowest validation loss. The
        model ends with the weights of the best epoch.
    seed : int
        Seed of NumPy's generator, which draws the input noise.
    loss_fn : callable
        Gives a batch's mean loss; ``torch.nn.MSELoss()`` if not given.
        If it takes several numbers for each label, its attribute ``numbers``
        says how many (``horizons.gaussian_loss`` takes two).
    checkpoint : str or pathlib.Path
        A file that is written after every epoch. If it exists, the run goes
        on from there, to the same end as if nothing had happened. On the CPU
        the two are equal to the bit.
    on_epoch : callable
        Called with the history after every epoch; ends the run by returning
        a true value.
    log_every : int
        Epochs between printed lines; 0 prints none.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    History
        The losses of each epoch.

    Raises
    ------
    ValueError
        If labels and predictions differ in shape, an argument is out of
        range, or ``checkpoint`` is damaged or belongs to another run.
    FloatingPointError
        If the loss, its gradient or the weights are no longer finite. For a
        loss or gradient, the weights are those before the update.

    References
    ----------
    One-cycle: Smith & Topin (2019), arXiv:1708.07120. Clipping: Pascanu et
    al. (2013), arXiv:1211.5063.

    Examples
    --------
    >>> from gru_tutorial import GRUModel, make_loader, make_windows
    >>> loader = make_loader(*make_windows([0, 1, 2, 3, 4, 5], window=3))
    >>> history = fit(GRUModel(), loader, num_epochs=3)
    >>> len(history.train_loss)
    3
    """
    num_epochs = check_int("num_epochs", num_epochs, 1)
    lr = check_float("lr", lr, 0, exclusive=True)
    one_cycle = check_bool("one_cycle", one_cycle)
    clip = None if clip is None else check_float("clip", clip, 0, True)
    input_noise = check_float("input_noise", input_noise, 0)
    burn_in = check_int("burn_in", burn_in, 0)
    seed = check_int("seed", seed, 0, MAX_SEED)
    log_every = check_int("log_every", log_every, 0)
    if patience is not None:
        patience = check_int("patience", patience, 1)
        if valid_loader is None:
            raise ValueError("patience: expected a valid_loader to watch")
    loss_fn = loss_fn or nn.MSELoss()
    parameters = list(model.parameters())
    optim = optimizer(parameters, lr=lr)
    rng = np.random.default_rng(seed)
    history, best, file, cycle = History(), {}, None, None
    if one_cycle:
        updates = max(num_epochs * len(train_loader), 1)
        cycle = OneCycleLR(optim, lr, updates, cycle_momentum=False)
    if checkpoint is not None:
        from gru_tutorial.checkpoint import Checkpoint

        settings = {
            "batches": len(train_loader),
            "num_epochs": num_epochs if one_cycle else None,
            "lr": lr,
            "clip": clip,
            "input_noise": input_noise,
            "burn_in": burn_in,
            "patience": patience,
            "seed": seed,
        }
        parts = {"model": model, "optimizer": optim, "schedule": cycle}
        loaders = [train_loader, valid_loader]
        generators = [rng, *(getattr(x, "generator", None) for x in loaders)]
        file = Checkpoint(checkpoint, settings, parts, generators)
        stored = file.load()
        if stored is not None:
            history, best = History(**stored["history"]), stored["best"]
    done = len(history.train_loss)
    bar = tqdm(
        range(done + 1, num_epochs + 1),
        initial=done,
        total=num_epochs,
        disable=not progress,
        unit="epoch",
    )
    for epoch in bar:
        if patience and epoch - 1 - history.best_epoch >= patience:
            break
        model.train()
        total, count = 0.0, 0
        for X_batch, y_batch in train_loader:
            if input_noise:
                noise = rng.standard_normal(X_batch.shape, dtype=np.float32)
                X_batch = X_batch + input_noise * torch.from_numpy(noise)
            loss = _batch_loss(model, X_batch, y_batch, loss_fn, burn_in)
            _check_finite("loss", [loss.detach()], epoch, lr)
            optim.zero_grad()
            loss.backward()
            gradients = [p.grad for p in parameters if p.grad is not None]
            _check_finite("gradient", gradients, epoch, lr)
            if clip is not None:
                nn.utils.clip_grad_norm_(parameters, clip)
            optim.step()
            if cycle is not None:
                cycle.step()
            total += loss.item() * len(X_batch)
            count += len(X_batch)
        if count == 0:
            raise ValueError(
                "train_loader: expected at least one batch, got none"
            )
        _check_finite("weights", parameters, epoch, lr)
        history.train_loss.append(total / count)
        if valid_loader is not None:
            loss = evaluate(model, valid_loader, loss_fn, burn_in)
            history.valid_loss.append(loss)
            if patience and history.best_epoch == epoch:
                best = deepcopy(model.state_dict())
        if log_every and epoch % log_every == 0:
            loss = history.train_loss[-1]
            line = f"Epoch [{epoch}/{num_epochs}], Loss: {loss:.4f}"
            if valid_loader is not None:
                line += f", Valid: {history.valid_loss[-1]:.4f}"
            print(line)
        if file is not None:
            file.save({"history": asdict(history), "best": best})
        if on_epoch is not None and on_epoch(history):
            break
    if best:
        model.load_state_dict(best)
    return history
