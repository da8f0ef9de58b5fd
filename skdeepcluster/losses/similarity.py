"""Similarity of vectors to centres, as logits."""

from __future__ import annotations

from torch import Tensor

from skdeepcluster.losses.normalise import unit_vectors
from skdeepcluster.losses.precision import without_autocast


@without_autocast
def cosine_logits(x: Tensor, centers: Tensor, temperature: float) -> Tensor:
    """
    Compare vectors with centres by the cosine of their angle.

    Parameters
    ----------
    x : Tensor of shape (n, d)
        Vectors of any length.
    centers : Tensor of shape (K, d)
        Centres of any length.
    temperature : float
        Positive divisor of the cosines.

    Returns
    -------
    Tensor of shape (n, K)
        float32 cosines divided by the temperature.
    """
    return unit_vectors(x) @ unit_vectors(centers).T / temperature
