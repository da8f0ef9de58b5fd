"""Bookkeeping of cluster labels: dropping empty clusters, evenness of the sizes."""

from __future__ import annotations

import numpy as np


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


def size_entropy(counts: np.ndarray) -> float:
    """
    Compute the normalised entropy of cluster sizes.

    Parameters
    ----------
    counts : ndarray of shape (K,)
        Number of samples in each cluster, including empty ones; at least one sample in total.

    Returns
    -------
    float
        Entropy of the shares divided by log K, in [0, 1]: 1 for even sizes (and for K = 1), 0 if
        everything is in one of several clusters.

    Raises
    ------
    ValueError
        If there is no sample at all.
    """
    counts = np.asarray(counts, dtype=np.float64)
    if not counts.sum() > 0:
        raise ValueError("counts must hold at least one sample.")
    if len(counts) == 1:
        return 1.0
    shares = counts[counts > 0] / counts.sum()
    entropy = -np.sum(shares * np.log(shares)) / np.log(len(counts))
    return float(np.clip(entropy, 0.0, 1.0))  # rounding may lead slightly beyond 1
