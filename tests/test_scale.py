"""Samples on another scale than those of the training are noticed."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from trainings import make

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("kind", ["images", "vectors"])
@pytest.mark.parametrize("factor", [1 / 255, 255.0])
@pytest.mark.parametrize("use", ["predict", "transform", "predict_proba", "score"])
def test_another_scale_is_said(digits, rows, kind, factor, use):
    X = (digits if kind == "images" else rows).astype(float)
    model = make(max_epochs=1).fit(X)
    with pytest.warns(UserWarning, match="another scale") as caught:
        getattr(model, use)(X * factor)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("kind", ["images", "vectors"])
def test_the_same_scale_is_not(digits, rows, kind):
    X = (digits if kind == "images" else rows).astype(float)
    model = make(max_epochs=1).fit(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for part in (X, X[:1], X[:1] * 0, X[:1] * 0 + X.mean(axis=0), X / 4, X * 4):
            model.predict(part)


def test_a_single_sample_is_told_to_be_one(digits, rows):
    for X in (digits, rows, np.repeat(digits[..., None], 3, axis=-1)):
        model = make(max_epochs=1).fit(X)
        with pytest.raises(ValueError, match=r"X\[None\]"):
            model.predict(X[0])
        assert model.predict(X[0][None]).shape == (1,)


def test_a_hot_pixel_is_no_other_scale():
    X = np.random.default_rng(0).integers(1000, 1500, (300, 8, 8)).astype(np.uint16)
    X[0, 0, 0] = 65535
    model = make(max_epochs=1).fit(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(X)
    with pytest.warns(UserWarning, match="another scale"):
        model.predict(X.astype(np.float32) * 100)
