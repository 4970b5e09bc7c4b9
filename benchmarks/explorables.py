"""How fast the explorables answer, and how well one learns, in Chromium.

The trainer's default settings on the book's series, five seeds: seconds until
it stops, and the expected ratio on the test part. Passes over 720 points a
second, forward, backward and Adam, by hidden units. Milliseconds of a redraw,
sixty of each explorable.

Usage: python benchmarks/explorables.py    (half a minute; needs Chromium)
"""

import shutil

import matplotlib.pyplot as plt
import numpy as np
import torch
from peers import run_quietly
from playwright.sync_api import sync_playwright

from gru_tutorial import QUICK, Forecaster, GRUModel, make_series
from gru_tutorial.book.explorables.element import Explorable, module, tags
from gru_tutorial.book.explorables.forecasts import forecast_explorer
from gru_tutorial.book.explorables.regimes import regime_watcher
from gru_tutorial.book.results import load_average, store

SEEDS, UNITS, REDRAWS = range(5), (4, 8, 16, 32), 60
EXPORTS = (
    "export { Network, bookSeries, parts, scaled, error, work, MOST, EVERY, "
    "PATIENCE };"
)
LOAD = """async source => {
  const file = new Blob([source], { type: "text/javascript" });
  window.m = await import(URL.createObjectURL(file));
}"""
TRAIN = """async ([settings, seed]) => {
  const { clean, values, noise } = m.bookSeries(seed);
  const ends = m.parts(values.length, 130);
  const { series, mean, std } = m.scaled(values, ends.valid);
  const limits = { most: m.MOST, every: m.EVERY, patience: m.PATIENCE };
  const reports = [];
  const begin = performance.now();
  await m.work({ series, ends, settings: { ...settings, seed }, limits },
    report => reports.push(report), async () => {});
  const seconds = (performance.now() - begin) / 1000;
  const last = reports.at(-1), { start } = ends;
  const ratio = y => 1 + m.error(
    y.map(v => v * std + mean), clean, start, values.length) / noise;
  return { seed, seconds, updates: last.updates, best: last.best,
    gru: ratio(last.y), ridge: ratio(last.rival.y) };
}"""
PASSES = """hidden => {
  const network = new m.Network({ hidden });
  const x = new Float64Array(720).map((_, t) => Math.sin(t / 5));
  let count = 0;
  const begin = performance.now();
  while (performance.now() - begin < 2000) {
    const y = network.forward(x);
    network.backward(x, y.map(v => 2 * v / 720));
    network.update({ lr: 0.001, clip: 1 });
    count += 1;
  }
  return count / 2;
}"""
SETTINGS = {
    "hidden": 16,
    "lr": 0.01,
    "labels": "each",
    "clip": 1,
    "noise": 0.5,
}
REDRAW = """([tag, times]) => {
  const element = document.querySelector(tag);
  return Array.from({ length: times }, () => {
    const begin = performance.now();
    delete element.warm; // as if the reader had moved the last known step
    if ("nudge" in element.state) element.state.nudge = 2;
    element.draw();
    return performance.now() - begin;
  });
}"""


def element(tag):
    """Return an explorable, with numbers where it needs some."""
    if tag == "forecast-explorer":
        series = make_series(1000, seed=0).values  # as in chapter 5
        torch.manual_seed(0)
        free = Forecaster(GRUModel(hidden_size=32))
        free.fit(series[:720], QUICK.but(num_epochs=1))
        return forecast_explorer("it", series, 719, None, 130, free=free)
    if tag == "regime-watcher":
        rng = np.random.default_rng(0)
        series, regime, probability = rng.uniform(size=(3, 200))
        return regime_watcher(
            "it", series, regime, probability, rng.uniform(size=(200, 8))
        )
    return Explorable(tag, "it", plt.figure(), "Nothing stands in for it.")


def redraw(page, tag):
    """Return the milliseconds of a redraw: median and 95th percentile."""
    page.set_content(f"<main>{element(tag)._repr_html_()}</main>")
    page.locator(tag).scroll_into_view_if_needed()
    page.wait_for_function(f"document.querySelector('{tag}').result")
    times = page.evaluate(REDRAW, [tag, REDRAWS])
    return np.percentile(times, [50, 95]).round(2).tolist()


def main():
    """Measure in one browser, and store."""
    run_quietly()
    load = load_average()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu"],
        )
        page = chromium.new_page()
        source = module("gru-trainer").partition("export default")[0] + EXPORTS
        page.evaluate(LOAD, source)
        runs = [page.evaluate(TRAIN, [SETTINGS, seed]) for seed in SEEDS]
        passes = {units: page.evaluate(PASSES, units) for units in UNITS}
        redraws = {tag: redraw(chromium.new_page(), tag) for tag in tags()}
        results = {
            "chromium": chromium.version,
            "training": {"runs": runs},
            "passes a second": passes,
            "redraw in ms": redraws,
        }
        chromium.close()
    for run in runs:
        print({name: round(value, 3) for name, value in run.items()})
    print(passes, redraws, sep="\n")
    store("explorables", results, load=load, repetitions=len(SEEDS))


if __name__ == "__main__":
    main()
