"""For notebooks: source, errors on purpose, answers."""

from __future__ import annotations

import ast
import inspect
import numbers
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from IPython.display import display

from gru_tutorial.checks import check_bool

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


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
    docstring = check_bool("docstring", docstring)
    try:
        if not (inspect.isfunction(obj) or inspect.isclass(obj)):
            raise TypeError
        source = textwrap.dedent(inspect.getsource(obj)).rstrip()
        tree = ast.parse(source)
        if not isinstance(tree.body[0], DEFINITIONS):
            raise TypeError  # the line of a lambda
    except Exception:  # inspect raises what it pleases
        raise ValueError(
            f"obj: expected a function or class with source, got {obj!r}"
        ) from None
    return source if docstring else _without_docstrings(source, tree)


def _without_docstrings(source: str, tree: ast.Module) -> str:
    lines = source.splitlines()
    for node in ast.walk(tree):
        if not isinstance(node, DEFINITIONS) or len(node.body) == 1:
            continue  # a docstring alone is the whole body: keep it
        text, following = node.body[:2]
        beside_code = text.end_lineno == following.lineno
        if ast.get_docstring(node) is not None and not beside_code:
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


@contextmanager
def show_error(kind: type[Exception]) -> Iterator[None]:
    """Run a block that must fail, and print the error's type and message.

    Parameters
    ----------
    kind : type of Exception
        The error expected; any other one is raised as usual.

    Raises
    ------
    ValueError
        If ``kind`` is no type of error.
    AssertionError
        If the block does not fail.

    Examples
    --------
    >>> with show_error(ZeroDivisionError):
    ...     1 / 0
    ZeroDivisionError: division by zero
    """
    _check_kind(kind, Exception)
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
    ValueError
        If ``kind`` is no type of warning.
    AssertionError
        If the block does not warn.

    Examples
    --------
    >>> with show_warning():
    ...     warnings.warn("too short", stacklevel=1)
    UserWarning: too short
    """
    _check_kind(kind, Warning)
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


def _check_kind(kind, parent: type[Exception]) -> None:
    if not (inspect.isclass(kind) and issubclass(kind, parent)):
        raise ValueError(
            f"kind: expected a type of {parent.__name__}, got {kind!r}"
        )


def check_answer(answer, expected) -> None:
    """Say whether an exercise's answer is right.

    Parameters
    ----------
    answer : object
        The reader's answer; ``None`` as long as there is none.
    expected : array_like or callable
        The right value (floats within 1 %, whole numbers, text, True and
        False exactly), or a test that returns a bool.

    Raises
    ------
    AssertionError
        If the answer is wrong, or of another kind or shape.

    Examples
    --------
    >>> check_answer(None, 42)
    No answer yet.
    >>> check_answer(42, lambda answer: answer % 2 == 0)
    Right.
    >>> check_answer([4.2], 4.2)
    Traceback (most recent call last):
    AssertionError: not yet: right value, but shape (1,), expected ()
    """
    if answer is None:
        print("No answer yet.")
        return
    try:
        tested = callable(expected)
        fault = (_tested if tested else _compared)(answer, expected)
    except Exception as error:  # an answer may be anything at all
        fault = f"{_shown(answer)} gives {type(error).__name__}: {error}"
    if fault:
        raise AssertionError(f"not yet: {fault}")
    print("Right.")


def _tested(answer, test) -> str:
    """Return what is wrong with an answer, or nothing."""
    return "" if bool(test(answer)) else f"{_shown(answer)} is not the answer"


def _compared(answer, expected) -> str:
    """Return what is wrong with an answer, or nothing."""
    given, wanted = _plain(answer), _plain(expected)
    if _kind(given) != _kind(wanted):
        return f"expected {_kind(wanted)}, got {_kind(given)}"
    given, wanted = np.asarray(given), np.asarray(wanted)
    if given.size != wanted.size or not _equal(given, wanted):
        return f"{_shown(answer)} is not the answer"
    if given.shape != wanted.shape:
        return f"right value, but shape {given.shape}, expected {wanted.shape}"
    return ""


def _plain(value):
    """Return tensors, also those in lists, as arrays or numbers."""
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        floats = value.is_floating_point()
        value = (value.double() if floats else value).numpy()
    single = isinstance(value, np.ndarray) and value.ndim == 0
    return value.item() if single and not np.ma.is_masked(value) else value


def _kind(value) -> str:
    """Say what the elements of a list or array are."""
    if np.ma.is_masked(value):
        return "missing values"
    elements = np.asarray(value, dtype=object).flat
    kinds = sorted({_kind_of(element) for element in elements})
    return " and ".join(kinds) or "nothing"


def _kind_of(element) -> str:
    if isinstance(element, (bool, np.bool_)):
        return "True or False"
    if isinstance(element, (complex, np.complexfloating)):
        return "complex numbers"
    if isinstance(element, numbers.Number):
        return "numbers"
    return "text" if isinstance(element, str) else type(element).__name__


def _equal(given: np.ndarray, wanted: np.ndarray) -> bool:
    """Compare element by element, whatever the shapes."""
    given, wanted = given.ravel(), wanted.ravel()
    if wanted.dtype.kind in "fc":
        given = given.astype(np.result_type(wanted, float))
        return np.allclose(given, wanted, rtol=0.01, atol=0)
    return bool(np.all(given == wanted))


def _shown(answer) -> str:
    text = " ".join(repr(answer).split())
    return text if len(text) <= 200 else f"{text[:199]}…"
