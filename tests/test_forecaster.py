"""One object for all: against loops by hand, for every head and shape."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from gru_tutorial import (
    QUICK,
    Direct,
    Forecaster,
    Gaussian,
    GRUModel,
    LastStates,
    Quantiles,
    Recipe,
    Scaler,
    Seq2Seq,
    fit,
    make_chunks,
    make_loader,
    make_series,
    make_windows,
    predict,
)

VALUES = make_series(length=120).values
FAST = Recipe(num_epochs=1, chunk=20)


def histories(batch=3, length=40):
    return np.stack([make_series(length, seed=k).values for k in range(batch)])


def seeded(*arguments, seed=0, **options):
    torch.manual_seed(seed)
    return GRUModel(*arguments, **{"hidden_size": 8, **options})


def scaled_tensor(rows, scaler):
    scaled = (rows - scaler.mean) / scaler.std
    return torch.tensor(scaled[..., None], dtype=torch.float32)


class Copier(nn.Module):
    """Forecasts the last value, plus a constant."""

    def __init__(self, plus=0.0):
        super().__init__()
        self.plus = plus

    def forward(self, x):
        return x[:, -1] + self.plus


# Forecasts against loops by hand


@pytest.mark.parametrize("num_layers", [1, 2])
def test_recursion_equals_nn_gru_by_hand(num_layers):
    rows = histories()
    scaler = Scaler().fit(rows.ravel())
    model = seeded(num_layers=num_layers)
    gru = nn.GRU(1, 8, num_layers, batch_first=True)
    gru.load_state_dict(model.gru.state_dict())
    x = scaled_tensor(rows, scaler)
    path = []
    with torch.no_grad():
        for _ in range(7):  # from the start each time: no state is carried
            out, _ = gru(x)
            y_hat = out[:, -1] @ model.linear.weight.T + model.linear.bias
            path.append(y_hat)
            x = torch.cat([x, y_hat[:, None]], dim=1)
    expected = torch.cat(path, dim=1).numpy() * scaler.std + scaler.mean
    for strategy in ("recursive", None):
        forecaster = Forecaster(model, scaler, strategy=strategy)
        np.testing.assert_allclose(forecaster(rows, 7), expected, rtol=1e-5)
        alone = forecaster(rows[1], 7)
        np.testing.assert_allclose(alone, expected[1], rtol=1e-5)


def test_recursion_runs_over_the_history_once(monkeypatch):
    model, lengths = seeded(), []
    run = model.run

    def counting(x, state=None):
        lengths.append(x.shape[1])
        return run(x, state)

    monkeypatch.setattr(model, "run", counting)
    Forecaster(model, strategy="recursive")(histories()[0], 7)
    assert lengths == [40, 1, 1, 1, 1, 1, 1]


def test_a_window_moves_along_with_the_forecasts():
    model, scaler = seeded(), Scaler().fit(VALUES)
    got = Forecaster(model, scaler, window=12)(VALUES, 5)
    path = list(scaler.transform(VALUES))
    for _ in range(5):
        x = torch.tensor(path[-12:], dtype=torch.float32).reshape(1, 12, 1)
        path.append(model(x).item())
    expected = scaler.inverse_transform(path[-5:])
    np.testing.assert_allclose(got, expected, rtol=1e-5)


@given(st.integers(1, 30), st.integers(1, 9))
def test_recursion_counts_up(horizon, window):
    got = Forecaster(Copier(plus=1.0), window=window)(np.arange(9.0), horizon)
    np.testing.assert_array_equal(got, 9.0 + np.arange(horizon))


def test_direct_takes_all_steps_from_one_state_and_goes_on_from_one():
    rows = histories()
    scaler = Scaler().fit(rows.ravel())
    model = seeded(horizon=6)
    with torch.no_grad():
        y_hat = model(scaled_tensor(rows, scaler)).numpy()
    expected = y_hat * scaler.std + scaler.mean
    forecaster = Forecaster(model, scaler)
    for horizon in (1, 4, 6):
        got = forecaster(rows, horizon)
        np.testing.assert_allclose(got, expected[:, :horizon], rtol=1e-5)
    step_by_step = Forecaster(model, scaler, strategy="recursive")(rows, 9)
    np.testing.assert_array_equal(forecaster(rows, 9), step_by_step)
    assert np.abs(step_by_step[:, 1:6] - expected[:, 1:]).max() > 1e-3


def test_seq2seq_goes_on_beyond_its_training():
    model = seeded(head=Seq2Seq(4))
    with torch.no_grad():
        x = torch.tensor(VALUES[None, :, None], dtype=torch.float32)
        expected = model(x, horizon=9)[0].double()
    for horizon in (1, 4, 9):
        got = Forecaster(model)(VALUES, horizon)
        np.testing.assert_allclose(got, expected[:horizon], atol=1e-6)


@pytest.mark.parametrize(
    "head", [Direct(1), Direct(5), Seq2Seq(5), Gaussian(5), LastStates(5)]
)
def test_many_series_are_forecast_as_one_by_one(head):
    forecaster = Forecaster(seeded(hidden_size=4, head=head))
    rows = np.random.default_rng(0).standard_normal((300, 12))
    together = forecaster(rows, 5)  # more than one batch
    assert together.shape == (300, 5)
    for k in (0, 255, 256, 299):
        np.testing.assert_allclose(
            together[k], forecaster(rows[k], 5), atol=1e-6
        )


def test_each_series_may_have_a_scale_of_its_own():
    rows = histories() * [[1.0], [10.0], [100.0]]
    model = seeded(horizon=6)
    got = Forecaster(model, Scaler().fit(rows.T))(rows, 6)
    for k in range(3):
        alone = Forecaster(model, Scaler().fit(rows[k]))(rows[k], 6)
        np.testing.assert_allclose(got[k], alone, rtol=1e-5)


# One step ahead


@pytest.mark.parametrize("window", [None, 12])
@pytest.mark.parametrize("head", [Direct(3), Gaussian(2), Seq2Seq(2)])
def test_one_step_is_the_first_of_a_call_at_every_origin(window, head):
    scaler = Scaler().fit(VALUES[:100])
    forecaster = Forecaster(seeded(head=head), scaler, window)
    got = forecaster.one_step(VALUES, 100)
    expected = [forecaster(VALUES[:t], 1)[0] for t in range(100, 120)]
    np.testing.assert_allclose(got, expected, rtol=1e-5)
    assert got.dtype == np.float64


@pytest.mark.parametrize("window", [None, 12])
def test_one_step_never_sees_what_it_forecasts(window):
    forecaster = Forecaster(seeded(), window=window)
    changed = VALUES.copy()
    changed[110:] += 1.0
    before = forecaster.one_step(VALUES, 100)
    after = forecaster.one_step(changed, 100)
    np.testing.assert_array_equal(before[:11], after[:11])
    assert before[11] != after[11]  # the newest observation is visible


def test_a_head_that_needs_several_steps_starts_later():
    forecaster = Forecaster(seeded(head=LastStates(12)))
    with pytest.raises(ValueError, match=r"forecast_start: .* from 12"):
        forecaster.one_step(VALUES, 3)
    got = forecaster.one_step(VALUES, 12)
    expected = [forecaster(VALUES[:t], 1)[0] for t in (12, 60, 119)]
    np.testing.assert_allclose(got[[0, 48, 107]], expected, atol=1e-6)


def test_a_long_series_is_read_in_blocks(monkeypatch):
    forecaster = Forecaster(seeded())
    whole = forecaster.one_step(VALUES, 50)
    monkeypatch.setattr("gru_tutorial.forecaster.BLOCK", 7)
    blocks = forecaster.one_step(VALUES, 50)
    np.testing.assert_allclose(blocks, whole, atol=1e-6)


# Several columns


def table(length=120):
    t = np.arange(length)
    return np.column_stack(
        [100 + 10 * np.sin(t / 5), np.cos(t / 5), 1e4 + t % 7]
    )


@pytest.mark.parametrize("window", [None, 10])
@pytest.mark.parametrize("target", [1, (0,), (2, 0)])
def test_columns_are_predicted_in_their_own_units(window, target):
    values = table()
    model = seeded(3, head=Direct(4, target))
    forecaster = Forecaster(model, window=window)
    forecaster.fit(values[:100], FAST, num_epochs=20, lr=0.02)
    several = isinstance(target, tuple) and len(target) > 1
    columns = values[:, list(target)] if several else values[:, target]
    columns = columns if several else columns.reshape(len(values))
    y_hat = forecaster(values[:100], 4)
    one = forecaster.one_step(values, 100)
    assert y_hat.shape == columns[100:104].shape
    assert one.shape == columns[100:].shape
    spread = columns[:100].std(axis=0)
    assert (np.abs(one - columns[100:]).mean(axis=0) < 1.5 * spread).all()
    np.testing.assert_allclose(
        one[0], forecaster(values[:100], 1)[0], rtol=1e-5
    )
    both = forecaster(np.stack([values[:50], values[50:100]]), 4)
    alone = forecaster(values[50:100], 4)
    np.testing.assert_allclose(both[1], alone, atol=1e-5 * spread.min())
    with pytest.raises(ValueError, match="horizon: expected at most"):
        forecaster(values[:100], 5)


def test_all_columns_can_be_forecast_step_by_step():
    values = table()
    model = seeded(3, head=Direct(1, target=(2, 0, 1)))
    forecaster = Forecaster(model, Scaler().fit(values), window=10)
    got = forecaster(values, 3)
    rows = forecaster.scaler.transform(values)
    for step in range(3):
        x = torch.tensor(rows[None, -10:], dtype=torch.float32)
        with torch.no_grad():
            y_hat = model(x)[0].double().numpy()
        rows = np.vstack([rows, y_hat[[1, 2, 0]]])
        again = rows[-1] * forecaster.scaler.std + forecaster.scaler.mean
        np.testing.assert_allclose(got[step], again[[2, 0, 1]], rtol=1e-5)


def test_a_table_of_one_column_is_one_series():
    column = VALUES[:, None]
    plain = Forecaster(seeded(), window=12).fit(VALUES, FAST)
    forecaster = Forecaster(seeded(), window=12).fit(column, FAST)
    assert forecaster(column, 3).shape == (3,)
    np.testing.assert_array_equal(forecaster(column, 3), plain(VALUES, 3))


def test_columns_in_another_order_are_refused():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(table(), columns=list("abc"))
    forecaster = Forecaster(seeded(3), window=10).fit(frame, FAST)
    assert forecaster(frame, 1).shape == (1,)
    with pytest.raises(ValueError, match=r"columns \['a', 'b', 'c'\], got"):
        forecaster(frame[["b", "a", "c"]], 1)


# Training


@pytest.mark.parametrize("valid", [0, 20])
@pytest.mark.parametrize("window", [None, 12])
def test_fit_is_the_pipeline_by_hand(window, valid):
    """Scaler, pieces, loader, seed, fit: equal to the bit."""
    recipe = Recipe(
        num_epochs=3,
        lr=0.02,
        input_noise=0.1,
        burn_in=0 if window else 4,
        patience=2 if valid else None,
        batch_size=8,
        chunk=16,
        stride=2,
        seed=3,
    )
    forecaster = Forecaster(seeded(horizon=2), window=window)
    forecaster.fit(VALUES, recipe, valid=valid)

    model, known = seeded(horizon=2), VALUES[: 120 - valid]
    scaler = Scaler().fit(known)
    scaled = scaler.transform(VALUES).astype("float32")
    cut = make_windows if window else make_chunks
    X, y = cut(scaled[: len(known)], window or 16, 2)
    loader = make_loader(X[::2], y[::2], 8, shuffle=True, seed=3)
    held_out = None
    if valid:
        late = scaled[len(known) - (window or 16) :]
        held_out = make_loader(*make_windows(late, window or 16, 2), 256)
    history = fit(model, loader, held_out, recipe)
    assert forecaster.losses == history
    for ours, theirs in zip(
        forecaster.model.parameters(), model.parameters(), strict=True
    ):
        assert torch.equal(ours, theirs)
    assert forecaster.scaler.mean == scaler.mean


def test_the_future_changes_nothing():
    one, other = (
        Forecaster(seeded(), window=12).fit(values[:100], FAST, valid=20)
        for values in (VALUES, np.r_[VALUES[:100], VALUES[100:] + 9])
    )
    np.testing.assert_array_equal(one(VALUES, 3), other(VALUES, 3))
    assert one.scaler.mean == VALUES[:80].mean()  # not of the validation part


def test_several_series_are_trained_on_at_once():
    rows = np.stack([VALUES, 1e4 + 50 * VALUES])
    forecaster = Forecaster(seeded(), window=12)
    forecaster.fit(rows, FAST, num_epochs=30, lr=0.02)
    y_hat = forecaster(rows[:, :100], 20)
    assert y_hat.shape == (2, 20)
    assert abs(y_hat[1].mean() / 50 - 200 - y_hat[0].mean()) < 1
    unequal = Forecaster(seeded(), window=12)
    unequal.fit([VALUES, VALUES[:50] * 3], FAST)
    assert unequal.scaler.mean.shape == (2,)
    with pytest.raises(ValueError, match="expected 2 series, as the scaler"):
        unequal(VALUES, 3)
    tables = Forecaster(seeded(3), window=12)
    tables.fit([table(60), table(80)], FAST)
    assert tables(table(), 1).shape == (1,)


def test_a_scaler_that_is_there_is_kept():
    scaler = Scaler(5.0, 2.0)
    forecaster = Forecaster(seeded(), scaler).fit(VALUES, FAST)
    assert forecaster.scaler is scaler
    found = Forecaster(seeded()).fit(VALUES, FAST)
    mean = found.scaler.mean
    found.fit(VALUES + 100, FAST)  # trained further: weights know that scale
    assert found.scaler.mean == mean


def test_quick_comes_near_the_floor():
    values, clean = make_series(seed=0)
    torch.manual_seed(0)
    model = GRUModel(horizon=4, fast=True)
    y_hat = Forecaster(model).fit(values[:720], QUICK).one_step(values, 720)
    assert 1 + np.mean((y_hat - clean[720:]) ** 2) / 0.35**2 < 1.25


def test_a_checkpoint_is_passed_on(tmp_path):
    for epochs in (1, 3):
        interrupted = Forecaster(seeded()).fit(
            VALUES,
            FAST,
            num_epochs=epochs,
            checkpoint=tmp_path / "run.pt",
        )
    whole = Forecaster(seeded()).fit(VALUES, FAST, num_epochs=3)
    np.testing.assert_array_equal(interrupted(VALUES, 3), whole(VALUES, 3))


# One value at a time


@pytest.mark.parametrize("window", [None, 12])
@pytest.mark.parametrize("strategy", [None, "recursive"])
@pytest.mark.parametrize("head", [Direct(1), Direct(4), Seq2Seq(6)])
@pytest.mark.parametrize("horizon", [1, 3, 6])
def test_a_stream_forecasts_what_a_call_does(window, strategy, head, horizon):
    scaler = Scaler(2.0, 1.2)
    forecaster = Forecaster(
        seeded(head=head), scaler, window, strategy=strategy
    )
    stream = forecaster.stream(VALUES[:100], horizon)
    for t in range(100, 110):
        y_hat = stream.update(VALUES[t])
        expected = forecaster(VALUES[: t + 1], horizon)
        np.testing.assert_allclose(y_hat, expected, atol=1e-5)


def test_a_stream_takes_rows_and_keeps_its_state_after_a_bad_one():
    forecaster = Forecaster(seeded(3), Scaler().fit(table()))
    stream, twin = forecaster.stream(), forecaster.stream()
    for k, row in enumerate(table(5)):
        if k == 2:
            for bad in ([1.0, np.nan, 2.0], [1.0], "x", None):
                with pytest.raises(ValueError, match=r"value|history"):
                    stream.update(bad)
        np.testing.assert_array_equal(stream.update(row), twin.update(row))


def test_a_stream_needs_what_its_forecaster_sees():
    with pytest.raises(ValueError, match="history: expected the 12 values"):
        Forecaster(seeded(), window=12).stream()
    with pytest.raises(ValueError, match="head that forecasts from a single"):
        Forecaster(seeded(head=LastStates(3))).stream()
    with pytest.raises(ValueError, match="expected one series"):
        Forecaster(seeded()).stream(histories())
    far = Forecaster(seeded(head=Seq2Seq(4))).stream(horizon=6)
    for _ in range(2):  # it stays as it was
        with pytest.raises(ValueError, match="horizon: expected at most 4"):
            far.update(1.0)


# Files


@pytest.mark.parametrize(
    "model",
    [
        GRUModel(hidden_size=4, num_layers=2, dropout=0.1, learn_h0=True),
        GRUModel(hidden_size=4, bidirectional=True, fast=True),
        GRUModel(hidden_size=4, head=Seq2Seq(3)),
        GRUModel(hidden_size=4, head=Gaussian(3)),
        GRUModel(hidden_size=4, head=Quantiles(3, levels=(0.25, 0.75))),
        GRUModel(hidden_size=4, head=LastStates(3, decoder_size=2)),
    ],
    ids=[
        *("deep", "both ways", "seq2seq", "gaussian", "quantiles"),
        "last states",
    ],
)
def test_a_forecaster_comes_back_whole(model, tmp_path):
    forecaster = Forecaster(model, window=12)
    forecaster.fit(VALUES, FAST, valid=20, patience=3)
    forecaster.save(tmp_path / "gru.pt")
    again = Forecaster.load(tmp_path / "gru.pt")
    np.testing.assert_array_equal(again(VALUES, 3), forecaster(VALUES, 3))
    assert again.recipe == forecaster.recipe == FAST.but(patience=3)
    assert again.losses == forecaster.losses
    assert str(again.model) == str(forecaster.model)
    assert repr(again) == repr(forecaster)


def test_columns_and_foreign_models_come_back(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(table(), columns=list("abc"))
    forecaster = Forecaster(seeded(3, head=Direct(2, (2, 1))), window=10)
    forecaster.fit(frame, FAST).save(tmp_path / "gru.pt")
    again = Forecaster.load(tmp_path / "gru.pt")
    np.testing.assert_array_equal(again(frame, 2), forecaster(frame, 2))
    with pytest.raises(ValueError, match="columns"):
        again(frame[["c", "b", "a"]], 2)

    def flat():
        return nn.Sequential(nn.Flatten(), nn.Linear(12, 1))

    forecaster = Forecaster(flat(), window=12).fit(VALUES, FAST)
    forecaster.save(tmp_path / "flat.pt")
    with pytest.raises(ValueError, match="model: expected the module that"):
        Forecaster.load(tmp_path / "flat.pt")
    with pytest.raises(ValueError, match="the file's weights fit"):
        Forecaster.load(tmp_path / "flat.pt", nn.Linear(1, 1))
    again = Forecaster.load(tmp_path / "flat.pt", flat())
    np.testing.assert_array_equal(again(VALUES, 9), forecaster(VALUES, 9))


def test_a_head_of_ones_own_is_passed_on_loading(tmp_path):
    class Mine(Direct):
        pass

    model = seeded(head=Mine(2))
    Forecaster(model).save(tmp_path / "gru.pt")
    with pytest.raises(ValueError, match="head Mine, which is not"):
        Forecaster.load(tmp_path / "gru.pt")
    again = Forecaster.load(tmp_path / "gru.pt", seeded(seed=5, head=Mine(2)))
    expected = Forecaster(model)(VALUES, 2)
    np.testing.assert_array_equal(again(VALUES, 2), expected)


# What is refused, and what is left alone


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_models_of_other_dtypes_forecast_in_float64(dtype):
    for head in (Direct(1), Seq2Seq(3)):
        model = seeded(hidden_size=4, head=head).to(dtype)
        assert Forecaster(model)(histories(), 5).dtype == np.float64
        assert predict(model, np.zeros((2, 3, 1))).dtype == np.float64


def test_forecasts_under_autocast():
    forecaster = Forecaster(seeded())
    plain = forecaster(VALUES, 5)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = forecaster(VALUES, 5)
        y_hat, state = forecaster.model.step(torch.zeros(1, 1))
        forecaster.model.step(y_hat, state)
    np.testing.assert_allclose(mixed, plain, atol=0.05)


def test_forecasts_are_made_without_dropout_and_restore_the_mode():
    model = seeded(num_layers=2, dropout=0.5)
    forecaster, state = Forecaster(model), torch.get_rng_state()
    first, second = (forecaster(histories(), 5) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert model.training
    assert model.gru.training
    assert torch.equal(torch.get_rng_state(), state)


def test_predict_equals_the_model_in_any_batches():
    model = seeded()
    X, _ = make_windows(VALUES[:60], 12)
    with torch.no_grad():
        expected = model(torch.as_tensor(X, dtype=torch.float32)).numpy()
    for batch_size in (1, 7, 48, 256):
        got = predict(model, X, batch_size)
        np.testing.assert_allclose(got, expected, atol=1e-6)


class Wrong(nn.Module):
    """Returns what it was given to return."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, x):
        return self.answer[: len(x)]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (torch.zeros(2), r"model: expected forecasts of shape \(2, hori"),
        (torch.zeros(1, 1), r"shape \(2, horizon\), got \(1, 1\)"),
        (torch.full((2, 1), torch.nan), "model's forecasts: .*nan"),
    ],
)
def test_wrong_forecasts_are_refused(answer, message):
    with pytest.raises(ValueError, match=message):
        predict(Wrong(answer), np.zeros((2, 3, 1)))


def test_a_diverging_model_is_named():
    model = seeded(horizon=3)
    with torch.no_grad():
        model.linear.bias.fill_(math.inf)
    for call in (
        lambda: Forecaster(model)(VALUES, 3),
        lambda: Forecaster(model).one_step(VALUES, 100),
        lambda: Forecaster(model, window=5).one_step(VALUES, 100),
        lambda: Forecaster(model).stream().update(1.0),
    ):
        with pytest.raises(ValueError, match=r"model's forecasts: .*inf"):
            call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f, v: f(v, 0), "horizon: expected a whole number"),
        (lambda f, v: f([], 3), "history: expected"),
        (lambda f, v: f(np.zeros((0, 5)), 3), "history: expected"),
        (lambda f, v: f([np.nan, 1], 3), "history: .*nan"),
        (lambda f, v: f(v[None, None], 3), "history: expected shape"),
        (lambda f, v: f(v * 1e40, 3), "history: .*float32"),
        (lambda f, v: f(1e9 + v / 40, 3), "history: .*scale them first"),
        (lambda f, v: f("abc", 3), "history: expected"),
        (lambda f, v: f.one_step(v, 0), "forecast_start: expected"),
        (lambda f, v: f.one_step(v, 40), "forecast_start: .* to 39, got 40"),
        (
            lambda f, v: Forecaster(f.model, window=50)(v, 1),
            "history: expected at least 50 time steps, got 40",
        ),
        (
            lambda f, v: Forecaster(f.model, window=12).one_step(v, 11),
            "forecast_start: expected a whole number from 12",
        ),
        (
            lambda f, v: Forecaster(f.model, strategy="direct")(v, 3),
            "horizon: expected at most 1, which the model forecasts at once",
        ),
        (
            lambda f, v: Forecaster(f.model, strategy="dirrec"),
            "strategy: expected one of direct, recursive, got 'dirrec'",
        ),
        (lambda f, v: Forecaster("model"), "model: expected a torch.nn.Mod"),
        (lambda f, v: Forecaster(f.model, window=0), "window: expected"),
        (lambda f, v: Forecaster(f.model, Scaler()), "scaler: expected a fit"),
        (lambda f, v: Forecaster(f.model, "standard"), "scaler: expected a"),
        (lambda f, v: Forecaster(f.model, target=1), "target: expected"),
        (
            lambda f, v: Forecaster(GRUModel(3), Scaler([1, 2], [1, 1])),
            "scaler: expected one of 3 features, got 2",
        ),
        (
            lambda f, v: Forecaster(GRUModel(bidirectional=True))(v, 3),
            "bidirectional",
        ),
        (lambda f, v: Forecaster(GRUModel(2))(v, 3), "history: expected"),
        (
            lambda f, v: Forecaster(Copier())(v, 3),
            "model: expected one with r",
        ),
        (
            lambda f, v: Forecaster(Copier()).one_step(v, 30),
            "window: expected a number, as Copier has no run",
        ),
        (lambda f, v: f.fit(v, window=3), "window: expected one of a recipe"),
        (
            lambda f, v: f.fit(v[:64]),
            r"values: expected at least valid \+ chunk \+ horizon = 65",
        ),
        (lambda f, v: f.fit(v * 0, FAST), "values: expected a spread above 0"),
        (lambda f, v: f.fit(v, FAST, valid=30), "values: expected at least"),
        (
            lambda f, v: f.fit(v, FAST, patience=2),
            "valid: expected time steps",
        ),
        (
            lambda f, v: Forecaster(GRUModel(horizon=4)).fit(v, FAST, valid=2),
            "valid: expected 0 or at least the horizon, 4, got 2",
        ),
        (lambda f, v: Forecaster(f.model, horizon=3), "horizon: expected 1"),
        (lambda f, v: Forecaster(f.model, features=3), "features: expected 1"),
        (lambda f, v: f.fit(v, "quick"), "recipe: expected a Recipe"),
        (lambda f, v: f.save("none/gru.pt"), "path: expected a file"),
        (lambda f, v: Forecaster.load("none.pt"), "path: could not read"),
    ],
)
def test_forecasters_refuse(call, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=message):
        call(Forecaster(seeded(hidden_size=4)), np.arange(40.0))


@pytest.mark.parametrize("window", [None, 12])
@pytest.mark.parametrize("target", [0, (2, 0)])
def test_many_series_one_step_ahead_are_as_one_by_one(window, target):
    rows = np.stack([table(), table()[::-1]])
    model = seeded(3, head=Direct(2, target))
    forecaster = Forecaster(model, Scaler().fit(table()), window)
    both = forecaster.one_step(rows, 100)
    for one, expected in zip(both, rows, strict=True):
        alone = forecaster.one_step(expected, 100)
        np.testing.assert_allclose(one, alone, rtol=1e-5)


def test_a_module_of_ones_own_may_read_and_give_several():
    def model():
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(20, 4))

    forecaster = Forecaster(model(), window=10, features=2, horizon=4)
    forecaster.fit(table()[:, :2], FAST)
    assert forecaster(table()[:, :2], 4).shape == (4,)
    assert forecaster.one_step(table()[:, :2], 100).shape == (20,)


def test_a_failed_fit_leaves_the_scale_alone():
    forecaster = Forecaster(seeded())
    with pytest.raises(ValueError, match="burn_in"):
        forecaster.fit(VALUES * 1000, FAST, burn_in=64)
    assert forecaster.scaler is None
    forecaster.fit(VALUES, FAST)
    assert forecaster.scaler.mean == VALUES.mean()


def test_labels_are_compared_in_training_too():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(table(), columns=list("abc"))
    swapped = frame[["b", "a", "c"]]
    forecaster = Forecaster(seeded(3), window=10)
    with pytest.raises(ValueError, match="tables with the same columns"):
        forecaster.fit([frame, swapped], FAST)
    forecaster.fit([frame, frame], FAST)
    with pytest.raises(ValueError, match="values: expected the columns"):
        forecaster.fit(swapped, FAST)


def test_what_a_file_keeps_is_what_was_there(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(table())  # columns 0, 1, 2
    forecaster = Forecaster(seeded(3).double(), window=10).fit(frame, FAST)
    forecaster.save(tmp_path / "gru.pt")
    again = Forecaster.load(tmp_path / "gru.pt")
    assert again.model.linear.weight.dtype == torch.float64
    np.testing.assert_array_equal(again(frame, 1), forecaster(frame, 1))

    class Mine(GRUModel):
        pass

    Forecaster(Mine(hidden_size=4)).save(tmp_path / "mine.pt")
    with pytest.raises(ValueError, match="not saved from a plain GRUModel"):
        Forecaster.load(tmp_path / "mine.pt")


def test_loading_draws_nothing(tmp_path):
    Forecaster(seeded()).save(tmp_path / "gru.pt")
    before = torch.get_rng_state()
    Forecaster.load(tmp_path / "gru.pt")
    assert torch.equal(torch.get_rng_state(), before)


def test_a_series_can_be_a_list_of_rows_or_of_series():
    rows = table().tolist()
    forecaster = Forecaster(seeded(3), window=10).fit(rows, FAST)
    twin = Forecaster(seeded(3), window=10).fit(table(), FAST)
    np.testing.assert_array_equal(forecaster(rows, 1), twin(table(), 1))


def test_a_stream_takes_one_value_for_each_column():
    stream = Forecaster(seeded()).stream()
    with pytest.raises(ValueError, match="value: expected 1 numbers, one for"):
        stream.update([20.0, 21.0, 22.0])
    with pytest.raises(ValueError, match="forecasts from a single step"):
        Forecaster(seeded(head=LastStates(1))).stream()
