"""Chapter 11: all states of a GRU at once, by Newton's method."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from gru_tutorial.checks import check_int
from gru_tutorial.exact import ONE_LAYER, gate_factors
from gru_tutorial.tensors import _check_batch, _check_kind, check_tensor

PRECISION = 1000  # residuals below so many roundings count as zero
WEIGHTS = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]


class NewtonRun(NamedTuple):
    """States, and the largest residual before every correction of them."""

    states: Tensor
    residuals: list[float]
    converged: bool


def linear_scan(A: Tensor, b: Tensor) -> Tensor:
    """Compute all ``d_t = A_t d_(t-1) + b_t`` in 2 log2(time) rounds, d_0 = 0.

    Two steps in a row are one step with the matrix ``A_2 A_1``. So a sequence
    is reduced to one of half its length; the states in between follow.

    Parameters
    ----------
    A : Tensor of shape (time, batch, hidden, hidden)
        The matrices.
    b : Tensor of shape (time, batch, hidden)
        The terms.

    Returns
    -------
    Tensor of shape (time, batch, hidden)
        The states. Where products of matrices overflow, they are not finite.

    Raises
    ------
    ValueError
        If the shapes, dtypes or devices do not fit each other.

    References
    ----------
    G. E. Blelloch (1990), Prefix sums and their applications.

    Examples
    --------
    >>> half, one = torch.full((3, 1, 1, 1), 0.5), torch.ones(3, 1, 1)
    >>> linear_scan(half, one).flatten()
    tensor([1.0000, 1.5000, 1.7500])
    """
    check_tensor("A", A, (4,))
    if A.shape != (*A.shape[:3], A.shape[2]) or not A.numel():
        raise ValueError(
            f"A: expected shape (time, batch, hidden, hidden), none of them "
            f"0, got {tuple(A.shape)}"
        )
    check_tensor("b", b, (3,))
    if b.shape != A.shape[:3]:
        raise ValueError(
            f"b: expected shape (time, batch, hidden) = "
            f"{tuple(A.shape[:3])}, got {tuple(b.shape)}"
        )
    _check_kind("b", b, A.dtype, A.device)
    if len(A) == 1:
        return b
    first, second = slice(0, len(A) - 1, 2), slice(1, None, 2)
    pairs = A[second] @ A[first], _step(A[second], b[first], b[second])
    d = b.clone()
    d[second] = linear_scan(*pairs)
    rest = d[second][: len(d[2::2])]
    d[2::2] = _step(A[2::2], rest, b[2::2])
    return d


def _step(A: Tensor, d: Tensor, b: Tensor) -> Tensor:
    return (A @ d.unsqueeze(-1)).squeeze(-1) + b


@torch.no_grad()
def newton_states(gru: nn.GRU, x: Tensor, max_iter: int = 100) -> NewtonRun:
    """Find all states of a GRU at once, as the solution of an equation.

    A guess of all states gives each step's Jacobian matrix, and a residual:
    what the layer makes of the state before, less the guess. The correction
    solves the linear recurrence of both, in a logarithmic number of rounds.

    Parameters
    ----------
    gru : torch.nn.GRU
        One layer that reads forwards and has biases; float64 is best.
    x : Tensor of shape (batch, time, features)
        The inputs, whatever the layer's own ``batch_first``.
    max_iter : int
        Corrections, at most.

    Returns
    -------
    NewtonRun
        ``states`` of shape (batch, time, hidden); ``residuals``, the largest
        before each correction, and the last; and whether it ``converged``. If
        products of Jacobians overflow, it stops with states that are not
        finite.

    Raises
    ------
    ValueError
        If the layer has another form, or ``x`` does not fit it.

    References
    ----------
    Lim et al. (2024), arXiv:2309.12252 (DEER).

    Examples
    --------
    >>> gru = nn.GRU(1, 8, batch_first=True).double()
    >>> x = torch.ones(1, 100, 1, dtype=torch.float64)
    >>> run = newton_states(gru, x)
    >>> run.converged, bool((run.states - gru(x)[0]).abs().max() < 1e-9)
    (True, True)
    """
    weights = _weights_of(gru)
    _check_batch(x, gru.input_size)
    _check_kind("x", x, weights[0].dtype, weights[0].device)
    max_iter = check_int("max_iter", max_iter, 1)
    x = x.transpose(0, 1)  # (time, batch, features)
    h = x.new_zeros(*x.shape[:2], gru.hidden_size)
    small, residuals = PRECISION * torch.finfo(h.dtype).eps, []
    while True:
        before = torch.cat([torch.zeros_like(h[:1]), h[:-1]])
        residual = _next_states(x, before, weights) - h
        residuals.append(float(residual.abs().max()))
        converged = residuals[-1] <= small
        over = len(residuals) > max_iter or not residual.isfinite().all()
        if converged or over:
            return NewtonRun(h.transpose(0, 1), residuals, converged)
        h = h + linear_scan(jacobians(x, before, weights), residual)


def _next_states(x: Tensor, before: Tensor, weights) -> Tensor:
    """Run all steps at once, as a batch of sequences of one step."""
    h0 = before.flatten(0, 1)[None]  # (1, time * batch, hidden)
    out, _ = torch.gru(x.flatten(0, 1)[None], h0, weights, *ONE_LAYER)
    return out.view_as(before)


def jacobians(x: Tensor, h: Tensor, weights) -> Tensor:
    """Return how each step's new state depends on the state before it.

    Parameters
    ----------
    x, h, weights
        As for ``exact.gate_factors``.

    Returns
    -------
    Tensor of shape (time, batch, hidden, hidden)
        The derivative of unit ``i`` with respect to unit ``j`` at ``[..., i,
        j]``.

    Raises
    ------
    ValueError
        If the shapes, dtypes or devices do not fit each other.

    Examples
    --------
    >>> gru = nn.GRU(1, 8)
    >>> x, h = torch.zeros(24, 32, 1), torch.zeros(24, 32, 8)
    >>> jacobians(x, h, [*gru.parameters()]).shape
    torch.Size([24, 32, 8, 8])
    """
    z, _, factors = gate_factors(x, h, weights)
    by_gate = weights[1].unflatten(0, (3, -1))  # (3, hidden, hidden)
    return torch.diag_embed(z) + torch.einsum(
        "tbgi,gij->tbij", factors, by_gate
    )


def _weights_of(gru: nn.GRU) -> list[Tensor]:
    """Return the weights, or say which layer was expected."""
    if not isinstance(gru, nn.GRU):
        raise ValueError(f"gru: expected an nn.GRU, got {type(gru).__name__}")
    names = [name for name, _ in gru.named_parameters()]
    if names != WEIGHTS:
        raise ValueError(
            f"gru: expected one layer that reads forwards and has biases, "
            f"got one with {names}"
        )
    return [getattr(gru, name) for name in WEIGHTS]
