"""Settings of all tests."""

import sys
from pathlib import Path

import matplotlib
from hypothesis import settings

for folder in ("tools", "theme"):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / folder))
matplotlib.use("Agg")

# The same examples everywhere, and no limit on a first, slow call.
settings.register_profile("book", deadline=None, derandomize=True)
settings.load_profile("book")
