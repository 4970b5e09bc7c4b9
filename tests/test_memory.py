"""The memory tasks, minGRU and its scan, and networks of equal size."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from gru_tutorial.memory import (
    KINDS,
    MinGRU,
    Recaller,
    adding_problem,
    chrono_bias,
    count_parameters,
    delay_line,
    marked_recall,
    parallel_scan,
    size_for,
    train_on_task,
)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_chance_levels_are_exact():
    _, y = adding_problem(200_000, 10, rng())
    assert y.var().item() == pytest.approx(1 / 6, rel=0.01)
    assert y.mean().item() == pytest.approx(1, rel=0.01)
    for task in (marked_recall, delay_line):
        _, y = task(200_000, 2, rng())
        assert (y**2).mean().item() == pytest.approx(1 / 3, rel=0.01)


@given(st.integers(1, 20), st.integers(2, 30))
def test_adding_marks_one_number_in_each_half(n, length):
    X, y = adding_problem(n, length, rng())
    marks = X[:, :, 1]
    half = length // 2
    assert (marks[:, :half].sum(1) == 1).all()
    assert (marks[:, half:].sum(1) == 1).all()
    torch.testing.assert_close((X[..., 0] * marks).sum(1, keepdim=True), y)


@given(st.integers(1, 20), st.integers(1, 30))
def test_recall_asks_for_the_number_that_far_back(n, lag):
    X, y = marked_recall(n, lag, rng())
    assert torch.equal(X[:, -1 - lag, :1], y)
    assert X[:, :, 1].sum(1).eq(1).all()
    X, y = delay_line(n, lag, rng())
    assert torch.equal(X[:, -1 - lag], y)


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


def test_mingru_by_hand():
    torch.manual_seed(0)
    layer, x = MinGRU(2, 3), torch.randn(4, 6, 2)
    h = torch.zeros(4, 3)
    for t in range(6):
        z = torch.sigmoid(layer.gate(x[:, t]))
        h = (1 - z) * h + z * layer.candidate(x[:, t])
    out, state = layer(x)
    torch.testing.assert_close(out[:, -1], h)
    torch.testing.assert_close(state[0], h)


@pytest.mark.parametrize("kind", KINDS)
def test_sizes_use_the_parameters_up(kind):
    size = size_for(kind, 2, 3000)
    assert count_parameters(Recaller(kind, 2, size)) <= 3000
    assert count_parameters(Recaller(kind, 2, size + 1)) > 3000


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "minGRU"])
def test_an_open_gate_remembers(kind):
    torch.manual_seed(0)
    kept = []
    for open_for in (0.0, 4.0):
        layer = Recaller(kind, 1, 32, open_for).layer
        x = torch.zeros(1, 30, 1)
        x[0, 0] = 1.0
        with torch.no_grad():
            out, _ = layer(x)
            still, _ = layer(torch.zeros(1, 30, 1))
        gap = (out - still).abs().sum(2)[0]
        kept.append((gap[-1] / gap[0]).item())
    assert kept[1] > 100 * kept[0]


def test_chrono_biases_cover_the_lags():
    bias = chrono_bias(50, 10_000)
    assert bias.min() >= 0
    assert bias.max() <= np.log(49)
    assert np.exp(bias).mean() == pytest.approx(25, rel=0.05)
    model = Recaller("GRU", 1, 4, chrono_bias(50, 4))
    assert model(torch.zeros(2, 3, 1)).shape == (2, 1)


def test_training_learns_and_repeats():
    def draw(n, generator):
        return marked_recall(n, 3, generator)

    histories = []
    for _ in range(2):
        torch.manual_seed(0)
        model = Recaller("GRU", 2, 16)
        histories.append(train_on_task(model, draw, 100, every=50))
    assert histories[0] == histories[1]
    assert [updates for updates, _ in histories[0]] == [50, 100]
    assert histories[0][-1][1] < 0.05


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: adding_problem(0, 9, rng()), "n: expected"),
        (lambda: adding_problem(3, 1, rng()), "length: expected"),
        (lambda: marked_recall(3, 0, rng()), "lag: expected"),
        (lambda: delay_line(3, 0, rng()), "lag: expected"),
        (
            lambda: parallel_scan(torch.ones(1, 2, 3), torch.ones(1, 2, 4)),
            r"a, b: expected one shape .* \(1, 2, 3\) and \(1, 2, 4\)",
        ),
        (lambda: Recaller("Elman", 1, 4), "kind: expected one of"),
        (lambda: Recaller("RNN", 1, 4, 2.0), "open_for: expected 0"),
        (lambda: size_for("GRU", 2, 3), "parameters: expected enough"),
        (lambda: chrono_bias(2, 4), "longest: expected"),
        (
            lambda: train_on_task(nn.Linear(1, 1), None, 0),
            "updates: expected",
        ),
        (
            lambda: train_on_task(nn.Linear(1, 1), None, 1, lr=0),
            "lr: expected",
        ),
    ],
)
def test_memory_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()
