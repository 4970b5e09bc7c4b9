"""The regime watcher shows what it was given, and computes no other figure."""

import numpy as np
import pytest

from gru_tutorial.book.explorables.regimes import regime_watcher
from tests.site.browsing import in_chromium, opened
from tests.site.exploring import PAGE, given, result

pytestmark = pytest.mark.slow
TAG = "regime-watcher"
GIVEN = {
    name: value.astype("f4").astype(float)
    for name, value in given(TAG).items()
    if isinstance(value, np.ndarray)
}
STATES = GIVEN["states"].reshape(300, 4)


@in_chromium
def test_it_begins_with_the_unit_that_follows_best(pages):
    with pages.open(TAG) as page:
        got = result(page, TAG)
        said = page.locator(".says").inner_text()
    follows = np.corrcoef(STATES.T, GIVEN["probability"])[-1, :-1]
    assert got["unit"] == np.argmax(np.abs(follows)) == 2
    assert got["follows"] == pytest.approx(follows[2])
    assert f"correlation of {abs(follows[2]):.2f}" in said


@in_chromium
@pytest.mark.parametrize(("at", "unit"), [(10, 0), (299, 2), (120, 3)])
def test_a_unit_is_turned_and_scaled(pages, at, unit):
    with pages.open(TAG, f"#it?at={at}&unit={unit}") as page:
        got = result(page, TAG)
        shown = page.locator("#belief [data-line]").count()
    follows = np.corrcoef(STATES[:, unit], GIVEN["probability"])[0, 1]
    turned = np.sign(follows) * STATES[:, unit]
    state = (turned[at] - turned.min()) / np.ptp(turned)
    assert got["state"] == pytest.approx(state)
    assert got["probability"] == pytest.approx(GIVEN["probability"][at])
    assert shown == 2


@in_chromium
def test_the_truth_is_hidden_until_asked_for(pages):
    with pages.open(TAG, "#it?at=60") as page:
        page.get_by_text("The steps shown as a table").click()
        last = page.locator("#values tbody tr").last.locator("td").last
        assert last.inner_text() == "hidden"
        page.get_by_label("Show the true switch").check()
        page.locator("#belief [data-line^='true switch']").wait_for(
            state="attached"
        )
        assert last.inner_text() == "+1"


@in_chromium
def test_the_best_units_of_many_are_shown(browser, tmp_path):
    rng = np.random.default_rng(1)
    many = rng.standard_normal((300, 9))
    many[:, 7] -= 5 * GIVEN["probability"]
    lines = [GIVEN[name] for name in ("series", "regime", "probability")]
    element = regime_watcher("it", *lines, many, best=3)
    (tmp_path / "page.html").write_text(
        PAGE.format(body=element._repr_html_()), "utf-8"
    )
    with opened(browser, tmp_path.as_uri()) as page:
        page.goto(f"{(tmp_path / 'page.html').as_uri()}#it?at=200")
        page.wait_for_function(f"document.querySelector('{TAG}').result")
        got = result(page, TAG)
    known = np.corrcoef(many[:, 7], GIVEN["probability"])[0, 1]
    assert got["unit"] == 0
    assert got["follows"] == pytest.approx(known, abs=1e-6)


def test_lines_of_other_lengths_are_refused():
    with pytest.raises(ValueError, match=r"got \[300, 300, 299, 300\]"):
        regime_watcher(
            "it",
            GIVEN["series"],
            GIVEN["regime"],
            GIVEN["probability"][1:],
            STATES,
        )


@in_chromium
@pytest.mark.parametrize("at", [52, 120, 149, 30])
def test_it_tells_how_late_each_notices(pages, at):
    """The regime turns at 50, 100, 150 and so on."""
    with pages.open(TAG, f"#it?at={at}&truth=true") as page:
        said = page.locator(".says").inner_text()
        unit = result(page, TAG)["unit"]
    if at < 50:
        assert "So far it has not turned." in said
        return
    turn = at // 50 * 50
    assert f"It last turned at step {turn}." in said
    line = np.sign(np.corrcoef(STATES[:, unit], GIVEN["probability"])[0, 1])
    line = line * STATES[:, unit]
    line = (line - line.min()) / np.ptp(line)
    for name, values in (
        ("crossed 0.5", GIVEN["probability"]),
        (f"unit {unit}", line),
    ):
        side = (values[turn : at + 1] > 0.5) == (GIVEN["regime"][turn] > 0)
        late = int(np.argmax(side)) if side.any() else None
        words = {None: "not yet", 0: "in the same step", 1: "1 step later"}
        assert f"{name} {words.get(late, f'{late} steps later')}" in said
    wrong = [
        np.count_nonzero((values > 0.5) != (GIVEN["regime"] > 0))
        for values in (GIVEN["probability"], line)
    ]
    told = (
        f"300 steps, they are on the wrong side at {wrong[0]} and {wrong[1]}."
    )
    assert told in said


@in_chromium
def test_it_tells_the_likelier_side(pages):
    with pages.open(TAG, "#it?at=20") as page:
        said = page.locator(".says").inner_text()
    p = GIVEN["probability"][20]
    assert p < 0.5
    assert f"at −1 with the exact probability of {1 - p:.2f}" in said
