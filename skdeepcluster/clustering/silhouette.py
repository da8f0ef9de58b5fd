"""A label-free score of a clustering in time linear in the number of samples."""

from __future__ import annotations

import numpy as np

_DISTANCES_AT_ONCE = 2**21  # 16 MiB of float64


def simplified_silhouette(embedding: np.ndarray, labels: np.ndarray, centers: np.ndarray) -> float:
    """
    Compute the mean silhouette with distances to centres in place of distances to samples.

    With a the Euclidean distance of a sample to its own centre and b that to the nearest other
    centre, a sample scores (b - a) / max(a, b), or 0 if both are 0. Time grows with n * K * d;
    besides the input, about 2**21 (or K, if that is more) float64 distances are held at a time.

    Parameters
    ----------
    embedding : ndarray of shape (n, d)
        Samples.
    labels : ndarray of shape (n,), int
        Index of each sample's centre.
    centers : ndarray of shape (K, d)
        Centre of each cluster.

    Returns
    -------
    float
        Mean over the samples, in [-1, 1], higher is better; 0 for K = 1.

    References
    ----------
    .. [1] Hruschka, E. R., de Castro, L. N., Campello, R. J. G. B., "Evolutionary algorithms for
       clustering gene-expression data", ICDM 2004, simplified silhouette.
    """
    n_clusters = len(centers)
    if n_clusters == 1:
        return 0.0
    centers = np.asarray(centers, dtype=np.float64)
    labels = np.asarray(labels)
    step = max(1, _DISTANCES_AT_ONCE // max(n_clusters, centers.shape[1]))
    total = 0.0
    for start in range(0, len(embedding), step):
        part = slice(start, start + step)
        total += silhouettes(embedding[part], labels[part], centers).sum()
    return float(total / len(embedding))


def silhouettes(x: np.ndarray, labels: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """
    Compute the simplified silhouette of each sample, all at once.

    Parameters
    ----------
    x : ndarray of shape (n, d)
        Samples.
    labels : ndarray of shape (n,), int
        Index of each sample's centre.
    centers : ndarray of shape (K, d)
        Two centres or more.

    Returns
    -------
    ndarray of shape (n,), dtype float64
        In [-1, 1].
    """
    x = np.asarray(x, dtype=np.float64)
    # Expanded squares are cheap and do to find the nearest centre, but cancel where distances are
    # small: those that enter the score are computed by subtraction.
    squared = (x**2).sum(axis=1, keepdims=True) - 2 * x @ centers.T + (centers**2).sum(axis=1)
    rows = np.arange(len(x))
    own = np.linalg.norm(x - centers[labels], axis=1)
    squared[rows, labels] = np.inf
    nearest = np.argmin(squared, axis=1)
    other = np.linalg.norm(x - centers[nearest], axis=1)
    larger = np.maximum(own, other)
    return (other - own) / np.where(larger > 0, larger, 1.0)
