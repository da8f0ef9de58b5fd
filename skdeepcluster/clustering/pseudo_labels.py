"""Clusters of all training samples, found repeatedly while the representation is learnt."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from skdeepcluster.clustering.agreement import view_information
from skdeepcluster.clustering.kmeans import kmeans
from skdeepcluster.clustering.matching import match_centers

__all__ = ["PseudoLabels", "clusters_like"]

_SAME = 8 * torch.finfo(torch.float32).eps  # the rounding error of a cosine of 1


class PseudoLabels(nn.Module):
    """
    Spherical k-means of the training samples that continues from the clusters it found before.

    Parameters
    ----------
    n_clusters : int
        Number K of clusters.
    n_features : int
        Length of the embedding.
    n_init : int
        Number of starts of k-means: the first from the last centres, if there are any, the others
        by k-means++.

    Attributes
    ----------
    centers : Tensor of shape (K, n_features), float32
        Unit-length centres; zero before the first `update`.
    labels : Tensor of shape (n,), int64
        Cluster of each training sample; empty outside of training.
    """

    centers: Tensor
    labels: Tensor

    def __init__(self, n_clusters: int, n_features: int, n_init: int) -> None:
        super().__init__()
        self.n_init = n_init
        self.register_buffer("centers", torch.zeros(n_clusters, n_features))
        self.register_buffer("labels", torch.zeros(0, dtype=torch.long))

    def resize(self, n_samples: int) -> None:
        """
        Allocate the labels of the training samples; all are in cluster 0 until `update`.

        Parameters
        ----------
        n_samples : int
            Number of training samples; 0 discards their labels.
        """
        self.labels = self.labels.new_zeros(n_samples)

    def update(
        self,
        embedding: Tensor,
        views: tuple[Tensor, Tensor] | None,
        generator: torch.Generator | None,
    ) -> None:
        """
        Cluster the training samples again; each cluster takes the number of the one it resembles.

        Parameters
        ----------
        embedding : Tensor of shape (n, n_features)
            Unit-length embedding of the training samples.
        views : tuple of two Tensors of shape (m, n_features), or None
            Unit-length embeddings of two views of some of the samples, used to judge the starts.
        generator : torch.Generator or None
            Source of the starts of k-means.
        """
        centers, labels = clusters_like(self.centers, embedding, views, generator, self.n_init)
        self.centers.copy_(centers)
        self.labels.copy_(labels)

    def balancing_weights(self) -> Tensor:
        """
        Weigh the training samples so that all clusters are drawn equally often.

        Returns
        -------
        Tensor of shape (n,), float32
            The number of samples divided by the size of each sample's cluster.
        """
        sizes = torch.bincount(self.labels, minlength=len(self.centers))
        # An empty cluster gives inf, but no sample looks it up.
        return (len(self.labels) / sizes)[self.labels]


def clusters_like(
    previous: Tensor,
    embedding: Tensor,
    views: tuple[Tensor, Tensor] | None,
    generator: torch.Generator | None,
    n_init: int,
) -> tuple[Tensor, Tensor]:
    """
    Cluster samples by spherical k-means and number clusters like the previous ones they resemble.

    Parameters
    ----------
    previous : Tensor of shape (K, d)
        Unit-length centres from which the first start of k-means begins, or zeros.
    embedding : Tensor of shape (n, d)
        Unit-length embedding of the samples.
    views : tuple of two Tensors of shape (m, d), or None
        Unit-length embeddings of two views of some of the samples: the best start is the one
        whose clusters give the two views the most mutual information. If None, it is the one with
        the least inertia.
    generator : torch.Generator or None
        Source of the starts.
    n_init : int
        Number of starts; all but the first by k-means++.

    Returns
    -------
    centers : Tensor of shape (K, d), float32
        Unit-length centres; zero for a cluster that has no samples because an earlier one has
        the same centre.
    labels : Tensor of shape (n,), int64
        Cluster of each sample.
    """
    result = kmeans(
        embedding,
        len(previous),
        spherical=True,
        n_init=n_init,
        score=None if views is None else partial(view_information, views),
        init=previous if previous.any() else None,
        generator=generator,
    )
    centers, labels = _merged(result.centers, result.labels)
    order = match_centers(centers, previous)
    return centers[order], order.argsort()[labels]  # argsort inverts a permutation


def _merged(centers: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Zero the centres that equal an earlier one up to rounding, which gets their samples."""
    # int, as argmax takes no bools; among equal values it finds the first.
    first = (centers @ centers.T > 1 - _SAME).int().argmax(dim=1)
    alone = first == torch.arange(len(centers), device=centers.device)
    return centers * alone[:, None], first[labels]
