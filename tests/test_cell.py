"""The NumPy cell against torch.nn.GRU."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from gru_tutorial import (
    DIALECTS,
    GRUWeights,
    gru_sequence,
    gru_sequence_backward,
    gru_step,
    gru_step_backward,
)


@given(
    st.integers(1, 4),
    st.integers(1, 5),
    st.integers(1, 3),
    st.integers(1, 8),
    st.booleans(),
)
def test_cell_equals_pytorch(batch, hidden, features, time, with_h0):
    torch.manual_seed(0)
    gru = nn.GRU(features, hidden, batch_first=True).double()
    rng = np.random.default_rng(batch * hidden + time)
    x = 3 * rng.standard_normal((batch, time, features))
    h0 = rng.standard_normal((batch, hidden)) if with_h0 else None
    state = None if h0 is None else torch.from_numpy(h0)[None]
    out, _ = gru(torch.from_numpy(x), state)
    steps = gru_sequence(x, GRUWeights.of(gru), h0)
    assert steps.h.shape == steps.z.shape == (batch, time, hidden)
    np.testing.assert_allclose(
        steps.h, out.detach().numpy(), rtol=0, atol=1e-12
    )
    assert ((steps.r > 0) & (steps.r < 1)).all()


def test_the_new_state_is_between_candidate_and_old_state():
    weights = GRUWeights.of(nn.GRU(1, 16))
    rng = np.random.default_rng(0)
    h = rng.uniform(-1, 1, (32, 16))
    step = gru_step(rng.standard_normal((32, 1)), h, weights)
    np.testing.assert_allclose(step.h, step.n + step.z * (h - step.n))
    assert (step.h <= np.maximum(step.n, h)).all()
    assert (step.h >= np.minimum(step.n, h)).all()


def test_large_inputs_do_not_overflow():
    weights = GRUWeights.of(nn.GRU(1, 4).double())
    with np.errstate(all="raise"):
        steps = gru_sequence(np.full((1, 3, 1), -1e5), weights)
    assert np.isfinite(steps.h).all()


def test_weights_are_a_copy():
    gru = nn.GRU(1, 4)
    weights = GRUWeights.of(gru)
    before = weights.bias_ih.copy()
    with torch.no_grad():
        gru.bias_ih_l0 += 1
    np.testing.assert_array_equal(weights.bias_ih, before)


@given(
    st.integers(1, 4),
    st.integers(1, 5),
    st.integers(1, 3),
    st.integers(1, 8),
    st.sampled_from([torch.float32, torch.float64]),
    st.booleans(),
)
def test_gradients_equal_autograd(
    batch, hidden, features, time, dtype, with_h0
):
    torch.manual_seed(0)
    gru = nn.GRU(features, hidden, batch_first=True).to(dtype)
    rng = np.random.default_rng(batch * hidden + time)
    x = rng.standard_normal((batch, time, features))
    h0 = rng.standard_normal((batch, hidden)) * with_h0
    d_out = rng.standard_normal((batch, time, hidden))
    x_torch = torch.tensor(x, dtype=dtype, requires_grad=True)
    h0_torch = torch.tensor(h0[None], dtype=dtype, requires_grad=True)
    out, _ = gru(x_torch, h0_torch)
    out.backward(torch.tensor(d_out, dtype=dtype))
    weights = GRUWeights.of(gru)
    state = h0 if with_h0 else None
    steps = gru_sequence(x, weights, state)
    grads = gru_sequence_backward(x, steps, weights, d_out, state)
    close = {"atol": 1e-10 if dtype == torch.float64 else 1e-4, "rtol": 1e-4}
    for name, ours in grads.weights._asdict().items():
        theirs = getattr(gru, f"{name}_l0").grad
        np.testing.assert_allclose(ours, theirs, **close)
    np.testing.assert_allclose(grads.x, x_torch.grad, **close)
    np.testing.assert_allclose(grads.h, h0_torch.grad[0], **close)
    assert grads.gates.shape == (batch, time, 3 * hidden)


def test_gradients_equal_finite_differences():
    rng = np.random.default_rng(0)
    weights = GRUWeights.of(nn.GRU(2, 3).double())
    x, d_out = rng.standard_normal((4, 5, 2)), rng.standard_normal((4, 5, 3))

    def loss(bias_ih):
        changed = weights._replace(bias_ih=bias_ih)
        return (gru_sequence(x, changed).h * d_out).sum()

    steps = gru_sequence(x, weights)
    grads = gru_sequence_backward(x, steps, weights, d_out)
    for k in range(9):
        bump = np.zeros(9)
        bump[k] = 1e-6
        slope = loss(weights.bias_ih + bump) - loss(weights.bias_ih - bump)
        assert slope / 2e-6 == pytest.approx(
            grads.weights.bias_ih[k], rel=1e-6
        )


@pytest.mark.parametrize("dialect", DIALECTS)
def test_dialects_by_hand(dialect):
    """One unit, one input, written out once more."""
    weights = GRUWeights(
        np.array([[0.3], [-0.2], [0.9]]),
        np.array([[0.5], [0.4], [-0.8]]),
        np.array([0.1, 0.2, 0.3]),
        np.array([-0.1, 0.1, 0.6]),
    )
    x, h = 0.7, -0.5
    r = 1 / (1 + np.exp(-(0.3 * x + 0.5 * h)))
    z = 1 / (1 + np.exp(-(-0.2 * x + 0.2 + 0.4 * h + 0.1)))
    reset, update = DIALECTS[dialect]
    if reset == "after":
        n = np.tanh(0.9 * x + 0.3 + r * (-0.8 * h + 0.6))
    else:
        n = np.tanh(0.9 * x + 0.3 - 0.8 * (r * h) + 0.6)
    new = z * h + (1 - z) * n if update == "keep" else (1 - z) * h + z * n
    step = gru_step([[x]], [[h]], weights, dialect)
    np.testing.assert_allclose(step, np.reshape([r, z, n, new], (4, 1, 1)))


def test_dialects_that_share_equations_agree_and_others_differ():
    torch.manual_seed(0)
    gru = nn.GRU(2, 5, batch_first=True).double()
    x = np.random.default_rng(0).standard_normal((3, 7, 2))
    weights = GRUWeights.of(gru)
    out = gru(torch.from_numpy(x))[0].detach().numpy()
    for name, dialect in DIALECTS.items():
        gap = np.abs(gru_sequence(x, weights, None, name).h - out).max()
        if dialect == DIALECTS["PyTorch"]:
            assert gap < 1e-12
        else:
            assert gap > 1e-3


WEIGHTS = GRUWeights.of(nn.GRU(2, 4))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: GRUWeights.of(nn.LSTM(1, 4)), "gru: expected an nn.GRU"),
        (lambda: GRUWeights.of(nn.GRU(1, 4, 2)), "got GRU.1, 4, num_layers=2"),
        (lambda: GRUWeights.of(nn.GRU(1, 4, bidirectional=True)), "direction"),
        (lambda: GRUWeights.of(nn.GRU(1, 4, bias=False)), "biases"),
        (
            lambda: gru_step(np.zeros((3, 1)), np.zeros((3, 4)), WEIGHTS),
            r"\(batch, 2\) and \(batch, 4\), got \(3, 1\) and \(3, 4\)",
        ),
        (
            lambda: gru_step(np.zeros((3, 2)), np.zeros((2, 4)), WEIGHTS),
            r"got \(3, 2\) and \(2, 4\)",
        ),
        (lambda: gru_step(np.zeros(2), np.zeros((1, 4)), WEIGHTS), "x: .*2-D"),
        (lambda: gru_sequence(np.zeros((3, 2)), WEIGHTS), "x: .*3-D"),
        (
            lambda: gru_sequence(np.zeros((3, 1, 2)), WEIGHTS, None, "keras"),
            "dialect: expected one of .*'PyTorch'.*, got 'keras'",
        ),
        (
            lambda: gru_sequence_backward(
                np.zeros((3, 1, 2)),
                gru_sequence(np.zeros((3, 1, 2)), WEIGHTS),
                WEIGHTS,
                np.zeros((3, 2, 4)),
            ),
            r"d_out: expected shape \(3, 1, 4\), got \(3, 2, 4\)",
        ),
        (
            lambda: gru_step_backward(
                np.zeros((3, 2)),
                np.zeros((3, 4)),
                gru_step(np.zeros((3, 2)), np.zeros((3, 4)), WEIGHTS),
                WEIGHTS,
                np.zeros((2, 4)),
            ),
            r"d_h_new: expected shape \(3, 4\), got \(2, 4\)",
        ),
        (lambda: gru_sequence(np.zeros((3, 0, 2)), WEIGHTS), "one step"),
        (
            lambda: gru_sequence(np.full((1, 1, 2), np.nan), WEIGHTS),
            "x: expected finite",
        ),
    ],
)
def test_cell_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()
