"""A search for settings, the same for all methods, and the runs it stores.

Settings are points of a lattice: each axis is a list of values. The search
starts somewhere and tries the neighbours of the best point so far, one step
along one axis at a time. It moves when one is better, and ends when none of
them is: then the best point has no untried neighbour, and so lies on no edge
of what was tried. If the trials run out before, ``Lattice.edges`` says which
axes are open.
"""

import bisect
import datetime
import itertools
import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

RUNS = Path(__file__).resolve().parent / ".runs"
HOPELESS = 1.1  # of the best median: the first series decides


def key(*parts):
    """Return what tells a run from others, as text."""
    return json.dumps(parts, sort_keys=True)


class Runs:
    """Runs that were measured, kept in a file line by line.

    A run is measured once: a second start goes on where the first stopped.
    """

    def __init__(self, path, measure):
        self.path, self.measure, self.known = Path(path), measure, {}
        if self.path.exists():
            for line in self.path.read_text("utf-8").splitlines():
                run = json.loads(line)
                self.known[key(*run["of"])] = run

    def run(self, task, function, settings, seed):
        """Return one run, measured now or before."""
        of = [task, function, settings, seed]
        if key(*of) not in self.known:
            found = self.measure(task, function, settings, seed)
            date = datetime.date.today().isoformat()
            self.keep({"of": of, "date": date, **found})
        return self.known[key(*of)]

    def keep(self, run):
        """Add a run to the file."""
        self.path.parent.mkdir(exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(run) + "\n")
        self.known[key(*run["of"])] = run


def median(trial):
    """Return a trial's score: the median over its series, if it had all."""
    ratios = trial["ratios"]
    return statistics.median(ratios) if not trial["stopped"] else float("inf")


def best_of(trials):
    """Return the trial with the lowest median, the first of equals."""
    return min(trials, key=median)


def tried(runs, task, function, settings, seeds, to_beat):
    """Return a trial; a hopeless one stops early, and cannot be chosen.

    It is hopeless if its first series is a tenth worse than ``to_beat``, or
    if its median can no longer be below it.
    """
    ratios, dates = [], set()
    for seed in seeds:
        run = runs.run(task, function, settings, seed)
        ratios.append(run["ratio"])
        dates.add(run["date"])
        no_better = sum(ratio >= to_beat for ratio in ratios)
        if 2 * no_better > len(seeds) or ratios[0] > HOPELESS * to_beat:
            break
    stopped = len(ratios) < len(seeds)
    found = {"settings": settings, "ratios": ratios, "stopped": stopped}
    return {**found, "dates": sorted(dates)}


def anything(settings):
    """Allow all settings."""
    return True


class Lattice(NamedTuple):
    """Settings to try: a list of values for each, and what goes together.

    ``closed`` axes have no values beyond their lists; of the others, a list's
    end is an edge, but for 0 and 1, below which nothing makes sense.
    """

    axes: dict
    closed: tuple = ()
    allowed: Callable = anything

    def step(self, settings, name, way):
        """Return the next point along an axis, up (1) or down (-1)."""
        values, here = self.axes[name], settings[name]
        if here in values:
            at = values.index(here) + way
        else:
            at = bisect.bisect(values, here) - (way < 0)
        if not 0 <= at < len(values):
            return None
        point = {**settings, name: values[at]}
        return point if self.allowed(point) else None

    def neighbours(self, settings):
        """Return all points one step away, by axis and way."""
        near = {
            (name, way): self.step(settings, name, way)
            for name in self.axes
            for way in (1, -1)
        }
        return {where: point for where, point in near.items() if point}

    def edges(self, trials):
        """Return the axes along which better settings might lie untried."""
        known = [trial["settings"] for trial in trials]
        best = best_of(trials)["settings"]
        near = self.neighbours(best)
        found = {name for (name, _), one in near.items() if one not in known}
        for name, values in self.axes.items():
            ends = {values[0], values[-1]} - {0, 1}
            if name not in self.closed and best[name] in ends:
                found.add(name)
        return sorted(found)


def search(attempt, lattice, starts, most):
    """Try points from ``starts`` on; return all trials in their order.

    ``attempt(settings, to_beat)`` returns a trial. After a step that helped,
    the next one goes the same way. At most ``most`` points are tried.
    """
    trials = []

    def helps(point):
        if len(trials) >= most or point in [t["settings"] for t in trials]:
            return False
        to_beat = median(best_of(trials)) if trials else float("inf")
        trials.append(attempt(point, to_beat))
        return best_of(trials) is trials[-1]

    for start in starts:
        helps(start)
    moved = True
    while moved:
        moved = False
        for name, way in itertools.product(lattice.axes, (1, -1)):
            while True:
                here = best_of(trials)["settings"]
                point = lattice.step(here, name, way)
                if point is None or not helps(point):
                    break
                moved = True
    return trials
