"""What an exercise's answer is compared with, and what a reader is told."""

import json
from fractions import Fraction

import numpy as np
import pytest
import torch

from gru_tutorial.book import answers
from gru_tutorial.book.answers import check_answer, entry_of

SALT = "grains"


@pytest.fixture
def store(monkeypatch, tmp_path):
    """A store of one's own: a function that puts an answer into it."""
    path = tmp_path / "answers.json"

    def put(exercise, answer):
        entry = entry_of(exercise, answer, SALT)
        path.write_text(
            json.dumps({"salt": SALT, "answers": {exercise: entry}})
        )
        answers._stored.cache_clear()

    monkeypatch.setattr(answers, "STORE", path)
    monkeypatch.delenv(answers.RECORD, raising=False)
    put("1.1", 3)
    yield put
    answers._stored.cache_clear()


def test_answers_are_checked(store, capsys):
    check_answer("1.1", None)
    check_answer("1.1", 3)
    check_answer("9.9", "yes", lambda answer: answer == "yes")
    said = capsys.readouterr().out.splitlines()
    assert said == ["No answer yet.", "Right.", "Right."]
    for exercise in ("1.2", None, 1.1, ["1.1"]):
        with pytest.raises(
            ValueError, match=r"exercise: expected one of 1\.1"
        ):
            check_answer(exercise, 3)


RIGHT = [
    (torch.tensor(4.2, requires_grad=True), 4.2),
    (torch.tensor(4.2, dtype=torch.bfloat16), 4.2),
    ([torch.tensor(1.0, requires_grad=True), 2], [1.0, 2.0]),
    (torch.tensor(16_777_217, dtype=torch.float64), 16_777_217),
    (np.float32(4.2), 4.2),
    (4.24, 4.2),
    (-4.16, -4.2),
    (Fraction(21, 5), 4.2),
    (42.0, 42),
    (2**70, 2**70),
    (0, 0.0),
    (5, 5.0),
    (1e-300, 1e-300),
    (True, np.True_),
    (np.array(["a", "b"]), ("a", "b")),
    (torch.Size([2, 3]), (2, 3)),
    (np.ones((2, 3)), [[1, 1, 1], [1, 1, 1]]),
]


@pytest.mark.parametrize(("answer", "expected"), RIGHT)
def test_a_right_value_is_right_in_whatever_it_comes(
    answer, expected, store, capsys
):
    store("1.1", expected)
    check_answer("1.1", answer)
    assert capsys.readouterr().out == "Right.\n"


WRONG = [
    (np.array([4.2]), 4.2, "right value, but shape (1,), expected ()"),
    ([[1, 2]], [1, 2], "right value, but shape (1, 2), expected (2,)"),
    ([3, 2], [1, 2], "[3, 2] is right in 1 of 2 places"),
    ((1, 2, 3), (1, 2), "expected an answer of shape (2,), got (3,)"),
    (686, 685, "686 is off by one"),
    ([0, 1], [1, 2], "[0, 1] is off by one"),
    (7, 685, "7 is not the answer"),
    (4.5, 4.2, "4.5 is within 10 %, which is not close enough"),
    (5.2, 4.2, "5.2 is not the answer"),
    (-4.2, 4.2, "-4.2 is of the wrong sign"),
    (12.5, 0.125, "12.5 is wrong by a factor of 100: a percentage?"),
    (685.5, 685, "685.5 is not the answer"),
    (float("nan"), 4.2, "nan is not the answer"),
    (float("inf"), 42, "inf is not the answer"),
    (0, 4.2, "0 is not the answer"),
    ([[1, 2], [3]], [1, 2], "expected numbers, got list"),
    ("4.2", 4.2, "expected numbers, got text"),
    ("42", 42, "expected numbers, got text"),
    (4.2, "4.2", "expected text, got numbers"),
    ("no", "yes", "'no' is not the answer"),
    (True, 1, "expected numbers, got True or False"),
    (1, True, "expected True or False, got numbers"),
    (False, True, "False is not the answer"),
    ([True, 2], [1, 2], "expected numbers, got True or False and numbers"),
    (4.2 + 1j, 4.2, "expected numbers, got complex"),
    ([], [1], "expected numbers, got nothing"),
    ([None, 1], [1, 1], "expected numbers, got NoneType and numbers"),
    (len, 4.2, "expected numbers, got builtin_function_or_method"),
    ({1}, 1, "expected numbers, got set"),
    (b"yes", "yes", "expected text, got bytes"),
    (np.ma.array([1.0], mask=[True]), [1.0], "expected numbers, got NoneType"),
    ([10**6 + k for k in range(99)], list(range(99)), "[1000000,"),
]


@pytest.mark.parametrize(("answer", "expected", "message"), WRONG)
def test_a_wrong_answer_hears_why(answer, expected, message, store, capsys):
    store("1.1", expected)
    with pytest.raises(AssertionError) as caught:
        check_answer("1.1", answer)
    assert str(caught.value).startswith(f"not yet: {message}")
    assert len(str(caught.value)) < 300
    assert capsys.readouterr().out == ""


TESTED = [
    ("x", lambda a: a > 3, "'x' gives TypeError: '>' not supported"),
    (3, lambda a: np.zeros(2), "3 gives ValueError: The truth value of an"),
    (3, lambda a: None, "3 is not the answer"),
]


@pytest.mark.parametrize(("answer", "test", "message"), TESTED)
def test_a_test_that_fails_or_cannot_be_made_says_so(answer, test, message):
    with pytest.raises(AssertionError) as caught:
        check_answer("1.1", answer, test)
    assert str(caught.value).startswith(f"not yet: {message}")


def test_the_store_tells_no_answer_and_depends_on_salt_and_exercise():
    entry = entry_of("1.1", [421, 421], SALT)
    assert "421" not in json.dumps(entry)
    hashes = set(entry["hashes"])
    assert len(hashes) == 2
    for exercise, salt in (("1.2", SALT), ("1.1", "others")):
        assert not hashes & set(entry_of(exercise, [421, 421], salt)["hashes"])


@pytest.mark.parametrize(
    "answer", [[], [1.0, np.nan], np.inf, {1}, len, [None], np.zeros(1001)]
)
def test_what_cannot_be_compared_is_not_stored(answer):
    with pytest.raises(ValueError, match="answer: expected up to 1000 finite"):
        entry_of("1.1", answer, SALT)


def test_answers_are_recorded_on_demand(store, monkeypatch, tmp_path):
    record = tmp_path / "record"
    record.touch()
    monkeypatch.setenv(answers.RECORD, str(record))
    check_answer("2.10", 4)
    check_answer("2.9", [1.5])
    check_answer("2.1", None)
    check_answer("2.2", 3, lambda answer: True)
    with pytest.raises(AssertionError, match="answer: expected up to"):
        check_answer("2.8", float("nan"))
    lines = map(json.loads, record.read_text("utf-8").splitlines())
    assert list(lines) == [
        {"2.10": entry_of("2.10", 4, SALT)},
        {"2.9": entry_of("2.9", [1.5], SALT)},
    ]
