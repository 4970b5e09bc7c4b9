"""The book's one figure style, and the plots that chapters share."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes

from gru_tutorial.checks import check_float, check_int, check_values

# Okabe and Ito's palette tells colours apart for colour-blind readers too.
# Each colour has one meaning throughout the book.
COLORS = {
    "data": "#5f6b76",  # what was observed
    "truth": "#0072b2",  # the signal beneath, or what really came
    "forecast": "#c2410c",  # what a model says
    "limit": "#00795c",  # the best that is possible
    "other": "#8a4f9e",  # something to compare with
}


def set_style() -> None:
    """Set the book's figure style for every figure that follows.

    Examples
    --------
    >>> set_style()
    >>> plt.rcParams["figure.dpi"]
    125.0
    """
    plt.rcParams.update(
        {
            "figure.figsize": (5.8, 3.1),
            "figure.dpi": 125,
            "figure.constrained_layout.use": True,
            "font.size": 12,
            "axes.titlesize": 13,
            "axes.titlelocation": "left",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "axes.prop_cycle": cycler(color=list(COLORS.values())),
            "grid.color": "#d9dde1",
            "grid.linewidth": 0.7,
            "lines.linewidth": 1.7,
            "legend.frameon": False,
        }
    )


def plot_series(values, clean=None, start: int = 0, ax: Axes | None = None):
    """Draw a series as points, over the signal beneath it.

    Parameters
    ----------
    values : array_like of shape (time,)
        What was observed.
    clean : array_like of shape (time,)
        The signal without noise, if it is known.
    start : int
        The time step of the first value.
    ax : matplotlib.axes.Axes
        Where to draw; a new figure if not given.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, to add to.

    Raises
    ------
    ValueError
        If a value is missing, or ``clean`` is of another length.

    Examples
    --------
    >>> ax = plot_series([1.0, 2.0, 1.5])
    >>> ax.get_xlabel()
    'time step $t$'
    >>> plt.close()
    """
    values = check_values("values", values, ndim=(1,))
    if clean is not None:
        clean = check_values("clean", clean, ndim=(1,))
        if len(clean) != len(values):
            raise ValueError(
                f"clean: expected {len(values)} values, as many as observed, "
                f"got {len(clean)}"
            )
    if ax is None:
        _, ax = plt.subplots()
    t = start + np.arange(len(values))
    ax.plot(t, values, ".", ms=4, color=COLORS["data"], label="observed $y_t$")
    if clean is not None:
        ax.plot(t, clean, color=COLORS["truth"], label="clean signal")
    ax.set(xlabel="time step $t$", ylabel="value $y_t$")
    return ax


def plot_forecast(
    values, forecasts: dict, forecast_start: int, ax: Axes | None = None
):
    """Draw forecasts over the observed values of the test part.

    Parameters
    ----------
    values : array_like of shape (time,)
        The whole series.
    forecasts : dict of str to array_like of shape (horizon,)
        Up to three forecasts by name, none beyond the end of ``values``.
    forecast_start : int
        The time step of the first forecast.
    ax : matplotlib.axes.Axes
        Where to draw; a new figure if not given.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, to add to.

    Raises
    ------
    ValueError
        If a value is missing, or there are too many forecasts or values.

    Examples
    --------
    >>> ax = plot_forecast([1.0, 2.0, 3.0], {"naive": [1.0, 2.0]}, 1)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['observed $y_t$', 'naive']
    >>> plt.close()
    """
    values = check_values("values", values, ndim=(1,))
    last = len(values) - 1
    forecast_start = check_int("forecast_start", forecast_start, 0, last)
    colors = [COLORS["forecast"], COLORS["other"], "black"]
    if len(forecasts) > len(colors):
        raise ValueError(
            f"forecasts: expected at most {len(colors)}, got {len(forecasts)}"
        )
    checked = {}
    for name, y_hat in forecasts.items():
        checked[name] = check_values(f"forecasts[{name!r}]", y_hat, (1,))
        if len(y_hat) > len(values) - forecast_start:
            raise ValueError(
                f"forecasts[{name!r}]: expected at most "
                f"{len(values) - forecast_start} values, got {len(y_hat)}"
            )
    ax = plot_series(values[forecast_start:], start=forecast_start, ax=ax)
    for color, (name, y_hat) in zip(colors, checked.items(), strict=False):
        t = forecast_start + np.arange(len(y_hat))
        ax.plot(t, y_hat, color=color, label=name)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return ax


def plot_losses(history, floor: float, ax: Axes | None = None):
    """Draw the losses of a run, in multiples of the noise floor.

    Parameters
    ----------
    history : History
        What ``fit`` returned.
    floor : float
        The noise floor in scaled units.
    ax : matplotlib.axes.Axes
        Where to draw; a new figure if not given.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, logarithmic, to add to.

    Raises
    ------
    ValueError
        If ``floor`` is not above 0.

    Examples
    --------
    >>> from gru_tutorial import History
    >>> ax = plot_losses(History([2.0, 1.5], [2.5, 2.2]), floor=1.0)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['training', 'validation', 'noise floor']
    >>> plt.close()
    """
    floor = check_float("floor", floor, 0, exclusive=True)
    if ax is None:
        _, ax = plt.subplots()
    epochs = np.arange(1, len(history.train_loss) + 1)
    train = np.array(history.train_loss) / floor
    ax.semilogy(epochs, train, color=COLORS["data"], label="training")
    if history.valid_loss:
        valid = np.array(history.valid_loss) / floor
        ax.semilogy(
            epochs, valid, color=COLORS["forecast"], label="validation"
        )
        best = history.best_epoch
        ax.plot(best, valid[best - 1], "o", color=COLORS["forecast"])
    ax.axhline(1, color=COLORS["limit"], ls="--", label="noise floor")
    ax.set(yticks=[1, 2, 5, 10], yticklabels=[1, 2, 5, 10], ylim=(0.5, 14))
    ax.set(xlabel="epoch", ylabel="loss / floor")
    ax.minorticks_off()
    ax.legend()
    return ax
