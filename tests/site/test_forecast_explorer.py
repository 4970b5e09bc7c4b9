"""The forecast explorer forecasts what the same network does in PyTorch."""

import contextlib
import re

import numpy as np
import pytest
import torch
from torch import nn

from gru_tutorial import (
    Direct,
    Forecaster,
    GRUModel,
    LastStates,
    Recipe,
    make_cycle,
    visibility,
)
from gru_tutorial.book.explorables.forecasts import forecast_explorer
from gru_tutorial.metrics import rmse
from tests.site.browsing import in_chromium, opened
from tests.site.exploring import PAGE, drawn, given, result

pytestmark = pytest.mark.slow
TAG = "forecast-explorer"
GIVEN = given(TAG)
SERIES = GIVEN["series"].astype("f4").astype(float)


def network(kind):
    """Return GRU and head with the weights that the element has."""
    flat = torch.tensor(GIVEN[f"weights_{kind}"]).double()
    outputs = GIVEN["horizon"] if kind == "direct" else 1
    gru = nn.GRU(1, GIVEN["units"], batch_first=True).double()
    head = nn.Linear(GIVEN["units"], outputs).double()
    for p in (*gru.parameters(), *head.parameters()):
        p.data, flat = flat[: p.numel()].reshape(p.shape), flat[p.numel() :]
    return gru, head


@torch.no_grad()
def forecast(kind, history, horizon=GIVEN["horizon"]):
    """Forecast in PyTorch what the element does in JavaScript."""
    if kind == "copy":
        return np.full(horizon, history[-1])
    gru, head = network(kind)
    scaled = (np.asarray(history) - GIVEN["mean"]) / GIVEN["std"]
    x = torch.tensor(scaled[-GIVEN["window"] :]).reshape(1, -1, 1)
    out, h = gru(x)
    if kind == "free":
        y = [head(out[:, -1])]
        while len(y) < horizon:
            out, h = gru(y[-1][None], h)
            y.append(head(out[:, -1]))
        y = torch.cat(y, 1)[0]
    else:
        y = head(out[0, -1] if kind == "direct" else out[0, -horizon:])
    return y.flatten().numpy() * GIVEN["std"] + GIVEN["mean"]


@in_chromium
@pytest.mark.parametrize("kind", ["free", "direct", "blind", "copy"])
def test_it_forecasts_and_moves_as_in_pytorch(pages, kind):
    with pages.open(TAG, f"#it?model={kind}&origin=100&nudge=1.5") as page:
        got = result(page, TAG)
        said = page.locator(".says").inner_text()
    history = SERIES[:101]
    y = forecast(kind, history)
    np.testing.assert_allclose(got["before"], y, atol=1e-9)

    def ask(history, horizon):
        return forecast(kind, history, horizon)

    moves = visibility(ask, history, len(y), shift=1.5)
    np.testing.assert_allclose(got["moves"], moves, atol=1e-9)
    if kind == "blind":
        assert f"Only step 12 moves, by {max(got['moves']):.2g}" in said
        assert "the 11 others do not depend on the last observation" in said
        assert np.flatnonzero(got["moves"]).tolist() == [11]
    else:
        assert "All 12 steps move, by up to " in said


@in_chromium
def test_without_a_nudge_nothing_moves(pages):
    with pages.open(TAG, "#it?nudge=0&origin=90") as page:
        got = result(page, TAG)
        said = page.locator(".says").inner_text()
        lines = page.locator("#path [data-line]").evaluate_all(
            "all => all.map(line => line.dataset.line)"
        )
        assert not page.locator("#moves").is_visible()
        page.get_by_label("Nudge the last").fill("1")
        drawn(page)
        assert page.locator("#moves rect").count() == 12
        assert page.locator("#moves").is_visible()
    assert set(got["moves"]) == {0}
    assert "Nudge the last observation" in said
    true = SERIES[91:103]
    found = rmse(true, forecast("free", SERIES[:91]))
    copy = rmse(true, np.full(12, SERIES[90]))
    np.testing.assert_allclose([got["rmse"], got["naive"]], [found, copy])
    assert f"{found:.2f}. The last value, repeated: {copy:.2f}." in said
    assert "best forecast" not in said
    assert lines == [
        "observed",
        "last value, repeated",
        "forecast",
        "last known value",
    ]


@in_chromium
def test_the_error_from_every_origin_is_drawn(pages):
    """Without waiting for all: the page goes on. A nudge changes none."""
    done = f"document.querySelector('{TAG}').errors.done"
    with pages.open(TAG, "#it?origin=90&horizon=7&nudge=2") as page:
        page.wait_for_function(done)
        errors = page.evaluate(f"document.querySelector('{TAG}').errors")
        drawn(page)
        lines = page.locator("#errors [data-line]").count()
        path = page.locator("#errors [data-line=forecast] path")
        points = path.get_attribute("d").count("L") + 1
        got = result(page, TAG)
        page.get_by_label("Forecast by").select_option("direct")
        drawn(page)
        page.wait_for_function(done)
        direct = page.evaluate(f"document.querySelector('{TAG}').errors")
    for kind, found in (("free", errors), ("direct", direct)):
        origins = [origin for origin, _ in found["forecast"]]
        assert origins == list(range(60, 188, 3))
        for origin, told in found["forecast"][::10]:
            y = forecast(kind, SERIES[: origin + 1])[:7]
            true = SERIES[origin + 1 :][: len(y)]
            assert told == pytest.approx(rmse(true, y)), (kind, origin)
    assert points == len(errors["forecast"])
    assert lines == 2
    assert dict(errors["forecast"])[90] == pytest.approx(got["rmse"])
    assert dict(errors["copy"])[90] == pytest.approx(got["naive"])


@in_chromium
def test_other_heads_have_one_horizon(fitted, browser, tmp_path):
    series, made_ones = fitted
    element = forecast_explorer("it", series, 60, 24, 12, **made_ones)
    with shown(element, browser, tmp_path, "horizon=5") as page:
        assert len(result(page, TAG)["before"]) == 12
        assert page.get_by_label("Steps to forecast").count() == 0


@in_chromium
@pytest.mark.parametrize("kind", ["free", "direct", "blind", "copy"])
def test_a_shorter_horizon_shows_the_first_steps(pages, kind):
    with pages.open(TAG, f"#it?model={kind}&origin=100&horizon=5") as page:
        got = result(page, TAG)
        page.get_by_label("Steps to forecast").fill("12")
        whole = result(page, TAG)
    np.testing.assert_array_equal(got["before"], whole["before"][:5])
    np.testing.assert_allclose(
        got["rmse"], rmse(SERIES[101:106], got["before"])
    )
    assert len(whole["before"]) == 12


@in_chromium
def test_the_origin_stays_where_there_are_both_sides(pages):
    for asked, found in ((0, 60), (10_000, 187)):
        with pages.open(TAG, f"#it?origin={asked}") as page:
            slider = page.get_by_label("Last known step")
            assert slider.input_value() == str(found)
            y = result(page, TAG)["before"]
            np.testing.assert_allclose(
                y, forecast("free", SERIES[: found + 1]), atol=1e-9
            )


@contextlib.contextmanager
def shown(element, browser, folder, asked):
    """Open a page from a folder, with an element and what is asked of it."""
    text = PAGE.format(body=element._repr_html_())
    (folder / "page.html").write_text(text, "utf-8")
    with opened(browser, folder.as_uri()) as page:
        page.goto(f"{(folder / 'page.html').as_uri()}#it?{asked}")
        page.wait_for_function(f"document.querySelector('{TAG}').result")
        yield page


@pytest.fixture(scope="module")
def fitted():
    """Two quick forecasters, with a head of each kind."""
    series = make_cycle(400, seed=0)
    recipe = Recipe(num_epochs=1, lr=0.01)
    made = {}
    for kind, head in (("direct", Direct(12)), ("blind", LastStates(12))):
        torch.manual_seed(0)
        model = GRUModel(hidden_size=8, head=head)
        made[kind] = Forecaster(model, window=24).fit(series[:300], recipe)
    return series, made


@in_chromium
@pytest.mark.parametrize("kind", ["direct", "blind"])
def test_it_forecasts_what_a_forecaster_does(fitted, browser, tmp_path, kind):
    series, made_ones = fitted
    element = forecast_explorer("it", series, 60, 24, 12, **made_ones)
    with shown(element, browser, tmp_path, f"model={kind}") as page:
        got = result(page, TAG)
    y_hat = made_ones[kind](series[60 - 23 : 61], 12)
    np.testing.assert_allclose(got["before"], y_hat, rtol=1e-4, atol=1e-4)


@in_chromium
def test_signal_floor_and_a_past_without_end(fitted, browser, tmp_path):
    series, _ = fitted
    torch.manual_seed(0)
    free = Forecaster(GRUModel(hidden_size=8))
    free.fit(series[:300], Recipe(num_epochs=1, lr=0.01))
    below = {"clean": series / 2, "floor": 0.25}
    element = forecast_explorer("it", series, 9, None, 30, **below, free=free)
    with shown(element, browser, tmp_path, "origin=250") as page:
        got = result(page, TAG)
        assert "The best forecast has 0.25, on average" in page.inner_text(
            ".says"
        )
        line = page.locator("#path [data-line='signal beneath'] path")
        heights = re.findall(r" ([\d.]+)", line.get_attribute("d"))
    assert np.corrcoef(np.float64(heights), -series[251:281])[0, 1] > 0.999
    y_hat = free(series[:251], 30)
    np.testing.assert_allclose(got["before"], y_hat, rtol=1e-4, atol=1e-4)


def test_its_words_and_refusals(fitted):
    series, made_ones = fitted
    element = forecast_explorer("it", series, 60, 24, 12, **made_ones)
    assert "12 steps from one origin by direct and last states" in repr(
        element
    )
    with pytest.raises(ValueError, match="first: expected 24 or more, got 5"):
        forecast_explorer("it", series, 5, 24, 12, **made_ones)
    with pytest.raises(ValueError, match=r"clean: expected shape \(400,\)"):
        forecast_explorer("it", series, 60, 24, 12, clean=[1.0], **made_ones)
    for others in ({}, {"other": made_ones["direct"]}):
        with pytest.raises(ValueError, match="forecasters: expected some of"):
            forecast_explorer("it", series, 60, 24, 12, **others)


@in_chromium
def test_a_link_brings_the_focus_and_keys_the_whole_figure(pages):
    link = '<a href="#it?nudge=1">Nudge</a>'
    with pages.open(TAG, "#", height=1100) as page:
        page.locator("h3").evaluate(
            "(e, link) => { e.innerHTML = link; "
            "document.body.style.padding = '900px 0'; scrollTo(0, 0); }",
            link,
        )
        page.get_by_role("link", name="Nudge").press("Enter")
        drawn(page)
        inside = f"document.querySelector('{TAG}').shadowRoot.activeElement"
        assert page.evaluate(f"{inside}?.localName") == "section"
        page.evaluate("scrollTo(0, 0)")
        page.keyboard.press("Tab")
        drawn(page)
        assert page.evaluate(f"{inside}.localName") == "select"
        box = page.locator(TAG).bounding_box()
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= 1100
