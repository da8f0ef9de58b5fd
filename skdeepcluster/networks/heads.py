"""Small networks that stand on the trunk, and the trunk for vectors."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from skdeepcluster.losses.cosine import unit_vectors
from skdeepcluster.networks.randomness import global_streams


def mlp(
    widths: Sequence[int],
    generator: torch.Generator,
    *,
    batch_norm: bool = False,
    final_relu: bool = False,
    std: float | None = None,
) -> nn.Sequential:
    """
    Build a multi-layer perceptron.

    Parameters
    ----------
    widths : sequence of int
        Width of the input, of every hidden layer, and of the output.
    generator : torch.Generator
        Source of the weights, on the CPU.
    batch_norm : bool, default=False
        Whether every layer followed by a ReLU is batch-normalised before it.
    final_relu : bool, default=False
        Whether the last layer is treated like a hidden one.
    std : float or None, default=None
        Standard deviation of normally distributed weights, with zero biases. None leaves the
        weights that PyTorch draws.

    Returns
    -------
    nn.Sequential
        The network, on the CPU.
    """
    layers: list[nn.Module] = []
    n_activated = len(widths) - (1 if final_relu else 2)
    with global_streams(generator):
        for depth, (n_in, n_out) in enumerate(pairwise(widths)):
            activated = depth < n_activated
            # Batch normalisation subtracts the mean, and a bias with it.
            layers.append(nn.Linear(n_in, n_out, bias=not (activated and batch_norm)))
            if activated and batch_norm:
                layers.append(nn.BatchNorm1d(n_out))
            if activated:
                layers.append(nn.ReLU(inplace=True))
    network = nn.Sequential(*layers)
    if std is not None:
        for layer in network:
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, std=std, generator=generator)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
    return network


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
