"""The NumPy cell against torch.nn.GRU."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from gru_tutorial import (
    DIALECTS,
    GRUStep,
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


def test_sums_that_overflow_are_refused():
    weights = GRUWeights.of(nn.GRU(2, 4))
    large = weights._replace(weight_ih=np.full((12, 2), 1e200))
    x, h = np.full((1, 2), 1e200), np.full((1, 4), 0.5)
    with np.errstate(all="raise"):
        for values in (x, [[1e200, -1e200]]):  # inf, and inf - inf
            with pytest.raises(ValueError, match=r"below 1\.8e\+308, got an"):
                gru_step(values, h, large)
        with pytest.raises(ValueError, match="got an overflow"):
            gru_sequence(x[None], large)


def test_the_product_with_the_reset_state_is_looked_at_too():
    """W_hn h is 0, but with the second unit reset it is 1e308."""
    weights = GRUWeights(
        np.zeros((6, 1)),
        np.array([[0, 0]] * 4 + [[1e308, -1e308], [0, 0]]),
        np.array([1e3, -1e3, 0, 0, 0, 0]),
        np.array([0, 0, 0, 0, 1e308, 0]),
    )
    x, h = np.zeros((1, 1)), np.ones((1, 2))
    assert np.isfinite(gru_step(x, h, weights)).all()
    with pytest.raises(ValueError, match="got an overflow"):
        gru_step(x, h, weights, "D2L")


def test_gates_at_their_ends_are_exact():
    """Sums of gates that overflow have a sign, and so a right value."""
    weights = GRUWeights(
        np.array([[1.5e308], [-1.5e308], [1.0]]),
        np.array([[1.5e308], [-1.5e308], [-1.0]]),
        np.zeros(3),
        np.zeros(3),
    )
    with np.errstate(all="raise"):
        r, z, n, h = gru_step([[1.0]], [[1.0]], weights)
    assert (r, z, n, h) == (1, 0, 0, 0)


def test_gradients_that_overflow_are_refused():
    weights = GRUWeights.of(nn.GRU(2, 4))
    x, h = np.zeros((3, 6, 2)), np.zeros((3, 4))
    step, steps = gru_step(x[:, 0], h, weights), gru_sequence(x, weights)
    first = GRUStep(*(part[:1] for part in steps))
    huge = np.full((3, 6, 4), 1.7e308)
    with np.errstate(all="raise"):
        for call in (
            lambda: gru_step_backward(x[:, 0], h, step, weights, huge[:, 0]),
            lambda: gru_sequence_backward(x, steps, weights, huge),
            lambda: gru_sequence_backward(x[:1], first, weights, huge[:1]),
        ):
            with pytest.raises(
                ValueError, match=r"d_h_new, d_out: .*overflow"
            ):
                call()


def test_a_sum_of_gradients_over_time_that_overflows_is_refused():
    """Each step's own is 1e308: no gate keeps anything, n passes all on."""
    zeros = np.zeros
    bias = np.array([0.0, -1e3, 0.0])
    weights = GRUWeights(zeros((3, 1)), zeros((3, 1)), bias, zeros(3))
    x, d_out = zeros((1, 6, 1)), np.full((1, 6, 1), 1e308)
    steps = gru_sequence(x, weights)
    grads = gru_sequence_backward(x, steps, weights, d_out / 10)
    assert grads.weights.bias_ih[2] == pytest.approx(6e307)
    with pytest.raises(ValueError, match=r"d_h_new, d_out: .*overflow"):
        gru_sequence_backward(x, steps, weights, d_out)


def test_numbers_are_computed_in_double():
    torch.manual_seed(0)
    gru = nn.GRU(2, 4)
    single = GRUWeights.of(gru)
    double = GRUWeights(*(part.astype(np.float64) for part in single))
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, 5, 2)).astype(np.float32)
    d_out = rng.standard_normal((3, 5, 4)).astype(np.float32)
    results = []
    for values, d, weights in (
        (x, d_out, single),
        (x.astype(np.float64), d_out.astype(np.float64), double),
        (torch.from_numpy(x), d_out.tolist(), GRUWeights(*map(list, double))),
    ):
        steps = gru_sequence(values, weights)
        step = gru_step(values[:, 0], np.zeros((3, 4)), weights)
        grads = gru_sequence_backward(values, steps, weights, d)
        results.append([*steps, *step, *grads[1:], *grads.weights])
    for arrays in zip(*results, strict=True):
        assert all(array.dtype == np.float64 for array in arrays)
        for other in arrays[1:]:
            np.testing.assert_array_equal(other, arrays[0])


def test_steps_kept_in_single_belong_still():
    weights = GRUWeights.of(nn.GRU(2, 4))
    x = np.random.default_rng(0).standard_normal((3, 5, 2))
    steps = gru_sequence(x, weights)
    short = GRUStep(*(part.astype(np.float32) for part in steps))
    d_out = np.ones((3, 5, 4))
    for ours, theirs in zip(
        gru_sequence_backward(x, short, weights, d_out).weights,
        gru_sequence_backward(x, steps, weights, d_out).weights,
        strict=True,
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (torch.float64, np.float64),
        (torch.float32, np.float32),
        (torch.float16, np.float16),
        (torch.bfloat16, np.float32),
    ],
)
@pytest.mark.parametrize("trained", [False, True])
def test_weights_of_any_precision(dtype, expected, trained):
    gru = nn.GRU(2, 3).to(dtype).requires_grad_(trained)
    weights = GRUWeights.of(gru)
    for name, part in weights._asdict().items():
        assert part.dtype == expected
        theirs = getattr(gru, f"{name}_l0").detach().double().numpy()
        np.testing.assert_array_equal(part.astype(np.float64), theirs)
        assert not np.shares_memory(part, theirs)


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


# Each named form as its own source writes it: what is reset (the state before
# its product, or the product), and what the update gate lets through.
FORMS = {
    # r * (W_hn h + b_hn); h' = (1 - z) * n + z * h
    "PyTorch": lambda x, h, r, z, W, U, b, c: (
        (1 - z) * np.tanh(W @ x + b + r * (U @ h + c)) + z * h
    ),
    # hh = tanh(x_h + r * recurrent_h); h = z * h_tm1 + (1 - z) * hh
    "Keras, reset_after=True": lambda x, h, r, z, W, U, b, c: (
        z * h + (1 - z) * np.tanh(W @ x + b + r * (U @ h + c))
    ),
    # ht = g(Xt*(Wh^T) + (rt (.) (Ht-1*(Rh^T) + Rbh)) + Wbh);
    # Ht = (1 - zt) (.) ht + zt (.) Ht-1
    "ONNX, linear_before_reset=1": lambda x, h, r, z, W, U, b, c: (
        (1 - z) * np.tanh(W @ x + r * (U @ h + c) + b) + z * h
    ),
    # phi(W x + r (.) (U h)); h = z h + (1 - z) h~
    "Cho et al. 2014, version 1": lambda x, h, r, z, W, U, b, c: (
        z * h + (1 - z) * np.tanh(W @ x + b + r * (U @ h + c))
    ),
    # phi(W x + U (r (.) h)); h = z h + (1 - z) h~
    "Cho et al. 2014, version 3": lambda x, h, r, z, W, U, b, c: (
        z * h + (1 - z) * np.tanh(W @ x + b + U @ (r * h) + c)
    ),
    # hh = tanh(x_h + dot(r * h_tm1, U_h)); h = z * h_tm1 + (1 - z) * hh
    "Keras, reset_after=False": lambda x, h, r, z, W, U, b, c: (
        z * h + (1 - z) * np.tanh(W @ x + b + U @ (r * h) + c)
    ),
    # ht = g(Xt*(Wh^T) + (rt (.) Ht-1)*(Rh^T) + Rbh + Wbh)
    "ONNX, linear_before_reset=0": lambda x, h, r, z, W, U, b, c: (
        (1 - z) * np.tanh(W @ x + U @ (r * h) + c + b) + z * h
    ),
    # H~ = tanh(X W_xh + (R (.) H) W_hh + b_h); H = Z (.) H + (1 - Z) (.) H~
    "D2L": lambda x, h, r, z, W, U, b, c: (
        z * h + (1 - z) * np.tanh(W @ x + U @ (r * h) + b + c)
    ),
    # h~ = tanh(W x + U (r (.) h)); h = (1 - z) h + z h~
    "Chung et al. 2014": lambda x, h, r, z, W, U, b, c: (
        (1 - z) * h + z * np.tanh(W @ x + b + U @ (r * h) + c)
    ),
}


def test_every_dialect_has_its_form():
    assert FORMS.keys() == DIALECTS.keys()


@pytest.mark.parametrize("dialect", FORMS)
def test_dialects_by_hand(dialect):
    """Two units, so that a reset state differs from a reset product."""
    W_r, W_z, W_n = np.array([[[0.3, 1.0], [-0.7, 0.2]]] * 3) * [
        [[1]],
        [[-2]],
        [[3]],
    ]
    U_r, U_z, U_n = np.array([[[0.5, -1.5], [0.4, 0.8]]] * 3) * [
        [[2]],
        [[1]],
        [[-1]],
    ]
    b_r, b_z, b_n = np.array([[0.1, -0.3], [0.2, 0.4], [0.3, -0.6]])
    c_r, c_z, c_n = np.array([[-0.1, 0.2], [0.1, -0.5], [0.6, 0.9]])
    x, h = np.array([0.7, -0.4]), np.array([-0.5, 0.9])
    r = 1 / (1 + np.exp(-(W_r @ x + b_r + U_r @ h + c_r)))
    z = 1 / (1 + np.exp(-(W_z @ x + b_z + U_z @ h + c_z)))
    weights = GRUWeights(
        np.concatenate([W_r, W_z, W_n]),
        np.concatenate([U_r, U_z, U_n]),
        np.concatenate([b_r, b_z, b_n]),
        np.concatenate([c_r, c_z, c_n]),
    )
    step = gru_step([x], [h], weights, dialect)
    np.testing.assert_allclose([step.r[0], step.z[0]], [r, z], rtol=1e-12)
    new = FORMS[dialect](x, h, r, z, W_n, U_n, b_n, c_n)
    np.testing.assert_allclose(step.h[0], new, rtol=1e-12)
    others = {
        name
        for name, form in FORMS.items()
        if np.abs(form(x, h, r, z, W_n, U_n, b_n, c_n) - new).max() < 1e-9
    }
    assert others == {
        name for name, d in DIALECTS.items() if d == DIALECTS[dialect]
    }


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
X, H = np.zeros((3, 2)), np.zeros((3, 4))
SEQUENCES = np.random.default_rng(0).standard_normal((3, 6, 2))
STEPS = gru_sequence(SEQUENCES, WEIGHTS)


def step_back(x=X, h=H, step=None, weights=WEIGHTS, d_h_new=H):
    step = gru_step(X, H, WEIGHTS) if step is None else step
    return gru_step_backward(x, h, step, weights, d_h_new)


def sequence_back(x=SEQUENCES, steps=STEPS, d_out=STEPS.h, h0=None, w=WEIGHTS):
    return gru_sequence_backward(x, steps, w, d_out, h0)


def changed(**parts):
    return WEIGHTS._replace(**parts)


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
        (lambda: GRUWeights.of(None), "gru: expected an nn.GRU"),
        (lambda: GRUWeights.of(nn.GRU(1, 4, device="meta")), "on meta"),
        (lambda: GRUWeights.of(nn.GRU(1, 4, dtype=torch.cfloat)), "complex64"),
        (lambda: gru_step(X, H, None), "expected GRUWeights, got NoneType"),
        (lambda: gru_step(X, H, list(WEIGHTS)), "expected GRUWeights, got li"),
        (lambda: gru_step(X, H, nn.GRU(2, 4)), "expected GRUWeights, got GRU"),
        (
            lambda: gru_step(X, H, GRUWeights(*nn.GRU(2, 4).parameters())),
            "weight_ih: expected an array of numbers, got .* requires grad",
        ),
        (lambda: gru_step(X, H, changed(bias_hh=None)), "bias_hh: expected"),
        (lambda: gru_step(X, H, changed(bias_ih="b")), "bias_ih: expected"),
        (
            lambda: gru_step(X, H, changed(weight_ih=np.ones((12, 3)))),
            r"x, h: expected shapes \(batch, 3\)",
        ),
        (
            lambda: gru_step(X, H, changed(weight_ih=np.ones((11, 2)))),
            r"weights: expected shapes .* got \[\(11, 2\)",
        ),
        (
            lambda: gru_step(X, H, changed(weight_hh=np.ones((12, 5)))),
            r"weights: expected shapes .*\(12, 5\)",
        ),
        (
            lambda: gru_step(
                X, H, changed(bias_ih=np.ones(1))
            ),  # would spread
            r"weights: expected shapes .*\(1,\)",
        ),
        (
            lambda: gru_sequence(SEQUENCES, changed(bias_hh=np.ones((1, 12)))),
            "bias_hh: expected a 1-D array",
        ),
        (
            lambda: gru_step(X, H, changed(bias_hh=np.full(12, np.inf))),
            "bias_hh: expected finite",
        ),
        (lambda: gru_step(X, H, WEIGHTS, ["D2L"]), "dialect: .* got \\['D2L'"),
        (lambda: gru_step(X, H, WEIGHTS, None), "dialect: .* got None"),
        (lambda: gru_step("x", H, WEIGHTS), "x: expected numbers"),
        (lambda: gru_step(X, None, WEIGHTS), "h: expected"),
        (
            lambda: gru_step(torch.ones(3, 2, requires_grad=True), H, WEIGHTS),
            "x: expected an array of numbers, got .* requires grad",
        ),
        (
            lambda: gru_step(torch.ones(3, 2, device="meta"), H, WEIGHTS),
            "x: expected an array of numbers, got .*meta",
        ),
        (
            lambda: gru_sequence(SEQUENCES[..., :1], WEIGHTS),
            r"x: expected shape \(batch, time, 2\), got \(3, 6, 1\)",
        ),
        (
            lambda: gru_sequence(SEQUENCES, WEIGHTS, H[:1]),
            r"h0: expected shape \(3, 4\), got \(1, 4\)",
        ),
        (lambda: gru_sequence(SEQUENCES, WEIGHTS, H[None]), "h0: .*2-D"),
        (
            lambda: step_back(x=np.zeros((3, 3))),
            r"x, h: expected .*\(batch, 2\) .* got \(3, 3\)",
        ),
        (lambda: step_back(x=X.tolist()[:2]), "x, h: expected"),
        (lambda: step_back(h=np.zeros((3, 5))), "x, h: expected"),
        (lambda: step_back(h=None), "h: expected"),
        (lambda: step_back(weights=tuple(WEIGHTS)), "expected GRUWeights"),
        (lambda: step_back(step=tuple(H)), "step: expected a GRUStep"),
        (lambda: step_back(step=GRUStep(*[None] * 4)), r"step\.r: expected"),
        (
            lambda: step_back(step=GRUStep(H, H, H[:, :1], H)),
            r"step\.n: expected shape \(3, 4\), got \(3, 1\)",
        ),
        (
            lambda: step_back(step=GRUStep(H, H, H, H)),
            "give in PyTorch's form",
        ),
        (lambda: step_back(x=X + 1), "step.*: expected the gates and states"),
        (lambda: step_back(h=H + 1), "step.*: expected the gates and states"),
        (
            lambda: step_back(
                h=H + 1, step=gru_step(X, H + 1, WEIGHTS, "Chung et al. 2014")
            ),
            "step.*: expected .* in PyTorch's form, got others",
        ),
        (lambda: step_back(d_h_new=None), "d_h_new: expected"),
        (lambda: step_back(d_h_new=H * np.nan), "d_h_new: expected finite"),
        (
            lambda: sequence_back(x=SEQUENCES[:, :5]),
            r"steps\.r: expected shape \(3, 5, 4\), got \(3, 6, 4\)",
        ),
        (lambda: sequence_back(x=SEQUENCES[:, ::-1]), "step.*: expected the"),
        (lambda: sequence_back(h0=H + 1), "step.*: expected the gates"),
        (lambda: sequence_back(h0=H[:1]), "h0: expected shape"),
        (lambda: sequence_back(h0=[1, 2]), "h0: expected a 2-D"),
        (lambda: sequence_back(steps=[STEPS.h] * 4), "steps: expected a GRUS"),
        (lambda: sequence_back(steps=STEPS._replace(z=[0])), r"steps\.z: exp"),
        (lambda: sequence_back(d_out=STEPS.h[:, :5]), "d_out: expected shape"),
        (lambda: sequence_back(w=None), "expected GRUWeights"),
        (
            lambda: sequence_back(w=GRUWeights.of(nn.GRU(2, 4))),
            "step.*: expected the gates",
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
