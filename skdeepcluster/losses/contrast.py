"""Contrast between instances: NT-Xent over a batch, InfoNCE against a queue."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from skdeepcluster.losses.normalise import unit_vectors
from skdeepcluster.losses.precision import without_autocast

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
