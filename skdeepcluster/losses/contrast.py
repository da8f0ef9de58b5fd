"""Contrast between instances, between clusters, and of representations in two parts."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from skdeepcluster.losses.cosine import unit_vectors, without_autocast

_MINUS_INFINITY = float("-inf")


@without_autocast
def nt_xent(z1: Tensor, z2: Tensor, temperature: float) -> Tensor:
    """
    Compute the normalised temperature-scaled cross-entropy of two views.

    Each of the 2n vectors has its other view as the only positive and the remaining 2n - 2 vectors
    as negatives; a vector is never compared with itself. The loss is symmetric in the two views,
    both of which get gradients, and is 0 for n = 1, where there are no negatives.

    Parameters
    ----------
    z1, z2 : Tensor of shape (n, d)
        Vectors of the first and second view, of any length and floating dtype; row i of each
        belongs to the same sample.
    temperature : float
        Positive divisor of the cosine similarities.

    Returns
    -------
    Tensor
        float32 scalar, mean over the 2n rows, in nats.

    References
    ----------
    .. [1] Chen, T., Kornblith, S., Norouzi, M., Hinton, G., "A simple framework for contrastive
       learning of visual representations", ICML 2020, equation (1).
    """
    z = unit_vectors(torch.cat([z1, z2]))
    size = z.shape[0]
    rows = torch.arange(size, device=z.device)
    logits = z @ z.T / temperature
    logits = logits.masked_fill(rows[:, None] == rows, _MINUS_INFINITY)
    return functional.cross_entropy(logits, (rows + size // 2) % size)


@without_autocast
def info_nce(
    query: Tensor,
    key: Tensor,
    queue: Tensor,
    temperature: float,
    queue_mask: Tensor | None = None,
) -> Tensor:
    """
    Compute InfoNCE of queries against their keys, with a queue of past keys as negatives.

    Keys and queue are targets: no gradient flows into them. If no row of the queue is valid, the
    loss is 0.

    Parameters
    ----------
    query : Tensor of shape (n, d)
        Unit vectors.
    key : Tensor of shape (n, d)
        Unit vectors; row i is the positive of query i.
    queue : Tensor of shape (m, d)
        Unit vectors; negatives of every query.
    temperature : float
        Positive divisor of the inner products.
    queue_mask : Tensor of shape (m,), optional
        1 for the rows of ``queue`` that hold a vector, 0 for those to be ignored. None means that
        all rows are valid. Ignored rows must be finite.

    Returns
    -------
    Tensor
        float32 scalar, mean over the queries, in nats.

    References
    ----------
    .. [1] He, K., Fan, H., Wu, Y., Xie, S., Girshick, R., "Momentum contrast for unsupervised
       visual representation learning", CVPR 2020, equation (1).
    """
    query, key, queue = query.float(), key.detach().float(), queue.detach().float()
    positive = (query * key).sum(dim=1, keepdim=True)
    negative = query @ queue.T
    # Masked, not sliced: slicing would have to wait until the mask is read from the device.
    if queue_mask is not None:
        negative = negative.masked_fill(queue_mask == 0, _MINUS_INFINITY)
    logits = torch.cat([positive, negative], dim=1) / temperature
    return functional.cross_entropy(logits, logits.new_zeros(len(logits), dtype=torch.long))


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


@without_autocast
def joint_contrast(
    p: Tensor, n: Tensor, q: Tensor, n_other: Tensor, temperature: float, gamma: float = 1.0
) -> Tensor:
    """
    Contrast one view with the other by the sum of categorical and instance similarity.

    With s_ij = (gamma p_i.q_j + n_i.n'_j) / temperature this is the mean of -log softmax_j(s_ij)
    at j = i: a contrast of the categorical parts in which the instance similarity weights the
    negatives. The other view (``q`` and ``n_other``) is a target: no gradient flows into it. This
    is one order of the two views; the loss of a batch is the average of both. It is 0 for B = 1.

    Parameters
    ----------
    p : Tensor of shape (B, K)
        Soft assignments of this view, rows sum to 1.
    n : Tensor of shape (B, d)
        Instance parts of this view, unit rows.
    q : Tensor of shape (B, K)
        Equipartitioned codes of the other view, rows sum to 1.
    n_other : Tensor of shape (B, d)
        Instance parts of the other view, unit rows.
    temperature : float
        Positive divisor, shared by both parts.
    gamma : float, default=1.0
        Weight of the categorical similarity.

    Returns
    -------
    Tensor
        float32 scalar, mean over the B rows, in nats.

    References
    ----------
    .. [1] Ding, F., Zhang, D., Yang, Y., Krovi, V., Luo, F., "Contrastive representation
       disentanglement for clustering", arXiv 2306.05439. The form is a reconstruction from the
       abstract.
    """
    categorical = p.float() @ q.detach().float().T
    instance = n.float() @ n_other.detach().float().T
    logits = (gamma * categorical + instance) / temperature
    return functional.cross_entropy(logits, torch.arange(len(logits), device=logits.device))
