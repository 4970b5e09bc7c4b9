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
            "history: expected at least window = 41 time steps, got 40",
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


class Wrong(nn.Module):
    """Returns what it was given to return."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, x):
        return self.answer[: len(x)]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (torch.zeros(2), r"model: expected predictions of shape \(2, hori"),
        (torch.zeros(1, 1), r"shape \(2, horizon\), got \(1, 1\)"),
        (torch.full((2, 1), torch.nan), "model's predictions: .*nan"),
    ],
)
def test_wrong_predictions_are_refused(answer, message):
    with pytest.raises(ValueError, match=message):
        predict(Wrong(answer), np.zeros((2, 3, 1)))


def test_recursion_needs_one_value_a_forecast():
    with pytest.raises(ValueError, match=r"expected one value .* got 3"):
        recursive_forecast(GRUModel(output_size=3), np.zeros(9), 2, 3)


@pytest.mark.parametrize(
    "scaler",
    [Scaler(), Scaler().fit([[1.0, 2.0], [3.0, 5.0]]), "standard", Scaler],
)
def test_only_a_scaler_of_one_series_is_taken(model, scaler):
    values = np.arange(40.0)
    for call in (
        lambda: one_step_forecast(model, values, 30, 5, scaler),
        lambda: recursive_forecast(model, values, 3, 5, scaler),
    ):
        with pytest.raises(ValueError, match="scaler: expected a Scaler"):
            call()


def test_series_that_are_too_short_are_named(model):
    values = np.arange(40.0)
    for call in (
        lambda: one_step_forecast(model, values, 30, window=50),
        lambda: naive_forecast(values, 30, period=40),
        lambda: ridge_forecast(values, 30, window=50),
    ):
        message = r"values: .* time steps, got 40"
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_models_of_other_dtypes_predict_in_float32(dtype):
    y_hat = predict(GRUModel(hidden_size=4).to(dtype), np.zeros((2, 3, 1)))
    assert y_hat.dtype == np.float32


def test_numpy_integers_and_any_strides_give_the_same_forecast(model):
    values = make_series(length=300).values
    for call in (
        lambda v, k: one_step_forecast(model, v, k(250), k(24)),
        lambda v, k: recursive_forecast(model, v, k(2), k(24)),
        lambda v, k: naive_forecast(v, k(250), k(100)),
        lambda v, k: ridge_forecast(v, k(250), k(24)),
    ):
        plain = call(values, int)
        np.testing.assert_array_equal(plain, call(values, np.uint8))
        twice_reversed = values[::-1].copy()[::-1]
        np.testing.assert_array_equal(plain, call(twice_reversed, int))
