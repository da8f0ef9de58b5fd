"""Ranges of numeric parameters, and conversion of the numbers to Python's own types."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

from sklearn.utils._param_validation import Interval

LARGEST_INTEGER = 2**31 - 1
LARGEST_REAL = 1e30  # well below where float32 overflows


class RealInterval(Interval):
    """
    An interval that compares real numbers of any type with its bounds as Python floats.

    Parameters
    ----------
    type : type
        Kind of the numbers.
    left, right : float
        Bounds.
    closed : {"left", "right", "both", "neither"}
        Which bounds belong to the interval.
    """

    def __contains__(self, value: Any) -> bool:
        # A bound of 1e30 overflows in a comparison with float16; an integer beyond every float
        # cannot be converted, but compares exactly as it is.
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
    Convert a number of any type to Python's own, which neither wraps round nor surprises torch.

    Parameters
    ----------
    value : object
        A parameter.

    Returns
    -------
    object
        int for integers and bools, float for other real numbers and for integers too large for
        an integer parameter, else the value itself.
    """
    if isinstance(value, Integral):
        whole = int(value)
        return float(whole) if LARGEST_INTEGER < whole <= LARGEST_REAL else whole
    return float(value) if isinstance(value, Real) else value
