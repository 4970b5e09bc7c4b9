"""The backward pass by hand gives autograd's gradients, or hands over."""

import copy
import io

import pytest
import torch
from torch import nn

from gru_tutorial import GRUModel, fit, make_loader, make_series, make_windows
from gru_tutorial import backward as module
from gru_tutorial.backward import ExactBackward, ExactGRU


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


def test_frozen_parts_get_no_gradient():
    _, exact = pair(torch.float64, 2, 3)
    exact.weight_hh_l0.requires_grad_(False)
    exact(numbers(4, 3, 2, dtype=torch.float64))[0].sum().backward()
    assert exact.weight_hh_l0.grad is None
    assert exact.weight_ih_l0.grad is not None


def test_a_changed_output_is_noticed():
    _, exact = pair(torch.float32, 1, 3)
    out, _ = exact(numbers(4, 3, 1))
    with torch.no_grad():
        out += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.sum().backward()


HANDED_OVER = {
    "two layers": (dict(num_layers=2), {}),
    "two directions": (dict(bidirectional=True), {}),
    "no bias": (dict(bias=False), {}),
    "dropout": (dict(num_layers=2, dropout=0.5), {}),
    "half precision": (dict(dtype=torch.bfloat16), {}),
    "unbatched": ({}, dict(shape=(6, 2))),
    "many states": ({}, dict(shape=(6, 600, 2))),
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
