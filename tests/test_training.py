"""The training loop: it learns, repeats itself, and complains in time."""

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn

from gru_tutorial import (
    Gaussian,
    GRUModel,
    History,
    LastStates,
    Quantiles,
    Recipe,
    Run,
    Scaler,
    Seq2Seq,
    evaluate,
    fit,
    log,
    make_chunks,
    make_loader,
    make_series,
    make_windows,
    progress_bar,
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
    _, history = train(num_epochs=20, callbacks=[log(10)])
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
    train(num_epochs=2, callbacks=[progress_bar()])
    assert "2/2" in capsys.readouterr().err


def test_validation_is_recorded_and_logged(capsys):
    loader = make_loader(*windows(8))
    model = GRUModel(hidden_size=8)
    history = fit(model, loader, loader, num_epochs=2, callbacks=[log(1)])
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
        ({"callbacks": 3}, "callbacks: expected a list of functions"),
        ({"callbacks": [3]}, "callbacks: expected functions of the run"),
        ({"clip": 0}, "clip: expected a finite number above 0, got 0"),
        ({"input_noise": -0.1}, "input_noise: expected a finite number of at"),
        ({"burn_in": -1}, "burn_in: expected a whole number of at least 0"),
        ({"patience": 3}, "patience: expected a valid_loader to watch"),
        ({"one_cycle": 1}, "one_cycle: expected True or False, got 1"),
        ({"epochs": 3}, "epochs: expected one of a recipe's settings"),
        ({"batch_size": 3}, "batch_size: expected no such setting here"),
        ({"recipe": {"lr": 1}}, "recipe: expected a Recipe"),
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
        fit(model, [(X, y)], loss=rmse_loss)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


def test_weights_that_are_not_finite_are_reported_after_the_last_epoch():
    loader = make_loader(*windows(8))  # one batch, so one update
    with pytest.raises(FloatingPointError, match=r"weights: .* in epoch 1"):
        fit(GRUModel(), loader, num_epochs=1, lr=1e30)


def test_a_loss_must_be_one_number():
    message = r"loss: expected one number .* got shape \(8, 1\)"
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


def chunks(n=40, length=20, horizon=1):
    values = make_series(length=n).values
    return make_chunks(Scaler().fit(values).transform(values), length, horizon)


def test_a_model_is_trained_on_every_step_of_chunks():
    X, y = chunks(horizon=2)
    torch.manual_seed(0)
    model = GRUModel(hidden_size=16, horizon=2)
    loader = make_loader(X, y)
    before = evaluate(model, loader, burn_in=5)
    history = fit(model, loader, num_epochs=30, burn_in=5)
    y_hat, _ = model.run(torch.tensor(X, dtype=torch.float32))
    errors = (y_hat.detach().numpy() - y)[:, 5:] ** 2
    assert evaluate(model, loader, burn_in=5) == pytest.approx(
        errors.mean(), rel=1e-5
    )
    assert history.train_loss[0] == pytest.approx(before, rel=1e-5)
    assert history.train_loss[-1] < before / 3


def test_steps_before_the_burn_in_do_not_count():
    X, y = chunks()
    y = y.copy()
    loader = make_loader(X, y)
    y[:, :5] = 1e3
    spoilt = make_loader(X, y)
    model = GRUModel()
    assert evaluate(model, spoilt, burn_in=5) == evaluate(
        model, loader, burn_in=5
    )
    assert evaluate(model, spoilt, burn_in=4) > 1e3
    with pytest.raises(
        ValueError, match="burn_in: expected fewer than the 20"
    ):
        fit(model, loader, burn_in=20)


def test_early_stopping_restores_the_best_weights():
    loader = make_loader(*windows(8), batch_size=8)
    X, y = windows(8)
    against = make_loader(X, -y)  # learning makes it worse, sooner or later
    torch.manual_seed(0)
    model = GRUModel(hidden_size=8)
    history = fit(model, loader, against, num_epochs=60, lr=0.02, patience=4)
    epochs = len(history.valid_loss)
    assert epochs == history.best_epoch + 4 < 60
    best = min(history.valid_loss)
    assert history.valid_loss[history.best_epoch - 1] == best
    assert evaluate(model, against) == best
    assert history.valid_loss[-1] > best


def test_without_patience_the_last_weights_stay():
    loader = make_loader(*windows(8))
    X, y = windows(8)
    against = make_loader(X, -y)
    model = GRUModel(hidden_size=8)
    history = fit(model, loader, against, num_epochs=30, lr=0.02)
    assert len(history.valid_loss) == 30
    assert evaluate(model, against) == history.valid_loss[-1]


def test_a_history_without_validation_has_no_best_epoch():
    assert train(num_epochs=2)[1].best_epoch == 0


def test_one_cycle_climbs_to_lr_and_falls():
    rates = []

    class Recording(torch.optim.SGD):
        def step(self, *arguments):
            rates.append(self.param_groups[0]["lr"])
            return super().step(*arguments)

    train(num_epochs=10, lr=0.5, one_cycle=True, optimizer=Recording)
    assert len(rates) == 30  # three batches in each epoch
    assert max(rates) == pytest.approx(0.5, rel=0.01)
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[0] < 0.03
    assert rates[-1] < 1e-4


def test_clipping_bounds_the_update():
    moved = []
    for clip in (None, 1e-3):
        torch.manual_seed(0)
        model = GRUModel(hidden_size=8)
        before = [p.detach().clone() for p in model.parameters()]
        fit(
            model,
            make_loader(*windows(8), batch_size=8),
            num_epochs=1,
            lr=1.0,
            optimizer=torch.optim.SGD,
            clip=clip,
        )
        steps = [
            p.detach() - q
            for p, q in zip(model.parameters(), before, strict=True)
        ]
        moved.append(float(nn.utils.get_total_norm(steps)))
    assert moved[0] > 0.1
    assert moved[1] == pytest.approx(1e-3, rel=1e-3)


def test_input_noise_has_the_given_size_and_seed():
    X, y = np.zeros((50, 40, 1)), np.zeros((50, 1))
    seen = []

    class Watching(GRUModel):
        def forward(self, x, h0=None, horizon=None):
            if self.training:
                seen.append(x.clone())
            return super().forward(x, h0, horizon)

    for seed in (0, 0, 1):
        loader = make_loader(X, y, batch_size=50)
        fit(Watching(), loader, num_epochs=1, input_noise=0.3, seed=seed)
    assert float(seen[0].std()) == pytest.approx(0.3, rel=0.05)
    assert torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[0], seen[2])
    assert not X.any()
    assert not loader.dataset.tensors[0].any()  # the data stay as they are


def test_validation_sees_no_noise():
    loader = make_loader(*windows(8))
    model = GRUModel(hidden_size=8)
    history = fit(model, loader, loader, num_epochs=2, input_noise=5.0)
    assert history.valid_loss[-1] == evaluate(model, loader)


def test_a_callback_sees_the_run_and_can_end_it():
    lengths = []

    def watch(run):
        lengths.append(len(run.history.train_loss))
        return len(lengths) == 3

    _, history = train(num_epochs=10, callbacks=[watch])
    assert lengths == [1, 2, 3]
    assert len(history.train_loss) == 3


def test_another_optimiser_is_used():
    histories = [
        train(num_epochs=2, optimizer=kind)[1]
        for kind in (torch.optim.Adam, torch.optim.SGD)
    ]
    assert histories[0].train_loss != histories[1].train_loss


def test_chunks_need_a_model_that_runs():
    model = nn.Sequential(nn.Flatten(), nn.Linear(20, 1))
    with pytest.raises(ValueError, match="model: expected one with run"):
        fit(model, make_loader(*chunks()))


def test_one_cycle_refuses_an_empty_loader():
    with pytest.raises(ValueError, match="expected at least one batch"):
        fit(GRUModel(), [], one_cycle=True)


class Stream(torch.utils.data.IterableDataset):
    def __iter__(self):
        yield torch.zeros(3, 1), torch.zeros(1)


WRONG = {
    "LBFGS": ({"optimizer": torch.optim.LBFGS}, "optimizer: .* got LBFGS"),
    "an instance": (
        {"optimizer": torch.optim.SGD([torch.zeros(1)], 0.1)},
        "optimizer: expected a class such as torch.optim.Adam",
    ),
    "a name": ({"optimizer": "adam"}, "optimizer: expected .* got 'adam'"),
    "no optimiser": (
        {"optimizer": lambda parameters, lr: None},
        "optimizer: .* got NoneType",
    ),
    "a class of losses": ({"loss": nn.MSELoss}, "loss: .* call it first"),
    "no loss": ({"loss": "mse"}, "loss: expected a function .* got 'mse'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_called_so_is_refused(name):
    arguments, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        train(num_epochs=1, **arguments)


def test_loaders_are_checked():
    X, y = windows(8)
    pair = torch.tensor(X).float(), torch.tensor(y).float()
    endless = torch.utils.data.DataLoader(Stream())
    for loader, message, settings in [
        ((part for part in [pair]), "train_loader: .* got generator", {}),
        (5, "train_loader: expected batches .* got int", {}),
        ([(X, y)], "expected pairs of tensors, X and y, got tuple of", {}),
        ([{"X": pair[0]}], "expected pairs of tensors, X and y, got dict", {}),
        (endless, "with a length, for one_cycle", {"one_cycle": True}),
    ]:
        with pytest.raises(ValueError, match=message):
            fit(GRUModel(), loader, num_epochs=1, **settings)


def test_what_has_no_weights_to_train_is_refused():
    model = GRUModel().requires_grad_(False)
    with pytest.raises(ValueError, match="model: expected weights to train"):
        fit(model, make_loader(*windows(8)), num_epochs=1)
    with pytest.raises(ValueError, match=r"model: expected a torch\.nn\.Modu"):
        fit("model", make_loader(*windows(8)), num_epochs=1)


def test_frozen_weights_stay():
    model = GRUModel()
    model.gru.requires_grad_(False)
    before = copy.deepcopy(model.state_dict())
    fit(model, make_loader(*windows(8)), num_epochs=2, clip=1.0)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]) == name.startswith("gru")


@pytest.mark.parametrize("spoilt", [math.nan, math.inf])
def test_a_validation_loss_that_is_not_finite_is_no_best_one(spoilt):
    X, y = (torch.tensor(part).float() for part in windows(8))
    y[3] = spoilt
    with pytest.raises(FloatingPointError, match="not trained on"):
        fit(
            GRUModel(),
            [(X, torch.zeros(8, 1))],
            [(X, y)],
            num_epochs=2,
            patience=3,
        )
    with pytest.raises(FloatingPointError, match="not trained on"):
        evaluate(GRUModel(), [(X, y)])
    assert History([1, 1], [math.nan, 0.5]).best_epoch == 2
    assert History([1, 1], [math.nan, math.nan]).best_epoch == 0


def test_one_cycle_leaves_momentum_alone():
    seen = set()

    def watch(run):
        seen.add(run.optimizer.param_groups[0]["betas"])

    train(num_epochs=3, one_cycle=True, callbacks=[watch])
    assert seen == {(0.9, 0.999)}


def test_dropout_is_on_again_after_an_evaluation():
    loader, modes = make_loader(*windows(8), batch_size=4), []

    class Watching(GRUModel):
        def forward(self, *arguments, **options):
            modes.append(self.training)
            return super().forward(*arguments, **options)

    model = Watching(num_layers=2, dropout=0.5)
    fit(model, loader, loader, num_epochs=2)
    assert modes == [True, True, False, False] * 2


def test_the_head_knows_its_loss():
    X, y = chunks(horizon=3)
    torch.manual_seed(0)
    model = GRUModel(hidden_size=4, head=Gaussian(3))
    on_chunks = evaluate(model, make_loader(X, y))
    assert on_chunks == evaluate(model, make_loader(X, y), model.head.loss)
    X, y = make_windows(make_series(length=40).values, 10, horizon=3)
    before = evaluate(model, make_loader(X, y))
    fit(model, make_loader(X, y), num_epochs=5)
    assert evaluate(model, make_loader(X, y)) < before
    wrong = make_loader(*make_windows(make_series(length=40).values, 10, 2))
    with pytest.raises(ValueError, match=r"y: .* \(29, 3\), got \(29, 2\)"):
        fit(model, wrong)


def test_steps_without_a_forecast_are_not_trained_on():
    model = GRUModel(hidden_size=4, head=LastStates(3))
    loader = make_loader(*chunks(horizon=3))
    with pytest.raises(ValueError, match="burn_in: expected at least 2"):
        fit(model, loader, burn_in=1)
    fit(model, loader, burn_in=2, num_epochs=1)


def test_a_run_can_be_driven_by_hand():
    torch.manual_seed(0)
    loader = make_loader(*windows(40), batch_size=16, shuffle=True)
    run = Run(GRUModel(hidden_size=16), loader, None, Recipe(num_epochs=3))
    while not run.over():
        run.epoch()
    assert run.history == train(num_epochs=3)[1]


def test_a_run_in_lower_precision_learns_as_well():
    """Autocast keeps weights that it has converted: they must not be old."""
    loader = make_loader(*windows(20), batch_size=20)
    histories = []
    for enabled in (False, True):
        torch.manual_seed(0)
        model = GRUModel(hidden_size=4)
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            histories.append(fit(model, loader, loader, num_epochs=6, lr=0.05))
        assert next(model.parameters()).dtype is torch.float32
    full, lower = (history.train_loss for history in histories)
    np.testing.assert_allclose(lower, full, rtol=0.05)
    assert full[-1] < 0.8 * full[0]


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize(
    "head", [None, Gaussian(2), Quantiles(2), Seq2Seq(2), LastStates(2)]
)
def test_a_model_makes_its_tensors_where_its_weights_are(head, layers):
    model = GRUModel(num_layers=layers, learn_h0=True, head=head).to("meta")
    x = torch.zeros(3, 8, 1, device="meta")
    for answer in (model(x), *model.run(x), model.initial_state(x)):
        assert answer.is_meta
