"""What both comparisons with other libraries need."""

import logging
import warnings
from importlib.metadata import version

import torch

LIGHTNING = {  # without bars, logs and files
    "accelerator": "cpu",
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "logger": False,
    "enable_checkpointing": False,
}


def run_quietly():
    """Use one thread, and hide what libraries say about their defaults."""
    for name in ("pytorch_lightning", "lightning", "darts"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)


def versions(*names):
    """Return the versions of packages by name."""
    return {name: version(name) for name in names}
