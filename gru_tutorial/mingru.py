"""Chapter 7: a GRU whose gates see the input only, and its scans."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gru_tutorial.checks import check_bool, check_int
from gru_tutorial.exact import is_transformed
from gru_tutorial.tensors import _check_batch, _check_kind, build_layer

MAX_LAYERS = 1000
SIZES = "input_size, hidden_size"


def parallel_scan(a: Tensor, b: Tensor) -> Tensor:
    """Compute all ``h_t = a_t h_(t-1) + b_t`` in log2(time) steps, h_0 = 0.

    Parameters
    ----------
    a, b : Tensor of shape (batch, time, hidden)
        Factors and terms of the recurrence.

    Returns
    -------
    Tensor of shape (batch, time, hidden)
        The states.

    Raises
    ------
    ValueError
        If shapes, dtypes or devices differ, the numbers are no floats, or
        states overflow.

    References
    ----------
    W. D. Hillis and G. L. Steele (1986), Data parallel algorithms.
    *Communications of the ACM* 29, 1170-1183.

    Examples
    --------
    >>> half, one = torch.full((1, 3, 1), 0.5), torch.ones(1, 3, 1)
    >>> parallel_scan(half, one).flatten()
    tensor([1.0000, 1.5000, 1.7500])
    """
    given = a, b = _check_scan(a, b)
    reach = 1
    while reach < a.size(1):  # each pass doubles how far back a state sees
        later = b[:, reach:] + a[:, reach:] * b[:, :-reach]
        b = torch.cat([b[:, :reach], later], dim=1)
        a = torch.cat([a[:, :reach], a[:, reach:] * a[:, :-reach]], dim=1)
        reach *= 2
    _check_states(b, given)
    return b


def _check_scan(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return both, the terms as a copy: states of one step would be them."""
    for name, part in (("a", a), ("b", b)):
        if not isinstance(part, Tensor):
            raise ValueError(
                f"{name}: expected a Tensor, got {type(part).__name__}"
            )
    if a.shape != b.shape or a.ndim != 3:
        raise ValueError(
            f"a, b: expected one shape (batch, time, hidden), got "
            f"{tuple(a.shape)} and {tuple(b.shape)}"
        )
    kinds = {(part.dtype, part.device, part.layout) for part in (a, b)}
    dense = a.layout == torch.strided
    if len(kinds) > 1 or not (a.is_floating_point() and dense):
        raise ValueError(
            f"a, b: expected one floating dtype and one device, got {kinds}"
        )
    return a, b.clone()


def _check_states(states: Tensor, given: tuple[Tensor, ...]) -> None:
    if states.is_meta or is_transformed(states):
        return  # no numbers to look at
    if states.detach().sum().isfinite():
        return  # the quick way: inf and nan would be in the sum
    if not states.isfinite().all() and all(p.isfinite().all() for p in given):
        raise ValueError(
            f"a, b: expected states that stay below "
            f"{torch.finfo(states.dtype).max:.1e}, got an overflow"
        )


def loop_scan(a: Tensor, b: Tensor) -> Tensor:
    """Compute what ``parallel_scan`` does, one step after the other.

    On one processor this is the shorter way: each state costs one product
    and one sum, and the way back takes one loop more.

    Parameters
    ----------
    a, b : Tensor of shape (batch, time, hidden)
        Factors and terms of the recurrence.

    Returns
    -------
    Tensor of shape (batch, time, hidden)
        The states.

    Raises
    ------
    ValueError
        If shapes, dtypes or devices differ, the numbers are no floats, or
        states overflow.

    Examples
    --------
    >>> half, one = torch.full((1, 3, 1), 0.5), torch.ones(1, 3, 1)
    >>> loop_scan(half, one).flatten()
    tensor([1.0000, 1.5000, 1.7500])
    """
    given = a, b = _check_scan(a, b)
    if is_transformed(a, b):
        return parallel_scan(a, b)
    states = _Loop.apply(a[:, 1:], b, False)
    _check_states(states, given)
    return states


class _Loop(torch.autograd.Function):
    """``h_t = a_t h_(t-1) + b_t``, or from the end: its gradient is one too.

    Of ``a`` it takes the factors between two states, one less than states.
    """

    @staticmethod
    def forward(ctx, a, b, from_end):
        """Run over the steps."""
        states = b.clone()
        h, factors = states.unbind(1), a.unbind(1)
        if from_end:
            h, factors = h[::-1], factors[::-1]
        for factor, before, after in zip(factors, h[:-1], h[1:], strict=True):
            after.addcmul_(factor, before)
        ctx.save_for_backward(a, states)
        ctx.from_end = from_end
        return states

    @staticmethod
    def backward(ctx, d_states):
        """Run over them the other way."""
        a, states = ctx.saved_tensors
        d_b = _Loop.apply(a, d_states, not ctx.from_end)
        if ctx.from_end:
            return d_b[:, :-1] * states[:, 1:], d_b, None
        return d_b[:, 1:] * states[:, :-1], d_b, None


class MinGRU(nn.Module):
    """A GRU whose gate and candidate see the input only.

    ``h_t = (1 - z_t) h_(t-1) + z_t n_t`` with ``z_t`` and ``n_t`` linear in
    the input (and a sigmoid for ``z_t``). Note that here ``z`` lets the new
    value in.

    Parameters
    ----------
    input_size, hidden_size : int
        Features and units.
    num_layers : int
        Layers; each but the first reads the states of the one below.
    parallel : bool
        Whether the states come from ``parallel_scan``, or else from
        ``loop_scan``. They are the same, but for rounding.

    Raises
    ------
    ValueError
        If a size is no whole number of at least 1, or there is not memory
        enough.

    References
    ----------
    Feng et al. (2024), Were RNNs all we needed? arXiv:2410.01201.

    Examples
    --------
    >>> out, state = MinGRU(1, 8)(torch.zeros(4, 24, 1))
    >>> out.shape, state.shape
    (torch.Size([4, 24, 8]), torch.Size([1, 4, 8]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        parallel: bool = True,
    ):
        super().__init__()
        sizes = _check_sizes(input_size, hidden_size)
        layers = check_int("num_layers", num_layers, 1, MAX_LAYERS)
        self.parallel = check_bool("parallel", parallel)
        self.gates, self.candidates = nn.ModuleList(), nn.ModuleList()
        for _ in range(layers):
            for parts in (self.gates, self.candidates):
                parts.append(build_layer(SIZES, nn.Linear, *sizes))
            sizes = sizes[1], sizes[1]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Run over sequences.

        Parameters
        ----------
        x : Tensor of shape (batch, time, features)
            The sequences.

        Returns
        -------
        out : Tensor of shape (batch, time, hidden)
            The last layer's states after every step.
        state : Tensor of shape (layers, batch, hidden)
            Each layer's last state, as ``nn.GRU`` returns them.

        Raises
        ------
        ValueError
            If ``x`` has another shape, dtype or device.
        """
        _check_input(x, self.gates[0].weight)
        scan, last = parallel_scan if self.parallel else loop_scan, []
        for gate, candidate in zip(self.gates, self.candidates, strict=True):
            z = torch.sigmoid(gate(x))
            x = scan(1 - z, z * candidate(x))
            last.append(x[:, -1])
        return x, torch.stack(last)


def _check_sizes(input_size: int, hidden_size: int) -> tuple[int, int]:
    return (
        check_int("input_size", input_size, 1),
        check_int("hidden_size", hidden_size, 1),
    )


def _check_input(x: Tensor, weight: Tensor) -> None:
    _check_batch(x, weight.shape[1])
    _check_kind("x", x, weight.dtype, weight.device)
