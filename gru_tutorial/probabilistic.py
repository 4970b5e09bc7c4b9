"""Forecasts that say how sure they are: heads, and what is asked of them."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from gru_tutorial.checks import (
    MAX_HORIZON,
    check_int,
    check_levels,
    check_seed,
)
from gru_tutorial.frame import in_units
from gru_tutorial.heads import Head, _check_labels
from gru_tutorial.model import (
    BATCH_SIZE,
    evaluating,
    to_model,
    to_numpy,
)
from gru_tutorial.tensors import check_tensor

DRAWN = 2**14  # paths per call of a model, where they are drawn
MAX_DRAWS = 10**6


class Gaussian(Head):
    """A mean and a variance for each step ahead, all read from the last state.

    It gives ``numbers = 2 * horizon``: means, then log variances.

    References
    ----------
    D. A. Nix and A. S. Weigend (1994), Estimating the mean and variance of
    the target probability distribution. *IEEE ICNN* 1, 55-60.

    Examples
    --------
    >>> from gru_tutorial import GRUModel
    >>> model = GRUModel(hidden_size=8, head=Gaussian(12))
    >>> y_hat = model(torch.zeros(32, 24, 1))
    >>> mean, std = model.head.distribution(y_hat)
    >>> y_hat.shape, std.shape
    (torch.Size([32, 24]), torch.Size([32, 12]))
    """

    @property
    def numbers(self) -> int:
        """Twice the horizon: means and log variances."""
        return 2 * self.horizon * len(self.target)

    def loss(self, y_hat: Tensor, y: Tensor) -> Tensor:
        """Return the mean negative log likelihood of normal distributions.

        Parameters
        ----------
        y_hat : Tensor of shape (..., 2 * horizon)
            Means, then log variances.
        y : Tensor of shape (..., horizon)
            What came true.

        Returns
        -------
        Tensor of shape ()
            ``mean(log(2π) + log_var + (y - mean)² / exp(log_var)) / 2``;
            infinite or nan where the dtype cannot hold it.

        Examples
        --------
        >>> Gaussian().loss(torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0]]))
        tensor(1.4189)
        """
        mean, log_var = _halves(y_hat)
        _check_labels(mean, y)
        squares = (y - mean) ** 2 * (-log_var).exp()
        return (math.log(2 * math.pi) + log_var + squares).mean() / 2

    def point(self, y_hat: Tensor) -> Tensor:
        """Return the means: (..., horizon)."""
        return _halves(y_hat)[0]

    def distribution(self, y_hat: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and standard deviations, scaled: (..., horizon).

        They are infinite where the dtype cannot hold them: a ``Forecaster``
        refuses that.
        """
        mean, log_var = _halves(y_hat)
        return mean, (log_var / 2).exp()


class Quantiles(Head):
    """Quantiles of each step ahead, all read from the last state.

    It gives ``numbers = len(levels) * horizon``: all steps of the first level,
    then those of the next. Nothing keeps the numbers of two levels in order,
    so they are sorted when they are used, which never makes the loss larger.

    Parameters
    ----------
    horizon, target
        As for every head.
    levels : tuple of float
        With which probability the truth shall be below each quantile; rising,
        and 0.5 is one of them or lies between two.

    Raises
    ------
    ValueError
        If an argument is out of range.

    References
    ----------
    R. Koenker and G. Bassett (1978), Regression quantiles. *Econometrica* 46,
    33-50. V. Chernozhukov, I. Fernández-Val and A. Galichon (2010), Quantile
    and probability curves without crossing. *Econometrica* 78, 1093-1125 (on
    sorting).

    Examples
    --------
    >>> from gru_tutorial import GRUModel
    >>> model = GRUModel(hidden_size=8, head=Quantiles(12))
    >>> y_hat = model(torch.zeros(32, 24, 1))
    >>> low, median, high = model.head.quantiles(y_hat)
    >>> y_hat.shape, median.shape, bool((low <= high).all())
    (torch.Size([32, 36]), torch.Size([32, 12]), True)
    """

    def __init__(
        self,
        horizon: int = 1,
        target: int | tuple = 0,
        levels: tuple = (0.05, 0.5, 0.95),
    ):
        super().__init__(horizon, target)
        self.levels = check_levels("levels", levels)
        if not self.levels[0] <= 0.5 <= self.levels[-1]:
            raise ValueError(
                f"levels: expected 0.5 among them or between two, as the "
                f"median is the forecast, got {self.levels}"
            )

    @property
    def numbers(self) -> int:
        """As many as there are levels, for each step."""
        return len(self.levels) * self.horizon * len(self.target)

    def loss(self, y_hat: Tensor, y: Tensor) -> Tensor:
        """Return the mean pinball loss, the one that quantiles minimise.

        Parameters
        ----------
        y_hat : Tensor of shape (..., levels * horizon)
            What the model gave.
        y : Tensor of shape (..., horizon)
            What came true.

        Returns
        -------
        Tensor of shape ()
            The mean of ``max(q (y - y_hat), (q - 1) (y - y_hat))`` over all
            levels ``q``; infinite or nan where the dtype cannot hold it.

        Examples
        --------
        >>> head = Quantiles(levels=(0.1, 0.9))
        >>> head.loss(torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0]]))
        tensor(0.5000)
        """
        found = self._by_level(y_hat)  # (..., levels, horizon)
        _check_labels(found[..., 0, :], y)
        level = y_hat.new_tensor(self.levels)[:, None]
        error = y.unsqueeze(-2) - found
        slope = torch.where(error < 0, level - 1, level)
        return (slope * error).mean()  # the larger of the two products

    def quantiles(self, y_hat: Tensor) -> Tensor:
        """Return quantiles in order, scaled: (levels, ..., horizon)."""
        return self._by_level(y_hat).sort(dim=-2).values.movedim(-2, 0)

    def point(self, y_hat: Tensor) -> Tensor:
        """Return the medians: (..., horizon).

        Without a level of 0.5 each is interpolated between the two quantiles
        next to it.
        """
        found = self.quantiles(y_hat)
        above = sum(level < 0.5 for level in self.levels)
        if self.levels[above] == 0.5:
            return found[above]
        low, high = self.levels[above - 1 : above + 1]
        return found[above - 1].lerp(found[above], (0.5 - low) / (high - low))

    def _by_level(self, y_hat: Tensor) -> Tensor:
        check_tensor("y_hat", y_hat)
        levels = len(self.levels)
        if y_hat.ndim == 0 or y_hat.shape[-1] % levels:
            raise ValueError(
                f"y_hat: expected {levels} quantiles for each step, got shape "
                f"{tuple(y_hat.shape)}"
            )
        return y_hat.unflatten(-1, (levels, -1))


class _Probabilistic:
    """What a forecaster whose model has one of these heads can be asked."""

    def distribution(self, history, horizon: int):
        """Return mean and standard deviation of each step to come.

        Parameters
        ----------
        history, horizon
            As for a call; ``horizon`` at most that of the head.

        Returns
        -------
        mean, std : numpy.ndarray of shape (horizon,) or (series, horizon)
            In the series' own units, float64.

        Raises
        ------
        ValueError
            If the model's head is not ``Gaussian``, or as for a call.

        Examples
        --------
        >>> from gru_tutorial import Forecaster, GRUModel
        >>> model = GRUModel(hidden_size=8, head=Gaussian(12))
        >>> mean, std = Forecaster(model).distribution(np.zeros(50), 12)
        >>> mean.shape, std.shape
        ((12,), (12,))
        """
        head = self._head_of(Gaussian)
        X, mean, std, single = self._read(history)
        centre, spread = self._said(X, horizon, head.distribution)
        centre = in_units(centre, mean, std)
        spread = in_units(spread, 0.0, std)
        return self.frame.shaped(centre, single), self.frame.shaped(
            spread, single
        )

    def quantiles(self, history, horizon: int, levels=None) -> np.ndarray:
        """Return quantiles of each step to come.

        Parameters
        ----------
        history, horizon
            As for a call; ``horizon`` at most that of the head.
        levels : array_like of shape (levels,)
            Which of the head's levels; all of them if not given.

        Returns
        -------
        numpy.ndarray of shape (levels, horizon) or (levels, series, horizon)
            In the series' own units, float64; those of a higher level are
            not below those of a lower one.

        Raises
        ------
        ValueError
            If the model's head is not ``Quantiles`` or has no such level, or
            as for a call.

        Examples
        --------
        >>> from gru_tutorial import Forecaster, GRUModel
        >>> model = GRUModel(hidden_size=8, head=Quantiles(12))
        >>> low, median, high = Forecaster(model).quantiles(np.zeros(50), 12)
        >>> low.shape
        (12,)
        """
        head = self._head_of(Quantiles)
        rows = _rows_of(head, levels)
        X, mean, std, single = self._read(history)
        found = self._said(X, horizon, head.quantiles)
        return np.stack(
            [
                self.frame.shaped(in_units(found[k], mean, std), single)
                for k in rows
            ]
        )

    def sample(
        self, history, horizon: int, draws: int = 100, seed: int = 0
    ) -> np.ndarray:
        """Draw paths that may come: each value drawn is the next one's past.

        Each step is drawn from the normal distribution of the step that
        follows, and taken in as if it had been observed. So the steps of a
        path depend on each other as those of the series do, as far as the
        model has learnt it.

        Parameters
        ----------
        history, horizon
            As for a call.
        draws : int
            Paths for each history.
        seed : int
            Seed of NumPy's generator.

        Returns
        -------
        numpy.ndarray of shape (draws, horizon) or (draws, series, horizon)
            In the series' own units, float64.

        Raises
        ------
        ValueError
            If the model's head is not ``Gaussian``, or the model cannot take
            in what it has drawn, or as for a call.

        Examples
        --------
        >>> from gru_tutorial import Forecaster, GRUModel
        >>> model = GRUModel(hidden_size=8, head=Gaussian())
        >>> Forecaster(model).sample(np.zeros(50), horizon=12, draws=5).shape
        (5, 12)
        """
        self._head_of(Gaussian)
        X, mean, std, single = self._read(history)
        horizon = check_int("horizon", horizon, 1, MAX_HORIZON)
        draws = check_int("draws", draws, 1, MAX_DRAWS)
        rng = np.random.default_rng(check_seed("seed", seed))
        paths = np.empty((draws, len(X), horizon, len(self.target)))
        few = max(1, DRAWN // draws)  # series at once
        with evaluating(self.model):
            for k in range(0, len(X), few):
                part = paths[:, k : k + few]
                noise = rng.standard_normal(part.shape)
                part[:] = self._drawn(X[k : k + few], noise)
        paths = [in_units(one, mean, std) for one in paths]
        return np.stack([self.frame.shaped(one, single) for one in paths])

    def _head_of(self, kind: type):
        """Return the model's head, if it is of this kind."""
        head = self.model.head if self._has_head() else None
        if not isinstance(head, kind):
            raise ValueError(
                f"model: expected one with the head {kind.__name__}, got "
                f"{head!r}"
            )
        return head

    def _said(self, X: Tensor, horizon: int, read) -> list[np.ndarray]:
        """Return what a head says of each step, in parts as ``read`` does."""
        horizon = check_int("horizon", horizon, 1, self.horizon)
        with evaluating(self.model):
            found = [
                read(self.model(self._seen(to_model(self.model, part))))
                for part in X.split(BATCH_SIZE)
            ]
        return [
            to_numpy(self._steps(torch.cat(part), X)[:, :horizon])
            for part in zip(*found, strict=True)
        ]

    def _drawn(self, X: Tensor, noise: np.ndarray) -> np.ndarray:
        """Draw (draws, n, horizon, targets) from as much standard noise."""
        x, (draws, _, horizon, width) = to_model(self.model, X), noise.shape
        pushes = iter(torch.from_numpy(noise).to(x).flatten(0, 1).unbind(1))

        def read(y_hat):
            mean, std = self.model.head.distribution(y_hat)
            return mean[:, :width] + std[:, :width] * next(pushes)

        x = self._seen(x)
        y_hat, state = self._ran(x, None)  # reads each history once
        x = (x[:, -1:] if self.window is None else x).repeat(draws, 1, 1)
        state = None if state is None else state.repeat(1, draws, 1)
        steps = self._steps(read(y_hat.repeat(draws, 1)), x)
        paths = self._recursive(steps, x, state, horizon, read)
        return to_numpy(paths).reshape(noise.shape)


def _halves(y_hat: Tensor) -> tuple[Tensor, Tensor]:
    """Return means and log variances."""
    check_tensor("y_hat", y_hat)
    if y_hat.ndim == 0 or y_hat.shape[-1] % 2:
        raise ValueError(
            f"y_hat: expected means and as many log variances, got shape "
            f"{tuple(y_hat.shape)}"
        )
    return y_hat.chunk(2, dim=-1)


def _rows_of(head: Quantiles, levels) -> list[int]:
    """Return where these levels are among those of a head."""
    if levels is None:
        return list(range(len(head.levels)))
    levels = check_levels("levels", levels)
    away = np.abs(np.subtract.outer(levels, head.levels))
    if (away.min(axis=1) > 1e-9).any():  # 1 - 0.95 is not quite 0.05
        raise ValueError(
            f"levels: expected some of {head.levels}, which the head gives, "
            f"got {levels}"
        )
    return away.argmin(axis=1).tolist()
