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


def gru_step(x, h, weights: GRUWeights) -> GRUStep:
    """Compute one step of a GRU, in PyTorch's form.

    Parameters
    ----------
    x : array_like of shape (batch, features)
        The input of this step.
    h : array_like of shape (batch, hidden)
        The state before it.
    weights : GRUWeights
        The layer's weights.

    Returns
    -------
    GRUStep
        The gates and the new state, each of shape (batch, hidden).

    Raises
    ------
    ValueError
        If the shapes do not fit each other.

    References
    ----------
    Cho et al. (2014), arXiv:1406.1078, with the reset gate after the matrix
    product, as in the documentation of ``torch.nn.GRU``.

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
    input_part = x @ weights.weight_ih.T + weights.bias_ih
    state_part = h @ weights.weight_hh.T + weights.bias_hh
    input_r, input_z, input_n = np.split(input_part, 3, axis=1)
    state_r, state_z, state_n = np.split(state_part, 3, axis=1)
    r = _sigmoid(input_r + state_r)
    z = _sigmoid(input_z + state_z)
    n = np.tanh(input_n + r * state_n)
    return GRUStep(r, z, n, (1 - z) * n + z * h)


def gru_sequence(x, weights: GRUWeights, h0=None) -> GRUStep:
    """Run a GRU over sequences, and keep the gates of every step.

    Parameters
    ----------
    x : array_like of shape (batch, time, features)
        The sequences.
    weights : GRUWeights
        The layer's weights.
    h0 : array_like of shape (batch, hidden)
        The state before the first step; zeros if not given.

    Returns
    -------
    GRUStep
        The gates and states of all steps, each of shape (batch, time, hidden).

    Raises
    ------
    ValueError
        If the shapes do not fit each other, or there is no step.

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
        steps.append(gru_step(x[:, t], h, weights))
        h = steps[-1].h
    return GRUStep(
        *(np.stack(part, axis=1) for part in zip(*steps, strict=True))
    )
