"""For notebooks: source, errors on purpose, and checked answers."""

from __future__ import annotations

import ast
import inspect
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from IPython.display import display

from gru_tutorial.book.answers import check_answer as check_answer
from gru_tutorial.checks import check_bool

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def source_of(obj, docstring: bool = False, checks: bool = False) -> str:
    """Return the source of a function or class.

    Parameters
    ----------
    obj : function or class
        Anything that ``inspect.getsource`` finds.
    docstring : bool
        Whether to keep the docstrings.
    checks : bool
        Whether to keep the checks: calls of functions whose name begins with
        ``check``, and conditions that do nothing but raise an error.

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
    checks = check_bool("checks", checks)
    source, tree = _parsed(obj)
    if not docstring:
        source = _without(source, _docstrings(tree))
    return source if checks else _without(source, _checks(ast.parse(source)))


def _parsed(obj) -> tuple[str, ast.Module]:
    """Return a function's or class's source, and its syntax tree."""
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
    return source, tree


def _docstrings(tree: ast.Module) -> list[ast.AST]:
    """Return the docstrings, but not one that is a whole body."""
    return [
        node.body[0]
        for node in ast.walk(tree)
        if isinstance(node, DEFINITIONS)
        and ast.get_docstring(node) is not None
        and len(node.body) > 1
    ]


def _checks(tree: ast.Module) -> list[ast.AST]:
    """Return the checks, but not those that are all that a block does."""
    found: list[ast.AST] = []
    for node in ast.walk(tree):
        for decorator in getattr(node, "decorator_list", []):
            if _called(decorator) == "errstate":  # for what a check reports
                found.append(decorator)
        for block in (getattr(node, "body", []), getattr(node, "orelse", [])):
            if isinstance(block, list):
                checks = [x for x in block if _is_check(x)]
                found += checks if len(checks) < len(block) else []
    return found


def _is_check(node: ast.AST) -> bool:
    """Tell whether a statement checks, and makes no new name."""
    if isinstance(node, DEFINITIONS):
        return _says_check(node.name)
    if isinstance(node, ast.If):
        return isinstance(node.body[0], ast.Raise) and not node.orelse
    if not isinstance(node, (ast.Expr, ast.Assign)):
        return False
    given = {x.id for x in ast.walk(node.value) if isinstance(x, ast.Name)}
    made = {
        x.id
        for target in getattr(node, "targets", [])
        for x in ast.walk(target)
        if isinstance(x, ast.Name)
    }
    return _says_check(_called(node.value)) and made <= given


def _called(node: ast.AST) -> str:
    """Return the name of the function that an expression calls, if any."""
    function = getattr(node, "func", None)
    return getattr(function, "id", getattr(function, "attr", ""))


def _says_check(name: str) -> bool:
    return name.lstrip("_").startswith("check")


def _without(source: str, nodes: list[ast.AST]) -> str:
    """Return the source without whole lines, and what goes with them."""
    lines: list[str | None] = list(source.splitlines())
    for node in nodes:
        first, end = node.lineno - 1, node.end_lineno
        if lines[first] is None:
            continue  # within another one
        before = lines[first].encode()[: node.col_offset].decode()
        after = lines[end - 1].encode()[node.end_col_offset :].decode()
        if before.strip(" @") or after.strip()[:1] not in ("", "#"):
            continue  # other code stands in the same line
        while first and (lines[first - 1] or "").lstrip().startswith("#"):
            first -= 1  # a remark on what is left out
        end = _end_of_gap(lines, end, node.col_offset)
        lines[first:end] = [None] * (end - first)
    return "\n".join(line for line in lines if line is not None).rstrip()


def _end_of_gap(lines: list[str | None], start: int, indent: int) -> int:
    """Return where the blank lines end, if the block goes on below them."""
    end = start
    while end < len(lines) and not (lines[end] or "").strip():
        end += 1
    below = lines[end] if end < len(lines) else ""
    goes_on = len(below) - len(below.lstrip()) >= indent
    return end if goes_on else start


def show_source(obj, docstring: bool = False, checks: bool = False) -> None:
    """Show the package's own source below a cell, with its colours.

    Parameters
    ----------
    obj : function or class
        What to show.
    docstring : bool
        Whether to keep the docstrings.
    checks : bool
        Whether to keep the checks. The first line says if any is left out.

    Raises
    ------
    ValueError
        If ``obj`` has no Python source.
    """
    source = source_of(obj, docstring, checks)
    where = f"# {obj.__module__.replace('.', '/')}.py"
    if source != source_of(obj, docstring, checks=True):
        where += ", without its checks"
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
