"""Devices and the precision that they do well."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from skdeepcluster.networks.resnet import has_pixels_for_strides

LEAST_SIDE = 128  # for trunks of the caller's, which may divide sides by 32
DTYPES = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}


def resolve_device(device: str | torch.device) -> torch.device:
    """
    Turn the `device` parameter into a device that is there.

    Parameters
    ----------
    device : str or torch.device
        ``"auto"`` (cuda, then mps, then cpu) or a device by name, such as ``"cuda:1"``. Where
        torchrun has started this process, cuda without a number is the device of its LOCAL_RANK.

    Returns
    -------
    torch.device
        The device.

    Raises
    ------
    ValueError
        If the name is not one of torch's, or the device is absent.
    """
    if isinstance(device, str) and device == "auto":
        if torch.cuda.is_available():
            return _own_of_process(torch.device("cuda"))
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            "device must be 'auto' or a device that torch knows, such as 'cpu', 'cuda' or 'mps'; "
            f"got {device!r}."
        ) from error
    _check_present(found)
    return _own_of_process(found)


def _own_of_process(device: torch.device) -> torch.device:
    """Give each of torchrun's processes of a machine a device of its own."""
    own = os.environ.get("LOCAL_RANK", "")
    if str(device) != "cuda" or not own.isdecimal():
        return device
    return torch.device("cuda", int(own) % torch.cuda.device_count())


def _check_present(device: torch.device) -> None:
    count = {
        "cpu": 1,
        "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
        "mps": int(torch.backends.mps.is_available()),
    }.get(device.type, 0)
    if (device.index or 0) >= count:
        raise ValueError(
            f"device must be present on this machine; got {str(device)!r}, but torch finds {count} "
            f"device(s) of type {device.type!r} it can use. device='auto' takes the best there is."
        )


def training_dtype(
    precision: str, device: torch.device, shape: tuple[int, ...], backbone: Any = "auto"
) -> torch.dtype | None:
    """
    Turn the `precision` parameter into the dtype of autocast.

    Parameters
    ----------
    precision : {"auto", "float32", "bfloat16", "float16"}
        ``"auto"`` is bfloat16 for images on devices with bfloat16 arithmetic in hardware (CUDA from
        compute capability 8.0, CPUs with AVX512-BF16 or AMX; there, not of images so narrow that
        the trunk would halve maps of one pixel, nor with a trunk of the caller's own of less than
        128 pixels a side), and float32 elsewhere.
    device : torch.device
        Where training runs.
    shape : tuple of int
        Shape of a sample. Networks for vectors are too small to gain.
    backbone : object, default="auto"
        The parameter. Of a trunk of the caller's own it is not known how small its maps become.

    Returns
    -------
    torch.dtype or None
        The dtype, None for float32 throughout.

    Raises
    ------
    ValueError
        If it is float16 on the CPU, where a step takes ten times as long as in float32, or longer,
        or bfloat16 there, and images are too narrow for it.
    """
    if precision == "float16" and device.type == "cpu":
        raise ValueError(
            "precision='float16' is for GPUs: on the CPU, PyTorch trains many times slower in it "
            "than in float32. Use 'auto', 'float32' or 'bfloat16'."
        )
    narrow = device.type == "cpu" and len(shape) == 3 and _is_narrow(shape, backbone)
    if precision == "bfloat16" and narrow and isinstance(backbone, str):
        raise ValueError(
            f"precision='bfloat16' cannot be used on the CPU for images of shape {shape}: they are "
            f"too narrow for backbone={backbone!r}. Use 'auto' or 'float32'."
        )
    if precision != "auto":
        return DTYPES[precision]
    suits = len(shape) == 3 and not narrow
    return torch.bfloat16 if suits and _has_fast_bfloat16(device) else None


def _is_narrow(shape: tuple[int, ...], backbone: Any) -> bool:
    """
    Say whether gradients in bfloat16 are not to be relied on.

    Where a convolution's stride is longer than a row of its input, torch on the CPU leaves part of
    the gradient of its kernel as it finds it in memory. Images of one pixel gain nothing.
    """
    if not isinstance(backbone, str):
        return min(shape[1:]) < LEAST_SIDE
    if min(shape[1:]) == 1:
        return True
    return not has_pixels_for_strides("small" if backbone == "auto" else backbone, shape)


def inference_dtype(precision: str, device: torch.device) -> torch.dtype | None:
    """
    Turn the `precision` parameter into the dtype of autocast in inference.

    Parameters
    ----------
    precision : {"auto", "float32", "bfloat16", "float16"}
        ``"auto"`` is float32: a lower precision has to be asked for by name.
    device : torch.device
        Where the networks are. On the CPU, float16 is not only less exact than float32, but several
        times slower, so that models trained in it on a GPU work in float32 there.

    Returns
    -------
    torch.dtype or None
        The dtype, None for float32 throughout.
    """
    if precision == "float16" and device.type == "cpu":
        return None
    return DTYPES.get(precision)


def _has_fast_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):
        able = torch.cpu.get_capabilities()
        return bool(able.get("avx512_bf16") or able.get("amx_bf16"))
    return False


def autocast(device: torch.device, dtype: torch.dtype | None) -> AbstractContextManager[object]:
    """
    Open the autocast context of a dtype.

    Parameters
    ----------
    device : torch.device
        Where the networks run.
    dtype : torch.dtype or None
        The lower precision; None switches autocast off.

    Returns
    -------
    context manager
        The context.
    """
    return nullcontext() if dtype is None else torch.autocast(device.type, dtype=dtype)
