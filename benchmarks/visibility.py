"""Which steps of two libraries' forecasts see the last observation: chapter 9.

Each model is trained briefly on three series, each time from other weights.

Usage: python benchmarks/visibility.py    (about two minutes; needs the peers)
"""

import contextlib
import tempfile

import numpy as np
import torch
from peers import LIGHTNING, run_quietly, versions

from gru_tutorial.book.results import load_average, store
from gru_tutorial.evaluation import visibility
from gru_tutorial.heads import LastStates
from gru_tutorial.model import GRUModel
from gru_tutorial.series import make_cycle

HORIZON, WINDOW, HIDDEN, POINTS = 12, 48, 16, 400
SEEDS = range(3)


def darts_forecaster(name, values, seed):
    """Return a briefly trained model of Darts as a forecaster."""
    from darts import TimeSeries
    from darts.models import BlockRNNModel, RNNModel

    options = {
        "model": "GRU",
        "input_chunk_length": WINDOW,
        "hidden_dim": HIDDEN,
        "n_epochs": 2,
        "random_state": seed,
        "pl_trainer_kwargs": LIGHTNING,
    }
    if name == "BlockRNNModel":
        model = BlockRNNModel(output_chunk_length=HORIZON, **options)
    else:
        length = WINDOW + HORIZON
        model = RNNModel(training_length=length, **options)
    model.fit(TimeSeries.from_values(values.astype(np.float32)))

    def forecaster(history, horizon):
        series = TimeSeries.from_values(history.astype(np.float32))
        path = model.predict(horizon, series=series, verbose=False)
        return path.values()[:, 0]

    return forecaster


def neuralforecast_forecaster(options, values, seed):
    """Return a briefly trained GRU of NeuralForecast as a forecaster.

    Its default ``scaler_type="robust"`` scales by median and deviation of the
    window, which move a little with each observation: a way of its own from
    the last one to all steps. ``"identity"`` leaves it out.
    """
    import pandas as pd
    from neuralforecast import NeuralForecast
    from neuralforecast.models import GRU

    def frame(history):
        steps = np.arange(len(history))
        return pd.DataFrame({"unique_id": "a", "ds": steps, "y": history})

    model = GRU(
        h=HORIZON,
        input_size=WINDOW,
        encoder_hidden_size=HIDDEN,
        encoder_n_layers=1,
        max_steps=20,
        random_seed=seed,
        **options,
        **LIGHTNING,
    )
    forecasts = NeuralForecast(models=[model], freq=1)
    forecasts.fit(frame(values))

    def forecaster(history, horizon):
        path = forecasts.predict(frame(history))["GRU"].to_numpy()
        return path[:horizon]

    return forecaster


def reconstruction(decoder_size=None):
    """Return what this package takes both heads for, as in chapter 9."""
    head = LastStates(HORIZON, decoder_size=decoder_size)
    return GRUModel(hidden_size=HIDDEN, head=head)


def darts_difference():
    """Return how far the reconstruction is from Darts' own module."""
    from darts.models.forecasting.block_rnn_model import _BlockRNNModule
    from darts.utils.data.torch_datasets.utils import PLModuleInput

    model = _BlockRNNModule(
        name="GRU",
        input_size=1,
        hidden_dim=HIDDEN,
        future_cov_dim=0,
        num_layers=1,
        target_size=1,
        nr_params=1,
        input_chunk_length=WINDOW,
        output_chunk_length=HORIZON,
        train_sample_shape=None,
    ).eval()
    ours = reconstruction()
    ours.gru.load_state_dict(model.rnn.state_dict())
    ours.linear.load_state_dict(model.fc[0].state_dict())
    x = torch.linspace(-1, 1, 5 * WINDOW).reshape(5, WINDOW, 1)
    others = ("past_covariates", "historic_future_covariates")
    others += ("future_covariates", "static_covariates")
    with torch.no_grad():
        sample = PLModuleInput(past_target=x, **dict.fromkeys(others))
        found = model(sample)
        found = getattr(found, "prediction", found)
        return float((found[:, :, 0, 0] - ours(x)).abs().max())


def neuralforecast_difference():
    """Return how far the reconstruction is from NeuralForecast's module."""
    from neuralforecast.models import GRU

    model = GRU(
        h=HORIZON,
        input_size=WINDOW,
        encoder_n_layers=1,
        encoder_hidden_size=HIDDEN,
        decoder_hidden_size=8,
        decoder_layers=2,
    ).eval()
    ours = reconstruction(decoder_size=8)
    ours.gru.load_state_dict(model.hist_encoder.state_dict())
    layers = [
        layer
        for layer in model.mlp_decoder.layers
        if isinstance(layer, torch.nn.Linear)
    ]
    for mine, layer in zip(ours.linear[::2], layers, strict=True):
        mine.load_state_dict(layer.state_dict())
    x = torch.linspace(-1, 1, 5 * WINDOW).reshape(5, WINDOW, 1)
    batch = {"insample_y": x, "futr_exog": None}
    batch |= {"hist_exog": None, "stat_exog": None}
    with torch.no_grad():
        return float((model(batch)[..., 0] - ours(x)).abs().max())


CANDIDATES = {
    "Darts BlockRNNModel": (darts_forecaster, "BlockRNNModel"),
    "Darts RNNModel": (darts_forecaster, "RNNModel"),
    "NeuralForecast GRU": (neuralforecast_forecaster, {}),
    "NeuralForecast GRU, unscaled": (
        neuralforecast_forecaster,
        {"scaler_type": "identity"},
    ),
    "NeuralForecast GRU, recurrent": (
        neuralforecast_forecaster,
        {"scaler_type": "identity", "recurrent": True},
    ),
}


def moves_of(name, seed):
    """Return how far each step moves, as a share of the shift."""
    make, argument = CANDIDATES[name]
    values = make_cycle(POINTS, seed=seed)
    torch.manual_seed(seed)
    moves = visibility(make(argument, values, seed), values, HORIZON)
    return [float(f"{m:.2g}") for m in moves / values.std()]


def main():
    """Measure all, and store the moves, a row for each seed."""
    run_quietly()
    load, rows = load_average(), {}
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for name in CANDIDATES:
            rows[name] = [moves_of(name, seed) for seed in SEEDS]
            print(name, rows[name], flush=True)
        differences = {
            "Darts BlockRNNModel": darts_difference(),
            "NeuralForecast GRU": neuralforecast_difference(),
        }
    print(differences)
    results = {
        "versions": versions("darts", "neuralforecast", "pytorch-lightning"),
        "horizon": HORIZON,
        "window": WINDOW,
        "seeds": list(SEEDS),
        "moves": rows,
        "agrees_below_1e_6": {k: d < 1e-6 for k, d in differences.items()},
    }
    store("visibility", results, load=load, repetitions=len(SEEDS))


if __name__ == "__main__":
    main()
