"""A queue of past features that keeps track of the training samples they belong to."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from skdeepcluster.networks.queue import FeatureQueue


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
