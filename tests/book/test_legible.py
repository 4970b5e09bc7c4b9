"""What is held against each figure: letters, lines, and both pages."""

import base64
import io
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from gru_tutorial.book import legible
from gru_tutorial.book.answers import RECORD
from gru_tutorial.book.legible import (
    LEAST_CONTRAST,
    contrasts,
    faults_of_figure,
    hold_figures,
    shown_on,
    smallest_letter,
)
from gru_tutorial.book.plotting import COLORS, SHADES, log_axis, set_style
from tests.colours import contrast
from tools.chapters import read_book

WIDEST = 576  # how many pixels wide a page shows a figure at most


@pytest.fixture(autouse=True)
def style():
    with plt.rc_context():
        set_style()
        yield
        plt.close("all")


def faults(draw, **figure):
    """Return what is wrong with a figure that is drawn so."""
    fig, ax = plt.subplots(**figure)
    draw(ax)
    fig.canvas.draw()
    return list(faults_of_figure(fig))


def test_the_style_has_no_fault():
    def draw(ax):
        for color in (*COLORS.values(), *SHADES, "black"):
            ax.plot([1, 100], color=color, label="GRU")
        log_axis(ax)
        ax.set(title="$z$ near 1", xlabel="time step $t$", ylabel="value")
        ax.legend()

    assert faults(draw) == []


@pytest.mark.parametrize(
    ("draw", "fault"),
    [
        (lambda ax: ax.set_title("a", size=13), "'a': letters of 11.0"),
        (lambda ax: ax.set(xlabel="$y_t$"), r"'\$y_t\$': letters of 8.9"),
        (lambda ax: ax.set(ylabel="a\n$10^{-3}$"), "letters of 8.9 pixels"),
        (lambda ax: ax.semilogy([1e-9, 1]), "letters of 8.3 pixels"),
        (lambda ax: ax.plot([1, 2], color="0.7"), "contrast of .* light page"),
        (lambda ax: ax.plot([1], "o", color="0.7"), "of .* light page"),
        (lambda ax: ax.plot([1, 2], "k", alpha=0.2), "of .* dark page"),
        (lambda ax: ax.hlines(1, 0, 1, "0.7"), "lines .* of .* light page"),
        (lambda ax: ax.scatter([1], [1], c="0.7"), "lines .* light page"),
        (lambda ax: ax.text(0, 0, "a", color="0.7"), "'a': a contrast of"),
    ],
)
def test_what_cannot_be_read_is_told(draw, fault):
    found = faults(draw)
    assert any(re.search(fault, one) for one in found)


def test_letters_are_measured_against_the_figures_width():
    assert faults(lambda ax: None) == []
    assert "letters of" in faults(lambda ax: None, figsize=(8, 4))[0]


@pytest.mark.parametrize(
    "draw",
    [
        lambda ax: ax.fill_between([0, 1], [1, 2], color="0.9"),
        lambda ax: ax.axvspan(0, 1, color="0.87"),
        lambda ax: ax.plot([], color="0.9"),
        lambda ax: ax.plot([1, 2], color="0.9", visible=False),
        lambda ax: ax.text(0, 0, "a", size=5, visible=False),
        lambda ax: ax.text(0, 0, " ", size=5),
        lambda ax: ax.plot([1], "o", mfc="white", color="black"),
    ],
)
def test_areas_and_what_is_not_seen_may_be_pale(draw):
    assert faults(draw) == []


def test_letters_on_a_dark_cell_are_read_on_its_colour():
    def draw(ax):
        ax.add_patch(plt.Rectangle((0, 0), 1, 1, color=COLORS["data"]))
        ax.text(0.5, 0.5, "white", color="white", ha="center", va="center")

    assert faults(draw) == []

    def outside(ax):
        draw(ax)
        ax.text(2, 2, "white", color="white")
        ax.set(xlim=(0, 3), ylim=(0, 3))

    assert len(faults(outside)) == 2


def test_small_letters_of_formulas_are_found():
    text = plt.figure().text(0, 0, "a $x_{i_j}$", size=20)
    assert smallest_letter(text) == pytest.approx(20 * 0.7**2)
    text.set_text("a $x$")
    assert smallest_letter(text) == 20


def test_contrasts_are_those_of_the_pages():
    white = {page: shown_on(page, "white") for page in legible.GROUNDS}
    for page, ground in legible.GROUNDS.items():
        np.testing.assert_allclose(white[page], ground)
        for name, color in COLORS.items():
            found = contrasts(color)[page]
            shown = contrast(shown_on(page, color), ground)
            assert found == pytest.approx(shown), name
            assert found >= 4.5
    assert contrasts("white") == {"light": 1, "dark": 1}


@pytest.mark.parametrize("shade", SHADES)
def test_shades_can_be_read_and_told_apart(shade):
    assert min(contrasts(shade).values()) >= LEAST_CONTRAST
    others = [other for other in SHADES if other != shade]
    assert min(contrasts(shade, other)["light"] for other in others) > 1.5


def test_make_run_is_told_and_nobody_else(monkeypatch, capsys):
    monkeypatch.delenv(RECORD, raising=False)
    hold_figures()
    plt.subplots()[1].set(xlabel="$y_t$")
    plt.gcf().canvas.draw()
    assert capsys.readouterr().err == ""
    monkeypatch.setenv(RECORD, "answers")
    hold_figures()
    plt.subplots()[1].set(xlabel="$y_t$")
    plt.gcf().canvas.draw()
    assert "figure: '$y_t$': letters of 8.9 pixels" in capsys.readouterr().err
    plt.subplots()
    plt.gcf().canvas.draw()
    assert capsys.readouterr().err == ""


def pictures():
    """Yield place, picture and metadata of each figure as it is stored."""
    for chapter in read_book().chapters:
        for cell in chapter.pictures:
            for out in cell.outputs:
                if "image/png" in out.get("data", {}):
                    png = base64.b64decode("".join(out["data"]["image/png"]))
                    picture = Image.open(io.BytesIO(png))
                    where = f"{chapter.stem}, {cell.where}"
                    yield where, picture, out["metadata"].get("image/png", {})


def test_stored_pictures_are_sharp_and_as_wide_as_letters_need():
    """Letters were measured when they were drawn, for this shape."""
    found = list(pictures())
    assert len(found) > 40
    for where, picture, told in found:
        assert 2 * WIDEST <= picture.width <= 1170, where
        assert picture.width > 0.85 * picture.height, where
        assert told["width"] == picture.width // 2, where
