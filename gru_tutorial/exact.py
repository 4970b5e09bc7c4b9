"""Chapter 11: a GRU layer with an exact backward pass, written by hand."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn.utils.rnn import PackedSequence

from gru_tutorial.checks import check_bool, check_float, check_int

# Above this many numbers in a batch of states nn.GRU is about as fast, or
# faster (benchmarks/speed.py).
MAX_STATES = 4096
# Numbers of gate gradients that are held at once, so that they stay in cache.
BLOCK = 2**18
MAX_LAYERS = 1000
# What torch.gru is told of the layer: biases, one layer, no dropout, not in
# training, one direction, time first.
ONE_LAYER = (True, 1, 0.0, False, False, False)


def is_transformed(*parts: Tensor) -> bool:
    """Return whether PyTorch does more than run the operations at hand.

    Parameters
    ----------
    *parts : Tensor
        What is about to be computed with.

    Returns
    -------
    bool
        True under compilation, export, ``torch.jit.trace``, autocast on the
        CPU and the transforms of ``torch.func``, and for tensors that carry a
        forward-mode derivative or are of a class of their own.

    Examples
    --------
    >>> x = torch.zeros(2)
    >>> is_transformed(x)
    False
    >>> torch.func.vmap(lambda x: x + is_transformed(x))(x)
    tensor([1., 1.])
    """
    return (
        torch.compiler.is_compiling()
        or torch.jit.is_tracing()
        or torch.is_autocast_enabled("cpu")
        or torch._C._are_functorch_transforms_active()
        or not all(type(part) in (Tensor, nn.Parameter) for part in parts)
        or any(forward_ad.unpack_dual(p).tangent is not None for p in parts)
    )


def _are_batched(*gradients) -> bool:
    """Return whether they stand for many, as with ``is_grads_batched``."""
    return torch._C._are_functorch_transforms_active() or any(
        torch._C._functorch.is_legacy_batchedtensor(g) for g in gradients
    )


def _is_dense(part) -> bool:
    return isinstance(part, Tensor) and part.layout == torch.strided


def _check_parts(x, h, weights) -> None:
    """Say which shapes were expected, if the parts do not fit each other."""
    parts = (x, h, *weights) if isinstance(weights, (tuple, list)) else ()
    if len(parts) != 6 or not all(map(_is_dense, parts)):
        raise ValueError(
            f"x, h, weights: expected dense Tensors, four as weights, got "
            f"{[type(part).__name__ for part in (x, h, weights)]}"
        )
    found = [part.shape for part in parts]
    features, size = x.shape[-1:], h.shape[-1:]
    rows = (3 * h.shape[-1],) if h.ndim == 3 and h.numel() else None
    expected = rows and [
        h.shape[:-1] + features,
        h.shape,
        rows + features,
        rows + size,
        rows,
        rows,
    ]
    if found != expected:
        raise ValueError(
            f"x, h, weights: expected shapes (time, batch, features), (time, "
            f"batch, hidden), (3 * hidden, features), (3 * hidden, hidden) "
            f"and twice (3 * hidden,), got {[tuple(f) for f in found]}"
        )
    _check_kind("x, h, weights", parts)


def _check_start(x, h0, weights) -> None:
    if not _is_dense(h0) or h0.ndim != 2:
        got = getattr(h0, "shape", type(h0).__name__)
        raise ValueError(
            f"h0: expected a dense Tensor of shape (batch, hidden), got {got}"
        )
    steps = len(x) if isinstance(x, Tensor) and x.ndim else 0
    _check_parts(x, h0.expand(steps, -1, -1), weights)


def _check_kind(name, parts) -> None:
    kinds = {(part.dtype, part.device) for part in parts}
    if len(kinds) > 1 or not parts[0].is_floating_point():
        raise ValueError(
            f"{name}: expected one floating dtype and one device, got {kinds}"
        )


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

    Raises
    ------
    ValueError
        If the shapes, dtypes or devices do not fit each other.

    Examples
    --------
    >>> gru = nn.GRU(1, 8)
    >>> x, h = torch.zeros(24, 32, 1), torch.zeros(24, 32, 8)
    >>> z, candidate, gates = gate_factors(x, h, [*gru.parameters()])
    >>> gates.shape
    torch.Size([24, 32, 3, 8])
    """
    _check_parts(x, h, weights)
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


@torch.no_grad()
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

    Raises
    ------
    ValueError
        If the shapes, dtypes or devices do not fit each other.

    Examples
    --------
    >>> gru = nn.GRU(1, 8)
    >>> x, h = torch.zeros(24, 32, 1), torch.zeros(24, 32, 8)
    >>> d_x, d_h, _ = block_backward(x, h, [*gru.parameters()], h, h[0])
    >>> d_x.shape, d_h.shape
    (torch.Size([24, 32, 1]), torch.Size([32, 8]))
    """
    z, candidate, factors = gate_factors(x, h, weights)
    _check_gradients(h, d_out, d_h)
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


def _check_gradients(h, d_out, d_h) -> None:
    for name, found, state in (("d_out", d_out, h), ("d_h", d_h, h[0])):
        if not _is_dense(found) or found.shape != state.shape:
            got = getattr(found, "shape", type(found).__name__)
            raise ValueError(
                f"{name}: expected a dense Tensor of {tuple(state.shape)}, "
                f"got {got if isinstance(got, str) else tuple(got)}"
            )
        _check_kind(f"h, {name}", [h, found])


class ExactBackward(torch.autograd.Function):
    """PyTorch's forward pass of one GRU layer, and chapter 6's gradient."""

    @staticmethod
    def forward(ctx, x, h0, *weights):
        """Run the layer as ``nn.GRU`` does without gradients."""
        _check_start(x, h0, weights)
        out, h_n = torch.gru(x, h0[None], weights, *ONE_LAYER)
        before = torch.cat([h0[None], out[:-1]])  # out is the caller's
        ctx.save_for_backward(before, x, h0, *weights)
        return out, h_n

    @staticmethod
    def backward(ctx, d_out, d_h):
        """Return the gradients, from the last block of steps to the first."""
        before, *inputs = ctx.saved_tensors
        if torch.is_grad_enabled() or _are_batched(d_out, d_h):
            return _differentiable(inputs, ctx.needs_input_grad, d_out, d_h)
        x, h0, *weights = (part.contiguous() for part in inputs)
        d_h, d_x, d_weights = d_h[0], [], [0, 0, 0, 0]
        size = max(1, BLOCK // (3 * h0.numel()))
        for end in range(len(x), 0, -size):
            block = slice(max(0, end - size), end)
            part, d_h, more = block_backward(
                x[block], before[block], weights, d_out[block], d_h
            )
            d_x.insert(0, part)
            d_weights = [a + b for a, b in zip(d_weights, more, strict=True)]
        return torch.cat(d_x), d_h, *d_weights


def _differentiable(inputs, needed, *d_outputs):
    """Return gradients that have gradients: autograd's own."""
    wanted = [part for part, need in zip(inputs, needed, strict=True) if need]
    x, h0, *weights = inputs
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        outputs = torch.gru(x, h0[None], weights, *ONE_LAYER)
        found = torch.autograd.grad(
            outputs, wanted, d_outputs, create_graph=again
        )
    found = iter(found)
    return tuple(next(found) if need else None for need in needed)


def _check_layer(
    input_size, hidden_size, num_layers, bias, batch_first, dropout, both
) -> tuple:
    """Return the arguments of a layer, or say which were expected."""
    share = check_float("dropout", dropout, 0)
    if share > 1:
        raise ValueError(
            f"dropout: expected a number from 0 to 1, got {dropout!r}"
        )
    return (
        check_int("input_size", input_size, 1),
        check_int("hidden_size", hidden_size, 1),
        check_int("num_layers", num_layers, 1, MAX_LAYERS),
        check_bool("bias", bias),
        check_bool("batch_first", batch_first),
        share,
        check_bool("bidirectional", both),
    )


class ExactGRU(nn.GRU):
    """``nn.GRU`` with a faster backward pass for small models on the CPU.

    Same arguments, weights, outputs and gradients. Gradients of one layer
    that reads forwards are computed by hand; everything else goes to
    ``nn.GRU``:

    - more layers, a second direction, dropout, a layer without biases;
    - packed, unbatched or empty sequences, and what ``nn.GRU`` refuses;
    - batches whose states hold more than ``MAX_STATES`` numbers, where
      PyTorch is as fast;
    - other devices, and numbers that are not all float32 or all float64;
    - calls that need no gradient;
    - autocast, compilation, export and ``torch.jit.trace``;
    - ``torch.func`` (``grad``, ``vjp``, ``jvp``, ``hessian``), forward-mode
      derivatives, and classes of tensors that are not PyTorch's own.

    So do gradients of gradients, and many gradients asked for in one call
    (``is_grads_batched``). ``torch.jit.script`` does not read this class:
    load its ``state_dict`` into an ``nn.GRU`` first.

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

    References
    ----------
    The gradient of chapter 6; for the order of the work, Appleyard et al.
    (2016), arXiv:1604.01946.

    Examples
    --------
    >>> gru = ExactGRU(1, 32, batch_first=True)
    >>> out, h_n = gru(torch.zeros(16, 100, 1))
    >>> out.shape, h_n.shape
    (torch.Size([16, 100, 32]), torch.Size([1, 16, 32]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device=None,
        dtype=None,
    ):
        self._check_installed()
        arguments = _check_layer(
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
        )
        try:
            super().__init__(*arguments, device=device, dtype=dtype)
        except (RuntimeError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(
                f"device, dtype, hidden_size: expected others, as nn.GRU "
                f"cannot be made with device={device!r}, dtype={dtype!r} and "
                f"these sizes: {error}"
            ) from None

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
            If ``gru`` is not an ``nn.GRU``, or its weights are computed from
            others, as by ``parametrize``.

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
            bool(gru.bias),
            bool(gru.batch_first),
            gru.dropout,
            bool(gru.bidirectional),
            device="meta",
        )
        parameters = dict(gru.named_parameters())
        if parameters.keys() != dict(exact.named_parameters()).keys():
            raise ValueError(
                f"gru: expected an nn.GRU with weights of its own, got "
                f"{list(parameters)}"
            )
        for name, parameter in parameters.items():
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

        Raises
        ------
        ValueError
            If an argument is no Tensor. Tensors that do not fit get the
            complaint of ``nn.GRU``.
        """
        if not self._covers(input, hx):
            _check_tensors(input, hx)
            return super().forward(input, hx)
        x = input.transpose(0, 1) if self.batch_first else input
        h0 = x.new_zeros(x.shape[1], self.hidden_size) if hx is None else hx[0]
        out, h_n = self._run(x, h0, *self._weights())
        return (out.transpose(0, 1) if self.batch_first else out), h_n

    def _check_installed(self) -> None:
        """Complain, if what computes the layer is missing."""

    def _run(self, *parts):
        """Run the layer, time first, if ``_covers`` says so."""
        return ExactBackward.apply(*parts)

    def _pays(self, steps: int, batch: int, needed: bool) -> bool:
        """Tell whether PyTorch is slower, with a gradient or without."""
        return needed and batch * self.hidden_size <= MAX_STATES

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
        return (
            _are_plain(parts)
            and self._fits(x, h0, _need_gradient(parts))
            and not is_transformed(*parts)
        )

    def _fits(self, x, h0, needed: bool) -> bool:
        if x.ndim != 3 or x.shape[2] != self.input_size or 0 in x.shape:
            return False
        steps, batch = x.shape[1::-1] if self.batch_first else x.shape[:2]
        if h0 is not None and h0.shape != (1, batch, self.hidden_size):
            return False
        return self._pays(steps, batch, needed)


def _need_gradient(parts) -> bool:
    """Return whether a gradient may be asked for."""
    return torch.is_grad_enabled() and any(p.requires_grad for p in parts)


def _are_plain(parts) -> bool:
    """Return whether all are Tensors on the CPU, of one precision."""
    if not all(map(_is_dense, parts)):
        return False
    kinds = {(part.device.type, part.dtype) for part in parts}
    return kinds in ({("cpu", torch.float32)}, {("cpu", torch.float64)})


def _check_tensors(x, h0) -> None:
    kinds = (Tensor, PackedSequence)
    for name, found, wanted in (("input", x, kinds), ("hx", h0, Tensor)):
        missing = found is None and name == "hx"
        if not missing and not isinstance(found, wanted):
            raise ValueError(
                f"{name}: expected a Tensor, got {type(found).__name__}"
            )
