"""The simplified silhouette against a slow loop, and at its ends."""

from __future__ import annotations

import numpy as np
import pytest

from skdeepcluster.clustering import silhouette
from skdeepcluster.clustering.silhouette import simplified_silhouette


def slow_silhouette(x: np.ndarray, labels: np.ndarray, centers: np.ndarray) -> float:
    scores = []
    for sample, label in zip(x, labels, strict=True):
        distances = [np.sqrt(((sample - center) ** 2).sum()) for center in centers]
        own = distances.pop(label)
        larger = max(own, min(distances))
        scores.append((min(distances) - own) / larger if larger > 0 else 0.0)
    return float(np.mean(scores))


@pytest.mark.parametrize(("n", "k", "d"), [(1, 2, 1), (3, 2, 4), (50, 7, 3), (9, 20, 5)])
@pytest.mark.parametrize("at_once", [1, 64, 2**21])
def test_equals_the_loop_whatever_the_chunk(
    n: int, k: int, d: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silhouette, "_DISTANCES_AT_ONCE", at_once)
    rng = np.random.default_rng(0)
    x, centers = rng.normal(size=(n, d)).astype(np.float32), rng.normal(size=(k, d))
    labels = rng.integers(0, k, size=n)
    value = simplified_silhouette(x, labels, centers)
    assert isinstance(value, float) and -1 <= value <= 1
    assert value == pytest.approx(slow_silhouette(x, labels, centers), abs=1e-9)


def test_one_cluster_scores_zero() -> None:
    assert simplified_silhouette(np.ones((4, 2)), np.zeros(4, int), np.ones((1, 2))) == 0


def test_samples_on_their_centers_score_one_and_on_another_minus_one() -> None:
    centers = np.array([[0.0, 0.0], [3.0, 4.0]])
    labels = np.array([0, 1, 1])
    assert simplified_silhouette(centers[labels], labels, centers) == 1
    assert simplified_silhouette(centers[1 - labels], labels, centers) == -1


def test_coinciding_centers_score_zero() -> None:
    assert simplified_silhouette(np.zeros((4, 2)), np.zeros(4, int), np.zeros((3, 2))) == 0


def test_far_from_the_origin_keeps_its_digits() -> None:
    rng = np.random.default_rng(0)
    x, centers = rng.normal(size=(30, 3)), rng.normal(size=(4, 3))
    labels = rng.integers(0, 4, size=30)
    near = simplified_silhouette(x, labels, centers)
    assert simplified_silhouette(x + 1e4, labels, centers + 1e4) == pytest.approx(near, abs=1e-7)
