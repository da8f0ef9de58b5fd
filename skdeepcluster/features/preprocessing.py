"""From the caller's images to what a pretrained network was trained on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skdeepcluster.data.samples import Samples

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
ROUNDING = 1e-6  # of the range, by which floats may leave it
RANGE_OF_DTYPE = {"bool": (0.0, 1.0), "uint8": (0.0, 255.0), "uint16": (0.0, 65535.0)}


@dataclass(frozen=True)
class Preprocessing:
    """
    What a network expects of its images.

    Parameters
    ----------
    mean, std : tuple of float, one per channel
        By which images in [0, 1] are standardised.
    resize : int or None, default=None
        Length in pixels that the shorter side is brought to; None leaves images as they are.
    crop : int or None, default=None
        Side of the square that is then cut out of the middle.
    interpolation : {"bilinear", "bicubic"}, default="bilinear"
        Between pixels.
    """

    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    resize: int | None = None
    crop: int | None = None
    interpolation: str = "bilinear"

    @property
    def n_channels(self) -> int:
        """Number of channels that the network takes."""
        return len(self.mean)

    def adapted(
        self, image_size: int | None, mean: Sequence[float] | None, std: Sequence[float] | None
    ) -> Preprocessing:
        """
        Put the caller's choices in the place of the network's.

        Parameters
        ----------
        image_size : int or None
            Side of the square that the network sees.
        mean, std : sequence of float or None
            As in the class.

        Returns
        -------
        Preprocessing
            The same where all are None.

        Raises
        ------
        ValueError
            If the numbers are not finite, do not fit together, or `std` is not positive.
        """
        own = self
        if image_size is not None:
            own = replace(own, resize=int(image_size), crop=int(image_size))
        means = own.mean if mean is None else _numbers("mean", mean)
        spreads = own.std if std is None else _numbers("std", std)
        if len(means) != len(spreads):
            raise ValueError(
                f"mean and std must have one number per channel each; got {len(means)} and "
                f"{len(spreads)}: {means} and {spreads}."
            )
        if min(spreads) <= 0:
            raise ValueError(f"std must be positive; got {spreads}.")
        return replace(own, mean=means, std=spreads)

    def input_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """
        Compute the shape in which an image reaches the network.

        Parameters
        ----------
        shape : tuple of int
            Canonical shape of an image, (C, H, W).

        Returns
        -------
        tuple of int
            The shape (C, H, W) there.
        """
        sides = shape[1:] if self.crop is None else (self.crop, self.crop)
        return (self.n_channels, *sides)

    def largest(self, shape: tuple[int, ...]) -> int:
        """
        Compute how many values an image has at most on its way to the network.

        Parameters
        ----------
        shape : tuple of int
            Canonical shape of an image, (C, H, W).

        Returns
        -------
        int
            Their number.
        """
        growth = 1.0 if self.resize is None else max(1.0, self.resize / min(shape[1:]))
        return math.ceil(max(shape[0], self.n_channels) * math.prod(shape[1:]) * growth**2)

    def maps(self, value_range: tuple[float, float], device: torch.device) -> tuple[Tensor, Tensor]:
        """
        Express standardisation as one multiply-add.

        Parameters
        ----------
        value_range : tuple of float
            The values of black and white.
        device : torch.device
            Where images are.

        Returns
        -------
        tuple of two Tensors of shape (C, 1, 1), dtype float32
            Gain and bias: images times the one, plus the other, are what the network sees.
        """
        low, high = value_range
        mean, std = np.array(self.mean), np.array(self.std)
        gain = 1 / ((high - low) * std)
        numbers = np.array([gain, -low * gain - mean / std])
        gains, biases = torch.tensor(numbers, dtype=torch.float32, device=device)
        return gains.view(-1, 1, 1), biases.view(-1, 1, 1)

    def resized(self, batch: Tensor, value_range: tuple[float, float]) -> Tensor:
        """
        Bring images to size, each new pixel the weighted mean of those it covers.

        Parameters
        ----------
        batch : Tensor of shape (b, C, H, W), dtype float32
            Images.
        value_range : tuple of float
            The values of black and white.

        Returns
        -------
        Tensor of shape (b, C, crop, crop), dtype float32
            Images within the same range; the batch itself if they have their size already.
        """
        from torchvision.transforms import InterpolationMode, functional

        if self.resize is None or self.crop is None:
            return batch
        if self.resize != min(batch.shape[-2:]):
            how = InterpolationMode(self.interpolation)
            batch = functional.resize(batch, [self.resize], interpolation=how, antialias=True)
            if self.interpolation == "bicubic":  # which may leave the range
                batch = batch.clamp(*value_range)
        return functional.center_crop(batch, [self.crop])


def resolve_value_range(samples: Samples, value_range: Any) -> tuple[float, float]:
    """
    Find which values mean black and white, and hold the samples against it.

    Parameters
    ----------
    samples : Samples
        The images.
    value_range : "auto" or sequence of 2 floats
        ``"auto"`` is the range of the dtype for bool, uint8 and uint16, and [0, 1] for floats.

    Returns
    -------
    tuple of 2 floats
        The lowest and the highest value.

    Raises
    ------
    ValueError
        If the range is none, cannot be known from the dtype, or is left by a value.
    """
    dtype = samples.array.dtype
    name = str(dtype).removeprefix("torch.") if isinstance(dtype, torch.dtype) else dtype.name
    if not isinstance(value_range, str):
        low, high = _checked_range(value_range)
    elif name in RANGE_OF_DTYPE:
        return RANGE_OF_DTYPE[name]
    elif "float" in name:
        low, high = 0.0, 1.0
    else:
        raise ValueError(
            "value_range='auto' is for bool, uint8, uint16 and floats in [0, 1]; X has dtype "
            f"{name}. Give the values of black and white, such as value_range=(0, 255)."
        )
    _check_within(samples, low, high)
    return low, high


def _check_within(samples: Samples, low: float, high: float) -> None:
    for start, chunk in samples.chunks():
        slack = ROUNDING * (high - low) if chunk.is_floating_point() else 0.0
        bottom, top = low - slack, high + slack
        least, most = chunk.aminmax()
        if float(least) < bottom or float(most) > top:
            row = int(((chunk < bottom) | (chunk > top)).flatten(1).any(1).int().argmax())
            raise ValueError(
                f"X must lie in [{low:g}, {high:g}]; sample {start + row} holds values from "
                f"{float(chunk[row].min()):g} to {float(chunk[row].max()):g}. For images on "
                "another scale give the values of black and white, such as value_range=(0, 255)."
            )


def _checked_range(value_range: Any) -> tuple[float, float]:
    numbers = _numbers("value_range", value_range)
    if len(numbers) != 2 or not numbers[0] < numbers[1]:
        raise ValueError(
            f"value_range must be 'auto' or two numbers, low < high; got {value_range!r}."
        )
    return numbers[0], numbers[1]


def _numbers(name: str, values: Any) -> tuple[float, ...]:
    try:
        numbers = tuple(float(value) for value in values)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be a sequence of numbers; got {values!r}.") from error
    if not numbers or not all(map(math.isfinite, numbers)):
        raise ValueError(f"{name} must be a sequence of finite numbers; got {values!r}.")
    return numbers
