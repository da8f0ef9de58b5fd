"""Whether vectors are taken by their directions: where neighbours get better by that, only."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, load_iris, make_blobs
from sklearn.preprocessing import StandardScaler

from skdeepcluster import CLC, load
from skdeepcluster.data.directions import directions_suffice, with_length_rule
from skdeepcluster.data.samples import read_samples
from skdeepcluster.data.scaling import Scaling
from skdeepcluster.serving import as_module


def rule(X):
    samples = read_samples(X)
    return bool(with_length_rule(Scaling.learn(samples), samples).equal_length)


def features(n=400, d=128, seed=0):
    """Make clusters of directions whose length says nothing, as networks make features."""
    rng = np.random.default_rng(seed)
    y = rng.integers(5, size=n)
    rows = rng.normal(size=(5, d))[y] + 0.7 * rng.normal(size=(n, d))
    return rows * rng.lognormal(0, 0.2, (n, 1)), y


def test_features_of_random_length_are():
    assert rule(features()[0])


@pytest.mark.parametrize("d", [2, 5, 16, 50])
@pytest.mark.parametrize("centers", [3, 10])
def test_blobs_are_not(d, centers):
    assert not rule(make_blobs(600, centers=centers, n_features=d, random_state=d)[0])


@pytest.mark.parametrize("d", [8, 50])
def test_clusters_that_differ_in_length_are_not(d):
    rng = np.random.default_rng(0)
    ray = rng.normal(size=d) / d**0.5
    assert not rule(np.outer(10 * rng.integers(1, 4, 600), ray) + 0.3 * rng.normal(size=(600, d)))


def test_tables_and_pixels_are_not():
    assert not rule(StandardScaler().fit_transform(load_iris().data))
    assert not rule(load_digits().data)


@pytest.mark.parametrize("rows", [torch.zeros(100, 8), torch.ones(5, 3), torch.zeros(0, 4)])
def test_rows_that_have_no_direction_or_are_few_are_not(rows):
    assert not directions_suffice(rows)


def test_the_network_sees_directions_after_saving_and_in_a_module_too(tmp_path):
    X, _ = features()
    fitted = CLC(5, max_epochs=2, random_state=0, device="cpu").fit(X)
    center = X.mean(axis=0)
    longer = center + 3 * (X - center)
    np.testing.assert_allclose(fitted.transform(longer), fitted.transform(X), atol=1e-5)
    fitted.save(tmp_path / "model.skdc")
    loaded = load(tmp_path / "model.skdc")
    np.testing.assert_array_equal(loaded.transform(X), fitted.transform(X))
    exported = as_module(fitted)(torch.from_numpy(X))["embedding"]
    np.testing.assert_allclose(exported, fitted.transform(X), atol=1e-5)


def test_images_are_not():
    samples = read_samples(np.zeros((3, 8, 8), dtype=np.uint8))
    assert not with_length_rule(Scaling.learn(samples), samples).equal_length


def test_another_scale_is_told_and_values_far_off_keep_their_direction():
    X, _ = features()
    X = X - X.mean(axis=0)
    fitted = CLC(5, max_epochs=2, random_state=0, device="cpu").fit(X)
    for method in (fitted.predict, fitted.score):
        with pytest.warns(UserWarning, match="another scale"):
            method(X * 1e4)
    with pytest.warns(UserWarning, match="another scale"):
        assert len(np.unique(fitted.predict(X * 1e20))) == fitted.n_clusters_
