"""Classes against clusters: the right counts in the right cells, matched ones on the diagonal."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics.cluster import contingency_matrix

from skdeepcluster.metrics import clustering_accuracy_score
from skdeepcluster.plotting import ContingencyDisplay

TRUE = np.array(["cat", "cat", "cat", "dog", "dog", "owl", "owl", "owl", "owl"])
PRED = np.array([2, 2, 0, 0, 0, 1, 1, 2, 1])


def _names(axis: Any) -> list[str]:
    return [label.get_text() for label in axis.get_ticklabels()]


def test_each_class_meets_its_cluster_on_the_diagonal() -> None:
    display = ContingencyDisplay.from_predictions(TRUE, PRED)
    expected = [[2, 1, 0], [0, 2, 0], [1, 0, 3]]
    np.testing.assert_array_equal(display.im_.get_array(), expected)
    assert _names(display.ax_.xaxis) == ["2", "0", "1"]
    assert _names(display.ax_.yaxis) == ["cat", "dog", "owl"]
    written = [[cell and cell.get_text() for cell in row] for row in display.text_]
    assert written == [["2", "1", None], [None, "2", None], ["1", None, "3"]]
    assert display.ax_.get_title() == "accuracy 0.778"


@pytest.mark.parametrize(
    ("normalize", "axis"), [("true", 1), ("pred", 0), ("all", None)], ids=["true", "pred", "all"]
)
def test_shares_sum_to_one(normalize: str, axis: int | None) -> None:
    display = ContingencyDisplay.from_predictions(TRUE, PRED, normalize=normalize)
    np.testing.assert_allclose(display.im_.get_array().sum(axis=axis), 1)
    assert display.text_[0, 0].get_text() == f"{display.contingency[0, 0]:.2f}"
    assert display.accuracy == pytest.approx(7 / 9)


@pytest.mark.parametrize(("n_classes", "n_clusters"), [(3, 8), (8, 3), (5, 5)])
def test_the_diagonal_holds_what_is_matched_whatever_the_numbers(
    n_classes: int, n_clusters: int
) -> None:
    rng = np.random.default_rng(0)
    true, pred = rng.integers(n_classes, size=400), rng.integers(n_clusters, size=400)
    display = ContingencyDisplay.from_predictions(true, pred)
    accuracy = clustering_accuracy_score(true, pred)
    assert display.accuracy == pytest.approx(accuracy)
    assert np.trace(display.contingency) / 400 == pytest.approx(accuracy)
    counts = contingency_matrix(true, pred)
    np.testing.assert_array_equal(
        display.contingency, counts[np.ix_(display.classes, display.clusters)]
    )


def test_noise_is_the_last_column_and_never_right() -> None:
    display = ContingencyDisplay.from_predictions([0, 0, 0, 1], [-1, -1, -1, 4])
    assert _names(display.ax_.xaxis) == ["4", "noise"]
    np.testing.assert_array_equal(display.contingency, [[1, 0], [0, 3]])
    assert _names(display.ax_.yaxis) == ["1", "0"]
    assert display.accuracy == 0.25


def test_display_labels_name_the_classes_in_their_order() -> None:
    display = ContingencyDisplay.from_predictions([5, 3, 3], [0, 1, 1], display_labels=["c", "e"])
    assert _names(display.ax_.yaxis) == ["c", "e"]
    assert display.clusters.tolist() == [1, 0]


def test_large_tables_have_no_values_unless_asked() -> None:
    numbers = np.arange(40)
    assert ContingencyDisplay.from_predictions(numbers, numbers).text_ is None
    display = ContingencyDisplay.from_predictions(numbers, numbers, include_values=True)
    assert display.text_[39, 39].get_text() == "1"


def test_values_can_be_read_on_light_and_on_dark_cells() -> None:
    display = ContingencyDisplay.from_predictions([0] * 50 + [1], [0] * 50 + [1])
    assert display.text_[0, 0].get_color() == "white"
    assert display.text_[1, 1].get_color() == "black"


@pytest.mark.parametrize("how", ["model", "pipeline"])
def test_from_estimator_draws_what_it_predicts(fitted: Any, how: str) -> None:
    display = ContingencyDisplay.from_estimator(getattr(fitted, how), fitted.X, fitted.y)
    assert display.accuracy == pytest.approx(
        clustering_accuracy_score(fitted.y, fitted.model.labels_)
    )
    assert display.contingency.sum() == len(fitted.y)


@pytest.mark.parametrize(
    ("y_true", "y_pred", "options", "message"),
    [
        (TRUE, PRED[:5], {}, "y_true and y_pred must have the same number of samples, got 9 and 5"),
        (TRUE[:, None], PRED, {}, r"y_true must be one-dimensional, got shape \(9, 1\)"),
        (TRUE, np.eye(9), {}, "y_pred must be one-dimensional"),
        ([0.0, np.nan], [0, 1], {}, "y_true must hold a class for every sample"),
        (["a", None], [0, 1], {}, "y_true must hold a class for every sample"),
        (TRUE, PRED, {"normalize": "rows"}, "normalize must be one of"),
        (TRUE, PRED, {"display_labels": ["a"]}, "one name for each of the 3 classes"),
    ],
)
def test_bad_input_is_refused_by_name(
    y_true: Any, y_pred: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ContingencyDisplay.from_predictions(y_true, y_pred, **options)


def test_dollars_in_the_name_of_a_class_are_no_mathematics() -> None:
    display = ContingencyDisplay.from_predictions(["$\\foo$", "a"] * 4, [0, 1] * 4)
    display.figure_.canvas.draw()
    assert _names(display.ax_.yaxis)[0] == "$\\foo$"
    assert not display.ax_.yaxis.get_ticklabels()[0].get_parse_math()


@pytest.mark.parametrize(
    ("y_true", "classes"),
    [
        (pd.Series([7, 8, 8], dtype="Int64"), ["7", "8", "8"]),
        (np.array([1, "a", "a"], dtype=object), ["1", "a", "a"]),
        (["b", "a", "a"], ["b", "a", "a"]),
    ],
)
def test_classes_keep_their_names(y_true, classes):
    display = ContingencyDisplay.from_predictions(y_true, [0, 1, 1])
    assert [str(name) for name in display.classes] == sorted(set(classes))
    assert display.contingency.trace() == 3


@pytest.mark.parametrize(
    "y_true",
    [
        ["a", "a", float("nan")],
        pd.Series(["a", "a", pd.NA], dtype="string"),
        np.array(["2020-01-01", "2020-01-01", "NaT"], dtype="datetime64[D]"),
        np.ma.masked_array([0, 0, 1], mask=[0, 0, 1]),
    ],
)
def test_gaps_among_classes_are_refused(y_true):
    with pytest.raises(ValueError, match="y_true must hold a class for every sample"):
        ContingencyDisplay.from_predictions(y_true, [0, 0, 1])


def test_tables_begin_at_the_top_whatever_the_origin_of_images():
    with plt.rc_context({"image.origin": "lower"}):
        low, high = ContingencyDisplay.from_predictions([0, 1], [0, 1]).ax_.get_ylim()
    assert low > high
