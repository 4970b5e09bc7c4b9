"""Sequence prediction with GRUs: the code of *GRU by Experiment*.

Public names are loaded when they are asked for, so that importing the package
costs nothing. What only pages need is in ``gru_tutorial.book``.
"""

import importlib

_HOMES = {
    "baselines": ("Boosting", "Drift", "Naive", "Neighbours", "Ridge"),
    "cell": (
        "DIALECTS",
        "GRUGradients",
        "GRUStep",
        "GRUWeights",
        "gru_sequence",
        "gru_sequence_backward",
        "gru_step",
        "gru_step_backward",
    ),
    "compiled": ("CompiledGRU",),
    "conformal": ("SplitConformal", "adaptive_conformal"),
    "datasets": ("load_electricity", "load_vowels"),
    "drift": ("AdaptiveBand", "Fallback"),
    "evaluation": (
        "leakage",
        "paired_scores",
        "paired_skill",
        "rolling_origin",
        "visibility",
    ),
    "exact": ("ExactGRU",),
    "export": ("export_onnx", "onnx_model"),
    "files": ("read_series",),
    "forecaster": ("Forecaster",),
    "heads": ("Direct", "LastStates", "Seq2Seq"),
    "intervals": (
        "Intervals",
        "conformal_quantile",
        "coverage",
        "gaussian_intervals",
        "interval_score",
        "quantile_intervals",
        "sample_intervals",
    ),
    "metrics": (
        "crps_normal",
        "crps_sample",
        "expected_ratio",
        "floor_ratio",
        "mae",
        "mase",
        "mse",
        "pinball",
        "rmse",
    ),
    "model": ("GRUModel", "count_parameters", "evaluating", "predict"),
    "probabilistic": ("Gaussian", "Quantiles"),
    "recipe": ("CAREFUL", "PATIENT", "QUICK", "Recipe"),
    "series": (
        "RegimeForecast",
        "cycle_error",
        "cycle_forecast",
        "make_cycle",
        "make_mackey_glass",
        "make_regime",
        "make_series",
    ),
    "training": ("History", "Run", "evaluate", "fit", "log", "progress_bar"),
    "verdict": ("go_on", "judge"),
    "windows": (
        "Scaler",
        "make_chunks",
        "make_loader",
        "make_windows",
        "split",
    ),
}
_MODULE_OF = {name: home for home, names in _HOMES.items() for name in names}
__all__ = sorted(_MODULE_OF)


def __getattr__(name):
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_MODULE_OF[name]}")
    value = globals()[name] = getattr(module, name)
    return value


def __dir__():
    return sorted({*globals(), *__all__})
