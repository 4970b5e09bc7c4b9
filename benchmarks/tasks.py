"""The three kinds of series of the comparison, and how a forecast scores.

Each method sees the values before ``start`` and forecasts the others, each
from all true values before it. A score of 1 is the best that can be.
"""

from typing import NamedTuple

import numpy as np

from gru_tutorial import (
    RegimeForecast,
    expected_ratio,
    make_mackey_glass,
    make_regime,
    make_series,
    mse,
)

NOISE = 0.05  # on the series of Mackey and Glass
REPORTED = {"waves": range(10), "regime": range(5), "mackey_glass": range(5)}
SWEEP_SEEDS = range(100, 103)  # settings are chosen on these


class Task(NamedTuple):
    """Where the forecasts start, and how many values a series has."""

    start: int
    points: int


TASKS = {
    "waves": Task(720, 850),
    "regime": Task(1000, 2000),
    "mackey_glass": Task(600, 1100),
}


def drawn(task, seed):
    """Return a series' values, and a function that scores its forecasts."""
    start, points = TASKS[task]
    if task == "regime":
        values = make_regime(points, seed=seed).values
        best = RegimeForecast().one_step(values, start)
        least = mse(values[start:], best)
        return values, lambda y_hat: mse(values[start:], y_hat) / least
    if task == "waves":
        (values, clean), noise = make_series(points, seed=seed), 0.35
    else:
        noise = NOISE
        values, clean = make_mackey_glass(points, noise=noise, seed=seed)
    return values, lambda y_hat: expected_ratio(
        clean[start:], np.asarray(y_hat), noise
    )
