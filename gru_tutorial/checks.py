"""Checks of arguments: a complaint says what came and what was expected."""

from __future__ import annotations

import math
import numbers

import numpy as np


def check_int(
    name: str, value: int, minimum: int, maximum: int | None = None
) -> int:
    """Return ``value`` as an int, or say which whole number was expected.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : int
        What the caller passed.
    minimum, maximum : int
        The smallest and the largest value allowed.

    Raises
    ------
    ValueError
        If ``value`` is not a whole number from ``minimum`` to ``maximum``.

    Examples
    --------
    >>> check_int("window", 0, 1)
    Traceback (most recent call last):
    ValueError: window: expected a whole number of at least 1, got 0
    """
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if whole and minimum <= value and (maximum is None or value <= maximum):
        return int(value)
    bound = (
        f"of at least {minimum}"
        if maximum is None
        else f"from {minimum} to {maximum}"
    )
    raise ValueError(f"{name}: expected a whole number {bound}, got {value!r}")


def check_float(
    name: str, value: float, minimum: float, exclusive: bool = False
) -> float:
    """Return ``value`` as a float, or say which number was expected.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : float
        What the caller passed.
    minimum : float
        The smallest value allowed.
    exclusive : bool
        Whether the value must be above ``minimum``, not just at it.

    Raises
    ------
    ValueError
        If ``value`` is not a finite number of this range.

    Examples
    --------
    >>> check_float("lr", 0, 0, exclusive=True)
    Traceback (most recent call last):
    ValueError: lr: expected a finite number above 0, got 0
    """
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    try:
        number = float(value) if real else math.nan
    except OverflowError:
        number = math.inf
    within = number > minimum if exclusive else number >= minimum
    if math.isfinite(number) and within:
        return number
    bound = f"{'above' if exclusive else 'of at least'} {minimum}"
    raise ValueError(
        f"{name}: expected a finite number {bound}, got {value!r}"
    )


def check_bool(name: str, value: bool) -> bool:
    """Return ``value`` as a bool, or say that True or False was expected.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : bool
        What the caller passed.

    Raises
    ------
    ValueError
        If ``value`` is anything else, such as 1 or "yes".

    Examples
    --------
    >>> check_bool("shuffle", "False")
    Traceback (most recent call last):
    ValueError: shuffle: expected True or False, got 'False'
    """
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name}: expected True or False, got {value!r}")
    return bool(value)


def check_length(name: str, values, needed: int, why: str) -> None:
    """Say how many time steps were needed, if ``values`` has fewer.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    values : sized
        What the caller passed.
    needed : int
        The smallest number of time steps.
    why : str
        Where this number comes from, such as "window + 1".

    Raises
    ------
    ValueError
        If ``values`` has fewer.

    Examples
    --------
    >>> check_length("values", [1.0], 25, "window + 1")
    Traceback (most recent call last):
    ValueError: values: expected at least window + 1 = 25 time steps, got 1
    """
    if len(values) < needed:
        reason = why if why == str(needed) else f"{why} = {needed}"
        raise ValueError(
            f"{name}: expected at least {reason} time steps, got {len(values)}"
        )


def check_values(
    name: str, values, ndim: tuple[int, ...] = (1, 2)
) -> np.ndarray:
    """Return ``values`` as an array of finite floats, without copying floats.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    values : array_like
        Numbers of any real type. Whole numbers become float64.
    ndim : tuple of int
        The ranks allowed.

    Returns
    -------
    numpy.ndarray
        float32 stays float32 and float64 stays float64.

    Raises
    ------
    ValueError
        If the rank is another one, or if a value is text, missing or infinite.

    Examples
    --------
    >>> check_values("x", [1, 2, float("nan")])
    Traceback (most recent call last):
    ValueError: x: expected finite numbers, got nan at index 2 (1 of 3 values)
    """
    if np.ma.is_masked(values):
        raise ValueError(
            f"{name}: expected no missing values, got "
            f"{np.ma.count_masked(values)} masked"
        )
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"{name}: expected an array of numbers, got {error}"
        ) from None
    if array.dtype.kind not in "biuf":
        raise ValueError(
            f"{name}: expected numbers, got {array.dtype} (text, or gaps?)"
        )
    if array.ndim not in ndim:
        ranks = " or ".join(f"{n}-D" for n in ndim)
        raise ValueError(
            f"{name}: expected a {ranks} array, got shape {array.shape}"
        )
    if array.ndim > 1 and array.shape[-1] == 0:
        raise ValueError(f"{name}: expected features, got shape {array.shape}")
    if array.dtype.kind != "f":
        array = array.astype(np.float64)
    finite = np.isfinite(array)
    if not finite.all():
        where = np.argwhere(~finite)[0]
        at = int(where[0]) if array.ndim == 1 else tuple(map(int, where))
        raise ValueError(
            f"{name}: expected finite numbers, got {array[tuple(where)]} at "
            f"index {at} ({np.count_nonzero(~finite)} of {array.size} values)"
        )
    return array
