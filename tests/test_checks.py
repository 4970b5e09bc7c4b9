"""A complaint names the argument, what came and what was expected."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch

from gru_tutorial.checks import (
    check_bool,
    check_callable,
    check_float,
    check_generator,
    check_int,
    check_length,
    check_levels,
    check_seed,
    check_values,
    is_constant,
    memory_under,
)


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_whole_numbers_of_any_kind_are_taken(value):
    assert check_int("n", value, 1, 3) == 3
    assert type(check_int("n", value, 1)) is int


@pytest.mark.parametrize("value", [True, 3.0, "3", None, [3], 0, 4])
def test_other_things_are_no_whole_numbers(value):
    with pytest.raises(ValueError, match="n: expected a whole number from 1"):
        check_int("n", value, 1, 3)


@pytest.mark.parametrize("value", [2, 2.0, np.float32(2), Fraction(4, 2)])
def test_real_numbers_of_any_kind_are_taken(value):
    assert check_float("x", value, 2) == 2.0
    assert check_float("x", value, 1, exclusive=True, below=3) == 2.0


@pytest.mark.parametrize(
    "value", [1, 3, True, "2", None, np.nan, np.inf, 1j, 10**400]
)
def test_numbers_out_of_range_are_refused(value):
    with pytest.raises(ValueError, match="above 1 and below 3, got"):
        check_float("x", value, 1, exclusive=True, below=3)


def test_seeds_are_what_both_generators_take():
    for seed in (0, 2**63 - 1):
        torch.Generator().manual_seed(check_seed("seed", seed))
        np.random.default_rng(check_seed("seed", seed))
    for bad in (-1, 2**63, 0.0, None):
        with pytest.raises(ValueError, match="seed: expected a whole number"):
            check_seed("seed", bad)


def test_flags_functions_and_generators():
    assert check_bool("flag", np.bool_(True)) is True
    assert check_callable("f", len, "len") is len
    rng = np.random.default_rng(0)
    assert check_generator("rng", rng) is rng
    for check, bad in [
        (check_bool, 1),
        (lambda name, value: check_callable(name, value, "a function"), 3),
        (check_generator, 0),
        (check_generator, np.random),
    ]:
        with pytest.raises(ValueError, match="it: expected"):
            check("it", bad)


def test_a_length_says_why():
    check_length("values", [1, 2], 2, "2")
    message = r"values: expected at least window \+ 1 = 3 time steps, got 2"
    with pytest.raises(ValueError, match=message):
        check_length("values", [1, 2], 3, "window + 1")


class Broken:
    def __array__(self, *arguments, **options):
        raise RuntimeError("no array today")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, np.nan], "got nan at index 1 "),
        ([[1, 2], [np.inf, 3]], r"got inf at index \(1, 0\)"),
        (["1", "2", "n/a"], "got 'n/a' at index 2"),
        (["1", "2"], "got the text '1' at index 0"),
        ([1.0, None], "got None at index 1"),
        ([10**400, 1], "at index 0"),
        ([1j], "got complex128"),
        (np.array(["2020-01-01"], "datetime64[D]"), "got datetime64"),
        ([[1, 2], [3]], "expected an array of numbers"),
        (torch.zeros(2, requires_grad=True), "expected an array of numbers"),
        (torch.zeros(2, dtype=torch.bfloat16), "expected an array of numbers"),
        (Broken(), "no array today"),
        (5.0, r"1-D or 2-D array, got shape \(\)"),
        (np.zeros((3, 0)), "expected features"),
        (np.ma.array([1.0, 2.0], mask=[0, 1]), "got 1 masked"),
        ({"a": 1}, "expected numbers, got"),
        (object(), "expected numbers, got"),
    ],
)
def test_what_is_wrong_with_values_is_said(values, message):
    with pytest.raises(ValueError, match=f"^values: .*{message}"):
        check_values("values", values)


def test_numbers_that_came_as_objects_are_numbers():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {"a": pandas.array(range(3), dtype="Int64"), "b": [True, False, True]}
    )
    np.testing.assert_array_equal(
        check_values("frame", frame), [[0, 1], [1, 0], [2, 1]]
    )
    mixed = [Decimal("1.5"), np.float32(2), 3]
    np.testing.assert_array_equal(check_values("x", mixed), [1.5, 2, 3])
    gaps = pandas.array([1, None, 3], dtype="Int64")
    with pytest.raises(ValueError, match=r"got .* at index 1"):
        check_values("x", gaps)


def test_floats_keep_their_type_unless_another_is_asked_for():
    small = np.zeros(3, np.float32)
    assert check_values("x", small) is small
    assert check_values("x", small, dtype=np.float64).dtype == np.float64
    assert check_values("x", [1, 2]).dtype == np.float64


def test_windows_are_looked_at_once_for_each_value_of_their_series():
    series = np.arange(1000.0)
    view = np.lib.stride_tricks.sliding_window_view(series, 500)
    assert memory_under(view).size == 1000
    assert memory_under(series) is None
    assert memory_under(view[::-1]) is None
    series[700] = np.nan
    with pytest.raises(ValueError, match=r"nan at index \(201, 499\) \(300 "):
        check_values("X", view)


def test_a_gap_between_windows_does_no_harm():
    series = np.arange(10.0)
    series[5] = np.nan
    rows = np.lib.stride_tricks.as_strided(series, (5, 2), (8, 8))
    with pytest.raises(ValueError, match=r"nan at index \(4, 1\)"):
        check_values("X", rows)
    assert check_values("X", rows[:4]).shape == (4, 2)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_what_differs_by_rounding_alone_is_constant(dtype):
    third = np.array([0.1, 0.2, 0.3], dtype)
    sums = np.array([third[0] + third[1], third[2]], dtype)
    assert is_constant(sums)
    assert not is_constant(np.array([1, 1.1], dtype))
    assert is_constant(np.full(5, 1e3, dtype))
    assert not is_constant(np.array([0, 1e-7], dtype))
    with np.errstate(all="raise"):
        assert not is_constant(np.array([-1e308, 1e308]))


@pytest.mark.parametrize(
    "levels", [[], [0.0, 0.5], [0.5, 1.0], [0.5, 0.5], [0.9, 0.1], [-0.1]]
)
def test_levels_rise_between_0_and_1(levels):
    assert check_levels("levels", np.array([0.25, 0.5])) == (0.25, 0.5)
    with pytest.raises(ValueError, match="levels: expected numbers that rise"):
        check_levels("levels", levels)
