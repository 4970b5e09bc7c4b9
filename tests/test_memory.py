"""The memory tasks, and networks of equal size."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from gru_tutorial import ExactGRU, count_parameters
from gru_tutorial.memory import (
    KINDS,
    MAX_NUMBERS,
    MinGRU,
    Recaller,
    adding_problem,
    chrono_bias,
    delay_line,
    marked_recall,
    size_for,
    train_on_task,
)
from gru_tutorial.mingru import loop_scan, parallel_scan


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


@pytest.mark.parametrize("kind", KINDS)
def test_autocast_is_left_to_pytorch(kind):
    model, x = Recaller(kind, 2, 8), torch.rand(3, 7, 2)
    with torch.autocast("cpu", torch.bfloat16):
        answer, again = model(x), model(x.bfloat16())
    assert answer.dtype == again.dtype == torch.bfloat16
    torch.testing.assert_close(answer.float(), model(x), rtol=0.05, atol=0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_sizes_use_the_parameters_up(kind):
    size = size_for(kind, 2, 3000)
    assert count_parameters(Recaller(kind, 2, size)) <= 3000
    assert count_parameters(Recaller(kind, 2, size + 1)) > 3000


@pytest.mark.parametrize("kind", KINDS)
def test_a_size_is_the_largest_that_fits(kind):
    for features in (1, 3):
        counts = [
            count_parameters(Recaller(kind, features, size))
            for size in range(1, 12)
        ]
        pairs = itertools.pairwise(counts)
        for size, (count, larger) in enumerate(pairs, start=1):
            assert size_for(kind, features, count) == size
            assert size_for(kind, features, larger - 1) == size
        with pytest.raises(ValueError, match="enough for one unit"):
            size_for(kind, features, counts[0] - 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layers", [2, 3])
def test_layers_share_the_parameters(kind, layers):
    size = size_for(kind, 2, 3000, layers)
    for more, fits in ((0, True), (1, False)):
        model = Recaller(kind, 2, size + more, num_layers=layers)
        assert (count_parameters(model) <= 3000) == fits


def test_a_size_is_found_without_drawing_weights():
    before = torch.get_rng_state()
    assert size_for("GRU", 2, 3 * 10**24) == 999999999997
    assert torch.equal(torch.get_rng_state(), before)


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


@pytest.mark.parametrize(
    "open_for", [2, 2.0, np.float32(2), [2.0] * 4, torch.full((4,), 2.0)]
)
def test_a_gate_is_opened_by_what_is_asked(open_for):
    biases = []
    for bias in (0.0, open_for):
        torch.manual_seed(0)
        biases.append(Recaller("GRU", 1, 4, bias).layer.bias_ih_l0.detach())
    expected = biases[0] + torch.tensor([0.0, 2, 0]).repeat_interleave(4)
    torch.testing.assert_close(biases[1], expected, rtol=0, atol=0)


def made(kind, **options):
    torch.manual_seed(0)
    return Recaller(kind, 2, 4, **options)


@pytest.mark.parametrize("layers", [1, 2])
def test_coupled_gates_are_moved_apart(layers):
    plain = made("LSTM", num_layers=layers)
    coupled = made("LSTM", num_layers=layers, open_for=3.0, coupled=True)
    moved = torch.tensor([-3.0, 3, 0, 0]).repeat_interleave(4)
    for k in range(layers):
        biases = [
            getattr(model.layer, f"bias_ih_l{k}").detach()
            for model in (plain, coupled)
        ]
        torch.testing.assert_close(biases[1], biases[0] + moved)


@pytest.mark.parametrize("kind", ["GRU", "minGRU"])
def test_the_gate_of_every_layer_is_opened(kind):
    plain, opened = (
        made(kind, num_layers=2, open_for=bias).state_dict()
        for bias in (0.0, 2.0)
    )
    changed = [
        name for name in plain if not torch.equal(plain[name], opened[name])
    ]
    assert len(changed) == 2
    sums = [(opened[name] - plain[name]).sum().item() for name in changed]
    expected = 4 * 2.0 * (1 if kind == "GRU" else -1)
    assert sums == pytest.approx([expected, expected], abs=1e-5)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_an_orthogonal_start_turns_states_and_keeps_their_length(kind):
    model = made(kind, num_layers=2, orthogonal=True)
    for name, weight in model.named_parameters():
        if "weight_hh" in name:
            for square in weight.detach().split(4):
                torch.testing.assert_close(square @ square.T, torch.eye(4))
    assert made(kind).layer.weight_hh_l0[:4].square().sum() < 3


def test_the_gru_of_a_recaller_is_pytorchs():
    model, x = made("GRU"), torch.randn(3, 6, 2)
    assert type(model.layer) is ExactGRU
    torch.manual_seed(0)
    gru = nn.GRU(2, 4, batch_first=True)
    torch.testing.assert_close(model.layer(x)[0], gru(x)[0])


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
        (lambda: adding_problem(3, 9, 0), "rng: expected a numpy.random.G"),
        (lambda: marked_recall(3, 9, None), "rng: expected a numpy.random.G"),
        (lambda: delay_line(3, 9, np.random), "rng: expected a numpy.random"),
        (lambda: adding_problem(3.0, 9, rng()), r"n: expected .* got 3\.0"),
        (lambda: marked_recall(3, "9", rng()), "lag: expected .* got '9'"),
        (
            lambda: adding_problem(2**20, 2**20, rng()),
            f"n, length: expected at most {MAX_NUMBERS} numbers",
        ),
        (lambda: delay_line(10**12, 1, rng()), "n, lag: expected at most"),
        (
            lambda: parallel_scan([1.0], torch.ones(1, 2, 3)),
            "a: expected a Tensor, got list",
        ),
        (
            lambda: parallel_scan(torch.ones(1, 2, 3), None),
            "b: expected a Tensor, got NoneType",
        ),
        (
            lambda: parallel_scan(torch.ones(2, 3), torch.ones(2, 3)),
            "a, b: expected one shape",
        ),
        (
            lambda: parallel_scan(
                torch.ones(1, 2, 3), torch.ones(1, 2, 3).double()
            ),
            r"a, b: expected one floating dtype .*float64",
        ),
        (
            lambda: parallel_scan(*torch.ones(2, 1, 2, 3, dtype=torch.int64)),
            r"a, b: expected one floating dtype .*int64",
        ),
        (
            lambda: parallel_scan(
                torch.ones(1, 2, 3), torch.ones(1, 2, 3, device="meta")
            ),
            r"one device, got .*meta",
        ),
        (lambda: MinGRU(0, 4), "input_size: expected"),
        (lambda: MinGRU(1, "4"), "hidden_size: expected .* got '4'"),
        (lambda: MinGRU(10**10, 10**10), "sizes that fit into memory"),
        (lambda: MinGRU(1, 4)([[[0.0]]]), "x: expected a Tensor, got list"),
        (lambda: MinGRU(1, 4)(torch.ones(2, 0, 1)), "x: .*it is empty"),
        (lambda: MinGRU(1, 4)(torch.ones(2, 3)), r"x: .*got \(2, 3\)"),
        (lambda: MinGRU(2, 4)(torch.ones(2, 3, 1)), r"time, 2\), got"),
        (
            lambda: MinGRU(1, 4)(torch.ones(2, 3, 1).double()),
            "x: expected torch.float32 .* got torch.float64",
        ),
        (lambda: Recaller(["GRU"], 1, 4), "kind: expected one of"),
        (lambda: Recaller("GRU", None, 4), "input_size: expected"),
        (lambda: Recaller("GRU", 1, 4.0), "hidden_size: expected"),
        (lambda: Recaller("GRU", 1, 10**10), "sizes that fit into memory"),
        (lambda: Recaller("GRU", 1, 10**30), "sizes that fit into memory"),
        (lambda: Recaller("GRU", 1, 4, "wide"), "open_for: expected numbers"),
        (lambda: Recaller("GRU", 1, 4, None), "open_for: expected"),
        (lambda: Recaller("GRU", 1, 4, np.nan), "open_for: expected finite"),
        (lambda: Recaller("GRU", 1, 4, 1e300), r"open_for: .*3\.4e\+38"),
        (
            lambda: Recaller("GRU", 1, 4, [1.0, 2.0, 3.0]),
            r"open_for: expected one number, or one for each of 4 units, got",
        ),
        (lambda: Recaller("LSTM", 1, 4, np.ones((4, 1))), "open_for: .*1-D"),
        (lambda: Recaller("GRU", 1, 4)(None), "x: expected a Tensor, got N"),
        (lambda: Recaller("GRU", 1, 4)(torch.ones(2, 3)), "x: expected shape"),
        (lambda: Recaller("LSTM", 2, 4)(torch.ones(1, 3, 1)), "x: expected"),
        (
            lambda: Recaller("RNN", 1, 4)(torch.ones(1, 3, 1).half()),
            "x: expected torch.float32 .* got torch.float16",
        ),
        (lambda: size_for("Elman", 2, 300), "kind: expected one of"),
        (lambda: size_for("GRU", 2.5, 300), "input_size: expected"),
        (lambda: size_for("GRU", 2, 300.5), "parameters: expected"),
        (lambda: size_for("GRU", 2, "300"), "parameters: expected"),
        (lambda: chrono_bias(10**30, 4), "longest: expected"),
        (lambda: chrono_bias(9, 0), "hidden_size: expected"),
        (lambda: chrono_bias(9, (4, 4)), "hidden_size: expected"),
        (lambda: chrono_bias(9, 4, -1), "seed: expected"),
        (lambda: chrono_bias(9, 4, None), "seed: expected"),
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
        (lambda: size_for("GRU", 2, 300, 0), "num_layers: expected"),
        (lambda: MinGRU(1, 4, 0), "num_layers: expected"),
        (lambda: MinGRU(1, 4, 1, 2), "parallel: expected True or False"),
        (lambda: Recaller("GRU", 1, 4, num_layers=1.5), "num_layers: expe"),
        (lambda: Recaller("GRU", 1, 4, coupled=True), "coupled: expected F"),
        (lambda: Recaller("LSTM", 1, 4, coupled=1), "coupled: expected True"),
        (
            lambda: Recaller("minGRU", 1, 4, orthogonal=True),
            "orthogonal: expected False, as minGRU has no weights",
        ),
        (lambda: loop_scan([1.0], torch.ones(1, 2, 3)), "a: expected a Tens"),
        (
            lambda: train_on_task(nn.Linear(1, 1), len, 40, enough=-1),
            "enough: expected a finite number of at least 0",
        ),
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


def test_training_ends_when_two_tests_in_a_row_are_good_enough():
    def draw(n, generator):
        return marked_recall(n, 3, generator)

    def history(enough):
        torch.manual_seed(0)
        model = Recaller("GRU", 2, 16)
        found = train_on_task(model, draw, 200, every=10, enough=enough)
        return [error for _, error in found]

    whole = history(0.0)
    assert len(whole) == 20
    for enough in (0.2, 0.05):
        errors = history(enough)
        assert errors == whole[: len(errors)]
        good = [error < enough for error in errors]
        assert good[-2:] == [True, True]
        pairs = itertools.pairwise(good)
        assert [all(pair) for pair in pairs].index(True) == len(errors) - 2


def test_tests_are_drawn_from_a_seed_of_their_own():
    drawn = []

    def draw(n, rng):
        drawn.append((n, rng.bit_generator.state["state"]["state"]))
        return adding_problem(n, 4, rng)

    train_on_task(Recaller("GRU", 2, 4), draw, 2, seed=3, every=2)
    fresh = np.random.default_rng(10**6).bit_generator.state["state"]["state"]
    assert drawn[0] == (500, fresh)
    assert fresh not in [state for n, state in drawn[1:]]
    with pytest.raises(ValueError, match=r"seed: expected .* to 999999"):
        train_on_task(Recaller("GRU", 2, 4), draw, 2, seed=10**6, every=2)
    with pytest.raises(ValueError, match="updates: expected a multiple of"):
        train_on_task(Recaller("GRU", 2, 4), draw, 50, every=20)


def test_a_huge_gradient_is_shortened():
    def draw(n, rng):
        X, y = adding_problem(n, 4, rng)
        return X, 1e6 * y

    torch.manual_seed(0)
    model = Recaller("GRU", 2, 4)
    train_on_task(model, draw, 2, every=2)
    last = [p.grad for p in model.parameters()]
    assert float(nn.utils.get_total_norm(last)) == pytest.approx(1, rel=1e-3)
