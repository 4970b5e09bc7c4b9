"""What notebooks show: sources, errors and checked answers."""

import re
import warnings

import numpy as np
import pytest

from gru_tutorial import GRUModel, make_windows, mse, notebook
from gru_tutorial.notebook import (
    check_answer,
    load_results,
    show_error,
    show_source,
    show_warning,
    source_of,
)


def test_source_is_the_packages_own_without_docstrings():
    source = source_of(GRUModel)
    assert source.startswith("class GRUModel(nn.Module):\n    def __init__(")
    assert "self.gru = nn.GRU(" in source
    assert '"""' not in source
    compile(source, "source", "exec")
    assert '"""Predict what follows each window.' in source_of(GRUModel, True)


def test_source_of_a_method_stands_at_the_margin():
    assert source_of(GRUModel.forward).startswith("def forward(self")


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
    for obj in (len, 3, np.add, notebook, source_of.__code__):
        with pytest.raises(ValueError, match="obj: expected a function or"):
            source_of(obj)


def test_results_are_found_by_name():
    record = load_results("speed")
    assert record["torch"].count(".") == 2
    assert record["results"]["length"] == 100


def test_results_of_another_name_are_refused():
    message = (
        "name: expected one of cost, memory, recipes, recipes_sweep, "
        "speed, visibility, got '../speed'"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        load_results("../speed")


def test_show_error_prints_type_and_message(capsys):
    with show_error(ValueError):
        make_windows([1.0, 2.0], window=0)
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
