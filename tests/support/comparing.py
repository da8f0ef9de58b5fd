"""Whether two fits came to the same, and whether a function equals a slow loop."""

from __future__ import annotations

import numpy as np
import torch

TIMES = ("seconds", "images_per_second")
ROUNDING = {"rtol": 1e-4, "atol": 1e-5}  # float32 against a float64 loop
TARGETS = {"materialize_grads": True}  # an input without a gradient has one of zeros


def without_times(history):
    """Return the entries of a history without what differs from run to run."""
    return [{k: v for k, v in entry.items() if k not in TIMES} for entry in history]


def assert_same_fit(model, other, X):
    """Assert that two fits of one set came to the same, bit for bit."""
    np.testing.assert_array_equal(model.labels_, other.labels_)
    np.testing.assert_array_equal(model.transform(X), other.transform(X))
    assert without_times(model.history_) == without_times(other.history_)


def assert_same_model(one, other):
    """Compare networks, attributes and what was learnt of the samples, to the last bit."""
    for name in ("labels_", "cluster_centers_"):
        assert getattr(one, name).dtype == getattr(other, name).dtype
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    state, expected = (m._model.model.state_dict() for m in (one, other))
    assert list(state) == list(expected)
    for name, value in state.items():
        assert value.dtype == expected[name].dtype
        assert torch.equal(value, expected[name]), name
    for name, value in vars(one._model.scaling).items():
        assert value.dtype == getattr(other._model.scaling, name).dtype
        np.testing.assert_array_equal(value, getattr(other._model.scaling, name))


def compare_with_reference(function, reference, *inputs):
    """Compare a value in float32 and the gradients of all inputs with a slow float64 reference."""
    single = [x.clone().requires_grad_() for x in inputs]
    double = [x.double().requires_grad_() for x in inputs]
    value, expected = function(*single), reference(*double)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value.double(), expected, **ROUNDING)
    # One scalar out of an output of any shape.
    weights = torch.randn(value.shape, generator=torch.Generator().manual_seed(9))
    gradients = torch.autograd.grad((value * weights).sum(), single, **TARGETS)
    references = torch.autograd.grad((expected * weights).sum(), double, **TARGETS)
    for gradient, wanted in zip(gradients, references, strict=True):
        torch.testing.assert_close(gradient.double(), wanted, **ROUNDING)
