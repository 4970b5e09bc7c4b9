"""From a series to batches: windows, chunks, split, scaling, loaders."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

from gru_tutorial.checks import (
    MAX_BATCH,
    check_bool,
    check_int,
    check_length,
    check_seed,
    check_values,
    is_constant,
    memory_under,
)


class Split(NamedTuple):
    """The parts of a series in time order."""

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray


def make_windows(
    values, window: int, horizon: int = 1, target: int | tuple = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a series into windows and the values that follow each of them.

    Window ``i`` holds ``values[i : i + window]``; its label is the target
    feature of ``values[i + window : i + window + horizon]``.

    Parameters
    ----------
    values : array_like of shape (time,) or (time, features)
        The series, in time order.
    window : int
        Time steps per window.
    horizon : int
        Time steps per label.
    target : int or tuple of int
        The feature to predict, or those, where there are several.

    Returns
    -------
    X : numpy.ndarray of shape (n, window, features)
        The windows, ``n = time - window - horizon + 1``.
    y : numpy.ndarray of shape (n, horizon * targets)
        The labels, step by step: first all targets of the first step.

    Raises
    ------
    ValueError
        If the series is too short, not finite, not numeric or of another rank.

    Notes
    -----
    Both are views of ``values``, if that is an array of floats: windows
    overlap in memory, so do not write into them.

    Examples
    --------
    >>> X, y = make_windows([0, 1, 2, 3, 4, 5], window=3)
    >>> X.squeeze(-1)
    array([[0., 1., 2.],
           [1., 2., 3.],
           [2., 3., 4.]])
    >>> y.squeeze(-1)
    array([3., 4., 5.])
    """
    features = _as_columns(values)
    window = check_int("window", window, 1)
    horizon = check_int("horizon", horizon, 1)
    check_length("values", features, window + horizon, "window + horizon")
    n = len(features) - window - horizon + 1
    view = np.lib.stride_tricks.sliding_window_view
    X = view(features[: n + window - 1], window, axis=0, writeable=True)
    y = view(features[window:], horizon, axis=0, writeable=True)
    return X.swapaxes(1, 2), _of_target(y, target)


def _as_columns(values) -> np.ndarray:
    values = check_values("values", values)
    return values.reshape(len(values), -1 if values.size else 1)


def check_target(target: int | tuple, features: int) -> tuple[int, ...]:
    """Return which features are predicted, as a tuple.

    Parameters
    ----------
    target : int or tuple of int
        One feature, or several different ones.
    features : int
        How many there are.

    Raises
    ------
    ValueError
        If one of them does not exist, or comes twice.

    Examples
    --------
    >>> check_target(0, features=3)
    (0,)
    """
    check_int("features", features, 1)
    several = isinstance(target, (tuple, list)) and len(target) > 0
    wanted = tuple(
        check_int("target", one, 0, features - 1)
        for one in (target if several else [target])
    )
    if len(set(wanted)) < len(wanted):
        raise ValueError(f"target: expected each feature once, got {target!r}")
    return wanted


def _of_target(y: np.ndarray, target) -> np.ndarray:
    """Return (n, horizon * targets) of (n, features, horizon)."""
    wanted = check_target(target, y.shape[1])
    if len(wanted) == 1:
        return y[:, wanted[0]]  # a view
    return y[:, list(wanted)].swapaxes(1, 2).reshape(len(y), -1)


def make_chunks(
    values, window: int, horizon: int = 1, target: int | tuple = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a series into chunks, with a label for every step of each of them.

    Chunk ``i`` holds ``values[i : i + window]``; the label of its step ``t``
    is what follows that step: the target feature of
    ``values[i + t + 1 : i + t + 1 + horizon]``.

    Parameters
    ----------
    values : array_like of shape (time,) or (time, features)
        The series, in time order.
    window : int
        Time steps per chunk.
    horizon : int
        Time steps per label.
    target : int or tuple of int
        The feature to predict, or those, where there are several.

    Returns
    -------
    X : numpy.ndarray of shape (n, window, features)
        The chunks, ``n = time - window - horizon + 1``.
    y : numpy.ndarray of shape (n, window, horizon * targets)
        The labels, step by step.

    Raises
    ------
    ValueError
        If the series is too short, not finite, not numeric or of another rank.

    Notes
    -----
    Both are views, as in ``make_windows``.

    Examples
    --------
    >>> X, y = make_chunks([0, 1, 2, 3, 4, 5], window=4)
    >>> X.squeeze(-1)
    array([[0., 1., 2., 3.],
           [1., 2., 3., 4.]])
    >>> y.squeeze(-1)
    array([[1., 2., 3., 4.],
           [2., 3., 4., 5.]])
    """
    X, _ = make_windows(values, window, horizon, target)
    _, y = make_windows(values, 1, horizon, target)  # one label for each step
    view = np.lib.stride_tricks.sliding_window_view
    return X, view(y, window, axis=0, writeable=True).swapaxes(1, 2)


def split(
    values, forecast_start: int, valid: int = 0, context: int = 0
) -> Split:
    """Cut a series in time order into training, validation and test parts.

    Parameters
    ----------
    values : array_like of shape (time,) or (time, features)
        The series, in time order.
    forecast_start : int
        The first time step of the test part.
    valid : int
        Time steps of validation, the last ones before ``forecast_start``.
    context : int
        Time steps before the validation and the test part that are repeated
        at their start. With ``context=window`` the first window of a part
        predicts that part's first value.

    Returns
    -------
    Split
        ``train``, ``valid`` and ``test``, views of ``values`` if that is an
        array of floats. ``valid`` is empty if it was not asked for.

    Raises
    ------
    ValueError
        If the training or the test part would be empty, or if there are fewer
        than ``context`` values before the validation part.

    Examples
    --------
    >>> parts = split([0, 1, 2, 3, 4, 5], forecast_start=4, context=1)
    >>> parts.train
    array([0., 1., 2., 3.])
    >>> parts.test
    array([3., 4., 5.])
    """
    values = check_values("values", values)
    check_length("values", values, 2, "2")
    last = len(values) - 1
    forecast_start = check_int("forecast_start", forecast_start, 1, last)
    valid = check_int("valid", valid, 0, forecast_start - 1)
    valid_start = forecast_start - valid
    context = check_int("context", context, 0, valid_start)
    return Split(
        train=values[:valid_start],
        valid=values[valid_start - context : forecast_start]
        if valid
        else values[:0],
        test=values[forecast_start - context :],
    )


class Scaler:
    """Standardise a series with the mean and spread of its training part.

    Parameters
    ----------
    mean, std : float or array_like of shape (features,)
        In the series' own units, if they are known; else ``fit`` finds them.

    Attributes
    ----------
    mean, std : numpy.ndarray of shape () or (features,)
        float64, in the series' own units; None before ``fit``.
    columns : tuple
        The columns' labels, if ``fit`` saw a table that has some. Tables with
        other columns, or in another order, are refused.

    Raises
    ------
    ValueError
        If one of the two is missing or not finite, ``std`` is not above 0, or
        their shapes differ.

    Examples
    --------
    >>> scaler = Scaler().fit([1.0, 3.0])
    >>> scaler.transform([1.0, 3.0, 5.0])
    array([-1.,  1.,  3.])
    >>> scaler.inverse_transform([-1.0, 1.0, 3.0])
    array([1., 3., 5.])
    >>> Scaler(mean=2.0, std=1.0).transform([5.0])
    array([3.])
    """

    def __init__(self, mean=None, std=None):
        self.mean = self.std = self.columns = None
        if mean is not None or std is not None:
            self.mean = check_values("mean", mean, (0, 1), np.float64)
            self.std = check_values("std", std, (0, 1), np.float64)
            if self.mean.shape != self.std.shape or np.any(self.std <= 0):
                raise ValueError(
                    f"mean, std: expected numbers for the same features, and "
                    f"std above 0, got {mean!r} and {std!r}"
                )

    def __repr__(self):
        """Show mean and std."""
        known = "" if self.mean is None else f"{self.mean}, {self.std}"
        return f"Scaler({known})"

    def fit(self, train) -> Scaler:
        """Measure mean and standard deviation of the training part.

        Parameters
        ----------
        train : array_like of shape (time,) or (time, features)
            The training part alone: anything later would leak.

        Returns
        -------
        Scaler
            Itself.

        Raises
        ------
        ValueError
            If ``train`` is empty, not finite, or constant in a feature but
            for rounding.
        """
        columns = labels_of(train)
        train = check_values("train", train, dtype=np.float64)
        check_length("train", train, 1, "1")
        constant = np.flatnonzero(is_constant(train))
        if constant.size:
            raise ValueError(
                f"train: expected a spread above 0, got a constant feature "
                f"(column {constant[0]})"
            )
        with np.errstate(over="ignore"):
            mean, std = train.mean(axis=0), train.std(axis=0)
        if not (np.isfinite(std).all() and np.all(std > 0)):
            raise ValueError(
                f"train: expected a spread within float64's range, got {std}"
            )
        self.mean, self.std = np.asarray(mean), np.asarray(std)
        self.columns = columns
        return self

    def transform(self, values) -> np.ndarray:
        """Return ``(values - mean) / std``.

        Parameters
        ----------
        values : array_like of shape (time,) or (time, features)
            In the series' own units, with the features seen by ``fit``.

        Returns
        -------
        numpy.ndarray
            The scaled values, float64, of the same shape.

        Raises
        ------
        ValueError
            If ``fit`` was not called, or the features differ.
        """
        self._check_fitted()
        columns = labels_of(values)
        if None not in (columns, self.columns) and columns != self.columns:
            raise ValueError(
                f"values: expected the columns {list(self.columns)}, got "
                f"{list(columns)}"
            )
        ndim = (self.mean.ndim + 1,)
        values = check_values("values", values, ndim, np.float64)
        if self.mean.ndim and values.shape[1] != self.mean.size:
            raise ValueError(
                f"values: expected {self.mean.size} features, got "
                f"{values.shape[1]}"
            )
        with np.errstate(over="ignore"):
            return _finite("values", (values - self.mean) / self.std)

    def inverse_transform(
        self, values_scaled, feature: int | None = None
    ) -> np.ndarray:
        """Return scaled values of one feature in the series' own units.

        Parameters
        ----------
        values_scaled : array_like of up to three dimensions
            Forecasts, for example of shape (n, horizon).
        feature : int
            Which feature they belong to; needed where ``fit`` saw several.

        Returns
        -------
        numpy.ndarray
            ``values_scaled * std + mean``, float64, of the same shape.

        Raises
        ------
        ValueError
            If ``fit`` was not called, or it is not clear which feature.
        """
        self._check_fitted()
        if feature is None and self.mean.size > 1:
            raise ValueError(
                f"feature: expected a number from 0 to {self.mean.size - 1}, "
                f"as the scaler knows {self.mean.size} features, got None"
            )
        feature = 0 if feature is None else feature
        feature = check_int("feature", feature, 0, self.mean.size - 1)
        values = check_values(
            "values_scaled", values_scaled, (0, 1, 2, 3), np.float64
        )
        mean, std = self.mean.flat[feature], self.std.flat[feature]
        with np.errstate(over="ignore"):
            return _finite("values_scaled", values * std + mean)

    def _check_fitted(self) -> None:
        if self.mean is None:
            raise ValueError(
                "scaler: expected a fitted Scaler, call fit(train) first"
            )


def labels_of(values) -> tuple | None:
    """Return the labels of a table's columns, or None if it has none.

    Parameters
    ----------
    values : object
        Such as a pandas.DataFrame.

    Examples
    --------
    >>> labels_of([1.0, 2.0]) is None
    True
    """
    columns = getattr(values, "columns", None)
    return tuple(columns) if isinstance(columns, Iterable) else None


def _finite(name: str, result: np.ndarray) -> np.ndarray:
    if not np.isfinite(result).all():
        raise ValueError(
            f"{name}: expected numbers that stay within float64's range, got "
            f"some that do not"
        )
    return result


def to_tensor(name: str, values, ndim: int | tuple) -> torch.Tensor:
    """Return numbers as a float32 tensor, sharing memory where that is safe.

    Parameters
    ----------
    name : str
        The argument's name, for messages.
    values : array_like
        Finite numbers.
    ndim : int or tuple of int
        The rank expected, or those allowed.

    Returns
    -------
    Tensor
        On the CPU. Writeable float32 arrays are not copied.

    Raises
    ------
    ValueError
        If ``values`` has another rank, or a value is beyond float32.

    Examples
    --------
    >>> to_tensor("y", [[1, 2]], ndim=2)
    tensor([[1., 2.]])
    """
    allowed = ndim if isinstance(ndim, tuple) else (ndim,)
    values = check_values(name, values, ndim=allowed)
    array = _in_float32(name, values)
    if array is not values:
        _check_spread(name, values)
    if not array.flags.writeable or min(array.strides, default=0) < 0:
        array = array.copy()  # torch warns of the one, refuses the other
    return torch.from_numpy(array)


def _in_float32(name: str, values: np.ndarray) -> np.ndarray:
    """Convert; windows by way of the series that lies beneath them."""
    if values.dtype == np.float32:
        return values
    memory = memory_under(values)
    if memory is not None:
        whole = _in_float32(name, memory)
        strides = [step // values.itemsize * 4 for step in values.strides]
        return np.lib.stride_tricks.as_strided(whole, values.shape, strides)
    with np.errstate(over="ignore"):
        array = values.astype(np.float32)
    if not np.isfinite(array).all():
        raise ValueError(
            f"{name}: expected numbers within float32's range, got "
            f"{np.abs(values).max():.3g}"
        )
    return array


def _check_spread(name: str, values: np.ndarray) -> None:
    """Refuse values that differ by less than float32 can tell apart."""
    if values.size == 0:
        return
    if values.ndim > 1 and memory_under(values) is not None:
        values = values[:, 0]  # one value of each window: the series
    rows = values.reshape(-1, values.shape[-1] if values.ndim > 1 else 1)
    step = np.spacing(np.abs(rows).max(axis=0).astype(np.float32))
    spread = rows.std(axis=0, dtype=np.float64)
    for gap, size, same in zip(step, spread, is_constant(rows), strict=True):
        if gap > size / 4 and not same:
            raise ValueError(
                f"{name}: expected numbers that differ by more than float32 "
                f"can tell apart, got a spread of {size:.3g} at a level where "
                f"its steps are {gap:.3g}; scale them first"
            )


def make_loader(
    X, y, batch_size: int = 32, shuffle: bool = False, seed: int = 0
) -> DataLoader:
    """Wrap windows and labels as float32 tensors in a loader of batches.

    Parameters
    ----------
    X : array_like of shape (n, window, features)
        Windows, scaled.
    y : array_like of shape (n, horizon) or (n, window, horizon)
        Labels, scaled; of windows, or of chunks with a label for every step.
    batch_size : int
        Windows per batch; the last batch may hold fewer.
    shuffle : bool
        Whether each epoch draws the windows in a new order.
    seed : int
        Seed of the generator that shuffles.

    Returns
    -------
    torch.utils.data.DataLoader
        Yields ``X_batch`` (batch, window, features) and ``y_batch``
        (batch, horizon), or (batch, window, horizon). float32 arrays are not
        copied. Each pass over a shuffling loader draws from its generator, so
        passes differ.

    Raises
    ------
    ValueError
        If a rank is wrong or ``X`` and ``y`` differ in length.

    Examples
    --------
    >>> X, y = make_windows(np.arange(850.0) / 850, window=24)
    >>> X_batch, y_batch = next(iter(make_loader(X, y, batch_size=32)))
    >>> X_batch.shape, y_batch.shape
    (torch.Size([32, 24, 1]), torch.Size([32, 1]))
    """
    X, y = to_tensor("X", X, ndim=3), to_tensor("y", y, ndim=(2, 3))
    batch_size = check_int("batch_size", batch_size, 1, MAX_BATCH)
    shuffle = check_bool("shuffle", shuffle)
    seed = check_seed("seed", seed)
    if len(X) != len(y) or len(X) == 0:
        raise ValueError(
            f"X, y: expected one label for each window, got {len(X)} windows "
            f"and {len(y)} labels"
        )
    if y.ndim == 3 and y.shape[1] != X.shape[1]:
        raise ValueError(
            f"y: expected a label for each of the {X.shape[1]} steps of a "
            f"chunk, got {y.shape[1]}"
        )
    generator = torch.Generator().manual_seed(seed)
    return DataLoader(
        TensorDataset(X, y), batch_size, shuffle=shuffle, generator=generator
    )
