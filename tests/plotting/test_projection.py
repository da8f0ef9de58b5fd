"""Two coordinates per sample: the same map every time, and exact where PCA makes it."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA

from skdeepcluster.plotting.projection import project


def _vectors(n: int = 50, d: int = 6) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n, d)) * np.arange(1, d + 1)


def test_pca_finds_the_two_directions_of_largest_variance() -> None:
    X = _vectors()
    points = project(X, "pca")
    assert points.dtype == np.float32
    np.testing.assert_allclose(points, PCA(2, svd_solver="full").fit_transform(X), atol=1e-4)


@pytest.mark.parametrize("shape", [(50, 6), (6, 50), (5000, 600)])
def test_a_map_depends_on_nothing_but_the_vectors(shape: tuple[int, int]) -> None:
    X = _vectors(*shape)
    first = project(X, random_state=1)
    np.testing.assert_array_equal(first, project(X, random_state=2))
    np.testing.assert_array_equal(first, project(X, "pca"))
    np.testing.assert_allclose(first, project(X.astype(np.float32)), atol=1e-3)


def test_moving_all_vectors_does_not_mirror_the_map() -> None:
    X = _vectors()
    np.testing.assert_allclose(project(X), project(X + 7), atol=1e-4)
    np.testing.assert_allclose(project(X), project(X[::-1])[::-1], atol=1e-4)


def test_one_feature_and_equal_vectors_have_a_map() -> None:
    np.testing.assert_allclose(project([[1.0], [3.0]]), [[-1, 0], [1, 0]])
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(project(np.ones((4, 3))), np.zeros((4, 2)))


def test_auto_does_not_look_for_umap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    np.testing.assert_array_equal(project(_vectors(), "auto"), project(_vectors(), "pca"))


def test_without_umap_learn_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ImportError, match=r"skdeepcluster\[umap\]"):
        project(_vectors(), "umap")


@pytest.mark.parametrize(("random_state", "n_jobs"), [(3, 1), (None, -1)])
def test_umap_gets_the_seed_and_no_more_neighbours_than_there_are(
    monkeypatch: pytest.MonkeyPatch, random_state: Any, n_jobs: int
) -> None:
    seen: dict[str, Any] = {}

    class UMAP:
        def __init__(self, **options: Any) -> None:
            seen.update(options)

        def fit_transform(self, X: np.ndarray) -> np.ndarray:
            return X[:, :2].astype(np.float64)

    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=UMAP))
    points = project(_vectors(9), "umap", random_state)
    assert seen == {"n_neighbors": 8, "random_state": random_state, "n_jobs": n_jobs}
    assert points.dtype == np.float32
    np.testing.assert_allclose(points, _vectors(9)[:, :2], rtol=1e-6)


@pytest.mark.parametrize(
    ("embedding", "method", "message"),
    [
        (_vectors(), "tsne", "method must be one of"),
        (_vectors(1), "pca", "minimum of 2"),
        (_vectors(3), "umap", "minimum of 4"),
        (_vectors() * np.nan, "pca", "embedding contains NaN"),
        (np.zeros(5), "pca", "Expected 2D array"),
    ],
)
def test_bad_input_is_refused(embedding: Any, method: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        project(embedding, method)
