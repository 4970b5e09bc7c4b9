"""Whatever a reader calls answers, or says what is wrong: a fuzzer."""

import functools
import importlib
import inspect
import re
import sys
import warnings

import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt
from torch import nn

import gru_tutorial as G
from gru_tutorial import storage
from gru_tutorial._judging.panel import TooLittle
from gru_tutorial.book import results
from gru_tutorial.checkpoint import Checkpoint
from gru_tutorial.files import FileProblem
from gru_tutorial.frame import in_units
from tests.fuzzing import Pool, Rules, Target, find_targets, fuzz
from tests.odd import Model
from tests.valid import VALID, drawn, gru_model, loader, run, saved, tensor

SEED = 0
CALLS = 50  # of each public name that takes arguments
FEW = 3  # of one that takes none
SLOW = {"verdict.judge": 15}  # of one that trains five models and more

# A panel needs a browser; explorables are what pages are made of; kernels are
# called by ``compiled`` alone, and have no time to check what they get.
# The service's bad requests are in test_serving.py.
LEFT_OUT = ("book.panel", "book.explorables", "book.legible", "kernels")
# A run that others share is in test_distributed.py, and takes seconds.
LEFT_OUT += ("serving", "distributed")
TARGETS = find_targets(left_out=LEFT_OUT)


def is_fixed(target, name):
    """Tell what is not the reader's, but written in the package's own code."""
    if target.name.startswith(("checks.", "tensors.")):
        return name not in ("value", "values", "array")
    if name in ("num_epochs", "updates"):  # a long run is what was asked for
        return not target.name.startswith("recipe.")
    return name in ("ndim", "name") and not target.name.startswith("book.")


LAYERS = {
    name
    for name, target in TARGETS.items()
    if inspect.isclass(target.function)
    and issubclass(target.function, nn.Module)
}
TRAINED = {"x", "X", "y", "loss", "gradient", "weights", "loader"}
FITTED = [name for name in TARGETS if name.endswith(".fit")]
# They hold numbers, or hand them on, and look at none.
HOLDING = [
    *(n for n, t in TARGETS.items() if hasattr(t.function, "_fields")),
    *(name for name in TARGETS if name.startswith("tensors.")),
    "distributed.SharedRun",
    *("training.History", "training.Run", "cell.GRUWeights.of"),
    *("frame.Frame.fitted", "frame.moved_on", "mingru.parallel_scan"),
    "mingru.loop_scan",
    *("forecaster.Forecaster", "stream.Stream", "model.to_model"),
    *("model.point_of", "checks.check_callable"),
]
TENSORS = [
    name
    for name in TARGETS
    if re.match(
        r"heads\.|probabilistic\.|model\.(GRUModel|ran)|exact\.|compiled\.|"
        r"memory\.R|mingru\.M|newton\.|static\.",
        name,
    )
]
RULES = Rules(
    errors={
        # as nn.GRU complains, which gets what an ExactGRU does not take
        "exact.ExactGRU.forward": (RuntimeError, ValueError),
        "compiled.CompiledGRU.forward": (RuntimeError, ValueError),
        "book.answers.check_answer": (AssertionError, ValueError),
        "book.notebook.show_error": AssertionError,  # there was none
        "book.notebook.show_warning": AssertionError,
        # a ValueError that names the file, a row and a column
        "files.read_series": FileProblem,
        "verdict.judge": TooLittle,  # a ValueError, too
        "storage.write_bytes": OSError,
        "storage.write_whole": OSError,
    },
    # as nn.GRU warns, where there is but one layer
    warnings=dict.fromkeys(
        ("exact.ExactGRU", "compiled.CompiledGRU"),
        "dropout option adds dropout",
    ),
    # what a message may begin with, besides an argument's name
    names={
        "cell.gru_sequence_backward": {"step"},
        "checkpoint.Checkpoint": {"checkpoint"},  # as ``fit`` calls it
        "memory.train_on_task": TRAINED,
        "training.evaluate": TRAINED,
        "training.fit": TRAINED,
        "training.Run.update": TRAINED,
        "distributed.SharedRun.update": TRAINED,
        "training.Run.epoch": TRAINED,
        "forecaster.Forecaster.fit": TRAINED,
        "model.to_numpy": {"model"},
        "conformal.SplitConformal.calibrate": {"residuals"},  # as fit says
    },
    # Weights are drawn where a layer is made. A run goes on with the numbers
    # that PyTorch's generator had then.
    draws={
        *LAYERS,
        *(f"{name}.build" for name in LAYERS),
        "tensors.build_layer",
        "checkpoint.Checkpoint.load",
        "distributed.train",
    },
    changes={
        **{name: {0} for name in FITTED},
        "conformal.SplitConformal.calibrate": {0},
        "training.fit": {"model"},
        "memory.train_on_task": {"model"},
        "training.Run.update": {0},
        "training.Run.epoch": {0},
        "distributed.SharedRun.update": {0},
        "distributed.SharedRun.epoch": {0},
        "training.Run.restore_best": {0},
        "checkpoint.Checkpoint.load": {0},
        "forecaster.Forecaster.load": {"model"},
        "stream.Stream.update": {0},
        "drift.AdaptiveBand.update": {0},
        "drift.Fallback.update": {0},
        **{name: {0} for name in TARGETS if name.endswith("Seq2Seq.build")},
    },
    infinite={
        "heads.LastStates.every",  # nan where it cannot forecast yet
        "conformal.adaptive_conformal",  # where nothing narrower is safe
        "intervals.Intervals",  # the same
        "checks.check_bounds",  # of intervals: infinite ones pass
    },
    passing={
        **dict.fromkeys(HOLDING, sys.float_info.max),
        # These compute as PyTorch does: nan or inf where float32 overflows.
        **dict.fromkeys(TENSORS, 30.0),
    },
)


@pytest.fixture
def pool(tmp_path, monkeypatch):
    kept = results.RESULTS / "regime.json"
    (tmp_path / "regime.json").write_bytes(kept.read_bytes())
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    monkeypatch.chdir(tmp_path)  # where odd paths lead
    with plt.rc_context():  # set_style sets those of all figures
        yield Pool(VALID, tmp_path, is_fixed)


def calls_of(target):
    few = SLOW.get(target.name, CALLS)
    return few if target.parameters else FEW


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_calls_answer_or_say_what_is_wrong(name, pool):
    target = TARGETS[name]
    done, faults = fuzz(target, pool, RULES, calls_of(target), SEED)
    assert not faults, "\n".join(faults)
    assert done


def test_every_public_name_is_called():
    names = {name.partition(".")[2] for name in TARGETS}
    public = {name for name in G.__all__ if callable(getattr(G, name))}
    assert public <= names
    assert sum(map(calls_of, TARGETS.values())) >= 5000


# What it found, and was mended


def seq2seq():
    return gru_model(G.Seq2Seq(2)).head


MENDED = [
    (lambda: G.Naive()([1.0], 10**12), "horizon: expected .* to 1000000, got"),
    (lambda: G.cycle_forecast([1, 2], 10**12), "horizon: expected"),
    (lambda: G.Direct(10**9), "horizon: expected"),
    (lambda: G.GRUModel(hidden_size=10**12), "hidden_size.*: expected sizes"),
    (lambda: G.GRUModel(horizon=np.zeros(2), head=G.Direct(2)), "horizon:"),
    (lambda: G.Direct(1, target=(0, "a")), "target: expected a whole number"),
    (lambda: G.Seq2Seq(2).decode(len, tensor(3, 1), tensor(3, 4), 2), "head:"),
    (
        lambda: seq2seq().decode(len, tensor(3, 1), tensor(2, 4), 2),
        r"last: expected shape \(2, 1\)",
    ),
    (
        lambda: seq2seq().decode(abs, tensor(3, 1), tensor(3, 4), 2),
        "read: expected a layer that gives 1 numbers for each state",
    ),
    (
        lambda: G.Direct(2).loss(tensor(3, 2), tensor(3, 1)),
        r"y: expected shape \(3, 2\)",
    ),
    (lambda: G.Gaussian(2).point(tensor(3, 3)), "y_hat: expected means"),
    (lambda: gru_model()(tensor(3, 8, 1).to_sparse()), "x: expected a dense"),
    (lambda: gru_model().initial_state(3), "x: expected a dense 3-D Tensor"),
    (
        lambda: G.predict(gru_model().to("meta"), drawn(3, 8, 1)),
        "model: expected weights that hold numbers",
    ),
    (
        lambda: G.predict(Model("x"), drawn(3, 8, 1)),
        "model's forecasts: expected a Tensor",
    ),
    (
        lambda: G.Forecaster(gru_model(G.LastStates(2)))([1.0], 2),
        "history: expected at least 2 time steps, got 1",
    ),
    (
        lambda: G.Forecaster(gru_model(G.LastStates(2)))(drawn(9), 3),
        "horizon: expected at most 2, as the model's head needs whole",
    ),
    (
        lambda: in_units(np.full((1, 2, 1), 9.0), 0.0, 1e308),
        "scaler, mean, std: expected a scale",
    ),
    (
        lambda: G.Run(gru_model(), loader(), None, "quick"),
        "recipe: expected a Recipe, got 'quick'",
    ),
    (
        lambda: run().update(tensor(3, 6, 1), tensor(2, 2)),
        "X, y: expected tensors with a label for each window",
    ),
    (
        lambda: run().update(tensor(3, 6, 1), tensor(3, 2).cfloat()),
        "y: expected a dense Tensor that holds real numbers",
    ),
    (
        lambda: G.fit(Model(tensor(16, 2)), loader(), num_epochs=1),
        "loss: expected one that depends on the model's weights",
    ),
    (lambda: G.fit(gru_model(), tensor(3, 2)), "train_loader: expected batch"),
    (lambda: G.Recipe(lr=1e39), r"lr: expected a number up to 1e\+36"),
    (lambda: G.Recipe.of([1]), "plain: expected settings by name"),
    (lambda: Checkpoint("run.pt", 3), "run: expected a Run, got int"),
    (
        lambda: storage.write_whole("kept.pt", "test 1", {"x": lambda: 0}),
        "state: expected plain values and tensors",
    ),
    (lambda: G.make_windows(np.zeros((0, 3)), 2), "values: expected at least"),
    (
        lambda: results.load_results(np.zeros(3)),
        "name: expected one of",
    ),
]


@pytest.mark.parametrize(("call", "message"), MENDED)
def test_what_it_found_is_mended(call, message, pool):
    with pytest.raises(ValueError, match=message):
        call()


def test_reading_leaves_the_generator_alone(pool):
    path = saved(pool)
    before = torch.get_rng_state()
    G.Forecaster.load(path)
    assert torch.equal(torch.get_rng_state(), before)


def test_an_update_leaves_the_batch_alone():
    X = tensor(3, 6, 1).requires_grad_()
    run().update(X, tensor(3, 2))
    assert X.grad is None


# The fuzzer can fail


def adds(values):
    values += 1


def draws(values):
    np.random.random()  # noqa: NPY002


def fills(values):
    return values * np.nan


def raises(values):
    raise TypeError("values: expected others")


def vague(values):
    raise ValueError("something: expected others")


def terse(values):
    raise ValueError("values: no")


def warns(values):
    warnings.warn("too many", stacklevel=1)


@pytest.mark.parametrize(
    ("function", "fault"),
    [
        (adds, "changes its argument values"),
        (draws, "changes NumPy's global generator"),
        (fills, "returns nan"),
        (raises, "raises TypeError: values: expected others"),
        (vague, "names no argument: something: expected others"),
        (terse, "says not what was expected: values: no"),
        (warns, "warns: too many"),
    ],
)
def test_a_fault_of_each_kind_is_found(function, fault, pool):
    pool.fixed = lambda target, name: True  # so that all calls are alike
    _, faults = fuzz(Target("here", function), pool, RULES, 1, SEED)
    assert len(faults) == 1
    assert faults[0].startswith(f"{fault} <- values=(40,) float64")


# The command line has tests of its own, and may be imported or not.
MODULES = [
    module
    for name, module in sys.modules.items()
    if name.startswith("gru_tutorial.") and not name.endswith("__main__")
]
CHECKS = sorted(
    f"{module.__name__.removeprefix('gru_tutorial.')}.{name}"
    for module in MODULES
    for name, thing in vars(module).items()
    if inspect.isfunction(thing)
    and thing.__module__ == module.__name__
    and re.match("_?check_", name)
    and name != "check_answer"  # no check of arguments
)
# Without one of these an answer is wrong, and no fault of the kinds above;
# or another check, or PyTorch, says much the same. Their own tests see them.
UNSEEN = (
    *("cell._check_belongs", "cell._check_gradients", "cell._check_sums"),
    *("exact._check_layer", "exact._check_start", "heads._check_horizon"),
    *("mingru._check_states", "series._check_range", "training._check_batch"),
    *("model._check_dropout", "windows._check_spread", "recipe._check_rate"),
    *("stream._check_state", "_compared._check_equal", "_tracing.check_model"),
    *("book.notebook._check_kind", "_row_groups._check_schema"),
    *("_reading.choose._check_apart", "_reading.steps.check_gaps"),
    *("_reading.steps.check_missing", "_reading.steps.check_steps"),
)


def taken_out(check):
    """Return a check that lets pass whatever it refuses."""
    first = next(iter(inspect.signature(check).parameters))

    @functools.wraps(check)
    def passes(*args, **kwargs):
        try:
            return check(*args, **kwargs)
        except ValueError:
            if first == "name":
                return args[1]
            return args[0] if len(args) == 1 else args

    return passes


@pytest.mark.slow
@pytest.mark.parametrize("name", [k for k in CHECKS if k not in UNSEEN])
def test_without_a_check_a_fault_is_found(name, pool, monkeypatch):
    home, _, name = name.rpartition(".")
    check = getattr(importlib.import_module(f"gru_tutorial.{home}"), name)
    users = [m for m in MODULES if vars(m).get(name) is check]
    for module in users:
        monkeypatch.setattr(module, name, taken_out(check))
    names = {m.__name__.removeprefix("gru_tutorial.") for m in users}
    concerned = [
        target
        for name, target in TARGETS.items()
        if names & {name.rpartition(".")[0], name.rsplit(".", 2)[0]}
    ]
    pool.huge = False  # nothing would keep them from the memory
    assert any(
        fuzz(target, pool, RULES, 10, seed)[1]
        for seed in range(20)
        for target in concerned
    ), "no fault was seen: a check for UNSEEN, or for a wider pool?"


def test_checks_that_are_not_seen_exist():
    assert set(UNSEEN) <= set(CHECKS)
