"""Short trainings with states on disk, and what happens to them between two epochs."""

from __future__ import annotations

from skdeepcluster import ContrastiveClustering
from skdeepcluster.fitting.building import build_trainer
from skdeepcluster.training.callbacks import EpochWatch


def make(**parameters):
    """Make an estimator of one method; on 16 values an epoch takes milliseconds."""
    settings = {"n_clusters": 3, "max_epochs": 5, "batch_size": 32, "random_state": 0}
    return ContrastiveClustering(**{**settings, "checkpoint_interval": 0, **parameters})


def trainer_of(model, X):
    """Build the trainer that `fit` would use."""
    model._validate_params()
    return build_trainer(model, model._read(X, reset=True))


def at_the_end_of_epoch(monkeypatch, n_epochs, action):
    """Let something happen after the state of an epoch has been dealt with."""
    original = EpochWatch.end_epoch

    def end_epoch(self, entry):
        if entry["epoch"] == n_epochs:
            action()
        return original(self, entry)

    monkeypatch.setattr(EpochWatch, "end_epoch", end_epoch)
