"""What each head reads from the states, against layers by hand."""

import math

import numpy as np
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
    Recipe,
    Seq2Seq,
    cycle_error,
    cycle_forecast,
    make_cycle,
    make_series,
    make_windows,
)

HEADS = {
    "direct": Direct(4),
    "gaussian": Gaussian(4),
    "quantiles": Quantiles(4),
    "quantiles, two targets": Quantiles(4, (1, 0), (0.25, 0.75)),
    "seq2seq": Seq2Seq(4),
    "last states": LastStates(4),
    "last states, hidden layer": LastStates(4, decoder_size=5),
    "two targets": Direct(4, target=(1, 0)),
    "seq2seq, two targets": Seq2Seq(4, target=(0, 1)),
    "last states, two targets": LastStates(4, target=(0, 1)),
}


def made(name, **options):
    torch.manual_seed(0)
    features = len(HEADS[name].target)
    return GRUModel(features, 8, head=HEADS[name], **options)


def inputs(features=1, batch=3, length=40):
    rows = [make_series(length, seed=k).values for k in range(batch)]
    x = torch.tensor(np.stack(rows)[..., None], dtype=torch.float32)
    return torch.cat([x * 0.5**k for k in range(features)], dim=2)


@pytest.mark.parametrize("name", HEADS)
def test_a_head_gives_as_many_numbers_as_it_says(name):
    model = made(name)
    x = inputs(len(model.head.target))
    y_hat, state = model.run(x)
    assert model(x).shape == (3, model.head.numbers)
    assert y_hat.shape == (3, 40, model.head.numbers)
    assert state.shape == (1, 3, 8)
    labels = model.horizon * len(model.head.target)
    assert model.head.point(y_hat).shape == (3, 40, labels)
    blind = model.head.blind
    loss = model.head.loss(
        y_hat[:, blind:], torch.zeros(3, 40, labels)[:, blind:]
    )
    assert loss.ndim == 0
    assert math.isfinite(loss.detach())


@pytest.mark.parametrize("options", [{}, {"num_layers": 2}])
@pytest.mark.parametrize("name", HEADS)
def test_run_forecasts_what_forward_does_after_every_step(name, options):
    model = made(name, **options)
    x = inputs(len(model.head.target))
    with torch.no_grad():
        y_hat, _ = model.run(x)
        for t in (3, 4, 20, 39):
            after = model(x[:, : t + 1])
            torch.testing.assert_close(y_hat[:, t], after)


@pytest.mark.parametrize(
    "name", ["direct", "gaussian", "quantiles", "seq2seq"]
)
def test_a_state_is_carried_through_a_stream(name):
    model, x = made(name), inputs()
    with torch.no_grad():
        expected, _ = model.run(x)
        first, state = model.run(x[:, :25])
        second, state = model.run(x[:, 25:39], state)
        third, _ = model.step(x[:, 39], state)
    found = torch.cat([first, second, third[:, None]], dim=1)
    torch.testing.assert_close(found, expected)


def test_what_needs_whole_sequences_refuses_stretches():
    model, x = made("last states"), inputs()
    y_hat, state = model.run(x)
    assert y_hat[:, :3].isnan().any(dim=-1).all()
    assert not y_hat[:, 3:].isnan().any()
    with pytest.raises(ValueError, match="state: expected None, as LastSta"):
        model.run(x, state)
    with pytest.raises(ValueError, match="head: expected one that forecasts"):
        model.step(x[:, 0])
    with pytest.raises(ValueError, match="x: expected at least horizon = 4"):
        model(x[:, :3])


@pytest.mark.parametrize("name", HEADS)
def test_a_late_step_depends_on_an_early_value(name):
    """No gradient is cut on the way from the forecast's last step."""
    model = made(name)
    x = inputs(len(model.head.target), length=8).requires_grad_()
    last = model.head.point(model(x))[:, -1]
    last.sum().backward()
    assert (x.grad[:, 0].abs() > 0).all()
    for parameter in model.parameters():
        assert parameter.grad is not None


@pytest.mark.parametrize("name", ["seq2seq", "last states"])
def test_every_step_of_the_training_forecast_has_a_gradient(name):
    model, x = made(name), inputs(length=12)
    for step in range(4):
        x.grad = None
        x.requires_grad_()
        y_hat, _ = model.run(x)
        y_hat[:, -1, step].sum().backward()
        seen = x.grad.abs().sum(dim=(0, 2)) > 0
        assert seen[:9].all()


def test_seq2seq_equals_its_two_layers_by_hand():
    model, x = made("seq2seq"), inputs()
    decoder = nn.GRU(1, 8, batch_first=True)
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    weights = {f"{n}_l0": getattr(model.head.decoder, n) for n in names}
    decoder.load_state_dict(weights)
    path = []
    with torch.no_grad():
        _, state = model.gru(x)
        last = x[:, -1:]
        for _ in range(9):
            out, state = decoder(last, state)
            last = model.linear(out)
            path.append(last[:, 0])
        expected = torch.cat(path, dim=1)
        for horizon in (1, 4, 9):  # also beyond that of the training
            found = model(x, horizon=horizon)
            torch.testing.assert_close(found, expected[:, :horizon])


def taught(share, labels, training=True):
    """Return a model, and what it forecasts while it sees the labels."""
    torch.manual_seed(0)
    head = Seq2Seq(4, teacher_forcing=share)
    model = GRUModel(hidden_size=8, head=head).train(training)
    with model.head.taught(labels), torch.no_grad():
        return model, model.run(inputs())[0]


def test_a_taught_decoder_takes_the_true_values():
    labels = torch.linspace(-1, 1, 3 * 40 * 4).reshape(3, 40, 4)
    model, found = taught(1, labels)
    decoder, x = model.head.decoder, inputs()
    with torch.no_grad():
        out, _ = model.gru(x)
        for row, t in ((0, 0), (1, 20), (2, 39)):
            state, last = out[row, t], x[row, t]
            for step in range(4):
                state = decoder(last[None], state[None])[0]
                y_hat = model.linear(state)
                torch.testing.assert_close(y_hat[0], found[row, t, step])
                last = labels[row, t, step : step + 1]
        untaught, _ = model.run(x)  # as soon as nobody tells it
        free = Seq2Seq(4)
        torch.manual_seed(0)
        expected, _ = GRUModel(hidden_size=8, head=free).run(x)
    torch.testing.assert_close(untaught, expected)
    assert not torch.allclose(untaught, found)
    torch.testing.assert_close(taught(0, labels)[1], expected)


def test_a_coin_decides_on_each_input():
    labels = torch.full((3, 40, 4), 5.0)
    steps = [taught(share, labels)[1] for share in (0.0, 0.25, 1.0)]
    own, mixed, true = (y_hat[..., 1].flatten() for y_hat in steps)
    told = torch.isclose(mixed, true)
    assert torch.isclose(mixed, own)[~told].all()
    assert 0.15 < told.float().mean() < 0.35
    assert not torch.isclose(own, true).any()


def test_two_targets_are_taught_in_their_order():
    head = Seq2Seq(2, target=(1, 0), teacher_forcing=1)
    torch.manual_seed(0)
    model, x = GRUModel(2, 8, head=head), inputs(2)
    labels = torch.arange(12.0).reshape(3, 4)
    with torch.no_grad():
        with model.head.taught(labels):
            found = model(x)
        _, state = model.gru(x)
        state = model.head.decoder(x[:, -1, [1, 0]], state[0])
        state = model.head.decoder(labels[:, :2], state)
        torch.testing.assert_close(found[:, 2:], model.linear(state))


@pytest.mark.parametrize("window", [None, 8])
def test_fit_tells_the_labels_and_a_forecast_does_not(window, monkeypatch):
    told, values = [], make_cycle(200)

    def decode(head, *arguments, plain=Seq2Seq.decode):
        told.append((head.training, head._truth is not None))
        return plain(head, *arguments)

    monkeypatch.setattr(Seq2Seq, "decode", decode)
    models = []
    for share in (0.0, 1.0):
        torch.manual_seed(0)
        model = GRUModel(hidden_size=4, head=Seq2Seq(3, teacher_forcing=share))
        forecaster = Forecaster(model, window=window)
        forecaster.fit(values, num_epochs=1, chunk=20, valid=40)
        assert np.isfinite(forecaster(values, horizon=9)).all()
        models.append(model)
    assert set(told) == {(True, True), (False, False)}
    first, second = (model.head.decoder.weight_hh for model in models)
    assert not torch.allclose(first, second)


def test_a_teacher_leaves_when_training_fails():
    model, x = made("seq2seq"), inputs()
    with pytest.raises(InterruptedError), model.head.taught(x[..., 0]):
        raise InterruptedError
    assert model.head._truth is None


def test_labels_of_another_length_cannot_teach():
    head = Seq2Seq(4, teacher_forcing=0.5)
    model = GRUModel(hidden_size=8, head=head)
    for labels in (torch.zeros(3, 40, 3), torch.zeros(3, 4), torch.zeros(4)):
        with (
            pytest.raises(ValueError, match=r"y: expected shape \(120, 4\)"),
            model.head.taught(labels),
        ):
            model.run(inputs())


@pytest.mark.parametrize("decoder_size", [None, 5])
def test_last_states_are_read_one_for_each_step(decoder_size):
    torch.manual_seed(0)
    head = LastStates(3, decoder_size=decoder_size)
    model, x = GRUModel(hidden_size=8, head=head), inputs()
    with torch.no_grad():
        out, _ = model.gru(x)
        expected = model.linear(out[:, -3:]).squeeze(-1)  # as the libraries do
        torch.testing.assert_close(model(x), expected)


def test_several_targets_come_step_by_step():
    model = made("two targets")
    x = inputs(2)
    with torch.no_grad():
        steps = model(x).unflatten(1, (4, 2))
        y_hat = model.linear(model.gru(x)[0][:, -1])
        torch.testing.assert_close(steps.flatten(1), y_hat)


def test_a_head_says_how_it_is_made():
    class Quantile(Direct):
        def __init__(self, horizon=1, target=0, q=0.9):
            super().__init__(horizon, target)
            self.q = q

    assert Quantile(2, q=0.1).settings() == {
        "horizon": 2,
        "target": (0,),
        "q": 0.1,
    }
    assert "q=0.1" in str(GRUModel(head=Quantile(2, q=0.1)))


def test_a_model_has_a_head_of_its_own():
    head = Seq2Seq(3)
    models = [GRUModel(hidden_size=4, head=head) for _ in range(2)]
    assert not list(head.parameters())
    first, second = (model.head.decoder.weight_ih for model in models)
    assert not torch.equal(first, second)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Direct(0), "horizon: expected a whole number"),
        (lambda: Direct(2, target=-1), "target: expected a whole number"),
        (lambda: Direct(2, target=(0, 0)), "target: expected each feature"),
        (lambda: Direct(2, target="a"), "target: expected a whole number"),
        (lambda: LastStates(2, decoder_size=0), "decoder_size"),
        (lambda: Seq2Seq(2, 0, 1.5), "teacher_forcing: expected a share from"),
        (lambda: Seq2Seq(2, 0, -0.1), "teacher_forcing: expected a finite"),
        (lambda: GRUModel(head="gaussian"), "head: expected a Head"),
        (lambda: GRUModel(head=Direct), "head: expected a Head"),
        (
            lambda: GRUModel(horizon=1, head=Direct(4)),
            "horizon: expected 4, as the head has it, got 1",
        ),
        (
            lambda: GRUModel(head=Direct(4, target=1)),
            "head.target: expected a whole number from 0 to 0, got 1",
        ),
        (
            lambda: made("direct")(inputs(), horizon=5),
            "horizon: expected 4, which this head gives at once, got 5",
        ),
        (lambda: made("seq2seq")(inputs(), horizon=0), "horizon: expected"),
    ],
)
def test_heads_refuse(call, message):
    with pytest.raises(ValueError, match=message):
        call()


CYCLE = Recipe(
    num_epochs=8,
    lr=0.01,
    one_cycle=True,
    clip=1.0,
    burn_in=5,
    chunk=30,
    stride=4,
    batch_size=16,
)


@pytest.mark.slow
def test_direct_comes_within_a_tenth_of_the_optimum_at_each_horizon():
    ratios = []
    for seed in range(3):
        values = make_cycle(6000, seed=seed)
        torch.manual_seed(seed)
        model = GRUModel(hidden_size=16, horizon=12, fast=True)
        forecaster = Forecaster(model).fit(values[:3000], CYCLE, seed=seed)
        X, _ = make_windows(values[3000:], 60, horizon=12)
        excess = forecaster(X[..., 0], 12) - cycle_forecast(X[..., 0], 12)
        ratios.append(1 + (excess**2).mean(axis=0) / cycle_error(12) ** 2)
    assert (np.median(ratios, axis=0) < 1.1).all()
