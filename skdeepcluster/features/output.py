"""Where features go: memory, an array of the caller's, or a file."""

from __future__ import annotations

import io
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from skdeepcluster._files import refuse_existing, write_whole

Out = str | os.PathLike[str] | np.ndarray | None


def check_out(out: Out, overwrite: bool) -> None:
    """
    Refuse a place that features cannot go to, before there are any.

    Parameters
    ----------
    out : str, path, ndarray or None
        The place.
    overwrite : bool
        Whether a file that is there is replaced.

    Raises
    ------
    FileExistsError
        If there is a file that is not to be replaced.
    FileNotFoundError
        If the folder is missing.
    IsADirectoryError
        If it is a folder.
    ValueError
        If the array has not two dimensions of float32 that can be written.
    """
    if isinstance(out, np.ndarray):
        if out.ndim != 2 or out.dtype != np.float32 or not out.flags.writeable:
            raise ValueError(
                "out must be a writable float32 array of shape (n, d); got dtype "
                f"{out.dtype}, shape {out.shape}, writable: {out.flags.writeable}."
            )
    elif out is not None:
        if not overwrite:
            refuse_existing(Path(out))
        if Path(out).is_dir():
            raise IsADirectoryError(f"out={str(out)!r} must be a file; it is a folder.")
        if not Path(out).parent.is_dir():
            raise FileNotFoundError(f"out={str(out)!r} cannot be written: there is no such folder.")


def store(parts: Iterator[np.ndarray], n_samples: int, out: Out, overwrite: bool) -> np.ndarray:
    """
    Put batches of features one below the other, holding one batch at a time beside the whole.

    Parameters
    ----------
    parts : iterator of ndarray of shape (b, d), dtype float32
        The batches, in order.
    n_samples : int
        Number of rows, all batches together.
    out : str, path, ndarray or None
        A path is written to as a .npy file; None takes memory.
    overwrite : bool
        Whether a file that is there is replaced.

    Returns
    -------
    ndarray of shape (n_samples, d), dtype float32
        `out` if it is an array, a read-only memory map if it is a path.
    """
    first = next(parts)
    shape = (n_samples, first.shape[1])
    parts = itertools.chain([first], parts)
    if isinstance(out, (str, os.PathLike)):
        write_whole(Path(out), _npy(parts, shape), overwrite=overwrite)
        whole: np.ndarray = np.load(out, mmap_mode="r")
        return whole
    if out is not None and out.shape != shape:
        raise ValueError(f"out must have the shape of the features, {shape}; got {out.shape}.")
    whole, start = np.empty(shape, np.float32) if out is None else out, 0
    for part in parts:
        whole[start : start + len(part)] = part
        start += len(part)
    return whole


def _npy(parts: Iterator[np.ndarray], shape: tuple[int, int]) -> Iterator[bytes | memoryview]:
    header = io.BytesIO()
    descr = np.lib.format.dtype_to_descr(np.dtype(np.float32))
    about = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, about)
    yield header.getvalue()
    for part in parts:
        yield np.ascontiguousarray(part).data
