"""How much two views of the same samples tell about each other through their clusters."""

from __future__ import annotations

from sklearn.metrics import mutual_info_score
from torch import Tensor

_LEAST = 1024
_PER_CLUSTER = 16


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
