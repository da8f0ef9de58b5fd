"""Small models of every kind of input, each fitted once."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from torch import nn

from skdeepcluster import ContrastiveClustering


def small_network(shape):
    """Make a trunk that takes images of any size and is exported fast."""
    layers = nn.Conv2d(shape[0], 6, 3, 2), nn.BatchNorm2d(6), nn.ReLU(), nn.AdaptiveAvgPool2d(2)
    return nn.Sequential(*layers, nn.Flatten())


def blobs(shape, n_samples=1000):
    """Make bytes around four patterns, so that a short training finds more than one cluster."""
    random = np.random.default_rng(0)
    centers = random.integers(60, 196, (4, *shape))
    noise = random.normal(0, 20, (n_samples, *shape))
    return (centers[np.arange(n_samples) % 4] + noise).clip(0, 255).astype(np.uint8)


RGB, GREY = blobs((9, 11, 3)), blobs((9, 11))
VECTORS = GREY.reshape(1000, -1)[:, :12].astype(np.float64) * 0.37 + 1000.1
# Samples as users hold them, and what the estimator has to be told about them.
KINDS = {
    "grey bytes": (GREY, {}),
    "grey booleans": (GREY > 127, {}),
    "grey integers": (GREY.astype(np.int64) * 100, {}),
    "colours last": (RGB, {}),
    "colours first": (RGB.transpose(0, 3, 1, 2), {}),
    "floats": ((RGB / 255).astype(np.float32), {}),
    "flattened": (RGB.reshape(1000, -1), {"image_shape": (9, 11, 3)}),
    "resized": (RGB, {"image_size": 6}),
    "vectors": (VECTORS.astype(np.float32), {}),
    "vectors of doubles": (VECTORS, {}),
    "empty clusters": (GREY, {"n_clusters": 40, "embedding_dim": 2}),
}


@functools.cache
def _fitted(kind, method):
    X, parameters = KINDS[kind]
    backbone = "mlp" if X.ndim == 2 and "image_shape" not in parameters else small_network
    settings = {"n_clusters": 4, "max_epochs": 5, "batch_size": 40, "random_state": 0}
    settings |= {"backbone": backbone, "device": "cpu", "embedding_dim": 16}
    return method(**{**settings, **parameters}).fit(X[:160])


@pytest.fixture(scope="session")
def model_of():
    """Return a function from a kind of samples to a model that must not be changed, and samples."""
    return lambda kind, method=ContrastiveClustering: (_fitted(kind, method), KINDS[kind][0])
