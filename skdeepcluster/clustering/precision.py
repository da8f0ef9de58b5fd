"""How precisely a device can add."""

from __future__ import annotations

import torch


def widest(device: torch.device) -> torch.dtype:
    """
    Name the floating-point dtype for sums of many numbers.

    Parameters
    ----------
    device : torch.device
        Where they are added.

    Returns
    -------
    torch.dtype
        float64, but float32 on MPS, which knows no other.
    """
    return torch.float32 if device.type == "mps" else torch.float64
