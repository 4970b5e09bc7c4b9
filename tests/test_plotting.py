"""The book's figures: readable, labelled, and told apart by any eye."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from gru_tutorial import History, make_series, naive_forecast
from gru_tutorial.plotting import (
    COLORS,
    plot_forecast,
    plot_losses,
    plot_series,
    set_style,
)


@pytest.fixture(autouse=True)
def style():
    with plt.rc_context():
        set_style()
        yield
        plt.close("all")


def luminance(color):
    """Return the relative luminance of WCAG 2.2."""
    rgb = np.array(to_rgb(color))
    linear = np.where(
        rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4
    )
    return linear @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("name", COLORS)
def test_colours_stand_out_from_the_paper(name):
    assert 1.05 / (luminance(COLORS[name]) + 0.05) >= 4.5


def test_series_is_drawn_where_it_belongs():
    series = make_series()
    ax = plot_series(series.values[720:], series.clean[720:], start=720)
    observed, clean = ax.lines
    np.testing.assert_array_equal(observed.get_xdata(), np.arange(720, 850))
    np.testing.assert_array_equal(observed.get_ydata(), series.values[720:])
    np.testing.assert_array_equal(clean.get_ydata(), series.clean[720:])
    assert ax.get_xlabel()
    assert ax.get_ylabel()


def test_forecasts_are_drawn_over_the_test_part():
    values = make_series().values
    forecasts = {"naive": naive_forecast(values, 720), "zero": np.zeros(12)}
    ax = plot_forecast(values, forecasts, 720)
    observed, naive, zero = ax.lines
    np.testing.assert_array_equal(observed.get_ydata(), values[720:])
    np.testing.assert_array_equal(naive.get_xdata(), np.arange(720, 850))
    assert zero.get_xdata()[-1] == 731
    assert naive.get_color() == COLORS["forecast"]
    assert naive.get_color() != zero.get_color()


def test_an_axes_is_used_when_given():
    _, ax = plt.subplots()
    assert plot_series([1.0, 2.0], ax=ax) is ax
    assert plot_forecast([1.0, 2.0], {"naive": [1.0]}, 1, ax=ax) is ax


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plot_series([1.0, np.nan]), "values: expected finite"),
        (lambda: plot_series([1.0, 2.0], clean=[1.0]), "clean: expected 2"),
        (lambda: plot_forecast([1.0, 2.0], {}, -1), "forecast_start"),
        (lambda: plot_forecast([1.0, 2.0], {}, 2), "forecast_start"),
        (
            lambda: plot_forecast([1.0, 2.0], {"a": [1.0, 2.0]}, 1),
            "forecasts.'a'.: expected at most 1 values, got 2",
        ),
        (
            lambda: plot_forecast([1.0, 2.0], {k: [1.0] for k in "abcd"}, 1),
            "forecasts: expected at most 3, got 4",
        ),
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


def test_losses_need_a_floor_above_zero():
    with pytest.raises(ValueError, match="floor: expected a finite number"):
        plot_losses(History([1.0]), floor=0)
