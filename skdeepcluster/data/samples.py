"""Validated, read-only access to the caller's samples, whatever container holds them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skdeepcluster.data.layout import Layout, infer_layout
from skdeepcluster.data.mapping import READ_AROUND, MappedPages
from skdeepcluster.data.readers import Reader
from skdeepcluster.data.validation import validated_array

CHUNK_BYTES = 8 * 2**20
LARGEST_VALUE = 1e37  # the difference of two such values still fits into float32


class Samples:
    """
    A view of the caller's samples that is read in canonical chunks and never written to.

    Parameters
    ----------
    array : ndarray, Tensor or Reader of shape (n, *layout.stored)
        The samples, of a real dtype.
    layout : Layout
        Meaning of the axes.
    """

    def __init__(self, array: np.ndarray | Tensor | Reader, layout: Layout) -> None:
        self.array = array
        self.layout = layout
        self.pages = MappedPages(array)

    def __len__(self) -> int:
        return int(self.array.shape[0])

    @property
    def shape(self) -> tuple[int, ...]:
        """Canonical shape of one sample: ``(C, H, W)`` or ``(d,)``."""
        return self.layout.shape

    @property
    def is_uint8(self) -> bool:
        """Whether a sample's values fit into bytes (uint8 or bool)."""
        return self.array.dtype in (np.uint8, np.bool_, torch.uint8, torch.bool)

    def batch(self, start: int, stop: int) -> Tensor:
        """
        Read consecutive samples.

        Parameters
        ----------
        start, stop : int
            The half-open range of samples.

        Returns
        -------
        Tensor of shape (stop - start, *shape)
            Contiguous; uint8 for uint8 and bool samples, float32 for float16 and float32, else
            float64. On the device of the tensor, if one was given, but for MPS, which has no
            float64; otherwise on the CPU.
        """
        chunk = self._canonical(self.array[start:stop])
        self.pages.count(chunk.nbytes)
        return chunk

    def take(self, index: np.ndarray) -> Tensor:
        """
        Read samples by their indices.

        Parameters
        ----------
        index : ndarray of shape (b,), dtype int64
            Indices of the samples.

        Returns
        -------
        Tensor of shape (b, *shape)
            The samples, as `batch` returns them.
        """
        rows: Any = torch.from_numpy(index) if isinstance(self.array, Tensor) else index
        chunk = self._canonical(self.array[rows])
        # Scattered samples each make the pages around them resident as well.
        self.pages.count(max(chunk.nbytes, len(index) * READ_AROUND))
        return chunk

    def chunks(self, every: int = 1) -> Iterator[tuple[int, Tensor]]:
        """
        Read samples in order, a bounded number of bytes at a time.

        Parameters
        ----------
        every : int, default=1
            Of so many chunks one is read; if more than 1, of at least 64 that are evenly spread.

        Yields
        ------
        start : int
            Index of the first sample of the chunk.
        chunk : Tensor of shape (b, *shape)
            The samples, as `batch` returns them.
        """
        # 8 bytes per value: it may be read as float64.
        step = max(1, CHUNK_BYTES // (8 * max(1, self.layout.n_features)))
        if every > 1:
            step = max(1, min(step, len(self) // (64 * every)))
        for start in range(0, len(self), every * step):
            yield start, self.batch(start, min(start + step, len(self)))

    def _canonical(self, chunk: np.ndarray | Tensor) -> Tensor:
        if not isinstance(chunk, Tensor):
            chunk = _tensor_of(chunk)
        elif chunk.device.type == "mps":
            chunk = chunk.cpu()
        return self.layout.canonical(chunk.to(_reading_dtype(chunk.dtype))).contiguous()


def _tensor_of(chunk: np.ndarray) -> Tensor:
    """Copy a piece of an array, so that read-only and byte-swapped memory is no special case."""
    narrow = {np.dtype(np.bool_): np.uint8, np.dtype(np.float16): np.float32}
    kept = (np.dtype(np.uint8), np.dtype(np.float32))
    dtype = chunk.dtype if chunk.dtype in kept else narrow.get(chunk.dtype, np.float64)
    with np.errstate(over="ignore"):  # a long double beyond float64 becomes infinite
        return torch.from_numpy(np.array(chunk, dtype=dtype, order="C"))


def _reading_dtype(dtype: torch.dtype) -> torch.dtype:
    if dtype in (torch.uint8, torch.bool):
        return torch.uint8
    if dtype in (torch.float16, torch.bfloat16, torch.float32):
        return torch.float32
    return torch.float64


def read_samples(
    X: Any,
    image_shape: Sequence[int] | None = None,
    channel_axis: str = "auto",
    *,
    min_samples: int = 1,
    estimator: Any = None,
) -> Samples:
    """
    Validate samples and determine what their axes mean.

    Parameters
    ----------
    X : array-like, Tensor or sequence of shape (n, d), (n, H, W), (n, H, W, C) or (n, C, H, W)
        The samples: real numbers of any dtype, all finite.
    image_shape : sequence of int or None, default=None
        Shape of one image, if the rows of a 2-D `X` are flattened images.
    channel_axis : {"auto", "first", "last"}, default="auto"
        Where the channels of 4-D input are.
    min_samples : int, default=1
        Smallest number of samples accepted.
    estimator : estimator instance or None, default=None
        Named in error messages.

    Returns
    -------
    Samples
        The view; nothing is copied except to convert lists, frames and objects.

    Raises
    ------
    ValueError
        If `X` is empty, not finite, partly masked, complex or ragged, has the wrong number of
        dimensions, or its shape is ambiguous.
    TypeError
        If `X` is sparse or holds values that are not numbers.
    RuntimeError
        If a sample cannot be read; what was raised is its cause.
    """
    array = validated_array(X, min_samples, estimator)
    samples = Samples(array, infer_layout(tuple(array.shape[1:]), image_shape, channel_axis))
    _check_values(samples)
    return samples


def _check_values(samples: Samples) -> None:
    """Refuse empty images and values that are not finite in float32, naming the first one."""
    if samples.layout.n_features == 0:
        raise ValueError(f"X must hold at least 1 value a sample; got shape {samples.array.shape}.")
    if samples.is_uint8:
        return
    limit = LARGEST_VALUE
    for start, chunk in samples.chunks():
        # NaN fails this comparison too, so one pass over the values finds both.
        if not bool((chunk.abs() <= limit).all()):
            bad = ~(chunk.abs() <= limit)
            row = start + int(bad.flatten(1).any(1).int().argmax())
            value = float(chunk[bad][0])
            kind = "NaN" if value != value else "infinity or a value too large for float32"
            raise ValueError(
                f"Input X contains {kind}: X must be finite, of at most {limit:g} in size; sample "
                f"{row} holds {value}."
            )
