"""What kind of container samples came in, told without looking at more than one of them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor
from torch.utils.data import IterableDataset

REAL = "biuf"  # the kinds of NumPy's dtypes that hold real numbers
# By one of these an object shows that NumPy can turn it into an array as a whole.
ARRAY_PROTOCOLS = ("__array__", "__array_interface__", "__array_struct__")


def is_sliced(X: Any) -> bool:
    """
    Tell whether something has the shape, dtype and slices of an array, but is none itself.

    Parameters
    ----------
    X : object
        The samples.

    Returns
    -------
    bool
        The answer; data frames and series do not count.
    """
    shape = getattr(X, "shape", None)
    return (
        isinstance(shape, tuple)
        and hasattr(X, "dtype")
        and hasattr(type(X), "__getitem__")
        and not isinstance(X, (np.ndarray, np.generic, Tensor))
        and not hasattr(X, "iloc")
    )


def has_items(X: Any) -> bool:
    """
    Tell whether something is a sequence of images or vectors that are read one by one.

    Parameters
    ----------
    X : object
        The samples.

    Returns
    -------
    bool
        True for lists of Pillow images, of tensors and of pairs of an image and its label, and for
        all that has a length and items but cannot become an array as a whole.
    """
    if isinstance(X, (list, tuple)):
        return len(X) > 0 and (isinstance(X[0], (Tensor, Mapping)) or _has_picture(X[0]))
    return (
        all(hasattr(type(X), name) for name in ("__len__", "__getitem__"))
        and not any(hasattr(X, name) for name in (*ARRAY_PROTOCOLS, "__float__"))
        and not isinstance(X, (Mapping, str, IterableDataset))
        and not has_buffer(X)
    )


def has_buffer(X: Any) -> bool:
    """
    Tell whether something gives NumPy its memory, as bytes and memory views do.

    Parameters
    ----------
    X : object
        Anything.

    Returns
    -------
    bool
        The answer.
    """
    try:
        memoryview(X)
    except TypeError:
        return False
    return True


def is_picture(value: Any) -> bool:
    """
    Tell whether something is an image of Pillow, which need not be installed.

    Parameters
    ----------
    value : object
        Anything.

    Returns
    -------
    bool
        The answer.
    """
    pillow = sys.modules.get("PIL.Image")
    return pillow is not None and isinstance(value, pillow.Image)


def has_dimensions(value: Any) -> bool:
    """
    Tell whether something is an image of Pillow, or an array or tensor but no single number.

    Parameters
    ----------
    value : object
        Anything.

    Returns
    -------
    bool
        The answer.
    """
    return is_picture(value) or getattr(value, "ndim", 0) > 0


def _has_picture(item: Any) -> bool:
    """Whether it is an image, or begins with one and could not be a part of an array."""
    if not isinstance(item, (list, tuple)) or len(item) < 2:
        return is_picture(item)
    return has_dimensions(item[0]) and not any(
        isinstance(other, (list, tuple)) or has_dimensions(other) for other in item[1:]
    )
