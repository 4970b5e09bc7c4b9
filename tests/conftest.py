"""Settings of all tests."""

import importlib
import os
import sys
from pathlib import Path

import matplotlib
import pytest
from hypothesis import settings

# Small models gain nothing from a second thread, and two workers lose much.
os.environ.setdefault("OMP_NUM_THREADS", "1")
matplotlib.use("Agg")

# The same examples everywhere, and no limit on a first, slow call.
settings.register_profile("book", deadline=None, derandomize=True)
settings.load_profile("book")


BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def script(monkeypatch):
    """Import a benchmark's script by its name; undo what it sets."""
    import torch

    monkeypatch.syspath_prepend(str(BENCHMARKS))
    for variable in ("OMP_NUM_THREADS", "TORCHINDUCTOR_FORCE_DISABLE_CACHES"):
        monkeypatch.setenv(variable, "1")
    for path in BENCHMARKS.glob("*.py"):
        monkeypatch.delitem(sys.modules, path.stem, raising=False)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield importlib.import_module
    torch.set_num_threads(threads)


def pytest_collection_modifyitems(config, items):
    """Let workers begin with the files that drive a browser.

    They take longest, and should not be what the others wait for.
    """
    if hasattr(config, "workerinput"):
        long = {x.path for x in items if x.get_closest_marker("browser")}
        items.sort(key=lambda item: item.path not in long)
