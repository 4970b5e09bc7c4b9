"""Chapters 1 and 6: one GRU step in NumPy, with its gates in the open.

All arrays may be of any real type. What is computed is float64.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from gru_tutorial.checks import check_values


class GRUWeights(NamedTuple):
    """The weights of one GRU layer, stacked as in PyTorch: r, then z, then n.

    Attributes
    ----------
    weight_ih : numpy.ndarray of shape (3 * hidden, features)
        ``W_ir``, ``W_iz`` and ``W_in``.
    weight_hh : numpy.ndarray of shape (3 * hidden, hidden)
        ``W_hr``, ``W_hz`` and ``W_hn``.
    bias_ih, bias_hh : numpy.ndarray of shape (3 * hidden,)
        ``b_ir``, ``b_iz``, ``b_in`` and ``b_hr``, ``b_hz``, ``b_hn``.
    """

    weight_ih: np.ndarray
    weight_hh: np.ndarray
    bias_ih: np.ndarray
    bias_hh: np.ndarray

    @classmethod
    def of(cls, gru: nn.GRU) -> GRUWeights:
        """Copy the weights of a PyTorch layer.

        Parameters
        ----------
        gru : torch.nn.GRU
            One layer, one direction, with biases.

        Returns
        -------
        GRUWeights
            Arrays of the layer's dtype; of float32, if NumPy has no such
            type (bfloat16). Training the layer leaves them as they are.

        Raises
        ------
        ValueError
            If the layer is of another kind, or its weights hold no numbers
            (on the meta device).

        Examples
        --------
        >>> GRUWeights.of(nn.GRU(1, 8)).weight_hh.shape
        (24, 8)
        """
        if (
            not isinstance(gru, nn.GRU)
            or gru.num_layers != 1
            or gru.bidirectional
            or not gru.bias
        ):
            raise ValueError(
                f"gru: expected an nn.GRU of one layer and one direction with "
                f"biases, got {gru!r}"
            )
        found = (getattr(gru, f"{name}_l0").detach() for name in cls._fields)
        return cls(*map(_as_array, found))


def _as_array(weight: torch.Tensor) -> np.ndarray:
    if weight.is_meta or weight.is_complex():
        raise ValueError(
            f"gru: expected weights that hold real numbers, got "
            f"{weight.dtype} on {weight.device}"
        )
    known = (torch.float16, torch.float32, torch.float64)
    number = weight.dtype if weight.dtype in known else torch.float32
    return weight.to("cpu", number, copy=True).numpy()


class Dialect(NamedTuple):
    """Where a GRU applies its reset gate, and what its update gate does.

    Attributes
    ----------
    reset : str
        "after" the matrix product ``W_hn h``, or "before" it, on the state.
    update : str
        Whether z = 1 means to "keep" the old state, or to "write" the new.
    """

    reset: str
    update: str


DIALECTS = {
    "PyTorch": Dialect("after", "keep"),
    "Keras, reset_after=True": Dialect("after", "keep"),
    "ONNX, linear_before_reset=1": Dialect("after", "keep"),
    "Cho et al. 2014, version 1": Dialect("after", "keep"),
    "Cho et al. 2014, version 3": Dialect("before", "keep"),
    "Keras, reset_after=False": Dialect("before", "keep"),
    "ONNX, linear_before_reset=0": Dialect("before", "keep"),
    "D2L": Dialect("before", "keep"),
    "Chung et al. 2014": Dialect("before", "write"),
}


class GRUStep(NamedTuple):
    """The gates of a step, and the state after it.

    Attributes
    ----------
    r, z, n, h : numpy.ndarray of shape (..., hidden)
        Reset gate, update gate, candidate, new state.
    """

    r: np.ndarray
    z: np.ndarray
    n: np.ndarray
    h: np.ndarray


def _sigmoid(a: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * a))  # does not overflow


@np.errstate(over="ignore", invalid="ignore")  # _check_sums looks
def gru_step(x, h, weights: GRUWeights, dialect: str = "PyTorch") -> GRUStep:
    """Compute one step of a GRU.

    Parameters
    ----------
    x : array_like of shape (batch, features)
        The input of this step.
    h : array_like of shape (batch, hidden)
        The state before it.
    weights : GRUWeights
        The layer's weights, always in PyTorch's layout.
    dialect : str
        Whose equations to use: a key of ``DIALECTS``.

    Returns
    -------
    GRUStep
        The gates and the new state, float64, each of shape (batch, hidden).

    Raises
    ------
    ValueError
        If the shapes do not fit each other, a value is missing or infinite,
        the sums inside the gates overflow, or the dialect is unknown.

    References
    ----------
    The documentation of ``torch.nn.GRU``; Cho et al. (2014), arXiv:1406.1078;
    Chung et al. (2014), arXiv:1412.3555.

    Examples
    --------
    >>> weights = GRUWeights.of(nn.GRU(1, 8))
    >>> gru_step(np.zeros((32, 1)), np.zeros((32, 8)), weights).h.shape
    (32, 8)
    """
    x, h, weights = _check_step(x, h, weights)
    reset, update = _check_dialect(dialect)
    hidden = h.shape[1]
    W_hn, b_hn = weights.weight_hh[2 * hidden :], weights.bias_hh[2 * hidden :]
    input_part = x @ weights.weight_ih.T + weights.bias_ih
    state_part = h @ weights.weight_hh.T + weights.bias_hh
    input_r, input_z, input_n = np.split(input_part, 3, axis=1)
    state_r, state_z, state_n = np.split(state_part, 3, axis=1)
    r = _sigmoid(input_r + state_r)
    z = _sigmoid(input_z + state_z)
    if reset == "after":
        sum_n = input_n + r * state_n
    else:
        sum_n = input_n + (r * h) @ W_hn.T + b_hn
    _check_sums(input_part, state_part, sum_n)
    n = np.tanh(sum_n)
    keep = z if update == "keep" else 1 - z
    return GRUStep(r, z, n, (1 - keep) * n + keep * h)


def _check_step(x, h, weights) -> tuple[np.ndarray, np.ndarray, GRUWeights]:
    """Return all parts of a step in float64, if they fit each other."""
    weights = _check_weights(weights)
    x = check_values("x", x, ndim=(2,), dtype=np.float64)
    h = check_values("h", h, ndim=(2,), dtype=np.float64)
    features, hidden = weights.weight_ih.shape[1], weights.weight_hh.shape[1]
    if x.shape[1] != features or h.shape != (len(x), hidden):
        raise ValueError(
            f"x, h: expected shapes (batch, {features}) and (batch, "
            f"{hidden}), got {x.shape} and {h.shape}"
        )
    return x, h, weights


class _Checked(GRUWeights):
    """Weights in float64 that need no second look in a loop."""


def _check_weights(weights) -> GRUWeights:
    if isinstance(weights, _Checked):
        return weights
    if not isinstance(weights, GRUWeights):
        raise ValueError(
            f"weights: expected GRUWeights, got {type(weights).__name__}; "
            f"GRUWeights.of(gru) copies those of a layer"
        )
    ranks = (2, 2, 1, 1)
    checked = _Checked(
        *(
            check_values(name, part, ndim=(rank,), dtype=np.float64)
            for (name, part), rank in zip(
                weights._asdict().items(), ranks, strict=True
            )
        )
    )
    features, hidden = checked.weight_ih.shape[1], checked.weight_hh.shape[1]
    rows = 3 * hidden
    expected = [(rows, features), (rows, hidden), (rows,), (rows,)]
    found = [part.shape for part in checked]
    if found != expected:
        raise ValueError(
            f"weights: expected shapes (3 * hidden, features), (3 * hidden, "
            f"hidden) and twice (3 * hidden,), got {found}"
        )
    return checked


def _check_dialect(dialect) -> Dialect:
    if not isinstance(dialect, str) or dialect not in DIALECTS:
        raise ValueError(
            f"dialect: expected one of {list(DIALECTS)}, got {dialect!r}"
        )
    return DIALECTS[dialect]


def _check_sums(*sums: np.ndarray) -> None:
    if not all(np.isfinite(part).all() for part in sums):
        raise ValueError(
            f"x, h, weights: expected numbers whose products and sums stay "
            f"below {np.finfo(np.float64).max:.1e}, got an overflow"
        )


def gru_sequence(
    x, weights: GRUWeights, h0=None, dialect: str = "PyTorch"
) -> GRUStep:
    """Run a GRU over sequences, and keep the gates of every step.

    Parameters
    ----------
    x : array_like of shape (batch, time, features)
        The sequences.
    weights : GRUWeights
        The layer's weights.
    h0 : array_like of shape (batch, hidden)
        The state before the first step; zeros if not given.
    dialect : str
        Whose equations to use: a key of ``DIALECTS``.

    Returns
    -------
    GRUStep
        The gates and states of all steps, float64, each of shape
        (batch, time, hidden).

    Raises
    ------
    ValueError
        As for ``gru_step``, or if there is no step.

    Examples
    --------
    >>> weights = GRUWeights.of(nn.GRU(1, 8))
    >>> gru_sequence(np.zeros((32, 24, 1)), weights).z.shape
    (32, 24, 8)
    """
    x, h, weights = _check_sequence(x, weights, h0)
    steps = []
    for t in range(x.shape[1]):
        steps.append(gru_step(x[:, t], h, weights, dialect))
        h = steps[-1].h
    return GRUStep(
        *(np.stack(part, axis=1) for part in zip(*steps, strict=True))
    )


def _check_sequence(x, weights, h0):
    """Return the sequences, the first state and the weights, in float64."""
    weights = _check_weights(weights)
    x = check_values("x", x, ndim=(3,), dtype=np.float64)
    features, hidden = weights.weight_ih.shape[1], weights.weight_hh.shape[1]
    if x.shape[1] == 0:
        raise ValueError(f"x: expected at least one step, got shape {x.shape}")
    if x.shape[2] != features:
        raise ValueError(
            f"x: expected shape (batch, time, {features}), got {x.shape}"
        )
    if h0 is None:
        return x, np.zeros((len(x), hidden)), weights
    h0 = check_values("h0", h0, ndim=(2,), dtype=np.float64)
    if h0.shape != (len(x), hidden):
        raise ValueError(
            f"h0: expected shape {(len(x), hidden)}, got {h0.shape}"
        )
    return x, h0, weights


class GRUGradients(NamedTuple):
    """The gradient of a loss with respect to all that a GRU computes with.

    Attributes
    ----------
    weights : GRUWeights
        With respect to the weights, of their shapes.
    x : numpy.ndarray of shape (batch, ..., features)
        With respect to the input.
    h : numpy.ndarray of shape (batch, hidden)
        With respect to the state before the (first) step.
    gates : numpy.ndarray of shape (batch, ..., 3 * hidden)
        With respect to the sums inside sigmoid, sigmoid and tanh: r, z, n.
    """

    weights: GRUWeights
    x: np.ndarray
    h: np.ndarray
    gates: np.ndarray


@np.errstate(over="ignore", invalid="ignore")  # _check_gradients looks
def gru_step_backward(
    x, h, step: GRUStep, weights: GRUWeights, d_h_new
) -> GRUGradients:
    """Propagate a gradient back through one step, in PyTorch's form.

    Parameters
    ----------
    x : array_like of shape (batch, features)
        The input of the step.
    h : array_like of shape (batch, hidden)
        The state before it.
    step : GRUStep
        What ``gru_step`` returned for them.
    weights : GRUWeights
        The layer's weights.
    d_h_new : array_like of shape (batch, hidden)
        The loss's gradient with respect to the new state.

    Returns
    -------
    GRUGradients
        With respect to weights, input, old state and gates, float64.

    Raises
    ------
    ValueError
        If the shapes do not fit each other, a value is missing or infinite,
        ``step`` is not what ``gru_step`` makes of ``x``, ``h`` and
        ``weights`` in PyTorch's form, or a gradient overflows.

    Examples
    --------
    >>> weights = GRUWeights.of(nn.GRU(1, 8))
    >>> x, h = np.zeros((32, 1)), np.zeros((32, 8))
    >>> step = gru_step(x, h, weights)
    >>> gru_step_backward(x, h, step, weights, np.ones((32, 8))).x.shape
    (32, 1)
    """
    x, h, weights = _check_step(x, h, weights)
    r, z, n, _ = step = _check_steps("step", step, h.shape)
    _check_belongs(step, gru_step(x, h, weights))
    d_h_new = _check_like("d_h_new", d_h_new, h.shape)
    hidden = h.shape[1]
    W_hn, b_hn = weights.weight_hh[2 * hidden :], weights.bias_hh[2 * hidden :]
    state_n = h @ W_hn.T + b_hn
    d_n = d_h_new * (1 - z) * (1 - n**2)
    d_z = d_h_new * (h - n) * z * (1 - z)
    d_r = d_n * state_n * r * (1 - r)
    d_input = np.concatenate([d_r, d_z, d_n], axis=1)
    d_state = np.concatenate([d_r, d_z, d_n * r], axis=1)
    d_weights = GRUWeights(
        d_input.T @ x, d_state.T @ h, d_input.sum(axis=0), d_state.sum(axis=0)
    )
    d_h = d_h_new * z + d_state @ weights.weight_hh
    d_x = d_input @ weights.weight_ih
    _check_gradients(*d_weights, d_x, d_h)
    return GRUGradients(d_weights, d_x, d_h, d_input)


def _check_steps(name: str, steps, shape: tuple[int, ...]) -> GRUStep:
    """Return gates and states in float64, if they have this shape."""
    if not isinstance(steps, GRUStep):
        raise ValueError(
            f"{name}: expected a GRUStep, got {type(steps).__name__}"
        )
    parts = steps._asdict().items()
    return GRUStep(
        *(_check_like(f"{name}.{key}", part, shape) for key, part in parts)
    )


def _check_belongs(step: GRUStep, expected: GRUStep) -> None:
    if not all(map(_are_close, step, expected)):
        raise ValueError(
            "step(s): expected the gates and states that x, h and the weights "
            "give in PyTorch's form, got others"
        )


def _are_close(these: np.ndarray, those: np.ndarray) -> bool:
    gap = np.abs(these - those)
    return bool((gap <= 1e-6 + 1e-5 * np.abs(those)).all())  # float32 passes


def _check_like(name: str, values, shape: tuple[int, ...]) -> np.ndarray:
    array = check_values(name, values, ndim=(len(shape),), dtype=np.float64)
    if array.shape != shape:
        raise ValueError(f"{name}: expected shape {shape}, got {array.shape}")
    return array


def _check_gradients(*gradients: np.ndarray) -> None:
    if not all(np.isfinite(part).all() for part in gradients):
        raise ValueError(
            f"d_h_new, d_out: expected gradients that stay below "
            f"{np.finfo(np.float64).max:.1e} on their way, got an overflow"
        )


@np.errstate(over="ignore", invalid="ignore")  # _check_gradients looks
def gru_sequence_backward(
    x, steps: GRUStep, weights: GRUWeights, d_out, h0=None
) -> GRUGradients:
    """Propagate gradients back through time, in PyTorch's form.

    Parameters
    ----------
    x : array_like of shape (batch, time, features)
        The sequences.
    steps : GRUStep
        What ``gru_sequence`` returned for them.
    weights : GRUWeights
        The layer's weights.
    d_out : array_like of shape (batch, time, hidden)
        The loss's gradient with respect to the state after every step.
    h0 : array_like of shape (batch, hidden)
        The state before the first step; zeros if not given.

    Returns
    -------
    GRUGradients
        With respect to weights, input, first state and gates, float64.

    Raises
    ------
    ValueError
        As for ``gru_step_backward``, or if ``steps`` or ``d_out`` are of
        another number of steps than ``x``.

    Examples
    --------
    >>> weights = GRUWeights.of(nn.GRU(1, 8))
    >>> x = np.zeros((32, 24, 1))
    >>> steps = gru_sequence(x, weights)
    >>> d_out = np.ones((32, 24, 8))
    >>> gru_sequence_backward(x, steps, weights, d_out).h.shape
    (32, 8)
    """
    x, h0, weights = _check_sequence(x, weights, h0)
    shape = (*x.shape[:2], h0.shape[1])
    steps = _check_steps("steps", steps, shape)
    d_out = _check_like("d_out", d_out, shape)
    d_h = np.zeros_like(h0)
    d_weights = [np.zeros_like(part) for part in weights]
    d_x, d_gates = [], []
    for t in reversed(range(x.shape[1])):
        h = steps.h[:, t - 1] if t else h0
        step = GRUStep(*(part[:, t] for part in steps))
        d_h = d_h + d_out[:, t]
        _check_gradients(d_h)
        grads = gru_step_backward(x[:, t], h, step, weights, d_h)
        d_weights = [
            a + b for a, b in zip(d_weights, grads.weights, strict=True)
        ]
        d_h = grads.h
        d_x.append(grads.x)
        d_gates.append(grads.gates)
    _check_gradients(*d_weights)
    d_x, d_gates = (np.stack(part[::-1], axis=1) for part in (d_x, d_gates))
    return GRUGradients(GRUWeights(*d_weights), d_x, d_h, d_gates)
