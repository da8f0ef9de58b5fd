"""A target network as the moving average of the trained one, and how fast it should move."""

from __future__ import annotations

import math

import torch
from torch import nn

_SHARE_OF_RUN = 0.02  # with 0.007 or 0.07 twin contrast loses accuracy: see docs/choices.rst
_SHORTEST = 10.0
_LARGEST_SHARE_OF_RUN = 0.1
STATISTICS = ("running_mean", "running_var")  # many, and always finite


@torch.no_grad()
def update_ema(target: nn.Module, online: nn.Module, momentum: float) -> None:
    """
    Move a target network towards the online network, in place.

    Parameters and floating-point buffers become ``momentum * target + (1 - momentum) * online``;
    other buffers, such as counters, are copied, and so are values of buffers that are not finite,
    as in masks.

    Parameters
    ----------
    target : nn.Module
        Network to update, of the same structure as ``online``.
    online : nn.Module
        Network to follow; not changed.
    momentum : float
        In [0, 1]: 0 copies the online network, 1 leaves the target as it is.

    Raises
    ------
    ValueError
        If the networks differ in the number of their parameters or buffers.
    """
    buffers = list(zip(target.named_buffers(), online.buffers(), strict=True))
    moving: list[tuple[torch.Tensor, torch.Tensor]] = list(
        zip(target.parameters(), online.parameters(), strict=True)
    )
    moving += [(old, new) for (name, old), new in buffers if name.endswith(STATISTICS)]
    if moving:
        old_values, new_values = (list(values) for values in zip(*moving, strict=True))
        # One fused call, as this runs after every step and networks have many small tensors.
        torch._foreach_lerp_(old_values, new_values, 1.0 - momentum)
    for (name, old), new in buffers:
        if not old.is_floating_point():
            old.copy_(new)
        elif not name.endswith(STATISTICS):
            old.copy_(torch.where(new.isfinite(), old.lerp(new, 1.0 - momentum), new))


def ema_momentum(
    n_steps: int, cap: float, share: float = _SHARE_OF_RUN, shortest: float = _SHORTEST
) -> float:
    """
    Choose the momentum of a moving average from the length of the training.

    The average spans 1 / (1 - momentum) steps. This is set to a share of the training, but to no
    less than `shortest` steps, or a tenth of a training run that is shorter than ten times that.
    With the defaults the momentum is 0.9 from 100 to 500 steps, 0.99 for 5000, 0.999 for 50000.

    Parameters
    ----------
    n_steps : int
        Number of updates in the whole training.
    cap : float
        Published value, meant for long training; the result never exceeds it.
    share : float, default=0.02
        The share of the training.
    shortest : float, default=10.0
        The number of steps.

    Returns
    -------
    float
        Momentum in [0, ``cap``].
    """
    shortest = min(shortest, _LARGEST_SHARE_OF_RUN * n_steps)
    memory = max(share * n_steps, shortest, 1.0)
    return min(1.0 - 1.0 / memory, cap)


def cosine_momentum(base: float, step: int, n_steps: int) -> float:
    """
    Raise the momentum from its base to 1 along half a cosine.

    Parameters
    ----------
    base : float
        Momentum at step 0.
    step : int
        Current step; from ``n_steps`` on, the momentum is 1.
    n_steps : int
        Number of updates in the whole training.

    Returns
    -------
    float
        Momentum of this step.

    References
    ----------
    .. [1] Grill, J.-B., et al., "Bootstrap your own latent: a new approach to self-supervised
       learning", NeurIPS 2020, section 3.2.
    """
    progress = min(step / max(n_steps, 1), 1.0)
    return 1.0 - (1.0 - base) * (1.0 + math.cos(math.pi * progress)) / 2.0
