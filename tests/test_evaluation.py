"""Planted leaks and blind spots are found; origins roll as they should."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gru_tutorial import (
    Forecaster,
    GRUModel,
    LastStates,
    Naive,
    Ridge,
    Scaler,
    Seq2Seq,
    leakage,
    make_series,
    mse,
    paired_scores,
    paired_skill,
    rolling_origin,
    visibility,
)


def naive(history, horizon):
    return np.full(horizon, history[-1])


@pytest.fixture
def values():
    return make_series(length=60).values


@pytest.mark.parametrize(
    "make",
    [
        lambda: GRUModel(hidden_size=8),
        lambda: GRUModel(hidden_size=8, horizon=6),
        lambda: GRUModel(hidden_size=8, head=Seq2Seq(6)),
    ],
)
def test_each_strategy_sees_the_last_observation(make, values):
    torch.manual_seed(0)
    assert (visibility(Forecaster(make()), values, 6) > 0).all()


@pytest.mark.parametrize("blind", [0, 3, 5])
def test_a_step_that_does_not_see_is_found(blind, values):
    def planted(history, horizon):
        y_hat = naive(history, horizon)
        y_hat[blind] = history[-2]
        return y_hat

    moves = visibility(planted, values, 6, shift=0.5)
    np.testing.assert_allclose(np.delete(moves, blind), 0.5)
    assert moves[blind] == 0


@pytest.mark.parametrize("decoder_size", [None, 16])
def test_heads_of_the_last_states_see_late(decoder_size, values):
    torch.manual_seed(0)
    model = GRUModel(
        hidden_size=8, head=LastStates(6, decoder_size=decoder_size)
    )
    seen = [
        visibility(Forecaster(model), values, 6, at=-1 - back) > 0
        for back in range(6)
    ]
    # What came `back` steps before the last is seen by the last 1 + back.
    expected = np.tri(6, dtype=bool)[:, ::-1]
    np.testing.assert_array_equal(seen, expected)


def test_visibility_moves_by_the_spread_unless_told(values):
    moves = visibility(naive, values, 2)
    np.testing.assert_allclose(moves, values.std())
    assert visibility(naive, np.zeros(5), 1) == [1.0]
    assert visibility(naive, [1, 2, 3], 1, shift=0.25) == [0.25]


def test_a_forecaster_that_changes_its_mind_is_refused(values):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="same forecast for the same"):
        visibility(lambda history, n: rng.standard_normal(n), values, 3)


def test_a_forecaster_may_write_into_its_history(values):
    before = values.copy()

    def careless(history, horizon):
        history -= history.mean()
        return naive(history, horizon)

    visibility(careless, values, 3)
    rolling_origin(careless, values, 40, 3, fit=lambda history: careless)
    np.testing.assert_array_equal(values, before)


def honest_scaling(values):
    scaler = Scaler().fit(values[:40])
    torch.manual_seed(0)
    return Forecaster(GRUModel(hidden_size=4), scaler)(values[:40], 5)


def scaling_of_all(values):
    scaler = Scaler().fit(values)
    torch.manual_seed(0)
    return Forecaster(GRUModel(hidden_size=4), scaler)(values[:40], 5)


def peeking(values):
    def forecaster(history, horizon):
        return values[len(history) :][:horizon]

    return rolling_origin(forecaster, values, 40, horizon=4).y_hat[0]


def last_difference(values):
    return np.diff(values)[39:40]  # values[40] - values[39]


@pytest.mark.parametrize("plant", [scaling_of_all, peeking, last_difference])
def test_a_planted_leak_is_found(plant, values):
    assert leakage(plant, values, forecast_start=40).all()


@pytest.mark.parametrize(
    "pipeline",
    [
        honest_scaling,
        lambda v: rolling_origin(naive, v[:45], 30, 5).y_hat[:11],
        lambda v: Ridge(5, 1.0).fit(v[:30]).one_step(v, 30)[:11],
    ],
)
def test_no_leak_is_found_where_there_is_none(pipeline, values):
    assert not leakage(pipeline, values, forecast_start=40).any()


def test_leakage_leaves_the_series_alone(values):
    before = values.copy()

    def careless(values):
        values += 1
        return values[:1]

    assert not leakage(careless, values, forecast_start=40).any()
    np.testing.assert_array_equal(values, before)


@given(
    st.integers(14, 40),
    st.integers(1, 9),
    st.integers(1, 5),
    st.integers(1, 7),
)
def test_no_value_is_scored_twice_at_a_horizon(length, start, horizon, step):
    times = np.arange(float(length))
    seen = []

    def recording(history, horizon):
        seen.append(history)
        return naive(history, horizon)

    result = rolling_origin(recording, times, start, horizon, step)
    for column in result.y.T:
        assert len(set(column)) == len(column)
    assert (np.diff(result.origins) == step).all()
    assert result.origins[0] == start
    assert length - step < result.origins[-1] + horizon <= length
    for origin, history, y, y_hat in zip(
        result.origins, seen, result.y, result.y_hat, strict=True
    ):
        np.testing.assert_array_equal(history, times[:origin])
        assert history.base is None  # not a view: nothing lies behind it
        np.testing.assert_array_equal(y, origin + np.arange(horizon))
        assert (y_hat == origin - 1).all()


def test_refitting_sees_the_past_alone(values):
    seen = []

    def fit_mean(history):
        assert history.base is None
        seen.append(len(history))
        mean = history.mean()
        return lambda history, horizon: np.full(horizon, mean)

    result = rolling_origin(None, values, 50, 3, step=2, fit=fit_mean)
    assert seen == [50, 52, 54, 56]
    for origin, row in zip(result.origins, result.y_hat, strict=True):
        np.testing.assert_allclose(row, values[:origin].mean())


def test_baselines_roll_and_refit_like_any_forecaster(values):
    once = rolling_origin(Naive(), values, 40, 3)
    np.testing.assert_array_equal(
        once.y_hat, rolling_origin(naive, values, 40, 3).y_hat
    )
    refitted = rolling_origin(None, values, 40, 3, fit=Ridge(4, 0.1).fit)
    by_hand = Ridge(4, 0.1).fit(values[:50])(values[:50], 3)
    np.testing.assert_allclose(refitted.y_hat[10], by_hand, rtol=1e-12)


class SecondColumn:
    """Repeats the last value of the second column, and says so."""

    def __init__(self, target=1):
        self.target = target

    def __call__(self, history, horizon):
        return naive(history[:, 1], horizon)


@pytest.fixture
def table(values):
    return np.stack([1e3 + np.arange(60.0), values], axis=1)


@pytest.mark.parametrize("target", [1, (1,), np.int64(1)])
def test_the_column_that_is_forecast_is_scored(table, target):
    own = {} if isinstance(target, (int, tuple)) else {"target": 1}
    result = rolling_origin(SecondColumn(target), table, 40, 3, **own)
    expected = rolling_origin(naive, table[:, 1], 40, 3)
    for got, wanted in zip(result, expected, strict=True):
        np.testing.assert_array_equal(got, wanted)

    def first(history, horizon):
        assert history.base is None
        return naive(history[:, 0], horizon)

    assert (rolling_origin(first, table, 40, 2).y[0] == [1040, 1041]).all()
    last = rolling_origin(first, table, 40, 2, target=1)
    np.testing.assert_array_equal(last.y[0], table[40:42, 1])


def test_one_column_moves(table):
    second = SecondColumn()
    np.testing.assert_array_equal(visibility(second, table, 2), [0, 0])
    moves = visibility(second, table, 2, column=1)
    np.testing.assert_allclose(moves, table[:, 1].std())
    early = visibility(second, table, 2, column=1, at=-2)
    np.testing.assert_array_equal(early, [0, 0])


def test_a_leak_from_any_column_is_found(table):
    def column(k):
        return lambda v: [v[50, k] - v[49, k]]

    for k in range(2):
        assert leakage(column(k), table, 50)[0] > 0
        assert leakage(column(k), table, 51)[0] == 0


MAX = np.finfo(np.float64).max
LEVELS = [0.1, 0.3, 0.7, 1e-300, 1013.25, 1e9 + 0.1, 1e15, 1e17, -1e300]


@pytest.mark.parametrize("level", LEVELS)
def test_a_constant_series_hides_no_leak(level):
    for values in (np.full(20, level), np.nextafter([level] * 20, 1e308)):
        values[::2] = level  # constant but for rounding
        assert leakage(lambda v: [v.mean()], values, 15)[0] > 0
        assert leakage(lambda v: v[15:], values, 15).all()
        assert leakage(lambda v: v[:15], values, 15).max() == 0
        move = visibility(naive, values, 2)
        np.testing.assert_allclose(move, max(1.0, 1e-6 * abs(level)))


def test_a_spread_is_measured_at_any_size():
    noise = np.random.default_rng(0).standard_normal(50)
    for size in (1e-300, 1e300):
        moves = visibility(naive, size * noise, 1)
        np.testing.assert_allclose(moves, size * noise.std())
        assert leakage(lambda v: v[40:], size * noise, 40).all()


@pytest.mark.parametrize(
    ("dtype", "level", "width"), [("f4", 1e8, 3), ("f2", 2e3, 0.3)]
)
def test_small_moves_at_a_high_level_are_seen(dtype, level, width):
    noise = np.random.default_rng(0).standard_normal(200)
    values = (level + width * noise).astype(dtype)
    double = values.astype(np.float64)
    np.testing.assert_allclose(
        visibility(naive, values, 3), double.std(), rtol=1e-6
    )
    assert leakage(lambda v: [v[150]], values, 150) > 0
    rolled = rolling_origin(naive, values, 150, 3)
    assert rolled.y.dtype == rolled.y_hat.dtype == np.float64
    np.testing.assert_array_equal(rolled.y[:, 0], double[150:198])


def test_an_answer_too_coarse_for_the_shift_is_no_blind_spot():
    noise = np.random.default_rng(0).standard_normal(200)

    def coarse(history, horizon):
        return naive(history, horizon).astype(np.float32)

    with pytest.raises(ValueError, match=r"answer: .* float32 in steps of 8"):
        visibility(coarse, 1e8 + noise, 3)
    assert visibility(coarse, 1e8 + noise, 1, shift=64) == [64]
    assert (visibility(coarse, noise, 3, at=-2) == 0).all()  # blind, surely
    with pytest.raises(ValueError, match=r"answer: .* float32 in steps of 8"):
        leakage(lambda v: np.float32([v.mean()]), 1e8 + noise, 150)


@pytest.mark.parametrize("extra", [1, 2, 8])
def test_forecasts_of_another_number_are_refused(extra):
    def peeking(values):
        return np.ones(1 + extra if values[-1] == 8 else 1)

    with pytest.raises(ValueError, match=r"pipeline's answer: .* as many"):
        leakage(peeking, np.arange(9.0), 5)


def test_errors_of_the_callers_own_stay_theirs(values):
    def broken(*arguments):
        raise KeyError("mine")

    for call in (
        lambda: visibility(broken, values, 3),
        lambda: leakage(broken, values, 40),
        lambda: rolling_origin(broken, values, 40, 3),
        lambda: rolling_origin(None, values, 40, 3, fit=broken),
    ):
        with pytest.raises(KeyError, match="mine"):
            call()


def test_rolling_equals_forecasts_of_windows(values):
    torch.manual_seed(0)
    scaler = Scaler().fit(values[:40])
    forecaster = Forecaster(
        GRUModel(hidden_size=8, horizon=4), scaler, window=12
    )
    result = rolling_origin(forecaster, values, 40, horizon=4)
    windows = np.stack([values[t - 12 : t] for t in range(40, 57)])
    expected = forecaster(windows, 4)
    np.testing.assert_allclose(result.y_hat, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda v: visibility(None, v, 3),
            r"forecaster: expected forecaster\(history, horizon\) .* got None",
        ),
        (lambda v: visibility(naive, v, 0), "horizon"),
        (lambda v: visibility(naive, [], 3), "history: expected at least 1"),
        (lambda v: visibility(naive, [np.nan], 3), "history: .*nan"),
        (lambda v: visibility(naive, v, 3, shift=0), "shift"),
        (lambda v: visibility(naive, v, 3, at=60), "at: expected"),
        (lambda v: visibility(naive, v, 3, column=1), "column: .*from 0 to 0"),
        (
            lambda v: visibility(naive, np.full(9, 1e17), 3, shift=1.0),
            r"history: .* can be moved by 1 within float64, got 1e\+17",
        ),
        (lambda v: visibility(naive, [MAX], 3), "history: .* can be moved"),
        (
            lambda v: visibility(lambda history, n: history[:2], v, 3),
            r"forecaster's answer: expected shape \(3,\), got \(2,\)",
        ),
        (
            lambda v: visibility(lambda history, n: [np.nan] * n, v, 3),
            "forecaster's answer: .*nan",
        ),
        (
            lambda v: rolling_origin(None, v, 40, 3),
            "forecaster: expected .* got None",
        ),
        (
            lambda v: rolling_origin(
                None, v, 40, 3, fit=lambda history: history
            ),
            "fit's answer: expected forecaster",
        ),
        (
            lambda v: rolling_origin(naive, v, 40, 3, fit=5),
            r"fit: expected fit\(history\) .* got 5",
        ),
        (
            lambda v: rolling_origin(naive, v, 58, 3),
            "forecast_start: .*from 1 to 57",
        ),
        (lambda v: rolling_origin(naive, v, 0, 3), "forecast_start"),
        (lambda v: rolling_origin(naive, v, 40, 0), "horizon"),
        (lambda v: rolling_origin(naive, v, 40, 60), "horizon . 1 = 61"),
        (lambda v: rolling_origin(naive, v, 40, 3, step=0), "step"),
        (lambda v: rolling_origin(naive, v[None, None], 40, 3), "2-D array"),
        (lambda v: rolling_origin(naive, v, 40, 3, target=1), "target: exp"),
        (
            lambda v: rolling_origin(
                SecondColumn(), np.c_[v, v], 40, 3, target=0
            ),
            "target: expected a column that the forecaster predicts, one of",
        ),
        (lambda v: leakage(naive, v, 60), "forecast_start: .*from 1 to 59"),
        (lambda v: leakage(naive, v, 0), "forecast_start"),
        (lambda v: leakage(None, v, 40), r"pipeline: expected pipeline\(val"),
        (lambda v: leakage(lambda v: [np.inf], v, 40), "pipeline's answer"),
        (lambda v: leakage(lambda v: [], v, 40), r"answer: .* \(0,\) and"),
        (lambda v: leakage(len, v, 40, seed=-1), "seed: expected"),
        (
            lambda v: leakage(len, np.r_[v, 1e308, -1e308] * 1.7, 1),
            "values: .* can be moved",
        ),
    ],
)
def test_tests_refuse(call, message, values):
    with pytest.raises(ValueError, match=message):
        call(values)


def test_one_of_several_targets_is_looked_at():
    class Two:
        target = (2, 0)

        def __call__(self, history, horizon):
            return np.repeat(history[-1:, [2, 0]], horizon, axis=0)

    values = np.arange(60.0).reshape(20, 3)
    for target, column in ((None, 2), (2, 2), (0, 0)):
        rolled = rolling_origin(Two(), values, 15, 2, target=target)
        np.testing.assert_array_equal(rolled.y[0], values[15:17, column])
        np.testing.assert_array_equal(
            rolled.y_hat[0], values[[14, 14], column]
        )
        moved = visibility(Two(), values, 2, column=column, target=target)
        assert (moved > 0).all()
    assert not visibility(Two(), values, 2, column=1).any()
    with pytest.raises(ValueError, match="target: expected a column that"):
        rolling_origin(Two(), values, 15, 2, target=1)


# Is one forecaster better than another?


def errors_of(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def between(y_hat, other, **options):
    """Compare two forecasts of nothing: they are their errors."""
    return paired_skill(np.zeros(np.shape(y_hat)), y_hat, other, **options)


def test_skill_is_one_minus_a_ratio_of_errors():
    y, y_hat, other = errors_of(3, 60, 4)
    result = paired_skill(y, y_hat, other)
    np.testing.assert_allclose(result.skill, 1 - mse(y, y_hat) / mse(y, other))
    result = between([3.0] * 18, [6.0] * 18)
    assert result == (0.75, 0.75, 0.75, 1.0, "better")
    result = between([3.0] * 18, [-6.0] * 18, absolute=True)
    assert result == (0.5, 0.5, 0.5, 1.0, "better")


def test_equal_forecasters_do_not_differ():
    errors = errors_of(50, 2)
    for other in (errors, -errors):  # the sizes count
        assert between(errors, other) == (0, 0, 0, 0.5, "no difference")
    result = between(*errors_of(2, 500))
    assert result.lower < 0 < result.upper
    assert result.verdict == "no difference"


@pytest.mark.parametrize("absolute", [False, True])
def test_who_is_better_is_told_from_either_side(absolute):
    for seed, factor in enumerate([0.5, 0.8, 0.9, 0.95, 1.0]):
        y_hat, other = errors_of(2, 300, seed=seed)
        there = between(factor * y_hat, other, absolute=absolute)
        back = between(other, factor * y_hat, absolute=absolute)
        opposite = {"better": "worse", "worse": "better"}
        assert back.verdict == opposite.get(there.verdict, "no difference")
        assert there.won + back.won == 1
        expected = [1 - 1 / (1 - there[k]) for k in (0, 2, 1)]
        np.testing.assert_allclose(back[:3], expected, rtol=1e-12)
        if factor == 0.5:
            assert there.verdict == "better"
            assert 0.2 < there.lower < there.skill < there.upper < 0.9


def test_what_is_hard_for_both_cancels():
    hard, little = np.abs(errors_of(2, 200))
    y_hat, other = 10 * hard**3, 10 * hard**3 + 0.1 * little
    assert between(y_hat, other).verdict == "better"
    strangers = between(y_hat, np.roll(other, 50))
    assert strangers.verdict == "no difference"
    assert strangers.upper - strangers.lower > 0.5


def test_origins_are_won_lost_or_shared():
    y_hat = np.tile([1.0, 2.0, 3.0, 2.0], 6)
    result = between(y_hat, np.full(24, 2.0), block=1)
    assert result.won == (6 + 12 / 2) / 24  # a win, a loss, and two ties
    path = np.tile([[1.0, 3.0]], (24, 1))  # a path counts once
    assert between(path, np.full((24, 2), 2.0), block=1).won == 0
    result = between(path, np.full((24, 2), 2.0), block=1, absolute=True)
    assert result.won == 0.5


def test_a_mean_of_few_has_no_smaller_spread():
    # The other never errs otherwise: so the skill is a mean, and its 68 % are
    # two standard deviations wide.
    for block in (1, 3):
        widths = []
        for sample in errors_of(300, 18, seed=block):
            one = np.full(18, 100.0)
            result = between(
                one + sample, one, absolute=True, block=block, level=0.68
            )
            widths.append((result.upper - result.lower) / 2)
        spread = 100 * np.sqrt(np.mean(np.square(widths)) * 18)
        assert 0.95 < spread < 1.05


def coverage_of(errors, **options):
    results = [between(*pair, draws=200, **options) for pair in errors]
    return np.mean([one.verdict == "no difference" for one in results])


@pytest.mark.slow
def test_errors_that_go_on_need_blocks():
    # Two equal forecasters, who share most of each error: how often is no
    # difference found, as 95 % promise?
    errors = errors_of(600, 3, 211)
    for t in range(1, 211):
        errors[..., t] = 0.5 * errors[..., t - 1] + 0.75**0.5 * errors[..., t]
    errors = 0.8 * errors[:, :1] + 0.6 * errors[:, 1:]
    assert coverage_of(errors[..., :200], block=1) < 0.88
    assert coverage_of(errors[..., :200]) > 0.9
    # Paths of 12 steps from each origin share 11 of them with the next.
    paths = np.lib.stride_tricks.sliding_window_view(errors[:300], 12, -1)
    assert coverage_of(paths, block=1) < 0.5
    assert coverage_of(paths, block=6) < 0.8  # the cube root alone
    assert coverage_of(paths) > 0.87


@pytest.mark.parametrize(
    ("n", "horizon", "block"),
    [(18, 1, 3), (60, 1, 4), (216, 1, 6), (200, 9, 14)],
)
def test_blocks_grow_with_origins_and_horizon(n, horizon, block):
    y_hat, other = errors_of(2, n, horizon)
    told = between(y_hat, other, block=block)
    assert between(y_hat, other) == told
    assert between(y_hat, other, block=block - 1) != told


def test_an_origin_counts_as_much_wherever_it_is():
    # It is in 6 of 48 blocks; two or more of the 7 drawn hold it in 21 % of
    # all draws, and their mean is then 1 + 2 * 48 / 42 or more.
    for origin in (0, 3, 24, 47):
        y_hat = np.where(np.arange(48) == origin, 7.0, 1.0)
        result = between(y_hat, np.ones(48), block=6, level=0.7)
        np.testing.assert_allclose(result.lower, -2 * 48 / 42)


def test_the_seed_draws_the_origins():
    pair = errors_of(2, 100)
    assert between(*pair, seed=3) == between(*pair, seed=3)
    assert between(*pair, seed=3) != between(*pair, seed=4)
    assert between(*pair, seed=3).skill == between(*pair, seed=4).skill


def test_draws_in_several_goes_are_draws(monkeypatch):
    pair = errors_of(2, 100)
    whole = between(*pair)
    between(0.1 * pair[0], pair[1])  # leaves other numbers in memory
    monkeypatch.setattr("gru_tutorial.evaluation.AT_ONCE", 999)
    parts = between(*pair)
    np.testing.assert_allclose(parts[:3], whole[:3], atol=0.03)


def test_a_higher_level_is_wider():
    pair = errors_of(2, 100)
    narrow, wide = (between(*pair, level=level) for level in (0.5, 0.99))
    assert wide.lower < narrow.lower < narrow.upper < wide.upper


@pytest.mark.parametrize("size", [1e-300, 1e-160, 1e160, 1e300])
def test_a_skill_has_no_unit(size):
    pair = errors_of(2, 100)
    expected = between(*pair)
    result = between(*(size * pair))
    np.testing.assert_allclose(result[:4], expected[:4], rtol=1e-9)


def test_forecasts_without_error():
    other = errors_of(30)
    assert between(np.zeros(30), other) == (1, 1, 1, 1, "better")
    other[:3] = 0  # never in all draws: the bounds are finite
    assert between(np.zeros(30), other).verdict == "better"
    y_hat = errors_of(30, seed=1) * (other != 0)
    assert np.isfinite(between(y_hat, other)[:3]).all()
    for y_hat in (errors_of(30), np.zeros(30)):
        with pytest.raises(ValueError, match=r"other: .* got 0 of 30 above"):
            between(y_hat, np.zeros(30))
    seldom = np.arange(30) == 7
    rare = between(seldom, 2.0 * seldom, block=5)  # in some draws, both 0
    assert rare == (0.75, 0, 0.75, (29 / 2 + 1) / 30, "no difference")
    with pytest.raises(ValueError, match=r"other: .* got 1 of 30 above 0"):
        between(errors_of(30), seldom)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"y": np.zeros(29)}, r"y_hat: .* shape of y \(29,\), got \(30,\)"),
        ({"other": np.ones((30, 1))}, r"other: .* \(30,\), got \(30, 1\)"),
        ({"y_hat": np.full(30, np.nan)}, "y_hat: expected finite"),
        ({"other": ["a"] * 30}, "other: expected numbers"),
        ({"y": 1.0}, "y: expected a 1-D or 2-D array"),
        ({"y": [-MAX] * 30, "y_hat": [MAX] * 30}, "y_hat's errors: .*inf"),
        ({"absolute": 1}, "absolute: expected True or False"),
        ({"block": 0}, "block: expected a whole number of at least 1"),
        ({"block": 2.0}, "block: expected a whole number"),
        ({"block": 6}, "y, block: .* 6 blocks of 6 origins .* 0.95, got 30"),
        ({"level": 0.999}, "y, block: .* 11 blocks of 4 origins"),
        ({"level": 1}, "level: expected"),
        ({"draws": 39}, "draws: expected at least 40 for level 0.95, got 39"),
        ({"draws": 10**7}, "draws: expected a whole number from 1 to 1000000"),
        ({"seed": -1}, "seed: expected"),
    ],
)
def test_a_comparison_refuses(options, message):
    pair = {"y": np.zeros(30), "y_hat": errors_of(30), "other": np.ones(30)}
    with pytest.raises(ValueError, match=message):
        paired_skill(**{**pair, **options})


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_few_origins_tell_nothing(n):
    with pytest.raises(ValueError, match=f"at least 6 blocks of 1 .* got {n}"):
        between(np.ones(n), np.full(n, 2.0), block=1)
    with pytest.raises(ValueError, match=f"y, block: .* got {n} origins"):
        between(np.ones((n, 3)), np.full((n, 3), 2.0))
    assert between(np.ones(6), np.full(6, 2.0), block=1).won == 1


def test_a_comparison_of_rolled_forecasts(values):
    rolled = rolling_origin(naive, values, 20, 3)
    ridge = rolling_origin(None, values, 20, 3, fit=Ridge(3, 1.0).fit)
    result = paired_skill(ridge.y, ridge.y_hat, rolled.y_hat)
    ratio = mse(ridge.y, ridge.y_hat) / mse(rolled.y, rolled.y_hat)
    np.testing.assert_allclose(result.skill, 1 - ratio)


@pytest.mark.parametrize("shape", [(80,), (80, 3)])
@pytest.mark.parametrize("absolute", [False, True])
def test_scores_are_compared_as_errors_are(shape, absolute):
    y_hat, other = errors_of(2, *shape)
    expected = between(y_hat, other, absolute=absolute, seed=3)
    power = 1 if absolute else 2
    found = paired_scores(
        np.abs(y_hat) ** power, np.abs(other) ** power, seed=3
    )
    np.testing.assert_allclose(found[:4], expected[:4])
    assert found.verdict == expected.verdict


def test_scores_may_be_below_0_here_and_there():
    better = errors_of(200) + 4  # as the fair CRPS of few draws
    assert better.min() > 0
    better[17] = -0.5
    assert paired_scores(better, better + 1).verdict == "better"
    huge = paired_scores(1e307 * better, 1e307 * (better + 1))
    np.testing.assert_allclose(huge[:4], paired_scores(better, better + 1)[:4])


@pytest.mark.parametrize(
    ("scores", "other", "message"),
    [
        (np.ones(40), np.ones((40, 1)), r"other: .* \(40,\), got \(40, 1\)"),
        (np.ones(40), np.zeros(40), "other: expected errors to compare with"),
        (np.ones(40), -np.ones(40), "other: expected errors to compare with"),
        (np.ones(9), np.ones(9), "scores, block: expected at least 6 blocks"),
        ([np.inf] * 40, np.ones(40), "scores: expected finite"),
        (np.ones(40), ["a"] * 40, "other: expected numbers"),
    ],
)
def test_a_comparison_of_scores_refuses(scores, other, message):
    with pytest.raises(ValueError, match=message):
        paired_scores(scores, other)
