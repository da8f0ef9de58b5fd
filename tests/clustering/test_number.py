"""Clusters that views do not tell apart are merged, and the rest are counted."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest

from skdeepcluster.clustering.number import (
    _best_pair,
    _joint,
    _merged,
    _score,
    as_good,
    merge_clusters,
    most_clusters,
)


def split(classes: int, parts: int, n: int = 3000, share: float = 1.0):
    """Return two views of samples whose classes are cut into parts at random, and the classes."""
    rng = np.random.default_rng(0)
    true = rng.integers(classes, size=n)
    first, second = (true * parts + rng.integers(parts, size=n) for _ in range(2))
    lost = rng.random(n) > share
    return first, np.where(lost, rng.integers(classes * parts, size=n), second), true


@pytest.mark.parametrize("classes", [2, 5, 10, 20])
@pytest.mark.parametrize("share", [1.0, 0.97])
def test_classes_that_were_cut_at_random_are_found(classes: int, share: float) -> None:
    first, second, true = split(classes, 3, share=share)
    found = merge_clusters(first, second)
    assert found.best == classes
    groups = found.groups[classes][first]
    assert len(np.unique(groups * classes + true)) == classes  # one to one
    assert found.n_clusters.tolist() == list(range(2, 3 * classes + 1))


def test_clusters_that_are_told_apart_stay() -> None:
    labels = np.random.default_rng(0).integers(12, size=600)
    found = merge_clusters(labels, labels)
    assert found.best == 12
    assert found.score[-1] == pytest.approx(math.log(12), abs=0.02)


def test_what_is_all_noise_scores_below_one_cluster() -> None:
    first, second = np.random.default_rng(0).integers(10, size=(2, 1000))
    assert merge_clusters(first, second).score.max() < 0


@pytest.mark.parametrize("k", [2, 3, 6, 9])
def test_the_pair_is_the_best_of_all(k: int) -> None:
    first, second, _ = split(k, 1, n=400, share=0.6)
    joint = _joint(first, second, k)
    scores = {pair: _score(_merged(joint, *pair), 400) for pair in combinations(range(k), 2)}
    assert _best_pair(joint, 400) == max(scores, key=scores.get)


def test_merging_ends_where_it_is_told_and_passes_over_numbers_not_in_use() -> None:
    labels = np.array([3, 3, 7, 7, 9, 9] * 20)
    found = merge_clusters(labels, labels, least=3)
    assert found.n_clusters.tolist() == [3]
    assert found.groups[3].tolist() == [-1, -1, -1, 0, -1, -1, -1, 1, -1, 2]
    assert merge_clusters(np.zeros(5, int), np.zeros(5, int)).best == 1


def test_numbers_that_are_as_good() -> None:
    curve = {"n_clusters": np.arange(2, 7), "score": np.array([0.5, 0.97, 1.0, 0.96, 0.2])}
    assert as_good(curve) == (3, 5)


def test_how_many_to_begin_with() -> None:
    assert [most_clusters(n) for n in (2, 9, 60, 1797, 5000, 10**6)] == [1, 3, 5, 30, 49, 50]
