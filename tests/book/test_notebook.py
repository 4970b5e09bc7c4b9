"""What notebooks show: sources, errors and checked answers."""

import ast
import functools
import inspect
import warnings
from pathlib import Path

import numpy as np
import pytest

import gru_tutorial
from gru_tutorial.book import notebook
from gru_tutorial.book.notebook import (
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


def checked(values, window, *, name="window"):
    """Say nothing."""
    # a remark on the check
    values = check_int("values", values)
    _check_nothing(window)
    if window > values:
        raise ValueError("window")

    made = check_int("made", window)
    if made:
        check_int("all that is done", made)
    if name:
        raise ValueError("name")
    else:
        made += 1
    return made; check_int("beside", made)  # fmt: skip  # noqa: E702


def _check_nothing(window):
    return window


WITHOUT = """\
def checked(values, window, *, name="window"):
    made = check_int("made", window)
    if made:
        check_int("all that is done", made)
    if name:
        raise ValueError("name")
    else:
        made += 1
    return made; check_int("beside", made)  # fmt: skip  # noqa: E702"""


def test_source_leaves_out_checks_and_nothing_else():
    assert source_of(checked) == WITHOUT
    whole = source_of(checked, checks=True)
    assert "# a remark" in whole
    assert "_check_nothing(window)" in whole
    for name in gru_tutorial.__all__:
        thing = getattr(gru_tutorial, name)
        if inspect.isfunction(thing) or inspect.isclass(thing):
            compile(source_of(thing), name, "exec")
    assert "errstate" not in source_of(gru_tutorial.gru_step).splitlines()[0]
    scaler = source_of(gru_tutorial.Scaler)
    assert "_check_fitted" not in scaler
    assert "\n\n    def __repr__(" in scaler


def test_show_source_says_whether_checks_are_left_out(capsys):
    show_source(checked)
    assert "test_notebook.py, without its checks" in capsys.readouterr().out
    show_source(checked, checks=True)
    show_source(_check_nothing)
    assert "without" not in capsys.readouterr().out


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
