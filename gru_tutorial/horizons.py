"""Chapter 7: several steps ahead, by three strategies, and a task to judge."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import torch
from torch import Tensor, nn

from gru_tutorial.checks import (
    check_float,
    check_int,
    check_length,
    check_values,
)
from gru_tutorial.data import MAX_SEED, Scaler, to_tensor
from gru_tutorial.model import GRUModel, evaluating, to_model

BATCH_SIZE = 256  # series per call of the model


def _recursive(model: nn.Module, x: Tensor, horizon: int) -> Tensor:
    if not hasattr(model, "run"):
        raise ValueError(
            f"model: expected one with run and step, as GRUModel has, for a "
            f"recursive forecast, got {type(model).__name__}"
        )
    out, state = model.run(x)  # (batch, time, 1)
    if out.shape[-1] != 1:
        raise ValueError(
            f"model: expected one value a step to go on from, got "
            f"{out.shape[-1]}; strategy='direct' takes them as they are"
        )
    path = [out[:, -1]]
    while len(path) < horizon:
        y_hat, state = model.step(path[-1], state)
        path.append(y_hat)
    return torch.cat(path, dim=1)


def _direct(model: nn.Module, x: Tensor, horizon: int) -> Tensor:
    y_hat = model(x)
    if y_hat.ndim != 2 or y_hat.shape[1] < horizon:
        raise ValueError(
            f"horizon: expected at most what the model forecasts at once, "
            f"shape (batch, {horizon}) or more, got {tuple(y_hat.shape)}"
        )
    return y_hat[:, :horizon]


def _seq2seq(model: nn.Module, x: Tensor, horizon: int) -> Tensor:
    if not hasattr(model, "unroll"):
        raise ValueError(
            f"model: expected one with unroll(x, horizon), as Seq2SeqGRU has, "
            f"got {type(model).__name__}"
        )
    return model.unroll(x, horizon)


STRATEGIES = {
    "recursive": _recursive,
    "direct": _direct,
    "seq2seq": _seq2seq,
}


def _strategy_of(model: nn.Module, x: Tensor, horizon: int) -> str:
    if hasattr(model, "unroll"):
        return "seq2seq"
    one = model(x[:1]).shape[-1] == 1
    return "recursive" if one and horizon > 1 else "direct"


def _scaling(scaler: Scaler | None, series: int):
    if scaler is None:
        return 0.0, 1.0
    fitted = isinstance(scaler, Scaler) and scaler.mean is not None
    if not fitted or (scaler.mean.ndim and scaler.mean.shape != (series,)):
        raise ValueError(
            f"scaler: expected a Scaler fitted on shape (time,), or on (time, "
            f"{series}) for a scale of each series, got {scaler!r}"
        )
    return scaler.mean.reshape(-1, 1), scaler.std.reshape(-1, 1)


def forecast(
    model: nn.Module,
    history,
    horizon: int,
    scaler: Scaler | None = None,
    strategy: str | None = None,
) -> np.ndarray:
    """Forecast the steps that follow a history, or each of many.

    ``"recursive"``: the model forecasts one step and takes it in as if it had
    been observed, through the state that it carries. ``"direct"``: one output
    for each step, all from the last state. ``"seq2seq"``: a second GRU goes
    on from the last state.

    Parameters
    ----------
    model : torch.nn.Module
        ``recursive`` needs ``run`` and ``step``, and one output, as
        ``GRUModel`` has; ``direct`` maps (batch, time, 1) to (batch, horizon
        or more); ``seq2seq`` needs ``unroll``, as ``Seq2SeqGRU`` has.
    history : array_like of shape (time,) or (batch, time)
        What is known, in its own units. The state starts before its first
        value: pass as much as the model was trained to see.
    horizon : int
        Time steps to forecast.
    scaler : Scaler
        The one used in training, if any. Fitted on (time, batch), it has a
        scale of its own for each series.
    strategy : str
        One of ``STRATEGIES``; if not given, the one that the model is made
        for.

    Returns
    -------
    numpy.ndarray of shape (horizon,) or (batch, horizon)
        In the series' own units.

    Raises
    ------
    ValueError
        If ``history`` is empty, or too short for the model, or not finite,
        ``horizon`` is below 1 or above what a direct model forecasts, or the
        model does not suit the strategy.

    References
    ----------
    S. Ben Taieb et al. (2012), A review and comparison of strategies for
    multi-step ahead time series forecasting, arXiv:1108.3259.

    Examples
    --------
    >>> model = GRUModel(hidden_size=8)
    >>> forecast(model, np.zeros(100), horizon=12).shape
    (12,)
    >>> model = GRUModel(hidden_size=8, output_size=24)
    >>> forecast(model, np.zeros((5, 100)), horizon=12).shape
    (5, 12)
    """
    history = check_values("history", history)
    horizon = check_int("horizon", horizon, 1)
    check_length("history", history.T, 1, "1")
    if len(history) == 0:
        raise ValueError(f"history: expected series, got {history.shape}")
    if strategy is not None and strategy not in STRATEGIES:
        raise ValueError(
            f"strategy: expected one of {', '.join(STRATEGIES)}, got "
            f"{strategy!r}"
        )
    rows = np.atleast_2d(history)
    mean, std = _scaling(scaler, len(rows))
    X = to_tensor("history", ((rows - mean) / std)[..., None], ndim=3)
    with evaluating(model):
        parts = [to_model(model, part) for part in X.split(BATCH_SIZE)]
        strategy = strategy or _strategy_of(model, parts[0], horizon)
        unroll = STRATEGIES[strategy]
        y_hat = torch.cat([unroll(model, part, horizon) for part in parts])
    y_hat = check_values("model's forecast", y_hat.double().cpu().numpy())
    return (y_hat * std + mean).reshape(*history.shape[:-1], horizon)


class Seq2SeqGRU(GRUModel):
    """Read the history with one GRU, and forecast with another.

    The second starts from the first one's last state, takes the last value
    and then its own forecasts. In contrast to a recursive forecast this is
    how it is trained, too.

    Parameters
    ----------
    horizon : int
        Time steps that are forecast in training.
    hidden_size : int
        Units of each of the two GRUs.

    Raises
    ------
    ValueError
        If one of them is below 1.

    References
    ----------
    Sutskever et al. (2014), arXiv:1409.3215; Cho et al. (2014),
    arXiv:1406.1078.

    Examples
    --------
    >>> model = Seq2SeqGRU(horizon=12, hidden_size=8)
    >>> model(torch.zeros(32, 100, 1)).shape
    torch.Size([32, 12])
    """

    def __init__(self, horizon: int, hidden_size: int = 32):
        super().__init__(hidden_size=hidden_size)
        self.horizon = check_int("horizon", horizon, 1)
        self.decoder = nn.GRUCell(1, hidden_size)

    def decode(self, last: Tensor, state: Tensor, horizon: int) -> Tensor:
        """Forecast from states of the first GRU.

        Parameters
        ----------
        last : Tensor of shape (n, 1)
            The value that each state has seen last.
        state : Tensor of shape (n, hidden_size)
            The states.
        horizon : int
            Time steps to forecast.

        Returns
        -------
        Tensor of shape (n, horizon)
            The forecasts, scaled.
        """
        path = []
        for _ in range(horizon):
            state = self.decoder(last, state)
            last = self.linear(state)
            path.append(last)
        return torch.cat(path, dim=1)

    def unroll(
        self, x: Tensor, horizon: int, h0: Tensor | None = None
    ) -> Tensor:
        """Forecast any number of steps.

        Parameters
        ----------
        x : Tensor of shape (batch, time, 1)
            Histories, scaled.
        horizon : int
            Time steps to forecast; it may differ from that of the training.
        h0 : Tensor of shape (1, batch, hidden_size)
            The state before the first step; zeros if not given.

        Returns
        -------
        Tensor of shape (batch, horizon)
            The forecasts, scaled.
        """
        self._check(x, h0)
        _, state = self.gru(x, h0)
        return self.decode(x[:, -1], state[-1], horizon)

    def forward(self, x: Tensor, h0: Tensor | None = None) -> Tensor:
        """Forecast as many steps as in training: see ``unroll``."""
        return self.unroll(x, self.horizon, h0)

    def run(
        self, x: Tensor, state: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Forecast from every step, for training on chunks.

        Parameters
        ----------
        x : Tensor of shape (batch, time, 1)
            A stretch of each sequence, scaled.
        state : Tensor of shape (1, batch, hidden_size)
            The state after the stretch before.

        Returns
        -------
        y_hat : Tensor of shape (batch, time, horizon)
            What follows each step, scaled.
        state : Tensor of shape (1, batch, hidden_size)
            The state after the last step.
        """
        self._check(x, state, "state")
        out, state = self.gru(x, state)
        y_hat = self.decode(x.flatten(0, 1), out.flatten(0, 1), self.horizon)
        return y_hat.unflatten(0, x.shape[:2]), state


class GaussianGRU(GRUModel):
    """Forecast a mean and a variance for each step, all at once.

    Parameters
    ----------
    horizon : int
        Time steps to forecast.
    hidden_size : int
        Units of the GRU.

    Raises
    ------
    ValueError
        If one of them is below 1.

    Notes
    -----
    ``model(x)`` gives the means alone, so that the model is a forecaster like
    any other. ``run`` gives means and log variances side by side, shape
    (batch, time, 2 * horizon), as ``gaussian_loss`` takes them.

    References
    ----------
    D. A. Nix and A. S. Weigend (1994), Estimating the mean and variance of
    the target probability distribution. *IEEE ICNN* 1, 55-60.

    Examples
    --------
    >>> model = GaussianGRU(horizon=12, hidden_size=8)
    >>> model(torch.zeros(32, 100, 1)).shape
    torch.Size([32, 12])
    """

    def __init__(self, horizon: int, hidden_size: int = 32):
        horizon = check_int("horizon", horizon, 1)
        super().__init__(hidden_size=hidden_size, output_size=2 * horizon)

    def forward(self, x: Tensor, h0: Tensor | None = None) -> Tensor:
        """Return the means that follow each window, (batch, horizon)."""
        return super().forward(x, h0).chunk(2, dim=-1)[0]

    def quantile(self, x: Tensor, p: float) -> Tensor:
        """Return a quantile of each step's distribution.

        Parameters
        ----------
        x : Tensor of shape (batch, time, 1)
            Windows, scaled.
        p : float
            The probability of a value below, between 0 and 1.

        Returns
        -------
        Tensor of shape (batch, horizon)
            ``mean + z_p * std``, scaled.

        Examples
        --------
        >>> model, x = GaussianGRU(horizon=3), torch.zeros(1, 24, 1)
        >>> torch.equal(model.quantile(x, 0.5), model(x))
        True
        """
        mean, log_var = super().forward(x).chunk(2, dim=-1)
        return mean + NormalDist().inv_cdf(p) * (log_var / 2).exp()


def gaussian_loss(y_hat: Tensor, y: Tensor) -> Tensor:
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
        ``mean(log(2π) + log_var + (y - mean)² / exp(log_var)) / 2``.

    Examples
    --------
    >>> gaussian_loss(torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0]]))
    tensor(1.4189)
    """
    mean, log_var = y_hat.chunk(2, dim=-1)
    squares = (y - mean) ** 2 * (-log_var).exp()
    return (math.log(2 * math.pi) + log_var + squares).mean() / 2


gaussian_loss.numbers = 2  # for each label: fit compares the shapes


class LastStatesGRU(GRUModel):
    """Read step k of the forecast from the state of k steps after T - horizon.

    A reconstruction, to be tested: so do ``BlockRNNModel`` of Darts 0.48.1
    and ``GRU`` of NeuralForecast 3.3.0 (with its default
    ``recurrent=False``) where the horizon is not longer than the window.
    Their output layer can so take covariates of each future step; but step 1
    does not see the last ``horizon - 1`` observations.

    Parameters
    ----------
    horizon : int
        Time steps to forecast.
    hidden_size : int
        Units of the GRU.
    decoder_size : int
        Units of a hidden layer with ReLU between state and output, as in
        NeuralForecast; ``None`` for a linear output, as in Darts.

    Raises
    ------
    ValueError
        If one of them is below 1.

    Examples
    --------
    >>> from gru_tutorial.evaluation import visibility
    >>> model = LastStatesGRU(horizon=4, hidden_size=8)
    >>> def forecaster(history, horizon):
    ...     return forecast(model, history, horizon)
    >>> visibility(forecaster, np.zeros(24), 4) > 0
    array([False, False, False,  True])
    """

    def __init__(
        self,
        horizon: int,
        hidden_size: int = 32,
        decoder_size: int | None = None,
    ):
        super().__init__(hidden_size=hidden_size)
        self.horizon = check_int("horizon", horizon, 1)
        if decoder_size is not None:
            decoder_size = check_int("decoder_size", decoder_size, 1)
            self.linear = nn.Sequential(
                nn.Linear(hidden_size, decoder_size),
                nn.ReLU(),
                nn.Linear(decoder_size, 1),
            )

    def forward(self, x: Tensor, h0: Tensor | None = None) -> Tensor:
        """Forecast what follows each window, (batch, horizon)."""
        return self.run(x, h0)[0][:, -1]

    def run(
        self, x: Tensor, state: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Forecast from every step, for training on chunks.

        Parameters
        ----------
        x : Tensor of shape (batch, time, 1)
            Whole sequences, scaled: a stretch of a stream will not do.
        state : Tensor of shape (1, batch, hidden_size)
            The state before the first step; zeros if not given.

        Returns
        -------
        y_hat : Tensor of shape (batch, time, horizon)
            What follows each step, scaled. The first ``horizon - 1`` steps
            have no states of their own to read from, and hold zeros: train
            with ``burn_in=horizon - 1`` or more.
        state : Tensor of shape (1, batch, hidden_size)
            The state after the last step.

        Raises
        ------
        ValueError
            If ``x`` has fewer than ``horizon`` time steps.
        """
        self._check(x, state, "state")
        check_length("x", x[0], self.horizon, "horizon")
        out, state = super().run(x, state)  # (batch, time, 1)
        padded = nn.functional.pad(out[..., 0], (self.horizon - 1, 0))
        return padded.unfold(1, self.horizon, 1), state


def _coefficients(period: float, damping: float) -> tuple[float, float]:
    period = check_float("period", period, 2)
    damping = check_float("damping", damping, 0)
    if damping >= 1:
        raise ValueError(
            f"damping: expected a number below 1, got {damping!r}"
        )
    return 2 * damping * math.cos(2 * math.pi / period), -(damping**2)


def make_cycle(
    length: int,
    period: float = 12.0,
    damping: float = 0.95,
    noise: float = 1.0,
    seed: int = 0,
) -> np.ndarray:
    """Generate a cycle whose height and phase wander: an AR(2) process.

    ``y_t = φ_1 y_(t-1) + φ_2 y_(t-2) + ε_t`` with ``ε_t ~ N(0, noise²)``,
    ``φ_1 = 2 damping cos(2π/period)`` and ``φ_2 = -damping²``. The best
    forecast and its error are known at every horizon: see ``cycle_forecast``
    and ``cycle_error``.

    Parameters
    ----------
    length : int
        The number of time steps.
    period : float
        Time steps of a cycle, at least 2.
    damping : float
        What is left of a cycle after one step, from 0 to below 1.
    noise : float
        The noise's standard deviation, in the series' own units.
    seed : int
        Seed of NumPy's generator, which draws the noise.

    Returns
    -------
    numpy.ndarray of shape (length,)
        The series; it is stationary from its first value on.

    Raises
    ------
    ValueError
        If an argument is out of range.

    References
    ----------
    G. U. Yule (1927), On a method of investigating periodicities in disturbed
    series. *Philosophical Transactions A* 226, 267-298.

    Examples
    --------
    >>> make_cycle(850, seed=0).shape
    (850,)
    """
    length = check_int("length", length, 1)
    phi_1, phi_2 = _coefficients(period, damping)
    noise = check_float("noise", noise, 0)
    seed = check_int("seed", seed, 0, MAX_SEED)
    values = noise * np.random.default_rng(seed).standard_normal(length)
    # The first two from the stationary distribution, the others from them.
    rho = phi_1 / (1 - phi_2)  # correlation of neighbours
    values[:1] /= math.sqrt((1 - rho**2) * (1 - phi_2**2))
    values[1:2] /= math.sqrt(1 - phi_2**2)
    values[1:2] += rho * values[0]
    for t in range(2, length):
        values[t] += phi_1 * values[t - 1] + phi_2 * values[t - 2]
    return values


def cycle_forecast(
    history, horizon: int, period: float = 12.0, damping: float = 0.95
) -> np.ndarray:
    """Forecast a cycle as well as can be: its mean, given the history.

    Parameters
    ----------
    history : array_like of shape (time,) or (batch, time)
        What is known, at least two steps; only these matter.
    horizon : int
        Time steps to forecast.
    period, damping : float
        As in ``make_cycle``.

    Returns
    -------
    numpy.ndarray of shape (horizon,) or (batch, horizon)
        In the series' own units.

    Raises
    ------
    ValueError
        If ``history`` has fewer than two time steps.

    Examples
    --------
    >>> cycle_forecast([1.0, 2.0], 3, period=6, damping=0.5).round(6)
    array([ 0.75 , -0.125, -0.25 ])
    """
    history = check_values("history", history)
    horizon = check_int("horizon", horizon, 1)
    check_length("history", history.T, 2, "2")
    phi_1, phi_2 = _coefficients(period, damping)
    path = [history[..., -2], history[..., -1]]
    for _ in range(horizon):
        path.append(phi_1 * path[-1] + phi_2 * path[-2])
    return np.stack(path[2:], axis=-1)


def cycle_error(
    horizon: int,
    period: float = 12.0,
    damping: float = 0.95,
    noise: float = 1.0,
) -> np.ndarray:
    """Return the standard deviation of the best forecast's error.

    With ``ψ_0 = 1`` and ``ψ_k = φ_1 ψ_(k-1) + φ_2 ψ_(k-2)``, what a noise of
    today does to the value in k steps, it is
    ``noise * sqrt(ψ_0² + ... + ψ_(k-1)²)`` at step k. It rises towards the
    standard deviation of the series itself.

    Parameters
    ----------
    horizon : int
        Time steps to forecast.
    period, damping, noise : float
        As in ``make_cycle``.

    Returns
    -------
    numpy.ndarray of shape (horizon,)
        In the series' own units.

    Raises
    ------
    ValueError
        If an argument is out of range.

    References
    ----------
    G. E. P. Box and G. M. Jenkins (1970), *Time Series Analysis: Forecasting
    and Control*, chapter 5.

    Examples
    --------
    >>> cycle_error(4, period=12, damping=0.95).round(2)
    array([1.  , 1.93, 2.64, 3.03])
    """
    horizon = check_int("horizon", horizon, 1)
    noise = check_float("noise", noise, 0)
    psi = cycle_forecast([0.0, 1.0], horizon, period, damping)
    psi = np.concatenate([[1.0], psi[:-1]])
    return noise * np.sqrt(np.cumsum(psi**2))
