"""Chapter 4: train a model with your own settings, in Jupyter."""

from __future__ import annotations

import base64
import io
import threading
import time

import ipywidgets as widgets
import torch
from matplotlib.figure import Figure

from gru_tutorial.data import (
    Scaler,
    make_loader,
    make_series,
    make_windows,
    split,
)
from gru_tutorial.metrics import expected_ratio
from gru_tutorial.model import GRUModel
from gru_tutorial.plotting import plot_losses
from gru_tutorial.prediction import one_step_forecast
from gru_tutorial.training import History, fit

NOISE, FORECAST_START, VALID = 0.35, 720, 120
REDRAWN_EVERY = 0.3  # seconds


class TrainingPanel(widgets.VBox):
    """Controls, a *Train* and a *Stop* button, a live curve, and a score.

    Training runs the book's model and ``fit`` in a thread of its own, so that
    the buttons answer. The score is the expected ratio on the validation
    part; the test part stays closed.

    Parameters
    ----------
    seed : int
        Of the data; the seed among the controls is that of the model.

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
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self.hidden = _number(32, 1, 128, "hidden size")
        self.window = _number(24, 2, 120, "window")
        self.lr = widgets.SelectionSlider(
            value=0.01,
            options=[0.0003, 0.001, 0.003, 0.01, 0.03, 0.1],
            description="learning rate",
            style={"description_width": "7em"},
        )
        self.epochs = _number(20, 1, 200, "epochs")
        self.seed = _number(0, 0, 10_000, "seed")
        self.train = widgets.Button(
            description="Train", button_style="primary"
        )
        self.stop = widgets.Button(description="Stop", disabled=True)
        self.progress = widgets.IntProgress(value=0, min=0, max=1)
        self.curve, self.score = widgets.HTML(), widgets.HTML()
        self.controls = [
            self.hidden,
            self.window,
            self.lr,
            self.epochs,
            self.seed,
        ]
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
            self.score.value = f"<b>{type(error).__name__}</b>: {error}"
        finally:
            self._set_running(False)

    def _trained(self) -> str:
        """Train; return what to say about it."""
        values, window = self.series.values, self.window.value
        valid_start = FORECAST_START - VALID
        scaler = Scaler().fit(values[:valid_start])
        floor = NOISE**2 / float(scaler.std) ** 2
        parts = split(values, FORECAST_START, VALID, context=window)
        train, valid = (
            make_windows(scaler.transform(part), window)
            for part in (parts.train, parts.valid)
        )
        drawn = 0.0

        def show(history):
            nonlocal drawn
            self.history = history
            self.progress.value = len(history.train_loss)
            ending = self._ending.is_set()
            if ending or time.monotonic() - drawn > REDRAWN_EVERY:
                self.curve.value = _picture(history, floor)
                drawn = time.monotonic()
            return ending

        torch.manual_seed(self.seed.value)
        model = GRUModel(hidden_size=self.hidden.value)
        loader = make_loader(*train, shuffle=True, seed=self.seed.value)
        self.history = fit(
            model,
            loader,
            make_loader(*valid, batch_size=VALID),
            num_epochs=self.epochs.value,
            lr=self.lr.value,
            patience=self.epochs.value,  # end with the best weights
            on_epoch=show,
        )
        self.curve.value = _picture(self.history, floor)
        y_hat = one_step_forecast(
            model, values[:FORECAST_START], valid_start, window, scaler
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
        style={"description_width": "7em"},
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
