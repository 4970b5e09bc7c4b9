"""``<forecast-explorer>`` for forecasters that a notebook has trained."""

from __future__ import annotations

import numpy as np

from gru_tutorial.book.explorables.element import Explorable, parameters

COLORS = {"free": "truth", "direct": "forecast", "blind": "other"}
NAMES = {
    "free": "one step, fed back",
    "direct": "direct",
    "blind": "last states",
}


def forecast_explorer(
    name: str, series, first: int, window: int, horizon: int, **forecasters
) -> Explorable:
    """Let the reader move origin and last observation of a forecast.

    Parameters
    ----------
    name : str
        The element's id.
    series : array_like of shape (time,)
        Values to forecast from, in their own units.
    first : int
        The first origin, at least ``window``.
    window : int
        How many values a forecast begins with.
    horizon : int
        Steps to forecast.
    **forecasters : Forecaster
        ``free``, which feeds its forecasts back; ``direct``; ``blind``, with
        the head ``LastStates``. Each has one GRU layer of the same size, and
        they share the scaler of the first one.

    Returns
    -------
    Explorable
        The element; its picture shows the forecasts from ``first + 40``.

    Raises
    ------
    ValueError
        If there is no forecaster, one has another name, or ``first`` is below
        ``window``.
    """
    if not forecasters or set(forecasters) - set(NAMES):
        raise ValueError(
            f"forecasters: expected some of {list(NAMES)}, "
            f"got {list(forecasters)}"
        )
    if first < window:
        raise ValueError(f"first: expected {window} or more, got {first}")
    series = np.asarray(series, dtype=float)
    one = next(iter(forecasters.values()))
    weights = {
        f"weights_{kind}": parameters(each.model.gru, each.model.linear)
        for kind, each in forecasters.items()
    }
    words = (
        f"Observed values, and forecasts of {horizon} steps from one origin "
        f"by {' and '.join(NAMES[kind] for kind in forecasters)}."
    )
    return Explorable(
        "forecast-explorer",
        name,
        _picture(series, first + 40, window, horizon, forecasters),
        words,
        series=series,
        first=first,
        window=window,
        horizon=horizon,
        units=one.model.gru.hidden_size,
        mean=np.ravel(one.scaler.mean)[0],
        std=np.ravel(one.scaler.std)[0],
        **weights,
    )


def _picture(series, origin, window, horizon, forecasters):
    """Draw the forecasts from one origin."""
    import matplotlib.pyplot as plt

    from gru_tutorial.book import plotting

    figure, ax = plt.subplots(figsize=(5.8, 3.0))
    past = np.arange(origin - 50, origin + horizon + 1)
    style = {"color": plotting.COLORS["data"], "ms": 4, "label": "observed"}
    ax.plot(past, series[past], ".", **style)
    history = series[origin + 1 - window : origin + 1]
    for kind, forecaster in forecasters.items():
        steps = np.arange(origin + 1, origin + horizon + 1)
        color = plotting.COLORS[COLORS[kind]]
        y_hat = forecaster(history, horizon)
        ax.plot(steps, y_hat, color=color, label=NAMES[kind])
    ax.set(xlabel="step", ylabel="value")
    figure.legend(loc="outside lower center", ncols=3)
    return figure
