"""Ranges of numeric parameters, and the numbers themselves as Python has them."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

from sklearn.utils._param_validation import Interval

LARGEST_INTEGER = 2**31 - 1
LARGEST_REAL = 1e30  # far from where float32 overflows


class RealInterval(Interval):
    """An interval that holds real numbers of any type against its bounds as Python's floats."""

    def __contains__(self, value: Any) -> bool:
        return bool(super().__contains__(value if isinstance(value, Integral) else float(value)))


POSITIVE = RealInterval(Real, 0, LARGEST_REAL, closed="right")
NOT_NEGATIVE = RealInterval(Real, 0, LARGEST_REAL, closed="both")
SHARE = RealInterval(Real, 0, 1, closed="both")


def whole_number(least: int) -> Interval:
    """
    Make the constraint of an integer parameter.

    Parameters
    ----------
    least : int
        Smallest value allowed.

    Returns
    -------
    Interval
        From `least` to ``2**31 - 1``.
    """
    return Interval(Integral, least, LARGEST_INTEGER, closed="both")


def plain_number(value: Any) -> Any:
    """
    Turn a number of any type into Python's, which neither wraps round nor surprises torch.

    Parameters
    ----------
    value : object
        A parameter.

    Returns
    -------
    object
        int for integers and bools, float for other real numbers and for integers that only a real
        parameter takes, else the value itself.
    """
    if isinstance(value, Integral):
        whole = int(value)
        return float(whole) if LARGEST_INTEGER < whole <= LARGEST_REAL else whole
    return float(value) if isinstance(value, Real) else value
