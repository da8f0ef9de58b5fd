"""From a picture of any size to an array of the size that was asked for."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

Array = NDArray[Any]

# By the number that EXIF gives an orientation.
TURNS: dict[int, Callable[[Array], Array]] = {
    1: lambda x: x,
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.swapaxes(0, 1),
    6: lambda x: np.rot90(x, -1),
    7: lambda x: np.rot90(x, 2).swapaxes(0, 1),
    8: lambda x: np.rot90(x),
}
SIDEWAYS = (5, 6, 7, 8)
GREY_WEIGHTS = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # as Pillow has them


@dataclass(frozen=True)
class Options:
    """
    What decides the values of the images.

    Parameters
    ----------
    height, width : int
        Of all images, in pixels.
    resize : {"pad", "crop", "squash"}
        How a picture of another shape gets there.
    color : {"auto", "gray", "rgb"}
        Whether images are grey or in colour.
    dtype : {"auto", "uint8", "float32"}
        Type of the values.
    """

    height: int
    width: int
    resize: str
    color: str
    dtype: str

    def plan(self, size: tuple[float, float], turn: int = 1) -> Plan:
        """
        Say which part of a picture is brought to which size.

        Parameters
        ----------
        size : tuple of two float
            Width and height of the picture as it is stored.
        turn : int, default=1
            Its orientation.

        Returns
        -------
        Plan
            In the axes of the stored picture.
        """
        wanted = (self.width, self.height)
        if turn in SIDEWAYS:
            wanted = (self.height, self.width)
        scales = [to / of for to, of in zip(wanted, size, strict=True)]
        if self.resize == "pad":
            scale = min(scales)
            new = [max(1, min(to, round(of * scale))) for to, of in zip(wanted, size, strict=True)]
            return Plan((0.0, 0.0, *size), (new[0], new[1]))
        if self.resize == "squash":
            return Plan((0.0, 0.0, *size), wanted)
        cut = [min(of, to / max(scales)) for to, of in zip(wanted, size, strict=True)]
        left, top = ((of - part) / 2 for part, of in zip(cut, size, strict=True))
        return Plan((left, top, left + cut[0], top + cut[1]), wanted)


@dataclass(frozen=True)
class Plan:
    """
    A part of a picture, and the size that it gets.

    Parameters
    ----------
    box : tuple of four float
        Left, upper, right and lower edge of the part, in pixels.
    size : tuple of two int
        Width and height that it gets.
    """

    box: tuple[float, float, float, float]
    size: tuple[int, int]

    def least_size(self, size: tuple[float, float]) -> tuple[int, int]:
        """
        Return the least size of the whole picture at which nothing is enlarged.

        Parameters
        ----------
        size : tuple of two float
            Its width and height.

        Returns
        -------
        tuple of two int
            Width and height.
        """
        left, top, right, bottom = self.box
        width = math.ceil(size[0] * self.size[0] / (right - left))
        return width, math.ceil(size[1] * self.size[1] / (bottom - top))


@dataclass(frozen=True)
class Picture:
    """
    A decoded picture.

    Parameters
    ----------
    bands : list of Image
        One image in grey (mode L) or colour (RGB), or one for each channel (modes L or F).
    kind : {"bytes", "share", "unit", "float"}
        What the values are: of 8 bits; shares of an integer's range; floats in [0, 1]; others.
    turn : int
        Its orientation by the numbers of EXIF.
    size : tuple of two float or None, default=None
        Width and height, if they end within the last pixels of the bands.
    """

    bands: list[Image]
    kind: str
    turn: int
    size: tuple[float, float] | None = None

    def fitted(self, options: Options) -> Array:
        """
        Bring the picture to the size that was asked for, upright.

        Parameters
        ----------
        options : Options
            What was asked for.

        Returns
        -------
        ndarray of shape (height, width) or (height, width, channels), dtype uint8 or float32
            The image.
        """
        plan = options.plan(self.size or self.bands[0].size, self.turn)
        parts = [_resized(band, plan) for band in self.bands]
        image = TURNS[self.turn](parts[0] if len(parts) == 1 else np.stack(parts, axis=-1))
        if self.kind == "share":
            image = image.clip(0, 1)  # against rounding
        return _padded(image, options)


def _resized(band: Image, plan: Plan) -> Array:
    from PIL.Image import Resampling

    # No overshoot beside edges, unlike cubic filters. The gap leaves the rest of a large
    # reduction to whole pixels, which is faster and differs by less than a grey level.
    return np.asarray(band.resize(plan.size, Resampling.BILINEAR, box=plan.box, reducing_gap=3.0))


def _padded(image: Array, options: Options) -> Array:
    missing = options.height - image.shape[0], options.width - image.shape[1]
    if missing == (0, 0):
        return image
    margins = [(lack // 2, lack - lack // 2) for lack in missing]
    return np.pad(image, [*margins, *[(0, 0)] * (image.ndim - 2)], mode="edge")


def to_grey(image: Array) -> Array:
    """
    Weight the colours of an image as Pillow does.

    Parameters
    ----------
    image : ndarray of shape (height, width, 3)
        In colour.

    Returns
    -------
    ndarray of shape (height, width)
        In grey, of the same dtype.
    """
    grey = image @ GREY_WEIGHTS
    return grey if image.dtype == np.float32 else np.round(grey).astype(image.dtype)
