"""The training loop: it learns, repeats itself, and complains in time."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from gru_tutorial import (
    GRUModel,
    Scaler,
    evaluate,
    fit,
    make_loader,
    make_series,
    make_windows,
)


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def windows(n=8, window=12):
    values = make_series(length=n + window).values
    return make_windows(Scaler().fit(values).transform(values), window)


def train(seed=0, **arguments):
    torch.manual_seed(seed)
    model = GRUModel(hidden_size=16)
    loader = make_loader(*windows(40), batch_size=16, shuffle=True)
    return model, fit(model, loader, **arguments)


def test_eight_windows_are_overfitted():
    torch.manual_seed(0)
    model, loader = GRUModel(hidden_size=32), make_loader(*windows(8))
    fit(model, loader, num_epochs=200, lr=0.02)
    assert evaluate(model, loader) < 1e-3


def test_a_seed_repeats_the_history_to_the_bit():
    (model, history), (twin, again) = train(num_epochs=3), train(num_epochs=3)
    assert history == again
    for ours, theirs in zip(
        model.parameters(), twin.parameters(), strict=True
    ):
        assert torch.equal(ours, theirs)
    assert train(seed=1, num_epochs=3)[1] != history


def test_the_log_has_the_original_form(capsys):
    _, history = train(num_epochs=20, log_every=10)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"Epoch [{epoch}/20], Loss: {history.train_loss[epoch - 1]:.4f}"
        for epoch in (10, 20)
    ]
    assert lines[0].startswith("Epoch [10/20], Loss: 0.")


def test_silent_unless_asked(capsys):
    train(num_epochs=2)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_progress_bar_counts_epochs(capsys):
    train(num_epochs=2, progress=True)
    assert "2/2" in capsys.readouterr().err


def test_validation_is_recorded_and_logged(capsys):
    loader = make_loader(*windows(8))
    model = GRUModel(hidden_size=8)
    history = fit(model, loader, loader, num_epochs=2, log_every=1)
    assert len(history.train_loss) == len(history.valid_loss) == 2
    assert history.valid_loss[-1] == evaluate(model, loader)
    assert f"Valid: {history.valid_loss[0]:.4f}" in capsys.readouterr().out


def test_evaluate_weighs_a_short_batch_by_its_windows():
    X, y = windows(10)
    model = GRUModel()
    whole = evaluate(model, make_loader(X, y, batch_size=10))
    parts = evaluate(model, make_loader(X, y, batch_size=7))
    assert parts == pytest.approx(whole, rel=1e-5)


def test_train_loss_is_the_mean_over_windows():
    X, y = windows(10)
    torch.manual_seed(0)
    model = GRUModel()
    before = evaluate(model, make_loader(X, y))
    history = fit(model, make_loader(X, y, batch_size=10), num_epochs=1)
    assert history.train_loss[0] == pytest.approx(before, rel=1e-5)


def test_evaluate_leaves_mode_and_gradients_alone():
    model = GRUModel(num_layers=2, dropout=0.5)
    loader = make_loader(*windows(8))
    assert evaluate(model, loader) == evaluate(model, loader)  # no dropout
    assert model.training
    assert all(p.grad is None for p in model.parameters())
    model.eval()
    evaluate(model, loader)
    assert not model.training


def test_another_loss_is_used():
    loader = make_loader(*windows(8))
    model = GRUModel()
    assert evaluate(model, loader, nn.L1Loss()) != evaluate(model, loader)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_epochs": 0}, "num_epochs: expected a whole number"),
        ({"lr": 0.0}, "lr: expected a finite number above 0, got 0.0"),
        ({"lr": float("nan")}, "lr: expected a finite number above 0"),
        ({"log_every": -1}, "log_every: expected a whole number"),
    ],
)
def test_fit_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        train(**arguments)


def test_labels_of_another_shape_are_refused():
    X, y = windows(8)
    loader = make_loader(X, np.repeat(y, 2, axis=1))
    message = (
        r"y: expected labels of the predictions' shape \(8, 1\), got \(8, 2\)"
    )
    for call in (fit, evaluate):
        with pytest.raises(ValueError, match=message):
            call(GRUModel(), loader)


def test_an_empty_loader_is_refused():
    for call in (fit, evaluate):
        with pytest.raises(
            ValueError, match="loader: expected at least one batch"
        ):
            call(GRUModel(), [])


def test_a_loss_that_is_not_finite_stops_before_the_weights_are_spoilt():
    model = GRUModel()
    loader = [(torch.zeros(2, 3, 1), torch.full((2, 1), float("inf")))]
    before = copy.deepcopy(model.state_dict())
    message = "got inf in epoch 1; try a smaller lr than 0.01"
    with pytest.raises(FloatingPointError, match=message):
        fit(model, loader)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


def test_a_gradient_that_is_not_finite_leaves_the_weights_alone():
    model = GRUModel()
    X = torch.zeros(4, 3, 1)
    y = model(X).detach()  # a loss of 0, whose root has no gradient
    before = copy.deepcopy(model.state_dict())

    def rmse_loss(y_hat, y):
        return torch.sqrt(((y_hat - y) ** 2).mean())

    with pytest.raises(FloatingPointError, match=r"gradient: .* epoch 1"):
        fit(model, [(X, y)], loss_fn=rmse_loss)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


def test_weights_that_are_not_finite_are_reported_after_the_last_epoch():
    loader = make_loader(*windows(8))  # one batch, so one update
    with pytest.raises(FloatingPointError, match=r"weights: .* in epoch 1"):
        fit(GRUModel(), loader, num_epochs=1, lr=1e30)


def test_a_loss_must_be_one_number():
    message = r"loss_fn: expected one number .* got shape \(8, 1\)"
    with pytest.raises(ValueError, match=message):
        evaluate(
            GRUModel(),
            make_loader(*windows(8)),
            nn.MSELoss(reduction="none"),
        )


def test_a_double_model_is_trained_and_evaluated_in_double():
    model = GRUModel(hidden_size=4).double()
    loader = make_loader(*windows(8))
    history = fit(model, loader, loader, num_epochs=np.int64(1))
    assert model.linear.weight.dtype == torch.float64
    assert history.valid_loss == [evaluate(model, loader)]
