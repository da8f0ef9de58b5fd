"""Samples that are kept elsewhere, read a few at a time, with the face of an array."""

from __future__ import annotations

import os
import reprlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from skdeepcluster._warn import warn
from skdeepcluster.data.kinds import ARRAY_PROTOCOLS, REAL, has_dimensions, is_picture

T = TypeVar("T")

N_THREADS = min(8, os.cpu_count() or 1)
NUMPY_FLOATS = (torch.float16, torch.float32, torch.float64)


class Reader:
    """
    Base of what reads samples from where they are kept.

    Parameters
    ----------
    shape : tuple of int
        Number of samples and shape of one, as stored.
    dtype : numpy.dtype
        Of real numbers.
    """

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.shape = shape
        self.dtype = dtype

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        raise NotImplementedError


class SliceReader(Reader):
    """
    Reads what has a shape and is sliced as an array is: HDF5 and zarr, dask, xarray.

    Parameters
    ----------
    array : object
        Has ``shape``, and returns samples for slices and for rising indices.

    Raises
    ------
    TypeError
        If slices are not what the shape announces, or cannot be taken.
    """

    def __init__(self, array: Any) -> None:
        self.array = array
        try:
            found = [np.asanyarray(array[rows]) for rows in (slice(0, 1), np.arange(1))]
        except (TypeError, ValueError, LookupError, AttributeError, NotImplementedError) as error:
            raise TypeError(f"it cannot be sliced: {error}") from error
        shape = tuple(array.shape)
        if any(part.shape != (1, *shape[1:]) for part in found):
            raise TypeError(f"its shape is {shape}, that of its first sample {found[0].shape[1:]}")
        super().__init__(shape, found[0].dtype)

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        if isinstance(rows, slice):
            return _without_mask(self.array[rows])
        # HDF5 wants rising numbers, each once.
        unique, places = np.unique(rows, return_inverse=True)
        return _without_mask(self.array[unique])[places]


def _without_mask(part: Any) -> np.ndarray:
    # To dask and others, which have yet to compute it, an array is asked for without its mask.
    found = np.asanyarray(part.compute() if hasattr(part, "compute") else part)
    if np.ma.is_masked(found):
        raise ValueError(
            "X must have a value everywhere; got masked values among those read. Fill them "
            "in first."
        )
    return np.asarray(found)


class ItemReader(Reader):
    """
    Reads a sequence item by item: a data set of PyTorch's, a column of one, a list of images.

    Items are images or vectors: arrays, tensors, images of Pillow or nested lists. An item may also
    be a tuple or list that begins with the image, or a mapping that has it under ``"image"`` or
    else as its first value that is an image; where it is, item 0 decides for all.

    Parameters
    ----------
    items : object
        Has a length of at least 1 and returns an item for an integer, in any thread.

    Raises
    ------
    TypeError
        If an item is neither an image nor a vector.
    ValueError
        If an item has another shape or dtype than item 0.
    RuntimeError
        If an item cannot be read; what was raised is its cause.
    """

    def __init__(self, items: Any) -> None:
        self.items = items
        self.place = _attempted(0, lambda: _place_of_image(items[0]))
        first = self._array(0)
        super().__init__((len(items), *first.shape), first.dtype)
        in_memory = isinstance(items, (list, tuple))  # maybe one image many times: no threads
        self.n_threads = 1 if in_memory else N_THREADS
        if not in_memory and not np.array_equal(first, self._array(0), equal_nan=True):
            warn(
                "Item 0 of X differs each time it is read, so that results cannot be repeated and "
                "may not fit what is read next. Leave random transforms to augmentation."
            )

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        numbers = range(self.shape[0])[rows] if isinstance(rows, slice) else rows.tolist()
        found = np.empty((len(numbers), *self.shape[1:]), self.dtype)
        share = max(1, -(-len(numbers) // self.n_threads))

        def fill(start: int) -> None:
            for row in range(start, min(start + share, len(numbers))):
                found[row] = self._checked(numbers[row])

        with ThreadPoolExecutor(self.n_threads) as pool:
            list(pool.map(fill, range(0, len(numbers), share)))
        return found

    def _raw(self, number: int) -> Any:
        item = self.items[number]
        return item if self.place is None else item[self.place]

    def _array(self, number: int) -> np.ndarray:
        item = _attempted(number, lambda: self._raw(number))
        array = _attempted(number, lambda: _array_of(item))  # may decode a file only now
        if array is None:
            raise TypeError(
                "X must hold images or vectors of real numbers, alone or at the beginning of each "
                f"item; item {number} is of type {type(item).__name__}: {reprlib.repr(item)}."
            )
        return array

    def _checked(self, number: int) -> np.ndarray:
        array = self._array(number)
        if array.shape != self.shape[1:]:
            raise ValueError(
                f"X must hold samples of one shape; item {number} has shape {array.shape}, item 0 "
                f"{self.shape[1:]}. skdeepcluster.datasets.load_images brings files to one shape."
            )
        if not _is_of(array.dtype, self.dtype):
            raise ValueError(
                f"X must hold samples of one dtype; item {number} has {array.dtype}, item 0 "
                f"{self.dtype}."
            )
        return array


def _is_of(dtype: np.dtype[Any], first: np.dtype[Any]) -> bool:
    """Say whether values are on the scale of those of item 0: narrower floats are."""
    if first.kind == dtype.kind == "f":
        return np.can_cast(dtype, first)
    return dtype.newbyteorder("=") == first.newbyteorder("=")


def _place_of_image(item: Any) -> Any:
    """Where in an item its image is; None if it is the item itself, or there is none."""
    if isinstance(item, (list, tuple)):
        return 0 if len(item) > 0 and has_dimensions(item[0]) else None
    if not isinstance(item, Mapping):
        return None
    if "image" in item:
        return "image"
    arrays = ((key, _array_of(value)) for key, value in item.items())
    return next((key for key, array in arrays if array is not None and array.ndim > 1), None)


def _array_of(value: Any) -> np.ndarray | None:
    """Make an array of an image or a vector of real numbers, None of anything else."""
    if isinstance(value, Tensor):
        narrow = value.is_floating_point() and value.dtype not in NUMPY_FLOATS
        array = (value.float() if narrow else value).numpy(force=True)
    elif is_picture(value):  # values of a palette are no colours
        array = np.asarray(value.convert("RGB") if value.mode in ("P", "PA") else value)
    elif isinstance(value, (list, tuple)):
        array = _array_of_list(value)
    elif any(hasattr(value, name) for name in ARRAY_PROTOCOLS) and not np.ma.is_masked(value):
        array = np.asarray(value)
    else:
        return None
    return array if array.dtype.kind in REAL and 1 <= array.ndim <= 3 else None


def _array_of_list(value: Any) -> np.ndarray:
    """Make an array of nested lists, of float64 so that one with whole numbers is no other kind."""
    try:
        array = np.asarray(value)
    except ValueError:  # ragged
        return np.empty(0, object)
    return array.astype(np.float64) if array.dtype.kind in REAL else array


def _attempted(number: int, action: Callable[[], T]) -> T:
    try:
        return action()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise RuntimeError(f"Item {number} of X cannot be read: {reason}") from error
