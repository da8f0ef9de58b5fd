"""Scaling of vectors to unit length that is safe for empty and underflowing vectors."""

from __future__ import annotations

import torch
from torch import Tensor

_SMALLEST = 1e-30  # its reciprocal, the scale of the gradient, is still finite in float32


def unit_vectors(x: Tensor, dim: int = -1) -> Tensor:
    """
    Scale vectors to unit Euclidean length.

    Vectors are first divided by their largest entry, so that squares neither overflow nor
    underflow. A vector whose entries are all below 1e-30 in size becomes (nearly) zero, with a
    gradient of order one instead of 0 / 0.

    Parameters
    ----------
    x : Tensor
        Vectors along ``dim``, of any floating dtype.
    dim : int, default=-1
        Axis along which the vectors lie.

    Returns
    -------
    Tensor
        float32 tensor of the shape of ``x``.
    """
    x = x.float()
    # The result does not depend on this divisor, so no gradient has to flow through it.
    largest = x.detach().abs().amax(dim, keepdim=True)
    x = x / largest.masked_fill(largest <= _SMALLEST, 1.0)
    # The norm is at least 1 now, except for vectors that were not divided: only they are clamped.
    return x / torch.linalg.vector_norm(x, dim=dim, keepdim=True).clamp_min(0.5)
