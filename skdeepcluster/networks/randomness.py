"""Randomness of torch's own layers, from local generators instead of the global streams."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_GLOBAL_STREAMS = threading.RLock()  # a trunk may be built by a function that fits a model


@contextmanager
def global_streams(*generators: torch.Generator) -> Iterator[None]:
    """
    Let what draws from torch's global streams draw from local generators, and put those back.

    Torch's layers draw their weights, and dropout its masks, from streams that all threads share:
    the threads that are in such a block take turns.

    Parameters
    ----------
    *generators : torch.Generator
        At most one per device; without any, nothing happens.

    Yields
    ------
    None
        In the block the global streams go on from the generators, which move on with them.
    """
    if not generators:
        yield
        return
    with _GLOBAL_STREAMS:
        streams = [_global_stream(generator.device) for generator in generators]
        before = [stream.get_state() for stream in streams]
        for stream, generator in zip(streams, generators, strict=True):
            stream.set_state(generator.get_state())
        try:
            yield
        finally:
            for stream, generator, state in zip(streams, generators, before, strict=True):
                generator.set_state(stream.get_state())
                stream.set_state(state)


def _global_stream(device: torch.device) -> torch.Generator:
    if device.type == "cuda":
        torch.cuda.init()  # without it there are no default generators yet
        return torch.cuda.default_generators[torch.cuda._utils._get_device_index(device, True)]
    if device.type == "mps":
        return torch.mps._get_default_mps_generator()
    return torch.default_generator
