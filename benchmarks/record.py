"""Store a benchmark's results with what they depend on."""

import datetime
import json
import platform
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "gru_tutorial" / "results"  # `load_results` reads them


def processor():
    """Return the processor's name, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [x.split(":")[1].strip() for x in lines if x.startswith("model n")]
    return names[0] if names else platform.machine()


def store(name, results):
    """Write ``results/name.json``."""
    record = {
        "date": datetime.date.today().isoformat(),
        "machine": processor(),
        "python": platform.python_version(),
        "torch": torch.__version__.split("+")[0],
        "numpy": np.__version__,
        "results": results,
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    print(f"written: {path.name}")
