"""A backend without windows, and one small fitted estimator for all displays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import matplotlib
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from trainings import make


class Fitted(NamedTuple):
    """An estimator, the images that it was fitted on, and their classes."""

    model: Any
    X: np.ndarray
    y: np.ndarray

    @property
    def pipeline(self) -> Pipeline:
        """The estimator at the end of a pipeline."""
        return make_pipeline(FunctionTransformer(lambda X: X / 1), self.model)


@pytest.fixture(autouse=True)
def _no_window() -> Iterator[None]:
    before = matplotlib.get_backend()
    matplotlib.use("Agg")
    yield
    matplotlib.pyplot.close("all")
    matplotlib.use(before)


@pytest.fixture(scope="session")
def fitted() -> Fitted:
    digits = load_digits()
    X, y = digits.images[:96], digits.target[:96]
    with pytest.warns(UserWarning):  # two epochs are too few to settle
        model = make(max_epochs=2, image_shape=(8, 8), embedding_dim=8).fit(X)
    return Fitted(model, X, y)
