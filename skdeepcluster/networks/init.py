"""Weights drawn from a local generator, never from torch's global one."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

__all__ = ["built_by_user", "materialise"]

_GLOBAL_STREAM = threading.Lock()


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


def built_by_user(build: Callable[[], nn.Module], generator: torch.Generator) -> nn.Module:
    """
    Call a user's factory so that its weights come from `generator`.

    Torch's layers draw their weights from the global CPU stream when they are created; that stream
    is set from `generator` for the duration of the call and restored after it.

    Parameters
    ----------
    build : callable
        The user's factory.
    generator : torch.Generator
        Source of the weights.

    Returns
    -------
    nn.Module
        What the factory returned.
    """
    # Locked, as all threads share the stream: a fit in another one would draw from it, too.
    with _GLOBAL_STREAM, torch.random.fork_rng(devices=[]):
        torch.set_rng_state(generator.get_state())
        module = build()
        generator.set_state(torch.get_rng_state())
    return module
