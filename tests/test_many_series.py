"""The scripts of chapter 13 on many series and rows, and what they stored."""

import numpy as np
import pytest

from gru_tutorial.book.results import load_results

GRUS = ("global GRU", "global GRU, h0", "global GRU, column")


@pytest.fixture
def many(script, monkeypatch):
    """Return the script with a small family, and no compiler."""
    made = script("many_series")
    for name, value in (("COUNT", 32), ("UNSEEN", 16), ("SAMPLE", 3)):
        monkeypatch.setattr(made, name, value)
    monkeypatch.setattr(made, "FAST", False)
    return made


@pytest.fixture(scope="module")
def stored():
    return load_results("many_series")["results"]


def test_each_method_forecasts_series(many):
    own = ("own GRU", "own ridge")
    for method in (*GRUS, *own, "ridge for all", "ridge by group"):
        choice = (4, 0.01, 2) if "GRU" in method else (6, 1.0)
        run = many.Setting(method, 30, 0, () if "own r" in method else choice)
        found = many.result(run)
        assert 1 < found["ratio"] < 10
        assert (found["ratio"] == found["sample"]) == (method in own)
        assert found == many.result(run) | {"cpu": found["cpu"]}


def test_series_never_seen_are_forecast_from_their_first_value(many):
    for method in (*GRUS, "ridge by group"):
        run = many.Setting(method, 0, 0, (4, 0.01, 2))
        found = many.result(run)["by_known"]
        assert len(found) == len(many.FIRST)
        assert 1 < min(found) <= max(found) < 100


def test_no_forecast_sees_what_follows(many):
    """Neither through the scale nor through the inputs."""
    before = many.Part(0, 30, slice(8))
    made = many.family(0)
    made.values[:, 480 + 5 :] += 100
    after = many.Part(0, 30, slice(8))
    np.testing.assert_array_equal(before.mean, after.mean)
    for kind in (None, "h0", "column"):
        model = many.network(kind, 4, 0)
        one, two = (
            many.forecasts(model, part.scaled, part.static, kind)
            for part in (before, after)
        )
        np.testing.assert_array_equal(one[:, :6], two[:, :6])
        assert not np.allclose(one[:, 6], two[:, 6])
    weights = many.learnt(before.scaled[:, :30], 6, 1.0)
    one, two = (many.applied(weights, part.scaled) for part in (before, after))
    np.testing.assert_allclose(one[:, :6], two[:, :6])
    assert not np.allclose(one[:, 6], two[:, 6])


def test_a_ridge_finds_a_recursion(many):
    """And is asked for the steps that are scored."""
    series = np.sin(np.arange(90.0) + np.arange(5)[:, None])
    weights = many.learnt(series, 2, 1e-9)
    np.testing.assert_allclose(weights, [-1, 2 * np.cos(1), 0], atol=1e-6)
    y_hat = many.applied(weights, series)
    np.testing.assert_allclose(y_hat, series[:, -many.TESTED :], atol=1e-6)


def test_a_second_start_goes_on(many, monkeypatch, tmp_path):
    monkeypatch.setattr(many, "FILE", tmp_path / ".runs" / "many.jsonl")
    done = []

    def result(run):
        done.append(run)
        if len(done) == 3:
            raise KeyboardInterrupt
        return {"ratio": 1.5, "sample": 1.5, "cpu": 0.1}

    monkeypatch.setattr(many, "result", result)
    runs = many.sweep()[:5]
    with pytest.raises(KeyboardInterrupt):
        many.do(runs, many.kept())
    assert list(many.kept()) == runs[:2]
    many.do(runs, many.kept())
    assert done == [*runs[:3], *runs[2:]]
    monkeypatch.setattr(many, "TESTED", 7)
    assert not many.kept()  # of other settings


def test_settings_are_chosen_on_another_family(script, stored):
    many = script("many_series")
    assert many.SWEEP not in many.SEEDS
    found = {}
    for row in stored["trials"]:
        choice = tuple(row["choice"])
        run = many.Setting(row["method"], row["known"], many.SWEEP, choice)
        found[run] = {"ratio": row["ratio"]}
    assert list(found) == many.sweep()
    rows = {(row["method"], row["known"]): row for row in stored["rows"]}
    assert list(rows) == many.cells()
    for (method, known), row in rows.items():
        choice = many.chosen(method, known, found)
        assert row["choice"] == list(choice)
        assert len(row["ratio"]) == len(row["sample"]) == len(many.SEEDS)
        assert min(row["ratio"]) > 1
    new = [(row["method"], row["known"]) for row in stored["unseen_series"]]
    methods = (*GRUS, "ridge by group")
    assert new == [(m, k) for m in methods for k in many.FIRST]


def medians(rows, key):
    return {(r["method"], r["known"]): np.median(r[key]) for r in rows}


def test_what_the_chapter_says_of_many_series(stored):
    """A short history is made up for by other series; a long one is not."""
    found = medians(stored["rows"], "sample")
    for known in (30, 60):
        best = min(found[method, known] for method in GRUS)
        assert best < 0.95 * found["own ridge", known]
        assert best < found["own GRU", known]
    assert found["own ridge", 480] < min(found[m, 480] for m in GRUS)
    new = medians(stored["unseen_series"], "ratio")
    assert new["global GRU, h0", 0] < 0.8 * new["global GRU", 0]


def test_a_pass_over_the_rows_is_as_fast_and_small_as_promised(script):
    rows = script("rows")
    stored = load_results("rows")["results"]
    assert stored["rows"] == rows.ROWS == 100_000_000
    each = rows.LENGTH - rows.WINDOW
    for name in ("in order", "shuffled"):
        found = stored["passes"][name]
        assert found["windows"] == rows.ROWS // rows.LENGTH * each
        assert found["batches"] == -(-found["windows"] // rows.BATCH)
        assert found["own_mb"] <= 400
    assert stored["passes"]["in order"]["pass_s"][1] <= 60


def test_rows_are_written_passed_and_trained_on(script, monkeypatch, tmp_path):
    rows = script("rows")
    rows.write(tmp_path, 4000, length=100, group=1000)
    monkeypatch.setattr(rows, "UPDATES", 2)
    for shuffle in (0, rows.MIXED):
        run = rows.read(tmp_path, shuffle)
        assert [run["windows"], run["batches"]] == run["expected"]
        assert run["windows"] == 40 * (100 - rows.WINDOW)
        assert run["own_mb"] >= run["own_before_mb"] > 0
    assert rows.train(tmp_path, False) > 0


def test_a_full_disk_is_told_before(script, monkeypatch, tmp_path):
    rows = script("rows")
    rows.check_space(tmp_path, 1)
    with pytest.raises(SystemExit, match="GB of free space"):
        rows.check_space(tmp_path, 10**15)
