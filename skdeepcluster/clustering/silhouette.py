"""How near samples are to their cluster, and how far from the next."""

from __future__ import annotations

import numpy as np


def silhouettes(x: np.ndarray, labels: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """
    Compute the simplified silhouette of each sample: with distances to centres, not to samples.

    With a the Euclidean distance of a sample to its own centre and b that to the nearest other
    centre, a sample scores (b - a) / max(a, b), or 0 if both are 0.

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
        In [-1, 1], higher is better.

    References
    ----------
    .. [1] Hruschka, E. R., de Castro, L. N., Campello, R. J. G. B., "Evolutionary algorithms for
       clustering gene-expression data", ICDM 2004, simplified silhouette.
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
