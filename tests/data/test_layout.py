"""What the axes of a sample mean."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from skdeepcluster.data.layout import infer_layout


@pytest.mark.parametrize(
    ("stored", "image_shape", "axis", "shape", "last"),
    [
        ((7,), None, "auto", (7,), False),
        ((8, 9), None, "auto", (1, 8, 9), False),
        ((8, 9, 3), None, "auto", (3, 8, 9), True),
        ((1, 8, 9), None, "auto", (1, 8, 9), False),
        ((4, 8, 9), None, "auto", (4, 8, 9), False),
        ((3, 8, 3), None, "last", (3, 3, 8), True),
        ((3, 8, 3), None, "first", (3, 8, 3), False),
        ((8, 9, 100), None, "last", (100, 8, 9), True),
        ((72,), (8, 9), "auto", (1, 8, 9), False),
        ((216,), (8, 9, 3), "auto", (3, 8, 9), True),
        ((216,), [3, 8, 9], "auto", (3, 8, 9), False),
        ((8, 9), (8, 9), "auto", (1, 8, 9), False),
    ],
)
def test_layout(stored, image_shape, axis, shape, last):
    layout = infer_layout(stored, image_shape, axis)
    assert layout.shape == shape
    assert layout.channels_last == last
    assert layout.n_features == np.prod(stored)
    assert layout.is_image == (len(shape) == 3)


@pytest.mark.parametrize("stored", [(3, 8, 1), (8, 8, 8), (2, 9, 5), (1, 1, 1)])
def test_ambiguous_channels_are_not_guessed(stored):
    with pytest.raises(ValueError, match="channel_axis='auto' cannot tell"):
        infer_layout(stored)


@pytest.mark.parametrize(
    "image_shape",
    [
        (8,),
        (8, 9, 3, 1),
        (8, 0),
        (8, 2.5),
        "89",
        b"\x08\x09",
        bytearray(b"\x08\x09"),
        (True, 72),
        72,
        {8, 9},
        {8: 9},
        np.array(72),
        np.array([8.0, 9.0]),
        np.ones((2, 2), int),
        [np.array([2, 4]), 9],
        [[8], [9]],
    ],
    ids=repr,
)
def test_bad_image_shapes_are_named(image_shape):
    with pytest.raises(ValueError, match="image_shape must be"):
        infer_layout((72,), image_shape)


@pytest.mark.parametrize(
    "image_shape", [np.array([8, 9]), torch.Size([8, 9]), [np.uint8(8), np.int64(9)], range(8, 10)]
)
def test_image_shapes_of_other_types_are_read(image_shape):
    assert infer_layout((72,), image_shape).shape == (1, 8, 9)
    assert all(type(side) is int for side in infer_layout((72,), image_shape).shape)


def test_canonical_order_equals_moved_axes():
    images = np.arange(2 * 6 * 5 * 3).reshape(2, 6, 5, 3)
    expected = np.moveaxis(images, -1, 1)
    layout = infer_layout((6, 5, 3))
    np.testing.assert_array_equal(layout.canonical(torch.tensor(images)), expected)
    flat = infer_layout((90,), (6, 5, 3))
    np.testing.assert_array_equal(flat.canonical(torch.tensor(images.reshape(2, 90))), expected)
