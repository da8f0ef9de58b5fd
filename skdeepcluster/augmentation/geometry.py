"""Batched geometry: crop, mirroring and affine map of every sample in one bilinear pass."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from skdeepcluster.augmentation.draws import Draws

DRAWS = 10


def random_boxes(
    draws: Draws,
    apply: Tensor,
    *,
    scale: tuple[float, float],
    ratio: tuple[float, float],
) -> Tensor:
    """Draw one random crop box per sample.

    The share of the area is uniform in `scale`, the aspect ratio width / height log-uniform in
    `ratio`, and the position uniform among those inside the image; sides are whole pixels.
    Like torchvision's ``RandomResizedCrop``, the first of ten draws counts whose sides are no
    longer than the image's. Here all ten are made at once, so that the device need not be waited
    for, and where none fits the longer side is cut to the image.

    Parameters
    ----------
    draws : Draws
        Source of randomness for a batch of images of shape (B, C, H, W).
    apply : bool Tensor of shape (B,)
        Samples that are cropped; the others get the whole image as their box.
    scale : tuple of two floats
        Range of the share of the area, in (0, 1].
    ratio : tuple of two floats
        Range of width / height, positive.

    Returns
    -------
    Tensor of shape (B, 4)
        Integer-valued (top, left, height, width) in pixels.
    """
    height, width = draws.images.shape[-2:]
    low, high = math.log(ratio[0]), math.log(ratio[1])
    # The sides are sqrt(area) times and over the root of the ratio, hence half its logarithm.
    share = draws.uniform(*scale, DRAWS).mul_(height * width).sqrt_()
    root = draws.uniform(low / 2, high / 2, DRAWS).exp_()
    columns, rows = (share * root).round_(), (share / root).round_()
    fits = (columns <= width) & (rows <= height)
    first = fits.int().argmax(0, keepdim=True)
    columns, rows = (sides.gather(0, first)[0] for sides in (columns, rows))
    columns = torch.where(apply, columns.clamp_(1, width), width)
    rows = torch.where(apply, rows.clamp_(1, height), height)
    top = (draws.uniform(0.0, 1.0) * (height - rows + 1)).floor_()
    left = (draws.uniform(0.0, 1.0) * (width - columns + 1)).floor_()
    return torch.stack((top, left, rows, columns), 1)


def inverse_affine(
    angle: Tensor, shift_x: Tensor, shift_y: Tensor, scale: Tensor, shear: Tensor
) -> Tensor:
    """Compute the map from output to source pixels of each sample's affine transformation.

    The forward map acts about the centre of the image: shear along x, scale, rotate, then shift,
    with the signs of torchvision's ``affine`` (its ``rotate`` turns by the negative angle).

    Parameters
    ----------
    angle : Tensor of shape (B,)
        Rotation in degrees, clockwise on the screen.
    shift_x, shift_y : Tensor of shape (B,)
        Translation to the right and downwards, in pixels.
    scale : Tensor of shape (B,)
        Magnification, positive.
    shear : Tensor of shape (B,)
        Shear angle along x in degrees, within (-90, 90).

    Returns
    -------
    Tensor of shape (B, 2, 3)
        Rows (a, b, c): source x, then source y, as ``a * x + b * y + c`` in pixels from the centre.
    """
    turn = torch.deg2rad(angle)
    cos, sin, slant = turn.cos() / scale, turn.sin() / scale, torch.deg2rad(shear).tan()
    a, b = cos - slant * sin, sin + slant * cos
    move_x, move_y = a * shift_x + b * shift_y, cos * shift_y - sin * shift_x
    return torch.stack((a, b, -move_x, -sin, cos, -move_y), 1).view(-1, 2, 3)


def _inside(centres: Tensor, start: Tensor, length: Tensor) -> Tensor:
    """Map pixel centres of the whole axis into a box, no farther out than its outermost centres."""
    inside = start + centres * (length / centres.shape[-1])
    # Beyond them interpolation would mix in pixels outside the box, unlike a crop cut out first.
    return inside.clamp(start + 0.5, start + length - 0.5)


def warp(
    images: Tensor,
    *,
    boxes: Tensor | None = None,
    flip: Tensor | None = None,
    upside_down: Tensor | None = None,
    matrix: Tensor | None = None,
    padding: str = "border",
) -> Tensor:
    """Transform every sample by its own affine map, crop and mirroring, in one interpolation.

    The result is that of the affine map on the whole image, then the crop resized to the full
    size, then the mirroring, but interpolated (bilinearly) once instead of up to three times.
    Transformations left at None are skipped. Because the affine map comes first, corners that a
    rotation would leave open are filled from the image around the crop where possible.

    Parameters
    ----------
    images : Tensor of shape (B, C, H, W)
        Floating-point images; not written to.
    boxes : Tensor of shape (B, 4) or None, default=None
        Crop boxes (top, left, height, width) in pixels, as from `random_boxes`.
    flip : bool Tensor of shape (B,) or None, default=None
        Samples that are mirrored left to right.
    upside_down : bool Tensor of shape (B,) or None, default=None
        Samples that are mirrored top to bottom.
    matrix : Tensor of shape (B, 2, 3) or None, default=None
        Maps from output to source, as from `inverse_affine`.
    padding : {"border", "zeros"}, default="border"
        What lies outside the image: its outermost pixels, or zeros.

    Returns
    -------
    Tensor of shape (B, C, H, W)
        The transformed images, of the dtype of `images`.
    """
    batch, _, height, width = images.shape
    # With align_corners=False pixels are squares, with their centres at half-integers.
    x = torch.arange(width, device=images.device, dtype=images.dtype).add_(0.5)[None]
    y = torch.arange(height, device=images.device, dtype=images.dtype).add_(0.5)[None]
    if boxes is not None:
        top, left, rows, columns = boxes.unsqueeze(-1).unbind(1)
        x, y = _inside(x, left, columns), _inside(y, top, rows)
    if flip is not None:
        x = torch.where(flip[:, None], x.flip(-1), x)
    if upside_down is not None:
        y = torch.where(upside_down[:, None], y.flip(-1), y)
    grid = _grid(x - width / 2, y - height / 2, matrix).expand(batch, -1, -1, -1)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode=padding, align_corners=False)


def _grid(x: Tensor, y: Tensor, matrix: Tensor | None) -> Tensor:
    """Compute the sampling grid (B, H, W, 2) from centred pixel coordinates (B, W) and (B, H)."""
    if matrix is None:
        matrix = torch.eye(2, 3, device=x.device, dtype=x.dtype)[None]
    to_unit = torch.stack((matrix[:, 0] * (2 / x.shape[-1]), matrix[:, 1] * (2 / y.shape[-1])), 1)
    along_x = to_unit[:, :, :1] * x[:, None] + to_unit[:, :, 2:]
    along_y = to_unit[:, :, 1:2] * y[:, None]
    # The sum is laid out as two planes: one broadcast addition, nothing to interleave.
    return (along_x[:, :, None, :] + along_y[:, :, :, None]).permute(0, 2, 3, 1)
