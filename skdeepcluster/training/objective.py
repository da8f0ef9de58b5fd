"""The contract between the training engine and a method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from skdeepcluster.training.look import Look

__all__ = ["Objective", "Schedule", "Step"]


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
    """

    n_samples: int
    max_epochs: int
    batch_size: int
    steps_per_epoch: int
    warmup_epochs: int

    @property
    def n_steps(self) -> int:
        """Number of optimiser steps of the whole training."""
        return self.max_epochs * self.steps_per_epoch


class Step(NamedTuple):
    """
    What a method makes of one batch.

    Parameters
    ----------
    losses : dict of str to Tensor of shape ()
        The loss terms, already weighted: their sum is minimised.
    logits : Tensor of shape (b, n_clusters)
        Unnormalised log-probabilities of the clusters for the samples of the batch, for the record.
    embedding : Tensor of shape (b, d)
        Unit-length embedding of the samples, for the record.
    """

    losses: dict[str, Tensor]
    logits: Tensor
    embedding: Tensor


class Objective(nn.Module):
    """
    Networks and loss of one method.

    A method defines `forward`, `step` and `infer`; the other hooks are there for the methods that
    need them. The engine moves the objective to the device, runs `forward` under autocast and
    `step` in float32, and owns everything else.

    Parameters
    ----------
    backbone : nn.Module
        The trunk.
    """

    backbone: nn.Module

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.generator: torch.Generator | None = None
        self.schedule: Schedule | None = None

    @property
    def trunk(self) -> nn.Module:
        """The trunk that `infer` uses, and that users get after training."""
        return self.backbone

    def begin(self, schedule: Schedule, generator: torch.Generator) -> None:
        """
        Make ready for training: allocate queues, fit momenta to the number of steps.

        Parameters
        ----------
        schedule : Schedule
            Length of training and size of batches.
        generator : torch.Generator
            Source of the method's own noise, on the training device.
        """
        self.schedule = schedule
        self.generator = generator

    def forward(self, views: Tensor) -> tuple[Tensor, ...]:
        """
        Run the networks on both views.

        Parameters
        ----------
        views : Tensor of shape (2 * b, *shape)
            First views of all samples of the batch, then second views, standardised.

        Returns
        -------
        tuple of Tensor
            What `step` needs.
        """
        raise NotImplementedError

    def step(self, outputs: tuple[Tensor, ...], index: Tensor) -> Step:
        """
        Compute the loss terms.

        Parameters
        ----------
        outputs : tuple of Tensor
            What `forward` returned, in float32.
        index : Tensor of shape (b,), dtype int64
            Numbers of the samples in the training set.

        Returns
        -------
        Step
            The loss terms and what the record needs.
        """
        raise NotImplementedError

    def infer(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """
        Embed and assign samples.

        Parameters
        ----------
        x : Tensor of shape (b, *shape)
            Standardised samples, not augmented.

        Returns
        -------
        embedding : Tensor of shape (b, d)
            Unit-length embedding.
        logits : Tensor of shape (b, n_clusters)
            Unnormalised log-probabilities of the clusters.
        """
        raise NotImplementedError

    def start_epoch(self, epoch: int, look: Look) -> Tensor | None:
        """
        Look at all training samples before an epoch.

        Parameters
        ----------
        epoch : int
            Number of the epoch, from 0.
        look : Look
            Embeds training samples by `infer`.

        Returns
        -------
        Tensor of shape (n,) or None
            Weights with which samples are drawn, with replacement, or None for each once.
        """
        return None

    def after_step(self, step: int) -> None:
        """
        Do what follows an optimiser step, such as a moving average.

        Parameters
        ----------
        step : int
            Number of steps made so far in the whole training.
        """

    def finish(self, look: Look) -> None:
        """
        Do what follows the last epoch, such as a last look at all training samples.

        Parameters
        ----------
        look : Look
            Embeds training samples by `infer`.
        """

    def parameter_groups(self) -> list[dict[str, Any]]:
        """
        Group the trained parameters.

        Returns
        -------
        list of dict
            Groups with ``"params"`` and ``"lr_scale"``, a factor on the learning rate.
        """
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        return [{"params": trained, "lr_scale": 1.0}]

    def release(self) -> None:
        """Forget what only training needs, such as queues of past samples."""
        self.generator = None
