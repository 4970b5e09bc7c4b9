"""Tables: what they show, as HTML and as text, and what they refuse."""

from fractions import Fraction

import numpy as np
import pytest
from bs4 import BeautifulSoup

from gru_tutorial.book import tables
from gru_tutorial.book.tables import show_table

ROWS = [
    {"model": "copy", "MSE": 11.7441, "weights": None, "won": False},
    {"model": "GRU", "MSE": 1.0304, "weights": 3393, "won": True},
]


@pytest.fixture
def show(monkeypatch):
    """Return a function that shows a table, and returns text and HTML."""
    shown = []
    monkeypatch.setattr(tables, "display", shown.append)

    def function(*args, **kwargs):
        show_table(*args, **kwargs)
        table = shown.pop()
        soup = BeautifulSoup(table._repr_html_(), "html.parser")
        return repr(table).splitlines(), soup

    return function


def test_the_text_is_aligned(show):
    text, _ = show(ROWS, digits={"MSE": 2}, caption="Three seeds")
    assert text == [
        "Three seeds",
        "model        MSE  weights  won",
        "copy       11.74        –  False",
        "GRU         1.03     3393  True",
    ]


def test_the_html_says_the_same_and_which_cells_are_heads(show):
    text, html = show(ROWS, digits=2, caption="Three seeds")
    assert html.caption.text == text[0]
    found = [[cell.text for cell in row.children] for row in html("tr")]
    assert found == [line.split() for line in text[1:]]
    scopes = [[c.get("scope") for c in row.children] for row in html("tr")]
    assert scopes == [["col"] * 4] + [["row", None, None, None]] * 2
    assert [cell.name for cell in html.tbody("tr")[1].children] == [
        *("th", "td", "td", "td")
    ]
    for row in html("tr"):
        sides = [cell["style"].split()[-1] for cell in row.children]
        assert sides == ["left", "right", "right", "left"]


def test_outside_of_notebooks_it_is_printed(capsys):
    show_table(ROWS, ["model", "weights"])
    assert capsys.readouterr().out == (
        "model  weights\ncopy         –\nGRU       3393\n"
    )


def test_rows_and_columns_make_the_same_table(show):
    by_column = {name: [row[name] for row in ROWS] for name in ROWS[0]}
    assert show(by_column) == show(ROWS) == show(iter(ROWS))
    chosen = show(ROWS, ["MSE", "model"])
    assert chosen == show([{k: r[k] for k in ("MSE", "model")} for r in ROWS])
    assert chosen[0][1].split() == ["11.744", "copy"]


@pytest.mark.parametrize(
    ("cells", "digits", "shown"),
    [
        ([1.23456], 3, ["1.235"]),
        ([2.15e-5, 1], ".2e", ["2.15e-05", "1.00e+00"]),
        ([0.1234], ".1%", ["12.3%"]),
        ([0.5, -0.25], "+.2f", ["+0.50", "-0.25"]),
        ([22262.4], 0, ["22262"]),
        ([1, np.int64(2), 10**30], 3, ["1", "2", "1" + "0" * 30]),
        ([1, 0.5], 1, ["1.0", "0.5"]),
        (np.array([0.5, 2.0]), 1, ["0.5", "2.0"]),
        (np.array([0.5], dtype=np.float32), 1, ["0.5"]),
        ([Fraction(1, 2), True, np.False_], 1, ["0.5", "True", "False"]),
        (["none won", None, 0.5], 1, ["none won", "–", "0.5"]),
        ((k for k in "ab"), 1, ["a", "b"]),
    ],
)
def test_cells_are_shown_with_these_digits(show, cells, digits, shown):
    text, html = show({"it": cells}, digits=digits)
    assert [line.strip() for line in text[1:]] == shown
    assert [cell.text for cell in html.tbody("th")] == shown


@pytest.mark.parametrize("digits", [0, 3, ".2e", "+.3f", ".1%"])
def test_heads_stay_where_they_are_when_numbers_move_a_little(show, digits):
    heads = {
        show({"x": [value], "y": [-value]}, digits=digits)[0][0]
        for value in (0.0999, 0.1001, 0.999, 1.001, 9.99, 10.01, 99.9)
    }
    assert len(heads) == 1


def test_text_is_no_markup(show):
    odd = '<b>&amp; "x"</b>'
    text, html = show({odd: [odd], "x": [odd]}, caption=odd)
    assert not html("b")
    assert html.caption.text == text[0] == odd
    assert [cell.text for cell in html(["th", "td"])] == [odd, "x", odd, odd]


@pytest.mark.parametrize(
    ("kind", "best"), [("lowest", "1.03"), ("highest", "11.74")]
)
def test_the_best_is_bold_and_has_a_star(show, kind, best):
    text, html = show(ROWS, ["model", "MSE", "won"], 2, best={"MSE": kind})
    assert [cell.text for cell in html("b")] == [best]
    assert html.b.parent.name == "td"
    (line,) = (line for line in text if "*" in line)
    assert f" {best}* " in line
    assert text[0] == "model        MSE   won"
    assert len({line.index(".") for line in text[1:]}) == 1


def test_all_that_are_shown_alike_are_best(show):
    rows = {"x": [0.501, 0.502, None, 0.51, "0.50"], "y": [3, 7, 7, 5, 7]}
    best = {"x": "lowest", "y": "highest"}
    text, html = show(rows, digits=2, best=best)
    assert [cell.text for cell in html("b")] == ["0.50", "0.50", "7", "7", "7"]
    assert [line.count("*") for line in text] == [0, 1, 2, 1, 0, 1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rows": []}, "rows: .* at least 1, got"),
        ({"rows": {}}, "rows: .* at least 1, got"),
        ({"rows": {"x": []}}, r"rows: .* at least 1, got \[0\]"),
        ({"rows": {"x": [1], "y": [1, 2]}}, r"of one length, .* \[1, 2\]"),
        ({"rows": {"x": "abc"}}, "rows: expected a sequence, got 'abc'"),
        ({"rows": {"x": 3}}, "rows: expected a sequence, got 3"),
        ({"rows": None}, "rows: expected a sequence, got None"),
        ({"rows": [[1, 2]]}, "rows: expected dicts"),
        ({"rows": [{"x": 1}, {"y": 1}]}, r"cells for \['x'\], got \['y'\]"),
        ({"rows": [{"x": 1}, {"x": 1, "y": 1}]}, r"got \['x', 'y'\]"),
        ({"rows": {3: [1]}}, "rows, name: expected a line of text, got 3"),
        ({"rows": {" ": [1]}}, "rows, name: expected a line of text"),
        ({"rows": {"x": [float("nan")]}}, "column 'x': .* finite .* got nan"),
        ({"rows": {"x": [10**400, 0.5]}}, "column 'x': .* finite numbers"),
        ({"rows": {"x": [1j]}}, "column 'x': expected numbers, .* got 1j"),
        ({"rows": {"x": ["a\nb"]}}, r"column 'x': .* got 'a\\nb'"),
        ({"rows": {"x": np.zeros((2, 2))}}, "column 'x': .* got array"),
        ({"columns": []}, r"columns: expected some of \['x'\]"),
        ({"columns": ["x", "x"]}, "columns: .* each once"),
        ({"columns": ["y"]}, r"columns: .* got \['y'\]"),
        ({"columns": np.zeros((2, 2))}, "columns: expected names, got array"),
        ({"columns": "x"}, "columns: expected a sequence, got 'x'"),
        ({"digits": -1}, "digits: expected a whole number from 0 to 17"),
        ({"digits": "3"}, "digits: expected .* such as \".2e\", .* got '3'"),
        ({"digits": ".3g"}, "digits: expected a number of digits or a format"),
        ({"digits": {"y": 3}}, r"digits: expected some of \['x'\], got 'y'"),
        ({"digits": {"x": 0.5}}, r"digits\['x'\]: expected a whole number"),
        ({"best": "x"}, "best: expected a dict by column, got 'x'"),
        (
            {"best": {"y": "lowest"}},
            r"best: expected some of \['x'\], got 'y'",
        ),
        ({"best": {"x": "least"}}, r"best\['x'\]: .* 'highest', got 'least'"),
        ({"best": {"x": []}}, r"best\['x'\]: expected 'lowest' or"),
        (
            {"rows": {"x": ["a"]}, "best": {"x": "lowest"}},
            r"best: expected some of \[\], got 'x'",
        ),
        ({"caption": ""}, "caption: expected a line of text, got ''"),
        ({"caption": 3}, "caption: expected a line of text, got 3"),
    ],
)
def test_tables_refuse(arguments, message):
    with pytest.raises(ValueError, match=message):
        show_table(**{"rows": {"x": [0.5]}} | arguments)
