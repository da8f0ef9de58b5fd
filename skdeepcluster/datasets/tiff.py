"""TIFF files of all depths and channels: the first of their times, depths and pages."""

from __future__ import annotations

import itertools
import math
import os
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from skdeepcluster.datasets.pictures import TURNS, Picture
from skdeepcluster.datasets.values import as_bands, check_size, scaled

TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
ORIENTATION = 274
# Colours that tifffile leaves as they are stored, and Pillow turns into RGB.
FOR_PILLOW = ("PALETTE", "SEPARATED", "YCBCR", "CIELAB", "ICCLAB", "ITULAB")


class NotForTifffile(Exception):
    """Pillow may read this one; if it does not, the reason is the argument."""


def read_tiff(file: BinaryIO) -> Picture:
    """
    Read a TIFF file by tifffile.

    Parameters
    ----------
    file : binary file
        The file.

    Returns
    -------
    Picture
        All channels of its first image.

    Raises
    ------
    NotForTifffile
        If Pillow reads such files, and tifffile does not.
    ImportError
        If tifffile is not installed.
    ValueError
        If the file is damaged, too large, or compressed in a way that is not known.
    """
    try:
        import tifffile
    except ImportError as error:
        raise ImportError(
            'TIFF files need tifffile: pip install "skdeepcluster[images]"'
        ) from error
    with tifffile.TiffFile(file, _multifile=False) as tiff:
        if len(tiff.pages) == 0:
            raise ValueError("it holds no image")
        series: Any = tiff.series[0]
        page = series.keyframe
        if _name(page.photometric) in FOR_PILLOW:
            _check_whole(page, file)  # libtiff, which Pillow uses, would write to the terminal
            raise NotForTifffile
        values = _decoded(series, file)
        if _name(page.photometric) == "MINISWHITE" and values.dtype.kind in ("b", "u"):
            values = 2**page.bitspersample - 1 - values.astype(np.uint64)
        values, kind = scaled(values, page.bitspersample)
        turn = page.tags.valueof(ORIENTATION, 1)
        return Picture(as_bands(_on_white(values, page)), kind, turn if turn in TURNS else 1)


def _decoded(series: Any, file: BinaryIO) -> NDArray[Any]:
    try:
        return _first_image(series, file)
    except Exception as error:
        if not isinstance(error, ImportError) and "imagecodecs" not in str(error):
            raise
        page = series.keyframe
        how = f"{_name(page.compression)} compression, {page.bitspersample} bits"
        lack = f"decoding it ({how}) needs imagecodecs: pip install imagecodecs"
        raise (NotForTifffile if _is_plain(series) else ValueError)(lack) from error


def _is_plain(series: Any) -> bool:
    """Tell whether Pillow, which has other decoders, sees the same numbers."""
    page = series.keyframe
    unsigned = series.dtype in (bool, np.uint8) or (
        series.dtype == np.uint16 and page.samplesperpixel == 1
    )
    return unsigned and page.bitspersample in (1, 8, 16) and "C" not in series.axes


def _first_image(series: Any, file: BinaryIO) -> NDArray[Any]:
    """Return all channels and samples at the beginning of all other axes."""
    page = series.keyframe
    n_own = len(page.shape)
    before, axes = series.shape[:-n_own], series.axes[:-n_own]
    if series.shape[-n_own:] != page.shape:  # axes of length 1 are left out
        before, axes = (), ""
    ranges = [range(n) if axis == "C" else range(1) for n, axis in zip(before, axes, strict=True)]
    places = list(itertools.product(*ranges))
    check_size((page.imagelength, page.imagewidth, len(places) * page.samplesperpixel))
    if len(series.pages) < math.prod(before):  # all follow the first as one block
        dtype = series.dtype.newbyteorder(series.parent.byteorder)
        block = np.memmap(file, dtype, "r", series.dataoffset, series.shape)
        planes = [_rows_columns_samples(np.array(block[place]), page) for place in places]
    else:
        numbers = [np.ravel_multi_index(place, before) if before else 0 for place in places]
        planes = [_read_page(series.pages[number], file) for number in numbers]
    values = np.concatenate(planes, axis=2)
    return values[:, :, 0] if values.shape[2] == 1 else values


def _read_page(page: Any, file: BinaryIO) -> NDArray[Any]:
    _check_whole(page, file)
    return _rows_columns_samples(page.asarray(maxworkers=1), page)


def _check_whole(page: Any, file: BinaryIO) -> None:
    """Refuse a page of which a part is not there; tifffile would fill it in."""
    if page is None:
        raise ValueError("a page is missing")
    size = os.fstat(file.fileno()).st_size
    parts = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    if not parts or any(count == 0 or offset + count > size for offset, count in parts):
        raise ValueError("the file is truncated")


def _rows_columns_samples(values: NDArray[Any], page: Any) -> NDArray[Any]:
    for axis in [axis for axis in page.axes if axis not in "YXS"]:
        values = values.take(0, axis=page.axes.index(axis))
    axes = [axis for axis in page.axes if axis in "YXS"]
    if "S" not in axes:
        values, axes = values[..., np.newaxis], [*axes, "S"]
    return values.transpose([axes.index(axis) for axis in "YXS"])


def _on_white(values: NDArray[Any], page: Any) -> NDArray[Any]:
    """Put what is transparent on white, where the last sample says how opaque the others are."""
    n_colors = 3 if _name(page.photometric) == "RGB" else 1
    n_samples = values.shape[2] if values.ndim == 3 else 1
    if n_samples != n_colors + 1 or page.samplesperpixel != n_samples or not page.extrasamples:
        return values
    extra = _name(page.extrasamples[0])
    if extra == "UNSPECIFIED":
        return values[:, :, :3] if n_colors == 3 else values
    white = np.float32(255 if values.dtype == np.uint8 else 1)
    colors, alpha = values[:, :, :n_colors].astype(np.float32), values[:, :, n_colors:] / white
    blended = colors * (alpha if extra == "UNASSALPHA" else 1) + white * (1 - alpha)
    blended = np.round(blended) if values.dtype == np.uint8 else blended
    return blended.astype(values.dtype)[:, :, 0 if n_colors == 1 else slice(3)]


def _name(tag: Any) -> str:
    return getattr(tag, "name", str(tag))
