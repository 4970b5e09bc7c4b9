"""What is read from a GRU's states, and units: parts of an ONNX graph."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from onnx import TensorProto, helper

from gru_tutorial._onnx import Graph, add_linear, gru_node, onnx_gates
from gru_tutorial.heads import Direct, LastStates, Seq2Seq
from gru_tutorial.model import GRUModel
from gru_tutorial.probabilistic import Gaussian, Quantiles

END = np.iinfo(np.int64).max
BOOL, DOUBLE = TensorProto.BOOL, TensorProto.DOUBLE
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


class Units:
    """A scale in a graph: from the series' own units, and back.

    With a scale for each series, the graph has inputs ``series_mean`` and
    ``series_std`` instead: one of each for every series of a batch.
    """

    def __init__(self, graph: Graph, frame):
        self.graph, scaler, target = graph, frame.scaler, list(frame.target)
        if is_by_series(frame):
            self.mean, self.std = self.means, self.stds = [
                graph.shaped(f"series_{name}", -1, 1, 1)
                for name in ("mean", "std")
            ]
            return
        scale = [np.atleast_1d(part) for part in (scaler.mean, scaler.std)]
        self.mean, self.std = (graph.constant(s, np.float64) for s in scale)
        if len(scale[0]) > 1:
            scale = [part[target] for part in scale]
        self.means, self.stds = (graph.constant(s, np.float64) for s in scale)

    def scaled(self, history: str) -> str:
        """Return the input, scaled, as float32."""
        centred = self.graph.add("Sub", history, self.mean)
        scaled = self.graph.add("Div", centred, self.std)
        return self.graph.add("Cast", scaled, to=FLOAT)

    def width(self, scaled: str, name=None) -> str:
        """Return a width in the series' own units, as float64."""
        wide = self.graph.add("Cast", scaled, to=DOUBLE)
        return self.graph.add("Mul", wide, self.stds, name=name)

    def value(self, scaled: str, name=None) -> str:
        """Return a value in the series' own units, as float64."""
        width = self.width(scaled)
        return self.graph.add("Add", width, self.means, name=name)


def is_by_series(frame) -> bool:
    """Tell whether each series has a scale of its own."""
    return frame.scaler.mean.ndim == 1 and not frame.is_table


class Read(NamedTuple):
    """What a head may read: the names of a graph's values.

    ``x`` of shape (batch, time, features), ``out`` of shape (time, batch,
    size), and ``last`` of shape (batch, size).
    """

    x: str
    out: str
    last: str


def _direct(graph: Graph, model: GRUModel, units: Units, read: Read):
    numbers = add_linear(graph, model.linear, read.last)
    shape = model.horizon, len(model.head.target)
    units.value(graph.shaped(numbers, 0, *shape), "forecast")


def _gaussian(graph: Graph, model: GRUModel, units: Units, read: Read):
    numbers = add_linear(graph, model.linear, read.last)
    shape = model.horizon, len(model.head.target)
    names = "means", "log_variances"
    graph.add("Split", numbers, axis=1, name=names)
    means, logs = (graph.shaped(name, 0, *shape) for name in names)
    units.value(means, "forecast")
    half = graph.add("Mul", logs, graph.constant(0.5, np.float32))
    units.width(graph.add("Exp", half), "std")


def _quantiles(graph: Graph, model: GRUModel, units: Units, read: Read):
    numbers = add_linear(graph, model.linear, read.last)
    levels, width = model.head.levels, len(model.head.target)
    found = graph.shaped(numbers, 0, len(levels), model.horizon, width)
    names = "in_order", "places"
    count = graph.constant([len(levels)])
    graph.add("TopK", found, count, axis=1, largest=0, name=names)
    found = graph.add("Transpose", names[0], perm=[1, 0, 2, 3])
    units.value(found, "quantiles")
    units.value(_median(graph, levels, found), "forecast")


def _median(graph: Graph, levels: tuple, found: str) -> str:
    """Return the quantile of 0.5, or what lies between its neighbours."""
    above = sum(level < 0.5 for level in levels)
    high = graph.add("Gather", found, graph.constant(above), axis=0)
    if levels[above] == 0.5:
        return high
    share = (0.5 - levels[above - 1]) / (levels[above] - levels[above - 1])
    low = graph.add("Gather", found, graph.constant(above - 1), axis=0)
    gap = graph.add("Sub", high, low)
    rise = graph.add("Mul", gap, graph.constant(share, np.float32))
    return graph.add("Add", low, rise)


def _seq2seq(graph: Graph, model: GRUModel, units: Units, read: Read):
    """Let the second GRU take its own forecasts, in a loop.

    So many times as the input ``horizon`` says: its default is the head's.
    """
    head, size = model.head, model.head.decoder.hidden_size
    target = graph.constant(head.target)
    newest = graph.add("Gather", read.x, graph.constant(-1), axis=1)
    last = graph.add("Gather", newest, target, axis=1)
    body, cell = Graph(within=graph), head.decoder
    x, h = (body.add("Unsqueeze", k, graph.constant([0])) for k in "xh")
    gru_node(body, _cell_weights(cell), x, h, ("", "inner_state"))
    state = body.add("Squeeze", "inner_state", graph.constant([0]), name="h1")
    step = add_linear(body, model.linear, state)
    body.add("Identity", step, name="y")
    body.add("Identity", "go", name="on")
    shape = ["batch", len(head.target)]
    info = helper.make_tensor_value_info
    loop = helper.make_graph(
        body.nodes,
        "decoder",
        [
            info("step", INT64, []),
            info("go", BOOL, []),
            info("x", FLOAT, shape),
            info("h", FLOAT, ["batch", size]),
        ],
        [
            info("on", BOOL, []),
            info(step, FLOAT, shape),
            info("h1", FLOAT, ["batch", size]),
            info("y", FLOAT, shape),
        ],
    )
    count = graph.constant(head.horizon, name="horizon")
    names = "newest", "decoded", "path"
    start = count, graph.constant(True, bool), last, read.last
    graph.add("Loop", *start, body=loop, name=names)
    units.value(graph.add("Transpose", "path", perm=[1, 0, 2]), "forecast")


def _cell_weights(cell) -> tuple[np.ndarray, ...]:
    """Return W, R and B of a single cell, as a GRU of one direction."""
    W, R, b, c = (
        onnx_gates(part.detach().float().cpu().numpy())
        for part in (
            *(cell.weight_ih, cell.weight_hh),
            *(cell.bias_ih, cell.bias_hh),
        )
    )
    return W[None], R[None], np.concatenate([b, c])[None]


def _last_states(graph: Graph, model: GRUModel, units: Units, read: Read):
    """Read each step ahead from a state of its own.

    A sequence that is shorter than the horizon does not fit the last shape.
    """
    states = graph.part(read.out, -model.horizon, END, axis=0)
    states = graph.add("Transpose", states, perm=[1, 0, 2])
    numbers = add_linear(graph, model.linear, states)
    shape = model.horizon, len(model.head.target)
    units.value(graph.shaped(numbers, 0, *shape), "forecast")


PARTS = {
    Direct: _direct,
    Gaussian: _gaussian,
    Quantiles: _quantiles,
    Seq2Seq: _seq2seq,
    LastStates: _last_states,
}
