"""Conformal intervals hold their promise, and adapt where it moves."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gru_tutorial import (
    Intervals,
    SplitConformal,
    adaptive_conformal,
    coverage,
)
from gru_tutorial.intervals import conformal_quantile


def within_binomial_bounds(hits, n, p):
    return abs(hits - n * p) <= 4 * math.sqrt(n * p * (1 - p))


@pytest.mark.parametrize("common", [0.0, 0.9])
def test_bonferroni_holds_whole_paths(common):
    rng = np.random.default_rng(0)
    n, runs, horizon = 60, 1500, 6  # 61 * (1 - 0.1 / 6) is near a whole number
    shape = (runs, n + 1)
    errors = (
        common * rng.standard_normal((*shape, 1))
        + (1 - common) * rng.standard_normal((*shape, horizon))
    ) * np.linspace(1, 3, horizon)
    hits = {None: 0, "bonferroni": 0}
    inside = np.zeros(horizon)
    for run in errors:
        for joint in hits:
            fitted = SplitConformal(0.9, joint).fit(run[:n])
            contains = fitted.intervals(np.zeros(horizon)).contains(run[n])
            hits[joint] += contains.all()
            if joint is None:
                inside += contains
    slack = 4 * math.sqrt(runs * 0.9 * 0.1)
    assert hits["bonferroni"] >= runs * 0.9 - slack
    for marginal in inside:
        assert within_binomial_bounds(marginal, runs, 55 / 61)
    if common == 0:
        assert within_binomial_bounds(
            hits["bonferroni"], runs, (60 / 61) ** horizon
        )
        assert hits[None] < runs * 0.65  # 0.9 ** 6 = 0.53


@given(st.integers(1, 40), st.sampled_from([0.5, 0.8, 0.9, 0.95]))
def test_the_shortest_calibration_part_that_will_do(horizon, level):
    miss = round((1 - level) * 100)  # in hundredths
    needed = math.ceil((100 * horizon - miss) / miss)
    rows = np.ones((needed, horizon))
    assert (
        SplitConformal(level, joint="bonferroni").fit(rows).radius == 1
    ).all()
    message = f"residuals: expected at least {needed} rows .* got {needed - 1}"
    if needed > 1:
        with pytest.raises(ValueError, match=message):
            SplitConformal(level, joint="bonferroni").fit(rows[1:])


@pytest.mark.parametrize("common", [0.0, 0.9])
@pytest.mark.parametrize("scale", [np.ones(6), np.linspace(1, 3, 6)])
def test_the_max_score_holds_as_many_paths_as_it_promises(common, scale):
    rng = np.random.default_rng(1)
    n, runs, horizon = 60, 1500, 6
    errors = (
        common * rng.standard_normal((runs, n + 1, 1))
        + (1 - common) * rng.standard_normal((runs, n + 1, horizon))
    ) * np.linspace(1, 3, horizon)
    hits = 0
    for run in errors:
        conformal = SplitConformal(0.9, "max").fit(run[:n], scale)
        hits += conformal.intervals(np.zeros(horizon)).contains(run[n]).all()
    assert within_binomial_bounds(hits, runs, 55 / 61)


def test_the_max_score_by_hand():
    residuals = np.zeros((9, 2))
    residuals[:, 0] = [1, -2, 3, -4, 5, -6, 7, -8, 9]
    residuals[4, 1] = -40  # 20 times the scale: the largest of all paths
    conformal = SplitConformal(0.9, "max").fit(residuals, scale=[1.0, 2.0])
    np.testing.assert_array_equal(conformal.radius, [20.0, 40.0])
    conformal = SplitConformal(0.8, "max").fit(residuals, scale=[1.0, 2.0])
    np.testing.assert_array_equal(conformal.radius, [9.0, 18.0])
    own = SplitConformal(0.8, "max").fit(residuals)
    rms = np.sqrt(np.mean(residuals**2, axis=0))
    largest = np.sort((np.abs(residuals) / rms).max(axis=1))
    np.testing.assert_allclose(own.radius, rms * largest[7])


def test_the_max_score_is_narrower_than_bonferroni_where_errors_are_alike():
    rng = np.random.default_rng(0)
    errors = rng.standard_normal((5000, 1)) + 0.3 * rng.standard_normal(
        (5000, 12)
    )
    radii = [
        SplitConformal(0.9, joint).fit(errors).radius
        for joint in ("bonferroni", "max")
    ]
    assert (radii[1] < 0.9 * radii[0]).all()


@pytest.mark.parametrize("unit", [1e-250, 1e-3, 1e250])
def test_the_max_score_follows_the_unit(unit):
    residuals = np.random.default_rng(0).standard_normal((30, 4))
    radius = SplitConformal(0.9, "max").fit(residuals).radius
    found = SplitConformal(0.9, "max").fit(unit * residuals).radius
    np.testing.assert_allclose(found, unit * radius)


def test_steps_without_errors_get_a_scale_as_well():
    residuals = np.random.default_rng(0).standard_normal((30, 2)) * [1, 0]
    radius = SplitConformal(0.9, "max").fit(residuals).radius
    assert (radius > 0).all()


def test_calibrate_hands_the_scale_on():
    def repeat(history, horizon):
        return np.full(horizon, history[-1])

    values = np.random.default_rng(0).standard_normal(100).cumsum()
    found = SplitConformal(0.9, "max")
    found.calibrate(repeat, values, 50, 3, scale=[1.0, 2.0, 4.0])
    np.testing.assert_allclose(found.radius / found.radius[0], [1, 2, 4])


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
    conformal = SplitConformal(0.9, joint="bonferroni").fit(residuals)
    assert (conformal.radius == 1003).all()


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
    conformal = SplitConformal(level, joint="bonferroni")
    assert (conformal.fit(rows).radius == needed).all()
    with pytest.raises(ValueError, match=f"at least {needed} rows"):
        conformal.fit(rows[1:])


def test_levels_next_to_0_and_1_name_the_rows():
    scores = np.arange(1.0, 10.0)
    for level in (5e-324, 1e-12, 1e-3):
        assert conformal_quantile(scores, level) == 1
        assert SplitConformal(level, "bonferroni").fit(
            scores[:, None]
        ).radius == [1]
    with pytest.raises(ValueError, match="scores: expected at least 1 rows"):
        conformal_quantile([], 5e-324)
    top = 1 - 2.0**-53
    with pytest.raises(ValueError, match="residuals: expected at least"):
        SplitConformal(top, joint="bonferroni").fit(np.ones((50, 3)))


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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: SplitConformal().fit(np.zeros((8, 3))),
            "residuals: expected at least 9 rows for level 0.9, got 8",
        ),
        (
            lambda: SplitConformal(joint="bonferroni").fit(
                np.zeros((100, 12))
            ),
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
        (
            lambda: SplitConformal(joint=True),
            "joint: expected None or 'bonferroni' or 'max', got True",
        ),
        (
            lambda: SplitConformal().fit(np.ones((9, 3)), np.ones(3)),
            "scale: expected None, as only joint='max' takes one",
        ),
        (
            lambda: SplitConformal(joint="max").fit(
                np.ones((9, 3)), np.ones(2)
            ),
            "scale: expected 3 numbers above 0",
        ),
        (
            lambda: SplitConformal(joint="max").fit(
                np.ones((9, 2)), [1.0, 0.0]
            ),
            "scale: expected 2 numbers above 0",
        ),
        (
            lambda: SplitConformal(joint="max").fit(
                np.full((9, 2), 1e200), [1.0, 1e-200]
            ),
            "scale, residuals: expected finite",
        ),
        (
            lambda: SplitConformal(joint="max").fit(np.ones((8, 3))),
            "residuals: expected at least 9 rows for level 0.9, got 8",
        ),
        (
            lambda: SplitConformal().fit(np.ones((50, 3))).intervals([1, 2]),
            "y_hat: expected 3 steps",
        ),
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
    ],
)
def test_conformal_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()
