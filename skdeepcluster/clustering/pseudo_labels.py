"""Clusters of all training samples, found again and again while the representation is learnt."""

from __future__ import annotations

from functools import partial

import torch
from sklearn.metrics import mutual_info_score
from torch import Tensor
from torch.nn import functional

from skdeepcluster.clustering.kmeans import KMeansResult, kmeans

_LEAST = 1024
_PER_CLUSTER = 16
AS_GOOD = 1.03  # in inertia


def view_information(views: tuple[Tensor, Tensor], centers: Tensor) -> float:
    """
    Compute the mutual information between the clusters of two views of the same samples.

    A cluster of samples that share what augmentation cannot change holds both views of each of
    them; one that cuts through such a group does not. K equal clusters on which all views agree
    score log K, the maximum.

    Parameters
    ----------
    views : tuple of two Tensors of shape (n, d)
        Unit-length embeddings of first and second views.
    centers : Tensor of shape (K, d)
        Unit-length centres; a view belongs to the nearest.

    Returns
    -------
    float
        Mutual information in nats, at least 0, higher is better.

    References
    ----------
    .. [1] Ji, X., Henriques, J. F., Vedaldi, A., "Invariant information clustering for
       unsupervised image classification and segmentation", ICCV 2019, Eq. 2 (for probabilities
       there, for labels here).
    """
    first, second = ((view @ centers.T).argmax(dim=1).cpu().numpy() for view in views)
    return float(mutual_info_score(first, second))


def views_needed(n_clusters: int) -> int:
    """
    Tell how many samples need views for `view_information` to compare clusterings.

    Parameters
    ----------
    n_clusters : int
        Number K of clusters.

    Returns
    -------
    int
        16 K, at least 1024.
    """
    return max(_LEAST, _PER_CLUSTER * n_clusters)


def match_centers(centers: Tensor, previous: Tensor) -> Tensor:
    """
    Pair new centres with previous ones so that the sum of their inner products is largest.

    Parameters
    ----------
    centers : Tensor of shape (K, d)
        New centres.
    previous : Tensor of shape (K, d)
        Previous centres.

    Returns
    -------
    Tensor of shape (K,), int64
        On the device of ``centers``: entry k is the new centre that takes the place of the previous
        centre k.
    """
    return _assignment(previous.to(centers) @ centers.T)


_SAME = 8 * torch.finfo(torch.float32).eps  # rounding, of a cosine of 1


def balancing_weights(labels: Tensor, n_clusters: int) -> Tensor:
    """
    Weigh samples so that all clusters are drawn equally often.

    Parameters
    ----------
    labels : Tensor of shape (n,), int64
        Cluster of each sample.
    n_clusters : int
        Number K of clusters.

    Returns
    -------
    Tensor of shape (n,), float32
        The number of samples over the size of each sample's cluster.
    """
    sizes = torch.bincount(labels, minlength=n_clusters)
    # An empty cluster gives inf, but no sample looks it up.
    return (len(labels) / sizes)[labels]


def clusters_like(
    previous: Tensor,
    embedding: Tensor,
    views: tuple[Tensor, Tensor] | None,
    generator: torch.Generator | None,
    n_init: int,
    known: Tensor | None = None,
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
    known : Tensor of shape (n,), int64, or None, default=None
        Clusters that samples are known to belong to, -1 where that is not known: by them clusters
        are numbered, and there these samples are put. If k-means from their means ends as well, to
        three hundredths of the inertia, it takes the place of the best start.

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
    if known is not None:
        return _constrained(result, previous, embedding, known)
    centers, labels = _merged(result.centers, result.labels)
    order = match_centers(centers, previous)
    return centers[order], order.argsort()[labels]  # argsort inverts a permutation


def _constrained(
    found: KMeansResult, previous: Tensor, embedding: Tensor, known: Tensor
) -> tuple[Tensor, Tensor]:
    """Let clusters be numbered by the samples whose cluster is known, and put these there."""
    rows, k = (known >= 0).nonzero()[:, 0], len(previous)
    means = torch.zeros_like(found.centers).index_add_(0, known[rows], embedding[rows])
    has_mean = means.any(dim=1, keepdim=True)
    wanted = torch.where(has_mean, functional.normalize(means), previous.to(means))
    shared = torch.bincount(known[rows] * k + found.labels[rows], minlength=k * k).view(k, k)
    # Where as many samples, or none, are shared, the nearer centre decides.
    order = _assignment(shared + 0.1 * wanted @ found.centers.T)
    seeds = torch.where(has_mean, wanted, found.centers[order])
    seeded = kmeans(embedding, k, spherical=True, init=seeds)
    if seeded.inertia <= AS_GOOD * found.inertia:
        centers, labels = seeded.centers, seeded.labels.clone()
    else:  # few known samples, or an embedding that is not there yet: no place to begin from
        centers, labels = found.centers[order], order.argsort()[found.labels]
    labels[rows] = known[rows]
    return centers, labels


def _assignment(likeness: Tensor) -> Tensor:
    """Give each row another column, so that the sum of what they share is largest."""
    from scipy.optimize import linear_sum_assignment  # here, to keep the package's import light

    # SciPy refuses NaN; rows that are not finite are paired somehow.
    _, columns = linear_sum_assignment(likeness.nan_to_num().cpu(), maximize=True)
    return torch.from_numpy(columns).to(likeness.device)


def _merged(centers: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Zero the centres that equal an earlier one up to rounding, which gets their samples."""
    # Each equals itself, though products in TF32 may say otherwise.
    same = (centers @ centers.T > 1 - _SAME).fill_diagonal_(True)
    first = same.int().argmax(dim=1)  # int, as argmax takes no bools; of equal values the first
    alone = first == torch.arange(len(centers), device=centers.device)
    return centers * alone[:, None], first[labels]
