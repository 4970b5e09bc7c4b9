"""Intervals hold their promise; scores equal closed forms."""

import math
from statistics import NormalDist

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gru_tutorial import GRUModel, Scaler, make_series
from gru_tutorial.horizons import GaussianGRU
from gru_tutorial.intervals import (
    Intervals,
    SplitConformal,
    adaptive_conformal,
    conformal_quantile,
    coverage,
    gaussian_intervals,
    interval_score,
)

NORMAL = NormalDist()


def within_binomial_bounds(hits, n, p):
    return abs(hits - n * p) <= 4 * math.sqrt(n * p * (1 - p))


@pytest.mark.parametrize("n", [9, 10, 19, 30])
@pytest.mark.parametrize("draw", ["standard_normal", "standard_exponential"])
def test_conformal_coverage_on_exchangeable_data_is_exact(n, draw):
    rng = np.random.default_rng(n)
    runs = 4000  # each with a calibration part and one value of its own
    errors = getattr(rng, draw)((n + 1, runs))
    bounds = conformal_quantile(np.abs(errors[:n]), level=0.9)
    hits = int((np.abs(errors[n]) <= bounds).sum())
    assert within_binomial_bounds(
        hits, runs, math.ceil((n + 1) * 0.9) / (n + 1)
    )


@pytest.mark.parametrize("common", [0.0, 0.9])
def test_bonferroni_holds_whole_paths(common):
    rng = np.random.default_rng(0)
    n, runs, horizon = 60, 1500, 6  # 61 * (1 - 0.1 / 6) is near a whole number
    shape = (runs, n + 1)
    errors = (
        common * rng.standard_normal((*shape, 1))
        + (1 - common) * rng.standard_normal((*shape, horizon))
    ) * np.linspace(1, 3, horizon)
    hits = {False: 0, True: 0}
    inside = np.zeros(horizon)
    for run in errors:
        for joint in hits:
            fitted = SplitConformal(0.9, joint).fit(run[:n])
            contains = fitted.intervals(np.zeros(horizon)).contains(run[n])
            hits[joint] += contains.all()
            if not joint:
                inside += contains
    slack = 4 * math.sqrt(runs * 0.9 * 0.1)
    assert hits[True] >= runs * 0.9 - slack
    for marginal in inside:
        assert within_binomial_bounds(marginal, runs, 55 / 61)
    if common == 0:
        assert within_binomial_bounds(hits[True], runs, (60 / 61) ** horizon)
        assert hits[False] < runs * 0.65  # 0.9 ** 6 = 0.53


@given(st.integers(1, 40), st.sampled_from([0.5, 0.8, 0.9, 0.95]))
def test_the_shortest_calibration_part_that_will_do(horizon, level):
    miss = round((1 - level) * 100)  # in hundredths
    needed = math.ceil((100 * horizon - miss) / miss)
    rows = np.ones((needed, horizon))
    assert (SplitConformal(level, joint=True).fit(rows).radius == 1).all()
    message = f"residuals: expected at least {needed} rows .* got {needed - 1}"
    if needed > 1:
        with pytest.raises(ValueError, match=message):
            SplitConformal(level, joint=True).fit(rows[1:])


def test_conformal_intervals_lie_around_the_forecasts():
    residuals = np.outer(np.arange(-9.0, 10.0), [1.0, 2.0])  # |r|: 0, 1, 1, ..
    conformal = SplitConformal(0.9).fit(residuals)
    np.testing.assert_array_equal(conformal.radius, [9.0, 18.0])
    intervals = conformal.intervals([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(intervals.lower, [[-8, -16], [-6, -14]])
    np.testing.assert_array_equal(intervals.upper, [[10, 20], [12, 22]])
    assert intervals.level == 0.9


def test_the_rank_does_not_suffer_from_rounding():
    # 1020 * (1 - 0.1 / 6) is 1003, but 1003.0000000000001 in floats.
    residuals = np.outer(np.arange(1.0, 1020.0), np.ones(6))
    conformal = SplitConformal(0.9, joint=True).fit(residuals)
    assert (conformal.radius == 1003).all()


def test_coverage_counts_values_or_paths():
    intervals = Intervals(np.zeros((4, 2)), np.ones((4, 2)), 0.9)
    y = np.array([[0.0, 1.0], [0.5, 1.1], [-0.1, 0.5], [2.0, 2.0]])
    assert coverage(y, intervals) == 4 / 8  # on the bound is inside
    assert coverage(y, intervals, joint=True) == 1 / 4
    assert coverage([0.5, 2.0], Intervals([0, 0], [1, 1], 0.9)) == 0.5


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_interval_score_has_its_closed_form_and_its_minimum(level):
    alpha = 1 - level
    y = np.random.default_rng(0).standard_normal(200_000)

    def score(z):
        ones = np.ones(len(y))
        return interval_score(y, Intervals(-z * ones, z * ones, level))

    z = NORMAL.inv_cdf(1 - alpha / 2)
    assert score(z) == pytest.approx(4 / alpha * NORMAL.pdf(z), rel=0.01)
    assert score(z) < min(score(0.8 * z), score(1.2 * z))


def test_interval_score_by_hand():
    intervals = Intervals([0.0, 0.0, 0.0], [1.0, 2.0, 3.0], level=0.8)
    y = [-0.5, 1.0, 3.25]
    expected = (1 + 10 * 0.5 + 2 + 3 + 10 * 0.25) / 3
    assert interval_score(y, intervals) == pytest.approx(expected)


def shifted(seed, n=2000):
    rng = np.random.default_rng(seed)
    y = rng.standard_normal(n)
    y[n // 4 :] *= np.linspace(1, 6, n - n // 4)
    return y, rng.standard_normal(200)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rate", [0.01, 0.05])
def test_adaptive_coverage_keeps_its_bound_under_a_shift(seed, rate):
    y, residuals = shifted(seed)
    zeros = np.zeros(len(y))
    static = SplitConformal(0.9).fit(residuals[:, None]).radius
    assert np.mean(np.abs(y) <= static) < 0.7
    intervals = adaptive_conformal(y, zeros, residuals, 0.9, rate)
    bound = (0.9 + rate) / (rate * len(y))
    assert abs(coverage(y, intervals) - 0.9) <= bound


def test_adaptive_coverage_adapts_where_errors_do_not_repeat():
    # Errors that jump each time the latest are known: alpha must do the work.
    y = np.tile(np.repeat([1.0, 5.0], 60), 20) + np.arange(2400) * 1e-3
    residuals = np.linspace(0, 1, 200)
    still = adaptive_conformal(y, np.zeros(2400), residuals, 0.5, rate=0)
    moving = adaptive_conformal(y, np.zeros(2400), residuals, 0.5, rate=0.05)
    assert abs(coverage(y, moving) - 0.5) <= 0.55 / (0.05 * 2400)
    assert abs(coverage(y, moving) - 0.5) < abs(coverage(y, still) - 0.5)


@pytest.mark.parametrize("horizon", [1, 5])
def test_adaptive_intervals_never_see_what_is_not_known(horizon):
    y, residuals = shifted(0, n=200)
    changed = y.copy()
    changed[100] = 50.0
    before, after = (
        adaptive_conformal(v, np.zeros(200), residuals, horizon=horizon).width
        for v in (y, changed)
    )
    first = 100 + horizon
    np.testing.assert_array_equal(before[:first], after[:first])
    assert before[first] != after[first]


def test_adaptive_starts_from_split_conformal():
    y, residuals = shifted(0)
    radius = SplitConformal(0.9).fit(residuals[:, None]).radius
    intervals = adaptive_conformal(y, np.ones(len(y)), residuals)
    np.testing.assert_array_equal(intervals.lower[0], 1 - radius[0])
    np.testing.assert_array_equal(intervals.upper[0], 1 + radius[0])


def test_adaptive_intervals_open_and_close():
    far, near = np.full(100, 1e3) * 1.1 ** np.arange(100), np.full(300, 1e-9)
    y = np.concatenate([far, near])
    residuals = np.random.default_rng(0).standard_normal(20)
    width = adaptive_conformal(y, np.zeros(400), residuals, rate=0.2).width
    assert np.isinf(width[:100]).any()
    assert (width >= 0).all()


@pytest.mark.parametrize("joint", [False, True])
def test_gaussian_intervals_are_quantiles_in_own_units(joint):
    torch.manual_seed(0)
    model = GaussianGRU(horizon=4, hidden_size=8)
    values = make_series(length=60).values
    scaler = Scaler().fit(values)
    intervals = gaussian_intervals(model, values, 3, scaler, 0.8, joint)
    x = torch.tensor(scaler.transform(values), dtype=torch.float32)
    with torch.no_grad():
        out, _ = model.run(x.reshape(1, -1, 1))
    mean = out[0, -1, :3].double().numpy()
    std = np.exp(out[0, -1, 4:7].double().numpy() / 2)
    z = NORMAL.inv_cdf(1 - 0.1 / (3 if joint else 1))
    for bound, sign in ((intervals.lower, -1), (intervals.upper, 1)):
        expected = (mean + sign * z * std) * scaler.std + scaler.mean
        np.testing.assert_allclose(bound, expected, rtol=1e-5)
    assert intervals.level == 0.8


TWO = Intervals([0.0, 0.0], [1.0, 1.0], 0.9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Intervals([0.0], [1.0, 2.0], 0.9), r"\(1,\) and \(2,\)"),
        (lambda: Intervals([2.0], [1.0], 0.9), "lower <= upper"),
        (lambda: Intervals([np.nan], [1.0], 0.9), "missing or cross"),
        (lambda: Intervals([0.0], [1.0], 1), "level: expected a number below"),
        (lambda: Intervals([0.0], [1.0], 0), "level: expected .* above 0"),
        (lambda: TWO.contains([0.5]), r"y: expected .* \(2,\), got \(1,\)"),
        (lambda: coverage([np.nan, 0.5], TWO), "y: .*nan"),
        (lambda: coverage([0.5, 0.5], TWO, joint=True), "expected paths"),
        (lambda: interval_score([0.5], TWO), "y: expected"),
        (
            lambda: coverage(
                np.zeros((0, 2)), Intervals(*np.zeros((2, 0, 2)), 0.9)
            ),
            "at least one value",
        ),
        (
            lambda: SplitConformal().fit(np.zeros((8, 3))),
            "residuals: expected at least 9 rows for level 0.9, got 8",
        ),
        (
            lambda: SplitConformal(joint=True).fit(np.zeros((100, 12))),
            "at least 119 rows for level 0.9 over 12 steps jointly, got 100",
        ),
        (lambda: SplitConformal().fit(np.zeros(50)), "expected a 2-D array"),
        (lambda: SplitConformal().intervals([0.0]), "call fit"),
        (lambda: SplitConformal(90), "level"),
        (lambda: SplitConformal(joint="yes"), "joint"),
        (
            lambda: SplitConformal().fit(np.ones((50, 3))).intervals([1, 2]),
            "y_hat: expected 3 steps",
        ),
        (lambda: conformal_quantile(np.ones(8), 0.9), "scores: .* 9 rows"),
        (
            lambda: adaptive_conformal([1.0], [1.0, 2.0], np.ones(50)),
            "y_hat: expected the shape of y",
        ),
        (
            lambda: adaptive_conformal([1.0], [1.0], np.ones(8)),
            "residuals: expected at least 9 rows",
        ),
        (
            lambda: adaptive_conformal([1.0], [1.0], np.ones(50), rate=-1),
            "rate",
        ),
        (
            lambda: adaptive_conformal([1.0], [1.0], np.ones(50), horizon=0),
            "horizon",
        ),
        (
            lambda: gaussian_intervals(GRUModel(), np.zeros(9), 1),
            r"model: expected one with quantile\(x, p\)",
        ),
        (
            lambda: gaussian_intervals(GaussianGRU(3), np.zeros(9), 4),
            "horizon: expected at most",
        ),
    ],
)
def test_intervals_refuse(call, message):
    with pytest.raises(ValueError, match=message):
        call()
