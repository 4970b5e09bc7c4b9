"""How a model is trained, as plain data that can be named, kept and compared.

Chapters, benchmarks, checkpoints and a forecaster's file share it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace

import torch
from torch import nn

from gru_tutorial.checks import (
    MAX_BATCH,
    check_bool,
    check_callable,
    check_float,
    check_int,
    check_seed,
)

MAX_RATE = 1e36
# How a forecaster cuts its series; ready loaders have decided that.
CUTTING = ("batch_size", "chunk", "stride")
# Those that come back from a file, with their usual options.
LOSSES = (nn.MSELoss, nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss)


@dataclass(frozen=True)
class Recipe:
    """Settings of a training run, checked once.

    Parameters
    ----------
    num_epochs : int
        Passes over the training part, at most.
    lr : float
        The learning rate, with ``one_cycle`` its highest value.
    optimizer : callable
        Makes the optimiser: ``optimizer(parameters, lr=lr)``.
    loss : callable
        Gives a batch's mean loss: ``loss(y_hat, y)``. That of the model's
        head, a mean squared error for most, if not given.
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
        Of the order of the windows, and of the input noise.
    batch_size : int
        Windows or chunks per update, where a ``Forecaster`` cuts them.
    chunk : int
        Time steps of a chunk, where a ``Forecaster`` carries its state.
    stride : int
        Time steps from the start of one window or chunk to the next.

    Raises
    ------
    ValueError
        If a setting is out of range.

    References
    ----------
    One-cycle: Smith & Topin (2019), arXiv:1708.07120. Clipping: Pascanu et
    al. (2013), arXiv:1211.5063.

    Examples
    --------
    >>> short = Recipe(num_epochs=3, lr=0.02)
    >>> short.but(clip=1.0).clip
    1.0
    """

    num_epochs: int = 100
    lr: float = 0.01
    optimizer: Callable = torch.optim.Adam
    loss: Callable | None = None
    one_cycle: bool = False
    clip: float | None = None
    input_noise: float = 0.0
    burn_in: int = 0
    patience: int | None = None
    seed: int = 0
    batch_size: int = 32
    chunk: int = 64
    stride: int = 1

    def __post_init__(self):
        """Check all settings, and keep numbers as Python's own."""
        checked = {
            "num_epochs": check_int("num_epochs", self.num_epochs, 1),
            "lr": _check_rate(self.lr),
            "one_cycle": check_bool("one_cycle", self.one_cycle),
            "input_noise": check_float("input_noise", self.input_noise, 0),
            "burn_in": check_int("burn_in", self.burn_in, 0),
            "seed": check_seed("seed", self.seed),
            "batch_size": check_int(
                "batch_size", self.batch_size, 1, MAX_BATCH
            ),
            "chunk": check_int("chunk", self.chunk, 1),
            "stride": check_int("stride", self.stride, 1),
        }
        if self.clip is not None:
            checked["clip"] = check_float("clip", self.clip, 0, True)
        if self.patience is not None:
            checked["patience"] = check_int("patience", self.patience, 1)
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        takes = "a class such as torch.optim.Adam, or a function of it"
        check_callable("optimizer", self.optimizer, takes)
        if self.loss is not None:
            takes = "a function of y_hat and y, such as nn.MSELoss()"
            check_callable("loss", self.loss, takes)
            if isinstance(self.loss, type):
                raise ValueError(
                    f"loss: expected {takes}, got the class {self.loss!r}; "
                    f"call it first"
                )

    def but(self, **changes) -> Recipe:
        """Return a recipe with some settings changed.

        Parameters
        ----------
        **changes
            Settings by name.

        Raises
        ------
        ValueError
            If one of them is out of range, or is no setting.
        """
        known = [field.name for field in fields(self)]
        for name in changes:
            if name not in known:
                raise ValueError(
                    f"{name}: expected one of a recipe's settings, "
                    f"{', '.join(known)}"
                )
        return replace(self, **changes)

    def plain(self) -> dict:
        """Return the settings as plain values, functions by their names.

        Examples
        --------
        >>> Recipe().plain()["optimizer"]
        'torch.optim.adam.Adam'
        """
        return {
            name: name_of(value) if callable(value) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def of(cls, plain: dict) -> Recipe:
        """Return the recipe that ``plain`` was made from.

        Parameters
        ----------
        plain : dict
            What ``Recipe.plain`` returned. A function that is not PyTorch's
            own comes back as one that says so when it is called.

        Raises
        ------
        ValueError
            If ``plain`` is no dict of settings, or one is out of range.

        Examples
        --------
        >>> Recipe.of(Recipe(lr=0.1).plain()) == Recipe(lr=0.1)
        True
        """
        if not isinstance(plain, Mapping):
            raise ValueError(
                f"plain: expected settings by name, as Recipe.plain gives "
                f"them, got {type(plain).__name__}"
            )
        found = {str(name): plain[name] for name in plain}
        for name in ("optimizer", "loss"):
            if isinstance(found.get(name), str):
                found[name] = _function_of(name, found[name])
        return cls().but(**found)


def _check_rate(lr: float) -> float:
    rate = check_float("lr", lr, 0, exclusive=True)
    if rate > MAX_RATE:
        raise ValueError(
            f"lr: expected a number up to {MAX_RATE:g}, as float32 can hold "
            f"what an optimiser makes of it, got {lr!r}"
        )
    return rate


def name_of(function) -> str:
    """Return what tells a function, a class or a module from others.

    Parameters
    ----------
    function : callable
        A ``functools.partial`` is told by its arguments, too.

    Examples
    --------
    >>> name_of(functools.partial(torch.optim.SGD, momentum=0.9))
    'torch.optim.sgd.SGD(momentum=0.9)'
    """
    check_callable("function", function, "a function, a class or a module")
    if isinstance(function, functools.partial):
        given = [repr(one) for one in function.args]
        given += [f"{k}={v!r}" for k, v in sorted(function.keywords.items())]
        return f"{name_of(function.func)}({', '.join(given)})"
    if isinstance(function, nn.Module):  # its repr leaves options out
        options = {
            k: v
            for k, v in sorted(vars(function).items())
            if isinstance(v, (bool, int, float, str))
            and not k.startswith("_")
            and k != "training"
        }
        given = ", ".join(f"{k}={v!r}" for k, v in options.items())
        return f"{type(function).__name__}({given})"
    made = function if hasattr(function, "__qualname__") else type(function)
    return f"{made.__module__}.{made.__qualname__}"


def _function_of(setting: str, name: str):
    short = name.rpartition(".")[2]
    if name.startswith("torch.optim.") and hasattr(torch.optim, short):
        return getattr(torch.optim, short)
    kind = getattr(nn, name.partition("(")[0], None)
    if kind in LOSSES and name_of(kind()) == name:
        return kind()

    def absent(*args, **kwargs):
        raise ValueError(
            f"{setting}: expected a function, but the file kept only the name "
            f"of this one, {name}; pass your own"
        )

    absent.__module__, _, absent.__qualname__ = name.rpartition(".")
    return absent


# Found by a sweep over other series than the book reports, for a
# ``GRUModel(hidden_size=32, horizon=4)``: see benchmarks/recipes.py.
QUICK = Recipe(
    num_epochs=5,
    lr=0.04,
    one_cycle=True,
    clip=1.0,
    input_noise=0.4,
    burn_in=32,
    batch_size=12,
    chunk=64,
)
# For ``GRUModel(hidden_size=32, horizon=8)``.
CAREFUL = Recipe(
    num_epochs=24,
    lr=0.02,
    one_cycle=True,
    clip=1.0,
    input_noise=0.8,
    burn_in=48,
    batch_size=32,
    chunk=128,
)
PATIENT = CAREFUL.but(batch_size=64, num_epochs=80, input_noise=1.0)
