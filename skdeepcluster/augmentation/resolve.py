"""From the `augmentation` parameter to what makes views."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Generator, Tensor, nn

from skdeepcluster.augmentation.image import ImageAugmentation
from skdeepcluster.augmentation.vector import VectorAugmentation

Augmentation = Callable[[Tensor, Generator | None], Tensor]

_NAMED: dict[str, Callable[[], Augmentation]] = {
    "texture": ImageAugmentation.texture,
    "micrograph": ImageAugmentation.micrograph,
    "photo": ImageAugmentation.photo,
    "glyph": ImageAugmentation.glyph,
    "vector": VectorAugmentation,
}
AUGMENTATIONS = tuple(_NAMED)


def is_own(augmentation: Any) -> bool:
    """Tell whether an augmentation is of this package, or none at all.

    Parameters
    ----------
    augmentation : object
        What makes views.

    Returns
    -------
    bool
        Whether it is sure to draw from the generator that it is given, and from nothing else.
    """
    return augmentation is None or type(augmentation) in (ImageAugmentation, VectorAugmentation)


def resolve_augmentation(augmentation: Any, sample_shape: tuple[int, ...]) -> Augmentation | None:
    """Find the augmentation that an estimator's parameter asks for.

    ``"auto"`` is ``"texture"`` for images with three channels, ``"glyph"`` for images with any
    other number of channels and ``"vector"`` for vectors.

    Parameters
    ----------
    augmentation : "auto", "texture", "micrograph", "photo", "glyph", "vector", callable or None
        The parameter. A callable takes a batch, and a ``torch.Generator`` or None if it has a
        second argument; a transform of torchvision is applied sample by sample.
    sample_shape : tuple of int
        Shape of one sample: (C, H, W) of an image, (d,) of a vector.

    Returns
    -------
    callable or None
        A callable on a batch and a generator, None for none.

    Raises
    ------
    ValueError
        Where `augmentation` is none of these, has a parameter out of its range, or is for images
        where the samples are vectors or the reverse.
    """
    if augmentation is None:
        return None
    is_image = len(sample_shape) == 3
    name = augmentation
    if isinstance(augmentation, str) and augmentation == "auto":
        name = ("texture" if sample_shape[0] == 3 else "glyph") if is_image else "vector"
    chosen = _NAMED[name]() if isinstance(name, str) and name in _NAMED else augmentation
    # A class is callable too, but would take the batch for its own parameters.
    if not callable(chosen) or isinstance(chosen, type):
        raise ValueError(
            "The 'augmentation' parameter must be 'auto', 'texture', 'micrograph', 'photo', "
            "'glyph', 'vector', None or a callable on a batch and a generator. "
            f"Got {augmentation!r} instead."
        )
    if isinstance(chosen, ImageAugmentation | VectorAugmentation):
        chosen.validate()
        if isinstance(chosen, ImageAugmentation) != is_image:
            kind = "images" if is_image else "vectors"
            raise ValueError(
                f"The 'augmentation' parameter must be one for {kind} where samples have the shape "
                f"{sample_shape}. Got {augmentation!r} instead."
            )
        return chosen
    return _on_batches(chosen)


def _on_batches(augmentation: Any) -> Augmentation:
    """Let a transform of torchvision, or a callable of one argument, take batch and generator."""
    parts = augmentation if isinstance(augmentation, nn.Sequential) else [augmentation]
    if any(_is_of_torchvision(part) for part in parts):
        # On a batch it would draw once for all samples.
        return lambda batch, generator: torch.stack([augmentation(sample) for sample in batch])
    if _takes_two(augmentation):
        chosen: Augmentation = augmentation
        return chosen
    return lambda batch, generator: augmentation(batch)


def _is_of_torchvision(transform: Any) -> bool:
    classes = type(transform).__mro__
    return any(cls.__module__.startswith("torchvision.transforms") for cls in classes)


def _takes_two(function: Callable[..., Any]) -> bool:
    # A call of a module takes anything, and hands it on.
    target = function.forward if isinstance(function, nn.Module) else function
    try:
        inspect.signature(target).bind(None, None)
    except TypeError:
        return False
    except ValueError:  # something compiled, whose arguments are not known
        return True
    return True
