"""Ring buffers of past features that live on the device and in checkpoints."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class FeatureQueue(nn.Module):
    """
    First-in-first-out store of the most recent entries.

    Entries, fill level and position are tensors on the module's device, so that pushing never
    waits for the device; all three are part of ``state_dict``. Rows never written are zero.

    Parameters
    ----------
    size : int
        Number of entries kept, at least 1.
    shape : tuple of int
        Shape of one entry.

    Attributes
    ----------
    rows : Tensor of shape (size, *shape)
        float32 entries, not sorted by age; see `mask`.
    filled : Tensor of shape (), int64
        Number of valid entries, which are the first ones.
    pointer : Tensor of shape (), int64
        Where the next entry goes.

    Raises
    ------
    ValueError
        If ``size`` is below 1.
    """

    rows: Tensor
    filled: Tensor
    pointer: Tensor

    def __init__(self, size: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        if size < 1:
            raise ValueError(f"size must be at least 1, got {size}.")
        self.register_buffer("rows", torch.zeros(size, *shape))
        self.register_buffer("filled", torch.zeros((), dtype=torch.long))
        self.register_buffer("pointer", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def push(self, rows: Tensor) -> None:
        """
        Add entries, overwriting the oldest ones.

        Changes ``rows`` of the queue in place, so call it after the backward pass of a loss that
        used them.

        Parameters
        ----------
        rows : Tensor of shape (n, *shape)
            New entries, oldest first; if there are more than ``size``, the last ones are kept.
        """
        size = len(self.rows)
        rows = rows[-size:].to(self.rows.dtype)
        places = (self.pointer + torch.arange(len(rows), device=self.rows.device)) % size
        self.rows.index_copy_(0, places, rows)
        self.pointer.add_(len(rows)).remainder_(size)
        self.filled.add_(len(rows)).clamp_(max=size)

    def mask(self) -> Tensor:
        """
        Mark the valid entries.

        Returns
        -------
        Tensor of shape (size,)
            float32, 1 for valid entries and 0 for those never written.
        """
        return (torch.arange(len(self.rows), device=self.rows.device) < self.filled).float()


class SampleQueue(nn.Module):
    """
    First-in-first-out store of features whose labels are looked up when they are needed.

    Labels change while features are in the queue, so the indices of the samples are stored instead.

    Parameters
    ----------
    size : int
        Number of features kept, at least 1.
    n_features : int
        Length of a feature.
    """

    def __init__(self, size: int, n_features: int) -> None:
        super().__init__()
        self.features = FeatureQueue(size, (n_features,))
        self.numbers = FeatureQueue(size, ())
        # float32, the dtype of a FeatureQueue, holds integers exactly only up to 2**24.
        self.numbers.rows = self.numbers.rows.long()

    @property
    def rows(self) -> Tensor:
        """The features, (size, n_features); rows never written are zero."""
        return self.features.rows

    def labels(self, of_samples: Tensor) -> Tensor:
        """
        Look up the labels of the features.

        Parameters
        ----------
        of_samples : Tensor of shape (n,), int64
            Current labels of all training samples.

        Returns
        -------
        Tensor of shape (size,), int64
            Labels of the rows; -1 for rows never written.
        """
        return of_samples[self.numbers.rows].where(self.features.mask() > 0, -1)

    @torch.no_grad()
    def push(self, rows: Tensor, numbers: Tensor) -> None:
        """
        Add features, overwriting the oldest ones.

        Parameters
        ----------
        rows : Tensor of shape (n, n_features)
            New features, oldest first.
        numbers : Tensor of shape (n,), int64
            Indices of their samples in the training set.
        """
        self.features.push(rows)
        self.numbers.push(numbers)
