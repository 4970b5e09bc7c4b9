"""What PyTorch's own exporters make of a model; ONNX in a fresh process.

As a script, this module is that process.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from gru_tutorial._runtime import open_onnx
from gru_tutorial.checks import check_float, check_int
from gru_tutorial.forecaster import Forecaster
from gru_tutorial.heads import Direct
from gru_tutorial.model import GRUModel, evaluating
from gru_tutorial.probabilistic import Gaussian, Quantiles
from gru_tutorial.storage import check_destination, write_bytes

ASKED = "named", "auto", "dynamic"  # how a free axis is asked for
EXAMPLE = 2, 7  # series and steps of what is traced
TRIALS = (1, 1), (5, 50)  # and of what is compared
TOLERANCE = 1e-5
HEADS = Direct, Gaussian, Quantiles  # which read the last state alone


class Carried(nn.Module):
    """A model with its state as input and output, for an exporter.

    Parameters
    ----------
    model : GRUModel
        With a head that reads the last state alone.
    """

    def __init__(self, model: GRUModel):
        super().__init__()
        self.gru, self.linear = model.gru, model.linear

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return the head's numbers, scaled, and the state to go on from."""
        _, state = self.gru(x, state)
        last = state[-1 - self.gru.bidirectional :]  # of each direction
        return self.linear(last.transpose(0, 1).flatten(1)), state


def trace_onnx(model: GRUModel, path, timeout: float = 300.0) -> None:
    """Write what PyTorch's exporter makes of a model, from a fresh process.

    In one process only the first export is safe: see ``exported_twice``. The
    graph takes scaled input ``x`` and ``state``, and gives the head's numbers
    as ``y_hat``, and ``new_state``. Its axes are looked at, and it is
    compared with the model at other numbers of series and lengths than those
    that were traced, before the file is written.

    Parameters
    ----------
    model : GRUModel
        With a head that reads the last state alone.
    path : str or pathlib.Path
        The file; written whole or not at all.
    timeout : float
        Seconds that the process may take.

    Raises
    ------
    ValueError
        If the model is another one, nothing can be written there, an axis is
        not free, or the numbers differ.
    RuntimeError
        If the exporter fails.
    """
    model = check_model(model)
    path = check_destination("path", path)
    (found,), (data,) = _traced(model, ["named"], timeout)
    if "error" in found:
        raise RuntimeError(f"PyTorch's exporter failed: {found['error']}")
    for axis, name in enumerate(("batch", "time")):
        if not isinstance(found["axes"][axis], str):
            raise ValueError(
                f"exported graph: expected a free axis {name}, got "
                f"{found['axes']}; no file is left"
            )
    _compare(model, data)
    write_bytes(path, data)


def exported_twice(
    asked: str = "named", times: int = 2, timeout: float = 300.0
) -> dict:
    """Let one fresh process export one model again and again; say the axes.

    PyTorch's exporter takes a GRU's loop over time apart while it traces; the
    choice of how is kept in the process, and a later trace gets another one,
    whose length is that of the example.

    Parameters
    ----------
    asked : str
        How the free axes are asked for: ``"named"``, by ``torch.export.Dim``;
        ``"auto"`` or ``"dynamic"``, by the hints ``Dim.AUTO`` or
        ``Dim.DYNAMIC``.
    times : int
        How often.
    timeout : float
        Seconds that the process may take.

    Returns
    -------
    dict
        ``axes`` of the input ``x`` by export: a word where one is free, a
        number where it is frozen, and None where the exporter refused; and
        the ``versions`` on which this depends.
    """
    if asked not in ASKED:
        raise ValueError(
            f"asked: expected one of {', '.join(ASKED)}, got {asked!r}"
        )
    times = check_int("times", times, 1, 9)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = GRUModel(hidden_size=4)
    found, _ = _traced(model, [asked] * times, timeout)
    from importlib.metadata import version

    versions = {name: version(name) for name in ("onnx", "onnxscript")}
    versions["torch"] = torch.__version__.split("+")[0]
    return {"axes": [one.get("axes") for one in found], "versions": versions}


def axes_of(model) -> dict:
    """Return the axes of a graph's inputs by name: words where they are free.

    Parameters
    ----------
    model : onnx.ModelProto, bytes, str or pathlib.Path
        A model, what its file holds, or the file.

    Examples
    --------
    >>> from gru_tutorial import Scaler
    >>> from gru_tutorial.export import onnx_model
    >>> axes_of(onnx_model(Forecaster(GRUModel(), Scaler(5.0, 2.0))))
    {'history': ['batch', 'time', 1], 'state': [1, 'batch or 1', 32]}
    """
    if not isinstance(model, onnx.ModelProto):
        read = onnx.load_from_string if isinstance(model, bytes) else onnx.load
        model = read(model)
    return {
        one.name: [
            axis.dim_param or axis.dim_value
            for axis in one.type.tensor_type.shape.dim
        ]
        for one in model.graph.input
    }


def check_model(model) -> GRUModel:
    """Return a model, if its head reads the last state alone."""
    if type(model) is not GRUModel or type(model.head) not in HEADS:
        known = ", ".join(head.__name__ for head in HEADS)
        raise ValueError(
            f"model: expected a GRUModel with one of the heads {known}, got "
            f"{model!r}"
        )
    return model


def _plain(model: GRUModel) -> GRUModel:
    """Return the same model, whose layer is PyTorch's own."""
    settings = model.settings() | {"fast": False, "head": model.head}
    with torch.random.fork_rng(devices=[]):
        plain = GRUModel(**settings)
    plain.load_state_dict(model.state_dict())
    return plain.eval()


def _traced(model: GRUModel, asked: list[str], timeout: float):
    """Return what a fresh process says, and what it has written."""
    timeout = check_float("timeout", timeout, 0)
    home = str(Path(__file__).resolve().parents[1])
    paths = home, os.environ.get("PYTHONPATH", "")
    settings = {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder, "model.pt")
        Forecaster(_plain(model)).save(kept)
        try:
            done = subprocess.run(
                [sys.executable, "-m", __name__, str(kept), *asked],
                env=os.environ | settings,
                capture_output=True,
                text=True,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired:
            raise RuntimeError(
                f"PyTorch's exporter took more than {timeout:g} s"
            ) from None
        if done.returncode:
            told = (done.stderr.strip().splitlines() or ["no word"])[-1]
            raise RuntimeError(f"PyTorch's exporter failed: {told}")
        found = json.loads(done.stdout.splitlines()[-1])
        files = [Path(folder, f"{k}.onnx") for k in range(len(asked))]
        return found, [f.read_bytes() for f in files if f.exists()]


def _compare(model: GRUModel, data: bytes) -> None:
    """Refuse a graph that gives other numbers, at other shapes."""
    session, rng = open_onnx(data), np.random.default_rng(0)
    gru, plain = model.gru, _plain(model).float()
    rows = gru.num_layers * (1 + gru.bidirectional)
    for batch, length in TRIALS:
        x = rng.standard_normal((batch, length, gru.input_size))
        state = rng.standard_normal((rows, batch, gru.hidden_size))
        x, state = x.astype(np.float32), state.astype(np.float32)
        names = ["y_hat", "new_state"]
        found = session.run(names, {"x": x, "state": state})
        with evaluating(plain):
            given = torch.from_numpy(x), torch.from_numpy(state)
            wanted = [part.numpy() for part in Carried(plain)(*given)]
        for name, a, b in zip(names, found, wanted, strict=True):
            apart = np.abs(a - b).max() if a.shape == b.shape else np.inf
            if not apart <= TOLERANCE * max(1.0, np.abs(b).max()):
                raise ValueError(
                    f"exported graph: expected the model's {name} within "
                    f"{TOLERANCE:g}, got {apart:.1e} at {batch} series of "
                    f"{length} steps; no file is left"
                )


def _dims(asked: str) -> tuple:
    Dim = torch.export.Dim
    if asked == "named":
        return Dim("batch"), Dim("time")
    hint = Dim.AUTO if asked == "auto" else Dim.DYNAMIC
    return hint, hint


def _trace(model: GRUModel, asked: str, path: Path) -> dict:
    """Export in this process; return the axes, or what was wrong."""
    gru, (series, steps) = model.gru, EXAMPLE
    rows = gru.num_layers * (1 + gru.bidirectional)
    batch, time = _dims(asked)
    weight = gru.weight_ih_l0
    try:
        program = torch.onnx.export(
            Carried(model).eval(),
            (
                weight.new_zeros(series, steps, gru.input_size),
                weight.new_zeros(rows, series, gru.hidden_size),
            ),
            dynamo=True,
            dynamic_shapes=({0: batch, 1: time}, {1: batch}),
            input_names=["x", "state"],
            output_names=["y_hat", "new_state"],
            verbose=False,
        )
        program.save(path, external_data=False)
    except Exception as error:  # of any kind, with a long story
        cause = error.__cause__ or error
        return {"error": f"{type(cause).__name__}: {str(cause)[:300]}"}
    return {"axes": axes_of(str(path))["x"]}


def main() -> None:
    """Be the fresh process: export a kept model once for each word."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kept", type=Path)
    parser.add_argument("asked", nargs="+", choices=ASKED)
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    model = Forecaster.load(args.kept).model.float()
    found = [
        _trace(model, asked, args.kept.with_name(f"{k}.onnx"))
        for k, asked in enumerate(args.asked)
    ]
    print("\n" + json.dumps(found))


if __name__ == "__main__":
    main()
