"""What two labellings share, weighed against what they do not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import adjusted_mutual_info_score

from skdeepcluster.clustering.agreement import agreement_score, chance_corrected_agreement

CLASSES = np.repeat(np.arange(4), 100)


def flipped(labels: np.ndarray, share: float, n_clusters: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    at = rng.random(len(labels)) < share
    return np.where(at, rng.integers(n_clusters, size=len(labels)), labels)


def test_what_agrees_wholly_scores_the_entropy_of_the_clusters() -> None:
    assert agreement_score(CLASSES, CLASSES) == pytest.approx(math.log(4))
    assert agreement_score(CLASSES, 3 - CLASSES) == pytest.approx(math.log(4))
    uneven = np.repeat([0, 1], [300, 100])
    expected = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert agreement_score(uneven, uneven) == pytest.approx(expected)


def test_the_formula() -> None:
    other = flipped(CLASSES, 0.2, 4)
    sizes = np.bincount(other) / 400
    entropy = (math.log(4) - (sizes * np.log(sizes)).sum()) / 2
    shared = adjusted_mutual_info_score(CLASSES, other)
    assert 0 < shared < 1
    expected = entropy * (shared - 2 * (1 - shared))
    assert agreement_score(CLASSES, other) == pytest.approx(expected)


@pytest.mark.parametrize("n_clusters", [2, 10, 100])
def test_independent_labels_score_far_below_one_cluster_however_many(n_clusters: int) -> None:
    rng = np.random.default_rng(0)
    first, second = rng.integers(n_clusters, size=(2, 400))
    assert chance_corrected_agreement(first, second) < 0.05
    assert agreement_score(first, second) < -1.2
    assert agreement_score(first, second) >= -2 * math.log(n_clusters)


def test_everything_in_one_cluster_scores_zero() -> None:
    assert agreement_score(np.zeros(9, int), np.zeros(9, int)) == 0
    assert agreement_score(np.zeros(1, int), np.zeros(1, int)) == 0


def test_neither_merged_nor_halved_clusters_score_as_well_as_those_there_are() -> None:
    """Halves that views do not tell apart cost more than they add, and so do lost clusters."""
    whole = agreement_score(CLASSES, CLASSES)
    assert agreement_score(CLASSES // 2, CLASSES // 2) < whole
    halves = np.random.default_rng(0).integers(2, size=(2, 400))
    first, second = 2 * CLASSES + halves
    assert agreement_score(first, second) < whole


def test_views_in_different_numbers_of_clusters_are_no_matter() -> None:
    assert agreement_score(CLASSES, CLASSES // 2) < agreement_score(CLASSES, CLASSES)
    assert math.isfinite(agreement_score(np.arange(5), np.zeros(5, int)))
    assert math.isfinite(agreement_score(np.arange(5), np.arange(5)))
