"""Chapter 8: a GRU layer with an exact backward pass, written by hand."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# Above this many numbers in a batch of states nn.GRU is about as fast, or
# faster (benchmarks/backward.py).
MAX_STATES = 4096
# Numbers of gate gradients that are held at once, so that they stay in cache.
BLOCK = 2**18


def gate_factors(x, h, weights):
    """Compute all that the way back needs from the way forth, at once.

    The gates of many steps are independent, once the states are known.

    Parameters
    ----------
    x : Tensor of shape (time, batch, features)
        The inputs.
    h : Tensor of shape (time, batch, hidden)
        The state before each step.
    weights : tuple of Tensor
        ``weight_ih, weight_hh, bias_ih, bias_hh`` of the layer.

    Returns
    -------
    z : Tensor of shape (time, batch, hidden)
        The update gate.
    candidate : Tensor of shape (time, batch, hidden)
        What the new state's gradient is multiplied by to give that of the
        candidate, before its tanh.
    gates : Tensor of shape (time, batch, 3, hidden)
        The same for the state's part of r, z and n.

    Examples
    --------
    >>> gru = nn.GRU(1, 8)
    >>> x, h = torch.zeros(24, 32, 1), torch.zeros(24, 32, 8)
    >>> z, candidate, gates = gate_factors(x, h, [*gru.parameters()])
    >>> gates.shape
    torch.Size([24, 32, 3, 8])
    """
    W_i, W_h, b_i, b_h = weights
    by_gate = (*h.shape[:2], 3, h.shape[2])
    from_x = torch.addmm(b_i, x.flatten(0, 1), W_i.t()).view(by_gate)
    from_h = torch.addmm(b_h, h.flatten(0, 1), W_h.t()).view(by_gate)
    r, z = (from_x[:, :, :2] + from_h[:, :, :2]).sigmoid_().unbind(2)
    state_n = from_h[:, :, 2]
    n = torch.addcmul(from_x[:, :, 2], r, state_n).tanh_()
    candidate = (1 - z) * (1 - n * n)
    through_r = candidate * r
    gates = torch.stack(
        [through_r * state_n * (1 - r), (h - n) * z * (1 - z), through_r], 2
    )
    return z, candidate, gates


def block_backward(x, h, weights, d_out, d_h):
    """Propagate gradients back through a block of steps.

    Parameters
    ----------
    x, h, weights
        As for ``gate_factors``.
    d_out : Tensor of shape (time, batch, hidden)
        The loss's gradient with respect to the state after every step.
    d_h : Tensor of shape (batch, hidden)
        What comes from the steps after the block.

    Returns
    -------
    d_x : Tensor of shape (time, batch, features)
        The gradient with respect to the inputs.
    d_h : Tensor of shape (batch, hidden)
        With respect to the state before the block.
    d_weights : list of Tensor
        With respect to the weights.

    Examples
    --------
    >>> gru = nn.GRU(1, 8).requires_grad_(False)
    >>> x, h = torch.zeros(24, 32, 1), torch.zeros(24, 32, 8)
    >>> d_x, d_h, _ = block_backward(x, h, [*gru.parameters()], h, h[0])
    >>> d_x.shape, d_h.shape
    (torch.Size([24, 32, 1]), torch.Size([32, 8]))
    """
    z, candidate, factors = gate_factors(x, h, weights)
    d_gates = torch.empty_like(factors)  # (time, batch, 3, hidden)
    d_states = torch.empty_like(h)  # (time, batch, hidden)
    rows = d_gates.flatten(2)  # (time, batch, 3 * hidden)
    last = len(x) - 1
    torch.add(d_out[last], d_h, out=d_states[last])
    by_step = (d_states, d_states.unsqueeze(2), factors, d_gates, rows, z)
    d_state, column, factor, d_gate, row, keep = map(torch.unbind, by_step)
    # Only three small operations a step have to wait for the step after it.
    for t in range(last, -1, -1):
        torch.mul(column[t], factor[t], out=d_gate[t])
        if t:
            earlier = (d_out[t - 1], d_state[t], keep[t])
            d_h = torch.addcmul(*earlier, out=d_state[t - 1])
        else:
            d_h = d_state[0] * keep[0]
        d_h.addmm_(row[t], weights[1])
    flat = rows.flatten(0, 1)  # (time * batch, 3 * hidden)
    d_W_h, d_b_h = flat.t() @ h.flatten(0, 1), flat.sum(0)
    torch.mul(d_states, candidate, out=d_gates[:, :, 2])  # the input's part
    d_W_i, d_b_i = flat.t() @ x.flatten(0, 1), flat.sum(0)
    d_x = (flat @ weights[0]).view_as(x)
    return d_x, d_h, [d_W_i, d_W_h, d_b_i, d_b_h]


class ExactBackward(torch.autograd.Function):
    """PyTorch's forward pass of one GRU layer, and chapter 1's gradient."""

    @staticmethod
    def forward(ctx, x, h0, *weights):
        """Run the layer as ``nn.GRU`` does without gradients."""
        out, _ = torch.gru(
            x, h0[None], weights, True, 1, 0.0, False, False, False
        )
        ctx.save_for_backward(out, x, h0, *weights)
        return out

    @staticmethod
    def backward(ctx, d_out):
        """Return the gradients, from the last block of steps to the first."""
        out, *inputs = ctx.saved_tensors
        if torch.is_grad_enabled():
            return _differentiable(inputs, ctx.needs_input_grad, d_out)
        x, h0, *weights = (part.contiguous() for part in inputs)
        before = torch.cat([h0[None], out[:-1]])
        d_h, d_x = torch.zeros_like(h0), []
        d_weights = [torch.zeros_like(part) for part in weights]
        size = max(1, BLOCK // (3 * h0.numel()))
        for end in range(len(x), 0, -size):
            block = slice(max(0, end - size), end)
            part, d_h, more = block_backward(
                x[block], before[block], weights, d_out[block], d_h
            )
            d_x.insert(0, part)
            for total, new in zip(d_weights, more, strict=True):
                total += new
        return torch.cat(d_x), d_h, *d_weights


def _differentiable(inputs, needed, d_out):
    """Return gradients that have gradients: autograd's own."""
    wanted = [part for part, need in zip(inputs, needed, strict=True) if need]
    x, h0, *weights = inputs
    out, _ = torch.gru(x, h0[None], weights, True, 1, 0.0, False, False, False)
    found = iter(torch.autograd.grad(out, wanted, d_out, create_graph=True))
    return tuple(next(found) if need else None for need in needed)


class ExactGRU(nn.GRU):
    """``nn.GRU`` with a faster backward pass for small models on the CPU.

    Same arguments, weights, outputs and gradients. Gradients of one layer
    that reads forwards are computed by hand; everything else goes to
    ``nn.GRU``: more layers, a second direction, dropout, packed or unbatched
    sequences, other devices, autocast, compilation, and batches whose states
    hold more than ``MAX_STATES`` numbers, where PyTorch is as fast.

    References
    ----------
    The gradient of chapter 1; for the order of the work, Appleyard et al.
    (2016), arXiv:1604.01946.

    Examples
    --------
    >>> gru = ExactGRU(1, 32, batch_first=True)
    >>> out, h_n = gru(torch.zeros(16, 100, 1))
    >>> out.shape, h_n.shape
    (torch.Size([16, 100, 32]), torch.Size([1, 16, 32]))
    """

    @classmethod
    def of(cls, gru: nn.GRU) -> ExactGRU:
        """Return a layer that shares the weights of ``gru``.

        Parameters
        ----------
        gru : torch.nn.GRU
            The layer; training either trains both.

        Raises
        ------
        ValueError
            If ``gru`` is not an ``nn.GRU``.

        Examples
        --------
        >>> from gru_tutorial import GRUModel
        >>> model = GRUModel(hidden_size=16)
        >>> model.gru = ExactGRU.of(model.gru)
        >>> model(torch.zeros(32, 24, 1)).shape
        torch.Size([32, 1])
        """
        if not isinstance(gru, nn.GRU):
            raise ValueError(
                f"gru: expected an nn.GRU, got {type(gru).__name__}"
            )
        exact = cls(
            gru.input_size,
            gru.hidden_size,
            gru.num_layers,
            gru.bias,
            gru.batch_first,
            gru.dropout,
            gru.bidirectional,
            device="meta",
        )
        for name, parameter in gru.named_parameters():
            setattr(exact, name, parameter)
        return exact.train(gru.training)

    def forward(self, input: Tensor, hx: Tensor | None = None):
        """Run the layer.

        Parameters
        ----------
        input : Tensor of shape (batch, time, features) or as ``nn.GRU`` takes
            The sequences; time first without ``batch_first``.
        hx : Tensor of shape (num_layers * directions, batch, hidden_size)
            The state before the first step; zeros if not given.

        Returns
        -------
        tuple of Tensor
            ``out`` and ``h_n``, as from ``nn.GRU``.
        """
        if not self._covers(input, hx):
            return super().forward(input, hx)
        x = input.transpose(0, 1) if self.batch_first else input
        h0 = x.new_zeros(x.shape[1], self.hidden_size) if hx is None else hx[0]
        out = ExactBackward.apply(x, h0, *self._weights())
        h_n = out[-1:]
        return (out.transpose(0, 1) if self.batch_first else out), h_n

    def _weights(self):
        return (
            self.weight_ih_l0,
            self.weight_hh_l0,
            self.bias_ih_l0,
            self.bias_hh_l0,
        )

    def _covers(self, x, h0) -> bool:
        one_layer = self.num_layers == 1 and not self.bidirectional
        if not (one_layer and self.bias and not self.dropout):
            return False
        parts = [x, *self._weights()] + ([] if h0 is None else [h0])
        kind = (torch.device("cpu"), self.weight_hh_l0.dtype)
        if not all(
            isinstance(part, Tensor) and (part.device, part.dtype) == kind
            for part in parts
        ):
            return False
        if kind[1] not in (torch.float32, torch.float64) or x.ndim != 3:
            return False
        batch = x.shape[0 if self.batch_first else 1]
        if x.shape[2] != self.input_size or 0 in x.shape:
            return False
        if h0 is not None and h0.shape != (1, batch, self.hidden_size):
            return False
        return (
            batch * self.hidden_size <= MAX_STATES
            and torch.is_grad_enabled()
            and any(part.requires_grad for part in parts)
            and not torch.is_autocast_enabled("cpu")
            and not torch.compiler.is_compiling()
        )
