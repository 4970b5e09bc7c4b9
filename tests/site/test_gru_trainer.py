"""A GRU that trains in the page: what it learns, says, refuses, and how."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from gru_tutorial.book.explorables.element import module
from tests.site.browsing import in_chromium
from tests.site.exploring import drawn, result

pytestmark = pytest.mark.slow
TAG = "gru-trainer"
DONE = f"document.querySelector('{TAG}').result.done"
PATIENCE = 120_000  # ms, on a busy machine
# The module's functions, for a blank page
LEARNING = """async source => {
  const file = new Blob([source + "\\nexport { readNumbers, ridge, parts,"
    + " scaled, bookSeries, bestRidge, Learner };"],
    { type: "text/javascript" });
  window.learning = await import(URL.createObjectURL(file));
}"""
# Learns for some updates; returns weights and all forecasts
LEARN = """({ series, ends, settings, updates }) => {
  const learner = new learning.Learner(
    Float64Array.from(series), ends, settings);
  for (let k = 0; k < updates; k++) learner.update();
  return { theta: [...learner.network.theta], plan: learner.plan,
    y: [...learner.forecast()] };
}"""
# What the element has trained, and on what
RUN = """tag => {
  const { series, ends, clean, values, mean, std, unit, best, y, scores } =
    document.querySelector(tag).run;
  return { series: [...series], ends, clean: [...clean],
    values: [...values], mean, std, unit, best, y: [...y], scores };
}"""
SETTINGS = {
    "hidden": 8,
    "lr": 0.03,
    "labels": "each",
    "clip": 1,
    "noise": 0.5,
    "seed": 2,
}
ASKED = "&".join(f"{name}={value}" for name, value in SETTINGS.items())
CALL = """([name, args]) => {
  const take = v => v && v.numbers ? Float64Array.from(v.numbers) : v;
  try { return [...learning[name](...args.map(take))]; }
  catch (fault) { return fault.message; }
}"""


@pytest.fixture(scope="module")
def call(browser):
    """Calls a function of the module."""
    page = browser.new_page()
    page.evaluate(LEARNING, module(TAG).partition("export default")[0])
    yield lambda name, *args: page.evaluate(CALL, [name, list(args)])
    page.close()


@pytest.fixture(scope="module")
def learn(browser):
    """Trains without the element, for a number of updates."""
    page = browser.new_page()
    page.evaluate(LEARNING, module(TAG).partition("export default")[0])

    def learn(series, ends, updates, **other):
        asked = {"series": list(series), "ends": ends, "updates": updates}
        asked["settings"] = SETTINGS | other
        return page.evaluate(LEARN, asked)

    yield learn
    page.close()


# Counts the frames that the page draws
COUNT = """() => { window.frames_drawn = 0;
  const frame = () => { frames_drawn += 1; requestAnimationFrame(frame); };
  requestAnimationFrame(frame); }"""


def trained(pages, asked):
    """Train to the end; return the result and more of what is there then."""
    with pages.open(TAG, f"#it?{asked}") as page:
        page.evaluate(COUNT)
        page.get_by_role("button", name="Train").click()
        page.wait_for_function(DONE, timeout=PATIENCE)
        return {
            "frames": page.evaluate("frames_drawn"),
            "result": result(page, TAG),
            "said": page.locator(".says").inner_text(),
            "run": page.evaluate(RUN, TAG),
        }


@pytest.fixture(scope="module")
def by_default(pages):
    """A run to the end, with the settings that the page begins with."""
    return trained(pages, "")


@pytest.fixture(scope="module")
def undisturbed(pages):
    """A run to the end with ``SETTINGS``."""
    return trained(pages, ASKED)


@in_chromium
def test_it_learns_the_books_series_with_most_seeds(pages, by_default):
    others = (trained(pages, f"seed={seed}") for seed in range(1, 5))
    scores = []
    for end in (by_default, *others):
        found, said = end["result"], end["said"]
        scores.append(found["scores"]["gru"])
        assert f"{scores[-1]:.2f} times the noise floor" in said
        assert found["updates"] < 3000  # it stopped by itself
        assert 1 < found["scores"]["ridge"] < 1.25
        assert found["scores"]["copy"] > 2
        assert len(set(map(tuple, found["history"]))) > 10
    assert sorted(scores)[3] <= 1.25, scores
    assert len(set(scores)) == 5


@in_chromium
def test_a_pause_changes_nothing(pages, undisturbed):
    with pages.open(TAG, f"#it?{ASKED}") as page:
        page.get_by_role("button", name="Train").press("Enter")
        page.get_by_text("Update ").first.wait_for(timeout=PATIENCE)
        page.get_by_role("button", name="Pause").press("Enter")
        page.get_by_text("Paused after").first.wait_for()
        page.wait_for_timeout(300)  # what was on its way
        rests = result(page, TAG)["history"]
        page.wait_for_timeout(500)
        assert result(page, TAG)["history"] == rests
        page.get_by_role("button", name="Go on").press("Enter")
        page.wait_for_function(DONE, timeout=PATIENCE)
        assert result(page, TAG) == undisturbed["result"]


@in_chromium
def test_the_page_goes_on_while_it_trains(by_default):
    """It draws frames between the reports of the worker."""
    reports = len(by_default["result"]["history"])
    assert by_default["frames"] > reports / 2 > 10


@in_chromium
def test_runs_are_listed_and_stay_when_settings_change(pages):
    with pages.open(TAG, "#it?hidden=4&lr=0.03") as page:
        rows = page.locator("#runs tbody tr")
        for count in (1, 2):
            page.get_by_role("button", name="Train").click()
            page.wait_for_function(DONE, timeout=PATIENCE)
            slider = page.get_by_label("Seed")
            slider.focus()
            page.keyboard.press("ArrowRight")
            drawn(page)
            assert rows.count() == count
        seeds = rows.locator("td:nth-child(4)").all_inner_texts()
        scores = rows.locator("td:nth-child(2)").all_inner_texts()
    assert seeds == ["0", "1"]
    assert all(1 < float(score) < 2 for score in scores)


@in_chromium
def test_other_settings_and_reset_end_a_run(pages):
    with pages.open(TAG) as page:
        page.get_by_role("button", name="Train").click()
        page.get_by_text("Update ").first.wait_for(timeout=PATIENCE)
        slider = page.get_by_label("Seed")
        slider.focus()
        page.keyboard.press("ArrowRight")
        assert result(page, TAG)["history"] == []
        assert page.get_by_role("button", name="Train").is_visible()
        page.get_by_role("button", name="Train").click()
        page.get_by_text("Update ").first.wait_for(timeout=PATIENCE)
        page.get_by_role("button", name="Reset").click()
        assert result(page, TAG)["history"] == []
        assert page.get_by_label("Seed").input_value() == "0"


@in_chromium
def test_it_trains_on_numbers_of_ones_own(pages):
    """A wave of 12 steps, which the copy forecasts badly."""
    wave = 20 + 3 * np.sin(2 * np.pi * np.arange(300) / 12)
    text = "day,load\n" + "\n".join(f"{k},{v:.4f}" for k, v in enumerate(wave))
    with pages.open(TAG, "#it?data=own&hidden=8&noise=0.1") as page:
        page.get_by_label("Your numbers").fill(text)
        drawn(page)
        read = page.locator(".says").inner_text()
        assert read.startswith("Read 300 numbers: 20, 21.5 … "), read
        page.get_by_role("button", name="Train").click()
        page.wait_for_function(DONE, timeout=PATIENCE)
        scores = result(page, TAG)["scores"]
        said = page.locator(".says").inner_text()
    assert scores["copy"] == 1
    assert scores["gru"] < 0.2
    assert "times the copy's error" in said


@in_chromium
def test_a_file_is_taken_like_pasted_numbers(pages, tmp_path):
    path = tmp_path / "numbers.csv"
    path.write_text("\n".join(str(k % 7) for k in range(100)), "utf-8")
    with pages.open(TAG, "#it?data=own") as page:
        page.get_by_label("or a file").set_input_files(path)
        page.wait_for_function(
            "document.querySelector('gru-trainer').shadowRoot"
            ".getElementById('numbers').value.length > 100"
        )
        drawn(page)
        page.get_by_role("button", name="Train").click()
        page.get_by_text("Update ").first.wait_for(timeout=PATIENCE)


@in_chromium
def test_bad_numbers_are_refused_in_words(pages):
    for text, told in (
        ("", "expected numbers, one a line or in a column, got none"),
        ("1\n2\n3", "expected 60 numbers or more, got 3"),
        ("\n".join(["1"] * 80), "all numbers are the same"),
        ("\n".join(["1", "2"] * 40 + ["x"]), "line 81: expected a number"),
    ):
        with pages.open(TAG, "#it?data=own") as page:
            page.get_by_label("Your numbers").fill(text)
            drawn(page)
            assert not text or told in page.locator(".says").inner_text()
            page.get_by_role("button", name="Train").click()
            drawn(page)
            assert told in page.locator(".says").inner_text()
            assert result(page, TAG)["fault"]


@in_chromium
def test_numbers_are_read_from_what_people_paste(call):
    values = [float(k % 9) for k in range(70)]
    lines = [f"{v:g}" for v in values]
    assert call("readNumbers", "\n".join(lines)) == values
    assert call("readNumbers", " ".join(lines)) == values
    assert call("readNumbers", "load\r\n" + "\r\n".join(lines)) == values
    table = [f"2024-01-{k:02d};{v};note" for k, v in enumerate(lines)]
    assert call("readNumbers", "day;load;what\n" + "\n".join(table)) == values
    numbers = [v + 0.25 for v in values]
    decimal = [f"{v:.2f}".replace(".", ",") for v in numbers]
    assert call("readNumbers", "\n".join(decimal)) == numbers
    assert call("readNumbers", "load\n" + "\n".join(decimal)) == numbers
    table = [f"{k};{v}" for k, v in enumerate(decimal)]
    assert call("readNumbers", "\n".join(table)) == numbers
    counted = [f"{k},{v}" for k, v in enumerate(lines)]
    assert call("readNumbers", "\n".join(counted)) == values
    quoted = [f'"a {k}","{v}"' for k, v in enumerate(lines)]
    assert call("readNumbers", "\n".join(quoted)) == values


@in_chromium
def test_its_ridge_is_that_of_scikit_learn(call):
    rng = np.random.default_rng(0)
    series = np.convolve(rng.standard_normal(400), np.ones(5), "valid")
    lags, penalty, end = 12, 3.0, 250
    got = call("ridge", {"numbers": series.tolist()}, lags, penalty, end)
    rows = np.lib.stride_tricks.sliding_window_view(series, lags)[:-1]
    model = Ridge(alpha=penalty).fit(rows[: end - lags], series[lags:end])
    np.testing.assert_allclose(got[lags:], model.predict(rows), atol=1e-9)
    assert np.isnan([np.nan if v is None else v for v in got[:lags]]).all()


def off(y, target, first, end=None):
    """Return the mean squared error of a part."""
    part = slice(first, end)
    return np.mean(np.square(np.subtract(y[part], target[part])))


@in_chromium
def test_what_it_keeps_is_best_on_the_validation_part(undisturbed, learn):
    """Weights, scale and scores; the test part decides nothing."""
    history = np.array(undisturbed["result"]["history"])
    run = undisturbed["run"]
    valid, start = run["ends"]["valid"], run["ends"]["start"]
    known = run["values"][:valid]
    assert (run["mean"], run["std"]) == pytest.approx(
        (np.mean(known), np.std(known))
    )
    assert run["best"] == history[history[:, 2].argmin(), 0]
    again = learn(run["series"], run["ends"], run["best"])["y"]
    least = off(again, run["series"], valid, start) / run["unit"]
    assert least == pytest.approx(history[:, 2].min())
    assert run["y"][start:] == pytest.approx(again[start:])
    for name, y in (
        ("gru", again),
        ("copy", [0, *run["series"][:-1]]),
    ):
        score = 1 + off(y, run["clean"], start) / run["unit"]
        assert run["scores"][name] == pytest.approx(score), name


@in_chromium
def test_it_learns_from_the_training_part_only(learn):
    rng = np.random.default_rng(0)
    series, ends = rng.standard_normal(300), {"valid": 200, "start": 250}
    theta = learn(series, ends, 5)["theta"]
    series[200:] += 1
    assert learn(series, ends, 5)["theta"] == theta
    series[:200] += 1
    assert learn(series, ends, 5)["theta"] != theta


@in_chromium
def test_noise_and_labels_count(learn):
    series, ends = np.sin(np.arange(300)), {"valid": 200, "start": 250}
    noisy = learn(series, ends, 3)
    assert learn(series, ends, 3, noise=0)["theta"] != noisy["theta"]
    windows = learn(series, ends, 3, labels="window")
    scored = [
        run["plan"]["length"] - run["plan"]["unscored"]
        for run in (windows, noisy)
    ]
    assert scored[0] == 1 < 50 < scored[1]
    other = series.copy()
    other[: 290 - 24] = 0  # before the window of step 290
    seen = learn(other, ends, 0, labels="window")["y"][290]
    assert seen == learn(series, ends, 0, labels="window")["y"][290]


@in_chromium
def test_its_rival_has_not_seen_the_test_part(browser):
    """Lags and penalty come from the validation part."""
    asked = """series => {
      const ends = { valid: 200, start: 250 };
      const { y, lags, penalty } = learning.bestRidge(
        Float64Array.from(series), ends);
      return [lags, penalty, y[240], y[250]];
    }"""
    rng = np.random.default_rng(0)
    series = np.sin(np.arange(300) / 3) + rng.standard_normal(300) / 2
    page = browser.new_page()
    page.evaluate(LEARNING, module(TAG).partition("export default")[0])
    told = page.evaluate(asked, series.tolist())
    series[250:] = rng.standard_normal(50) * 9
    assert page.evaluate(asked, series.tolist()) == told
    page.close()
