"""Twin-contrast clustering (Shen et al., 2021): a reconstruction, including the settings."""

from __future__ import annotations

from typing import Any

from skdeepcluster.augmentation.image import ImageAugmentation
from skdeepcluster.recipes.common import Recipe, scores

_PARAMETERS = {
    "backbone": "resnet34",
    "max_epochs": 1000,
    "batch_size": 384,
    "optimizer": "adam",
    "lr": 1e-3,
    "warmup_epochs": 10,
    "embedding_dim": 128,
    "temperature": 0.2,
    "cluster_temperature": 0.2,
    "assignment_temperature": 0.1,
    "gumbel_temperature": 0.3,
    "first_gumbel_temperature": 0.3,
    "placement": 1.0,
    "cluster_shift": 1.0,
    "cluster_weight": 1.0,
    "prior": "key",
    "momentum": 0.999,
    "cluster_queue_length": 20,
    "jitter": 0.05,
    "augmentation": ImageAugmentation(),
}
_NOTES = (
    "The authors published no code, and the paper could not be read in full: every parameter but "
    "n_clusters is reconstructed.",
    "From an early prototype of the first author, which is not the released method: backbone, "
    "batch_size, optimizer, lr, embedding_dim, gumbel_temperature, momentum, "
    "cluster_queue_length, jitter, and for CIFAR the image size and queue_length.",
    "The temperatures 0.2, 0.2 and 0.1 were chosen on scikit-learn's digits; the prototype had 1.",
    "The results are read in a later paper's comparison.",
    "The prototype's jitter of 0.1 acted at half of that, and all past sets of cluster vectors "
    "shared its draw; here it is 0.05, and each set has a draw of its own.",
    "The prototype lowered the learning rate by 5 % at epochs 120 and 160; here it warms up and "
    "falls along a cosine.",
)
_INCONSISTENT = (
    "The three results do not fit together: with ten even classes and this ACC, ARI is at least "
    "about 0.768. Compare NMI and ARI."
)
_LARGE = (
    "The image size is reconstructed too. The prototype's queue of 16384 was for 60,000 images; "
    "none is known for fewer, so queue_length keeps its default."
)


def _recipe(
    data: str, image_size: int, results: dict[str, float], *notes: str, **more: Any
) -> Recipe:
    parameters = {**_PARAMETERS, **more}
    return Recipe(
        parameters,
        method="TwinContrastClustering",
        data=data,
        image_size=image_size,
        results=results,
        reconstructed=parameters,
        notes=(*_NOTES, *notes),
    )


_PAGES = (
    _recipe("cifar10", 32, scores(79.0, 90.6, 73.3), _INCONSISTENT, queue_length=16384),
    _recipe("cifar20", 32, scores(47.9, 49.1, 31.2), queue_length=16384),
    _recipe("stl10", 96, scores(73.2, 81.4, 68.9), _LARGE),
    _recipe("imagenet10", 96, scores(84.8, 89.7, 82.5), _LARGE),
    _recipe("imagenet_dogs", 96, scores(55.4, 59.5, 41.7), _LARGE),
)
RECIPES = {recipe.data: recipe for recipe in _PAGES}
