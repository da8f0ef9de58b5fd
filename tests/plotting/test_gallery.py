"""The gallery of clusters: who is drawn where, in which layout, and what is refused."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import KMeans
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skdeepcluster import ContrastiveClustering
from skdeepcluster.plotting import ClusterGalleryDisplay

LABELS = np.array([0, 1, 1, 0, 1, 3])
SURE = np.array([0.6, 0.7, 0.9, 0.8, 0.8, 1.0])


def _probabilities() -> np.ndarray:
    """Give each sample its certainty in its own cluster; cluster 2 has no members."""
    table = np.repeat((1 - SURE)[:, None] / 3, 4, axis=1)
    table[np.arange(len(LABELS)), LABELS] = SURE
    return table


def _photos(height: int = 5, width: int = 6) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (6, height, width, 3), dtype=np.uint8)


def _drawn(axis: Any) -> np.ndarray:
    return np.asarray(axis.images[0].get_array())


def _scaled(images: np.ndarray) -> np.ndarray:
    low, high = float(images.min()), float(images.max())
    return (images - low) / (high - low)


def test_members_stand_by_falling_certainty_in_the_row_of_their_cluster() -> None:
    display = ClusterGalleryDisplay.from_predictions(_photos(), _probabilities(), n_images=3)
    assert [rows.tolist() for rows in display.indices] == [[3, 0], [2, 4, 1], [], [5]]
    assert display.sizes.tolist() == [2, 3, 0, 1]
    assert display.axes_.shape == (4, 3)
    expected = _scaled(_photos())
    for k, rows in enumerate(display.indices):
        for axis, row in zip(display.axes_[k], rows, strict=False):
            np.testing.assert_allclose(_drawn(axis), expected[row], atol=1e-12)
        assert all(not axis.images for axis in display.axes_[k, len(rows) :])
        assert display.axes_[k, 0].get_ylabel() == f"{k}\n({display.sizes[k]})"


def test_the_most_doubtful_members_come_first_where_they_are_asked_for() -> None:
    display = ClusterGalleryDisplay.from_predictions(
        _photos(), _probabilities(), n_images=2, select="doubtful"
    )
    assert [rows.tolist() for rows in display.indices] == [[0, 3], [1, 4], [], [5]]


def test_random_members_follow_the_seed_and_are_all_there() -> None:
    images, table = np.zeros((20, 3, 3)), np.eye(2)[np.arange(20) % 2]

    def drawn(seed: int) -> list[list[int]]:
        display = ClusterGalleryDisplay.from_predictions(
            images, table, n_images=10, select="random", random_state=seed
        )
        return [rows.tolist() for rows in display.indices]

    assert drawn(0) == drawn(0) != drawn(1)
    assert [sorted(rows) for rows in drawn(0)] == [list(range(0, 20, 2)), list(range(1, 20, 2))]


def test_labels_are_drawn_in_the_order_of_the_samples_with_noise_last() -> None:
    labels = np.array([7, -1, 2, 7, 7, -1])
    display = ClusterGalleryDisplay.from_predictions(_photos(), labels, n_images=2)
    assert [rows.tolist() for rows in display.indices] == [[2], [0, 3], [1, 5]]
    titles = [axes[0].get_ylabel() for axes in display.axes_]
    assert titles == ["2\n(1)", "7\n(3)", "noise\n(2)"]


def test_chosen_clusters_stand_in_the_order_given() -> None:
    display = ClusterGalleryDisplay.from_predictions(_photos(), _probabilities(), clusters=[3, 0])
    assert [rows.tolist() for rows in display.indices] == [[5], [3, 0]]
    assert [axes[0].get_ylabel() for axes in display.axes_] == ["3\n(1)", "0\n(2)"]


def test_a_chosen_cluster_without_members_is_an_empty_row() -> None:
    display = ClusterGalleryDisplay.from_predictions(_photos(), _probabilities(), clusters=[2])
    assert display.axes_.shape == (1, 1)
    assert not display.axes_[0, 0].images


def test_many_clusters_go_on_to_the_right() -> None:
    display = ClusterGalleryDisplay.from_predictions(np.zeros((51, 3, 3)), np.arange(51))
    assert display.axes_.shape == (51, 1)
    assert display.figure_.get_figheight() <= 13
    places = [axes[0].get_position() for axes in display.axes_]
    assert len({round(place.x0, 6) for place in places}) == 3
    assert len({(round(place.x0, 6), round(place.y0, 6)) for place in places}) == 51


@pytest.mark.parametrize("n_images", [1, 2, 50])
def test_no_more_images_than_asked_and_no_more_columns_than_members(n_images: int) -> None:
    display = ClusterGalleryDisplay.from_predictions(_photos(), _probabilities(), n_images=n_images)
    assert display.axes_.shape == (4, min(n_images, 3))
    assert [len(images) for images in display.images] == [min(n_images, m) for m in (2, 3, 0, 1)]


@pytest.mark.parametrize(
    ("turn", "options"),
    [
        (lambda x: x, {}),
        (lambda x: x.transpose(0, 3, 1, 2), {}),
        (lambda x: np.asfortranarray(x), {}),
        (lambda x: x.reshape(6, -1), {"image_shape": (5, 6, 3)}),
        (lambda x: x.transpose(0, 3, 1, 2).reshape(6, -1), {"image_shape": (3, 5, 6)}),
        (lambda x: x.astype(np.float32) / 100 - 1, {}),
        (lambda x: torch.from_numpy(x), {}),
        (lambda x: x.tolist(), {}),
    ],
    ids=["nhwc", "nchw", "fortran", "flat-last", "flat-first", "float", "torch", "list"],
)
def test_layouts_and_dtypes_give_one_picture(turn: Any, options: dict[str, Any]) -> None:
    display = ClusterGalleryDisplay.from_predictions(
        turn(_photos()), _probabilities(), n_images=1, **options
    )
    np.testing.assert_allclose(_drawn(display.axes_[1, 0]), _scaled_to_shown(display), atol=1e-5)


def _scaled_to_shown(display: ClusterGalleryDisplay) -> np.ndarray:
    """Return the surest member of cluster 1, scaled by the range of the three images shown."""
    shown = _photos()[[3, 2, 5]]
    assert [rows.tolist() for rows in display.indices] == [[3], [2], [], [5]]
    return _scaled(shown)[1]


@pytest.mark.parametrize("channel_axis", ["first", "last"])
def test_channel_axis_settles_an_ambiguous_shape(channel_axis: str) -> None:
    X = _photos(3, 3)
    display = ClusterGalleryDisplay.from_predictions(
        X, _probabilities(), channel_axis=channel_axis, n_images=3
    )
    expected = X if channel_axis == "last" else X.transpose(0, 2, 3, 1)
    np.testing.assert_allclose(_drawn(display.axes_[3, 0]), _scaled(expected)[5], atol=1e-12)


@pytest.mark.parametrize(
    ("channels", "picture"),
    [(1, lambda x: x[0]), (2, lambda x: x.mean(0)), (4, lambda x: x[:3].transpose(1, 2, 0))],
)
def test_other_channel_counts_are_drawn_in_grey_or_by_their_first_three(
    channels: int, picture: Any
) -> None:
    X = np.random.default_rng(1).random((6, channels, 5, 6))
    display = ClusterGalleryDisplay.from_predictions(
        X, _probabilities(), channel_axis="first", n_images=3
    )
    np.testing.assert_allclose(_drawn(display.axes_[3, 0]), picture(_scaled(X)[5]), atol=1e-12)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float64])
def test_flat_images_of_one_value_are_drawn(dtype: type) -> None:
    display = ClusterGalleryDisplay.from_predictions(np.ones((6, 4, 4), dtype), _probabilities())
    assert np.all(_drawn(display.axes_[0, 0]) == 0)


class _Model(ClusterMixin, BaseEstimator):
    """A stand-in for a fitted estimator that reads flattened images."""

    image_shape = (5, 6, 3)
    channel_axis = "last"

    def fit(self, X: Any, y: Any = None) -> _Model:
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict_proba(self, X: Any) -> np.ndarray:
        assert X.shape == (6, 90)
        return _probabilities()


def test_from_estimator_takes_the_layout_of_the_estimator() -> None:
    display = ClusterGalleryDisplay.from_estimator(_Model(), _photos().reshape(6, -1), n_images=3)
    np.testing.assert_allclose(_drawn(display.axes_[3, 0]), _scaled(_photos())[5], atol=1e-12)


@pytest.mark.parametrize("given", [{}, {"image_shape": (5, 6, 3)}])
def test_from_estimator_takes_the_layout_of_the_end_of_a_pipeline(given: dict[str, Any]) -> None:
    model = make_pipeline(FunctionTransformer(lambda x: x / 255), _Model())
    X = _photos().reshape(6, -1)
    display = ClusterGalleryDisplay.from_estimator(model, X, n_images=3, **given)
    np.testing.assert_allclose(_drawn(display.axes_[3, 0]), _scaled(_photos())[5], atol=1e-12)


def test_from_estimator_draws_clusterers_without_probabilities() -> None:
    X = _photos().reshape(6, -1)
    model = KMeans(2, n_init=1, random_state=0).fit(X)
    display = ClusterGalleryDisplay.from_estimator(model, X, image_shape=(5, 6, 3))
    assert [rows.tolist() for rows in display.indices] == [
        np.flatnonzero(model.labels_ == k).tolist() for k in (0, 1)
    ]


def test_draws_into_the_figure_given_and_saves(tmp_path: Any) -> None:
    figure = Figure()
    display = ClusterGalleryDisplay.from_predictions(_photos(), _probabilities(), figure=figure)
    assert display.figure_ is figure
    assert display.axes_[0, 0].figure is figure
    figure.savefig(tmp_path / "gallery.png")
    assert (tmp_path / "gallery.png").stat().st_size > 0


def test_the_given_arrays_stay_as_they_are() -> None:
    X, table = _photos(), _probabilities()
    X.setflags(write=False)
    table.setflags(write=False)
    ClusterGalleryDisplay.from_predictions(X, table)
    np.testing.assert_array_equal(X, _photos())
    np.testing.assert_array_equal(table, _probabilities())


@pytest.mark.parametrize(
    ("X", "assignments", "options", "message"),
    [
        (_photos(), _probabilities()[:5], {}, "same number of samples, got 6 and 5"),
        (_photos().reshape(6, -1), _probabilities(), {}, "give image_shape"),
        (_photos(), _probabilities() * np.nan, {}, "assignments contains NaN"),
        (_photos(), LABELS / 2, {}, "assignments must be one-dimensional and hold integers"),
        (_photos(), LABELS, {"select": "doubtful"}, 'select="doubtful" needs probabilities'),
        (_photos(), _probabilities(), {"select": "best"}, "select must be one of"),
        (_photos(), _probabilities(), {"clusters": [4]}, r"some of \[0, 1, 2, 3\], got \[4\]"),
        (_photos(), _probabilities(), {"clusters": []}, r"clusters must be .* got \[\]"),
        (_photos(), _probabilities(), {"clusters": 1}, "clusters must be .* got 1"),
        (_photos(), _probabilities(), {"n_images": 0}, "n_images == 0"),
        (_photos(3, 3), _probabilities(), {}, "channel_axis"),
    ],
)
def test_bad_input_is_refused_by_name(
    X: Any, assignments: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ClusterGalleryDisplay.from_predictions(X, assignments, **options)


def test_an_estimator_that_is_not_fitted_is_refused() -> None:
    with pytest.raises(NotFittedError):
        ClusterGalleryDisplay.from_estimator(ContrastiveClustering(), _photos())


def test_without_matplotlib_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"skdeepcluster\[plot\]"):
        ClusterGalleryDisplay.from_predictions(_photos(), _probabilities())
