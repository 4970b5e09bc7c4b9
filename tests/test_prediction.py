"""Forecasts against loops by hand, baselines against what they must be."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from gru_tutorial import (
    GRUModel,
    Scaler,
    expected_ratio,
    make_series,
    make_windows,
    naive_forecast,
    one_step_forecast,
    predict,
    recursive_forecast,
    ridge_forecast,
)


class Copier(nn.Module):
    """Forecasts the last value of the window, plus a number."""

    def __init__(self, plus=0.0):
        super().__init__()
        self.plus = plus

    def forward(self, x):
        return x[:, -1] + self.plus


@pytest.fixture
def model():
    torch.manual_seed(0)
    return GRUModel(hidden_size=8)


def test_predict_equals_the_model_in_any_batches(model):
    X, _ = make_windows(make_series(length=60).values, 12)
    with torch.no_grad():
        expected = model(torch.as_tensor(X, dtype=torch.float32)).numpy()
    for batch_size in (1, 7, 48, 256):
        got = predict(model, X, batch_size)
        np.testing.assert_allclose(got, expected, atol=1e-6)


def test_predict_switches_dropout_off_and_restores_the_mode():
    model = GRUModel(num_layers=2, dropout=0.5)
    X = np.ones((3, 5, 1))
    np.testing.assert_array_equal(predict(model, X), predict(model, X))
    assert model.training
    assert predict(model, X).dtype == np.float32


def test_one_step_sees_the_true_values_before():
    values = np.arange(20.0)
    np.testing.assert_array_equal(
        one_step_forecast(Copier(), values, 10, window=3), values[9:19]
    )


def test_one_step_by_hand_in_the_series_own_units(model):
    values = make_series(length=60).values
    scaler = Scaler().fit(values[:40])
    got = one_step_forecast(model, values, 40, 12, scaler)
    assert got.shape == (20,)
    for k in (0, 7, 19):
        window = scaler.transform(values[28 + k : 40 + k])
        x = torch.as_tensor(window, dtype=torch.float32).reshape(1, 12, 1)
        y_hat = model(x).item() * scaler.std + scaler.mean
        assert got[k] == pytest.approx(y_hat, rel=1e-5)


def test_one_step_never_sees_what_it_forecasts(model):
    values = make_series(length=60).values
    changed = values.copy()
    changed[50:] += 1.0
    before = one_step_forecast(model, values, 40, 12)
    after = one_step_forecast(model, changed, 40, 12)
    np.testing.assert_array_equal(before[:11], after[:11])
    assert before[11] != after[11]  # the newest observation is visible


def test_recursive_feeds_its_forecasts_back(model):
    history = make_series(length=40).values
    scaler = Scaler().fit(history)
    got = recursive_forecast(model, history, 5, 12, scaler)
    path = list(scaler.transform(history))
    for _ in range(5):
        x = torch.tensor(path[-12:], dtype=torch.float32).reshape(1, 12, 1)
        path.append(model(x).item())
    expected = scaler.inverse_transform(path[-5:])
    np.testing.assert_allclose(got, expected, rtol=1e-5)


@given(st.integers(1, 30), st.integers(1, 9))
def test_recursive_counts_up(horizon, window):
    got = recursive_forecast(Copier(plus=1.0), np.arange(9.0), horizon, window)
    np.testing.assert_array_equal(got, 9.0 + np.arange(horizon))


@given(st.integers(1, 12), st.integers(0, 7))
def test_naive_copies_one_period_before(period, later):
    values = np.arange(20.0)
    got = naive_forecast(values, period + later, period)
    np.testing.assert_array_equal(got, values[later : 20 - period])


def test_ridge_comes_near_the_floor():
    series = make_series()
    y_hat = ridge_forecast(series.values, 720, window=50)
    assert 1.0 < expected_ratio(series.clean[720:], y_hat) < 1.2


def test_ridge_equals_its_normal_equations():
    values = make_series(length=200).values
    scaled = (values - values[:150].mean()) / values[:150].std()
    X, y = make_windows(scaled, 10)
    A, b = X[:140, :, 0], y[:140, 0]
    centred = A - A.mean(axis=0)
    matrix = centred.T @ centred + 2.0 * np.eye(10)
    weights = np.linalg.solve(matrix, centred.T @ (b - b.mean()))
    expected = b.mean() + (X[140:, :, 0] - A.mean(axis=0)) @ weights
    expected = expected * values[:150].std() + values[:150].mean()
    got = ridge_forecast(values, 150, window=10, alpha=2.0)
    np.testing.assert_allclose(got, expected)


def test_ridge_is_fitted_before_the_test_part_only():
    values = make_series().values
    changed = values.copy()
    changed[800:] += 5.0
    before = ridge_forecast(values, 720, 24)
    after = ridge_forecast(changed, 720, 24)
    np.testing.assert_array_equal(before[:81], after[:81])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda v, m: predict(m, v), "X: expected a 3-D array"),
        (lambda v, m: predict(m, np.zeros((0, 5, 1))), "at least one window"),
        (lambda v, m: predict(m, np.zeros((2, 5, 1)), 0), "batch_size"),
        (lambda v, m: one_step_forecast(m, v, 11, 12), "forecast_start"),
        (lambda v, m: one_step_forecast(m, v, 40, 12), "forecast_start"),
        (lambda v, m: one_step_forecast(m, v, 20, 0), "window"),
        (lambda v, m: recursive_forecast(m, v, 0, 12), "horizon"),
        (
            lambda v, m: recursive_forecast(m, v, 3, 41),
            "history: expected at least window = 41 values, got 40",
        ),
        (lambda v, m: recursive_forecast(m, [np.nan], 1, 1), "history: .*nan"),
        (lambda v, m: naive_forecast(v, 0), "forecast_start"),
        (lambda v, m: naive_forecast(v, 6, period=7), "forecast_start"),
        (lambda v, m: naive_forecast(v, 6, period=0), "period"),
        (lambda v, m: ridge_forecast(v, 12, window=12), "forecast_start"),
        (lambda v, m: ridge_forecast(v, 20, 5, alpha=-1), "alpha: expected"),
    ],
)
def test_forecasts_refuse(model, call, message):
    with pytest.raises(ValueError, match=message):
        call(np.arange(40.0), model)
