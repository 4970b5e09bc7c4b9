"""The book's own methods in the comparison with other libraries.

Each function takes the values, the first step to forecast and a seed, then
its settings. It trains on what comes before that step, and returns one-step
forecasts from there on and the number of parameters.
"""

import numpy as np
import torch

from gru_tutorial import (
    Boosting,
    Forecaster,
    GRUModel,
    Naive,
    Neighbours,
    Recipe,
    Ridge,
    count_parameters,
)

# The settings of a recipe, and their names in the stored results
STORED_AS = {
    "chunk": "length",
    "batch_size": "batch",
    "lr": "lr",
    "num_epochs": "epochs",
    "input_noise": "noise",
    "burn_in": "burn_in",
}


def stored(recipe, horizon, exact=True, **more):
    """Return a recipe as the settings of ``chunks``, which JSON can hold."""
    found = {name: getattr(recipe, ours) for ours, name in STORED_AS.items()}
    return {**found, "horizon": horizon, "exact": exact, **more}


def trained(values, start, seed, window, recipe, sees=None, **options):
    """Train the book's model, and forecast; return also its size.

    It is trained on windows of ``window`` values, or without on chunks; then
    it forecasts from the last ``sees`` values, or as it was trained.
    """
    torch.manual_seed(seed)
    model = GRUModel(hidden_size=32, **options)
    forecaster = Forecaster(model, window=window)
    forecaster.fit(values[:start], recipe, seed=seed)
    if sees:
        forecaster = Forecaster(model, forecaster.scaler, window=sees)
    return forecaster.one_step(values, start), count_parameters(model)


def windows(values, start, seed, window, lr, epochs, clip=None, cycle=False):
    """Train on windows with one label each, as the original tutorial does."""
    recipe = Recipe(num_epochs=epochs, lr=lr, clip=clip, one_cycle=cycle)
    return trained(values, start, seed, window, recipe)


def chunks(values, start, seed, horizon, exact, sees=None, **settings):
    """Train on chunks with a label for every step."""
    recipe = Recipe(
        one_cycle=True,
        clip=1.0,
        **{name: settings[stored] for name, stored in STORED_AS.items()},
    )
    return trained(
        values, start, seed, None, recipe, sees, horizon=horizon, fast=exact
    )


def committee(values, start, seed, **settings):
    """Average the forecasts of five networks."""
    found = [chunks(values, start, 5 * seed + k, **settings) for k in range(5)]
    return np.mean([y_hat for y_hat, _ in found], axis=0), 5 * found[0][1]


def ridge(values, start, seed, lags, alpha):
    """Fit a penalised linear function of the last values."""
    forecaster = Ridge(lags, alpha).fit(values[:start])
    return forecaster.one_step(values, start), lags + 1


def boosting(values, start, seed, lags, max_iter):
    """Fit boosted trees on the last values."""
    forecaster = Boosting(lags, max_iter, centre=False).fit(values[:start])
    return forecaster.one_step(values, start), 8 * max_iter


def neighbours(values, start, seed, lags, n_neighbors):
    """Average what followed the most similar windows."""
    forecaster = Neighbours(lags, n_neighbors, centre=False)
    forecaster.fit(values[:start])
    return forecaster.one_step(values, start), (start - lags) * lags


def seasonal_naive(values, start, seed, period):
    """Copy the value of one period before."""
    return Naive(period).one_step(values, start), 0


def oracle(values, start, seed):
    """Fit a mean and two waves, whose frequencies it has been told."""
    t = 2 * np.pi * np.arange(len(values))
    waves = [f(t / p) for p in (50, 18) for f in (np.sin, np.cos)]
    design = np.stack([np.ones(len(values)), *waves], axis=1)
    found, *_ = np.linalg.lstsq(design[:start], values[:start], rcond=None)
    return design[start:] @ found, 5


FUNCTIONS = {
    f.__name__: f
    for f in (
        windows,
        chunks,
        committee,
        ridge,
        boosting,
        neighbours,
        seasonal_naive,
        oracle,
    )
}
