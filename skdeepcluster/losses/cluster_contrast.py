"""Contrast between the columns of soft assignments, and the balance of their cluster sizes."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from skdeepcluster.losses.contrast import nt_xent


def cluster_contrast(p1: Tensor, p2: Tensor, temperature: float) -> Tensor:
    """
    Contrast the clusters of two views through the columns of their assignments.

    Column k of both matrices is one cluster seen through two views: a positive pair under the
    cosine similarity, with the other 2K - 2 columns as negatives. Both views get gradients.
    The loss is 0 for K = 1; a column of zeros has similarity 0 to all others.

    Parameters
    ----------
    p1, p2 : Tensor of shape (n, K)
        Soft assignments of two views of the same n samples; non-negative, rows sum to 1.
    temperature : float
        Positive divisor of the cosine similarities.

    Returns
    -------
    Tensor
        float32 scalar, mean over the 2K columns, in nats.

    References
    ----------
    .. [1] Li, Y., Hu, P., Liu, Z., Peng, D., Zhou, J. T., Peng, X., "Contrastive clustering",
       AAAI 2021, cluster-level contrastive head. As in the authors' code, a column is not its own
       negative, and the entropy term is separate: see `entropy_deficit`.
    """
    return nt_xent(p1.T, p2.T, temperature)


def entropy_deficit(p1: Tensor, p2: Tensor) -> Tensor:
    """
    Compute how far the cluster sizes of two views are from even.

    This is ``2 log K - H(mean p1) - H(mean p2)`` with the means over the samples: 0 (up to
    rounding) for even sizes, ``2 log K`` if everything is in one cluster.

    Parameters
    ----------
    p1, p2 : Tensor of shape (n, K)
        Soft assignments of two views; non-negative, rows sum to 1. Exact zeros are allowed.

    Returns
    -------
    Tensor
        float32 scalar in nats.

    References
    ----------
    .. [1] Li, Y., Hu, P., Liu, Z., Peng, D., Zhou, J. T., Peng, X., "Contrastive clustering",
       AAAI 2021, the entropy of the cluster-level loss.
    """
    sizes = torch.stack([p1.float().mean(dim=0), p2.float().mean(dim=0)])
    # An empty cluster contributes 0 * log(tiny) = 0; 0 * log(0) would be NaN.
    log_sizes = sizes.clamp_min(torch.finfo(sizes.dtype).tiny).log()
    return 2 * math.log(sizes.shape[1]) + (sizes * log_sizes).sum()
