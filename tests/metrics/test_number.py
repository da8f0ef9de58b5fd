"""Clusters of vectors are counted."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import make_blobs

from skdeepcluster.metrics import estimate_n_clusters


@pytest.mark.parametrize("centers", [2, 5, 12, 20])
def test_blobs(centers):
    X, _ = make_blobs(100 * centers, centers=centers, n_features=10, random_state=0)
    found, curve = estimate_n_clusters(X, random_state=0)
    at = list(curve["n_clusters"]).index(centers)
    assert found == centers
    assert curve["score"][at] == pytest.approx(np.log(centers), abs=0.05)
    assert curve["separation"][at] > 0.95


def test_uniform_noise_has_no_clusters():
    X = np.random.default_rng(0).uniform(size=(1000, 10))
    assert estimate_n_clusters(X, random_state=0)[1]["score"].max() < 0


def test_the_same_seed_gives_the_same_curve():
    X = np.random.default_rng(0).normal(size=(200, 3))
    (one, first), (other, second) = (estimate_n_clusters(X, random_state=1) for _ in range(2))
    assert one == other
    np.testing.assert_array_equal(first["score"], second["score"])


def test_no_seed_leaves_the_global_stream_alone():
    before = str(np.random.get_state())  # noqa: NPY002
    estimate_n_clusters(np.random.default_rng(0).random((30, 4)))
    assert str(np.random.get_state()) == before  # noqa: NPY002


def test_few_vectors():
    for n in (2, 3, 5):
        found, curve = estimate_n_clusters(np.arange(2.0 * n).reshape(n, 2), random_state=0)
        assert 1 <= found <= n
        assert len(curve["score"]) >= 1


@pytest.mark.parametrize("most", [1, 31, "many", 0, 3.7, None, True])
def test_numbers_out_of_range_are_refused(most):
    with pytest.raises(ValueError, match=r"max_clusters must be 'auto' or from 2 to .* 30; got"):
        estimate_n_clusters(np.ones((30, 2)), max_clusters=most)


def test_images_are_refused(digits):
    with pytest.raises(ValueError, match="must hold vectors, got images"):
        estimate_n_clusters(digits)
