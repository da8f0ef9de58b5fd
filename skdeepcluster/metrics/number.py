"""How many clusters an embedding has."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
import torch
from sklearn.utils import check_random_state
from torch import Tensor

from skdeepcluster._torch_state import in_plain_torch
from skdeepcluster.augmentation.vector import VectorAugmentation
from skdeepcluster.clustering.number import choose_number, most_clusters, separation_curve
from skdeepcluster.data.samples import read_samples
from skdeepcluster.data.scaling import Scaling
from skdeepcluster.training.agreement import look_at_views

CPU = torch.device("cpu")


@in_plain_torch
def estimate_n_clusters(
    embedding: Any,
    *,
    max_clusters: int | str = "auto",
    random_state: int | np.random.RandomState | None = None,
) -> tuple[int, dict[str, np.ndarray]]:
    """
    Estimate how many clusters there are among vectors.

    The vectors are cut into too many clusters by k-means. Then those two are merged, again and
    again, which a vector and one of its ten nearest most often fall into, until one is left. The
    number is the largest whose clusters are told apart about as well as those of smaller ones. The
    estimators do the same with augmented views of the samples if they are given
    ``n_clusters="auto"``, which is the better way for images.

    Parameters
    ----------
    embedding : array-like or Tensor of shape (n, d)
        Vectors, such as the output of `transform`, of a network or of UMAP.
    max_clusters : int or "auto", default="auto"
        Number of clusters to begin with. ``"auto"`` is 0.7 times the square root of the number of
        vectors, at least 4 and at most 50, but no more than a third of the vectors.
    random_state : int, RandomState or None, default=None
        Seed of k-means.

    Returns
    -------
    n_clusters : int
        The number of clusters.
    curve : dict of str to ndarray
        All numbers ``"n_clusters"``; for each the ``"separation"`` of the two clusters that are
        told apart worst: about 1 if no vector has a neighbour in the other one, and about 1/3 if a
        cloud was cut in two at random; and a ``"score"``, which decides where the separation does
        not, and is below 0 for all numbers if there are no clusters.

    Raises
    ------
    ValueError
        If `embedding` holds no vectors, or `max_clusters` is not from 2 to their number.

    See Also
    --------
    skdeepcluster.plotting.ClusterNumberDisplay : Draws the curve.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from skdeepcluster.metrics import estimate_n_clusters
    >>> X, _ = make_blobs(600, centers=7, n_features=8, random_state=0)
    >>> estimate_n_clusters(X, random_state=0)[0]
    7
    """
    samples = read_samples(embedding, min_samples=2)
    if samples.layout.is_image:
        raise ValueError(
            f"embedding must hold vectors, got images of shape {samples.shape}; an estimator with "
            "n_clusters='auto' counts clusters of images."
        )
    most = _most(max_clusters, len(samples))
    scaling = Scaling.learn(samples)
    local = np.random.RandomState() if random_state is None else check_random_state(random_state)
    seed = int(local.randint(2**31 - 1))
    start = torch.Generator().manual_seed(seed)
    views = VectorAugmentation(noise=0.0)
    pair = look_at_views(samples, scaling, Tensor.numpy, CPU, augmentation=views, often=True)
    first, second = (torch.from_numpy(view) for view in pair)
    curve = separation_curve(first, second, most, start)
    return choose_number(curve).best, curve


def _most(max_clusters: Any, n: int) -> int:
    if isinstance(max_clusters, str) and max_clusters == "auto":
        return max(2, most_clusters(n)) if n > 2 else n
    is_whole = isinstance(max_clusters, Integral) and not isinstance(max_clusters, bool)
    if not is_whole or not 2 <= int(max_clusters) <= n:
        raise ValueError(
            f"max_clusters must be 'auto' or from 2 to the number of vectors, {n}; got "
            f"{max_clusters!r}."
        )
    return int(max_clusters)
