"""Gaussian blur against torchvision's, its kernel size, its fallback on tiny images."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as reference

from skdeepcluster.augmentation.blur import gaussian_blur, gaussian_kernels

TOLERANCE = {"rtol": 0, "atol": 1e-5}  # values in [0, 1]
SIGMAS = torch.tensor([0.1, 0.5, 1.0, 2.0])


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("size", "taps"), [((8, 8), 3), ((9, 13), 3), ((32, 32), 3), ((41, 60), 5), ((64, 47), 5)]
)
def test_agrees_with_torchvision_at_the_documented_kernel_size(
    size: tuple[int, int], taps: int
) -> None:
    images = draw(4, 3, *size)
    results = gaussian_blur(images, SIGMAS)
    for image, sigma, result in zip(images, SIGMAS.tolist(), results, strict=True):
        expected = reference.gaussian_blur(image, [taps, taps], [sigma, sigma])
        torch.testing.assert_close(result, expected, **TOLERANCE)


def test_has_23_taps_at_224_pixels() -> None:
    image = draw(1, 1, 224, 224)
    expected = reference.gaussian_blur(image, [23, 23], [5.0, 5.0])
    torch.testing.assert_close(gaussian_blur(image, torch.tensor([5.0])), expected, **TOLERANCE)


def test_sigma_zero_is_the_identity_and_the_input_is_kept() -> None:
    images, sigma = draw(3, 2, 25, 43), torch.tensor([0.0, 1.5, 0.0])
    kept = images.clone()
    result = gaussian_blur(images, sigma)
    assert torch.equal(result[::2], images[::2])
    assert not torch.equal(result[1], images[1])
    assert torch.equal(images, kept)


def test_kernels_are_normalised_and_symmetric() -> None:
    kernels = gaussian_kernels(torch.tensor([0.0, 0.3, 4.0]), 7)
    torch.testing.assert_close(kernels.sum(1), torch.ones(3))
    torch.testing.assert_close(kernels, kernels.flip(1))
    assert torch.equal(kernels[0], torch.tensor([0.0, 0, 0, 1, 0, 0, 0]))


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (5, 1), (2, 2)])
@pytest.mark.parametrize("channels", [1, 100])
def test_tiny_images_stay_in_range(size: tuple[int, int], channels: int) -> None:
    images = draw(4, channels, *size)
    result = gaussian_blur(images, SIGMAS)
    assert result.shape == images.shape
    assert ((result >= images.amin() - 1e-6) & (result <= images.amax() + 1e-6)).all()


def test_one_pixel_and_channels_last_memory() -> None:
    pixel = draw(2, 3, 1, 1)
    torch.testing.assert_close(gaussian_blur(pixel, SIGMAS[:2]), pixel, **TOLERANCE)
    images = draw(4, 3, 6, 7)
    channels_last = images.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(gaussian_blur(channels_last, SIGMAS), gaussian_blur(images, SIGMAS))
