"""Chapter 4: the training loop."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from gru_tutorial.checks import check_float, check_int
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


def _batch_loss(model: nn.Module, X_batch, y_batch, loss_fn) -> torch.Tensor:
    y_hat = model(to_model(model, X_batch))
    y_batch = to_model(model, y_batch)
    if y_hat.shape != y_batch.shape:
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
            f"{epoch}; try a smaller lr than {lr}"
        )


def evaluate(model: nn.Module, loader: DataLoader, loss_fn=None) -> float:
    """Return the mean loss per window, without training.

    Parameters
    ----------
    model : torch.nn.Module
        Maps (batch, time, features) to (batch, horizon).
    loader : torch.utils.data.DataLoader
        Yields ``X_batch`` and ``y_batch``.
    loss_fn : callable
        Gives a batch's mean loss; ``torch.nn.MSELoss()`` if not given.

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
    total, count = 0.0, 0
    with evaluating(model):
        for X_batch, y_batch in loader:
            loss = _batch_loss(model, X_batch, y_batch, loss_fn)
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
    loss_fn=None,
    log_every: int = 0,
    progress: bool = False,
) -> History:
    """Train a model with Adam.

    Parameters
    ----------
    model : torch.nn.Module
        Maps (batch, time, features) to (batch, horizon); trained in place.
    train_loader, valid_loader : torch.utils.data.DataLoader
        Yield ``X_batch`` and ``y_batch``.
    num_epochs : int
        Passes over the training windows.
    lr : float
        Adam's learning rate.
    loss_fn : callable
        Gives a batch's mean loss; ``torch.nn.MSELoss()`` if not given.
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
        If labels and predictions differ in shape, or an argument is out of
        range.
    FloatingPointError
        If the loss, its gradient or the weights are no longer finite. For a
        loss or gradient, the weights are those before the update.

    Examples
    --------
    >>> from gru_tutorial import GRUModel, make_loader, make_windows
    >>> loader = make_loader(*make_windows([0, 1, 2, 3, 4, 5], window=3))
    >>> history = fit(GRUModel(), loader, num_epochs=3)
    >>> len(history.train_loss)
    3
    """
    num_epochs = check_int("num_epochs", num_epochs, 1)
    log_every = check_int("log_every", log_every, 0)
    lr = check_float("lr", lr, 0, exclusive=True)
    loss_fn = loss_fn or nn.MSELoss()
    parameters = list(model.parameters())
    optimizer = torch.optim.Adam(parameters, lr=lr)
    history = History()
    epochs = range(1, num_epochs + 1)
    for epoch in tqdm(epochs, disable=not progress, unit="epoch"):
        model.train()
        total, count = 0.0, 0
        for X_batch, y_batch in train_loader:
            loss = _batch_loss(model, X_batch, y_batch, loss_fn)
            _check_finite("loss", [loss.detach()], epoch, lr)
            optimizer.zero_grad()
            loss.backward()
            gradients = [p.grad for p in parameters if p.grad is not None]
            _check_finite("gradient", gradients, epoch, lr)
            optimizer.step()
            total += loss.item() * len(X_batch)
            count += len(X_batch)
        if count == 0:
            raise ValueError(
                "train_loader: expected at least one batch, got none"
            )
        _check_finite("weights", parameters, epoch, lr)
        history.train_loss.append(total / count)
        if valid_loader is not None:
            history.valid_loss.append(evaluate(model, valid_loader, loss_fn))
        if log_every and epoch % log_every == 0:
            loss = history.train_loss[-1]
            line = f"Epoch [{epoch}/{num_epochs}], Loss: {loss:.4f}"
            if valid_loader is not None:
                line += f", Valid: {history.valid_loss[-1]:.4f}"
            print(line)
    return history
