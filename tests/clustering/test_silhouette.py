"""The simplified silhouette against a slow loop, and at its ends."""

from __future__ import annotations

import numpy as np
import pytest

from skdeepcluster.clustering.silhouette import silhouettes


def slow_silhouettes(x: np.ndarray, labels: np.ndarray, centers: np.ndarray) -> list[float]:
    scores = []
    for sample, label in zip(x, labels, strict=True):
        distances = [np.sqrt(((sample - center) ** 2).sum()) for center in centers]
        own = distances.pop(label)
        larger = max(own, min(distances))
        scores.append((min(distances) - own) / larger if larger > 0 else 0.0)
    return scores


@pytest.mark.parametrize(("n", "k", "d"), [(1, 2, 1), (3, 2, 4), (50, 7, 3), (9, 20, 5)])
def test_equals_the_loop(n: int, k: int, d: int) -> None:
    rng = np.random.default_rng(0)
    x, centers = rng.normal(size=(n, d)).astype(np.float32), rng.normal(size=(k, d))
    labels = rng.integers(0, k, size=n)
    expected = slow_silhouettes(x, labels, centers)
    np.testing.assert_allclose(silhouettes(x, labels, centers), expected, atol=1e-9)


def test_samples_on_their_centers_score_one_and_on_another_minus_one() -> None:
    centers = np.array([[0.0, 0.0], [3.0, 4.0]])
    labels = np.array([0, 1, 1])
    assert (silhouettes(centers[labels], labels, centers) == 1).all()
    assert (silhouettes(centers[1 - labels], labels, centers) == -1).all()


def test_coinciding_centers_score_zero() -> None:
    assert (silhouettes(np.zeros((4, 2)), np.zeros(4, int), np.zeros((3, 2))) == 0).all()


def test_far_from_the_origin_keeps_its_digits() -> None:
    rng = np.random.default_rng(0)
    x, centers = rng.normal(size=(30, 3)), rng.normal(size=(4, 3))
    labels = rng.integers(0, 4, size=30)
    near = silhouettes(x, labels, centers)
    np.testing.assert_allclose(silhouettes(x + 1e4, labels, centers + 1e4), near, atol=1e-7)
