"""Pages of a memory-mapped file: what reading made resident is released again."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np

RESIDENT_BYTES = 2**29
READ_AROUND = 2**21  # Linux may make this much resident around a page that is asked for


class MappedPages:
    """
    Keep the resident part of a large mapped file small while its samples are read.

    What is dropped stays in the system's file cache as long as there is memory for it. Arrays that
    are not mapped are left alone, as are private copies of a file, which may differ from it.

    Parameters
    ----------
    array : ndarray or Tensor
        The samples, which may be a view of a `numpy.memmap`.
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
            The number of bytes.
        """
        self.resident += n_bytes
        if self.mapping is not None and self.resident > RESIDENT_BYTES:
            self.mapping.madvise(mmap.MADV_DONTNEED)
            self.resident = 0


def _shared_mapping(array: Any) -> mmap.mmap | None:
    shared, size = False, getattr(array, "nbytes", 0)
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap):
            # Mode "c" is copy on write: dropping its pages would lose what was written to them.
            shared = array.mode in ("r", "r+", "w+")
        array = array.base
    # Not every platform has MADV_DONTNEED.
    shared = shared and isinstance(array, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED")
    return array if shared and size > RESIDENT_BYTES else None
