"""Ranges that numbers of every type are held against, and those numbers as Python's."""

from __future__ import annotations

import warnings
from fractions import Fraction
from numbers import Real

import numpy as np
import pytest

from skdeepcluster.constraints import (
    NOT_NEGATIVE,
    POSITIVE,
    RealInterval,
    plain_number,
    whole_number,
)


@pytest.mark.parametrize("value", [1, 0.5, 1e30, 5e-324, True, 2**64, Fraction(1, 3)])
@pytest.mark.parametrize("kind", [None, np.float16, np.float32, np.longdouble, np.int8])
def test_numbers_of_every_type_are_compared_in_silence(value, kind):
    if kind is not None:
        value = kind(1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert POSITIVE.is_satisfied_by(value)
        assert NOT_NEGATIVE.is_satisfied_by(value)


@pytest.mark.parametrize(
    "value",
    [-1, np.float16(-1), -1e-9, float("nan"), float("inf"), np.float32("inf"), 1e31, 10**400, "1"],
)
def test_what_is_outside_is_outside(value):
    assert not POSITIVE.is_satisfied_by(value)
    assert not NOT_NEGATIVE.is_satisfied_by(value)


@pytest.mark.parametrize("zero", [0, 0.0, False, np.float16(0), Fraction(0)])
def test_zero_is_not_positive(zero):
    assert not POSITIVE.is_satisfied_by(zero)
    assert NOT_NEGATIVE.is_satisfied_by(zero)


def test_open_ends_stay_open():
    assert not RealInterval(Real, 0, 1, closed="left").is_satisfied_by(np.float16(1))
    assert str(RealInterval(Real, 0, 1, closed="left")) == "a float in the range [0.0, 1.0)"


def test_whole_numbers_have_a_largest():
    assert whole_number(2).is_satisfied_by(np.uint8(2))
    assert whole_number(2).is_satisfied_by(2**31 - 1)
    for value in (1, 2**31, 10**400, 2.0, np.float64(3)):
        assert not whole_number(2).is_satisfied_by(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, 1),
        (np.uint8(200), 200),
        (np.int64(-3), -3),
        (np.float16(0.5), 0.5),
        (np.longdouble(0.5), 0.5),
        (Fraction(1, 4), 0.25),
        (2**31 - 1, 2**31 - 1),
        (2**64, 2.0**64),
        (10**400, 10**400),
        ("auto", "auto"),
        (None, None),
    ],
)
def test_plain_numbers_are_pythons(value, expected):
    found = plain_number(value)
    assert found == expected
    assert type(found) is type(expected)
