"""What an epoch leaves in the history, collected on the device without waiting for it."""

from __future__ import annotations

import math
import time
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from skdeepcluster.clustering.labels import size_entropy
from skdeepcluster.training.objective import Step


class EpochRecord:
    """
    Sums over the steps of one epoch, read once at its end.

    Parameters
    ----------
    n_samples : int
        Number of training samples.
    n_clusters : int
        Number of clusters looked for.
    device : torch.device
        Where the sums are kept.
    previous : Tensor of shape (n_samples,) or None
        Assignments of the epoch before, -1 where a sample was not seen.
    """

    def __init__(
        self, n_samples: int, n_clusters: int, device: torch.device, previous: Tensor | None
    ) -> None:
        self.n_clusters = n_clusters
        self.previous = previous
        self.assigned = torch.full((n_samples,), -1, dtype=torch.int64, device=device)
        self.sums: dict[str, Tensor] = {}
        self.n_steps = 0
        self.n_images = 0
        self.started = time.perf_counter()

    @torch.no_grad()
    def add(self, step: Step, index: Tensor) -> None:
        """
        Add one step.

        Parameters
        ----------
        step : Step
            What the method made of the batch.
        index : Tensor of shape (b,), dtype int64
            Numbers of the samples.
        """
        confidence, labels = functional.softmax(step.logits, dim=1).max(dim=1)
        self.assigned[index] = labels
        values = {f"loss_{name}": value.detach() for name, value in step.losses.items()}
        values["confidence"] = confidence.mean()
        values["spread"] = step.embedding.var(0, correction=0).sum().sqrt()
        for name, value in values.items():
            # A clone, as the next run of a CUDA graph takes the memory of its outputs again.
            self.sums[name] = self.sums[name] + value if name in self.sums else value.clone()
        self.n_steps += 1
        self.n_images += len(index)

    def finish(self, epoch: int, lr: float) -> dict[str, Any]:
        """
        Read the sums.

        Parameters
        ----------
        epoch : int
            Number of the epoch, from 1.
        lr : float
            Its last learning rate.

        Returns
        -------
        dict
            The epoch's entry of `history_`.
        """
        means = (torch.stack(list(self.sums.values())) / self.n_steps).tolist()
        terms = dict(zip(self.sums, means, strict=True))
        seconds = time.perf_counter() - self.started
        return {
            "epoch": epoch,
            "loss": math.fsum(v for name, v in terms.items() if name.startswith("loss_")),
            **terms,
            "lr": lr,
            "seconds": seconds,
            "images_per_second": self.n_images / seconds,
            **self._balance(),
        }

    def _balance(self) -> dict[str, float]:
        seen = self.assigned >= 0
        counts = torch.bincount(self.assigned[seen], minlength=self.n_clusters)
        changed = 1.0
        if self.previous is not None:
            both = seen & (self.previous >= 0)
            moved = (self.assigned != self.previous) & both
            changed = float(moved.sum() / both.sum().clamp_min(1))
        return {
            "cluster_entropy": size_entropy(counts),
            "largest_share": float(counts.max()) / float(counts.sum()),
            "changed_labels": changed,
        }
