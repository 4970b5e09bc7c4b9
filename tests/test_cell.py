"""The NumPy cell against torch.nn.GRU."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from gru_tutorial import GRUWeights, gru_sequence, gru_step


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
