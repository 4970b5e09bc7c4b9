"""The gate explorer draws what a GRU unit in PyTorch computes."""

import re

import numpy as np
import pytest
import torch
from torch import nn

from gru_tutorial.book.explorables.element import script
from tests.site.browsing import in_chromium, opened
from tests.site.exploring import drawn, result
from tests.site.reading import soup

pytestmark = pytest.mark.slow
TAG = "gate-explorer"


def in_pytorch(state, x):
    """Return states and the last one's gradient by each input."""
    cell = nn.GRU(1, 1, batch_first=True).double()
    weights = {
        "weight_ih_l0": [state["wr"], state["wz"], state["wn"]],
        "weight_hh_l0": [0, 0, state["un"]],
        "bias_ih_l0": [state["br"], state["bz"], 0],
        "bias_hh_l0": [0, 0, 0],
    }
    for name, values in weights.items():
        parameter = getattr(cell, name)
        parameter.data = torch.tensor(values).double().reshape(parameter.shape)
    x = torch.tensor(x).double().reshape(1, -1, 1).requires_grad_()
    h = cell(x)[0]
    h[0, -1, 0].backward()
    return h.detach().flatten().numpy(), x.grad.abs().flatten().numpy()


@in_chromium
@pytest.mark.parametrize(
    "asked",
    [
        "",
        "bz=4&input=square",
        "bz=-2.5&wz=3&br=1.5&wr=-4&wn=-3&un=2.5&input=sine",
        "preset=keep&input=step",
    ],
)
def test_it_computes_what_pytorch_computes(pages, asked):
    with pages.open(TAG, f"#it?{asked}") as page:
        got = result(page, TAG)
        state = page.evaluate(f"document.querySelector('{TAG}').state")
    h, reach = in_pytorch(state, got["x"])
    np.testing.assert_allclose(got["h"], h, atol=1e-12)
    np.testing.assert_allclose(got["reach"], reach, atol=1e-12)
    for part in asked.split("&"):
        name, _, value = part.partition("=")
        assert not name or str(state[name]) == value


@in_chromium
def test_a_preset_moves_its_sliders_and_is_left_by_hand(pages):
    with pages.open(TAG) as page:
        page.get_by_label("Preset").select_option("keep")
        state = result(page, TAG) and page.evaluate(
            f"document.querySelector('{TAG}').state"
        )
        assert (state["bz"], state["wz"]) == (4, 0)
        slider = page.get_by_label("Update gate z: bias")
        slider.focus()
        page.keyboard.press("ArrowRight")
        drawn(page)
        assert page.get_by_label("Preset").input_value() == "own"


@in_chromium
def test_what_it_says_is_what_it_computes(pages):
    with pages.open(TAG, "#it?bz=3&at=20") as page:
        said = page.locator(".says").inner_text()
        z = 1 / (1 + np.exp(-3))
        half = np.log(0.5) / np.log(z)
        assert f"update gate z = {z:.2f}" in said
        assert f"keeps {100 * z:.1f} %" in said
        assert f"after {half:.1f} steps" in said
        reach = np.array(result(page, TAG)["reach"])
        assert f"by this input is {reach[20]:.1e}".replace("e-0", "e−") in said
        left = reach[0] / reach[39]
        halves = 39 * np.log(0.5) / np.log(left)
        assert f"halves every {halves:.1f} steps on average" in said
        assert f"of the first one's, {100 * left:.1f} % is left" in said
        drawn_too = page.locator("#reach [data-line]").count()
        assert drawn_too == 2  # beside it, with a bias of 0
        page.get_by_text("All values as a table").click()
        rows = page.locator("#values tbody tr")
        rows.first.wait_for()
        assert rows.count() == 40


@in_chromium
def test_a_link_to_a_preset_moves_its_sliders(pages):
    """Also if the reader has moved them before."""
    with pages.open(TAG, "#it?bz=-3&wz=2") as page:
        page.evaluate(
            """() => document.querySelector("h3").innerHTML =
              '<a href="#it?preset=pick&input=square">Look</a>'"""
        )
        page.get_by_role("link", name="Look").click()
        drawn(page)
        state = page.evaluate(f"document.querySelector('{TAG}').state")
    assert (state["preset"], state["input"]) == ("pick", "square")
    assert (state["bz"], state["wz"]) == (4, -8)


# The small one, on the landing page


def small_one(page):
    """Return what the landing page's figure computes, and says as numbers."""
    got = result(page, TAG)
    got["state"] = page.evaluate(f"document.querySelector('{TAG}').state")
    words = page.locator(f"{TAG} .says").inner_text()
    got["said"] = [float(n) for n in re.findall(r"\d+\.?\d*(?:e-\d+)?", words)]
    return got


@in_chromium
@pytest.mark.parametrize("name", ["index.html", "chapters/index.html"])
def test_the_landing_page_says_how_long_a_gate_keeps(server, browser, name):
    """By one slider; a link opens the whole one with what was set."""
    with opened(browser, server.base) as page:
        page.goto(server.base + name)
        page.locator(TAG).scroll_into_view_if_needed()
        page.wait_for_function(f"document.querySelector('{TAG}').result")
        page.locator(TAG).get_by_role("slider").focus()
        for presses, way, bias in ((10, "Right", 4), (55, "Left", -1.5)):
            for _ in range(presses):
                page.keyboard.press(f"Arrow{way}")
            got = small_one(page)
            h, reach = in_pytorch(got["state"], got["x"])
            np.testing.assert_allclose(got["h"], h, atol=1e-12)
            np.testing.assert_allclose(got["reach"], reach, atol=1e-12)
            z = 1 / (1 + np.exp(-bias))
            np.testing.assert_allclose(reach[:-1] / reach[1:], z, rtol=1e-6)
            left = [max(0.1, 100 * z**k) for k in (20, 39)]
            shown = [100 * z, np.log(0.5) / np.log(z), left[0], 20, left[1]]
            assert got["said"][:5] == pytest.approx(shown, rel=5e-3, abs=0.05)
        page.locator(TAG).get_by_role("link").click()
        page.wait_for_url("**/chapters/01_gru_theory.html#gate?**")
        page.wait_for_function(f"document.querySelector('{TAG}').result")
        whole = page.evaluate(f"document.querySelector('{TAG}').state")
    assert whole == got["state"]
    assert whole["bz"] == -1.5


def test_the_landing_page_is_right_on_paper_too(site):
    """What asks for a hand stands in the figure; the picture has words."""
    page = soup(site / "chapters/index.html")
    words = page.select_one(".question").get_text()
    assert not re.search(r"slider|Move|Drag|press", words)
    assert len(page.select_one(f"{TAG} img")["alt"]) > 100
    stored = (site / f"_static/{TAG}.js").read_text("utf-8")
    assert stored == script(TAG)


@in_chromium
def test_the_landing_page_loads_no_picture_that_the_figure_replaces(
    server, browser
):
    with opened(browser, server.base, width=360) as page:
        server.sent.clear()
        page.goto(server.base + "chapters/index.html")
        page.locator(TAG).scroll_into_view_if_needed()
        page.wait_for_function(f"document.querySelector('{TAG}').result")
        assert not [name for name in server.sent if "gate.png" in name]


@in_chromium
@pytest.mark.parametrize(
    ("bz", "told"), [(8, "99.97"), (-8, "less than 0.1"), (4, "98.2")]
)
def test_shares_near_all_and_near_nothing_are_told_apart(pages, bz, told):
    with pages.open(TAG, f"#it?bz={bz}") as page:
        assert f"keeps {told} %" in page.locator(".says").inner_text()
