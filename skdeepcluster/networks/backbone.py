"""Build a trunk from the `backbone` parameter."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from skdeepcluster.networks.heads import mlp
from skdeepcluster.networks.randomness import global_streams
from skdeepcluster.networks.resnet import build_resnet

BACKBONES = ("small", "resnet18", "resnet34", "resnet50", "mlp")
Backbone = str | nn.Module | Callable[[tuple[int, ...]], nn.Module]


def choose_backbone(shape: tuple[int, ...]) -> str:
    """
    Choose a trunk by the shape of a sample alone.

    Parameters
    ----------
    shape : tuple of int
        ``(C, H, W)`` for images or ``(d,)`` for vectors.

    Returns
    -------
    str
        ``"mlp"`` for vectors, ``"small"`` for images.
    """
    return "mlp" if len(shape) == 1 else "small"


def build_backbone(
    backbone: Backbone, shape: tuple[int, ...], generator: torch.Generator
) -> tuple[nn.Module, int]:
    """
    Build the trunk and determine the number of its features.

    Parameters
    ----------
    backbone : str, nn.Module or callable
        A name of `BACKBONES` or ``"auto"``; a module; or a callable that takes the shape of a
        sample and returns a module. Modules are deep-copied.
    shape : tuple of int
        ``(C, H, W)`` for images or ``(d,)`` for vectors.
    generator : torch.Generator
        Source of the weights, on the CPU.

    Returns
    -------
    trunk : nn.Module
        Maps (n, *shape) to (n, n_features), on the CPU.
    n_features : int
        The number of its features.

    Raises
    ------
    ValueError
        If the name does not fit the shape, the callable fails, or the module cannot be copied or
        does not map samples to features.
    """
    if isinstance(backbone, str):
        return _named(choose_backbone(shape) if backbone == "auto" else backbone, shape, generator)
    trunk = _given(backbone, shape, generator)
    if isinstance(trunk, nn.Module):
        _refuse_extra_state(trunk)
    return trunk, _count_features(trunk, shape, backbone, generator)


def takes_channels_last(backbone: Backbone, trunk: nn.Module, shape: tuple[int, ...]) -> bool:
    """
    Tell whether a trunk works with images and kernels in channels-last memory.

    Parameters
    ----------
    backbone : str, nn.Module or callable
        What it was made of.
    trunk : nn.Module
        The trunk, on the CPU; not changed.
    shape : tuple of int
        Shape of a sample.

    Returns
    -------
    bool
        Whether it does: vectors have none, and a trunk of the caller's that flattens images by
        ``view``, or has kernels of other than two dimensions, cannot.
    """
    if len(shape) != 3 or isinstance(backbone, str):
        return len(shape) == 3
    last = torch.channels_last
    try:
        probe = copy.deepcopy(trunk).eval().to(memory_format=last)
        with torch.no_grad(), global_streams(torch.Generator()):
            probe(torch.zeros(2, *shape).contiguous(memory_format=last))
    except Exception:
        return False
    return True


def _given(
    backbone: nn.Module | Callable[[tuple[int, ...]], nn.Module],
    shape: tuple[int, ...],
    generator: torch.Generator,
) -> nn.Module:
    _refuse_factory(backbone)
    try:
        if isinstance(backbone, nn.Module):
            return copy.deepcopy(backbone).cpu()
        with global_streams(generator):
            made = backbone(shape)
        # A copy, as it may be the same module every time.
        return copy.deepcopy(made).cpu() if isinstance(made, nn.Module) else made
    except Exception as error:
        raise ValueError(
            "backbone must be a module that can be copied and trained, or a callable that makes "
            f"one for samples of shape {shape}; {backbone!r} failed with "
            f"{type(error).__name__}: {error}"
        ) from error


def _refuse_extra_state(trunk: nn.Module) -> None:
    """Refuse modules that keep what can neither be averaged nor saved."""
    for name, value in trunk.state_dict().items():
        if not isinstance(value, Tensor):
            raise ValueError(
                f"backbone must keep tensors alone in its state; {name!r}, of its get_extra_state, "
                f"is a {type(value).__name__}."
            )


def _refuse_factory(backbone: Any) -> None:
    """Refuse functions that would take the shape of a sample for the name of weights."""
    if isinstance(backbone, nn.Module) or not hasattr(backbone, "__code__"):
        return
    named = {"weights", "pretrained"} & set(inspect.signature(backbone).parameters)
    if named:
        name = getattr(backbone, "__name__", "f")
        raise ValueError(
            "backbone must be a module, or a callable that takes the shape of a sample; got "
            f"{name}, which takes {named.pop()!r}. Call it, and take off its last layer: "
            f"trunk = {name}(); trunk.fc = torch.nn.Identity(); backbone=trunk."
        )


def trained_with(trunk: nn.Module) -> tuple[Sequence[float], Sequence[float]] | None:
    """
    Tell which images a trunk was trained with, if it says so as timm's networks do.

    Parameters
    ----------
    trunk : nn.Module
        A trunk, which may have a mapping `pretrained_cfg` with ``"mean"`` and ``"std"``.

    Returns
    -------
    tuple of two sequences of float or None
        Mean and standard deviation of each channel, of images in [0, 1].
    """
    found = getattr(trunk, "pretrained_cfg", None)
    if not isinstance(found, Mapping) or not {"mean", "std"} <= found.keys():
        return None
    return found["mean"], found["std"]


def _named(name: str, shape: tuple[int, ...], generator: torch.Generator) -> tuple[nn.Module, int]:
    if (name == "mlp") != (len(shape) == 1):
        raise ValueError(
            f"backbone={name!r} does not fit samples of shape {shape}: vectors need 'mlp', images "
            "(C, H, W) one of 'small', 'resnet18', 'resnet34', 'resnet50'. Rows that are flattened "
            "images need image_shape."
        )
    if name == "mlp":
        width = 64 if shape[0] <= 16 else 512
        widths = (shape[0], width, width)
        return mlp(widths, generator, batch_norm=True, final_relu=True), width
    return build_resnet(name, shape, generator)


def _count_features(
    trunk: nn.Module, shape: tuple[int, ...], given: Backbone, generator: torch.Generator
) -> int:
    rule = f"backbone must map a batch of shape (n, {', '.join(map(str, shape))}) to (n, d)"
    if not isinstance(trunk, nn.Module):
        raise ValueError(f"{rule}; the callable {given!r} returned {type(trunk).__name__}.")
    features = _features_of_zeros(trunk, shape, generator, rule)
    if not isinstance(features, torch.Tensor) or features.ndim != 2 or len(features) != 2:
        raise ValueError(f"{rule}; got {getattr(features, 'shape', type(features).__name__)}.")
    if features.dtype != torch.float32 or features.shape[1] == 0:
        found = f"shape {tuple(features.shape)} and dtype {features.dtype}"
        raise ValueError(f"{rule} of float32, d >= 1; got {found}.")
    return int(features.shape[1])


def _features_of_zeros(
    trunk: nn.Module, shape: tuple[int, ...], generator: torch.Generator, rule: str
) -> Any:
    """Run a trunk; what it draws, such as the weights of lazy layers, follows the generator."""
    was_training = trunk.training
    trunk.eval()  # running averages must not see the zeros
    try:
        with torch.no_grad(), global_streams(generator):
            # Two samples, since with one a trunk that flattens the batch away would go unnoticed.
            return trunk(torch.zeros(2, *shape))
    except Exception as error:
        raise ValueError(f"{rule}; it failed on zeros: {error}") from error
    finally:
        trunk.train(was_training)
