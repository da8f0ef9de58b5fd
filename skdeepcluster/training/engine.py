"""The training loop: once, for every method, knowing none."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from skdeepcluster.data.source import Source
from skdeepcluster.training.device import autocast
from skdeepcluster.training.look import Look
from skdeepcluster.training.objective import Objective, Schedule
from skdeepcluster.training.record import EpochRecord
from skdeepcluster.training.schedule import build_optimizer, learning_rate
from skdeepcluster.training.seeds import Generators
from skdeepcluster.training.views import Augmentation, two_views

__all__ = ["Settings", "Trainer", "TrainingDiverged"]


class TrainingDiverged(ValueError):
    """The loss left the finite numbers."""


@dataclass(frozen=True)
class Settings:
    """
    How to train.

    Parameters
    ----------
    schedule : Schedule
        Length of training and size of batches.
    optimizer : {"adam", "sgd"}
        Name of the optimiser.
    lr, weight_decay : float
        Peak learning rate and weight decay.
    dtype : torch.dtype or None
        Precision of the networks in training, None for float32.
    inference_dtype : torch.dtype or None
        Precision of the networks after training, None for float32.
    compile : bool
        Whether the networks and the loss go through `torch.compile`.
    n_clusters : int
        Number of clusters looked for.
    """

    schedule: Schedule
    optimizer: str
    lr: float
    weight_decay: float
    dtype: torch.dtype | None
    inference_dtype: torch.dtype | None
    compile: bool
    n_clusters: int


class Trainer:
    """
    Train an objective on a source of samples.

    Parameters
    ----------
    objective : Objective
        Networks and loss, on the training device.
    source : Source
        The samples.
    augmentation : callable or None
        Makes views of a batch; None leaves samples as they are.
    settings : Settings
        How to train.
    generators : Generators
        Sources of randomness.
    history : list of dict or None, default=None
        Entries of earlier trainings that this one goes on from.
    """

    def __init__(
        self,
        objective: Objective,
        source: Source,
        augmentation: Augmentation | None,
        settings: Settings,
        generators: Generators,
        history: list[dict[str, Any]] | None = None,
    ) -> None:
        self.objective = objective
        self.source = source
        self.augmentation = augmentation
        self.settings = settings
        self.generators = generators
        self.look = Look(objective, source, augmentation, generators, settings.dtype)
        objective.begin(settings.schedule, generators.noise)
        self.optimizer = build_optimizer(
            objective, settings.optimizer, settings.lr, settings.weight_decay
        )
        self.scaler = torch.amp.GradScaler(
            source.device.type, enabled=settings.dtype is torch.float16
        )
        self.evaluate = torch.compile(self._evaluate) if settings.compile else self._evaluate
        self.epoch = 0
        self.history = list(history or [])
        self.n_epochs_before = len(self.history)
        self.assigned: Tensor | None = None

    def run(
        self,
        on_epoch_begin: Callable[[], None],
        on_epoch_end: Callable[[dict[str, Any]], bool],
    ) -> None:
        """
        Train to the last epoch, or until told to stop.

        Parameters
        ----------
        on_epoch_begin : callable
            Called before each epoch.
        on_epoch_end : callable
            Takes the epoch's entry of the history; a true answer stops training.

        Raises
        ------
        TrainingDiverged
            If the loss of an epoch is not finite.
        """
        while self.epoch < self.settings.schedule.max_epochs:
            on_epoch_begin()
            entry = self._train_epoch()
            if not math.isfinite(entry["loss"]):
                raise TrainingDiverged(_diverged(entry, self.settings))
            self.history.append(entry)
            self.epoch += 1
            if on_epoch_end(entry):
                break
        self.objective.eval()

    def _train_epoch(self) -> dict[str, Any]:
        weights = self.objective.start_epoch(self.epoch, self.look)
        self.objective.train()
        record = EpochRecord(
            len(self.source), self.settings.n_clusters, self.source.device, self.assigned
        )
        lr = self.settings.lr
        for step, (index, batch) in enumerate(self.source.batches(self._order(weights))):
            lr = self._set_lr(self.epoch * self.settings.schedule.steps_per_epoch + step)
            self._train_step(index, batch, record)
        entry = record.finish(self.n_epochs_before + self.epoch + 1, lr)
        self.assigned = record.assigned
        return entry

    def _train_step(self, index: Tensor, batch: Tensor, record: EpochRecord) -> None:
        result = self.evaluate(self.views(batch), index)
        self.scaler.scale(torch.stack(list(result.losses.values())).sum()).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        record.add(result, index)
        step = self.epoch * self.settings.schedule.steps_per_epoch + record.n_steps
        self.objective.after_step(step)

    def views(self, batch: Tensor) -> Tensor:
        """
        Make two views of every sample.

        Parameters
        ----------
        batch : Tensor of shape (b, *shape), dtype float32
            Samples in the unit range.

        Returns
        -------
        Tensor of shape (2 * b, *shape), dtype float32
            First views of all, then second views, standardised.
        """
        views = two_views(batch, self.augmentation, self.generators.augmentation)
        return self.source.maps.standardise(views)

    def _evaluate(self, views: Tensor, index: Tensor) -> Any:
        with autocast(views.device, self.settings.dtype):
            outputs = self.objective(views)
        return self.objective.step(tuple(output.float() for output in outputs), index)

    def _order(self, weights: Tensor | None) -> Tensor:
        schedule = self.settings.schedule
        if weights is None:
            order = torch.randperm(schedule.n_samples, generator=self.generators.order)
        else:
            order = torch.multinomial(
                weights.cpu(), schedule.n_samples, True, generator=self.generators.order
            )
        order = order[: schedule.batch_size * schedule.steps_per_epoch]
        return order.view(-1, schedule.batch_size)

    def _set_lr(self, step: int) -> float:
        lr = learning_rate(self.settings.lr, step, self.settings.schedule)
        for group in self.optimizer.param_groups:
            group["lr"] = lr * group["lr_scale"]
        return lr

    def state_dict(self) -> dict[str, Any]:
        """
        Return everything that the epochs still to come depend on.

        Returns
        -------
        dict
            Tensors, numbers and strings only.
        """
        return {
            "objective": self.objective.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "generators": {n: g.get_state() for n, g in vars(self.generators).items()},
            "epoch": self.epoch,
            "history": self.history,
            "assigned": self.assigned,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """
        Go back to a state.

        Parameters
        ----------
        state : dict
            What `state_dict` returned, in this or another process.
        """
        self.objective.load_state_dict(state["objective"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        for name, generator in vars(self.generators).items():
            generator.set_state(state["generators"][name])
        self.epoch = state["epoch"]
        self.history = list(state["history"])
        assigned = state["assigned"]
        self.assigned = None if assigned is None else assigned.to(self.source.device)


def _diverged(entry: dict[str, Any], settings: Settings) -> str:
    terms = {name: value for name, value in entry.items() if name.startswith("loss_")}
    return (
        f"The loss is not finite in epoch {entry['epoch']}: {terms}. Try a lower lr (now "
        f"{settings.lr:g}), more warmup_epochs, or precision='float32', and look for extreme "
        "values in X."
    )
