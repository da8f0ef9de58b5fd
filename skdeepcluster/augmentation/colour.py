"""Batched colour changes for images in [0, 1], each sample with its own factors."""

from __future__ import annotations

import torch
from torch import Tensor


def _luminance(images: Tensor) -> Tensor:
    """Compute grey values (B, 1, H, W): ITU-R 601 weights for RGB, else the mean over channels."""
    if images.shape[1] != 3:
        return images.mean(1, keepdim=True)
    red, green, blue = images.split(1, 1)
    # 0.2989, not 0.299: the weights are torchvision's.
    return (red * 0.2989).add_(green, alpha=0.587).add_(blue, alpha=0.114)


def _per_sample(factor: Tensor) -> Tensor:
    """View factors of shape (B,) as (B, 1, 1, 1)."""
    return factor.view(-1, 1, 1, 1)


def adjust_brightness(images: Tensor, factor: Tensor) -> Tensor:
    """Multiply every image by its factor and clip to [0, 1].

    Parameters
    ----------
    images : Tensor of shape (B, C, H, W)
        Images in [0, 1]; not written to.
    factor : Tensor of shape (B,)
        Non-negative; 1 leaves the image as it is.

    Returns
    -------
    Tensor of shape (B, C, H, W)
        Images in [0, 1].
    """
    return (images * _per_sample(factor)).clamp_(0, 1)


def adjust_contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Stretch every image about its mean grey value by its factor and clip to [0, 1].

    Parameters
    ----------
    images : Tensor of shape (B, C, H, W)
        Images in [0, 1]; not written to. With three channels they are RGB.
    factor : Tensor of shape (B,)
        Non-negative; 1 leaves the image as it is, 0 makes it uniformly grey.

    Returns
    -------
    Tensor of shape (B, C, H, W)
        Images in [0, 1].
    """
    factor = _per_sample(factor)
    # The luminance is linear, so averaging first leaves one pixel per image to be weighted.
    mean = _luminance(images.mean((2, 3), keepdim=True))
    return (images * factor).add_(mean * (1 - factor)).clamp_(0, 1)


def adjust_saturation(images: Tensor, factor: Tensor) -> Tensor:
    """Move every RGB image away from its grey version by its factor and clip to [0, 1].

    Parameters
    ----------
    images : Tensor of shape (B, 3, H, W)
        RGB images in [0, 1]; not written to.
    factor : Tensor of shape (B,)
        Non-negative; 1 leaves the image as it is, 0 makes it grey.

    Returns
    -------
    Tensor of shape (B, 3, H, W)
        Images in [0, 1].
    """
    return torch.lerp(_luminance(images), images, _per_sample(factor)).clamp_(0, 1)


def adjust_hue(images: Tensor, shift: Tensor) -> Tensor:
    """Rotate the hue of every RGB image in HSV space, leaving saturation and value unchanged.

    With low and high the least and greatest channel and chroma = high - low, the hue in sixths of
    a turn is ``sign(g - b) * (1 + (g + b - r - low) / chroma)``, in [-3, 3] with red at 0. A
    channel whose own hue is d sixths away from it on the circle equals
    ``high - chroma * clip(d - 1, 0, 1)``. So neither direction branches on the sextant.

    Parameters
    ----------
    images : Tensor of shape (B, 3, H, W)
        RGB images in [0, 1]; not written to.
    shift : Tensor of shape (B,)
        Shift in turns, in [-0.5, 0.5]; 0 leaves the image as it is.

    Returns
    -------
    Tensor of shape (B, 3, H, W)
        Images in [0, 1].
    """
    red, green, blue = images.split(1, 1)
    high = torch.maximum(torch.maximum(red, green), blue)
    low = torch.minimum(torch.minimum(red, green), blue)
    chroma = high - low
    # A grey pixel has no hue: whatever is found for it is multiplied by its chroma of 0 below.
    hue = (green + blue).sub_(red).sub_(low).div_(chroma.clamp_min(1e-12)).add_(1)
    turns = hue.copysign_(green - blue).div_(6).add_(_per_sample(shift))
    own_hue = torch.arange(3, device=images.device, dtype=images.dtype).view(3, 1, 1) / 3
    away = turns - own_hue
    away = away.sub_(away.round()).abs_().mul_(6).sub_(1).clamp_(0, 1)
    return torch.addcmul(high, chroma, away, value=-1)


# Indices into (brightness, contrast, saturation, hue). A Williams square: each change is at each
# place once, and of any two changes each comes first twice.
_ORDERS = ((0, 1, 3, 2), (1, 2, 0, 3), (2, 3, 1, 0), (3, 0, 2, 1))


def color_jitter(
    images: Tensor,
    *,
    brightness: Tensor | None = None,
    contrast: Tensor | None = None,
    saturation: Tensor | None = None,
    hue: Tensor | None = None,
    lengths: list[int] | None = None,
) -> Tensor:
    """Change brightness, contrast, saturation and hue, in an order that varies over the batch.

    Each quarter of the batch (by the order of its rows) uses one of four fixed orders, in which
    every change is at every place once, and no value has to be read back from the device to choose
    one. Where the batch is two views of shuffled samples, one after the other, a sample has one of
    two orders in its first view, and one of the other two in its second.

    Parameters
    ----------
    images : Tensor of shape (B, C, H, W)
        Images in [0, 1]; not written to. Saturation and hue need RGB.
    brightness, contrast, saturation, hue : Tensor of shape (B,) or None, default=None
        Parameters of `adjust_brightness`, `adjust_contrast`, `adjust_saturation` and
        `adjust_hue`; a change that is None is left out.
    lengths : list of four int or None, default=None
        Number of rows of each quarter, where the rows are part of a larger batch; None makes
        quarters of them.

    Returns
    -------
    Tensor of shape (B, C, H, W)
        Images in [0, 1].
    """
    changes = (adjust_brightness, adjust_contrast, adjust_saturation, adjust_hue)
    factors = (brightness, contrast, saturation, hue)
    if lengths is None:
        lengths = [len(part) for part in images.chunk(4)]  # a small batch may give fewer than four
    quarters = list(images.split(lengths))
    chunked = [None if factor is None else factor.split(lengths) for factor in factors]
    for quarter, order in enumerate(_ORDERS[: len(quarters)]):
        for index in order:
            factor = chunked[index]
            if factor is not None:
                quarters[quarter] = changes[index](quarters[quarter], factor[quarter])
    return torch.cat(quarters)


def grayscale(images: Tensor, apply: Tensor) -> Tensor:
    """Replace the chosen RGB images with their grey version in three equal channels.

    Parameters
    ----------
    images : Tensor of shape (B, 3, H, W)
        RGB images; not written to.
    apply : bool Tensor of shape (B,)
        Samples that become grey.

    Returns
    -------
    Tensor of shape (B, 3, H, W)
        The images; those not chosen are unchanged.
    """
    return torch.lerp(images, _luminance(images), _per_sample(apply.to(images.dtype)))
