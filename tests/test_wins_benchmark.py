"""The script of chapter 12's two kinds of series, and what it stored."""

import numpy as np
import pytest
import torch

from gru_tutorial import QUICK, Neighbours, RegimeForecast, Ridge
from gru_tutorial.book.results import load_results


@pytest.fixture
def wins(script):
    return script("wins")


@pytest.fixture(scope="module")
def stored():
    return load_results("wins")["results"]["tasks"]


def test_stored_results_are_those_of_the_script(wins, stored):
    record = load_results("wins")
    assert record["repetitions"] == len(wins.SEEDS) == 5
    for name in ("tested", "noise"):
        assert record["results"][name] == getattr(wins, name.upper())
    assert record["results"]["horizons"] == list(wins.HORIZONS)
    assert list(stored) == list(wins.TASKS)
    for name, task in stored.items():
        asked = wins.searches(name)
        assert list(task["searches"]) == list(asked)
        plain = {"GRU, linear head"} & set(task["methods"])
        assert bool(plain) == name.startswith("regime")
        expected = {*asked, *wins.without_choice(name), *plain}
        assert set(task["methods"]) == expected
        for method in task["methods"].values():
            seeds = [row["seed"] for row in method["rows"]]
            assert seeds == list(wins.SEEDS)


def test_a_stored_search_is_the_scripts(wins, stored):
    """Replayed with the stored trials, it takes the same way."""
    for name, task in stored.items():
        for method, (_, lattice, starts) in wins.searches(name).items():
            swept = task["searches"][method]
            known = {str(t["settings"]): t for t in swept["trials"]}
            again = wins.search(
                lambda settings, _, known=known: known[str(settings)],
                lattice,
                starts,
                wins.MOST,
            )
            assert again == swept["trials"], (name, method)
            assert lattice.edges(again) == swept["edges"]
            best = wins.best_of(again)["settings"]
            assert task["methods"][method]["settings"] == best


def test_settings_are_chosen_on_other_series(wins, stored):
    """And a rival may have more trials than a GRU has settings."""
    assert not set(wins.SEEDS) & set(wins.SWEEP_SEEDS)
    for name, task in stored.items():
        for method, swept in task["searches"].items():
            most = 6 if method == "GRU" else wins.MOST
            assert len(swept["trials"]) <= most
        if "GRU, linear head" in task["methods"]:
            two, one = (
                task["methods"][k]["settings"]
                for k in ("GRU", "GRU, linear head")
            )
            assert {**two, "layers": 1} == one != two, name


def test_a_gru_has_six_settings(wins):
    for task in wins.TASKS.values():
        points = wins.networks(task)
        assert len(points) == 6
        assert len({str(point) for point in points}) == 6


CHEAP = ("naive", "ridge", "neighbours", "optimum")


@pytest.mark.parametrize(
    ("name", "method"),
    [
        *(("regime, 1250", method) for method in CHEAP),
        *(("mackey_glass, clean, 6", method) for method in CHEAP[:3]),
        *(("mackey_glass, noisy, 1", method) for method in CHEAP[:3]),
    ],
)
def test_a_rival_gets_the_stored_ratio(wins, stored, name, method):
    found = stored[name]["methods"][method]
    again = wins.measure(
        name, "rival", {"kind": method, **found["settings"]}, 0
    )
    expected = found["rows"][0]["ratio"]
    assert again["ratio"] == pytest.approx(expected, rel=0.01)


PLAIN = {"hidden": 8, "updates": 4, "lr": 0.04, "noise": 0.0}


@pytest.fixture
def plain(wins, monkeypatch):
    """Do without the compiled kernel, which may be absent."""
    kind = wins.GRUModel

    def model(fast="compiled", **options):
        assert fast == "compiled"
        return kind(fast=True, **options)

    monkeypatch.setattr(wins, "GRUModel", model)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize(
    "name", ["regime, 1250", "mackey_glass, clean, 1 6 24"]
)
def test_a_gru_is_measured(wins, plain, monkeypatch, name, layers):
    task = wins.TASKS[name]._replace(known=300)
    monkeypatch.setitem(wins.TASKS, name, task)
    monkeypatch.setitem(wins.TESTED, task.kind, 200)
    row = wins.measure(name, "gru", {"layers": layers, **PLAIN}, 7)
    assert 0 < row["ratio"] < 30
    if task.kind == "regime":
        assert 0 <= row["untrained"] <= 1
        assert 0 <= row["unit"] <= 1
    else:
        assert len(row["by_horizon"]) == 3


def test_the_settings_reach_training(wins, plain, monkeypatch):
    seen = []

    def fit(forecaster, past, recipe, seed):
        seen.append((forecaster, len(past), recipe, seed))
        return forecaster

    monkeypatch.setattr(wins.Forecaster, "fit", fit)
    past = np.zeros(20_000)
    settings = {**PLAIN, "updates": 1000, "layers": 2}
    wins.gru(past, wins.TASKS["regime, 20000"], 3, **settings)
    forecaster, known, recipe, seed = seen.pop()
    assert (known, seed) == (20_000, 3)
    assert recipe == QUICK.but(input_noise=0.0, stride=8)  # as in chapter 5
    assert forecaster.model.gru.hidden_size == 8
    assert isinstance(forecaster.model.head, wins.TwoLayers)
    task = wins.TASKS["mackey_glass, clean, 1 6 24"]
    for recursive, horizon in ((False, 24), (True, 1)):
        wins.gru(past, task, 3, **settings, recursive=recursive)
        forecaster = seen.pop()[0]
        assert forecaster.model.horizon == horizon
        assert forecaster.strategy == ("recursive" if recursive else None)


def test_a_straight_forecast_is_that_of_a_thinned_series(wins):
    """From one value, 3 steps ahead: like one step among every third."""
    past = np.tile([0.0, 1.0, 5.0, 2.0, 4.0, 3.0, 7.0], 30)
    late = past[-40:, None]
    for rival in (Ridge(1, 0.1), Neighbours(1, 5, centre=False)):
        path = wins.Straight(rival, past, 3)(late, 3)
        assert np.isnan(path[:, :2]).all()
        thin = type(rival)(1, rival._settings()[rival._names[1]])
        if hasattr(thin, "n_neighbors"):
            thin.centre = False
        y_hat = thin.fit(past[::3])(late, 1)
        np.testing.assert_allclose(path[:, 2:], y_hat, rtol=0.05, atol=0.05)


def test_all_methods_forecast_the_same_values(wins):
    """The last value that is seen is the origin; errors are in its units."""
    task = wins.TASKS["mackey_glass, noisy, 6"]
    values = wins.drawn(task, 0)
    _, y = wins.make_windows(values, 1, 24)

    def knows(X_late, horizon):
        assert X_late.shape == (wins.TESTED["mackey_glass"], wins.SEES)
        assert X_late[0, -1] == values[task.known - 1]
        assert X_late[-1, -1] == values[-25]
        return y[-len(X_late) :, :horizon] + 0.1 * values.std()

    found = wins.on_chaos(knows, values, task)
    assert found["by_horizon"] == [0.1]
    assert found["ratio"] == pytest.approx(0.1)


def test_a_unit_that_is_the_target_is_found(wins):
    rng = np.random.default_rng(0)
    target = rng.standard_normal(500)
    states = rng.standard_normal((500, 4))
    states[:, 2] = 0.5 - 3 * target
    found, unit = wins.one_unit(states, target, 300)
    assert unit == 2
    assert found == pytest.approx(1, abs=1e-4)


def test_the_optimum_has_the_ratio_1(wins):
    task = wins.TASKS["regime, 1250"]
    found = wins.on_regime(RegimeForecast(), wins.drawn(task, 0), task)
    assert found == {"ratio": 1.0}


def test_a_head_of_two_layers_bends(wins):
    read = wins.TwoLayers(3).build(5)
    x = torch.linspace(-1, 1, 5)
    assert read(x).shape == (3,)
    assert not torch.allclose(read(2 * x) - read(x), read(x) - read(0 * x))
