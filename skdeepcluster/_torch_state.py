"""Torch as this package expects it, whatever the caller has set around a call."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import ParamSpec, TypeVar

import torch

P = ParamSpec("P")
R = TypeVar("R")

_LOCK = threading.Lock()
_inside = 0
_callers_dtype = torch.float32


def in_plain_torch(function: Callable[P, R]) -> Callable[P, R]:
    """
    Let a public function neither depend on torch's modes and defaults nor change them.

    Inside, gradients are recorded, autocast is off, and tensors are made in float32 on the CPU.

    Parameters
    ----------
    function : callable
        Of the public interface.

    Returns
    -------
    callable
        The same function in such surroundings.
    """

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        with ExitStack() as stack:
            stack.enter_context(_float32())
            stack.enter_context(torch.inference_mode(False))
            stack.enter_context(torch.enable_grad())
            for device_type in ("cpu", "cuda", "mps"):
                if torch.is_autocast_enabled(device_type):
                    stack.enter_context(torch.autocast(device_type, enabled=False))
            # Only where it is needed: a device context slows every call of torch's down.
            if torch.empty(0).device.type != "cpu":
                stack.enter_context(torch.device("cpu"))
            return function(*args, **kwargs)

    return wrapped


@contextmanager
def _float32() -> Iterator[None]:
    """Make float32 the default dtype, which all threads share: the last to leave puts it back."""
    global _inside, _callers_dtype
    with _LOCK:
        if _inside == 0:
            _callers_dtype = torch.get_default_dtype()
            torch.set_default_dtype(torch.float32)
        _inside += 1
    try:
        yield
    finally:
        with _LOCK:
            _inside -= 1
            if _inside == 0:
                torch.set_default_dtype(_callers_dtype)
