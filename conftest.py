"""What nbval compares, and how closely.

Floats agree within 1 % or one unit in the last printed place; integers and
all other text agree exactly; padding beside a float and base64 data are left
out. nbval itself leaves PNG pictures out.
"""

import json
import re

import pytest

RELATIVE = 0.01
ABSOLUTE = 1e-12  # a rounding error is asserted, never printed
BASE64 = re.compile(r"(?<=;base64,)[A-Za-z0-9+/=]+")
FLOAT = re.compile(  # needs a decimal point: 12, 1e-3 and 3.11.7 are text
    r"(?<![\w.])[-+]?(?:\d+\.\d*|\.\d+)(?:[eE][-+]?\d+)?(?!\w|\.\d)"
)
MARK = "\0"


def split_floats(text):
    """Return the text with a mark for each float, and the floats."""
    text = BASE64.sub("", text)
    marked = re.sub(rf"[ \n]*{MARK}[ \n]*", MARK, FLOAT.sub(MARK, text))
    return marked, FLOAT.findall(text)


def last_place(number):
    """Return the size of one unit in a number's last printed place."""
    mantissa, _, exponent = number.lower().partition("e")
    places = len(mantissa.partition(".")[2])
    return 10.0 ** (int(exponent or 0) - places)


def agree(stored, new):
    """Tell whether two printed floats agree."""
    slack = max(RELATIVE * abs(float(stored)), last_place(stored), ABSOLUTE)
    return abs(float(stored) - float(new)) <= slack * (1 + 1e-9)


class Output(str):
    """An output that equals another one within the tolerance."""

    __slots__ = ()
    __hash__ = None

    def __eq__(self, other):
        """Compare the text exactly and the floats closely."""
        (text, floats), (other_text, others) = map(split_floats, (self, other))
        return text == other_text and all(map(agree, floats, others))

    def __ne__(self, other):
        """Say the opposite of ``==``."""
        return not self == other


def seconds_of(path):
    """Return how long a notebook took when its outputs were written."""
    if path.suffix != ".ipynb":
        return 0
    metadata = json.loads(path.read_text("utf-8"))["metadata"]
    return metadata.get("gru_tutorial", {}).get("seconds", 0)


def pytest_collection_modifyitems(items):
    """Let workers begin with the longest notebooks: none waits at the end."""
    seconds = {path: seconds_of(path) for path in {x.path for x in items}}
    items.sort(key=lambda item: -seconds[item.path])


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """Let nbval, where it is installed, compare through ``Output``.

    The cells of a notebook depend on each other: a worker takes all of them.
    """
    if getattr(config.option, "dist", "no") == "load":
        config.option.dist = "loadfile"
        config.option.loadscopereorder = False
    if not config.pluginmanager.hasplugin("nbval"):
        return
    from nbval.plugin import IPyNbCell

    if hasattr(IPyNbCell, "exact_sanitize"):
        return  # a second run in the same process
    IPyNbCell.exact_sanitize = IPyNbCell.sanitize

    def sanitize(cell, text):
        clean = cell.exact_sanitize(text)
        return Output(clean) if isinstance(clean, str) else clean

    IPyNbCell.sanitize = sanitize
