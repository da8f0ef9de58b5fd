"""The map: every sample at its place in the style of its cluster, names, and thumbnails."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.offsetbox import AnnotationBbox

from skdeepcluster.plotting import EmbeddingDisplay
from skdeepcluster.plotting.projection import project


def _data(n_clusters: int, n_each: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Return clusters on a grid, far apart, and their labels."""
    labels = np.repeat(np.arange(n_clusters), n_each)
    middles = np.stack([labels % 7 * 20.0, labels // 7 * 21.0], axis=1)
    return middles + np.random.default_rng(0).normal(size=(len(labels), 2)), labels


def _thumbnails(display: EmbeddingDisplay) -> list[AnnotationBbox]:
    return [artist for artist in display.ax_.artists if isinstance(artist, AnnotationBbox)]


def test_each_cluster_is_drawn_where_it_lies() -> None:
    X, labels = _data(10)
    display = EmbeddingDisplay.from_predictions(X, labels)
    for cluster, drawn in enumerate(display.ax_.collections):
        np.testing.assert_array_equal(drawn.get_offsets(), project(X)[labels == cluster])
    assert len(display.ax_.collections) == 10


@pytest.mark.parametrize("n_clusters", [10, 20])
def test_clusters_look_different_and_a_legend_names_them(n_clusters: int) -> None:
    X, labels = _data(n_clusters)
    display = EmbeddingDisplay.from_predictions(X, labels)
    looks = {
        (c.get_facecolor().tobytes(), c.get_paths()[0].vertices.tobytes())
        for c in display.ax_.collections
    }
    assert len(looks) == n_clusters
    names = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert names == [str(k) for k in range(n_clusters)]
    assert not display.ax_.texts


def test_many_clusters_are_named_at_their_medians() -> None:
    X, labels = _data(40)
    display = EmbeddingDisplay.from_predictions(X, labels)
    assert display.ax_.get_legend() is None
    assert [text.get_text() for text in display.ax_.texts] == [str(k) for k in range(40)]
    for cluster, text in enumerate(display.ax_.texts):
        median = np.median(display.points[labels == cluster], axis=0)
        np.testing.assert_allclose(text.get_position(), median, rtol=1e-6)


def test_names_do_not_stand_on_each_other_where_clusters_overlap() -> None:
    labels = np.arange(2000) % 25
    X = np.random.default_rng(0).normal(size=(2000, 2))
    display = EmbeddingDisplay.from_predictions(X, labels)
    display.figure_.canvas.draw()
    boxes = [text.get_window_extent() for text in display.ax_.texts]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_noise_is_below_everything_and_has_no_number() -> None:
    X, labels = _data(22)
    labels[labels == 21] = -1
    display = EmbeddingDisplay.from_predictions(X, labels)
    *others, noise = display.ax_.collections
    assert noise.get_label() == "noise"
    assert noise.get_zorder() < min(other.get_zorder() for other in others)
    assert [text.get_text() for text in display.ax_.texts] == [str(k) for k in range(21)]


def test_thumbnails_show_the_images_of_their_points() -> None:
    X, labels = _data(4)
    images = np.random.default_rng(1).random((len(X), 5, 6, 3))
    display = EmbeddingDisplay.from_predictions(X, labels, images=images, n_thumbnails=4)
    rows = display.thumbnail_indices
    assert len(set(rows)) == 4
    low, high = images[rows].min(), images[rows].max()
    boxes = _thumbnails(display)
    assert len(boxes) == 4
    for box, row in zip(boxes, rows, strict=True):
        np.testing.assert_allclose(box.xy, display.points[row])
        shown = box.offsetbox.image.get_array()
        np.testing.assert_allclose(shown, (images[row] - low) / (high - low), atol=1e-12)


def test_thumbnails_are_spread_over_the_map() -> None:
    X, labels = _data(7)
    images = np.zeros((len(X), 4, 4))
    display = EmbeddingDisplay.from_predictions(X, labels, images=images, n_thumbnails=7)
    assert sorted(labels[display.thumbnail_indices]) == list(range(7))


def test_thumbnails_do_not_overlap() -> None:
    X = np.random.default_rng(0).normal(size=(2000, 2))
    display = EmbeddingDisplay.from_predictions(
        X, np.zeros(2000, dtype=int), images=np.zeros((2000, 4, 4)), n_thumbnails=1000
    )
    display.figure_.canvas.draw()
    boxes = [box.patch.get_window_extent() for box in _thumbnails(display)]
    assert len(boxes) > 20
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_equal_points_have_one_thumbnail() -> None:
    display = EmbeddingDisplay.from_predictions(
        np.ones((5, 2)), [0, 0, 1, 1, 1], images=np.zeros((5, 4, 4))
    )
    assert len(_thumbnails(display)) == 1


@pytest.mark.parametrize("how", ["model", "pipeline"])
def test_from_estimator_draws_the_embedding_of_the_estimator(fitted: Any, how: str) -> None:
    display = EmbeddingDisplay.from_estimator(getattr(fitted, how), fitted.X, images=fitted.X)
    np.testing.assert_allclose(display.points, project(fitted.model.transform(fitted.X)))
    np.testing.assert_array_equal(display.labels, fitted.model.labels_)
    assert len(_thumbnails(display)) == 30


def test_from_estimator_takes_the_layout_of_the_estimator(fitted: Any) -> None:
    flat = fitted.X.reshape(len(fitted.X), -1)
    display = EmbeddingDisplay.from_estimator(fitted.model, flat, images=flat, n_thumbnails=2)
    expected = fitted.X[display.thumbnail_indices, None]
    np.testing.assert_array_equal(display.thumbnails, expected)


def test_both_directions_have_one_scale() -> None:
    X, labels = _data(3)
    display = EmbeddingDisplay.from_predictions(X * [1, 100], labels)
    assert display.ax_.get_aspect() == 1.0


X, LABELS = _data(3)


@pytest.mark.parametrize(
    ("embedding", "labels", "options", "message"),
    [
        (X, LABELS[:4], {}, "embedding and labels must have the same number of samples, got 18"),
        (X, LABELS, {"images": np.zeros((5, 4, 4))}, "images and labels must have the same number"),
        (X, LABELS, {"images": np.zeros((18, 4))}, "images must hold images, got vectors of 4"),
        (X, LABELS, {"method": "tsne"}, "method must be one of"),
        (X, LABELS, {"images": X, "n_thumbnails": 0}, "n_thumbnails == 0"),
        (X[:, 0], LABELS, {}, "Expected 2D array"),
        (X, np.eye(18), {}, "labels must be one-dimensional"),
    ],
)
def test_bad_input_is_refused_by_name(
    embedding: Any, labels: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        EmbeddingDisplay.from_predictions(embedding, labels, **options)
