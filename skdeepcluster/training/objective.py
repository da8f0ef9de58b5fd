"""The contract between the training engine and a method."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from skdeepcluster.losses.supervised import supervised_contrast
from skdeepcluster.networks.model import Model
from skdeepcluster.training.training_set import TrainingSet


def are_ours(*classes: type) -> bool:
    """
    Tell whether classes are this package's, which keeps to more than the contract asks for.

    Parameters
    ----------
    *classes : type
        Of a method and its parts.

    Returns
    -------
    bool
        False if one is the caller's.
    """
    return all(cls.__module__.startswith("skdeepcluster.") for cls in classes)


@dataclass(frozen=True)
class Schedule:
    """
    How long and in what batches training goes on.

    Parameters
    ----------
    n_samples : int
        Number of training samples.
    max_epochs : int
        Number of epochs.
    batch_size : int
        Samples in a batch: all batches of an epoch are equally large.
    steps_per_epoch : int
        Batches in an epoch.
    warmup_epochs : int
        Epochs over which the learning rate rises.
    n_views : int, default=2
        Views of each sample in a batch.
    is_image : bool, default=True
        Whether samples are images: what is best for them is not what is best for vectors.
    n_known : int, default=0
        Samples of known class that a step sees beside its batch.
    """

    n_samples: int
    max_epochs: int
    batch_size: int
    steps_per_epoch: int
    warmup_epochs: int
    n_views: int = 2
    is_image: bool = True
    n_known: int = 0

    @property
    def n_rows(self) -> int:
        """Samples that go through the networks in a step: a batch, then those of known class."""
        return self.batch_size + self.n_known

    @property
    def n_steps(self) -> int:
        """Number of optimiser steps of the whole training."""
        return self.max_epochs * self.steps_per_epoch


@dataclass(frozen=True)
class Batch:
    """
    What a method gets to see in one step.

    Parameters
    ----------
    views : tuple of Tensors of shape (b, *shape)
        Standardised views of the samples that this process embeds: the first view of each, the
        second of each, and so on.
    index : Tensor of shape (B,), dtype int64
        Numbers in the training set of all samples of the batch, over all processes.
    noise : tuple of Tensor, default=()
        What the objective's `draw` returned for this step, for the whole batch.
    known : Tensor of shape (B,), dtype int64, or None, default=None
        Clusters of the classes of samples whose class the caller knows: those are a batch of their
        own, which `Objective.supervise` gets.
    share : slice, default=slice(None)
        Those of the B samples that this process embeds.
    """

    views: tuple[Tensor, ...]
    index: Tensor
    noise: tuple[Tensor, ...] = ()
    known: Tensor | None = None
    share: slice = field(default_factory=lambda: slice(None))

    @property
    def global_size(self) -> int:
        """Number B of samples over all processes: those of which the loss is computed."""
        return len(self.index)


class Step(NamedTuple):
    """
    What a method makes of one batch.

    Parameters
    ----------
    losses : dict of str to Tensor of shape ()
        The loss terms, already weighted: their sum is minimised.
    logits : Tensor of shape (B, n_clusters)
        Unnormalised log-probabilities of the clusters for the samples of the batch, for the record.
    embedding : Tensor of shape (B, d)
        Unit-length embedding of the samples, for the record.
    memory : tuple of Tensor, default=()
        What `Objective.after_step` needs of this step, such as rows for a queue.
    """

    losses: dict[str, Tensor]
    logits: Tensor
    embedding: Tensor
    memory: tuple[Tensor, ...] = ()


class Objective(nn.Module):
    """
    Training of a model by one method: its loss, and all that only training needs.

    A method defines `forward` and `step`; the other hooks are there for the methods that need them.
    The engine moves the objective to the device, runs `forward` under autocast and `step` in
    float32, and owns everything else. Of all this only the model outlives the training.

    Parameters
    ----------
    model : Model
        What is trained.
    schedule : Schedule
        Length of training and size of batches.
    generator : torch.Generator
        Source of weights beside the model's, on the CPU.
    method : estimator instance
        Gives the parameters.

    Attributes
    ----------
    further : tuple of str
        Names of submodules beside the model whose weights further training, by ``warm_start``,
        goes on from.
    """

    further: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, model: Model, schedule: Schedule, generator: torch.Generator, method: Any
    ) -> None:
        super().__init__()
        self.model = model
        self.schedule = schedule
        self.method = method
        self.frozen = not any(p.requires_grad for p in model.backbone.parameters())
        self.keeps_statistics = method.backbone_lr_factor < 1

    def draw(self, generator: torch.Generator) -> tuple[Tensor, ...]:
        """
        Draw the noise of one step.

        Noise is drawn outside of the step so that `torch.compile` sees tensors and no generator,
        and so that all processes get the same.

        Parameters
        ----------
        generator : torch.Generator
            Source of the noise, on the training device.

        Returns
        -------
        tuple of Tensor
            The noise of the whole batch, found again in `Batch.noise`.
        """
        return ()

    def start_epoch(self, epoch: int, training_set: TrainingSet) -> Tensor | None:
        """
        Look at all training samples before an epoch.

        Parameters
        ----------
        epoch : int
            Number of the epoch, from 0.
        training_set : TrainingSet
            Embeds training samples by the model.

        Returns
        -------
        Tensor of shape (n,) or None
            Weights with which samples are drawn, with replacement, or None for each once.
        """
        return None

    def forward(self, batch: Batch) -> tuple[Tensor, ...]:
        """
        Run the networks on this process's share of a batch.

        Parameters
        ----------
        batch : Batch
            The batch.

        Returns
        -------
        tuple of Tensors of shape (n_views * b, ...)
            What `step` needs: rows of all samples for the first view, then the second, and so on.
        """
        raise NotImplementedError

    def step(self, outputs: tuple[Tensor, ...], batch: Batch) -> Step:
        """
        Compute the loss terms of the whole batch.

        Parameters
        ----------
        outputs : tuple of Tensors of shape (n_views * B, ...), dtype float32
            What `forward` returned, of all processes.
        batch : Batch
            The batch.

        Returns
        -------
        Step
            The loss terms and what else the engine needs.
        """
        raise NotImplementedError

    def predictions(self, outputs: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """
        Say what the networks think of each row, for samples whose class is known.

        Parameters
        ----------
        outputs : tuple of Tensors of shape (n, ...), dtype float32
            What `forward` returned.

        Returns
        -------
        embedding : Tensor of shape (n, d)
            Unit-length embedding, with gradient.
        logits : Tensor of shape (n, n_clusters)
            Unnormalised log-probabilities of the clusters, with gradient.
        """
        raise NotImplementedError(
            f"To train with known_labels, {type(self).__name__} has to define predictions."
        )

    def supervise(self, outputs: tuple[Tensor, ...], batch: Batch) -> dict[str, Tensor]:
        """
        Compute the loss terms of samples of known class.

        Parameters
        ----------
        outputs : tuple of Tensors of shape (n_views * B, ...), dtype float32
            What `forward` returned of them.
        batch : Batch
            Those samples, with `known`.

        Returns
        -------
        dict of str to Tensor of shape ()
            The term, already weighted.
        """
        assert batch.known is not None
        embedding, logits = self.predictions(outputs)
        known = batch.known.repeat(self.schedule.n_views)
        contrast = supervised_contrast(embedding, known, self.method.temperature)
        term = contrast + functional.cross_entropy(logits, known)
        return {"known": self.method.known_weight * term}

    def after_step(self, step: int, memory: tuple[Tensor, ...]) -> None:
        """
        Do what follows an optimiser step, such as a moving average.

        Parameters
        ----------
        step : int
            Number of steps made so far in the whole training.
        memory : tuple of Tensor
            What `step` left in `Step.memory`.
        """

    def finish(self, training_set: TrainingSet) -> None:
        """
        Do what follows the last epoch, such as a last look at all training samples.

        Parameters
        ----------
        training_set : TrainingSet
            Embeds training samples by the model.
        """

    def parameter_groups(self) -> list[dict[str, Any]]:
        """
        Group the trained parameters.

        Returns
        -------
        list of dict
            Groups with ``"params"`` and ``"lr_scale"``, a factor on the learning rate.
        """
        return [{"params": trainable(self), "lr_scale": 1.0}]

    def trunks(self) -> tuple[nn.Module, ...]:
        """
        List the trunk and its copies.

        Returns
        -------
        tuple of nn.Module
            The model's trunk first.
        """
        return (self.model.backbone,)

    def train(self, mode: bool = True) -> Objective:
        """
        Set the networks to training or evaluation mode; what is frozen stays in the latter.

        Parameters
        ----------
        mode : bool, default=True
            Whether training mode is meant.

        Returns
        -------
        Objective
            This objective.
        """
        super().train(mode)
        for trunk in self.trunks():
            if self.frozen:  # otherwise the statistics of batch normalisation would move
                trunk.eval()
            elif self.keeps_statistics:
                _keep_statistics(trunk)
        return self

    def further_weights(self) -> dict[str, Tensor]:
        """
        Collect the weights that only further training needs.

        Returns
        -------
        dict of str to Tensor
            Weights of the submodules named in `further`, on the CPU.
        """
        state = self.state_dict()
        names = [name for name in state if name.partition(".")[0] in self.further]
        return {name: state[name].cpu() for name in names}

    def load_further_weights(self, weights: Mapping[str, Tensor]) -> None:
        """
        Go on from the weights of an earlier training.

        Parameters
        ----------
        weights : mapping of str to Tensor
            What `further_weights` returned; where it is empty, the start is made of the model.

        Raises
        ------
        ValueError
            If they are not those of this objective.
        """
        own = {n: t.shape for n, t in self.further_weights().items()}
        if weights and own != {n: t.shape for n, t in weights.items()}:
            raise ValueError(
                "warm_start=True cannot go on: the weights kept for further training do not belong "
                "to these parameters. Load without them, or set warm_start=False."
            )
        self.load_state_dict({**self.state_dict(), **weights})


def _keep_statistics(trunk: nn.Module) -> None:
    for part in trunk.modules():
        if isinstance(part, nn.modules.batchnorm._NormBase):
            part.eval()


def trainable(module: nn.Module) -> list[nn.Parameter]:
    """
    List the parameters of a module that gradients may change.

    Parameters
    ----------
    module : nn.Module
        Any.

    Returns
    -------
    list of nn.Parameter
        Those that require a gradient.
    """
    return [parameter for parameter in module.parameters() if parameter.requires_grad]


def ordered_pairs(n_views: int) -> list[tuple[int, int]]:
    """
    List the pairs of views, each in both orders.

    Parameters
    ----------
    n_views : int
        Number of views.

    Returns
    -------
    list of tuple of two int
        Numbers of the views.
    """
    views = range(n_views)  # spelt out, as older compilers do not know itertools
    return [(v, w) for v in views for w in views if v != w]


def average(terms: Iterable[Tensor]) -> Tensor:
    """
    Average a loss over pairs of views.

    Parameters
    ----------
    terms : iterable of Tensors of one shape
        The loss of each pair; at least one.

    Returns
    -------
    Tensor of that shape
        Their mean.
    """
    return torch.stack(list(terms)).mean(dim=0)
