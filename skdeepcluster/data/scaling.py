"""Scaling of samples: to [0, 1] for augmentation, then to unit spread for the network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from skdeepcluster.data.reading_ahead import copy_to
from skdeepcluster.data.samples import Samples

Statistics = tuple[Sequence[float], Sequence[float]]

SMALLEST_SPREAD = 1e-30  # its reciprocal is still finite in float32
ENOUGH = 2**17  # samples, which tell a mean to 0.3 % of the spread
FARTHEST = 1e6  # in spreads from the mean; of n values none is farther than sqrt(n)
FAR, RARE = 6.0, 1e-4  # spreads from the mean, and the share of values, of dead and hot pixels
DIMMEST = 1 / 32  # of the largest spread of a channel: what is less would be noise made large


@dataclass(frozen=True)
class Scaling:
    """
    Maps learnt from the training samples.

    Images are mapped to [0, 1] by the smallest and largest value of the training images, less those
    of a few odd pixels, then standardised by each channel's mean and spread, or else as a network
    elsewhere was trained.
    Vectors are centred and divided by one number, the root mean square of the features' spreads,
    which preserves the ratios of distances; where `equal_length` says so, they are then brought to
    one length. They need no second map. Every dtype that holds the same numbers gives bit-equal
    results.

    Parameters
    ----------
    offset : ndarray of shape (1,) or (d,), dtype float64
        Subtracted first, at full precision: smallest value of all images, or of each feature.
    factor : ndarray of shape (1,), dtype float32
        Multiplied second: one over the range of the images, or over the spread of the vectors.
    shift : ndarray of shape (1,) or (d,), dtype float32
        Subtracted third: zero for images, each feature's scaled mean for vectors.
    mean, spread : ndarray of shape (C,) or (1,), dtype float32
        Mean and standard deviation of each channel after the steps above.
    equal_length : ndarray of shape (1,), dtype bool
        Whether vectors, once they are centred, are brought to the length sqrt(d).
    """

    offset: np.ndarray
    factor: np.ndarray
    shift: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    equal_length: np.ndarray = field(default_factory=lambda: np.array([False]))

    @classmethod
    def learn(cls, samples: Samples, trained_with: Statistics | None = None) -> Scaling:
        """
        Learn the maps from samples, in one pass.

        Of 262,144 samples or more only some are read, in pieces at equal distances.

        Parameters
        ----------
        samples : Samples
            The training samples.
        trained_with : tuple of two sequences of float or None, default=None
            Mean and standard deviation, by channel, of the images in [0, 1] that a network was
            trained with. They take the place of those of the samples, and the range of the type
            that of the values, if it is known: bytes, or floats in [0, 1].

        Returns
        -------
        Scaling
            The learnt maps.
        """
        low, high, mean, spread = _moments(samples)
        if samples.layout.is_image:
            low, high = _without_odd_pixels(samples, low, high, mean, spread)
            offset, top = low.min(keepdims=True), high.max(keepdims=True)
            if trained_with is not None:
                offset, top = _range_of_type(samples, offset, top)
            factor = _inverse(top - offset)
            mean, spread = (mean - offset) * factor, _of_note(spread) * factor
            if trained_with is not None:
                mean, spread = (_by_channel(values, len(mean)) for values in trained_with)
            return cls(offset, _f32(factor), _f32([0.0]), _f32(mean), _f32(_nonzero(spread)))
        factor = _inverse(np.sqrt(np.mean(spread**2, keepdims=True)))
        shift = (mean - low) * factor
        return cls(low, _f32(factor), _f32(shift), _f32([0.0]), _f32([1.0]))

    def to_device(self, chunk: Tensor, device: torch.device) -> Tensor:
        """
        Bring a chunk of canonical samples to a device, in the smallest form possible.

        Parameters
        ----------
        chunk : Tensor of shape (b, *shape)
            Samples as `Samples.batch` returns them.
        device : torch.device
            Where to.

        Returns
        -------
        Tensor of shape (b, *shape)
            uint8 as given; otherwise float32 with the offset already subtracted.
        """
        if chunk.dtype != torch.uint8:
            # In float64, as float32 would lose the differences of values far from 0.
            offset = torch.tensor(self.offset, dtype=torch.float64, device=chunk.device)
            chunk = (chunk.double() - _per_channel(offset, chunk)).float()
        return copy_to(chunk, device)

    def with_lengths(self) -> Scaling:
        """
        Leave vectors the lengths that they have.

        Returns
        -------
        Scaling
            Otherwise the same.
        """
        return replace(self, equal_length=np.array([False]))

    def original(self, batch: Tensor) -> Tensor:
        """
        Bring samples from the unit range back to the caller's.

        Parameters
        ----------
        batch : Tensor of shape (b, *shape), dtype float32
            Samples as `DeviceScaling.unit` returns them.

        Returns
        -------
        Tensor of shape (b, *shape), dtype float64
            In the range of the training samples.
        """
        maps = (torch.tensor(v).double() for v in (self.shift, self.factor, self.offset))
        shift, factor, offset = (_per_channel(values, batch) for values in maps)
        return (batch.double() + shift) / factor + offset

    def on(self, device: torch.device) -> DeviceScaling:
        """
        Bring the maps to a device once, so that no batch has to wait for them.

        Parameters
        ----------
        device : torch.device
            Where batches are scaled.

        Returns
        -------
        DeviceScaling
            The maps.
        """
        # Standardisation as one multiply-add per batch: x * gain + bias.
        gain = 1 / self.spread
        values = (self.offset, self.factor, self.shift, gain, -self.mean * gain)
        offset, factor, shift, gain_there, bias = (
            torch.tensor(v, dtype=torch.float32, device=device) for v in values
        )
        return DeviceScaling(offset, factor, shift, gain_there, bias, bool(self.equal_length))


@dataclass(frozen=True)
class DeviceScaling:
    """
    The maps of a `Scaling` on a device.

    Parameters
    ----------
    offset, factor, shift : Tensor of shape (1,) or, for vectors, (d,), (1,) and (d,)
        As in `Scaling`.
    gain, bias : Tensor of shape (C,) or (1,)
        Standardise the channels of images in the unit range.
    equal_length : bool
        As in `Scaling`.
    """

    offset: Tensor
    factor: Tensor
    shift: Tensor
    gain: Tensor
    bias: Tensor
    equal_length: bool

    def unit(self, batch: Tensor) -> Tensor:
        """
        Map a batch on the device to the range that augmentation expects.

        Parameters
        ----------
        batch : Tensor of shape (b, *shape)
            Samples as `Scaling.to_device` returns them.

        Returns
        -------
        Tensor of shape (b, *shape), dtype float32
            Images in [0, 1] (new ones may exceed it); vectors whose spread is 1 on average.
        """
        # Bytes are exact in float32, so their offset can wait until they are on the device.
        if batch.dtype == torch.uint8:
            batch = batch.float() - _per_channel(self.offset, batch)
        batch = batch * _per_channel(self.factor, batch)
        if batch.ndim == 4:
            return batch
        return self.directions(batch - self.shift)

    def directions(self, batch: Tensor) -> Tensor:
        """
        Bring vectors to equal length, if that was learnt.

        Parameters
        ----------
        batch : Tensor of shape (b, *shape), dtype float32
            Images, which stay as they are, or centred and scaled vectors.

        Returns
        -------
        Tensor of shape (b, *shape), dtype float32
            The same, or directions.
        """
        # Without the bound, squares of values far off would be infinite.
        return to_equal_length(batch.clamp(-FARTHEST, FARTHEST)) if self.equal_length else batch

    def standardise(self, batch: Tensor) -> Tensor:
        """
        Give each channel of the training images zero mean and unit spread.

        Parameters
        ----------
        batch : Tensor of shape (b, *shape), dtype float32
            Samples as `unit` returns them, augmented or not.

        Returns
        -------
        Tensor of shape (b, *shape), dtype float32
            The network's input, at most a million spreads from the mean, so that new samples do
            not overflow.
        """
        if batch.ndim != 4:
            return batch.clamp(-FARTHEST, FARTHEST)
        gain, bias = (_per_channel(values, batch) for values in (self.gain, self.bias))
        return torch.addcmul(bias, batch, gain).clamp_(-FARTHEST, FARTHEST)


def to_equal_length(rows: Tensor) -> Tensor:
    """
    Bring vectors to the length sqrt(d), so that the root mean square of their values is 1.

    Parameters
    ----------
    rows : Tensor of shape (n, d), dtype float32
        Vectors; those of length 0 stay what they are.

    Returns
    -------
    Tensor of shape (n, d), dtype float32
        Their directions.
    """
    return functional.normalize(rows, dim=1) * rows.shape[1] ** 0.5


def _per_channel(values: Tensor, batch: Tensor) -> Tensor:
    return values.view(-1, 1, 1) if batch.ndim == 4 else values


def _f32(values: np.ndarray | list[float]) -> np.ndarray:
    return np.asarray(values, dtype=np.float32)


def _of_note(spread: np.ndarray) -> np.ndarray:
    """Take channels that hardly vary beside the others, such as an alpha channel, for constant."""
    return np.where(spread < DIMMEST * spread.max(), 0.0, spread)


def _nonzero(spread: np.ndarray) -> np.ndarray:
    return np.where(spread > SMALLEST_SPREAD, spread, 1.0)


def _inverse(spread: np.ndarray) -> np.ndarray:
    return 1.0 / _nonzero(spread)


def _range_of_type(
    samples: Samples, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the range that networks elsewhere are trained with, or else that of the values."""
    if samples.is_uint8 and high > 1:  # and no booleans
        return np.zeros(1), np.full(1, 255.0)
    return (np.zeros(1), np.ones(1)) if low >= 0 and high <= 1 else (low, high)


def _by_channel(values: Sequence[float], n_channels: int) -> np.ndarray:
    """Return a number for each channel; for other channels than they are of, their mean."""
    found = np.asarray(values, dtype=np.float64)
    return found if len(found) == n_channels else np.full(n_channels, found.mean())


def _without_odd_pixels(
    samples: Samples, low: np.ndarray, high: np.ndarray, mean: np.ndarray, spread: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the range of each channel without values that are both rare and far from the mean."""
    bottom, top = mean - FAR * spread, mean + FAR * spread
    if (low >= bottom).all() and (high <= top).all():
        return low, high
    limits = [torch.from_numpy(limit)[:, None, None] for limit in (bottom, top)]
    least, most, odd, count = high.copy(), low.copy(), np.zeros((2, len(low))), 0
    for _, chunk in samples.chunks(max(1, len(samples) // ENOUGH)):
        values = chunk.double()
        below, above = values < limits[0].to(values), values > limits[1].to(values)
        odd += [far.sum((0, 2, 3)).cpu().numpy() for far in (below, above)]
        count += values.numel() // len(low)
        rest = values.masked_fill(below, torch.inf), values.masked_fill(above, -torch.inf)
        least = np.minimum(least, rest[0].amin((0, 2, 3)).cpu().numpy())
        most = np.maximum(most, rest[1].amax((0, 2, 3)).cpu().numpy())
    rare = odd < RARE * count
    return np.where(rare[0], least, low), np.where(rare[1], most, high)


def _moments(samples: Samples) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the minimum, maximum, mean and standard deviation of each channel or feature."""
    axes = (0, 2, 3) if samples.layout.is_image else (0,)
    low = np.full(samples.shape[0], np.inf)
    high, mean, squares = -low, np.zeros_like(low), np.zeros_like(low)
    count = 0
    for _, chunk in samples.chunks(max(1, len(samples) // ENOUGH)):
        values = chunk.double()
        size = math.prod(values.shape[axis] for axis in axes)
        own_mean = values.mean(axes, keepdim=True)
        low = np.minimum(low, values.amin(axes).cpu().numpy())
        high = np.maximum(high, values.amax(axes).cpu().numpy())
        delta = own_mean.flatten().cpu().numpy() - mean
        # Chan et al.'s update for chunks; the mean square minus the squared mean would cancel.
        squares += (values - own_mean).square_().sum(axes).cpu().numpy()
        squares += delta**2 * (count * size / (count + size))
        mean, count = mean + delta * (size / (count + size)), count + size
    # Constant values have a spread of exactly 0, and a mean within their range, despite rounding.
    spread = np.where(high > low, np.sqrt(squares / count), 0.0)
    return low, high, np.clip(mean, low, high), spread
