"""Reading while something else is computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import TypeVar

import torch
from torch import Tensor

T = TypeVar("T")


def read_ahead(read: Callable[[T], Tensor], items: Sequence[T]) -> Iterator[Tensor]:
    """
    Read items one by one; while one is in use, a thread reads the next.

    Parameters
    ----------
    read : callable
        From an item to what is read of it.
    items : sequence
        What to read, in this order.

    Yields
    ------
    Tensor
        What was read of an item.
    """
    if not len(items):
        return
    # Streams are those of a thread: samples on a GPU are to be ready before they are read.
    used = torch.cuda.is_initialized()
    stream = torch.cuda.stream(torch.cuda.current_stream()) if used else nullcontext()

    def read_one(item: T) -> Tensor:
        with stream:
            return read(item)

    with ThreadPoolExecutor(1) as reader:
        waiting = reader.submit(read_one, items[0])
        for item in items[1:]:
            chunk, waiting = waiting.result(), reader.submit(read_one, item)
            yield chunk
        yield waiting.result()


def copy_to(chunk: Tensor, device: torch.device) -> Tensor:
    """
    Bring a chunk to a device.

    Parameters
    ----------
    chunk : Tensor
        What was read.
    device : torch.device
        Where it is wanted.

    Returns
    -------
    Tensor
        The chunk there. Only towards CUDA the CPU goes on meanwhile: a copy that is not waited for
        in the other direction would be read before it is there.
    """
    return chunk.to(device, non_blocking=device.type == "cuda")


def ready_to_copy(chunk: Tensor, device: torch.device) -> Tensor:
    """
    Put a chunk where a GPU can fetch it while the CPU goes on.

    Parameters
    ----------
    chunk : Tensor
        What was read.
    device : torch.device
        Where it is wanted.

    Returns
    -------
    Tensor
        The chunk; in pinned memory if it is on the CPU and `device` is CUDA.
    """
    return chunk.pin_memory() if device.type == "cuda" and chunk.device.type == "cpu" else chunk
