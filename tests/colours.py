"""How bright a colour is, and how it stands out: WCAG 2's definitions."""

import re

import numpy as np


def rgb(text):
    """Return a style's colour as three numbers up to 1; none is white.

    Examples
    --------
    >>> rgb("#0033ff").tolist()
    [0.0, 0.2, 1.0]
    >>> rgb("rgb(0, 51, 255)").tolist()
    [0.0, 0.2, 1.0]
    >>> rgb("rgba(0, 0, 0, 0)").tolist()
    [1.0, 1.0, 1.0]
    """
    if text.startswith("#"):
        numbers = [int(text[k : k + 2], 16) for k in (1, 3, 5)]
    else:
        numbers = [float(n) for n in re.findall(r"[\d.]+", text)]
    if len(numbers) == 4 and numbers[3] == 0:
        return np.ones(3)
    return np.array(numbers[:3]) / 255


def luminance(color):
    """Return the relative luminance of a colour, of :func:`rgb` or a text.

    Examples
    --------
    >>> float(luminance("#ffffff")), float(luminance("#000000"))
    (1.0, 0.0)
    """
    color = rgb(color) if isinstance(color, str) else color
    linear = np.where(
        color <= 0.04045, color / 12.92, ((color + 0.055) / 1.055) ** 2.4
    )
    return linear @ [0.2126, 0.7152, 0.0722]


def contrast(one, other):
    """Return the contrast of two colours.

    Examples
    --------
    >>> round(float(contrast("#000000", "#ffffff")), 6)
    21.0
    """
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)
