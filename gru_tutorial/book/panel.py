"""Train a model with your own settings, in Jupyter."""

from __future__ import annotations

import base64
import html
import io
import threading
import time
import weakref
from typing import NamedTuple

import ipywidgets as widgets
import torch
from IPython import get_ipython
from matplotlib.figure import Figure

from gru_tutorial.book.plotting import plot_losses
from gru_tutorial.forecaster import Forecaster
from gru_tutorial.metrics import expected_ratio
from gru_tutorial.model import GRUModel
from gru_tutorial.series import make_series
from gru_tutorial.training import History, Run

NOISE, FORECAST_START, VALID = 0.35, 720, 120
RATES = [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1]
REDRAWN_EVERY = 0.3  # seconds
LABEL = {"description_width": "11em"}
BOUNDS = {  # what the panel can do in a few minutes; the labels say them
    "hidden size": (1, 128),
    "window": (2, 120),
    "epochs": (1, 200),
    "seed": (0, 10_000),
}
# The panel that each cell of a notebook showed last.
_SHOWN: weakref.WeakValueDictionary = weakref.WeakValueDictionary()


class TrainingPanel(widgets.VBox):
    """Controls, *Train* and *Stop*, a live curve, and a list of runs.

    A ``Forecaster`` is trained in a thread of its own, so that the buttons
    answer. The score is the expected ratio on the validation part; the test
    part stays closed. When a notebook's cell runs again, the run that its
    panel has started ends.

    Parameters
    ----------
    seed : int
        Of the data; the seed among the controls is that of the model.

    Attributes
    ----------
    history : History
        The losses of the last run, or so far.
    forecaster : Forecaster
        What the last run trained; None before.
    runs : list of Attempt
        The settings and scores of all runs that have ended, in their order.

    Raises
    ------
    ValueError
        If ``seed`` is negative or no whole number.

    Examples
    --------
    >>> panel = TrainingPanel()
    >>> panel.epochs.value, panel.hidden.value = 2, 8
    >>> panel.train.click()
    >>> panel.wait()
    >>> len(panel.history.valid_loss)
    2
    >>> panel.runs[0].hidden, panel.runs[0].epochs
    (8, 2)
    """

    def __init__(self, seed: int = 0):
        self.series = make_series(seed=seed)
        self.history = History()
        self.forecaster: Forecaster | None = None
        self.runs: list[Attempt] = []
        self._said = f"TrainingPanel(seed={seed})"
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._drawn = 0.0
        self.hidden = _number(32, "hidden size")
        self.window = _number(24, "window")
        self.lr = _choice(0.01, RATES, "learning rate")
        self.epochs = _number(20, "epochs")
        self.seed = _number(0, "seed")
        self.controls = [
            self.hidden,
            self.window,
            self.lr,
            self.epochs,
            self.seed,
        ]
        self.train = widgets.Button(
            description="Train", button_style="primary"
        )
        self.stop = widgets.Button(description="Stop", disabled=True)
        self.progress = widgets.IntProgress(value=0, min=0, max=1)
        self.curve, self.score = widgets.HTML(), widgets.HTML()
        self.listed = widgets.HTML()
        self.train.on_click(self._start)
        self.stop.on_click(lambda _: self._ending.set())
        buttons = widgets.HBox([self.train, self.stop])
        left = widgets.VBox([*self.controls, buttons, self.progress])
        beside = widgets.Layout(flex_flow="row wrap")
        top = widgets.HBox([left, self.curve], layout=beside)
        super().__init__([top, self.score, self.listed])
        _take_place(self)

    def __repr__(self) -> str:
        """Return what stands in a notebook's file: no list of controls."""
        return self._said

    def wait(self) -> None:
        """Wait until a run that was started has ended."""
        if self._thread is not None:
            self._thread.join()

    def _start(self, _) -> None:
        faults = [_fault(control) for control in self.controls]
        if any(faults):
            self.score.value = "; ".join(filter(None, faults))
            return
        self._ending.clear()
        self._set_running(True)
        self.progress.value, self.progress.max = 0, self.epochs.value
        self.curve.value, self.score.value = "", "Training …"
        # Here, in the thread of all cells and panels: what draws from
        # PyTorch's generator at the same time would change the weights.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed.value)
            model = GRUModel(hidden_size=self.hidden.value)
        self.forecaster = Forecaster(model, window=self.window.value)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _set_running(self, running: bool) -> None:
        for control in [*self.controls, self.train]:
            control.disabled = running
        self.stop.disabled = not running

    def _run(self) -> None:
        try:
            self.score.value = self._trained()
        except Exception as error:
            said = html.escape(str(error))
            self.score.value = f"<b>{type(error).__name__}</b>: {said}"
        finally:
            self._set_running(False)

    def _trained(self) -> str:
        """Train; return what to say about it."""
        self._drawn = 0.0
        self.forecaster.fit(
            self.series.values[:FORECAST_START],
            valid=VALID,
            num_epochs=self.epochs.value,
            lr=self.lr.value,
            patience=self.epochs.value,  # end with the best weights
            seed=self.seed.value,
            callbacks=[self._show],
        )
        self._draw()
        return self._scored()

    def _show(self, run: Run) -> bool:
        """Show an epoch; tell whether to stop."""
        self.history = run.history
        self.progress.value = len(run.history.train_loss)
        ending = self._ending.is_set()
        if ending or time.monotonic() - self._drawn > REDRAWN_EVERY:
            self._draw()
        return ending

    def _draw(self) -> None:
        floor = NOISE**2 / float(self.forecaster.scaler.std) ** 2
        self.curve.value = _picture(self.history, floor)
        self._drawn = time.monotonic()

    def _scored(self) -> str:
        valid_start = FORECAST_START - VALID
        y_hat = self.forecaster.one_step(
            self.series.values[:FORECAST_START], valid_start
        )
        clean = self.series.clean[valid_start:FORECAST_START]
        ratio = expected_ratio(clean, y_hat, NOISE)
        epochs, best = len(self.history.train_loss), self.history.best_epoch
        settings = [control.value for control in self.controls]
        settings[3] = epochs  # perhaps stopped before its end
        self.runs.append(Attempt(*settings, best, ratio))
        self.listed.value = _table(self.runs)
        return (
            f"Best epoch: {best} of {epochs}. Expected error on the "
            f"validation part: <b>{ratio:.3f}</b> times the noise floor."
        )


class Attempt(NamedTuple):
    """A run of the panel: its settings, and what came of them."""

    hidden: int
    window: int
    lr: float
    epochs: int
    seed: int
    best_epoch: int
    ratio: float


def _cell() -> str | None:
    """Return what tells the running cell from others; None without one."""
    kernel = getattr(get_ipython(), "kernel", None)
    if kernel is None:
        return None
    asked = kernel.get_parent("shell")
    named = asked.get("metadata", {}).get("cellId")
    return named or asked.get("content", {}).get("code")


def _take_place(panel: TrainingPanel) -> None:
    """End the run of the panel that the same cell showed before."""
    cell = _cell()
    if cell is None:
        return
    if cell in _SHOWN:
        _SHOWN[cell]._ending.set()
    _SHOWN[cell] = panel


def _number(value: int, name: str):
    low, high = BOUNDS[name]
    label = f"{name} ({low:,} to {high:,})"
    return widgets.IntText(value=value, description=label, style=LABEL)


def _fault(control) -> str:
    """Return what is wrong with a control's value, if anything is."""
    name = control.description.partition(" (")[0]
    low, high = BOUNDS.get(name, (control.value, control.value))
    if low <= control.value <= high:
        return ""
    return f"{name}: expected {low:,} to {high:,}, got {control.value:,}"


def _choice(value: float, options: list, name: str):
    return widgets.SelectionSlider(
        value=value, options=options, description=name, style=LABEL
    )


def _table(runs: list[Attempt]) -> str:
    """Return the runs as an HTML table, the best one in bold."""
    names = ["run", "hidden size", "window", "learning rate", "best epoch"]
    names += ["seed", "expected ratio"]
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    best = min(run.ratio for run in runs)
    rows = []
    for number, run in enumerate(runs, start=1):
        cells = [number, run.hidden, run.window, run.lr]
        cells += [f"{run.best_epoch} of {run.epochs}", run.seed]
        ratio = f"{run.ratio:.3f}"
        cells.append(f"<b>{ratio}</b>" if run.ratio == best else ratio)
        row = "".join(f'<td style="text-align: right">{x}</td>' for x in cells)
        rows.append(f"<tr>{row}</tr>")
    return (
        "<table><caption>Your runs, the best in bold</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _picture(history: History, floor: float) -> str:
    """Return the curves as an HTML picture that says what it shows."""
    figure = Figure(figsize=(5.8, 3.1), dpi=100, layout="constrained")
    plot_losses(history, floor, figure.add_subplot())
    file = io.BytesIO()
    figure.savefig(file, format="png")
    data = base64.b64encode(file.getvalue()).decode()
    train, valid = history.train_loss[-1], history.valid_loss[-1]
    alt = (
        f"Losses after {len(history.train_loss)} epochs, in noise floors: "
        f"training {train / floor:.2f}, validation {valid / floor:.2f}"
    )
    return f'<img alt="{alt}" src="data:image/png;base64,{data}">'
