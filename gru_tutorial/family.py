"""A family of series: alike in groups, and each with an optimum of its own."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gru_tutorial.checks import check_float, check_int, check_seed

MAX_SERIES = 10**7
LONGEST_CYCLE = 24.0


class Family(NamedTuple):
    """Series, what they are without noise, and what is known of each."""

    values: np.ndarray
    clean: np.ndarray
    noise: np.ndarray
    group: np.ndarray


def make_family(
    count: int,
    length: int,
    groups: int = 8,
    noise: float = 0.4,
    seed: int = 0,
) -> Family:
    """Generate series that are alike within groups.

    A group has a level, a cycle of 8 to 24 steps, and a shape of it: three
    harmonics. A series has the shape of its group; a level, a size, a start
    and a length of the cycle near its group's; and noise in proportion to its
    size: ``y_t = level + size (shape(t / period + start) + ε_t)``. Whoever
    knew all of these would be wrong by ``noise`` of a series alone.

    Parameters
    ----------
    count : int
        Series.
    length : int
        Time steps of each.
    groups : int
        Groups, which the series belong to by turns.
    noise : float
        The noise's standard deviation, on average, in units of a cycle's.
    seed : int
        Seed of NumPy's generator. A group is the same in all families of a
        seed, however many series they have.

    Returns
    -------
    Family
        ``values`` and ``clean`` of shape (count, length), float64; ``noise``,
        the standard deviation of each series', of shape (count,); and
        ``group``, from 0, int64, of shape (count,).

    Raises
    ------
    ValueError
        If an argument is out of range.

    Examples
    --------
    >>> family = make_family(6, 60, groups=3, seed=0)
    >>> family.values.shape, family.group
    ((6, 60), array([0, 1, 2, 0, 1, 2]))
    """
    count = check_int("count", count, 1, MAX_SERIES)
    length = check_int("length", length, 1, MAX_SERIES)
    if count * length > 10**9:
        raise ValueError(
            f"count, length: expected at most 1e9 values, got "
            f"{count} * {length}"
        )
    groups = check_int("groups", groups, 1, 1000)
    noise = check_float("noise", noise, 0, below=1e6)
    seed = check_seed("seed", seed)
    levels, cycles, shapes = _groups(groups, np.random.default_rng(seed))
    rng = np.random.default_rng([seed, count, length])
    group = np.arange(count) % groups
    size = np.exp(0.5 * rng.standard_normal(count))
    level = 3 * levels[group] + rng.standard_normal(count)
    cycle = cycles[group] * rng.uniform(0.9, 1.1, count)
    start = rng.random(count)
    std = noise * size * np.exp(0.3 * rng.standard_normal(count))
    phase = np.arange(length) / cycle[:, None] + start[:, None]
    clean = np.zeros((count, length))
    for k in range(3):
        angle = 2 * np.pi * (k + 1) * phase
        sine, cosine = shapes[group, k].T
        clean += sine[:, None] * np.sin(angle)
        clean += cosine[:, None] * np.cos(angle)
    clean = level[:, None] + size[:, None] * clean
    errors = std[:, None] * rng.standard_normal((count, length))
    return Family(clean + errors, clean, std, group)


def _groups(count: int, rng) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return levels, cycles, and shapes of variance 1, three harmonics."""
    drawn = rng.standard_normal((count, 8))
    span = LONGEST_CYCLE / 8
    cycles = 8 * span ** rng.random(count)
    shapes = drawn[:, :6].reshape(count, 3, 2)
    shapes /= np.sqrt((shapes**2).sum((1, 2), keepdims=True) / 2)
    return drawn[:, 6], cycles, shapes
