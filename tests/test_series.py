"""Each series is its formula; optima against simulation and enumeration."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gru_tutorial import (
    RegimeForecast,
    cycle_error,
    cycle_forecast,
    make_cycle,
    make_mackey_glass,
    make_regime,
    make_series,
    make_windows,
    rolling_origin,
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


def density(error, std):
    """Return the normal density, without the factor that all share."""
    return np.exp(-0.5 * (error / std) ** 2) / std


def weighed_paths(values, coefficient, stay, noise, ahead):
    """Return all paths of the regime, past the end, and their weights."""
    paths = np.array(
        list(itertools.product([1, -1], repeat=len(values) + ahead))
    )
    stays = paths[:, 1:] == paths[:, :-1]
    weights = np.where(stays, stay, 1 - stay).prod(axis=1) / 2
    for t in range(1, len(values)):
        mean = paths[:, t] * coefficient * values[t - 1]
        weights = weights * density(values[t] - mean, noise)
    return paths, weights / weights.sum()


SETTINGS = [(0.95, 0.98, 1.0), (0.6, 0.7, 0.3), (0.9, 0.5, 2.0), (0, 0.9, 1.0)]


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_filter_is_bayes_rule_over_all_paths(settings):
    coefficient = settings[0]
    values = make_regime(9, *settings, seed=2).values
    optimum = RegimeForecast(*settings)
    for n in range(1, 10):
        paths, weights = weighed_paths(values[:n], *settings, ahead=4)
        probability = weights[paths[:, n - 1] == 1].sum()
        signs = paths[:, n:].cumprod(axis=1)
        y_hat = weights @ signs * coefficient ** np.arange(1, 5)
        found = optimum.probability(values[:n])[-1]
        np.testing.assert_allclose(found, probability, rtol=1e-10)
        np.testing.assert_allclose(
            optimum(values[:n], 4), y_hat * values[n - 1], atol=1e-10
        )


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_filter_is_the_forward_algorithm(settings):
    coefficient, stay, noise = settings
    values = make_regime(400, *settings, seed=4).values
    moves = np.array([[stay, 1 - stay], [1 - stay, stay]])
    means = coefficient * np.array([1, -1])
    believed, expected = np.full(2, 0.5), []
    for before, now in itertools.pairwise([*values, 0.0]):
        expected.append((believed[0], believed @ moves @ means * before))
        believed = believed @ moves * density(now - means * before, noise)
        believed = believed / believed.sum()
    probability, y_hat = np.array(expected).T
    optimum = RegimeForecast(*settings)
    found = optimum.probability(values)
    np.testing.assert_allclose(found, probability, atol=1e-10)
    found = optimum.one_step(values, 1)
    np.testing.assert_allclose(found, y_hat[:-1], atol=1e-9)


def test_the_filter_is_calibrated():
    values, regime = make_regime(100_000, seed=5)
    optimum = RegimeForecast()
    sign = 0.96 * (2 * optimum.probability(values[:-1]) - 1)
    promised = 1 + (0.95 * values[:-1]) ** 2 * (1 - sign**2)
    squared = (values[1:] - optimum.one_step(values, 1)) ** 2
    order = np.argsort(promised)
    for part in (order, *np.array_split(order, 5)):  # the surest first
        surplus = squared[part] - promised[part]
        slack = 3 * surplus.std() / math.sqrt(len(part))
        assert abs(surplus.mean()) < slack < 0.15 * promised[part].mean()
    probability = optimum.probability(values)
    for low in (0.0, 0.02, 0.2, 0.5, 0.8, 0.98):
        near = (probability >= low) & (probability < low + 0.2)
        assert np.mean(regime[near] == 1) == pytest.approx(
            probability[near].mean(), abs=0.03
        )


def test_no_line_comes_near_one_step_ahead_and_a_line_is_best_at_two():
    values = make_regime(40_000, seed=0).values
    X, y = make_windows(values, window=24, horizon=2)
    lags = np.c_[X[..., 0], np.ones(len(X))]
    line = lags @ np.linalg.lstsq(lags, y, rcond=None)[0]
    y_hat = rolling_origin(RegimeForecast(), values[:300], 24, 2).y_hat
    one = RegimeForecast().one_step(values, 24)[:-1]
    two = 0.95**2 * 0.96 * X[:, -1, 0]
    np.testing.assert_allclose(y_hat, np.c_[one, two][: len(y_hat)])
    ratios = np.mean((y - line) ** 2, axis=0)
    ratios /= np.mean((y - np.c_[one, two]) ** 2, axis=0)
    assert 1.35 < ratios[0] < 1.5
    assert 0.98 < ratios[1] < 1.02


@pytest.mark.parametrize("length", [1, 2, 300])
def test_the_regime_is_its_formula(length):
    values, regime = make_regime(length, 0.9, 0.8, noise=0.3, seed=4)
    rng = np.random.default_rng(4)
    switches = rng.random(length) >= 0.8
    first = rng.choice([1, -1])
    pushes = 0.3 * rng.standard_normal(length)
    y, sign = pushes[0] / math.sqrt(1 - 0.9**2), first
    for t in range(length):
        if t > 0:
            sign = -sign if switches[t] else sign
            y = sign * 0.9 * y + pushes[t]
        assert regime[t] == sign
        assert values[t] == pytest.approx(y, rel=1e-12)
    assert regime.dtype == np.int64


def test_the_regime_depends_on_the_seed_alone():
    for one, again in zip(make_regime(50), make_regime(50), strict=True):
        np.testing.assert_array_equal(one, again)
    other = make_regime(50, seed=1)
    assert not np.array_equal(make_regime(50).values, other.values)


def test_the_regime_is_stationary_from_its_first_value():
    runs = [make_regime(3, seed=seed) for seed in range(20_000)]
    values = np.stack([run.values for run in runs])
    std = 1 / math.sqrt(1 - 0.95**2)
    np.testing.assert_allclose(values.std(axis=0), std, rtol=0.02)
    regime = np.stack([run.regime for run in runs])
    np.testing.assert_allclose(regime.mean(axis=0), 0, atol=0.03)
    stays = np.mean(regime[:, 1:] == regime[:, :-1])
    assert stays == pytest.approx(0.98, abs=0.003)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_filter_takes_series_as_rows_and_computes_in_double(dtype):
    rows = np.stack([make_regime(60, seed=k).values for k in range(3)])
    rows = rows.astype(dtype)
    optimum = RegimeForecast()
    for together, alone in (
        (optimum(rows, 5), [optimum(row, 5) for row in rows]),
        (optimum.probability(rows), [*map(optimum.probability, rows)]),
    ):
        assert together.dtype == np.float64
        np.testing.assert_array_equal(together, alone)
    at_once = optimum.one_step(rows[0], 40)
    each = [optimum(rows[0, :t], 1)[0] for t in range(40, 60)]
    np.testing.assert_array_equal(at_once, each)


def test_the_filter_stays_within_its_range():
    extreme = RegimeForecast(1 - 1e-16, 1 - 1e-16, 1e-150)
    values = np.array([1e150, -1e150, 1e150, 1e150, 0.0])
    np.testing.assert_allclose(
        extreme.probability(values), [0.5, 0, 0, 1, 1], atol=1e-12
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make_regime(0), "length"),
        (lambda: make_regime(9, coefficient=1.0), "coefficient: .* below 1"),
        (lambda: make_regime(9, coefficient=-0.1), "coefficient: .* least 0"),
        (lambda: make_regime(9, stay=1), "stay: .* at least 0.5 and below 1"),
        (lambda: make_regime(9, noise=0), "noise: .* above 0, got 0"),
        (lambda: make_regime(99, noise=1e308), "noise: .* float64's range"),
        (lambda: make_regime(9, seed=-1), "seed"),
        (lambda: RegimeForecast(stay=0.4), "stay: .* at least 0.5"),
        (lambda: RegimeForecast()([], 1), "history: .* at least 1 time"),
        (lambda: RegimeForecast()([1.0], 0), "horizon"),
        (lambda: RegimeForecast()([1.0, math.nan], 1), "history: .* nan at"),
        (
            lambda: RegimeForecast(noise=1e-9)([1e300], 1),
            r"history: .* float64's range, got 1e\+300",
        ),
        (lambda: RegimeForecast().one_step([1.0], 1), "values: .* least 2"),
        (lambda: RegimeForecast().one_step([1.0, 2.0], 2), "forecast_start"),
        (lambda: RegimeForecast().one_step([[1.0, 2.0]], 1), "values: .* 1-D"),
        (lambda: RegimeForecast().probability([]), "values: .* at least 1"),
    ],
)
def test_regimes_refuse(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_mackey_glass_obeys_its_equation():
    """With derivatives from neighbours, exact to the sixth order."""
    x = make_mackey_glass(1000, tau=17, every=1, seed=3).clean
    t = np.arange(20, 990)
    pairs = [x[t + k] - x[t - k] for k in (1, 2, 3)]
    slope = (45 * pairs[0] - 9 * pairs[1] + pairs[2]) / 60
    delayed = x[t - 17]
    expected = 0.2 * delayed / (1 + delayed**10) - 0.1 * x[t]
    assert np.abs(slope).max() > 0.05
    np.testing.assert_allclose(slope, expected, atol=1e-4)


def test_mackey_glass_rests_with_a_short_delay_and_wanders_with_a_long_one():
    np.testing.assert_allclose(make_mackey_glass(99, tau=2).clean, 1)
    values = make_mackey_glass(2000, tau=17).clean
    assert values.std() == pytest.approx(0.23, abs=0.01)
    # It never repeats, and small differences grow: so two seeds part.
    other = make_mackey_glass(2000, tau=17, seed=1).clean
    assert abs(np.corrcoef(values, other)[0, 1]) < 0.5
    gaps = [np.abs(values[k:] - values[:-k]).max() for k in range(1, 200)]
    assert min(gaps) > 0.1


def test_every_second_value_of_mackey_glass_is_the_same_series():
    fine = make_mackey_glass(60, every=3, seed=2).clean
    coarse = make_mackey_glass(30, every=6, seed=2).clean
    np.testing.assert_array_equal(coarse, fine[::2])


def test_mackey_glass_has_noise_on_top():
    series = make_mackey_glass(4000, noise=0.05, seed=3)
    noise = series.values - series.clean
    assert noise.std() == pytest.approx(0.05, rel=0.05)
    assert abs(noise.mean()) < 0.005
    clean = make_mackey_glass(4000, seed=3)
    np.testing.assert_array_equal(clean.values, series.clean)
    assert len(make_mackey_glass(1).values) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"length": 0}, "length: expected a whole number"),
        ({"tau": 0.5}, "tau: .* at least 1 and below 1000, got 0.5"),
        ({"tau": 1000}, "tau: .* below 1000"),
        ({"every": 0}, "every: expected a whole number from 1 to 1000"),
        ({"every": 1.5}, "every: expected a whole number"),
        ({"noise": -1}, "noise: .* at least 0"),
        ({"noise": 1e308}, "noise: .* float64's range"),
        ({"seed": -1}, "seed"),
    ],
)
def test_mackey_glass_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_mackey_glass(**{"length": 99, **arguments})
