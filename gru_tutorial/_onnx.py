"""A forecaster as a graph of ONNX's own operators.

ONNX's GRU does what ``torch.nn.GRU`` does, once the rows of its weights stand
in another order and ``linear_before_reset`` is 1.
"""

from __future__ import annotations

import numpy as np
import torch
from onnx import helper, numpy_helper
from torch import nn

from gru_tutorial.checks import check_values


def onnx_gates(weight) -> np.ndarray:
    """Return a GRU's weights in the order of ONNX: r, z, n become z, r, h.

    Parameters
    ----------
    weight : array_like of shape (3 * hidden_size, ...)
        Of ``torch.nn.GRU``: the rows of its gates r, z and n.

    Raises
    ------
    ValueError
        If ``weight`` is not finite, or its rows are not of three gates.

    Examples
    --------
    >>> onnx_gates([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    array([3., 4., 1., 2., 5., 6.])
    """
    weight = check_values("weight", weight, (1, 2))
    if len(weight) == 0 or len(weight) % 3:
        raise ValueError(
            f"weight: expected the rows of three gates, got {len(weight)}"
        )
    r, z, n = np.split(weight, 3)
    return np.concatenate([z, r, n])


def onnx_weights(gru: nn.GRU, layer: int = 0) -> tuple[np.ndarray, ...]:
    """Return what ONNX's GRU calls W, R and B, for one layer.

    Parameters
    ----------
    gru : torch.nn.GRU
        Of one direction, or two.
    layer : int
        Which of its layers.

    Returns
    -------
    W : numpy.ndarray of shape (directions, 3 * hidden_size, features)
        What the input is multiplied with, float32.
    R : numpy.ndarray of shape (directions, 3 * hidden_size, hidden_size)
        What the state is multiplied with.
    B : numpy.ndarray of shape (directions, 6 * hidden_size)
        The biases of both, one after the other.

    Examples
    --------
    >>> [part.shape for part in onnx_weights(nn.GRU(1, 4))]
    [(1, 12, 1), (1, 12, 4), (1, 24)]
    """
    ends = [f"l{layer}", f"l{layer}_reverse"][: 1 + gru.bidirectional]
    W, R, b, c = (
        [onnx_gates(_array(getattr(gru, f"{kind}_{end}"))) for end in ends]
        for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    return np.stack(W), np.stack(R), np.concatenate([b, c], axis=1)


def _array(weight: torch.Tensor) -> np.ndarray:
    return weight.detach().float().cpu().numpy()


class Graph:
    """Nodes and constants of a graph, in the order in which they run.

    Parameters
    ----------
    within : Graph
        The one whose constants it shares, for the body of a loop.
    """

    def __init__(self, within: Graph | None = None):
        self.nodes, self.constants = [], []
        self.home = within or self

    def constant(self, value, dtype=np.int64, name: str = "") -> str:
        """Keep an array; return its name."""
        kept = self.home.constants
        name = name or f"constant_{len(kept)}"
        array = np.array(value, dtype)
        kept.append(numpy_helper.from_array(array, name))
        return name

    def add(self, operator: str, *inputs: str, name=None, **attributes):
        """Add a node; return its output's name, or those of several."""
        mark = "inner_" if self.home is not self else ""
        name = name or f"{mark}{operator}_{len(self.nodes)}"
        names = [name] if isinstance(name, str) else list(name)
        self.nodes.append(
            helper.make_node(operator, inputs, names, **attributes)
        )
        return name

    def part(self, data: str, start: int, end: int, axis: int) -> str:
        """Return a stretch of an axis."""
        at = [self.constant([one]) for one in (start, end, axis)]
        return self.add("Slice", data, *at)

    def shaped(self, data: str, *shape: int) -> str:
        """Return it in another shape; 0 is what it has, -1 what is left."""
        return self.add("Reshape", data, self.constant(shape))


def gru_node(graph: Graph, weights, x: str, h0: str, names) -> None:
    """Add ONNX's GRU, which does what one layer of ``torch.nn.GRU`` does.

    Parameters
    ----------
    graph : Graph
        Gets the node.
    weights : tuple of numpy.ndarray
        As ``onnx_weights`` returns them.
    x, h0 : str
        The names of its inputs: (time, batch, features), and the first state
        (directions, batch, hidden_size).
    names : tuple of str
        The names of its outputs: the states after every step, of shape (time,
        directions, batch, hidden_size), and the last, shaped as the first.
        An empty name leaves one out.
    """
    directions, _, size = weights[1].shape
    kept = [graph.constant(part, np.float32) for part in weights]
    graph.add(
        "GRU",
        *(x, *kept, "", h0),  # the empty one is for lengths
        name=names,
        hidden_size=size,
        linear_before_reset=1,
        direction="bidirectional" if directions == 2 else "forward",
    )


def add_layers(graph: Graph, gru: nn.GRU, x: str, h0: str, every: bool):
    """Add all layers; return the names of all states, and of the last.

    Parameters
    ----------
    graph : Graph
        Gets the nodes.
    gru : torch.nn.GRU
        Has the weights.
    x, h0 : str
        The names of the input (batch, time, features), and of the state
        before (layers * directions, batch, hidden_size).
    every : bool
        Whether the states of every step are wanted.

    Returns
    -------
    out : str
        The states of the last layer, (time, batch, directions * hidden_size).
    states : list of str
        Of each layer the last one, (directions, batch, hidden_size).
    """
    layers, directions = gru.num_layers, 1 + gru.bidirectional
    x = graph.add("Transpose", x, perm=[1, 0, 2])
    starts, states = [h0], []
    if layers > 1:
        starts = [f"h0_{k}" for k in range(layers)]
        graph.add("Split", h0, axis=0, name=starts)
    for k, start in enumerate(starts):
        needed = every or k < layers - 1
        names = f"out_{k}" if needed else "", f"state_{k}"
        gru_node(graph, onnx_weights(gru, k), x, start, names)
        states.append(names[1])
        if needed and directions == 1:
            x = graph.add("Squeeze", names[0], graph.constant([1]))
        elif needed:
            x = graph.add("Transpose", names[0], perm=[0, 2, 1, 3])
            x = graph.shaped(x, 0, 0, 2 * gru.hidden_size)
    return x, states


def last_state(graph: Graph, gru: nn.GRU, state: str) -> str:
    """Return the last layer's last state as (batch, directions * size).

    The second direction ends at step 1.
    """
    if not gru.bidirectional:
        return graph.add("Squeeze", state, graph.constant([0]))
    both = graph.add("Transpose", state, perm=[1, 0, 2])
    return graph.shaped(both, 0, 2 * gru.hidden_size)


def add_linear(graph: Graph, layer: nn.Module, states: str) -> str:
    """Read numbers from states, by a linear layer or several with ReLU."""
    for part in layer if isinstance(layer, nn.Sequential) else [layer]:
        if isinstance(part, nn.ReLU):
            states = graph.add("Relu", states)
            continue
        weight = graph.constant(_array(part.weight).T, np.float32)
        bias = graph.constant(_array(part.bias), np.float32)
        product = graph.add("MatMul", states, weight)
        states = graph.add("Add", product, bias)
    return states


def first_state(graph: Graph, model: nn.Module, history: str) -> str:
    """Return the state before the first step, for each of a batch.

    Its value is a default: who feeds ``state`` goes on from there.
    """
    rows = model.gru.num_layers * (1 + model.gru.bidirectional)
    zeros = np.zeros((rows, 1, model.gru.hidden_size))
    value = zeros if model.h0 is None else _array(model.h0)
    state = graph.constant(value, np.float32, "state")
    one = graph.constant([1])
    batch = graph.add("Shape", history, start=0, end=1)
    shape = graph.add("Concat", one, batch, one, axis=0)
    return graph.add("Expand", state, shape)
