"""Two views of every sample of a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from skdeepcluster.training.inference import is_out_of_memory

__all__ = ["Augmentation", "two_views"]

Augmentation = Callable[[Tensor, torch.Generator], Tensor]


def two_views(
    batch: Tensor, augmentation: Augmentation | None, generator: torch.Generator
) -> Tensor:
    """
    Make two views of every sample.

    Parameters
    ----------
    batch : Tensor of shape (b, *shape), dtype float32
        Samples in the unit range.
    augmentation : callable or None
        Makes a view of each sample of a batch; None leaves samples as they are.
    generator : torch.Generator
        Source of the views, on the device of the batch.

    Returns
    -------
    Tensor of shape (2 * b, *shape), dtype float32
        First views of all, then second views, in the unit range.

    Raises
    ------
    ValueError
        If the augmentation fails, or returns anything but a tensor of its batch's shape.
    """
    doubled = torch.cat([batch, batch])
    if augmentation is None:
        return doubled
    views = _augmented(doubled, augmentation, generator)
    if not isinstance(views, Tensor) or views.shape != doubled.shape:
        raise ValueError(
            "augmentation must return a tensor of the shape of its batch, "
            f"{tuple(doubled.shape)}; got {getattr(views, 'shape', type(views).__name__)}."
        )
    return views.to(doubled)


def _augmented(batch: Tensor, augmentation: Augmentation, generator: torch.Generator) -> Any:
    try:
        return augmentation(batch, generator)
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise ValueError(
            "augmentation must take a float32 batch and a torch.Generator; it failed on a "
            f"batch of shape {tuple(batch.shape)} with {type(error).__name__}: {error}"
        ) from error
