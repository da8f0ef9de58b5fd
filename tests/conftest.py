"""Shared data and estimators: small enough that a fit takes a fraction of a second."""

from __future__ import annotations

import functools
import os

os.environ["OMP_NUM_THREADS"] = "1"  # read when torch is imported; two workers share two cores
os.environ["SCIPY_ARRAY_API"] = "1"  # read when scipy is imported; the array API check needs it

import devices
import hypothesis
import numpy as np
import pytest
from sklearn.datasets import load_digits

from skdeepcluster import methods

# --hypothesis-profile=slow takes many more examples, and others each time.
hypothesis.settings.register_profile(
    "ci", max_examples=60, deadline=None, derandomize=True, print_blob=True
)
hypothesis.settings.register_profile(
    "slow",
    max_examples=2500,
    deadline=None,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("ci")

ESTIMATORS = [getattr(methods, name) for name in methods.__all__]


def pytest_addoption(parser):
    parser.addoption("--device", default="cpu", help="where tests train: cpu, cuda or mps")


def pytest_configure(config):
    try:
        devices.use(config.getoption("--device"))
    except ValueError as error:
        raise pytest.UsageError(f"--device: {error}") from error


def pytest_generate_tests(metafunc):
    if "Estimator" in metafunc.fixturenames:
        metafunc.parametrize("Estimator", ESTIMATORS, ids=lambda cls: cls.__name__)


@pytest.fixture
def quick(Estimator):
    """Make an estimator that trains for two short epochs."""

    def make(**parameters):
        settings = {"n_clusters": 3, "max_epochs": 2, "batch_size": 32, "random_state": 0}
        return Estimator(**{**settings, **parameters})

    return make


@functools.cache
def _fitted(Estimator):
    images = load_digits().images[:60].astype(np.uint8)
    return Estimator(n_clusters=3, max_epochs=2, batch_size=32, random_state=0).fit(images)


@pytest.fixture
def fitted(Estimator):
    """Return a model of two epochs on the digits, the same one for all tests: do not change it."""
    return _fitted(Estimator)


@pytest.fixture(scope="session")
def digits():
    """Return 60 images of 8 x 8, uint8."""
    images = load_digits().images[:60].astype(np.uint8)
    images.setflags(write=False)
    return images


@pytest.fixture
def small(digits):
    """Return 60 images of 5 x 5, where there must be images but not large ones."""
    return digits[:, 1:6, 1:6]


@pytest.fixture
def rows(digits):
    """Return 60 vectors of 16 values, of which an epoch takes milliseconds."""
    return digits.reshape(60, 64)[:, 20:36]


@pytest.fixture(scope="session")
def photos():
    """Return 24 random colour images of 10 x 12, uint8, channels last."""
    images = np.random.default_rng(0).integers(0, 256, (24, 10, 12, 3), dtype=np.uint8)
    images.setflags(write=False)
    return images
