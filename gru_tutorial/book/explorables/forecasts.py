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
    name: str,
    series,
    first: int,
    window: int | None,
    horizon: int,
    *,
    clean=None,
    floor: float | None = None,
    **forecasters,
) -> Explorable:
    """Let the reader move origin, horizon and last observation of a forecast.

    Parameters
    ----------
    name : str
        The element's id.
    series : array_like of shape (time,)
        Values to forecast from, in their own units.
    first : int
        The first origin, from which it begins, at least ``window``.
    window : int, optional
        How many values a forecast begins with; all that are known if None.
    horizon : int
        The most steps to forecast.
    clean : array_like of shape (time,), optional
        The signal beneath the series, if it is known.
    floor : float, optional
        The least RMSE that any forecast can expect, if it is known.
    **forecasters : Forecaster
        ``free``, which feeds its forecasts back; ``direct``; ``blind``, with
        the head ``LastStates``. Each has one GRU layer of the same size, and
        they share the scaler of the first one.

    Returns
    -------
    Explorable
        The element; its picture shows the forecasts from ``first``.

    Raises
    ------
    ValueError
        If there is no forecaster, one has another name, ``first`` is below
        ``window``, or ``clean`` has another length than the series.
    """
    if not forecasters or set(forecasters) - set(NAMES):
        raise ValueError(
            f"forecasters: expected some of {list(NAMES)}, "
            f"got {list(forecasters)}"
        )
    if first < (window or 1):
        raise ValueError(f"first: expected {window or 1} or more, got {first}")
    series = np.asarray(series, dtype=float)
    known = _known(series, clean, floor)
    window = window or len(series)
    words = (
        f"Observed values, and forecasts of {horizon} steps from one origin "
        f"by {' and '.join(NAMES[kind] for kind in forecasters)}."
    )
    return Explorable(
        "forecast-explorer",
        name,
        _picture(series, clean, first, window, horizon, forecasters),
        words,
        series=series,
        first=first,
        window=window,
        horizon=horizon,
        **known,
        **_weights(forecasters),
    )


def _known(series, clean, floor):
    """Return what is known beside the series, as attributes."""
    known = {} if floor is None else {"floor": floor}
    if clean is not None:
        known["clean"] = np.asarray(clean, dtype=float)
        if known["clean"].shape != series.shape:
            raise ValueError(
                f"clean: expected shape {series.shape}, "
                f"got {known['clean'].shape}"
            )
    return known


def _weights(forecasters):
    """Return the forecasters' size, scaler and parameters, as attributes."""
    one = next(iter(forecasters.values()))
    shared = {
        "units": one.model.gru.hidden_size,
        "mean": np.ravel(one.scaler.mean)[0],
        "std": np.ravel(one.scaler.std)[0],
    }
    return shared | {
        f"weights_{kind}": parameters(each.model.gru, each.model.linear)
        for kind, each in forecasters.items()
    }


def _picture(series, clean, origin, window, horizon, forecasters):
    """Draw the forecasts from one origin."""
    import matplotlib.pyplot as plt

    from gru_tutorial.book import plotting

    figure, ax = plt.subplots(figsize=(5.8, 3.0))
    past = np.arange(max(0, origin - 50), origin + horizon + 1)
    style = {"color": plotting.COLORS["data"], "ms": 4, "label": "observed"}
    ax.plot(past, series[past], ".", **style)
    steps = np.arange(origin + 1, origin + horizon + 1)
    if clean is not None:
        color = plotting.COLORS["limit"]
        ax.plot(steps, clean[steps], color=color, label="signal beneath")
    history = series[max(0, origin + 1 - window) : origin + 1]
    for kind, forecaster in forecasters.items():
        color = plotting.COLORS[COLORS[kind]]
        y_hat = forecaster(history, horizon)
        ax.plot(steps, y_hat, color=color, label=NAMES[kind])
    ax.set(xlabel="step", ylabel="value")
    figure.legend(loc="outside lower center", ncols=3)
    return figure
