"""Accuracy of a clustering under the best matching of clusters to classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from skdeepcluster.clustering.labels import as_labels, is_missing


def clustering_accuracy_score(labels_true: ArrayLike, labels_pred: ArrayLike) -> float:
    """
    Compute the share of samples whose cluster is matched to their class.

    Clusters are matched to classes one to one so that the share is largest (Hungarian algorithm).
    If there are more clusters than classes, or fewer, samples of those left over count as wrong.
    The names of the labels do not matter, and the score is symmetric.

    Parameters
    ----------
    labels_true : array-like of shape (n,)
        Class of each sample: numbers, strings or other hashable values.
    labels_pred : array-like of shape (n,)
        Cluster of each sample, likewise.

    Returns
    -------
    float
        Accuracy in (0, 1]; 1 if there are no samples, as in scikit-learn's clustering metrics.

    Raises
    ------
    ValueError
        If the labels are not one-dimensional, differ in number, or are missing in part.
    """
    from scipy.optimize import linear_sum_assignment  # here, to keep the package's import light

    n_classes, true = _codes(labels_true, "labels_true")
    n_clusters, pred = _codes(labels_pred, "labels_pred")
    if len(true) != len(pred):
        raise ValueError(
            "labels_true and labels_pred must have the same length, "
            f"got {len(true)} and {len(pred)}."
        )
    if len(true) == 0:
        return 1.0
    table = np.bincount(true * n_clusters + pred, minlength=n_classes * n_clusters)
    table = table.reshape(n_classes, n_clusters)
    matched = linear_sum_assignment(table, maximize=True)
    return float(table[matched].sum() / len(true))


def _codes(labels: ArrayLike, name: str) -> tuple[int, np.ndarray]:
    """Return the number of distinct labels, and each label as a number from 0 on."""
    if np.ma.is_masked(labels):
        raise ValueError(f"{name} must have a label for every sample, got masked ones.")
    values = as_labels(labels)
    if values.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, got shape {values.shape}.")
    if values.dtype == object:  # perhaps of several types, which cannot be sorted
        if any(map(is_missing, values)):
            raise ValueError(f"{name} must have a label for every sample, got None or NaN.")
        codes: dict[object, int] = {}
        numbers = [codes.setdefault(label, len(codes)) for label in values]
        return len(codes), np.array(numbers, dtype=np.int64)
    missing = values != values
    if missing.any():
        raise ValueError(f"{name} must have a label for every sample, got {values[missing][0]}.")
    distinct, inverse = np.unique(values, return_inverse=True)
    return len(distinct), inverse.astype(np.int64)
