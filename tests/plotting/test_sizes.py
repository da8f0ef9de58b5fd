"""Bars of cluster sizes: as high as there are samples, in the order of the numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.cluster import KMeans

from skdeepcluster.plotting import ClusterSizesDisplay


def _heights(display: ClusterSizesDisplay) -> list[float]:
    return [bar.get_height() for bar in display.bars_]


def _names(display: ClusterSizesDisplay) -> list[str]:
    return [label.get_text() for label in display.ax_.get_xticklabels()]


def test_bars_stand_by_number_with_noise_last_and_in_another_colour() -> None:
    display = ClusterSizesDisplay.from_predictions([3, -1, 0, 3, 3, 0, -1, 7])
    assert _names(display) == ["0", "3", "7", "noise"]
    assert _heights(display) == [2, 3, 1, 2]
    colours = {bar.get_facecolor() for bar in display.bars_}
    assert len(colours) == 2
    assert display.bars_[3].get_facecolor() not in {
        bar.get_facecolor() for bar in display.bars_[:3]
    }


def test_the_even_size_leaves_noise_out() -> None:
    display = ClusterSizesDisplay.from_predictions([3, -1, 0, 3, 3, 0, -1, 7])
    (line,) = display.ax_.lines
    assert set(line.get_ydata()) == {2.0}
    assert line.get_label() == "even size: 2"


def test_probabilities_show_empty_clusters() -> None:
    display = ClusterSizesDisplay.from_predictions([[0.6, 0.3, 0.1], [0.1, 0.2, 0.7]])
    assert _heights(display) == [1, 0, 1]


@pytest.mark.parametrize("how", ["model", "pipeline"])
def test_from_estimator_counts_what_it_predicts(fitted: Any, how: str) -> None:
    display = ClusterSizesDisplay.from_estimator(getattr(fitted, how), fitted.X)
    assert _heights(display) == np.bincount(fitted.model.labels_).tolist()


def test_a_clusterer_without_probabilities_is_drawn() -> None:
    X = np.array([[0.0], [0.1], [5.0]])
    display = ClusterSizesDisplay.from_estimator(KMeans(2, n_init=1, random_state=0).fit(X), X)
    assert sorted(_heights(display)) == [1, 2]


@pytest.mark.parametrize("n_clusters", [40, 100])
def test_every_bar_is_named(n_clusters: int) -> None:
    display = ClusterSizesDisplay.from_predictions(np.arange(n_clusters))
    assert _names(display) == [str(k) for k in range(n_clusters)]


def test_hundreds_of_clusters_are_not_all_named() -> None:
    display = ClusterSizesDisplay.from_predictions(np.arange(500))
    assert 50 < len(_names(display)) <= 120
    assert display.figure_.get_figwidth() < 20


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        ([-1, -1], "at least one cluster"),
        ([-2, 0], "from -2 to 0"),
        ([0.5, 1.0], "dtype float64"),
        ([], r"got shape \(0,\)"),
        (["a", "b"], "must be one-dimensional and hold integers"),
        (np.zeros((2, 2, 2)), r"assignments must be labels.* got shape \(2, 2, 2\)"),
        (np.array([[np.nan, 1.0]]), "assignments contains NaN"),
        ([[2], [0]], "assignments must lie between 0 and 1 if two-dimensional"),
    ],
)
def test_bad_assignments_are_refused_by_name(assignments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ClusterSizesDisplay.from_predictions(assignments)
