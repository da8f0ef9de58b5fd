"""Colour changes against torchvision's, sample by sample, and the order of the jitter."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as reference

from skdeepcluster.augmentation.colour import (
    _ORDERS,
    adjust_brightness,
    adjust_contrast,
    adjust_hue,
    adjust_saturation,
    color_jitter,
    grayscale,
)

TOLERANCE = {"rtol": 0, "atol": 1e-5}  # values in [0, 1]
REFERENCES = (
    reference.adjust_brightness,
    reference.adjust_contrast,
    reference.adjust_saturation,
    reference.adjust_hue,
)
FACTORS = (0.0, 0.3, 1.0, 1.4, 2.5)
SHIFTS = (-0.5, -0.17, 0.0, 0.1, 0.5)


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def colours() -> Tensor:
    """Images (5, 3, 7, 10) of random colours, and of all whose channels tie: black to white."""
    levels = torch.tensor([0.0, 0.2, 0.5, 1.0])
    ties = torch.cartesian_prod(levels, levels, levels).T
    images = draw(5, 3, 70)
    images[:, :, :64] = torch.where(torch.arange(5).view(-1, 1, 1) % 2 == 0, ties, images[..., :64])
    return images.view(5, 3, 7, 10)


@pytest.mark.parametrize(
    ("change", "expected", "values"),
    [
        (adjust_brightness, reference.adjust_brightness, FACTORS),
        (adjust_contrast, reference.adjust_contrast, FACTORS),
        (adjust_saturation, reference.adjust_saturation, FACTORS),
        (adjust_hue, reference.adjust_hue, SHIFTS),
    ],
)
@pytest.mark.parametrize("roll", range(5))
def test_change_agrees_with_torchvision(
    change: Callable[[Tensor, Tensor], Tensor],
    expected: Callable[[Tensor, float], Tensor],
    values: tuple[float, ...],
    roll: int,
) -> None:
    images, factors = colours(), torch.tensor(values).roll(roll)
    kept = images.clone()
    results = change(images, factors)
    for image, factor, result in zip(images, factors.tolist(), results, strict=True):
        torch.testing.assert_close(result, expected(image, factor), **TOLERANCE)
    assert torch.equal(images, kept)


@pytest.mark.parametrize(
    ("change", "neutral"),
    [(adjust_brightness, 1), (adjust_contrast, 1), (adjust_saturation, 1), (adjust_hue, 0)],
)
def test_neutral_parameter_is_the_identity(
    change: Callable[[Tensor, Tensor], Tensor], neutral: int
) -> None:
    images = colours()
    result = change(images, torch.full((5,), float(neutral)))
    torch.testing.assert_close(result, images, rtol=0, atol=1e-6)


@pytest.mark.parametrize("channels", [1, 2, 100])
def test_brightness_and_contrast_take_any_number_of_channels(channels: int) -> None:
    images, factor = draw(3, channels, 4, 5), torch.tensor([0.5, 1.0, 1.8])
    spread = factor.view(-1, 1, 1, 1)
    mean = images.mean((1, 2, 3), keepdim=True)
    bright, contrasted = adjust_brightness(images, factor), adjust_contrast(images, factor)
    torch.testing.assert_close(bright, (images * spread).clamp(0, 1), **TOLERANCE)
    expected = (mean + spread * (images - mean)).clamp(0, 1)
    torch.testing.assert_close(contrasted, expected, **TOLERANCE)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 11])
def test_jitter_is_torchvisions_in_the_order_of_each_quarter(size: int) -> None:
    images = draw(size, 3, 5, 6)
    factors = (0.6 + 0.8 * draw(4, size, seed=1)) * torch.tensor([[1.0], [1.0], [1.0], [0.2]])
    results = color_jitter(
        images, brightness=factors[0], contrast=factors[1], saturation=factors[2], hue=factors[3]
    )
    per_order = -(-size // 4)
    for i in range(size):
        expected = images[i]
        for change in _ORDERS[i // per_order]:
            expected = REFERENCES[change](expected, factors[change, i].item())
        torch.testing.assert_close(results[i], expected, **TOLERANCE)


def test_orders_are_balanced() -> None:
    for place in range(4):
        assert sorted(order[place] for order in _ORDERS) == [0, 1, 2, 3]
    for first in range(4):
        for second in set(range(4)) - {first}:
            assert sum(o.index(first) < o.index(second) for o in _ORDERS) == 2


def test_jitter_leaves_out_what_is_none() -> None:
    images, factor = draw(6, 100, 2, 3), torch.linspace(0.2, 2, 6)
    kept = images.clone()
    result = color_jitter(images, brightness=factor)
    torch.testing.assert_close(result, adjust_brightness(images, factor), rtol=0, atol=0)
    assert torch.equal(images, kept)


def test_grayscale_agrees_with_torchvision_and_spares_the_others() -> None:
    images, apply = colours(), torch.tensor([True, False, True, True, False])
    expected = reference.rgb_to_grayscale(images, num_output_channels=3)
    result = grayscale(images, apply)
    torch.testing.assert_close(result[apply], expected[apply], **TOLERANCE)
    assert torch.equal(result[~apply], images[~apply])
