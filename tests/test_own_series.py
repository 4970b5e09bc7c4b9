"""Chapter 14: its example, and the one line that a reader changes."""

import math

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from tools import cold_store
from tools.chapters import read_book

LINE = "FILE, HORIZON, HOW = "


def test_the_example_is_the_simulated_one():
    rows = cold_store.FILE.read_text("utf-8").splitlines()
    assert rows == cold_store.rows_of(*cold_store.simulate())
    assert len(rows) == 1 + cold_store.STEPS - len(cold_store.GAP) + 1


def cells_of_the_page():
    (page,) = [c for c in read_book().chapters if c.number == 14]
    return [cell.source for cell in page.code]


def plain_file(path):
    times = pd.date_range("2024-01-01", periods=400, freq="h")
    values = [math.sin(k / 4) + (k * 7919 % 97) / 300 for k in range(400)]
    frame = pd.DataFrame({"when": times, "load": values})
    frame.to_csv(path, index=False)


def series_file(path):
    rows = ["shop;day;sold"]
    for k, day in enumerate(pd.date_range("2024-01-01", periods=300)):
        rows += [f"{shop};{day:%d.%m.%Y};{k * k % 13},5" for shop in "ab"]
    path.write_text("\n".join(rows))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("write", "line"),
    [
        (plain_file, '"own.csv", 24, {}'),
        (series_file, '"own.csv", 2, {"series": "shop"}'),
    ],
)
def test_one_changed_line_is_enough(write, line, tmp_path, monkeypatch):
    """All cells run on another file; with fewer updates, to be quick."""
    write(tmp_path / "own.csv")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plt, "show", lambda: plt.close("all"))
    cells = cells_of_the_page()
    (k,) = [k for k, cell in enumerate(cells) if cell.startswith(LINE)]
    cells[k] = LINE + line
    names = {"__name__": "__main__"}
    for cell in cells:
        cell = cell.replace("updates=200", "updates=10")
        cell = cell.replace('"--updates", "40"', '"--updates", "4"')
        exec(compile(cell, "<cell>", "exec"), names)
    assert names["reading"].path == "own.csv"
