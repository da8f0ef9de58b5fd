"""Pages of a memory-mapped file: what reading made resident is given back to the system."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np

RESIDENT_BYTES = 2**29
READ_AROUND = 2**21  # Linux makes up to so much resident around a page that is asked for


class MappedPages:
    """
    Keep the resident part of a large mapped file small while its samples are read.

    What is dropped stays in the system's file cache for as long as there is memory for it. Arrays
    that are not mapped, and private copies of a file, which may differ from it, are left alone.

    Parameters
    ----------
    array : ndarray or Tensor
        The samples, a view of a `numpy.memmap` or not.
    """

    def __init__(self, array: Any) -> None:
        self.mapping = _shared_mapping(array)
        self.resident = 0

    def count(self, n_bytes: int) -> None:
        """
        Note that bytes have been made resident, and drop all pages when they have become many.

        Parameters
        ----------
        n_bytes : int
            Their number.
        """
        self.resident += n_bytes
        if self.mapping is not None and self.resident > RESIDENT_BYTES:
            self.mapping.madvise(mmap.MADV_DONTNEED)
            self.resident = 0


def _shared_mapping(array: Any) -> mmap.mmap | None:
    shared, size = False, getattr(array, "nbytes", 0)
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap):
            shared = array.mode in ("r", "r+", "w+")
        array = array.base
    shared = shared and isinstance(array, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED")
    return array if shared and size > RESIDENT_BYTES else None
