"""Chapter 7: tasks that need memory, and networks to compare on them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from gru_tutorial.checks import (
    check_bool,
    check_callable,
    check_float,
    check_generator,
    check_int,
    check_seed,
    check_values,
)
from gru_tutorial.exact import ExactGRU
from gru_tutorial.mingru import (
    MAX_LAYERS,
    SIZES,
    MinGRU,
    _check_input,
    _check_sizes,
)
from gru_tutorial.recipe import Recipe
from gru_tutorial.tensors import build_layer
from gru_tutorial.training import fit

TEST_SEED = 10**6
KINDS = ("RNN", "LSTM", "GRU", "minGRU")
BLOCKS = {"RNN": 1, "LSTM": 4, "GRU": 3}  # of weights, in PyTorch's layers
MAX_NUMBERS = 2**28  # in one draw: a gibibyte of float32


def adding_problem(
    n: int, length: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Draw sequences in which two marked numbers are to be added.

    The first number is marked somewhere in the first half, the second
    somewhere in the second half. Always answering with the mean, 1, gives a
    mean squared error of exactly 1/6.

    Parameters
    ----------
    n : int
        Sequences.
    length : int
        Time steps of each, at least 2.
    rng : numpy.random.Generator
        Draws them.

    Returns
    -------
    X : Tensor of shape (n, length, 2)
        Numbers from 0 to 1, and a mark of 1 at two of them.
    y : Tensor of shape (n, 1)
        The sum of the marked numbers.

    Raises
    ------
    ValueError
        If ``n`` is below 1, ``length`` below 2, both are too large, or
        ``rng`` is no generator.

    References
    ----------
    Hochreiter and Schmidhuber (1997); in this form Le, Jaitly and Hinton
    (2015), arXiv:1504.00941.

    Examples
    --------
    >>> X, y = adding_problem(5, 30, np.random.default_rng(0))
    >>> bool(((X[..., 0] * X[..., 1]).sum(1, keepdim=True) == y).all())
    True
    """
    n, length = _check_task(n, "length", length, 2, rng)
    X = np.zeros((n, length, 2), dtype=np.float32)
    X[:, :, 0] = rng.random((n, length))
    rows, half = np.arange(n), length // 2
    X[rows, rng.integers(0, half, n), 1] = 1
    X[rows, rng.integers(half, length, n), 1] = 1
    y = (X[:, :, 0] * X[:, :, 1]).sum(axis=1, keepdims=True)
    return torch.from_numpy(X), torch.from_numpy(y)


def marked_recall(
    n: int, lag: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Draw sequences whose first, marked number is asked for at the end.

    Always answering 0 gives a mean squared error of exactly 1/3.

    Parameters
    ----------
    n : int
        Sequences.
    lag : int
        Time steps between the number and the answer.
    rng : numpy.random.Generator
        Draws them.

    Returns
    -------
    X : Tensor of shape (n, lag + 1, 2)
        Numbers from -1 to 1, and a mark of 1 at the first.
    y : Tensor of shape (n, 1)
        The first number.

    Raises
    ------
    ValueError
        If ``n`` or ``lag`` is below 1, both are too large, or ``rng`` is no
        generator.

    Examples
    --------
    >>> X, y = marked_recall(5, 30, np.random.default_rng(0))
    >>> X.shape, torch.equal(X[:, 0, :1], y)
    (torch.Size([5, 31, 2]), True)
    """
    n, lag = _check_task(n, "lag", lag, 1, rng)
    X = np.zeros((n, lag + 1, 2), dtype=np.float32)
    X[:, :, 0] = rng.uniform(-1, 1, (n, lag + 1))
    X[:, 0, 1] = 1
    return torch.from_numpy(X), torch.from_numpy(X[:, 0, :1].copy())


def delay_line(
    n: int, lag: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Draw sequences of which the number ``lag`` steps ago is asked for.

    No number is marked, so all of the last ``lag`` must be kept, in order.
    Always answering 0 gives a mean squared error of exactly 1/3.

    Parameters
    ----------
    n : int
        Sequences.
    lag : int
        Time steps between the number and the answer.
    rng : numpy.random.Generator
        Draws them.

    Returns
    -------
    X : Tensor of shape (n, 2 * lag, 1)
        Numbers from -1 to 1.
    y : Tensor of shape (n, 1)
        The number ``lag`` steps before the last.

    Raises
    ------
    ValueError
        If ``n`` or ``lag`` is below 1, both are too large, or ``rng`` is no
        generator.

    Examples
    --------
    >>> X, y = delay_line(5, 10, np.random.default_rng(0))
    >>> torch.equal(X[:, -11], y)
    True
    """
    n, lag = _check_task(n, "lag", lag, 1, rng)
    X = rng.uniform(-1, 1, (n, 2 * lag, 1)).astype(np.float32)
    return torch.from_numpy(X), torch.from_numpy(X[:, lag - 1].copy())


def _check_task(n, name: str, steps, minimum: int, rng) -> tuple[int, int]:
    n = check_int("n", n, 1)
    steps = check_int(name, steps, minimum)
    check_generator("rng", rng)
    if n * steps > MAX_NUMBERS:
        raise ValueError(
            f"n, {name}: expected at most {MAX_NUMBERS} numbers in one draw, "
            f"got {n} times {steps}"
        )
    return n, steps


class Recaller(nn.Module):
    """Answer once, from a recurrent layer's last state.

    Parameters
    ----------
    kind : str
        One of ``KINDS``.
    input_size, hidden_size : int
        Features and units.
    open_for : float or sequence of float
        Added to the bias of the gate that keeps the state: a GRU's update
        gate, an LSTM's forget gate, and minGRU's gate with the other sign.
    coupled : bool
        Whether what is added to an LSTM's forget gate is taken from its input
        gate. In the other two one gate is both.
    orthogonal : bool
        Whether the weights from state to state start as orthogonal matrices,
        one for each gate; minGRU has none.
    num_layers : int
        Recurrent layers.

    Raises
    ------
    ValueError
        If ``kind`` is unknown, a size is below 1, ``open_for`` is not one
        finite number or one for each unit, or a network is to have what its
        kind has not.

    Examples
    --------
    >>> Recaller("GRU", 2, 8)(torch.zeros(4, 30, 2)).shape
    torch.Size([4, 1])
    """

    def __init__(
        self,
        kind: str,
        input_size: int,
        hidden_size: int,
        open_for=0.0,
        coupled: bool = False,
        orthogonal: bool = False,
        num_layers: int = 1,
    ):
        super().__init__()
        kind = _check_name(kind)
        sizes = _check_sizes(input_size, hidden_size)
        bias = _check_open_for(kind, open_for, sizes[1])
        _check_start(kind, coupled, orthogonal)
        layers = check_int("num_layers", num_layers, 1, MAX_LAYERS)
        self.layer = _make_layer(kind, *sizes, layers)
        self.linear = nn.Linear(sizes[1], 1)
        with torch.no_grad():
            if kind != "RNN":
                for gate, sign in _keeping(self.layer, coupled):
                    gate += sign * bias
            if orthogonal:
                for weight in _recurrent(self.layer):
                    nn.init.orthogonal_(weight)

    def forward(self, x: Tensor) -> Tensor:
        """Return one number for each sequence.

        Parameters
        ----------
        x : Tensor of shape (batch, time, features)
            The sequences.

        Returns
        -------
        Tensor of shape (batch, 1)
            The answers.

        Raises
        ------
        ValueError
            If ``x`` has another shape, dtype or device.
        """
        _check_input(x, next(self.layer.parameters()))
        out, _ = self.layer(x)
        return self.linear(out[:, -1])


def _make_layer(kind: str, *sizes: int) -> nn.Module:
    """Return the layer; of equal ones, the one that trains faster here."""
    if kind == "minGRU":
        return MinGRU(*sizes, parallel=False)
    layer = build_layer(SIZES, getattr(nn, kind), *sizes, batch_first=True)
    return ExactGRU.of(layer) if kind == "GRU" else layer


def _keeping(layer: nn.Module, coupled: bool):
    """Yield the biases that decide what is kept, and with which sign."""
    if isinstance(layer, MinGRU):
        for gate in layer.gates:
            yield gate.bias, -1
        return
    size = layer.hidden_size
    for k in range(layer.num_layers):
        bias = getattr(layer, f"bias_ih_l{k}")
        yield bias[size : 2 * size], 1  # z of a GRU, f of an LSTM
        if coupled:
            yield bias[:size], -1  # i of an LSTM


def _recurrent(layer: nn.Module):
    """Yield each square of weights from state to state."""
    for k in range(layer.num_layers):
        yield from getattr(layer, f"weight_hh_l{k}").split(layer.hidden_size)


def _check_start(kind: str, coupled: bool, orthogonal: bool) -> None:
    if check_bool("coupled", coupled) and kind != "LSTM":
        raise ValueError(
            f"coupled: expected False, as only an LSTM has two gates for it, "
            f"got a {kind}"
        )
    if check_bool("orthogonal", orthogonal) and kind == "minGRU":
        raise ValueError(
            "orthogonal: expected False, as minGRU has no weights from state "
            "to state"
        )


def _check_name(kind: str) -> str:
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"kind: expected one of {KINDS}, got {kind!r}")
    return kind


def _check_open_for(kind: str, open_for, hidden_size: int) -> Tensor:
    """Return the bias in float32: one number, or one for each unit."""
    values = check_values("open_for", open_for, ndim=(0, 1))
    if values.shape not in ((), (hidden_size,)):
        raise ValueError(
            f"open_for: expected one number, or one for each of {hidden_size} "
            f"units, got shape {values.shape}"
        )
    if kind == "RNN" and values.any():
        raise ValueError("open_for: expected 0, as an RNN has no gate")
    limit = torch.finfo(torch.float32).max
    if np.abs(values).max() > limit:
        raise ValueError(
            f"open_for: expected numbers up to {limit:.1e}, got {values}"
        )
    return torch.tensor(values, dtype=torch.float32)


def size_for(
    kind: str, input_size: int, parameters: int, num_layers: int = 1
) -> int:
    """Return the hidden size with which a ``Recaller`` has so many parameters.

    Parameters
    ----------
    kind : str
        One of ``KINDS``.
    input_size : int
        Features.
    parameters : int
        How many parameters it may have at most.
    num_layers : int
        Recurrent layers.

    Returns
    -------
    int
        The largest size that stays within them.

    Raises
    ------
    ValueError
        If not even one unit does, ``kind`` is unknown, or a number is not
        whole.

    Examples
    --------
    >>> [size_for(kind, 2, 3000) for kind in KINDS]
    [52, 25, 29, 428]
    >>> size_for("minGRU", 2, 3000, num_layers=3)
    26
    """
    features = check_int("input_size", input_size, 1)
    rest = check_int("parameters", parameters, 1) - 1  # the answer's bias
    more = check_int("num_layers", num_layers, 1, MAX_LAYERS) - 1
    blocks = BLOCKS.get(_check_name(kind), 0)
    if blocks:  # square * size**2 + linear * size <= rest
        square = blocks * (1 + 2 * more)
        linear = blocks * (features + 2 + 2 * more) + 1
    else:
        square, linear = 2 * more, 2 * (features + 1 + more) + 1
    if square:
        root = math.isqrt(linear**2 + 4 * square * rest)
        size = (root - linear) // (2 * square)
    else:
        size = rest // linear
    if size == 0:
        raise ValueError(
            f"parameters: expected enough for one unit, got {parameters}"
        )
    return size


def chrono_bias(longest: int, hidden_size: int, seed: int = 0) -> np.ndarray:
    """Draw gate biases for time constants of 2 to ``longest`` steps.

    Parameters
    ----------
    longest : int
        The longest dependence expected, in steps, at least 3.
    hidden_size : int
        Units.
    seed : int
        Seed of NumPy's generator.

    Returns
    -------
    numpy.ndarray of shape (hidden_size,)
        ``log(uniform(1, longest - 1))``.

    Raises
    ------
    ValueError
        If a number is out of range.

    References
    ----------
    C. Tallec and Y. Ollivier (2018), Can recurrent neural networks warp time?
    arXiv:1804.11188.

    Examples
    --------
    >>> chrono_bias(30, 3).round(3)
    array([2.936, 2.146, 0.764])
    """
    longest = check_int("longest", longest, 3, MAX_NUMBERS)
    hidden_size = check_int("hidden_size", hidden_size, 1, MAX_NUMBERS)
    rng = np.random.default_rng(check_seed("seed", seed))
    return np.log(rng.uniform(1, longest - 1, hidden_size))


def train_on_task(
    model: nn.Module,
    draw: Callable[[int, np.random.Generator], tuple[Tensor, Tensor]],
    updates: int,
    seed: int = 0,
    lr: float = 0.01,
    batch_size: int = 32,
    every: int = 20,
    enough: float = 0.0,
) -> list[tuple[int, float]]:
    """Train on fresh sequences, and test on 500 others now and then.

    Parameters
    ----------
    model : torch.nn.Module
        Maps (batch, time, features) to (batch, 1); trained in place.
    draw : callable
        ``draw(n, rng)`` returns ``X`` and ``y``.
    updates : int
        Steps of Adam, each on a batch of its own, with the gradient's norm
        clipped to 1.
    seed : int
        Seed of the training sequences, below that of the test sequences.
    lr : float
        Adam's learning rate.
    batch_size : int
        Sequences per update.
    every : int
        Updates between tests; ``updates`` is a multiple of it.
    enough : float
        Training ends before ``updates`` when two tests in a row find a mean
        squared error below it.

    Returns
    -------
    list of (int, float)
        Updates so far, and the mean squared error on the test sequences.

    Raises
    ------
    ValueError
        If a number is out of range.
    FloatingPointError
        If training leaves the range of numbers.

    Examples
    --------
    >>> def draw(n, rng):
    ...     return adding_problem(n, 4, rng)
    >>> history = train_on_task(Recaller("GRU", 2, 4), draw, updates=40)
    >>> [updates for updates, error in history]
    [20, 40]
    """
    updates = check_int("updates", updates, 1)
    every = check_int("every", every, 1)
    recipe = Recipe(num_epochs=max(1, updates // every), lr=lr, clip=1.0)
    if updates % every:
        raise ValueError(
            f"updates: expected a multiple of every = {every}, so that the "
            f"last test comes at the end, got {updates}"
        )
    seed = check_int("seed", seed, 0, TEST_SEED - 1)
    batch_size = check_int("batch_size", batch_size, 1)
    enough = check_float("enough", enough, 0)
    check_callable("draw", draw, "draw(n, rng) that returns X and y")
    test = [_drawn(draw, 500, np.random.default_rng(TEST_SEED))]
    fresh = _Fresh(draw, batch_size, every, np.random.default_rng(seed))

    def done(run) -> bool:
        last = run.history.valid_loss[-2:]
        return len(last) == 2 and max(last) < enough

    errors = fit(model, fresh, test, recipe, callbacks=[done]).valid_loss
    return [(every * k, error) for k, error in enumerate(errors, start=1)]


class _Fresh:
    """Batches that are drawn when they are asked for: no epoch repeats one."""

    def __init__(self, draw, batch_size: int, count: int, rng):
        self.draw, self.batch_size = draw, batch_size
        self.count, self.rng = count, rng

    def __iter__(self):
        for _ in range(self.count):
            yield _drawn(self.draw, self.batch_size, self.rng)


def _drawn(draw, n: int, rng) -> tuple[Tensor, Tensor]:
    """Return what a task draws, if it is so many sequences and answers."""
    answer = draw(n, rng)
    pair = isinstance(answer, (tuple, list)) and len(answer) == 2
    if not pair or not all(isinstance(part, Tensor) for part in answer):
        raise ValueError(
            f"draw's answer: expected two tensors, X and y, got {answer!r}"
        )
    return answer
