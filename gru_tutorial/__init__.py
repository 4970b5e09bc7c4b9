"""Sequence prediction with GRUs: the code of *GRU by Experiment*.

Each module belongs to one chapter of the book. Helpers for pages only
(``plotting``, ``notebook``) are imported from their own modules.
"""

from gru_tutorial.cell import (
    DIALECTS,
    GRUGradients,
    GRUStep,
    GRUWeights,
    gru_sequence,
    gru_sequence_backward,
    gru_step,
    gru_step_backward,
)
from gru_tutorial.data import (
    Scaler,
    load_electricity,
    make_chunks,
    make_loader,
    make_series,
    make_windows,
    split,
)
from gru_tutorial.metrics import (
    expected_ratio,
    floor_ratio,
    mae,
    mase,
    mse,
    rmse,
)
from gru_tutorial.model import GRUModel
from gru_tutorial.prediction import (
    naive_forecast,
    one_step_forecast,
    predict,
    recursive_forecast,
    ridge_forecast,
)
from gru_tutorial.training import History, evaluate, fit

__all__ = [
    "DIALECTS",
    "GRUGradients",
    "GRUModel",
    "GRUStep",
    "GRUWeights",
    "History",
    "Scaler",
    "evaluate",
    "expected_ratio",
    "fit",
    "floor_ratio",
    "gru_sequence",
    "gru_sequence_backward",
    "gru_step",
    "gru_step_backward",
    "load_electricity",
    "mae",
    "make_chunks",
    "make_loader",
    "make_series",
    "make_windows",
    "mase",
    "mse",
    "naive_forecast",
    "one_step_forecast",
    "predict",
    "recursive_forecast",
    "ridge_forecast",
    "rmse",
    "split",
]
