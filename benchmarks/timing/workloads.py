"""The two sizes that are measured, and our own training of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from skdeepcluster import methods
from skdeepcluster.fitting.building import build_trainer
from skdeepcluster.training.engine import Trainer
from skdeepcluster.training.record import EpochRecord

N_CLUSTERS = 10
MANY_EPOCHS = 10_000


@dataclass(frozen=True)
class Workload:
    """
    A trunk, the images it sees, and the batch.

    Parameters
    ----------
    name : str
        For the table.
    shape : tuple of int
        Shape of one image, channels last.
    backbone : str
        Name of the trunk.
    batch_size : int
        Images in a batch.
    """

    name: str
    shape: tuple[int, ...]
    backbone: str
    batch_size: int

    @property
    def canonical(self) -> tuple[int, int, int]:
        """Shape of one image, channels first."""
        channels = self.shape[2] if len(self.shape) == 3 else 1
        return channels, self.shape[0], self.shape[1]

    def images(self, n_images: int) -> np.ndarray:
        """Return noise: what is measured does not depend on what the images show."""
        rng = np.random.default_rng(0)
        return rng.integers(0, 256, (n_images, *self.shape), dtype=np.uint8)


LARGE = Workload("ResNet-18, 32 px RGB, batch 128", (32, 32, 3), "resnet18", 128)
SMALL = Workload("automatic trunk, 28 px grey, batch 256", (28, 28), "auto", 256)
WORKLOADS = (LARGE, SMALL)


def estimator(method: str, workload: Workload, device: torch.device, **parameters: Any) -> Any:
    """Make an estimator with the defaults of its method but for the trunk and the batch."""
    settings = {
        "n_clusters": N_CLUSTERS,
        "backbone": workload.backbone,
        "batch_size": workload.batch_size,
        "device": device,
        "random_state": 0,
    }
    return getattr(methods, method)(**{**settings, **parameters})


def open_trainer(
    method: str, workload: Workload, n_images: int, device: torch.device, **parameters: Any
) -> Trainer:
    """Make what `fit` makes, ready to train, an epoch or a step at a time."""
    model = estimator(method, workload, device, max_epochs=MANY_EPOCHS, **parameters)
    return build_trainer(model, model._read(workload.images(n_images), reset=True))


def train_epoch(trainer: Trainer) -> None:
    """Train for one epoch, its look at all samples included."""
    trainer.run(lambda: None, lambda entry: True)


def open_steps(trainer: Trainer) -> Callable[[], None]:
    """Return a function that trains for one step."""
    record = EpochRecord(len(trainer.source), N_CLUSTERS, trainer.source.device, None)
    trainer.objective.start_epoch(0, trainer.training_set)
    trainer.objective.train()
    batches = iter(())

    def step() -> None:
        nonlocal batches
        following = next(batches, None)
        if following is None:
            batches = trainer.source.batches(trainer._order(None))
            following = next(batches)
        trainer._train_step(*following, record)

    return step
