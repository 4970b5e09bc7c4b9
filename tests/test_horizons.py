"""Strategies against loops by hand; the cycle's optimum against simulation."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from gru_tutorial import (
    GRUModel,
    Scaler,
    evaluate,
    fit,
    make_chunks,
    make_loader,
    make_series,
    make_windows,
    predict,
)
from gru_tutorial.backward import ExactGRU
from gru_tutorial.horizons import (
    STRATEGIES,
    GaussianGRU,
    LastStatesGRU,
    Seq2SeqGRU,
    cycle_error,
    cycle_forecast,
    forecast,
    gaussian_loss,
    make_cycle,
)


def histories(batch=3, length=40):
    return np.stack([make_series(length, seed=k).values for k in range(batch)])


def scaled_tensor(rows, scaler):
    scaled = (rows - scaler.mean) / scaler.std
    return torch.tensor(scaled[..., None], dtype=torch.float32)


def seeded(make, *arguments, **options):
    torch.manual_seed(0)
    return make(*arguments, **options)


@pytest.mark.parametrize("num_layers", [1, 2])
def test_recursion_equals_nn_gru_by_hand(num_layers):
    rows = histories()
    scaler = Scaler().fit(rows.ravel())
    model = seeded(GRUModel, hidden_size=8, num_layers=num_layers)
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
        got = forecast(model, rows, 7, scaler, strategy)
        np.testing.assert_allclose(got, expected, rtol=1e-5)
    got = forecast(model, rows[1], 7, scaler)
    np.testing.assert_allclose(got, expected[1], rtol=1e-5)


def test_recursion_runs_over_the_history_once(monkeypatch):
    model = seeded(GRUModel, hidden_size=8)
    lengths = []
    run = model.run

    def counting(x, state=None):
        lengths.append(x.shape[1])
        return run(x, state)

    monkeypatch.setattr(model, "run", counting)
    forecast(model, histories()[0], 7, strategy="recursive")
    assert lengths == [40, 1, 1, 1, 1, 1, 1]


def test_direct_takes_all_steps_from_one_state():
    rows = histories()
    scaler = Scaler().fit(rows.ravel())
    model = seeded(GRUModel, hidden_size=8, output_size=6)
    with torch.no_grad():
        y_hat = model(scaled_tensor(rows, scaler)).numpy()
    expected = y_hat * scaler.std + scaler.mean
    for horizon in (1, 4, 6):
        got = forecast(model, rows, horizon, scaler)
        np.testing.assert_allclose(got, expected[:, :horizon], rtol=1e-5)


def test_one_step_is_the_same_recursive_or_direct():
    model = seeded(GRUModel, hidden_size=8)
    rows = histories()
    one, other = (
        forecast(model, rows, 1, None, s) for s in STRATEGIES if s != "seq2seq"
    )
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_seq2seq_equals_its_two_layers_by_hand():
    rows = histories()
    scaler = Scaler().fit(rows.ravel())
    model = seeded(Seq2SeqGRU, horizon=4, hidden_size=8)
    x = scaled_tensor(rows, scaler)
    decoder = nn.GRU(1, 8, batch_first=True)
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    weights = {f"{n}_l0": getattr(model.decoder, n) for n in names}
    decoder.load_state_dict(weights)
    path = []
    with torch.no_grad():
        _, state = model.gru(x)
        last = x[:, -1:]
        for _ in range(9):
            out, state = decoder(last, state)
            last = model.linear(out)
            path.append(last[:, 0])
    expected = torch.cat(path, dim=1).numpy() * scaler.std + scaler.mean
    for horizon in (1, 4, 9):  # also beyond that of the training
        got = forecast(model, rows, horizon, scaler)
        np.testing.assert_allclose(got, expected[:, :horizon], rtol=1e-5)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Seq2SeqGRU(horizon=4, hidden_size=8),
        lambda: LastStatesGRU(horizon=4, hidden_size=8),
        lambda: LastStatesGRU(horizon=4, hidden_size=8, decoder_size=5),
    ],
)
def test_run_forecasts_what_forward_does_after_every_step(make):
    model = seeded(make)
    x = torch.tensor(histories()[..., None], dtype=torch.float32)
    with torch.no_grad():
        y_hat, _ = model.run(x)
        assert y_hat.shape == (3, 40, 4)
        for t in (3, 4, 20, 39):
            after = model(x[:, : t + 1])
            torch.testing.assert_close(y_hat[:, t], after)


def test_seq2seq_carries_its_state_through_a_stream():
    model = seeded(Seq2SeqGRU, horizon=4, hidden_size=8)
    x = torch.tensor(histories()[..., None], dtype=torch.float32)
    with torch.no_grad():
        expected, _ = model.run(x)
        first, state = model.run(x[:, :25])
        second, state = model.run(x[:, 25:39], state)
        third, _ = model.step(x[:, 39], state)
    found = torch.cat([first, second, third[:, None]], dim=1)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("decoder_size", [None, 5])
def test_last_states_are_read_one_for_each_step(decoder_size):
    model = seeded(LastStatesGRU, 3, 8, decoder_size)
    x = torch.tensor(histories()[..., None], dtype=torch.float32)
    with torch.no_grad():
        out, _ = model.gru(x)
        expected = model.linear(out[:, -3:]).squeeze(-1)  # as the libraries do
        torch.testing.assert_close(model(x), expected)


@pytest.mark.parametrize(
    "make",
    [
        lambda: GRUModel(hidden_size=4),
        lambda: GRUModel(hidden_size=4, output_size=5),
        lambda: Seq2SeqGRU(horizon=5, hidden_size=4),
        lambda: GaussianGRU(horizon=5, hidden_size=4),
    ],
)
def test_many_series_are_forecast_as_one_by_one(make):
    model = seeded(make)
    rows = np.random.default_rng(0).standard_normal((300, 12))
    together = forecast(model, rows, 5)  # more than one batch
    assert together.shape == (300, 5)
    for k in (0, 255, 256, 299):
        alone = forecast(model, rows[k], 5)
        np.testing.assert_allclose(together[k], alone, atol=1e-6)


def test_each_series_may_have_a_scale_of_its_own():
    rows = histories() * [[1.0], [10.0], [100.0]]
    scaler = Scaler().fit(rows.T)
    model = seeded(GRUModel, hidden_size=8, output_size=6)
    got = forecast(model, rows, 6, scaler)
    for k in range(3):
        alone = forecast(model, rows[k], 6, Scaler().fit(rows[k]))
        np.testing.assert_allclose(got[k], alone, rtol=1e-5)
        wide = forecast(model, rows[[k]], 6, Scaler().fit(rows[[k]].T))
        np.testing.assert_allclose(wide[0], alone, rtol=1e-5)


def test_forecasts_are_made_without_dropout_and_restore_the_mode():
    model = seeded(GRUModel, hidden_size=8, num_layers=2, dropout=0.5)
    first, second = (forecast(model, histories(), 5) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert model.training
    assert model.gru.training


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_models_of_other_dtypes_forecast(dtype):
    for model in (GRUModel(hidden_size=4), Seq2SeqGRU(3, hidden_size=4)):
        y_hat = forecast(model.to(dtype), histories(), 5)
        assert y_hat.dtype == np.float64


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, v: forecast(m, v, 0), "horizon: expected a whole number"),
        (lambda m, v: forecast(m, [], 3), "history: expected at least 1 time"),
        (lambda m, v: forecast(m, np.zeros((0, 5)), 3), "expected series"),
        (lambda m, v: forecast(m, [np.nan, 1], 3), "history: .*nan"),
        (lambda m, v: forecast(m, v[None, None], 3), "expected a 1-D or 2-D"),
        (lambda m, v: forecast(m, v * 1e40, 3), "history: .*float32"),
        (
            lambda m, v: forecast(m, v, 3, strategy="dirrec"),
            "strategy: expected one of recursive, direct, seq2seq, got 'dir",
        ),
        (
            lambda m, v: forecast(m, v, 3, strategy="direct"),
            r"horizon: expected at most .* got \(1, 1\)",
        ),
        (
            lambda m, v: forecast(GRUModel(output_size=6), v, 7),
            r"horizon: expected at most .* \(batch, 7\) or more, got \(1, 6\)",
        ),
        (
            lambda m, v: forecast(
                GRUModel(output_size=6), v, 3, None, "recursive"
            ),
            "model: expected one value a step to go on from, got 6",
        ),
        (
            lambda m, v: forecast(GRUModel(bidirectional=True), v, 3),
            "bidirectional",
        ),
        (lambda m, v: forecast(GRUModel(2), v, 3), r"\(batch, time, 2\)"),
        (
            lambda m, v: forecast(m, v, 3, strategy="seq2seq"),
            r"model: expected one with unroll.* got GRUModel",
        ),
        (
            lambda m, v: forecast(nn.Flatten(), v[:1], 3),
            "model: expected one with run and step.* got Flatten",
        ),
        (
            lambda m, v: forecast(LastStatesGRU(12), v[:11], 12),
            "x: expected at least horizon = 12 time steps, got 11",
        ),
        (lambda m, v: forecast(m, v, 3, Scaler()), "scaler: expected a Sca"),
        (lambda m, v: forecast(m, v, 3, "standard"), "scaler: expected a"),
        (
            lambda m, v: forecast(m, v, 3, Scaler().fit(np.eye(3))),
            r"scaler: .*\(time, 1\)",
        ),
        (lambda m, v: Seq2SeqGRU(0), "horizon"),
        (lambda m, v: GaussianGRU(0), "horizon"),
        (lambda m, v: LastStatesGRU(2, 4, 0), "decoder_size"),
        (lambda m, v: make_cycle(0), "length"),
        (lambda m, v: make_cycle(9, damping=1.0), "damping: .* below 1"),
        (lambda m, v: make_cycle(9, period=1.9), "period: .* at least 2"),
        (lambda m, v: make_cycle(9, noise=-1), "noise"),
        (lambda m, v: cycle_forecast([1.0], 3), "history: .* at least 2"),
        (lambda m, v: cycle_error(0), "horizon"),
    ],
)
def test_forecasts_refuse(call, message):
    with pytest.raises(ValueError, match=message):
        call(seeded(GRUModel, hidden_size=4), np.arange(40.0))


def test_a_diverging_model_is_named():
    model = seeded(GRUModel, hidden_size=4, output_size=3)
    with torch.no_grad():
        model.linear.bias.fill_(math.inf)
    with pytest.raises(ValueError, match=r"model's forecast: .*inf"):
        forecast(model, np.zeros(9), 3)


@given(st.sampled_from([2.0, 3.0, 7.5, 12.0, 40.0]), st.floats(0.0, 0.99))
def test_the_error_follows_from_the_psi_weights(period, damping):
    k, omega = np.arange(24), 2 * np.pi / period
    if period == 2:  # the limit of the quotient of sines
        psi = (k + 1) * (-damping) ** k
    else:
        psi = damping**k * np.sin((k + 1) * omega) / np.sin(omega)
    expected = 0.5 * np.sqrt(np.cumsum(psi**2))
    got = cycle_error(24, period, damping, noise=0.5)
    np.testing.assert_allclose(got, expected, rtol=1e-9)


def test_the_best_forecast_is_the_mean_of_many_futures():
    history, runs = [0.7, -1.3], 100_000
    phi_1, phi_2 = 2 * 0.9 * math.cos(2 * math.pi / 8), -0.81
    noise = np.random.default_rng(0).standard_normal((24, runs)) * 0.5
    path = [np.full(runs, value) for value in history]
    for shock in noise:
        path.append(phi_1 * path[-1] + phi_2 * path[-2] + shock)
    futures = np.stack(path[2:])
    y_hat = cycle_forecast(history, 24, period=8, damping=0.9)
    std = cycle_error(24, period=8, damping=0.9, noise=0.5)
    slack = 4.5 * std / math.sqrt(runs)
    assert (np.abs(futures.mean(axis=1) - y_hat) < slack).all()
    np.testing.assert_allclose(futures.std(axis=1), std, rtol=0.01)


def test_the_cycle_reaches_its_optimum_and_no_forecast_of_it_does_better():
    values = make_cycle(40_000, seed=0)
    X, y = make_windows(values, window=6, horizon=12)
    y_hat = cycle_forecast(X[..., 0], 12)
    expected = cycle_error(12)
    np.testing.assert_allclose((y - y_hat).std(axis=0), expected, rtol=0.03)
    lags = np.c_[X[..., 0], np.ones(len(X))]
    best, *_ = np.linalg.lstsq(lags, y, rcond=None)
    ratio = (y - lags @ best).std(axis=0) / (y - y_hat).std(axis=0)
    assert (ratio > 0.99).all()


def test_the_cycle_is_stationary_from_its_first_value():
    firsts = np.stack([make_cycle(3, seed=seed) for seed in range(20_000)])
    std = cycle_error(2000)[-1]
    np.testing.assert_allclose(firsts.std(axis=0), std, rtol=0.02)
    phi_1, phi_2 = 2 * 0.95 * math.cos(math.pi / 6), -(0.95**2)
    rho = phi_1 / (1 - phi_2)
    for t in (1, 2):
        found = np.corrcoef(firsts[:, t - 1], firsts[:, t])[0, 1]
        assert found == pytest.approx(rho, abs=0.01)


def test_gaussian_loss_equals_torchs_likelihood():
    generator = torch.Generator().manual_seed(0)
    y_hat = torch.randn(5, 7, 6, generator=generator)
    y = torch.randn(5, 7, 3, generator=generator)
    mean, std = y_hat[..., :3], (y_hat[..., 3:] / 2).exp()
    expected = -torch.distributions.Normal(mean, std).log_prob(y).mean()
    torch.testing.assert_close(gaussian_loss(y_hat, y), expected)


def test_fit_compares_labels_with_what_the_loss_takes():
    X, y = make_chunks(make_series(length=40).values, 20, horizon=3)
    for horizon in (2, 6):
        model = GaussianGRU(horizon, hidden_size=4)
        with pytest.raises(ValueError, match="y: expected labels"):
            evaluate(model, make_loader(X, y), gaussian_loss)
    model = GaussianGRU(3, hidden_size=4)
    assert math.isfinite(evaluate(model, make_loader(X, y), gaussian_loss))
    with pytest.raises(ValueError, match="y: expected labels"):
        evaluate(model, make_loader(X, y))


def trained(model, values, horizon, seed=0, loss_fn=None):
    """Train on chunks of the series, scaled as they are."""
    model.gru = ExactGRU.of(model.gru)
    X, y = make_chunks(values, 30, horizon)
    loader = make_loader(
        X[::4], y[::4], batch_size=16, shuffle=True, seed=seed
    )
    fit(
        model,
        loader,
        num_epochs=8,
        lr=0.01,
        one_cycle=True,
        clip=1.0,
        burn_in=5,
        loss_fn=loss_fn,
    )
    return model


def test_direct_comes_within_a_tenth_of_the_optimum_at_each_horizon():
    ratios = []
    for seed in range(3):
        values = make_cycle(6000, seed=seed)
        scaler = Scaler().fit(values[:3000])
        z = scaler.transform(values)
        torch.manual_seed(seed)
        model = GRUModel(hidden_size=16, output_size=12)
        trained(model, z[:3000], 12, seed)
        X, _ = make_windows(z[3000:], 60, horizon=12)
        y_hat = predict(model, X) * scaler.std
        best = cycle_forecast(X[..., 0] + scaler.mean / scaler.std, 12)
        excess = (y_hat + scaler.mean - best * scaler.std) ** 2
        ratios.append(1 + excess.mean(axis=0) / cycle_error(12) ** 2)
    assert (np.median(ratios, axis=0) < 1.1).all()


def test_the_likelihood_finds_the_errors_size():
    values = make_cycle(3000, noise=0.4, seed=0)
    torch.manual_seed(0)
    model = GaussianGRU(horizon=12, hidden_size=16)
    trained(model, values, 12, loss_fn=gaussian_loss)
    X, _ = make_windows(make_cycle(1000, noise=0.4, seed=1), 60)
    x = torch.tensor(X.copy(), dtype=torch.float32)
    with torch.no_grad():
        std = (model.quantile(x, 0.975) - model(x)).numpy() / 1.959964
    expected = cycle_error(12, noise=0.4)
    np.testing.assert_allclose(std.mean(axis=0), expected, rtol=0.15)
