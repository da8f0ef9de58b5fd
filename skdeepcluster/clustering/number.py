r"""
How many clusters there are: those that two views of a sample do not tell apart are merged.

Samples are cut into too many clusters by k-means in the embedding. Of two clusters with
:math:`n_{ij}` samples that have one view in each, and :math:`n_{ii}` with both in i, the crossing
is

.. math::

    e_{ij} = \frac{n_{ij} + 1/2}{\min(n_{ii}, n_{jj}) + n_{ij} + 1} .

The two with the largest crossing are merged, again and again. Let :math:`e_k` be the crossing at
which k clusters become k - 1. While clusters are parts of a class it is large, and falls; once they
are classes it stays where it is, as whole classes are alike in how well they are told apart. The
number of clusters is where the fall ends. A crossing is low for k if it is at most .06, or at most
1.55 times the median of those below k; the number is the largest k up to which each k' has some
low :math:`e_j` with j at least k'. Where no end can be made out, or another k has a score higher by
.05 and by a twentieth, the score decides: :math:`H (A - 3 (1 - A))`, with the entropy H of the
sizes and the mutual information A of the views, in units of H and less what chance can give, of
which this takes off rather more. That of a clustering, `agreement_score`, has 2 for the 3: here
each merging is the best of many.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from scipy.special import entr
from torch import Tensor

from skdeepcluster.clustering.kmeans import kmeans

LIMIT = 1.55  # times the crossings of smaller numbers
NEVER_MUCH = 0.06
FURTHER = 0.072  # above these, if that is more, for the largest number that may be as good
FLAT = 1.5  # that number over the best: no end of the fall can be made out
PENALTY = 3.0
AS_GOOD = 0.05  # in nats: a few thousand samples say no more
LOWER = 0.05  # of the highest score, for an end of the fall that is not one
N_RUNS = 16


def separation_curve(
    first: Tensor, second: Tensor, most: int, generator: torch.Generator
) -> dict[str, np.ndarray]:
    """
    Tell how well clusters are told apart by views, for numbers of clusters from many down to two.

    Parameters
    ----------
    first, second : Tensor of shape (r, n, d) or (n, d), dtype float32
        Embeddings of two views of the same n samples, seen r times.
    most : int
        Number of clusters to begin with; that of all views if it is more.
    generator : Generator
        Source of the starts of k-means, of which there are sixteen.

    Returns
    -------
    dict of str to ndarray
        Numbers of clusters ``"n_clusters"``, ascending; for each its ``"score"``; and its
        ``"separation"``, 1 less the crossing of the two clusters that are told apart worst. Both
        are the medians of all starts. If all views are in one cluster, there is only the number 1.
    """
    views = torch.stack([first, second])
    rows, runs = views.flatten(0, -2), []
    most = min(most, len(rows))
    for _ in range(N_RUNS):
        found = kmeans(rows, most, n_init=1, generator=generator)
        runs.append(merged_in_turn(*found.labels.reshape(views.shape[:-1]).cpu().numpy()))
    length = min(len(crossing) for crossing, _ in runs)
    if not length:
        return {"n_clusters": np.array([1]), "score": np.zeros(1), "separation": np.zeros(1)}
    crossing, score = np.median([(c[:length], s[:length]) for c, s in runs], axis=0)
    return {"n_clusters": np.arange(2, length + 2), "score": score, "separation": 1 - crossing}


def merged_in_turn(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """
    Merge clusters two by two, always the two with the largest crossing, until one is left.

    Parameters
    ----------
    first, second : ndarray of shape (r, n) or (n,), dtype int
        Clusters of two views of the same n samples, seen r times.

    Returns
    -------
    crossing : ndarray of shape (K - 1,), dtype float64
        Entry k - 2 is the crossing at which k clusters became k - 1; K of them have members.
    score : ndarray of shape (K - 1,), dtype float64
        What views agree on with k clusters, weighed against what they do not, in nats.

    References
    ----------
    .. [1] Tibshirani, R., Walther, G., "Cluster validation by prediction strength", Journal of
       Computational and Graphical Statistics 14 (2005), where the worst cluster decides, too.
    .. [2] Slonim, N., Tishby, N., "Agglomerative information bottleneck", NeurIPS 1999, for
       merging by what two views share.
    """
    names, codes = np.unique(np.concatenate([first.ravel(), second.ravel()]), return_inverse=True)
    k, n = len(names), first.shape[-1]
    table = np.bincount(codes[: first.size] * k + codes[first.size :], minlength=k * k)
    table = table.reshape(k, k) * (n / first.size)
    # How many samples have one view in i and the other in j, in whatever order: n_ij.
    pairs = table + table.T - np.diag(table.diagonal())
    found, score = np.empty(k - 1), np.empty(k - 1)
    while len(pairs) > 1:
        crossing = _crossing(pairs)
        i, j = divmod(int(crossing.argmax()), len(pairs))
        found[len(pairs) - 2], score[len(pairs) - 2] = crossing[i, j], _score(pairs, n)
        pairs = _merged(pairs, i, j)
    return found, score


def _crossing(pairs: np.ndarray) -> np.ndarray:
    """Return the crossing of all pairs i < j, -1 elsewhere."""
    inside = np.minimum.outer(pairs.diagonal(), pairs.diagonal())
    # Half a sample more on both sides: of very small clusters, little is known.
    crossing = (pairs + 0.5) / (inside + pairs + 1)
    crossing[np.tril_indices(len(pairs))] = -1
    return crossing


def _merged(pairs: np.ndarray, i: int, j: int) -> np.ndarray:
    """Move cluster j to cluster i; what crossed between them is within."""
    merged = pairs.copy()
    merged[i] += merged[j]
    merged[:, i] += merged[:, j]
    merged[i, i] -= pairs[i, j]  # has been added twice
    return np.delete(np.delete(merged, j, axis=0), j, axis=1)


def _score(pairs: np.ndarray, n: int) -> float:
    """Weigh what is agreed on against what is not, beyond chance."""
    k = len(pairs)
    both = (pairs + np.diag(pairs.diagonal())) / (2 * n)  # the chance of i and j, in this order
    size, chance = entr(both.sum(axis=1)).sum(), (k - 1) ** 2 / (2 * n)
    shared = (2 * size - entr(both).sum() - chance) / max(size - chance, 1e-12)
    shared = min(max(shared, 0.0), 1.0)
    return float(size * (shared - PENALTY * (1 - shared)))


class Choice(NamedTuple):
    """
    The number of clusters, and those that are as good.

    Parameters
    ----------
    least : int
        Smallest number that is as good.
    best : int
        Number that is taken.
    most : int
        Largest number that is as good.
    """

    least: int
    best: int
    most: int


def choose_number(curve: Mapping[str, np.ndarray]) -> Choice:
    """
    Tell how many clusters there are, and which other numbers are as good.

    Parameters
    ----------
    curve : mapping of str to ndarray
        As `separation_curve` returns it.

    Returns
    -------
    Choice
        The largest number whose clusters are about as well told apart as those of smaller ones, and
        up to where they are if .072 more may cross than there. Where that is not clear, the number
        with the highest score, and those whose score is within 0.05 of it.
    """
    numbers, score = np.asarray(curve["n_clusters"]), np.asarray(curve["score"])
    end = _end_of_fall(curve)
    best, most = int(numbers[end]), int(numbers[_end_of_fall(curve, FURTHER)])
    # Below 0, views disagree too much for anything to be told apart. A fall may end so gently that
    # its end is found too far up, or have a step on its way.
    is_far_below = score[end] < score.max() - max(AS_GOOD, LOWER * score.max())
    if score[end] > 0 and most < FLAT * best and not is_far_below:
        return Choice(best, best, most)
    near = numbers[score > score.max() - AS_GOOD]
    return Choice(int(near.min()), int(numbers[score.argmax()]), int(near.max()))


def _end_of_fall(curve: Mapping[str, np.ndarray], further: float = 0.0) -> int:
    """Return the place of the largest number before which crossings do not fall."""
    crossing = 1 - np.asarray(curve["separation"])
    # A number is good if a larger one is, so that the fall has one end.
    least_from = np.minimum.accumulate(crossing[::-1])[::-1]
    found = 0
    for at in range(1, len(crossing)):
        usual = np.median(crossing[:at])
        allowed = max(LIMIT * usual, usual + further, NEVER_MUCH)
        if least_from[at] > allowed:
            break
        found = at
    return found


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
