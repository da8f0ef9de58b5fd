"""What a recipe is, and what all recipes have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

N_CLUSTERS = {
    "cifar10": 10,
    "cifar20": 20,
    "stl10": 10,
    "imagenet10": 10,
    "imagenet_dogs": 15,
    "tiny_imagenet": 200,
    "imagenet": 1000,
}
_IMAGES = {
    "cifar10": "train and test together, 60,000",
    "cifar20": "CIFAR-100, train and test together, 60,000, with its 20 coarse classes",
    "stl10": "labelled train and test together, 13,000",
    "imagenet10": "the training images of 10 classes of ImageNet, 13,000",
    "imagenet_dogs": "the training images of 15 dog breeds of ImageNet, 19,500",
    "tiny_imagenet": "train, 100,000",
    "imagenet": "train of ILSVRC 2012, 1,281,167",
}


class Recipe(dict[str, Any]):
    """
    A paper's settings as parameters of an estimator, and what to know about them.

    It is a dict of constructor parameters, to be unpacked into the estimator. Parameters that it
    does not name are either unknown or not part of the paper, and keep their defaults.

    Parameters
    ----------
    parameters : mapping of str to Any
        The parameters; `n_clusters` is added.
    method : str
        Name of the estimator's class.
    data : str
        Name of the data set.
    image_size : int
        Height and width, in pixels, that the images must have before `fit`.
    results : mapping of str to float
        What the paper reports, in [0, 1], by the name of the score: ``"NMI"``, ``"ACC"``, ``"ARI"``
        or ``"AMI"``. Empty if nothing is known.
    reconstructed : iterable of str
        Names of the parameters that no paper or released code confirms for this data set.
    notes : iterable of str
        Sentences on what the paper does but the estimator cannot, and on where numbers come from.

    Examples
    --------
    >>> from skdeepcluster import ProPos
    >>> from skdeepcluster.recipes import recipe
    >>> settings = recipe("propos", "cifar10")
    >>> settings.image_size, settings.results["ACC"]
    (32, 0.943)
    >>> ProPos(**settings).lr
    0.1
    """

    def __init__(
        self,
        parameters: Mapping[str, Any],
        *,
        method: str,
        data: str,
        image_size: int,
        results: Mapping[str, float],
        reconstructed: Iterable[str] = (),
        notes: Iterable[str] = (),
    ) -> None:
        super().__init__({"n_clusters": N_CLUSTERS[data], **parameters})
        self.method = method
        self.data = data
        self.image_size = image_size
        self.results = dict(results)
        self.reconstructed = frozenset(reconstructed)
        self.notes = (f"Images: {_IMAGES[data]}; no labels, and the same images scored.", *notes)


def scores(nmi: float, acc: float, ari: float) -> dict[str, float]:
    """
    Name a triple of scores.

    Parameters
    ----------
    nmi, acc, ari : float
        Normalised mutual information, accuracy and adjusted Rand index, in per cent.

    Returns
    -------
    dict of str to float
        The scores in [0, 1].
    """
    # Rounded, as a plain 88.6 / 100 is 0.8859999999999999.
    return {"NMI": round(nmi / 100, 4), "ACC": round(acc / 100, 4), "ARI": round(ari / 100, 4)}
