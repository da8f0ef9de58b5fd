"""The trainer that `fit` would use, and one step of it, for a look inside the methods."""

from __future__ import annotations

import pytest
import torch
from trainings import trainer_of

from skdeepcluster.training import Batch, Schedule


@pytest.fixture
def build(digits):
    """Build the trainer of an estimator on 60 digits: 4 epochs of 4 batches of 15."""

    def make(Estimator, X=digits, **parameters):
        settings = {"n_clusters": 3, "max_epochs": 4, "batch_size": 16, "random_state": 0}
        settings |= {"precision": "float32", "device": "cpu"}
        return trainer_of(Estimator(**{**settings, **parameters}), X)

    return make


@pytest.fixture
def batch():
    """Make a batch of 15 samples."""

    def make(trainer, start=0):
        trainer.objective.train()
        size = trainer.settings.schedule.batch_size
        rows = torch.arange(start, start + size) % len(trainer.source)
        return trainer.batch(*next(trainer.source.batches(rows[None])))

    return make


@pytest.fixture
def step(batch):
    """Evaluate the loss of one batch; the caller may go on to `after_step`."""

    def evaluate(trainer, start=0):
        return trainer._evaluate(batch(trainer, start))

    return evaluate


@pytest.fixture
def advance(step):
    """Evaluate the loss of one batch, and do what follows it."""

    def evaluate(trainer, number=1, start=0):
        result = step(trainer, start)
        trainer.objective.after_step(number, result.memory)
        trainer.noise = trainer.objective.draw(trainer.generators.noise)
        return result

    return evaluate


@pytest.fixture
def of_rows():
    """Make a batch of which the index alone matters."""

    def make(index, noise=()):
        return Batch((index,), index, noise)

    return make


@pytest.fixture
def backward(step):
    """Evaluate the loss of one batch and its gradients."""

    def evaluate(trainer):
        result = step(trainer)
        torch.stack(list(result.losses.values())).sum().backward()
        return result

    return evaluate


@pytest.fixture
def rebuild():
    """Build an objective anew for a training of other length."""

    def make(trainer, n_samples, batch_size, n_steps=1):
        old = trainer.objective
        schedule = Schedule(n_samples, n_steps, batch_size, 1, 0)
        return old.method._build_objective(old.model, schedule, torch.Generator())

    return make


@pytest.fixture
def has_gradient():
    """Tell which parameters of a module have a gradient that is not zero."""

    def look(module):
        return [p.grad is not None and bool(p.grad.any()) for p in module.parameters()]

    return look
