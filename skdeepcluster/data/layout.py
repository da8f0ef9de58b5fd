"""Which axes of an array hold the samples, channels, rows and columns."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

CHANNEL_COUNTS = (1, 3, 4)


@dataclass(frozen=True)
class Layout:
    """
    Description of how one sample is stored, and of the canonical shape it is read as.

    Parameters
    ----------
    stored : tuple of int
        Shape of one sample as given by the caller.
    shape : tuple of int
        Canonical shape: ``(C, H, W)`` for images, ``(d,)`` for vectors.
    channels_last : bool
        Whether the stored (or flattened) sample has its channels last.
    """

    stored: tuple[int, ...]
    shape: tuple[int, ...]
    channels_last: bool = False

    @property
    def n_features(self) -> int:
        """Number of values in one sample."""
        return math.prod(self.shape)

    @property
    def is_image(self) -> bool:
        """Whether samples are images rather than vectors."""
        return len(self.shape) == 3

    def canonical(self, chunk: Tensor) -> Tensor:
        """
        Bring stored samples into the canonical order of axes.

        Parameters
        ----------
        chunk : Tensor of shape (b, *stored)
            Samples as stored by the caller.

        Returns
        -------
        Tensor of shape (b, *shape)
            A view if possible; not necessarily contiguous.
        """
        if not self.is_image:
            return chunk
        channels, height, width = self.shape
        if self.channels_last:
            return chunk.reshape(-1, height, width, channels).movedim(-1, 1)
        return chunk.reshape(-1, channels, height, width)

    def as_stored(self, batch: np.ndarray) -> np.ndarray:
        """
        Bring canonical samples into the order of axes and the shape that the caller stores.

        Parameters
        ----------
        batch : ndarray of shape (b, *shape)
            Samples in the canonical order of axes.

        Returns
        -------
        ndarray of shape (b, *stored)
            The same samples.
        """
        if self.channels_last:
            batch = np.moveaxis(batch, 1, -1)
        return batch.reshape(len(batch), *self.stored)


def infer_layout(
    stored: tuple[int, ...],
    image_shape: Sequence[int] | None = None,
    channel_axis: str = "auto",
) -> Layout:
    """
    Decide what the axes of one sample mean.

    Parameters
    ----------
    stored : tuple of int
        Shape of one sample: ``X.shape[1:]``, with one to three entries.
    image_shape : sequence of int or None, default=None
        Shape of one image, if rows are flattened images: ``(H, W)``, ``(H, W, C)`` or
        ``(C, H, W)``.
    channel_axis : {"auto", "first", "last"}, default="auto"
        Where the channels are in a shape of three entries. ``"auto"`` takes the end whose length
        is 1, 3 or 4, and refuses to guess if that holds for both ends or for neither.

    Returns
    -------
    Layout
        The meaning of the axes.

    Raises
    ------
    ValueError
        If the shape is ambiguous, or `image_shape` does not fit the samples.
    """
    if image_shape is None:
        return _layout_of(stored, stored, channel_axis)
    image = _checked_image_shape(image_shape)
    if len(stored) == 1:
        if math.prod(image) != stored[0]:
            raise ValueError(
                f"image_shape must multiply to the number of features of X: {image} gives "
                f"{math.prod(image)}, X has {stored[0]} features."
            )
    elif stored != image:
        raise ValueError(
            f"image_shape must equal the shape of the images in X: got {image}, "
            f"X holds images of shape {stored}."
        )
    return _layout_of(stored, image, channel_axis)


def _layout_of(stored: tuple[int, ...], image: tuple[int, ...], channel_axis: str) -> Layout:
    if len(image) == 1:
        return Layout(stored, image)
    if len(image) == 2:
        return Layout(stored, (1, *image))
    if _channels_are_last(image, channel_axis):
        return Layout(stored, (image[2], image[0], image[1]), channels_last=True)
    return Layout(stored, image)


def _channels_are_last(image: tuple[int, ...], channel_axis: str) -> bool:
    if channel_axis != "auto":
        return channel_axis == "last"
    first, last = image[0] in CHANNEL_COUNTS, image[2] in CHANNEL_COUNTS
    if first == last:
        found = "both ends could be" if first else "neither end looks like"
        raise ValueError(
            f"channel_axis='auto' cannot tell where the channels stand in images of shape {image}: "
            f"{found} a channel axis of length 1, 3 or 4. Set channel_axis='last' for "
            f"(n, H, W, C) or channel_axis='first' for (n, C, H, W)."
        )
    return last


def _checked_image_shape(image_shape: Any) -> tuple[int, ...]:
    sides = _whole_numbers(image_shape)
    if len(sides) not in (2, 3) or min(sides) < 1:
        raise ValueError(
            "image_shape must be None or 2 or 3 positive integers, (H, W), (H, W, C) or "
            f"(C, H, W); got {image_shape!r}."
        )
    return sides


def _whole_numbers(values: Any) -> tuple[int, ...]:
    """Return the integers of a sequence, or none if it holds or is something else."""
    is_text = isinstance(values, (str, bytes, bytearray))
    if is_text or not isinstance(values, (Sequence, np.ndarray)):
        return ()
    try:
        # index takes NumPy's integers but no floats; True would pass for 1.
        found = [operator.index(value) for value in values if not isinstance(value, bool)]
    except TypeError:
        return ()
    return tuple(found) if len(found) == len(values) else ()
