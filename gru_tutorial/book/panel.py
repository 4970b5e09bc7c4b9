"""Train a model with your own settings, in Jupyter."""

from __future__ import annotations

import base64
import html
import io
import threading
import time

import ipywidgets as widgets
import torch
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
LABEL = {"description_width": "7em"}


class TrainingPanel(widgets.VBox):
    """Controls, a *Train* and a *Stop* button, a live curve, and a score.

    A ``Forecaster`` is trained in a thread of its own, so that the buttons
    answer. The score is the expected ratio on the validation part; the test
    part stays closed.

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
    """

    def __init__(self, seed: int = 0):
        self.series = make_series(seed=seed)
        self.history = History()
        self.forecaster: Forecaster | None = None
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._drawn = 0.0
        self.hidden = _number(32, 1, 128, "hidden size")
        self.window = _number(24, 2, 120, "window")
        self.lr = _choice(0.01, RATES, "learning rate")
        self.epochs = _number(20, 1, 200, "epochs")
        self.seed = _number(0, 0, 10_000, "seed")
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
        self.train.on_click(self._start)
        self.stop.on_click(lambda _: self._ending.set())
        buttons = widgets.HBox([self.train, self.stop, self.progress])
        super().__init__([*self.controls, buttons, self.curve, self.score])

    def wait(self) -> None:
        """Wait until a run that was started has ended."""
        if self._thread is not None:
            self._thread.join()

    def _start(self, _) -> None:
        self._ending.clear()
        self._set_running(True)
        self.progress.value, self.progress.max = 0, self.epochs.value
        self.curve.value, self.score.value = "", "Training …"
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
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed.value)
            model = GRUModel(hidden_size=self.hidden.value)
        self.forecaster = Forecaster(model, window=self.window.value)
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
        return (
            f"Best epoch: {self.history.best_epoch} of "
            f"{len(self.history.train_loss)}. Expected error on the "
            f"validation part: <b>{ratio:.3f}</b> times the noise floor."
        )


def _number(value: int, low: int, high: int, name: str):
    return widgets.BoundedIntText(
        value=value,
        min=low,
        max=high,
        description=name,
        style=LABEL,
    )


def _choice(value: float, options: list, name: str):
    return widgets.SelectionSlider(
        value=value, options=options, description=name, style=LABEL
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
