"""A temperature without labels, and how far each cluster may be trusted."""

from __future__ import annotations

import numpy as np
import pytest

from skdeepcluster.clustering.calibration import cluster_agreement, fit_temperature


def logits_of(share_alike: float, sharpness: float, n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Return two views that are so often in the same of four clusters, and how sure they are."""
    rng = np.random.default_rng(0)
    first = rng.integers(4, size=n)
    other = (first + rng.integers(1, 4, size=n)) % 4
    second = np.where(rng.random(n) < share_alike, first, other)
    return sharpness * np.eye(4)[first], sharpness * np.eye(4)[second]


@pytest.mark.parametrize("alike", [0.4, 0.8, 0.99])
@pytest.mark.parametrize("sharpness", [0.1, 1.0, 30.0])
def test_confidence_becomes_the_share_of_views_that_agree(alike: float, sharpness: float) -> None:
    first, second = logits_of(alike, sharpness)
    temperature = fit_temperature(first, second)
    scaled = np.exp(first / temperature)
    confidence = (scaled / scaled.sum(axis=1, keepdims=True)).max(axis=1).mean()
    found = (first.argmax(axis=1) == second.argmax(axis=1)).mean()
    assert confidence == pytest.approx(found, abs=0.002)


def test_the_temperature_undoes_that_of_the_logits() -> None:
    first, second = logits_of(0.8, 1.0)
    assert fit_temperature(7 * first, 7 * second) == pytest.approx(
        7 * fit_temperature(first, second), rel=1e-3
    )


def test_confidence_tells_samples_apart_where_all_views_agree() -> None:
    rng = np.random.default_rng(0)
    logits = 100 * np.eye(4)[rng.integers(4, size=600)] * rng.uniform(0.2, 1, size=(600, 1))
    scaled = np.exp(logits / fit_temperature(logits, logits)).astype(np.float32)
    confidence = (scaled / scaled.sum(axis=1, keepdims=True)).max(axis=1)
    assert confidence.mean() > 0.99
    assert len(np.unique(confidence)) > 300


def test_there_is_always_a_temperature() -> None:
    first, second = logits_of(1.0, 1.0)
    assert 0 < fit_temperature(first, second) < 0.1
    zeros = np.zeros((5, 3))
    assert np.isfinite(fit_temperature(zeros, zeros))
    assert fit_temperature(np.zeros((5, 1)), np.zeros((5, 1))) == 1
    apart = np.eye(3)
    assert fit_temperature(apart, np.roll(apart, 1, axis=0)) > 100


def test_trust_is_how_often_views_of_a_cluster_are_joined_there() -> None:
    first, second = np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 1])
    trust = cluster_agreement(first, second, 3)
    np.testing.assert_allclose(trust, [4 / 5, 4 / 5, np.nan])
