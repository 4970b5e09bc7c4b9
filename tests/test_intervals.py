"""Intervals hold their promise; scores equal closed forms."""

import math
from statistics import NormalDist

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gru_tutorial import (
    Forecaster,
    Gaussian,
    GRUModel,
    Intervals,
    Scaler,
    SplitConformal,
    adaptive_conformal,
    coverage,
    gaussian_intervals,
    interval_score,
    make_series,
)
from gru_tutorial.intervals import conformal_quantile

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
    model = GRUModel(hidden_size=8, head=Gaussian(4))
    values = make_series(length=60).values
    scaler = Scaler().fit(values)
    forecaster = Forecaster(model, scaler)
    intervals = gaussian_intervals(forecaster, values, 3, 0.8, joint)
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


class Certain:
    """Forecasts a normal distribution of known mean and spread."""

    def __init__(self, std=2.0):
        self.std = std

    def distribution(self, history, horizon):
        mean = np.repeat(np.asarray(history)[..., -1:], horizon, axis=-1)
        return mean, np.full_like(mean, self.std)


@pytest.mark.parametrize("level", [1e-300, 1e-9, 0.5, 0.9, 1 - 2.0**-53])
def test_gaussian_intervals_at_any_level(level):
    found = gaussian_intervals(Certain(), [[3.0], [5.0]], 4, level)
    z = -NORMAL.inv_cdf((1 - level) / 2)
    np.testing.assert_allclose(found.upper[1], 5 + 2 * z)
    np.testing.assert_allclose(found.lower[0], 3 - 2 * z)
    joint = gaussian_intervals(Certain(), [3.0], 10**6, level, joint=True)
    assert np.isfinite(joint.width).all()
    assert (joint.width[0] >= found.width[0]).all()


@pytest.mark.parametrize("n", [9, 19, 29, 99])
@pytest.mark.parametrize("level", [0.1, 0.3, 0.7, 0.8, 0.9, 0.1 + 0.2])
def test_ranks_do_not_suffer_from_the_levels_rounding(n, level):
    tenths = round(10 * level)
    rank = -(-(n + 1) * tenths // 10)  # exact
    assert conformal_quantile(np.arange(1.0, n + 1), level) == rank
    residuals = np.arange(1.0, n + 1)
    adaptive = adaptive_conformal([0.0], [0.0], residuals, level)
    assert adaptive.upper[0] == rank


@pytest.mark.parametrize(
    ("level", "horizon", "needed"),
    [(0.99, 58, 5799), (0.9, 6, 59), (0.999, 7, 6999), (0.95, 2000, 39999)],
)
def test_long_paths_need_no_row_more_than_they_must(level, horizon, needed):
    rows = np.broadcast_to(
        np.arange(1.0, needed + 1)[:, None], (needed, horizon)
    )
    conformal = SplitConformal(level, joint=True)
    assert (conformal.fit(rows).radius == needed).all()
    with pytest.raises(ValueError, match=f"at least {needed} rows"):
        conformal.fit(rows[1:])


def test_levels_next_to_0_and_1_name_the_rows():
    scores = np.arange(1.0, 10.0)
    for level in (5e-324, 1e-12, 1e-3):
        assert conformal_quantile(scores, level) == 1
        assert SplitConformal(level, True).fit(scores[:, None]).radius == [1]
    with pytest.raises(ValueError, match="scores: expected at least 1 rows"):
        conformal_quantile([], 5e-324)
    top = 1 - 2.0**-53
    with pytest.raises(ValueError, match="residuals: expected at least"):
        SplitConformal(top, joint=True).fit(np.ones((50, 3)))


@pytest.mark.parametrize(("dtype", "level"), [("f4", 1e8), ("f2", 2e3)])
def test_intervals_are_computed_in_double(dtype, level):
    noise = np.random.default_rng(0).standard_normal((200, 1)).astype(dtype)
    conformal = SplitConformal(0.9).fit(noise)
    found = conformal.intervals(np.full((1, 1), level, dtype))
    expected = np.sort(np.abs(noise[:, 0].astype(float)))[180]
    np.testing.assert_allclose(found.width, 2 * expected, rtol=1e-6)
    y_hat = np.full(50, level, dtype)
    adaptive = adaptive_conformal(y_hat, y_hat, noise[:, 0], rate=0)
    np.testing.assert_allclose(adaptive.width[0], 2 * expected, rtol=1e-6)
    assert not Intervals([level + 0.3], [level + 1], 0.9).contains(y_hat[:1])


def test_an_error_as_large_as_the_radius_is_no_miss():
    ones = np.ones(3)
    found = adaptive_conformal(ones, 0 * ones, np.ones(9), rate=0.3)
    assert (found.width == 2).all()  # a miss would open the next one
    # Both lie on their bounds, but as floats the second error is larger.
    y_hat = np.where(np.arange(2000) % 20, 0.1, 1000.1)
    near, far = (y_hat + 0.2 - y_hat)[[1, 0]]
    assert near < far
    assert 1000.1 + near == 1000.1 + 0.2
    found = adaptive_conformal(y_hat + 0.2, y_hat, np.full(50, near), rate=0.1)
    share = coverage(y_hat + 0.2, found)
    assert abs(share - 0.9) <= (0.9 + 0.1) / (0.1 * 2000)


@pytest.mark.parametrize("exact", [0.5, 1.0])
def test_exact_forecasts_leave_fewer_misses_than_allowed(exact):
    rng = np.random.default_rng(0)
    y = np.where(rng.random(2000) < exact, 0.0, rng.standard_normal(2000))
    found = adaptive_conformal(y, np.zeros(2000), rng.standard_normal(200))
    misses = 1 - coverage(y, found)
    assert misses <= 0.1 + (0.9 + 0.02) / (0.02 * 2000)
    if exact == 1:
        assert misses == 0
        assert found.width[-1] == 0


@pytest.mark.parametrize("rate", [1e3, 1e308])
def test_a_huge_rate_opens_and_closes(rate):
    rng = np.random.default_rng(0)
    y = rng.standard_normal(300)
    found = adaptive_conformal(
        y, np.zeros(300), rng.standard_normal(50), rate=rate
    )
    assert {0.0, np.inf} < set(found.width)
    assert abs(coverage(y, found) - 0.9) <= 1.001 / 300


def test_bounds_may_be_infinite_to_their_own_side():
    found = Intervals([-np.inf, 0.0], [1.0, np.inf], 0.9)
    assert found.contains([-1e300, 1e300]).all()
    assert (found.width == np.inf).all()
    assert interval_score([0.0, 0.0], found) == np.inf


DATES = np.array(["2020-01-01"], dtype="datetime64[D]")


@pytest.mark.parametrize(
    "bounds",
    [
        ["1"],
        DATES,
        None,
        [None],
        [1j],
        [[[1.0]]],
        1.0,
        [[1.0], [2.0, 3.0]],
        np.ma.array([1.0], mask=[1]),
        torch.ones(1, requires_grad=True),
        [np.nan],
        object(),
    ],
    ids=lambda bounds: type(bounds).__name__,
)
@pytest.mark.parametrize("name", ["lower", "upper"])
def test_bounds_that_are_no_numbers_are_refused(bounds, name):
    given = {"lower": [0.0], "upper": [9.0], name: bounds}
    with pytest.raises(ValueError, match=f"^{name}: expected"):
        Intervals(**given, level=0.9)


TWO = Intervals([0.0, 0.0], [1.0, 1.0], 0.9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Intervals([0.0], [1.0, 2.0], 0.9), r"\(1,\) and \(2,\)"),
        (
            lambda: Intervals([0.0, 2.0], [1.0, 1.0], 0.9),
            r"lower <= upper .* got 2.0 and 1.0 at index \(1,\)",
        ),
        (lambda: Intervals([np.inf], [np.inf], 0.9), "lower, upper: .*inf"),
        (lambda: Intervals([-np.inf], [-np.inf], 0.9), "lower, upper: .*inf"),
        (lambda: Intervals([-1e308], [1e308], 0.9), "float64's range"),
        (
            lambda: Intervals([0.0], [1.0], 1),
            "level: expected .* below 1, got",
        ),
        (lambda: Intervals([0.0], [1.0], "0.9"), "level: expected a finite"),
        (lambda: coverage([0.5], [0, 1]), "intervals: expected Inter.* list"),
        (lambda: interval_score([0.5], None), "intervals: expected Inter"),
        (lambda: interval_score([1e308, 0], TWO), "y: .* float64's range"),
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
        (
            lambda: (
                SplitConformal().fit(np.full((9, 1), 1e308)).intervals([1e308])
            ),
            r"y_hat: .* float64's range, got forecasts up to 1e\+308",
        ),
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
            lambda: adaptive_conformal([1e308], [-1e308], np.ones(50)),
            "y - y_hat: expected finite numbers, got inf",
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
            "forecaster: expected a Forecaster .* Gaussian head, got GRUModel",
        ),
        (lambda: gaussian_intervals(Certain(), [0.0], 1, 1), "level"),
        (lambda: gaussian_intervals(Certain(), [0.0], 0), "horizon"),
        (
            lambda: gaussian_intervals(Certain(std=1.7e308), [0.0], 1),
            "forecaster's spread: expected finite",
        ),
        (lambda: gaussian_intervals(Certain(), [0.0], 1, joint=1), "joint"),
        (
            lambda: gaussian_intervals(
                Forecaster(GRUModel(head=Gaussian(3))), np.zeros(9), 4
            ),
            "horizon: expected",
        ),
        (
            lambda: gaussian_intervals(Forecaster(GRUModel()), [0.0], 1),
            "Gaussian",
        ),
    ],
)
def test_intervals_refuse(call, message):
    with pytest.raises(ValueError, match=message):
        call()
