"""How many clusters there are: those that two views of a sample do not tell apart are merged."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import entr

PENALTY = 3.0
AS_GOOD = 0.05  # in nats: a few thousand samples say no more


@dataclass(frozen=True)
class Merging:
    """
    How well clusters are told apart, from many down to two, and which of many to merge.

    Parameters
    ----------
    n_clusters : ndarray of shape (m,), dtype int64
        Numbers of clusters, ascending.
    score : ndarray of shape (m,), dtype float64
        What two views agree on, weighed against what they do not, at each number.
    groups : dict of int to ndarray of shape (K,), dtype int64
        For each number of clusters, where each of the K clusters at the start has gone.
    """

    n_clusters: np.ndarray
    score: np.ndarray
    groups: dict[int, np.ndarray]

    @property
    def best(self) -> int:
        """Number of clusters with the highest score."""
        return int(self.n_clusters[self.score.argmax()])

    @property
    def curve(self) -> dict[str, np.ndarray]:
        """The numbers and their scores."""
        return {"n_clusters": self.n_clusters, "score": self.score}


def as_good(curve: dict[str, np.ndarray]) -> tuple[int, int]:
    """
    Tell which numbers of clusters are as good as the best.

    Parameters
    ----------
    curve : dict
        ``"n_clusters"`` and ``"score"``, arrays of one length.

    Returns
    -------
    least : int
        Smallest number of clusters whose score is within 0.05 of the highest.
    most : int
        Largest such number.
    """
    near = curve["n_clusters"][curve["score"] > curve["score"].max() - AS_GOOD]
    return int(near.min()), int(near.max())


def merge_clusters(first: np.ndarray, second: np.ndarray, least: int = 2) -> Merging:
    r"""
    Merge clusters two by two, always the two whose merging leaves the highest score.

    With the entropy H of the cluster sizes, the mutual information I of the clusters of two views,
    and what it is for independent labels, about :math:`E = (k - 1)^2 / 2n`, the score of k clusters
    is :math:`H (A - 3 (1 - A))`, where :math:`A = (I - E) / (H - E)`. Disagreement weighs more than
    in `agreement_score`, as each merging is the best of many.

    Parameters
    ----------
    first, second : ndarray of shape (n,), dtype int
        Clusters of two views of the same samples, more clusters than there are.
    least : int, default=2
        Number of clusters to end at.

    Returns
    -------
    Merging
        The scores on the way.

    References
    ----------
    .. [1] Slonim, N., Tishby, N., "Agglomerative information bottleneck", NeurIPS 1999 (which also
       merges the pair that costs the least information).
    """
    names, codes = np.unique(np.concatenate([first, second]), return_inverse=True)
    joint, n = _joint(codes[: len(first)], codes[len(first) :], len(names)), len(first)
    place = np.full(int(names.max()) + 1, -1)
    place[names] = np.arange(len(names))
    scores, groups = {len(joint): _score(joint, n)}, {len(joint): place.copy()}
    while len(joint) > max(least, 1):
        i, j = _best_pair(joint, n)
        joint = _merged(joint, i, j)
        place = np.where(place == j, i, place) - (place > j)
        scores[len(joint)], groups[len(joint)] = _score(joint, n), place.copy()
    numbers = sorted(scores)
    return Merging(np.array(numbers), np.array([scores[k] for k in numbers]), groups)


def _joint(first: np.ndarray, second: np.ndarray, k: int) -> np.ndarray:
    table = np.bincount(first * k + second, minlength=k * k).reshape(k, k)
    both: np.ndarray = (table + table.T) / (2 * table.sum())
    return both


def _weigh(size: np.ndarray, joint: np.ndarray, k: int, n: int) -> np.ndarray:
    """Return the score from the entropies of one view's clusters, and of both views' together."""
    chance = (k - 1) ** 2 / (2 * n)
    room = np.maximum(size - chance, 1e-12)
    shared = np.clip((2 * size - joint - chance) / room, 0, 1)
    weighed: np.ndarray = size * (shared - PENALTY * (1 - shared))
    return weighed


def _score(joint: np.ndarray, n: int) -> float:
    return float(_weigh(entr(joint.sum(axis=1)).sum(), entr(joint).sum(), len(joint), n))


def _best_pair(joint: np.ndarray, n: int) -> tuple[int, int]:
    """Find the two clusters, i < j, whose merging leaves the highest score."""
    k, own = len(joint), entr(joint)
    rows, diagonal = joint.sum(axis=1), joint.diagonal()
    size = entr(rows).sum() - np.add.outer(entr(rows), entr(rows)) + entr(np.add.outer(rows, rows))
    together = np.stack([entr(row + joint).sum(axis=1) for row in joint])
    inner = own.diagonal()
    # Of the sums over all columns, those of the pair itself are taken out again.
    apart = own.sum(axis=1) - inner
    before = 2 * (np.add.outer(apart, apart) - own) + np.add.outer(inner, inner)
    pair = entr(diagonal[:, None] + joint) + entr(joint + diagonal)
    after = 2 * (together - pair) + entr(np.add.outer(diagonal, diagonal) + 2 * joint)
    score = _weigh(size, own.sum() - before + after, k - 1, n)
    score[np.tril_indices(k)] = -np.inf
    i, j = divmod(int(score.argmax()), k)
    return i, j


def _merged(joint: np.ndarray, i: int, j: int) -> np.ndarray:
    joint = joint.copy()
    joint[i] += joint[j]
    joint[:, i] += joint[:, j]
    return np.delete(np.delete(joint, j, axis=0), j, axis=1)


def most_clusters(n_samples: int) -> int:
    """
    Choose how many clusters to begin with.

    Parameters
    ----------
    n_samples : int
        Number of samples.

    Returns
    -------
    int
        0.7 times the square root of the number of samples, at least 4 and at most 50, and at most
        a third of the samples.
    """
    return max(1, min(50, max(4, round(0.7 * math.sqrt(n_samples))), n_samples // 3))
