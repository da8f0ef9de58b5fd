"""Which samples to label next: one of each kind, the one that the clusters most doubt."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from skdeepcluster.clustering.kmeans import kmeans
from skdeepcluster.data.known_labels import read_known_labels

FEWEST_CANDIDATES = 2**14
PER_SUGGESTION = 64


def open_rows(n: Any, n_samples: int, known_labels: Any = None) -> np.ndarray:
    """
    Find the samples that may be suggested.

    Parameters
    ----------
    n : int
        Number of suggestions asked for.
    n_samples : int
        Number of samples.
    known_labels : array-like of shape (n_samples,), dtype int, default=None
        Classes of samples whose class is known, -1 for the others.

    Returns
    -------
    ndarray of shape (n_open,), dtype int64
        Numbers of the samples whose class is not known.

    Raises
    ------
    TypeError
        If `n` or the labels are not integers.
    ValueError
        If there are not so many, or the labels are not those of so many samples.
    """
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)):
        raise TypeError(f"n must be an integer; got {n!r}.")
    known = read_known_labels(known_labels, n_samples, n_samples)
    rows = np.arange(n_samples) if known is None else np.flatnonzero(known.clusters < 0)
    if not 0 <= n <= len(rows):
        labelled = f", of which {n_samples - len(rows)} have a known label" if known else ""
        raise ValueError(
            f"n must be from 0 to the number of samples to choose from; got n={n} for {n_samples} "
            f"samples{labelled}."
        )
    return rows


def suggest(
    rows: np.ndarray, probabilities: np.ndarray, embedding: np.ndarray, n: int
) -> np.ndarray:
    """
    Choose samples that are spread over the embedding, and doubtful among those near to them.

    Spherical k-means divides the samples, or max(16384, 64 n) of them drawn by chance, into n
    groups, and each group gives its most doubtful one: that whose two most probable clusters are
    nearest to equally probable. Chance is the same in every call. It decides among equally doubtful
    ones, too.

    Parameters
    ----------
    rows : ndarray of shape (n_open,), dtype int64
        The samples to choose from.
    probabilities : ndarray of shape (n_samples, K)
        Soft assignment of all samples.
    embedding : ndarray of shape (n_samples, d)
        Embedding of all samples, of which the angles count.
    n : int
        Number of samples to choose, at most `n_open`.

    Returns
    -------
    ndarray of shape (n,), dtype int64
        Samples, the most doubtful first. Where there are fewer than n distinct ones, further ones
        stand last.
    """
    if n == 0:
        return rows[:0]
    rows = np.random.default_rng(0).permutation(rows)
    rows = rows[: max(FEWEST_CANDIDATES, PER_SUGGESTION * n)]
    # Not only of the most doubtful: these are of few classes, and not typical of them.
    rows = rows[np.argsort(margins(probabilities[rows]), kind="stable")]
    candidates = torch.from_numpy(np.ascontiguousarray(embedding[rows]))
    generator = torch.Generator().manual_seed(0)
    groups = kmeans(candidates, n, spherical=True, generator=generator).labels
    _, first = np.unique(groups.numpy(), return_index=True)
    others = np.setdiff1d(np.arange(len(rows)), first)[: n - len(first)]
    return rows[np.concatenate([np.sort(first), others])]


def margins(probabilities: np.ndarray) -> np.ndarray:
    """
    Tell how far the most probable cluster of each sample is ahead of the next.

    Parameters
    ----------
    probabilities : ndarray of shape (n, K)
        Soft assignment.

    Returns
    -------
    ndarray of shape (n,)
        Differences, from 0 to 1; 1 where there is one cluster only.
    """
    if probabilities.shape[1] == 1:
        return probabilities[:, 0]
    ahead: np.ndarray = np.diff(np.partition(probabilities, -2, axis=1)[:, -2:], axis=1)[:, 0]
    return ahead
