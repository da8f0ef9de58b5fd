"""Alignment of positives, and scattering of the prototypes of a batch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from skdeepcluster.losses.cosine import unit_vectors, without_autocast


def positive_sampling(prediction: Tensor, target: Tensor) -> Tensor:
    """
    Compute the mean squared distance between normalised predictions and targets.

    No gradient flows into the target.

    Parameters
    ----------
    prediction : Tensor of shape (n, d)
        Outputs of the predictor for the perturbed projections of one view, of any length.
    target : Tensor of shape (n, d)
        Target projections of the other view, of any length.

    Returns
    -------
    Tensor
        float32 scalar in [0, 4]: mean over the rows of 2 - 2 cos.

    References
    ----------
    .. [1] Huang, Z., Chen, J., Zhang, J., Shan, H., "Learning representation for clustering via
       prototype scattering and positive sampling", TPAMI 2022, positive sampling alignment.
    """
    cosine = (unit_vectors(prediction) * unit_vectors(target.detach())).sum(dim=1)
    return (2 - 2 * cosine).mean()


@without_autocast
def prototypes(features: Tensor, labels: Tensor, n_clusters: int) -> tuple[Tensor, Tensor]:
    """
    Compute the normalised mean of the normalised features of each cluster.

    Parameters
    ----------
    features : Tensor of shape (n, d)
        Features of any length.
    labels : Tensor of shape (n,), int
        Cluster of each feature; features with a label outside 0 ... ``n_clusters`` - 1 belong to
        none.
    n_clusters : int
        Number K of clusters.

    Returns
    -------
    means : Tensor of shape (K, d)
        float32, unit rows; zero for an empty cluster.
    counts : Tensor of shape (K,)
        float32, number of features of each cluster.
    """
    clusters = torch.arange(n_clusters, device=labels.device)
    # A comparison instead of one_hot or index_add, which would fail on the label -1 of empty rows.
    members = (clusters[:, None] == labels).float()
    return unit_vectors(members @ unit_vectors(features)), members.sum(dim=1)


@without_autocast
def prototype_scattering(
    online: Tensor, target: Tensor, labels: Tensor, n_clusters: int, temperature: float
) -> Tensor:
    """
    Push the prototypes of a batch apart and align them across the two networks.

    The positive of cluster k is its prototype in the target network, its negatives are the online
    prototypes of the other clusters. Clusters without a sample in the batch are ignored. No
    gradient flows into the target. The loss is 0 if only one cluster (or none) occurs.

    Parameters
    ----------
    online : Tensor of shape (n, d)
        Online projections of one view, of any length.
    target : Tensor of shape (n, d)
        Target projections of the other view, of any length.
    labels : Tensor of shape (n,), int
        Pseudo-labels.
    n_clusters : int
        Number K of clusters.
    temperature : float
        Positive divisor of the cosine similarities.

    Returns
    -------
    Tensor
        float32 scalar, mean over the clusters that occur, in nats.

    References
    ----------
    .. [1] Huang, Z., Chen, J., Zhang, J., Shan, H., "Learning representation for clustering via
       prototype scattering and positive sampling", TPAMI 2022, prototype scattering loss.
    """
    means, counts = prototypes(online, labels, n_clusters)
    target_means, _ = prototypes(target.detach(), labels, n_clusters)
    cluster = torch.arange(n_clusters, device=means.device)
    same = cluster[:, None] == cluster
    positive = (means * target_means).sum(dim=1, keepdim=True)
    logits = torch.where(same, positive, means @ means.T) / temperature
    # The diagonal stays finite: an empty cluster's loss would be inf, and inf * 0 below NaN.
    logits = logits.masked_fill(~same & (counts == 0), float("-inf"))
    losses = functional.cross_entropy(logits, cluster, reduction="none")
    occurs = (counts > 0).float()
    return (losses * occurs).sum() / occurs.sum().clamp_min(1)
