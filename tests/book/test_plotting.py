"""The book's figures: readable, labelled, and told apart by any eye."""

import io
import json
from importlib import resources
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gru_tutorial import Naive
from gru_tutorial.book.plotting import (
    COLORS,
    log_axis,
    name_lines,
    plot_forecast,
    plot_losses,
    plot_ranges,
    plot_series,
    set_style,
)
from gru_tutorial.series import make_series
from gru_tutorial.training import History
from tests.colours import contrast


@pytest.fixture(autouse=True)
def style():
    with plt.rc_context():
        set_style()
        yield
        plt.close("all")


def test_colours_are_those_of_the_design_tokens():
    file = resources.files("gru_tutorial.book") / "tokens.json"
    tokens = json.loads(file.read_text("utf-8"))["colors"]
    assert {name: tokens[name] for name in COLORS} == COLORS
    assert list(COLORS) == ["data", "truth", "forecast", "limit", "other"]
    cycle = plt.rcParams["axes.prop_cycle"].by_key()["color"]
    assert cycle == list(COLORS.values())


@pytest.mark.parametrize("name", COLORS)
def test_colours_stand_out_from_the_paper(name):
    assert contrast(COLORS[name], "#ffffff") >= 4.5


def test_series_is_drawn_where_it_belongs():
    series = make_series()
    ax = plot_series(series.values[720:], series.clean[720:], first_step=720)
    observed, clean = ax.lines
    np.testing.assert_array_equal(observed.get_xdata(), np.arange(720, 850))
    np.testing.assert_array_equal(observed.get_ydata(), series.values[720:])
    np.testing.assert_array_equal(clean.get_ydata(), series.clean[720:])
    assert ax.get_xlabel()
    assert ax.get_ylabel()


def test_forecasts_are_drawn_over_the_test_part():
    values = make_series().values
    forecasts = {"naive": values[719:-1], "zero": torch.zeros(12)}
    ax = plot_forecast(values, forecasts, 720)
    observed, naive, zero = ax.lines
    np.testing.assert_array_equal(observed.get_ydata(), values[720:])
    np.testing.assert_array_equal(naive.get_xdata(), np.arange(720, 850))
    assert zero.get_xdata()[-1] == 731
    assert naive.get_color() == COLORS["forecast"]
    assert naive.get_color() != zero.get_color()


def test_a_forecast_has_the_colour_that_it_is_given():
    one, two = [COLORS["other"], "black"]
    ax = plot_forecast([1, 2], {"a": [1], "b": [2]}, 1, colors=[one, two])
    assert [line.get_color() for line in ax.lines[1:]] == [one, two]


def test_an_axes_is_used_when_given():
    _, ax = plt.subplots()
    assert plot_series([1.0, 2.0], ax=ax) is ax
    assert plot_forecast([1.0, 2.0], {"naive": [1.0]}, 1, ax=ax) is ax


def names_in_the_legend(ax):
    return [text.get_text().strip() for text in ax.get_legend().get_texts()]


def test_every_name_gets_its_entry_as_it_is_written():
    names = ["_gru", "5 $ or 6 $", "__"]
    ax = plot_forecast([1.0, 2.0, 3.0], {n: [1.0, 2.0] for n in names}, 1)
    shown = names_in_the_legend(ax)
    assert shown == ["observed", "_gru", r"5 \$ or 6 \$", "__"]
    for text in ax.get_legend().get_texts()[1:]:
        assert text._preprocess_math(text.get_text())[1] is False
    assert len(ax.legend().get_texts()) == 4  # also when it is made again


def test_a_name_with_dollars_is_as_wide_as_its_letters():
    """What stands between two dollars is no formula."""

    def width(name):
        ax = plot_forecast([1.0, 2.0], {name: [1.0]}, 1)
        ax.figure.canvas.draw()
        return ax.get_legend().get_texts()[1].get_window_extent().width

    assert width("$mmm$") > width("mmm") + 1.5 * width("|")


def test_numbers_on_a_logarithmic_axis_have_no_small_letters():
    _, ax = plt.subplots()
    log_axis(ax)
    log_axis(ax, "x")
    ax.set(xlim=(1e-4, 1e6), ylim=(2e-13, 1))
    ax.set(xticks=[1e-4, 0.001, 2.5, 50_000, 1e5, 4e5])
    shown = [label.get_text() for label in ax.get_xticklabels()]
    assert shown == ["1e−4", "0.001", "2.5", "50000", "1e5", "4e5"]
    shown = [label.get_text() for label in ax.get_yticklabels()]
    assert {"1e−5", "0.001"} <= set(shown)
    assert not any("$" in text for text in shown)
    assert len(ax.get_yticks(minor=True)) == 0


def test_names_stand_at_the_ends_of_their_lines():
    _, ax = plt.subplots()
    for name, end in (("low", 1.0), ("high", 9.0)):
        ax.plot([5.0, end], color=COLORS["truth"], label=name)
    ax.plot([5.0, 5.0])  # without a name
    ax.set(ylim=(0, 10))
    name_lines(ax)
    found = {text.get_text(): text for text in ax.texts}
    assert list(found) == ["low", "high"]
    for name, height in (("low", 0.1), ("high", 0.9)):
        x, y = found[name].get_position()
        assert x > 1
        assert y == pytest.approx(height)
        assert found[name].get_color() == COLORS["truth"]


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_names_that_would_overlap_move_apart(scale):
    _, ax = plt.subplots()
    ends = [1.0, 2.0, 2.01, 2.02, 8.0, 8.02, 9.9]
    for k, end in enumerate(ends):
        ax.plot([2.0, end], label=f"line {k}")
    ax.set(yscale=scale, ylim=(0.9, 10))
    name_lines(ax)
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert [text.get_text()[-1] for text in ax.texts] == list("0123456")
    for below, above in pairwise(boxes):
        assert above.y0 > below.y1 - 1


def test_a_line_beyond_the_limits_is_named_at_the_edge():
    _, ax = plt.subplots()
    ax.plot([0.0, 100.0], label="far")
    ax.set(ylim=(0, 1))
    name_lines(ax)
    assert ax.texts[0].get_position()[1] == 1


GOOD = History([1.0, 2.0], [1.0, 2.0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plot_series([1.0, np.nan]), "values: expected finite"),
        (lambda: plot_series([]), "values: expected at least 1 time steps"),
        (lambda: plot_series("x"), "values: expected numbers"),
        (
            lambda: plot_series([1e308]),
            "values: expected numbers up to 1e.300",
        ),
        (lambda: plot_series([1.0, 2.0], clean=[1.0]), "clean: expected 2"),
        (lambda: plot_series([1.0], first_step="x"), "first_step: expected"),
        (lambda: plot_series([1.0], first_step=1.5), "first_step: expected"),
        (lambda: plot_series([1.0], first_step=2**62), "first_step: expected"),
        (lambda: plot_series([1.0], ax="x"), "ax: expected a matplotlib Axes"),
        (lambda: plot_series([1.0], ax=plt), "ax: expected a matplotlib Axes"),
        (lambda: plot_forecast([1.0, 2.0], {}, -1), "forecast_start"),
        (lambda: plot_forecast([1.0, 2.0], {}, 2), "forecast_start"),
        (lambda: plot_forecast([1.0, 2.0], {}, "x"), "forecast_start"),
        (lambda: plot_forecast([], {}, 0), "values: expected at least 1"),
        (
            lambda: plot_forecast([1.0, 2.0], [[1.0]], 1),
            "forecasts: expected a mapping of names to arrays, got",
        ),
        (
            lambda: plot_forecast([1.0, 2.0], {"a": [1.0, 2.0]}, 1),
            "forecasts.'a'.: expected at most 1 values, got 2",
        ),
        (
            lambda: plot_forecast([1.0, 2.0], {"a": "x"}, 1),
            "forecasts.'a'.: expected numbers",
        ),
        (
            lambda: plot_forecast([1.0, 2.0], {"a": []}, 1),
            "forecasts.'a'.: expected at least 1",
        ),
        (
            lambda: plot_forecast([1.0, 2.0], {"": [1.0]}, 1),
            "forecasts: expected names that can be read, got ''",
        ),
        (
            lambda: plot_forecast([1.0, 2.0], {None: [1.0]}, 1),
            "forecasts: expected names that can be read, got None",
        ),
        (
            lambda: plot_forecast([1.0, 2.0], {k: [1.0] for k in "abcd"}, 1),
            "forecasts: expected at most 3, got 4",
        ),
        (
            lambda: plot_forecast([1, 2], {"a": [1], "b": [2]}, 1, None, "r"),
            "colors: expected a list of matplotlib colours, got 'r'",
        ),
        (
            lambda: plot_forecast([1, 2], {"a": [1]}, 1, colors=["x"]),
            "colors: expected a list of matplotlib colours",
        ),
        (
            lambda: plot_forecast([1, 2], {"a": [1]}, 1, colors=3),
            "colors: expected a list of matplotlib colours, got 3",
        ),
        (
            lambda: plot_forecast([1.0, 2.0], {"a": [1.0]}, 1, ax=3),
            "ax: expected a matplotlib Axes",
        ),
        (lambda: log_axis("x"), "ax: expected a matplotlib Axes"),
        (lambda: log_axis(Axes(Figure(), [0, 0, 1, 1]), "z"), "which: exp"),
        (lambda: name_lines("x"), "ax: expected a matplotlib Axes"),
        (lambda: name_lines(Axes(Figure(), [0, 0, 1, 1])), "with labels"),
        (lambda: plot_ranges({}), "ranges: expected a mapping of names"),
        (lambda: plot_ranges([[1, 2, 3]]), "ranges: expected a mapping of"),
        (lambda: plot_ranges({"": [1, 2, 3]}), "ranges: expected names that"),
        (lambda: plot_ranges({"a": "x"}), "ranges.'a'.: expected numbers"),
        (lambda: plot_ranges({"a": [1, np.nan, 3]}), "ranges.'a'.: expected"),
        (lambda: plot_ranges({"a": [1, 2]}), "ranges.'a'.: expected three"),
        (lambda: plot_ranges({"a": [1, 3, 2]}), "the lowest first, got .1.0"),
        (lambda: plot_ranges({"a": [1, 2, 3]}, ax="x"), "ax: expected a mat"),
        (
            lambda: plot_ranges({"a": [1, 2, 3]}, colors={"b": "r"}),
            "colors: expected one for 'a', got none",
        ),
        (
            lambda: plot_ranges({"a": [1, 2, 3]}, colors=3),
            "colors: expected a list of matplotlib colours",
        ),
        (
            lambda: plot_ranges({"a": [1, 2, 3]}, farthest="x"),
            "farthest: expected a finite",
        ),
        (lambda: plot_losses(GOOD, floor=0), "floor: expected a finite"),
        (lambda: plot_losses(GOOD, floor="x"), "floor: expected a finite"),
        (lambda: plot_losses(GOOD, floor=1e-200), "floor: expected losses up"),
        (lambda: plot_losses(GOOD, 1.0, ax="x"), "ax: expected a matplotlib"),
        (lambda: plot_losses([1.0, 2.0], 1.0), "history: expected a History"),
        (lambda: plot_losses(History(), 1.0), "history: expected at least 1"),
    ],
)
def test_bad_input_is_refused_before_anything_is_drawn(call, message):
    with pytest.raises(ValueError, match=message):
        call()
    assert plt.get_fignums() == []


def test_losses_are_drawn_in_multiples_of_the_floor():
    history = History([4.0, 2.0, 1.0], [6.0, 3.0, 5.0])
    ax = plot_losses(history, floor=0.5)
    train, valid, dot, floor = ax.get_lines()
    assert list(train.get_ydata()) == [8.0, 4.0, 2.0]
    assert list(valid.get_ydata()) == [12.0, 6.0, 10.0]
    assert (*dot.get_xdata(), *dot.get_ydata()) == (2, 6.0)
    assert list(floor.get_ydata()) == [1, 1]
    assert ax.get_yscale() == "log"
    plt.close()


def test_losses_without_validation_have_no_dot():
    ax = plot_losses(History([4.0, 2.0]), floor=1.0)
    assert len(ax.get_lines()) == 2
    assert plot_losses(History([1.0]), 1.0, ax=ax) is ax
    plt.close()


def holds(ax):
    """Tell whether the limits hold all that is drawn, and it is drawn."""
    ax.figure.savefig(io.BytesIO())
    low, high = ax.get_ylim()
    drawn = np.concatenate([line.get_ydata() for line in ax.get_lines()])
    return low <= drawn.min() and drawn.max() <= high


def test_losses_of_the_book_keep_their_axis():
    ax = plot_losses(History([13.9, 1.4], [9.0, 0.6]), floor=1.0)
    assert ax.get_ylim() == (0.5, 14)
    assert list(ax.get_yticks()) == [1, 2, 5, 10]
    shown = [text.get_text() for text in ax.get_yticklabels()]
    assert shown == ["1", "2", "5", "10"]
    assert len(ax.get_yticks(minor=True)) == 0


@pytest.mark.parametrize(
    "losses",
    [
        [0.05, 0.02],
        [500.0, 200.0],
        [14.1, 2.0],
        [0.49, 1.0],
        [1e-9, 1e9],
        [1e-100, 1e100],
        [5e-324, 1.0],
    ],
)
def test_other_losses_widen_the_axis(losses):
    ax = plot_losses(History(losses, losses[::-1]), floor=1.0)
    assert holds(ax)
    assert ax.get_yscale() == "log"
    low, high = ax.get_ylim()
    assert low <= 0.5
    assert high >= 14
    ticks = ax.get_yticks()
    assert 3 <= len(ticks) <= 15
    assert all(low <= tick <= high for tick in ticks)
    shown = [text.get_text() for text in ax.get_yticklabels()]
    assert shown == [f"{tick:g}" for tick in ticks]


@pytest.mark.parametrize("losses", [[2.0, -3.0], [-20.0, -30.0], [1.0, 0.0]])
def test_losses_that_are_not_above_zero_have_a_linear_axis(losses):
    ax = plot_losses(History([3.0, 2.0], losses), floor=1.0)
    assert ax.get_yscale() == "linear"
    assert holds(ax)
    assert len(ax.get_yticks()) >= 3


def test_a_second_run_on_the_same_axes_hides_no_curve():
    ax = plot_losses(History([100.0, 50.0]), 1.0)
    ax.axvline(1.5)
    plot_losses(History([5.0, 2.0]), 1.0, ax=ax)
    assert ax.get_yscale() == "log"
    assert ax.get_ylim()[1] > 100
    plot_losses(History([-5.0, 2.0]), 1.0, ax=ax)
    low, high = ax.get_ylim()
    assert low < -5
    assert high > 100


def test_losses_of_validation_are_as_many():
    history = History([1.0, 2.0], [1.0, 2.0])
    history.valid_loss.append(3.0)
    message = "history: expected 2 losses of validation, as many as of"
    with pytest.raises(ValueError, match=message):
        plot_losses(history, 1.0)


def test_a_forecaster_is_drawn_as_it_forecasts_from_the_start():
    values = np.arange(20.0)
    ax = plot_forecast(values, {"season": Naive(3)}, 15)
    (line,) = [line for line in ax.lines if line.get_label() == "season"]
    np.testing.assert_array_equal(line.get_ydata(), [12, 13, 14, 12, 13])
    plt.close()


def test_ranges_are_rows_from_the_top_down_in_their_colours():
    ranges = {"_a $": (1.0, 2.0, 4.0), "b": (3, 3, 3)}
    ax = plot_ranges(ranges, colors={"_a $": "red", "b": "blue"})
    first, dot, second, _ = ax.get_lines()
    assert list(first.get_xdata()) == [1, 4]
    assert list(second.get_xdata()) == [3, 3]
    assert (*dot.get_xdata(), *dot.get_ydata()) == (2, 0)
    assert [x.get_color() for x in ax.get_lines()] == ["red"] * 2 + [
        "blue"
    ] * 2
    labels = ax.get_yticklabels()
    assert [label.get_text() for label in labels] == [r" _a \$", "b"]
    assert [label.get_color() for label in labels] == ["red", "blue"]
    assert ax.get_ylim() == (1.5, -0.5)
    plt.close()


def test_a_range_beyond_the_axis_ends_in_an_arrow():
    ax = plot_ranges({"a": (1, 2, 9), "b": (4, 5, 6)}, farthest=3)
    near, far = ax.get_lines()[1::2]
    assert (near.get_marker(), *near.get_xdata()) == ("o", 2)
    assert (far.get_marker(), *far.get_xdata()) == (">", 3)
    assert not far.get_clip_on()
    assert ax.get_xlim()[1] == 3
    plt.close()


def test_more_ranges_on_the_same_axes_widen_it():
    ax = plot_ranges({"a": (1, 2, 3)})
    plot_ranges({"a": (1, 2, 30)}, ax)
    assert ax.get_xlim()[1] > 30
    plt.close()


def test_two_panels_of_ranges_share_the_names_of_their_rows():
    _, (left, right) = plt.subplots(1, 2, sharey=True)
    for ax in (left, right):
        plot_ranges({"a": (1, 2, 3), "b": (2, 3, 4)}, ax)
    assert len(left.get_yticklabels()) == 2
    assert right.get_yticklabels() == []  # hidden, as at the left they stand
    plt.close()
