"""Keeping a forecaster right: retraining, an alarm, and a way back.

choice    settings, on week 6 of the demand for electricity after training on
          the weeks 1-5, with a seed of its own
demand    the weeks 7-12, a day ahead from every second hour: a GRU that is
          never retrained, trained anew each Monday on all weeks so far, or
          trained on from its weights on all weeks so far, with as many
          updates and with a quarter of them; ridge, once and each Monday; the
          week before. Five seeds.
alarm     values outside a band of 99 % on a generated series: how often
          without a cause, and how soon after planted ones; five seeds
fallback  the rule that goes back to a baseline, where the cycles of a
          generated series change, and where they do not; five seeds

Some parts alone are measured again, and the others kept.

Usage: python benchmarks/retraining.py          (some minutes)
       python benchmarks/retraining.py alarm fallback
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before the libraries are loaded

import argparse
import time
from copy import deepcopy

import numpy as np
import torch
from peers import run_quietly

from gru_tutorial import (
    QUICK,
    AdaptiveBand,
    Fallback,
    Forecaster,
    GRUModel,
    Naive,
    Recipe,
    Ridge,
    SplitConformal,
    load_electricity,
    make_series,
    paired_skill,
)
from gru_tutorial.book.results import load_average, load_results, store

DAY, WEEK = 48, 336
FIRST, LAST = 6, 12  # weeks: trained before FIRST ends, scored until LAST ends
EVERY = 4  # half hours from one origin to the next
BLOCK = 60  # origins that the bootstrap draws at once: five days
CHUNK, BATCH, STRIDE, HIDDEN, SEEN = 96, 16, 8, 32, 192
SEEDS, CHOICE_SEED = range(5), 100
GRUS = [
    {"lag": lag, "updates": updates}
    for lag in (0, DAY, WEEK)  # of the differences that it reads
    for updates in (200, 600)
]
FAST = "compiled"
RIDGES = [{"lags": lags} for lags in (48, 340, 384, 500)]


class Differences:
    """A GRU that reads and forecasts differences at a lag."""

    def __init__(self, lag, seed):
        self.lag, self.seed, self.updates = lag, seed, 0
        torch.manual_seed(seed)
        model = GRUModel(hidden_size=HIDDEN, horizon=DAY, fast=FAST)
        self.gru = Forecaster(model)

    def moved(self, values):
        """Return the differences; the first ones are missing."""
        return values[self.lag :] - values[: len(values) - self.lag]

    def fit(self, past, updates):
        """Train on all of the past; a second time it goes on."""
        moved = self.moved(past) if self.lag else past
        pieces = len(range(0, len(moved) - CHUNK - DAY + 1, STRIDE))
        an_epoch = -(-pieces // BATCH)
        epochs = max(1, round(updates / an_epoch))
        self.updates = epochs * an_epoch
        recipe = Recipe(
            num_epochs=epochs,
            lr=0.02,
            one_cycle=True,
            clip=1.0,
            burn_in=CHUNK // 4,
            batch_size=BATCH,
            chunk=CHUNK,
            stride=STRIDE,
            seed=self.seed,
        )
        self.gru.fit(moved, recipe)
        return self

    def __call__(self, values, origins):
        """Forecast a day from each origin; nothing after it is read."""
        seen = np.arange(-SEEN, 0)
        ago = origins[:, None] + seen
        known = values[ago]
        if self.lag:
            known = known - values[ago - self.lag]
        path = self.gru(known, DAY)
        for k in range(DAY if self.lag else 0):
            old = k >= self.lag  # what it was taken from was forecast, too
            path[:, k] += (
                path[:, k - self.lag]
                if old
                else values[origins + k - self.lag]
            )
        return path


def truths(values, origins):
    """Return the day after each origin."""
    return values[origins[:, None] + np.arange(DAY)]


def root(errors):
    """Return the root of the mean square."""
    return float(np.sqrt(np.mean(errors**2)))


def choice(demand):
    """Return the errors in week 6 of all settings, and the best."""
    past = demand[: (FIRST - 1) * WEEK]
    origins = np.arange((FIRST - 1) * WEEK, FIRST * WEEK - DAY + 1, EVERY)
    y, grus, ridges = truths(demand, origins), [], []
    for one in GRUS:
        gru = Differences(one["lag"], CHOICE_SEED).fit(past, one["updates"])
        grus.append(one | {"rmse": root(gru(demand, origins) - y)})
    for one in RIDGES:
        y_hat = of_ridge(Ridge(**one).fit(past), demand, origins)
        ridges.append(one | {"rmse": root(y_hat - y)})
    return {"gru": grus, "ridge": ridges}


def best(rows, *names):
    """Return the settings with the lowest error."""
    found = min(rows, key=lambda row: row["rmse"])
    return [found[name] for name in names]


def of_ridge(ridge, values, origins):
    """Return a day's forecasts from each origin."""
    return np.stack([ridge(values[:origin], DAY) for origin in origins])


def week_by_week(demand, models):
    """Return the forecasts of weeks, each by a model of its own."""
    found = []
    for week, model in zip(range(FIRST, LAST), models, strict=True):
        found.append(model(demand, origins_of(week)))
    return np.concatenate(found)


def origins_of(week):
    """Return the origins in a week whose day after is known."""
    end = min((week + 1) * WEEK, LAST * WEEK - DAY + 1)
    return np.arange(week * WEEK, end, EVERY)


def policies(demand, lag, updates, seed):
    """Return the models of each week and the updates spent, by policy."""
    first = Differences(lag, seed).fit(demand[: FIRST * WEEK], updates)
    weeks = range(FIRST, LAST)
    found = {"never": ([first] * len(weeks), first.updates)}
    rules = {
        "anew": (False, updates),
        "on": (True, updates),
        "on, a quarter": (True, updates // 4),
    }
    for name, (goes_on, share) in rules.items():
        models = [first]
        for week in weeks[1:]:
            model = deepcopy(models[-1]) if goes_on else Differences(lag, seed)
            models.append(model.fit(demand[: week * WEEK], share))
        found[name] = models, sum(model.updates for model in models)
    return found


def scored(y, y_hat):
    """Return errors by week, and of all."""
    sizes = np.cumsum([len(origins_of(w)) for w in range(FIRST, LAST)])[:-1]
    weeks = [round(root(part), 1) for part in np.split(y_hat - y, sizes)]
    mape = round(float(np.mean(abs(y_hat / y - 1))) * 100, 3)
    return {"rmse": round(root(y_hat - y), 1), "mape": mape, "weeks": weeks}


def demand(stored):
    """Return the errors of all policies and rivals."""
    values = load_electricity().demand_mw
    lag, updates = best(stored["choice"]["gru"], "lag", "updates")
    (lags,) = best(stored["choice"]["ridge"], "lags")
    origins = np.concatenate([origins_of(w) for w in range(FIRST, LAST)])
    y, by_seed, runs = truths(values, origins), {}, {}
    for seed in SEEDS:
        for name, (models, spent) in policies(
            values, lag, updates, seed
        ).items():
            y_hat = week_by_week(values, models)
            by_seed.setdefault(name, []).append(y_hat)
            run = {"seed": seed, "updates": spent, **scored(y, y_hat)}
            runs.setdefault(name, []).append(run)
        print("seed", seed, runs["never"][-1], flush=True)
    others = rivals(values, lags, origins)
    found = {name: scored(y, y_hat) for name, y_hat in others.items()}
    return {
        "settings": {"lag": lag, "updates": updates, "ridge lags": lags},
        "origins": len(origins),
        "runs": runs,
        "rivals": found,
        "compared": compared(y, by_seed, others),
    }


def rivals(values, lags, origins):
    """Return the forecasts of the baselines."""
    once = Ridge(lags=lags).fit(values[: FIRST * WEEK])
    weekly = [
        Ridge(lags=lags).fit(values[: w * WEEK]) for w in range(FIRST, LAST)
    ]
    again = [
        of_ridge(ridge, values, origins_of(w))
        for ridge, w in zip(weekly, range(FIRST, LAST), strict=True)
    ]
    return {
        "week before": truths(values, origins - WEEK),
        "ridge, never": of_ridge(once, values, origins),
        "ridge, anew": np.concatenate(again),
    }


def compared(y, by_seed, others):
    """Tell, for each seed, which of two is better."""
    pairs = [
        ("anew", "never"),
        ("on", "never"),
        ("on", "anew"),
        ("on, a quarter", "anew"),
        ("on", "week before"),
        ("on", "ridge, anew"),
        ("ridge, anew", "ridge, never"),
    ]
    found = []
    for one, other in pairs:
        rows = []
        for k in range(len(SEEDS) if one in by_seed else 1):
            mine, theirs = (
                by_seed[name][k] if name in by_seed else others[name]
                for name in (one, other)
            )
            told = paired_skill(y, mine, theirs, block=BLOCK)
            row = {"seed": k, "verdict": told.verdict}
            for name in ("skill", "lower", "upper"):
                row[name] = round(getattr(told, name), 3)
            rows.append(row)
        found.append({"one": one, "other": other, "runs": rows})
    return found


# The alarm

NOISE, TRAINED, CALIBRATED, WATCHED = 0.35, 850, 400, 1600
SIZES = (2.0, 3.0, 4.0, 6.0, 8.0)  # in the noise's standard deviations
GAP, LASTS = 80, 20  # steps from one planted anomaly to the next; of a shift


def watched(gru, values, start):
    """Return, for each kind of band, which values raise an alarm."""
    y, y_hat = values[start:], gru.one_step(values, start)
    residuals = (y - y_hat)[:CALIBRATED]
    y, y_hat = y[CALIBRATED:], y_hat[CALIBRATED:]
    fixed = SplitConformal(0.99).fit(residuals[:, None]).radius[0]
    band = AdaptiveBand(residuals, 0.99)
    moving = [band.update(*pair) for pair in zip(y, y_hat, strict=True)]
    return {"fixed": abs(y - y_hat) > fixed, "adaptive": np.array(moving)}


def planted(values, places, size, lasts):
    """Return a series with anomalies of a size; signs take turns."""
    changed = values.copy()
    for k, place in enumerate(places):
        changed[place : place + lasts] += (-1) ** k * size * NOISE
    return changed


def alarm(stored):
    """Return false alarms, and detections of spikes and of shifts."""
    del stored
    start, rows = TRAINED, []
    begin = start + CALIBRATED
    places = np.arange(begin + GAP // 2, begin + WATCHED - GAP // 2, GAP)
    for seed in SEEDS:
        values = make_series(begin + WATCHED, NOISE, seed).values
        torch.manual_seed(seed)
        gru = Forecaster(GRUModel(hidden_size=32, horizon=4))
        gru.fit(values[:start], QUICK.but(seed=seed))
        quiet = watched(gru, values, start)
        for kind, lasts in (("spike", 1), ("shift", LASTS)):
            for size in SIZES:
                changed = planted(values, places, size, lasts)
                for band, alarms in watched(gru, changed, start).items():
                    row = {"seed": seed, "band": band, "kind": kind}
                    row["size"] = size
                    row["false_alarms"] = float(quiet[band].mean())
                    row |= detected(alarms, places - begin, lasts)
                    rows.append(row)
    each = {"planted": len(places), "lasts": LASTS, "level": 0.99}
    return {**each, "watched": WATCHED, "runs": rows}


def detected(alarms, places, lasts):
    """Return the share that was seen while it lasted, how late, and echoes."""
    delays, echoes = [], 0
    for place in places:
        (at,) = np.nonzero(alarms[place : place + lasts])
        delays += at[:1].tolist()
        echoes += int(alarms[place + lasts : place + lasts + LASTS].sum())
    late = float(np.mean(delays)) if delays else None
    return {
        "found": len(delays) / len(places),
        "steps_late": late,
        "alarms_in_the_20_after": echoes / len(places),
    }


# The way back

AHEAD, REMEMBERED, CHANGE, ORIGINS = 6, 20, 1500, 1500


def changing(seed, changes):
    """Return a series whose cycles become others, or do not."""
    length = TRAINED + CHANGE + ORIGINS
    series = make_series(length, NOISE, seed)
    if not changes:
        return series.values
    at = TRAINED + CHANGE
    t = np.arange(length - at)
    noise = series.values - series.clean
    late = 3.5 + 1.2 * np.sin(2 * np.pi * t / 31)
    late += 1.0 * np.sign(np.sin(2 * np.pi * t / 140))
    return np.concatenate([series.clean[:at], late]) + noise


def fallback(stored):
    """Return errors with and without the rule, and when it acts."""
    del stored
    rows = []
    for seed in SEEDS:
        for changes in (True, False):
            values = changing(seed, changes)
            torch.manual_seed(seed)
            gru = Forecaster(GRUModel(hidden_size=32, horizon=AHEAD))
            gru.fit(values[:TRAINED], QUICK.but(seed=seed))
            for baseline in (Naive(), Ridge(lags=50)):
                baseline.fit(values[:TRAINED])
                rows.append(
                    {"seed": seed, "changes": changes}
                    | {"baseline": type(baseline).__name__}
                    | ruled(gru, baseline, values)
                )
    each = {"horizon": AHEAD, "origins": REMEMBERED, "change": CHANGE}
    return {**each, "runs": rows}


def ruled(gru, baseline, values):
    """Return the mean squared errors of an origin after another."""
    rule, uses, errors = Fallback(REMEMBERED), [], []
    origins = np.arange(TRAINED, len(values) - AHEAD + 1, AHEAD)
    histories = np.stack([values[o - 200 : o] for o in origins])
    y_hat = gru(histories, AHEAD)
    other = np.stack([baseline(one, AHEAD) for one in histories])
    for k, origin in enumerate(origins):
        y = values[origin : origin + AHEAD]
        pair = [float(np.mean((y - z[k]) ** 2)) for z in (y_hat, other)]
        uses.append(rule.uses_baseline)
        errors.append([*pair, pair[uses[-1]]])
        rule.update(y, y_hat[k], other[k])
    at = int(np.searchsorted(origins, TRAINED + CHANGE))
    errors, uses = np.array(errors), np.array(uses)
    acted = np.nonzero(uses[at:])[0]
    found = {"false_before": float(uses[:at].mean())}
    found["origins_until"] = int(acted[0]) if len(acted) else None
    found["used_after"] = float(uses[at:].mean())
    for name, part in (("before", errors[:at]), ("after", errors[at:])):
        means = part.mean(axis=0).round(4).tolist()
        found[name] = dict(
            zip(("gru", "baseline", "rule"), means, strict=True)
        )
    return found


PARTS = {
    "choice": lambda stored: choice(load_electricity().demand_mw),
    "demand": demand,
    "alarm": alarm,
    "fallback": fallback,
}


def stored():
    """Return what was measured before."""
    try:
        return load_results("retraining")["results"]
    except ValueError:
        return {"parts": {}}


def main():
    """Measure the parts that are asked for, or all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS])
    run_quietly()
    for name in parser.parse_args().parts or PARTS:
        load, start = load_average(), time.perf_counter()
        found = PARTS[name](stored())
        results = stored() | {name: found}
        results["parts"][name] = {"load": load}
        highest = max(
            part["load"] or 0.0 for part in results["parts"].values()
        )
        store("retraining", results, load=highest, repetitions=len(SEEDS))
        print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
