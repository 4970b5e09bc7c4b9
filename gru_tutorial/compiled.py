"""Chapter 11: a GRU layer whose loops over time are compiled, by numba."""

from __future__ import annotations

import threading
from functools import cache

import torch
from torch import Tensor

from gru_tutorial import kernels
from gru_tutorial.exact import (
    ExactGRU,
    _are_batched,
    _differentiable,
    _need_gradient,
)

# Where PyTorch is as fast, or faster (benchmarks/speed.py): above so many
# numbers in a batch of states, in training or else; above so many sequences,
# if no gradient is needed; below so many steps.
MAX_STATES = {
    (torch.float32, True): 4096,
    (torch.float32, False): 2048,
    (torch.float64, True): 2048,
    (torch.float64, False): 512,
}
MAX_BATCH_FORWARD = 128
MIN_STEPS, MIN_STEPS_FORWARD = 8, 16
AT_ONCE = 1024  # rows of a sum
# As precise as NumPy's rules: a product may be added without being rounded,
# nothing else is rearranged, and nan and inf stay what they are.
OPTIONS = {"fastmath": {"contract"}, "error_model": "numpy", "nogil": True}
HELPERS = (
    kernels.exp_minus_1_single,
    kernels.exp_minus_1_double,
    kernels.sigmoid,
    kernels.tanh,
    kernels.multiply,
    kernels.forward_gates,
    kernels.backward_gates,
)
_LOCK = threading.Lock()


def compiled_steps() -> tuple:
    """Return ``forward_steps`` and ``backward_steps``, compiled by numba.

    Machine code is made when one is first called with a dtype: this takes
    some seconds. It is kept on disk, if there is a place for it, until the
    source changes.

    Raises
    ------
    ImportError
        If numba is missing.

    Examples
    --------
    >>> [function.__name__ for function in compiled_steps()]
    ['forward_steps', 'backward_steps']
    """
    with _LOCK:
        return _compiled_steps()


@cache
def _compiled_steps() -> tuple:
    numba = _import_numba()
    for helper in HELPERS:
        numba.extending.register_jitable(**OPTIONS)(helper)
    numba.extending.overload(kernels.exp_minus_1, jit_options=OPTIONS)(
        _exp_minus_1_of
    )
    steps = kernels.forward_steps, kernels.backward_steps
    try:
        return tuple(numba.njit(cache=True, **OPTIONS)(f) for f in steps)
    except RuntimeError:  # no folder can be written to
        return tuple(numba.njit(**OPTIONS)(f) for f in steps)


def _exp_minus_1_of(x):
    """Return what stands for ``exp_minus_1`` of a type."""
    if x == _import_numba().float32:
        return lambda x: kernels.exp_minus_1_single(x)
    return lambda x: kernels.exp_minus_1_double(x)


def _import_numba():
    try:
        import numba
        import numba.extending
    except ImportError as error:
        raise ImportError(
            f"fast='compiled': expected numba, which "
            f"pip install 'gru-tutorial[fast]' brings, got {error!r}; "
            f"fast=True does without"
        ) from None
    return numba


def _padded(weights):
    """Return an array with zeros below, for a multiple of 4 rows."""
    rows = len(weights)
    found = weights.new_zeros(rows + -rows % 4, weights.shape[1])
    found[:rows] = weights
    return found.numpy()


@torch.no_grad()
def _forward(x, h0, weights, kept: int):
    """Return the arrays of ``forward_steps``, with so many ``state_n``."""
    W_i, W_h, b_i, b_h = weights
    steps, batch, size = len(x), *h0.shape
    bias = b_i.clone()
    bias[: 2 * size] += b_h[: 2 * size]
    gates = torch.addmm(bias, x.flatten(0, 1), W_i.t())
    gates = gates.view(steps, batch, 3 * size)
    states = h0.new_empty(steps + 1, batch, size)
    states[0] = h0
    state_n = h0.new_empty(kept, batch, size)
    arrays = (part.numpy() for part in (gates, states, state_n))
    bias_n = b_h[2 * size :].clone().numpy()
    compiled_steps()[0](*arrays, _padded(W_h.t()), bias_n)
    return gates, states, state_n


def _backward(d_out, d_h, gates, states, state_n, W_h):
    """Return what ``backward_steps`` fills."""
    d_states = torch.zeros_like(states)
    d_states[1:] = d_out
    d_states[-1] += d_h[0]
    found = d_states, torch.empty_like(gates), torch.empty_like(state_n)
    arrays = (part.numpy() for part in (*found, gates, states, state_n))
    compiled_steps()[1](*arrays, _padded(W_h))
    return found


def _product(rows, inputs):
    """Return the gradient of weights, added up in parts: rounded less."""
    parts = rows.split(AT_ONCE), inputs.flatten(0, 1).split(AT_ONCE)
    return sum(a.t() @ b for a, b in zip(*parts, strict=True))


class CompiledBackward(torch.autograd.Function):
    """One GRU layer, compiled forwards and backwards."""

    @staticmethod
    def forward(ctx, x, h0, *weights):
        """Run the layer, and keep its gates."""
        gates, states, state_n = _forward(x, h0, weights, len(x))
        ctx.save_for_backward(gates, states, state_n, x, h0, *weights)
        return states[1:].clone(), states[-1:].clone()  # the caller's

    @staticmethod
    def backward(ctx, d_out, d_h):
        """Return the gradients; those of the weights in one product each."""
        gates, states, state_n, *inputs = ctx.saved_tensors
        if torch.is_grad_enabled() or _are_batched(d_out, d_h):
            return _differentiable(inputs, ctx.needs_input_grad, d_out, d_h)
        x, h0, W_i, W_h, *_ = inputs
        d_states, d_gates, d_n = _backward(
            d_out, d_h, gates, states, state_n, W_h
        )
        rows = d_gates.flatten(0, 1)  # (time * batch, 3 * hidden)
        d_W_h, d_b_h = _product(rows, states[:-1]), rows.sum(0)
        d_gates[:, :, 2 * h0.shape[1] :] = d_n  # the input's part
        d_W_i, d_b_i = _product(rows, x), rows.sum(0)
        d_x = (rows @ W_i).view_as(x) if ctx.needs_input_grad[0] else None
        return d_x, d_states[0], d_W_i, d_W_h, d_b_i, d_b_h


class CompiledGRU(ExactGRU):
    """``nn.GRU``, compiled: much faster where the model is small, on the CPU.

    Same arguments, weights and, but for rounding, outputs and gradients. What
    goes to ``nn.GRU`` is what an ``ExactGRU`` sends there, short sequences
    and layers of more than ``kernels.MAX_UNITS`` units, as PyTorch is faster
    there; but calls that need no gradient are compiled too. One thread does
    the work. It needs numba, an extra: ``pip install 'gru-tutorial[fast]'``.
    Its first call compiles, for some seconds.

    Parameters
    ----------
    input_size, hidden_size, num_layers : int
        Features, units and layers.
    bias, batch_first, bidirectional : bool
        Whether it has biases, takes the batch first, and reads both ways.
    dropout : float
        Share of values set to zero between layers in training, from 0 to 1.
    device, dtype
        Of the weights.

    Raises
    ------
    ValueError
        If ``nn.GRU`` cannot be made with these arguments.
    ImportError
        If numba is missing.

    References
    ----------
    Lam, Pitrou and Seibert, *Numba: a LLVM-based Python JIT compiler*, 2015.

    Examples
    --------
    >>> gru = CompiledGRU(1, 8, batch_first=True)
    >>> out, h_n = gru(torch.zeros(16, 100, 1))
    >>> out.shape, h_n.shape
    (torch.Size([16, 100, 8]), torch.Size([1, 16, 8]))
    """

    def _check_installed(self) -> None:
        _import_numba()

    def _run(self, x, h0, *weights):
        if _need_gradient((x, h0, *weights)):
            return CompiledBackward.apply(x, h0, *weights)
        _, states, _ = _forward(x, h0, weights, 1)
        return states[1:], states[-1:].clone()

    def _covers(self, x, h0) -> bool:
        trained = torch.is_grad_enabled()
        least = MIN_STEPS if trained else MIN_STEPS_FORWARD
        whole = isinstance(x, Tensor) and x.ndim == 3
        if whole and x.shape[1 if self.batch_first else 0] < least:
            return False  # at once: all other checks would take their time
        return super()._covers(x, h0)

    def _pays(self, steps: int, batch: int, needed: bool) -> bool:
        most = MAX_STATES[self.weight_hh_l0.dtype, needed]
        if self.hidden_size > kernels.MAX_UNITS or (
            batch * self.hidden_size > most
        ):
            return False
        return needed or (
            batch <= MAX_BATCH_FORWARD and steps >= MIN_STEPS_FORWARD
        )
