"""Random numbers for the samples of a batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Draws:
    """
    Random numbers for one batch: one per sample, on the device of the batch.

    A sample gets the same numbers whether the whole batch is here or only a part of it.

    Parameters
    ----------
    images : Tensor of shape (b, C, H, W)
        The samples that are here; they give dtype and device.
    generator : torch.Generator or None
        Source of randomness, on that device.
    rows : Tensor of shape (b,), dtype int64, or None, default=None
        Their places in the whole batch, rising, on the CPU; None if they are the whole.
    count : int, default=0
        Number of samples of the whole batch, where `rows` is given.
    rows_there : Tensor of shape (b,), dtype int64, or None, default=None
        `rows` on the device: to be brought there, they would have to be waited for.
    """

    images: Tensor
    generator: torch.Generator | None
    rows: Tensor | None = None
    count: int = 0
    rows_there: Tensor | None = None

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """
        Draw uniformly.

        Parameters
        ----------
        low, high : float
            The range, [low, high).
        *shape : int
            How many numbers for each sample.

        Returns
        -------
        Tensor of shape (*shape, b)
            The numbers.
        """
        count = len(self.images) if self.rows is None else self.count
        drawn = self.images.new_empty(*shape, count)
        drawn.uniform_(low, high, generator=self.generator)
        return drawn if self.rows_there is None else drawn[..., self.rows_there]

    def lengths(self, n_parts: int) -> list[int] | None:
        """
        Count the samples that are here of each of the parts that the whole batch is cut into.

        Parameters
        ----------
        n_parts : int
            Number of parts, as `torch.chunk` makes them.

        Returns
        -------
        list of int or None
            Their numbers; None if the whole is here.
        """
        if self.rows is None:
            return None
        return (self.rows // -(-self.count // n_parts)).bincount(minlength=n_parts).tolist()

    def switch(self, probability: float) -> Tensor:
        """
        Draw whether a sample takes part.

        Parameters
        ----------
        probability : float
            How probable that is.

        Returns
        -------
        bool Tensor of shape (b,)
            The answers.
        """
        return self.uniform(0.0, 1.0) < float(probability)
