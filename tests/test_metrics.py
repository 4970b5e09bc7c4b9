"""Scores against scikit-learn and closed forms."""

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import (
    mean_absolute_error,
    mean_pinball_loss,
    mean_squared_error,
    root_mean_squared_error,
)

from gru_tutorial import (
    crps_normal,
    crps_sample,
    expected_ratio,
    floor_ratio,
    mae,
    make_series,
    mase,
    mse,
    pinball,
    rmse,
)

PAIRS = arrays(np.float64, (2, 9), elements=st.floats(-1e3, 1e3))


@given(PAIRS)
def test_errors_equal_scikit_learns(pair):
    y, y_hat = pair
    assert mse(y, y_hat) == pytest.approx(mean_squared_error(y, y_hat))
    assert rmse(y, y_hat) == pytest.approx(root_mean_squared_error(y, y_hat))
    assert mae(y, y_hat) == pytest.approx(mean_absolute_error(y, y_hat))


def test_mase_of_the_naive_forecast_in_training_is_one():
    train = make_series().values
    assert mase(train[1:], train[:-1], train) == pytest.approx(1)
    assert mase(train[50:], train[:-50], train, period=50) == pytest.approx(1)


def test_an_oracle_reaches_the_floor():
    series = make_series(length=100_000)
    assert floor_ratio(series.values, series.clean) == pytest.approx(
        1, abs=0.02
    )
    assert expected_ratio(series.clean, series.clean) == 1


def test_expected_ratio_is_the_mean_of_the_floor_ratio():
    clean = make_series(length=200).clean
    y_hat = clean + 0.2
    ratios = []
    for seed in range(400):
        values = make_series(length=200, seed=seed).values
        ratios.append(floor_ratio(values, y_hat))
    expected = expected_ratio(clean, y_hat)
    assert expected == pytest.approx(1 + 0.2**2 / 0.35**2)
    assert np.mean(ratios) == pytest.approx(expected, abs=0.02)


ALTERNATING = [0.1 * 3, 0.3] * 20  # equal but for rounding
SINE = np.sin(2 * np.pi * np.arange(120) / 12)


@pytest.mark.parametrize(
    ("train", "period"),
    [
        (SINE, 12),
        (1e9 + SINE, 12),
        (SINE.astype(np.float32), 12),
        (SINE.astype(np.float16), 12),
        (make_series(1000, noise=0).values, 450),
        (ALTERNATING, 1),
        (np.array([0.3, 0.3 + 2.0**-25] * 20, np.float32), 1),
        (np.zeros(5), 1),
        (np.full(5, 1e-310), 1),
    ],
)
def test_mase_refuses_a_repetition_that_is_rounded(train, period):
    with pytest.raises(ValueError, match=f"itself every {period} steps"):
        mase([1.0], [1.1], train, period)


@pytest.mark.parametrize(
    ("train", "scale"),
    [
        (1.7e9 + np.arange(1_000_000.0), 1.0),  # seconds: far above 0
        (np.tile([1e8, 1e8 + 16], 9).astype(np.float32), 16.0),
        (1e-300 * np.arange(9.0), 1e-300),
        ([1.0, 1 + 1e-12] * 9, 1e-12),
    ],
)
def test_mase_keeps_a_change_that_is_small(train, scale):
    score = mase([0.0], [2 * scale], train)
    assert score == pytest.approx(2, rel=1e-3)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: mse([1e200], [-1e200]), "y_hat"),
        (lambda: rmse([1e300], [0.0]), "y_hat"),
        (lambda: mae([1e308], [-1e308]), "y_hat"),
        (lambda: mase([0.0], [1e300], [0.0, 1e-300]), "y_hat"),
        (lambda: mase([0.0], [1.0], [1e308, -1e308]), "train"),
        (lambda: floor_ratio([0.0], [1e100], noise=1e-100), "y_hat"),
        (lambda: expected_ratio([0.0], [1e154], noise=0.1), "y_hat"),
    ],
)
def test_scores_beyond_float64_are_refused(call, name):
    with pytest.raises(ValueError, match=f"{name}: .* float64's range"):
        call()


def test_noise_may_be_huge():
    assert floor_ratio([0.0], [1.0], noise=1e300) == 0
    assert expected_ratio([0.0], [1.0], noise=1e300) == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: mse(np.zeros(3), np.zeros((3, 1))),
            r"y_hat: expected the shape of y \(3,\), got \(3, 1\)",
        ),
        (lambda: mae([], []), "y: expected at least one value"),
        (lambda: rmse([np.nan], [1.0]), "y: expected finite numbers"),
        (lambda: rmse([1.0], [np.inf]), "y_hat: expected finite numbers"),
        (
            lambda: mase([1.0], [1.0], [1.0, 2.0], period=2),
            "train: expected at least period . 1 = 3 time steps, got 2",
        ),
        (lambda: floor_ratio([1.0], [1.0], noise="0.3"), "noise: expected"),
        (lambda: mase([1.0], [1.0], [3.0, 3.0]), "repeats itself every 1"),
        (lambda: floor_ratio([1.0], [1.0], noise=0), "noise: expected"),
        (lambda: expected_ratio(["1"], [1.0]), "clean: expected numbers"),
        (
            lambda: expected_ratio([1.0], [1.0], noise=np.nan),
            "noise: expected",
        ),
    ],
)
def test_scores_refuse(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_scores_are_computed_in_double():
    assert mse(np.full(4, 300, np.float16), np.zeros(4, np.float16)) == 9e4
    train = np.array([6e4, -6e4, 6e4], np.float16)
    expected = 1 / np.abs(np.diff(train.astype(float))).mean()
    assert mase(np.ones(2), np.zeros(2), train) == pytest.approx(expected)
    squares = np.arange(4.0) ** 2
    assert mase([1.0], [2.0], squares, np.uint8(3)) == pytest.approx(1 / 9)


# Scores of distributions


NORMAL = NormalDist()


@given(PAIRS, st.floats(0.01, 0.99))
def test_pinball_equals_scikit_learns(pair, level):
    y, y_hat = pair
    found = pinball(y, y_hat[None], [level])
    assert found.shape == (1, 9)
    expected = mean_pinball_loss(y, y_hat, alpha=level)
    assert found.mean() == pytest.approx(expected)


def test_pinball_is_lowest_at_the_quantile():
    y = np.random.default_rng(0).standard_exponential(100_001)
    tried = np.linspace(0, 5, 501)
    for level in (0.1, 0.5, 0.9):
        best = -np.log(1 - level)
        losses = [
            pinball(y[:5001], np.full((1, 5001), q), [level]).mean()
            for q in tried
        ]
        lowest = tried[np.argmin(losses)]
        assert abs(np.mean(y[:5001] <= lowest) - level) < 0.005
        assert lowest == pytest.approx(best, abs=0.12)


@given(st.floats(-4, 4), st.floats(-2, 2), st.floats(0.1, 3))
def test_crps_of_a_normal_is_the_mean_pinball_loss_of_all_levels(y, mean, std):
    levels = (np.arange(2000) + 0.5) / 2000
    quantiles = mean + std * QUANTILES
    expected = 2 * pinball([y], quantiles[:, None], levels).mean()
    found = crps_normal([y], [mean], [std])[0]
    assert found == pytest.approx(expected, rel=2e-3, abs=1e-4 * std)


QUANTILES = np.array(
    [NORMAL.inv_cdf(level) for level in (np.arange(2000) + 0.5) / 2000]
)


def test_crps_of_a_normal_is_the_integral_of_its_squared_distance():
    x = np.linspace(-12, 12, 24_001)
    cdf = np.array([NORMAL.cdf(one) for one in x])
    for y in (-2.5, 0.0, 1.0):
        squares = (cdf - (x >= y)) ** 2
        expected = squares.sum() * (x[1] - x[0])
        found = crps_normal([y], [0.0], [1.0])[0]
        assert found == pytest.approx(expected, abs=1e-3)


def test_crps_of_a_number_is_its_absolute_error():
    y, y_hat = np.random.default_rng(0).standard_normal((2, 5, 3))
    np.testing.assert_allclose(
        crps_normal(y, y_hat, np.zeros((5, 3))), np.abs(y - y_hat)
    )
    np.testing.assert_allclose(
        crps_normal(y, y_hat, np.full((5, 3), 1e-12)), np.abs(y - y_hat)
    )
    np.testing.assert_allclose(
        crps_sample(y, np.stack([y_hat] * 7)), np.abs(y - y_hat)
    )


@given(arrays(np.float64, (6, 2), elements=st.floats(-1e3, 1e3)))
def test_crps_of_draws_compares_all_pairs(samples):
    y = np.array([0.5, -3.0])
    apart = np.abs(samples[:, None] - samples).sum(axis=(0, 1)) / (6 * 5)
    expected = np.abs(samples - y).mean(axis=0) - apart / 2
    np.testing.assert_allclose(crps_sample(y, samples), expected, atol=1e-9)


@pytest.mark.parametrize("draws", [2, 5, 50])
def test_crps_of_draws_is_fair(draws):
    rng = np.random.default_rng(draws)
    y = rng.standard_normal(40_000)
    found = crps_sample(y, rng.standard_normal((draws, 40_000))).mean()
    expected = crps_normal(y, 0 * y, np.ones(40_000)).mean()
    assert found == pytest.approx(expected, rel=0.02)
    assert expected == pytest.approx(1 / np.sqrt(np.pi), rel=0.01)


def test_crps_prefers_the_true_distribution():
    y = np.random.default_rng(0).standard_normal(20_000)
    true, wide, off = (
        crps_normal(y, np.full(20_000, mean), np.full(20_000, std)).mean()
        for mean, std in ((0, 1), (0, 1.3), (0.3, 1))
    )
    assert true < min(wide, off)


def test_crps_of_far_values_does_not_overflow_on_the_way():
    far = crps_normal([1e300, 1e300], [0.0, 0.0], [1.0, 1e-300])
    np.testing.assert_allclose(far, 1e300)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: pinball([1.0], [[1.0]], [0.1, 0.9]),
            r"quantiles: .* \(2, 1\)",
        ),
        (lambda: pinball([1.0], [[1.0]], [1.0]), "levels: expected numbers"),
        (lambda: pinball([], np.zeros((1, 0)), [0.5]), "quantiles: expected"),
        (lambda: pinball([1e308], [[-1e308]], [0.5]), "quantiles: .* range"),
        (lambda: crps_normal([1.0], [1.0], [-1.0]), "std: .* at least 0"),
        (lambda: crps_normal([1.0], [1.0, 2.0], [1.0]), "mean, std: .* shape"),
        (lambda: crps_normal([1e308], [-1e308], [1.0]), "mean, std: .* range"),
        (
            lambda: crps_sample([1.0], [[1.0]]),
            "samples' length: .* at least 2",
        ),
        (
            lambda: crps_sample([1.0], [[1.0, 2.0]] * 3),
            r"samples: .* \(3, 1\)",
        ),
        (lambda: crps_sample([1e308], [[-1e308]] * 3), "samples: .* range"),
    ],
)
def test_scores_of_distributions_refuse(call, message):
    with pytest.raises(ValueError, match=message):
        call()
