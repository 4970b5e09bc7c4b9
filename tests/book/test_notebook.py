"""What notebooks show: sources, errors and checked answers."""

import ast
import functools
import inspect
import warnings
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

import gru_tutorial
from gru_tutorial.book import notebook
from gru_tutorial.book.notebook import (
    check_answer,
    show_error,
    show_source,
    show_warning,
    source_of,
)
from gru_tutorial.checks import check_int
from gru_tutorial.metrics import mse
from gru_tutorial.model import GRUModel


def test_source_is_the_packages_own_without_docstrings():
    source = source_of(GRUModel)
    assert source.startswith("class GRUModel(nn.Module):\n    def __init__(")
    assert "self.gru = " in source
    assert '"""' not in source
    compile(source, "source", "exec")
    assert '"""Predict ' in source_of(GRUModel, True)


def test_source_of_a_method_stands_at_the_margin():
    assert source_of(GRUModel.forward).startswith("def forward(")


def test_source_of_a_docstring_alone_is_still_code():
    class Silent(Exception):
        """Say nothing."""

    compile(source_of(Silent), "source", "exec")


def test_show_source_displays_markdown_and_text(monkeypatch):
    shown = []
    monkeypatch.setattr(
        notebook, "display", lambda data, raw: shown.append((data, raw))
    )
    show_source(mse)
    text = "# gru_tutorial/metrics.py\n" + source_of(mse)
    data = {"text/plain": text, "text/markdown": f"```python\n{text}\n```"}
    assert shown == [(data, True)]


def test_source_refuses_what_has_none():
    for obj in (
        len,
        3,
        np.add,
        notebook,
        source_of.__code__,
        functools.partial(mse, 1),
        [lambda: 1, lambda: 2][0],
        type("Made", (), {}),
    ):
        with pytest.raises(ValueError, match="obj: expected a function or"):
            source_of(obj)
        with pytest.raises(ValueError, match="obj: expected a function or"):
            show_source(obj)
    with pytest.raises(ValueError, match="docstring: expected True or False"):
        source_of(mse, "no")


def test_source_of_text_at_the_margin_is_refused_or_shown_whole():
    def inner():
        return """
at the margin"""

    with pytest.raises(ValueError, match="obj: expected a function or"):
        source_of(inner)


def test_source_of_a_docstring_beside_code_is_still_code(monkeypatch):
    for source in (
        'class A: "Say."; x = 1\n',
        'class A:\n    "Say."; x = 1\n',
        'class A:\n    """Say."""\n\n    x = 1\n',
    ):
        monkeypatch.setattr(inspect, "getsource", lambda obj, s=source: s)
        found = {}
        exec(source_of(GRUModel), found)
        assert found["A"].x == 1
        assert ("Say" in source_of(GRUModel)) == (";" in source)


def test_show_error_prints_type_and_message(capsys):
    with show_error(ValueError):
        check_int("window", 0, 1)
    assert capsys.readouterr().out == (
        "ValueError: window: expected a whole number of at least 1, got 0\n"
    )


def test_show_error_demands_an_error_of_its_kind():
    message = "expected an error"
    with (
        pytest.raises(AssertionError, match=message),
        show_error(ValueError),
    ):
        pass
    with pytest.raises(KeyError), show_error(ValueError):
        {}["key"]


def test_show_warning_prints_each_text_once(capsys):
    with show_warning():
        for text in ("short", "short", "long"):
            warnings.warn(text, stacklevel=1)
        warnings.warn("other", FutureWarning, stacklevel=1)
    said = capsys.readouterr().out
    assert said == "UserWarning: short\nUserWarning: long\n"
    with pytest.raises(AssertionError, match="none came"), show_warning():
        warnings.warn("other", FutureWarning, stacklevel=1)


def test_kinds_of_errors_and_warnings_are_checked():
    for kind in ("x", None, 3, ValueError("x"), int):
        with (
            pytest.raises(ValueError, match="kind: expected a type of Except"),
            show_error(kind),
        ):
            pass
        with (
            pytest.raises(
                ValueError, match="kind: expected a type of Warning"
            ),
            show_warning(kind),
        ):
            pass


def test_no_check_of_the_package_is_an_assert():
    """``python -O`` leaves asserts out."""
    package = Path(gru_tutorial.__file__).parent
    found = [
        f"{path.relative_to(package)}:{node.lineno}"
        for path in sorted(package.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Assert)
    ]
    assert found == []


def test_answers_are_checked(capsys):
    check_answer(None, 3)
    check_answer(3.001, 3.0)
    check_answer((1, 2), (1, 2))
    check_answer("yes", lambda answer: answer == "yes")
    said = capsys.readouterr().out.splitlines()
    assert said == ["No answer yet.", "Right.", "Right.", "Right."]
    for answer, expected in [
        (3.1, 3.0),
        (3.001, 3),
        (686, 685),
        ((1, 2, 3), (1, 2)),
        ("no", lambda answer: answer == "yes"),
        ("42", 42),
        ("42.0", 42.0),
        ({1}, 1),
        ((1,), 1),
    ]:
        with pytest.raises(AssertionError, match="not yet"):
            check_answer(answer, expected)


RIGHT = [
    (torch.tensor(4.2, requires_grad=True), 4.2),
    (torch.tensor(4.2, dtype=torch.bfloat16), 4.2),
    ([torch.tensor(1.0, requires_grad=True), 2], [1.0, 2.0]),
    (torch.tensor(16_777_217, dtype=torch.float64), 16_777_217),
    (np.float32(4.2), 4.2),
    (Fraction(21, 5), 4.2),
    (Decimal("4.2"), 4.2),
    (42.0, 42),
    (2**70, 2**70),
    (True, np.True_),
    (np.array(["a", "b"]), ("a", "b")),
    (torch.Size([2, 3]), (2, 3)),
    ({1, 2}, {2, 1}),
    (4.2 + 1j, 4.2 + 1.001j),
    ([], np.zeros(0)),
    (3, lambda answer: np.bool_(True)),
    (3, lambda answer: torch.tensor(True)),
]


@pytest.mark.parametrize(("answer", "expected"), RIGHT)
def test_a_right_value_is_right_in_whatever_it_comes(answer, expected, capsys):
    check_answer(answer, expected)
    assert capsys.readouterr().out == "Right.\n"


WRONG = [
    (np.array([4.2]), 4.2, "right value, but shape (1,), expected ()"),
    ([[1, 2]], [1, 2], "right value, but shape (1, 2), expected (2,)"),
    ((1,), 1, "right value, but shape (1,), expected ()"),
    ([3, 2], [1, 2], "[3, 2] is not the answer"),
    ((1, 2, 3), (1, 2), "(1, 2, 3) is not the answer"),
    (float("nan"), 4.2, "nan is not the answer"),
    ([[1, 2], [3]], [1, 2], "expected numbers, got list"),
    ("4.2", 4.2, "expected numbers, got text"),
    (4.2, "4.2", "expected text, got numbers"),
    (True, 1, "expected numbers, got True or False"),
    (1, True, "expected True or False, got numbers"),
    ([True, 2], [1, 2], "expected numbers, got True or False and numbers"),
    (np.array([True]), [1], "expected numbers, got True or False"),
    (4.2 + 1j, 4.2, "expected numbers, got complex numbers"),
    ([], [1], "expected numbers, got nothing"),
    ([None, 1], [1, 1], "expected numbers, got NoneType and numbers"),
    (len, 4.2, "expected numbers, got builtin_function_or_method"),
    (b"yes", "yes", "expected text, got bytes"),
    (
        np.ma.array([1.0], mask=[True]),
        [1.0],
        "expected numbers, got missing values",
    ),
    ("x", lambda a: a > 3, "'x' gives TypeError: '>' not supported"),
    (3, lambda a: np.zeros(2), "3 gives ValueError: The truth value of an"),
    (3, lambda a: None, "3 is not the answer"),
    (list(range(999)), 3, "[0, 1, 2,"),
]


@pytest.mark.parametrize(("answer", "expected", "message"), WRONG)
def test_a_wrong_answer_hears_why(answer, expected, message, capsys):
    with pytest.raises(AssertionError) as caught:
        check_answer(answer, expected)
    assert str(caught.value).startswith(f"not yet: {message}")
    assert len(str(caught.value)) < 300
    assert capsys.readouterr().out == ""
