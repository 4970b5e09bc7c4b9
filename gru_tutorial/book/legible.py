"""What a figure must keep to be read on a phone, and on a dark page.

``make run`` holds each figure of the book against this, as it is drawn.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from importlib import resources

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.cbook import is_math_text
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_rgb, to_rgba
from matplotlib.figure import Figure
from matplotlib.mathtext import MathTextParser
from matplotlib.text import Text

from gru_tutorial.book.answers import RECORD

TOKENS = json.loads(
    (resources.files("gru_tutorial.book") / "tokens.json").read_text("utf-8")
)
PHONE = 352  # how many pixels wide a phone shows a figure
LEAST_LETTER = 11  # in these pixels, exponents too
LEAST_CONTRAST = 3
GROUNDS = {
    "light": np.array(to_rgb(TOKENS["page"]["ground"])),
    "dark": np.array(to_rgb(TOKENS["page_on_dark"]["ground"])),
}
# The filter hue-rotate(180deg), as it is defined for browsers.
TURN = np.array(
    [[-0.574, 1.430, 0.144], [0.426, 0.430, 0.144], [0.426, 1.430, -0.856]]
)
HOOK = f"{__name__}:watch"


def hold_figures() -> None:
    """Let ``make run`` stop at a figure that not everybody could read."""
    if RECORD in os.environ:
        plt.rcParams["figure.hooks"] = [HOOK]


def watch(figure: Figure) -> None:
    """Hold a new figure against the rules whenever it is drawn."""
    figure.canvas.mpl_connect("draw_event", _tell)


def _tell(event) -> None:
    """Write faults where ``make run`` allows nothing: errors get lost here."""
    for fault in dict.fromkeys(faults_of_figure(event.canvas.figure)):
        print(f"figure: {fault}", file=sys.stderr)


def faults_of_figure(figure: Figure) -> Iterator[str]:
    """Yield what cannot be read: small letters, pale lines and letters.

    Filled areas and the lines of a grid may be pale.
    """
    shown = [text for text in figure.findobj(Text) if _is_shown(text)]
    pixels = PHONE / figure.get_figwidth() / 72
    for text in shown:
        size = smallest_letter(text) * pixels
        if size < LEAST_LETTER:
            yield (
                f"{text.get_text()!r}: letters of {size:.1f} pixels on a "
                f"phone, expected {LEAST_LETTER}"
            )
    things = [(repr(text.get_text()), *_colors(text)) for text in shown]
    things += [thing for ax in figure.axes for thing in _lines(ax)]
    for name, color, ground in things:
        for page, found in contrasts(color, ground).items():
            if found < LEAST_CONTRAST:
                yield (
                    f"{name}: a contrast of {found:.2f} on the {page} page, "
                    f"expected {LEAST_CONTRAST}"
                )


def smallest_letter(text: Text) -> float:
    """Return the size of a text's smallest letter, in points."""
    sizes = [text.get_fontsize()]
    for line in text.get_text().splitlines():
        if is_math_text(line):
            parser, font = MathTextParser("path"), text.get_fontproperties()
            glyphs = parser.parse(line, 72, font).glyphs
            sizes += [size for _, size, *_ in glyphs]
    return min(sizes)


def contrasts(color, ground="white") -> dict[str, float]:
    """Return how a figure's colour stands out, on either page.

    Parameters
    ----------
    color, ground : colour
        The colour of a line or a letter, and of what is behind it.

    Returns
    -------
    dict of str to float
        The contrast by WCAG 2, from 1 to 21, on the light and the dark page.
    """
    under = _over(ground, np.ones(3))
    over = _over(color, under)
    return {
        page: _contrast(shown_on(page, over), shown_on(page, under))
        for page in GROUNDS
    }


def shown_on(page: str, color) -> np.ndarray:
    """Return a figure's colour as a page shows it.

    White becomes the ground of the page. The dark page inverts the colours
    first, and turns their hues back.
    """
    color, ground = np.array(to_rgb(color)), GROUNDS[page]
    if page == "light":
        return color * ground
    turned = np.clip(TURN @ (1 - color), 0, 1)
    return 1 - (1 - turned) * (1 - ground)


def _over(color, ground) -> np.ndarray:
    *color, alpha = to_rgba(color)
    return alpha * np.array(color) + (1 - alpha) * np.array(to_rgb(ground))


def _contrast(one, other) -> float:
    low, high = sorted([_luminance(one), _luminance(other)])
    return (high + 0.05) / (low + 0.05)


def _luminance(color) -> float:
    linear = np.where(
        color <= 0.04045, color / 12.92, ((color + 0.055) / 1.055) ** 2.4
    )
    return float(linear @ [0.2126, 0.7152, 0.0722])


def _is_shown(text: Text) -> bool:
    """Tell whether a text says something, and its panel is drawn."""
    visible = text.get_visible() and (
        text.axes is None or text.axes.get_visible()
    )
    return bool(visible and text.get_text().strip())


def _colors(text: Text) -> tuple:
    """Return a text's colour, and that of the last patch behind it."""
    color = to_rgba(text.get_color(), text.get_alpha())
    box = text.get_bbox_patch()
    if box is not None:
        return color, box.get_facecolor()
    ground = "white"
    if text.axes is not None:
        place = text.get_window_extent().get_points().mean(axis=0)
        for patch in text.axes.patches:
            if patch.contains_point(place) and patch.get_fill():
                ground = _over(patch.get_facecolor(), ground)
    return color, ground


def _lines(ax) -> Iterator[tuple]:
    """Yield name, colour and ground of each line and mark in a panel."""
    for line in ax.lines:
        name = f"line {line.get_label()!r}"
        color, alpha = line.get_color(), line.get_alpha()
        if line.get_visible() and len(line.get_xdata()):
            if line.get_linestyle() != "None" and line.get_linewidth():
                yield name, to_rgba(color, alpha), "white"
            if line.get_marker() not in ("None", "", None):
                yield name, to_rgba(line.get_markeredgecolor(), alpha), "white"
    for drawn in ax.collections:
        is_line = isinstance(drawn, (LineCollection, PathCollection))
        for color in drawn.get_edgecolor() if is_line else []:
            yield f"lines {drawn.get_label()!r}", color, "white"
