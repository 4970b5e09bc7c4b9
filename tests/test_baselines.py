"""Baselines against formulas by hand, loops, and scikit-learn."""

import ast
import inspect
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import linear_model
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.neighbors import KNeighborsRegressor
from threadpoolctl import threadpool_info, threadpool_limits

from gru_tutorial import baselines, expected_ratio, make_series
from gru_tutorial.baselines import Boosting, Drift, Naive, Neighbours, Ridge

ON_LAGS = [
    Ridge(lags=5, alpha=2.0),
    Boosting(lags=5, max_iter=10, centre=False),
    Boosting(lags=5, max_iter=10, centre=True),
    Neighbours(lags=5, n_neighbors=3, centre=False),
    Neighbours(lags=5, n_neighbors=3, centre=True),
]
ALL = [Naive(), Naive(period=7), Drift(), *ON_LAGS]
V = np.arange(40.0)
CHOOSING = [Ridge, Boosting, Neighbours]


def windows_of(values, lags):
    n = len(values) - lags
    X = np.array([values[i : i + lags] for i in range(n)])
    return X, np.array(values[lags:])


def one_step_by_hand(model, values, start, lags, centre=False):
    """Scale, cut, fit a model of scikit-learn, forecast, scale back."""
    mean, std = values[:start].mean(), values[:start].std()
    X, y = windows_of((values - mean) / std, lags)
    level = X.mean(axis=1) if centre else np.zeros(len(X))
    X, y, n_train = X - level[:, None], y - level, start - lags
    y_hat = model.fit(X[:n_train], y[:n_train]).predict(X[n_train:])
    return (y_hat + level[n_train:]) * std + mean


def boosting_by_hand(max_iter):
    return HistGradientBoostingRegressor(
        max_iter=max_iter,
        learning_rate=0.05,
        max_leaf_nodes=8,
        l2_regularization=10.0,
        early_stopping=False,
        random_state=0,
    )


# Copies


@given(st.integers(1, 12), st.integers(0, 7))
def test_naive_copies_one_period_before(period, later):
    values = np.arange(20.0)
    got = Naive(period).one_step(values, period + later)
    np.testing.assert_array_equal(got, values[later : 20 - period])


def test_seasonal_naive_repeats_the_last_cycle():
    history = make_series(length=50).values
    expected = np.tile(history[-12:], 3)[:30]
    np.testing.assert_array_equal(Naive(12)(history, 30), expected)


def test_drift_goes_on_by_the_mean_step():
    history = [3.0, 10.0, 1.0, 9.0]  # (9 - 3) / 3 = 2 a step
    np.testing.assert_allclose(Drift()(history, 3), [11, 13, 15])
    one_step = Drift().one_step([3.0, 5.0, 1.0, 9.0, 4.0], 2)
    np.testing.assert_allclose(one_step, [5 + 2, 1 - 1, 9 + 2])


# Functions of lags


@pytest.mark.parametrize(
    ("lags", "alpha"), [(1, 1.0), (10, 2.0), (50, 100.0), (24, 0.0), (70, 1.0)]
)
def test_ridge_equals_scikit_learn(lags, alpha):
    values = make_series(length=200).values
    got = Ridge(lags, alpha).fit(values[:120]).one_step(values, 120)
    expected = one_step_by_hand(linear_model.Ridge(alpha), values, 120, lags)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("centre", [False, True])
def test_neighbours_and_boosting_equal_scikit_learn(centre):
    values = make_series(length=200).values
    for ours, theirs in (
        (Neighbours(10, 5, centre), KNeighborsRegressor(5)),
        (Boosting(10, 20, centre), boosting_by_hand(20)),
    ):
        got = ours.fit(values[:150]).one_step(values, 150)
        expected = one_step_by_hand(theirs, values, 150, 10, centre)
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("baseline", ALL, ids=repr)
def test_one_step_equals_a_call_at_each_step(baseline):
    values = make_series(length=130).values
    baseline.fit(values[:100])
    calls = [baseline(values[:t], 1)[0] for t in range(100, 130)]
    got = baseline.one_step(values, 100)
    np.testing.assert_allclose(got, calls, rtol=1e-12)


@pytest.mark.parametrize("lags", [1, 20])
def test_ties_are_broken_alike_in_one_pass_and_in_many(lags):
    values = np.random.default_rng(0).integers(0, 3, 500).astype(float)
    baseline = Neighbours(lags, n_neighbors=10, centre=True).fit(values[:400])
    calls = [baseline(values[:t], 1)[0] for t in range(400, 500)]
    np.testing.assert_allclose(baseline.one_step(values, 400), calls)


@pytest.mark.parametrize("baseline", ON_LAGS, ids=repr)
def test_several_steps_feed_forecasts_back(baseline):
    history = make_series(length=100).values
    baseline.fit(history)
    path = list(history)
    for _ in range(12):
        path.append(baseline(path, 1)[0])
    np.testing.assert_allclose(baseline(history, 12), path[100:], rtol=1e-12)


@pytest.mark.parametrize("baseline", ALL, ids=repr)
def test_batches_give_a_row_for_each_series(baseline):
    batch = np.stack([make_series(60, seed=k).values for k in range(4)])
    baseline.fit(batch[0])
    got = baseline(batch, 9)
    assert got.shape == (4, 9)
    rows = [baseline(history, 9) for history in batch]
    np.testing.assert_allclose(got, rows, rtol=1e-12)
    assert baseline(batch[:, -7:].astype(np.float32), 9).dtype == np.float64


# Time order


@pytest.mark.parametrize("baseline", ALL, ids=repr)
def test_a_forecast_knows_only_what_comes_before(baseline):
    values = make_series(length=130).values
    changed = values.copy()
    changed[110:] += 5.0
    before = baseline.fit(values[:100]).one_step(values, 100)
    after = baseline.one_step(changed, 100)
    np.testing.assert_array_equal(before[:11], after[:11])
    assert not np.array_equal(before[11:], after[11:])


@pytest.mark.parametrize("kind", CHOOSING)
def test_a_fit_neither_changes_nor_keeps_its_past(kind):
    values = make_series(length=160).values
    copy = values.copy()
    baseline = kind().fit(copy[:120])
    np.testing.assert_array_equal(copy, values)
    expected = baseline.one_step(values, 120)
    copy[:] = 0.0
    np.testing.assert_array_equal(baseline.one_step(values, 120), expected)


@pytest.mark.parametrize("baseline", ALL, ids=repr)
def test_answers_are_no_views_of_the_history(baseline):
    values = make_series(length=60).values
    for answer in (
        baseline.fit(values)(values, 3),
        baseline(values[None], 3),
        baseline.one_step(values, 40),
    ):
        assert answer.flags.writeable
        assert not np.shares_memory(answer, values)


# The choice


def ridge_choice_by_hand(past):
    """Try all candidates in four blocks of the last part, with loops."""
    z = (past - past.mean()) / past.std()
    widest = len(z) // 4
    widths = [w for w in (1, 2, 3, 7, 15, 30) if w <= widest]
    edges = np.linspace((len(z) + widest + 1) // 2, len(z), 5).astype(int)
    scores = {}
    for lags in widths:
        X, y = windows_of(z, lags)
        for alpha in baselines.ALPHAS:
            total = 0.0
            for begin, end in pairwise(edges):
                model = linear_model.Ridge(alpha)
                model.fit(X[: begin - lags], y[: begin - lags])
                y_hat = model.predict(X[begin - lags : end - lags])
                total += np.sum((y_hat - y[begin - lags : end - lags]) ** 2)
            scores[lags, alpha] = total
    return min(scores, key=scores.get)


@pytest.mark.parametrize("seed", [0, 1])
def test_ridge_chooses_as_a_loop_by_hand(seed):
    past = make_series(length=120, seed=seed).values
    lags, alpha = ridge_choice_by_hand(past)
    assert Ridge().fit(past).chosen == {"lags": lags, "alpha": alpha}


def test_alphas_fall_so_that_equals_choose_the_strongest_penalty():
    assert baselines.ALPHAS[:4] == [3e5, 1e5, 3e4, 1e4]
    assert baselines.ALPHAS[-2:] == [3e-6, 1e-6]
    assert Ridge().fit(np.full(40, 2.0)).chosen == {"lags": 1, "alpha": 3e5}


def test_default_ridge_comes_near_the_floor():
    scores, fixed, plain = [], [], []
    for seed in range(10):
        values, clean = make_series(seed=seed)
        for ridge, into in (
            (Ridge(), scores),
            (Ridge(lags=200), fixed),
            (Ridge(lags=200, alpha=1.0), plain),
        ):
            y_hat = ridge.fit(values[:720]).one_step(values, 720)
            into.append(expected_ratio(clean[720:], y_hat))
    assert np.median(scores) < 1.06
    assert np.median(fixed) < 1.06
    assert np.median(plain) > 1.4
    assert max(scores) < 1.15


@pytest.mark.parametrize(
    ("kind", "most"), [(Neighbours, 1.3), (Boosting, 1.4)]
)
def test_default_trees_and_neighbours_beat_short_ridge(kind, most):
    values, clean = make_series()
    y_hat = kind().fit(values[:720]).one_step(values, 720)
    assert 1.0 < expected_ratio(clean[720:], y_hat) < most


@pytest.mark.parametrize("kind", CHOOSING)
def test_a_random_walk_is_forecast_as_well_as_by_naive(kind):
    walk = np.random.default_rng(0).standard_normal(700).cumsum()
    naive = Naive().one_step(walk, 500) - walk[500:]
    errors = kind().fit(walk[:500]).one_step(walk, 500) - walk[500:]
    assert np.mean(errors**2) < 1.1 * np.mean(naive**2)


@pytest.mark.parametrize("kind", CHOOSING)
def test_a_trend_is_followed_beyond_the_past(kind):
    t = np.arange(400)
    clean = 0.05 * t + 3 * np.sin(2 * np.pi * t / 12)
    values = clean + np.random.default_rng(0).standard_normal(400)
    y_hat = kind().fit(values[:300]).one_step(values, 300)
    assert expected_ratio(clean[300:], y_hat, noise=1.0) < 1.35


@pytest.mark.parametrize(
    ("baseline", "kept"),
    [
        (Ridge(lags=9), {"lags": 9}),
        (Ridge(alpha=0), {"alpha": 0.0}),
        (Boosting(lags=9), {"lags": 9}),
        (Boosting(max_iter=3), {"max_iter": 3}),
        (Boosting(centre=True), {"centre": True}),
        (Neighbours(n_neighbors=4), {"n_neighbors": 4}),
        (Neighbours(lags=9, centre=True), {"lags": 9, "centre": True}),
    ],
    ids=repr,
)
def test_what_is_given_is_kept(baseline, kept):
    chosen = baseline.fit(make_series(length=120).values).chosen
    assert kept.items() <= chosen.items()
    assert None not in chosen.values()


def test_a_second_fit_chooses_anew():
    walk = np.random.default_rng(0).standard_normal(300).cumsum()
    ridge = Ridge().fit(make_series(length=300).values)
    assert ridge.fit(walk).chosen == Ridge().fit(walk).chosen
    assert ridge.lags is None


@pytest.mark.parametrize("kind", CHOOSING)
def test_fits_are_deterministic_and_draw_from_no_global_generator(kind):
    values = make_series(length=160).values
    state = repr(np.random.get_state())  # noqa: NPY002
    one, two = (kind().fit(values[:120]) for _ in range(2))
    assert one.chosen == two.chosen
    np.testing.assert_array_equal(
        one.one_step(values, 120), two.one_step(values, 120)
    )
    assert repr(np.random.get_state()) == state  # noqa: NPY002


def test_the_choice_looks_at_the_latest_values_only(monkeypatch):
    monkeypatch.setattr(Neighbours, "_recent", 60)
    past = make_series(length=300).values
    chosen = Neighbours().fit(past).chosen
    assert chosen == Neighbours().fit(past[-60:]).chosen
    assert Neighbours(lags=20).fit(past).chosen["lags"] == 20


@pytest.mark.parametrize(
    ("baseline", "length", "widths"),
    [
        (Ridge(), 120, {1, 3, 7, 15, 30}),  # a quarter, halved
        (Ridge(), 9, {1, 2}),
        (Ridge(), 3, {1}),
        (Ridge(), 4000, {1, 3, 7, 15, 31, 62, 125, 250, 500}),
        (Ridge(lags=40), 120, {40}),
        (Neighbours(n_neighbors=55), 60, {1, 2, 5}),  # 55 windows are left
    ],
)
def test_lags_that_are_tried(baseline, length, widths, monkeypatch):
    tried = set()

    def errors(self, X, y, centre, options, edges):
        tried.add(X.shape[1])
        return np.zeros(len(options))

    monkeypatch.setattr(type(baseline), "_errors", errors)
    baseline.fit(make_series(length=length).values)
    assert tried == widths


@pytest.mark.parametrize("kind", CHOOSING)
def test_one_thread_computes_and_the_others_come_back(kind, monkeypatch):
    seen, learn = [], kind._learn

    def spied(self, X, y, options):
        function = learn(self, X, y, options)
        seen.extend(threads())
        return lambda X: seen.extend(threads()) or function(X)

    def threads():
        return {pool["num_threads"] for pool in threadpool_info()}

    monkeypatch.setattr(kind, "_learn", spied)
    with threadpool_limits(2):
        before = threadpool_info()
        kind(lags=3).fit(V)(V, 2)
        assert threadpool_info() == before
    assert set(seen) == {1}


# Small, constant and large


@pytest.mark.parametrize("kind", CHOOSING)
@pytest.mark.parametrize("length", [2, 3, 4, 5, 8, 9, 30])
def test_short_pasts_get_fewer_lags(kind, length):
    past = make_series(length=length).values
    baseline = kind().fit(past)
    assert baseline.chosen["lags"] <= max(length // 4, 1)
    windows = length - baseline.chosen["lags"]
    assert baseline.chosen.get("n_neighbors", 1) <= windows
    assert np.isfinite(baseline(past, 5)).all()


@pytest.mark.parametrize("kind", CHOOSING)
@pytest.mark.parametrize("level", [0.0, 0.3, -1e12])
def test_a_constant_past_is_forecast_as_the_constant(kind, level):
    past = np.full(60, level)
    baseline = kind().fit(past)
    np.testing.assert_array_equal(baseline(past, 3), past[:3])
    np.testing.assert_array_equal(baseline.one_step(past, 50), past[50:])


@pytest.mark.parametrize("kind", CHOOSING)
def test_a_constant_up_to_rounding_is_a_constant(kind):
    past = np.array([0.3, 0.1 + 0.2] * 30)
    baseline = kind().fit(past)
    assert baseline.chosen == kind().fit(np.full(60, 0.3)).chosen
    np.testing.assert_array_equal(baseline(past, 2), past[-1])


@pytest.mark.parametrize("baseline", ALL, ids=repr)
def test_float32_at_a_high_level_loses_nothing_more(baseline):
    noise = np.random.default_rng(0).standard_normal(120)
    for values in ((1e8 + noise), (1e8 + 30 * noise)):
        single = values.astype(np.float32)
        double = single.astype(np.float64)
        got = baseline.fit(single[:90]).one_step(single, 90)
        expected = baseline.fit(double[:90]).one_step(double, 90)
        assert got.dtype == np.float64
        np.testing.assert_array_equal(got, expected)
        np.testing.assert_array_equal(baseline(single, 4), baseline(double, 4))


@pytest.mark.parametrize("kind", CHOOSING)
def test_level_and_scale_do_not_matter(kind):
    values = make_series(length=200).values
    plain = kind().fit(values[:150]).one_step(values, 150)
    moved = 1e8 + 1e3 * values
    got = kind().fit(moved[:150]).one_step(moved, 150)
    np.testing.assert_allclose((got - 1e8) / 1e3, plain, atol=0.02)


@pytest.mark.parametrize("baseline", ALL, ids=repr)
def test_integers_of_numpy_and_any_strides_do_alike(baseline):
    values = make_series(length=100).values
    backwards = values[::-1].copy()[::-1]
    plain = baseline.fit(values[:80]).one_step(values, 80)
    again = baseline.fit(backwards[:80]).one_step(backwards, np.uint8(80))
    np.testing.assert_array_equal(plain, again)
    np.testing.assert_array_equal(
        baseline(values, 3), baseline(backwards, np.uint8(3))
    )


# Names, imports and refusals


def test_representations_show_the_settings():
    assert repr(Naive(12)) == "Naive(period=12)"
    assert repr(Drift()) == "Drift()"
    ridge = Ridge(lags=4)
    assert repr(ridge) == "Ridge(lags=4, alpha=None)"
    assert ridge.chosen is None
    ridge.fit(np.ones(9))
    assert repr(ridge) == "Ridge(lags=4, alpha=300000.0)"
    assert repr(Boosting()) == (
        "Boosting(lags=None, max_iter=None, centre=None)"
    )
    fixed = Neighbours(3, 2, centre=True).fit(np.arange(9.0))
    assert repr(fixed) == "Neighbours(lags=3, n_neighbors=2, centre=True)"


def test_importing_needs_neither_torch_nor_scikit_learn():
    top = ast.parse(inspect.getsource(baselines)).body
    names = {node.module for node in top if isinstance(node, ast.ImportFrom)}
    names |= {
        a.name for n in top if isinstance(n, ast.Import) for a in n.names
    }
    assert not {n for n in names if n.startswith(("torch", "sklearn"))}
    ours = {n for n in names if n.startswith("gru_tutorial")}
    assert ours == {"gru_tutorial.checks"}


@pytest.mark.parametrize("kind", CHOOSING)
def test_what_is_not_fitted_says_so(kind):
    for call in (lambda b: b(V, 3), lambda b: b.one_step(V, 20)):
        message = rf"{kind.__name__}\(lags=None, .* call fit\(past\) first"
        with pytest.raises(ValueError, match=message):
            call(kind())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Naive(0), "period: expected a whole number of at least 1"),
        (lambda: Naive("week"), "period: expected a whole number"),
        (lambda: Ridge(lags=0), "lags: expected"),
        (lambda: Ridge(lags=2.5), "lags: expected"),
        (lambda: Ridge(alpha=-1), "alpha: expected a finite number of at"),
        (lambda: Ridge(alpha=np.nan), "alpha: expected"),
        (lambda: Boosting(lags=-1), "lags: expected"),
        (lambda: Boosting(max_iter=0), "max_iter: expected"),
        (lambda: Boosting(centre="yes"), "centre: expected True or False"),
        (lambda: Neighbours(lags="x"), "lags: expected"),
        (lambda: Neighbours(n_neighbors=0), "n_neighbors: expected"),
        (lambda: Neighbours(centre=1), "centre: expected True or False"),
        (lambda: Naive(9).fit(V[:8]), "past: expected at least 9 .* got 8"),
        (lambda: Ridge(9).fit(V[:9]), r"past: .* lags \+ 1 = 10 .*, got 9"),
        (lambda: Ridge().fit(V[:1]), "past: .* at least 2 time steps, got 1"),
        (lambda: Neighbours(3, 8).fit(V[:10]), r"past: .* lags \+ 8 = 11"),
        (lambda: Neighbours(None, 8).fit(V[:8]), "past: .* at least 9 .* 8"),
        (lambda: Naive(9)(V[:8], 1), "history: expected at least 9 .* got 8"),
        (lambda: Ridge(9).fit(V)(V[:8], 1), "history: expected at least 9"),
        (lambda: Drift()(V[:1], 1), "history: expected at least 2"),
        (lambda: Drift()(V[:, None], 1), "history: expected at least 2"),
        (lambda: Naive()(np.empty((0, 5)), 1), "history: .* one series"),
        (lambda: Naive(9).one_step(V[:9], 9), r"values: .* 9 \+ 1 = 10"),
        (lambda: Ridge(9).fit(V).one_step(V, 8), "forecast_start: .* from 9"),
    ],
)
def test_settings_and_lengths_are_checked(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("baseline", ALL, ids=repr)
@pytest.mark.parametrize(
    "bad", [[], [1.0, np.nan] * 20, ["a"] * 40, np.ones((2, 3, 40)), None, 3.0]
)
def test_bad_series_are_named(baseline, bad):
    baseline.fit(V)
    for name, call in (
        ("past", lambda: baseline.fit(bad)),
        ("history", lambda: baseline(bad, 2)),
        ("values", lambda: baseline.one_step(bad, 30)),
    ):
        with pytest.raises(ValueError, match=f"^{name}: expected"):
            call()


@pytest.mark.parametrize("baseline", ALL, ids=repr)
def test_bad_whole_numbers_and_ranks_are_named(baseline):
    baseline.fit(V)
    for bad in (0, -1, 1.5, True, "3", None):
        with pytest.raises(ValueError, match=r"^horizon: expected"):
            baseline(V, bad)
    for bad in (0, -1, 40, 30.0, None):
        with pytest.raises(ValueError, match=r"^forecast_start: expected"):
            baseline.one_step(V, bad)
    with pytest.raises(ValueError, match=r"^values: expected a 1-D array"):
        baseline.one_step(V.reshape(2, 20), 10)
    with pytest.raises(ValueError, match=r"^past: expected a 1-D array"):
        baseline.fit(V.reshape(2, 20))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Drift()([-1e308, 1e308], 1), r"forecast of Drift\(\): .*inf"),
        (
            lambda: Ridge(1, 0).fit(2.0 ** np.arange(9))([1.0], 2000),
            "forecast",
        ),
        (lambda: Ridge().fit([-1e308, 1e308] * 9), "past: .* float64's range"),
        (lambda: Ridge().fit([0.0, 5e-324] * 9), "past: .* float64's range"),
        (lambda: Ridge(1, 0).fit(V * 1e-9)([1e305], 1), "history in the past"),
    ],
)
def test_what_goes_beyond_float64_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_failed_fit_leaves_the_forecaster_as_it_was():
    ridge = Ridge().fit(make_series(length=100).values)
    chosen, before = ridge.chosen, ridge(V, 2)
    with pytest.raises(ValueError, match="past"):
        ridge.fit([0.0, 5e-324] * 9)
    assert ridge.chosen == chosen
    np.testing.assert_array_equal(ridge(V, 2), before)
