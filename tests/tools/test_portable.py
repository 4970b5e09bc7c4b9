"""Settings that make a processor compute as an older one would."""

import os
import subprocess
import sys

import pytest

from tools.portable import portable_settings

# Each prints a digest of what settings may change.
GRU = """
import hashlib, numpy, torch
torch.set_num_threads(1)
torch.manual_seed(0)
gru = torch.nn.GRU(4, 32, batch_first=True)
x = numpy.random.default_rng(0).standard_normal((8, 50, 4))
out, _ = gru(torch.from_numpy(x.astype("float32")))
print(hashlib.sha256(out.detach().numpy().tobytes()).hexdigest())
"""
CURVES = """
import hashlib, numpy
x = numpy.random.default_rng(0).standard_normal((8, 50, 4))
curves = numpy.exp(x), numpy.exp(x.astype("float32")), numpy.tanh(x)
print(hashlib.sha256(b"".join(c.tobytes() for c in curves)).hexdigest())
"""
# What each setting is about.
PROGRAMS = {
    "none": (GRU, CURVES),
    "ATEN_CPU_CAPABILITY": (GRU,),
    "MKL_CBWR": (GRU,),
    "NPY_DISABLE_CPU_FEATURES": (CURVES,),
    "all": (GRU, CURVES),
}


def start(code, settings):
    """Start a program with settings that it reads before anything else."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code],
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.slow
def test_each_portable_setting_changes_bits_and_warns_of_nothing():
    settings = portable_settings()
    if "NPY_DISABLE_CPU_FEATURES" not in settings:
        pytest.skip("NumPy found no feature beyond this processor's baseline")
    assert {"none", *settings, "all"} == set(PROGRAMS)
    runs = {}  # all at once
    for name, programs in PROGRAMS.items():
        chosen = {k: v for k, v in settings.items() if name in (k, "all")}
        for code in programs:
            runs[name, code] = start(code, chosen)
    digests = {key: run.communicate()[0] for key, run in runs.items()}
    assert all(len(digest) == 65 for digest in digests.values()), digests
    for (name, code), digest in digests.items():
        assert name == "none" or digest != digests["none", code], name
