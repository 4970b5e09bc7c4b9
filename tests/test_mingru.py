"""Scans, and the GRU whose gates see the input only."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gru_tutorial.mingru import MinGRU, loop_scan, parallel_scan


@given(st.integers(1, 3), st.integers(1, 40), st.integers(1, 4))
def test_scan_equals_the_loop(batch, time, hidden):
    torch.manual_seed(0)
    a = torch.rand(batch, time, hidden, dtype=torch.float64)
    b = torch.randn(batch, time, hidden, dtype=torch.float64)
    h, states = torch.zeros(batch, hidden, dtype=torch.float64), []
    for t in range(time):
        h = a[:, t] * h + b[:, t]
        states.append(h)
    torch.testing.assert_close(parallel_scan(a, b), torch.stack(states, 1))


@given(st.integers(1, 3), st.integers(2, 40), st.integers(1, 4))
def test_both_scans_and_their_gradients_are_the_same(batch, time, hidden):
    torch.manual_seed(0)
    a = torch.rand(batch, time, hidden, dtype=torch.float64)
    b = torch.randn(batch, time, hidden, dtype=torch.float64)
    found = []
    for scan in (parallel_scan, loop_scan):
        given = a.clone().requires_grad_(), b.clone().requires_grad_()
        states = scan(*given)
        weights = torch.arange(states.numel(), dtype=torch.float64)
        (states * weights.view_as(states).cos()).sum().backward()
        found.append([states.detach(), *(part.grad for part in given)])
    for ours, expected in zip(*found, strict=True):
        torch.testing.assert_close(ours, expected)


def test_the_loops_gradient_has_a_gradient():
    torch.manual_seed(0)
    parts = [
        part.requires_grad_()
        for part in torch.rand(2, 2, 5, 3, dtype=torch.float64).unbind(0)
    ]
    assert torch.autograd.gradcheck(loop_scan, parts)
    assert torch.autograd.gradgradcheck(loop_scan, parts)


def test_the_loop_under_transforms_is_the_same():
    a, b = torch.rand(4, 2, 5, 3).unbind(0)[:2]
    mapped = torch.func.vmap(loop_scan)(a[:, None], b[:, None])
    torch.testing.assert_close(mapped[:, 0], loop_scan(a, b))
    assert loop_scan(a.to("meta"), b.to("meta")).shape == (2, 5, 3)


@pytest.mark.parametrize("scan", [parallel_scan, loop_scan])
@pytest.mark.parametrize("time", [0, 1, 2])
def test_the_scan_leaves_its_arguments_alone(time, scan):
    a, b = torch.full((1, time, 2), 0.5), torch.ones(1, time, 2)
    states = scan(a, b)
    states += 1
    assert torch.equal(a, torch.full_like(a, 0.5))
    assert torch.equal(b, torch.ones_like(b))


@pytest.mark.parametrize("scan", [parallel_scan, loop_scan])
def test_states_that_overflow_are_refused(scan):
    huge, one = torch.full((1, 2, 1), 3e38), torch.ones(1, 2, 1)
    with pytest.raises(ValueError, match=r"a, b: .* below 3\.4e\+38, got an"):
        scan(one, huge)
    # What comes in without a number goes out so: training says where.
    assert scan(one, huge * torch.inf).isinf().all()


def test_factors_that_overflow_are_refused():
    with pytest.raises(ValueError, match="got an overflow"):
        parallel_scan(torch.full((1, 3, 1), 1e20), torch.zeros(1, 3, 1))


def test_the_scan_under_transforms_is_the_same():
    a, b = torch.rand(4, 2, 5, 3).unbind(0)[:2]
    expected = parallel_scan(a, b)
    mapped = torch.func.vmap(parallel_scan)(a[:, None], b[:, None])
    torch.testing.assert_close(mapped[:, 0], expected)
    assert parallel_scan(a.to("meta"), b.to("meta")).shape == (2, 5, 3)


def test_mingru_by_hand():
    torch.manual_seed(0)
    layer, x = MinGRU(2, 3), torch.randn(4, 6, 2)
    h = torch.zeros(4, 3)
    for t in range(6):
        z = torch.sigmoid(layer.gates[0](x[:, t]))
        h = (1 - z) * h + z * layer.candidates[0](x[:, t])
    out, state = layer(x)
    torch.testing.assert_close(out[:, -1], h)
    torch.testing.assert_close(state[0], h)


def test_stacked_layers_read_the_states_below():
    torch.manual_seed(0)
    stack, x = MinGRU(2, 3, num_layers=2), torch.randn(4, 6, 2)
    lower, upper = MinGRU(2, 3), MinGRU(3, 3)
    for k, layer in enumerate((lower, upper)):
        layer.gates[0] = stack.gates[k]
        layer.candidates[0] = stack.candidates[k]
    middle, first = lower(x)
    expected, second = upper(middle)
    out, state = stack(x)
    torch.testing.assert_close(out, expected)
    torch.testing.assert_close(state, torch.cat([first, second]))


@pytest.mark.parametrize("layers", [1, 3])
def test_mingru_is_the_same_with_either_scan(layers):
    torch.manual_seed(0)
    model, x = MinGRU(2, 5, num_layers=layers), torch.randn(4, 30, 2)
    parallel, _ = model(x)
    model.parallel = False
    torch.testing.assert_close(model(x)[0], parallel)


def test_the_state_of_mingru_is_the_callers_to_change():
    layer, x = MinGRU(2, 3), torch.rand(4, 6, 2)
    out, state = layer(x)
    before = out.detach().clone()
    state = state.detach_()
    state[:, 0] = 5
    assert torch.equal(out, before)
    torch.relu_(out).sum().backward()
