"""A series in its own units as a model's input, and forecasts back again."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from gru_tutorial.checks import (
    check_bool,
    check_int,
    check_length,
    check_values,
)
from gru_tutorial.tensors import check_same, check_tensor
from gru_tutorial.windows import Scaler, check_target, labels_of, to_tensor


class Frame:
    """Which shapes a forecaster takes and gives, and how it scales them.

    Parameters
    ----------
    features : int
        Columns of the series.
    target : tuple of int
        Those that are predicted.
    scaler : Scaler
        If it is known already.

    Raises
    ------
    ValueError
        If the scaler is not fitted, or it or the target has other features.

    Examples
    --------
    >>> frame = Frame(1, (0,), Scaler(10.0, 2.0))
    >>> X, mean, std, single = frame.read([12.0, 14.0], 1, "history")
    >>> X.flatten(), single
    (tensor([1., 2.]), True)
    """

    def __init__(self, features: int, target: tuple, scaler: Scaler | None):
        self.features = check_int("features", features, 1)
        self.target, self.scaler = check_target(target, features), scaler
        if scaler is None:
            return
        if not isinstance(scaler, Scaler) or scaler.mean is None:
            raise ValueError(
                f"scaler: expected a fitted Scaler, got {scaler!r}"
            )
        if features > 1 and scaler.mean.shape != (features,):
            raise ValueError(
                f"scaler: expected one of {features} features, got "
                f"{scaler.mean.size}"
            )

    @property
    def is_table(self) -> bool:
        """Whether one series has two axes, (time, features)."""
        column = self.scaler is not None and self.scaler.mean.shape == (1,)
        return self.features > 1 or column

    def _check_rank(self, name: str, array: np.ndarray) -> bool:
        """Tell whether it is one series; complain if it is none at all."""
        ndim = 2 if self.is_table else 1
        if array.ndim in (ndim, ndim + 1) and len(array):
            return array.ndim == ndim
        one = f"time, {self.features}" if self.is_table else "time"
        alone = f"({one})" if self.is_table else f"({one},)"
        raise ValueError(
            f"{name}: expected shape {alone} or (series, {one}), got "
            f"{array.shape}"
        )

    def series(self, values) -> tuple[list[np.ndarray], tuple | None]:
        """Return the series that were given as a list, and their labels.

        Parameters
        ----------
        values : array_like, or list of array_like
            Of shape (time,) or (time, features), or with one axis more.
        """
        ndim = 2 if self.is_table else 1
        if _are_arrays(values, ndim):
            labels = {self._check_columns("values", one) for one in values}
            if len(labels) > 1:
                raise ValueError(
                    f"values: expected tables with the same columns, got "
                    f"{sorted(map(str, labels))}"
                )
            series = [
                check_values("values", one, (ndim,), np.float64)
                for one in values
            ]
            return series, labels.pop()
        columns = self._check_columns("values", values)
        array = check_values("values", values, (1, 2, 3), np.float64)
        column = array.ndim == 2 and array.shape[1] == 1
        if column and self.features == 1 and self.scaler is None:
            return [array], columns  # a table of one column
        single = self._check_rank("values", array)
        return ([array] if single else list(array)), columns

    def _check_columns(self, name: str, values) -> tuple | None:
        """Return a table's labels, if they are those that are known."""
        columns = labels_of(values)
        known = None if self.scaler is None else self.scaler.columns
        if None not in (columns, known) and columns != known:
            raise ValueError(
                f"{name}: expected the columns {list(known)}, got "
                f"{list(columns)}"
            )
        return columns

    def fitted(self, series: list[np.ndarray], columns=None) -> Frame:
        """Return a frame with a scale: of each series, if of one column.

        Parameters
        ----------
        series : list of numpy.ndarray
            The training parts.
        columns : tuple
            The columns' labels, if they have some.
        """
        _check_series(series)
        if len(series) == 1 or self.features > 1:
            scaler = _fitted(np.concatenate(series))
            scaler.columns = columns
        else:
            each = [_fitted(one) for one in series]
            scaler = Scaler([s.mean for s in each], [s.std for s in each])
        return Frame(self.features, self.target, scaler)

    def scale(self, count: int):
        """Return mean and std, to apply to (series, time, features).

        Parameters
        ----------
        count : int
            How many series.
        """
        if self.scaler is None:
            return np.zeros(self.features), np.ones(self.features)
        mean, std = self.scaler.mean, self.scaler.std
        if mean.ndim == 0 or self.is_table:
            return mean, std
        if mean.size != count:
            raise ValueError(
                f"history: expected {mean.size} series, as the scaler has a "
                f"scale for each, got {count}"
            )
        return mean[:, None, None], std[:, None, None]

    def scaled(self, series: list[np.ndarray]) -> list[np.ndarray]:
        """Return float32 arrays of shape (time, features), scaled."""
        mean, std = self.scale(len(_check_series(series)))
        if mean.ndim < 3:
            mean, std = [mean] * len(series), [std] * len(series)
        return [
            _in_float32(_standard(one.reshape(len(one), -1), m, s))
            for one, m, s in zip(series, mean, std, strict=True)
        ]

    def read(self, history, needed: int, name: str):
        """Return scaled input, the targets' scale, and whether it is one.

        Parameters
        ----------
        history : array_like of shape (time,) or (time, features)
            One series, or several with one axis more.
        needed : int
            Time steps at least.
        name : str
            The argument's name, for messages.

        Returns
        -------
        X : torch.Tensor of shape (series, time, features)
            Scaled, float32.
        mean, std : numpy.ndarray
            To apply to (series, horizon, targets).
        single : bool
            Whether one series was given, without an axis for several.
        """
        self._check_columns(name, history)
        array = check_values(name, history, (1, 2, 3), np.float64)
        single = self._check_rank(name, array)
        rows = array[None] if single else array
        rows = rows.reshape(*rows.shape[:2], -1)
        if rows.shape[2] != self.features:
            raise ValueError(
                f"{name}: expected {self.features} features, got "
                f"{rows.shape[2]}"
            )
        needed = check_int("needed", needed, 0)
        check_length(name, rows[0], needed, str(needed))
        mean, std = self.scale(len(rows))
        X = to_tensor(name, _standard(rows, mean, std), ndim=3)
        if self.is_table:
            mean, std = mean[list(self.target)], std[list(self.target)]
        return X, mean, std, single

    def shaped(self, y_hat: np.ndarray, single: bool) -> np.ndarray:
        """Drop the axes of a single series and of a single target."""
        single = check_bool("single", single)
        y_hat = check_values("y_hat", y_hat, (2, 3))
        check_length("y_hat", y_hat, 1, "1")
        y_hat = y_hat[..., 0] if len(self.target) == 1 else y_hat
        return y_hat[0] if single else y_hat


def _are_arrays(values, ndim: int) -> bool:
    """Tell a list of series from a series that is a list of its steps."""
    if not isinstance(values, (list, tuple)) or len(values) == 0:
        return False
    try:
        return np.ndim(values[0]) == ndim
    except Exception:  # no array at all: what looks at it next says so
        return False


def _check_series(series) -> list[np.ndarray]:
    """Return what ``Frame.series`` gave, and nothing else."""
    if not isinstance(series, list) or not series:
        raise ValueError(f"series: expected a list of arrays, got {series!r}")
    for one in series:
        if not isinstance(one, np.ndarray) or one.dtype != np.float64:
            raise ValueError(
                f"series: expected arrays of float64, got {one!r}"
            )
        check_values("series", one)
    return series


def _fitted(series: np.ndarray) -> Scaler:
    """Return its scaler, whose complaints are about ``values``."""
    try:
        return Scaler().fit(series)
    except ValueError as error:
        message = str(error).replace("train:", "values:", 1)
        raise ValueError(message) from None


def in_units(scaled: np.ndarray, mean, std) -> np.ndarray:
    """Return ``scaled * std + mean``, the forecasts in the series' own units.

    Parameters
    ----------
    scaled : numpy.ndarray of shape (series, horizon, targets)
        Finite.
    mean, std : numpy.ndarray
        The targets' scale, as ``Frame.read`` gives it.

    Raises
    ------
    ValueError
        If float64 cannot hold the forecasts.

    Examples
    --------
    >>> in_units(np.ones((1, 2, 1)), 10.0, 2.0).ravel()
    array([12., 12.])
    """
    scaled = check_values("scaled", scaled, (2, 3), np.float64)
    mean = check_values("mean", mean, (0, 1, 2, 3), np.float64)
    std = check_values("std", std, (0, 1, 2, 3), np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        try:
            found = scaled * std + mean
        except ValueError:
            found = np.full(0, np.nan)
    if found.shape != scaled.shape or not np.isfinite(found).all():
        raise ValueError(
            f"scaler, mean, std: expected a scale for each target, in which "
            f"float64 can hold the forecasts, got {mean} and {std}"
        )
    return found


def moved_on(x: Tensor, newest: Tensor) -> Tensor:
    """Return windows without their first step, and with a newest one.

    Parameters
    ----------
    x : Tensor of shape (batch, time, features)
        The windows.
    newest : Tensor of shape (batch, 1, features)
        What comes after them.

    Examples
    --------
    >>> x = torch.arange(3.0).reshape(1, 3, 1)
    >>> moved_on(x, torch.full((1, 1, 1), 3.0))
    tensor([[[1.],
             [2.],
             [3.]]])
    """
    batch, _, features = check_tensor("x", x, (3,)).shape
    check_same("newest", newest, (batch, 1, features), like=x)
    return torch.cat([x[:, 1:], newest], dim=1)


def _standard(values: np.ndarray, mean, std) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        return (values - mean) / std


def _in_float32(scaled: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        scaled = scaled.astype(np.float32)
    return check_values("values, scaled to float32", scaled)
