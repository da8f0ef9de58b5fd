"""Weights drawn from a local generator, never from torch's global one."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

_GLOBAL_STREAMS = threading.Lock()


class _NoRandomFill(TorchFunctionMode):
    """Keep layers from drawing weights from the global random stream when they are created."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        drawing = func in (torch.Tensor.uniform_, torch.Tensor.normal_)
        if drawing or getattr(func, "__module__", None) == nn.init.__name__:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


def materialise(build: Callable[[], nn.Module], generator: torch.Generator) -> nn.Module:
    """
    Build a module without weights, then draw its weights on the CPU.

    Weights of convolutions follow He et al.'s rule (normal, fan out), those of linear layers are
    uniform in +-1/sqrt(fan in); normalisation layers start as the identity.

    Parameters
    ----------
    build : callable
        Creates the module from convolutional, linear and batch-normalisation layers.
    generator : torch.Generator
        Source of the weights, on the CPU.

    Returns
    -------
    nn.Module
        The module, on the CPU.
    """
    with _NoRandomFill():
        module = build()
    with torch.no_grad():
        for part in module.modules():
            _initialise(part, generator)
    return module


def _initialise(part: nn.Module, generator: torch.Generator) -> None:
    if isinstance(part, nn.Conv2d):
        nn.init.kaiming_normal_(
            part.weight, mode="fan_out", nonlinearity="relu", generator=generator
        )
        if part.bias is not None:
            part.bias.zero_()
    elif isinstance(part, nn.Linear):
        bound = 1 / math.sqrt(part.in_features)
        part.weight.uniform_(-bound, bound, generator=generator)
        if part.bias is not None:
            part.bias.uniform_(-bound, bound, generator=generator)
    elif isinstance(part, (nn.BatchNorm1d, nn.BatchNorm2d)):
        part.reset_parameters()


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
