"""Residual trunks: torchvision's, with a stem that fits the image, and a small one of our own."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from skdeepcluster.networks.randomness import global_streams

LARGEST_SMALL_IMAGE = 64
_LARGEST_MAP = 24  # a block on larger maps costs more than all the others


class _Conv3x3(nn.Conv2d):
    """3x3 convolution without bias; on the CPU, a single matrix product for 2x2 maps."""

    def __init__(self, n_in: int, n_out: int, stride: int = 1) -> None:
        super().__init__(n_in, n_out, 3, stride, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-2:] != (2, 2) or self.stride != (1, 1) or x.device.type != "cpu":
            return super().forward(x)
        # Faster than convolving so small a map: a step on 8-pixel images takes a quarter less.
        # Each output pixel (i, j) sees all four input pixels, through a 2x2 part of the kernel.
        parts = [self.weight[:, :, 1 - i : 3 - i, 1 - j : 3 - j] for i in (0, 1) for j in (0, 1)]
        matrix = torch.stack(parts).permute(0, 1, 3, 4, 2).flatten(2).flatten(0, 1)
        rows = functional.linear(x.permute(0, 2, 3, 1).flatten(1), matrix)
        return rows.view(-1, 2, 2, self.out_channels).permute(0, 3, 1, 2)


class _Conv1x1(nn.Conv2d):
    """1x1 convolution without bias; on the CPU, a single matrix product of the pixels it reads."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__(n_in, n_out, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu":
            return super().forward(x)
        step = self.stride[0]
        pixels = x.permute(0, 2, 3, 1)[:, ::step, ::step]
        # Flattened to two dimensions: with four, torch would make many small products.
        rows = functional.linear(pixels.flatten(0, 2), self.weight.flatten(1))
        return rows.unflatten(0, pixels.shape[:3]).permute(0, 3, 1, 2)


class _Block(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = _Conv3x3(n_in, n_out, stride)
        self.norm1 = nn.BatchNorm2d(n_out)
        self.conv2 = _Conv3x3(n_out, n_out)
        self.norm2 = nn.BatchNorm2d(n_out)
        self.shortcut: nn.Module = nn.Identity()
        if n_in != n_out or stride != 1:
            self.shortcut = nn.Sequential(_Conv1x1(n_in, n_out, stride), nn.BatchNorm2d(n_out))

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.norm1(self.conv1(x)), inplace=True)
        return functional.relu(self.norm2(self.conv2(y)) + self.shortcut(x), inplace=True)


class SmallResNet(nn.Module):
    """
    A residual network whose cost is bounded: one block at each of four widths.

    Parameters
    ----------
    in_channels : int
        Channels of the images.
    side : int
        Longer side of the images in pixels. From 17 on, the stem halves it, from 65 on it takes a
        quarter; it is halved again until at most 24 are left, and by later blocks while it has at
        least 4 pixels.
    widths : tuple of int, default=(32, 64, 128, 256)
        Channels of the blocks; the last one is the number of features.
    """

    def __init__(
        self, in_channels: int, side: int, widths: tuple[int, ...] = (32, 64, 128, 256)
    ) -> None:
        super().__init__()
        stride, n_reductions, strides = _small_plan(side, len(widths))
        kernel = 7 if stride == 4 else 3
        self.stem = nn.Conv2d(in_channels, widths[0], kernel, stride, kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(widths[0])
        reductions: list[nn.Module] = []
        for _ in range(n_reductions):
            convolution = _Conv3x3(widths[0], widths[0], 2)
            reductions += [convolution, nn.BatchNorm2d(widths[0]), nn.ReLU(inplace=True)]
        self.reductions = nn.Sequential(*reductions)
        blocks, width = [], widths[0]
        for n_out, stride in zip(widths, strides, strict=True):
            blocks.append(_Block(width, n_out, stride))
            width = n_out
        self.blocks = nn.Sequential(*blocks)
        self.n_features = width

    def forward(self, x: Tensor) -> Tensor:
        """
        Compute the features of images.

        Parameters
        ----------
        x : Tensor of shape (n, C, H, W)
            Standardised images.

        Returns
        -------
        Tensor of shape (n, n_features)
            The features.
        """
        y = functional.relu(self.norm(self.stem(x)), inplace=True)
        return self.blocks(self.reductions(y)).mean((2, 3))


def _small_plan(side: int, n_blocks: int = 4) -> tuple[int, int, list[int]]:
    """Return the stride of the stem, the number of reductions, and the strides of the blocks."""
    stem = 1 if side <= 16 else 2 if side <= LARGEST_SMALL_IMAGE else 4
    side = -(-side // stem)
    n_reductions = 0
    while side > _LARGEST_MAP:
        side, n_reductions = -(-side // 2), n_reductions + 1
    strides = [1]
    for _ in range(n_blocks - 1):
        strides.append(2 if side >= 4 else 1)
        side = -(-side // strides[-1])
    return stem, n_reductions, strides


def has_pixels_for_strides(name: str, shape: tuple[int, ...]) -> bool:
    """
    Tell whether no convolution steps further than its input is wide.

    Parameters
    ----------
    name : {"small", "resnet18", "resnet34", "resnet50"}
        The residual network.
    shape : tuple of int
        ``(C, H, W)`` of the images.

    Returns
    -------
    bool
        False for images so narrow that a map of one pixel would be halved.
    """
    longer, side = max(shape[1:]), min(shape[1:])  # networks are built for the longer side
    for stride in _strides(name, longer):
        if side < stride:
            return False
        side = -(-side // stride)
    return True


def _strides(name: str, side: int) -> list[int]:
    """List the strides by which a network goes through images of a side, one after the other."""
    if name == "small":
        stem, n_reductions, strides = _small_plan(side)
        return [stem, *[2] * n_reductions, *strides]
    stem_and_pool = [] if side <= LARGEST_SMALL_IMAGE else [2, 2]
    return [*stem_and_pool, 1, 2, 2, 2]


def _small_resnet(shape: tuple[int, ...], generator: torch.Generator) -> SmallResNet:
    device = torch.empty(0).device  # `torch.get_default_device` overlooks contexts up to 2.5
    with torch.device("meta"):  # there layers draw no weights, which would be drawn again below
        network = SmallResNet(shape[0], max(shape[1:]))
    network.to_empty(device=device)
    for part in network.modules():
        if isinstance(part, nn.Conv2d):
            _draw(part, generator)
        elif isinstance(part, nn.BatchNorm2d):
            part.reset_parameters()
    return network


def _draw(layer: nn.Conv2d, generator: torch.Generator) -> None:
    """Draw weights as torchvision does for its residual networks."""
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu", generator=generator)


def _torchvision_resnet(name: str, shape: tuple[int, ...], generator: torch.Generator) -> nn.Module:
    from torchvision import models

    with global_streams(generator):
        network: nn.Module = getattr(models, name)(weights=None)
        network.fc = nn.Identity()
        if max(shape[1:]) <= LARGEST_SMALL_IMAGE:
            # The usual stem would leave little of a small image.
            network.conv1 = nn.Conv2d(shape[0], 64, 3, 1, 1, bias=False)
            network.maxpool = nn.Identity()
        else:
            network.conv1 = nn.Conv2d(shape[0], 64, 7, 2, 3, bias=False)
    _draw(network.conv1, generator)
    return network


def build_resnet(
    name: str, shape: tuple[int, ...], generator: torch.Generator
) -> tuple[nn.Module, int]:
    """
    Build a residual network by name.

    Parameters
    ----------
    name : {"small", "resnet18", "resnet34", "resnet50"}
        Which one: the small one, or one of torchvision's without its classifier. For images of up
        to 64 pixels those have a 3x3 stem of stride 1 without max-pooling, beyond that a 7x7 one of
        stride 2 with it.
    shape : tuple of int
        ``(C, H, W)`` of the images.
    generator : torch.Generator
        Source of the weights, on the CPU.

    Returns
    -------
    network : nn.Module
        Maps (n, C, H, W) to (n, n_features), where the current device context puts it.
    n_features : int
        The number of its features: 256 for the small one, 512, or 2048 for ``"resnet50"``.
    """
    if name == "small":
        small = _small_resnet(shape, generator)
        return small, small.n_features
    return _torchvision_resnet(name, shape, generator), 2048 if name == "resnet50" else 512
