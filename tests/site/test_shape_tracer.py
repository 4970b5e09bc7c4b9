"""The shape tracer shows the shapes and messages of PyTorch and the package.

What it shows is compared with what its own lines of Python do.
"""

import random

import pytest
import torch
from torch import nn

from gru_tutorial import GRUModel
from tests.site.browsing import in_chromium
from tests.site.exploring import drawn, result

pytestmark = pytest.mark.slow
TAG = "shape-tracer"
NAMES = {
    "x": "x",
    "h0": "h0",
    "out": "out",
    "h_n": "h_n",
    "last": "last",
    "y_hat": "forecast",
}
# Every way to fail, and to succeed
WHYS = {"axes", "batched 3-D", "unbatched 2-D", "input", "state", "index", ""}
TRACES = """all => {
  const one = document.querySelector("shape-tracer");
  return all.map(state => { one.set(state, false); return one.trace(); });
}"""


def outcome(code):
    """Run lines of Python; return the shapes they make, and the error."""
    made = {"torch": torch, "nn": nn, "GRUModel": GRUModel}
    error = None
    try:
        exec(code, made)
    except (ValueError, RuntimeError, IndexError) as failure:
        error = [type(failure).__name__, str(failure)]
    shapes = {
        theirs: list(made[ours].shape)
        for ours, theirs in NAMES.items()
        if ours in made
    }
    return shapes, error


def check(got):
    """Compare what was shown with what its lines do."""
    shapes, error = outcome(got["code"]["gru"])
    shown = {k: got[k] for k in NAMES.values() if got.get(k) is not None}
    assert shown == shapes
    shown = got.get("error")
    assert error == (shown and [shown["type"], shown["text"]])
    lines = got["code"]["gru"].split("\n")
    inputs = [line for line in lines if line[:4] in ("x = ", "h0 =")]
    shapes, error = outcome("\n".join([*inputs, got["code"]["model"]]))
    shown = got["model"].get("error")
    assert error == (shown and [shown["type"], shown["text"]])
    assert got["model"].get("forecast") == shapes.get("forecast")


def settings(rng):
    """Draw small sizes, which often fit by chance."""
    h0 = ["none", "fits", "literal", "swapped", "typed"]
    shape = [rng.randint(0, 4) for _ in range(rng.randint(0, 4))]
    return {
        "x": rng.choice(["btf", "tbf", "bt", "tf", "btf1"]),
        "batch": rng.randint(1, 4),
        "time": rng.randint(1, 4),
        "features": rng.randint(1, 2),
        "input_size": rng.randint(1, 3),
        "hidden": rng.randint(1, 3),
        "layers": rng.randint(1, 3),
        "both": rng.random() < 0.4,
        "batch_first": rng.random() < 0.6,
        "h0": rng.choice(h0),
        "typed": rng.choice(["{}", "({})"]).format(", ".join(map(str, shape))),
    }


@in_chromium
def test_shapes_and_messages_are_those_of_this_pytorch(pages):
    rng = random.Random(0)
    asked = [settings(rng) for _ in range(600)]
    asked += [s | {"h0": "typed", "typed": ""} for s in asked[:20]]
    with pages.open(TAG) as page:
        found = page.evaluate(TRACES, asked)
    for got in found:
        check(got)
    whys = [(got.get("error") or {"why": ""})["why"] for got in found]
    assert set(whys) == WHYS
    refused = [got for got in found if got["model"].get("error")]
    assert any("unsqueeze(0)" in str(got["model"]) for got in refused)
    assert any("unsqueeze(-1)" in str(got["model"]) for got in refused)
    assert any("initial_state" in str(got["model"]) for got in refused)


@in_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_typed_state_brings_the_message(pages, scheme):
    with pages.open(TAG, scheme=scheme) as page:
        page.get_by_label("Type a shape").click()
        page.keyboard.press("Control+a")
        page.keyboard.type("(2, 32, 8)")
        got = result(page, TAG)
        assert got["h0"] == [2, 32, 8]
        check(got)
        error = page.locator("#error")
        assert got["error"]["text"] in error.inner_text()
        assert got["model"]["error"]["text"] in (
            page.locator("#model").inner_text()
        )
        page.get_by_label("bidirectional").click()
        drawn(page)
        assert error.is_hidden()
        check(result(page, TAG))
        page.keyboard.press("Space")
        drawn(page)
        assert error.is_visible()


@in_chromium
def test_what_is_no_shape_is_said(pages):
    with pages.open(TAG) as page:
        field = page.get_by_label("Type a shape")
        field.press("End")
        page.keyboard.press("9")
        drawn(page)
        assert result(page, TAG)["h0"] == [1, 32, 89]
        for text in ("abc", "8.5", "1, 32, 8x"):
            field.fill(text)
            drawn(page)
            assert field.input_value() == text
            assert result(page, TAG)["h0"] == []
            said = page.locator(".says").inner_text()
            assert f"“{text}” is no shape. Type numbers for h0" in said


@in_chromium
def test_a_table_without_features_is_taken_for_one_window(pages):
    with pages.open(TAG, "#it?x=bt&input_size=24") as page:
        got = result(page, TAG)
        check(got)
        assert got["read"] == ["time", "features"]
        text = page.locator("#shapes").inner_text()
        assert "32 batch" in text
        assert "32 time" in text
        said = page.locator(".says").inner_text()
        assert "32 steps of 24 features" in said


@in_chromium
def test_a_mistake_without_a_message_is_told(pages):
    with pages.open(TAG) as page:
        says = page.locator(".says")
        assert "Everything fits" in says.inner_text()
        page.get_by_label("batch_first").click()
        drawn(page)
        assert "Even the forecast's shape (32, 1)" in says.inner_text()
        page.get_by_label("x, as you mean it").select_option("tbf")
        drawn(page)
        assert "out[-1] is the last step" in says.inner_text()
        page.get_by_label("batch_first").click()
        drawn(page)
        assert "takes your 32 windows for 32 time steps" in says.inner_text()
        assert "Even" not in says.inner_text()
        check(result(page, TAG))


@in_chromium
@pytest.mark.parametrize("typed", ["-1, 32, 8", "(2, -3, 8)", "4 32 8"])
def test_a_shape_is_read_as_it_was_typed(pages, typed):
    with pages.open(TAG) as page:
        page.get_by_label("Type a shape for h0").fill(typed)
        got = result(page, TAG)
        field = page.get_by_label("Type a shape for h0").input_value()
        said = page.locator(".says").inner_text()
    assert field == typed
    if "-" not in typed:
        assert got["h0"] == [4, 32, 8]
    check(got)
    if "-" in typed:
        assert "No axis can have less than 0 numbers" in said


@in_chromium
def test_what_is_wrong_in_h0_is_marked_and_a_fitting_shape_told(pages):
    asked = "batch=8&layers=2&both=true&hidden=16&h0=typed&typed="
    with pages.open(TAG, f"#it?{asked}2,8,16") as page:
        marked = page.locator("#shapes .axis b").all_inner_texts()
        assert marked == ["(not 4)"]
        page.get_by_label("Type a shape for h0").fill("")
        drawn(page)
        said = page.locator(".says").inner_text()
    assert "Type numbers for h0, such as 4, 8, 16." in said
