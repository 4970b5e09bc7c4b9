"""Make the example of chapter 14: a simulated cold store, with faults.

Usage: python -m tools.cold_store

A compressor switches on above 5 °C and off below 2.5 °C, and nobody records
whether it runs. Warmth comes from outside, and through a door in working
hours. The file has what such files have: semicolons, decimal commas, days
before months, values that the sensor did not send, a gap while the logger was
restarted, and a row that was written twice.
"""

from pathlib import Path

import numpy as np
import pandas as pd

FILE = Path(__file__).parents[1] / "gru_tutorial/datasets/cold_store.csv"
STEPS, MINUTES = 2016, 5  # a week
ON, OFF = 5.0, 2.5
LOST, GAP, TWICE = (400, 401, 1100), range(850, 854), 620


def simulate(seed=0):
    """Return temperatures outside and inside, one for each step."""
    rng = np.random.default_rng(seed)
    hours = np.arange(STEPS) * MINUTES / 60
    weather = np.cumsum(rng.normal(0, 0.05, STEPS))
    outside = 16 + 5 * np.sin(2 * np.pi * (hours - 9) / 24) + weather
    working = (hours % 24 > 6) & (hours % 24 < 18)
    door = rng.random(STEPS) < np.where(working, 0.03, 0.0)
    air, runs, inside = 4.0, False, np.empty(STEPS)
    for k in range(STEPS):
        runs = air > ON or (runs and air > OFF)
        air += (outside[k] - air) / 40 + 0.8 * door[k] - 0.7 * runs
        air += rng.normal(0, 0.02)
        inside[k] = air
    return outside, inside + rng.normal(0, 0.1, STEPS)


def rows_of(outside, inside):
    """Return the file's rows, faults and all."""
    start = pd.Timestamp("2025-05-12")
    rows = ["time;inside;outside"]
    for k in range(STEPS):
        time = start + pd.Timedelta(minutes=MINUTES * k)
        cells = f"{inside[k]:.2f};{outside[k]:.1f}"
        if k in LOST:
            cells = f";{outside[k]:.1f}"
        row = f"{time:%d.%m.%Y %H:%M};{cells.replace('.', ',')}"
        rows += [] if k in GAP else [row] * (1 + (k == TWICE))
    return rows


if __name__ == "__main__":
    FILE.write_text("\n".join([*rows_of(*simulate()), ""]), "utf-8")
    print(f"written: {FILE.name}")
