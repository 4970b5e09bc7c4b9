"""GRUModel against bare nn.GRU, and what it refuses."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from gru_tutorial import GRUModel
from gru_tutorial.model import evaluating

SHAPES = {
    "num_layers": st.integers(1, 3),
    "bidirectional": st.booleans(),
    "batch": st.integers(1, 5),
    "time": st.integers(1, 6),
    "features": st.integers(1, 3),
    "outputs": st.integers(1, 4),
    "dtype": st.sampled_from([torch.float32, torch.float64]),
}


def last_states(model, x, h0):
    """Return the last state of each direction, from h_n."""
    _, h_n = model.gru(x, h0)
    directions = 2 if model.gru.bidirectional else 1
    return torch.cat(list(h_n[-directions:]), dim=1)


@given(st.fixed_dictionaries(SHAPES), st.booleans())
def test_forward_is_a_linear_layer_on_the_last_states(case, with_h0):
    torch.manual_seed(0)
    model = GRUModel(
        case["features"],
        4,
        case["outputs"],
        case["num_layers"],
        case["bidirectional"],
    ).to(case["dtype"])
    x = torch.randn(case["batch"], case["time"], case["features"]).to(
        case["dtype"]
    )
    h0 = model.initial_state(x)
    assert h0.dtype == case["dtype"]
    if with_h0:
        h0 = torch.randn_like(h0)
    got = model(x, h0) if with_h0 else model(x)
    expected = model.linear(last_states(model, x, h0))
    assert got.shape == (case["batch"], case["outputs"])
    torch.testing.assert_close(got, expected)


@given(
    st.integers(1, 3),
    st.booleans(),
    st.integers(1, 5),
    st.lists(st.integers(1, 6), min_size=0, max_size=4),
)
def test_any_other_shape_of_h0_is_refused(layers, both, batch, shape):
    model = GRUModel(1, 4, 1, layers, both)
    x = torch.zeros(batch, 3, 1)
    expected = tuple(model.initial_state(x).shape)
    if tuple(shape) == expected:
        assert model(x, torch.zeros(shape)).shape == (batch, 1)
        return
    message = re.escape(f"= {expected}, got {tuple(shape)}; ")
    with pytest.raises(ValueError, match=message):
        model(x, torch.zeros(shape))


def test_a_given_h0_is_used():
    model, x = GRUModel(hidden_size=8), torch.zeros(2, 3, 1)
    assert torch.equal(model(x), model(x, model.initial_state(x)))
    h0 = torch.ones(1, 2, 8)
    assert not torch.allclose(model(x), model(x, h0))


def test_gradients_flow_through_h0():
    model, x = GRUModel(hidden_size=8), torch.zeros(2, 3, 1)
    h0 = torch.zeros(1, 2, 8, requires_grad=True)
    model(x, h0).sum().backward()
    assert h0.grad.abs().min() > 0


def test_state_lives_on_the_device_of_its_input():
    model = GRUModel(num_layers=2).to("meta")
    x = torch.zeros(4, 24, 1, device="meta")
    assert model.initial_state(x).device.type == "meta"
    assert model(x).shape == (4, 1)


def test_state_dict_round_trip(tmp_path):
    model, twin = GRUModel(num_layers=2), GRUModel(num_layers=2)
    torch.save(model.state_dict(), tmp_path / "model.pt")
    twin.load_state_dict(torch.load(tmp_path / "model.pt", weights_only=True))
    x = torch.ones(3, 5, 1)
    assert torch.equal(model(x), twin(x))


def test_dropout_acts_in_training_only():
    torch.manual_seed(0)
    model = GRUModel(num_layers=2, dropout=0.5)
    x = torch.ones(3, 5, 1)
    assert not torch.equal(model(x), model(x))
    model.eval()
    assert torch.equal(model(x), model(x))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (
            torch.zeros(32, 24),
            r"x: expected shape \(batch, time, 1\), got \(32, 24\); "
            r"for windows of one feature: x.unsqueeze\(-1\)",
        ),
        (
            torch.zeros(24, 1),
            r"got \(24, 1\); for one window: x.unsqueeze\(0\)",
        ),
        (torch.zeros(24), r"got \(24,\)$"),
        (torch.zeros(1, 2, 3, 4), r"got \(1, 2, 3, 4\)$"),
        (torch.zeros(4, 24, 2), r"got \(4, 24, 2\)$"),
        (torch.zeros(0, 24, 1), r"got \(0, 24, 1\); it is empty"),
        (torch.zeros(4, 0, 1), r"got \(4, 0, 1\); it is empty"),
        (
            torch.zeros(4, 24, 1).double(),
            "expected torch.float32 on cpu, got torch.float64",
        ),
        (torch.zeros(4, 24, 1, device="meta"), "got torch.float32 on meta"),
        ([[[0.0]]], "x: expected a Tensor, got list"),
    ],
)
def test_forward_refuses_x(x, message):
    with pytest.raises(ValueError, match=message):
        GRUModel()(x)


@pytest.mark.parametrize(
    ("h0", "message"),
    [
        (
            torch.zeros(1, 4, 8),
            r"= \(2, 4, 8\), got \(1, 4, 8\); model.initial_state",
        ),
        (torch.zeros(4, 2, 8), r"got \(4, 2, 8\)"),  # batch first
        (torch.zeros(2, 8), r"got \(2, 8\)"),
        (torch.zeros(2, 4, 8).double(), "h0: expected torch.float32"),
        (torch.zeros(2, 4, 8, device="meta"), "h0: .* on meta"),
        (0.0, "got float"),
    ],
)
def test_forward_refuses_h0(h0, message):
    model = GRUModel(hidden_size=8, num_layers=2)
    with pytest.raises(ValueError, match=message):
        model(torch.zeros(4, 24, 1), h0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_size": 0}, "input_size: expected a whole number"),
        ({"hidden_size": 1.5}, "hidden_size: expected a whole number"),
        ({"horizon": 0}, "horizon: expected a whole number"),
        ({"num_layers": 0}, "num_layers: expected a whole number"),
        ({"bidirectional": 1}, "bidirectional: expected True or False, got 1"),
        ({"num_layers": 2, "dropout": "a"}, "dropout: expected a finite"),
        (
            {"num_layers": 2, "dropout": 1.0},
            "dropout: expected a finite number .* below 1, got 1.0",
        ),
        (
            {"num_layers": 2, "dropout": -0.1},
            "dropout: expected a finite number of at least 0 .* got -0.1",
        ),
        ({"dropout": 0.2}, "dropout: expected 0 with num_layers=1, got 0.2"),
    ],
)
def test_model_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        GRUModel(**arguments)


def test_numpy_scalars_make_the_same_model():
    model = GRUModel(np.int64(1), np.uint8(8), bidirectional=np.True_)
    assert model(torch.zeros(2, 3, 1)).shape == (2, 1)


def test_evaluating_restores_every_part_also_after_an_error():
    model = GRUModel(num_layers=2, dropout=0.5)
    model.gru.eval()
    with pytest.raises(ValueError, match="x: expected"), evaluating(model):
        model(torch.zeros(3))
    with evaluating(model):
        assert not model.training
        assert not torch.is_grad_enabled()
    assert model.training
    assert model.linear.training
    assert not model.gru.training
    assert torch.is_grad_enabled()


@pytest.mark.filterwarnings("ignore:The tensor attributes self.gru._flat")
def test_a_model_can_be_exported_for_any_batch():
    model = GRUModel(hidden_size=8).eval()
    batch = torch.export.Dim("batch", min=2, max=64)
    program = torch.export.export(
        model, (torch.zeros(4, 24, 1),), dynamic_shapes={"x": {0: batch}}
    )
    x = torch.ones(7, 24, 1)
    torch.testing.assert_close(program.module()(x), model(x))


@given(
    st.integers(1, 3),
    st.integers(1, 4),
    st.lists(st.integers(1, 7), min_size=1, max_size=4),
    st.booleans(),
)
def test_a_stream_in_pieces_equals_the_full_run(
    num_layers, batch, pieces, learn_h0
):
    torch.manual_seed(0)
    model = GRUModel(2, 5, 3, num_layers, learn_h0=learn_h0)
    x = torch.randn(batch, sum(pieces), 2)
    whole, last_state = model.run(x)
    torch.testing.assert_close(whole[:, -1], model(x))
    parts, state = [], None
    for piece in x.split(pieces, dim=1):
        y_hat, state = model.run(piece, state)
        parts.append(y_hat)
    torch.testing.assert_close(torch.cat(parts, 1), whole, rtol=0, atol=1e-6)
    torch.testing.assert_close(state, last_state, rtol=0, atol=1e-6)
    steps, state = [], None
    for t in range(x.size(1)):
        y_hat, state = model.step(x[:, t], state)
        steps.append(y_hat)
    torch.testing.assert_close(torch.stack(steps, 1), whole, rtol=0, atol=1e-6)


def test_a_stream_needs_constant_memory():
    model, state, sizes = GRUModel(hidden_size=8), None, set()
    with evaluating(model):
        for _ in range(50):
            _, state = model.step(torch.zeros(1, 1), state)
            sizes.add(state.untyped_storage().nbytes())
            assert state.grad_fn is None
    assert sizes == {8 * 4}


def test_a_reset_state_is_not_the_full_run():
    torch.manual_seed(0)
    model, x = GRUModel(hidden_size=8), torch.ones(1, 10, 1)
    whole, _ = model.run(x)
    second, _ = model.run(x[:, 5:])
    assert not torch.allclose(second, whole[:, 5:], atol=1e-3)


def test_detached_states_can_be_trained_through():
    model, x = GRUModel(hidden_size=8), torch.ones(1, 10, 1)
    _, state = model.run(x[:, :5])
    model.run(x[:, 5:], state.detach())[0].sum().backward()
    before = model.linear.weight.grad.clone()
    assert before.abs().sum() > 0
    assert not state.detach().requires_grad


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: GRUModel(bidirectional=True).run(torch.zeros(1, 2, 1)),
            "bidirectional: expected False for a stream",
        ),
        (
            lambda: GRUModel().run(
                torch.zeros(2, 3, 1), torch.zeros(1, 1, 32)
            ),
            r"state: expected shape .* = \(1, 2, 32\), got \(1, 1, 32\)",
        ),
        (lambda: GRUModel().run(torch.zeros(2, 3)), "x: expected shape"),
        (
            lambda: GRUModel().step(torch.zeros(2, 3, 1)),
            r"x: expected a Tensor of shape \(batch, 1\), got \(2, 3, 1\)",
        ),
        (lambda: GRUModel().step(0.5), "got float"),
        (lambda: GRUModel(learn_h0=1), "learn_h0: expected True or False"),
    ],
)
def test_streams_refuse(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("num_layers", [1, 2])
def test_a_learned_h0_starts_at_zero_and_is_trained(num_layers, bidirectional):
    torch.manual_seed(0)
    model = GRUModel(1, 8, 1, num_layers, bidirectional, learn_h0=True)
    plain = GRUModel(1, 8, 1, num_layers, bidirectional)
    plain.load_state_dict(model.state_dict(), strict=False)
    x = torch.randn(4, 5, 1)
    assert torch.equal(model(x), plain(x))
    assert "h0" in model.state_dict()
    assert "h0" not in plain.state_dict()
    model(x).sum().backward()
    assert model.h0.grad.abs().min() > 0
    with torch.no_grad():
        model.h0 += 1
    assert not torch.allclose(model(x), plain(x))
    assert model.initial_state(x).shape == (
        num_layers * (1 + bidirectional),
        4,
        8,
    )


def test_pytorch_itself_takes_a_table_for_one_sequence():
    """The mistake that GRUModel refuses is silent in nn.GRU."""
    out, _ = nn.GRU(24, 8, batch_first=True)(torch.zeros(32, 24))
    assert out.shape == (32, 8)
