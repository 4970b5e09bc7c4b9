"""The compiled layer computes what nn.GRU does, or hands over to it."""

import copy
import math
import os
import pickle
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from gru_tutorial import (
    CompiledGRU,
    Forecaster,
    GRUModel,
    Recipe,
    fit,
    kernels,
    make_loader,
    make_series,
    make_windows,
)
from gru_tutorial import compiled as module
from gru_tutorial.compiled import CompiledBackward, compiled_steps
from gru_tutorial.exact import ExactGRU
from tests import test_exact
from tests.test_exact import gradients, numbers, small_inputs


def pair(dtype, features, hidden, batch_first=False):
    torch.manual_seed(0)
    gru = nn.GRU(features, hidden, batch_first=batch_first).to(dtype)
    return gru, CompiledGRU.of(copy.deepcopy(gru))


LIMITS = {
    name: getattr(module, name)
    for name in ("MAX_STATES", "MIN_STEPS", "MIN_STEPS_FORWARD")
}


@pytest.fixture(autouse=True, scope="module")
def _short_sequences_too():
    """Compile all that can be: most tests are small."""
    with pytest.MonkeyPatch.context() as patch:
        most = dict.fromkeys(module.MAX_STATES, 4096)
        patch.setattr(module, "MAX_STATES", most)
        patch.setattr(module, "MIN_STEPS", 1)
        patch.setattr(module, "MIN_STEPS_FORWARD", 1)
        yield


@pytest.fixture
def _limits(monkeypatch):
    """Hand over as the package does."""
    for name, limit in LIMITS.items():
        monkeypatch.setattr(module, name, limit)


@pytest.fixture
def made(monkeypatch):
    """Count the runs of the kernel: forwards, and backwards."""
    counts, steps = {"forward": 0, "backward": 0}, compiled_steps()

    def counted(name, function):
        def run(*arrays):
            counts[name] += 1
            return function(*arrays)

        return run

    both = tuple(map(counted, counts, steps))
    monkeypatch.setattr(module, "compiled_steps", lambda: both)
    return counts


NONE = {"forward": 0, "backward": 0}
ONCE = {"forward": 1, "backward": 1}


def in_plain_python(monkeypatch):
    both = kernels.forward_steps, kernels.backward_steps
    monkeypatch.setattr(module, "compiled_steps", lambda: both)


def without_numba(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.setitem(sys.modules, "numba.extending", None)


def every_number(out, h_n):
    """Make a loss of both outputs, each number with another weight."""
    weights = torch.linspace(0.5, 2, out.numel(), dtype=out.dtype)
    return (out.sin().flatten() * weights).sum() + h_n.square().sum()


def assert_close(found, expected, tolerance=1e-12):
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == theirs.shape
        distance = (ours.double() - theirs).abs().max()
        assert distance <= tolerance * theirs.abs().max()


def assert_like_autograd(steps, batch, features, hidden, batch_first, dtype):
    gru, ours = pair(dtype, features, hidden, batch_first)
    truth = copy.deepcopy(gru).double()
    shape = (batch, steps) if batch_first else (steps, batch)
    x = numbers(*shape, features, dtype=dtype)
    h0 = numbers(1, batch, hidden, dtype=dtype, seed=1)

    def found(layer):
        kind = layer.weight_hh_l0.dtype
        inputs = [part.to(kind).requires_grad_() for part in (x, h0)]
        out, grads = gradients(layer, *inputs, every_number)
        return [out, *grads]

    bound = 1e-12 if dtype == torch.float64 else 1e-6
    assert_close(found(ours), found(truth), bound)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize(
    ("steps", "batch", "features", "hidden"),
    [(1, 1, 1, 1), (11, 5, 3, 7), (40, 1, 1, 16), (80, 16, 1, 16)]
    + [(7, 32, 2, 64), (100, 32, 1, 128), (3, 4, 9, 12)],
)
def test_values_and_gradients(
    made, steps, batch, features, hidden, batch_first, dtype
):
    assert_like_autograd(steps, batch, features, hidden, batch_first, dtype)
    assert made == ONCE


@settings(max_examples=60, deadline=None)
@given(
    steps=st.integers(1, 12),
    batch=st.integers(1, 10),
    features=st.integers(1, 5),
    hidden=st.integers(1, 40),
    batch_first=st.booleans(),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_values_and_gradients_of_many_shapes(**shape):
    assert_like_autograd(**shape)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_plain_functions_compute_the_same(monkeypatch, dtype):
    in_plain_python(monkeypatch)
    assert_like_autograd(3, 5, 2, 3, False, dtype)


@pytest.mark.parametrize(
    ("steps", "batch", "hidden"),
    [(80, 16, 16), (40, 16, 32), (200, 64, 64), (100, 32, 128)],
)
def test_a_mean_over_long_sequences_in_single(made, steps, batch, hidden):
    gru, ours = pair(torch.float32, 1, hidden)
    x, h0 = numbers(steps, batch, 1), torch.zeros(1, batch, hidden)

    def found(layer):
        kind = layer.weight_hh_l0.dtype
        inputs = [part.to(kind).requires_grad_() for part in (x, h0)]
        return gradients(layer, *inputs, lambda out, _: out.square().mean())[1]

    assert_close(found(ours), found(copy.deepcopy(gru).double()), 1e-6)
    assert made == ONCE


def test_gradcheck():
    assert torch.autograd.gradcheck(CompiledBackward.apply, small_inputs())


def test_gradgradcheck():
    assert torch.autograd.gradgradcheck(CompiledBackward.apply, small_inputs())


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("frozen", ["weight_hh_l0", "bias", ""])
def test_frozen_parts_get_no_gradient(made, frozen, create_graph):
    results = []
    for layer in pair(torch.float64, 2, 3):
        for name, parameter in layer.named_parameters():
            parameter.requires_grad_(not name.startswith(frozen))
        x = numbers(4, 3, 2, dtype=torch.float64).requires_grad_()
        trained = [p for p in layer.parameters() if p.requires_grad]
        loss = layer(x)[0].sin().sum()
        grads = torch.autograd.grad(
            loss, [x, *trained], create_graph=create_graph
        )
        assert all(g.requires_grad == create_graph for g in grads)
        layer(x)[0].sin().sum().backward()
        stopped = [p for p in layer.parameters() if not p.requires_grad]
        assert stopped
        assert all(p.grad is None for p in stopped)
        results.append([x.grad, *grads])
    assert made == {"forward": 2, "backward": 1 if create_graph else 2}
    assert_close(*results)


def test_inputs_that_need_no_gradient_get_none():
    _, ours = pair(torch.float32, 1, 3)
    x = numbers(4, 3, 1)
    out, _ = ours(x)
    out.sum().backward()
    assert x.grad is None


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize(
    "change",
    [
        test_exact.leave,
        test_exact.h_detached_in_place,
        test_exact.h_set_to_zero,
        test_exact.h_halved,
        test_exact.out_through_relu,
        test_exact.out_through_dropout,
        test_exact.out_plus_one,
        test_exact.out_without_its_start,
        test_exact.out_changed_unseen,
    ],
)
def test_outputs_are_the_callers_to_change(made, batch_first, change):
    results = []
    for layer in pair(torch.float64, 1, 4, batch_first):
        x = numbers(5, 2, 1, dtype=torch.float64).requires_grad_()
        out, h = change(*layer(x))
        loss = out.square().sum() + h.sin().sum()
        grads = torch.autograd.grad(loss, [x, *layer.parameters()])
        results.append([out, h, *grads])
    assert made == ONCE
    assert_close(*results)


def test_without_gradients_outputs_are_the_callers_too():
    _, ours = pair(torch.float32, 1, 4)
    with torch.no_grad():
        out, h_n = ours(numbers(5, 2, 1))
        kept = h_n.clone()
        out.zero_()
    assert torch.equal(h_n, kept)


def test_an_input_changed_before_the_way_back_is_noticed():
    _, ours = pair(torch.float32, 1, 3)
    x = numbers(4, 3, 1)
    out, _ = ours(x)
    x += 1
    with pytest.raises(RuntimeError, match="modified by an inplace"):
        out.sum().backward()


def test_gradients_can_be_asked_for_twice():
    _, ours = pair(torch.float32, 1, 3)
    out, _ = ours(numbers(4, 3, 1))
    loss = out.square().sum()
    asked = [
        torch.autograd.grad(loss, ours.parameters(), retain_graph=True)
        for _ in range(2)
    ]
    assert all(map(torch.equal, *asked))


HANDED_OVER = {
    **test_exact.HANDED_OVER,
    "many units": (dict(hidden_size=kernels.MAX_UNITS + 1), {}),
}


@pytest.mark.parametrize("name", HANDED_OVER)
def test_what_is_not_covered_goes_to_pytorch(made, name):
    arguments, options = HANDED_OVER[name]
    torch.manual_seed(0)
    gru = nn.GRU(**{"input_size": 2, "hidden_size": 8, **arguments})
    ours = CompiledGRU.of(gru)
    dtype = arguments.get("dtype", torch.float32)
    x = numbers(*options.get("shape", (6, 5, 2))).to(dtype)
    results = []
    for layer in (gru, ours):
        torch.manual_seed(1)  # of dropout
        out, h_n = layer(x)
        grads = torch.autograd.grad(out.float().sum(), gru.parameters())
        results.append([out, h_n, *grads])
    assert made == NONE
    for found, expected in zip(*results, strict=True):
        assert torch.equal(found, expected)


def cut(steps, batch, hidden):
    return dict(steps=steps, batch=batch, hidden=hidden)


BOUNDS = [  # what is compiled just so, and with one more of something not
    (torch.float32, True, cut(8, 4, 64), ("steps", -1)),
    (torch.float32, True, cut(8, 512, 8), ("batch", 1)),
    (torch.float64, True, cut(8, 256, 8), ("batch", 1)),
    (torch.float32, False, cut(16, 2, 8), ("steps", -1)),
    (torch.float32, False, cut(16, 128, 8), ("batch", 1)),
    (torch.float32, False, cut(16, 32, 64), ("batch", 1)),
    (torch.float64, False, cut(16, 16, 32), ("batch", 1)),
    (torch.float32, True, cut(8, 1, 128), ("hidden", 1)),
    (torch.float32, False, cut(16, 1, 128), ("hidden", 1)),
]


@pytest.mark.usefixtures("_limits")
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize(("dtype", "needed", "sizes", "more"), BOUNDS)
def test_where_pytorch_is_faster_it_is_asked(
    made, dtype, needed, sizes, more, batch_first
):
    name, step = more
    for extra, count in ((0, 1), (step, 0)):
        shape = {**sizes, name: sizes[name] + extra}
        steps, batch, hidden = shape.values()
        _, ours = pair(dtype, 1, hidden, batch_first)
        x = torch.zeros(steps, batch, 1, dtype=dtype)
        x = x.transpose(0, 1) if batch_first else x
        made.update(NONE)
        with torch.set_grad_enabled(needed):
            ours(x)
        assert made["forward"] == count
        if not needed:
            made.update(NONE)
            ours.requires_grad_(False)(x)
            assert made["forward"] == count


def test_dropout_of_a_single_layer_goes_to_pytorch(made):
    with pytest.warns(UserWarning, match="non-zero dropout"):
        gru = nn.GRU(1, 3, dropout=0.5)
    with pytest.warns(UserWarning, match="non-zero dropout"):
        ours = CompiledGRU.of(gru)
    ours(numbers(4, 3, 1))
    assert made == NONE


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("h0", [None, numbers(1, 3, 5)])
def test_no_gradient_is_needed(made, mode, h0, dtype):
    gru, ours = pair(dtype, 2, 5, batch_first=True)
    x = numbers(3, 6, 2, dtype=dtype)
    h0 = h0 if h0 is None else h0.to(dtype)
    with mode():
        found, expected = ours(x, h0), gru(x, h0)
    assert made == {"forward": 1, "backward": 0}
    assert_close(found, [e.double() for e in expected], 1e-6)
    frozen = ours.requires_grad_(False)(x, h0)
    assert not frozen[0].requires_grad
    assert all(map(torch.equal, found, frozen))


def test_packed_sequences_and_autocast_go_to_pytorch(made):
    _, ours = pair(torch.float32, 1, 3)
    x = numbers(4, 3, 1)
    packed = nn.utils.rnn.pack_padded_sequence(x, [4, 3, 2])
    ours(packed)[0].data.sum().backward()
    with torch.autocast("cpu"):
        ours(x)[0].float().sum().backward()
    with torch.no_grad(), torch.autocast("cpu"):
        ours(x)
    assert made == NONE


@pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning")
@pytest.mark.parametrize("transform", test_exact.TRANSFORMS)
def test_transforms_go_to_pytorch(made, transform):
    gru, ours = pair(torch.float64, 2, 3)
    x = numbers(4, 3, 2, dtype=torch.float64)
    expected, found = (list(transform(layer, x)) for layer in (gru, ours))
    traced = transform is test_exact.traced  # and is run to compare, too
    assert made == ({"forward": 1, "backward": 0} if traced else NONE)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14)


def test_vmap_gets_pytorchs_own_complaint():
    errors = []
    for layer in pair(torch.float32, 2, 3):
        with torch.no_grad(), pytest.raises(RuntimeError) as caught:
            torch.func.vmap(layer)(numbers(5, 4, 3, 2))
        errors.append(str(caught.value))
    assert "Batching rule not implemented" in errors[0]
    assert errors[0] == errors[1]


@pytest.mark.parametrize(
    "ask",
    [
        test_exact.many_gradients,
        test_exact.vmapped_gradients,
        test_exact.jacobian,
        test_exact.gradient_of_a_gradient,
    ],
)
def test_other_ways_back_equal_autograds(made, ask):
    gru, ours = pair(torch.float64, 2, 3)
    x = numbers(4, 3, 2, dtype=torch.float64).requires_grad_()
    expected, found = ask(gru, x), ask(ours, x)
    again = ask is test_exact.gradient_of_a_gradient  # once by hand
    assert made == {"forward": 1, "backward": int(again)}
    for mine, theirs in zip(found, expected, strict=True):
        assert not mine.requires_grad
        torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-14)


def test_another_device_and_compilation_go_to_pytorch(made, monkeypatch):
    ours = CompiledGRU(1, 3, device="meta")
    out, _ = ours(torch.empty(4, 3, 1, device="meta"))
    assert out.device.type == "meta"
    _, ours = pair(torch.float32, 1, 3)
    with monkeypatch.context() as patch:
        patch.setattr(torch.compiler, "is_compiling", lambda: True)
        ours(numbers(4, 3, 1))
    assert made == NONE


@pytest.mark.parametrize("needed", [False, True])
@pytest.mark.parametrize(
    ("x", "h0"),
    [
        (torch.zeros(4, 3, 2), None),  # features
        (torch.zeros(4, 3, 1), torch.zeros(1, 1, 3)),  # would be spread
        (torch.zeros(4, 3, 1), torch.zeros(1, 3, 4)),
        (torch.zeros(4, 3, 1), torch.zeros(3, 3)),
        (torch.zeros(4, 3, 1, dtype=torch.float64), None),
        (torch.zeros(0, 3, 1), None),
    ],
)
def test_bad_input_gets_pytorchs_own_complaint(x, h0, needed):
    errors = []
    for layer in pair(torch.float32, 1, 3):
        with (
            torch.set_grad_enabled(needed),
            pytest.raises((RuntimeError, ValueError)) as caught,
        ):
            layer(x, h0)
        errors.append(str(caught.value))
    assert errors[0] == errors[1]


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"hidden_size: .* got '8'"):
        CompiledGRU(1, "8")
    with pytest.raises(ValueError, match="input: expected a Tensor, got list"):
        CompiledGRU(1, 3)([[0.0]])
    with pytest.raises(ValueError, match=r"expected an nn\.GRU, got LSTM"):
        CompiledGRU.of(nn.LSTM(1, 3))


# Odd numbers


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf, 1e30, -1e30])
def test_odd_numbers_lead_where_they_do_in_pytorch(made, odd, dtype):
    gru, ours = pair(dtype, 2, 6)
    x = numbers(7, 5, 2, dtype=dtype)
    x[3, 1, 0] = odd
    h0 = torch.zeros(1, 5, 6, dtype=dtype)
    results = []
    for layer in (ours, gru):
        parts = [x.clone().requires_grad_(), h0.clone().requires_grad_()]
        out, grads = gradients(layer, *parts, lambda out, h_n: out.sum())
        results.append([out.detach(), *grads])
    assert made == ONCE
    for mine, theirs in zip(*results, strict=True):
        torch.testing.assert_close(
            mine, theirs, rtol=1e-5, atol=1e-6, equal_nan=True
        )
    assert math.isfinite(odd) or results[0][0].isfinite()[:3].all()


@pytest.mark.parametrize("h0", [math.nan, math.inf, 1e30])
def test_an_odd_state_stays_in_its_sequence(h0):
    gru, ours = pair(torch.float64, 1, 5)
    start = torch.zeros(1, 6, 5, dtype=torch.float64)
    start[0, 5, 2] = h0  # the second of two in the last four
    with torch.no_grad():
        found, expected = (
            layer(numbers(4, 6, 1, dtype=torch.float64), start)[0]
            for layer in (ours, gru)
        )
    torch.testing.assert_close(found, expected, equal_nan=True)
    assert found[:, :5].isfinite().all()


def test_extreme_weights_saturate_the_gates():
    gru, ours = pair(torch.float32, 1, 4)
    results = []
    for layer in (ours, gru):
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter *= 1e4
        x = numbers(6, 3, 1).requires_grad_()
        out, _ = layer(x)
        out.sum().backward()
        results.append([out, x.grad, *(p.grad for p in layer.parameters())])
    for mine, theirs in zip(*results, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("name", "truth"),
    [
        ("exp_minus_1", np.expm1),
        ("sigmoid", lambda x: 1 / (1 + np.exp(-x))),
        ("tanh", np.tanh),
    ],
)
def test_functions_of_one_number_are_precise(name, truth, dtype):
    scales = [1e-30, 1e-8, 1e-3, 0.1, 1, 10, 80]
    x = np.concatenate(
        [s * np.linspace(-1, 1, 201) for s in scales], dtype=dtype
    )
    one = () if name == "exp_minus_1" else (dtype(1),)
    found = np.array([getattr(kernels, name)(value, *one) for value in x])
    assert found.dtype == dtype
    expected = truth(x.astype(np.longdouble))
    np.testing.assert_allclose(
        found.astype(np.longdouble), expected, rtol=4 * np.finfo(dtype).eps
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_functions_of_one_number_at_their_ends(dtype):
    one = dtype(1)
    for x in (dtype(np.inf), dtype(1e30)):
        assert kernels.sigmoid(x, one) == 1
        assert 0 <= kernels.sigmoid(-x, one) < 1e-37
        assert kernels.tanh(x, one) == 1
        assert kernels.tanh(-x, one) == -1
    nan = dtype(np.nan)
    assert np.isnan(kernels.sigmoid(nan, one))
    assert np.isnan(kernels.tanh(nan, one))
    assert kernels.tanh(dtype(0), one) == 0


# Other kinds of input


@pytest.mark.parametrize(
    "x",
    [
        numbers(5, 3, 8)[:, :, ::4],
        numbers(2, 3, 5).transpose(0, 2),
        numbers(1, 3, 1).expand(5, 3, 2),
        numbers(10, 6, 2)[::2, ::2],
        numbers(5, 3, 2).flip(0),
    ],
)
def test_strides_do_not_matter(made, x):
    gru, ours = pair(torch.float32, 2, 6)
    h0 = numbers(1, 1, 6).expand(1, 3, 6)
    results = []
    for layer in (ours, copy.deepcopy(gru).double()):
        kind = layer.weight_hh_l0.dtype
        parts = [p.to(kind).requires_grad_() for p in (x, h0)]
        out, grads = gradients(layer, *parts, every_number)
        results.append([out, *grads])
    assert made == ONCE
    assert_close(*results, 1e-6)


def test_an_initial_state_that_is_one_for_all_gets_its_gradient():
    results = []
    for layer in pair(torch.float64, 1, 6):
        h0 = numbers(1, 1, 6, dtype=torch.float64).requires_grad_()
        x = numbers(5, 3, 1, dtype=torch.float64)
        out, _ = layer(x, h0.expand(1, 3, 6))
        results.append(torch.autograd.grad(out.sin().sum(), [h0]))
    assert_close(*results)


def test_only_one_output_is_used():
    for chosen in (0, 1):
        results = []
        for layer in pair(torch.float64, 1, 3):
            used = layer(numbers(4, 3, 1, dtype=torch.float64))[chosen]
            loss = used.sin().sum()
            results.append(torch.autograd.grad(loss, layer.parameters()))
        assert_close(*results)


def test_layers_run_side_by_side():
    layers = [pair(torch.float32, 1, 16)[1] for _ in range(4)]
    x = numbers(200, 8, 1)

    def trained(layer):
        out, _ = layer(x)
        return torch.autograd.grad(out.square().sum(), layer.parameters())

    alone = trained(layers[0])
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(trained, layers * 5):
            assert all(map(torch.equal, found, alone))


# Numba, and what is kept


def test_importing_the_package_needs_no_numba():
    code = (
        "import sys; sys.modules['numba'] = None; "
        "from gru_tutorial import CompiledGRU, GRUModel; "
        "GRUModel(fast=True); import gru_tutorial.kernels"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_numba_a_clear_error(monkeypatch):
    layer, gru = CompiledGRU(1, 3), nn.GRU(1, 3)
    without_numba(monkeypatch)
    missing = r"expected numba, which pip install 'gru-tutorial\[fast\]'"
    for ask in (
        lambda: CompiledGRU(1, 3),
        lambda: CompiledGRU.of(gru),
        lambda: GRUModel(fast="compiled"),
    ):
        with pytest.raises(ImportError, match=missing) as caught:
            ask()
        assert "fast=True does without" in str(caught.value)
    module._compiled_steps.cache_clear()  # as one that was unpickled
    with pytest.raises(ImportError, match=missing):
        pickle.loads(pickle.dumps(layer))(numbers(4, 3, 1))


def test_machine_code_is_kept_on_disk():
    _, ours = pair(torch.float32, 1, 3)
    ours(numbers(4, 3, 1))[0].sum().backward()
    for function in compiled_steps():
        names = os.listdir(function.stats.cache_path)
        pattern = rf"kernels\.{function.__name__}-.*\.nbc"
        assert any(re.match(pattern, name) for name in names)


def test_without_a_folder_to_write_to_nothing_is_kept(monkeypatch):
    import numba

    asked = []

    def njit(cache=False, **options):
        asked.append(cache)
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: function

    monkeypatch.setattr(numba, "njit", njit)
    monkeypatch.setattr(module, "HELPERS", ())
    monkeypatch.setattr(numba.extending, "overload", lambda *a, **k: callable)
    found = module._compiled_steps.__wrapped__()
    assert found == (kernels.forward_steps, kernels.backward_steps)
    assert asked == [True, False, False]


def test_it_is_faster_than_pytorch():
    def seconds(layer):
        out, _ = layer(x)
        start = time.perf_counter()
        out, _ = layer(x)
        out.square().mean().backward()
        return time.perf_counter() - start

    x = numbers(100, 16, 1)
    layers = pair(torch.float32, 1, 16)
    theirs, ours = np.transpose([list(map(seconds, layers)) for _ in range(9)])
    assert 2 * min(ours) < min(theirs)  # eight times and more


def test_weights_are_shared_and_kept_under_the_same_names():
    gru = nn.GRU(1, 3, batch_first=True).eval()
    ours = CompiledGRU.of(gru)
    assert type(ours) is CompiledGRU
    assert not ours.training
    for name, parameter in gru.named_parameters():
        assert getattr(ours, name) is parameter
    nn.GRU(1, 3).load_state_dict(ours.state_dict())
    twin = pickle.loads(pickle.dumps(copy.deepcopy(ours)))
    twin(numbers(4, 3, 1))[0].sum().backward()
    assert ours.weight_hh_l0.grad is None
    assert twin.weight_hh_l0.grad is not None


# In a model


def test_a_model_is_trained_to_the_same_place(made):
    X, y = make_windows(make_series(length=80, seed=1).values, window=24)
    losses = []
    for fast in (False, "compiled"):
        torch.manual_seed(0)
        model = GRUModel(hidden_size=8, fast=fast).double()
        history = fit(model, make_loader(X, y, shuffle=True), num_epochs=5)
        losses.append(history.train_loss)
    assert made["backward"] == 10  # two batches in each of five epochs
    assert losses[0] == pytest.approx(losses[1], rel=1e-9)


@pytest.mark.parametrize("fast", [False, True, "compiled"])
def test_a_model_says_what_it_is_made_of(fast):
    model = GRUModel(hidden_size=4, fast=fast)
    kinds = {False: nn.GRU, True: ExactGRU, "compiled": CompiledGRU}
    assert type(model.gru) is kinds[fast]
    assert model.settings()["fast"] is fast


@pytest.mark.parametrize("fast", ["Compiled", "exact", 1, None, b"compiled"])
def test_another_wish_is_refused(fast):
    with pytest.raises(ValueError, match="fast: expected True, False or 'com"):
        GRUModel(fast=fast)


def saved_forecaster(tmp_path):
    values = make_series(length=100, seed=0).values
    forecaster = Forecaster(GRUModel(hidden_size=4, fast="compiled"))
    forecaster.fit(values, Recipe(num_epochs=1))
    forecaster.save(tmp_path / "gru.pt")
    return forecaster, values


def test_a_forecaster_is_saved_and_loaded(tmp_path):
    forecaster, values = saved_forecaster(tmp_path)
    again = Forecaster.load(tmp_path / "gru.pt")
    assert type(again.model.gru) is CompiledGRU
    np.testing.assert_array_equal(again(values, 5), forecaster(values, 5))


def test_where_numba_is_missing_it_is_loaded_without(tmp_path, monkeypatch):
    forecaster, values = saved_forecaster(tmp_path)
    expected = forecaster(values, 5)
    without_numba(monkeypatch)
    with pytest.warns(UserWarning, match="fast=True.* numba is missing"):
        again = Forecaster.load(tmp_path / "gru.pt")
    assert type(again.model.gru) is ExactGRU
    np.testing.assert_allclose(again(values, 5), expected, rtol=1e-5)
