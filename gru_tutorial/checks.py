"""Checks of arguments: a complaint says what came and what was expected."""

from __future__ import annotations

import math
import numbers

import numpy as np

MAX_SEED = 2**63 - 1  # what both NumPy and PyTorch take
MAX_HORIZON = 10**6  # steps of a forecast: one by one they take minutes
MAX_BATCH = 2**31 - 1  # series or windows at once


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


def check_seed(name: str, value: int) -> int:
    """Return ``value`` as an int, if both generators take it as a seed.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : int
        What the caller passed.

    Raises
    ------
    ValueError
        If ``value`` is not a whole number from 0 to 2**63 - 1.

    Examples
    --------
    >>> check_seed("seed", 0)
    0
    """
    return check_int(name, value, 0, MAX_SEED)


def check_float(
    name: str,
    value: float,
    minimum: float,
    exclusive: bool = False,
    below: float | None = None,
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
    below : float
        What the value must stay below, if anything.

    Raises
    ------
    ValueError
        If ``value`` is not a finite number of this range.

    Examples
    --------
    >>> check_float("lr", 0, 0, exclusive=True)
    Traceback (most recent call last):
    ValueError: lr: expected a finite number above 0, got 0
    >>> check_float("level", 1.5, 0, exclusive=True, below=1)
    Traceback (most recent call last):
    ValueError: level: expected a finite number above 0 and below 1, got 1.5
    """
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    try:
        number = float(value) if real else math.nan
    except OverflowError:
        number = math.inf
    within = number > minimum if exclusive else number >= minimum
    if math.isfinite(number) and within and (below is None or number < below):
        return number
    bound = f"{'above' if exclusive else 'of at least'} {minimum}"
    if below is not None:
        bound += f" and below {below}"
    raise ValueError(
        f"{name}: expected a finite number {bound}, got {value!r}"
    )


def check_levels(name: str, values) -> tuple[float, ...]:
    """Return levels of quantiles as floats, if they rise from 0 to 1.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    values : array_like of shape (levels,)
        What the caller passed.

    Raises
    ------
    ValueError
        If there is none, or one is not above the one before, or not between
        0 and 1.

    Examples
    --------
    >>> check_levels("levels", [0.05, 0.5, 0.95])
    (0.05, 0.5, 0.95)
    >>> check_levels("levels", [0.5, 0.05])
    Traceback (most recent call last):
    ValueError: levels: expected numbers that rise between 0 and 1, got \
(0.5, 0.05)
    """
    levels = check_values(name, values, (1,), np.float64)
    bounded = np.concatenate([[0.0], levels, [1.0]])
    if levels.size == 0 or not (np.diff(bounded) > 0).all():
        got = tuple(levels.tolist())
        raise ValueError(
            f"{name}: expected numbers that rise between 0 and 1, got {got}"
        )
    return tuple(levels.tolist())


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
    try:
        length = len(values)
    except Exception:  # what has no length raises what it pleases
        raise ValueError(
            f"{name}: expected time steps, got {type(values).__name__}"
        ) from None
    if length < needed:
        reason = why if why == str(needed) else f"{why} = {needed}"
        raise ValueError(
            f"{name}: expected at least {reason} time steps, got {length}"
        )


def check_callable(name: str, value, what: str):
    """Return ``value``, or say which function was expected.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : callable
        What the caller passed.
    what : str
        What it is called with, and what it returns.

    Raises
    ------
    ValueError
        If ``value`` cannot be called.

    Examples
    --------
    >>> check_callable("draw", 3, "draw(n, rng) that returns X and y")
    Traceback (most recent call last):
    ValueError: draw: expected draw(n, rng) that returns X and y, got 3
    """
    if not callable(value):
        raise ValueError(f"{name}: expected {what}, got {value!r}")
    return value


def check_generator(name: str, value) -> np.random.Generator:
    """Return ``value``, if it is a generator of NumPy.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : numpy.random.Generator
        What the caller passed.

    Raises
    ------
    ValueError
        If ``value`` is anything else, such as a seed.

    Examples
    --------
    >>> check_generator("rng", 0)
    Traceback (most recent call last):
    ValueError: rng: expected a numpy.random.Generator, as \
default_rng(0) makes, got 0
    """
    if not isinstance(value, np.random.Generator):
        raise ValueError(
            f"{name}: expected a numpy.random.Generator, as default_rng(0) "
            f"makes, got {value!r}"
        )
    return value


def check_values(
    name: str, values, ndim: tuple[int, ...] = (1, 2), dtype=None
) -> np.ndarray:
    """Return ``values`` as an array of finite floats, without copying floats.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    values : array_like
        Numbers of any real type. Whole numbers become float64; so do
        columns of objects, if each of them is a number.
    ndim : tuple of int
        The ranks allowed.
    dtype : dtype
        To compute in; ``numpy.float64`` where small differences at a high
        level count. If not given, floats keep their own.

    Returns
    -------
    numpy.ndarray
        Without ``dtype``, float32 stays float32 and float64 stays float64.

    Raises
    ------
    ValueError
        If the rank is another one, or if a value is text, missing or infinite.

    Examples
    --------
    >>> check_values("x", [1, 2, float("nan")])
    Traceback (most recent call last):
    ValueError: x: expected finite numbers, got nan at index 2 (1 of 3 values)
    >>> check_values("x", [1, None, 3])
    Traceback (most recent call last):
    ValueError: x: expected numbers, got None at index 1
    """
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise ValueError(
            f"{name}: expected no missing values, got "
            f"{np.ma.count_masked(values)} masked"
        )
    array = _as_floats(name, values)
    if array.ndim not in ndim:
        ranks = " or ".join(f"{n}-D" for n in ndim)
        raise ValueError(
            f"{name}: expected a {ranks} array, got shape {array.shape}"
        )
    if array.ndim > 1 and array.shape[-1] == 0:
        raise ValueError(f"{name}: expected features, got shape {array.shape}")
    _check_finite(name, array)
    return array if dtype is None else array.astype(dtype, copy=False)


def _as_floats(name: str, values) -> np.ndarray:
    try:
        array = np.asarray(values)
    except Exception as error:  # array-likes raise what they please
        raise ValueError(
            f"{name}: expected an array of numbers, got {error}"
        ) from None
    if array.dtype.kind in "OUS":
        array = _numbers_in(name, values)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name}: expected numbers, got {array.dtype}")
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def _numbers_in(name: str, values) -> np.ndarray:
    """Convert objects one by one, or name the first that is no number."""
    objects = np.asarray(values, dtype=object)
    floats, text = np.empty(objects.shape), None
    for index, value in np.ndenumerate(objects):
        at = index[0] if len(index) == 1 else index
        try:
            floats[index] = float(value)
        except (TypeError, ValueError, OverflowError):
            raise ValueError(
                f"{name}: expected numbers, got {value!r} at index {at}"
            ) from None
        if text is None and isinstance(value, (str, bytes)):
            text = f"the text {value!r} at index {at}"
    if text is not None:
        raise ValueError(f"{name}: expected numbers, got {text}")
    return floats


def memory_under(array: np.ndarray) -> np.ndarray | None:
    """Return the flat memory of a view whose elements overlap, as windows do.

    Parameters
    ----------
    array : numpy.ndarray
        Any array.

    Returns
    -------
    numpy.ndarray of shape (n,)
        All that lies between its first and its last byte, fewer numbers than
        ``array`` has; None where nothing is gained.

    Examples
    --------
    >>> view = np.lib.stride_tricks.sliding_window_view(np.zeros(100), 50)
    >>> view.size, memory_under(view).size
    (2550, 100)
    """
    _check_array("array", array)
    size = array.itemsize
    if array.size == 0 or any(s < 0 or s % size for s in array.strides):
        return None
    steps = sum(
        (n - 1) * s // size
        for n, s in zip(array.shape, array.strides, strict=True)
    )
    if steps + 1 >= array.size:
        return None
    return np.lib.stride_tricks.as_strided(
        array, (steps + 1,), (size,), writeable=False
    )


def _check_array(name: str, value) -> None:
    if not isinstance(value, np.ndarray):
        raise ValueError(
            f"{name}: expected a NumPy array, got {type(value).__name__}"
        )


def _check_finite(name: str, array: np.ndarray) -> None:
    memory = memory_under(array)
    if memory is not None and np.isfinite(memory).all():
        return  # windows of a series: looked at once, not once for each
    bad, first = 0, None
    rows = array if array.ndim else array[None]
    for k, row in enumerate(rows if memory is not None else [rows]):
        finite = np.isfinite(row)
        if not finite.all():
            bad += np.count_nonzero(~finite)
            if first is None:
                at = tuple(map(int, np.argwhere(~finite)[0]))
                first = (k, *at) if memory is not None else at
    if first is not None:
        at = first[0] if len(first) == 1 else first
        raise ValueError(
            f"{name}: expected finite numbers, got {rows[first]} at "
            f"index {at} ({bad} of {array.size} values)"
        )


def is_constant(values: np.ndarray) -> np.ndarray:
    """Tell for each column whether it is constant, but for rounding.

    Parameters
    ----------
    values : numpy.ndarray of shape (time,) or (time, features)
        Finite floats.

    Returns
    -------
    numpy.ndarray of bool, of shape () or (features,)
        True where the values differ by a few roundings of their size.

    Examples
    --------
    >>> is_constant(np.array([[0.0, 0.1 + 0.2], [1.0, 0.3]]))
    array([False,  True])
    """
    _check_array("values", values)
    if values.dtype.kind != "f" or values.ndim == 0:
        raise ValueError(
            f"values: expected a series of floats, got {values.dtype} of "
            f"shape {values.shape}"
        )
    if len(values) == 0:
        return np.ones(values.shape[1:], dtype=bool)
    rounding = 8 * np.finfo(values.dtype).eps
    level = np.abs(values).max(axis=0)
    with np.errstate(over="ignore"):
        return np.ptp(values, axis=0) <= rounding * level


def check_bounds(name: str, values, ndim: tuple[int, ...] = (1, 2)):
    """Return ``values`` as float64: infinite ones pass, missing ones do not.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    values : array_like
        Numbers of any real type.
    ndim : tuple of int
        The ranks allowed.

    Returns
    -------
    numpy.ndarray
        Of dtype float64.

    Raises
    ------
    ValueError
        If the rank is another one, or if a value is text or missing.

    Examples
    --------
    >>> check_bounds("upper", [1, float("inf")])
    array([ 1., inf])
    """
    if np.ma.is_masked(values):
        return check_values(name, values, ndim)  # says how many are masked
    array = _as_floats(name, values).astype(np.float64, copy=False)
    check_values(name, np.where(np.isinf(array), 0.0, array), ndim)
    return array
