"""The backward pass by hand gives autograd's gradients, or hands over."""

import copy
import io

import pytest
import torch
from torch import nn
from torch.autograd import forward_ad
from torch.utils.checkpoint import checkpoint

from gru_tutorial import GRUModel, fit, make_loader, make_series, make_windows
from gru_tutorial import exact as module
from gru_tutorial.exact import (
    ExactBackward,
    ExactGRU,
    block_backward,
    gate_factors,
)


def numbers(*shape, dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=dtype)


def calls(monkeypatch):
    """Count how often the gradient by hand is asked for."""
    made = []
    apply = ExactBackward.apply

    def counting(*arguments):
        made.append(1)
        return apply(*arguments)

    monkeypatch.setattr(ExactBackward, "apply", counting)
    return made


def gradients(gru, x, h0, use):
    inputs = [x, h0, *gru.parameters()]
    for part in inputs:
        part.grad = None
    out, h_n = gru(x, h0)
    return out, torch.autograd.grad(use(out, h_n), inputs)


def pair(dtype, features, hidden, batch_first=False):
    torch.manual_seed(0)
    gru = nn.GRU(features, hidden, batch_first=batch_first).to(dtype)
    return gru, ExactGRU.of(copy.deepcopy(gru))


@pytest.mark.parametrize("block", [1, 200, 2**18])
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize(
    ("steps", "batch", "features", "hidden"),
    [(1, 1, 1, 1), (11, 5, 3, 7), (40, 1, 1, 16), (7, 32, 2, 64)],
)
def test_gradients_equal_autograds_in_double(
    monkeypatch, block, batch_first, steps, batch, features, hidden
):
    monkeypatch.setattr(module, "BLOCK", block)
    made = calls(monkeypatch)
    gru, exact = pair(torch.float64, features, hidden, batch_first)
    shape = (batch, steps) if batch_first else (steps, batch)
    x = numbers(*shape, features, dtype=torch.float64).requires_grad_()
    h0 = numbers(1, batch, hidden, dtype=torch.float64).requires_grad_()

    def use(out, h_n):  # both outputs, each number with another weight
        weights = torch.linspace(0.5, 2, out.numel(), dtype=out.dtype)
        return (out.sin().flatten() * weights).sum() + h_n.square().sum()

    expected_out, expected = gradients(gru, x, h0, use)
    out, found = gradients(exact, x, h0, use)
    assert made
    assert torch.equal(out, expected_out)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == theirs.shape
        assert (ours - theirs).abs().max() <= 1e-12 * theirs.abs().max()


@pytest.mark.parametrize(
    ("steps", "batch", "hidden"),
    [(80, 16, 16), (40, 16, 32), (200, 64, 64), (100, 32, 128)],
)
def test_gradients_equal_autograds_in_single(steps, batch, hidden):
    gru, exact = pair(torch.float32, 1, hidden)
    double = copy.deepcopy(gru).double()
    x, h0 = numbers(steps, batch, 1), torch.zeros(1, batch, hidden)

    def use(out, h_n):
        return out.square().mean()

    def found(layer):
        dtype = layer.weight_hh_l0.dtype
        inputs = [part.to(dtype).requires_grad_() for part in (x, h0)]
        return gradients(layer, *inputs, use)[1]

    def distance(these, those):
        return max(
            float((a - b).abs().max() / b.abs().max())
            for a, b in zip(these, those, strict=True)
        )

    truth, theirs, ours = found(double), found(gru), found(exact)
    assert distance(ours, truth) <= 1e-6
    # Autograd's own rounding errors grow with the size: up to 5e-6.
    small = steps * batch * hidden <= 80 * 16 * 16
    assert distance(ours, theirs) <= (1e-6 if small else 1e-5)


def small_inputs():
    shapes = [(4, 3, 2), (3, 3), (9, 2), (9, 3), (9,), (9,)]
    return [
        numbers(*shape, dtype=torch.float64, seed=k).requires_grad_()
        for k, shape in enumerate(shapes)
    ]


def test_gradcheck():
    assert torch.autograd.gradcheck(ExactBackward.apply, small_inputs())


def test_gradgradcheck():
    assert torch.autograd.gradgradcheck(ExactBackward.apply, small_inputs())


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("frozen", [("weight_hh_l0",), ("bias",), ("",)])
def test_frozen_parts_get_no_gradient(monkeypatch, frozen, create_graph):
    made = calls(monkeypatch)
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
        loss = layer(x)[0].sin().sum()
        loss.backward()
        stopped = [p for p in layer.parameters() if not p.requires_grad]
        assert stopped
        assert all(p.grad is None for p in stopped)
        results.append([x.grad, *grads])
    assert len(made) == 2
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14)


def leave(out, h):
    return out, h


def h_detached_in_place(out, h):
    return out, h.detach_()


def h_set_to_zero(out, h):
    h = h.detach()
    h[:, 0] = 0
    return out, h


def h_halved(out, h):
    h *= 0.5
    return out, h


def out_through_relu(out, h):
    return torch.relu_(out), h


def out_through_dropout(out, h):
    torch.manual_seed(2)
    return nn.Dropout(0.5, inplace=True)(out), h


def out_plus_one(out, h):
    return out.add_(1), h


def out_without_its_start(out, h):
    out[:, :1].mul_(0)
    return out, h


def out_changed_unseen(out, h):
    with torch.no_grad():
        out += 1
    return out, h


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize(
    "change",
    [
        leave,
        h_detached_in_place,
        h_set_to_zero,
        h_halved,
        out_through_relu,
        out_through_dropout,
        out_plus_one,
        out_without_its_start,
        out_changed_unseen,
    ],
)
def test_outputs_are_the_callers_to_change(monkeypatch, batch_first, change):
    """Whatever nn.GRU lets one do to its outputs, with the same result."""
    made = calls(monkeypatch)
    results = []
    for layer in pair(torch.float64, 1, 4, batch_first):
        x = numbers(5, 2, 1, dtype=torch.float64).requires_grad_()
        out, h = change(*layer(x))
        loss = out.square().sum() + h.sin().sum()
        grads = torch.autograd.grad(loss, [x, *layer.parameters()])
        results.append([out, h, *grads])
    assert made
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14)


def test_an_input_changed_before_the_way_back_is_noticed():
    for layer in pair(torch.float32, 1, 3):
        x = numbers(4, 3, 1)
        out, _ = layer(x)
        x += 1
        with pytest.raises(RuntimeError, match="modified by an inplace"):
            out.sum().backward()


def test_gradients_can_be_asked_for_twice():
    _, exact = pair(torch.float32, 1, 3)
    out, _ = exact(numbers(4, 3, 1))
    loss = out.square().sum()
    asked = [
        torch.autograd.grad(loss, exact.parameters(), retain_graph=True)
        for _ in range(2)
    ]
    assert all(map(torch.equal, *asked))


def test_recomputed_and_hooked_tensors_are_no_hindrance():
    results = []
    for layer in pair(torch.float64, 1, 3):
        x = numbers(4, 3, 1, dtype=torch.float64).requires_grad_()
        out = checkpoint(lambda x, f=layer: f(x)[0], x, use_reentrant=False)
        with torch.autograd.graph.save_on_cpu():
            out = out + layer(x)[0]
        out.sin().sum().backward()
        results.append([x.grad, *(p.grad for p in layer.parameters())])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14)


HANDED_OVER = {
    "two layers": (dict(num_layers=2), {}),
    "two directions": (dict(bidirectional=True), {}),
    "no bias": (dict(bias=False), {}),
    "dropout": (dict(num_layers=2, dropout=0.5), {}),
    "half precision": (dict(dtype=torch.bfloat16), {}),
    "unbatched": ({}, dict(shape=(6, 2))),
    "many states": ({}, dict(shape=(6, 513, 2))),
}


@pytest.mark.parametrize("name", HANDED_OVER)
def test_what_is_not_covered_goes_to_pytorch(monkeypatch, name):
    arguments, options = HANDED_OVER[name]
    made = calls(monkeypatch)
    torch.manual_seed(0)
    gru = nn.GRU(2, 8, **arguments)
    exact = ExactGRU.of(gru)
    dtype = arguments.get("dtype", torch.float32)
    x = numbers(*options.get("shape", (6, 5, 2))).to(dtype)
    results = []
    for layer in (gru, exact):
        torch.manual_seed(1)  # of dropout
        out, h_n = layer(x)
        grads = torch.autograd.grad(out.float().sum(), gru.parameters())
        results.append([out, h_n, *grads])
    assert not made
    for ours, theirs in zip(*results, strict=True):
        assert torch.equal(ours, theirs)


def test_dropout_of_a_single_layer_goes_to_pytorch(monkeypatch):
    made = calls(monkeypatch)
    with pytest.warns(UserWarning, match="non-zero dropout"):
        gru = nn.GRU(1, 3, dropout=0.5)
    with pytest.warns(UserWarning, match="non-zero dropout"):
        exact = ExactGRU.of(gru)
    exact(numbers(4, 3, 1))
    assert not made


def test_no_gradient_no_work_by_hand(monkeypatch):
    made = calls(monkeypatch)
    _, exact = pair(torch.float32, 1, 3)
    with torch.no_grad():
        exact(numbers(4, 3, 1))
    exact.requires_grad_(False)
    exact(numbers(4, 3, 1))
    assert not made


def test_packed_sequences_and_autocast_go_to_pytorch(monkeypatch):
    made = calls(monkeypatch)
    _, exact = pair(torch.float32, 1, 3)
    x = numbers(4, 3, 1)
    packed = nn.utils.rnn.pack_padded_sequence(x, [4, 3, 2])
    exact(packed)[0].data.sum().backward()
    with torch.autocast("cpu"):
        exact(x)[0].float().sum().backward()
    assert not made


def as_function(layer, x):
    weights = {k: p.detach() for k, p in layer.named_parameters()}
    return weights, lambda weights, x: torch.func.functional_call(
        layer, weights, (x,)
    )[0]


def func_grad(layer, x):
    weights, run = as_function(layer, x)
    return torch.func.grad(lambda w: run(w, x).sin().sum())(weights).values()


def func_jvp(layer, x):
    return torch.func.jvp(lambda x: layer(x)[0], (x,), (x.cos(),))


def func_jvp_of_weights(layer, x):
    weights, run = as_function(layer, x)
    return torch.func.jvp(lambda w: run(w, x), (weights,), (weights,))


def func_hessian(layer, x):
    return [torch.func.hessian(lambda x: layer(x)[0].sin().sum())(x)]


def func_jacrev(layer, x):
    weights, run = as_function(layer, x)
    return torch.func.jacrev(lambda w: run(w, x).sum(0))(weights).values()


def forward_mode(layer, x):
    with forward_ad.dual_level():
        out, h_n = layer(forward_ad.make_dual(x, x.cos()))
        return [*forward_ad.unpack_dual(out), *forward_ad.unpack_dual(h_n)]


def traced(layer, x):
    with pytest.warns() as caught:
        found = torch.jit.trace(layer, (x,))
    kinds = (DeprecationWarning, torch.jit.TracerWarning)
    assert all(issubclass(w.category, kinds) for w in caught)
    return found(x)


class Marked(torch.Tensor):
    """A class of tensors as another package might bring."""


def marked(layer, x):
    out, h_n = layer(x.as_subclass(Marked))
    assert type(out) is Marked
    return out.as_subclass(torch.Tensor), h_n.as_subclass(torch.Tensor)


TRANSFORMS = [
    func_grad,
    func_jvp,
    func_jvp_of_weights,
    func_hessian,
    func_jacrev,
    forward_mode,
    traced,
    marked,
]


@pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning")
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_transforms_go_to_pytorch(monkeypatch, transform):
    made = calls(monkeypatch)
    gru, exact = pair(torch.float64, 2, 3)
    x = numbers(4, 3, 2, dtype=torch.float64)
    theirs, ours = (list(transform(layer, x)) for layer in (gru, exact))
    assert not made
    for found, expected in zip(ours, theirs, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)


def test_vmap_gets_pytorchs_own_complaint():
    errors = []
    for layer in pair(torch.float32, 2, 3):
        with pytest.raises(RuntimeError) as caught:
            torch.func.vmap(layer)(numbers(5, 4, 3, 2))
        errors.append(str(caught.value))
    assert "Batching rule not implemented" in errors[0]
    assert errors[0] == errors[1]


def many_gradients(layer, x):
    out, h_n = layer(x)
    ways = numbers(7, *out.shape, dtype=x.dtype)
    return torch.autograd.grad(
        [out, h_n],
        [x, *layer.parameters()],
        [ways, ways[:, -1:]],
        is_grads_batched=True,
    )


def vmapped_gradients(layer, x):
    out, _ = layer(x)

    def ask(way):
        return torch.autograd.grad(out, layer.parameters(), way)

    return torch.func.vmap(ask)(numbers(7, *out.shape, dtype=x.dtype))


def jacobian(layer, x):
    def run(x):
        return layer(x)[0]

    return [torch.autograd.functional.jacobian(run, x, vectorize=True)]


def gradient_of_a_gradient(layer, x):
    out, h_n = layer(x)
    loss = out.sin().sum() + h_n.square().sum()
    first = torch.autograd.grad(loss, [x], create_graph=True)[0]
    return torch.autograd.grad(first.square().sum(), layer.parameters())


@pytest.mark.parametrize(
    "ask",
    [
        many_gradients,
        vmapped_gradients,
        jacobian,
        gradient_of_a_gradient,
    ],
)
def test_other_ways_back_equal_autograds(monkeypatch, ask):
    made = calls(monkeypatch)
    gru, exact = pair(torch.float64, 2, 3)
    x = numbers(4, 3, 2, dtype=torch.float64).requires_grad_()
    theirs, ours = ask(gru, x), ask(exact, x)
    assert made
    for found, expected in zip(ours, theirs, strict=True):
        assert not found.requires_grad
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)


def test_another_device_goes_to_pytorch(monkeypatch):
    made = calls(monkeypatch)
    exact = ExactGRU(1, 3, device="meta")
    out, _ = exact(torch.empty(4, 3, 1, device="meta"))
    assert out.device.type == "meta"
    assert not made


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
def test_bad_input_gets_pytorchs_own_complaint(x, h0):
    gru, exact = pair(torch.float32, 1, 3)
    errors = []
    for layer in (gru, exact):
        with pytest.raises((RuntimeError, ValueError)) as caught:
            layer(x, h0)
        errors.append(str(caught.value))
    assert errors[0] == errors[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(input_size=0), "input_size: .* at least 1, got 0"),
        (dict(input_size=2.0), r"input_size: .* got 2\.0"),
        (dict(hidden_size="8"), "hidden_size: .* got '8'"),
        (dict(hidden_size=None), "hidden_size: .* got None"),
        (dict(num_layers=True), "num_layers: .* got True"),
        (dict(bias="no"), "bias: expected True or False, got 'no'"),
        (dict(batch_first=1), "batch_first: expected True or False, got 1"),
        (dict(dropout=1.5), r"dropout: .* from 0 to 1, got 1\.5"),
        (dict(dropout=float("nan")), "dropout: .* got nan"),
        (dict(bidirectional=None), "bidirectional: .* got None"),
        (dict(dtype=torch.int64), "cannot be made with .*torch.int64"),
        (dict(dtype="float32"), "cannot be made with .*'float32'"),
        (dict(device="abacus"), "cannot be made with device='abacus'"),
        (dict(hidden_size=10**10), "cannot be made"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        ExactGRU(**{"input_size": 1, "hidden_size": 2, **arguments})


@pytest.mark.parametrize(
    ("x", "h0", "message"),
    [
        ([[0.0]], None, "input: expected a Tensor, got list"),
        (None, None, "input: expected a Tensor, got NoneType"),
        (torch.zeros(4, 3, 1), (1, 2), "hx: expected a Tensor, got tuple"),
    ],
)
def test_what_is_no_tensor_is_refused(x, h0, message):
    with pytest.raises(ValueError, match=message):
        ExactGRU(1, 3)(x, h0)


def test_weights_computed_from_others_are_refused():
    gru = nn.utils.parametrizations.weight_norm(nn.GRU(1, 3), "weight_hh_l0")
    with pytest.raises(
        ValueError, match=r"weights of its own, got .*parametri"
    ):
        ExactGRU.of(gru)


X, H, D = torch.zeros(4, 3, 2), torch.zeros(4, 3, 5), torch.zeros(3, 5)
WEIGHTS = tuple(p.detach() for p in nn.GRU(2, 5).parameters())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gate_factors(None, H, WEIGHTS), "expected dense Tensors"),
        (lambda: gate_factors(X, H, None), "expected dense Tensors"),
        (lambda: gate_factors(X, H, WEIGHTS[:3]), "four as weights"),
        (lambda: gate_factors(X[0], H, WEIGHTS), "expected shapes"),
        (
            lambda: gate_factors(*[torch.ones(())] * 2, [torch.ones(())] * 4),
            "expected shapes",
        ),
        (lambda: gate_factors(X[:0], H[:0], WEIGHTS), "expected shapes"),
        (lambda: gate_factors(X, H, WEIGHTS[::-1]), "expected shapes"),
        (lambda: gate_factors(X.double(), H, WEIGHTS), "one floating dtype"),
        (
            lambda: gate_factors(
                X.long(), H.long(), [w.long() for w in WEIGHTS]
            ),
            "one floating dtype",
        ),
        (lambda: block_backward(X, H, WEIGHTS, H[1:], D), "d_out: .*4, 3, 5"),
        (lambda: block_backward(X, H, WEIGHTS, H, H), "d_h: .* got .4, 3, 5"),
        (lambda: block_backward(X, H, WEIGHTS, H, 0), "d_h: .* got int"),
        (lambda: block_backward(X, H, WEIGHTS, H.double(), D), "h, d_out"),
        (lambda: ExactBackward.apply(X, H, *WEIGHTS), "h0: .*batch, hidden"),
        (lambda: ExactBackward.apply(X, None, *WEIGHTS), "h0: .* NoneType"),
        (
            lambda: ExactBackward.apply(None, D, *WEIGHTS),
            "expected dense Tensors",
        ),
        (lambda: ExactBackward.apply(X, D[:1], *WEIGHTS), "expected shapes"),
        (lambda: ExactBackward.apply(X, D), "four as weights"),
    ],
)
def test_parts_that_do_not_fit_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_way_back_needs_no_frozen_weights():
    gru = nn.GRU(2, 5)
    d_x, d_h, d_weights = block_backward(X, H, [*gru.parameters()], H, D)
    assert not any(d.requires_grad for d in (d_x, d_h, *d_weights))


def test_weights_are_shared_and_kept_under_the_same_names():
    gru = nn.GRU(1, 3, batch_first=True).eval()
    exact = ExactGRU.of(gru)
    assert not exact.training
    assert exact.batch_first
    for name, parameter in gru.named_parameters():
        assert getattr(exact, name) is parameter
    buffer = io.BytesIO()
    torch.save(exact.state_dict(), buffer)
    buffer.seek(0)
    nn.GRU(1, 3).load_state_dict(torch.load(buffer, weights_only=True))


def test_making_one_draws_nothing():
    gru = nn.GRU(1, 3)
    before = torch.get_rng_state()
    ExactGRU.of(gru)
    assert torch.equal(torch.get_rng_state(), before)


def test_of_refuses_another_layer():
    with pytest.raises(ValueError, match=r"expected an nn\.GRU, got LSTM"):
        ExactGRU.of(nn.LSTM(1, 3))


def test_a_model_is_trained_to_the_same_place(monkeypatch):
    made = calls(monkeypatch)
    X, y = make_windows(make_series(length=80, seed=1).values, window=24)
    results = []
    for swap in (False, True):
        torch.manual_seed(0)
        model = GRUModel(hidden_size=8).double()
        if swap:
            model.gru = ExactGRU.of(model.gru)
        history = fit(model, make_loader(X, y, shuffle=True), num_epochs=5)
        results.append(history.train_loss)
    assert len(made) == 10  # two batches in each of five epochs
    assert results[0] == pytest.approx(results[1], rel=1e-9)


def test_a_compiled_or_exported_model_leaves_it_alone(monkeypatch):
    made = calls(monkeypatch)
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    _, exact = pair(torch.float32, 1, 3)
    exact(numbers(4, 3, 1))
    assert not made


def test_a_copy_is_independent():
    _, exact = pair(torch.float32, 1, 3)
    twin = copy.deepcopy(exact)
    out, _ = twin(numbers(4, 3, 1))
    out.sum().backward()
    assert exact.weight_hh_l0.grad is None
    assert twin.weight_hh_l0.grad is not None
