"""The training loop: settings are a ``Recipe``, what changes is a ``Run``."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import DataLoader

from gru_tutorial.checks import check_bool, check_callable, check_int
from gru_tutorial.model import (
    GRUModel,
    Streaming,
    evaluating,
    ran,
    to_model,
)
from gru_tutorial.recipe import CUTTING, Recipe
from gru_tutorial.tensors import check_module, check_tensor, kind_of


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
        known = [loss for loss in self.valid_loss if not math.isnan(loss)]
        return self.valid_loss.index(min(known)) + 1 if known else 0


def _default_loss(model: nn.Module) -> Callable:
    return model.head.loss if isinstance(model, GRUModel) else nn.MSELoss()


def _predictions(model: nn.Module, X, y, burn_in: int):
    """Return what counts of the predictions and labels of a batch."""
    if y.ndim != 3:
        with _taught(model, y):
            return model(X), y
    if burn_in >= y.shape[1]:  # a label for every step: see make_chunks
        raise ValueError(
            f"burn_in: expected fewer than the {y.shape[1]} steps of a "
            f"chunk, got {burn_in}"
        )
    if not isinstance(model, Streaming):
        raise ValueError(
            f"model: expected one with run(x), as GRUModel has, for labels "
            f"at every step, got {type(model).__name__}"
        )
    if isinstance(model, GRUModel) and burn_in < model.head.blind:
        raise ValueError(
            f"burn_in: expected at least {model.head.blind}, as "
            f"{model.head!r} has no forecast before, got {burn_in}"
        )
    with _taught(model, y):
        y_hat, _ = ran(model, X)
    return y_hat[:, burn_in:], y[:, burn_in:]


def _taught(model: nn.Module, y: Tensor) -> AbstractContextManager:
    """Let a head in training see the labels, if it takes them in."""
    if model.training and isinstance(model, GRUModel):
        return model.head.taught(y)
    return nullcontext()


def _check_batch(X, y) -> None:
    tensors = isinstance(X, Tensor) and isinstance(y, Tensor)
    if not tensors or X.shape[:1] != y.shape[:1] or not sum(X.shape[:1]):
        raise ValueError(
            f"X, y: expected tensors with a label for each window, got "
            f"{kind_of(X)} and {kind_of(y)}"
        )


def _batch_loss(model: nn.Module, X, y, loss_fn, burn_in: int) -> Tensor:
    _check_batch(X, y)
    X, y = to_model(model, X.detach(), "X"), to_model(model, y.detach(), "y")
    y_hat, y = _predictions(model, X, y, burn_in)
    check_tensor("model's predictions", y_hat)
    given = model.head.point(y_hat) if isinstance(model, GRUModel) else y_hat
    if given.shape != y.shape or given.device != y.device:
        raise ValueError(
            f"y: expected labels of the predictions' shape "
            f"{tuple(given.shape)}, got {tuple(y.shape)}"
        )
    loss = check_tensor("loss", loss_fn(y_hat, y))
    if loss.ndim or loss.is_meta:
        raise ValueError(
            f"loss: expected one number for a batch, its mean, got "
            f"{kind_of(loss)}"
        )
    return loss


def _batches(name: str, loader) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the batches of an epoch; complain if they are none."""
    none = True
    for batch in loader:
        none = False
        pair = isinstance(batch, (tuple, list)) and len(batch) == 2
        if not (pair and all(isinstance(part, Tensor) for part in batch)):
            got = type(batch).__name__
            if isinstance(batch, (tuple, list)):
                got += f" of {[type(part).__name__ for part in batch]}"
            raise ValueError(
                f"{name}: expected pairs of tensors, X and y, got {got}"
            )
        yield batch[0], batch[1]
    if none:
        raise ValueError(f"{name}: expected at least one batch, got none")


def length_of(loader) -> int | None:
    """Return the number of batches, or None if the loader does not know.

    Parameters
    ----------
    loader : iterable
        Such as a ``DataLoader``.
    """
    try:
        return len(loader)
    except Exception:  # what has no length raises what it pleases
        return None


def _check_loader(name: str, loader, needs_length: str = "") -> None:
    kinds = Iterator, Tensor, np.ndarray  # used up at once, or no pairs
    if isinstance(loader, kinds) or not isinstance(loader, Iterable):
        raise ValueError(
            f"{name}: expected batches that can be passed over once in every "
            f"epoch, as a DataLoader's, got {type(loader).__name__}"
        )
    if needs_length and length_of(loader) is None:
        raise ValueError(
            f"{name}: expected one with a length, for {needs_length}, got "
            f"{type(loader).__name__}"
        )


def evaluate(
    model: nn.Module, loader: DataLoader, loss=None, burn_in: int = 0
) -> float:
    """Return the mean loss per window, without training.

    Parameters
    ----------
    model : torch.nn.Module
        Maps (batch, time, features) to (batch, horizon); for chunks it needs
        ``run``, as ``GRUModel`` has.
    loader : torch.utils.data.DataLoader
        Yields ``X_batch`` and ``y_batch``, of windows or of chunks.
    loss : callable
        Gives a batch's mean loss; that of the model's head, or
        ``torch.nn.MSELoss()``, if not given.
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
    FloatingPointError
        If the loss is not finite.

    Examples
    --------
    >>> from gru_tutorial import GRUModel, make_loader, make_windows
    >>> loader = make_loader(*make_windows([0, 1, 2, 3, 4, 5], window=3))
    >>> evaluate(GRUModel(), loader) > 0
    True
    """
    check_module("model", model)
    _check_loader("loader", loader)
    recipe = Recipe(loss=loss, burn_in=burn_in)
    loss = loss or _default_loss(model)
    total, count = 0.0, 0
    with evaluating(model):
        for X, y in _batches("loader", loader):
            batch_loss = _batch_loss(model, X, y, loss, recipe.burn_in)
            total += batch_loss.item() * len(X)
            count += len(X)
    return _mean(total, count)


def _mean(total: float, count: int) -> float:
    if not math.isfinite(total):
        raise FloatingPointError(
            f"loss: expected a finite number, got {total} over {count} "
            f"windows that were not trained on"
        )
    return total / count


class Run:
    """All that changes in training, so all that a checkpoint keeps.

    Parameters
    ----------
    model : torch.nn.Module
        Maps (batch, time, features) to (batch, horizon); trained in place.
    train_loader, valid_loader : torch.utils.data.DataLoader
        Yield ``X_batch`` and ``y_batch``.
    recipe : Recipe
        The settings.

    Attributes
    ----------
    history : History
        The losses so far.
    best : dict
        The weights of the best epoch, if the recipe has ``patience``.
    rng : numpy.random.Generator
        Draws the input noise.
    optimizer, schedule
        PyTorch's; the schedule is None without ``one_cycle``.

    Raises
    ------
    ValueError
        If nothing can be trained, or a loader is none.

    Examples
    --------
    >>> from gru_tutorial import make_loader, make_windows
    >>> loader = make_loader(*make_windows([0, 1, 2, 3, 4, 5], window=3))
    >>> run = Run(GRUModel(), loader, None, Recipe(num_epochs=2))
    >>> while not run.over():
    ...     run.epoch()
    >>> len(run.history.train_loss)
    2
    """

    first = True  # of several processes, the one that writes and reports

    def __init__(self, model: nn.Module, train_loader, valid_loader, recipe):
        check_module("model", model)
        _check_recipe(recipe)
        needed = "one_cycle" if recipe.one_cycle else ""
        _check_loader("train_loader", train_loader, needed)
        if valid_loader is not None:
            _check_loader("valid_loader", valid_loader)
        elif recipe.patience:
            raise ValueError("patience: expected a valid_loader to watch")
        self.model, self.recipe = model, recipe
        self.train_loader, self.valid_loader = train_loader, valid_loader
        self.loss = recipe.loss or _default_loss(model)
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = _make_optimizer(self.parameters, recipe)
        self.schedule = None
        if recipe.one_cycle:
            updates = max(recipe.num_epochs * len(train_loader), 1)
            self.schedule = OneCycleLR(
                self.optimizer, recipe.lr, updates, cycle_momentum=False
            )
        self.rng = np.random.default_rng(recipe.seed)
        self.history, self.best = History(), {}

    def update(self, X: Tensor, y: Tensor) -> float:
        """Take one step against the gradient of a batch's loss; return it.

        Raises
        ------
        ValueError
            If ``X`` and ``y`` do not fit the model, or each other.
        FloatingPointError
            If loss or gradient are not finite. The weights stay.
        """
        torch.clear_autocast_cache()  # of the weights before
        if self.recipe.input_noise:
            _check_batch(X, y)
            X = X + self.recipe.input_noise * self._noise(X).to(X.device)
        loss, mean = self._losses(X, y)
        self._check_loss(loss, mean)
        self.optimizer.zero_grad()
        loss.backward()
        self._check_finite("gradient", self._clipped_norm().item())
        self.optimizer.step()
        if self.schedule is not None:
            self.schedule.step()
        return mean

    def _noise(self, X: Tensor) -> Tensor:
        drawn = self.rng.standard_normal(X.shape, dtype=np.float32)
        return torch.from_numpy(drawn)

    def _losses(self, X: Tensor, y: Tensor) -> tuple[Tensor, float]:
        """Return what is differentiated, and the batch's mean loss."""
        loss = self._mean_loss(X, y)
        return loss, loss.item()

    def _mean_loss(self, X: Tensor, y: Tensor) -> Tensor:
        burn_in = self.recipe.burn_in
        return _batch_loss(self.model, X, y, self.loss, burn_in)

    def _clipped_norm(self) -> Tensor:
        """Return the gradient's norm; shorten the gradient if asked to."""
        if self.recipe.clip is not None:
            return nn.utils.clip_grad_norm_(self.parameters, self.recipe.clip)
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        return nn.utils.get_total_norm(gradients)

    def epoch(self) -> None:
        """Pass over the training part once, then over the validation part.

        Raises
        ------
        FloatingPointError
            If a loss, a gradient or the weights are no longer finite.
        """
        self.model.train()
        total, count = 0.0, 0
        for X, y, windows in self._batches_of("train_loader"):
            total += self.update(X, y) * windows
            count += windows
        size = nn.utils.get_total_norm(self.parameters)
        self._check_finite("weights", size.item())
        self.history.train_loss.append(total / count)
        if self.valid_loader is None:
            return
        self.history.valid_loss.append(self._valid_loss())
        if self.recipe.patience and self.history.best_epoch == self.done:
            self.best = deepcopy(self.model.state_dict())

    def _batches_of(self, name: str) -> Iterator[tuple[Tensor, Tensor, int]]:
        """Yield the batches of one of the loaders, and their windows."""
        for X, y in _batches(name, getattr(self, name)):
            yield X, y, len(X)

    def _valid_loss(self) -> float:
        burn_in = self.recipe.burn_in
        return evaluate(self.model, self.valid_loader, self.loss, burn_in)

    def _agreed(self, stop: bool) -> bool:
        """Return whether to stop, as the first process says."""
        return bool(stop)

    @property
    def done(self) -> int:
        """Epochs so far."""
        return len(self.history.train_loss)

    def over(self) -> bool:
        """Tell whether all epochs are done, or patience is at its end."""
        waited = self.done - self.history.best_epoch
        patience = self.recipe.patience
        return self.done >= self.recipe.num_epochs or bool(
            patience and waited >= patience
        )

    def restore_best(self) -> None:
        """Give the model the weights of the best epoch, if they were kept."""
        if self.best:
            self.model.load_state_dict(self.best)

    def _check_loss(self, loss: Tensor, mean: float) -> None:
        self._check_finite("loss", mean)
        if not loss.requires_grad:
            raise ValueError(
                "loss: expected one that depends on the model's weights, got "
                "one without a gradient"
            )

    def _check_finite(self, what: str, size: float) -> None:
        if not math.isfinite(size):
            raise FloatingPointError(
                f"{what}: expected finite numbers, got {size} in epoch "
                f"{self.done + 1}; try a smaller lr than {self.recipe.lr}, or "
                f"clip the gradient"
            )


def _make_optimizer(parameters: list, recipe: Recipe):
    if not parameters:
        raise ValueError(
            "model: expected weights to train, got none (are all frozen?)"
        )
    optimizer = recipe.optimizer(parameters, lr=recipe.lr)
    usable = isinstance(optimizer, torch.optim.Optimizer)
    if not usable or isinstance(optimizer, torch.optim.LBFGS):
        raise ValueError(
            f"optimizer: expected one whose step needs nothing but gradients, "
            f"such as torch.optim.Adam, got {type(optimizer).__name__}"
        )
    return optimizer


def fit(
    model: nn.Module,
    train_loader: DataLoader,
    valid_loader: DataLoader | None = None,
    recipe: Recipe | None = None,
    *,
    callbacks=(),
    checkpoint: str | Path | None = None,
    shared: bool = False,
    **changes,
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
    recipe : Recipe
        The settings; those of ``Recipe()`` if not given.
    callbacks : sequence of callable
        Each is called with the ``Run`` after every epoch, such as ``log(10)``
        and ``progress_bar()``. A true value ends the run.
    checkpoint : str or pathlib.Path
        A file that is written after every epoch. If it exists, the run goes
        on from there, to the same end as if nothing had happened. On the CPU
        the two are equal to the bit.
    shared : bool
        Whether several processes divide each batch, with the same result:
        see ``gru_tutorial.distributed``. The first one writes and reports.
    **changes
        Settings that differ from the recipe's, by name.

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
        If a loss, its gradient or the weights are no longer finite. For a
        loss or gradient, the weights are those before the update.

    Examples
    --------
    >>> from gru_tutorial import GRUModel, make_loader, make_windows
    >>> loader = make_loader(*make_windows([0, 1, 2, 3, 4, 5], window=3))
    >>> history = fit(GRUModel(), loader, num_epochs=3)
    >>> len(history.train_loss)
    3
    """
    recipe = changed(recipe, changes)
    watchers = _check_callbacks(callbacks)
    run = _run_of(shared)(model, train_loader, valid_loader, recipe)
    file = None
    if checkpoint is not None:
        from gru_tutorial.checkpoint import Checkpoint

        file = Checkpoint(checkpoint, run)
        file.load()
    while not run.over():
        run.epoch()
        if file is not None and run.first:
            file.save()
        stop = run.first and any([watch(run) for watch in watchers])
        if run._agreed(stop):
            break
    run.restore_best()
    return run.history


def _run_of(shared) -> type[Run]:
    if not check_bool("shared", shared):
        return Run
    from gru_tutorial.distributed import SharedRun

    return SharedRun


def changed(recipe: Recipe | None, changes: dict) -> Recipe:
    """Return a recipe with changes; how pieces are cut is none of ``fit``'s.

    Parameters
    ----------
    recipe : Recipe
        ``Recipe()`` if not given.
    changes : dict
        Settings by name.

    Raises
    ------
    ValueError
        If one of them is no setting, or out of range, or says how a series
        is cut.
    """
    recipe = _check_recipe(Recipe() if recipe is None else recipe)
    if not isinstance(changes, Mapping):
        raise ValueError(
            f"changes: expected settings by name, got {changes!r}"
        )
    for name in CUTTING:
        if name in changes:
            raise ValueError(
                f"{name}: expected no such setting here, as the loaders have "
                f"decided it; a Forecaster's fit takes it"
            )
    return recipe.but(**{str(name): changes[name] for name in changes})


def _check_recipe(recipe) -> Recipe:
    if not isinstance(recipe, Recipe):
        raise ValueError(f"recipe: expected a Recipe, got {recipe!r}")
    return recipe


def _check_callbacks(callbacks) -> list:
    if not isinstance(callbacks, (tuple, list)):
        raise ValueError(
            f"callbacks: expected a list of functions, got {callbacks!r}"
        )
    for watch in callbacks:
        check_callable("callbacks", watch, "functions of the run")
    return list(callbacks)


def log(every: int = 10) -> Callable[[Run], None]:
    """Return a callback that prints the losses now and then.

    Parameters
    ----------
    every : int
        Epochs between printed lines.

    Examples
    --------
    >>> from gru_tutorial import make_loader, make_windows
    >>> loader = make_loader(*make_windows([0, 1, 2, 3, 4, 5], window=3))
    >>> _ = torch.manual_seed(0)
    >>> history = fit(GRUModel(), loader, num_epochs=20, callbacks=[log(10)])
    ... # doctest: +ELLIPSIS
    Epoch [10/20], Loss: ...
    Epoch [20/20], Loss: ...
    """
    every = check_int("every", every, 1)

    def write(run: Run) -> None:
        if run.done % every == 0:
            history, last = run.history, run.recipe.num_epochs
            line = f"Epoch [{run.done}/{last}], Loss: "
            line += f"{history.train_loss[-1]:.4f}"
            if history.valid_loss:
                line += f", Valid: {history.valid_loss[-1]:.4f}"
            print(line)

    return write


def progress_bar() -> Callable[[Run], None]:
    """Return a callback that draws a progress bar, one step an epoch.

    Examples
    --------
    >>> callable(progress_bar())
    True
    """
    from tqdm import tqdm

    bar = None

    def advance(run: Run) -> None:
        nonlocal bar
        if bar is None or run.done == 1:  # another run
            total = run.recipe.num_epochs
            bar = tqdm(initial=run.done - 1, total=total, unit="epoch")
        bar.update()
        if run.over():
            bar.close()
            bar = None

    return advance
