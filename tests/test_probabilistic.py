"""Heads that say how sure they are, and what a forecaster makes of them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from gru_tutorial import (
    Forecaster,
    Gaussian,
    GRUModel,
    Quantiles,
    Recipe,
    Scaler,
    cycle_error,
    make_cycle,
    make_series,
    make_windows,
    pinball,
)

VALUES = make_series(length=120).values
FAST = Recipe(num_epochs=1, chunk=20)
CYCLE = Recipe(
    num_epochs=8,
    lr=0.01,
    one_cycle=True,
    clip=1.0,
    burn_in=5,
    chunk=30,
    stride=4,
    batch_size=16,
)


def seeded(*arguments, seed=0, **options):
    torch.manual_seed(seed)
    return GRUModel(*arguments, **{"hidden_size": 8, **options})


def scaled_tensor(rows, scaler):
    scaled = (rows - scaler.mean) / scaler.std
    return torch.tensor(scaled[..., None], dtype=torch.float32)


def table(length=120):
    t = np.arange(length)
    return np.column_stack(
        [100 + 10 * np.sin(t / 5), np.cos(t / 5), 1e4 + t % 7]
    )


def test_gaussian_loss_equals_torchs_likelihood():
    generator = torch.Generator().manual_seed(0)
    y_hat = torch.randn(5, 7, 6, generator=generator)
    y = torch.randn(5, 7, 3, generator=generator)
    mean, std = y_hat[..., :3], (y_hat[..., 3:] / 2).exp()
    expected = -torch.distributions.Normal(mean, std).log_prob(y).mean()
    torch.testing.assert_close(Gaussian(3).loss(y_hat, y), expected)
    with pytest.raises(ValueError, match=r"y: expected shape \(5, 7, 3\)"):
        Gaussian(3).loss(y_hat, y[..., 0])


@pytest.mark.slow
def test_the_likelihood_finds_the_errors_size():
    values = make_cycle(3000, noise=0.4, seed=0)
    torch.manual_seed(0)
    model = GRUModel(hidden_size=16, head=Gaussian(12), fast=True)
    forecaster = Forecaster(model).fit(values, CYCLE)
    X, _ = make_windows(make_cycle(1000, noise=0.4, seed=1), 60)
    _, std = forecaster.distribution(X[..., 0], 12)
    expected = cycle_error(12, noise=0.4)
    np.testing.assert_allclose(std.mean(axis=0), expected, rtol=0.15)


def test_quantiles_lie_level_by_level_and_come_in_order():
    head = Quantiles(2, levels=(0.1, 0.5, 0.9))
    y_hat = torch.tensor([[5.0, 1.0, 4.0, 2.0, 6.0, 3.0]])
    found = head.quantiles(y_hat)
    assert found.tolist() == [[[4.0, 1.0]], [[5.0, 2.0]], [[6.0, 3.0]]]
    assert head.point(y_hat).tolist() == [[5.0, 2.0]]


@pytest.mark.parametrize(
    ("levels", "median"),
    [
        ((0.5,), 1.0),
        ((0.2, 0.5), 2.0),
        ((0.4, 0.6), 1.5),
        ((0.4, 0.8), 1.25),
        ((0.1, 0.4, 0.6, 0.9), 2.5),
    ],
)
def test_the_point_is_the_median(levels, median):
    y_hat = torch.arange(1.0, 1.0 + len(levels))
    assert Quantiles(levels=levels).point(y_hat).item() == pytest.approx(
        median
    )


def test_the_loss_of_quantiles_is_their_pinball_loss():
    head = Quantiles(3, levels=(0.05, 0.5, 0.95))
    generator = torch.Generator().manual_seed(0)
    y_hat = torch.randn(5, 7, 9, generator=generator)
    y = torch.randn(5, 7, 3, generator=generator)
    by_level = y_hat.unflatten(-1, (3, 3)).movedim(-2, 0).numpy()
    expected = pinball(y.numpy(), by_level, head.levels).mean()
    assert head.loss(y_hat, y).item() == pytest.approx(expected, rel=1e-5)
    median = Quantiles(3, levels=(0.5,))
    mae = nn.functional.l1_loss(y_hat[..., :3], y)
    torch.testing.assert_close(median.loss(y_hat[..., :3], y), mae / 2)


@given(st.lists(st.floats(-10, 10), min_size=5, max_size=5))
def test_sorting_never_makes_the_loss_larger(numbers):
    head = Quantiles(levels=(0.1, 0.3, 0.5, 0.7, 0.9))
    y_hat = torch.tensor([numbers], dtype=torch.float64)
    ordered = head.quantiles(y_hat).movedim(0, -1).flatten(1)
    for y in (-3.0, 0.0, 3.0):
        y = torch.full((1, 1), y, dtype=torch.float64)
        assert head.loss(ordered, y) <= head.loss(y_hat, y) + 1e-12


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Quantiles(levels=()), "levels: expected numbers that rise"),
        (lambda: Quantiles(levels=(0.9, 0.1)), "levels: .* that rise"),
        (lambda: Quantiles(levels=(0.5, 1.0)), "levels: .* between 0 and 1"),
        (lambda: Quantiles(levels=(0.1, 0.4)), "levels: expected 0.5 among"),
        (
            lambda: Quantiles(2).point(torch.zeros(3, 4)),
            "y_hat: expected 3 quantiles for each step, got shape",
        ),
        (
            lambda: Quantiles(2).loss(torch.zeros(3, 6), torch.zeros(3, 3)),
            r"y: expected shape \(3, 2\)",
        ),
    ],
)
def test_quantiles_refuse(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_pinball_loss_finds_the_quantiles():
    values = make_cycle(3000, noise=0.4, seed=0)
    torch.manual_seed(0)
    model = GRUModel(hidden_size=16, head=Quantiles(12), fast=True)
    forecaster = Forecaster(model).fit(values, CYCLE)
    X, _ = make_windows(make_cycle(1000, noise=0.4, seed=1), 60)
    low, _, high = forecaster.quantiles(X[..., 0], 12)
    expected = 2 * 1.645 * cycle_error(12, noise=0.4)
    np.testing.assert_allclose((high - low).mean(axis=0), expected, rtol=0.15)


def test_a_distribution_has_the_scale_of_the_series():
    model = seeded(head=Gaussian(5))
    scaler = Scaler(100.0, 7.0)
    history = 100 + 7 * (VALUES - 2)
    mean, std = Forecaster(model, scaler).distribution(history, 3)
    x = scaled_tensor(history[None], scaler)
    with torch.no_grad():
        centre, log_var = model(x).double().numpy()[0].reshape(2, 5)
    np.testing.assert_allclose(mean, 100 + 7 * centre[:3], rtol=1e-5)
    np.testing.assert_allclose(std, 7 * np.exp(log_var[:3] / 2), rtol=1e-5)
    np.testing.assert_allclose(mean, Forecaster(model, scaler)(history, 3))
    with pytest.raises(ValueError, match="head Gaussian, got Direct"):
        Forecaster(seeded()).distribution(VALUES, 1)


def test_quantiles_have_the_scale_of_the_series():
    head = Quantiles(5, levels=(0.1, 0.5, 0.9))
    model = seeded(head=head)
    scaler = Scaler(100.0, 7.0)
    history = 100 + 7 * (VALUES - 2)
    found = Forecaster(model, scaler).quantiles(history, 3)
    x = scaled_tensor(history[None], scaler)
    with torch.no_grad():
        raw = model(x).double().numpy()[0].reshape(3, 5)[:, :3]
    expected = 100 + 7 * np.sort(raw, axis=0)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    forecaster = Forecaster(model, scaler)
    np.testing.assert_array_equal(forecaster(history, 3), found[1])
    some = forecaster.quantiles(history, 3, [1 - 0.9, 0.9])
    np.testing.assert_array_equal(some, found[[0, 2]])
    with pytest.raises(ValueError, match="head Quantiles, got Direct"):
        Forecaster(seeded()).quantiles(VALUES, 1)
    with pytest.raises(ValueError, match=r"levels: expected some of \(0.1,"):
        forecaster.quantiles(history, 3, [0.2])
    with pytest.raises(ValueError, match=r"horizon: .* from 1 to 5, got 6"):
        forecaster.quantiles(history, 6)


def test_quantiles_of_several_series_and_targets():
    rows = np.stack([table()[:, :2], table()[::-1, :2]])
    head = Quantiles(4, target=(1, 0))
    forecaster = Forecaster(seeded(2, head=head), window=12)
    forecaster.fit(table()[:, :2], FAST)
    both = forecaster.quantiles(rows, 3)
    assert both.shape == (3, 2, 3, 2)
    for k in range(2):
        alone = forecaster.quantiles(rows[k], 3)
        np.testing.assert_allclose(both[:, k], alone, rtol=1e-5)
    assert (np.diff(both, axis=0) >= 0).all()


@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "learn_h0": True}])
@pytest.mark.parametrize("window", [None, 12])
def test_a_path_is_drawn_step_by_step(window, options):
    model = seeded(head=Gaussian(), **options)
    forecaster = Forecaster(model, Scaler(2.0, 1.5), window)
    found = forecaster.sample(VALUES, 5, draws=3, seed=4)
    noise = np.random.default_rng(4).standard_normal((3, 5))
    for path, pushes in zip(found, noise, strict=True):
        seen = list(VALUES)
        for push in pushes:
            mean, std = forecaster.distribution(seen, 1)
            seen.append(mean[0] + push * std[0])
        np.testing.assert_allclose(path, seen[-5:], rtol=1e-4, atol=1e-4)


def test_a_long_heads_first_step_draws_paths_too():
    model = seeded(head=Gaussian(4))
    paths = Forecaster(model).sample(VALUES, 6, draws=2000)
    mean, std = Forecaster(model).distribution(VALUES, 1)
    assert abs(paths[:, 0].mean() - mean[0]) < 4 * std[0] / np.sqrt(2000)
    np.testing.assert_allclose(paths[:, 0].std(), std[0], rtol=0.1)
    assert paths.shape == (2000, 6)


@pytest.mark.parametrize("at_once", [2, 5])
@pytest.mark.parametrize("window", [None, 12])
def test_paths_of_many_series_are_as_one_by_one(window, at_once, monkeypatch):
    monkeypatch.setattr("gru_tutorial.probabilistic.DRAWN", 3 * at_once)
    rows = np.stack([VALUES, VALUES[::-1], 2 * VALUES, 1 - VALUES])
    model = seeded(head=Gaussian())
    forecaster = Forecaster(model, Scaler().fit(VALUES), window)
    found = forecaster.sample(rows, 4, draws=3, seed=1)
    assert found.shape == (3, 4, 4)
    rng = np.random.default_rng(1)
    blocks = [rows[k : k + at_once] for k in range(0, 4, at_once)]
    noise = [rng.standard_normal((3, len(one), 4)) for one in blocks]
    noise = np.concatenate(noise, axis=1)
    for k, history in enumerate(rows):
        for path, pushes in zip(found[:, k], noise[:, k], strict=True):
            seen = list(history)
            for value, push in zip(path, pushes, strict=True):
                mean, std = forecaster.distribution(seen, 1)
                expected = mean[0] + push * std[0]
                np.testing.assert_allclose(value, expected, rtol=1e-3)
                seen.append(value)


def test_paths_are_drawn_anew_with_each_seed_and_each_block(monkeypatch):
    monkeypatch.setattr("gru_tutorial.probabilistic.DRAWN", 20)
    forecaster = Forecaster(seeded(head=Gaussian()))
    rows = np.stack([VALUES] * 5)
    found = forecaster.sample(rows, 3, draws=10, seed=0)  # two rows a block
    assert len(np.unique(found)) == found.size
    again = forecaster.sample(rows, 3, draws=10, seed=0)
    np.testing.assert_array_equal(found, again)
    assert not np.isin(forecaster.sample(rows, 3, 10, seed=1), found).any()


def test_two_targets_are_drawn_in_their_order():
    model = seeded(2, head=Gaussian(1, target=(1, 0)))
    forecaster = Forecaster(model)
    values = table()[:, :2]
    found = forecaster.sample(values, 3, draws=1, seed=0)[0]
    seen = values
    for push in np.random.default_rng(0).standard_normal((3, 2)):
        mean, std = forecaster.distribution(seen, 1)
        drawn = mean[0] + push * std[0]
        seen = np.concatenate([seen, drawn[None, ::-1]])
    np.testing.assert_allclose(found[:, ::-1], seen[-3:], rtol=1e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: Forecaster(seeded()).sample(VALUES, 3),
            "model: expected one with the head Gaussian, got Direct",
        ),
        (
            lambda: Forecaster(seeded(2, head=Gaussian())).sample(
                table()[:, :2], 3
            ),
            "horizon: expected at most 1, as what comes next in the other",
        ),
        (
            lambda: Forecaster(seeded(head=Gaussian())).sample(VALUES, 3, 0),
            "draws: expected a whole number from 1 to",
        ),
        (
            lambda: Forecaster(seeded(head=Gaussian())).sample(
                VALUES, 3, seed=-1
            ),
            "seed: expected",
        ),
        (
            lambda: Forecaster(seeded(head=Gaussian())).sample([], 3),
            "history: expected shape",
        ),
    ],
)
def test_sample_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_distribution_sees_the_window_alone():
    forecaster = Forecaster(seeded(head=Gaussian(4)), window=12)
    mean, std = forecaster.distribution(VALUES, 4)
    np.testing.assert_allclose(mean, forecaster(VALUES, 4))
    again = forecaster.distribution(VALUES[-12:], 4)
    np.testing.assert_array_equal((mean, std), again)
