"""Embedding and assigning samples in batches, without training."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
from torch import Tensor

from skdeepcluster.data.samples import Samples
from skdeepcluster.data.scaling import DeviceScaling, Scaling
from skdeepcluster.data.source import ALL, StreamedSource
from skdeepcluster.networks.model import Model
from skdeepcluster.training.device import autocast

BATCH_VALUES = 2**20
LARGEST_BATCH = 512
# What says so in errors that have no class of their own: torch on the CPU, MPS, cuDNN and cuBLAS.
OUT_OF_MEMORY = ("can't allocate memory", "out of memory", "ALLOC_FAILED")


def batch_size_of(shape: Sequence[int]) -> int:
    """
    Choose how many samples go through the networks at a time.

    Parameters
    ----------
    shape : sequence of int
        Shape of one sample.

    Returns
    -------
    int
        At most 512, fewer where samples are large.
    """
    return max(1, min(LARGEST_BATCH, BATCH_VALUES // math.prod(shape)))


def infer_batches(
    model: Model,
    batches: Iterable[Tensor],
    scaling: DeviceScaling,
    dtype: torch.dtype | None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """
    Run a model over batches, halving them for as long as memory does not suffice.

    Parameters
    ----------
    model : Model
        In evaluation mode.
    batches : iterable of Tensor of shape (b, *shape)
        Samples in the unit range, on the model's device.
    scaling : Scaling
        Standardises them.
    dtype : torch.dtype or None
        Precision of the networks, None for float32.

    Yields
    ------
    embedding : Tensor of shape (b, d), dtype float32
        Unit-length embedding of a batch or a part of it, in order.
    logits : Tensor of shape (b, n_clusters), dtype float32
        Unnormalised log-probabilities of the clusters.
    """
    largest = sys.maxsize
    for batch in batches:
        start = 0
        while start < len(batch):
            part = batch[start : start + largest]
            try:
                with torch.no_grad(), autocast(batch.device, dtype):
                    embedding, logits = model(model.laid_out(scaling.standardise(part)))
            except (MemoryError, RuntimeError) as error:
                if len(part) == 1 or not is_out_of_memory(error):
                    raise
                largest = len(part) // 2
                continue
            yield embedding.float(), logits.float()
            start += len(part)


def is_out_of_memory(error: BaseException) -> bool:
    """
    Tell whether an error says that memory, of the host or the device, did not suffice.

    Parameters
    ----------
    error : BaseException
        What was raised.

    Returns
    -------
    bool
        The answer.
    """
    if isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in OUT_OF_MEMORY)


def infer_samples(
    model: Model,
    samples: Samples,
    scaling: Scaling,
    dtype: torch.dtype | None,
    look: Callable[[Tensor], None],
    image_size: int | None = None,
    part: slice = ALL,
) -> Iterator[tuple[Tensor, Tensor]]:
    """
    Embed and assign the caller's samples, a batch at a time.

    Parameters
    ----------
    model : Model
        In evaluation mode.
    samples : Samples
        The samples, wherever they are.
    scaling : Scaling
        Learnt at fit.
    dtype : torch.dtype or None
        Precision of the networks, None for float32.
    look : callable
        Called with each batch of scaled samples, before it is standardised.
    image_size : int or None, default=None
        Shorter side that images are reduced to; None leaves them as they are.
    part : slice, default=slice(None)
        Consecutive samples to embed.

    Returns
    -------
    iterator of two Tensors of shape (b, d) and (b, n_clusters), dtype float32
        What `infer_batches` yields, on the model's device.
    """

    def seen(batches: Iterable[Tensor]) -> Iterator[Tensor]:
        for batch in batches:
            look(batch)
            yield maps.directions(batch)

    device = next(model.parameters()).device
    maps = scaling.on(device)
    source = StreamedSource(samples, scaling.with_lengths(), device, image_size)
    batches = seen(source.in_order(batch_size_of(samples.shape), part))
    return infer_batches(model, batches, maps, dtype)


def gather(parts: Iterable[Tensor], n_samples: int, device: torch.device) -> Tensor:
    """
    Put batches of results one below the other, in memory taken once.

    Parameters
    ----------
    parts : iterable of Tensor of shape (b, ...)
        The results, in order; at least one.
    n_samples : int
        Their number, all batches together.
    device : torch.device
        Where the whole is wanted.

    Returns
    -------
    Tensor of shape (n_samples, ...)
        The whole.
    """
    whole, start = torch.empty(0), 0
    for part in parts:
        if start == 0:
            whole = part.new_empty((n_samples, *part.shape[1:]), device=device)
        whole[start : start + len(part)] = part
        start += len(part)
    return whole
