"""Random augmentation of batches of images."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import torch
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import StrOptions
from torch import Tensor

from skdeepcluster.augmentation.blur import gaussian_blur
from skdeepcluster.augmentation.colour import color_jitter, grayscale
from skdeepcluster.augmentation.draws import Draws
from skdeepcluster.augmentation.geometry import inverse_affine, random_boxes, warp
from skdeepcluster.constraints import SHARE, RealInterval, plain_number

_LARGEST = 1e4  # even float16 holds it
_PROBABILITY = [SHARE]
_STRENGTH = [RealInterval(Real, 0, _LARGEST, closed="both")]
_PAIR = [tuple, list]
# Range parameters: the smallest and greatest value allowed, and whether the smallest is.
_BOUNDS = {
    "crop_scale": (0.0, 1.0, False),
    "crop_ratio": (1e-3, 1e3, True),
    "zoom": (1e-3, 1e3, True),
    "blur_sigma": (0.0, _LARGEST, True),
}


class ImageAugmentation(BaseEstimator):
    """Crop, mirror, distort, recolour and blur every image of a batch at random.

    All samples are transformed at once on their device, each with its own parameters and with at
    most one interpolation. The order is: affine map, crop, mirroring; colour; greyscale; blur.
    The defaults suit photographs. Saturation, hue and greyscale apply to images with three
    channels and leave others alone.

    Parameters
    ----------
    crop_scale : tuple of two floats, default=(0.2, 1.0)
        Range of the share of the area that a crop keeps. (1, 1) switches the crop off.
    crop_ratio : tuple of two floats, default=(3/4, 4/3)
        Range of the width / height of a crop, between 1/1000 and 1000; the crop is then resized to
        the size of the image.
    crop_probability : float, default=1.0
        Probability of the crop.
    flip_probability : float, default=0.5
        Probability of mirroring left to right.
    vertical_flip_probability : float, default=0.0
        Probability of mirroring top to bottom.
    quarter_turns : bool, default=False
        Whether images are turned by a random multiple of 90 degrees, or, where they are not
        square, of 180.
    rotation : float, default=0.0
        Greatest rotation in degrees, in either direction.
    translation : float, default=0.0
        Greatest shift along each axis, as a share of the side.
    shear : float, default=0.0
        Greatest shear along x in degrees, in either direction.
    zoom : tuple of two floats, default=(1.0, 1.0)
        Range of magnification, between 1/1000 and 1000.
    affine_probability : float, default=1.0
        Probability of rotation, translation, shear and zoom together.
    brightness, contrast, saturation : float, default=0.4
        A factor is drawn from [max(0, 1 - value), 1 + value].
    hue : float, default=0.1
        Greatest shift of the hue, in turns, at most 0.5.
    jitter_probability : float, default=0.8
        Probability of brightness, contrast, saturation and hue together.
    grayscale_probability : float, default=0.2
        Probability of turning grey.
    blur_sigma : tuple of two floats, default=(0.1, 2.0)
        Range of the standard deviation of the Gaussian blur, in pixels.
    blur_probability : float, default=0.0
        Probability of the blur.
    padding : {"border", "zeros"}, default="border"
        What the affine map finds outside the image: its outermost pixels, or zeros.

    References
    ----------
    .. [1] Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations",
       ICML 2020, appendix A.

    Examples
    --------
    >>> import torch
    >>> from skdeepcluster.augmentation import ImageAugmentation
    >>> augment = ImageAugmentation(flip_probability=0.0)
    >>> augment(torch.rand(8, 3, 32, 32), torch.Generator().manual_seed(0)).shape
    torch.Size([8, 3, 32, 32])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "crop_scale": _PAIR,
        "crop_ratio": _PAIR,
        "crop_probability": _PROBABILITY,
        "flip_probability": _PROBABILITY,
        "vertical_flip_probability": _PROBABILITY,
        "quarter_turns": ["boolean"],
        "rotation": [RealInterval(Real, 0, 180, closed="both")],
        "translation": [SHARE],
        "shear": [RealInterval(Real, 0, 90, closed="left")],
        "zoom": _PAIR,
        "affine_probability": _PROBABILITY,
        "brightness": _STRENGTH,
        "contrast": _STRENGTH,
        "saturation": _STRENGTH,
        "hue": [RealInterval(Real, 0, 0.5, closed="both")],
        "jitter_probability": _PROBABILITY,
        "grayscale_probability": _PROBABILITY,
        "blur_sigma": _PAIR,
        "blur_probability": _PROBABILITY,
        "padding": [StrOptions({"border", "zeros"})],
    }

    def __init__(
        self,
        *,
        crop_scale: tuple[float, float] = (0.2, 1.0),
        crop_ratio: tuple[float, float] = (3 / 4, 4 / 3),
        crop_probability: float = 1.0,
        flip_probability: float = 0.5,
        vertical_flip_probability: float = 0.0,
        quarter_turns: bool = False,
        rotation: float = 0.0,
        translation: float = 0.0,
        shear: float = 0.0,
        zoom: tuple[float, float] = (1.0, 1.0),
        affine_probability: float = 1.0,
        brightness: float = 0.4,
        contrast: float = 0.4,
        saturation: float = 0.4,
        hue: float = 0.1,
        jitter_probability: float = 0.8,
        grayscale_probability: float = 0.2,
        blur_sigma: tuple[float, float] = (0.1, 2.0),
        blur_probability: float = 0.0,
        padding: str = "border",
    ) -> None:
        self.crop_scale = crop_scale
        self.crop_ratio = crop_ratio
        self.crop_probability = crop_probability
        self.flip_probability = flip_probability
        self.vertical_flip_probability = vertical_flip_probability
        self.quarter_turns = quarter_turns
        self.rotation = rotation
        self.translation = translation
        self.shear = shear
        self.zoom = zoom
        self.affine_probability = affine_probability
        self.brightness = brightness
        self.contrast = contrast
        self.saturation = saturation
        self.hue = hue
        self.jitter_probability = jitter_probability
        self.grayscale_probability = grayscale_probability
        self.blur_sigma = blur_sigma
        self.blur_probability = blur_probability
        self.padding = padding

    @classmethod
    def texture(cls) -> ImageAugmentation:
        """Make the augmentation for images whose colours say what they show.

        Surfaces, tissues, minerals, products, scenes: hue and grey value stay nearly as they are.

        Returns
        -------
        ImageAugmentation
            With milder crops, hardly any change of colour, and no greyscale.
        """
        return cls(crop_scale=(0.3, 1.0), saturation=0.2, hue=0.02, grayscale_probability=0.0)

    @classmethod
    def micrograph(cls) -> ImageAugmentation:
        """Make the augmentation for images without an up, grey or in colour.

        Cells, tissues, minerals, satellite tiles: `texture` with mirroring both ways and quarter
        turns.

        Returns
        -------
        ImageAugmentation
            As `texture` makes it, with the eight symmetries of the square.
        """
        return cls.texture().set_params(vertical_flip_probability=0.5, quarter_turns=True)

    @classmethod
    def photo(cls) -> ImageAugmentation:
        """Make the augmentation for photographs of objects, close to SimCLR's for small images.

        Colours change so much that they can hardly tell clusters apart.

        Returns
        -------
        ImageAugmentation
            With the default parameters.
        """
        return cls()

    @classmethod
    def glyph(cls) -> ImageAugmentation:
        """Make the augmentation for characters (digits, letters): no mirroring, no colour changes.

        Brightness and contrast do change: otherwise clusters follow the stroke weight.

        Returns
        -------
        ImageAugmentation
            With milder crops, small rotations, shifts, shears and zooms, and a light blur.
        """
        return cls(
            crop_scale=(0.6, 1.0),
            flip_probability=0.0,
            rotation=15.0,
            translation=0.1,
            shear=15.0,
            zoom=(0.8, 1.2),
            brightness=0.6,
            contrast=0.6,
            saturation=0.0,
            hue=0.0,
            grayscale_probability=0.0,
            blur_sigma=(0.1, 1.0),
            blur_probability=0.5,
        )

    def validate(self) -> None:
        """Check the parameters.

        Raises
        ------
        ValueError
            If a parameter breaks its rule; the message names it, the rule and the value.
        """
        self._validate_params()
        for name, (least, greatest, closed) in _BOUNDS.items():
            if not _is_range(getattr(self, name), least, greatest, closed):
                rule = f"{least:g} {'<=' if closed else '<'} low <= high <= {greatest:g}"
                raise ValueError(
                    f"The {name!r} parameter of {type(self).__name__} must be a pair (low, high) "
                    f"of numbers with {rule}. Got {getattr(self, name)!r} instead."
                )

    def __call__(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Augment a batch.

        Parameters
        ----------
        images : float Tensor of shape (B, C, H, W)
            Images in [0, 1]; not written to.
        generator : torch.Generator or None, default=None
            Source of randomness, on the device of `images`.

        Returns
        -------
        Tensor of shape (B, C, H, W)
            Augmented images in [0, 1], but for rounding, of the dtype of `images`; `images` itself
            if every change is switched off.
        """
        # Narrow floats cannot tell places in an image apart, nor near colours.
        wide = images.float() if images.dtype.itemsize < 4 else images
        found = self.augment(wide, Draws(wide, generator))
        return images if found is wide else found.to(images.dtype)

    def augment(self, images: Tensor, draws: Draws) -> Tensor:
        """Augment a batch, or a part of one, by given random numbers.

        Parameters
        ----------
        images : float Tensor of shape (b, C, H, W)
            Images in [0, 1]; not written to.
        draws : Draws
            Source of the numbers.

        Returns
        -------
        Tensor of shape (b, C, H, W)
            Augmented images, as calling the object returns them.
        """
        images = self._move(images, draws)
        images = self._recolour(images, draws)
        if self.blur_probability > 0 and self.blur_sigma[1] > 0:
            sigma = draws.uniform(*_floats(self.blur_sigma)) * draws.switch(self.blur_probability)
            images = gaussian_blur(images, sigma)
        return images

    def _move(self, images: Tensor, draws: Draws) -> Tensor:
        """Crop, mirror and distort in one pass."""
        boxes = flip = upside_down = None
        if self.crop_probability > 0 and self.crop_scale[0] < 1:
            apply = draws.switch(self.crop_probability)
            boxes = random_boxes(
                draws, apply, scale=_floats(self.crop_scale), ratio=_floats(self.crop_ratio)
            )
        if self.flip_probability > 0:
            flip = draws.switch(self.flip_probability)
        if self.vertical_flip_probability > 0:
            upside_down = draws.switch(self.vertical_flip_probability)
        matrix = self._matrix(images, draws)
        if boxes is None and flip is None and upside_down is None and matrix is None:
            return images
        return warp(
            images,
            boxes=boxes,
            flip=flip,
            upside_down=upside_down,
            matrix=matrix,
            padding=self.padding,
        )

    def _matrix(self, images: Tensor, draws: Draws) -> Tensor | None:
        """Draw the affine maps; None where they are switched off."""
        low, high = _floats(self.zoom)
        still = low == high == 1 and not (self.rotation or self.translation or self.shear)
        still = still or self.affine_probability == 0
        if still and not self.quarter_turns:
            return None
        apply = draws.switch(self.affine_probability)
        reach_y, reach_x = (float(self.translation) * side for side in images.shape[-2:])
        limits = (float(self.rotation), reach_x, reach_y, float(self.shear))
        # All are drawn as deviations from the identity, so that a factor of 0 gives exactly that.
        angle, shift_x, shift_y, shear = (draws.uniform(-a, a) * apply for a in limits)
        scale = 1 + draws.uniform(low - 1, high - 1) * apply
        if self.quarter_turns:
            step = 90.0 if images.shape[-1] == images.shape[-2] else 180.0
            angle = angle + step * draws.uniform(0.0, 360.0 / step).floor()
        return inverse_affine(angle, shift_x, shift_y, scale, shear)

    def _recolour(self, images: Tensor, draws: Draws) -> Tensor:
        """Jitter the colours, then make some images grey."""
        is_rgb = images.shape[1] == 3
        spreads = {"brightness": self.brightness, "contrast": self.contrast}
        if is_rgb:
            spreads["saturation"] = self.saturation
        spreads = {name: float(spread) for name, spread in spreads.items() if spread > 0}
        has_hue = is_rgb and self.hue > 0
        if self.jitter_probability > 0 and (spreads or has_hue):
            apply = draws.switch(self.jitter_probability)
            factors = {n: 1 + draws.uniform(-min(s, 1.0), s) * apply for n, s in spreads.items()}
            if has_hue:
                factors["hue"] = draws.uniform(-float(self.hue), float(self.hue)) * apply
            images = color_jitter(images, **factors, lengths=draws.lengths(4))
        if is_rgb and self.grayscale_probability > 0:
            images = grayscale(images, draws.switch(self.grayscale_probability))
        return images


def _is_range(value: Any, least: float, greatest: float, closed: bool) -> bool:
    """Say whether a value is a pair of numbers in ascending order within the bounds."""
    if len(value) != 2 or not all(isinstance(v, Real) for v in value):
        return False
    low, high = map(plain_number, value)
    return (least <= low if closed else least < low) and low <= high <= greatest


def _floats(pair: tuple[float, float]) -> tuple[float, float]:
    """Convert numbers of any type to Python's, which do not wrap round when negated."""
    return float(pair[0]), float(pair[1])
