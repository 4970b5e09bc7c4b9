"""The scripts about streaming, serving and retraining, and their results."""

import itertools
import json

import numpy as np
import pytest
import torch

from gru_tutorial import adaptive_conformal, coverage
from gru_tutorial.book.results import load_results

# Streaming


def test_stored_streams_are_those_of_the_script(script, tmp_path):
    streaming = script("streaming")
    stored = load_results("streaming")["results"]
    assert set(stored["parts"]) == set(streaming.PARTS)
    names = list(streaming.kinds(tmp_path))
    for part in ("latency", "memory"):
        assert [row["kind"] for row in stored[part]] == names
    for row in stored["memory"]:
        short = "window" in row["kind"]  # whose steps take longer
        assert row["steps"] == (100_000 if short else 1_000_000)
        found = row["resident_kb"]
        assert len(found) == streaming.MARKS + 1
        assert found[-1] - found[0] < 4000  # a tensor each: 500,000
    for row in stored["kept"]:
        assert row["equal_to_the_bit"] == row["steps"] == 450


def test_stored_bands_hold_what_the_chapter_says(script):
    streaming = script("streaming")
    drift = load_results("streaming")["results"]["drift"]
    assert [run["seed"] for run in drift["runs"]] == list(streaming.SEEDS)
    for run in drift["runs"]:
        for part in ("before", "after", "last 500 after"):
            assert abs(run["adaptive"][part]["coverage"] - 0.9) < 0.02
        assert run["fixed"]["before"]["coverage"] > 0.85
        assert run["fixed"]["after"]["coverage"] < 0.7
        widths = [run["adaptive"][k]["width"] for k in ("before", "after")]
        assert widths[1] > 1.6 * widths[0]


def test_the_bands_are_the_packages(script):
    streaming = script("streaming")
    rng = np.random.default_rng(0)
    y, y_hat, residuals = (rng.standard_normal(300) for _ in range(3))
    found = streaming.bands(y, y_hat, residuals)["adaptive"]
    level, rate = streaming.LEVEL, streaming.RATE
    whole = adaptive_conformal(y, y_hat, residuals, level, rate)
    assert 1 - found[0].mean() == pytest.approx(coverage(y, whole))
    np.testing.assert_allclose(2 * found[1], whole.width)


def test_memory_is_read_along_a_stream(script):
    row = script("streaming").along("exported, state carried", 40)
    assert row["steps"] == 40
    assert len(row["resident_kb"]) == 21
    assert min(row["resident_kb"]) > 10_000


# Serving


def test_no_answer_under_load_was_wrong(script):
    serving = script("serving")
    stored = load_results("serving")["results"]
    settings = [(row["workers"], row["histories"]) for row in stored["rows"]]
    both = itertools.product(serving.WORKERS, serving.BATCHES)
    assert settings == list(both)
    for row in stored["rows"]:
        assert row["wrong"] == 0
        assert row["requests"] >= 50
    for name in ("clients", "length", "horizon", "hidden"):
        assert stored[name] == getattr(serving, name.upper())


def test_a_wrong_answer_is_seen(script):
    serving = script("serving")
    expected = np.arange(6.0).reshape(2, 3)
    for change, same in ((0, True), (1e-3, False)):
        found = expected.copy()
        found[1, 2] += change
        text = json.dumps({"forecasts": found.tolist()})
        assert serving.right(text, expected) == same
    text = json.dumps({"forecasts": expected[::-1].tolist()})
    assert not serving.right(text, expected)


# Retraining


def test_stored_retraining_is_that_of_the_script(script):
    retraining = script("retraining")
    stored = load_results("retraining")["results"]
    assert set(stored["parts"]) == set(retraining.PARTS)
    choice, demand = stored["choice"], stored["demand"]
    for name, grid in (
        ("gru", retraining.GRUS),
        ("ridge", retraining.RIDGES),
    ):
        tried = [{k: row[k] for k in grid[0]} for row in choice[name]]
        assert tried == grid
    best = retraining.best(choice["gru"], "lag", "updates")
    best += retraining.best(choice["ridge"], "lags")
    assert list(demand["settings"].values()) == best
    runs = demand["runs"]
    assert list(runs) == ["never", "anew", "on", "on, a quarter"]
    for name in runs:
        seeds = [run["seed"] for run in runs[name]]
        assert seeds == list(retraining.SEEDS)
        assert all(len(run["weeks"]) == 6 for run in runs[name])
    # two ways with the same number of updates
    for anew, on in zip(runs["anew"], runs["on"], strict=True):
        assert (
            anew["updates"] == on["updates"] > 5 * runs["never"][0]["updates"]
        )


def test_a_forecast_of_differences_sees_nothing_to_come(script, monkeypatch):
    retraining = script("retraining")
    monkeypatch.setattr(retraining, "FAST", True)  # no machine code to make
    rng, week = np.random.default_rng(0), retraining.WEEK
    values = 30_000 + rng.standard_normal(3 * week)
    origins = np.array([2 * week, 2 * week + 40])
    for lag in (0, retraining.DAY // 2, week):
        gru = retraining.Differences(lag, 0).fit(values[:700], 2)
        before = gru(values, origins)
        changed = values.copy()
        changed[2 * week + 40 :] += 1000.0
        after = gru(changed, origins)
        np.testing.assert_array_equal(before[1], after[1])
        later = values.copy()
        later[2 * week :] += 1000.0
        np.testing.assert_array_equal(before[0], gru(later, origins)[0])
        known = values.copy()
        known[2 * week - 1] += 1000.0
        assert (gru(known, origins)[0] != before[0]).any()


def test_differences_add_up_to_the_series(script):
    retraining = script("retraining")
    values = np.tile(np.arange(24.0) ** 2, 40)

    def zero(known, horizon):
        np.testing.assert_array_equal(known, 0.0)
        return np.zeros((len(known), horizon))

    gru = retraining.Differences(24, 0)
    gru.gru = zero
    origins = np.array([300, 411])
    found = gru(values, origins)
    np.testing.assert_array_equal(found, retraining.truths(values, origins))


def test_policies_train_on_what_is_past(script, monkeypatch):
    retraining, seen = script("retraining"), []

    def fit(self, past, updates):
        seen.append((len(past) // retraining.WEEK, updates))
        self.updates = updates
        return self

    monkeypatch.setattr(retraining.Differences, "fit", fit)
    demand = np.zeros(12 * retraining.WEEK)
    found = retraining.policies(demand, 336, 200, 0)
    weeks = list(range(7, 12))
    assert seen == [
        (6, 200),
        *[(w, 200) for w in weeks],
        *[(w, 200) for w in weeks],
        *[(w, 50) for w in weeks],
    ]
    assert {name: spent for name, (_, spent) in found.items()} == {
        "never": 200,
        "anew": 1200,
        "on": 1200,
        "on, a quarter": 450,
    }


def test_the_rule_helps_where_its_baseline_holds(script):
    retraining = script("retraining")
    runs = load_results("retraining")["results"]["fallback"]["runs"]
    assert len(runs) == 4 * len(retraining.SEEDS)
    for run in runs:
        if run["baseline"] == "Naive":
            assert run["false_before"] == 0
            after = run["after"]
            if run["changes"]:
                assert after["rule"] < after["gru"] / 4
                assert run["origins_until"] <= retraining.REMEMBERED // 2
            else:
                assert after["rule"] == after["gru"]


def test_alarms_are_counted(script):
    retraining = script("retraining")
    alarms = np.zeros(100, dtype=bool)
    alarms[[10, 33, 34, 60]] = True
    found = retraining.detected(alarms, np.array([10, 30, 50]), 5)
    assert found == {
        "found": 2 / 3,
        "steps_late": 1.5,
        "alarms_in_the_20_after": 1.0,
    }
    changed = retraining.planted(np.zeros(9), [1, 5], 2.0, 2)
    assert changed.tolist() == [0, 0.7, 0.7, 0, 0, -0.7, -0.7, 0, 0]


def test_stored_alarms_say_what_the_chapter_says(script):
    runs = load_results("retraining")["results"]["alarm"]["runs"]
    retraining = script("retraining")
    assert len(runs) == len(retraining.SEEDS) * 4 * len(retraining.SIZES)
    for run in runs:
        assert run["false_alarms"] < 0.02
        if run["band"] == "fixed" and run["size"] >= 6:
            assert run["found"] == 1.0


@pytest.mark.parametrize("lag", [0, 336])
def test_a_policy_can_be_trained(script, lag, monkeypatch):
    retraining = script("retraining")
    monkeypatch.setattr(retraining, "FAST", True)
    rng = np.random.default_rng(0)
    past = rng.standard_normal(700)
    gru = retraining.Differences(lag, 0).fit(past, 4)
    weights = [w.clone() for w in gru.gru.model.parameters()]
    assert gru.updates > 0
    gru.fit(past, 4)
    assert not all(map(torch.equal, weights, gru.gru.model.parameters()))
