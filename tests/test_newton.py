"""Newton's method over a sequence gives the states of ``nn.GRU``."""

import math

import pytest
import torch
from torch import nn

from gru_tutorial.exact import ExactGRU
from gru_tutorial.newton import jacobians, linear_scan, newton_states


def numbers(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def layer(features=1, hidden=6, scale=1.0, **options):
    torch.manual_seed(0)
    gru = nn.GRU(features, hidden, batch_first=True, **options).double()
    with torch.no_grad():
        gru.weight_hh_l0 *= scale
    return gru


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 7, 8, 33])
def test_a_scan_gives_what_a_loop_gives(steps):
    A, b = numbers(steps, 2, 3, 3), numbers(steps, 2, 3, seed=1)
    kept = A.clone(), b.clone()
    found, d = linear_scan(A, b), torch.zeros(2, 3, dtype=A.dtype)
    for t in range(steps):
        d = (A[t] @ d.unsqueeze(-1)).squeeze(-1) + b[t]
        torch.testing.assert_close(found[t], d)
    assert torch.equal(A, kept[0])
    assert torch.equal(b, kept[1])


def test_a_scan_needs_a_logarithmic_number_of_rounds(monkeypatch):
    """Each round is one product of many matrices at once."""
    rounds, matmul = [], torch.Tensor.__matmul__

    def counted(a, b):
        if b.shape[-1] == a.shape[-1]:  # of matrices, not with a vector
            rounds.append(len(a))
        return matmul(a, b)

    monkeypatch.setattr(torch.Tensor, "__matmul__", counted)
    linear_scan(numbers(1000, 1, 3, 3), numbers(1000, 1, 3))
    assert len(rounds) == math.floor(math.log2(1000))
    assert sum(rounds) < 1000  # products, not more than in a loop


@pytest.mark.parametrize(
    ("batch", "steps", "features"), [(1, 1, 1), (3, 50, 2), (2, 300, 1)]
)
def test_the_states_are_those_of_the_layer(batch, steps, features):
    gru, x = layer(features), numbers(batch, steps, features)
    run = newton_states(gru, x)
    assert run.converged
    torch.testing.assert_close(run.states, gru(x)[0].detach())
    assert run.residuals[-1] < 1e-12 < run.residuals[0]
    assert not run.states.requires_grad


def test_a_layer_with_time_first_gets_the_same():
    gru, x = layer(), numbers(2, 20, 1)
    other = nn.GRU(1, 6).double()
    other.load_state_dict(gru.state_dict())
    found = newton_states(other, x).states
    assert torch.equal(found, newton_states(gru, x).states)
    assert torch.equal(found, newton_states(ExactGRU.of(gru), x).states)


def test_float32_converges_as_far_as_it_can():
    gru, x = layer().float(), numbers(1, 100, 1).float()
    run = newton_states(gru, x)
    assert run.converged
    assert (run.states - gru(x)[0]).abs().max() < 1e-5


@pytest.mark.parametrize("corrections", [1, 4, 9])
def test_each_correction_makes_one_more_state_exact(corrections):
    """However badly the others do: the system is triangular."""
    gru, x = layer(scale=6), numbers(1, 40, 1)
    run = newton_states(gru, x, max_iter=corrections)
    error = (run.states - gru(x)[0]).abs().amax((0, 2))
    assert not run.converged
    assert len(run.residuals) == corrections + 1
    assert error[:corrections].max() < 1e-12 * error.max()


def test_products_that_overflow_are_told():
    gru, x = layer(scale=30), numbers(1, 3000, 1)
    run = newton_states(gru, x)
    assert not run.converged
    assert not run.states.isfinite().all()
    assert not math.isfinite(run.residuals[-1])
    assert len(run.residuals) < 20  # it stopped there


def test_jacobians_are_autograds():
    gru, x, h = layer(2, 4), numbers(3, 1, 2), numbers(3, 1, 4, seed=1)
    weights = [p.detach() for p in gru.parameters()]
    found = jacobians(x, h, weights)
    for t in range(3):
        expected = torch.autograd.functional.jacobian(
            lambda before, t=t: gru(x[t][None], before[None])[0][0, 0],
            h[t],
        )
        torch.testing.assert_close(found[t, 0], expected[:, 0])


@pytest.mark.parametrize(
    "gru",
    [
        None,
        nn.LSTM(1, 4),
        nn.GRU(1, 4, num_layers=2),
        nn.GRU(1, 4, bias=False),
        nn.GRU(1, 4, bidirectional=True),
    ],
)
def test_another_layer_is_refused(gru):
    with pytest.raises(ValueError, match=r"^gru: expected"):
        newton_states(gru, torch.zeros(1, 5, 1))


@pytest.mark.parametrize(
    ("A", "b", "name"),
    [
        (None, torch.zeros(3, 2, 4), "A"),
        (torch.zeros(3, 2, 4, 5), torch.zeros(3, 2, 4), "A"),
        (torch.zeros(0, 2, 4, 4), torch.zeros(0, 2, 4), "A"),
        (torch.zeros(3, 2, 4, 4), torch.zeros(3, 2), "b"),
        (torch.zeros(3, 2, 4, 4), torch.zeros(3, 2, 5), "b"),
        (torch.zeros(3, 2, 4, 4), torch.zeros(3, 2, 4).double(), "b"),
    ],
)
def test_parts_that_do_not_fit_are_refused(A, b, name):
    with pytest.raises(ValueError, match=f"^{name}: expected"):
        linear_scan(A, b)
