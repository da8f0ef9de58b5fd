"""Trained directions, one per cluster."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from skdeepcluster.losses.normalise import unit_vectors


class Prototypes(nn.Module):
    """
    One vector for each cluster, of which only the direction matters.

    They start as the corners of a regular simplex, randomly rotated, if K <= d; else at random.

    Parameters
    ----------
    n_clusters : int
        Number K of clusters.
    n_features : int
        Length d of a vector.
    generator : torch.Generator
        Source of the initial vectors, on the CPU.

    Attributes
    ----------
    rows : nn.Parameter of shape (K, d)
        The vectors.
    """

    def __init__(self, n_clusters: int, n_features: int, generator: torch.Generator) -> None:
        super().__init__()
        corners = torch.empty(n_clusters, n_features)
        nn.init.orthogonal_(corners, generator=generator)
        # Orthonormal vectors minus their mean are a regular simplex; a single one would become 0.
        self.rows = nn.Parameter(unit_vectors(corners - corners.mean(0) * (n_clusters > 1)))

    def forward(self) -> Tensor:
        """
        Return the directions.

        Returns
        -------
        Tensor of shape (K, d), dtype float32
            Unit vectors.
        """
        return unit_vectors(self.rows)
