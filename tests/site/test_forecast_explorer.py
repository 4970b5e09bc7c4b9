"""The forecast explorer forecasts what the same network does in PyTorch."""

import numpy as np
import pytest
import torch
from torch import nn

from gru_tutorial import visibility
from tests.site.browsing import in_chromium
from tests.site.exploring import given, result

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
        assert "11 of 12 steps stay exactly where they were" in said
        assert np.flatnonzero(got["moves"]).tolist() == [11]
    else:
        assert "All 12 steps move" in said


@in_chromium
def test_without_a_nudge_nothing_moves(pages):
    with pages.open(TAG, "#it?nudge=0") as page:
        assert set(result(page, TAG)["moves"]) == {0}
        assert (
            "Nudge the last observation" in page.locator(".says").inner_text()
        )


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
