"""CLC, also CDC (Ding et al., 2023): a reconstruction, including the settings."""

from __future__ import annotations

from typing import Any

from skdeepcluster.recipes.common import Recipe

_PARAMETERS = {
    "embedding_dim": 128,
    "temperature": 0.5,
    "categorical_temperature": 1.0,
    "categorical_weight": 1.0,
    "epsilon": 1.0,
    "sinkhorn_iterations": 3,
    "swapped_weight": 0.0,
    "queue_length": "auto",
    "augmentation": "photo",
}
_SMALL_IMAGES = {
    "backbone": "resnet34",
    "max_epochs": 1000,
    "batch_size": 256,
    "optimizer": "sgd",
    "lr": 0.05,
    "warmup_epochs": 10,
}
_IMAGENET = {"backbone": "resnet50", "batch_size": 1024}
_NOTES = (
    "The authors published no code, and only the abstract of the paper could be read: every "
    "parameter but n_clusters is reconstructed, and so is the image size.",
    "swapped_weight=0 leaves the one contrastive loss of the abstract; the default of 1 adds a "
    "term that the abstract does not have, and reached better clusters in short training.",
)
_NO_RESULTS = "No result of the paper is known for these images."
_NO_SCHEDULE = (
    "Optimiser, learning rate and number of epochs are not known, so they keep defaults that are "
    "meant for small data: choose them yourself. Batches are of 1024 or more; gradients are not "
    "accumulated here, so a batch has to fit into the memory of the device. The result is the "
    "abstract's."
)


def _recipe(
    data: str, image_size: int, results: dict[str, float], note: str, more: dict[str, Any]
) -> Recipe:
    parameters = {**more, **_PARAMETERS}
    return Recipe(
        parameters,
        method="CLC",
        data=data,
        image_size=image_size,
        results=results,
        reconstructed=parameters,
        notes=(*_NOTES, note),
    )


_PAGES = (
    _recipe("cifar10", 32, {}, _NO_RESULTS, _SMALL_IMAGES),
    _recipe("cifar20", 32, {}, _NO_RESULTS, _SMALL_IMAGES),
    _recipe("imagenet", 224, {"ACC": 0.534}, _NO_SCHEDULE, _IMAGENET),
)
RECIPES = {recipe.data: recipe for recipe in _PAGES}
