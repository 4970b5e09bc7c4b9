"""Chapter 5: forecasts of a trained model, and the baselines to beat."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.linear_model import Ridge
from torch import nn

from gru_tutorial.checks import (
    check_float,
    check_int,
    check_length,
    check_values,
)
from gru_tutorial.data import Scaler, make_windows, to_tensor
from gru_tutorial.model import evaluating, to_model


def predict(model: nn.Module, X, batch_size: int = 256) -> np.ndarray:
    """Return a model's predictions for windows, without gradients or dropout.

    Parameters
    ----------
    model : torch.nn.Module
        Maps (batch, time, features) to (batch, horizon).
    X : array_like of shape (n, window, features)
        Windows, scaled as in training.
    batch_size : int
        Windows per call of the model.

    Returns
    -------
    numpy.ndarray of shape (n, horizon)
        The predictions, scaled, float32.

    Raises
    ------
    ValueError
        If ``X`` is empty, not finite or of another rank, or if the
        predictions are.

    Examples
    --------
    >>> from gru_tutorial import GRUModel
    >>> predict(GRUModel(output_size=3), np.zeros((5, 24, 1))).shape
    (5, 3)
    """
    X = to_tensor("X", X, ndim=3)
    batch_size = check_int("batch_size", batch_size, 1)
    if len(X) == 0:
        raise ValueError("X: expected at least one window, got none")
    with evaluating(model):
        parts = [model(to_model(model, part)) for part in X.split(batch_size)]
    y_hat = torch.cat(parts).float().cpu().numpy()
    if y_hat.ndim != 2 or len(y_hat) != len(X):
        raise ValueError(
            f"model: expected predictions of shape ({len(X)}, horizon), got "
            f"{y_hat.shape}"
        )
    return check_values("model's predictions", y_hat)


def _check_scaler(scaler: Scaler | None) -> None:
    if scaler is None:
        return
    fitted = isinstance(scaler, Scaler) and scaler.mean is not None
    if not fitted or scaler.mean.ndim:
        raise ValueError(
            f"scaler: expected a Scaler fitted on one series of shape "
            f"(time,), got {scaler!r}"
        )


def one_step_forecast(
    model: nn.Module,
    values,
    forecast_start: int,
    window: int | None,
    scaler: Scaler | None = None,
) -> np.ndarray:
    """Forecast each value of the test part from the true ones before it.

    Parameters
    ----------
    model : torch.nn.Module
        Maps (batch, window, 1) to (batch, horizon); its first value is used.
        Without a window it needs ``run``, as ``GRUModel`` has.
    values : array_like of shape (time,)
        The whole series, in its own units.
    forecast_start : int
        The first time step to forecast, at least ``window``.
    window : int
        Time steps that the model sees; ``None`` for all before, through one
        state that is carried from the first value on.
    scaler : Scaler
        The one used in training, if any.

    Returns
    -------
    numpy.ndarray of shape (time - forecast_start,)
        In the series' own units.

    Raises
    ------
    ValueError
        If fewer than ``window`` values come before ``forecast_start``.

    Examples
    --------
    >>> from gru_tutorial import GRUModel
    >>> one_step_forecast(GRUModel(), np.zeros(850), 720, window=24).shape
    (130,)
    """
    values = check_values("values", values, ndim=(1,))
    seen = 1 if window is None else check_int("window", window, 1)
    check_length("values", values, seen + 1, "window + 1")
    last = len(values) - 1
    forecast_start = check_int("forecast_start", forecast_start, seen, last)
    _check_scaler(scaler)
    scaled = values if scaler is None else scaler.transform(values)
    if window is None:
        stream = to_tensor("values", scaled[None, :-1, None], ndim=3)
        with evaluating(model):
            out, _ = model.run(to_model(model, stream))
        y_hat = out[0, forecast_start - 1 :, 0].float().cpu().numpy()
        y_hat = check_values("model's predictions", y_hat)
    else:
        X, _ = make_windows(scaled[forecast_start - window :], window)
        y_hat = predict(model, X)[:, 0]
    return y_hat if scaler is None else scaler.inverse_transform(y_hat)


def recursive_forecast(
    model: nn.Module,
    history,
    horizon: int,
    window: int,
    scaler: Scaler | None = None,
) -> np.ndarray:
    """Forecast several steps, each from the forecasts before it.

    Parameters
    ----------
    model : torch.nn.Module
        Maps (batch, window, 1) to (batch, 1).
    history : array_like of shape (time,)
        What is known, in its own units; the last ``window`` values are used.
    horizon : int
        Time steps to forecast.
    window : int
        Time steps that the model sees.
    scaler : Scaler
        The one used in training, if any.

    Returns
    -------
    numpy.ndarray of shape (horizon,)
        In the series' own units.

    Raises
    ------
    ValueError
        If ``history`` is shorter than ``window``, or ``horizon`` is below 1.

    Examples
    --------
    >>> from gru_tutorial import GRUModel
    >>> recursive_forecast(GRUModel(), np.zeros(720), 12, window=24).shape
    (12,)
    """
    history = check_values("history", history, ndim=(1,))
    horizon = check_int("horizon", horizon, 1)
    window = check_int("window", window, 1)
    check_length("history", history, window, "window")
    _check_scaler(scaler)
    recent = history[-window:]
    if scaler is not None:
        recent = scaler.transform(recent)
    path = np.empty(window + horizon, dtype=np.float32)
    path[:window] = recent
    for step in range(horizon):
        X = path[None, step : step + window, None]
        y_hat = predict(model, X)
        if y_hat.shape != (1, 1):
            raise ValueError(
                f"model: expected one value a forecast, got {y_hat.shape[1]}"
            )
        path[step + window] = y_hat[0, 0]
    y_hat = path[window:]
    return y_hat if scaler is None else scaler.inverse_transform(y_hat)


def naive_forecast(values, forecast_start: int, period: int = 1) -> np.ndarray:
    """Forecast each value by a copy of the one before, or a season before.

    Parameters
    ----------
    values : array_like of shape (time,)
        The whole series.
    forecast_start : int
        The first time step to forecast, at least ``period``.
    period : int
        Time steps of a season: 1 is the naive forecast, more the seasonal.

    Returns
    -------
    numpy.ndarray of shape (time - forecast_start,)
        In the series' own units. Each copies a value that is known one step
        before, also within the test part.

    Raises
    ------
    ValueError
        If less than a season comes before ``forecast_start``.

    Examples
    --------
    >>> naive_forecast([1.0, 2.0, 3.0, 4.0], forecast_start=2)
    array([2., 3.])
    >>> naive_forecast([1.0, 2.0, 3.0, 4.0], forecast_start=2, period=2)
    array([1., 2.])
    """
    values = check_values("values", values, ndim=(1,))
    period = check_int("period", period, 1)
    check_length("values", values, period + 1, "period + 1")
    last = len(values) - 1
    forecast_start = check_int("forecast_start", forecast_start, period, last)
    return values[forecast_start - period : len(values) - period].copy()


def ridge_forecast(
    values, forecast_start: int, window: int, alpha: float = 1.0
) -> np.ndarray:
    """Forecast each value by a linear function of the values before it.

    Parameters
    ----------
    values : array_like of shape (time,)
        The whole series; the function is fitted before ``forecast_start``.
    forecast_start : int
        The first time step to forecast.
    window : int
        Time steps that the function sees.
    alpha : float
        Weight of the penalty on squared coefficients, of the scaled series.

    Returns
    -------
    numpy.ndarray of shape (time - forecast_start,)
        In the series' own units.

    Raises
    ------
    ValueError
        If the training part holds no window with its label, or ``alpha`` is
        negative.

    Examples
    --------
    >>> ridge_forecast(np.arange(20.0), 18, window=3, alpha=0).round(6)
    array([18., 19.])
    """
    values = check_values("values", values, ndim=(1,))
    window = check_int("window", window, 1)
    check_length("values", values, window + 2, "window + 2")
    last = len(values) - 1
    forecast_start = check_int(
        "forecast_start", forecast_start, window + 1, last
    )
    alpha = check_float("alpha", alpha, 0)
    scaler = Scaler().fit(values[:forecast_start])
    X, y = make_windows(scaler.transform(values), window)
    lags, n_train = X[..., 0], forecast_start - window
    ridge = Ridge(alpha).fit(lags[:n_train], y[:n_train, 0])
    return scaler.inverse_transform(ridge.predict(lags[n_train:]))
