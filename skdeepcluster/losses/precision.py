"""Losses stay in float32 where the networks around them run in a lower precision."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import nullcontext
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor

__all__ = ["without_autocast"]

P = ParamSpec("P")
R = TypeVar("R")


def without_autocast(function: Callable[P, R]) -> Callable[P, R]:
    """
    Switch autocast off inside a function, so that its matrix products keep float32.

    Parameters
    ----------
    function : callable
        Takes at least one tensor.

    Returns
    -------
    callable
        The same function, outside of any surrounding autocast region of its tensors' device.
    """

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        arguments = (*args, *kwargs.values())
        tensor = next(argument for argument in arguments if isinstance(argument, Tensor))
        # Shapes alone, on "meta", have no autocast to switch off.
        with nullcontext() if tensor.is_meta else torch.autocast(tensor.device.type, enabled=False):
            return function(*args, **kwargs)

    return wrapped
