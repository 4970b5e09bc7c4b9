"""The script of chapter 12's real series, and what it stored."""

import json
import math
import re
import sys
import tomllib
import types
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gru_tutorial import Ridge, paired_skill
from gru_tutorial.book.results import load_results

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "benchmarks"


@pytest.fixture
def series(script):
    return script("series")


@pytest.fixture
def thumb(script):
    return script("thumb")


@pytest.fixture
def catalogue(script):
    return script("catalogue")


@pytest.fixture
def made(series):
    """A small series with a season of five."""
    steps = np.arange(300)
    noise = np.random.default_rng(0).normal(size=300)
    return series.Data.of(
        7 + np.sin(2 * np.pi * steps / 5) + 0.1 * noise, 5, (1, 2, 4)
    )


# The list


def test_series_are_long_enough_and_from_many_fields(series):
    fields = [one.field for one in series.SERIES.values()]
    assert len(set(fields)) == len(fields) >= 16
    for one in series.SERIES.values():
        assert one.horizons[0] == 1
        assert list(one.horizons) == sorted(set(one.horizons))
        assert one.period >= 1
        for text in (one.source, one.licence, one.transformation):
            assert text


def test_the_extra_holds_what_the_series_come_in(catalogue):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    extras = project["project"]["optional-dependencies"]
    named = {re.split("[>=<]", one)[0].lower() for one in extras["series"]}
    base = project["project"]["dependencies"]
    base = {re.split("[>=<]", one)[0].lower() for one in base}
    assert {one.lower() for one in catalogue.packages()} - base == named
    exact = (ROOT / "constraints.txt").read_text("utf-8").lower()
    assert all(f"\n{name}==" in exact for name in named)
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert "-e '.[bench,series]'" in makefile


@pytest.fixture
def stand_ins(catalogue, monkeypatch):
    """Put small tables where packages have theirs."""
    hours = pd.date_range("2013-01-01", periods=40, freq="h", tz="UTC")
    times = pd.date_range("2010-01-01", periods=40, freq="5min").astype(str)
    halves = pd.date_range("2016-01-01", periods=40, freq="30min").astype(str)
    numbers = np.arange(1.0, 41)
    weather = {"origin": "LGA", "time_hour": hours, "temp": numbers}
    tables = {
        "sunspot.month": {"value": numbers},
        "treering": {"value": numbers},
        "manaus": {"value": numbers},
        "weather": weather,
        "NOxEmissions": {"rownames": np.arange(40), "LNOx": numbers},
        "bank_calls": {"Calls": numbers.astype(int)},
        "Chicago": {"ridership": numbers},
        "BirthsSSA": {"births": numbers.astype(int)},
        "DJIA8012": {"dat": numbers},
        "GoldSilver": {"gold": numbers},
        "_data/CGM.csv.gz": {"datetime": times, "glucose": numbers},
        "_data/cycling.csv.gz": {"power": numbers},
        "_data/sea_surface_temperature.csv.gz": {
            "time (UTC)": halves,
            "temperature (celsius)": numbers,
        },
        "datasets/co2/co2.csv": {"co2": np.where(numbers == 3, np.nan, 1.0)},
        "datasets/elnino/elnino.csv": {
            "YEAR": numbers,
            **{f"{k}": numbers for k in range(12)},
        },
        "datasets/electricity_demand.csv": {"demand_mw": numbers.astype(int)},
    }

    def table(package, name):
        return pd.DataFrame(tables[name])

    monkeypatch.setattr(catalogue, "r_table", table)
    monkeypatch.setattr(catalogue, "csv", table)
    monkeypatch.setattr(np, "load", lambda path: {"data": numbers})
    monkeypatch.setattr(
        np, "fromfile", lambda path, kind: numbers.astype(kind)
    )
    monkeypatch.setattr(catalogue, "folder", Path)
    return tables


def test_each_loader_gives_finite_floats(catalogue, stand_ins, monkeypatch):
    for name, one in catalogue.SERIES.items():
        if one.package == "reservoirpy":
            monkeypatch.setattr(
                np, "load", lambda path: np.arange(40.0)[:, None]
            )
        values = catalogue.loaded(name)
        assert values.dtype == np.float64, name
        assert values.ndim == 1, name
        assert len(values) >= 10, name
        assert np.isfinite(values).all(), name
        if one.package == "reservoirpy":
            monkeypatch.setattr(
                np, "load", lambda path: {"data": np.arange(40.0)}
            )


def test_the_books_own_series_is_read_as_it_is(catalogue):
    values = catalogue.loaded("electricity demand")
    assert values.shape == (4032,)
    assert values[:3].tolist() == [22262, 21756, 22247]


def test_gaps_are_filled_on_a_line_or_left_behind(catalogue, stand_ins):
    table = stand_ins["weather"]
    keep = np.arange(40) != 7  # an hour is missing
    stand_ins["weather"] = {
        "origin": "LGA",
        "time_hour": table["time_hour"][keep],
        "temp": table["temp"][keep] ** 2,
    }
    found = catalogue.loaded("air temperature")
    assert found[7] == (7**2 + 9**2) / 2
    assert len(found) == 40
    stand_ins["NOxEmissions"]["rownames"] = np.r_[0:10, 12:42]
    assert catalogue.loaded("nitrogen oxides").tolist() == list(range(11, 41))
    times = list(stand_ins["_data/CGM.csv.gz"]["datetime"])
    times[25] = times[25].replace(":05:00", ":05:50")  # no gap
    late = pd.date_range("2010-01-02", periods=12, freq="5min").astype(str)
    stand_ins["_data/CGM.csv.gz"]["datetime"] = [*times[:28], *late]
    stand_ins["_data/CGM.csv.gz"]["glucose"] = np.arange(40.0)
    assert catalogue.loaded("blood glucose").tolist() == list(range(28))


def test_days_of_no_change_have_no_volatility(catalogue, stand_ins):
    stand_ins["DJIA8012"]["dat"] = np.exp([0.0, 0.01, 0.01, 0.0])
    np.testing.assert_allclose(catalogue.loaded("stock volatility"), [1, 1])


def test_an_absent_package_is_named(catalogue):
    with pytest.raises(ModuleNotFoundError, match=r"pip install '\.\[series"):
        catalogue.folder("no_such_package")


# Parts and methods


def test_parts_are_in_time_order_and_scaled_by_the_first(series, made):
    assert (made.valid, made.test, len(made.values)) == (180, 240, 300)
    assert abs(made.values[:180].mean()) < 1e-12
    assert made.values[:180].std() == pytest.approx(1)
    assert made.origins("valid")[0] == 180
    assert made.origins("valid")[-1] + 4 == 240
    assert made.origins("test")[-1] + 4 == 300
    early, late = np.full(4000, 1e6), np.arange(series.CAP) % 7.0
    long = series.Data.of(np.r_[early, late], 7, (1, 3, 7))
    assert len(long.values) == series.CAP
    assert np.abs(long.values).max() < 2


@pytest.mark.parametrize("period", [1, 5, 7, 12, 24, 48, 52, 132, 169])
def test_origins_meet_twelve_phases_or_all(series, period):
    data = series.Data.of(np.arange(5000.0), period, (1, 12, 48))
    origins = data.origins("test")
    assert len(origins) <= series.ORIGINS
    assert len(set(origins % period)) >= min(period, series.PHASES)
    assert len(set(np.diff(origins))) == 1


def test_truths_and_histories_meet_at_the_origin(made):
    for part in ("valid", "test"):
        origins = made.origins(part)
        histories, truths = made.histories(part), made.truths(part)
        assert len(histories) == len(truths) == len(origins)
        for k in (0, -1):
            at = origins[k]
            assert histories[k, -1] == made.values[at - 1]
            assert (
                truths[k].tolist()
                == made.values[[at, at + 1, at + 3]].tolist()
            )


def test_copies_are_those_of_the_last_value_and_season(series, made):
    y_hat, _ = series.persistence(made, "test", None)
    seasonal, _ = series.seasonal_naive(made, "test", None)
    for row, season, at in zip(
        y_hat[""], seasonal[""], made.origins("test"), strict=True
    ):
        assert row.tolist() == [made.values[at - 1]] * 3
        assert (
            season.tolist() == made.values[[at - 5, at - 4, at - 2]].tolist()
        )


def test_a_leading_learner_forecasts_a_later_step(series):
    """Of a line it learns the slope times the lead."""
    values = np.random.default_rng(0).normal(size=200).cumsum()
    lead, lags = 3, 4
    far = series.leading(Ridge, lead)(lags=lags, alpha=0.0).fit(values)
    rows = len(values) - lags - lead + 1
    X = np.stack([values[k : k + lags] for k in range(rows)])
    design = np.column_stack([X, np.ones(rows)])
    weights, *_ = np.linalg.lstsq(
        design, values[lags + lead - 1 :], rcond=None
    )
    expected = values[-lags:] @ weights[:-1] + weights[-1]
    np.testing.assert_allclose(far(values, 1), [expected])


def test_lag_learners_see_no_value_after_the_origin(series, made):
    """Nor any of the part while they are fitted."""
    for name in series.LEARNERS:
        before, kept = series.METHODS[name](made, "valid", None)
        moved = made.values.copy()
        moved[made.test :] += 100
        again, same = series.METHODS[name](
            made._replace(values=moved), "valid", None
        )
        assert kept == same
        for form in before:
            np.testing.assert_array_equal(before[form], again[form])


def test_smoothing_goes_on_from_level_trend_and_season(series, made):
    n = len(made.values)
    states = types.SimpleNamespace(
        level=np.arange(n) * 1.0,
        slope=np.full(n, 2.0),
        season=np.arange(n) % 5 * 10.0,
        damping_trend=0.5,
    )
    at = made.origins("test")[0]
    plain = series.smoothed(states, made, "test", False, 1)
    assert plain[0].tolist() == [at - 1] * 3
    trend = series.smoothed(states, made, "test", True, 1)
    rises = [2 * 0.5, 2 * 0.75, 2 * (0.5 + 0.25 + 0.125 + 0.0625)]
    np.testing.assert_allclose(trend[0] - plain[0], rises)
    season = series.smoothed(states, made, "test", False, 5)
    expected = [(at + h - 1) % 5 * 10 for h in made.horizons]
    assert (season[0] - plain[0]).tolist() == expected


def test_validation_chooses_a_form_for_each_horizon(series, made, monkeypatch):
    """And the test part is scored with that form, whatever is better there."""
    truth = {part: made.truths(part) for part in ("valid", "test")}

    def method(data, part, kept):
        off = np.array([0.0, 1.0, 0.0] if part == "valid" else [5.0, 5.0, 5.0])
        a = truth[part] + off
        b = truth[part] + (0.5 if part == "valid" else 0.0)
        return {"a": a, "b": b}, {"kept": (kept or {}).get("kept", 0) + 1}

    monkeypatch.setitem(series.METHODS, "ridge", method)
    found = series.baseline(made, "ridge")
    assert found["chosen"] == ["a", "b", "a"]
    np.testing.assert_allclose(found["mae"], [5, 0, 5], atol=1e-12)
    assert found["settings"] == {"kept": 1}


def test_packed_errors_keep_three_digits(series):
    errors = np.array([0.123456, 12.3456, 0.0])
    np.testing.assert_allclose(
        series.unpacked(series.packed(errors)), errors, rtol=5e-3
    )


def test_pairs_are_compared_as_paired_skill_does(series, made):
    rng = np.random.default_rng(1)
    truth = made.truths("test")[:, 1]
    near, far = (truth + s * rng.normal(size=len(truth)) for s in (0.1, 1.0))
    found = series.compared(made, 1, np.abs(near - truth), np.abs(far - truth))
    block = math.ceil(len(truth) ** (1 / 3)) + 1
    again = paired_skill(truth, near, far, absolute=True, block=block)
    np.testing.assert_allclose(found[:4], again[:4])
    assert found.verdict == "better"


@pytest.mark.slow
def test_a_run_goes_from_the_list_to_the_record(
    series, script, monkeypatch, tmp_path
):
    """With small series, few updates, and no package that CI lacks."""
    search = script("search")
    monkeypatch.setattr(series, "UPDATES", 4)
    monkeypatch.setattr(series, "TRIAL", 2)
    monkeypatch.setattr(series, "LONGER", 6)
    noise = np.random.default_rng(0).normal(size=(4, 260))
    first = next(iter(series.SERIES.values()))
    known = {
        name: first._replace(
            period=period, horizons=(1, 2, 4), load=noise[k].copy
        )
        for k, (name, period) in enumerate(
            zip("aBcd", (5, 1, 5, 1), strict=True)
        )
    }
    monkeypatch.setattr(series, "SERIES", known)
    monkeypatch.setattr(sys.modules["catalogue"], "SERIES", known)
    monkeypatch.setitem(series.METHODS, "ETS", series.persistence)
    monkeypatch.setattr(sys.modules["thumb"], "bds", lambda errors: 0.0)
    monkeypatch.setattr(
        series, "versions", lambda *names: dict.fromkeys(names)
    )
    runs = search.Runs(tmp_path / "series.jsonl", series.measure)
    found = json.loads(json.dumps(series.results(runs, True)))
    assert [row["skill"] for row in found["tasks"]] == sorted(
        (row["skill"] for row in found["tasks"]), reverse=True
    )
    check_record(series, sys.modules["thumb"], found)
    assert all("longer" in row for row in found["tasks"])
    assert found["summary"]["longer"]["ahead"] <= len(found["tasks"])
    without = series.results(runs, False)
    assert "longer" not in without["summary"]
    lines = (tmp_path / "series.jsonl").read_text("utf-8").splitlines()
    again = search.Runs(tmp_path / "series.jsonl", None)
    assert json.loads(json.dumps(series.results(again, True))) == found
    assert len(lines) == len(again.known)


def check_record(series, thumb, found):
    """What a record holds is what the script would store."""
    assert list(found["series"]) == list(series.SERIES)
    assert found["methods"] == [*series.BASELINES, "GRU"]
    assert found["settings"]["updates"] == series.UPDATES
    assert found["settings"]["longer"] == series.LONGER
    half = series.halves(series.SERIES)
    asked = set()
    for name, entry in series.SERIES.items():
        about = found["series"][name]
        for key in ("field", "package", "source", "licence", "period"):
            assert about[key] == getattr(entry, key)
        assert about["half"] == half[name]
        assert about["used"] == min(series.CAP, about["length"])
        asked |= {(name, horizon) for horizon in entry.horizons}
    assert {(r["series"], r["horizon"]) for r in found["tasks"]} == asked
    assert len(found["tasks"]) == len(asked)
    for row in found["tasks"]:
        check_task(row, found)
    assert found["summary"] == series.summary(found["tasks"])
    again = thumb.account(found["tasks"], half)
    assert found["rule"] == json.loads(json.dumps(again))
    again = thumb.account(found["tasks"], half, thumb.is_ahead)
    assert found["rule_ahead"] == json.loads(json.dumps(again))


def check_task(row, found):
    """One row follows from the errors that it holds."""
    season = found["series"][row["series"]]["period"] > 1
    asked = [m for m in found["methods"] if season or m != "seasonal naive"]
    assert set(row["mae"]) == set(row["valid"]) == set(asked)
    others = {k: v for k, v in row["valid"].items() if k != "GRU"}
    assert row["baseline"] == min(others, key=others.get)
    tested = {k: v for k, v in row["mae"].items() if k != "GRU"}
    assert row["best_on_test"] == min(tested, key=tested.get)
    ratio = row["mae"]["GRU"] / row["mae"][row["baseline"]]
    assert row["ratio"] == pytest.approx(ratio, abs=1e-4)
    assert row["skill"] == pytest.approx(1 - ratio, abs=3e-3)
    assert row["lower"] <= row["upper"]
    word = "better" if row["lower"] > 0 else "no difference"
    assert row["verdict"] == ("worse" if row["upper"] < 0 else word)
    assert np.mean(row["skills"]) == pytest.approx(1 - ratio, abs=1e-3)
    assert [run["seed"] for run in row["runs"]] == found["settings"]["seeds"]
    mean = np.mean([run["mae"] for run in row["runs"]])
    assert row["mae"]["GRU"] == pytest.approx(mean, rel=1e-4)
    assert set(row["against"]) == set(others)
    assert row["against"][row["baseline"]] == row["verdict"]


# The rule of thumb


def test_dependence_is_near_zero_for_noise_and_large_for_a_wave(thumb):
    noise = np.random.default_rng(0).normal(size=2000)
    assert abs(thumb.dependence(noise)) < 0.02
    assert thumb.dependence(np.sin(np.arange(2000.0))) > 5


def test_a_season_is_a_share_of_the_variance(thumb):
    steps = np.arange(700)
    wave = np.sin(2 * np.pi * steps / 7)
    noise = np.random.default_rng(0).normal(size=700)
    assert thumb.season(wave + 3 * steps, 7) == pytest.approx(1, abs=1e-4)
    assert thumb.season(noise, 7) < 0.05
    assert thumb.season(wave, 1) == 0


def test_a_threshold_is_the_one_with_the_best_balance(thumb):
    values = np.array([1.0, 2, 3, 4, 5, 6])
    wins = np.array([False, False, False, True, True, True])
    assert thumb.threshold_of(values, wins, True) == (3.5, 1.0)
    assert thumb.threshold_of(-values, wins, False) == (-3.5, 1.0)
    assert thumb.threshold_of(values, wins, False)[1] <= 0.5
    equal = np.array([False, True, False, True])
    assert thumb.threshold_of(values[:4], equal, True) == (3.5, 0.75)
    assert thumb.threshold_of(-values[:4], equal, False) == (-3.5, 0.75)
    none = np.zeros(6, bool)
    threshold, balance = thumb.threshold_of(values, none, True)
    assert balance == 0.5
    assert not thumb.named(values, threshold, True).any()


def rows(thumb, values, wins, name="noise"):
    return [
        {
            "series": f"s{k}",
            "properties": dict.fromkeys(thumb.CANDIDATES, 1.0)
            | {name: float(value)},
            "verdict": "better" if win else "worse",
            "skill": 0.1 if win else -0.1,
            "baseline": "ridge",
            "valid": {"ridge": 1.0, "GRU": 2.0},
        }
        for k, (value, win) in enumerate(zip(values, wins, strict=True))
    ]


def test_a_rule_is_formed_on_one_half_and_tested_on_the_other(thumb):
    values = [1, 2, 3, 4, 1, 2, 3, 4]
    wins = [True, True, False, False, True, False, True, False]
    half = {f"s{k}": "forming" if k < 4 else "testing" for k in range(8)}
    rule = thumb.account(rows(thumb, values, wins), half)
    assert rule["property"] == "noise"
    assert not rule["above"]
    assert rule["threshold"] == 2.5
    assert rule["forming"] == {
        "tasks": 4,
        "hits": 4,
        "wins": 2,
        "wins_named": 2,
        "named": 2,
        "never": 2,
    }
    assert rule["testing"]["hits"] == 2
    assert rule["testing"]["wins_named"] == 1
    assert rule["trial"]["testing"]["named"] == 0
    assert [p["property"] for p in rule["properties"]] == list(
        thumb.CANDIDATES
    )
    # What the other half holds has no say in the rule.
    other = thumb.account(rows(thumb, values, wins[:4] + [False] * 4), half)
    assert other["threshold"] == 2.5
    assert other["property"] == "noise"


def test_halves_take_turns_in_alphabetical_order(series):
    half = series.halves(["B", "a", "c", "d"])
    assert half == {
        "a": "forming",
        "B": "testing",
        "c": "forming",
        "d": "testing",
    }


# What is stored


def test_stored_results_are_those_of_the_script(series, thumb):
    record = load_results("series")
    assert record["repetitions"] == len(series.SEEDS) == 3
    check_record(series, thumb, record["results"])


def test_stored_tasks_follow_from_the_kept_runs(series):
    """Each skill and interval, from errors at the same origins."""
    lines = (FOLDER / ".runs" / "series.jsonl").read_text("utf-8")
    kept = [json.loads(line) for line in lines.splitlines()]
    runs = {json.dumps(run["of"], sort_keys=True): run for run in kept}

    def run(*of):
        return runs[json.dumps(list(of), sort_keys=True)]

    ways = {words: lag for lag, words in series.WAYS.items()}
    for row in load_results("series")["results"]["tasks"]:
        name, entry = row["series"], series.SERIES[row["series"]]
        at = entry.horizons.index(row["horizon"])
        lag = ways.get(row["input"], entry.period)
        settings = {"lag": lag, "updates": series.UPDATES, "part": "test"}
        tests = [run(name, "GRU", settings, seed) for seed in series.SEEDS]
        other = run(name, row["baseline"], {}, 0)
        errors = [
            series.unpacked(one["errors"][at]) for one in (*tests, other)
        ]
        assert {len(one) for one in errors} == {row["origins"]}
        skill = 1 - np.mean(errors[:3]) / np.mean(errors[3])
        assert row["skill"] == pytest.approx(skill, abs=1e-3)
        assert row["mae"][row["baseline"]] == other["mae"][at]
