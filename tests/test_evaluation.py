"""Planted leaks and blind spots are found; origins roll as they should."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gru_tutorial import GRUModel, Scaler, make_series, ridge_forecast
from gru_tutorial.evaluation import leakage, rolling_origin, visibility
from gru_tutorial.horizons import LastStatesGRU, Seq2SeqGRU, forecast


def naive(history, horizon):
    return np.full(horizon, history[-1])


def forecaster_of(model):
    return lambda history, horizon: forecast(model, history, horizon)


@pytest.fixture
def values():
    return make_series(length=60).values


@pytest.mark.parametrize(
    "make",
    [
        lambda: GRUModel(hidden_size=8),
        lambda: GRUModel(hidden_size=8, output_size=6),
        lambda: Seq2SeqGRU(horizon=6, hidden_size=8),
    ],
)
def test_each_strategy_sees_the_last_observation(make, values):
    torch.manual_seed(0)
    assert (visibility(forecaster_of(make()), values, 6) > 0).all()


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
    model = LastStatesGRU(6, 8, decoder_size)
    seen = [
        visibility(forecaster_of(model), values, 6, at=-1 - back) > 0
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
    return forecast(GRUModel(hidden_size=4), values[:40], 5, scaler)


def scaling_of_all(values):
    scaler = Scaler().fit(values)
    torch.manual_seed(0)
    return forecast(GRUModel(hidden_size=4), values[:40], 5, scaler)


def peeking(values):
    def forecaster(history, horizon):
        return values[len(history) :][:horizon]

    return rolling_origin(forecaster, values, 40, horizon=4).y_hat[0]


def last_difference(values):
    return np.diff(values)[39:40]  # values[40] - values[39]


@pytest.mark.parametrize("plant", [scaling_of_all, peeking, last_difference])
def test_a_planted_leak_is_found(plant, values):
    assert leakage(plant, values, origin=40).all()


@pytest.mark.parametrize(
    "pipeline",
    [
        honest_scaling,
        lambda v: rolling_origin(naive, v[:45], 30, 5).y_hat[:11],
        lambda v: ridge_forecast(v, 30, window=5)[:11],
    ],
)
def test_no_leak_is_found_where_there_is_none(pipeline, values):
    assert not leakage(pipeline, values, origin=40).any()


def test_leakage_leaves_the_series_alone(values):
    before = values.copy()

    def careless(values):
        values += 1
        return values[:1]

    assert not leakage(careless, values, origin=40).any()
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


def test_rolling_equals_forecasts_of_windows(values):
    torch.manual_seed(0)
    model = GRUModel(hidden_size=8, output_size=4)
    scaler = Scaler().fit(values[:40])
    result = rolling_origin(
        lambda history, n: forecast(model, history[-12:], n, scaler),
        values,
        40,
        horizon=4,
    )
    windows = np.stack([values[t - 12 : t] for t in range(40, 57)])
    expected = forecast(model, windows, 4, scaler)
    np.testing.assert_allclose(result.y_hat, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda v: visibility(None, v, 3), "forecaster: expected a callable"),
        (lambda v: visibility(naive, v, 0), "horizon"),
        (lambda v: visibility(naive, [], 3), "history: expected at least 1"),
        (lambda v: visibility(naive, [np.nan], 3), "history: .*nan"),
        (lambda v: visibility(naive, v, 3, shift=0), "shift"),
        (lambda v: visibility(naive, v, 3, at=60), "at: expected"),
        (
            lambda v: visibility(lambda history, n: history[:2], v, 3),
            r"forecaster's answer: expected shape \(3,\), got \(2,\)",
        ),
        (
            lambda v: visibility(lambda history, n: [np.nan] * n, v, 3),
            "forecaster's answer: .*nan",
        ),
        (lambda v: rolling_origin(None, v, 40, 3), "forecaster: expected a"),
        (
            lambda v: rolling_origin(
                naive, v, 40, 3, fit=lambda history: None
            ),
            "forecaster: expected a callable",
        ),
        (lambda v: rolling_origin(naive, v, 58, 3), "start: .*from 1 to 57"),
        (lambda v: rolling_origin(naive, v, 0, 3), "start"),
        (lambda v: rolling_origin(naive, v, 40, 0), "horizon"),
        (lambda v: rolling_origin(naive, v, 40, 60), "horizon . 1 = 61"),
        (lambda v: rolling_origin(naive, v, 40, 3, step=0), "step"),
        (lambda v: rolling_origin(naive, v[:, None], 40, 3), "1-D"),
        (lambda v: leakage(naive, v, 60), "origin: .*from 1 to 59"),
        (lambda v: leakage(naive, v, 0), "origin"),
        (lambda v: leakage(lambda v: [np.inf], v, 40), "pipeline's answer"),
    ],
)
def test_tests_refuse(call, message, values):
    with pytest.raises(ValueError, match=message):
        call(values)
