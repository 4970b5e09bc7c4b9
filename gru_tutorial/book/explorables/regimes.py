"""``<regime-watcher>`` for a series with a hidden switch, and states."""

from __future__ import annotations

import numpy as np

from gru_tutorial.book.explorables.element import Explorable


def regime_watcher(
    name: str, series, regime, probability, states, best: int = 4
) -> Explorable:
    """Let the reader watch an optimal filter and a hidden unit, step by step.

    Parameters
    ----------
    name : str
        The element's id.
    series, regime, probability : array_like of shape (time,)
        Values; the hidden regime, 0 or 1; and the filter's probability of 1.
    states : array_like of shape (time, hidden)
        A trained GRU's states.
    best : int
        How many units to show: those that go most closely with the filter.

    Returns
    -------
    Explorable
        The element; its picture shows the filter and the best unit.

    Raises
    ------
    ValueError
        If the four do not have the same number of steps.
    """
    series, regime, probability, states = (
        np.asarray(each, dtype=float)
        for each in (series, regime, probability, states)
    )
    lengths = [len(x) for x in (series, regime, probability, states)]
    if len(set(lengths)) > 1:
        raise ValueError(f"states: expected as many steps, got {lengths}")
    follows = np.corrcoef(states.T, probability)[-1, :-1]
    chosen = np.argsort(-np.abs(follows))[:best]
    turned = states[:, chosen[0]] * np.sign(follows[chosen[0]])
    return Explorable(
        "regime-watcher",
        name,
        _picture(probability, turned),
        "What the exact probability and the best unit of the GRU believe, in "
        f"each of {len(series)} steps: they jump together.",
        series=series,
        regime=regime,
        probability=probability,
        states=states[:, chosen].ravel(),
        units=len(chosen),
    )


def _picture(probability, unit):
    """Draw the filter and a unit, both from 0 to 1."""
    import matplotlib.pyplot as plt

    from gru_tutorial.book.plotting import COLORS

    figure, ax = plt.subplots(figsize=(5.8, 3.0))
    ax.plot(probability, color=COLORS["limit"], label="exact probability")
    scaled = (unit - unit.min()) / np.ptp(unit)
    ax.plot(scaled, "--", color=COLORS["forecast"], label="best unit")
    ax.set(xlabel="step", ylabel="from 0 to 1")
    figure.legend(loc="outside lower center", ncols=2)
    return figure
