"""Silhouettes: the values of the formula, sorted blades, and a mean that is the score."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import pairwise_distances
from sklearn.pipeline import make_pipeline

from skdeepcluster.clustering.silhouette import silhouettes
from skdeepcluster.plotting import SilhouetteDisplay


def _data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = np.array([4, 0, 0, 2, 4, 2, 2, 0, 0, 0])
    return rng.normal(size=(10, 3)) + labels[:, None], labels


def _by_hand(X: np.ndarray, labels: np.ndarray) -> np.ndarray:
    clusters = np.unique(labels)
    distances = pairwise_distances(X, [X[labels == k].mean(axis=0) for k in clusters])
    own = distances[labels[:, None] == clusters]
    other = np.where(labels[:, None] == clusters, np.inf, distances).min(axis=1)
    return (other - own) / np.maximum(own, other)


def _blades(display: SilhouetteDisplay) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the outline of each blade: values and heights."""
    return [tuple(path.vertices.T) for c in display.ax_.collections for path in c.get_paths()]


def test_silhouettes_follow_the_formula() -> None:
    X, labels = _data()
    display = SilhouetteDisplay.from_predictions(X, labels)
    np.testing.assert_allclose(display.silhouettes, _by_hand(X, labels))
    assert display.score == pytest.approx(_by_hand(X, labels).mean())


def test_a_blade_is_as_high_as_its_cluster_and_holds_its_values() -> None:
    X, labels = _data()
    display = SilhouetteDisplay.from_predictions(X, labels)
    blades = _blades(display)
    assert len(blades) == 3
    for cluster, (values, heights) in zip([0, 2, 4], blades, strict=True):
        own = display.silhouettes[labels == cluster]
        assert np.ptp(heights) == pytest.approx(len(own))
        np.testing.assert_allclose(np.unique(values[values != 0]), np.sort(own))
    tops = [heights.min() for _, heights in blades]
    assert tops == sorted(tops)
    low, high = display.ax_.get_ylim()
    assert low > high  # cluster 0 is at the top
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == ["0", "2", "4"]


@pytest.mark.parametrize("how", ["model", "pipeline"])
def test_the_silhouettes_are_those_in_the_embedding(fitted: Any, how: str) -> None:
    display = SilhouetteDisplay.from_estimator(getattr(fitted, how), fitted.X)
    model = fitted.model
    found = silhouettes(model.transform(fitted.X), model.predict(fitted.X), model.cluster_centers_)
    np.testing.assert_allclose(display.silhouettes, found, atol=1e-6)
    assert display.score == pytest.approx(found.mean(), abs=1e-6)
    assert f"{display.score:.3f}" in display.ax_.get_title()


def test_noise_is_left_out() -> None:
    X, labels = _data()
    with_noise = SilhouetteDisplay.from_predictions(
        np.vstack([X, np.full((2, 3), 99.0)]), np.append(labels, [-1, -1])
    )
    np.testing.assert_allclose(with_noise.silhouettes, _by_hand(X, labels))
    assert -1 not in with_noise.labels


def test_a_single_cluster_has_silhouettes_of_nothing() -> None:
    display = SilhouetteDisplay.from_predictions(np.eye(3), [0, 0, 0])
    assert display.silhouettes.tolist() == [0, 0, 0]


def test_names_do_not_overlap_where_clusters_are_tiny() -> None:
    labels = np.repeat(np.arange(40), [400, *[1] * 39])
    X = np.random.default_rng(0).normal(size=(len(labels), 4))
    display = SilhouetteDisplay.from_predictions(X, labels)
    display.figure_.canvas.draw()
    boxes = [label.get_window_extent() for label in display.ax_.get_yticklabels()]
    assert len(boxes) == 40
    assert all(below.y1 < above.y0 for above, below in pairwise(boxes))


def test_more_samples_than_are_looked_at_at_once() -> None:
    rng = np.random.default_rng(0)
    X, labels = rng.normal(size=(20_000, 2)), rng.integers(3, size=20_000)
    display = SilhouetteDisplay.from_predictions(X, labels)
    np.testing.assert_allclose(display.silhouettes, _by_hand(X, labels))


X, LABELS = _data()


@pytest.mark.parametrize(
    ("embedding", "labels", "options", "message"),
    [
        (X, LABELS[:4], {}, "embedding and labels must have the same number of samples, got 10"),
        (X[0], LABELS, {}, "Expected 2D array"),
        (X * np.nan, LABELS, {}, "embedding contains NaN"),
        (X, LABELS[:, None], {}, "labels must be one-dimensional"),
        (X, LABELS, {"centers": np.zeros((4, 3))}, r"more than 4 rows.* got shape \(4, 3\)"),
        (X, LABELS, {"centers": np.zeros((5, 2))}, r"\(n_clusters, 3\).* got shape \(5, 2\)"),
    ],
)
def test_bad_input_is_refused_by_name(
    embedding: Any, labels: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        SilhouetteDisplay.from_predictions(embedding, labels, **options)


def test_k_means_of_scikit_learn_is_drawn_in_the_space_of_its_centres():
    X = np.random.default_rng(0).normal(size=(60, 3)) + 9 * np.eye(3).repeat(20, axis=0)
    model = KMeans(3, n_init=1, random_state=0).fit(X)
    expected = SilhouetteDisplay.from_predictions(X, model.labels_, centers=model.cluster_centers_)
    assert SilhouetteDisplay.from_estimator(model, X).score == expected.score
    pipeline = make_pipeline(PCA(3), KMeans(3, n_init=1, random_state=0)).fit(X)
    assert SilhouetteDisplay.from_estimator(pipeline, X).score == pytest.approx(expected.score)
