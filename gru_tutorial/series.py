"""Series whose best forecast is known."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from gru_tutorial.checks import (
    MAX_HORIZON,
    check_float,
    check_int,
    check_length,
    check_seed,
    check_values,
)

MAX_LENGTH = 10**9  # 8 GB
MAX_DELAY = 1000  # units of time


class Series(NamedTuple):
    """A generated series: what is observed, and the signal beneath it."""

    values: np.ndarray
    clean: np.ndarray


class Regime(NamedTuple):
    """A series, and the sign that nobody observes: 1 or -1 at each step."""

    values: np.ndarray
    regime: np.ndarray


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
    length = check_int("length", length, 1, MAX_LENGTH)
    noise = check_float("noise", noise, 0)
    seed = check_seed("seed", seed)
    t = np.arange(length)
    clean = (
        2.0
        + 1.5 * np.sin(2 * np.pi * t / 50)
        + 0.8 * np.sin(2 * np.pi * t / 18 + 0.7)
    )
    drawn = np.random.default_rng(seed).standard_normal(length)
    with np.errstate(over="ignore"):
        values = clean + noise * drawn
    return Series(_check_range("noise", noise, values), clean)


def _check_range(name: str, value, result: np.ndarray) -> np.ndarray:
    """Return what was computed from an argument, if float64 could hold it."""
    if not np.isfinite(result).all():
        raise ValueError(
            f"{name}: expected numbers small enough for results within "
            f"float64's range, got {np.abs(value).max():.3g}"
        )
    return result


def _coefficients(period: float, damping: float) -> tuple[float, float]:
    period = check_float("period", period, 2)
    damping = check_float("damping", damping, 0, below=1)
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
    length = check_int("length", length, 1, MAX_LENGTH)
    phi_1, phi_2 = _coefficients(period, damping)
    noise = check_float("noise", noise, 0)
    seed = check_seed("seed", seed)
    values = np.random.default_rng(seed).standard_normal(length)
    # The first two from the stationary distribution, the others from them.
    rho = phi_1 / (1 - phi_2)  # correlation of neighbours
    share = (1 - rho**2) * (1 - phi_2**2)  # of the noise in all variance
    if share <= 0:
        raise ValueError(
            f"damping: expected a cycle whose spread float64 can hold, got "
            f"{damping!r} with a period of {period!r}"
        )
    with np.errstate(over="ignore", invalid="ignore"):
        values *= noise
        values[:1] /= math.sqrt(share)
        values[1:2] /= math.sqrt(1 - phi_2**2)
        values[1:2] += rho * values[0]
        for t in range(2, length):
            values[t] += phi_1 * values[t - 1] + phi_2 * values[t - 2]
    return _check_range("noise", noise, values)


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
        If ``history`` has fewer than two time steps, or numbers too large to
        go on from.

    Examples
    --------
    >>> cycle_forecast([1.0, 2.0], 3, period=6, damping=0.5).round(6)
    array([ 0.75 , -0.125, -0.25 ])
    """
    history = check_values("history", history, dtype=np.float64)
    horizon = check_int("horizon", horizon, 1, MAX_HORIZON)
    check_length("history", history.T, 2, "2")
    phi_1, phi_2 = _coefficients(period, damping)
    path = [history[..., -2], history[..., -1]]
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(horizon):
            path.append(phi_1 * path[-1] + phi_2 * path[-2])
    return _check_range("history", history, np.stack(path[2:], axis=-1))


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
    horizon = check_int("horizon", horizon, 1, MAX_HORIZON)
    noise = check_float("noise", noise, 0)
    psi = cycle_forecast([0.0, 1.0], horizon, period, damping)
    psi = np.concatenate([[1.0], psi[:-1]])
    with np.errstate(over="ignore"):
        error = noise * np.sqrt(np.cumsum(psi**2))
    return _check_range("noise", noise, error)


def _check_regime(coefficient, stay, noise) -> tuple[float, float, float]:
    return (
        check_float("coefficient", coefficient, 0, below=1),
        check_float("stay", stay, 0.5, below=1),
        check_float("noise", noise, 0, exclusive=True),
    )


def make_regime(
    length: int,
    coefficient: float = 0.95,
    stay: float = 0.98,
    noise: float = 1.0,
    seed: int = 0,
) -> Regime:
    """Generate a series whose dynamics depend on a hidden regime.

    ``y_t = s_t coefficient y_(t-1) + ε_t`` with ``ε_t ~ N(0, noise²)``. The
    sign ``s_t`` is 1 or -1, equal to the one before with probability ``stay``:
    the series persists for a while, then alternates for a while. The best
    forecast is known: see ``RegimeForecast``. It is not linear.

    Parameters
    ----------
    length : int
        The number of time steps.
    coefficient : float
        What is left of a value after one step, from 0 to below 1.
    stay : float
        The probability that the regime stays, from 0.5 to below 1.
    noise : float
        The noise's standard deviation, in the series' own units, above 0.
    seed : int
        Seed of NumPy's generator, which draws regime and noise.

    Returns
    -------
    Regime
        ``values``, float64, and ``regime``, int64, of shape (length,). The
        series is stationary from its first value on.

    Raises
    ------
    ValueError
        If an argument is out of range.

    References
    ----------
    J. D. Hamilton (1989), A new approach to the economic analysis of
    nonstationary time series and the business cycle. *Econometrica* 57,
    357-384.

    Examples
    --------
    >>> values, regime = make_regime(6, stay=0.5, seed=1)
    >>> values.shape
    (6,)
    >>> regime
    array([ 1, -1, -1,  1,  1,  1])
    """
    length = check_int("length", length, 1, MAX_LENGTH)
    coefficient, stay, noise = _check_regime(coefficient, stay, noise)
    rng = np.random.default_rng(check_seed("seed", seed))
    turns = np.where(rng.random(length) < stay, 1, -1)
    turns[0] = rng.choice([1, -1])
    regime = np.cumprod(turns)
    values = rng.standard_normal(length)
    with np.errstate(over="ignore", invalid="ignore"):
        values *= noise
        values[0] /= math.sqrt(1 - coefficient**2)  # whatever the regime
        for t in range(1, length):
            values[t] += regime[t] * coefficient * values[t - 1]
    return Regime(_check_range("noise", noise, values), regime)


class RegimeForecast:
    """Forecast a series of ``make_regime`` as well as can be.

    It knows all but the regime, and keeps the mean ``m`` of the sign, given
    the values so far: P(1) - P(-1). A step takes it to ``(2 stay - 1) m``, and
    by Bayes' rule a new value multiplies the odds of 1 against -1 by
    ``exp(2 coefficient y_(t-1) y_t / noise²)``. As ``arctanh m`` is half their
    logarithm, ::

        m_t = tanh(arctanh((2 stay - 1) m_(t-1))
                   + coefficient y_(t-1) y_t / noise²)

    and the forecast is ``coefficient (2 stay - 1) m_t y_t``. At even horizons
    the sign cancels, and the best forecast is linear in ``y_t`` after all.

    Parameters
    ----------
    coefficient, stay, noise : float
        As in ``make_regime``.

    Raises
    ------
    ValueError
        If an argument is out of range.

    References
    ----------
    J. D. Hamilton (1989), A new approach to the economic analysis of
    nonstationary time series and the business cycle. *Econometrica* 57,
    357-384: the filter.

    Examples
    --------
    >>> values, regime = make_regime(1000, seed=0)
    >>> optimum = RegimeForecast()
    >>> optimum(values[:500], horizon=1).round(3)
    array([1.75])
    >>> optimum.one_step(values, forecast_start=500)[:1].round(3)
    array([1.75])
    >>> believed = optimum.probability(values) > 0.5
    >>> float(np.mean(believed == (regime == 1)))
    0.977
    """

    def __init__(
        self, coefficient: float = 0.95, stay: float = 0.98, noise: float = 1.0
    ) -> None:
        self.coefficient, self.stay, self.noise = _check_regime(
            coefficient, stay, noise
        )

    def __repr__(self) -> str:
        """Show what it has been told."""
        told = ", ".join(f"{k}={v!r}" for k, v in vars(self).items())
        return f"RegimeForecast({told})"

    def __call__(self, history, horizon: int) -> np.ndarray:
        """Forecast what follows a history: its mean, given the history.

        Parameters
        ----------
        history : array_like of shape (time,) or (series, time)
            What is known, from the first value of the series on.
        horizon : int
            Time steps to forecast.

        Returns
        -------
        numpy.ndarray of shape (horizon,) or (series, horizon)
            In the series' own units.

        Raises
        ------
        ValueError
            If ``history`` is empty, or too large for the noise.
        """
        history = check_values("history", history, dtype=np.float64)
        horizon = check_int("horizon", horizon, 1, MAX_HORIZON)
        check_length("history", history.T, 1, "1")
        sign = self._filter("history", history)[..., -1:]
        steps = np.arange(1, horizon + 1)
        # In the mean of a product of signs, neighbours pair off.
        pairs = (2 * self.stay - 1) ** ((steps + 1) // 2)
        signs = pairs * np.where(steps % 2 == 1, sign, 1.0)
        return self.coefficient**steps * signs * history[..., -1:]

    def one_step(self, values, forecast_start: int) -> np.ndarray:
        """Forecast each value of the test part from the true ones before it.

        Parameters
        ----------
        values : array_like of shape (time,)
            The whole series.
        forecast_start : int
            The first time step to forecast.

        Returns
        -------
        numpy.ndarray of shape (time - forecast_start,)
            In the series' own units.

        Raises
        ------
        ValueError
            If nothing comes before ``forecast_start``, or from it on.
        """
        values = check_values("values", values, (1,), np.float64)
        check_length("values", values, 2, "2")
        start = check_int("forecast_start", forecast_start, 1, len(values) - 1)
        known = values[:-1]
        sign = (2 * self.stay - 1) * self._filter("values", known)
        return (self.coefficient * sign * known)[start - 1 :]

    def probability(self, values) -> np.ndarray:
        """Return how probable regime 1 is at each step, given all up to it.

        Parameters
        ----------
        values : array_like of shape (time,) or (series, time)
            What is known, from the first value of the series on.

        Returns
        -------
        numpy.ndarray of the same shape
            From 0, for regime -1, to 1.

        Raises
        ------
        ValueError
            If ``values`` is empty, or too large for the noise.
        """
        values = check_values("values", values, dtype=np.float64)
        check_length("values", values.T, 1, "1")
        return (1 + self._filter("values", values)) / 2

    def _filter(self, name: str, values: np.ndarray) -> np.ndarray:
        """Return the sign's mean at each step, given all values up to it."""
        with np.errstate(over="ignore"):
            y = _check_range(name, values, values.T / self.noise)
            evidence = self.coefficient * y[:-1] * y[1:]
        sign = np.zeros_like(y)
        for t in range(1, len(y)):
            expected = (2 * self.stay - 1) * sign[t - 1]
            sign[t] = np.tanh(np.arctanh(expected) + evidence[t - 1])
        return sign.T


def make_mackey_glass(
    length: int,
    tau: float = 17,
    every: int = 6,
    noise: float = 0.0,
    seed: int = 0,
) -> Series:
    """Generate the chaotic series of Mackey and Glass, with noise on top.

    The clean series follows ``dx/dt = 0.2 x(t-tau) / (1 + x(t-tau)^10) -
    0.1 x(t)``, by Runge-Kutta steps of order four and size 0.1. It starts
    from a constant past near 1.2, and leaves out the first 1,000 units of
    time. What is observed is ``y_t = x_t + ε_t`` with ``ε_t ~ N(0, noise²)``.

    Parameters
    ----------
    length : int
        The number of time steps.
    tau : float
        The delay, at least 1, to 0.1. It is chaotic from about 17 on.
    every : int
        Units of time from one value to the next.
    noise : float
        The noise's standard deviation; the clean series has about 0.23.
    seed : int
        Seed of NumPy's generator, which draws the start and the noise.

    Returns
    -------
    Series
        ``values`` and ``clean``, float64 arrays of shape (length,).

    Raises
    ------
    ValueError
        If an argument is out of range.

    References
    ----------
    M. C. Mackey and L. Glass (1977), Oscillation and chaos in physiological
    control systems. *Science* 197, 287-289.

    Examples
    --------
    >>> float(make_mackey_glass(500, seed=0).values.std().round(2))
    0.23
    """
    length = check_int("length", length, 1, MAX_LENGTH)
    tau = check_float("tau", tau, 1, below=MAX_DELAY)
    every = check_int("every", every, 1, MAX_DELAY)
    noise = check_float("noise", noise, 0)
    rng = np.random.default_rng(check_seed("seed", seed))
    first = 1.1 + 0.2 * rng.random()
    clean = _mackey_glass(first, round(tau * 10), length * every)[::every]
    with np.errstate(over="ignore"):
        values = clean + noise * rng.standard_normal(length)
    return Series(_check_range("noise", noise, values), clean)


def _mackey_glass(first: float, delay: int, units: int) -> np.ndarray:
    """Return one value for each unit of time, after the first 1,000 units."""
    path = [first] * (delay + 1)  # a constant past; then steps of 0.1
    growth = [0.2 * first / (1 + first**10)] * (delay + 1)
    for i in range(10 * (1000 + units)):
        begin, end, x = growth[i], growth[i + 1], path[-1]
        middle = (begin + end) / 2
        k1 = begin - 0.1 * x
        k2 = middle - 0.1 * (x + 0.05 * k1)
        k3 = middle - 0.1 * (x + 0.05 * k2)
        k4 = end - 0.1 * (x + 0.1 * k3)
        x += (k1 + 2 * k2 + 2 * k3 + k4) / 60
        path.append(x)
        growth.append(0.2 * x / (1 + x**10))
    return np.array(path[delay + 10_000 : -1 : 10])
