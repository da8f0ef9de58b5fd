"""Residual trunks: torchvision's, with a stem that fits the image, and a small one of our own."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

LARGEST_SMALL_IMAGE = 64


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
    A residual network for images of up to about 40 pixels: one block at each of four widths.

    Parameters
    ----------
    in_channels : int
        Channels of the images.
    side : int
        Longer side of the images in pixels. From 17 on, the stem halves it; later blocks halve it
        while it has at least 4 pixels.
    widths : tuple of int, default=(32, 64, 128, 256)
        Channels of the blocks; the last one is the number of features.
    """

    def __init__(
        self, in_channels: int, side: int, widths: tuple[int, ...] = (32, 64, 128, 256)
    ) -> None:
        super().__init__()
        stride = 2 if side > 16 else 1
        side = -(-side // stride)
        self.stem = nn.Conv2d(in_channels, widths[0], 3, stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(widths[0])
        blocks, width, stride = [], widths[0], 1
        for n_out in widths:
            blocks.append(_Block(width, n_out, stride))
            side, width = -(-side // stride), n_out
            stride = 2 if side >= 4 else 1
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
        return self.blocks(y).mean((2, 3))


def _torchvision_resnet(name: str, in_channels: int, side: int) -> nn.Module:
    """
    Build one of torchvision's residual networks without its classifier.

    Parameters
    ----------
    name : {"resnet18", "resnet34", "resnet50"}
        Which one.
    in_channels : int
        Channels of the images.
    side : int
        Longer side of the images in pixels: up to 64, the stem is a 3x3 convolution of stride 1
        without max-pooling; beyond that, a 7x7 one of stride 2 with it.

    Returns
    -------
    nn.Module
        Maps (n, C, H, W) to (n, 512), or (n, 2048) for ``"resnet50"``.
    """
    from torchvision import models  # here, to keep the package's import light

    network: nn.Module = getattr(models, name)(weights=None)
    network.fc = nn.Identity()
    if side <= LARGEST_SMALL_IMAGE:
        network.conv1 = nn.Conv2d(in_channels, 64, 3, 1, 1, bias=False)
        network.maxpool = nn.Identity()
    else:
        network.conv1 = nn.Conv2d(in_channels, 64, 7, 2, 3, bias=False)
    return network


def build_resnet(name: str, shape: tuple[int, ...]) -> nn.Module:
    """
    Build a residual network by name.

    Parameters
    ----------
    name : {"small", "resnet18", "resnet34", "resnet50"}
        Which one.
    shape : tuple of int
        ``(C, H, W)`` of the images.

    Returns
    -------
    nn.Module
        The network, on the device of the current context.
    """
    channels, side = shape[0], max(shape[1:])
    if name == "small":
        return SmallResNet(channels, side)
    return _torchvision_resnet(name, channels, side)
