"""The other libraries: their versions, and a function for each method.

Each function takes the values, the first step to forecast and a seed, then
its settings. It trains on what comes before that step, and returns one-step
forecasts from there on and the number of parameters.
"""

import logging
import math
import warnings
from importlib.metadata import version

import numpy as np
import torch

from gru_tutorial import GRUModel, Scaler, count_parameters, make_windows

LIGHTNING = {  # without bars, logs and files
    "accelerator": "cpu",
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "logger": False,
    "enable_checkpointing": False,
}
PEERS = (
    "darts",
    "neuralforecast",
    "skorch",
    "statsmodels",
    "scikit-learn",
    "pytorch-lightning",
)
IMPORTS = {  # what a function loads, which is not timed
    "autoreg": "statsmodels.tsa.ar_model",
    "arima": "statsmodels.tsa.arima.model",
    "ets": "statsmodels.tsa.exponential_smoothing.ets",
    "skorch": "skorch",
    "darts": "darts.models",
    "neuralforecast": "neuralforecast.models",
}


def run_quietly():
    """Use one thread, and hide what libraries say about their defaults."""
    for name in ("pytorch_lightning", "lightning", "darts"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)


def versions(*names):
    """Return the versions of packages by name."""
    return {name: version(name) for name in names}


def scaled(values, start):
    """Return the scaler of the training part, and all values scaled by it."""
    scaler = Scaler().fit(values[:start])
    return scaler, scaler.transform(values).astype(np.float32)


def one_cycle(lr, updates):
    """Return the options of a learning rate that rises and falls once."""
    return {"max_lr": lr, "total_steps": updates, "cycle_momentum": False}


def autoreg(values, start, seed, lags):
    """Fit statsmodels' autoregression."""
    from statsmodels.tsa.ar_model import AutoReg

    fitted = AutoReg(values[:start], lags).fit()
    moved = fitted.apply(values)
    return moved.fittedvalues[-(len(values) - start) :], lags + 1


def arima(values, start, seed, p, q):
    """Fit statsmodels' ARIMA, without differences."""
    from statsmodels.tsa.arima.model import ARIMA

    fitted = ARIMA(values[:start], order=(p, 0, q)).fit()
    moved = fitted.apply(values)
    return moved.fittedvalues[start:], p + q + 2


def ets(values, start, seed, period, trend):
    """Fit statsmodels' exponential smoothing, with an additive season."""
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    options = {
        "trend": "add" if trend else None,
        "damped_trend": trend,
        "seasonal": "add" if period > 1 else None,
        "seasonal_periods": period if period > 1 else None,
        "initialization_method": "heuristic",
    }
    found = ETSModel(values[:start], **options).fit(disp=False).params
    moved = ETSModel(values, **options).smooth(found)
    return moved.fittedvalues[start:], len(found)


def skorch(values, start, seed, window, lr, epochs, clip, cycle):
    """Train the windows' model with skorch's loop."""
    from skorch import NeuralNetRegressor
    from skorch.callbacks import GradientNormClipping, LRScheduler

    scaler, values_scaled = scaled(values, start)
    X, y = make_windows(values_scaled, window)
    n = start - window
    callbacks = [GradientNormClipping(clip)] if clip else []
    if cycle:
        options = one_cycle(lr, epochs * math.ceil(n / 32))
        policy = torch.optim.lr_scheduler.OneCycleLR
        callbacks.append(LRScheduler(policy, step_every="batch", **options))
    net = NeuralNetRegressor(
        GRUModel,
        module__hidden_size=32,
        optimizer=torch.optim.Adam,
        lr=lr,
        max_epochs=epochs,
        batch_size=32,
        train_split=None,
        iterator_train__shuffle=True,
        callbacks=callbacks,
        verbose=0,
    )
    torch.manual_seed(seed)
    net.fit(np.ascontiguousarray(X[:n]), np.ascontiguousarray(y[:n]))
    y_hat = net.predict(np.ascontiguousarray(X[n:]))[:, 0]
    return scaler.inverse_transform(y_hat), count_parameters(net.module_)


def darts(values, start, seed, kind, window, lr, epochs, batch, clip, cycle):
    """Train a model of Darts."""
    from darts import TimeSeries
    from darts.models import BlockRNNModel, RNNModel  # needs PyTorch Lightning

    scaler, values_scaled = scaled(values, start)
    series = TimeSeries.from_values(values_scaled)
    piece = 2 * window if kind == "RNNModel" else window
    common = {
        "model": "GRU",
        "hidden_dim": 32,
        "input_chunk_length": window,
        "n_epochs": epochs,
        "batch_size": batch,
        "optimizer_kwargs": {"lr": lr},
        "random_state": seed,
        "pl_trainer_kwargs": {**LIGHTNING, "gradient_clip_val": clip},
    }
    if cycle:
        updates = epochs * math.ceil((start - piece) / batch)
        common["lr_scheduler_cls"] = torch.optim.lr_scheduler.OneCycleLR
        common["lr_scheduler_kwargs"] = {
            **one_cycle(lr, updates),
            "interval": "step",
        }
    if kind == "RNNModel":
        model = RNNModel(training_length=piece, **common)
    else:
        model = BlockRNNModel(output_chunk_length=1, **common)
    model.fit(series[:start])
    forecast = model.historical_forecasts(
        series, start=start, forecast_horizon=1, retrain=False
    )
    y_hat = scaler.inverse_transform(forecast.values()[:, 0])
    return y_hat, count_parameters(model.model)


def neuralforecast(values, start, seed, window, lr, steps, clip, cycle, loss):
    """Train the GRU of NeuralForecast."""
    import pandas as pd
    from neuralforecast import NeuralForecast
    from neuralforecast.losses import pytorch as losses
    from neuralforecast.models import GRU

    table = pd.DataFrame(
        {"unique_id": "y", "ds": np.arange(len(values)), "y": values}
    )
    schedule = {}
    if cycle:
        schedule["lr_scheduler"] = torch.optim.lr_scheduler.OneCycleLR
        schedule["lr_scheduler_kwargs"] = one_cycle(lr, steps)
    model = GRU(
        h=1,
        input_size=window,
        encoder_n_layers=1,
        encoder_hidden_size=32,
        max_steps=steps,
        learning_rate=lr,
        windows_batch_size=32,
        scaler_type="identity",
        random_seed=seed,
        loss=getattr(losses, loss)(),
        gradient_clip_val=clip,
        **schedule,
        **LIGHTNING,
    )
    forecaster = NeuralForecast([model], freq=1, local_scaler_type="standard")
    found = forecaster.cross_validation(
        table, n_windows=None, test_size=len(values) - start, step_size=1
    )
    return found["GRU"].to_numpy(), count_parameters(forecaster.models[0])


FUNCTIONS = {
    f.__name__: f for f in (autoreg, arima, ets, skorch, darts, neuralforecast)
}
