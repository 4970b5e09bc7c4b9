"""Each series is its formula; the cycle's optimum against simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gru_tutorial import (
    cycle_error,
    cycle_forecast,
    load_electricity,
    make_cycle,
    make_series,
    make_windows,
)


def test_series_is_signal_plus_noise_of_the_given_size():
    series = make_series(length=100_000, noise=0.35, seed=3)
    noise = series.values - series.clean
    assert noise.std() == pytest.approx(0.35, rel=0.01)
    assert noise.mean() == pytest.approx(0, abs=0.005)
    assert np.corrcoef(noise[:-1], noise[1:])[0, 1] == pytest.approx(
        0, abs=0.02
    )


def test_series_depends_on_the_seed_alone():
    np.testing.assert_array_equal(make_series(seed=1), make_series(seed=1))
    assert not np.array_equal(make_series(seed=1), make_series(seed=2))
    np.testing.assert_array_equal(
        make_series(noise=0).values, make_series().clean
    )


def test_the_clean_signal_is_the_formula():
    t = np.arange(850)
    slow, fast = 2 * np.pi * t / 50, 2 * np.pi * t / 18
    formula = 2 + 1.5 * np.sin(slow) + 0.8 * np.sin(fast + 0.7)
    np.testing.assert_allclose(make_series().clean, formula)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"length": 0},
            "length: expected a whole number from 1 to 1000000000, got 0",
        ),
        ({"length": 8.5}, "length: expected a whole number"),
        ({"length": 2**63}, "length: expected a whole number"),
        (
            {"noise": -1},
            "noise: expected a finite number of at least 0, got -1",
        ),
        ({"noise": float("nan")}, "noise: expected a finite number"),
        ({"noise": 1e308}, r"noise: expected .* float64's range, got 1e\+308"),
        ({"seed": -1}, "seed: expected a whole number from 0 to .*, got -1"),
    ],
)
def test_series_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_series(**arguments)


def test_the_noise_is_numpys():
    noise = np.random.default_rng(5).standard_normal(300)
    series = make_series(300, noise=0.2, seed=5)
    np.testing.assert_array_equal(series.values, series.clean + 0.2 * noise)


def test_electricity_is_whole():
    start, demand = load_electricity()
    assert start.shape == demand.shape == (4032,)
    steps = np.diff(start)
    assert (steps == np.timedelta64(30, "m")).all()
    assert str(start[-1]) == "2000-08-27T23:30"
    assert (demand > 1e4).all()
    assert (demand < 1e5).all()


@given(st.sampled_from([2.0, 3.0, 7.5, 12.0, 40.0]), st.floats(0.0, 0.99))
def test_the_error_follows_from_the_psi_weights(period, damping):
    k, omega = np.arange(24), 2 * np.pi / period
    if period == 2:  # the limit of the quotient of sines
        psi = (k + 1) * (-damping) ** k
    else:
        psi = damping**k * np.sin((k + 1) * omega) / np.sin(omega)
    expected = 0.5 * np.sqrt(np.cumsum(psi**2))
    got = cycle_error(24, period, damping, noise=0.5)
    np.testing.assert_allclose(got, expected, rtol=1e-9)


def test_the_best_forecast_is_the_mean_of_many_futures():
    history, runs = [0.7, -1.3], 100_000
    phi_1, phi_2 = 2 * 0.9 * math.cos(2 * math.pi / 8), -0.81
    noise = np.random.default_rng(0).standard_normal((24, runs)) * 0.5
    path = [np.full(runs, value) for value in history]
    for shock in noise:
        path.append(phi_1 * path[-1] + phi_2 * path[-2] + shock)
    futures = np.stack(path[2:])
    y_hat = cycle_forecast(history, 24, period=8, damping=0.9)
    std = cycle_error(24, period=8, damping=0.9, noise=0.5)
    slack = 4.5 * std / math.sqrt(runs)
    assert (np.abs(futures.mean(axis=1) - y_hat) < slack).all()
    np.testing.assert_allclose(futures.std(axis=1), std, rtol=0.01)


def test_the_cycle_reaches_its_optimum_and_no_forecast_of_it_does_better():
    values = make_cycle(40_000, seed=0)
    X, y = make_windows(values, window=6, horizon=12)
    y_hat = cycle_forecast(X[..., 0], 12)
    expected = cycle_error(12)
    np.testing.assert_allclose((y - y_hat).std(axis=0), expected, rtol=0.03)
    lags = np.c_[X[..., 0], np.ones(len(X))]
    best, *_ = np.linalg.lstsq(lags, y, rcond=None)
    ratio = (y - lags @ best).std(axis=0) / (y - y_hat).std(axis=0)
    assert (ratio > 0.99).all()


def test_the_cycle_is_stationary_from_its_first_value():
    firsts = np.stack([make_cycle(3, seed=seed) for seed in range(20_000)])
    std = cycle_error(2000)[-1]
    np.testing.assert_allclose(firsts.std(axis=0), std, rtol=0.02)
    phi_1, phi_2 = 2 * 0.95 * math.cos(math.pi / 6), -(0.95**2)
    rho = phi_1 / (1 - phi_2)
    for t in (1, 2):
        found = np.corrcoef(firsts[:, t - 1], firsts[:, t])[0, 1]
        assert found == pytest.approx(rho, abs=0.01)


@pytest.mark.parametrize("length", [1, 2, 3, 200])
def test_the_cycle_is_its_formula(length):
    phi_1, phi_2 = 2 * 0.9 * math.cos(2 * math.pi / 7), -(0.9**2)
    pushes = 0.3 * np.random.default_rng(4).standard_normal(length)
    values = make_cycle(length, period=7, damping=0.9, noise=0.3, seed=4)
    expected = list(values[:2])
    for push in pushes[2:]:
        before = phi_1 * expected[-1] + phi_2 * expected[-2]
        expected.append(push + before)
    np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_the_best_forecast_is_computed_in_double(dtype):
    history = np.array([[2000.0, 2010.0], [1.0, -0.5]], dtype)
    y_hat = cycle_forecast(history, 30)
    assert y_hat.dtype == np.float64
    expected = cycle_forecast(history.astype(np.float64), 30)
    np.testing.assert_array_equal(y_hat, expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make_cycle(0), "length"),
        (lambda: make_cycle(10**12), "length"),
        (lambda: make_cycle(9, damping=1.0), "damping: .* below 1"),
        (lambda: make_cycle(9, period=1.9), "period: .* at least 2"),
        (lambda: make_cycle(9, noise=-1), "noise"),
        (lambda: make_cycle(500, noise=1e308), "noise: .* float64's range"),
        (
            lambda: make_cycle(9, period=2, damping=1 - 1e-12),
            "damping: expected a cycle whose spread .* period of 2",
        ),
        (lambda: cycle_forecast([1.0], 3), "history: .* at least 2"),
        (
            lambda: cycle_forecast([-1e308, 1e308], 3),
            r"history: .* float64's range, got 1e\+308",
        ),
        (lambda: cycle_error(0), "horizon"),
        (lambda: cycle_error(5, noise=1.7e308), "noise: .* float64's range"),
    ],
)
def test_cycles_refuse(call, message):
    with pytest.raises(ValueError, match=message):
        call()
