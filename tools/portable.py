"""Print settings that make this processor compute as an older one would.

``make test-portable`` runs the chapters with them. Sums are then taken in
another order, so outputs that hold only on one kind of processor fail here.
NumPy warns of a feature that the machine lacks, so only those it found are
named.
"""

import numpy as np


def portable_settings():
    """Return the environment variables, as a dict."""
    settings = {
        "ATEN_CPU_CAPABILITY": "default",  # PyTorch's own kernels
        "MKL_CBWR": "COMPATIBLE",  # the matrix products of MKL
    }
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    if found:
        settings["NPY_DISABLE_CPU_FEATURES"] = ",".join(found)
    return settings


if __name__ == "__main__":
    print(*(f"{name}={value}" for name, value in portable_settings().items()))
