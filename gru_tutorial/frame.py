"""A series in its own units as a model's input, and forecasts back again."""

from __future__ import annotations

import numpy as np

from gru_tutorial.checks import check_length, check_values
from gru_tutorial.windows import Scaler, labels_of, to_tensor


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
        If the scaler is not fitted, or has other features.

    Examples
    --------
    >>> frame = Frame(1, (0,), Scaler(10.0, 2.0))
    >>> X, mean, std, single = frame.read([12.0, 14.0], 1, "history")
    >>> X.flatten(), single
    (tensor([1., 2.]), True)
    """

    def __init__(self, features: int, target: tuple, scaler: Scaler | None):
        self.features, self.target, self.scaler = features, target, scaler
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

    def series(self, values) -> list[np.ndarray]:
        """Return the series that were given, one or several, as a list.

        Parameters
        ----------
        values : array_like, or list of array_like
            Of shape (time,) or (time, features), or with one axis more.
        """
        ndim = 2 if self.is_table else 1
        if isinstance(values, (list, tuple)) and np.ndim(values[0:1]) > 1:
            return [
                check_values("values", one, (ndim,), np.float64)
                for one in values
            ]
        array = check_values("values", values, (1, 2, 3), np.float64)
        column = array.ndim == 2 and array.shape[1] == 1
        if column and self.features == 1 and self.scaler is None:
            return [array]  # a table of one column
        return [array] if self._check_rank("values", array) else list(array)

    def fit(self, series: list[np.ndarray], columns: tuple | None) -> None:
        """Find the scale: of each series its own, if they have one column.

        Parameters
        ----------
        series : list of numpy.ndarray
            The training parts.
        columns : tuple
            The columns' labels, if they have some.
        """
        if len(series) == 1 or self.features > 1:
            scaler = Scaler().fit(np.concatenate(series))
            scaler.columns = columns
        else:
            each = [Scaler().fit(one) for one in series]
            scaler = Scaler([s.mean for s in each], [s.std for s in each])
        self.scaler = scaler

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
        mean, std = self.scale(len(series))
        if mean.ndim < 3:
            mean, std = [mean] * len(series), [std] * len(series)
        return [
            ((one.reshape(len(one), -1) - m) / s).astype(np.float32)
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
        columns = labels_of(history)
        ours = None if self.scaler is None else self.scaler.columns
        if None not in (columns, ours) and columns != ours:
            raise ValueError(
                f"{name}: expected the columns {list(ours)}, got "
                f"{list(columns)}"
            )
        array = check_values(name, history, (1, 2, 3), np.float64)
        single = self._check_rank(name, array)
        rows = array[None] if single else array
        rows = rows.reshape(*rows.shape[:2], -1)
        if rows.shape[2] != self.features:
            raise ValueError(
                f"{name}: expected {self.features} features, got "
                f"{rows.shape[2]}"
            )
        check_length(name, rows[0], needed, str(needed))
        mean, std = self.scale(len(rows))
        X = to_tensor(name, (rows - mean) / std, ndim=3)
        if self.is_table:
            mean, std = mean[list(self.target)], std[list(self.target)]
        return X, mean, std, single

    def shaped(self, y_hat: np.ndarray, single: bool) -> np.ndarray:
        """Drop the axes of a single series and of a single target."""
        y_hat = y_hat[..., 0] if len(self.target) == 1 else y_hat
        return y_hat[0] if single else y_hat
