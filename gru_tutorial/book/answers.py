"""Answers to exercises: kept as salted hashes, compared without being told.

``make run`` runs the solution of each exercise, and writes the hashes of its
answer into ``answers.json``. A reader's answer is right if its hashes are the
same. Numbers are rounded on a logarithmic scale before they are hashed, so a
number that is nearly right can be told from one that is not.
"""

from __future__ import annotations

import hashlib
import json
import math
import numbers
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import torch

STORE = Path(__file__).with_name("answers.json")
# The environment variable that asks for a record of all answers, in a file.
RECORD = "GRU_TUTORIAL_RECORD"
STEP = 0.0025  # numbers whose logarithms differ by less get one hash
RIGHT, CLOSE = 4, 40  # steps: 1 %, 10 %
MOST = 1000  # numbers in one answer


def check_answer(exercise: str, answer, test: Callable | None = None) -> None:
    """Say whether an answer to an exercise is right.

    Parameters
    ----------
    exercise : str
        Its chapter and number, such as ``"4.2"``.
    answer : object
        Your answer; ``None`` as long as there is none. Numbers with a decimal
        point count as right within 1 %; whole numbers, text, True and False
        have to be equal.
    test : callable
        For exercises with many right answers: returns True for each of them.

    Raises
    ------
    ValueError
        If there is no such exercise.
    AssertionError
        If the answer is wrong. The message says what it can: of another kind,
        of another shape, off by one, of the other sign, or nearly right.

    Examples
    --------
    >>> check_answer("1.1", None)
    No answer yet.
    >>> check_answer("1.0", [2, 4], lambda answer: sum(answer) == 6)
    Right.
    """
    if answer is None:
        print("No answer yet.")
        return
    if test is not None:
        fault = _tested(answer, test)
    elif RECORD in os.environ:
        fault = _record(exercise, answer)
    else:
        fault = _fault(_entry(exercise), exercise, answer)
    if fault:
        raise AssertionError(f"not yet: {fault}")
    print("Right.")


def _tested(answer, test: Callable) -> str:
    """Return what is wrong with an answer, or nothing."""
    try:
        passed = bool(test(answer))
    except Exception as error:  # an answer may be anything at all
        return f"{_shown(answer)} gives {type(error).__name__}: {error}"
    return "" if passed else f"{_shown(answer)} is not the answer"


@cache
def _stored() -> dict:
    return json.loads(STORE.read_text("utf-8"))


def _entry(exercise) -> dict:
    answers = _stored()["answers"]
    if not (isinstance(exercise, str) and exercise in answers):
        raise ValueError(
            f"exercise: expected one of {', '.join(answers)}, got {exercise!r}"
        )
    return answers[exercise]


def _record(exercise: str, answer) -> str:
    """Write down an answer's entry; return why that cannot be done."""
    try:
        entry = entry_of(exercise, answer, _stored()["salt"])
    except ValueError as error:
        return str(error)
    with Path(os.environ[RECORD]).open("a", encoding="utf-8") as file:
        print(json.dumps({exercise: entry}), file=file)
    return ""


def entry_of(exercise: str, answer, salt: str) -> dict:
    """Return what the store keeps of an answer.

    Parameters
    ----------
    exercise : str
        Its chapter and number.
    answer : object
        The right answer: a number, text, True or False, or a list or an array
        of these.
    salt : str
        What makes this store's hashes different from any other's.

    Returns
    -------
    dict
        Kind and shape of the answer, and a hash for each of its elements.

    Raises
    ------
    ValueError
        If the answer is of another kind, empty, not finite or too long.

    Examples
    --------
    >>> entry = entry_of("1.1", [3, 4], "salt")
    >>> entry["kind"], entry["shape"], entry["whole"], len(entry["hashes"])
    ('numbers', [2], True, 2)
    """
    kind, shape, elements = _plain(answer)
    usable = kind in ("numbers", "text", "True or False") and len(elements) > 0
    if not usable or len(elements) > MOST or not all(map(_finite, elements)):
        raise ValueError(
            f"answer: expected up to {MOST} finite numbers, texts or bools, "
            f"got {_shown(answer)}"
        )
    whole = kind == "numbers" and all(
        isinstance(element, numbers.Integral) for element in elements
    )
    salt = f"{salt} {exercise}"
    hashes = [
        _hash(salt, k, _tokens(element, whole)[0])
        for k, element in enumerate(elements)
    ]
    shape = list(shape)
    return {"kind": kind, "shape": shape, "whole": whole, "hashes": hashes}


def _hash(salt: str, place: int, token: str) -> str:
    text = f"{salt} {place} {token}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _tokens(element, whole: bool, slack: int = 0) -> list[str]:
    """Return what is hashed of an element, and of its neighbours."""
    if not _is_number(element):
        return [f"{element!r}"]
    if not _finite(element):
        return ["not finite"]
    if whole:
        return [str(int(element) if element == int(element) else element)]
    if element == 0:
        return ["0"]
    sign = "-" if element < 0 else ""
    steps = round(math.log(abs(element)) / STEP)
    return [f"{sign}e{steps + k}" for k in range(-slack, slack + 1)]


def _fault(entry: dict, exercise: str, answer) -> str:
    """Return what is wrong with an answer, or nothing."""
    kind, shape, elements = _plain(answer)
    if kind != entry["kind"]:
        return f"expected {entry['kind']}, got {kind}"
    if len(elements) != len(entry["hashes"]):
        return (
            f"expected an answer of shape {tuple(entry['shape'])}, got {shape}"
        )
    salt = f"{_stored()['salt']} {exercise}"

    whole, hashes = entry["whole"], entry["hashes"]

    def right(elements, slack=RIGHT):
        return [
            hashes[k]
            in [_hash(salt, k, x) for x in _tokens(one, whole, slack)]
            for k, one in enumerate(elements)
        ]

    found = right(elements)
    if all(found):
        if list(shape) == entry["shape"]:
            return ""
        return (
            f"right value, but shape {shape}, expected {tuple(entry['shape'])}"
        )
    return f"{_shown(answer)} is {_how_far(elements, whole, found, right)}"


def _how_far(elements: list, whole: bool, found: list, right) -> str:
    """Say how a wrong answer differs from the right one."""
    if all(map(_is_number, elements)) and all(map(_finite, elements)):
        if whole:
            for step in (1, -1):
                if all(right([element + step for element in elements])):
                    return "off by one"
        elif all(right(elements, CLOSE)):
            return "within 10 %, which is not close enough"
        if all(right([-element for element in elements])):
            return "of the wrong sign"
        for factor in (0.01, 100):
            if all(right([element * factor for element in elements])):
                return "wrong by a factor of 100: a percentage?"
    if any(found):
        return f"right in {sum(found)} of {len(found)} places"
    return "not the answer"


def _plain(answer) -> tuple[str, tuple[int, ...], list]:
    """Return the kind of an answer, its shape, and its elements in a row."""
    try:
        array = np.asarray(_as_python(answer), dtype=object)
        elements = list(array.flat)
    except Exception:  # an answer may be anything at all
        return type(answer).__name__, (), [answer]
    kinds = sorted({_kind_of(element) for element in elements})
    return " and ".join(kinds) or "nothing", array.shape, elements


def _as_python(value):
    """Return tensors and arrays, also those in lists, as lists or scalars."""
    if isinstance(value, (list, tuple)):
        return [_as_python(each) for each in value]
    arrays = (torch.Tensor, np.ndarray, np.generic)
    return value.tolist() if isinstance(value, arrays) else value


def _kind_of(element) -> str:
    if isinstance(element, bool):
        return "True or False"
    if _is_number(element):
        return "numbers"
    return "text" if isinstance(element, str) else type(element).__name__


def _is_number(element) -> bool:
    real = isinstance(element, numbers.Real)
    return real and not isinstance(element, bool)


def _finite(element) -> bool:
    return not _is_number(element) or math.isfinite(element)


def _shown(answer) -> str:
    text = " ".join(repr(answer).split())
    return text if len(text) <= 200 else f"{text[:199]}…"
