"""The training samples on the device: all at once, or batch by batch as training needs them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from skdeepcluster.data.reading_ahead import copy_to, read_ahead, ready_to_copy
from skdeepcluster.data.resizing import resize, resized_shape
from skdeepcluster.data.samples import Samples
from skdeepcluster.data.scaling import Scaling

ALL = slice(None)
CPU_BUDGET_BYTES = 2**30
VECTOR_BUDGET_BYTES = 2**26  # of those in memory, which cost little to scale again and again
SHARE_OF_FREE_DEVICE_MEMORY = 0.5


class Source:
    """
    Training samples, read in batches on their device.

    Parameters
    ----------
    samples : Samples
        The samples.
    scaling : Scaling
        How they are scaled.
    device : torch.device
        Where batches are wanted.
    image_size : int or None, default=None
        Shorter side that images are reduced to; None leaves them as they are.
    """

    def __init__(
        self,
        samples: Samples,
        scaling: Scaling,
        device: torch.device,
        image_size: int | None = None,
    ) -> None:
        self.samples = samples
        self.scaling = scaling
        self.device = device
        self.maps = scaling.on(device)
        self.shape = resized_shape(samples.shape, image_size)

    def __len__(self) -> int:
        return len(self.samples)

    def batches(self, order: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """
        Read batches by the indices of their samples.

        Parameters
        ----------
        order : Tensor of shape (n_batches, b), dtype int64
            The indices, on the CPU.

        Yields
        ------
        index : Tensor of shape (b,), dtype int64
            The batch's indices, on the device.
        batch : Tensor of shape (b, *shape), dtype float32
            Its samples in the unit range, at the size trained at.
        """
        raise NotImplementedError

    def rows(self, index: Tensor) -> Tensor:
        """
        Read some samples.

        Parameters
        ----------
        index : Tensor of shape (b,), dtype int64 or int32
            Their numbers, on the device.

        Returns
        -------
        Tensor of shape (b, *shape), dtype float32
            Samples in the unit range, at the size trained at.
        """
        return self._prepare(self._take(index))

    def _prepare(self, chunk: Tensor) -> Tensor:
        """Bring samples on the device into the unit range, and to size."""
        return resize(self.maps.unit(chunk), self.shape)

    def _take(self, index: Tensor) -> Tensor:
        """Bring some samples to the device, as `Scaling.to_device` returns them."""
        raise NotImplementedError

    def in_order(self, batch_size: int, part: slice = ALL) -> Iterator[Tensor]:
        """
        Read samples in order.

        Parameters
        ----------
        batch_size : int
            Number of samples at a time.
        part : slice, default=slice(None)
            Consecutive samples to read.

        Yields
        ------
        Tensor of shape (b, *shape), dtype float32
            Samples in the unit range, at the size trained at.
        """
        raise NotImplementedError


class ResidentSource(Source):
    """
    All samples kept on the device: as uint8 if the caller's are, otherwise as float32.

    Parameters
    ----------
    samples : Samples
        The samples to copy.
    scaling : Scaling
        How they are scaled.
    device : torch.device
        Where they are kept.
    image_size : int or None, default=None
        Shorter side that images are reduced to as they are read, batch by batch.
    """

    def __init__(
        self,
        samples: Samples,
        scaling: Scaling,
        device: torch.device,
        image_size: int | None = None,
    ) -> None:
        super().__init__(samples, scaling, device, image_size)
        dtype = torch.uint8 if samples.is_uint8 else torch.float32
        self.data = torch.empty((len(samples), *samples.shape), dtype=dtype, device=device)
        for start, chunk in samples.chunks():
            self.data[start : start + len(chunk)] = scaling.to_device(chunk, device)

    def batches(self, order: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """
        Read batches by the indices of their samples.

        Parameters
        ----------
        order : Tensor of shape (n_batches, b), dtype int64
            The indices, on the CPU.

        Yields
        ------
        index : Tensor of shape (b,), dtype int64
            The batch's indices, on the device.
        batch : Tensor of shape (b, *shape), dtype float32
            Its samples in the unit range, at the size trained at.
        """
        for index in order.to(self.device):
            yield index, self.rows(index)

    def _take(self, index: Tensor) -> Tensor:
        return self.data[index]

    def in_order(self, batch_size: int, part: slice = ALL) -> Iterator[Tensor]:
        """
        Read samples in order.

        Parameters
        ----------
        batch_size : int
            Number of samples at a time.
        part : slice, default=slice(None)
            Consecutive samples to read.

        Yields
        ------
        Tensor of shape (b, *shape), dtype float32
            Samples in the unit range, at the size trained at.
        """
        first, end, _ = part.indices(len(self))
        for start in range(first, end, batch_size):
            yield self._prepare(self.data[start : min(start + batch_size, end)])


class StreamedSource(Source):
    """
    Samples that stay where they are; the next batch is read during training on the current one.

    Parameters
    ----------
    samples : Samples
        The samples, such as a memory map.
    scaling : Scaling
        How they are scaled.
    device : torch.device
        Where batches are wanted.
    image_size : int or None, default=None
        Shorter side that images are reduced to; None leaves them as they are.
    """

    def batches(self, order: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """
        Read batches by the indices of their samples.

        Parameters
        ----------
        order : Tensor of shape (n_batches, b), dtype int64
            The indices, on the CPU.

        Yields
        ------
        index : Tensor of shape (b,), dtype int64
            The batch's indices, on the device.
        batch : Tensor of shape (b, *shape), dtype float32
            Its samples in the unit range, at the size trained at.
        """
        chunks = read_ahead(self._read, list(order))
        for index, chunk in zip(order.to(self.device), chunks, strict=True):
            yield index, self._prepare(copy_to(chunk, self.device))

    def _take(self, index: Tensor) -> Tensor:
        return self._read(index.cpu()).to(self.device)

    def in_order(self, batch_size: int, part: slice = ALL) -> Iterator[Tensor]:
        """
        Read samples in order.

        Parameters
        ----------
        batch_size : int
            Number of samples at a time.
        part : slice, default=slice(None)
            Consecutive samples to read.

        Yields
        ------
        Tensor of shape (b, *shape), dtype float32
            Samples in the unit range, at the size trained at.
        """
        first, end, _ = part.indices(len(self))

        def read(start: int) -> Tensor:
            return self._ready(self.samples.batch(start, min(start + batch_size, end)))

        for chunk in read_ahead(read, range(first, end, batch_size)):
            yield self._prepare(copy_to(chunk, self.device))

    def _read(self, index: Tensor) -> Tensor:
        return self._ready(self.samples.take(index.numpy()))

    def _ready(self, chunk: Tensor) -> Tensor:
        return ready_to_copy(self.scaling.to_device(chunk, chunk.device), self.device)


def open_source(
    samples: Samples, scaling: Scaling, device: torch.device, image_size: int | None = None
) -> Source:
    """
    Keep samples on the device if they fit, else stream them.

    They fit if they take at most 1 GiB, or half of the free memory of a CUDA device; vectors that
    are in memory already, 64 MiB of the CPU's.

    Parameters
    ----------
    samples : Samples
        The samples.
    scaling : Scaling
        How they are scaled.
    device : torch.device
        Where batches are wanted.
    image_size : int or None, default=None
        Shorter side that images are reduced to; None leaves them as they are.

    Returns
    -------
    Source
        The source.
    """
    size = len(samples) * samples.layout.n_features * (1 if samples.is_uint8 else 4)
    at_hand = isinstance(samples.array, np.ndarray | Tensor) and device.type == "cpu"
    is_cheap = at_hand and not samples.layout.is_image
    budget = float(VECTOR_BUDGET_BYTES if is_cheap else CPU_BUDGET_BYTES)
    if device.type == "cuda":
        # What torch keeps for itself, but does not use, is free, too.
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        budget = SHARE_OF_FREE_DEVICE_MEMORY * (torch.cuda.mem_get_info(device)[0] + kept)
    source = ResidentSource if size <= budget else StreamedSource
    return source(samples, scaling, device, image_size)
