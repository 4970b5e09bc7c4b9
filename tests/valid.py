"""Valid arguments of all that the package offers, by their names.

Series of 40 steps and one feature, batches of 3 times 8 steps, 4 units, and
2 steps ahead, so that they fit each other.
"""

import functools
import tempfile

import numpy as np
import pandas as pd
import torch
from matplotlib import pyplot as plt
from torch import nn

import gru_tutorial as G
from gru_tutorial import storage
from gru_tutorial.checkpoint import Checkpoint
from gru_tutorial.distributed import Share, SharedRun
from gru_tutorial.files import Reading, read_series
from gru_tutorial.frame import Frame
from gru_tutorial.heads import Head
from gru_tutorial.memory import Recaller, adding_problem
from gru_tutorial.mingru import MinGRU
from gru_tutorial.parquet import ParquetWindows
from gru_tutorial.static import StaticStart
from tests.odd import ANSWERS, Model, Streaming, own

HEADS = [
    *(None, G.Gaussian(2), G.Quantiles(2), G.Seq2Seq(2)),
    G.LastStates(2),
]


def drawn(*shape):
    """Return the same numbers whenever they are asked for."""
    return np.random.default_rng(shape).standard_normal(shape)


def tensor(*shape):
    return torch.from_numpy(drawn(*shape).astype(np.float32))


def quiet(make):
    """Make something that draws weights, and leave the generator alone."""

    def made(pool):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return make(pool)

    return made


def gru_model(head=None):
    return G.GRUModel(hidden_size=4, horizon=2, head=head)


def forecaster(pool):
    """Return any forecaster, now and then one whose model answers badly."""
    head, scaler = pool.pick(HEADS), pool.pick([None, G.Scaler(0.5, 2.0)])
    model, window = gru_model(head), pool.pick([None, 6])
    if pool.rng.random() < 0.2:
        model = pool.pick([Model, Streaming])(pool.pick(ANSWERS))
    return G.Forecaster(model, scaler, window)


def exportable(pool):
    """Return a forecaster that has a scaler, with any head."""
    model, window = gru_model(pool.pick(HEADS)), pool.pick([None, 6])
    return G.Forecaster(model, G.Scaler(0.5, 2.0), window)


def loader():
    return G.make_loader(*G.make_windows(drawn(40), 6, 2), batch_size=16)


def weights():
    rows = [(12, 1), (12, 4), (12,), (12,)]
    return G.GRUWeights(*(drawn(*shape) for shape in rows))


def run(kind=G.Run):
    return kind(gru_model(), loader(), loader(), G.Recipe(num_epochs=1))


def saved(pool):
    path = pool.path()
    G.Forecaster(gru_model()).save(path)
    return path


def streamed(pool):
    path = pool.path()
    G.Forecaster(gru_model()).stream().save(path)
    return path


def band():
    return G.AdaptiveBand(drawn(40), 0.8, horizon=2)


def written(pool):
    path = pool.path()
    storage.write_whole(storage.Path(path), "test 1", {"x": 1.0})
    return path


def table(pool):
    """Write a file with two columns of numbers and one of names."""
    path = pool.path()
    rows = [f"2024-01-10 {k:02}:00,{k % 7},{k % 5}.5,a" for k in range(20)]
    text = "\n".join(["time,value,heat,site", *rows])
    storage.Path(path).write_text(text, "utf-8")
    return path


@functools.cache
def verdict():
    """Compare two forecasters on a file, once."""
    with tempfile.TemporaryDirectory() as folder:
        path = storage.Path(folder, "data.csv")
        rows = [f"{k},{k % 7 + k % 3}" for k in range(60)]
        path.write_text("\n".join(["time,load", *rows]), "utf-8")
        reading = read_series(path)
        rivals = ("persistence",)
        return G.judge(reading, 2, rivals=rivals, updates=2)


def kept(pool):
    """Return a model's file, and a reading that goes on from it."""
    path = pool.path()
    verdict().save(path)
    tables, notes = verdict().kept.tables, ()
    return path, Reading("data.csv", 60, "time", "load", tables, notes, notes)


def rows_of(pool):
    """Write two series of 20 rows."""
    path = pool.path()
    table = pd.DataFrame(
        {
            "series": np.repeat([1, 2], 20),
            "time": np.tile(np.arange(20), 2),
            "value": drawn(40),
        }
    )
    table.to_parquet(path)
    return path


def loaded(pool):
    checkpoint = Checkpoint(pool.path(), run())
    checkpoint.save()
    return checkpoint


@own
def naive(history, horizon):
    return np.full(horizon, history[-1])


def layer_weights():
    return [tensor(*shape) for shape in ((12, 1), (12, 4), (12,), (12,))]


VALID = {
    # numbers
    "seed": lambda p: 1,
    "length": lambda p: 20,
    "horizon": lambda p: 2,
    "window": lambda p: 6,
    "features": lambda p: 1,
    "target": lambda p: 0,
    "feature": lambda p: 0,
    "column": lambda p: 0,
    "at": lambda p: -1,
    "step": lambda p: 3,
    "shift": lambda p: 0.5,
    "forecast_start": lambda p: 30,
    "valid": lambda p: 5,
    "context": lambda p: 6,
    "period": lambda p: 4,
    "damping": lambda p: 0.9,
    "noise": lambda p: 0.35,
    "batch_size": lambda p: 16,
    "input_size": lambda p: 1,
    "hidden_size": lambda p: 4,
    "num_layers": lambda p: 1,
    "dropout": lambda p: 0.0,
    "decoder_size": lambda p: 3,
    "size": lambda p: 4,
    "num_epochs": lambda p: 1,
    "lr": lambda p: 0.01,
    "clip": lambda p: 1.0,
    "input_noise": lambda p: 0.1,
    "burn_in": lambda p: 1,
    "patience": lambda p: 2,
    "chunk": lambda p: 8,
    "stride": lambda p: 2,
    "every": lambda p: 1,
    "updates": lambda p: 2,
    "coefficient": lambda p: 0.9,
    "stay": lambda p: 0.98,
    "tau": lambda p: 17.0,
    "regime": lambda p: np.ones(40),
    "lags": lambda p: 4,
    "alpha": lambda p: 1.0,
    "max_iter": lambda p: 3,
    "n_neighbors": lambda p: 2,
    "level": lambda p: 0.8,
    "rate": lambda p: 0.02,
    "block": lambda p: 4,
    "draws": lambda p: 200,
    "levels": lambda p: (0.1, 0.5, 0.9),
    "skill": lambda p: 0.2,
    "won": lambda p: 0.6,
    "lag": lambda p: 5,
    "n": lambda p: 6,
    "parameters": lambda p: 3000,
    "longest": lambda p: 30,
    "open_for": lambda p: 0.0,
    "coupled": lambda p: False,
    "orthogonal": lambda p: False,
    "enough": lambda p: 0.1,
    "first_step": lambda p: 10,
    "floor": lambda p: 0.5,
    "load": lambda p: 0.5,
    "repetitions": lambda p: 3,
    "needed": lambda p: 3,
    "count": lambda p: 1,
    "minimum": lambda p: 0,
    "maximum": lambda p: 9,
    "below": lambda p: 9,
    "value": lambda p: 3,
    # yes or no
    **{
        name: lambda p: p.pick([True, False])
        for name in (
            *("shuffle", "bias", "batch_first", "bidirectional", "learn_h0"),
            *("fast", "one_cycle", "centre", "joint", "docstring", "checks"),
            *("exclusive", "single", "absolute", "parallel"),
        )
    },
    "GRUModel.bidirectional": lambda p: False,
    "GRUModel.fast": lambda p: p.pick([False, True, "compiled"]),
    "SplitConformal.joint": lambda p: p.pick([None, "bonferroni", "max"]),
    "gaussian_intervals.joint": lambda p: p.pick([None, "bonferroni"]),
    "sample_intervals.joint": lambda p: p.pick([None, "max"]),
    "check_bool.value": lambda p: True,
    # words and files
    "name": lambda p: "it",
    "why": lambda p: "3",
    "what": lambda p: "a function",
    "verdict": lambda p: "better",
    "strategy": lambda p: p.pick(["direct", "recursive"]),
    "dialect": lambda p: p.pick(list(G.DIALECTS)),
    "gru_step_backward.dialect": lambda p: "PyTorch",
    "memory.Recaller.kind": lambda p: p.pick(["RNN", "LSTM", "GRU", "minGRU"]),
    "size_for.kind": lambda p: "GRU",
    "storage.write_whole.kind": lambda p: "test 1",
    "storage.read_whole.kind": lambda p: "test 1",
    "show_error.kind": lambda p: ZeroDivisionError,
    "show_warning.kind": lambda p: UserWarning,
    "store.name": lambda p: "fuzz",
    "load_results.name": lambda p: "regime",
    "path": lambda p: p.path(),
    "checkpoint": lambda p: p.path(),
    "write_bytes.path": lambda p: storage.Path(p.path()),
    "write_whole.path": lambda p: storage.Path(p.path()),
    "read_whole.path": written,
    "Forecaster.load.path": quiet(saved),
    "data": lambda p: b"abc",
    "reset": lambda p: "after",
    "update": lambda p: "keep",
    # a reader's file
    "read_series.path": table,
    "read_series.time": lambda p: "time",
    "read_series.value": lambda p: "value",
    "read_series.columns": lambda p: p.pick([(), ("heat",), ("hour",)]),
    "read_series.series": lambda p: p.pick([None, "site"]),
    "fill": lambda p: p.pick(["previous", "interpolate"]),
    "duplicates": lambda p: p.pick(["mean", "first", "drop-identical"]),
    "sort": lambda p: p.pick([True, False]),
    "read_series.every": lambda p: p.pick(["1h", "2h", "row"]),
    "aggregate": lambda p: p.pick(["mean", "sum", "last"]),
    "day_first": lambda p: p.pick([True, False, None]),
    "date_format": lambda p: "%Y-%m-%d %H:%M",
    "tz": lambda p: "Europe/Berlin",
    "decimal": lambda p: ".",
    "thousands": lambda p: ",",
    "missing": lambda p: p.pick(["x", ("x", "y")]),
    "drop_rows": lambda p: p.pick(["2", (2, 3)]),
    "skip": lambda p: 0,
    "header": lambda p: p.pick([True, None]),
    "delimiter": lambda p: ",",
    "encoding": lambda p: "utf-8",
    "Reading.rows": lambda p: 20,
    "Reading.time": lambda p: "time",
    "Reading.value": lambda p: "load",
    **dict.fromkeys(["tables", "done", "notes"], lambda p: ()),
    "Reading.self": lambda p: read_series(table(p)),
    # rows of many series
    "ParquetWindows.path": rows_of,
    **{
        f"ParquetWindows.{name}": lambda p, name=name: name
        for name in ("series", "time", "value")
    },
    "ParquetWindows.scale": lambda p: p.pick([True, False]),
    "ParquetWindows.shuffle": lambda p: 2,
    "part": lambda p: (0, 1),
    "start": lambda p: 1,
    "ParquetWindows.self": lambda p: ParquetWindows(rows_of(p), 6),
    "make_family.count": lambda p: 6,
    "groups": lambda p: 3,
    "group": lambda p: np.arange(6) % 3,
    "static_size": lambda p: 2,
    "StaticStart.model": quiet(lambda p: gru_model()),
    **{
        f"StaticStart.{method}.x": lambda p: tensor(3, 8, 3)
        for method in ("initial_state", "forward", "run")
    },
    "StaticStart.self": quiet(lambda p: StaticStart(gru_model(), 2)),
    # a verdict
    "judge.data": lambda p: drawn(60),
    "judge.level": lambda p: 0.8,
    "rivals": lambda p: p.pick([("persistence",), ("ridge",)]),
    "progress": lambda p: p.pick([None, own(len)]),
    "go_on.path": lambda p: kept(p)[0],
    "go_on.data": lambda p: kept(p)[1],
    **{
        f"verdict.{name}": lambda p: None
        for name in (
            *("Score.model", "Score.valid", "Score.test", "Verdict.word"),
            *("Verdict.winner", "Verdict.baseline", "Verdict.skill"),
            *("Verdict.scores", "Verdict.period", "Verdict.origins"),
            *("Verdict.level", "Verdict.covered", "Verdict.forecast"),
            *("Verdict.kept", "Continued.winner", "Continued.rows"),
            *("Continued.changed", "Continued.origins", "Continued.before"),
            *("Continued.now", "Continued.fallen", "Continued.level"),
            *("Continued.forecast", "Continued.kept"),
        )
    },
    "Verdict.self": lambda p: verdict(),
    "Continued.self": lambda p: G.go_on(*kept(p)),
    # arrays
    "values": lambda p: drawn(40),
    "history": lambda p: drawn(40),
    "past": lambda p: drawn(40),
    "train": lambda p: drawn(40),
    "clean": lambda p: drawn(40),
    "expected_ratio.clean": lambda p: drawn(20, 2),
    "test": lambda p: drawn(40),
    "array": lambda p: drawn(40),
    "scores": lambda p: np.abs(drawn(40)),
    "residuals": lambda p: drawn(40),
    "SplitConformal.fit.residuals": lambda p: drawn(20, 2),
    "scale": lambda p: None,
    "y": lambda p: drawn(20, 2),
    "y_hat": lambda p: drawn(20, 2) + 0.1,
    "paired_skill.y": lambda p: drawn(40, 2),
    "paired_skill.y_hat": lambda p: drawn(40, 2) + 0.1,
    "other": lambda p: drawn(40, 2) - 0.2,
    "paired_scores.scores": lambda p: np.abs(drawn(40, 2)) + 0.1,
    "paired_scores.other": lambda p: np.abs(drawn(40, 2)) + 0.2,
    "pinball.quantiles": lambda p: drawn(3, 20, 2),
    "crps_normal.mean": lambda p: drawn(20, 2) + 0.1,
    "crps_normal.std": lambda p: np.abs(drawn(20, 2)) + 0.5,
    "samples": lambda p: drawn(30, 20, 2),
    "paths": lambda p: drawn(30, 2),
    "adaptive_conformal.y": lambda p: drawn(30),
    "adaptive_conformal.y_hat": lambda p: drawn(30) + 0.1,
    "lower": lambda p: drawn(20, 2) - 1,
    "upper": lambda p: drawn(20, 2) + 1,
    "origins": lambda p: np.arange(3),
    "period_start": lambda p: np.arange(3).astype("datetime64[m]"),
    "demand_mw": lambda p: drawn(3),
    "Vowels.train": lambda p: [drawn(7, 12), drawn(9, 12)],
    "Vowels.test": lambda p: [drawn(8, 12)],
    "train_speakers": lambda p: np.array([0, 8]),
    "test_speakers": lambda p: np.array([3]),
    "mean": lambda p: 0.5,
    "std": lambda p: 2.0,
    "values_scaled": lambda p: drawn(20, 2),
    "X": lambda p: drawn(3, 8, 1),
    "make_loader.y": lambda p: drawn(3, 2),
    "gru_step.x": lambda p: drawn(3, 1),
    "gru_step_backward.x": lambda p: drawn(3, 1),
    "gru_sequence.x": lambda p: drawn(3, 8, 1),
    "gru_sequence_backward.x": lambda p: drawn(3, 8, 1),
    "cell.h": lambda p: drawn(3, 4),
    "h": lambda p: drawn(3, 4),
    "h0": lambda p: drawn(3, 4),
    "weights": lambda p: weights(),
    "gru_step_backward.step": lambda p: G.gru_step(
        drawn(3, 1), drawn(3, 4), weights()
    ),
    "steps": lambda p: G.gru_sequence(drawn(3, 8, 1), weights(), drawn(3, 4)),
    "gru_sequence_backward.h0": lambda p: drawn(3, 4),
    "d_h_new": lambda p: drawn(3, 4),
    "gru_sequence_backward.d_out": lambda p: drawn(3, 8, 4),
    **dict.fromkeys(["r", "z", "GRUStep.n", "gates"], lambda p: drawn(3, 4)),
    **dict.fromkeys(["weight_ih", "weight_hh"], lambda p: drawn(12, 4)),
    **dict.fromkeys(["bias_ih", "bias_hh"], lambda p: drawn(12)),
    "forecasts": lambda p: {"naive": drawn(5)},
    "plot_forecast.colors": lambda p: ["C0"],
    "ranges": lambda p: {"GRU": np.sort(drawn(3)), "ridge": [1, 2, 2.5]},
    "plot_ranges.colors": lambda p: p.pick(
        ["C0", {"GRU": "C0", "ridge": "C1"}]
    ),
    "farthest": lambda p: p.pick([None, 2.0]),
    "results": lambda p: {"rows": [1, 2.5]},
    "rows": lambda p: {"model": ["ridge", "GRU"], "MSE": [1.5, 1.0]},
    "show_table.columns": lambda p: ["MSE", "model"],
    "show_table.best": lambda p: p.pick([None, {"MSE": "lowest"}]),
    "log_axis.which": lambda p: p.pick(["x", "y"]),
    "name_lines.ax": lambda p: plt.plot([1, 2], label="GRU")[0].axes,
    "digits": lambda p: p.pick([2, ".1e", {"MSE": 2}]),
    "caption": lambda p: "Two forecasts",
    "ndim": lambda p: (1, 2),
    "check_values.dtype": lambda p: np.float64,
    "Frame.shaped.y_hat": lambda p: drawn(1, 2, 1),
    "Frame.series": lambda p: drawn(40),
    "frame.Frame.fitted.series": lambda p: [drawn(40)],
    "frame.Frame.scaled.series": lambda p: [drawn(40)],
    "columns": lambda p: None,
    "train_loss": lambda p: [2.0, 1.0],
    "valid_loss": lambda p: [3.0, 1.5],
    "answer": lambda p: 42,
    "exercise": lambda p: "1.1",
    "check_answer.test": lambda p: lambda answer: True,
    "salt": lambda p: "grains",
    # tensors
    "x": lambda p: tensor(3, 8, 1),
    "step.x": lambda p: tensor(3, 1),
    "newest": lambda p: tensor(3, 1, 1),
    "update.X": lambda p: tensor(3, 6, 1),
    "update.y": lambda p: tensor(3, 2),
    "batch": lambda p: tensor(3, 8, 1),
    "state": lambda p: tensor(1, 3, 4),
    "heads.state": lambda p: tensor(3, 4),
    "GRUModel.forward.h0": lambda p: tensor(1, 3, 4),
    "out": lambda p: tensor(3, 8, 4),
    "parts": lambda p: tensor(3),
    "a": lambda p: tensor(3, 8, 4).sigmoid(),
    "b": lambda p: tensor(3, 8, 4),
    "input": lambda p: tensor(8, 3, 1),
    "hx": lambda p: tensor(1, 3, 4),
    "exact.gate_factors.x": lambda p: tensor(8, 3, 1),
    "exact.block_backward.x": lambda p: tensor(8, 3, 1),
    "exact.gate_factors.h": lambda p: tensor(8, 3, 4),
    "exact.block_backward.h": lambda p: tensor(8, 3, 4),
    "exact.gate_factors.weights": lambda p: layer_weights(),
    "exact.block_backward.weights": lambda p: layer_weights(),
    "d_out": lambda p: tensor(8, 3, 4),
    "d_h": lambda p: tensor(3, 4),
    "linear_scan.A": lambda p: tensor(8, 3, 4, 4),
    "linear_scan.b": lambda p: tensor(8, 3, 4),
    "newton.jacobians.x": lambda p: tensor(8, 3, 1),
    "newton.jacobians.h": lambda p: tensor(8, 3, 4),
    "newton.jacobians.weights": lambda p: layer_weights(),
    "NewtonRun.states": lambda p: tensor(3, 8, 4),
    "NewtonRun.residuals": lambda p: [0.1, 1e-13],
    "converged": lambda p: True,
    "model.point_of.y_hat": lambda p: tensor(3, 2),
    "model.to_numpy.y_hat": lambda p: tensor(3, 2),
    "decode.last": lambda p: tensor(3, 1),
    "teacher_forcing": lambda p: 0.5,
    **{
        f"{head}.{method}.{name}": make
        for head, width, numbers in (
            ("Head", 2, 2),
            ("Direct", 2, 2),
            ("Gaussian", 4, 4),
            ("Quantiles", 6, 6),
            ("Seq2Seq", 1, 2),
            ("LastStates", 1, 2),
        )
        for method in (
            "last",
            "every",
            "decode",
            "taught",
            "loss",
            "point",
            "distribution",
            "quantiles",
        )
        for name, make in (
            ("read", quiet(lambda p, width=width: own(nn.Linear(4, width)))),
            ("state", lambda p: tensor(3, 4)),
            ("y_hat", lambda p, numbers=numbers: tensor(3, numbers)),
            ("y", lambda p: tensor(3, 2)),
        )
    },
    # what computes
    "gru": quiet(lambda p: nn.GRU(1, 4)),
    "module": quiet(lambda p: gru_model()),
    "model": quiet(lambda p: gru_model()),
    "train_on_task.model": quiet(lambda p: Recaller("GRU", 2, 4)),
    "head": lambda p: p.pick([G.Direct(2), *HEADS]),
    "loader": lambda p: loader(),
    "train_loader": lambda p: loader(),
    "valid_loader": lambda p: loader(),
    "recipe": lambda p: G.Recipe(num_epochs=1, chunk=8, batch_size=16),
    "optimizer": lambda p: torch.optim.SGD,
    "loss": lambda p: nn.MSELoss(),
    "callbacks": lambda p: p.pick([(), [G.log(1)], [G.progress_bar()]]),
    "changes": lambda p: {"lr": 0.02, "clip": 1.0, "num_epochs": 1},
    "plain": lambda p: G.Recipe(loss=nn.L1Loss()).plain(),
    "function": lambda p: nn.L1Loss(),
    "check_callable.value": lambda p: naive,
    "check_generator.value": lambda p: np.random.default_rng(0),
    "check_values.values": lambda p: drawn(40),
    "rng": lambda p: np.random.default_rng(0),
    "run": quiet(lambda p: run()),
    "scaler": lambda p: G.Scaler(0.5, 2.0),
    "forecaster": lambda p: naive,
    "Stream.forecaster": quiet(lambda p: G.Forecaster(gru_model())),
    **{
        f"{name}.forecaster": quiet(exportable)
        for name in (
            *("export_onnx", "onnx_model", "carries_state", "metadata_of"),
        )
    },
    "gaussian_intervals.forecaster": quiet(
        lambda p: G.Forecaster(gru_model(G.Gaussian(2)))
    ),
    "quantile_intervals.forecaster": quiet(
        lambda p: G.Forecaster(gru_model(G.Quantiles(2)))
    ),
    "quantile_intervals.level": lambda p: 0.9,
    "Forecaster.quantiles.self": quiet(
        lambda p: G.Forecaster(gru_model(G.Quantiles(2)))
    ),
    "Forecaster.quantiles.levels": lambda p: (0.05, 0.95),
    "check_levels.values": lambda p: (0.1, 0.5, 0.9),
    "pipeline": lambda p: own(lambda v: v[:3]),
    "fit": lambda p: lambda history: naive,
    "intervals": lambda p: G.Intervals(
        drawn(20, 2) - 1, drawn(20, 2) + 1, level=0.8
    ),
    "draw": lambda p: own(lambda n, rng: adding_problem(n, 4, rng)),
    "device": lambda p: "cpu",
    "dtype": lambda p: torch.float32,
    "obj": lambda p: G.make_windows,
    "ax": lambda p: plt.subplots()[1],
    "plot_losses.history": lambda p: G.History([2.0, 1.0], [3.0, 1.5]),
    "scaled": lambda p: drawn(1, 2, 1),
    "names": lambda p: "size",
    "sizes": lambda p: (4, 2),
    "check_tensor.value": lambda p: tensor(3, 4),
    "check_tensor.ndim": lambda p: (2, 3),
    "check_module.value": lambda p: nn.Linear(1, 2),
    "check_same.value": lambda p: tensor(3, 4),
    "check_same.shape": lambda p: (3, 4),
    "like": lambda p: tensor(2),
    "layer": lambda p: nn.Linear,
    "options": lambda p: {"bias": True},
    "options.bias": lambda p: True,
    "kind_of.value": lambda p: tensor(3, 4),
    "write_whole.state": lambda p: {"x": tensor(3), "n": 3},
    # on what methods are called
    "Scaler.self": lambda p: p.pick(
        [G.Scaler(0.5, 2.0), G.Scaler([0.5, 1.0], [2.0, 3.0]), G.Scaler()]
    ),
    "CompiledGRU.self": quiet(lambda p: G.CompiledGRU(1, 4)),
    "ExactGRU.self": quiet(lambda p: G.ExactGRU(1, 4)),
    "Head.self": quiet(lambda p: Head(2)),
    "Direct.self": quiet(lambda p: G.Direct(2)),
    "Gaussian.self": quiet(lambda p: G.Gaussian(2)),
    "Quantiles.self": quiet(lambda p: G.Quantiles(2)),
    "Seq2Seq.self": quiet(lambda p: gru_model(G.Seq2Seq(2)).head),
    "LastStates.self": quiet(lambda p: G.LastStates(2)),
    "GRUModel.run.self": quiet(lambda p: gru_model(p.pick(HEADS[:-1]))),
    "GRUModel.self": quiet(lambda p: gru_model(p.pick(HEADS))),
    "Recipe.self": lambda p: G.Recipe(num_epochs=1),
    "History.self": lambda p: G.History([2.0, 1.0], [3.0, 1.5]),
    "Run.self": quiet(lambda p: run()),
    "SharedRun.self": quiet(lambda p: run(SharedRun)),
    "Share.self": lambda p: Share(loader(), 1, 2),
    "worker": lambda p: 1,
    "workers": lambda p: 2,
    "timeout": lambda p: 5.0,
    "shared": lambda p: p.pick([False, True]),
    "Checkpoint.self": quiet(loaded),
    "Forecaster.self": quiet(forecaster),
    "Stream.self": quiet(lambda p: G.Forecaster(gru_model()).stream()),
    "Stream.load.path": quiet(streamed),
    "Stream.load.forecaster": quiet(lambda p: G.Forecaster(gru_model())),
    "AdaptiveBand.self": lambda p: band(),
    "AdaptiveBand.of.state": lambda p: band().state(),
    "AdaptiveBand.residuals": lambda p: drawn(40),
    "AdaptiveBand.horizon": lambda p: 2,
    "AdaptiveBand.update.y": lambda p: 0.7,
    "AdaptiveBand.update.y_hat": lambda p: 0.5,
    "AdaptiveBand.around.y_hat": lambda p: 0.5,
    "Fallback.self": lambda p: G.Fallback(2),
    "Fallback.origins": lambda p: 2,
    "Fallback.lower": lambda p: -0.1,
    "Fallback.upper": lambda p: 0.1,
    "Fallback.update.y": lambda p: drawn(2),
    "Fallback.update.y_hat": lambda p: drawn(2) + 1,
    "y_baseline": lambda p: drawn(2) - 1,
    "Frame.self": lambda p: Frame(1, (0,), G.Scaler(0.5, 2.0)),
    "RegimeForecast.self": lambda p: G.RegimeForecast(),
    "Naive.self": lambda p: G.Naive(4),
    "Drift.self": lambda p: G.Drift(),
    "Ridge.self": lambda p: p.pick(
        [G.Ridge(4, 1.0), G.Ridge(4, 1.0).fit(drawn(40))]
    ),
    "Boosting.self": lambda p: G.Boosting(4, 3, False).fit(drawn(40)),
    "Neighbours.self": lambda p: G.Neighbours(4, 2, False).fit(drawn(40)),
    "Intervals.self": lambda p: G.Intervals(
        drawn(20, 2) - 1, drawn(20, 2) + 1, level=0.8
    ),
    "SplitConformal.self": lambda p: G.SplitConformal(0.8).fit(drawn(20, 2)),
    "MinGRU.self": quiet(lambda p: MinGRU(1, 4)),
    "Recaller.self": quiet(lambda p: Recaller("GRU", 1, 4)),
}
