"""A forecaster as a file that other engines run: ONNX.

The graph is made of ONNX's own operators, by ``onnx.helper``, and compared
with the model before it is written.
"""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version

import onnx
import torch
from onnx import TensorProto, helper
from torch import nn

from gru_tutorial._compared import TOLERANCE, compare
from gru_tutorial._onnx import (
    Graph,
    add_layers,
    first_state,
    gru_node,
    last_state,
    onnx_gates,
    onnx_weights,
)
from gru_tutorial._onnx_heads import END, PARTS, Read, Units, is_by_series
from gru_tutorial._runtime import forecast_onnx, open_onnx
from gru_tutorial._stepping import export_step
from gru_tutorial._tracing import axes_of, exported_twice, trace_onnx
from gru_tutorial.compiled import CompiledGRU
from gru_tutorial.exact import ExactGRU
from gru_tutorial.forecaster import Forecaster
from gru_tutorial.heads import LastStates, Seq2Seq
from gru_tutorial.model import GRUModel
from gru_tutorial.probabilistic import Gaussian, Quantiles
from gru_tutorial.storage import check_destination, write_bytes
from gru_tutorial.tensors import kind_of

__all__ = [
    "TOLERANCE",
    "axes_of",
    "carries_state",
    "export_onnx",
    "export_step",
    "exported_twice",
    "forecast_onnx",
    "gru_node",
    "metadata_of",
    "onnx_gates",
    "onnx_model",
    "onnx_weights",
    "open_onnx",
    "trace_onnx",
]

OPSET, IR = 17, 8  # old enough for most engines
LAYERS = nn.GRU, ExactGRU, CompiledGRU
FLOAT, DOUBLE = TensorProto.FLOAT, TensorProto.DOUBLE
HOW = (
    "Feed 'history' of shape (batch, time, features), in the series' own "
    "units; 'forecast' of shape (batch, horizon, targets) is in these units, "
    "too. If there is a 'new_state', feed it as 'state' together with the "
    "steps that follow; without it a series begins. The metadata say in JSON "
    "what the columns are."
)
RAW = "in the series' own units"


def export_onnx(forecaster: Forecaster, path) -> None:
    """Write a forecaster as an ONNX model, which needs no Python to run.

    It is compared with the forecaster first, at two numbers of series and
    lengths, so that no file is left that forecasts something else.

    Parameters
    ----------
    forecaster : Forecaster
        Trained: a ``GRUModel`` with a head of this package, and its scaler.
    path : str or pathlib.Path
        The file; written whole or not at all.

    Raises
    ------
    ValueError
        If nothing can be written there, there is no scaler yet, the model is
        of a kind that has no graph here, or the graph's forecasts differ.

    Examples
    --------
    >>> import tempfile
    >>> from gru_tutorial import Scaler
    >>> forecaster = Forecaster(GRUModel(hidden_size=8), Scaler(5.0, 2.0))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     export_onnx(forecaster, f"{folder}/gru.onnx")
    ...     session = open_onnx(f"{folder}/gru.onnx")
    >>> y_hat = forecast_onnx(session, [[[4.0], [6.0], [7.0]]], horizon=5)
    >>> y_hat.shape
    (1, 5, 1)
    >>> bool(abs(y_hat.ravel() - forecaster([4.0, 6.0, 7.0], 5)).max() < 1e-5)
    True
    """
    destination = check_destination("path", path)
    write_bytes(destination, onnx_model(forecaster).SerializeToString())


def onnx_model(forecaster: Forecaster) -> onnx.ModelProto:
    """Return what ``export_onnx`` writes, compared with the forecaster.

    Parameters
    ----------
    forecaster : Forecaster
        Trained: a ``GRUModel`` with a head of this package, and its scaler.

    Raises
    ------
    ValueError
        If there is no scaler yet, the model is of a kind that has no graph
        here, or the graph's forecasts differ.

    Examples
    --------
    >>> from gru_tutorial import Scaler
    >>> model = onnx_model(Forecaster(GRUModel(), Scaler(5.0, 2.0)))
    >>> [one.op_type for one in model.graph.node if one.op_type == "GRU"]
    ['GRU']
    """
    _check_known(forecaster)
    graph, model = Graph(), forecaster.model
    units = Units(graph, forecaster.frame)
    x = units.scaled("history")
    if forecaster.window is not None:
        x = graph.part(x, -forecaster.window, END, axis=1)
    state = first_state(graph, model, "history")
    every = type(model.head) is LastStates
    out, states = add_layers(graph, model.gru, x, state, every)
    last = last_state(graph, model.gru, states[-1])
    PARTS[type(model.head)](graph, model, units, Read(x, out, last))
    if carries_state(forecaster):
        graph.add("Concat", *states, axis=0, name="new_state")
    made = _assembled(graph, forecaster)
    onnx.checker.check_model(made, full_check=True)
    shortest = metadata_of(forecaster)["shortest"]
    carries = carries_state(forecaster)
    compare(forecaster, made.SerializeToString(), shortest, carries)
    return made


def carries_state(forecaster: Forecaster) -> bool:
    """Tell whether an exported forecaster goes on from a state.

    It does where the forecaster itself goes on: without a window, in one
    direction, and with a head that reads the last state.

    Parameters
    ----------
    forecaster : Forecaster
        Of a ``GRUModel``.

    Examples
    --------
    >>> carries_state(Forecaster(GRUModel()))
    True
    >>> carries_state(Forecaster(GRUModel(), window=24))
    False
    """
    _check_kind(forecaster)
    model = forecaster.model
    ahead = not model.gru.bidirectional
    return forecaster.window is None and ahead and model.head.streams


def metadata_of(forecaster: Forecaster) -> dict:
    """Return what an exported file says of itself, as plain values.

    Parameters
    ----------
    forecaster : Forecaster
        Trained.

    Returns
    -------
    dict
        ``columns`` (their names, if they have some), ``features``,
        ``target`` (which of them are forecast), ``window`` (the steps that
        are seen, or None for all), ``shortest`` (the fewest), ``horizon``,
        ``strategy``, ``goes_on`` (whether it can take in its own forecasts),
        ``head``, ``levels`` (of quantiles), ``scaler`` and ``versions``.

    Examples
    --------
    >>> from gru_tutorial import Scaler
    >>> told = metadata_of(Forecaster(GRUModel(), Scaler(5.0, 2.0)))
    >>> told["scaler"], told["window"], told["target"]
    ({'mean': 5.0, 'std': 2.0, 'of_each': 'column'}, None, [0])
    """
    _check_known(forecaster)
    frame, head = forecaster.frame, forecaster.model.head
    scaler, columns = frame.scaler, frame.scaler.columns
    whole = sorted(frame.target) == list(range(frame.features))
    moves = forecaster.window is not None or carries_state(forecaster)
    return {
        "columns": columns and [str(name) for name in columns],
        "features": frame.features,
        "target": list(frame.target),
        "window": forecaster.window,
        "shortest": forecaster.window or 1 + head.blind,
        "horizon": forecaster.horizon,
        "strategy": forecaster.strategy,
        "goes_on": whole and moves and forecaster.strategy != "direct",
        "head": type(head).__name__,
        "levels": getattr(head, "levels", None),
        "scaler": {
            "mean": scaler.mean.tolist(),
            "std": scaler.std.tolist(),
            "of_each": "series" if is_by_series(frame) else "column",
        },
        "versions": _versions(),
    }


def _versions() -> dict:
    try:
        own = version("gru-tutorial")
    except PackageNotFoundError:  # run from its folder
        own = None
    ours = torch.__version__.split("+")[0]
    return {"gru_tutorial": own, "torch": ours, "onnx": onnx.__version__}


def _check_kind(forecaster) -> None:
    """Refuse what has no graph here."""
    if not isinstance(forecaster, Forecaster):
        raise ValueError(
            f"forecaster: expected a Forecaster, got "
            f"{type(forecaster).__name__}"
        )
    model = forecaster.model
    if type(model) is not GRUModel:
        raise ValueError(
            f"model: expected a GRUModel to export, as its parts are known, "
            f"got {type(model).__name__}"
        )
    gru, head, read = model.gru, type(model.head), model.linear
    if type(gru) not in LAYERS or not (gru.bias and gru.batch_first):
        raise ValueError(
            f"model.gru: expected a layer that computes what torch.nn.GRU "
            f"does, with biases and the batch first, got {gru!r}"
        )
    if head not in PARTS or type(read) not in (nn.Linear, nn.Sequential):
        known = ", ".join(one.__name__ for one in PARTS)
        raise ValueError(
            f"model.head: expected one of {known} with its own layer, got "
            f"{model.head!r} with {type(read).__name__}"
        )


def _check_known(forecaster) -> None:
    """Refuse what cannot be exported, and say why."""
    _check_kind(forecaster)
    if forecaster.scaler is None:
        raise ValueError(
            "forecaster: expected one with a scaler, which fit finds in the "
            "training part, got one that is not trained"
        )
    weight = forecaster.model.gru.weight_ih_l0
    if weight.is_meta or weight.dtype not in (torch.float32, torch.float64):
        raise ValueError(
            f"model: expected weights of float32 or float64, got "
            f"{kind_of(weight)}"
        )


def _assembled(graph: Graph, forecaster: Forecaster) -> onnx.ModelProto:
    """Return the model of a graph's nodes, with all words about it."""
    inputs, outputs = _inputs(forecaster), _outputs(forecaster)
    made = helper.make_graph(
        graph.nodes, "forecaster", inputs, outputs, graph.constants
    )
    model = helper.make_model(
        made,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR,
        producer_name="gru_tutorial",
        doc_string=HOW,
    )
    told = metadata_of(forecaster)
    helper.set_model_props(model, {k: json.dumps(v) for k, v in told.items()})
    return model


def _info(name: str, dtype: int, shape: list, told: str):
    return helper.make_tensor_value_info(name, dtype, shape, doc_string=told)


def _inputs(forecaster: Forecaster) -> list:
    """Return what is fed; what has a constant of its name may be left out."""
    frame, model = forecaster.frame, forecaster.model
    found = [_info("history", DOUBLE, ["batch", "time", frame.features], RAW)]
    if is_by_series(frame):
        told = "of each series' training part, in its own units"
        for name in ("series_mean", "series_std"):
            found.append(_info(name, DOUBLE, ["batch"], told))
    if carries_state(forecaster):
        shape = [model.gru.num_layers, "batch or 1", model.gru.hidden_size]
        told = "new_state of the call before; not fed where a series begins"
        found.append(_info("state", FLOAT, shape, told))
    if type(model.head) is Seq2Seq:
        told = f"how many steps to forecast: {model.horizon}, if not fed"
        found.append(_info("horizon", TensorProto.INT64, [], told))
    return found


def _outputs(forecaster: Forecaster) -> list:
    model = forecaster.model
    head = type(model.head)
    steps = "horizon" if head is Seq2Seq else model.horizon
    shape = ["batch", steps, len(model.head.target)]
    found = [_info("forecast", DOUBLE, shape, RAW)]
    if head is Gaussian:
        found.append(_info("std", DOUBLE, shape, f"of forecast, {RAW}"))
    if head is Quantiles:
        levels = model.head.levels
        told = f"of the levels {levels}, {RAW}"
        found.append(_info("quantiles", DOUBLE, [len(levels), *shape], told))
    if carries_state(forecaster):
        shape = [model.gru.num_layers, "batch", model.gru.hidden_size]
        told = "after the last step: feed it as state"
        found.append(_info("new_state", FLOAT, shape, told))
    return found
