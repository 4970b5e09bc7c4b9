"""Chapter 1: one GRU step in NumPy, with its gates in the open."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
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
            Arrays of the layer's dtype.

        Raises
        ------
        ValueError
            If the layer is of another kind.
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
        names = (f"{name}_l0" for name in cls._fields)
        return cls(*(getattr(gru, n).detach().numpy().copy() for n in names))


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
        The gates and the new state, each of shape (batch, hidden).

    Raises
    ------
    ValueError
        If the shapes do not fit each other, or the dialect is unknown.

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
    x = check_values("x", x, ndim=(2,))
    h = check_values("h", h, ndim=(2,))
    features, hidden = weights.weight_ih.shape[1], weights.weight_hh.shape[1]
    if x.shape[1] != features or h.shape != (len(x), hidden):
        raise ValueError(
            f"x, h: expected shapes (batch, {features}) and (batch, "
            f"{hidden}), got {x.shape} and {h.shape}"
        )
    if dialect not in DIALECTS:
        raise ValueError(
            f"dialect: expected one of {list(DIALECTS)}, got {dialect!r}"
        )
    reset, update = DIALECTS[dialect]
    W_hn, b_hn = weights.weight_hh[2 * hidden :], weights.bias_hh[2 * hidden :]
    input_part = x @ weights.weight_ih.T + weights.bias_ih
    state_part = h @ weights.weight_hh.T + weights.bias_hh
    input_r, input_z, input_n = np.split(input_part, 3, axis=1)
    state_r, state_z, state_n = np.split(state_part, 3, axis=1)
    r = _sigmoid(input_r + state_r)
    z = _sigmoid(input_z + state_z)
    if reset == "after":
        n = np.tanh(input_n + r * state_n)
    else:
        n = np.tanh(input_n + (r * h) @ W_hn.T + b_hn)
    keep = z if update == "keep" else 1 - z
    return GRUStep(r, z, n, (1 - keep) * n + keep * h)


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
        The gates and states of all steps, each of shape (batch, time, hidden).

    Raises
    ------
    ValueError
        If the shapes do not fit each other, there is no step, or the dialect
        is unknown.

    Examples
    --------
    >>> weights = GRUWeights.of(nn.GRU(1, 8))
    >>> gru_sequence(np.zeros((32, 24, 1)), weights).z.shape
    (32, 24, 8)
    """
    x = check_values("x", x, ndim=(3,))
    if x.shape[1] == 0:
        raise ValueError(f"x: expected at least one step, got shape {x.shape}")
    h = np.zeros((len(x), weights.weight_hh.shape[1])) if h0 is None else h0
    steps = []
    for t in range(x.shape[1]):
        steps.append(gru_step(x[:, t], h, weights, dialect))
        h = steps[-1].h
    return GRUStep(
        *(np.stack(part, axis=1) for part in zip(*steps, strict=True))
    )


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


def gru_step_backward(
    x, h, step: GRUStep, weights: GRUWeights, d_h_new
) -> GRUGradients:
    """Propagate a gradient back through one step, in PyTorch's form.

    Parameters
    ----------
    x : numpy.ndarray of shape (batch, features)
        The input of the step.
    h : numpy.ndarray of shape (batch, hidden)
        The state before it.
    step : GRUStep
        What ``gru_step`` returned.
    weights : GRUWeights
        The layer's weights.
    d_h_new : numpy.ndarray of shape (batch, hidden)
        The loss's gradient with respect to the new state.

    Returns
    -------
    GRUGradients
        With respect to weights, input, old state and gates.

    Raises
    ------
    ValueError
        If ``d_h_new`` has not the shape of the state.

    Examples
    --------
    >>> weights = GRUWeights.of(nn.GRU(1, 8))
    >>> x, h = np.zeros((32, 1)), np.zeros((32, 8))
    >>> step = gru_step(x, h, weights)
    >>> gru_step_backward(x, h, step, weights, np.ones((32, 8))).x.shape
    (32, 1)
    """
    d_h_new = check_values("d_h_new", d_h_new, ndim=(2,))
    r, z, n, h_new = step
    if d_h_new.shape != h_new.shape:
        raise ValueError(
            f"d_h_new: expected shape {h_new.shape}, got {d_h_new.shape}"
        )
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
    return GRUGradients(d_weights, d_input @ weights.weight_ih, d_h, d_input)


def gru_sequence_backward(
    x, steps: GRUStep, weights: GRUWeights, d_out, h0=None
) -> GRUGradients:
    """Propagate gradients back through time, in PyTorch's form.

    Parameters
    ----------
    x : numpy.ndarray of shape (batch, time, features)
        The sequences.
    steps : GRUStep
        What ``gru_sequence`` returned.
    weights : GRUWeights
        The layer's weights.
    d_out : numpy.ndarray of shape (batch, time, hidden)
        The loss's gradient with respect to the state after every step.
    h0 : numpy.ndarray of shape (batch, hidden)
        The state before the first step; zeros if not given.

    Returns
    -------
    GRUGradients
        With respect to weights, input, first state and gates.

    Raises
    ------
    ValueError
        If ``d_out`` has not the shape of the states.

    Examples
    --------
    >>> weights = GRUWeights.of(nn.GRU(1, 8))
    >>> x = np.zeros((32, 24, 1))
    >>> steps = gru_sequence(x, weights)
    >>> d_out = np.ones((32, 24, 8))
    >>> gru_sequence_backward(x, steps, weights, d_out).h.shape
    (32, 8)
    """
    x = check_values("x", x, ndim=(3,))
    d_out = check_values("d_out", d_out, ndim=(3,))
    if d_out.shape != steps.h.shape:
        raise ValueError(
            f"d_out: expected shape {steps.h.shape}, got {d_out.shape}"
        )
    h0 = np.zeros_like(steps.h[:, 0]) if h0 is None else h0
    d_h = np.zeros_like(d_out[:, 0])
    d_weights = [np.zeros_like(part) for part in weights]
    d_x, d_gates = [], []
    for t in reversed(range(x.shape[1])):
        h = steps.h[:, t - 1] if t else h0
        step = GRUStep(*(part[:, t] for part in steps))
        grads = gru_step_backward(x[:, t], h, step, weights, d_h + d_out[:, t])
        d_weights = [
            a + b for a, b in zip(d_weights, grads.weights, strict=True)
        ]
        d_h = grads.h
        d_x.append(grads.x)
        d_gates.append(grads.gates)
    d_x, d_gates = (np.stack(part[::-1], axis=1) for part in (d_x, d_gates))
    return GRUGradients(GRUWeights(*d_weights), d_x, d_h, d_gates)
