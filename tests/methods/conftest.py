"""The trainer that `fit` would use, and one step of it, for a look inside the methods."""

from __future__ import annotations

import pytest
import torch

from skdeepcluster.training import Schedule


@pytest.fixture
def build(digits):
    """Build the trainer of an estimator on 60 digits: 4 epochs of 4 batches of 15."""

    def make(Estimator, X=digits, **parameters):
        settings = {"n_clusters": 3, "max_epochs": 4, "batch_size": 16, "random_state": 0}
        model = Estimator(**{**settings, "precision": "float32", **parameters})
        model._validate_params()
        return model._build_trainer(model._read(X, reset=True), torch.device("cpu"))

    return make


@pytest.fixture
def step():
    """Evaluate the loss of one batch; the caller may go on to `after_step`."""

    def evaluate(trainer, start=0):
        trainer.objective.train()
        size = trainer.settings.schedule.batch_size
        rows = torch.arange(start, start + size) % len(trainer.source)
        index, batch = next(trainer.source.batches(rows[None]))
        return trainer._evaluate(trainer.views(batch), index)

    return evaluate


@pytest.fixture
def backward(step):
    """Evaluate the loss of one batch and its gradients."""

    def evaluate(trainer):
        result = step(trainer)
        torch.stack(list(result.losses.values())).sum().backward()
        return result

    return evaluate


@pytest.fixture
def schedule():
    """Make a schedule of one epoch, or of as many steps as named."""

    def make(n_samples, batch_size, n_steps=1):
        return Schedule(n_samples, n_steps, batch_size, 1, 0)

    return make


@pytest.fixture
def has_gradient():
    """Tell which parameters of a module have a gradient that is not zero."""

    def look(module):
        return [p.grad is not None and bool(p.grad.any()) for p in module.parameters()]

    return look
