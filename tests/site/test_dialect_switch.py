"""The dialect switch draws what the package computes in each dialect."""

import numpy as np
import pytest
import torch
from torch import nn

from gru_tutorial import DIALECTS, GRUWeights, gru_sequence
from tests.site.browsing import in_chromium
from tests.site.exploring import drawn, result

pytestmark = pytest.mark.slow
TAG = "dialect-switch"
HIDDEN = 4


def by_step(values):
    return np.reshape(values, (-1, HIDDEN))


def weights_of(got):
    """Return the weights that the page drew."""
    rows = 3 * HIDDEN
    shapes = [(rows, 1), (rows, HIDDEN), (rows,), (rows,)]
    return GRUWeights(
        *(
            np.reshape(got["weights"][name], shape)
            for name, shape in zip(GRUWeights._fields, shapes, strict=True)
        )
    )


def in_pytorch(weights, x):
    layer = nn.GRU(1, HIDDEN, batch_first=True).double()
    for name, value in weights._asdict().items():
        getattr(layer, f"{name}_l0").data = torch.from_numpy(value)
    with torch.no_grad():
        return layer(torch.from_numpy(x))[0][0].numpy()


def with_one_bias(weights):
    bias = weights.bias_ih + weights.bias_hh
    return weights._replace(bias_ih=bias, bias_hh=np.zeros_like(bias))


@in_chromium
@pytest.mark.parametrize(
    ("scheme", "given"),
    [
        ("light", ""),
        ("dark", "input=pulse&size=6&seed=3"),
        ("light", "input=sine&size=0.5&seed=9"),
        ("dark", "input=noise&size=4&seed=1"),
        ("light", "input=step&seed=5"),
    ],
)
def test_every_dialect_is_the_packages(pages, scheme, given):
    with pages.open(TAG, f"#it?{given}", scheme=scheme) as page:
        dialect = page.locator('[data-control="dialect"] select')
        names = dialect.locator("option").all_inner_texts()
        assert names == list(DIALECTS)
        for name in names:
            dialect.select_option(label=name)
            for biases in ("two", "one"):
                page.get_by_label("Bias vectors").select_option(biases)
                got = result(page, TAG)
                weights = weights_of(got)
                x = np.reshape(got["x"], (1, -1, 1)).astype(float)
                h = by_step(got["h"])
                theirs = in_pytorch(weights, x)
                if biases == "one":
                    weights = with_one_bias(weights)
                ours = gru_sequence(x, weights, dialect=name).h[0]
                np.testing.assert_allclose(h, ours, rtol=0, atol=1e-12)
                np.testing.assert_allclose(
                    by_step(got["pytorch"]), theirs, rtol=0, atol=1e-12
                )
                gap = np.abs(ours - theirs)
                assert got["largest"] == pytest.approx(gap.max(), abs=1e-12)
                same = name in list(DIALECTS)[:4] and biases == "two"
                assert (gap.max() < 1e-12) == same


@in_chromium
def test_it_says_where_the_difference_is_largest(pages):
    with pages.open(TAG, "#it?dialect=chung&input=sine") as page:
        got = result(page, TAG)
        gap = np.abs(by_step(got["h"]) - by_step(got["pytorch"]))
        step, unit = np.unravel_index(gap.argmax(), gap.shape)
        said = page.locator(".says").inner_text()
        assert f"by up to {gap.max():.3f}" in said
        assert f"in unit {unit + 1} at step {step}." in said
        rows = page.locator("#all tbody tr").all_inner_texts()
        names = [row.split("\t")[0].removeprefix("▸ ") for row in rows]
        assert names == list(DIALECTS)
        x = np.reshape(got["x"], (1, -1, 1)).astype(float)
        for name, row in zip(names, rows, strict=True):
            ours = gru_sequence(x, weights_of(got), dialect=name).h[0]
            gaps = np.abs(ours - by_step(got["pytorch"]))
            if gaps.max() < 1e-12:
                assert row.split("\t")[1:] == ["none", ""]
            else:
                first = np.argmax(gaps.max(axis=1) > 1e-12)
                told = [f"{gaps.max():.3f}", str(first)]
                assert row.split("\t")[1:] == told
        assert sum(row.startswith("▸") for row in rows) == 1
        assert "writes the candidate" in said
        assert page.locator("mark").count() == 2
        page.locator('[data-control="dialect"] select').select_option("onnx_1")
        drawn(page)
        assert page.locator("mark").count() == 0
        assert "below 1e-12" in page.locator(".says").inner_text()


@in_chromium
def test_with_the_reset_gate_first_one_bias_vector_is_enough(pages):
    with pages.open(TAG, "#it?dialect=keras_before") as page:
        two = result(page, TAG)["h"]
        page.get_by_label("Bias vectors").select_option("one")
        np.testing.assert_allclose(result(page, TAG)["h"], two, atol=1e-12)


@in_chromium
def test_keys_choose_the_unit_that_is_drawn_and_listed(pages):
    with pages.open(TAG) as page:
        page.get_by_label("Unit drawn").press("Home")
        got = result(page, TAG)
        assert page.get_by_text("state of unit 1").is_visible()
        page.get_by_text("The unit's values as a table").click()
        rows = page.locator("#values tbody tr")
        rows.first.wait_for()
        assert rows.count() == len(got["x"])
        listed = [float(v.replace("−", "-")) for v in cells(rows.nth(20))]
        ours, theirs = (by_step(got[k])[20, 0] for k in ("h", "pytorch"))
        expected = [20, got["x"][20], theirs, ours, ours - theirs]
        np.testing.assert_allclose(listed, expected, atol=6e-4)


def cells(row):
    return row.locator("th, td").all_inner_texts()
