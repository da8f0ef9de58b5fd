"""Running a frozen network over images, the next batch being read meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from skdeepcluster._text import printable
from skdeepcluster.data.reading_ahead import copy_to, read_ahead, ready_to_copy
from skdeepcluster.data.samples import Samples
from skdeepcluster.features.preprocessing import Preprocessing
from skdeepcluster.training.device import autocast
from skdeepcluster.training.inference import is_out_of_memory

CACHED_VALUES = 2**20


def extract(
    module: nn.Module,
    samples: Samples,
    preprocessing: Preprocessing,
    value_range: tuple[float, float],
    batch_size: int,
    device: torch.device,
    dtype: torch.dtype | None,
) -> Iterator[np.ndarray]:
    """
    Compute features batch by batch.

    Parameters
    ----------
    module : nn.Module
        The network, in evaluation mode, on the device.
    samples : Samples
        Images with as many channels as the network takes, or one.
    preprocessing : Preprocessing
        What it expects.
    value_range : tuple of float
        The values of black and white.
    batch_size : int
        Number of images at a time.
    device : torch.device
        Where the network is.
    dtype : torch.dtype or None
        Its precision; None for float32.

    Yields
    ------
    ndarray of shape (b, d), dtype float32
        Features of a batch, in order.

    Raises
    ------
    ValueError
        If the network cannot take the images, gives no vectors or maps, or no finite ones.
    """
    span = value_range if samples.is_uint8 else (0.0, 1.0)
    (gain, bias), start = preprocessing.maps(span, device), 0
    for chunk in _batches(samples, value_range, batch_size, device):
        with torch.inference_mode():
            parts = copy_to(chunk, device).split(_n_at_once(chunk, device))
            resized = (preprocessing.resized(part.float(), span) for part in parts)
            # Which repeats grey to all channels.
            batch = torch.cat([torch.addcmul(bias, part, gain) for part in resized])
            batch = batch.contiguous(memory_format=torch.channels_last)
            features = embed(module, batch, dtype)
        if not bool(features.isfinite().all()):
            row = start + int((~features.isfinite()).any(1).int().argmax())
            raise ValueError(
                f"The network gives NaN or infinity for sample {row}. With a lower precision, "
                "precision='float32' may help; otherwise its weights are at fault."
            )
        yield features.cpu().numpy()
        start += len(batch)


def embed(module: nn.Module, batch: Tensor, dtype: torch.dtype | None) -> Tensor:
    """
    Run a network on a batch.

    Parameters
    ----------
    module : nn.Module
        The network, in evaluation mode, on the batch's device.
    batch : Tensor of shape (b, C, H, W), dtype float32
        Standardised images.
    dtype : torch.dtype or None
        Precision of the network; None for float32.

    Returns
    -------
    Tensor of shape (b, d), dtype float32
        Its output; of maps, the mean over space.

    Raises
    ------
    ValueError
        If the network refuses images of that shape, or gives neither vectors nor maps.
    """
    shape = tuple(batch.shape[1:])
    try:
        with torch.inference_mode(), autocast(batch.device, dtype):
            output = module(batch)
    except (RuntimeError, ValueError, AssertionError) as error:  # timm and torchvision assert
        if is_out_of_memory(error):
            raise
        reason = printable(str(error))
        raise ValueError(f"The network cannot take images of shape {shape}: {reason}") from error
    if not isinstance(output, Tensor) or output.ndim not in (2, 4) or len(output) != len(batch):
        got = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise ValueError(
            "network must map images (b, C, H, W) to vectors (b, d) or maps (b, d, h, w); of "
            f"{len(batch)} images of shape {shape} it made {got}."
        )
    output = output.float()
    return output.mean((2, 3)) if output.ndim == 4 else output


def _n_at_once(chunk: Tensor, device: torch.device) -> int:
    """Choose how many images to prepare at once: on a CPU, as many as stay in its cache."""
    return max(1, CACHED_VALUES // chunk[0].numel()) if device.type == "cpu" else len(chunk)


def _batches(
    samples: Samples, value_range: tuple[float, float], batch_size: int, device: torch.device
) -> Iterator[Tensor]:
    """Read batches as bytes, other dtypes as float32 in [0, 1]; the next one is read meanwhile."""
    low, high = value_range

    def read(start: int) -> Tensor:
        chunk = samples.batch(start, min(start + batch_size, len(samples)))
        if not samples.is_uint8:
            chunk = ((chunk - low) / (high - low)).float()
        return ready_to_copy(chunk, device)

    return read_ahead(read, range(0, len(samples), batch_size))
