"""Unit vectors and cosines, in float32 whatever the networks around them run in."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import nullcontext
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor

P = ParamSpec("P")
R = TypeVar("R")


def without_autocast(function: Callable[P, R]) -> Callable[P, R]:
    """
    Switch autocast off inside a function, so that its matrix products keep float32.

    Parameters
    ----------
    function : callable
        Takes at least one tensor.

    Returns
    -------
    callable
        The same function, shielded from any surrounding autocast region of its tensors' device.
    """

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        arguments = (*args, *kwargs.values())
        tensor = next(argument for argument in arguments if isinstance(argument, Tensor))
        # Shapes alone, on "meta", have no autocast to switch off.
        with nullcontext() if tensor.is_meta else torch.autocast(tensor.device.type, enabled=False):
            return function(*args, **kwargs)

    return wrapped


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
