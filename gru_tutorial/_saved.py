"""What a forecaster's file holds: plain values and weights."""

from __future__ import annotations

import warnings

import torch
from torch import nn

from gru_tutorial.heads import Direct, LastStates, Seq2Seq
from gru_tutorial.model import GRUModel
from gru_tutorial.probabilistic import Gaussian, Quantiles
from gru_tutorial.tensors import check_module
from gru_tutorial.windows import Scaler

KIND = "forecaster 2"
SETTINGS = ("window", "target", "strategy", "features", "horizon")
HEADS = {
    head.__name__: head
    for head in (Direct, Gaussian, Quantiles, Seq2Seq, LastStates)
}


def state_of(forecaster) -> dict:
    """Return all that a forecast needs, as plain values and tensors.

    Parameters
    ----------
    forecaster : Forecaster
        Trained or not.

    Examples
    --------
    >>> from gru_tutorial import Forecaster
    >>> state_of(Forecaster(GRUModel(), Scaler(2.0, 1.5)))["scaler"]
    [2.0, 1.5]
    """
    model, scaler, columns = forecaster.model, forecaster.scaler, None
    if scaler is not None:
        columns = scaler.columns and [_plain(name) for name in scaler.columns]
        scaler = [scaler.mean.tolist(), scaler.std.tolist()]
    return {
        "model": model.settings() if type(model) is GRUModel else None,
        "weights": model.state_dict(),
        "scaler": scaler,
        "columns": columns,
        "window": forecaster.window,
        "target": forecaster.target,
        "strategy": forecaster.strategy,
        "features": forecaster.frame.features,
        "horizon": forecaster.horizon,
        "recipe": forecaster.recipe and forecaster.recipe.plain(),
        "losses": forecaster.losses and vars(forecaster.losses),
    }


def _plain(label):
    """Return a column's label as a file can hold it."""
    whole = hasattr(label, "__index__") and not isinstance(label, bool)
    return int(label) if whole else str(label)


def scaler_of(state: dict) -> Scaler | None:
    """Return the scaler that a file holds, if any.

    Parameters
    ----------
    state : dict
        What ``state_of`` returned.
    """
    if state["scaler"] is None:
        return None
    scaler = Scaler(*state["scaler"])
    scaler.columns = state["columns"] and tuple(state["columns"])
    return scaler


def model_of(state: dict, model: nn.Module | None) -> nn.Module:
    """Return the model that a file holds, with its weights.

    Parameters
    ----------
    state : dict
        What ``state_of`` returned.
    model : torch.nn.Module
        Takes the weights, if the file does not say what it was.

    Raises
    ------
    ValueError
        If it is needed and absent, or the weights do not fit it.
    """
    weights = state["weights"]
    if model is None:
        model = _made_again(state["model"])
        kinds = {w.dtype for w in weights.values() if w.is_floating_point()}
        model = model.to(next(iter(kinds))) if len(kinds) == 1 else model
    check_module("model", model)
    if any(weight.is_meta for weight in model.parameters()):
        raise ValueError(
            "model: expected weights that hold numbers, got the meta device"
        )
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(
            f"model: expected one that the file's weights fit ({error})"
        ) from None
    return model


def _made_again(settings: dict | None) -> GRUModel:
    if settings is None:
        raise ValueError(
            "model: expected the module that takes the weights, as the file "
            "was not saved from a plain GRUModel, got None"
        )
    name, arguments = settings["head"]
    if name not in HEADS:
        raise ValueError(
            f"model: expected a GRUModel with the head {name}, which is not "
            f"of this package, got None"
        )
    settings = {**settings, "head": HEADS[name](**arguments)}
    with torch.random.fork_rng(devices=[]):  # its weights are replaced
        try:
            return GRUModel(**settings)
        except ImportError as error:
            warnings.warn(
                f"model: loaded with fast=True, which forecasts the same but "
                f"for rounding, as numba is missing ({error})",
                stacklevel=4,
            )
            return GRUModel(**{**settings, "fast": True})
