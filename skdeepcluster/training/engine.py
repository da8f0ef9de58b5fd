"""The training loop: once, for every method, knowing none."""

from __future__ import annotations

import copy
import io
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from skdeepcluster.data.source import Source
from skdeepcluster.networks.randomness import global_streams
from skdeepcluster.training.batch_norm import global_batch_norm, local_batch_norm
from skdeepcluster.training.device import autocast
from skdeepcluster.training.distributed import ALONE, Processes
from skdeepcluster.training.objective import Batch, Objective, Schedule, Step
from skdeepcluster.training.pace import Pace
from skdeepcluster.training.record import EpochRecord
from skdeepcluster.training.schedule import build_optimizer, draw_rows, learning_rate
from skdeepcluster.training.seeds import Generators
from skdeepcluster.training.training_set import TrainingSet
from skdeepcluster.training.views import Views

SETTLED_EPOCHS = 3  # by chance, one quiet epoch may stand between two others


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
    optimizer : {"muon", "adam", "sgd"}
        Name of the optimiser.
    lr, weight_decay : float
        Peak learning rate and weight decay.
    dtype : torch.dtype or None
        Precision of the networks in training, None for float32.
    compile : bool
        Whether the networks and the loss go through `torch.compile`.
    n_clusters : int
        Number of clusters looked for.
    tol : float, default=0.0
        Share of samples that change their cluster, at and below which training ends early.
    lr_schedule : {"cosine", "constant"}, default="cosine"
        What the learning rate does after its rise.
    backbone_lr_factor : float, default=1.0
        Factor on the learning rate of the trunk.
    draws_globally : bool, default=False
        Whether networks or views are of the caller's making, and may draw from torch's global
        streams.
    """

    schedule: Schedule
    optimizer: str
    lr: float
    weight_decay: float
    dtype: torch.dtype | None
    compile: bool
    n_clusters: int
    tol: float = 0.0
    lr_schedule: str = "cosine"
    backbone_lr_factor: float = 1.0
    draws_globally: bool = False


class Trainer:
    """
    Train an objective on a source of samples.

    Parameters
    ----------
    objective : Objective
        Model and loss, on the training device.
    source : Source
        The samples.
    views : Views
        Makes views of a batch.
    settings : Settings
        How to train.
    generators : Generators
        Sources of randomness.
    history : list of dict or None, default=None
        Entries of earlier trainings that this one goes on from.
    processes : Processes, default=Processes()
        Those that train together.
    known : Tensor of shape (n,), dtype int64, or None, default=None
        Clusters of the samples whose class is known, -1 where it is not.
    """

    def __init__(
        self,
        objective: Objective,
        source: Source,
        views: Views,
        settings: Settings,
        generators: Generators,
        history: list[dict[str, Any]] | None = None,
        processes: Processes = ALONE,
        known: Tensor | None = None,
    ) -> None:
        self.objective = objective
        self.source = source
        self.views = views
        self.settings = settings
        self.generators = generators
        self.processes = processes
        self.known = None if known is None else known.to(source.device)
        self.training_set = TrainingSet(
            objective.model, source, views, generators, settings.dtype, processes, self.known
        )
        self.optimizer = build_optimizer(
            objective,
            settings.optimizer,
            settings.lr,
            settings.weight_decay,
            settings.backbone_lr_factor,
        )
        self.scaler = torch.amp.GradScaler(
            source.device.type, enabled=settings.dtype is torch.float16
        )
        if self.scaler.is_enabled():
            _fill_momentum(self.optimizer)
        # Not bound to this object, which would keep itself and the samples in memory.
        self.of_batch = torch.compile(Trainer._evaluate) if settings.compile else Trainer._evaluate
        # Drawn one step ahead: the order of draws is part of what a seed means.
        self.noise = objective.draw(generators.noise)
        self.epoch = 0
        self.history = list(history or [])
        self.n_epochs_before = len(self.history)
        self.pace = Pace(source.device, is_image=len(source.shape) == 3)
        self.assigned: Tensor | None = None
        self.last_epoch: tuple[dict[str, Tensor], Generators] | None = None

    def run(
        self,
        on_epoch_begin: Callable[[], None],
        on_epoch_end: Callable[[dict[str, Any]], bool],
    ) -> None:
        """
        Train to the last epoch, or until clusters have settled, or until told to stop.

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
        while self.epoch < self.settings.schedule.max_epochs and not self._has_settled():
            on_epoch_begin()
            with global_batch_norm(self.objective, self.processes):
                # Times differ between processes, and the same history is to be in all.
                entry = self.processes.from_first(self._train_epoch())
            if not math.isfinite(entry["loss"]):
                raise TrainingDiverged(_diverged(entry, self.settings))
            # Together and at once, as an interrupt between them would leave one without the others.
            self.last_epoch = self._state_to_go_back_to()
            self.history.append(entry)
            self.epoch += 1
            if self.processes.from_first(on_epoch_end(entry)):
                break
        self.objective.eval()

    def _has_settled(self) -> bool:
        """Say whether `tol` holds since some epochs; the history knows, so that a resume does."""
        after_rise = self.history[self.n_epochs_before + self.settings.schedule.warmup_epochs :]
        last = [entry["changed_labels"] for entry in after_rise[-SETTLED_EPOCHS:]]
        return (
            self.settings.tol > 0 and len(last) == SETTLED_EPOCHS and max(last) <= self.settings.tol
        )

    def _train_epoch(self) -> dict[str, Any]:
        weights = self.objective.start_epoch(self.epoch, self.training_set)
        # Sums on a GPU may be rounded otherwise in each process.
        weights = self.processes.from_first(None if weights is None else weights.cpu())
        self.processes.same_weights(self.objective)
        self.objective.train()
        record = EpochRecord(
            len(self.source), self.settings.n_clusters, self.source.device, self.assigned
        )
        lr, order = self.settings.lr, self._order(weights)
        numbers = order.to(self.source.device)  # once, so that no step waits for its own
        read = self.share if self.views.divides else slice(None)
        for step, (_, samples) in enumerate(self.source.batches(order[:, read])):
            lr = self._set_lr(self.epoch * self.settings.schedule.steps_per_epoch + step)
            self._train_step(numbers[step], samples, record)
        entry = record.finish(self.n_epochs_before + self.epoch + 1, lr)
        self.assigned = record.assigned
        return entry

    def _train_step(self, index: Tensor, samples: Tensor, record: EpochRecord) -> None:
        with global_streams(*self.generators.streams(self.settings.draws_globally)):
            result = self.evaluate(self.batch(index, samples))
        loss = torch.stack(list(result.losses.values())).sum() / self.processes.size
        self.scaler.scale(loss).backward()
        self.processes.add_up(self._gradients())
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        record.add(result, index[: self.settings.schedule.batch_size])
        step = self.epoch * self.settings.schedule.steps_per_epoch + record.n_steps
        self.pace.step(self.settings.schedule.n_steps - step)
        self.objective.after_step(step, result.memory)
        self.noise = self.objective.draw(self.generators.noise)

    def batch(self, index: Tensor, samples: Tensor) -> Batch:
        """
        Make of samples what the objective gets to see.

        Parameters
        ----------
        index : Tensor of shape (b,), dtype int64
            Numbers of the samples.
        samples : Tensor of shape (b, *shape), dtype float32
            The samples, in the unit range: all, or this process's share if the views divide.

        Returns
        -------
        Batch
            Standardised views of this process's share, and the noise of the step.
        """
        views = map(self.source.maps.standardise, self._views(index, samples))
        laid_out = tuple(map(self.objective.model.laid_out, views))
        return Batch(laid_out, index, self.noise, share=self.share)

    @property
    def share(self) -> slice:
        """Those samples of a batch that go through the networks in this process."""
        return self.processes.share(self.settings.schedule.n_rows)

    def _views(self, index: Tensor, samples: Tensor) -> tuple[Tensor, ...]:
        generator = self.generators.augmentation
        if self.processes.size == 1:
            return self.views(samples, index, generator)
        if self.views.divides:
            return self.views.of_share(samples, self.share, len(index), generator)
        return tuple(view[self.share] for view in self.views(samples, index, generator))

    def _gradients(self) -> list[Tensor]:
        parameters = (p for group in self.optimizer.param_groups for p in group["params"])
        return [p.grad for p in parameters if p.grad is not None]

    def evaluate(self, batch: Batch) -> Step:
        """
        Compute outputs and losses of a batch, compiled where that is wanted.

        Parameters
        ----------
        batch : Batch
            The batch.

        Returns
        -------
        Step
            What the method makes of it.
        """
        return self.of_batch(self, batch)

    def _evaluate(self, batch: Batch) -> Step:
        with autocast(batch.index.device, self.settings.dtype):
            outputs = self.objective(batch)
        return self.losses(self._gather(outputs, batch), batch)

    def losses(self, outputs: tuple[Tensor, ...], batch: Batch) -> Step:
        """
        Compute the loss terms of a batch, and of the samples of known class that follow it.

        Parameters
        ----------
        outputs : tuple of Tensors of shape (n_views * (B + m), ...), dtype float32
            What the networks of all processes made of the batch and of those m samples.
        batch : Batch
            Both.

        Returns
        -------
        Step
            What the method made of the batch, with the further term.
        """
        if self.known is None:
            return self.objective.step(outputs, batch)
        schedule = self.settings.schedule
        sizes = [schedule.batch_size, schedule.n_known]
        views = (output.unflatten(0, (schedule.n_views, -1)) for output in outputs)
        parts = (view.split(sizes, dim=1) for view in views)
        unknown, labelled = zip(*([p.flatten(0, 1) for p in both] for both in parts), strict=True)
        index, of_known = batch.index.split(sizes)
        step = self.objective.step(unknown, replace(batch, index=index))
        further = replace(batch, index=of_known, known=self.known[of_known])
        return step._replace(losses=step.losses | self.objective.supervise(labelled, further))

    def _gather(self, outputs: tuple[Tensor, ...], batch: Batch) -> tuple[Tensor, ...]:
        """Return what the networks of all processes made of the whole batch."""
        shape = batch.global_size, self.settings.schedule.n_views
        return tuple(self.processes.join(output.float(), *shape) for output in outputs)

    def _order(self, weights: Tensor | None) -> Tensor:
        schedule = self.settings.schedule
        if weights is None:
            order = torch.randperm(schedule.n_samples, generator=self.generators.order)
        else:
            order = draw_rows(weights.cpu(), schedule.n_samples, self.generators.order)
        order = order[: schedule.batch_size * schedule.steps_per_epoch]
        order = order.view(-1, schedule.batch_size)
        return order if self.known is None else torch.cat([order, self._known_order()], dim=1)

    def _known_order(self) -> Tensor:
        """Draw the samples of known class that each batch is followed by: all equally often."""
        assert self.known is not None
        schedule, known = self.settings.schedule, (self.known >= 0).nonzero()[:, 0].cpu()
        n_rows = schedule.n_known * schedule.steps_per_epoch
        rounds = range(-(-n_rows // len(known)))
        order = [torch.randperm(len(known), generator=self.generators.order) for _ in rounds]
        return known[torch.cat(order)[:n_rows]].view(-1, schedule.n_known)

    def _set_lr(self, step: int) -> float:
        settings = self.settings
        lr = learning_rate(settings.lr, step, settings.schedule, settings.lr_schedule)
        for group in self.optimizer.param_groups:
            group["lr"] = lr * group["lr_scale"]
        return lr

    def _state_to_go_back_to(self) -> tuple[dict[str, Tensor], Generators]:
        weights = {n: t.clone() for n, t in self.objective.state_dict().items()}
        return weights, self.generators.copy()

    def go_back_to_last_epoch(self, interrupt: KeyboardInterrupt) -> None:
        """
        Bring the objective to where it was at the end of the last epoch, after an interrupt.

        Parameters
        ----------
        interrupt : KeyboardInterrupt
            Raised again where no epoch was finished; else it is told what the estimator holds.
        """
        if self.last_epoch is None:
            raise interrupt
        weights, self.training_set.generators = self.last_epoch
        self.objective.load_state_dict(weights)
        interrupt.add_note(
            f"The estimator holds the model as of epoch {len(self.history)}. With checkpoint_dir, "
            "the same fit would go on from there (with warm_start=True, that of an estimator as it "
            "was before)."
        )

    def snapshot(self) -> Trainer:
        """
        Copy what a look at the fitted model would change.

        Returns
        -------
        Trainer
            With an objective and generators of its own, for reading in the middle of a training.
        """
        other = copy.copy(self)
        method = self.objective.method  # what the caller has given need not be of a kind to copy
        other.objective = copy.deepcopy(self.objective, {id(method): method})
        local_batch_norm(other.objective)
        seen = (
            self.source,
            self.views,
            self.generators.copy(),
            self.settings.dtype,
            self.processes,
            self.known,
        )
        other.training_set = TrainingSet(other.objective.model, *seen)
        return other

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
            "noise": list(self.noise),
        }

    def follow_first(self) -> None:
        """Go to the state that the first process is in."""
        if self.processes.size > 1:
            buffer = io.BytesIO()
            if self.processes.is_first:
                torch.save(self.state_dict(), buffer)
            buffer = io.BytesIO(self.processes.from_first(buffer.getvalue()))
            if not self.processes.is_first:
                self.load_state_dict(torch.load(buffer, map_location="cpu", weights_only=True))

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
        _fill_momentum(self.optimizer)
        self.scaler.load_state_dict(state["scaler"])
        for name, generator in vars(self.generators).items():
            generator.set_state(state["generators"][name])
        self.epoch = state["epoch"]
        self.history = list(state["history"])
        assigned, device = state["assigned"], self.source.device
        self.assigned = None if assigned is None else assigned.to(device)
        self.noise = tuple(noise.to(device) for noise in state["noise"])
        if self.epoch:
            self.last_epoch = self._state_to_go_back_to()


def _fill_momentum(optimizer: torch.optim.Optimizer) -> None:
    """
    Let missing momentum start from zero, to the same end: fused SGD takes all or none.

    And where a `GradScaler` skips its first step, it would take what is in memory.
    """
    for group in optimizer.param_groups:
        for parameter in group["params"] if "momentum" in group else ():
            state = optimizer.state[parameter]
            if state.get("momentum_buffer") is None:
                state["momentum_buffer"] = torch.zeros_like(parameter)


def _diverged(entry: dict[str, Any], settings: Settings) -> str:
    terms = {name: value for name, value in entry.items() if name.startswith("loss_")}
    return (
        f"The loss is not finite in epoch {entry['epoch']}: {terms}. Try a lower lr (now "
        f"{settings.lr:g}), more warmup_epochs, or precision='float32', and look for extreme "
        "values in X."
    )
