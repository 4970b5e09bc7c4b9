"""Chapter 12's scripts about columns and labels, and what they stored."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from gru_tutorial import Naive, load_electricity, load_vowels
from gru_tutorial.book.results import load_results

# Columns


def test_stored_columns_are_those_of_the_script(script):
    columns, record = script("columns"), load_results("columns")
    stored = record["results"]
    assert record["repetitions"] == len(columns.SEEDS) == 3
    assert stored["folds"] == list(columns.FOLDS)
    assert stored["hidden"] == columns.HIDDEN
    assert stored["choice"]["GRU"] == columns.SETTINGS
    assert stored["choice"]["ridge"] == columns.ALPHAS
    names = ["seasonal naive", *columns.RIDGES, *columns.METHODS]
    assert list(stored["methods"]) == names
    for name, method in stored["methods"].items():
        grid, errors = columns.grid_of(name), method["choice_mape"]
        assert len(errors) == (len(grid) if len(grid) > 1 else 0)
        best = int(np.argmin(errors)) if errors else 0
        assert method["settings"] == grid[best]
        assert [fold["weeks"] for fold in method["folds"]] == stored["folds"]
        seeds = columns.SEEDS if name in columns.METHODS else [0]
        for fold in method["folds"]:
            assert [run["seed"] for run in fold["runs"]] == list(seeds)
            for run in fold["runs"]:
                assert len(run["days"]) == 13
                assert np.mean(run["days"]) == pytest.approx(
                    run["mape"], abs=1e-3
                )


def test_no_scored_week_has_a_say_in_the_settings(script):
    columns = script("columns")
    asked = []

    class Runs:
        def run(self, task, name, settings, seed):
            asked.append((sum(task), seed))
            return {"mape": 1.0}

    columns.chosen(Runs(), "GRU, waves")
    assert {weeks for weeks, _ in asked} == {4} == {min(columns.FOLDS)}
    assert not {seed for _, seed in asked} & set(columns.SEEDS)


@pytest.mark.parametrize("name", ["seasonal naive", "ridge"])
def test_a_baseline_gets_its_stored_error(script, name):
    columns = script("columns")
    method = load_results("columns")["results"]["methods"][name]
    for fold in method["folds"]:
        task = fold["weeks"], 2
        found = columns.measure(task, name, method["settings"], 0)
        assert found["mape"] == pytest.approx(
            fold["runs"][0]["mape"], rel=1e-3
        )


def test_paths_come_after_their_origins(script):
    columns = script("columns")
    values = load_electricity().demand_mw
    origins = columns.origins_of(4 * 336, 2)
    assert len(origins) == 13 * 48
    assert origins[0] + 1 == 4 * 336
    assert origins[-1] + 48 == 6 * 336 - 2  # all paths end within the fold
    path, _ = columns.naive("seasonal naive", values, 1344, origins, 0)
    history = values[: origins[5] + 1]
    np.testing.assert_array_equal(path[5], Naive(336)(history, 48))


@pytest.mark.parametrize(
    "name", ["ridge", "ridge, calendar", "ridge, direct, calendar"]
)
def test_ridge_does_not_see_what_comes(script, name):
    columns = script("columns")
    values = load_electricity().demand_mw
    origins = columns.origins_of(4 * 336, 1)[:50]
    before, _ = columns.ridge(name, values, 1344, origins, 0, 1.0)
    values[origins[20] + 1 :] += 5000.0
    after, _ = columns.ridge(name, values, 1344, origins, 0, 1.0)
    np.testing.assert_allclose(before[:21], after[:21])
    assert not np.isclose(before[21:], after[21:]).any(axis=1).all()


def forecasts(columns, method, series, origins):
    torch.manual_seed(0)
    network = columns.Network(method, 8)
    with torch.no_grad():
        return network(series, torch.tensor([400, 500]), origins)


def test_networks_do_not_see_what_comes(script):
    columns = script("columns")
    rng, origins = np.random.default_rng(0), torch.tensor([10, 20])
    series = torch.tensor(rng.standard_normal(1000)).float()
    for method in columns.METHODS.values():
        before = forecasts(columns, method, series, origins)
        assert before.shape == (2, 2, 48 * (1 + method.change))
        changed = series.clone()
        changed[411:] += 1.0
        after = forecasts(columns, method, changed, origins)
        torch.testing.assert_close(before[0, 0], after[0, 0])
        assert (before[0, 1] != after[0, 1]).all()


def test_a_coding_tells_hours_and_days_apart(script):
    columns = script("columns")
    steps = torch.arange(1000, 1000 + 336)
    for kind in ("number", "waves", "one-hot", "embedding"):
        coding = columns.Coding(kind)
        table = coding(steps).detach()
        assert table.shape == (336, coding.width)
        assert len(torch.unique(table, dim=0)) == 336
        torch.testing.assert_close(table, coding(steps + 336).detach())


def test_changes_are_labels_of_their_own(script):
    columns = script("columns")
    series, begins = torch.arange(500.0) ** 2, torch.tensor([5, 300])
    origins, method = torch.tensor([3, 90]), columns.Method(change=True)
    y = columns.labels(method, series, begins, origins, spread=2.0)
    future = columns.ahead(begins, origins)
    assert future[1, 0].tolist() == list(range(304, 352))
    torch.testing.assert_close(y[..., :48], series[future])
    torch.testing.assert_close(y[..., 48:], (2.0 * future - 1) / 2.0)


# Labels


def test_stored_labels_are_those_of_the_script(script):
    labels, record = script("labels"), load_results("labels")
    stored = record["results"]
    assert record["repetitions"] == len(labels.SEEDS) == 5
    assert stored["tested"] == len(load_vowels().test)
    assert stored["lengths"] == list(labels.LENGTHS)
    kinds = [(row["model"], row["features"]) for row in stored["linear"]]
    assert kinds == list(itertools.product(labels.LINEAR, labels.FEATURES))
    assert list(stored["gru"]) == list(labels.READS)
    for found in stored["gru"].values():
        swept = found["choice"]
        assert [one["settings"] for one in swept] == labels.SETTINGS
        best = min(swept, key=lambda one: one["errors"])
        assert found["settings"] == best["settings"]
        runs = found["runs"]
        assert [run["seed"] for run in runs] == list(labels.SEEDS)
        assert {len(run["errors"]) for run in runs} == {len(labels.LENGTHS)}


def test_only_the_last_step_depends_on_padding(script):
    labels, vowels = script("labels"), load_vowels()
    scale = labels.scale_of(vowels.train)
    for read in labels.READS:
        torch.manual_seed(0)
        model = labels.Classifier(8, read)
        found = []
        for longest in (0, 60):
            x, lengths = labels.padded(vowels.test[:9], scale, longest)
            assert x.shape[1] == max(longest, max(lengths))
            with torch.no_grad():
                found.append(model(x, lengths))
        same = torch.allclose(*found, atol=1e-5)
        assert same == (read != "last step")


def test_each_part_of_cross_validation_has_all_speakers(script):
    labels, vowels = script("labels"), load_vowels()
    held = []
    for past, known, new, truth in labels.parts_of(*vowels[:2]):
        assert len(past) == len(known) == 216
        assert len(new) == len(truth) == 54
        assert np.bincount(truth).tolist() == [6] * 9
        held += [id(one) for one in new]
    assert sorted(held) == sorted(id(one) for one in vowels.train)


def test_features_are_what_they_are_called(script):
    labels = script("labels")
    x = np.arange(26.0 * 12).reshape(26, 12)
    (row,) = labels.summary([x])
    np.testing.assert_allclose(row[:12], x.mean(axis=0))
    np.testing.assert_allclose(row[24:48], np.r_[x[0], x[-1]])
    assert row[48] == 26
    (frames,) = labels.resampled([x])
    np.testing.assert_allclose(frames[:2], [0.0, x[-1, 0] / 6])
    assert labels.both([x]).shape == (1, 49 + 84)


def test_a_linear_classifier_gets_its_stored_errors(script):
    labels, data = script("labels"), tuple(load_vowels())
    for row in load_results("labels")["results"]["linear"]:
        errors = labels.linear_errors(
            row["model"], row["features"], row["strength"], *data
        )
        assert abs(errors - row["errors"]) <= 1


def test_a_classifier_learns(script):
    labels, vowels = script("labels"), load_vowels()
    some = np.arange(0, 270, 10)
    utterances = [vowels.train[k] for k in some]
    data = utterances, vowels.train_speakers[some]
    for read in labels.READS:
        settings = {"hidden": 16, "epochs": 120, "noise": 0.1}
        model, scale = labels.train(*data, read, 0, **settings)
        assert isinstance(model, nn.Module)
        assert labels.errors_of(model, scale, *data) <= 5
