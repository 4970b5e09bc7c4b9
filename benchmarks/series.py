"""Where a GRU wins on real series: for chapter 12.

The series of ``catalogue.py``, three horizons each: a *task* is one series at
one horizon. In time order, three fifths of a series are for training, a fifth
for validation, a fifth for the test. A forecast is made at up to 300 origins
of a part; its error is that of the value h steps ahead, and its score the mean
absolute one.

All methods are treated alike. Each is fitted to the training part, in a few
forms; the form with the lowest error on validation is fitted anew to all
before the test part, and scored there, once. Baselines find further settings
on their past, as the package's classes do. The GRU is the one that ``judge``
trains, the same for all series: 32 units, 600 updates, half of them in a
trial. Its forms are what it sees: the series, its differences, its seasonal
differences. Nothing was tuned by series, and the list, the horizons and the
settings were committed before a GRU saw any of them.

A GRU's error is the mean of three seeds' errors, not that of a committee. It
is compared with the baseline that was best on validation, at the same
origins, by ``paired_scores``. For the rule of thumb see ``thumb.py``. At last,
the same GRU is trained three times as long, to see whether that changes the
count; nothing else comes from these runs.

After the results were known, two things were added, and are told as such: what
a comparison with each baseline alone comes to (``against``), and the rule of
thumb for tasks in which the GRU is ahead, surely or not (``rule_ahead``).

Every run is kept in ``benchmarks/.runs/series.jsonl`` as soon as it ends, and
a second start goes on after the last one.

Usage: python benchmarks/series.py    (some 20 minutes; needs .[series])
"""

import math
import time
from typing import NamedTuple

import numpy as np
import torch
from catalogue import SERIES, loaded, packages
from horizons import best_smoothing
from peers import run_quietly, versions
from search import RUNS, Runs
from thumb import CANDIDATES, account, is_ahead, properties_of

from gru_tutorial import (
    Boosting,
    Forecaster,
    GRUModel,
    Neighbours,
    Ridge,
    paired_scores,
)
from gru_tutorial._judging.network import HIDDEN, Network, lags_of
from gru_tutorial._judging.panel import Panel
from gru_tutorial.book.results import load_average, store

CAP = 5000  # values of a series: the last ones
SHARE = 0.2  # of it, for validation and for the test each
ORIGINS = 300  # of a part, at most
PHASES = 12  # of a season, that origins meet
SEEN = 600  # values before an origin that all may see
SEEDS = range(3)
UPDATES, TRIAL = 600, 300  # of a GRU's weights: the defaults of ``judge``
LONGER = 3 * UPDATES
LEVEL = 0.95
LEARNERS = {"ridge": Ridge, "neighbours": Neighbours, "boosting": Boosting}
BASELINES = ("persistence", "seasonal naive", "ETS", *LEARNERS)
VERDICTS = ("better", "no difference", "worse")
WAYS = {0: "the series itself", 1: "differences"}


class Data(NamedTuple):
    """A series in its own scale, and where its parts begin."""

    values: np.ndarray
    valid: int
    test: int
    period: int  # 1: none
    horizons: tuple[int, ...]

    @classmethod
    def of(cls, values, period, horizons):
        """Cut the last values into parts, and scale by the first of them."""
        values = np.asarray(values, np.float64)[-CAP:]
        part = round(SHARE * len(values))
        valid = len(values) - 2 * part
        mean, std = values[:valid].mean(), values[:valid].std()
        scaled = (values - mean) / std
        return cls(scaled, valid, valid + part, period, tuple(horizons))

    def start(self, part):
        """Return where a part begins, which is where fitting ends."""
        return self.valid if part == "valid" else self.test

    def origins(self, part):
        """Return the origins of a part: the first steps to forecast.

        Their step is such that they meet twelve phases of a season, or all.
        """
        start = self.start(part)
        end = self.test if part == "valid" else len(self.values)
        last = end - max(self.horizons)
        step = max(1, math.ceil((last - start + 1) / ORIGINS))
        while self.period // math.gcd(step, self.period) < min(
            self.period, PHASES
        ):
            step += 1
        return np.arange(start, last + 1, step)

    def truths(self, part):
        """Return the values to forecast, (origins, horizons)."""
        ahead = np.array(self.horizons) - 1
        return self.values[self.origins(part)[:, None] + ahead]

    def histories(self, part):
        """Return what is seen at the origins, (origins, seen)."""
        seen = min(SEEN, self.valid)
        view = np.lib.stride_tricks.sliding_window_view(self.values, seen)
        return view[self.origins(part) - seen]


# Methods: each returns forecasts (origins, horizons) by the name of a form,
# and settings to keep for the next fit


def persistence(data, part, kept):
    """Copy the last value."""
    last = data.values[data.origins(part) - 1]
    return {"": np.repeat(last[:, None], len(data.horizons), axis=1)}, kept


def seasonal_naive(data, part, kept):
    """Copy the value of the last season."""
    back = (np.array(data.horizons) - 1) % data.period - data.period
    return {"": data.values[data.origins(part)[:, None] + back]}, kept


def smoothing(data, part, kept):
    """Fit statsmodels' exponential smoothing: with trend, season, or not."""
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    found = {}
    for period in dict.fromkeys((1, data.period)):
        for trend in (False, True):
            options = {
                "trend": "add" if trend else None,
                "damped_trend": trend,
                "seasonal": "add" if period > 1 else None,
                "seasonal_periods": period if period > 1 else None,
                "initialization_method": "heuristic",
            }
            past = data.values[: data.start(part)]
            parameters = best_smoothing(ETSModel(past, **options)).params
            states = ETSModel(data.values, **options).smooth(parameters)
            name = "damped trend" if trend else "level"
            name += ", season" if period > 1 else ""
            found[name] = smoothed(states, data, part, trend, period)
    return found, kept


def smoothed(states, data, part, trend, period):
    """Return forecasts made after steps: level, trend and season go on."""
    at = data.origins(part) - 1
    ahead = np.array(data.horizons)
    y_hat = np.repeat(np.asarray(states.level)[at][:, None], len(ahead), 1)
    if trend:
        kept = states.damping_trend ** np.arange(1, max(ahead) + 1)
        slope = np.asarray(states.slope)[at][:, None]
        y_hat = y_hat + slope * np.cumsum(kept)[ahead - 1]
    if period > 1:
        back = (ahead - 1) % period - period + 1
        y_hat = y_hat + np.asarray(states.season)[at[:, None] + back]
    return y_hat


def leading(learner, lead):
    """Return a class that learns what comes ``lead`` steps after a window.

    Its forecast of one step is that of ``lead`` steps.
    """

    class Leading(learner):
        def _learn_centred(self, X, y, centre, options):
            ends = len(X) - lead + 1
            return super()._learn_centred(
                X[:ends], y[lead - 1 :], centre, options
            )

    return Leading


def on_lags(learner):
    """Return a method that learns from lags: step by step, or directly.

    Both have the settings that were best one step ahead.
    """

    def method(data, part, kept):
        past, histories = data.values[: data.start(part)], data.histories(part)
        one = learner(**(kept or {})).fit(past)
        ahead = np.array(data.horizons)
        path = one(histories, int(ahead.max()))[:, ahead - 1]
        directly = path.copy()
        for k, lead in enumerate(data.horizons):
            if lead > 1:
                far = leading(learner, lead)(**one.chosen).fit(past)
                directly[:, k] = far(histories, 1)[:, 0]
        return {"step by step": path, "directly": directly}, one.chosen

    return method


METHODS = {
    "persistence": persistence,
    "seasonal naive": seasonal_naive,
    "ETS": smoothing,
    **{name: on_lags(learner) for name, learner in LEARNERS.items()},
}


class Compiled(Network):
    """The GRU of ``judge``, trained by the compiled kernel."""

    def _made(self, scaler):
        torch.manual_seed(self.seed)
        model = GRUModel(
            hidden_size=HIDDEN, horizon=self.horizon, fast="compiled"
        )
        return Forecaster(model, scaler)


def network(data, part, seed, lag, updates):
    """Train a GRU on what comes before a part, and forecast."""
    horizon = max(data.horizons)
    series = (data.values[: data.start(part), None],)
    panel = Panel(("",), series, np.zeros(1), np.ones(1))
    found = Compiled(horizon, lag, 1, seed).fit(panel, updates)
    path = found(data.histories(part)[None, :, :, None], horizon)[0]
    return path[:, np.array(data.horizons) - 1]


# Runs


def errors_of(data, part, y_hat):
    """Return absolute errors, (horizons, origins)."""
    return np.abs(y_hat - data.truths(part)).T


def rounded(errors):
    """Return a mean with six digits."""
    return float(f"{np.mean(errors):.6g}")


def packed(errors):
    """Return errors as text with three digits each."""
    return " ".join(f"{error:.3g}" for error in errors)


def unpacked(text):
    """Return the errors that ``packed`` wrote."""
    return np.array(text.split(), np.float64)


def scored(errors):
    """Return what is kept of a test: scores and errors, by horizon."""
    return {
        "mae": [rounded(one) for one in errors],
        "mse": [rounded(one**2) for one in errors],
        "errors": [packed(one) for one in errors],
    }


def baseline(data, name):
    """Choose a baseline's form on validation for each horizon; test it."""
    forms, kept = METHODS[name](data, "valid", None)
    valid = {k: errors_of(data, "valid", y).mean(1) for k, y in forms.items()}
    again, _ = METHODS[name](data, "test", kept)
    test = {k: errors_of(data, "test", y) for k, y in again.items()}
    chosen = [min(valid, key=lambda k, at=at: valid[k][at]) for at in range(3)]
    errors = [test[form][at] for at, form in enumerate(chosen)]
    best = [rounded(valid[form][at]) for at, form in enumerate(chosen)]
    return {
        "chosen": chosen,
        "settings": kept,
        "valid": best,
        **scored(errors),
    }


def measure(series, method, settings, seed, data=None):
    """Return one run of a method, or of a GRU with its settings."""
    data = data or data_of(series)
    start = time.process_time()
    if method == "properties":
        found = properties_of(data)
    elif method in METHODS:
        found = baseline(data, method)
    else:
        part = settings["part"]
        given = {k: v for k, v in settings.items() if k != "part"}
        errors = errors_of(data, part, network(data, part, seed, **given))
        known = {"valid": [rounded(one) for one in errors]}
        found = known if part == "valid" else scored(errors)
    return {**found, "cpu_s": round(time.process_time() - start, 2)}


def data_of(name):
    """Load a series, and cut it."""
    return Data.of(loaded(name), SERIES[name].period, SERIES[name].horizons)


def baselines_for(data):
    """Return the names of the baselines: some need a season."""
    return [b for b in BASELINES if b != "seasonal naive" or data.period > 1]


def ways(data):
    """Return lags of differences: the GRU's forms."""
    return lags_of(data.period, min(SEEN, data.valid), data.valid)


def gru_runs(runs, name, data):
    """Return the GRU's form for each horizon, and its validation errors.

    The first seed chooses; all of them are tested with its choice.
    """
    lags = ways(data)
    trials = [{"lag": k, "updates": TRIAL, "part": "valid"} for k in lags]
    valid = [runs.run(name, "GRU", one, SEEDS[0])["valid"] for one in trials]
    best = np.argmin(valid, axis=0)  # the first of equals
    return [lags[k] for k in best], np.min(valid, axis=0)


def tests_of(runs, name, chosen, updates):
    """Return the runs of all seeds on the test part, for each horizon."""
    settings = [{"lag": k, "updates": updates, "part": "test"} for k in chosen]
    return [
        [runs.run(name, "GRU", s, seed) for seed in SEEDS] for s in settings
    ]


# What came out


def best_of(errors):
    """Return the name with the lowest error, the first of equals."""
    return min(errors, key=errors.get)


def compared(data, at, gru, other):
    """Return a GRU's skill at a horizon, with an interval."""
    origins = data.origins("test")
    step = origins[1] - origins[0]
    block = math.ceil(len(origins) ** (1 / 3))
    block += math.ceil(data.horizons[at] / step) - 1
    return paired_scores(gru, other, block=block, level=LEVEL)


def mean_of(tests, at, score):
    """Return the mean of all seeds' scores at a horizon."""
    return float(np.mean([run[score][at] for run in tests[at]]))


def errors_over(tests, at):
    """Return the mean of all seeds' errors at each origin."""
    return np.mean([unpacked(run["errors"][at]) for run in tests[at]], axis=0)


def told(found):
    """Return a comparison as it is stored."""
    numbers = ("skill", "lower", "upper", "won")
    stored = {name: round(getattr(found, name), 4) for name in numbers}
    return {**stored, "verdict": found.verdict}


def task(name, data, at, rivals, gru):
    """Return all that is stored of one series at one horizon."""
    lags, gru_valid, tests = gru
    valid = {k: run["valid"][at] for k, run in rivals.items()}
    mae = {k: run["mae"][at] for k, run in rivals.items()}
    best, luckiest = best_of(valid), best_of(mae)
    errors = errors_over(tests, at)
    against = {
        k: compared(data, at, errors, unpacked(run["errors"][at]))
        for k, run in rivals.items()
    }
    found = against[best]
    own, own_mse = (mean_of(tests, at, score) for score in ("mae", "mse"))
    return {
        "series": name,
        "horizon": data.horizons[at],
        "origins": len(data.origins("test")),
        "baseline": best,
        "ratio": round(own / mae[best], 4),
        **told(found),
        "skills": [round(1 - r["mae"][at] / mae[best], 4) for r in tests[at]],
        "skill_by_mse": round(1 - own_mse / rivals[best]["mse"][at], 4),
        "against": {k: one.verdict for k, one in against.items()},
        "best_on_test": luckiest,
        "skill_to_best_on_test": round(1 - own / mae[luckiest], 4),
        "input": WAYS.get(lags[at], f"differences at lag {lags[at]}"),
        "mae": {**mae, "GRU": round(own, 6)},
        "valid": {**valid, "GRU": round(float(gru_valid[at]), 6)},
        "chosen": {k: run["chosen"][at] for k, run in rivals.items()},
        "runs": [
            {"seed": seed, "mae": run["mae"][at], "cpu_s": run["cpu_s"]}
            for seed, run in zip(SEEDS, tests[at], strict=True)
        ],
    }


def tasks_of(runs, name, longer):
    """Measure what is not measured yet of a series; return its tasks."""
    data, found = data_of(name), []
    rivals = {k: runs.run(name, k, {}, 0) for k in baselines_for(data)}
    properties = runs.run(name, "properties", {}, 0)
    lags, gru_valid = gru_runs(runs, name, data)
    gru = lags, gru_valid, tests_of(runs, name, lags, UPDATES)
    again = longer and tests_of(runs, name, lags, LONGER)
    for at in range(len(data.horizons)):
        row = task(name, data, at, rivals, gru)
        known = {**properties, "nonlinear": nonlinear(row["valid"])}
        row["properties"] = {key: known[key] for key in CANDIDATES}
        if longer:
            other = unpacked(rivals[row["baseline"]]["errors"][at])
            more = compared(data, at, errors_over(again, at), other)
            row["longer"] = told(more)
        print(name, row["horizon"], row["baseline"], row["skill"], flush=True)
        found.append(row)
    return found


def nonlinear(valid):
    """Return the skill of neighbours or boosting over ridge, on validation."""
    bent = min(valid["neighbours"], valid["boosting"])
    return round(1 - bent / valid["ridge"], 4)


def reference(row):
    """Return the error of the seasonal naive forecast, or of persistence."""
    return row["mae"].get("seasonal naive", row["mae"]["persistence"])


def counted(verdicts):
    """Count each of the three words."""
    verdicts = list(verdicts)
    return {word: verdicts.count(word) for word in VERDICTS}


def summary(tasks):
    """Count what came out, all tasks alike."""
    by_method = {}
    for name in (*BASELINES, "GRU"):
        rows = [row for row in tasks if name in row["mae"]]
        logs = [math.log(row["mae"][name] / reference(row)) for row in rows]
        first = sum(best_of(row["mae"]) == name for row in rows)
        relative = round(math.exp(np.mean(logs)), 4)
        by_method[name] = {"relative": relative, "best": first}
    ahead = sum(row["skill"] > 0 for row in tasks)
    found = {
        "tasks": len(tasks),
        **counted(row["verdict"] for row in tasks),
        "ahead": ahead,
        "win_rate": round(ahead / len(tasks), 4),
        "ahead_by_mse": sum(row["skill_by_mse"] > 0 for row in tasks),
        "by_method": by_method,
        "against": {
            name: counted(
                row["against"][name] for row in tasks if name in row["against"]
            )
            for name in BASELINES
        },
    }
    if all("longer" in row for row in tasks):
        again = [row["longer"] for row in tasks]
        found["longer"] = {
            **counted(one["verdict"] for one in again),
            "ahead": sum(one["skill"] > 0 for one in again),
        }
    return found


def about(name, half):
    """Return what is stored of a series."""
    entry, length = SERIES[name], len(loaded(name))
    fields = entry._asdict()
    del fields["load"]
    return {
        **{k: v for k, v in fields.items() if v is not None},
        "horizons": list(entry.horizons),
        "length": length,
        "used": min(CAP, length),
        "half": half,
    }


def halves(names):
    """Return which half a series is in: by turns, in alphabetical order."""
    turns, ordered = ("forming", "testing"), sorted(names, key=str.casefold)
    return {name: turns[k % 2] for k, name in enumerate(ordered)}


def results(runs, longer):
    """Return all that is stored: tasks from the best skill to the worst."""
    tasks = [row for name in SERIES for row in tasks_of(runs, name, longer)]
    tasks.sort(key=lambda row: -row["skill"])
    half = halves(SERIES)
    return {
        "versions": versions("statsmodels", "scikit-learn", *packages()),
        "settings": {
            "cap": CAP,
            "origins": ORIGINS,
            "updates": UPDATES,
            "trial": TRIAL,
            "longer": LONGER,
            "seeds": list(SEEDS),
            "hidden": HIDDEN,
            "level": LEVEL,
        },
        "methods": [*BASELINES, "GRU"],
        "series": {name: about(name, half[name]) for name in SERIES},
        "tasks": tasks,
        "summary": summary(tasks),
        "rule": account(tasks, half),
        "rule_ahead": account(tasks, half, is_ahead),
    }


def main():
    """Measure what is not measured yet, and store all."""
    run_quietly()
    load = load_average()
    runs = Runs(RUNS / "series.jsonl", measure)
    for longer in (False, True):
        found = results(runs, longer)
        store("series", found, load=load, repetitions=len(SEEDS))


if __name__ == "__main__":
    main()
