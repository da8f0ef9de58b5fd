"""Labels: those of a caller, dropping empty clusters, evenness of the sizes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor


def compact_labels(labels: np.ndarray, n_clusters: int) -> tuple[np.ndarray, np.ndarray]:
    """
    Renumber labels so that no number is unused.

    Parameters
    ----------
    labels : ndarray of shape (n,), int
        Labels in 0 ... ``n_clusters`` - 1, some of which may not occur.
    n_clusters : int
        Number of labels that could have occurred.

    Returns
    -------
    used : ndarray of shape (k,), dtype int64
        Labels that occur, ascending: the old number of each new label.
    compacted : ndarray of shape (n,), dtype int64
        Labels in 0 ... k - 1 in the same order: ``used[compacted]`` equals ``labels``.

    Raises
    ------
    ValueError
        If a label is negative or not below ``n_clusters``.
    """
    labels = np.asarray(labels, dtype=np.int64)
    if labels.size and not 0 <= labels.min() <= labels.max() < n_clusters:
        raise ValueError(
            f"labels must lie in 0 ... {n_clusters - 1}, "
            f"got values from {labels.min()} to {labels.max()}."
        )
    occurs = np.bincount(labels, minlength=n_clusters) > 0
    new_name = np.cumsum(occurs) - 1
    return np.flatnonzero(occurs), new_name[labels]


def size_entropy(counts: Tensor) -> float:
    """
    Compute the normalised entropy of cluster sizes.

    Parameters
    ----------
    counts : Tensor of shape (K,)
        Number of samples in each cluster, empty ones included; at least one sample in all.

    Returns
    -------
    float
        Entropy of the shares over log K, in [0, 1]: 1 for even sizes (and for K = 1), 0 when
        everything is in one of several clusters.

    Raises
    ------
    ValueError
        If there is no sample at all.
    """
    counts = counts.cpu().double()
    if not counts.sum() > 0:
        raise ValueError("counts must hold at least one sample.")
    if len(counts) == 1:
        return 1.0
    shares = counts / counts.sum()
    # An empty cluster adds 0, but the logarithm of 0 would make it NaN.
    entropy = -(shares * shares.clamp_min(1e-12).log()).sum() / math.log(len(counts))
    return min(max(float(entropy), 0.0), 1.0)


def as_labels(labels: ArrayLike) -> np.ndarray:
    """
    Make an array of labels in which those that are missing can be told.

    Parameters
    ----------
    labels : array-like of shape (n,)
        Labels of any kind.

    Returns
    -------
    ndarray of shape (n,)
        The labels; strings of a list as objects, as NumPy would make "nan" of a gap.
    """
    values = np.asarray(labels)
    if values.dtype.kind in "US" and not hasattr(labels, "dtype"):
        return np.asarray(labels, dtype=object)
    return values


def is_missing(label: object) -> bool:
    """
    Tell None, NaN, NaT and pandas' NA, which is neither equal to itself nor not.

    Parameters
    ----------
    label : object
        A label.

    Returns
    -------
    bool
        Whether it is one of these.
    """
    return label is None or type(label).__name__ == "NAType" or label != label
