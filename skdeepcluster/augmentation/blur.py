"""Batched Gaussian blur, each sample with its own width."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_SMALLEST_SIGMA = 0.01  # below it all float32 weights but the middle one are zero: the identity


def gaussian_kernels(sigma: Tensor, size: int) -> Tensor:
    """Compute normalised one-dimensional Gaussian kernels.

    Parameters
    ----------
    sigma : Tensor of shape (B,)
        Standard deviations in pixels; 0 gives the identity.
    size : int
        Odd number of taps.

    Returns
    -------
    Tensor of shape (B, size)
        Weights; each row sums to 1.
    """
    offset = torch.arange(size, device=sigma.device, dtype=sigma.dtype) - size // 2
    return (offset / sigma.clamp_min(_SMALLEST_SIGMA)[:, None]).square().mul(-0.5).softmax(1)


def gaussian_blur(images: Tensor, sigma: Tensor) -> Tensor:
    """Blur every image with its own Gaussian.

    The kernel has ``2 * max(1, side // 20) + 1`` taps, `side` being the shorter side: about a
    tenth of it, after [1]_ (23 taps at 224 pixels, 3 at 32). The image is padded with its
    reflection, or with its outermost pixels if it is too small to be reflected.

    Parameters
    ----------
    images : Tensor of shape (B, C, H, W)
        Floating-point images; not written to.
    sigma : Tensor of shape (B,)
        Standard deviations in pixels; 0 leaves the image as it is.

    Returns
    -------
    Tensor of shape (B, C, H, W)
        The blurred images.

    References
    ----------
    .. [1] Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations",
       ICML 2020, appendix A.
    """
    batch, channels, height, width = images.shape
    side = min(height, width)
    reach = max(1, side // 20)
    size, planes = 2 * reach + 1, batch * channels
    weights = gaussian_kernels(sigma, size)[:, None].expand(-1, channels, -1)
    padded = F.pad(images, (reach,) * 4, mode="reflect" if reach < side else "replicate")
    # Every sample has its own kernel, hence all planes as channels of one grouped convolution.
    stacked = padded.reshape(1, planes, height + 2 * reach, width + 2 * reach)
    # A Gaussian is separable: two passes of `size` taps instead of one of `size` squared.
    stacked = F.conv2d(stacked, weights.reshape(planes, 1, 1, size), groups=planes)
    stacked = F.conv2d(stacked, weights.reshape(planes, 1, size, 1), groups=planes)
    return stacked.view(images.shape)
