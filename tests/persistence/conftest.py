"""Fitted models of every method, and a small one on disk."""

from __future__ import annotations

import copy

import pytest
from saved import METHODS, fitted


@pytest.fixture(params=METHODS)
def model_and_data(request):
    model, X = fitted(request.param)
    return copy.deepcopy(model), X


@pytest.fixture
def small(tmp_path):
    """Save a model of some 100 kB."""
    model, X = fitted("ContrastiveClustering", "vectors")
    path = tmp_path / "small.safetensors"
    model.save(path)
    return model, X, path
