"""On the built site, mouse and keys move each explorable, and it is right.

What it then shows is compared with PyTorch, the package, or the page's own
numbers. No other address can be reached.
"""

import re

import numpy as np
import pytest

from gru_tutorial import make_series
from gru_tutorial.book.explorables.element import tags
from gru_tutorial.metrics import rmse
from tests.site import (
    test_dialect_switch,
    test_gate_explorer,
    test_gru_trainer,
    test_shape_tracer,
    test_window_slicer,
)
from tests.site.browsing import in_chromium, opened
from tests.site.exploring import drawn, result
from tests.site.reading import chapters, soup

pytestmark = pytest.mark.slow
# As the element's attributes have them, which are float32 in data addresses
GIVEN = """tag => {
  const one = document.querySelector(tag);
  const names = one.getAttributeNames()
    .filter(name => one.getAttribute(name).startsWith("data:"));
  return Object.fromEntries(names.map(k => [k, [...one.numbers(k)]]));
}"""


def check_gates(page, tag, state):
    got = result(page, tag)
    h, reach = test_gate_explorer.in_pytorch(state, got["x"])
    np.testing.assert_allclose(got["h"], h, atol=1e-12)
    np.testing.assert_allclose(got["reach"], reach, atol=1e-12)


def check_dialects(page, tag, state):
    got = result(page, tag)
    weights = test_dialect_switch.weights_of(got)
    x = np.reshape(got["x"], (1, -1, 1)).astype(float)
    theirs = test_dialect_switch.in_pytorch(weights, x)
    pytorch = test_dialect_switch.by_step(got["pytorch"])
    np.testing.assert_allclose(pytorch, theirs, atol=1e-12)


def check_slices(page, tag, state):
    got = page.evaluate(f"document.querySelector('{tag}').slice()")
    ours = test_window_slicer.parts(got["code"])
    assert got["shapes"] == {k: list(v.shape) for k, v in ours.items()}


def check_shapes(page, tag, state):
    test_shape_tracer.check(result(page, tag))


def check_training(page, tag, state):
    page.get_by_role("button", name="Train").press("Enter")
    page.wait_for_function(
        test_gru_trainer.DONE, timeout=test_gru_trainer.PATIENCE
    )
    run = page.evaluate(test_gru_trainer.RUN, tag)
    start = run["ends"]["start"]
    error = test_gru_trainer.off(run["y"], run["clean"], start)
    score = 1 + error / run["unit"]
    said = page.locator(f"{tag} .says").inner_text()
    assert f"{score:.2f} times the noise floor" in said


def check_forecast(page, tag, state):
    """The browser's errors are those in the notebook's table."""
    page.evaluate(
        "tag => document.querySelector(tag).set({ origin: 719 })", tag
    )
    clean = make_series(1000, seed=0).clean[720:850]
    y_hat = result(page, tag)["before"]
    off = [rmse(clean[part], np.array(y_hat)[part]) for part in ENDS]
    row = page.locator("tr", has_text=re.compile("^0")).first
    told = row.locator("td").all_inner_texts()[-2:]
    np.testing.assert_allclose(np.float64(told), off, atol=6e-4)


ENDS = (slice(20), slice(-20, None))


def check_regimes(page, tag, state):
    given, got = page.evaluate(GIVEN, tag), result(page, tag)
    probability = np.array(given["probability"])
    states = np.reshape(given["states"], (len(probability), -1))
    follows = np.corrcoef(states[:, state["unit"]], probability)[0, 1]
    assert got["follows"] == pytest.approx(follows)
    assert got["probability"] == pytest.approx(probability[state["at"]])


CHECKS = {
    "gate-explorer": check_gates,
    "dialect-switch": check_dialects,
    "window-slicer": check_slices,
    "shape-tracer": check_shapes,
    "gru-trainer": check_training,
    "forecast-explorer": check_forecast,
    "regime-watcher": check_regimes,
}


def drive(page, tag):
    """Click the first slider, then move it by a key; return the state."""

    def state():
        drawn(page)
        return page.evaluate(f"document.querySelector('{tag}').state")

    slider = page.locator(f"{tag} input[type=range]:visible").first
    name = slider.evaluate("e => e.closest('[data-control]').dataset.control")
    slider.scroll_into_view_if_needed()
    before = state()[name]
    box = slider.bounding_box()
    for share in (0.7, 0.3):  # one of the two is another place
        page.mouse.click(
            box["x"] + share * box["width"], box["y"] + box["height"] / 2
        )
        if (clicked := state()[name]) != before:
            break
    assert clicked != before, name
    page.keyboard.press("ArrowLeft")  # the click has left the focus there
    assert state()[name] < clicked, name
    return state()


def place_of(site, tag):
    """Return the page where an explorable stands; its first, if two."""
    return next(n for n in chapters(site) if soup(site / n).find(tag))


def test_every_explorable_has_its_check():
    assert set(CHECKS) == set(tags())


@in_chromium
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
@pytest.mark.parametrize("tag", tags())
def test_mouse_and_keys_move_it_on_its_page(
    site, server, browser, tag, scheme, width
):
    with opened(browser, server.base, scheme, width) as page:
        page.goto(server.base + place_of(site, tag))
        page.locator(tag).scroll_into_view_if_needed()
        page.wait_for_function(f"document.querySelector('{tag}').result")
        CHECKS[tag](page, tag, drive(page, tag))
