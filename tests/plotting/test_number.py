"""The curve of numbers of clusters, the best, and those that are as good."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeepcluster import CLC
from skdeepcluster.plotting import ClusterNumberDisplay

CURVE = {
    "n_clusters": [2, 3, 4, 5],
    "separation": [0.99, 0.98, 0.93, 0.5],
    "score": [0.2, 0.97, 1.0, -0.3],
}


def test_the_curve_is_drawn_and_the_best_is_named() -> None:
    display = ClusterNumberDisplay.from_curve(CURVE)
    expected = np.array([CURVE["n_clusters"], CURVE["separation"]]).T
    np.testing.assert_array_equal(display.line_.get_xydata(), expected)
    assert display.ax_.get_title() == "3 clusters"
    (text,) = display.ax_.get_legend().get_texts()
    assert text.get_text() == "as good: 3 to 4"


def test_a_sharp_fall_leaves_one_number() -> None:
    curve = {"n_clusters": [2, 3], "separation": [0.99, 0.98], "score": [0.5, 1.0]}
    display = ClusterNumberDisplay.from_curve(curve)
    (text,) = display.ax_.get_legend().get_texts()
    assert text.get_text() == "nothing else is as good"


def test_it_draws_on_axes_that_are_given() -> None:
    first = ClusterNumberDisplay.from_curve(CURVE)
    second = ClusterNumberDisplay.from_curve(CURVE, ax=first.ax_)
    assert second.ax_ is first.ax_


def test_from_estimator() -> None:
    X, _ = make_blobs(90, centers=3, random_state=0)
    model = make_pipeline(StandardScaler(), CLC("auto", max_epochs=2, random_state=0)).fit(X)
    display = ClusterNumberDisplay.from_estimator(model)
    np.testing.assert_array_equal(display.separation, model[-1].n_clusters_curve_["separation"])
    known = CLC(3, max_epochs=1, random_state=0).fit(X)
    with pytest.raises(ValueError, match="not fitted with n_clusters='auto'"):
        ClusterNumberDisplay.from_estimator(known)


def test_a_curve_must_be_whole() -> None:
    with pytest.raises(ValueError, match=r"curve must have \['score', 'separation'\]"):
        ClusterNumberDisplay.from_curve({"n_clusters": [2]})
    with pytest.raises(ValueError, match="the same number of samples, got 2 and 1"):
        ClusterNumberDisplay.from_curve(CURVE | {"n_clusters": [2, 3], "separation": [1.0]})
