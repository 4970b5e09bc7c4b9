"""Intervals hold their promise; scores equal closed forms."""

import math
from statistics import NormalDist

import numpy as np
import pytest
import torch

from gru_tutorial import (
    Forecaster,
    Gaussian,
    GRUModel,
    Intervals,
    Quantiles,
    Scaler,
    coverage,
    gaussian_intervals,
    interval_score,
    make_series,
    quantile_intervals,
    sample_intervals,
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


@pytest.mark.parametrize("joint", [None, "bonferroni"])
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
    joint = gaussian_intervals(
        Certain(), [3.0], 10**6, level, joint="bonferroni"
    )
    assert np.isfinite(joint.width).all()
    assert (joint.width[0] >= found.width[0]).all()


def test_bounds_may_be_infinite_to_their_own_side():
    found = Intervals([-np.inf, 0.0], [1.0, np.inf], 0.9)
    assert found.contains([-1e300, 1e300]).all()
    assert (found.width == np.inf).all()
    assert interval_score([0.0, 0.0], found) == np.inf


def test_quantile_intervals_are_the_heads_outer_quantiles():
    torch.manual_seed(0)
    head = Quantiles(4, levels=(0.05, 0.1, 0.5, 0.9, 0.95))
    values = make_series(length=60).values
    forecaster = Forecaster(GRUModel(hidden_size=8, head=head))
    forecaster.fit(values, num_epochs=1, chunk=20)
    found = forecaster.quantiles(values, 3)
    for level, (low, high) in {0.9: (0, 4), 0.8: (1, 3)}.items():
        bounds = quantile_intervals(forecaster, values, 3, level)
        np.testing.assert_array_equal(bounds.lower, found[low])
        np.testing.assert_array_equal(bounds.upper, found[high])
        assert bounds.level == level


@pytest.mark.parametrize("draws", [19, 99, 100])
def test_bands_of_samples_hold_a_new_draw_as_often_as_they_promise(draws):
    rng = np.random.default_rng(draws)
    paths = rng.standard_exponential((draws + 1, 4000, 1))
    found = sample_intervals(paths[:-1], 0.9)
    hits = int(found.contains(paths[-1]).sum())
    assert within_binomial_bounds(hits, 4000, 0.9)


def test_a_joint_band_of_samples_holds_whole_paths():
    rng = np.random.default_rng(0)
    paths = rng.standard_normal((401, 2000, 8)).cumsum(axis=2)
    for joint, least, most in ((None, 0.5, 0.8), ("max", 0.88, 0.92)):
        found = sample_intervals(paths[:-1], 0.9, joint)
        assert least < coverage(paths[-1], found, joint=True) < most
    one = sample_intervals(paths[:-1, 0], 0.9, "max")
    first = sample_intervals(paths[:-1], 0.9, "max").lower[0]
    np.testing.assert_allclose(one.lower, first)
    width = one.width / paths[:-1, 0].std(axis=0)
    np.testing.assert_allclose(width, width[0])  # a multiple of the spread


def test_paths_that_are_all_alike_give_bands_without_width():
    for joint in (None, "max"):
        found = sample_intervals(np.tile([1.0, 2.0], (30, 1)), 0.9, joint)
        np.testing.assert_array_equal(found.lower, [1.0, 2.0])
        np.testing.assert_array_equal(found.upper, [1.0, 2.0])


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
        (lambda: conformal_quantile(np.ones(8), 0.9), "scores: .* 9 rows"),
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
        (
            lambda: gaussian_intervals(Certain(), [0.0], 1, joint="max"),
            "joint: expected None or 'bonferroni', got 'max'",
        ),
        (
            lambda: quantile_intervals(Certain(), [0.0], 1),
            "forecaster: expected a Forecaster .* head Quantiles, got Certain",
        ),
        (
            lambda: quantile_intervals(
                Forecaster(GRUModel(head=Quantiles(3))), np.zeros(9), 3, 0.8
            ),
            r"levels: expected some of \(0.05, 0.5, 0.95\)",
        ),
        (lambda: sample_intervals(np.ones((18, 2))), "at least 19 rows"),
        (
            lambda: sample_intervals(np.ones((8, 2)), joint="max"),
            "paths: expected at least 9 rows",
        ),
        (
            lambda: sample_intervals(np.ones((50, 2)), joint="bonferroni"),
            "joint: expected None or 'max'",
        ),
        (lambda: sample_intervals(np.ones(50)), "paths: expected a 2-D or"),
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
