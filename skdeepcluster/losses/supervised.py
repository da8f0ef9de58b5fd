"""Contrast of samples whose class is known."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from skdeepcluster.losses.cosine import unit_vectors, without_autocast


@without_autocast
def supervised_contrast(embedding: Tensor, classes: Tensor, temperature: float) -> Tensor:
    """
    Contrast each vector with all others: those of its class should be nearer than the rest.

    Of a vector with no other of its class there is no term; with no pair at all the loss is 0.

    Parameters
    ----------
    embedding : Tensor of shape (n, d)
        Vectors of any length and floating dtype.
    classes : Tensor of shape (n,), dtype int64
        Their classes.
    temperature : float
        Positive divisor of the cosine similarities.

    Returns
    -------
    Tensor
        float32 scalar, mean over the vectors that have another of their class, in nats.

    References
    ----------
    .. [1] Khosla, P. et al., "Supervised contrastive learning", NeurIPS 2020, equation (2).
    """
    z = unit_vectors(embedding)
    rows = torch.arange(len(z), device=z.device)
    itself = rows[:, None] == rows
    logits = (z @ z.T / temperature).masked_fill(itself, float("-inf"))
    log_p = functional.log_softmax(logits, dim=1).masked_fill(itself, 0.0)
    alike = (classes[:, None] == classes) & ~itself
    count = alike.sum(dim=1)
    # Divisors of at least 1, so that a vector on its own adds nothing, and no NaN.
    terms = -(log_p * alike).sum(dim=1) / count.clamp_min(1)
    return terms.sum() / (count > 0).sum().clamp_min(1)
