"""A forecaster: model, scaler, what it sees, and the column it predicts."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from gru_tutorial._saved import (
    KIND,
    SETTINGS,
    model_of,
    scaler_of,
    state_of,
)
from gru_tutorial.checks import (
    MAX_HORIZON,
    check_int,
    check_length,
    check_values,
)
from gru_tutorial.frame import Frame, in_units, moved_on
from gru_tutorial.model import (
    BATCH_SIZE,
    GRUModel,
    Streaming,
    evaluating,
    point_of,
    predict,
    ran,
    to_model,
    to_numpy,
)
from gru_tutorial.probabilistic import _Probabilistic
from gru_tutorial.recipe import CUTTING, Recipe
from gru_tutorial.storage import check_destination, read_whole, write_whole
from gru_tutorial.tensors import check_module, check_tensor, kind_of
from gru_tutorial.training import History, changed, fit
from gru_tutorial.windows import (
    Scaler,
    check_target,
    make_chunks,
    make_loader,
    make_windows,
)

BLOCK = 2**16  # steps per call, where a state is carried along a series
STRATEGIES = ("direct", "recursive")


class Forecaster(_Probabilistic):
    """Forecast a series in its own units: model, scaler, and what it sees.

    Parameters
    ----------
    model : torch.nn.Module
        A ``GRUModel`` with any head, or another module that maps (batch,
        window, features) to (batch, horizon).
    scaler : Scaler
        The one used in training; ``fit`` finds it if it is not given.
    window : int
        Time steps that the model sees; ``None`` for all before, through a
        state that is carried along. That needs ``run``, as ``GRUModel`` has.
    target : int or tuple of int
        The column that is predicted, or those. A ``GRUModel``'s head knows.
    strategy : str
        ``"direct"``: all steps at once, as the head gives them.
        ``"recursive"``: one step, which the model then takes in as if it had
        been observed, and so on. If not given, direct where the head reaches
        as far as is asked, otherwise recursive from the first step on.
    features, horizon : int
        Columns that are read, and time steps that are forecast at once, of a
        module that is no ``GRUModel``; 1 if not given.

    Attributes
    ----------
    losses : History
        By epoch of the last ``fit``; None before.
    recipe : Recipe
        Its settings; None before.

    Raises
    ------
    ValueError
        If an argument is of another kind or out of range.

    References
    ----------
    S. Ben Taieb et al. (2012), A review and comparison of strategies for
    multi-step ahead time series forecasting, arXiv:1108.3259.

    Examples
    --------
    >>> values = np.sin(np.arange(200.0))
    >>> forecaster = Forecaster(GRUModel(hidden_size=8), window=12)
    >>> forecaster = forecaster.fit(values[:150], num_epochs=3)
    >>> forecaster(values[:150], horizon=24).shape
    (24,)
    >>> forecaster.one_step(values, forecast_start=150).shape
    (50,)
    """

    def __init__(
        self,
        model: nn.Module,
        scaler: Scaler | None = None,
        window: int | None = None,
        target: int | tuple | None = None,
        strategy: str | None = None,
        features: int | None = None,
        horizon: int | None = None,
    ):
        check_module("model", model)
        known = strategy is None or isinstance(strategy, str)
        if not known or strategy not in (None, *STRATEGIES):
            raise ValueError(
                f"strategy: expected one of {', '.join(STRATEGIES)}, got "
                f"{strategy!r}"
            )
        self.model, self.window, self.strategy = model, window, strategy
        if window is not None:
            self.window = check_int("window", window, 1 + self._blind())
        features = self._check_size("features", features, "input_size")
        self.horizon = self._check_size("horizon", horizon, "horizon")
        target = self._check_target(target, features)
        self.frame = Frame(features, target, scaler)
        self.losses: History | None = None
        self.recipe: Recipe | None = None

    def __repr__(self):
        """Show what it consists of."""
        sees = "all" if self.window is None else self.window
        name = type(self.model).__name__
        return f"Forecaster({name}, {self.scaler}, window={sees})"

    @property
    def scaler(self) -> Scaler | None:
        """What scales the series; None before ``fit``, if none was given."""
        return self.frame.scaler

    @property
    def target(self) -> tuple[int, ...]:
        """The columns that are predicted."""
        return self.frame.target

    def fit(
        self,
        values,
        recipe: Recipe | None = None,
        *,
        valid: int = 0,
        callbacks=(),
        checkpoint=None,
        **changes,
    ) -> Forecaster:
        """Scale the series, cut it, and train the model on the pieces.

        Pieces are windows with one label each, or, without ``window``, chunks
        with a label for every step. A second call goes on from the weights
        and with the scaler of the first.

        Parameters
        ----------
        values : array_like of shape (time,) or (time, features)
            The training part alone, in its own units. For several series
            at once (series, time), (series, time, features), or a list of
            arrays: each series of one column then has a scale of its own.
        recipe : Recipe
            The settings; those of ``Recipe()`` if not given.
        valid : int
            Time steps of validation, the last ones of ``values``.
        callbacks, checkpoint
            As for ``training.fit``.
        **changes
            Settings that differ from the recipe's, by name.

        Returns
        -------
        Forecaster
            Itself, with ``history`` and ``recipe``.

        Raises
        ------
        ValueError
            If ``values`` is too short, not finite, or constant, or a setting
            is out of range.
        FloatingPointError
            If training leaves the range of numbers.
        """
        cutting = {k: changes.pop(k) for k in CUTTING if k in changes}
        recipe = changed(recipe, changes).but(**cutting)
        valid = self._check_valid(valid, recipe)
        frame = self.frame
        series, columns = frame.series(values)
        piece = self.window or recipe.chunk
        why = f"valid + {'window' if self.window else 'chunk'} + horizon"
        for one in series:
            check_length("values", one, valid + piece + self.horizon, why)
        if frame.scaler is None:
            known = [one[: len(one) - valid] for one in series]
            self.frame = frame.fitted(known, columns)
        scaled = self.frame.scaled(series)
        try:
            self.losses = fit(
                self.model,
                self._train_loader(scaled, valid, recipe),
                self._valid_loader(scaled, valid, piece),
                recipe,
                callbacks=callbacks,
                checkpoint=checkpoint,
            )
        except BaseException:
            self.frame = frame  # a scale is kept if the training went well
            raise
        self.recipe = recipe
        return self

    def __call__(self, history, horizon: int) -> np.ndarray:
        """Forecast the steps that follow a history, or each of many.

        Parameters
        ----------
        history : array_like of shape (time,) or (time, features)
            What is known, in its own units; of many series (series, time) or
            (series, time, features). The state starts before its first value.
        horizon : int
            Time steps to forecast.

        Returns
        -------
        numpy.ndarray of shape (horizon,) or (series, horizon)
            In the series' own units, float64. With several targets one more
            axis comes last.

        Raises
        ------
        ValueError
            If ``history`` is too short or not finite, or the model cannot
            forecast so many steps.
        """
        X, mean, std, single = self._read(history)
        horizon = check_int("horizon", horizon, 1, MAX_HORIZON)
        with evaluating(self.model):
            parts = [
                self._unroll(to_model(self.model, part), horizon)
                for part in X.split(BATCH_SIZE)
            ]
        y_hat = in_units(to_numpy(torch.cat(parts)), mean, std)
        return self.frame.shaped(y_hat, single)

    def one_step(self, values, forecast_start: int) -> np.ndarray:
        """Forecast each value of the test part from the true ones before it.

        Parameters
        ----------
        values : array_like of shape (time,) or (time, features)
            The whole series, in its own units; of many series (series, time)
            or (series, time, features).
        forecast_start : int
            The first time step to forecast, at least ``window``.

        Returns
        -------
        numpy.ndarray of shape (time - forecast_start,)
            In the series' own units, float64; of many series with one axis
            before it, and with several targets with one after it.

        Raises
        ------
        ValueError
            If fewer than ``window`` values come before ``forecast_start``.
        """
        seen = self.window or 1 + self._blind()
        X, mean, std, single = self._read(values, seen + 1, "values")
        last = X.shape[1] - 1
        start = check_int("forecast_start", forecast_start, seen, last)
        if self.window is None:
            y_hat = self._along(X[:, :-1])[:, start - 1 :]
        else:
            late = X[:, start - self.window :].numpy()
            windows = [make_windows(one, self.window)[0] for one in late]
            y_hat = np.stack([predict(self.model, one) for one in windows])
        y_hat = in_units(y_hat[..., : len(self.target)], mean, std)
        return self.frame.shaped(y_hat, single)

    def stream(self, history=None, horizon: int = 1):
        """Return an object that takes in one value at a time.

        Parameters
        ----------
        history : array_like of shape (time,) or (time, features)
            What is known before; with a ``window`` at least so many values.
        horizon : int
            Time steps to forecast after each value.

        Returns
        -------
        Stream
            Its ``update(value)`` returns the forecast.

        Examples
        --------
        >>> stream = Forecaster(GRUModel(hidden_size=8)).stream()
        >>> for value in [0.1, 0.2, 0.3]:
        ...     y_hat = stream.update(value)
        >>> y_hat.shape
        (1,)
        """
        from gru_tutorial.stream import Stream

        return Stream(self, history, horizon)

    def save(self, path) -> None:
        """Write all that a forecast needs into one file.

        Sizes, weights, scaler, window, columns, recipe and losses.

        Parameters
        ----------
        path : str or pathlib.Path
            The file; written whole or not at all.

        Raises
        ------
        ValueError
            If nothing can be written there.
        """
        write_whole(check_destination("path", path), KIND, state_of(self))

    def export(self, path) -> None:
        """Write it for other engines: an ONNX model, compared with this one.

        It takes the series and gives the forecasts in the series' own units;
        its metadata say what the columns are. Without a window it goes on
        from a state that is carried along.

        Parameters
        ----------
        path : str or pathlib.Path
            The file; written whole or not at all.

        Raises
        ------
        ValueError
            If nothing can be written there, there is no scaler yet, or the
            model is not a ``GRUModel`` with a head of this package.

        Examples
        --------
        >>> import tempfile
        >>> forecaster = Forecaster(GRUModel(hidden_size=8), Scaler(2.0, 1.5))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     forecaster.export(f"{folder}/gru.onnx")
        """
        from gru_tutorial.export import export_onnx

        export_onnx(self, path)

    @classmethod
    def load(cls, path, model: nn.Module | None = None) -> Forecaster:
        """Read a forecaster that ``save`` wrote; no code in it is run.

        Parameters
        ----------
        path : str or pathlib.Path
            The file.
        model : torch.nn.Module
            Takes the weights, if it is not a ``GRUModel`` with a head of this
            package.

        Returns
        -------
        Forecaster
            With the same forecasts, on the CPU.

        Raises
        ------
        ValueError
            If the file is absent, damaged or of another kind, or its weights
            do not fit ``model``.

        Examples
        --------
        >>> import tempfile
        >>> forecaster = Forecaster(GRUModel(hidden_size=8), Scaler(2.0, 1.5))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     forecaster.save(f"{folder}/gru.pt")
        ...     again = Forecaster.load(f"{folder}/gru.pt")
        >>> bool((again([1.0, 2.0], 3) == forecaster([1.0, 2.0], 3)).all())
        True
        """
        state = read_whole("path", path, KIND)
        settings = {name: state[name] for name in SETTINGS}
        found = cls(model_of(state, model), scaler_of(state), **settings)
        found.recipe = state["recipe"] and Recipe.of(state["recipe"])
        found.losses = state["losses"] and History(**state["losses"])
        return found

    # What stands behind these

    def _has_head(self) -> bool:
        return isinstance(self.model, GRUModel)

    def _check_size(self, name: str, given: int | None, own: str) -> int:
        """Return a size: the model's own, if it is a GRUModel."""
        if given is not None:
            given = check_int(name, given, 1)
        if not self._has_head():
            return given or 1
        known = getattr(self.model, own)
        if given not in (None, known):
            raise ValueError(
                f"{name}: expected {known}, as the model has it, got {given}"
            )
        return known

    def _check_target(self, target, features: int) -> tuple[int, ...]:
        if not self._has_head():
            return check_target(0 if target is None else target, features)
        known = self.model.head.target
        if target is None or check_target(target, features) == known:
            return known
        raise ValueError(
            f"target: expected {known}, as the model's head has it, got "
            f"{target!r}; a head takes it, as in Direct(target=1)"
        )

    def _read(self, history, needed=None, name="history"):
        needed = needed or self.window or 1 + self._blind()
        return self.frame.read(history, needed, name)

    def _blind(self) -> int:
        """Steps at a sequence's start from which there is no forecast."""
        return self.model.head.blind if self._has_head() else 0

    def _check_valid(self, valid: int, recipe: Recipe) -> int:
        valid = check_int("valid", valid, 0)
        if valid == 0 and recipe.patience:
            raise ValueError(
                "valid: expected time steps for patience to watch, got 0"
            )
        if 0 < valid < self.horizon:
            raise ValueError(
                f"valid: expected 0 or at least the horizon, {self.horizon}, "
                f"got {valid}"
            )
        return valid

    def _windows(self, one: np.ndarray, window: int):
        return make_windows(one, window, self.horizon, self.target)

    def _train_loader(self, scaled: list, valid: int, recipe: Recipe):
        parts = []
        for one in scaled:
            known = one[: len(one) - valid]
            if self.window is None:
                size = recipe.chunk
                cut = make_chunks(known, size, self.horizon, self.target)
            else:
                cut = self._windows(known, self.window)
            parts.append([part[:: recipe.stride] for part in cut])
        pieces = _joined(parts)
        size, seed = recipe.batch_size, recipe.seed
        return make_loader(*pieces, size, shuffle=True, seed=seed)

    def _valid_loader(self, scaled: list, valid: int, window: int):
        if valid == 0:
            return None
        late = [one[len(one) - valid - window :] for one in scaled]
        parts = [self._windows(one, window) for one in late]
        return make_loader(*_joined(parts), BATCH_SIZE)

    def _seen(self, x: Tensor) -> Tensor:
        return x if self.window is None else x[:, -self.window :]

    def _steps(self, y_hat: Tensor, x: Tensor) -> Tensor:
        """Return (n, horizon, targets) of what a model gives for ``x``."""
        check_tensor("model's forecasts", y_hat, (2,))
        width, (rows, numbers) = len(self.target), y_hat.shape
        if rows != len(x) or numbers == 0 or numbers % width:
            raise ValueError(
                f"model's forecasts: expected {width} for each step of "
                f"{len(x)} series, got {kind_of(y_hat)}"
            )
        return y_hat.unflatten(1, (-1, len(self.target)))

    def _unroll(self, x: Tensor, horizon: int) -> Tensor:
        """Forecast (n, horizon, targets), directly or step by step."""
        x = self._seen(x)
        if self.strategy != "recursive":
            goes_on = self._has_head() and self.model.head.unbounded
            y_hat = self.model(x, **({"horizon": horizon} if goes_on else {}))
            steps = self._steps(point_of(self.model, y_hat), x)
            if steps.shape[1] >= horizon:
                return steps[:, :horizon]
            if self.strategy == "direct":
                raise ValueError(
                    f"horizon: expected at most {steps.shape[1]}, which the "
                    f"model forecasts at once, got {horizon}"
                )
        return self._recursive(*self._next(x, None), horizon)

    def _ran(self, x: Tensor, state):
        """Return what the model gives after a stretch, and the state then."""
        if self.window is not None:
            return self.model(x), None
        if isinstance(self.model, Streaming):
            y_hat, state = ran(self.model, x, state)
            return y_hat[:, -1], state
        raise ValueError(
            f"model: expected one with run, as GRUModel has, to go on step by "
            f"step without a window, got {type(self.model).__name__}"
        )

    def _next(self, x: Tensor, state, read=None):
        """Return the next step's forecast, and what to go on from."""
        y_hat, state = self._ran(x, state)
        steps = read(y_hat) if read else point_of(self.model, y_hat)
        return self._steps(steps, x), x, state

    def _recursive(self, steps: Tensor, x, state, horizon: int, read=None):
        """Take each forecast in as if it had been observed."""
        self._check_recursive(steps, horizon)
        order = np.argsort(self.target).tolist()
        path = [steps[:, 0]]
        while len(path) < horizon:
            newest = path[-1][:, None, order]
            x = newest if self.window is None else moved_on(x, newest)
            steps, x, state = self._next(x, state, read)
            path.append(steps[:, 0])
        return torch.stack(path, dim=1)

    def _check_recursive(self, steps: Tensor, horizon: int) -> None:
        """Refuse more steps, if the model cannot take its forecasts in."""
        missing = ""
        if sorted(self.target) != list(range(self.frame.features)):
            missing = "what comes next in the other columns is not known"
        elif self.window is None and not self._streams():
            missing = "the model's head needs whole sequences, or a window"
        if missing and horizon > 1:
            most = 1 if self.strategy == "recursive" else steps.shape[1]
            raise ValueError(
                f"horizon: expected at most {most}, as {missing}, got "
                f"{horizon}"
            )

    def _streams(self) -> bool:
        return self.model.head.streams if self._has_head() else True

    def _along(self, X: Tensor) -> np.ndarray:
        """Return what follows each step of series, as ``run`` gives it."""
        if not isinstance(self.model, Streaming):
            raise ValueError(
                f"window: expected a number, as {type(self.model).__name__} "
                f"has no run(x, state) to carry a state along, got None"
            )
        whole = not self._streams()
        parts, state = [], None
        with evaluating(self.model):
            for block in X.split(X.shape[1] if whole else BLOCK, dim=1):
                block = to_model(self.model, block)
                y_hat, state = ran(self.model, block, state)
                parts.append(point_of(self.model, y_hat))
        found = torch.cat(parts, dim=1).double().cpu().numpy()
        check_values("model's forecasts", found[:, self._blind() :], (3,))
        return found


def _joined(parts: list) -> list[np.ndarray]:
    """Put the pieces of all series after one another; one stays a view."""
    if len(parts) == 1:
        return list(parts[0])
    return [np.concatenate(part) for part in zip(*parts, strict=True)]
