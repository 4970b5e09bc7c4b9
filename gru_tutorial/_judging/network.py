"""A GRU on series, their differences, or their seasonal differences."""

from __future__ import annotations

import math

import numpy as np
import torch

from gru_tutorial._judging.panel import Diverged, Panel
from gru_tutorial.forecaster import Forecaster
from gru_tutorial.model import GRUModel
from gru_tutorial.recipe import Recipe
from gru_tutorial.windows import Scaler

HIDDEN = 32
CHUNK = 96
BATCH = 32


class Network:
    """A GRU that forecasts all steps at once, from differences if need be.

    Parameters
    ----------
    horizon : int
        Time steps of a forecast.
    lag : int
        Of the differences: 0 for the series itself.
    columns : int
        What it reads: the target, and those beside it.
    seed : int
        Of weights and order.
    """

    def __init__(self, horizon: int, lag: int, columns: int, seed: int = 0):
        self.horizon, self.lag, self.columns = horizon, lag, columns
        self.seed = seed
        self.forecaster: Forecaster | None = None
        self.chunk = 0

    def __str__(self):
        """Return its name, and what it sees."""
        how = {0: "the series itself", 1: "differences"}
        told = how.get(self.lag, f"differences at lag {self.lag}")
        return f"GRU ({told})"

    def _differences(self, values: np.ndarray) -> np.ndarray:
        """Return the target's differences; the other columns stay."""
        if self.lag == 0:
            return values
        moved = values[..., self.lag :, :].copy()
        moved[..., 0] -= values[..., : -self.lag, 0]
        return moved

    def _made(self, scaler: Scaler) -> Forecaster:
        """Return a forecaster with new weights; the caller's seed stays."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            model = GRUModel(
                input_size=self.columns,
                hidden_size=HIDDEN,
                horizon=self.horizon,
                fast=True,
            )
        return Forecaster(model, scaler)

    def fit(self, panel: Panel, updates: int) -> Network:
        """Train on all of a panel; a second time it goes on."""
        pieces = [self._differences(one) for one in panel.series]
        shortest = min(map(len, pieces))
        if self.forecaster is None:
            self.chunk = max(4, min(CHUNK, (shortest - self.horizon) // 2))
            self.forecaster = self._made(_scaler_of(pieces))
        if self.columns == 1:
            pieces = [one[:, 0] for one in pieces]
        chunks = sum(len(o) - self.chunk - self.horizon + 1 for o in pieces)
        stride = max(1, 3 * chunks // (BATCH * updates))
        an_epoch = math.ceil(chunks / stride / BATCH)
        recipe = Recipe(
            num_epochs=max(1, round(updates / an_epoch)),
            lr=0.02,
            one_cycle=True,
            clip=1.0,
            burn_in=self.chunk // 4,
            batch_size=BATCH,
            chunk=self.chunk,
            stride=stride,
            seed=self.seed,
        )
        series = pieces if len(pieces) > 1 else pieces[0]
        try:
            self.forecaster.fit(series, recipe)
        except ValueError as error:
            raise self._diverged(error, panel.series) from None
        return self

    def _diverged(self, error: ValueError, series) -> Diverged:
        """Say which training ended early, and what may be the cause."""
        largest = max(np.abs(one[:, 0]).max() for one in series)
        return Diverged(
            f"data: training of {self} diverged ({error}); the value farthest "
            f"off is {largest:.3g} times the usual spread away from the mean: "
            f"is it a value?"
        )

    def __call__(self, histories: np.ndarray, horizon: int) -> np.ndarray:
        """Forecast (series, origins, horizon) from what is seen."""
        moved = self._differences(histories)[..., -2 * self.chunk :, :]
        flat = moved.reshape(-1, *moved.shape[2:])
        if self.columns == 1:
            flat = flat[..., 0]
        try:
            y_hat = self.forecaster(flat, horizon)
        except ValueError as error:
            seen = histories.reshape(-1, histories.shape[-1])
            raise self._diverged(error, [seen]) from None
        y_hat = y_hat.reshape(*histories.shape[:2], horizon)
        return self._undone(y_hat, histories[..., 0])

    def _undone(self, y_hat: np.ndarray, history: np.ndarray) -> np.ndarray:
        """Add what the differences were taken from."""
        if self.lag == 0:
            return y_hat
        path = np.concatenate([history[..., -self.lag :], y_hat], axis=-1)
        for k in range(y_hat.shape[-1]):
            path[..., self.lag + k] += path[..., k]
        return path[..., self.lag :]

    def state(self) -> dict:
        """Return all that ``from_state`` needs."""
        scaler = self.forecaster.scaler
        return {
            "horizon": self.horizon,
            "lag": self.lag,
            "columns": self.columns,
            "seed": self.seed,
            "chunk": self.chunk,
            "mean": torch.from_numpy(np.atleast_1d(scaler.mean)),
            "std": torch.from_numpy(np.atleast_1d(scaler.std)),
            "weights": self.forecaster.model.state_dict(),
        }

    @classmethod
    def from_state(cls, state: dict) -> Network:
        """Return the network that ``state`` was made of."""
        keys = ("horizon", "lag", "columns", "seed")
        network = cls(*(state[key] for key in keys))
        network.chunk = state["chunk"]
        mean, std = state["mean"].numpy(), state["std"].numpy()
        if network.columns == 1:
            mean, std = mean[0], std[0]
        network.forecaster = network._made(Scaler(mean, std))
        network.forecaster.model.load_state_dict(state["weights"])
        return network


def _scaler_of(pieces: list[np.ndarray]) -> Scaler:
    """Return one scale for all series; a column without a spread stays."""
    joint = np.concatenate(pieces)
    mean, std = joint.mean(axis=0), joint.std(axis=0)
    std = np.where(std > 1e-9 * (1 + np.abs(mean)), std, 1.0)
    if joint.shape[1] == 1:
        return Scaler(mean[0], std[0])
    return Scaler(mean, std)


def lags_of(period: int, seen: int, train: int) -> list[int]:
    """Return the lags of differences to try: none, one step, a season."""
    lags = [0, 1]
    if 1 < period <= min(seen - 24, train // 2):
        lags.append(period)
    return lags
