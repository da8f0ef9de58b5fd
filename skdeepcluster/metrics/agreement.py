"""A score of clusterings that needs no labels, for any clusterer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skdeepcluster._torch_state import in_plain_torch
from skdeepcluster.base import DeepClusterer
from skdeepcluster.clustering.agreement import agreement_score
from skdeepcluster.data.readers import NUMPY_FLOATS
from skdeepcluster.data.samples import Samples, read_samples
from skdeepcluster.data.scaling import Scaling
from skdeepcluster.training.agreement import look_at_views

CPU = torch.device("cpu")


@in_plain_torch
def view_agreement_score(
    estimator: Any,
    X: Any,
    y: Any = None,
    *,
    image_shape: Sequence[int] | None = None,
    channel_axis: str = "auto",
    augmentation: Any = "auto",
) -> float:
    r"""
    Score a fitted clusterer by how far it labels two views of a sample alike.

    Two views are made of up to 4,096 samples, and both are assigned by `predict`. With the mean
    entropy H of the cluster sizes and the adjusted mutual information A of the two labellings, the
    score is :math:`H (A - 2 (1 - A))`. As the views depend on nothing but the samples, scores can
    be compared between estimators, whatever they have learnt and however many clusters they have.

    It can be given as ``scoring`` to searches, and takes any estimator with `predict`, also a
    pipeline or one of scikit-learn's. For this package's estimators without `image_size` it is
    their `score`, which differs from that of a pipeline with the same estimator in what the views
    are made of: images in the range of the training samples, unrounded, and vectors in their scale
    and, if `fit` has brought them to one length, their directions.

    Parameters
    ----------
    estimator : estimator instance
        A fitted one, with `predict`.
    X : array-like or Tensor, as `fit` of this package's estimators takes it
        Samples. Views are made in the layout and type that they have: arrays, tensors, or data
        frames of pandas and polars; of other things they are arrays.
    y : object, default=None
        Ignored, present for API consistency.
    image_shape : sequence of int or None, default=None
        Shape of one image, if the rows of a 2-D `X` are flattened images. None takes that of an
        estimator of this package.
    channel_axis : {"auto", "first", "last"}, default="auto"
        Where the channels of 4-D input are, likewise.
    augmentation : str, callable or None, default="auto"
        What makes the views, as in the estimators: it should change what does not tell clusters
        apart. Views of vectors are each a row and one of its nearest rows.

    Returns
    -------
    float
        In nats, from -2 log K to log K for K clusters, higher is better; 0 if all is in one
        cluster, and below 0 if more is disagreed on than that is worth.

    Raises
    ------
    ValueError
        If `X` or a parameter is invalid.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from sklearn.datasets import make_blobs
    >>> from skdeepcluster.metrics import view_agreement_score
    >>> X, _ = make_blobs(300, centers=4, random_state=0, cluster_std=0.4)
    >>> scores = {}
    >>> for k in (2, 4, 8):
    ...     scores[k] = view_agreement_score(KMeans(k, random_state=0).fit(X), X)
    >>> max(scores, key=scores.get)
    4
    """
    if isinstance(estimator, DeepClusterer) and image_shape is None and channel_axis == "auto":
        if augmentation == "auto" and estimator.image_size is None:
            return estimator.score(X)
        image_shape, channel_axis = estimator.image_shape, estimator.channel_axis
    samples = read_samples(X, image_shape, channel_axis, estimator=estimator)
    scaling = Scaling.learn(samples)

    def label(view: Tensor) -> np.ndarray:
        return np.asarray(estimator.predict(_framed(_as_given(view, samples, scaling), X)))

    found = look_at_views(samples, scaling, label, CPU, augmentation=augmentation)
    return agreement_score(*(_numbered(labels) for labels in found))


def _numbered(labels: np.ndarray) -> np.ndarray:
    numbers: np.ndarray = np.unique(labels, return_inverse=True)[1]
    return numbers


def _framed(rows: np.ndarray, X: Any) -> Any:
    """Make of rows what was given: a tensor, or a data frame with the same columns."""
    if isinstance(X, Tensor):
        return torch.from_numpy(rows).to(X)
    if hasattr(X, "iloc"):
        return type(X)(rows, columns=list(X.columns))
    if type(X).__module__.startswith("polars"):
        return type(X)(rows, schema=list(X.columns))
    return rows


def _as_given(view: Tensor, samples: Samples, scaling: Scaling) -> np.ndarray:
    """Bring views from the unit range to the layout, range and type of the samples."""
    if samples.layout.is_image:
        view = view.clamp(0, 1)  # some exceed it by a rounding error, which other tools may refuse
    values = scaling.original(view).numpy()
    values = samples.layout.as_stored(values)
    dtype = _numpy_dtype(samples)
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        return values.round().clip(info.min, info.max).astype(dtype)
    return (values > 0.5).astype(dtype) if dtype.kind == "b" else values.astype(dtype)


def _numpy_dtype(samples: Samples) -> np.dtype[Any]:
    dtype = samples.array.dtype
    if not isinstance(dtype, torch.dtype):
        return np.dtype(dtype)
    one = torch.empty(0, dtype=dtype)
    narrow = dtype.is_floating_point and dtype not in NUMPY_FLOATS
    return (one.float() if narrow else one).numpy().dtype
