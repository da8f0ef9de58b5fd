"""Images made smaller on their device, before anything else sees them."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def resized_shape(shape: tuple[int, ...], image_size: int | None) -> tuple[int, ...]:
    """
    Compute what becomes of the shape of a sample; images are never enlarged.

    Parameters
    ----------
    shape : tuple of int
        Canonical shape of one sample.
    image_size : int or None
        Length of the shorter side afterwards, in pixels; None leaves samples as they are.

    Returns
    -------
    tuple of int
        ``(C, H, W)`` with the ratio of the sides kept, ``(d,)`` as given.
    """
    if image_size is None or len(shape) == 1 or int(image_size) >= min(shape[1:]):
        return shape
    channels, *sides = shape
    return (channels, *(round(side * int(image_size) / min(sides)) for side in sides))


def resize(batch: Tensor, shape: tuple[int, ...]) -> Tensor:
    """
    Make the images of a batch smaller, each new pixel the weighted mean of those it covers.

    Parameters
    ----------
    batch : Tensor of shape (b, C, H, W) or (b, d), dtype float32
        Samples.
    shape : tuple of int
        Shape of a sample that is wanted, as `resized_shape` returns it.

    Returns
    -------
    Tensor of shape (b, *shape), dtype float32
        Smaller images; the batch itself where it has that shape already.
    """
    if batch.shape[1:] == shape:
        return batch
    return functional.interpolate(batch, shape[1:], mode="bilinear", antialias=True)
