"""The vector augmentation: what mixing, masking and noise do, randomness, parameters."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from skdeepcluster.augmentation import VectorAugmentation

OFF = {"noise": 0.0, "mask_probability": 0.0, "mix": 0.0}


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=seeded(seed))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (2, 1), (100, 16)])
def test_keeps_shape_dtype_and_input(shape: tuple[int, int]) -> None:
    rows = draw(*shape)
    kept = rows.clone()
    result = VectorAugmentation()(rows, seeded())
    assert result.shape == rows.shape and result.dtype == torch.float32
    assert result.isfinite().all() and not torch.equal(result, rows)
    assert torch.equal(rows, kept)


def test_the_generator_decides_alone() -> None:
    rows, state, augment = draw(10, 4), torch.get_rng_state(), VectorAugmentation()
    first = augment(rows, seeded(1))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(augment(rows, seeded(1)), first)
    assert not torch.equal(augment(rows, seeded(2)), first)


def test_nothing_asked_is_the_identity() -> None:
    rows = draw(7, 3)
    assert torch.equal(VectorAugmentation(**OFF)(rows, seeded()), rows)


def test_a_lone_row_has_only_itself_to_meet() -> None:
    rows = draw(1, 6)
    result = VectorAugmentation(noise=0.0, mask_probability=0.5, mix=0.5)(rows, seeded())
    torch.testing.assert_close(result, rows)


@pytest.mark.parametrize(("d", "expected"), [(1, 0.07), (4, 0.14), (64, 0.56), (900, 1.0)])
def test_automatic_noise_grows_with_the_number_of_features(d: int, expected: float) -> None:
    rows = draw(4, d)
    found = VectorAugmentation(**OFF | {"noise": "auto"})(rows, seeded())
    torch.testing.assert_close(
        found, VectorAugmentation(**OFF | {"noise": expected})(rows, seeded())
    )


def test_noise_has_the_spread_asked_for() -> None:
    rows = draw(200, 100)
    noise = VectorAugmentation(**OFF | {"noise": 0.3})(rows, seeded()) - rows
    count = rows.numel()
    assert abs(noise.mean()) < 5 * 0.3 / count**0.5  # five standard errors
    assert abs(noise.std() - 0.3) < 5 * 0.3 / (2 * count) ** 0.5


def test_masked_features_come_from_one_other_row() -> None:
    count, width = 60, 40
    rows = torch.arange(float(count * width)).view(count, width)  # every value names its place
    result = VectorAugmentation(**OFF | {"mask_probability": 0.25})(rows, seeded())
    assert torch.equal(result % width, rows % width)  # features stay in their column
    changed = result != rows
    share = changed.float().mean()
    # Self-meetings take 1 in 60; five standard errors of the mask and of those.
    assert abs(share - 0.25 * (1 - 1 / count)) < 5 * (0.1875 / 2400) ** 0.5 + 0.25 * 5 / count
    source = (result // width).long()
    for row, mask in zip(source, changed, strict=True):
        assert len(row[mask].unique()) <= 1


def test_mixing_goes_part_of_the_way_to_another_row() -> None:
    rows = torch.eye(50)
    result = VectorAugmentation(**OFF | {"mix": 0.4})(rows, seeded())
    way = 1 - result.diagonal()
    assert (way >= 0).all() and (way <= 0.4 + 1e-6).all() and way.max() > 0.3
    torch.testing.assert_close(result.sum(1), torch.ones(50))
    assert ((result > 0).sum(1) <= 2).all()


def test_runs_on_the_device_of_the_batch() -> None:
    with FakeTensorMode():
        rows = torch.empty(6, 4, device="meta")
        result = VectorAugmentation()(rows, None)
    assert result.device == rows.device
    assert result.shape == rows.shape


def test_is_a_parameter_object_of_scikit_learn() -> None:
    augment = VectorAugmentation().set_params(mix=0.3)
    assert clone(augment).get_params() == {
        "n_neighbors": 10,
        "noise": "auto",
        "mask_probability": 0.0,
        "mix": 0.3,
    }
    augment.validate()


@pytest.mark.parametrize("number", [np.uint8, np.float16, np.longdouble, bool])
def test_numbers_of_other_types_are_read_as_floats(number: Any) -> None:
    augment = VectorAugmentation(noise=number(1), mask_probability=number(1), mix=number(1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        augment.validate()
    expected = VectorAugmentation(noise=1.0, mask_probability=1.0, mix=1.0)
    assert torch.equal(augment(draw(9, 4), seeded()), expected(draw(9, 4), seeded()))


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("noise", -0.1, "[0.0, 10000.0]"),
        ("noise", float("nan"), "[0.0, 10000.0]"),
        ("mask_probability", 1.1, "[0.0, 1.0]"),
        ("noise", 1e300, "[0.0, 10000.0]"),
        ("mix", "much", "[0.0, 1.0]"),
    ],
)
def test_wrong_parameters_are_named(name: str, value: Any, rule: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}' parameter of VectorAugmentation") as caught:
        VectorAugmentation(**{name: value}).validate()
    assert rule in str(caught.value) and repr(value) in str(caught.value)
