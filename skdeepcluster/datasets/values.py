"""Numbers of any type as bytes, as shares of the type's range, or as they are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skdeepcluster.data.kinds import REAL

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_CHANNELS = 4  # a picture at Pillow's limit of pixels may have as many


def check_size(shape: tuple[int, ...]) -> None:
    """
    Refuse pictures without pixels, and those that may fill the memory.

    Parameters
    ----------
    shape : tuple of int
        Height, width and, if there are several, channels.

    Raises
    ------
    ValueError
        If a side is 0, or there are more pixels than Pillow's limit.
    """
    from PIL import Image

    if 0 in shape:
        raise ValueError(f"it has no pixels: {shape[1]} x {shape[0]}")
    limit = Image.MAX_IMAGE_PIXELS
    pixels = math.prod(shape[:2])
    if limit is not None and (pixels > limit or math.prod(shape) > MAX_CHANNELS * limit):
        raise ValueError(
            f"decompression bomb? Its {pixels:,} pixels exceed the limit of {limit:,}, "
            "PIL.Image.MAX_IMAGE_PIXELS"
        )


def scaled(values: NDArray[Any], bits: int | None = None) -> tuple[NDArray[Any], str]:
    """
    Bring numbers of any type to bytes or float32.

    Parameters
    ----------
    values : ndarray
        Real numbers.
    bits : int or None, default=None
        Depth of integers, if it is less than their type's.

    Returns
    -------
    values : ndarray, dtype uint8 or float32
        Integers of at most 8 bits as bytes, others as shares of their range, those of more than 16
        bits with a sign as shares of the largest, at least 0; floats as they are.
    kind : {"bytes", "share", "unit", "float"}
        As in `Picture`.

    Raises
    ------
    ValueError
        If values are complex, NaN or infinite.
    """
    if values.dtype.kind not in REAL:
        raise ValueError(f"its values are of the type {values.dtype}")
    if values.dtype.kind == "f":
        return _finite(values)
    bits = bits or 8 * values.itemsize
    if values.dtype == np.uint8 and bits == 8:
        return values, "bytes"
    if values.dtype.kind == "i" and bits > 16:
        # 0 stays 0: beside an offset of a half, float32 would round small numbers to a few levels.
        return (values.clip(0) / (2.0 ** (bits - 1) - 1)).astype(np.float32), "share"
    low = -(2 ** (bits - 1)) if values.dtype.kind == "i" else 0
    shares = (values.astype(np.float32 if bits <= 16 else np.float64) - low) / (2**bits - 1)
    if bits <= 8:
        return np.round(255 * shares).astype(np.uint8), "bytes"
    return shares.astype(np.float32, copy=False), "share"


def _finite(values: NDArray[Any]) -> tuple[NDArray[np.float32], str]:
    with np.errstate(over="ignore"):
        found = values.astype(np.float32, copy=False)
    low, high = found.min(), found.max()  # NaN if one value is
    if not np.isfinite([low, high]).all():
        raise ValueError("it holds values that are NaN, infinite, or beyond float32")
    return found, "unit" if low >= 0 and high <= 1 else "float"


def as_bands(values: NDArray[Any]) -> list[Image]:
    """
    Make images that Pillow can resize.

    Parameters
    ----------
    values : ndarray of shape (height, width) or (height, width, channels), dtype uint8 or float32
        As `scaled` returns them.

    Returns
    -------
    list of Image
        One for each channel, but a single one of bytes in colour.
    """
    from PIL import Image

    if values.ndim == 2 or (values.dtype == np.uint8 and values.shape[2] == 3):
        return [Image.fromarray(np.ascontiguousarray(values))]
    return [Image.fromarray(np.ascontiguousarray(band)) for band in np.moveaxis(values, 2, 0)]
