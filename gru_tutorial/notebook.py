"""For notebooks: source, stored results, errors on purpose, answers."""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources

import numpy as np
from IPython.display import display


def source_of(obj, docstring: bool = False) -> str:
    """Return the source of a function or class.

    Parameters
    ----------
    obj : function or class
        Anything that ``inspect.getsource`` finds.
    docstring : bool
        Whether to keep the docstrings.

    Returns
    -------
    str
        The source, without indentation.

    Raises
    ------
    ValueError
        If ``obj`` has no Python source.

    Examples
    --------
    >>> from gru_tutorial import rmse
    >>> print(source_of(rmse))
    def rmse(y, y_hat) -> float:
        return math.sqrt(mse(y, y_hat))
    """
    try:
        if not (inspect.isfunction(obj) or inspect.isclass(obj)):
            raise TypeError
        source = textwrap.dedent(inspect.getsource(obj)).rstrip()
    except (TypeError, OSError):
        raise ValueError(
            f"obj: expected a function or class with source, got {obj!r}"
        ) from None
    if docstring:
        return source
    lines = source.splitlines()
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, kinds) or len(node.body) == 1:
            continue  # a docstring alone is the whole body: keep it
        if ast.get_docstring(node) is not None:
            text = node.body[0]
            end = text.end_lineno
            while not lines[end].strip():
                end += 1  # the blank lines below it
            lines[text.lineno - 1 : end] = [None] * (end - text.lineno + 1)
    return "\n".join(line for line in lines if line is not None)


def show_source(obj, docstring: bool = False) -> None:
    """Show the package's own source below a cell, with its colours.

    Parameters
    ----------
    obj : function or class
        What to show.
    docstring : bool
        Whether to keep the docstrings.

    Raises
    ------
    ValueError
        If ``obj`` has no Python source.
    """
    source = source_of(obj, docstring)
    where = f"# {obj.__module__.replace('.', '/')}.py"
    text = f"{where}\n{source}"
    bundle = {"text/markdown": f"```python\n{text}\n```", "text/plain": text}
    display(bundle, raw=True)


def load_results(name: str) -> dict:
    """Load what a script in ``benchmarks/`` measured beforehand.

    Parameters
    ----------
    name : str
        Such as ``"speed"``, which ``benchmarks/speed.py`` wrote.

    Returns
    -------
    dict
        ``date``, ``machine``, ``python``, ``torch`` and ``numpy``, on which
        the measurement depends, and its ``results``.

    Raises
    ------
    ValueError
        If no results have that name.

    Examples
    --------
    >>> record = load_results("cost")
    >>> record["results"]["rows"][0]["layer"]
    'RNN'
    """
    folder = resources.files("gru_tutorial") / "results"
    files = {
        file.name.removesuffix(".json"): file
        for file in folder.iterdir()
        if file.name.endswith(".json")
    }
    if name not in files:
        known = ", ".join(sorted(files))
        raise ValueError(f"name: expected one of {known}, got {name!r}")
    return json.loads(files[name].read_text("utf-8"))


@contextmanager
def show_error(kind: type[Exception]) -> Iterator[None]:
    """Run a block that must fail, and print the error's type and message.

    Parameters
    ----------
    kind : type of Exception
        The error expected; any other one is raised as usual.

    Raises
    ------
    AssertionError
        If the block does not fail.

    Examples
    --------
    >>> with show_error(ZeroDivisionError):
    ...     1 / 0
    ZeroDivisionError: division by zero
    """
    try:
        yield
    except kind as error:
        message = f"{type(error).__name__}: {error}"
        print(textwrap.fill(message, 76, subsequent_indent="    "))
    else:
        raise AssertionError("expected an error, but the block ran through")


@contextmanager
def show_warning(kind: type[Warning] = UserWarning) -> Iterator[None]:
    """Run a block that must warn, and print each warning's text once.

    Parameters
    ----------
    kind : type of Warning
        The warnings expected; others are left out.

    Raises
    ------
    AssertionError
        If the block does not warn.

    Examples
    --------
    >>> with show_warning():
    ...     warnings.warn("too short", stacklevel=1)
    UserWarning: too short
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    texts = [
        f"{warning.category.__name__}: {warning.message}"
        for warning in caught
        if issubclass(warning.category, kind)
    ]
    if not texts:
        raise AssertionError("expected a warning, but none came")
    for text in dict.fromkeys(texts):
        print(textwrap.fill(text, 76, subsequent_indent="    "))


def check_answer(answer, expected) -> None:
    """Say whether an exercise's answer is right.

    Parameters
    ----------
    answer : object
        The reader's answer; ``None`` as long as there is none.
    expected : array_like or callable
        The right value (floats within 1 %, whole numbers exactly), or a test
        that returns a bool.

    Raises
    ------
    AssertionError
        If the answer is wrong.

    Examples
    --------
    >>> check_answer(None, 42)
    No answer yet.
    >>> check_answer(42, lambda answer: answer % 2 == 0)
    Right.
    """
    if answer is None:
        print("No answer yet.")
        return
    if callable(expected):
        right = bool(expected(answer))
    else:
        expected, given = np.asarray(expected), np.asarray(answer)
        right = given.shape == expected.shape
        if expected.dtype.kind == "f" and right:
            right = given.dtype.kind in "iuf" and np.allclose(
                given, expected, rtol=0.01, atol=0
            )
        elif right:
            right = bool(np.all(given == expected))
    assert right, f"not yet: {answer!r} is not the answer"
    print("Right.")
