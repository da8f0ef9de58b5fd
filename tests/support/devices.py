"""Which device the tests train on: the one that ``device="auto"`` finds."""

from __future__ import annotations

import functools
import os

import torch

from skdeepcluster.training.device import resolve_device


def use(name: str) -> None:
    """
    Let ``device="auto"``, the default, mean this device, here and in processes that tests start.

    Raises ValueError if torch does not know the device or does not find it.
    """
    if name == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # read at the first use of CUDA
        torch.backends.mps.is_available = functools.cache(lambda: False)  # torch unwraps it
    asked, found = resolve_device(name), resolve_device("auto")
    if asked != found:
        raise ValueError(
            f"device must be the one that 'auto' finds, which is {str(found)!r}; got {name!r}. "
            "Which GPU that is, CUDA_VISIBLE_DEVICES says."
        )
