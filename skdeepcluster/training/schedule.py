"""Batches, learning rates and optimisers."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from skdeepcluster.training.muon import Muon
from skdeepcluster.training.objective import Objective, Schedule

FEW_IMAGES = 1000
MOST_OF_TORCH = 2**24  # categories of `torch.multinomial`


def fit_batch_size(n_samples: int, n_clusters: int) -> int:
    """
    Choose the size of batches: a few hundred samples must not mean a few hundred steps.

    Parameters
    ----------
    n_samples : int
        Number of training samples.
    n_clusters : int
        Number of clusters looked for.

    Returns
    -------
    int
        An eighth of the samples, but at least 64 and four for each cluster, and at most 256.
    """
    return min(256, max(-(-n_samples // 8), 64, 4 * n_clusters))


def draw_rows(weights: Tensor, n_rows: int, generator: torch.Generator) -> Tensor:
    """
    Draw samples with replacement.

    Parameters
    ----------
    weights : Tensor of shape (n,), dtype float32
        How often each is drawn, relative to the others.
    n_rows : int
        How many to draw.
    generator : torch.Generator
        Source of the draws, on the CPU as the weights are.

    Returns
    -------
    Tensor of shape (n_rows,), dtype int64
        Their numbers.
    """
    if len(weights) <= MOST_OF_TORCH:
        return torch.multinomial(weights, n_rows, True, generator=generator)
    ends = weights.double().cumsum(0)
    places = torch.rand(n_rows, dtype=torch.float64, generator=generator) * ends[-1]
    return torch.searchsorted(ends, places, right=True).clamp_max_(len(weights) - 1)


def choose_max_epochs(is_image: bool, steps_per_epoch: int, n_samples: int) -> int:
    """
    Choose the length of training.

    Parameters
    ----------
    is_image : bool
        Whether samples are images, not vectors.
    steps_per_epoch : int
        Number of batches in an epoch.
    n_samples : int
        Number of training samples.

    Returns
    -------
    int
        As many epochs as make 500 steps, at least 25 and at most 50, for images, or 100 if there
        are fewer than 1,000 images; and 50 for vectors. Where so many epochs would be more than
        2,500 steps, as many as make those, but at least 10.
    """
    wanted = min(50, max(25, -(-500 // steps_per_epoch))) if is_image else 50
    if is_image and n_samples < FEW_IMAGES:  # in small batches, of whose steps each teaches less
        wanted = 100
    return max(10, min(wanted, -(-2500 // steps_per_epoch)))


def choose_warmup_epochs(is_image: bool, max_epochs: int) -> int:
    """
    Choose over how many epochs the learning rate rises.

    Parameters
    ----------
    is_image : bool
        Whether samples are images, not vectors.
    max_epochs : int
        Length of training.

    Returns
    -------
    int
        A quarter of the epochs for images, a fifth for vectors.
    """
    return max_epochs // (4 if is_image else 5)


def plan_batches(
    n_samples: int,
    batch_size: int,
    max_epochs: int,
    warmup_epochs: int = 0,
    *,
    is_image: bool = True,
) -> Schedule:
    """
    Cut an epoch into batches of equal size, none larger than asked for.

    With ``s = ceil(n / batch_size)`` steps an epoch, but no more than ``n // 2``, each batch has
    ``n // s`` samples; the fewer than ``s`` samples left over are others in every epoch.

    Parameters
    ----------
    n_samples : int
        Number of training samples.
    batch_size : int
        Largest batch.
    max_epochs, warmup_epochs : int
        Passed on.
    is_image : bool, default=True
        Passed on.

    Returns
    -------
    Schedule
        The plan.
    """
    steps = max(1, min(-(-n_samples // batch_size), n_samples // 2))
    return Schedule(
        n_samples=n_samples,
        max_epochs=max_epochs,
        batch_size=n_samples // steps,
        steps_per_epoch=steps,
        warmup_epochs=min(warmup_epochs, max_epochs),
        is_image=is_image,
    )


def learning_rate(peak: float, step: int, schedule: Schedule, after: str = "cosine") -> float:
    """
    Rise linearly to the peak, then fall along half a cosine to nearly zero, or stay there.

    Parameters
    ----------
    peak : float
        Largest learning rate.
    step : int
        Number of steps made so far.
    schedule : Schedule
        Length of training and of the rise.
    after : {"cosine", "constant"}, default="cosine"
        What comes after the rise.

    Returns
    -------
    float
        Learning rate of the next step.
    """
    rise = schedule.warmup_epochs * schedule.steps_per_epoch
    if step < rise:
        return peak * (step + 1) / rise
    if after == "constant":
        return peak
    done = (step - rise) / max(1, schedule.n_steps - rise)
    return peak * (0.005 + 0.995 * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))


def build_optimizer(
    objective: Objective,
    name: str,
    lr: float,
    weight_decay: float,
    backbone_lr_factor: float = 1.0,
) -> torch.optim.Optimizer:
    """
    Build the optimiser, fused where torch has it for the device.

    Parameters
    ----------
    objective : Objective
        Whose parameters are trained; already on its device.
    name : {"muon", "adam", "sgd"}
        Muon for kernels of convolutions, and Adam for the rest; Adam with decoupled weight decay;
        or SGD with momentum 0.9.
    lr : float
        Peak learning rate.
    weight_decay : float
        Weight decay.
    backbone_lr_factor : float, default=1.0
        Factor on the learning rate of the trunk.

    Returns
    -------
    torch.optim.Optimizer
        Its groups carry ``"lr_scale"``.
    """
    lr, weight_decay = float(lr), float(weight_decay)  # as states of a training are compared
    groups = [{**g, "lr_scale": float(g["lr_scale"])} for g in objective.parameter_groups()]
    if backbone_lr_factor != 1:
        trunk = {p for copy in objective.trunks() for p in copy.parameters()}
        groups = _split(groups, trunk, backbone_lr_factor)
    fused = all(p.device.type in ("cpu", "cuda", "mps") for g in groups for p in g["params"])
    if name == "sgd":
        return torch.optim.SGD(groups, lr=lr, momentum=0.9, weight_decay=weight_decay, fused=fused)
    if name == "muon":
        return Muon(groups, lr=lr, weight_decay=weight_decay, fused=fused)
    return torch.optim.AdamW(groups, lr=lr, weight_decay=weight_decay, fused=fused)


def _split(
    groups: list[dict[str, Any]], trunk: set[nn.Parameter], factor: float
) -> list[dict[str, Any]]:
    """Give the parameters of the trunk groups of their own."""
    parts = []
    for group in groups:
        for inside in (False, True):
            params = [p for p in group["params"] if (p in trunk) == inside]
            scale = group["lr_scale"] * (factor if inside else 1.0)
            if params:
                parts.append({**group, "params": params, "lr_scale": scale})
    return parts
