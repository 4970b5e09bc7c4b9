"""Compare an exported graph with the forecaster that it was made of."""

from __future__ import annotations

import numpy as np
import torch

from gru_tutorial._onnx_heads import is_by_series
from gru_tutorial._runtime import open_onnx
from gru_tutorial.forecaster import Forecaster
from gru_tutorial.model import evaluating, to_model, to_numpy
from gru_tutorial.probabilistic import Gaussian, Quantiles

TOLERANCE = 1e-5  # of scaled numbers; of those above 1, a share of each
TRIALS = ((1, 3), (3, 17))  # batch, and steps beyond those that are needed


def compare(
    forecaster: Forecaster, data: bytes, shortest: int, carries: bool
) -> None:
    """Refuse a graph that forecasts something else, at two shapes.

    Parameters
    ----------
    forecaster : Forecaster
        What it was made of.
    data : bytes
        The graph's file.
    shortest : int
        Time steps that are needed.
    carries : bool
        Whether it goes on from a state: it then reads each series in two
        parts, too.

    Raises
    ------
    ValueError
        If a number differs by more than ``TOLERANCE``.
    """
    session, rng = open_onnx(data), np.random.default_rng(0)
    for batch, more in TRIALS:
        length = shortest + more
        feeds, mean, std = _drawn(forecaster, rng, batch, length)
        history = feeds.pop("history")
        expected = _expected(forecaster, (history - mean) / std)
        at = f"{batch} series of {length} steps"
        found = _ran(session, feeds | {"history": history})
        _check_equal(forecaster, found, expected, mean, std, at)
        if carries:
            early, late = np.split(history, [length // 2], axis=1)
            feeds["state"] = _ran(session, {**feeds, "history": early})[
                "new_state"
            ]
            found = _ran(session, feeds | {"history": late})
            at += ", read in two parts"
            _check_equal(forecaster, found, expected, mean, std, at)


def _ran(session, feeds: dict) -> dict:
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds), strict=True))


def _drawn(forecaster: Forecaster, rng, batch: int, length: int):
    """Return random series in their own units, and mean and std of each."""
    frame = forecaster.frame
    mean, std, more = frame.scaler.mean, frame.scaler.std, {}
    if is_by_series(frame):
        which = rng.integers(len(mean), size=batch)
        more = {"series_mean": mean[which], "series_std": std[which]}
        mean, std = mean[which, None, None], std[which, None, None]
    noise = rng.standard_normal((batch, length, frame.features))
    return {"history": mean + std * noise, **more}, mean, std


def _expected(forecaster: Forecaster, scaled: np.ndarray) -> dict:
    """Return what PyTorch gives, scaled, and shaped as the graph's outputs."""
    model, head = forecaster.model, forecaster.model.head
    x = to_model(model, torch.from_numpy(scaled.astype(np.float32)))
    with evaluating(model):
        y_hat = model(forecaster._seen(x))
    found = {"forecast": head.point(y_hat)}
    if isinstance(head, Gaussian):
        found["std"] = head.distribution(y_hat)[1]
    if isinstance(head, Quantiles):
        found["quantiles"] = head.quantiles(y_hat)
    shape = -1, len(head.target)
    return {
        name: to_numpy(one).reshape(*one.shape[:-1], *shape)
        for name, one in found.items()
    }


def _check_equal(forecaster, found, expected, mean, std, at: str) -> None:
    """Refuse outputs that are not the expected ones, in units."""
    if np.size(std) > 1 and not is_by_series(forecaster.frame):
        target = list(forecaster.target)
        mean, std = mean[target], std[target]
    for name, wanted in expected.items():
        got = (
            found[name] / std if name == "std" else (found[name] - mean) / std
        )
        least = np.maximum(1.0, np.abs(wanted))
        same = got.shape == wanted.shape
        apart = (np.abs(got - wanted) / least).max() if same else np.inf
        if not apart <= TOLERANCE:
            raise ValueError(
                f"exported graph: expected the model's {name} within "
                f"{TOLERANCE:g}, got {apart:.1e} at {at}; no file is left"
            )
