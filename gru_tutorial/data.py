"""Chapter 2: a series, its windows, the split, the scaling and the loaders."""

from __future__ import annotations

from importlib import resources
from typing import NamedTuple

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

from gru_tutorial.checks import (
    check_bool,
    check_float,
    check_int,
    check_length,
    check_values,
)

MAX_SEED = 2**63 - 1


class Series(NamedTuple):
    """A generated series: what is observed, and the signal beneath it."""

    values: np.ndarray
    clean: np.ndarray


class Split(NamedTuple):
    """The parts of a series in time order."""

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray


class Electricity(NamedTuple):
    """Half-hourly demand: the start of each period, and its demand in MW."""

    period_start: np.ndarray
    demand_mw: np.ndarray


def make_series(
    length: int = 850, noise: float = 0.35, seed: int = 0
) -> Series:
    """Generate two sine waves with noise of a known size.

    ``y_t = 2 + 1.5 sin(2πt/50) + 0.8 sin(2πt/18 + 0.7) + ε_t`` with
    ``ε_t ~ N(0, noise²)``. As the noise is known, so is the smallest mean
    squared error that a one-step forecast can expect: ``noise²``.

    Parameters
    ----------
    length : int
        The number of time steps.
    noise : float
        The noise's standard deviation, in the series' own units.
    seed : int
        Seed of NumPy's generator, which draws the noise.

    Returns
    -------
    Series
        ``values`` and ``clean``, float64 arrays of shape (length,).

    Raises
    ------
    ValueError
        If ``length`` is below 1, or ``noise`` is negative or not finite.

    Examples
    --------
    >>> series = make_series(seed=0)
    >>> series.values.shape
    (850,)
    >>> series.clean[0].round(3)
    np.float64(2.515)
    """
    length = check_int("length", length, 1)
    noise = check_float("noise", noise, 0)
    seed = check_int("seed", seed, 0, MAX_SEED)
    t = np.arange(length)
    clean = (
        2.0
        + 1.5 * np.sin(2 * np.pi * t / 50)
        + 0.8 * np.sin(2 * np.pi * t / 18 + 0.7)
    )
    rng = np.random.default_rng(seed)
    return Series(clean + noise * rng.standard_normal(length), clean)


def make_windows(
    values, window: int, horizon: int = 1, target: int = 0
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
    target : int
        The feature to predict, where there are several.

    Returns
    -------
    X : numpy.ndarray of shape (n, window, features)
        The windows, ``n = time - window - horizon + 1``.
    y : numpy.ndarray of shape (n, horizon)
        The labels.

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
    values = check_values("values", values)
    window = check_int("window", window, 1)
    horizon = check_int("horizon", horizon, 1)
    check_length("values", values, window + horizon, "window + horizon")
    n = len(values) - window - horizon + 1
    features = values.reshape(len(values), -1)
    target = check_int("target", target, 0, features.shape[1] - 1)
    view = np.lib.stride_tricks.sliding_window_view
    X = view(features[: n + window - 1], window, axis=0, writeable=True)
    y = view(features[window:, target], horizon, writeable=True)
    return X.swapaxes(1, 2), y


def make_chunks(
    values, length: int, horizon: int = 1, target: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a series into chunks, with a label for every step of each of them.

    Chunk ``i`` holds ``values[i : i + length]``; the label of its step ``t``
    is what follows that step: the target feature of
    ``values[i + t + 1 : i + t + 1 + horizon]``.

    Parameters
    ----------
    values : array_like of shape (time,) or (time, features)
        The series, in time order.
    length : int
        Time steps per chunk.
    horizon : int
        Time steps per label.
    target : int
        The feature to predict, where there are several.

    Returns
    -------
    X : numpy.ndarray of shape (n, length, features)
        The chunks, ``n = time - length - horizon + 1``.
    y : numpy.ndarray of shape (n, length, horizon)
        The labels.

    Raises
    ------
    ValueError
        If the series is too short, not finite, not numeric or of another rank.

    Notes
    -----
    Both are views, as in ``make_windows``.

    Examples
    --------
    >>> X, y = make_chunks([0, 1, 2, 3, 4, 5], length=4)
    >>> X.squeeze(-1)
    array([[0., 1., 2., 3.],
           [1., 2., 3., 4.]])
    >>> y.squeeze(-1)
    array([[1., 2., 3., 4.],
           [2., 3., 4., 5.]])
    """
    values = check_values("values", values)
    length = check_int("length", length, 1)
    horizon = check_int("horizon", horizon, 1)
    check_length("values", values, length + horizon, "length + horizon")
    _, y = make_windows(values, 1, horizon, target)  # one label for each step
    view = np.lib.stride_tricks.sliding_window_view
    y = view(y, length, axis=0, writeable=True).swapaxes(1, 2)
    X, _ = make_windows(values, length, horizon, target)
    return X, y


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

    Attributes
    ----------
    mean, std : float, or numpy.ndarray of shape (features,)
        In the series' own units; None before ``fit``.

    Examples
    --------
    >>> scaler = Scaler().fit([1.0, 3.0])
    >>> scaler.transform([1.0, 3.0, 5.0])
    array([-1.,  1.,  3.])
    >>> scaler.inverse_transform([-1.0, 1.0, 3.0])
    array([1., 3., 5.])
    """

    mean: np.floating | np.ndarray | None = None
    std: np.floating | np.ndarray | None = None

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
            If ``train`` is empty, not finite, or constant in a feature.
        """
        train = check_values("train", train)
        check_length("train", train, 1, "1")
        constant = np.flatnonzero(np.ptp(train, axis=0) == 0)
        if constant.size:
            raise ValueError(
                f"train: expected a spread above 0, got a constant feature "
                f"(column {constant[0]})"
            )
        with np.errstate(over="ignore"):
            mean = train.mean(axis=0, dtype=np.float64)
            std = train.std(axis=0, dtype=np.float64)
        if not (np.isfinite(std).all() and np.all(std > 0)):
            raise ValueError(
                f"train: expected a spread within float64's range, got {std}"
            )
        self.mean, self.std = mean, std
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
        values = check_values("values", values, ndim=(self.mean.ndim + 1,))
        if self.mean.ndim and values.shape[1] != self.mean.size:
            raise ValueError(
                f"values: expected {self.mean.size} features, got "
                f"{values.shape[1]}"
            )
        return (values - self.mean) / self.std

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
            ``values_scaled * std + mean``, of the same shape.

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
        feature = check_int("feature", feature or 0, 0, self.mean.size - 1)
        values = check_values("values_scaled", values_scaled, (0, 1, 2, 3))
        return values * self.std.flat[feature] + self.mean.flat[feature]

    def _check_fitted(self) -> None:
        if self.mean is None:
            raise ValueError(
                "scaler: expected a fitted Scaler, call fit(train) first"
            )


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
    with np.errstate(over="ignore"):
        array = values.astype(np.float32, copy=False)
    if array is not values and not np.isfinite(array).all():
        raise ValueError(
            f"{name}: expected numbers within float32's range, got "
            f"{np.abs(values).max():.3g}"
        )
    if not array.flags.writeable or min(array.strides, default=0) < 0:
        array = array.copy()  # torch warns of the one, refuses the other
    return torch.from_numpy(array)


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
    >>> X, y = make_windows(make_series().values, window=24)
    >>> X_batch, y_batch = next(iter(make_loader(X, y, batch_size=32)))
    >>> X_batch.shape, y_batch.shape
    (torch.Size([32, 24, 1]), torch.Size([32, 1]))
    """
    X, y = to_tensor("X", X, ndim=3), to_tensor("y", y, ndim=(2, 3))
    batch_size = check_int("batch_size", batch_size, 1)
    shuffle = check_bool("shuffle", shuffle)
    seed = check_int("seed", seed, 0, MAX_SEED)
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


def load_electricity() -> Electricity:
    """Load the half-hourly electricity demand of England and Wales.

    Monday 5 June to Sunday 27 August 2000, the series of Taylor (2003).

    Returns
    -------
    Electricity
        ``period_start``, local times of type datetime64[m], and ``demand_mw``,
        float64, in megawatts; both of shape (4032,).

    References
    ----------
    J. W. Taylor (2003), Short-term electricity demand forecasting using double
    seasonal exponential smoothing. *Journal of the Operational Research
    Society* 54, 799-805. Source and licence: ``datasets/README.md``.

    Examples
    --------
    >>> start, demand = load_electricity()
    >>> start[0], demand[0]
    (np.datetime64('2000-06-05T00:00'), np.float64(22262.0))
    """
    path = (
        resources.files("gru_tutorial") / "datasets" / "electricity_demand.csv"
    )
    with path.open(encoding="utf-8") as file:
        rows = np.loadtxt(file, delimiter=",", skiprows=1, dtype=str)
    return Electricity(
        rows[:, 0].astype("datetime64[m]"), rows[:, 1].astype(float)
    )
