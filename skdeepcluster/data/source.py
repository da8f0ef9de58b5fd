"""The training samples on their device."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from skdeepcluster.data.samples import Samples
from skdeepcluster.data.scaling import Scaling

__all__ = ["ResidentSource"]


class ResidentSource:
    """
    All samples kept on the device: uint8 where the caller's are, float32 otherwise.

    Parameters
    ----------
    samples : Samples
        The samples to copy.
    scaling : Scaling
        How they are scaled.
    device : torch.device
        Where they stay.
    """

    def __init__(self, samples: Samples, scaling: Scaling, device: torch.device) -> None:
        dtype = torch.uint8 if samples.is_uint8 else torch.float32
        self.scaling = scaling
        self.data = torch.empty((len(samples), *samples.shape), dtype=dtype, device=device)
        for start, chunk in samples.chunks():
            self.data[start : start + len(chunk)] = scaling.to_device(chunk, device)

    def __len__(self) -> int:
        return len(self.data)

    @property
    def device(self) -> torch.device:
        """Where the samples are."""
        return self.data.device

    def batches(self, rows: Iterable[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        """
        Read batches by the numbers of their samples.

        Parameters
        ----------
        rows : iterable of Tensor of shape (b,), dtype int64
            The numbers, on the device.

        Yields
        ------
        index : Tensor of shape (b,), dtype int64
            The batch's numbers.
        batch : Tensor of shape (b, *shape), dtype float32
            Its samples in the unit range.
        """
        for index in rows:
            yield index, self.scaling.unit(self.data[index])

    def in_order(self, batch_size: int) -> Iterator[Tensor]:
        """
        Read all samples in their order.

        Parameters
        ----------
        batch_size : int
            Samples at a time.

        Yields
        ------
        Tensor of shape (b, *shape), dtype float32
            Samples in the unit range.
        """
        for start in range(0, len(self), batch_size):
            yield self.scaling.unit(self.data[start : start + batch_size])
