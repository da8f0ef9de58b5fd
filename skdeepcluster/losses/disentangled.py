"""One contrastive loss over a categorical and an instance part of the representation."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from skdeepcluster.losses.precision import without_autocast


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
