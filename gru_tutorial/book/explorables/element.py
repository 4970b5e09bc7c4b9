"""A figure that answers to the reader: one element of a page.

Its script computes and draws in the browser, without a kernel. Where no script
runs, a picture stands in for it.
"""

from __future__ import annotations

import base64
import io
import re
from html import escape
from importlib import resources

import numpy as np

HERE = resources.files("gru_tutorial.book.explorables")
COMMENT = re.compile(r"^ *//[^\n]*\n|^ */\*\*.*?\*/ *\n", re.M | re.S)
IMPORT = re.compile(r'^import [^;]*? from "\./(\w+)\.js";\n', re.M)
EXPORT = re.compile(r"^export (?!default)", re.M)
DEFAULT = re.compile(r"^export default [^;]*;\n?", re.M)
# What a line may end with so that the next one can follow on it: a notebook
# stores a script line by line, each with its own indent.
GOES_ON = re.compile(r"([;{,])(?: // [^\n]*)?\n")
DPI = 125  # of the picture that stands in; a live figure needs none
NAME = re.compile(r"[a-z]+(?:-[a-z]+)+")


def module(tag: str) -> str:
    """Return the ES module of an explorable, which imports nothing.

    Its default export is what AnyWidget asks of a module: ``render``.

    Parameters
    ----------
    tag : str
        The element's name, such as ``"gate-explorer"``.

    Raises
    ------
    ValueError
        If there is no such explorable.

    Examples
    --------
    >>> "customElements.define" in module("gate-explorer")
    True
    """
    if not NAME.fullmatch(tag) or not _file(tag).is_file():
        raise ValueError(f"tag: expected one of {tags()}, got {tag!r}")
    code = "\n".join(
        IMPORT.sub("", COMMENT.sub("", part)) for part in _parts(tag).values()
    )
    code = re.sub(r"^ +|\n(?=\n)", "", EXPORT.sub("", code), flags=re.M)
    return GOES_ON.sub(r"\1", code)


def script(tag: str) -> str:
    """Return an explorable's module as a script that runs by itself.

    Parameters
    ----------
    tag : str
        The element's name, such as ``"gate-explorer"``.

    Raises
    ------
    ValueError
        If there is no such explorable.

    Examples
    --------
    >>> script("gate-explorer")[:8]
    '(() => {'
    """
    return _wrapped(tag, module(tag))


def parameters(*modules) -> np.ndarray:
    """Return all parameters of a GRU and its linear head, for an element.

    Parameters
    ----------
    *modules : torch.nn.Module
        One with a single ``nn.GRU`` layer, then one linear layer.

    Examples
    --------
    >>> from torch import nn
    >>> len(parameters(nn.GRU(1, 2), nn.Linear(2, 1)))
    33
    """
    tensors = [p for one in modules for p in one.parameters()]
    return np.concatenate([p.detach().numpy().ravel() for p in tensors])


def tags() -> list[str]:
    """Return the names of all explorables.

    Examples
    --------
    >>> "gate-explorer" in tags()
    True
    """
    names = [file.name for file in HERE.iterdir()]
    names = [name[:-3] for name in names if re.fullmatch(r"\w+_\w+\.js", name)]
    return sorted(name.replace("_", "-") for name in names)


def _parts(name, known=None):
    """Return the sources of a module and of what it imports, that first."""
    known = {} if known is None else known
    source = _file(name).read_text("utf-8")
    for other in IMPORT.findall(source):
        if other not in known:
            _parts(other, known)
    known[name] = source
    return known


def _file(name):
    return HERE / f"{name.replace('-', '_')}.js"


class Explorable:
    """What a cell's last line shows: the element, a picture, or words.

    Parameters
    ----------
    tag : str
        The element's name, such as ``"gate-explorer"``.
    name : str
        Its id in the page: ``#name?control=value`` sets its state.
    figure : matplotlib.figure.Figure
        What stands in for it where no script runs; it is closed.
    alt : str
        What the picture shows, in words.
    **state
        What its controls begin with, by their names, and its other
        attributes. Arrays become float32 in a data address, which nbval does
        not compare; an underscore becomes a dash.

    Raises
    ------
    ValueError
        If there is no such explorable.
    """

    def __init__(self, tag: str, name: str, figure, alt: str, **state):
        self.code = module(tag)
        self.tag, self.name, self.alt, self.state = tag, name, alt, state
        self.picture, self.size = _png(figure)

    def __repr__(self) -> str:
        """Return the words that stand in for it."""
        return f"<{self.tag}: {self.alt}>"

    def _repr_html_(self) -> str:
        state = {"id": self.name} | self.state
        given = " ".join(
            f'{key.replace("_", "-")}="{escape(_text(value))}"'
            for key, value in state.items()
        )
        width, height = self.size
        return (
            f"<script>{_wrapped(self.tag, self.code)}</script>\n"
            f"<{self.tag} {given}>\n"
            f'<img alt="{escape(self.alt)}" width="{width}" height="{height}" '
            'loading="lazy" '
            f'src="data:image/png;base64,{self.picture}">\n</{self.tag}>'
        )


def _wrapped(tag, code):
    """Return a module as a script that defines its element once."""
    code = DEFAULT.sub("", code)
    return f"(() => {{\nif (customElements.get({tag!r})) return;\n{code}}})();"


def _text(value):
    """Return an attribute's value as text."""
    if not isinstance(value, np.ndarray):
        return str(value)
    data = base64.b64encode(value.astype("<f4").tobytes()).decode()
    return f"data:application/octet-stream;base64,{data}"


def _png(figure):
    """Return a figure as base64 PNG of few colours, and its size; close it."""
    import matplotlib.pyplot as plt
    from PIL import Image

    file, small = io.BytesIO(), io.BytesIO()
    figure.savefig(file, format="png", dpi=DPI)
    plt.close(figure)
    picture = Image.open(file).convert("RGB")
    picture.quantize(32, dither=Image.Dither.NONE).save(
        small, "png", optimize=True
    )
    return base64.b64encode(small.getvalue()).decode(), picture.size
