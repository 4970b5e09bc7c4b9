"""Which property of a series tells in advance that a GRU will win?

Six properties are candidates, each with the direction in which it should
point, all known before the test part. A rule of thumb is one of them and a
threshold: "try a GRU if the property is above it". Both are found on half of
the series, and the rule is tested on the other half. A *win* is a task whose
interval of the skill lies above zero.
"""

from itertools import pairwise

import numpy as np

from gru_tutorial import Ridge

LAGS = 20  # of autocorrelations
CANDIDATES = {  # name: (should it be above the threshold?, in words)
    "nonlinear": (
        True,
        "validation skill of neighbours or boosting over ridge",
    ),
    "squares": (
        True,
        "autocorrelation of ridge's squared errors, 20 lags together",
    ),
    "bds": (True, "BDS statistic of ridge's errors"),
    "noise": (False, "share of the variance that ridge leaves, one step"),
    "season": (False, "share of the variance in the mean season"),
    "values": (True, "values before the test part"),
}


def properties_of(data):
    """Return the properties that need no other method's scores.

    Ridge is fitted to the training part; its errors are those one step ahead
    on the validation part.
    """
    ridge = Ridge().fit(data.values[: data.valid])
    known = data.values[: data.test]
    errors = known[data.valid :] - ridge.one_step(known, data.valid)
    late = known[data.valid :]
    return {
        "squares": round(dependence(errors**2), 4),
        "bds": round(bds(errors), 4),
        "noise": round(float(np.mean(errors**2) / late.var()), 6),
        "season": round(season(known[: data.valid], data.period), 4),
        "values": data.test,
    }


def dependence(values, lags=LAGS):
    """Return the sum of squared autocorrelations, beyond that of chance."""
    rest = values - values.mean()
    n, power = len(rest), np.sum(rest**2)
    acf = [np.sum(rest[k:] * rest[:-k]) / power for k in range(1, lags + 1)]
    return float(np.sum(np.square(acf)) - lags / n)


def bds(errors):
    """Return statsmodels' BDS statistic of pairs, over the root of n.

    So its size tells how strong a dependence is, not how long the series.
    """
    from statsmodels.tsa.stattools import bds as test

    return float(np.squeeze(test(errors, max_dim=2)[0])) / len(errors) ** 0.5


def season(values, period):
    """Return which share of the variance the mean season explains.

    A straight line is taken out before; without a season it is 0.
    """
    if period == 1:
        return 0.0
    steps = np.arange(len(values))
    rest = values - np.polyval(np.polyfit(steps, values, 1), steps)
    phase = steps % period
    mean = np.bincount(phase, rest) / np.bincount(phase)
    return float(1 - np.var(rest - mean[phase]) / rest.var())


def named(values, threshold, above):
    """Tell for each task whether the rule says: a GRU."""
    values = np.asarray(values, float)
    return values > threshold if above else values < threshold


def balanced(says, wins):
    """Return the mean of two shares of hits: among wins, and the others."""
    shares = [np.mean(says[wins]), np.mean(~says[~wins])]
    return float(np.mean(shares))


def threshold_of(values, wins, above):
    """Return the threshold with the best balance, and that balance.

    Candidates lie between neighbouring values; of equals the one with which
    fewest tasks get a GRU.
    """
    ordered = np.unique(values)
    middles = [(a + b) / 2 for a, b in pairwise(ordered.tolist())]
    if not middles or wins.all() or not wins.any():
        return float(ordered[-1 if above else 0]), 0.5
    found = [(balanced(named(values, c, above), wins), c) for c in middles]
    sign = 1 if above else -1
    best = max(found, key=lambda one: (one[0], sign * one[1]))
    return best[1], best[0]


def hits(says, wins):
    """Count what a rule gets right; ``never`` are hits of saying no."""
    return {
        "tasks": len(wins),
        "hits": int(np.sum(says == wins)),
        "wins": int(np.sum(wins)),
        "wins_named": int(np.sum(says & wins)),
        "named": int(np.sum(says)),
        "never": int(np.sum(~wins)),
    }


def rank_correlation(a, b):
    """Return Spearman's correlation of two lists; ties share their ranks."""
    from scipy.stats import spearmanr

    if len(set(a)) == 1 or len(set(b)) == 1:
        return 0.0
    return round(float(spearmanr(a, b).statistic), 4)


def candidate(name, parts, is_win):
    """Form the rule of one property on one half, and test it on the other."""
    above, words = CANDIDATES[name]
    values = {
        half: np.array([row["properties"][name] for row in rows], float)
        for half, rows in parts.items()
    }
    wins = {half: wins_of(rows, is_win) for half, rows in parts.items()}
    threshold, balance = threshold_of(
        values["forming"], wins["forming"], above
    )
    found = {
        "property": name,
        "words": words,
        "above": above,
        "threshold": threshold,
        "balance": round(balance, 4),
        "rank_correlation": {
            half: rank_correlation(values[half], [r["skill"] for r in rows])
            for half, rows in parts.items()
        },
    }
    for half in parts:
        says = named(values[half], threshold, above)
        found[half] = hits(says, wins[half])
    return found


def is_better(row):
    """Tell whether a GRU has surely won."""
    return row["verdict"] == "better"


def is_ahead(row):
    """Tell whether a GRU had the lower error, be it by chance."""
    return row["skill"] > 0


def wins_of(rows, is_win):
    """Tell which tasks count as won."""
    return np.array([is_win(row) for row in rows], bool)


def trial(rows):
    """Tell where a GRU was ahead on validation: for comparison."""
    return np.array(
        [r["valid"]["GRU"] < r["valid"][r["baseline"]] for r in rows], bool
    )


def account(tasks, half, is_win=is_better):
    """Return the rule, how often it was right, and all candidates.

    ``half`` says in which half each series is. A balance of 0.5 is that of a
    coin: then there is no rule, and the first candidate stands for all.
    """
    parts = {
        one: [row for row in tasks if half[row["series"]] == one]
        for one in ("forming", "testing")
    }
    found = [candidate(name, parts, is_win) for name in CANDIDATES]
    best = max(found, key=lambda one: one["balance"])  # the first of equals
    return {
        **best,
        "properties": found,
        "trial": {
            k: hits(trial(v), wins_of(v, is_win)) for k, v in parts.items()
        },
    }
