"""ProPos: settings of the paper and of the authors' configurations (Huang et al., 2022)."""

from __future__ import annotations

from typing import Any

from skdeepcluster.augmentation.image import ImageAugmentation
from skdeepcluster.recipes.common import Recipe, scores

_PARAMETERS = {
    "backbone": "resnet34",
    "max_epochs": 1000,
    "optimizer": "sgd",
    "weight_decay": 5e-4,
    "warmup_epochs": 50,
    "embedding_dim": 256,
    "temperature": 0.5,
    "hidden_dim": 4096,
    "noise": 0.001,
    "scattering_weight": 0.1,
    "cluster_warmup_epochs": 50,
    "assign_interval": 1,
    "n_init": 10,
    "momentum": 0.996,
    "queue_length": 0,
    "predictor_lr_factor": 10.0,
    "precision": "float32",
}
# LARS, its learning rate and its weight decay are left out, as no such optimiser is available.
_IMAGENET = {
    "backbone": "resnet50",
    "max_epochs": 200,
    "batch_size": 4096,
    "warmup_epochs": 10,
    "embedding_dim": 256,
    "temperature": 0.5,
    "hidden_dim": 4096,
    "noise": 1e-4,
    "scattering_weight": 0.001,
    "cluster_warmup_epochs": 10,
    "assign_interval": 10,
    "n_init": 10,
    "balanced_sampling": False,
    "momentum": 0.99,
    "queue_length": 10240,
    "predictor_lr_factor": 1.0,
    "precision": "float32",
}
_STARTS = (
    "n_init counts one start from the centres of the last E-step; the paper makes 10 afresh, and "
    "in its code 10 on each GPU."
)
_NOTES = (
    _STARTS,
    "The cosine begins after the warm-up. The paper's is stretched over all epochs and so ends at "
    "0.6 % of the peak; here it ends at 0.5 %.",
    "Here batch normalisation goes over the whole batch and both views; in the paper over the "
    "share of a GPU.",
)
_WEIGHT = (
    "scattering_weight is the published one, for {n} GPUs, where the authors' code averages "
    "gradients of the prototypes that each GPU has only its share of, so that it acts like {acts} "
    "on one. Here it acts in full: try {acts} as well."
)
_FOUR_GPUS = _WEIGHT.format(n=4, acts="0.025")
_GUESSED = (
    "The authors' configuration for these images was not found: batch_size and with it lr, "
    "balanced_sampling, momentum and augmentation are those for CIFAR-20, which the authors advise "
    "for other data. The stem for 96 pixels is not known either; here it is the 7 x 7 one with "
    "pooling. scattering_weight is the published one for 4 GPUs on other data, where it acts like "
    "0.025 on one: try 0.025 as well."
)
_CENTRAL = (
    "Prepare images as the paper does for k-means: the shorter side to 256 pixels, the central "
    "224 x 224 of that, then the image size of the recipe. The paper's random crops come from the "
    "whole image."
)
_CIFAR10 = (
    "The released configuration for these images is that of a ResNet-18; the result is that of the "
    "paper's ResNet-34."
)
_SECOND_VERSION = (
    "The configuration for these images runs a second version of the authors' code, which on "
    "several GPUs pairs most rows with the pseudo-labels of other images. Here every row has its "
    "own, so that no weight of scattering here is known to act like theirs."
)
_AT_96_PIXELS = (
    "Image size, blur and batches are those of the released configuration; the results are of the "
    "paper, whose images were 96 x 96."
)
_WITHOUT_LARS = (
    "Left out here: the paper's optimiser, LARS with a learning rate of 4.8 and a weight decay of "
    "1e-6, the latter not for biases and normalisation. optimizer, lr and weight_decay keep "
    "defaults that are meant for small data: choose them yourself."
)
_ACCUMULATED = (
    "The paper accumulates the gradients of 16 batches of 8 x 32 images; here batches of 4096 have "
    "to fit into the memory of the device."
)
_ONE_AUGMENTATION = (
    "The paper blurs one view always and the other with probability 0.1, and solarises the latter "
    "with probability 0.2. Here both views are augmented alike: blur_probability is the mean, and "
    "nothing is solarised."
)


def _augmentation(blur: float = 0.0, saturation: float = 0.4) -> ImageAugmentation:
    return ImageAugmentation(crop_scale=(0.08, 1.0), saturation=saturation, blur_probability=blur)


def _recipe(
    data: str,
    image_size: int,
    results: dict[str, float],
    *notes: str,
    batch_size: int = 256,
    blur: float = 0.0,
    balanced_sampling: bool = True,
    momentum_schedule: str = "cosine",
    reconstructed: tuple[str, ...] = (),
) -> Recipe:
    own: dict[str, Any] = {
        "batch_size": batch_size,
        "lr": 0.05 * batch_size / 256,
        "balanced_sampling": balanced_sampling,
        "momentum_schedule": momentum_schedule,
        "augmentation": _augmentation(blur),
    }
    return Recipe(
        {**_PARAMETERS, **own},
        method="ProPos",
        data=data,
        image_size=image_size,
        results=results,
        reconstructed=reconstructed,
        notes=(*_NOTES, *notes),
    )


_UNCONFIRMED = ("batch_size", "lr", "balanced_sampling", "momentum", "augmentation")
_PAGES = (
    _recipe(
        "cifar10",
        32,
        scores(88.6, 94.3, 88.4),
        _FOUR_GPUS,
        _CIFAR10,
        batch_size=512,
        balanced_sampling=False,
        momentum_schedule="constant",
    ),
    _recipe("cifar20", 32, scores(60.6, 61.4, 45.1), _SECOND_VERSION),
    _recipe("stl10", 96, scores(75.8, 86.7, 73.7), _GUESSED, reconstructed=_UNCONFIRMED),
    _recipe(
        "imagenet10",
        96,
        scores(89.6, 95.6, 90.6),
        _GUESSED,
        _CENTRAL,
        "For images of 224 x 224 NMI 0.908, ACC 0.962 and ARI 0.918 are on record.",
        reconstructed=_UNCONFIRMED,
    ),
    _recipe(
        "imagenet_dogs",
        224,
        scores(69.2, 74.5, 62.7),
        _SECOND_VERSION,
        _CENTRAL,
        _AT_96_PIXELS,
        blur=0.5,
    ),
    Recipe(
        {**_IMAGENET, "augmentation": _augmentation(0.55, saturation=0.2)},
        method="ProPos",
        data="imagenet",
        image_size=224,
        results={"AMI": 0.525},
        reconstructed=("augmentation",),
        notes=(
            _STARTS,
            _WEIGHT.format(n=8, acts="0.000125"),
            _WITHOUT_LARS,
            _ACCUMULATED,
            _ONE_AUGMENTATION,
            "The result is of the paper's first version.",
        ),
    ),
)
RECIPES = {recipe.data: recipe for recipe in _PAGES}
