"""Accuracy against confidence: bins, bars and the calibration error by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from skdeepcluster.plotting import ConfidenceDisplay


def _soft(labels: Any, sure: Any, n_clusters: int) -> np.ndarray:
    """Give each sample a probability in its own cluster and share out the rest."""
    table = np.repeat(((1 - np.asarray(sure)) / (n_clusters - 1))[:, None], n_clusters, axis=1)
    table[np.arange(len(table)), labels] = sure
    return table


def test_bars_are_as_high_as_the_bins_are_right() -> None:
    table = _soft([0, 0, 0, 1, 1], [0.95, 0.95, 0.65, 0.65, 1.0], 2)
    display = ConfidenceDisplay.from_predictions(["b", "b", "a", "a", "b"], table, n_bins=10)
    assert display.counts.tolist() == [0, 0, 0, 0, 0, 0, 2, 0, 0, 3]
    # Cluster 0 is matched to b and cluster 1 to a.
    heights = [bar.get_height() for bar in display.bars_]
    assert heights == pytest.approx([1 / 2, 2 / 3])
    middles = [bar.get_x() + bar.get_width() / 2 for bar in display.bars_]
    assert middles == pytest.approx([0.65, 0.95])
    gap = 2 / 5 * abs(1 / 2 - 0.65) + 3 / 5 * abs(2 / 3 - (0.95 * 2 + 1) / 3)
    assert display.expected_calibration_error == pytest.approx(gap)
    assert f"{gap:.3f}" in display.ax_.get_title()
    assert [text.get_text() for text in display.ax_.texts] == ["40.0%", "60.0%"]


@pytest.mark.parametrize("n_bins", [1, 7, 20])
def test_bins_are_those_of_scikit_learn(n_bins: int) -> None:
    rng = np.random.default_rng(0)
    labels, sure = rng.integers(4, size=500), rng.uniform(0.26, 1, size=500)
    true = np.where(rng.random(500) < sure, labels, (labels + 1) % 4)
    display = ConfidenceDisplay.from_predictions(true, _soft(labels, sure, 4), n_bins=n_bins)
    accuracy, confidence = calibration_curve(true == labels, sure, n_bins=n_bins)
    filled = display.counts > 0
    np.testing.assert_allclose(display.accuracy[filled], accuracy)
    np.testing.assert_allclose(display.confidence[filled], confidence)
    assert np.isnan(display.accuracy[~filled]).all()


def test_samples_of_clusters_without_a_class_are_wrong() -> None:
    display = ConfidenceDisplay.from_predictions([0, 0, 0], _soft([0, 0, 1], [0.9] * 3, 3))
    assert display.accuracy[8] == pytest.approx(2 / 3)


@pytest.mark.parametrize("how", ["model", "pipeline"])
def test_from_estimator_draws_its_probabilities(fitted: Any, how: str) -> None:
    display = ConfidenceDisplay.from_estimator(getattr(fitted, how), fitted.X, fitted.y, n_bins=5)
    table = fitted.model.predict_proba(fitted.X)
    np.testing.assert_array_equal(
        display.counts, np.histogram(table.max(axis=1), np.linspace(0, 1, 6))[0]
    )


@pytest.mark.parametrize(
    ("y_true", "probabilities", "options", "message"),
    [
        ([0], [[0.5, 0.5], [1.0, 0.0]], {}, "y_true and probabilities must have the same number"),
        ([0, 1], [[2.0, 0.5], [1.0, 0.0]], {}, "between 0 and 1 .* got values from 0 to 2"),
        ([0, 1], [[-0.5, 0.5], [1.0, 0.0]], {}, "from -0.5 to 1"),
        ([0, 1], [0, 1], {}, "Expected 2D array"),
        ([[0], [1]], [[0.5, 0.5], [1.0, 0.0]], {}, "y_true must be one-dimensional"),
        ([0, 1], [[0.5, 0.5], [1.0, 0.0]], {"n_bins": 0}, "n_bins == 0"),
    ],
)
def test_bad_input_is_refused_by_name(
    y_true: Any, probabilities: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ConfidenceDisplay.from_predictions(y_true, probabilities, **options)
