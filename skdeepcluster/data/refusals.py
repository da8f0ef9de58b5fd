"""What cannot be read is refused by name, before anything is copied."""

from __future__ import annotations

import os
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice
from numbers import Number
from typing import Any, NoReturn

import numpy as np
from torch.utils.data import DataLoader, IterableDataset

from skdeepcluster.data.kinds import ARRAY_PROTOCOLS, REAL, has_buffer, is_picture

RULE = "X must be a regular array of real numbers"
FILES = "Image files are read by skdeepcluster.datasets.load_images"
# By one of these an object shows that it is an array, or one number.
ARRAYS = (*ARRAY_PROTOCOLS, "__float__", "shape")
TEXT = (str, bytes, bytearray, os.PathLike)


def refuse_what_is_no_array(X: Any) -> None:
    """
    Refuse what NumPy would not turn into an array of numbers, or only after much copying.

    Parameters
    ----------
    X : object
        The samples.

    Raises
    ------
    ValueError
        If `X` is a path, a single image of Pillow, a ragged list, or holds text or None.
    TypeError
        If `X` or what it holds is of a type that has no numbers, or that can only be read once.
    """
    if isinstance(X, (list, tuple)):
        _check_list(X)
    elif isinstance(X, Mapping):
        keys = ", ".join(map(reprlib.repr, islice(X, 3)))
        raise TypeError(
            f"{RULE}; got a {type(X).__name__} with keys such as {keys}: pass what is under one."
        )
    elif hasattr(X, "iloc") and hasattr(X, "columns"):
        _check_frame(X)
    elif hasattr(X, "get_column"):
        _check_times(X)
    elif isinstance(X, (str, os.PathLike)):
        raise ValueError(f"{RULE}; got the text or path {reprlib.repr(X)}. {FILES}.")
    elif isinstance(X, np.ndarray) and X.dtype.kind in "USTV":
        kind = f"structured dtype {X.dtype}" if X.dtype.kind == "V" else "strings"
        raise ValueError(f"{RULE}; got an array of {kind}. {FILES}.")
    elif is_picture(X):
        raise ValueError(f"{RULE}; got a single image of Pillow. It is passed as [X].")
    elif not any(hasattr(X, name) for name in ARRAYS) and not has_buffer(X):
        _refuse_type(X)


def _refuse_type(X: Any) -> NoReturn:
    what = f"{RULE}; got a {type(X).__name__}"
    if isinstance(X, DataLoader):
        raise TypeError(f"{what}: pass the data set that it loads, X.dataset.")
    if isinstance(X, (Iterable, IterableDataset)):
        raise TypeError(
            f"{what}, which has no length or no items by number: put the samples into an array."
        )
    raise TypeError(f"{what}.")


def _check_list(X: Sequence[Any]) -> None:
    """Look through nested lists: NumPy makes ragged ones, and long text, many times as large."""
    parts: Sequence[Any] = X
    for _ in range(5):
        kinds = set(map(type, parts))
        for kind in kinds:
            _check_kind(kind, parts, X)
        if not all(issubclass(kind, Number) for kind in kinds):
            check_shapes(parts, X)
        if not kinds or not all(issubclass(kind, (list, tuple)) for kind in kinds):
            return
        parts = list(chain.from_iterable(parts))
    raise ValueError("X must have 2 to 4 dimensions; got lists nested in more than four lists.")


def _check_kind(kind: type, parts: Sequence[Any], X: Sequence[Any]) -> None:
    what = f"{RULE}; got a {type(X).__name__} of {len(X)} with"
    if issubclass(kind, TEXT):
        first = next(part for part in parts if type(part) is kind)
        raise TypeError(f"{what} {reprlib.repr(first)} in it. {FILES}.")
    if kind is type(None):
        number = next(number for number, part in enumerate(parts) if part is None)
        raise ValueError(f"{what} None in it{f', first at {number}' if parts is X else ''}.")
    if issubclass(kind, np.ma.MaskedArray) and any(map(np.ma.is_masked, parts)):
        raise ValueError(f"{what} masked values in it.")
    if not issubclass(kind, (Number, Sequence)) and not any(hasattr(kind, n) for n in ARRAYS):
        raise TypeError(f"{what} a {kind.__name__} in it.")


def check_shapes(parts: Iterable[Any], X: Sequence[Any]) -> None:
    """
    Refuse a list whose parts have different shapes, before any is copied.

    Parameters
    ----------
    parts : iterable
        The parts of the list, or of the lists in it.
    X : list or tuple
        The list.

    Raises
    ------
    ValueError
        If there are two shapes, or things of different types without one.
    """
    looks = set(map(_look, parts))
    if len(looks) > 1:
        found = ", ".join(sorted(map(str, looks))[:3]) + (", ..." if len(looks) > 3 else "")
        images = any(isinstance(look, tuple) and len(look) > 1 for look in looks)
        hint = f" {FILES} and brought to one shape." if images else ""
        raise ValueError(
            f"{RULE}, samples of one shape; got a {type(X).__name__} of {len(X)} with parts of "
            f"different shapes: {found}.{hint}"
        )


def _look(part: Any) -> Any:
    """Return what must be the same for all parts of a list: their shape, length or type."""
    if is_picture(part):
        return part.size[::-1]
    if hasattr(part, "shape"):
        return tuple(part.shape)
    if isinstance(part, Sequence):
        return f"length {len(part)}"
    return () if isinstance(part, Number) else type(part).__name__


def _check_frame(X: Any) -> None:
    """Refuse columns without numbers: beside them NumPy makes an object of every number."""
    for place, (name, dtype) in enumerate(X.dtypes.items()):
        kind = getattr(dtype, "kind", "O")
        value = _first_known(X.iloc[:, place]) if kind == "O" else 0
        what = f"{RULE}; got a {type(X).__name__} whose column {name!r}"
        if isinstance(value, (str, bytes)):
            raise ValueError(f"{what} holds strings, {reprlib.repr(value)} first.")
        if kind not in f"{REAL}cO" or _look(value) != ():
            raise TypeError(f"{what}, of dtype {dtype}, holds no numbers.")


def _check_times(X: Any) -> None:
    """Refuse times in data frames of polars, which makes numbers of them beside numbers."""
    for name, dtype in zip(X.columns, X.dtypes, strict=True):
        if dtype.is_temporal():
            what = f"{RULE}; got a {type(X).__name__} whose column {name!r}"
            raise TypeError(f"{what}, of dtype {dtype}, holds no numbers.")


def _first_known(column: Any) -> Any:
    known = column.notna().to_numpy()
    return column.iloc[int(known.argmax())] if known.any() else 0
