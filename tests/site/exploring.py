"""A page that holds one explorable, and no other script."""

import contextlib
import functools
import threading

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from gru_tutorial.book.explorables.element import Explorable, parameters
from tests.site.browsing import Server, opened

ALT = "A picture of a line that rises, in place of the live figure."
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>A page</title>
<link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width">
<style>:root {{ color-scheme: light dark }}
  body {{ margin: 1rem; background: Canvas; color: CanvasText }}</style>
<main><h1>A page</h1><h2>A section</h2><h3>Below it</h3>{body}</main></html>
"""


def regimes(hidden=4, length=300):
    """Return a series with a switch, a belief, and units that follow it."""
    rng = np.random.default_rng(0)
    regime = np.arange(length) // 50 % 2
    belief = np.clip(regime + rng.normal(0, 0.1, length), 0, 1)
    states = rng.normal(0, 0.3, (length, hidden))
    states[:, 2] -= belief
    series = np.where(regime, 1, -1) + rng.normal(0, 0.5, length)
    return {
        "series": series,
        "regime": regime,
        "probability": belief,
        "states": states.ravel(),
        "units": hidden,
    }


def given(tag):
    """Return the attributes without which an explorable shows nothing."""
    if tag == "regime-watcher":
        return regimes()
    if tag != "forecast-explorer":
        return {}
    torch.manual_seed(0)
    free, direct, blind = (
        parameters(nn.GRU(1, 6), nn.Linear(6, outputs))
        for outputs in (1, 12, 1)
    )
    weights = {
        "weights_free": free,
        "weights_direct": direct,
        "weights_blind": blind,
    }
    series = 5 + np.random.default_rng(0).standard_normal(200)
    sizes = {"units": 6, "horizon": 12, "window": 24, "first": 60}
    return sizes | weights | {"series": series, "mean": 5, "std": 2}


def made(tag, **state):
    """Return an explorable called ``it``."""
    state = given(tag) | state
    figure, ax = plt.subplots(figsize=(4, 2))
    ax.plot([0, 1])
    return Explorable(tag, "it", figure, ALT, **state)


@functools.cache
def page_of(tag):
    """Return the text of a page with one explorable."""
    return PAGE.format(body=made(tag)._repr_html_())


class Pages:
    """Pages with one explorable each, served on this machine."""

    def __init__(self, folder, browser):
        self.folder, self.browser = folder, browser
        self.server = Server(folder)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        """End the server."""
        self.server.shutdown()
        self.server.server_close()

    @contextlib.contextmanager
    def open(self, tag, address="#it", **settings):
        """Open a page and wait until it has drawn; fail if it complains."""
        (self.folder / "page.html").write_text(page_of(tag), "utf-8")
        with opened(self.browser, self.server.base, **settings) as page:
            page.goto(f"{self.server.base}page.html{address}")
            page.wait_for_function(
                f"document.querySelector('{tag}').result !== undefined"
            )
            yield page


def drawn(page):
    """Wait until what was asked for is drawn."""
    page.evaluate(
        "new Promise(done => requestAnimationFrame(() =>"
        " requestAnimationFrame(() => done())))"
    )


def result(page, tag):
    """Return the numbers that an explorable has drawn; arrays as lists."""
    drawn(page)
    return page.evaluate(
        """tag => {
          const plain = v => v?.buffer ? [...v]
            : v && typeof v === "object" && !Array.isArray(v)
            ? Object.fromEntries(Object.entries(v).map(([k, x]) =>
              [k, plain(x)])) : v;
          return plain(document.querySelector(tag).result);
        }""",
        tag,
    )
