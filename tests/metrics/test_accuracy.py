"""Clustering accuracy against all matchings, and its input rules."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.metrics import make_scorer

from skdeepcluster.metrics import clustering_accuracy_score


def slow_accuracy(true: np.ndarray, pred: np.ndarray, k: int) -> float:
    return max(np.mean(true == np.array(names)[pred]) for names in permutations(range(k)))


@pytest.mark.parametrize(("n_classes", "n_clusters"), [(1, 1), (3, 3), (2, 5), (5, 2), (1, 4)])
def test_equals_the_best_of_all_matchings(n_classes: int, n_clusters: int) -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        true, pred = rng.integers(0, n_classes, 40), rng.integers(0, n_clusters, 40)
        expected = slow_accuracy(true, pred, max(n_classes, n_clusters))
        assert clustering_accuracy_score(true, pred) == pytest.approx(expected, abs=1e-12)
        assert clustering_accuracy_score(pred, true) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    "pred",
    [
        [7, 7, -1, -1, 3],
        ["x", "x", "y", "y", "z"],
        np.array([True, True, "y", "y", 3], dtype=object),
        np.array([0.5, 0.5, 1.5, 1.5, 9.0]),
        np.array([(0, 1), (0, 1), "b", "b", 3], dtype=object),
    ],
)
def test_names_of_labels_do_not_matter(pred: object) -> None:
    value = clustering_accuracy_score(["cat", "cat", "dog", "dog", "eel"], pred)
    assert isinstance(value, float) and value == 1


def test_too_many_and_too_few_clusters_lose_the_left_over_samples() -> None:
    assert clustering_accuracy_score([0, 0, 0, 0], [0, 1, 2, 3]) == 0.25
    assert clustering_accuracy_score([0, 0, 0, 1], [0, 0, 0, 0]) == 0.75


def test_no_samples_score_one() -> None:
    assert clustering_accuracy_score([], []) == 1


@pytest.mark.parametrize("labels", [["a", "b", None], [0, 1, None], [0.0, 1.0, float("nan")]])
def test_missing_labels_are_refused(labels: list[object]) -> None:
    with pytest.raises(ValueError, match="labels_pred must have a label for every sample"):
        clustering_accuracy_score([0, 1, 1], labels)


@pytest.mark.parametrize(
    "labels",
    [
        np.ma.array([0, 1, 1], mask=[0, 0, 1]),
        np.array(["2020", "NaT", "NaT"], "M8[D]"),
        pd.Series(["a", None, "b"], dtype="string"),
        pd.Series([0, None, 1], dtype="Int64"),
    ],
)
def test_missing_labels_of_all_kinds_are_refused(labels: object) -> None:
    with pytest.raises(ValueError, match="labels_true must have a label for every sample"):
        clustering_accuracy_score(labels, [0, 1, 1])


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="same length, got 3 and 2"):
        clustering_accuracy_score([0, 1, 2], [0, 1])


@pytest.mark.parametrize("name", ["labels_true", "labels_pred"])
def test_matrices_are_refused(name: str) -> None:
    labels = {"labels_true": [0, 1], "labels_pred": [0, 1], name: [[0, 1]]}
    with pytest.raises(ValueError, match=f"{name} must be one-dimensional"):
        clustering_accuracy_score(**labels)


def test_serves_as_a_scorer() -> None:
    class Parity(BaseEstimator):
        def predict(self, X: np.ndarray) -> np.ndarray:
            return X[:, 0] % 2

    scorer = make_scorer(clustering_accuracy_score)
    assert scorer(Parity(), np.array([[0], [1], [2], [3]]), ["a", "b", "a", "b"]) == 1


@pytest.mark.parametrize("gap", [None, float("nan")])
def test_a_gap_among_strings_of_a_list_is_no_class(gap):
    with pytest.raises(ValueError, match="labels_true must have a label for every sample"):
        clustering_accuracy_score(["a", "a", gap], [0, 0, 1])
