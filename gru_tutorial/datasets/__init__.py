"""Series from real life, which come with the package: see the README here."""

from __future__ import annotations

from importlib import resources
from typing import NamedTuple

import numpy as np

_HERE = resources.files(__name__)
_STEP = 1e-4  # between neighbouring values of the stored coefficients


class Electricity(NamedTuple):
    """Half-hourly demand: the start of each period, and its demand in MW."""

    period_start: np.ndarray
    demand_mw: np.ndarray


class Vowels(NamedTuple):
    """Utterances in two parts, and the speaker of each, from 0 to 8."""

    train: list[np.ndarray]
    train_speakers: np.ndarray
    test: list[np.ndarray]
    test_speakers: np.ndarray


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
    with (_HERE / "electricity_demand.csv").open(encoding="utf-8") as file:
        rows = np.loadtxt(file, delimiter=",", skiprows=1, dtype=str)
    return Electricity(
        rows[:, 0].astype("datetime64[m]"), rows[:, 1].astype(float)
    )


def load_vowels() -> Vowels:
    """Load utterances of two Japanese vowels by nine men.

    Each of the 640 utterances is a sequence of 7 to 29 frames, 6.4 ms apart,
    of 12 cepstrum coefficients, which describe the sound's spectrum. The
    split is that of Kudo et al. (1999): 270 utterances for training, 30 of
    each speaker, and 370 from other occasions for the test.

    Returns
    -------
    Vowels
        ``train`` and ``test``, lists of float64 arrays of shape (frames, 12),
        and ``train_speakers`` and ``test_speakers``, int64 arrays.

    References
    ----------
    M. Kudo, J. Toyama and M. Shimbo (1999), Multidimensional curve
    classification using passing-through regions. *Pattern Recognition
    Letters* 20, 1103-1111. Source and licence: ``datasets/README.md``.

    Examples
    --------
    >>> vowels = load_vowels()
    >>> len(vowels.train), len(vowels.test)
    (270, 370)
    >>> vowels.train[0].shape, vowels.train_speakers[:2]
    ((20, 12), array([0, 0]))
    """
    with (_HERE / "japanese_vowels.npz").open("rb") as file:
        stored = np.load(file, allow_pickle=False)
        frames, lengths, speakers = (
            stored[name] for name in ("frames", "lengths", "speakers")
        )
    ends = np.cumsum(lengths.astype(np.int64))[:-1]
    utterances = [one * _STEP for one in np.split(frames, ends)]
    speakers, trained = speakers.astype(np.int64), 270
    return Vowels(
        utterances[:trained],
        speakers[:trained],
        utterances[trained:],
        speakers[trained:],
    )
