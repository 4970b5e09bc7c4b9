"""Can a forecast be trusted? Tests that take any forecaster."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

from gru_tutorial.checks import (
    check_bool,
    check_callable,
    check_float,
    check_int,
    check_length,
    check_seed,
    check_values,
    is_constant,
)

CALL = "forecaster(history, horizon) that returns an array"
MAX_DRAWS = 10**6  # of a bootstrap: they take seconds
AT_ONCE = 10**6  # blocks that are drawn in one go


class ForecastFunction(Protocol):
    """Whatever forecasts: a function, or an object that is called like one."""

    def __call__(self, history: np.ndarray, horizon: int) -> np.ndarray:
        """Return the ``horizon`` values that come after ``history``."""


class RollingForecasts(NamedTuple):
    """Forecasts from several origins; row i was made at ``origins[i]``."""

    origins: np.ndarray
    y: np.ndarray
    y_hat: np.ndarray


class PairedSkill(NamedTuple):
    """How much better one forecaster is than another, and how surely.

    ``verdict`` is "better" if ``lower`` is above 0, "worse" if ``upper`` is
    below 0, and else "no difference"; ``won`` is the share of origins at which
    the forecaster's error is the smaller one, ties counted half.
    """

    skill: float
    lower: float
    upper: float
    won: float
    verdict: str


def _ask(
    forecaster: ForecastFunction, history, horizon: int, target: int = 0
) -> np.ndarray:
    check_callable("forecaster", forecaster, CALL)
    y_hat = forecaster(history.copy(), horizon)  # a copy hides what follows
    several = getattr(forecaster, "target", None)
    if isinstance(several, tuple) and len(several) > 1:
        y_hat = check_values("forecaster's answer", y_hat, ndim=(2,))
        y_hat = y_hat[:, several.index(target)]
    y_hat = check_values("forecaster's answer", y_hat, ndim=(1,))
    if len(y_hat) != horizon:
        raise ValueError(
            f"forecaster's answer: expected shape ({horizon},), got "
            f"{y_hat.shape}"
        )
    return y_hat


def _column(name: str, values: np.ndarray, column: int) -> np.ndarray:
    """Return one column as a view; a series of rank 1 has just one."""
    columns = values.reshape(len(values), -1)
    return columns[:, check_int(name, column, 0, columns.shape[1] - 1)]


def _spread(values: np.ndarray) -> np.ndarray:
    """Return a move that counts, for each column: its standard deviation."""
    level = np.abs(values).max(axis=0)
    scale = np.where(level > 0, level, 1.0)  # squares stay within range
    std = (values / scale).std(axis=0) * scale
    return np.where(is_constant(values), np.maximum(1.0, 1e-6 * level), std)


def _move(name: str, values: np.ndarray, shift, noise=1.0) -> np.ndarray:
    """Return ``values + shift * noise``, if float64 can hold all of that."""
    with np.errstate(over="ignore"):
        moved = values + shift * noise
    lost = (moved == values) | ~np.isfinite(moved)
    if lost.any():
        raise ValueError(
            f"{name}: expected values that can be moved by {np.max(shift):.3g}"
            f" within float64, got {values[lost][0]:.17g}"
        )
    return moved


def _moves(name: str, before, after, shift: float) -> np.ndarray:
    """Return how far an answer moved, or say that its dtype hides it."""
    with np.errstate(over="ignore"):
        moves = np.abs(after.astype(np.float64) - before.astype(np.float64))
        steps = np.spacing(np.abs(before)).astype(np.float64)
    hidden = (moves == 0) & (steps > shift)
    if hidden.any() or not np.isfinite(moves).all():
        raise ValueError(
            f"{name}: expected numbers in which a shift of {shift:.3g} can be "
            f"seen, got {before.dtype} in steps of {steps.max():.3g}"
        )
    return moves


def visibility(
    forecaster: ForecastFunction,
    history,
    horizon: int,
    shift: float | None = None,
    at: int = -1,
    column: int = 0,
    target: int | None = None,
) -> np.ndarray:
    """Measure how far each step of a forecast moves with one observation.

    If the last observation says anything about a step, a forecast that sees it
    moves there. A step that stays was made without it, or does not need it.

    Parameters
    ----------
    forecaster : callable
        ``forecaster(history, horizon)`` returns an array of shape (horizon,).
    history : array_like of shape (time,) or (time, columns)
        What is known, in its own units.
    horizon : int
        Time steps to forecast.
    shift : float
        What is added to the observation. If not given, it is the standard
        deviation of its column; of a constant one a millionth of its level,
        at least 1.
    at : int
        Which observation moves, counted as an index: -1 is the last.
    column : int
        The column whose observation moves, where there are several.
    target : int
        The column whose forecast is looked at, as for ``rolling_origin``.

    Returns
    -------
    numpy.ndarray of shape (horizon,)
        The size of each step's move, in the series' own units. Exactly 0
        where the observation is not seen.

    Raises
    ------
    ValueError
        If ``history`` is empty or has no such observation, ``shift`` is not
        above 0 or too small for the numbers that it moves, or the forecaster
        answers in another shape, or with another forecast for the same
        history (is dropout switched off?).

    Examples
    --------
    >>> def last_week(history, horizon):
    ...     return history[-7:][:horizon]
    >>> visibility(last_week, np.arange(28.0), 7, shift=1)
    array([0., 0., 0., 0., 0., 0., 1.])
    """
    history = check_values("history", history, dtype=np.float64)
    horizon = check_int("horizon", horizon, 1)
    check_length("history", history, 1, "1")
    at = check_int("at", at, -len(history), len(history) - 1)
    moved = history.copy()
    values = _column("column", moved, column)  # a view
    shift = float(_spread(values)) if shift is None else shift
    shift = check_float("shift", shift, 0, exclusive=True)
    values[at] = _move("history", values[[at]], shift)[0]
    target = _target(forecaster, target)
    before, again, after = (
        _ask(forecaster, known, horizon, target)
        for known in (history, history, moved)
    )
    if not np.array_equal(before, again):
        raise ValueError(
            "forecaster: expected the same forecast for the same history, "
            "got two that differ (is dropout switched off?)"
        )
    return _moves("forecaster's answer", before, after, shift)


def leakage(
    pipeline: Callable[[np.ndarray], np.ndarray],
    values,
    forecast_start: int,
    seed: int = 0,
) -> np.ndarray:
    """Measure how far forecasts move when only their future is changed.

    Parameters
    ----------
    pipeline : callable
        ``pipeline(values)`` takes the whole series, does all that the
        forecasts need (scaling, training, ...) and returns forecasts that
        were made before ``forecast_start``; for equal values equal ones.
    values : array_like of shape (time,) or (time, columns)
        The series, in its own units.
    forecast_start : int
        The first time step that those forecasts must not know.
    seed : int
        Seed of NumPy's generator: the values from ``forecast_start`` on move
        by normal noise with their column's standard deviation; of a constant
        one with a millionth of its level, at least 1.

    Returns
    -------
    numpy.ndarray
        The size of each forecast's move, in the shape of what ``pipeline``
        returns. All are 0, or the future has leaked.

    Raises
    ------
    ValueError
        If nothing comes before or after ``forecast_start``, the values cannot
        be moved within float64, or ``pipeline`` returns no forecasts, or
        another number of them when the future is another one.

    Examples
    --------
    >>> values = np.arange(20.0)
    >>> leakage(lambda v: [v[:15].mean()], values, forecast_start=15)
    array([0.])
    >>> leaks = leakage(lambda v: [v.mean()], values, forecast_start=15)
    >>> bool(leaks[0] > 0)
    True
    """
    check_callable("pipeline", pipeline, "pipeline(values) with forecasts")
    values = check_values("values", values, dtype=np.float64)
    check_length("values", values, 2, "2")
    last = len(values) - 1
    forecast_start = check_int("forecast_start", forecast_start, 1, last)
    rng = np.random.default_rng(check_seed("seed", seed))
    changed, spread = values.copy(), _spread(values)
    future = changed[forecast_start:]  # a view
    noise = rng.standard_normal(future.shape)
    future[:] = _move("values", future, spread, noise)
    before, after = (
        check_values("pipeline's answer", pipeline(v), ndim=(0, 1, 2))
        for v in (values.copy(), changed)
    )
    if before.shape != after.shape or before.size == 0:
        raise ValueError(
            f"pipeline's answer: expected forecasts, as many for any future, "
            f"got shapes {before.shape} and {after.shape}"
        )
    return _moves("pipeline's answer", before, after, spread.max())


def _target(forecaster, target: int | None) -> int:
    """Return the column that is forecast: the forecaster's own, if it says."""
    own = getattr(forecaster, "target", None)
    known = own if isinstance(own, tuple) else (own,)
    if not all(isinstance(one, int) for one in known):
        return 0 if target is None else target
    if target is None:
        return known[0]
    if target not in known:
        raise ValueError(
            f"target: expected a column that the forecaster predicts, one of "
            f"{known}, got {target!r}"
        )
    return target


def rolling_origin(
    forecaster: ForecastFunction | None,
    values,
    forecast_start: int,
    horizon: int,
    step: int = 1,
    fit: Callable[[np.ndarray], ForecastFunction] | None = None,
    target: int | None = None,
) -> RollingForecasts:
    """Forecast from one origin after another, as time would have it.

    At the origin ``t`` the forecaster gets a copy of ``values[:t]`` alone, and
    forecasts ``values[t : t + horizon]``. As each origin comes once, no value
    is scored twice at the same horizon.

    Parameters
    ----------
    forecaster : callable
        ``forecaster(history, horizon)`` returns an array of shape (horizon,).
        ``None``, if ``fit`` makes it.
    values : array_like of shape (time,) or (time, columns)
        The series, in its own units.
    forecast_start : int
        The first origin.
    horizon : int
        Time steps of each forecast; the last one ends with the series.
    step : int
        Time steps from one origin to the next.
    fit : callable
        ``fit(history)`` returns the forecaster for this origin: called at
        each of them, to refit. Without it the forecaster stays as it is.
    target : int
        The column whose forecasts are kept, where there are several; if not
        given, the forecaster's own ``target``, the first of them, or column 0.

    Returns
    -------
    RollingForecasts
        ``origins`` of shape (n,), and ``y`` and ``y_hat`` of shape
        (n, horizon), float64, in the series' own units.

    Raises
    ------
    ValueError
        If no forecast fits after ``forecast_start``, or a forecaster answers
        in another shape.

    References
    ----------
    L. J. Tashman (2000), Out-of-sample tests of forecasting accuracy.
    *International Journal of Forecasting* 16, 437-450.

    Examples
    --------
    >>> def naive(history, horizon):
    ...     return np.full(horizon, history[-1])
    >>> result = rolling_origin(naive, np.arange(10.0), 6, horizon=2)
    >>> result.origins
    array([6, 7, 8])
    >>> result.y - result.y_hat
    array([[1., 2.],
           [1., 2.],
           [1., 2.]])
    """
    values = check_values("values", values, dtype=np.float64)
    horizon = check_int("horizon", horizon, 1)
    check_length("values", values, horizon + 1, "horizon + 1")
    last = len(values) - horizon
    forecast_start = check_int("forecast_start", forecast_start, 1, last)
    step = check_int("step", step, 1)
    if fit is not None:
        check_callable("fit", fit, "fit(history) that returns a forecaster")
    origins = range(forecast_start, last + 1, step)
    y, y_hat = np.empty((2, len(origins), horizon))
    for k, origin in enumerate(origins):
        history = values[:origin]
        if fit is not None:
            made = fit(history.copy())
            forecaster = check_callable("fit's answer", made, CALL)
        kept = _target(forecaster, target)
        truth = _column("target", values, kept)
        y[k] = truth[origin : origin + horizon]
        y_hat[k] = _ask(forecaster, history, horizon, kept)
    return RollingForecasts(np.array(origins), y, y_hat)


def _paired_sizes(y, y_hat, other) -> np.ndarray:
    """Return the sizes of both forecasters' errors, (2, origins, horizon).

    They are shares of the largest: a skill is a ratio, and so their squares
    stay within range.
    """
    y = check_values("y", y, dtype=np.float64)
    pair = []
    for name, values in (("y_hat", y_hat), ("other", other)):
        values = check_values(name, values, dtype=np.float64)
        if values.shape != y.shape:
            raise ValueError(
                f"{name}: expected the shape of y {y.shape}, got "
                f"{values.shape}"
            )
        with np.errstate(over="ignore"):
            sizes = check_values(f"{name}'s errors", np.abs(values - y))
        pair.append(sizes if y.ndim == 2 else sizes[:, None])
    pair = np.stack(pair)
    return pair / (pair.max(initial=0) or 1.0)


def _block_length(name: str, n: int, horizon: int, block, level) -> int:
    """Return the length of a block, if enough of them fit into n origins."""
    if block is None:
        block = math.ceil(n ** (1 / 3)) + horizon - 1
    block = check_int("block", block, 1)
    # All of k blocks are won by luck, or all are lost, in 2 of 2**k cases.
    needed = math.ceil(1 - math.log2(1 - level) - 1e-9)
    if n < needed * block:
        raise ValueError(
            f"{name}, block: expected at least {needed} blocks of {block} "
            f"origins for level {level:g}, got {n} origins"
        )
    return block


def _resample(errors: np.ndarray, block: int, draws: int, rng) -> np.ndarray:
    """Return both mean errors in each draw, from the same blocks for both."""
    n = errors.shape[1]
    circle = np.concatenate([errors, errors[:, : block - 1]], axis=1)
    blocks = np.lib.stride_tricks.sliding_window_view(circle, block, axis=1)
    blocks = blocks.mean(axis=-1)  # (2, n): one begins at each origin
    fewer = max(1, n // block - 1)  # of k blocks: a mean's spread is unbiased
    means, rows = np.empty((2, draws)), max(1, AT_ONCE // fewer)
    for k in range(0, draws, rows):
        picked = rng.integers(n, size=(min(rows, draws - k), fewer))
        means[:, k : k + rows] = blocks[:, picked].mean(axis=2)
    return means


def _skill(error, other) -> np.ndarray:
    """Return 1 - error / other; of two forecasts without errors it is 0."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where(error == other, 0.0, 1 - error / other)


def paired_skill(
    y,
    y_hat,
    other,
    absolute: bool = False,
    block: int | None = None,
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> PairedSkill:
    """Tell whether one forecaster is better than another, at the same origins.

    The skill is ``1 - error / error of the other``. Its interval comes from a
    bootstrap: origins are drawn anew in blocks of consecutive ones, the same
    for both forecasters. So what is hard for both cancels, and errors may
    depend on those shortly before. Where n origins hold k blocks, each draw
    takes k - 1: then the spread of a mean is not too small for a small n.

    It stays a little too narrow where errors are correlated. Of two equal
    forecasters whose errors are autoregressive with coefficient 0.5, 200
    origins say "no difference" in 92 % of all cases (coefficient 0.8: 86 %;
    50 origins: 92 and 79 %; one step apart with ``horizon=12``: 88 %), where
    95 % are promised.

    Parameters
    ----------
    y, y_hat, other : array_like of shape (origins,) or (origins, horizon)
        Truth, forecasts, and those of the other forecaster, in time order.
    absolute : bool
        Whether the error is the mean absolute one, not the mean squared one.
    block : int
        Origins in a block. If not given, ``ceil(n ** (1/3)) + horizon - 1``:
        the cube root is the rate at which blocks have to grow, and forecasts
        from origins one time step apart share ``horizon - 1`` truths. Give
        ``ceil(n ** (1/3))`` for origins that are a horizon apart.
    level : float
        Of the interval, between 0 and 1.
    draws : int
        Of the bootstrap.
    seed : int
        Seed of NumPy's generator.

    Returns
    -------
    PairedSkill
        ``skill``, the bounds ``lower`` and ``upper`` of its interval, the
        share of origins ``won``, and the ``verdict``: "better", "worse", or
        "no difference" if 0 is inside.

    Raises
    ------
    ValueError
        If the shapes differ, the origins hold fewer than
        ``1 - log2(1 - level)`` blocks (6 for 0.95: luck alone wins or loses
        all of 5 too often), ``draws`` is below ``2 / (1 - level)``, or the
        other makes no error at too many origins.

    References
    ----------
    D. N. Politis and J. P. Romano (1992), A circular block-resampling
    procedure for stationary data, in *Exploring the Limits of Bootstrap*,
    263-270. H. R. Künsch (1989), The jackknife and the bootstrap for general
    stationary observations. *Annals of Statistics* 17, 1217-1241 (the cube
    root). F. X. Diebold and R. S. Mariano (1995), Comparing predictive
    accuracy. *Journal of Business & Economic Statistics* 13, 253-263 (paired
    differences).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> clean, noise = rng.standard_normal((2, 200))
    >>> result = paired_skill(clean + noise, clean, np.zeros(200))
    >>> result.verdict
    'better'
    >>> 0 < result.lower < result.skill < result.upper < 1
    True
    """
    sizes = _paired_sizes(y, y_hat, other)
    absolute = check_bool("absolute", absolute)
    errors = sizes if absolute else sizes**2
    return _compare("y", errors, block, level, draws, seed)


def paired_scores(
    scores,
    other,
    block: int | None = None,
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> PairedSkill:
    """Tell whether one forecaster scores better than another, as above.

    The comparison of ``paired_skill``, for any score of which less is better
    and 0 is perfect: of distributions (CRPS), quantiles (pinball loss), or
    intervals.

    Parameters
    ----------
    scores, other : array_like of shape (origins,) or (origins, horizon)
        Scores at the same origins, in time order, and those of the other
        forecaster.
    block, level, draws, seed
        As for ``paired_skill``.

    Returns
    -------
    PairedSkill
        As ``paired_skill`` does; the skill is ``1 - score / other's score``.

    Raises
    ------
    ValueError
        If the shapes differ, the mean score of the other is not above 0, or
        as for ``paired_skill``.

    Examples
    --------
    >>> scores = np.random.default_rng(0).uniform(1, 2, 200)
    >>> paired_scores(0.9 * scores, scores).verdict
    'better'
    """
    pair = []
    for name, given in (("scores", scores), ("other", other)):
        given = check_values(name, given, dtype=np.float64)
        pair.append(given if given.ndim == 2 else given[:, None])
    if np.shape(scores) != np.shape(other):
        raise ValueError(
            f"other: expected the shape of scores {np.shape(scores)}, got "
            f"{np.shape(other)}"
        )
    pair = np.stack(pair)
    pair = pair / (np.abs(pair).max(initial=0) or 1.0)  # sums stay in range
    return _compare("scores", pair, block, level, draws, seed)


def _compare(name, errors, block, level, draws, seed) -> PairedSkill:
    """Compare two forecasters' errors of shape (2, origins, horizon)."""
    level = check_float("level", level, 0, exclusive=True, below=1)
    _, n, horizon = errors.shape
    errors = errors.mean(axis=2)
    block = _block_length(name, n, horizon, block, level)
    draws = check_int("draws", draws, 1, MAX_DRAWS)
    outside = math.floor(draws * (1 - level) / 2 + 1e-9)  # on either side
    if outside < 1:
        raise ValueError(
            f"draws: expected at least {math.ceil(2 / (1 - level) - 1e-9)} "
            f"for level {level:g}, got {draws}"
        )
    rng = np.random.default_rng(check_seed("seed", seed))
    drawn = _resample(errors, block, draws, rng)
    skills = np.sort(_skill(*drawn))
    skill = float(_skill(*errors.mean(axis=1)))
    lower, upper = float(skills[outside]), float(skills[-1 - outside])
    known = errors[1].mean() > 0 and drawn[1].min() >= 0
    if not (known and math.isfinite(skill + lower + upper)):
        raise ValueError(
            f"other: expected errors to compare with at more origins, got "
            f"{np.count_nonzero(errors[1])} of {n} above 0"
        )
    won = float(np.mean(1 + np.sign(errors[1] - errors[0])) / 2)
    verdict = "no difference" if lower <= 0 <= upper else "worse"
    verdict = "better" if lower > 0 else verdict
    return PairedSkill(skill, lower, upper, won, verdict)
