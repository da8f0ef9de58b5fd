"""The image augmentation: its switches, randomness, range, parameters; the choice by name."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torchvision.transforms import v2

from skdeepcluster.augmentation import ImageAugmentation, VectorAugmentation
from skdeepcluster.augmentation.blur import gaussian_blur
from skdeepcluster.augmentation.resolve import resolve_augmentation
from skdeepcluster.training.views import Views

OFF: dict[str, Any] = {
    "crop_probability": 0.0,
    "flip_probability": 0.0,
    "jitter_probability": 0.0,
    "grayscale_probability": 0.0,
}
EVERYTHING = ImageAugmentation(
    rotation=20.0, translation=0.1, shear=10.0, zoom=(0.8, 1.2), blur_probability=0.5
)
EXACT = "donot_use_mm_for_euclid_dist"
ALLOWED = "'auto', 'texture', 'micrograph', 'photo', 'glyph', 'vector', None or a callable"
PRESETS = [
    ImageAugmentation.texture(),
    ImageAugmentation.micrograph(),
    ImageAugmentation.photo(),
    ImageAugmentation.glyph(),
    EVERYTHING,
]


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("augment", PRESETS)
@pytest.mark.parametrize(
    "shape", [(8, 3, 12, 9), (3, 1, 7, 7), (4, 3, 1, 1), (4, 1, 1, 5), (2, 100, 6, 5), (1, 3, 8, 8)]
)
def test_keeps_shape_dtype_range_and_input(
    augment: ImageAugmentation, shape: tuple[int, ...]
) -> None:
    images = draw(*shape)
    images.view(-1)[::3] = images.view(-1)[::3].round()  # extremes too
    kept = images.clone()
    result = augment(images, seeded())
    assert result.shape == images.shape and result.dtype == torch.float32
    assert ((result >= 0) & (result <= 1 + 1e-6)).all()  # weights sum to 1 up to rounding
    assert torch.equal(images, kept)


@pytest.mark.parametrize("augment", PRESETS)
def test_the_generator_decides_alone(augment: ImageAugmentation) -> None:
    images, state = draw(6, 3, 8, 8), torch.get_rng_state()
    first = augment(images, seeded(1))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(augment(images, seeded(1)), first)
    assert not torch.equal(augment(images, seeded(2)), first)


@pytest.mark.parametrize("augment", PRESETS)
def test_every_sample_has_its_own_parameters(augment: ImageAugmentation) -> None:
    results = augment(draw(1, 3, 10, 10).expand(8, -1, -1, -1), seeded()).flatten(1)
    assert (torch.cdist(results, results) + torch.eye(8)).min() > 1e-3


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("augment", PRESETS)
def test_memory_layout_does_not_matter(
    augment: ImageAugmentation, layout: torch.memory_format
) -> None:
    images = draw(8, 3, 9, 7)
    result = augment(images.contiguous(memory_format=layout), seeded())
    torch.testing.assert_close(result, augment(images, seeded()), rtol=0, atol=1e-5)


@pytest.mark.parametrize("augment", [*PRESETS, ImageAugmentation(padding="zeros", rotation=9)])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_runs_on_the_device_of_the_batch(augment: ImageAugmentation, channels: int) -> None:
    with FakeTensorMode():
        images = torch.empty(6, channels, 8, 10, device="meta")
        result = augment(images, None)
    assert result.device == images.device
    assert result.shape == images.shape


@pytest.mark.parametrize(
    "parameters",
    [
        OFF,
        {**OFF, "crop_probability": 1.0, "crop_scale": (1.0, 1.0)},
        {**OFF, "rotation": 30.0, "zoom": (0.5, 2.0), "affine_probability": 0.0},
        {**OFF, "jitter_probability": 1.0}
        | dict.fromkeys(["brightness", "contrast"], 0.0)
        | dict.fromkeys(["saturation", "hue"], 0.0),
        {**OFF, "blur_probability": 1.0, "blur_sigma": (0.0, 0.0)},
    ],
)
def test_what_is_switched_off_is_the_identity(parameters: dict[str, Any]) -> None:
    images = draw(6, 3, 8, 8)
    assert torch.equal(ImageAugmentation(**parameters)(images, seeded()), images)


@pytest.mark.parametrize("channels", [1, 2, 4, 100])
def test_colour_proper_concerns_three_channels_only(channels: int) -> None:
    images = draw(6, channels, 4, 4)
    parameters = {**OFF, "jitter_probability": 1.0, "grayscale_probability": 1.0}
    augment = ImageAugmentation(**parameters, brightness=0.0, contrast=0.0)
    assert torch.equal(augment(images, seeded()), images)


@pytest.mark.parametrize(
    "parameters",
    [
        {"crop_probability": 0.5, "crop_scale": (0.2, 0.3)},
        {"flip_probability": 0.5},
        {"vertical_flip_probability": 0.5},
        {"affine_probability": 0.5, "rotation": 45.0, "zoom": (1.5, 2.0)},
        {"jitter_probability": 0.5},
        {"grayscale_probability": 0.5},
        {"blur_probability": 0.5, "blur_sigma": (1.0, 2.0)},
    ],
)
def test_probability_is_the_share_of_samples_changed(parameters: dict[str, Any]) -> None:
    images = draw(1, 3, 8, 8).expand(1000, -1, -1, -1)
    result = ImageAugmentation(**OFF | parameters)(images, seeded())
    changed = ((result - images).abs().amax((1, 2, 3)) > 1e-5).float().mean()
    assert abs(changed - 0.5) < 5 * 0.5 / 1000**0.5  # five standard errors


def test_flip_and_greyscale_do_what_they_say() -> None:
    images = draw(5, 3, 6, 7)
    mirrored = ImageAugmentation(**OFF | {"flip_probability": 1.0})(images, seeded())
    torch.testing.assert_close(mirrored, images.flip(-1), rtol=0, atol=1e-5)
    grey = ImageAugmentation(**OFF | {"grayscale_probability": 1.0})(images, seeded())
    assert torch.equal(grey[:, :1].expand(-1, 3, -1, -1), grey)


@pytest.mark.parametrize(("size", "turns"), [((6, 6), [0, 1, 2, 3]), ((6, 8), [0, 2])])
def test_quarter_turns_are_exact_and_equally_frequent(size: tuple[int, int], turns: Any) -> None:
    image = draw(1, 2, *size)
    result = ImageAugmentation(**OFF | {"quarter_turns": True})(
        image.expand(400, -1, -1, -1), seeded()
    )
    turned = torch.cat([image.rot90(turn, (2, 3)) for turn in turns])
    distances = torch.cdist(result.flatten(1), turned.flatten(1), compute_mode=EXACT)
    assert distances.amin(1).max() < 1e-4
    counts = distances.argmin(1).bincount(minlength=len(turns))
    assert (counts - 400 / len(turns)).abs().max() < 5 * (400 / len(turns)) ** 0.5


def test_a_micrograph_has_eight_symmetries() -> None:
    off: dict[str, Any] = {"crop_probability": 0.0, "jitter_probability": 0.0}
    augment = ImageAugmentation.micrograph().set_params(**off)
    image = draw(1, 3, 5, 5)
    result = augment(image.expand(300, -1, -1, -1), seeded()).flatten(1)
    symmetries = [t.rot90(turn, (2, 3)) for t in (image, image.flip(3)) for turn in range(4)]
    distances = torch.cdist(result, torch.cat(symmetries).flatten(1), compute_mode=EXACT)
    assert distances.amin(1).max() < 1e-4
    assert set(distances.argmin(1).tolist()) == set(range(8))


def test_strength_bounds_the_change() -> None:
    images = torch.full((500, 1, 2, 2), 0.5)
    augment = ImageAugmentation(**OFF | {"jitter_probability": 1.0, "brightness": 0.2})
    result = augment(images, seeded())
    assert 0.4 - 1e-6 <= result.min() < 0.41 and 0.59 < result.max() <= 0.6 + 1e-6


def test_translation_and_zoom_are_in_shares_of_the_side() -> None:
    images = torch.zeros(300, 1, 21, 41)
    images[:, :, 10, 20] = 1  # one bright pixel in the middle
    augment = ImageAugmentation(**OFF | {"translation": 0.25})
    at = augment(images, seeded()).flatten(1).argmax(1)
    down, right = at // 41 - 10, at % 41 - 20
    assert down.min() == -5 and down.max() == 5  # 0.25 * 21, rounded
    assert right.min() == -10 and right.max() == 10
    magnified = ImageAugmentation(**OFF | {"zoom": (3.0, 3.0)})(images, seeded())
    assert (magnified.sum((1, 2, 3)) - 9).abs().max() < 1e-3


def test_blur_is_the_last_step() -> None:
    images = draw(4, 3, 8, 8)
    parameters = OFF | {"blur_probability": 1.0, "blur_sigma": (1.5, 1.5)}
    expected = gaussian_blur(images, torch.full((4,), 1.5))
    assert torch.equal(ImageAugmentation(**parameters)(images, seeded()), expected)


def test_is_a_parameter_object_of_scikit_learn() -> None:
    augment = ImageAugmentation.glyph().set_params(rotation=5.0)
    copy = clone(augment)
    assert copy.get_params() == augment.get_params() and copy.rotation == 5.0
    images = draw(3, 1, 8, 8)
    assert torch.equal(copy(images, seeded()), augment(images, seeded()))
    for preset in PRESETS:
        preset.validate()


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("crop_scale", (0.8, 0.2), "0 < low <= high <= 1"),
        ("crop_scale", (0.0, 1.0), "0 < low <= high <= 1"),
        ("crop_scale", (0.5, 1.5), "0 < low <= high <= 1"),
        ("crop_scale", 0.5, "'tuple'"),
        ("crop_ratio", (0.5,), "0.001 <= low <= high <= 1000"),
        ("crop_ratio", (0.5, float("inf")), "0.001 <= low <= high <= 1000"),
        ("zoom", (float("nan"), 1.0), "0.001 <= low <= high <= 1000"),
        ("zoom", (1e-320, 10**400), "0.001 <= low <= high <= 1000"),
        ("zoom", ("a", "b"), "0.001 <= low <= high <= 1000"),
        ("blur_sigma", (-0.1, 2.0), "0 <= low <= high <= 10000"),
        ("blur_sigma", (10**400, np.float16(0.5)), "0 <= low <= high <= 10000"),
        ("blur_sigma", (2**62, np.float16(0.5)), "0 <= low <= high <= 10000"),
        ("flip_probability", 1.5, "[0.0, 1.0]"),
        ("jitter_probability", "often", "[0.0, 1.0]"),
        ("rotation", -5.0, "[0.0, 180.0]"),
        ("shear", 90.0, "[0.0, 90.0)"),
        ("hue", 0.6, "[0.0, 0.5]"),
        ("contrast", float("inf"), "[0.0, 10000.0]"),
        ("brightness", 1e300, "[0.0, 10000.0]"),
        ("padding", "reflect", "'border'"),
    ],
)
def test_wrong_parameters_are_named(name: str, value: Any, rule: str) -> None:
    augment = ImageAugmentation(**{name: value})
    with pytest.raises(ValueError, match=f"'{name}' parameter of ImageAugmentation") as caught:
        augment.validate()
    assert rule in str(caught.value) and repr(value) in str(caught.value)


EXTREMES: list[dict[str, Any]] = [
    {"brightness": 1e4, "contrast": 1e4, "saturation": 1e4, "hue": 0.5},
    {"crop_scale": (1e-320, 1), "crop_ratio": (1e-3, 1e3), "padding": "zeros"},
    {"zoom": (1e-3, 1e3), "rotation": 180, "shear": 89.99, "translation": 1},
    {"blur_sigma": (0, 1e4), "blur_probability": 1},
]


@pytest.mark.parametrize("parameters", EXTREMES)
def test_the_largest_changes_stay_in_range(parameters: dict[str, Any]) -> None:
    augment = ImageAugmentation(**parameters)
    augment.validate()
    result = augment(draw(40, 3, 7, 6), seeded())
    assert ((result >= 0) & (result <= 1 + 1e-6)).all()  # weights sum to 1 up to rounding


@pytest.mark.parametrize("number", [np.uint8, np.float16, np.longdouble, bool])
def test_numbers_of_other_types_are_read_as_floats(number: Any) -> None:
    one: dict[str, Any] = {"rotation": 1, "translation": 1, "shear": 1, "zoom": (1, 1)}
    one |= {"crop_scale": (1, 1), "crop_ratio": (1, 1), "blur_sigma": (1, 1), "contrast": 1}
    other = {name: number(1) if value == 1 else (number(1),) * 2 for name, value in one.items()}
    augment = ImageAugmentation(**other, blur_probability=number(1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        augment.validate()
    expected = ImageAugmentation(**one, blur_probability=1)(draw(4, 3, 6, 6), seeded())
    assert torch.equal(augment(draw(4, 3, 6, 6), seeded()), expected)


@pytest.mark.parametrize(
    ("augmentation", "shape", "expected"),
    [
        ("auto", (3, 32, 32), ImageAugmentation.texture()),
        ("auto", (1, 28, 28), ImageAugmentation.glyph()),
        ("auto", (100, 5, 5), ImageAugmentation.glyph()),
        ("auto", (3,), VectorAugmentation()),
        ("micrograph", (1, 28, 28), ImageAugmentation.micrograph()),
        ("photo", (1, 28, 28), ImageAugmentation.photo()),
        ("glyph", (3, 28, 28), ImageAugmentation.glyph()),
        ("vector", (64,), VectorAugmentation()),
    ],
)
def test_names_are_resolved(augmentation: str, shape: tuple[int, ...], expected: Any) -> None:
    chosen: Any = resolve_augmentation(augmentation, shape)
    assert type(chosen) is type(expected)
    assert chosen.get_params() == expected.get_params()


@pytest.mark.parametrize("given", [None, torch.add, ImageAugmentation(hue=0.0)])
def test_objects_are_returned_as_they_are(given: Any) -> None:
    assert resolve_augmentation(given, (3, 8, 8)) is given


def test_a_callable_of_one_argument_takes_the_batch() -> None:
    chosen: Any = resolve_augmentation(lambda batch: 1 - batch, (3, 8, 8))
    images = draw(4, 3, 8, 8)
    assert torch.equal(chosen(images, seeded()), 1 - images)


class Inverted(nn.Module):
    """Takes the batch alone, though calls of modules take anything."""

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """Invert."""
        return 1 - batch


@pytest.mark.parametrize("given", [Inverted(), nn.Sequential(Inverted(), nn.Identity())])
def test_a_module_of_one_argument_takes_the_batch(given: nn.Module) -> None:
    chosen: Any = resolve_augmentation(given, (3, 8, 8))
    images = draw(4, 3, 8, 8)
    assert torch.equal(chosen(images, seeded()), 1 - images)


FLIP = v2.RandomHorizontalFlip()


@pytest.mark.parametrize("given", [FLIP, nn.Sequential(FLIP, nn.Identity())])
def test_a_transform_of_torchvision_draws_for_each_sample(given: nn.Module) -> None:
    chosen: Any = resolve_augmentation(given, (3, 8, 8))
    images = draw(1, 3, 8, 8).expand(64, -1, -1, -1)
    torch.manual_seed(0)
    changed = (chosen(images, seeded()) != images).any(3).any(2).any(1)
    assert 10 < changed.sum() < 54


def test_a_transform_of_torchvision_follows_random_state(quick: Any, photos: Any) -> None:
    model = quick(augmentation=v2.RandomResizedCrop((10, 12)), max_epochs=1)
    state = torch.get_rng_state()
    first, second = (model.fit(photos).history_[0]["loss"] for _ in range(2))
    assert first == second
    assert torch.equal(torch.get_rng_state(), state)
    assert model.set_params(random_state=1).fit(photos).history_[0]["loss"] != first


@pytest.mark.parametrize(
    ("given", "shape", "rule"),
    [
        ("foto", (3, 8, 8), ALLOWED),
        (3, (3, 8, 8), ALLOWED),
        (["photo"], (3, 8, 8), ALLOWED),
        (ImageAugmentation, (3, 8, 8), ALLOWED),
        ("vector", (3, 8, 8), "for images where samples have the shape (3, 8, 8)"),
        (VectorAugmentation(), (3, 8, 8), "for images where samples have the shape (3, 8, 8)"),
        ("photo", (5,), "for vectors where samples have the shape (5,)"),
        (ImageAugmentation(), (5,), "for vectors where samples have the shape (5,)"),
    ],
)
def test_unusable_augmentations_are_refused(given: Any, shape: tuple[int, ...], rule: str) -> None:
    message = f"'augmentation' parameter.*{re.escape(rule)}.*{re.escape(repr(given))}"
    with pytest.raises(ValueError, match=message):
        resolve_augmentation(given, shape)


def test_parameters_of_given_objects_are_checked() -> None:
    with pytest.raises(ValueError, match="'hue' parameter of ImageAugmentation"):
        resolve_augmentation(ImageAugmentation(hue=2.0), (3, 8, 8))
    with pytest.raises(ValueError, match="'noise' parameter of VectorAugmentation"):
        resolve_augmentation(VectorAugmentation(noise=-1.0), (8,))


class Brighter(ImageAugmentation):
    """One that does more when it is called."""

    def __call__(self, images, generator=None):
        return super().__call__(images, generator) + 1


def test_a_class_derived_from_it_is_called_also_where_a_batch_is_shared():
    assert Views(ImageAugmentation()).divides
    assert not Views(Brighter()).divides


@pytest.mark.parametrize("preset", ["photo", "texture", "micrograph"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_narrow_floats_are_augmented_as_wide_ones(preset: str, dtype: torch.dtype) -> None:
    augment: Any = resolve_augmentation(preset, (3, 32, 32))
    images = draw(16, 3, 32, 32).to(dtype)
    images[:4] = 0.5  # grey has no hue
    found = augment(images, seeded())
    assert found.dtype == dtype
    torch.testing.assert_close(found.float(), augment(images.float(), seeded()), atol=5e-3, rtol=0)
