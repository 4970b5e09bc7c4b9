"""The book's mark and its preview picture, drawn by code.

Both show what the book is about: of a number seen once, a gate at rest
(bias 0) keeps half at each step, one with a bias of 3 keeps nearly all.
``python -m theme.marks`` draws them anew.
"""

import math
from pathlib import Path

from theme.tokens import TOKENS

STATIC = Path(__file__).parent / "static"
INK, PAPER = TOKENS["page_on_dark"]["ground"], TOKENS["page"]["ground"]
MUTED = TOKENS["page_on_dark"]["muted"]
FORGETS = TOKENS["colors_on_dark"]["forecast"]
KEEPS = TOKENS["colors_on_dark"]["limit"]


def kept(bias, steps):
    """Return the share of a state that is left after some steps."""
    return (1 / (1 + math.exp(-bias))) ** steps


def mark():
    """Return the mark, an SVG of 64 by 64."""

    def curve(bias):
        points = [
            (12 + 5 * k, 48 - 32 * kept(bias, k))
            for k in (0, 1, 2, 3, 4, 6, 8)
        ]
        return " ".join(f"{x:g},{y:.1f}" for x, y in points)

    line = 'fill="none" stroke-width="5" stroke-linecap="round"'
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">'
        f'<rect width="64" height="64" rx="14" fill="{INK}"/>'
        f'<polyline points="{curve(0)}" stroke="{FORGETS}" {line} '
        'stroke-linejoin="round"/>'
        f'<polyline points="{curve(3)}" stroke="{KEEPS}" {line}/>'
        f'<circle cx="12" cy="16" r="6" fill="{PAPER}"/></svg>\n'
    )


def preview():
    """Return the preview picture, a figure of 1200 by 630 pixels."""
    import matplotlib.pyplot as plt

    plt.rcParams.update({"font.family": "STIXGeneral", "text.color": PAPER})
    figure = plt.figure(figsize=(12, 6.3), dpi=100, facecolor=INK)
    figure.text(0.06, 0.73, "GRU by Experiment", size=62, weight="bold")
    figure.text(
        0.06,
        0.62,
        "Sequence prediction in PyTorch, measured",
        size=31,
        color=MUTED,
    )
    axes = figure.add_axes((0.06, 0.1, 0.88, 0.42), facecolor=INK)
    steps = [k / 10 for k in range(601)]
    for bias, color, name in (
        (0, FORGETS, "a gate at rest forgets"),
        (4, KEEPS, "with a bias it remembers"),
    ):
        axes.plot(steps, [kept(bias, k) for k in steps], color=color, lw=5)
        axes.text(
            9 if bias else 4.5,
            0.93 if bias else 0.07,
            name,
            size=27,
            color=color,
        )
    axes.set(xlim=(-0.5, 60), ylim=(-0.03, 1.05), xticks=[], yticks=[])
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(MUTED)
    return figure


if __name__ == "__main__":
    (STATIC / "mark.svg").write_text(mark(), "utf-8")
    preview().savefig(STATIC / "social.png", metadata={"Software": None})
