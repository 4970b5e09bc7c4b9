"""An exported forecaster gives the same numbers, or is not written."""

import inspect
import json

import numpy as np
import onnx
import pandas as pd
import pytest
import torch
from torch import nn

from gru_tutorial import (
    Direct,
    Forecaster,
    Gaussian,
    GRUModel,
    LastStates,
    Quantiles,
    Scaler,
    Seq2Seq,
    _onnx,
    _tracing,
    export_onnx,
    make_cycle,
    onnx_model,
    storage,
)
from gru_tutorial.__main__ import main
from gru_tutorial.book.results import load_results
from gru_tutorial.export import (
    axes_of,
    carries_state,
    export_step,
    exported_twice,
    forecast_onnx,
    metadata_of,
    onnx_gates,
    onnx_weights,
    open_onnx,
    trace_onnx,
)
from gru_tutorial.mingru import MinGRU

HEADS = {
    "one step": lambda: Direct(),
    "five steps of two": lambda: Direct(5, target=(1, 0)),
    "Gaussian": lambda: Gaussian(3),
    "Gaussian of two": lambda: Gaussian(2, target=(0, 1)),
    "quantiles": lambda: Quantiles(4, target=1),
    "without a median": lambda: Quantiles(3, (1, 0), (0.1, 0.4, 0.8)),
    "Seq2Seq": lambda: Seq2Seq(4),
    "Seq2Seq of two": lambda: Seq2Seq(3, target=(1, 0)),
    "last states": lambda: LastStates(4),
    "last states, deeper": lambda: LastStates(3, (1, 0), decoder_size=5),
}
MEAN, STD = [10.0, -500.0], [3.0, 40.0]
SCALER = Scaler(MEAN, STD)


def made(head=None, window=None, **settings):
    """Return a forecaster of two columns, with weights that are drawn."""
    torch.manual_seed(0)
    model = GRUModel(2, 5, head=head, **settings)
    if model.h0 is not None:
        nn.init.normal_(model.h0)
    return Forecaster(model, SCALER, window)


def small(**settings):
    """Return a forecaster of one column."""
    torch.manual_seed(0)
    return Forecaster(GRUModel(hidden_size=4), Scaler(5.0, 2.0), **settings)


def series(*shape):
    """Return series of two columns in their own units."""
    noise = np.random.default_rng(shape).standard_normal((*shape, 2))
    return MEAN + noise * STD


def session_of(forecaster):
    return open_onnx(onnx_model(forecaster).SerializeToString())


def assert_near(found, expected, std=1.0):
    """Within 1e-5 of the spread of the series."""
    assert found.shape == expected.shape
    np.testing.assert_allclose(found / std, expected / std, atol=1e-5, rtol=0)


# The same numbers


def assert_same(forecaster, batch, length):
    """Compare all outputs with what the forecaster's own methods return."""
    head, history = forecaster.model.head, series(batch, length)
    session = session_of(forecaster)
    names = [one.name for one in session.get_outputs()]
    values = session.run(names, {"history": history})
    found = dict(zip(names, values, strict=True))
    std = np.array(STD)[list(head.target)]
    expected = {"forecast": forecaster(history, head.horizon)}
    if isinstance(head, Gaussian):
        expected["std"] = forecaster.distribution(history, head.horizon)[1]
    if isinstance(head, Quantiles):
        expected["quantiles"] = forecaster.quantiles(history, head.horizon)
    for name, wanted in expected.items():
        got, wide = found[name], len(head.target) > 1
        assert_near(got, wanted if wide else wanted[..., None], std)
    return set(names) - set(expected)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("head", HEADS)
def test_a_graph_forecasts_what_the_model_does(head, bidirectional):
    """By layers, windows, learned states; batches and lengths are free."""
    for layers, window, learned in ((1, None, True), (2, 9, False), (3, 7, 1)):
        forecaster = made(
            HEADS[head](),
            window,
            num_layers=layers,
            bidirectional=bidirectional,
            learn_h0=bool(learned),
        )
        for batch, length in ((1, window or 4), (3, 40)):
            more = assert_same(forecaster, batch, length)
            carries = carries_state(forecaster)
            assert more == ({"new_state"} if carries else set())
        assert carries == (
            window is None and not (bidirectional or "last" in head)
        )


@pytest.mark.parametrize("fast", [True, "compiled"])
def test_other_layers_are_exported_as_they_compute_the_same(fast):
    forecaster = made(Direct(3), num_layers=2, fast=fast)
    assert assert_same(forecaster, 3, 20) == {"new_state"}


def test_a_model_of_float64_is_exported_in_float32():
    forecaster = made(Direct(2))
    forecaster.model.double()
    assert_same(forecaster, 2, 9)


def test_large_values_with_a_small_spread_keep_their_digits():
    forecaster = small()
    forecaster.frame = Forecaster(GRUModel(), Scaler(1e9, 0.5)).frame
    history = 1e9 + np.random.default_rng(0).standard_normal(20)
    found = session_of(forecaster).run(
        None, {"history": history[None, :, None]}
    )
    assert_near(found[0].ravel(), forecaster(history, 1), 0.5)


def test_each_series_may_have_a_scale_of_its_own():
    """The graph then asks for it; its metadata have those of training."""
    history = np.stack([make_cycle(120, seed=k) * 10**k for k in range(3)])
    scaler = Scaler(history.mean(axis=1), history.std(axis=1))
    torch.manual_seed(0)
    forecaster = Forecaster(GRUModel(hidden_size=4, horizon=2), scaler)
    session, told = session_of(forecaster), metadata_of(forecaster)
    assert told["scaler"]["of_each"] == "series"
    scale = {
        f"series_{name}": np.array(told["scaler"][name])
        for name in ("mean", "std")
    }
    found = forecast_onnx(session, history[..., None], 30, **scale)
    std = scale["series_std"][:, None]
    assert_near(found[..., 0], forecaster(history, 30), std)
    alone = {name: value[2:] for name, value in scale.items()}
    one = forecast_onnx(session, history[2:, :, None], 30, **alone)
    assert_near(one[..., 0], forecaster(history, 30)[2:], std[2:])


# A loop that goes on


LOOPS = [
    (None, 30, None, {"head": Direct(1, (0, 1))}),
    (None, 9, None, {"head": Direct(4, (1, 0)), "num_layers": 2}),
    (None, 9, "recursive", {"head": Direct(4, (1, 0)), "num_layers": 2}),
    (8, 12, None, {"head": Direct(3, (1, 0)), "bidirectional": True}),
    (8, 12, "recursive", {"head": Gaussian(3, (0, 1))}),
    (None, 12, None, {"head": Seq2Seq(4, 1)}),
    (None, 12, "recursive", {"head": Seq2Seq(4, (1, 0))}),
    (None, 3, "direct", {"head": Direct(5)}),
    (8, 9, None, {"head": LastStates(3, (0, 1))}),
]


@pytest.mark.parametrize(("window", "horizon", "strategy", "settings"), LOOPS)
def test_the_loop_goes_on_as_the_forecaster_does(
    window, horizon, strategy, settings
):
    forecaster, history = made(window=window, **settings), series(2, 15)
    forecaster.strategy = strategy
    target = settings["head"].target
    expected = forecaster(history, horizon)
    found = forecast_onnx(session_of(forecaster), history, horizon)
    found = found[..., 0] if len(target) == 1 else found
    assert_near(found, expected, np.array(STD)[list(target)])


def test_the_loop_puts_its_forecasts_in_the_order_of_the_columns():
    torch.manual_seed(0)
    model = GRUModel(3, 5, head=Direct(1, (2, 0, 1)))
    forecaster = Forecaster(model, Scaler([0.0, 1.0, 2.0], [1.0, 2.0, 3.0]))
    history = np.random.default_rng(0).standard_normal((2, 9, 3))
    found = forecast_onnx(session_of(forecaster), history, 6)
    assert_near(found, forecaster(history, 6))


@pytest.mark.parametrize(
    "forecaster",
    [
        made(Direct(3)),
        made(LastStates(3, (0, 1))),
        made(Direct(3, (0, 1)), bidirectional=True),
    ],
)
def test_the_loop_does_not_go_where_the_forecaster_does_not(forecaster):
    session, history = session_of(forecaster), series(1, 9)
    assert forecast_onnx(session, history, 3).shape[1] == 3
    with pytest.raises(ValueError, match=r"^(horizon|bidirectional): "):
        forecaster(history, 4)
    with pytest.raises(ValueError, match=r"^horizon: too far"):
        forecast_onnx(session, history, 4)


def test_the_loop_needs_nothing_of_this_package():
    names = {"np": np, "json": json}
    exec(
        inspect.getsource(forecast_onnx).replace("from __future__", ""), names
    )
    forecaster, history = small(), np.arange(9.0)
    session = session_of(forecaster)
    found = names["forecast_onnx"](session, history[None, :, None], 5)
    assert_near(found.ravel(), forecaster(history, 5), 2.0)


@pytest.mark.parametrize("layers", [1, 2])
def test_a_stream_is_a_state_that_is_fed_again(layers):
    forecaster = made(Direct(3, (0, 1)), num_layers=layers, learn_h0=True)
    session, values = session_of(forecaster), series(40)
    stream, feeds = forecaster.stream(horizon=3), {}
    for value in values:
        feeds["history"] = value[None, None]
        y_hat, feeds["state"] = session.run(None, feeds)
        assert_near(y_hat[0], stream.update(value), np.array(STD))


# What the file says


def test_the_metadata_say_what_the_columns_are():
    frame = pd.DataFrame(series(60), columns=["heat", "load"])
    model, scaler = GRUModel(2, 4, head=Quantiles(3, 1)), Scaler().fit(frame)
    forecaster = Forecaster(model, scaler, window=6)
    session = session_of(forecaster)
    told = session.get_modelmeta().custom_metadata_map
    told = {name: json.loads(value) for name, value in told.items()}
    assert told.pop("versions")["torch"] == torch.__version__.split("+")[0]
    scale = told.pop("scaler")
    np.testing.assert_allclose(scale["mean"], frame.mean())
    assert scale["of_each"] == "column"
    assert told == {
        "columns": ["heat", "load"],
        "features": 2,
        "target": [1],
        "window": 6,
        "shortest": 6,
        "horizon": 3,
        "strategy": None,
        "goes_on": False,
        "head": "Quantiles",
        "levels": [0.05, 0.5, 0.95],
    }


def test_axes_are_free_and_every_input_is_explained():
    model = onnx_model(made(Seq2Seq(3), num_layers=2))
    assert axes_of(model) == {
        "history": ["batch", "time", 2],
        "state": [2, "batch or 1", 5],
        "horizon": [],
    }
    onnx.checker.check_model(model, full_check=True)
    for one in (*model.graph.input, *model.graph.output):
        assert one.doc_string
    assert "new_state" in model.doc_string
    session = open_onnx(model.SerializeToString())
    assert [one.name for one in session.get_inputs()] == ["history"]


def test_the_same_forecaster_gives_the_same_file(tmp_path):
    forecaster = made(Gaussian(2))
    for name in "ab":
        forecaster.export(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    forecaster.save(tmp_path / "c")
    Forecaster.load(tmp_path / "c").export(tmp_path / "d")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "d").read_bytes()


def test_gates_are_put_in_the_order_of_onnx():
    gru = nn.GRU(2, 4, 2, bidirectional=True)
    W, R, B = onnx_weights(gru, 1)
    assert (W.shape, R.shape, B.shape) == ((2, 12, 8), (2, 12, 4), (2, 24))
    r, z, n = gru.weight_ih_l1_reverse.detach().split(4)
    np.testing.assert_array_equal(W[1], torch.cat([z, r, n]))
    bias = gru.bias_hh_l1.detach()
    np.testing.assert_array_equal(B[0, 12:16], bias[4:8])
    for odd in ([1.0, 2.0], [], [[1.0]] * 4, "rzn"):
        with pytest.raises(ValueError, match="weight: expected"):
            onnx_gates(odd)


# What is refused


class Other(GRUModel):
    """One of the reader's own."""


class OwnHead(Direct):
    """One of the reader's own."""


def with_layer(layer):
    forecaster = made()
    forecaster.model.gru = layer
    return forecaster


def of_half():
    forecaster = made()
    forecaster.model.half()
    return forecaster


REFUSED = [
    (lambda: 3, "forecaster: expected a Forecaster, got int"),
    (lambda: Forecaster(GRUModel()), "forecaster: expected one with a scaler"),
    (
        lambda: Forecaster(nn.Flatten(), Scaler(0.0, 1.0), 8),
        "model: expected a GRUModel to export, .* got Flatten",
    ),
    (
        lambda: Forecaster(Other(), Scaler(0.0, 1.0)),
        "model: expected a GRUModel to export, .* got Other",
    ),
    (lambda: made(OwnHead(2)), "model.head: expected one of Direct, Gaussian"),
    (
        lambda: with_layer(MinGRU(2, 5)),
        r"model.gru: expected a layer that computes what torch.nn.GRU does",
    ),
    (
        lambda: with_layer(nn.GRU(2, 5, batch_first=True, bias=False)),
        "model.gru: expected a layer",
    ),
    (of_half, "model: expected weights of float32 or float64, got"),
]


@pytest.mark.parametrize(("make", "message"), REFUSED)
def test_what_cannot_be_exported_is_refused(make, message, tmp_path):
    with pytest.raises(ValueError, match=f"^{message}"):
        export_onnx(make(), tmp_path / "gru.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", [3, "", "no/such/folder/gru.onnx", "."])
def test_a_path_that_is_none_is_refused(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"^path: expected a file"):
        small().export(path)


def swapped_scale(graph, model, history, plain=_onnx.first_state):
    """Start from another state than the model does."""
    return graph.add("Neg", plain(graph, model, history))


WRONG = {
    "gates in PyTorch's order": ("_onnx.onnx_gates", np.asarray),
    "another first state": ("export.first_state", swapped_scale),
    "another scale": (
        "_onnx_heads.Units.value",
        lambda self, scaled, name=None: self.width(scaled, name),
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_graph_that_forecasts_something_else_is_not_left(
    what, monkeypatch, tmp_path
):
    path, forecaster = tmp_path / "gru.onnx", made(Direct(2), learn_h0=True)
    forecaster.export(path)
    before = path.read_bytes()
    name, wrong = WRONG[what]
    monkeypatch.setattr(f"gru_tutorial.{name}", wrong)
    with pytest.raises(ValueError, match="exported graph: expected the model"):
        forecaster.export(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    forecaster = small()
    with torch.no_grad():
        forecaster.model.linear.bias.fill_(torch.nan)
    with pytest.raises(ValueError, match="model's forecasts: expected finite"):
        forecaster.export(tmp_path / "gru.onnx")


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "gru.onnx"
    path.write_bytes(b"old")

    def fails(*paths):
        raise OSError("No space left on device")

    monkeypatch.setattr(storage.os, "replace", fails)
    with pytest.raises(OSError, match="No space"):
        small().export(path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_onnx_model_is_not_opened(tmp_path):
    (tmp_path / "text").write_text("hello")
    for odd in (tmp_path / "text", tmp_path / "absent", b"hello", tmp_path):
        with pytest.raises(ValueError, match="model: expected an ONNX model"):
            open_onnx(odd)


# The command line


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Be in a folder with a kept forecaster, and what is none."""
    monkeypatch.chdir(tmp_path)
    small().save("model.pt")
    Forecaster(GRUModel()).save("untrained.pt")
    storage.write_whole(storage.Path("verdict.pt"), "verdict 1", {})
    (tmp_path / "text.pt").write_text("hello")
    return tmp_path


def test_the_command_writes_a_model(kept, capsys):
    assert main(["export", "model.pt", "--out", "gru.onnx"]) == 0
    out, err = capsys.readouterr()
    assert "compared: the same forecasts within 1e-05\n" in out
    assert "written: gru.onnx (" in out
    assert not err
    found = forecast_onnx(open_onnx("gru.onnx"), np.ones((1, 9, 1)), 4)
    assert_near(found.ravel(), small()(np.ones(9), 4), 2.0)
    assert main(["export", "model.pt", "--out", "b", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert main(["export", "model.pt", "--out", "c", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["ok"]
    assert told["bytes"] == (kept / "c").stat().st_size
    assert told["scaler"] == {"mean": 5.0, "std": 2.0, "of_each": "column"}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["model.pt"], 2, "the following arguments are required: --out"),
        (["model.pt", "--out", "./model.pt"], 2, "--out: expected another"),
        (["absent.pt", "--out", "a"], 5, "MODEL: could not read 'absent.pt'"),
        (["text.pt", "--out", "a"], 5, "text.pt holds something else"),
        (["verdict.pt", "--out", "a"], 5, "keeps a comparison"),
        (["untrained.pt", "--out", "a"], 5, "expected one with a scaler"),
        (["model.pt", "--out", "no/a"], 5, "--out: expected a file in a"),
        (["model.pt", "--out", "."], 5, "--out: expected a file in a"),
    ],
)
def test_the_command_says_what_is_wrong(
    kept, capsys, arguments, code, message
):
    before = sorted(kept.iterdir())
    assert main(["export", *arguments]) == code
    out, err = capsys.readouterr()
    assert message in err
    assert "Traceback" not in err
    assert not out
    assert sorted(kept.iterdir()) == before


# PyTorch's own exporters


@pytest.mark.parametrize(
    "settings", [{"head": Direct(3, (1, 0)), "num_layers": 2, "fast": True}]
)
def test_a_step_is_a_program_of_pytorch(settings):
    forecaster = made(**settings)
    run, values = export_step(forecaster).module(), series(4, 10)
    state = torch.zeros(2, 4, 5)
    with torch.no_grad():
        for t in range(10):
            y_hat, state = run(torch.from_numpy(values[:, t]), state)
    assert_near(y_hat.numpy(), forecaster(values, 3), np.array(STD)[[1, 0]])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: 3, "forecaster: expected a Forecaster with a scaler"),
        (lambda: Forecaster(GRUModel()), "forecaster: .* with a scaler"),
        (lambda: small(window=8), "forecaster: expected one of one direction"),
        (lambda: made(LastStates(2)), "model: expected a GRUModel with one"),
        (lambda: made(bidirectional=True), "forecaster: expected one of one"),
    ],
)
def test_what_makes_no_step_is_refused(make, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        export_step(make())


@pytest.mark.slow
def test_pytorchs_exporter_leaves_the_axes_free_in_a_fresh_process(tmp_path):
    path, model = tmp_path / "gru.onnx", made(Gaussian(2)).model
    trace_onnx(model, path)
    assert axes_of(path)["x"] == ["batch", "time", 2]
    data = path.read_bytes()
    with torch.no_grad():
        model.gru.weight_hh_l0.add_(0.01)
    with pytest.raises(ValueError, match="expected the model's y_hat within"):
        _tracing._compare(model, data)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.slow
def test_a_second_export_in_one_process_freezes_the_length():
    found, (_, length) = exported_twice(), _tracing.EXAMPLE
    assert found["axes"][0] == ["batch", "time", 1]
    stored = load_results("export")["results"]
    if found["versions"]["torch"] == stored["versions"]["torch"]:
        assert found["axes"] == stored["again"]["named"][:2]
        assert found["axes"][1] == ["batch", length, 1]


@pytest.mark.parametrize(
    ("found", "error", "message"),
    [
        ({"axes": ["batch", 7, 2]}, ValueError, "expected a free axis time"),
        ({"axes": [2, "time", 2]}, ValueError, "expected a free axis batch"),
        ({"error": "no"}, RuntimeError, "PyTorch's exporter failed: no"),
    ],
)
def test_a_frozen_graph_is_not_left(
    found, error, message, monkeypatch, tmp_path
):
    monkeypatch.setattr(_tracing, "_traced", lambda *a: ([found], [b""]))
    with pytest.raises(error, match=message):
        trace_onnx(made().model, tmp_path / "gru.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_process_that_takes_too_long_is_ended(tmp_path):
    with pytest.raises(RuntimeError, match=r"took more than 0.01 s"):
        trace_onnx(made().model, tmp_path / "gru.onnx", timeout=0.01)
    assert not list(tmp_path.iterdir())


def test_what_pytorchs_exporter_is_not_asked_for():
    with pytest.raises(ValueError, match=r"^asked: expected one of named"):
        exported_twice("free")
    with pytest.raises(ValueError, match=r"^times: expected a whole number"):
        exported_twice(times=0)
    with pytest.raises(ValueError, match=r"^model: expected a GRUModel with"):
        trace_onnx(made(Seq2Seq(2)).model, "gru.onnx")


# Stored results


def gains(case, engine):
    """Return how many times as fast as PyTorch, by process."""
    rows = load_results("export")["results"]["latency"]
    (found,) = [
        row["times_pytorch"]
        for row in rows
        if (row["case"], row["engine"]) == (case, engine)
    ]
    return found


def test_results_are_those_of_the_script(script):
    export, record = script("export"), load_results("export")
    results = record["results"]
    assert record["repetitions"] == (
        export.PROCESSES * export.TURNS * export.RUNS
    )
    assert export.PROCESSES >= 5
    assert set(results) == {"hidden", "parts", "versions", *export.PARTS}
    assert set(results["parts"]) == set(export.PARTS)
    assert results["hidden"] == export.HIDDEN
    assert list(results["versions"]) == list(export.versions())
    rows = [(row["case"], row["engine"]) for row in results["latency"]]
    assert rows == [(c, e) for c in export.CASES for e in export.ENGINES]
    for row in results["latency"]:
        assert (row["batch"], row["steps"]) == export.CASES[row["case"]][:2]
        assert len(row["times_pytorch"]) == export.PROCESSES


def test_onnx_runtime_is_as_much_faster_as_is_said():
    many, one, batch = (
        gains(case, "ONNX Runtime")
        for case in (
            "one series, 100 steps a call",
            "one series, one step a call",
            "16 series, 100 steps a call",
        )
    )
    assert np.median(many) >= 15
    assert np.median(one) >= 2
    assert np.median(batch) > 1


def test_a_file_is_hardly_larger_than_its_weights(script, tmp_path):
    sizes = load_results("export")["results"]["sizes"]
    script("export").make_forecaster().export(tmp_path / "gru.onnx")
    size = (tmp_path / "gru.onnx").stat().st_size
    assert size == pytest.approx(sizes["Forecaster.export"], rel=0.02)
    assert sizes["weights"] < size < sizes["weights"] + 4000
    for kind in ("PyTorch's exporter", "Forecaster.save", "torch.export"):
        assert size < sizes[kind]


def test_what_is_stored_of_several_exports_in_one_process(script):
    again = load_results("export")["results"]["again"]
    first = {name: axes[0] for name, axes in again.items()}
    for axes in first.values():
        assert [isinstance(axis, str) for axis in axes] == [True, True, False]
    frozen = ["batch", _tracing.EXAMPLE[1], 1]
    assert again["named"][1:] == [frozen, frozen]
    assert again["dynamic"][1:] == [None, None]


def test_engines_agree_in_the_benchmark(script):
    export = script("export")
    for case, (_, steps, _) in export.CASES.items():
        if steps == 1:
            found = export.of_case(case, turns=1, runs=1)
            assert list(found) == list(export.ENGINES)
            assert all(one.shape == (1,) for one in found.values())
