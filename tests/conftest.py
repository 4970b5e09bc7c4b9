"""Settings of all tests."""

import os

import matplotlib
from hypothesis import settings

# Small models gain nothing from a second thread, and two workers lose much.
os.environ.setdefault("OMP_NUM_THREADS", "1")
matplotlib.use("Agg")

# The same examples everywhere, and no limit on a first, slow call.
settings.register_profile("book", deadline=None, derandomize=True)
settings.load_profile("book")


def pytest_collection_modifyitems(config, items):
    """Let workers begin with the files that drive a browser.

    They take longest, and should not be what the others wait for.
    """
    if hasattr(config, "workerinput"):
        long = {x.path for x in items if x.get_closest_marker("browser")}
        items.sort(key=lambda item: item.path not in long)
