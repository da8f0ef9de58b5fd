"""Equipartitioned soft assignments by Sinkhorn-Knopp scaling."""

from __future__ import annotations

import torch
from torch import Tensor


@torch.no_grad()
def sinkhorn(
    logits: Tensor,
    epsilon: float = 1.0,
    n_iterations: int = 3,
    queue: Tensor | None = None,
    queue_mask: Tensor | None = None,
) -> Tensor:
    """
    Turn logits into soft assignments that use all clusters equally.

    The limit maximises ``<Q, logits> + epsilon * entropy(Q)`` over non-negative Q with rows that
    sum to 1 and columns that sum to B / K. The computation uses logarithms in float32, so that
    neither large logits nor a small ``epsilon`` cause overflow. Each round scales the columns, then
    the rows: the rows always sum to 1, the columns to B / K only in the limit. No gradient flows.

    Parameters
    ----------
    logits : Tensor of shape (B, K)
        Finite scores of the current samples.
    epsilon : float, default=1.0
        Positive weight of the entropy: the smaller, the closer to one-hot, and the more rounds
        are needed.
    n_iterations : int, default=3
        Number of rounds; 0 gives the softmax of ``logits / epsilon``.
    queue : Tensor of shape (M, K), optional
        Finite scores of earlier samples, over which the clusters are balanced too. Useful if B is
        less than a few times K.
    queue_mask : Tensor of shape (M,), optional
        1 for the rows of ``queue`` that hold scores, 0 for those to be ignored. None means that
        all rows are valid.

    Returns
    -------
    Tensor of shape (B, K)
        float32 assignments of the current samples.

    References
    ----------
    .. [1] Cuturi, M., "Sinkhorn distances: lightspeed computation of optimal transport",
       NeurIPS 2013.
    """
    scores = logits.float() / epsilon
    n_current = len(scores)
    if queue is not None:
        scores = torch.cat([scores, queue.float() / epsilon])
    log_mass = scores.new_zeros(len(scores))
    if queue_mask is not None:
        # log 0 = -inf takes an unused row out of every sum.
        log_mass[n_current:] = queue_mask.float().log()
    row_scale, column_scale = log_mass, scores.new_zeros(scores.shape[1])
    # The target of B / K for the columns is left out: scaling the rows cancels common factors.
    for _ in range(n_iterations):
        column_scale = -(scores + row_scale[:, None]).logsumexp(dim=0)
        row_scale = log_mass - (scores + column_scale).logsumexp(dim=1)
    # The softmax is the last scaling of the rows, so that they sum to 1.
    return (scores[:n_current] + column_scale).softmax(dim=1)
