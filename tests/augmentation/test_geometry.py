"""Warp against torchvision's single operations, its composition, and the random crop boxes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as reference

from skdeepcluster.augmentation.draws import Draws
from skdeepcluster.augmentation.geometry import inverse_affine, random_boxes, warp

TOLERANCE = {"rtol": 0, "atol": 1e-5}  # values in [0, 1]; float32 coordinates of up to 40 pixels
SIZES = [(8, 8), (7, 9), (12, 5), (33, 40)]
BILINEAR = InterpolationMode.BILINEAR


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def some_boxes(height: int, width: int) -> Tensor:
    """Boxes of all kinds: whole, corner, single pixel, thin, inner."""
    whole, corner = (0, 0, height, width), (height - 3, width - 2, 3, 2)
    pixel, thin = (height // 2, 1, 1, 1), (1, width // 2, height - 1, 1)
    return torch.tensor([whole, corner, pixel, thin, (1, 2, 4, 3)], dtype=torch.float32)


def some_matrices() -> tuple[list[tuple[float, ...]], Tensor]:
    """Angle, shift to the right, shift downwards, scale, shear of six samples."""
    values = [
        (0.0, 0.0, 0.0, 1.0, 0.0),
        (30.0, 0.0, 0.0, 1.0, 0.0),
        (0.0, 1.5, -2.0, 1.0, 0.0),
        (0.0, 0.0, 0.0, 0.7, 0.0),
        (0.0, 0.0, 0.0, 1.0, 20.0),
        (-125.0, 2.25, 1.0, 1.3, -15.0),
    ]
    return values, inverse_affine(*torch.tensor(values).unbind(1))


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_crop_agrees_with_torchvision(height: int, width: int) -> None:
    boxes = some_boxes(height, width)
    images = draw(len(boxes), 3, height, width)
    cropped = warp(images, boxes=boxes)
    for image, box, result in zip(images, boxes.int().tolist(), cropped, strict=True):
        expected = reference.resized_crop(image, *box, size=[height, width])
        torch.testing.assert_close(result, expected, **TOLERANCE)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_flip_agrees_with_torchvision(height: int, width: int) -> None:
    images = draw(4, 2, height, width)
    flip = torch.tensor([True, False, False, True])
    expected = torch.where(flip.view(-1, 1, 1, 1), reference.horizontal_flip(images), images)
    torch.testing.assert_close(warp(images, flip=flip), expected, **TOLERANCE)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_rotation_agrees_with_torchvision(height: int, width: int) -> None:
    angles = torch.tensor([0.0, 12.0, -45.0, 90.0, 171.0])
    zero, one = torch.zeros_like(angles), torch.ones_like(angles)
    images = draw(len(angles), 1, height, width)
    matrix = inverse_affine(-angles, zero, zero, one, zero)
    rotated = warp(images, matrix=matrix, padding="zeros")
    for image, angle, result in zip(images, angles.tolist(), rotated, strict=True):
        expected = reference.rotate(image, angle, interpolation=BILINEAR)
        torch.testing.assert_close(result, expected, **TOLERANCE)


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("padding", ["zeros", "border"])
def test_affine_agrees_with_torchvision(height: int, width: int, padding: str) -> None:
    values, matrix = some_matrices()
    images = draw(len(values), 3, height, width)
    # Outermost pixels repeated far enough out stand for the padding "border"; the coordinates of
    # the wider image are rounded more coarsely, hence the wider tolerance.
    margin = 60 if padding == "border" else 0
    wide = F.pad(images, (margin,) * 4, mode="replicate")
    for i, (angle, right, down, scale, shear) in enumerate(values):
        expected = reference.affine(
            wide[i], angle, [right, down], scale, [shear, 0.0], interpolation=BILINEAR
        )
        expected = reference.center_crop(expected, [height, width])
        result = warp(images[i : i + 1], matrix=matrix[i : i + 1], padding=padding)[0]
        torch.testing.assert_close(result, expected, rtol=0, atol=1e-5 if margin == 0 else 4e-5)


def test_composition_is_affine_then_crop_then_flip() -> None:
    # On a linear ramp interpolation is exact, so one pass must equal torchvision's three.
    height, width = 40, 36
    y, x = torch.meshgrid(torch.arange(height) / 40, torch.arange(width) / 36, indexing="ij")
    image = torch.stack((x, y, (x + y) / 2))
    box = (12, 10, 14, 17)
    expected = reference.affine(image, 20, [2, -1.5], 1.1, [8, 0], interpolation=BILINEAR)
    expected = reference.resized_crop(expected, *box, size=[height, width])
    expected = reference.horizontal_flip(expected)
    result = warp(
        image[None],
        boxes=torch.tensor([box], dtype=torch.float32),
        flip=torch.tensor([True]),
        matrix=inverse_affine(*torch.tensor([[20.0, 2.0, -1.5, 1.1, 8.0]]).unbind(1)),
    )[0]
    torch.testing.assert_close(result, expected, **TOLERANCE)


def test_samples_are_independent_and_the_input_is_kept() -> None:
    _, matrix = some_matrices()
    images, boxes = draw(5, 3, 9, 11), some_boxes(9, 11)
    flip = torch.arange(5) % 2 == 0
    kept = images.clone()
    together = warp(images, boxes=boxes, flip=flip, matrix=matrix[1:])
    for i in range(5):
        one = slice(i, i + 1)
        alone = warp(images[one], boxes=boxes[one], flip=flip[one], matrix=matrix[1:][one])
        torch.testing.assert_close(together[one], alone, rtol=0, atol=1e-6)
    assert torch.equal(images, kept)


def test_nothing_asked_is_the_identity() -> None:
    images = draw(3, 2, 6, 7)
    torch.testing.assert_close(warp(images), images, rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (5, 1), (2, 2)])
@pytest.mark.parametrize("padding", ["zeros", "border"])
def test_tiny_images_stay_finite_and_in_range(size: tuple[int, int], padding: str) -> None:
    values, matrix = some_matrices()
    count = len(values)
    images, apply = draw(count, 1, *size), torch.ones(count, dtype=torch.bool)
    boxes = random_boxes(Draws(images, None), apply, scale=(0.01, 1), ratio=(0.1, 10))
    result = warp(images, boxes=boxes, flip=apply, matrix=matrix, padding=padding)
    assert result.shape == images.shape
    assert ((result >= 0) & (result <= 1 + 1e-6)).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (7, 4), (32, 32)])
def test_random_boxes_are_whole_pixels_inside_the_image(size: tuple[int, int]) -> None:
    images = torch.empty(500, 1, *size)
    apply = torch.arange(500) % 5 > 0
    generator = torch.Generator().manual_seed(0)
    boxes = random_boxes(Draws(images, generator), apply, scale=(0.05, 1), ratio=(0.2, 5))
    start, length = boxes[:, :2], boxes[:, 2:]
    assert torch.equal(boxes, boxes.round())
    assert (start >= 0).all() and (length >= 1).all()
    assert (start + length <= torch.tensor(size)).all()
    assert torch.equal(boxes[~apply], torch.tensor([[0.0, 0.0, *size]]).expand(100, -1))


def test_random_boxes_reach_every_place() -> None:
    images, apply = torch.empty(400, 1, 8, 8), torch.ones(400, dtype=torch.bool)
    generator = torch.Generator().manual_seed(0)
    boxes = random_boxes(Draws(images, generator), apply, scale=(0.25, 0.25), ratio=(1, 1))
    assert (boxes[:, 2:] == 4).all()
    for axis in (0, 1):
        assert boxes[:, axis].unique().tolist() == [0, 1, 2, 3, 4]


def test_random_boxes_follow_their_ranges() -> None:
    images, apply = torch.empty(4000, 1, 1000, 1000), torch.ones(4000, dtype=torch.bool)
    generator = torch.Generator().manual_seed(0)
    boxes = random_boxes(Draws(images, generator), apply, scale=(0.1, 0.5), ratio=(0.5, 2))
    share = boxes[:, 2] * boxes[:, 3] / 1e6
    log_ratio = (boxes[:, 3] / boxes[:, 2]).log()
    assert share.min() > 0.099 and share.max() < 0.501
    assert log_ratio.abs().max() < math.log(2) + 0.01
    # Means of uniform variables, within five standard errors.
    assert abs(share.mean() - 0.3) < 5 * 0.4 / math.sqrt(12 * 4000)
    assert abs(log_ratio.mean()) < 5 * math.log(4) / math.sqrt(12 * 4000)


def test_boxes_are_drawn_again_until_one_fits() -> None:
    images, apply = torch.empty(20_000, 1, 32, 32), torch.ones(20_000, dtype=torch.bool)
    generator = torch.Generator().manual_seed(0)
    settings: dict[str, Any] = {"scale": (0.08, 1), "ratio": (3 / 4, 4 / 3)}
    boxes = random_boxes(Draws(images, generator), apply, **settings)
    rng, expected = np.random.default_rng(0), []
    while len(expected) < len(boxes):  # the same, one by one
        area, ratio = rng.uniform(0.08, 1) * 1024, math.exp(rng.uniform(-1, 1) * math.log(4 / 3))
        width, height = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if max(width, height) <= 32:
            expected.append((height, width))
    sides, wanted = boxes[:, 2:], torch.tensor(expected, dtype=torch.float32)
    # Shares and means of 20,000, within five standard errors.
    for values, others in (((sides == 32).any(1), (wanted == 32).any(1)), (sides, wanted)):
        spread = others.float().std() * math.sqrt(2 / 20_000)
        assert abs(values.float().mean() - others.float().mean()) < 5 * spread


@pytest.mark.parametrize("size", [(5, 5), (4, 6)])
def test_mirroring_top_to_bottom(size: tuple[int, int]) -> None:
    images = draw(3, 2, *size)
    result = warp(images, upside_down=torch.tensor([True, False, True]))
    torch.testing.assert_close(result[::2], images[::2].flip(-2), rtol=0, atol=1e-6)
    torch.testing.assert_close(result[1], images[1], rtol=0, atol=1e-6)
