"""Contrastive Clustering: settings of the paper and of the authors' code (Li et al., 2021)."""

from __future__ import annotations

from skdeepcluster.augmentation.image import ImageAugmentation
from skdeepcluster.recipes.common import Recipe, scores

_PARAMETERS = {
    "backbone": "resnet34",
    "max_epochs": 1000,
    "batch_size": 256,
    "optimizer": "adam",
    "lr": 3e-4,
    "weight_decay": 0.0,
    "warmup_epochs": 0,
    "lr_schedule": "constant",
    "embedding_dim": 128,
    "temperature": 0.5,
    "cluster_temperature": 1.0,
    "entropy_weight": 1.0,
    "precision": "float32",
    "random_state": 42,
}
_NOTES = (
    "Resize images to 224 x 224 before fit, without keeping the aspect, as the paper does for its "
    "test images. The paper crops the image as it is and resizes the crop to 224 x 224; here a "
    "crop is resized to the size of the image that it is taken from.",
    "Here both views pass the network in one batch and the input is standardised; in the paper "
    "the views pass one after the other, with batch statistics of their own, and nothing is "
    "standardised.",
    "random_state is the authors' seed; the random numbers that follow from it are not theirs.",
)
_UNLABELLED = (
    "Left out here: in each epoch the paper first passes over the 100,000 unlabelled images, with "
    "the term between instances alone."
)


def _augmentation(strength: float, *, blur: bool) -> ImageAugmentation:
    """Jitter with the given strength; blur half of the views or none."""
    # The factors 0.8 and 0.2 are those of SimCLR's colour distortion.
    return ImageAugmentation(
        crop_scale=(0.08, 1.0),
        brightness=0.8 * strength,
        contrast=0.8 * strength,
        saturation=0.8 * strength,
        hue=0.2 * strength,
        blur_probability=0.5 if blur else 0.0,
    )


def _recipe(
    data: str, results: dict[str, float], strength: float, *notes: str, blur: bool = False
) -> Recipe:
    return Recipe(
        {**_PARAMETERS, "augmentation": _augmentation(strength, blur=blur)},
        method="ContrastiveClustering",
        data=data,
        image_size=224,
        results=results,
        notes=(*_NOTES, *notes),
    )


def _rerun(acc: str, images: str) -> str:
    return (
        f"A later comparison reports ACC {acc} (mean and standard deviation of 5 runs) with images "
        f"of {images}."
    )


_PAGES = (
    _recipe(
        "cifar10",
        scores(70.5, 79.0, 63.7),
        0.5,
        _rerun("0.823 ± 0.044", "32 x 32, for which the 3 x 3 stem is chosen by itself"),
    ),
    _recipe(
        "cifar20",
        scores(43.1, 42.9, 26.6),
        0.5,
        _rerun("0.434 ± 0.023", "32 x 32, for which the 3 x 3 stem is chosen by itself"),
    ),
    _recipe(
        "stl10",
        scores(76.4, 85.0, 72.6),
        1.0,
        _UNLABELLED,
        _rerun("0.850 ± 0.048", "96 x 96 and without the unlabelled ones"),
    ),
    _recipe(
        "imagenet10",
        scores(85.9, 89.3, 82.2),
        1.0,
        _rerun("0.904 ± 0.007", "224 x 224"),
        blur=True,
    ),
    _recipe(
        "imagenet_dogs",
        scores(44.5, 42.9, 27.4),
        1.0,
        _rerun("0.670 ± 0.028", "224 x 224"),
        blur=True,
    ),
    _recipe("tiny_imagenet", scores(34.0, 14.0, 7.1), 0.5),
)
RECIPES = {recipe.data: recipe for recipe in _PAGES}
