"""Baselines to beat: copies of the past, and functions of its last values.

All are called like a ``Forecaster``. A new one is a class with ``_seen`` and
``_forecast``; if it learns from lags, one with ``_options`` and ``_learn``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import cache
from importlib import import_module
from itertools import pairwise, product
from typing import Self

import numpy as np

from gru_tutorial.checks import (
    MAX_HORIZON,
    check_bool,
    check_float,
    check_int,
    check_length,
    check_values,
)

MOST_LAGS = 500  # that are tried, where lags are not given
ALPHAS = [float(f"{m}e{e}") for e in range(5, -7, -1) for m in (3, 1)]
TREES = (10, 20, 50, 100)
NEIGHBOURS = (1, 2, 5, 10, 20, 50)


class _Baseline:
    """The protocol of all baselines, with its checks."""

    _names: tuple[str, ...] = ()  # of the settings, as the constructor's

    def __repr__(self) -> str:
        settings = ", ".join(f"{k}={v!r}" for k, v in self._settings().items())
        return f"{type(self).__name__}({settings})"

    def fit(self, past) -> Self:
        """Check the past; there is nothing to learn from it.

        Parameters
        ----------
        past : array_like of shape (time,)
            What comes before the first forecast, in its own units.

        Returns
        -------
        Self
            The same forecaster.

        Raises
        ------
        ValueError
            If ``past`` is not a series of finite numbers, or too short to
            forecast from.
        """
        past = check_values("past", past, ndim=(1,))
        check_length("past", past, self._seen(), str(self._seen()))
        return self

    def __call__(self, history, horizon: int) -> np.ndarray:
        """Forecast what follows a history, each step from those before it.

        Parameters
        ----------
        history : array_like of shape (time,) or (series, time)
            What is known, in its own units; several series are rows.
        horizon : int
            Time steps to forecast.

        Returns
        -------
        numpy.ndarray of shape (horizon,) or (series, horizon)
            In the series' own units, float64.

        Raises
        ------
        ValueError
            If ``history`` is too short, or a forecast is beyond float64.
        """
        history = check_values("history", history, (1, 2), np.float64)
        horizon = check_int("horizon", horizon, 1, MAX_HORIZON)
        check_length("history", history.T, self._seen(), str(self._seen()))
        if history.size == 0:
            raise ValueError(
                f"history: expected at least one series, got {history.shape}"
            )
        y_hat = self._finite(self._forecast, np.atleast_2d(history), horizon)
        return y_hat.reshape(*history.shape[:-1], horizon)

    def one_step(self, values, forecast_start: int) -> np.ndarray:
        """Forecast each value of the test part from the true ones before it.

        Parameters
        ----------
        values : array_like of shape (time,)
            The whole series, in its own units.
        forecast_start : int
            The first time step to forecast.

        Returns
        -------
        numpy.ndarray of shape (time - forecast_start,)
            In the series' own units, float64.

        Raises
        ------
        ValueError
            If too little comes before ``forecast_start``, or a forecast is
            beyond float64.
        """
        values = check_values("values", values, (1,), np.float64)
        seen = self._seen()
        check_length("values", values, seen + 1, f"{seen} + 1")
        last = len(values) - 1
        forecast_start = check_int(
            "forecast_start", forecast_start, seen, last
        )
        return self._finite(self._one_step, values, forecast_start)

    def _settings(self) -> dict:
        return {name: getattr(self, name) for name in self._names}

    def _finite(self, forecast: Callable, *arguments) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore"):
            y_hat = forecast(*arguments)
        return check_values(f"the forecast of {self!r}", y_hat)

    def _seen(self) -> int:
        """Return how many values must come before a forecast."""
        raise NotImplementedError

    def _forecast(self, history: np.ndarray, horizon: int) -> np.ndarray:
        """Forecast from each row of ``history``."""
        raise NotImplementedError

    def _one_step(self, values: np.ndarray, forecast_start: int) -> np.ndarray:
        seen = self._seen()
        windows, _ = _windows(values[forecast_start - seen :], seen)
        return self._forecast(windows, 1)[:, 0]


class Naive(_Baseline):
    """Copy the last value, or the last season.

    Parameters
    ----------
    period : int
        Time steps of a season: 1 is the naive forecast, more the seasonal.

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 1.

    Examples
    --------
    >>> Naive(period=3)([1.0, 2.0, 3.0], horizon=5)
    array([1., 2., 3., 1., 2.])
    >>> Naive().one_step([1.0, 2.0, 3.0, 4.0], forecast_start=2)
    array([2., 3.])
    """

    _names = ("period",)

    def __init__(self, period: int = 1) -> None:
        self.period = check_int("period", period, 1)

    def _seen(self) -> int:
        return self.period

    def _forecast(self, history: np.ndarray, horizon: int) -> np.ndarray:
        season = history[:, -self.period :]
        return season[:, np.arange(horizon) % self.period]


class Drift(_Baseline):
    """Go on from the last value by the mean step of the history.

    References
    ----------
    R. J. Hyndman and G. Athanasopoulos (2021), *Forecasting: Principles and
    Practice*, 3rd edition, section 5.2.

    Examples
    --------
    >>> Drift()([1.0, 4.0, 5.0], horizon=3)
    array([ 7.,  9., 11.])
    """

    def _seen(self) -> int:
        return 2

    def _forecast(self, history: np.ndarray, horizon: int) -> np.ndarray:
        first, last = history[:, :1], history[:, -1:]
        step = (last - first) / (history.shape[1] - 1)
        return last + step * np.arange(1, horizon + 1)

    def _one_step(self, values: np.ndarray, forecast_start: int) -> np.ndarray:
        last = values[forecast_start - 1 : -1]
        steps = np.arange(forecast_start - 1, len(values) - 1)
        return last + (last - values[0]) / steps


class _OnLags(_Baseline):
    """A function of the last values, learnt in the scale of the past.

    Settings that are not given are chosen on the past, by the squared error
    one step ahead in its last part. That is forecast block by block, each
    after a fit on all before it, and the same for all candidates. These go
    from plain to rich, as the first of equals wins.
    """

    centre: bool | None = False
    chosen: dict | None = None
    _library = "numpy"  # what computes
    _recent = 3000  # values that the choice looks at
    _blocks = 4

    def fit(self, past) -> Self:
        """Choose the settings that are not given, and learn the function.

        Parameters
        ----------
        past : array_like of shape (time,)
            What comes before the first forecast, in its own units.

        Returns
        -------
        Self
            The same forecaster; ``chosen`` holds its settings.

        Raises
        ------
        ValueError
            If ``past`` is not a series of finite numbers, or too short to
            learn from.
        """
        past = check_values("past", past, (1,), np.float64)
        lags, rows = self.lags or 1, self._rows()
        why = f"lags + {rows}" if self.lags else str(lags + rows)
        check_length("past", past, lags + rows, why)
        scaled, mean, std = _standardised(past)
        with _one_thread(self._library):
            lags, centre, option = self._choose(scaled)
            X, y = _windows(scaled, lags)
            self._function = self._learn_centred(X, y, centre, [option])
        self._mean, self._std = mean, std
        chosen = {"lags": lags, "centre": centre, self._names[1]: option}
        self.chosen = {name: chosen[name] for name in self._names}
        return self

    def _learn(self, X, y, options: Sequence) -> Callable:
        """Return a function of windows with one column for each option."""
        raise NotImplementedError

    def _options(self, rows: int) -> Sequence:
        """Return what to try for the second setting on so many windows."""
        raise NotImplementedError

    def _rows(self) -> int:
        return 1  # the fewest windows to learn from

    def _settings(self) -> dict:
        return self.chosen or super()._settings()

    def _seen(self) -> int:
        if self.chosen is None:
            raise ValueError(
                f"{self!r}: expected a fitted forecaster, call fit(past) first"
            )
        return self.chosen["lags"]

    def _forecast(self, history: np.ndarray, horizon: int) -> np.ndarray:
        lags = self._seen()
        path = np.empty((len(history), lags + horizon))
        path[:, :lags] = (history[:, -lags:] - self._mean) / self._std
        check_values("history in the past's scale", path[:, :lags])
        with _one_thread(self._library):
            for step in range(horizon):
                now = step + lags
                path[:, now] = self._function(path[:, step:now])[:, 0]
        return path[:, lags:] * self._std + self._mean

    def _choose(self, scaled: np.ndarray) -> tuple:
        """Return lags, centre, and the option of the second setting."""
        recent = scaled[-max(self._recent, 4 * (self.lags or 0)) :]
        n = len(recent)
        widest = min(n // 4, MOST_LAGS, len(scaled) - self._rows())
        widths = [self.lags] if self.lags else _halves(widest)
        centres = [False, True] if self.centre is None else [self.centre]
        start = (n + widths[-1] + 1) // 2
        edges = np.unique(np.linspace(start, n, self._blocks + 1).astype(int))
        best = np.inf, None
        for lags, centre in product(widths, centres):
            options = self._options(start - lags)
            if len(widths) * len(centres) * len(options) == 1:
                return lags, centre, options[0]
            X, y = _windows(recent, lags)
            errors = self._errors(X, y, centre, options, edges - lags)
            k = int(np.argmin(errors))
            if errors[k] < best[0]:
                best = errors[k], (lags, centre, options[k])
        return best[1]

    def _errors(self, X, y, centre: bool, options, edges) -> np.ndarray:
        """Return each option's squared error, summed over the blocks."""
        errors = np.zeros(len(options))
        for begin, end in pairwise(edges):
            learnt = self._learn_centred(X[:begin], y[:begin], centre, options)
            y_hat = learnt(X[begin:end])
            errors += np.sum((y_hat - y[begin:end, None]) ** 2, axis=0)
        return errors

    def _learn_centred(self, X, y, centre: bool, options) -> Callable:
        if not centre:
            return self._learn(X, y, options)
        level = X.mean(axis=1, keepdims=True)
        learnt = self._learn(X - level, y - level[:, 0], options)

        def function(X):
            level = X.mean(axis=1, keepdims=True)
            return level + learnt(X - level)

        return function


class Ridge(_OnLags):
    """Forecast by a linear function of the last values, with a penalty.

    Parameters
    ----------
    lags : int
        How many values it sees. If not given, chosen on the past: up to a
        quarter of it, halved again and again, and at most 500.
    alpha : float
        Weight of the penalty on squared coefficients, for a series of mean 0
        and standard deviation 1. If not given, chosen from 3e5, 1e5, 3e4, ...
        1e-6.

    Attributes
    ----------
    chosen : dict
        The settings in use; None before ``fit``.

    Raises
    ------
    ValueError
        If ``lags`` is below 1, or ``alpha`` is negative.

    Notes
    -----
    The choice is by the squared error one step ahead in the last part of the
    past, forecast in four blocks, each after a fit on all before it. Of a long
    past, the last 3,000 values count. One thread computes.

    References
    ----------
    A. E. Hoerl and R. W. Kennard (1970), Ridge regression: biased estimation
    for nonorthogonal problems. *Technometrics* 12, 55-67.

    Examples
    --------
    >>> from gru_tutorial import make_series
    >>> values = make_series().values
    >>> ridge = Ridge().fit(values[:720])
    >>> ridge
    Ridge(lags=180, alpha=300.0)
    >>> ridge.one_step(values, forecast_start=720).shape
    (130,)
    >>> Ridge(lags=3, alpha=0).fit(range(20))([4, 5, 6], horizon=2).round(6)
    array([7., 8.])
    """

    _names = ("lags", "alpha")

    def __init__(
        self, lags: int | None = None, alpha: float | None = None
    ) -> None:
        self.lags = _if_given(check_int, "lags", lags, 1)
        self.alpha = _if_given(check_float, "alpha", alpha, 0)

    def _options(self, rows: int) -> Sequence:
        return ALPHAS if self.alpha is None else [self.alpha]

    def _learn(self, X, y, options: Sequence) -> Callable:
        x_mean, y_mean = X.mean(axis=0), y.mean()
        U, s, Vt = np.linalg.svd(X - x_mean, full_matrices=False)
        kept = s > max(X.shape) * np.finfo(float).eps * s[0]
        U, s, Vt = U[:, kept], s[kept, None], Vt[kept]
        target = U.T @ (y - y_mean)
        shares = s / (s**2 + np.array(options))  # (directions, options)
        weights = Vt.T @ (shares * target[:, None])  # (lags, options)
        return lambda X: y_mean + (X - x_mean) @ weights


class Boosting(_OnLags):
    """Forecast by boosted regression trees on the last values.

    Parameters
    ----------
    lags : int
        How many values it sees; if not given, chosen as for ``Ridge``.
    max_iter : int
        Trees, each for what those before it left over. If not given, 10, 20,
        50 or 100, chosen on the past.
    centre : bool
        Whether each window counts from its own mean, and so does the
        forecast. Trees cannot go beyond the values they were fitted on, so a
        series with a trend needs it. If not given, chosen on the past.

    Attributes
    ----------
    chosen : dict
        The settings in use; None before ``fit``.

    Raises
    ------
    ValueError
        If ``lags`` or ``max_iter`` is below 1, or ``centre`` is not a bool.

    Notes
    -----
    ``HistGradientBoostingRegressor`` of scikit-learn, with 8 leaves a tree, a
    learning rate of 0.05 and a penalty of 10 on squared leaf values. The
    choice is as for ``Ridge``, but with one block in the last 1,500 values.

    References
    ----------
    J. H. Friedman (2001), Greedy function approximation: a gradient boosting
    machine. *Annals of Statistics* 29, 1189-1232.

    Examples
    --------
    >>> Boosting(lags=2).fit(np.arange(99) % 2)([0, 1], 4).round(1)
    array([0., 1., 0., 1.])
    """

    _names = ("lags", "max_iter", "centre")
    _library = "sklearn.ensemble"
    _recent = 1500
    _blocks = 1  # a fit takes long

    def __init__(
        self,
        lags: int | None = None,
        max_iter: int | None = None,
        centre: bool | None = None,
    ) -> None:
        self.lags = _if_given(check_int, "lags", lags, 1)
        self.max_iter = _if_given(check_int, "max_iter", max_iter, 1)
        self.centre = _if_given(check_bool, "centre", centre)

    def _options(self, rows: int) -> Sequence:
        return TREES if self.max_iter is None else [self.max_iter]

    def _learn(self, X, y, options: Sequence) -> Callable:
        from sklearn.ensemble import HistGradientBoostingRegressor

        trees = HistGradientBoostingRegressor(
            max_iter=max(options),
            learning_rate=0.05,
            max_leaf_nodes=8,
            l2_regularization=10.0,
            early_stopping=False,
            random_state=0,
        ).fit(X, y)

        def function(X):
            stages = list(trees.staged_predict(X))
            return np.stack([stages[n - 1] for n in options], axis=1)

        return function


class Neighbours(_OnLags):
    """Forecast by the mean of what followed the most similar windows.

    Parameters
    ----------
    lags : int
        How many values a window has; if not given, chosen as for ``Ridge``.
    n_neighbors : int
        How many windows count. If not given, 1, 2, 5, 10, 20 or 50, chosen on
        the past.
    centre : bool
        As for ``Boosting``: what followed a window lies within the past, too.

    Attributes
    ----------
    chosen : dict
        The settings in use; None before ``fit``.

    Raises
    ------
    ValueError
        If ``lags`` or ``n_neighbors`` is below 1, or ``centre`` is not a bool.

    References
    ----------
    E. N. Lorenz (1969), Atmospheric predictability as revealed by naturally
    occurring analogues. *Journal of the Atmospheric Sciences* 26, 636-646.

    Examples
    --------
    >>> Neighbours(lags=2).fit(np.arange(99) % 3)([1, 2], 4).round(6)
    array([0., 1., 2., 0.])
    """

    _names = ("lags", "n_neighbors", "centre")
    _library = "sklearn.neighbors"

    def __init__(
        self,
        lags: int | None = None,
        n_neighbors: int | None = None,
        centre: bool | None = None,
    ) -> None:
        self.lags = _if_given(check_int, "lags", lags, 1)
        self.n_neighbors = _if_given(check_int, "n_neighbors", n_neighbors, 1)
        self.centre = _if_given(check_bool, "centre", centre)

    def _rows(self) -> int:
        return self.n_neighbors or 1

    def _options(self, rows: int) -> Sequence:
        if self.n_neighbors is not None:
            return [self.n_neighbors]
        return [k for k in NEIGHBOURS if k <= rows]

    def _learn(self, X, y, options: Sequence) -> Callable:
        from sklearn.neighbors import NearestNeighbors

        counts = np.minimum(options, len(X))  # a block may have fewer windows
        most = int(counts.max())
        # A tree breaks ties alike, however many windows are asked at once.
        tree = NearestNeighbors(n_neighbors=most, algorithm="ball_tree").fit(X)

        def function(X):
            nearest = tree.kneighbors(X, return_distance=False)
            return np.cumsum(y[nearest], axis=1)[:, counts - 1] / counts

        return function


def _one_thread(library: str) -> AbstractContextManager:
    """Compute on one thread: on a busy machine two are far slower."""
    return _thread_pools(library).limit(limits=1)


@cache
def _thread_pools(library: str):
    from threadpoolctl import ThreadpoolController

    state = random.getstate()  # scikit-learn's imports draw from it
    import_module(library)  # its pools are found once it is loaded
    random.setstate(state)
    return ThreadpoolController()


def _windows(values: np.ndarray, lags: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the windows of a series, and the value that follows each."""
    view = np.lib.stride_tricks.sliding_window_view
    return view(values[:-1], lags), values[lags:]


def _halves(most: int) -> list[int]:
    """Return ``most``, its half, and so on down to 1, the smallest first."""
    widths = [max(most, 1)]
    while widths[-1] > 1:
        widths.append(widths[-1] // 2)
    return widths[::-1]


def _standardised(past: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Return the past in its own scale: zeros, if it is a constant."""
    with np.errstate(over="ignore", invalid="ignore"):
        mean, std, spread = past.mean(), past.std(), np.ptp(past)
    if spread <= 8 * np.finfo(float).eps * np.abs(past).max():
        return np.zeros_like(past), past[-1], 1.0
    if not (np.isfinite(std) and std > 0):
        raise ValueError(
            f"past: expected a spread within float64's range, got {std}"
        )
    return (past - mean) / std, mean, std


def _if_given(check: Callable, name: str, value, *bounds):
    return None if value is None else check(name, value, *bounds)
