"""``<open-gate>``: what a gate's bias leaves of a number, step by step.

With a candidate of 0 a GRU keeps the share ``z = sigmoid(bias)`` of its state
at each step. Chapter 1 derives and measures it.
"""

from __future__ import annotations

import numpy as np

from gru_tutorial.checks import check_float, check_int


def left(bias: float, steps: int) -> np.ndarray:
    """Return the share that is left after 0, 1, ... ``steps`` steps.

    Parameters
    ----------
    bias : float
        Of the update gate.
    steps : int
        How far to count.

    Returns
    -------
    numpy.ndarray of shape (steps + 1,)
        ``sigmoid(bias) ** k``.

    Raises
    ------
    ValueError
        If ``bias`` is not from -500 to 500, or ``steps`` below 0.

    Examples
    --------
    >>> left(0.0, 3)
    array([1.   , 0.5  , 0.25 , 0.125])
    """
    bias = check_float("bias", bias, -500, below=500)
    steps = check_int("steps", steps, 0)
    z = 1 / (1 + np.exp(-bias))
    return z ** np.arange(steps + 1)


def half_life(bias: float) -> float:
    """Return the steps after which half is left.

    Parameters
    ----------
    bias : float
        Of the update gate.

    Raises
    ------
    ValueError
        If ``bias`` is not from -500 to 500.

    Examples
    --------
    >>> half_life(0.0)
    1.0
    """
    bias = check_float("bias", bias, -500, below=500)
    return float(np.log(2) / np.logaddexp(0, -bias))
