"""The book's one figure style, and the plots that chapters share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from IPython import get_ipython
from matplotlib.axes import Axes
from matplotlib.colors import is_color_like
from matplotlib.font_manager import FontProperties
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from gru_tutorial.book.legible import TOKENS, hold_figures
from gru_tutorial.checks import (
    check_float,
    check_int,
    check_length,
    check_values,
)

# Okabe and Ito's palette tells colours apart for colour-blind readers too.
# Each colour has one meaning throughout the book: data (what was observed),
# truth (the signal beneath, or what really came), forecast (what a model
# says), limit (the best that is possible), other (something to compare with).
COLORS = {
    meaning: TOKENS["colors"][meaning]
    for meaning in ("data", "truth", "forecast", "limit", "other")
}
# Versions of one network, such as with a larger bias: the forecast's hue, from
# its own colour to dark. Lines of different styles tell them apart as well.
SHADES = (COLORS["forecast"], "#7c2d12", "#431407")
LARGEST = 1e300  # what matplotlib can draw without an overflow
LAST_STEP = 10**15


def set_style() -> None:
    """Set the book's figure style for every figure that follows.

    Letters are those of the page, and large, for a phone shows a figure at
    three fifths of its width. In notebooks, pictures get twice the pixels.

    Examples
    --------
    >>> set_style()
    >>> plt.rcParams["font.family"]
    ['STIXGeneral']
    """
    _double_pixels()
    hold_figures()
    plt.rcParams.update(
        {
            "figure.figsize": (5.8, 3.3),
            "figure.dpi": 100,
            "savefig.pad_inches": 1 / 24,  # a figure's own: its width stays
            "figure.constrained_layout.use": True,
            "font.family": "STIXGeneral",
            "mathtext.fontset": "stix",
            "font.size": 15,
            "axes.titlesize": 15,
            "xtick.labelsize": 14,
            "ytick.labelsize": 14,
            "legend.fontsize": 14,
            "axes.titlelocation": "left",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "axes.prop_cycle": cycler(color=list(COLORS.values())),
            "grid.color": "#d9dde1",
            "grid.linewidth": 0.7,
            "lines.linewidth": 1.7,
            "legend.frameon": False,
        }
    )


def log_axis(ax: Axes, which: str = "y") -> None:
    """Make an axis logarithmic, with numbers such as 0.01 and 1e−6.

    A phone shows them; the exponents of powers are too small there.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The axes.
    which : str
        Its axis: ``"x"`` or ``"y"``.

    Raises
    ------
    ValueError
        If ``ax`` is no axes, or ``which`` is another axis.

    Examples
    --------
    >>> ax = plt.subplots()[1]
    >>> log_axis(ax)
    >>> ticks = ax.set_yticks([1e-6, 0.001, 1])
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['1e−6', '0.001', '1']
    >>> plt.close()
    """
    ax = _axes(ax)
    if which not in ("x", "y"):
        raise ValueError(f"which: expected 'x' or 'y', got {which!r:.50}")
    ax.set(**{f"{which}scale": "log"})
    axis = getattr(ax, f"{which}axis")
    axis.set_major_formatter(FuncFormatter(_plain))
    axis.set_minor_locator(NullLocator())


def name_lines(ax: Axes) -> None:
    """Write the label of each line beside its end, in the line's colour.

    Names that would overlap move apart. Call it when the limits are set.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The axes, with labelled lines.

    Raises
    ------
    ValueError
        If ``ax`` is no axes, or no line has a label.

    Examples
    --------
    >>> ax = plt.subplots()[1]
    >>> line = ax.plot([1.0, 2.0], label="GRU")
    >>> name_lines(ax)
    >>> [text.get_text() for text in ax.texts]
    ['GRU']
    >>> plt.close()
    """
    ax = _axes(ax)
    lines = [x for x in ax.get_lines() if not x.get_label().startswith("_")]
    if not lines:
        raise ValueError("ax: expected lines with labels, got none")
    ax.figure.draw_without_rendering()  # which sets the height of the axes
    size = FontProperties(size=plt.rcParams["legend.fontsize"]).get_size()
    room = 1.1 * size * ax.figure.dpi / 72 / ax.bbox.height
    lines.sort(key=lambda line: _end(ax, line))
    ends = _apart(np.array([_end(ax, line) for line in lines]), room)
    look = {"size": size, "va": "center", "transform": ax.transAxes}
    for line, end in zip(lines, ends, strict=True):
        ax.text(1.02, end, line.get_label(), color=line.get_color(), **look)


def _end(ax: Axes, line) -> float:
    """Return how high a line ends, in heights of the axes."""
    x, y = (np.atleast_1d(data)[-1] for data in line.get_data())
    at = line.get_transform().transform((x, y))
    return float(np.clip(ax.transAxes.inverted().transform(at)[1], 0, 1))


def _apart(ends: np.ndarray, room: float) -> np.ndarray:
    """Move ascending places apart, so that each has its room."""
    groups = [[end] for end in ends]  # of names that touch each other
    k = 0
    while k < len(groups) - 1:
        low, high = groups[k], groups[k + 1]
        gap = np.mean(high) - np.mean(low)
        if gap < room * (len(low) + len(high)) / 2:
            groups[k : k + 2] = [low + high]
            k = max(0, k - 1)
        else:
            k += 1
    return np.hstack(
        [
            np.mean(group) + room * (np.arange(n) - (n - 1) / 2)
            for group in groups
            for n in [len(group)]
        ]
    )


def _double_pixels() -> None:
    """Let a notebook draw with two pixels for each that it shows."""
    shell = get_ipython()
    if shell is not None:
        from matplotlib_inline.config import InlineBackend

        backend = InlineBackend.instance(parent=shell)
        backend.shell = backend.shell or shell
        backend.figure_formats = {"retina"}


def _plain(value: float, place=None) -> str:
    """Return a number on one line, without small letters."""
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:g}"
    mantissa, exponent = f"{value:e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}".replace("-", "−")


def plot_series(
    values, clean=None, first_step: int = 0, ax: Axes | None = None
) -> Axes:
    """Draw a series as points, over the signal beneath it.

    Parameters
    ----------
    values : array_like of shape (time,)
        What was observed.
    clean : array_like of shape (time,)
        The signal without noise, if it is known.
    first_step : int
        The time step of the first value.
    ax : matplotlib.axes.Axes
        Where to draw; a new figure if not given.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, to add to.

    Raises
    ------
    ValueError
        If a value is missing, or ``clean`` is of another length.

    Examples
    --------
    >>> ax = plot_series([1.0, 2.0, 1.5])
    >>> ax.get_xlabel()
    'time step $t$'
    >>> plt.close()
    """
    values = _check_curve("values", values)
    if clean is not None:
        clean = _check_curve("clean", clean)
        if len(clean) != len(values):
            raise ValueError(
                f"clean: expected {len(values)} values, as many as observed, "
                f"got {len(clean)}"
            )
    first_step = check_int("first_step", first_step, 0, LAST_STEP)
    ax = _axes(ax)
    t = first_step + np.arange(len(values))
    ax.plot(t, values, ".", ms=4, color=COLORS["data"], label="observed")
    if clean is not None:
        ax.plot(t, clean, color=COLORS["truth"], label="clean signal")
    ax.set(xlabel="time step $t$", ylabel="value")
    return ax


def plot_forecast(
    values,
    forecasts: Mapping,
    forecast_start: int,
    ax: Axes | None = None,
    colors: Sequence[str] = (COLORS["forecast"], COLORS["other"], "black"),
) -> Axes:
    """Draw forecasts over the observed values of the test part.

    Parameters
    ----------
    values : array_like of shape (time,)
        The whole series.
    forecasts : mapping of str to array_like of shape (horizon,), or callable
        Forecasts by name, whoever made them, none beyond the end of
        ``values``, and no more than ``colors``. A forecaster is asked for
        the whole test part at once. The legend shows the names as they are
        written.
    forecast_start : int
        The first time step that is forecast.
    ax : matplotlib.axes.Axes
        Where to draw; a new figure if not given.
    colors : sequence of str
        A colour for each forecast.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, to add to.

    Raises
    ------
    ValueError
        If a value or a name is missing, there are too many forecasts or
        values, or ``colors`` are none of matplotlib's.

    Examples
    --------
    >>> ax = plot_forecast([1.0, 2.0, 3.0], {"naive": [1.0, 2.0]}, 1)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['observed', 'naive']
    >>> plt.close()
    """
    values = _check_curve("values", values)
    last = len(values) - 1
    forecast_start = check_int("forecast_start", forecast_start, 0, last)
    colors = _check_colors(colors)
    ahead = len(values) - forecast_start
    if isinstance(forecasts, Mapping):
        known = values[:forecast_start]
        forecasts = {
            name: one(known.copy(), ahead) if callable(one) else one
            for name, one in forecasts.items()
        }
    curves = _check_forecasts(forecasts, ahead)
    if len(curves) > len(colors):
        raise ValueError(
            f"forecasts: expected at most {len(colors)}, got {len(curves)}"
        )
    ax = plot_series(values[forecast_start:], None, forecast_start, ax)
    for color, (name, y_hat) in zip(colors, curves.items(), strict=False):
        t = forecast_start + np.arange(len(y_hat))
        ax.plot(t, y_hat, color=color, label=_label(name))
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return ax


def plot_losses(history, floor: float, ax: Axes | None = None) -> Axes:
    """Draw the losses of a run, in multiples of the noise floor.

    Parameters
    ----------
    history : History
        What ``fit`` returned.
    floor : float
        The noise floor in scaled units.
    ax : matplotlib.axes.Axes
        Where to draw; a new figure if not given.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, to add to: logarithmic, or linear if a loss is not above 0,
        as that of a Gaussian may be.

    Raises
    ------
    ValueError
        If ``floor`` is not above 0, or ``history`` holds no losses.

    Examples
    --------
    >>> from gru_tutorial import History
    >>> ax = plot_losses(History([2.0, 1.5], [2.5, 2.2]), floor=1.0)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['training', 'validation', 'noise floor']
    >>> plt.close()
    """
    floor = check_float("floor", floor, 0, exclusive=True)
    train, valid = _check_history(history, floor)
    ax = _axes(ax)
    epochs = np.arange(1, len(train) + 1)
    ax.plot(epochs, train, color=COLORS["data"], label="training")
    if len(valid):
        color, best = COLORS["forecast"], history.best_epoch
        ax.plot(epochs, valid, color=color, label="validation")
        ax.plot(best, valid[best - 1], "o", color=color)
    ax.axhline(1, color=COLORS["limit"], ls="--", label="noise floor")
    ax.set(xlabel="epoch", ylabel="loss / floor")
    _hold_losses(ax)
    ax.legend()
    return ax


def plot_ranges(
    ranges: Mapping,
    ax: Axes | None = None,
    colors: str | Mapping = COLORS["forecast"],
    farthest: float | None = None,
) -> Axes:
    """Draw a row for each name: a dot, and a bar from lowest to highest.

    Parameters
    ----------
    ranges : mapping of str to three numbers
        The lowest, the middle and the highest number by name, from the top
        down.
    ax : matplotlib.axes.Axes
        Where to draw; a new figure if not given.
    colors : str or mapping of str to str
        The colour of all rows, or a colour for each name.
    farthest : float
        Where the axis ends on the right. A dot beyond becomes an arrow there.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, to add to.

    Raises
    ------
    ValueError
        If there is no row, the three numbers do not rise, or a name has no
        colour.

    Examples
    --------
    >>> ax = plot_ranges({"GRU": (1.0, 1.1, 1.4), "ridge": (1.4, 1.5, 1.7)})
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['GRU', 'ridge']
    >>> plt.close()
    """
    ranges = _check_ranges(ranges)
    colors = _row_colors(colors, ranges)
    if farthest is not None:
        farthest = check_float("farthest", farthest, -LARGEST)
    ax = _axes(ax)
    for row, (low, middle, high) in enumerate(ranges.values()):
        ax.plot([low, high], [row, row], color=colors[row], lw=2)
        beyond = farthest is not None and middle > farthest
        at, mark = (farthest, ">") if beyond else (middle, "o")
        ax.plot(at, row, mark, color=colors[row], ms=6, clip_on=not beyond)
    ax.set_yticks(range(len(ranges)), map(_label, ranges))
    for tick, color in zip(ax.yaxis.get_major_ticks(), colors, strict=True):
        tick.label1.set_color(color)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
    ax.set(ylim=(len(ranges) - 0.5, -0.5))
    if farthest is not None:
        ax.set_xlim(right=farthest)
    return ax


def _axes(ax: Axes | None) -> Axes:
    if ax is None:
        return plt.subplots()[1]
    if not isinstance(ax, Axes):
        raise ValueError(f"ax: expected a matplotlib Axes, got {ax!r}")
    return ax


def _check_curve(name: str, values) -> np.ndarray:
    values = check_values(name, values, (1,), dtype=np.float64)
    check_length(name, values, 1, "1")
    largest = np.abs(values).max()
    if largest > LARGEST:
        raise ValueError(
            f"{name}: expected numbers up to {LARGEST:g}, got {largest:g}"
        )
    return values


def _check_forecasts(forecasts, room: int) -> dict[str, np.ndarray]:
    if not isinstance(forecasts, Mapping):
        raise ValueError(
            "forecasts: expected a mapping of names to arrays, got "
            f"{forecasts!r}"
        )
    curves = {}
    for name, y_hat in forecasts.items():
        if not (isinstance(name, str) and name.strip()):
            raise ValueError(
                f"forecasts: expected names that can be read, got {name!r}"
            )
        curves[name] = _check_curve(f"forecasts[{name!r}]", y_hat)
        if len(curves[name]) > room:
            raise ValueError(
                f"forecasts[{name!r}]: expected at most {room} values, got "
                f"{len(curves[name])}"
            )
    return curves


def _check_colors(colors) -> list[str]:
    known = isinstance(colors, Sequence) and not isinstance(colors, str)
    if not (known and all(is_color_like(color) for color in colors)):
        raise ValueError(
            f"colors: expected a list of matplotlib colours, got {colors!r}"
        )
    return list(colors)


def _check_ranges(ranges) -> dict[str, np.ndarray]:
    if not isinstance(ranges, Mapping) or not ranges:
        raise ValueError(
            "ranges: expected a mapping of names to three numbers, got "
            f"{ranges!r:.50}"
        )
    checked = {}
    for name, found in ranges.items():
        if not isinstance(name, str) or not name.strip():
            raise ValueError(
                f"ranges: expected names that can be read, got {name!r}"
            )
        found = _check_curve(f"ranges[{name!r}]", found)
        if len(found) != 3 or np.any(np.diff(found) < 0):
            raise ValueError(
                f"ranges[{name!r}]: expected three numbers, the lowest first, "
                f"got {found.tolist()}"
            )
        checked[name] = found
    return checked


def _row_colors(colors, names: Iterable[str]) -> list[str]:
    if not isinstance(colors, Mapping):
        return _check_colors([colors for _ in names])
    missing = [name for name in names if name not in colors]
    if missing:
        raise ValueError(f"colors: expected one for {missing[0]!r}, got none")
    return _check_colors([colors[name] for name in names])


def _label(name: str) -> str:
    """Return a name such that a legend shows it, and as it is written."""
    name = name.replace("$", r"\$")  # no formula
    return f" {name}" if name.startswith("_") else name  # else left out


def _check_history(history, floor: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the losses of training and validation, in floors."""
    try:
        train, valid = history.train_loss, history.valid_loss
    except AttributeError:
        raise ValueError(
            f"history: expected a History, as fit returns it, got {history!r}"
        ) from None
    train = check_values("history.train_loss", train, (1,), dtype=np.float64)
    valid = check_values("history.valid_loss", valid, (1,), dtype=np.float64)
    check_length("history", train, 1, "1")
    if len(valid) not in (0, len(train)):
        raise ValueError(
            f"history: expected {len(train)} losses of validation, as many "
            f"as of training, got {len(valid)}"
        )
    with np.errstate(over="ignore", under="ignore"):
        train, valid = train / floor, valid / floor
    for losses in filter(len, (train, valid)):
        largest = np.abs(losses).max()
        if largest > 1e100:
            raise ValueError(
                f"floor: expected losses up to 1e+100 floors, got {largest:g}"
            )
    return train, valid


def _hold_losses(ax: Axes) -> None:
    """Let the limits hold every curve: from 0.5 to 14, wider if need be."""
    curves = [
        line.get_ydata()
        for line in ax.get_lines()
        if line.get_transform() == ax.transData
    ]
    drawn = np.hstack([1, *curves])
    low, high = drawn.min(), drawn.max()
    if low <= 0:
        ax.set_yscale("linear")
        ax.autoscale(axis="y")
        return
    ax.set_yscale("log")
    ax.yaxis.set_minor_locator(NullLocator())
    if low >= 0.5 and high <= 14:
        low, high, ticks = 0.5, 14, [1, 2, 5, 10]
    else:
        low, high = min(0.5, low / 1.3), max(14, high * 1.3)
        ticks = LogLocator(subs=_steps(low, high)).tick_values(low, high)
        ticks = [tick for tick in ticks if low <= tick <= high]
    ax.set(yticks=ticks, yticklabels=[f"{tick:g}" for tick in ticks])
    ax.set_ylim(low, high)


def _steps(low: float, high: float) -> tuple[int, ...]:
    """Return which multiples of each power of ten get a tick."""
    return (1, 2, 5) if high < 300 * low else (1,)
