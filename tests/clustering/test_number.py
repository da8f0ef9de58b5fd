"""Clusters that views do not tell apart are merged, and the rest are counted."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from scipy.stats import entropy
from sklearn.metrics import adjusted_mutual_info_score

from skdeepcluster.clustering.number import (
    choose_number,
    merged_in_turn,
    most_clusters,
    separation_curve,
)


def split(classes: int, parts: int, n: int = 3000, share: float = 1.0):
    """Return two views of samples whose classes are cut into parts at random."""
    rng = np.random.default_rng(0)
    true = rng.integers(classes, size=n)
    first, second = (true * parts + rng.integers(parts, size=n) for _ in range(2))
    lost = rng.random(n) > share
    return first, np.where(lost, rng.integers(classes * parts, size=n), second)


def curve_of(first: np.ndarray, second: np.ndarray) -> dict[str, np.ndarray]:
    crossing, score = merged_in_turn(first, second)
    numbers = np.arange(2, len(crossing) + 2)
    return {"n_clusters": numbers, "separation": 1 - crossing, "score": score}


def slow_crossings(first: np.ndarray, second: np.ndarray) -> list[float]:
    """Merge by labels, and count samples one by one."""
    found = []
    while len(names := np.unique([first, second])) > 1:
        pairs = {}
        for i, j in combinations(names, 2):
            crossing = sum({a, b} == {i, j} for a, b in zip(first, second, strict=True))
            inside = [sum(a == b == k for a, b in zip(first, second, strict=True)) for k in (i, j)]
            pairs[i, j] = (crossing + 0.5) / (min(inside) + crossing + 1)
        (i, j), worst = max(pairs.items(), key=lambda pair: pair[1])
        found.append(worst)
        first, second = np.where(first == j, i, first), np.where(second == j, i, second)
    return found[::-1]


@pytest.mark.parametrize("k", [2, 3, 6])
def test_pairs_are_merged_as_by_counting_one_by_one(k: int) -> None:
    first, second = split(k, 2, n=150, share=0.8)
    np.testing.assert_allclose(merged_in_turn(first, second)[0], slow_crossings(first, second))


@pytest.mark.parametrize("classes", [2, 5, 10, 20])
@pytest.mark.parametrize("share", [1.0, 0.97])
def test_classes_that_were_cut_at_random_are_found(classes: int, share: float) -> None:
    curve = curve_of(*split(classes, 3, share=share))
    assert choose_number(curve) == (classes, classes, classes)
    assert curve["n_clusters"].tolist() == list(range(2, 3 * classes + 1))


def test_clusters_that_are_told_apart_stay() -> None:
    labels = np.random.default_rng(0).integers(12, size=600)
    curve = curve_of(labels, labels)
    assert choose_number(curve).best == 12
    assert curve["separation"].min() > 0.97


def test_what_is_all_noise_is_not_told_apart() -> None:
    first, second = np.random.default_rng(0).integers(10, size=(2, 1000))
    curve = curve_of(first, second)
    assert curve["separation"].max() < 0.5
    assert curve["score"].max() < 0
    assert choose_number(curve).best == curve["n_clusters"][curve["score"].argmax()]


@pytest.mark.parametrize("looks", [1, 10])
def test_a_sample_that_is_far_off_is_no_class(looks: int) -> None:
    labels = np.tile(np.repeat([0, 1, 2], [300, 300, 1]), (looks, 1))
    assert choose_number(curve_of(labels, labels)).best == 2


def test_samples_seen_again_with_the_same_outcome_say_no_more() -> None:
    once = split(4, 2, share=0.9)
    often = [np.tile(labels, (10, 1)) for labels in once]
    np.testing.assert_allclose(merged_in_turn(*often), merged_in_turn(*once))


def test_numbers_not_in_use_are_passed_over_and_one_cluster_has_no_crossing() -> None:
    labels = np.array([3, 3, 7, 7, 9, 9] * 20)
    assert [len(values) for values in merged_in_turn(labels, labels)] == [2, 2]
    assert len(merged_in_turn(np.zeros(5, int), np.zeros(5, int))[0]) == 0


def test_the_score_weighs_what_is_agreed_on_against_the_rest() -> None:
    first, second = split(4, 1, share=0.9)
    both = np.concatenate([first, second]), np.concatenate([second, first])
    shared = adjusted_mutual_info_score(*both, average_method="arithmetic")
    expected = entropy(np.bincount(both[0])) * (shared - 3 * (1 - shared))
    assert merged_in_turn(first, second)[1][-1] == pytest.approx(expected, abs=0.01)


def test_where_the_curve_falls_all_the_way_the_score_decides() -> None:
    curve = {
        "n_clusters": np.arange(2, 10),
        "separation": 1 - np.linspace(0.05, 0.4, 8),
        "score": np.array([0.3, 0.5, 0.78, 0.8, 0.79, 0.4, 0.2, 0.1]),
    }
    assert choose_number(curve) == (4, 5, 6)
    curve["separation"] = 1 - np.array([0.01] * 4 + [0.5] * 4)
    assert choose_number(curve).best == 5
    curve["separation"][4] = 0.99
    assert choose_number(curve).best == 6  # its score is near to the highest
    assert choose_number(curve | {"score": curve["score"] - 1}).best == 5


def test_an_end_far_beyond_the_highest_score_does_not_count() -> None:
    curve = {
        "n_clusters": np.arange(2, 10),
        "separation": 1 - np.array([0.01] * 7 + [0.5]),
        "score": np.array([0.3, 0.5, 0.78, 0.8, 0.79, 0.77, 0.7, 0.1]),
    }
    assert choose_number(curve) == (4, 5, 7)
    curve["score"][6] = 0.76
    assert choose_number(curve) == (8, 8, 8)


@pytest.mark.parametrize("centers", [2, 5, 12])
def test_the_curve_of_an_embedding(centers: int) -> None:
    generator = torch.Generator().manual_seed(0)
    middles = torch.randn(centers, 32, generator=generator)
    number = torch.arange(40 * centers) % centers
    noise = 0.2 * torch.randn(2, len(number), 32, generator=generator)
    first, second = torch.nn.functional.normalize(middles[number] + noise, dim=-1)
    curves = [
        separation_curve(first, second, 20, torch.Generator().manual_seed(1)) for _ in range(2)
    ]
    assert choose_number(curves[0]).best == centers
    np.testing.assert_array_equal(curves[0]["separation"], curves[1]["separation"])


def test_an_embedding_in_one_point_is_one_cluster() -> None:
    same = torch.ones(30, 4)
    curve = separation_curve(same, same, 5, torch.Generator().manual_seed(0))
    assert choose_number(curve) == (1, 1, 1)


def test_numbers_that_are_as_good() -> None:
    separation = 1 - np.array([0.1, 0.1, 0.12, 0.14, 0.18, 0.24])
    curve = {"n_clusters": np.arange(2, 8), "separation": separation, "score": np.ones(6)}
    assert choose_number(curve) == (5, 5, 6)


def test_a_smaller_number_is_good_where_a_larger_one_is() -> None:
    separation = 1 - np.array([0.1, 0.1, 0.2, 0.2, 0.1, 0.3])
    curve = {"n_clusters": np.arange(2, 8), "separation": separation, "score": np.ones(6)}
    assert choose_number(curve).best == 6


def test_how_many_to_begin_with() -> None:
    assert [most_clusters(n) for n in (2, 9, 60, 1797, 5000, 10**6)] == [1, 3, 5, 30, 49, 50]
