"""A verdict on series: honest choices, words, bands, and going on."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import stdtrit

from gru_tutorial import judge, make_regime, read_series
from gru_tutorial._judging import network
from gru_tutorial._judging.contest import _quantile_of_t, has_fallen
from gru_tutorial._judging.network import Network, lags_of
from gru_tutorial._judging.panel import (
    Diverged,
    Panel,
    TooLittle,
    farthest,
    plan,
    rows_for,
    shortest,
)
from gru_tutorial._judging.rivals import RIVALS, Rival, find_period
from gru_tutorial.verdict import go_on

FAST = {"rivals": ("persistence", "ridge"), "updates": 4}


def walk(n, seed=0):
    return np.cumsum(np.random.default_rng(seed).standard_normal(n))


def seasonal(n, seed=0, noise=0.1):
    rng = np.random.default_rng(seed)
    return np.sin(np.arange(n) * np.pi / 6) + noise * rng.standard_normal(n)


@pytest.fixture(autouse=True)
def short_chunks(monkeypatch):
    monkeypatch.setattr(network, "CHUNK", 16)  # a fifth of the time


@pytest.fixture
def write(tmp_path):
    def written(values, start="2024-01-01", name="data.csv", freq="h"):
        times = pd.date_range(start, periods=len(values), freq=freq)
        frame = pd.DataFrame({"time": times, "load": values})
        frame.to_csv(tmp_path / name, index=False)
        return tmp_path / name

    return written


# Words


def test_a_walk_needs_no_network():
    verdict = judge(walk(300), 1, rivals=("persistence",), updates=10)
    assert verdict.word in ("no difference", "don't")
    assert verdict.winner == verdict.baseline == "persistence"
    assert "the simpler one is used" in str(verdict)
    last = walk(300)[-1]
    np.testing.assert_allclose(verdict.forecast["forecast"], last)


@pytest.mark.slow
def test_where_a_gru_is_surely_better_it_is_used():
    values = make_regime(1500, seed=0).values
    verdict = judge(values, 1, rivals=("persistence",), updates=60)
    assert verdict.word == "use it"
    assert verdict.skill.lower > 0
    assert verdict.winner.startswith("GRU")
    assert "times that of persistence" in str(verdict)
    assert 0.8 < verdict.covered <= 1


def test_too_few_origins_are_no_proof():
    verdict = judge(walk(60), 4, **FAST)
    assert verdict.skill is None
    assert verdict.word == "no difference"
    assert "origins are too few for an interval" in str(verdict)


def test_a_baseline_without_errors_leaves_nothing():
    values = np.tile([1.0, 5.0, 2.0], 60)
    verdict = judge(values, 1, rivals=("seasonal naive",), updates=2)
    assert verdict.word == "no difference"
    assert verdict.period == 3
    assert "makes no errors" in str(verdict)
    assert verdict.forecast["forecast"].tolist() == [1.0]


# Honest choices


def test_the_test_part_has_no_say():
    values = seasonal(240)
    changed = values.copy()
    first = plan(240, 2, 0.9).test
    changed[-first:] = walk(first, 1) * 5
    found = [judge(v, 2, **FAST) for v in (values, changed)]
    assert found[0].baseline == found[1].baseline
    assert found[0].period == found[1].period
    for a, b in zip(found[0].scores, found[1].scores, strict=True):
        assert a[:2] == b[:2]
        assert a.test != b.test or a.test is None


def test_the_validation_part_has_no_say_in_the_settings():
    values = seasonal(240)
    parts = plan(240, 2, 0.9)
    changed = values.copy()
    changed[-parts.test - parts.valid :] = 3.0
    panels = [
        Panel.of([""], [v[:, None]], parts.test + parts.valid).before(
            parts.test + parts.valid
        )
        for v in (values, changed)
    ]
    np.testing.assert_array_equal(panels[0].series, panels[1].series)


def test_a_test_score_is_made_once_and_not_for_those_left_out():
    verdict = judge(seasonal(240), 2, **FAST)
    tested = [one.model for one in verdict.scores if one.test is not None]
    assert len(tested) == 2
    assert verdict.baseline in tested


def test_parts_follow_each_other_in_time():
    parts = plan(1000, 12, 0.9)
    test, valid = parts.origins("test"), parts.origins("valid")
    assert test[0] == 200
    assert test[-1] >= 12
    assert valid[0] == 400
    assert valid[-1] - 12 >= 200  # no truth of it is in the test part
    assert len(test) <= 301
    assert parts.seen == 600
    assert plan(10**6, 12, 0.9).step > 1


@pytest.mark.parametrize("horizon", [1, 7, 48])
@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
def test_the_shortest_series_will_do_and_no_shorter(horizon, level):
    needed = shortest(horizon, level)
    parts = plan(needed, horizon, level)
    assert len(parts.origins("test")) >= rows_for(level)
    assert parts.seen >= 2 * horizon
    if horizon < 48 and level < 0.99:
        verdict = judge(walk(needed), horizon, level, ("ridge",), updates=2)
        assert len(verdict.forecast) == horizon
    with pytest.raises(TooLittle, match=f"at least {needed} values"):
        judge(walk(needed - 1), horizon, level)


@pytest.mark.parametrize("length", [10, 36, 63, 64, 90, 144, 1000, 5000])
def test_the_farthest_horizon_is_the_last_that_fits(length):
    longest, sure = farthest(length, 0.9)
    fits = [h for h in range(1, length) if shortest(h, 0.9) <= length]
    assert longest == max(fits, default=0)
    if sure:
        assert plan(length, sure, 0.9).is_enough
    if sure < longest:
        assert not plan(length, sure + 1, 0.9).is_enough


def test_what_is_constant_is_refused():
    for values in (np.full(100, 3.0), np.r_[np.full(60, 0.3), walk(40)]):
        with pytest.raises(TooLittle, match="expected values that vary"):
            judge(values, 1)


def test_a_period_is_found_before_validation():
    parts = plan(400, 6, 0.9)
    panel = Panel.of([""], [seasonal(400)[:, None]], 160).before(160)
    assert find_period(panel, None, parts) in (12, 24)
    panel = Panel.of([""], [walk(400)[:, None]], 160).before(160)
    assert find_period(panel, None, parts) < 240


# Models


@pytest.mark.parametrize("name", RIVALS)
def test_a_rival_forecasts_each_series_and_keeps_its_settings(name):
    series = [seasonal(120)[:, None], seasonal(120, 1)[:, None] * 10]
    panel = Panel.of(["a", "b"], series, 0)
    rival = Rival(name, 12).fit(panel)
    ends = np.array([8, 4, 0])
    y_hat = rival(panel.histories(ends, 60), 4)
    assert y_hat.shape == (2, 3, 4)
    again = Rival(name, 12, rival.settings).fit(panel)
    np.testing.assert_allclose(again(panel.histories(ends, 60), 4), y_hat)
    assert name.split()[0] in str(rival)


@pytest.mark.parametrize("lag", [0, 1, 5])
def test_differences_are_taken_and_undone(lag):
    model = Network(7, lag, 1)
    values = np.cumsum(walk(40))[None, None, :, None]
    moved = model._differences(values)
    assert moved.shape[2] == 40 - lag
    back = model._undone(moved[:, :, -7:, 0], values[:, :, :-7, 0])
    np.testing.assert_allclose(back[0, 0], values[0, 0, -7:, 0])


def test_a_trend_is_met_by_differences():
    values = 3.0 * np.arange(200) + seasonal(200)
    verdict = judge(values, 2, rivals=("persistence",), updates=60)
    valid = {one.model: one.valid for one in verdict.scores}
    plain = valid.pop("GRU (the series itself)")
    assert min(v for k, v in valid.items() if "GRU" in k) < plain
    assert lags_of(12, 100, 100) == [0, 1, 12]
    assert lags_of(90, 100, 100) == [0, 1]


def test_the_callers_generator_and_threads_stay():
    torch.manual_seed(3)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    first = judge(walk(80), 1, **FAST)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads
    again = judge(walk(80), 1, **FAST)
    assert first.scores == again.scores
    pd.testing.assert_frame_equal(first.forecast, again.forecast)


FIRST_CALL = """
import random
import numpy as np
from gru_tutorial import judge
before = random.getstate()
judge(np.arange(80) % 7, 1, rivals=("ridge", "boosting"), updates=2)
print(random.getstate() == before)
"""


@pytest.mark.slow
def test_a_librarys_first_import_moves_no_generator():
    """In a process of its own: here the library may be loaded already."""
    run = subprocess.run(
        [sys.executable, "-c", FIRST_CALL], capture_output=True, text=True
    )
    assert run.stdout == "True\n", run.stderr


# Readings: times, columns, several series


def test_times_go_on_and_bands_hold_the_forecast(write):
    reading = read_series(write(seasonal(200)))
    stages = []
    verdict = judge(reading, 3, **FAST, progress=stages.append)
    forecast = verdict.forecast
    assert str(forecast.index[0]) == "2024-01-09 08:00:00"
    assert (forecast["lower"] < forecast["forecast"]).all()
    assert (forecast["forecast"] < forecast["upper"]).all()
    assert verdict.level == 0.9
    assert stages[0] == "validation: persistence"
    assert "is fitted to all values" in stages[-1]
    assert f"held {100 * verdict.covered:.1f} %" in str(verdict)


def test_columns_beside_it_are_read_by_the_network(tmp_path):
    rng = np.random.default_rng(0)
    heat = rng.standard_normal(301)
    load = np.r_[0.0, 3 * heat[:-1]] + 0.1 * rng.standard_normal(301)
    times = pd.date_range("2024-01-01", periods=301, freq="h")
    frame = pd.DataFrame({"time": times, "load": load, "heat": heat})
    frame.to_csv(tmp_path / "data.csv", index=False)
    options = {"value": "load", "columns": ("heat", "weekday")}
    reading = read_series(tmp_path / "data.csv", **options)
    verdict = judge(reading, 1, rivals=("ridge",), updates=60)
    assert verdict.word == "use it"
    assert verdict.forecast.shape == (1, 3)
    verdict.save(tmp_path / "model.pt")
    assert go_on(tmp_path / "model.pt", reading).rows == 0


def shops(more=0):
    """Return a table of sales for each of four shops."""
    frames = {}
    for seed, name in enumerate("abcd"):
        n = (200, 230, 200, 200)[seed] + more
        days = pd.date_range("2023-01-01", periods=n)
        sold = (1, 100, 0.01, 5)[seed] * seasonal(n, seed)
        frames[name] = pd.DataFrame({"shop": name, "day": days, "sold": sold})
    return frames


def read_shops(path, frames):
    pd.concat(frames).to_csv(path, index=False)
    return read_series(path, series="shop")


def test_several_series_get_one_verdict(tmp_path):
    reading = read_shops(tmp_path / "data.csv", shops().values())
    verdict = judge(reading, 2, updates=20)
    kinds = {one.model.split()[0] for one in verdict.scores}
    assert kinds == {"persistence", "seasonal", "ridge", "GRU"}  # quick ones
    forecast = verdict.forecast
    assert forecast["series"].tolist() == list("aabbccdd")
    sizes = forecast["forecast"].abs().groupby(forecast["series"]).max()
    assert sizes.rank().tolist() == [2, 4, 1, 3]
    assert str(forecast.index[2]) == "2023-08-19 00:00:00"


def test_several_series_go_on_together(tmp_path):
    path, model = tmp_path / "data.csv", tmp_path / "model.pt"
    judge(read_shops(path, shops().values()), 2, **FAST).save(model)
    found = go_on(model, read_shops(path, shops(1).values()))
    assert found.rows == 1
    assert found.now is None
    uneven = shops(1) | {"d": shops()["d"]}
    with pytest.raises(ValueError, match="as many new rows for each series"):
        go_on(model, read_shops(path, uneven.values()))
    fewer = list(shops(1).values())[:3]
    with pytest.raises(ValueError, match="data: expected the series"):
        go_on(model, read_shops(path, fewer))


# Going on


def test_a_kept_model_goes_on(write, tmp_path):
    values = seasonal(260)
    model = tmp_path / "model.pt"
    reading = read_series(write(values[:200]))
    verdict = judge(reading, 3, rivals=("ridge",), updates=4)
    verdict.save(model)
    same = go_on(model, reading)
    assert (same.rows, same.changed, same.now) == (0, 0, None)
    assert "too few new rows to tell" in str(same)
    found = go_on(model, read_series(write(values)))
    assert found.rows == 60
    assert found.fallen is False
    assert "it holds" in str(found)
    assert str(found.forecast.index[0]) == "2024-01-11 20:00:00"
    late = read_series(write(values[200:], "2024-01-09 08:00"))
    pd.testing.assert_frame_equal(go_on(model, late).forecast, found.forecast)
    found.save(model)
    assert go_on(model, read_series(write(values))).rows == 0


def test_a_score_that_falls_is_told(write, tmp_path):
    values = seasonal(260)
    values[200:] = 3 * walk(60)
    model = tmp_path / "model.pt"
    judge(read_series(write(values[:200])), 3, **FAST).save(model)
    stages = []
    found = go_on(model, read_series(write(values)), stages.append)
    assert found.fallen
    assert "has fallen: judge again" in str(found)
    assert stages[0] == "score: on the new rows"


def test_what_does_not_go_on_is_refused(write, tmp_path):
    values = seasonal(200)
    model = tmp_path / "model.pt"
    judge(read_series(write(values)), 3, **FAST).save(model)
    with pytest.raises(ValueError, match="go on at 2024-01-09 08:00:00"):
        go_on(model, read_series(write(values, "2024-02-01")))
    with pytest.raises(ValueError, match="expected steps of hour, got day"):
        go_on(model, read_series(write(values, freq="D")))
    values[7] += 1
    assert go_on(model, read_series(write(values))).changed == 1
    with pytest.raises(ValueError, match="data: expected a Reading, got"):
        go_on(model, values)
    with pytest.raises(ValueError, match="path: could not read"):
        go_on(tmp_path / "none.pt", read_series(write(values)))
    with pytest.raises(ValueError, match="for what is saved"):
        judge(values, 3, **FAST).save(model)


def test_without_times_all_rows_are_wanted(tmp_path):
    path, model = tmp_path / "data.csv", tmp_path / "model.pt"
    values = [f"{v:.6f}" for v in seasonal(220)]
    path.write_text("\n".join(["load", *values[:200]]))
    judge(read_series(path), 3, **FAST).save(model)
    path.write_text("\n".join(["load", *values]))
    assert go_on(model, read_series(path)).rows == 20
    path.write_text("\n".join(["load", *values[100:]]))
    with pytest.raises(ValueError, match="all rows that the model knows"):
        go_on(model, read_series(path))


@pytest.mark.parametrize("columns", [1, 3])
def test_a_network_comes_back_from_its_state(columns):
    values = np.random.default_rng(0).standard_normal((90, columns))
    panel = Panel.of([""], [values], 0)
    made = Network(2, 1, columns).fit(panel, 3)
    histories = panel.histories(np.array([5, 0]), 60)
    again = Network.from_state(made.state())
    np.testing.assert_array_equal(again(histories, 2), made(histories, 2))
    assert str(again) == "GRU (differences)"
    assert type(again.forecaster.model.gru).__name__ == "ExactGRU"


def test_only_larger_errors_count_as_fallen():
    rng = np.random.default_rng(0)
    errors = rng.standard_normal((1, 200, 3))
    new = rng.standard_normal((1, 40, 3))
    assert has_fallen(errors, new) is False
    assert has_fallen(errors, new / 10) is False
    assert has_fallen(errors, new * 3) is True
    assert has_fallen(errors * 0, new * 0) is False
    assert has_fallen(errors * 0, new) is True
    assert has_fallen(errors[:, :9], new * 3) is None


def walked(rng, n, horizon):
    """Return errors of a copy of a random walk's last value."""
    walk = np.cumsum(rng.standard_normal(n + horizon))
    ahead = np.lib.stride_tricks.sliding_window_view(walk, horizon)
    return (ahead[1:] - walk[: len(ahead) - 1, None])[None]


@pytest.mark.parametrize(
    ("old", "new", "horizon"),
    [(24, 10, 6), (60, 6, 6), (60, 30, 12), (300, 1, 1), (300, 100, 6)],
)
def test_a_false_alarm_is_rare(old, new, horizon):
    rng, found = np.random.default_rng(0), []
    for _ in range(400):
        errors = walked(rng, old + new + horizon, horizon)
        later = errors[:, old + horizon - 1 :][:, :new]
        found.append(has_fallen(errors[:, :old], later))
    assert np.mean(found) <= 0.05


def test_a_doubled_error_is_seen():
    rng, found = np.random.default_rng(1), []
    for _ in range(100):
        errors = walked(rng, 400, 6)
        found.append(has_fallen(errors[:, :300], 2 * errors[:, 305:]))
    assert np.mean(found) > 0.9


def test_origins_further_apart_are_more_blocks():
    rng = np.random.default_rng(0)
    errors = rng.standard_normal((1, 30, 12))
    assert has_fallen(errors, errors * 3) is None
    assert has_fallen(errors, errors * 3, step=12) is True


@pytest.mark.parametrize("degrees", [2, 3, 5, 10, 30, 1e9])
def test_a_quantile_is_students(degrees):
    wanted = stdtrit(degrees, 0.985)
    assert _quantile_of_t(degrees) == pytest.approx(wanted, rel=0.06)


def test_a_training_that_diverges_is_told():
    values = walk(200)
    values[150] = 1e60
    with pytest.raises(Diverged, match=r"data: training of GRU .* diverged"):
        judge(values, 1, **FAST)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"horizon": 0}, "horizon: expected a whole number"),
        ({"level": 0.3}, "level: expected a finite number"),
        ({"level": 1.0}, "level: expected a finite number"),
        ({"rivals": ("arima",)}, "rivals: expected some of persistence"),
        ({"rivals": ()}, "rivals: expected some of"),
        ({"updates": 1}, "updates: expected a whole number"),
        ({"progress": "x"}, "progress: expected"),
        ({"data": [[1.0, 2.0]]}, "data: expected a 1-D array"),
        ({"data": [1.0, np.nan]}, "data: expected finite numbers"),
    ],
)
def test_an_argument_of_another_kind_is_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        judge(**({"data": walk(100), "horizon": 1} | FAST | arguments))


def test_a_small_bound_keeps_its_sign_and_a_digit():
    from gru_tutorial.verdict import _short

    found = [_short(x) for x in (0.412, -0.0021, 0.0, -1.0, 0.004)]
    assert found == ["0.41", "-0.002", "0.00", "-1.00", "0.004"]
