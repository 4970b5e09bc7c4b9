"""The window slicer cuts as the package's functions do."""

import random

import numpy as np
import pytest

from gru_tutorial import make_series, make_windows, split
from tests.site.browsing import in_chromium
from tests.site.exploring import drawn, made, result

pytestmark = pytest.mark.slow
TAG = "window-slicer"
VALUES = make_series(seed=0).values
SLICES = """all => {
  const one = document.querySelector("window-slicer");
  return all.map(state => {
    one.set(state, false);
    const found = one.slice();
    return { ...found, X: [...found.X], y: [...found.y], at: one.state.at };
  });
}"""


def parts(code):
    """Run the lines that are shown; return X and y of both parts."""
    made = {"values": VALUES, "split": split, "make_windows": make_windows}
    exec(code, made | {"rng": np.random.default_rng(0)}, made)
    return {f"{k}_{part}": made[f"{k}_{part}"] for k in "Xy" for part in PARTS}


PARTS = ("train", "test")


def leaking(got, window, horizon, forecast_start):
    """Find leaks slowly, window by window."""
    labels = {
        part: [set(range(i + window, i + window + horizon)) for i in got[part]]
        for part in PARTS
    }
    held = {t for i in got["train"] for t in range(i, i + window + horizon)}
    return {
        "train": [
            i
            for i, times in zip(got["train"], labels["train"], strict=True)
            if max(times) >= forecast_start
        ],
        "test": [
            i
            for i, times in zip(got["test"], labels["test"], strict=True)
            if times & held
        ],
    }


def settings(rng):
    return {
        "split": rng.choice(["time", "windows", "random"]),
        "window": rng.randint(2, 96),
        "horizon": rng.choice([1, 1, 2, 12, 24]),
        "forecast_start": rng.randint(120, 820),
        "at": rng.randint(2, 849),
    }


@in_chromium
def test_the_series_is_the_books(pages):
    asked = [{"window": 50, "at": at} for at in range(50, 850, 50)]
    with pages.open(TAG) as page:
        found = page.evaluate(SLICES, [*asked, {"at": 849}])
    seen = np.concatenate([got["X"] for got in found[:-1]])
    np.testing.assert_allclose(seen, VALUES[: len(seen)], rtol=0, atol=6e-4)
    assert found[-1]["y"] == pytest.approx(VALUES[849:], abs=6e-4)


@in_chromium
def test_shapes_windows_and_leaks_are_those_of_the_package(pages):
    rng = random.Random(1)
    ends = [{"window": 96, "horizon": 24, "forecast_start": 120}]
    ends += [{"window": 96, "horizon": 24, "forecast_start": 820}]
    asked = [settings(rng) for _ in range(60)]
    asked += [
        end | {"split": how, "at": 849}
        for end in ends
        for how in ("time", "windows", "random")
    ]
    with pages.open(TAG) as page:
        found = page.evaluate(SLICES, asked)
    for state, got in zip(asked, found, strict=True):
        cut = {k: state[k] for k in ("window", "horizon", "forecast_start")}
        X, y = make_windows(VALUES, cut["window"], cut["horizon"])
        ours = parts(got["code"])
        assert got["shapes"] == {k: list(v.shape) for k, v in ours.items()}
        if state["split"] == "random":
            both = sorted(got["train"] + got["test"])
            assert both == list(range(len(X)))
        else:
            for part in PARTS:
                np.testing.assert_array_equal(ours[f"X_{part}"], X[got[part]])
                np.testing.assert_array_equal(ours[f"y_{part}"], y[got[part]])
        assert got["leaks"] == leaking(got, **cut)
        if state["split"] == "time":
            assert got["leaks"] == {"train": [], "test": []}
        check_window(got, X, y)


def check_window(got, X, y):
    """Compare the window looked at, and its part."""
    i = got["start"]
    assert got["X"] == pytest.approx(X[i, :, 0], abs=6e-4)
    assert got["y"] == pytest.approx(y[i], abs=6e-4)
    part = "training" if i in got["train"] else "test"
    assert got["part"] == (part if i in got["train"] + got["test"] else "no")


@in_chromium
def test_the_chapters_counts(pages):
    with pages.open(TAG) as page:
        got = result(page, TAG)
        assert got["shapes"]["X_train"] == [696, 24, 1]
        assert got["shapes"]["X_test"] == [130, 24, 1]
        page.get_by_label("How the split").select_option("windows")
        got = result(page, TAG)
        assert len(got["leaks"]["train"]) == 24
        assert page.locator("#windows").get_by_text(": 24").is_visible()
        page.get_by_label("How the split").select_option("random")
        got = result(page, TAG)
        assert len(got["leaks"]["test"]) == 130
        cells = page.locator("#parts td").all_inner_texts()
        leaks = [str(len(got["leaks"][part])) for part in PARTS]
        shapes = ["(696, 24, 1)", "(696, 1)"], ["(130, 24, 1)", "(130, 1)"]
        assert cells == [*shapes[0], leaks[0], *shapes[1], leaks[1]]


def place(page, chart, step):
    """Return where a time step is on the screen, in the chart's middle."""
    box = page.locator(f"#{chart}").bounding_box()
    x = page.evaluate(
        """([tag, chart, step]) => {
          const one = document.querySelector(tag);
          return one.scales[chart].px(step) / one.room;
        }""",
        [TAG, chart, step],
    )
    return box["x"] + x * box["width"], box["y"] + box["height"] / 2


def drag(page, chart, start, end):
    """Drag from one time step to another."""
    page.locator(f"#{chart}").scroll_into_view_if_needed()
    drawn(page)
    page.mouse.move(*place(page, chart, start))
    page.mouse.down()
    page.mouse.move(*place(page, chart, end), steps=4)
    page.mouse.up()
    drawn(page)
    return page.evaluate(f"document.querySelector('{TAG}').state")


@in_chromium
@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 360)]
)
def test_cut_window_and_length_are_dragged(pages, scheme, width):
    near = 849 / (width - 100)  # steps of a pixel, about
    with pages.open(TAG, scheme=scheme, width=width) as page:
        state = drag(page, "series", 720, 500)
        assert state["forecast_start"] == pytest.approx(500, abs=near + 1)
        state = drag(page, "series", 650, 300)
        assert state["at"] == pytest.approx(300, abs=near + 1)
        assert state["window"] == 24
        state = drag(page, "near", 300 - 24, 300 - 60)
        assert state["window"] == pytest.approx(60, abs=near + 1)
        got = result(page, TAG)
        rows = state["forecast_start"] - state["window"]
        assert got["shapes"]["X_train"] == [rows, state["window"], 1]
        before = page.evaluate("location.hash")
        page.mouse.move(*place(page, "series", 700))  # nothing is held
        drawn(page)
        assert page.evaluate("location.hash") == before


@in_chromium
def test_keys_move_the_cut_and_the_window(pages):
    with pages.open(TAG) as page:
        page.get_by_role("slider", name="forecast_start").press("ArrowLeft")
        assert result(page, TAG)["shapes"]["X_train"] == [695, 24, 1]
        page.get_by_label("Window: steps").press("End")
        assert result(page, TAG)["shapes"]["X_test"] == [131, 96, 1]
        page.get_by_label("Look at").press("Home")
        got = result(page, TAG)
        assert (got["start"], got["part"]) == (0, "training")
        page.get_by_label("Horizon").press("End")
        page.get_by_label("Look at").press("End")
        assert len(result(page, TAG)["y"]) == 24
        assert result(page, TAG)["start"] == 850 - 24 - 96


@in_chromium
def test_the_notebook_sets_where_it_begins(pages):
    begun = made(TAG, forecast_start=500, split="random")
    with pages.open(TAG) as page:
        defaults = page.evaluate(
            """([tag, html]) => {
              document.body.insertAdjacentHTML("beforeend", html);
              return [...document.querySelectorAll(tag)].at(-1).defaults;
            }""",
            [TAG, begun._repr_html_()],
        )
    assert (defaults["forecast_start"], defaults["split"]) == (500, "random")


@in_chromium
def test_it_says_what_the_window_is(pages):
    with pages.open(TAG, "#it?split=windows&at=730") as page:
        said = page.locator(".says").inner_text()
        assert "is a training window. X is steps 706 to 729" in said
        assert "It leaks: a label lies at or after forecast_start." in said
        assert "24 training windows of 720" in said
    with pages.open(TAG, "#it?at=715&horizon=12") as page:
        said = page.locator(".says").inner_text()
        assert "belongs to no part" in said
        assert "No window leaks" in said


@in_chromium
def test_it_counts_windows_and_says_what_is_cut(pages):
    asked = "window=30&horizon=5&forecast_start=746"
    with pages.open(TAG, f"#it?{asked}") as page:
        cut = page.locator('[data-control="forecast_start"] label')
        assert cut.inner_text().startswith("Cut at forecast_start")
        said = page.locator(".says").inner_text()
        assert "There are 712 training windows and 100 test windows." in said
        page.get_by_label("How the split is made").select_option("windows")
        drawn(page)
        got = result(page, TAG)["shapes"]
        said = page.locator(".says").inner_text()
        assert cut.inner_text().startswith("Cut before window number")
        assert f"{got['X_test'][0]} test windows." in said
        assert "window 746 has its first label at step 776" in said
