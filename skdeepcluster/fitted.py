"""What stays after training: a model that infers, and the attributes users read."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor
from torch.nn import functional

from skdeepcluster.clustering.labels import compact_labels, size_entropy
from skdeepcluster.data import Samples, Scaling
from skdeepcluster.training import Objective, Trainer, TrainingDiverged
from skdeepcluster.training.inference import gather, infer_samples

__all__ = ["FittedModel", "fitted_attributes", "warn_if_doubtful"]

COLLAPSE_ENTROPY = 0.5
LARGEST_CHURN = 0.3


@dataclass
class FittedModel:
    """
    Networks and scaling that embed and assign samples.

    Parameters
    ----------
    objective : Objective
        The method's trained networks, in evaluation mode.
    scaling : Scaling
        Learnt from the training samples.
    shape : tuple of int
        Canonical shape of one sample.
    n_clusters : int
        Number of clusters looked for.
    dtype : torch.dtype or None
        Precision of inference, None for float32.
    used : ndarray of shape (n_clusters_,), dtype int64
        Those clusters that have members.
    """

    objective: Objective
    scaling: Scaling
    shape: tuple[int, ...]
    n_clusters: int
    dtype: torch.dtype | None
    used: np.ndarray

    def batches(self, samples: Samples) -> Iterator[tuple[Tensor, Tensor]]:
        """
        Embed and assign samples, a batch at a time.

        Parameters
        ----------
        samples : Samples
            Samples of the shape learnt.

        Yields
        ------
        embedding : Tensor of shape (b, d), dtype float32
            Unit-length embedding of a batch, in order, on the model's device.
        probabilities : Tensor of shape (b, n_clusters_), dtype float32
            Soft assignment to the clusters that have members.

        Raises
        ------
        ValueError
            If a sample is so far from those of the training that `dtype` cannot hold its features,
            or if the networks make nothing but zeros of it.
        """
        start, used = 0, None
        for embedding, logits in infer_samples(self.objective, samples, self.scaling, self.dtype):
            if used is None:
                used = torch.from_numpy(self.used).to(logits.device)
            probabilities = functional.softmax(logits[:, used], dim=1)
            self._refuse_lost(embedding, probabilities, start)
            yield embedding, probabilities
            start += len(embedding)

    def _refuse_lost(self, embedding: Tensor, probabilities: Tensor, start: int) -> None:
        lengths = embedding.square().sum(dim=1)  # 1, or 0 where the networks give zeros
        lost = ~((lengths > 0.5) & probabilities.isfinite().all(dim=1))
        if lost.any():
            raise ValueError(
                f"Input X is too far from the training samples for {self.dtype or torch.float32}: "
                f"sample {start + int(lost.nonzero()[0])} has no finite embedding of unit length. "
                "precision='float32' reaches farthest."
            )

    def collect(self, samples: Samples, result: Callable[[Tensor, Tensor], Tensor]) -> np.ndarray:
        """
        Compute something of each sample, holding no more than a batch and the results.

        Parameters
        ----------
        samples : Samples
            Samples of the shape learnt.
        result : callable
            From the embedding and the probabilities of a batch to a tensor of as many rows.

        Returns
        -------
        ndarray of shape (n, ...)
            The results.
        """
        parts = (result(*batch) for batch in self.batches(samples))
        return gather(parts, len(samples), torch.device("cpu")).numpy()

    def __getstate__(self) -> dict[str, Any]:
        """Return the state with the networks on the CPU, so that it loads anywhere."""
        state = self.__dict__.copy()
        if any(parameter.device.type != "cpu" for parameter in self.objective.parameters()):
            state["objective"] = copy.deepcopy(self.objective).cpu()
        return state


def fitted_attributes(trainer: Trainer, samples: Samples, objective: Objective) -> dict[str, Any]:
    """
    Compute everything an estimator keeps of a training.

    Parameters
    ----------
    trainer : Trainer
        After its last epoch, or between two.
    samples : Samples
        The training samples.
    objective : Objective
        The trainer's, or a copy of it; it becomes part of the fitted model.

    Returns
    -------
    dict
        Attributes by name.

    Raises
    ------
    TrainingDiverged
        If an embedding is zero or not finite.
    """
    settings = trainer.settings
    objective.finish(trainer.look)
    objective.eval().release()
    model = FittedModel(
        objective=objective,
        scaling=trainer.source.scaling,
        shape=samples.shape,
        n_clusters=settings.n_clusters,
        dtype=settings.inference_dtype,
        used=np.arange(settings.n_clusters),
    )
    try:
        labels, sums = _assign(model, samples)
    except ValueError as error:
        raise TrainingDiverged(
            f"The embedding is zero or not finite after epoch {len(trainer.history)}. Try a lower "
            f"lr (now {settings.lr:g}), more warmup_epochs, or precision='float32', and look for "
            "extreme values in X."
        ) from error
    model.used, labels = compact_labels(labels, settings.n_clusters)
    return {
        "_model": model,
        "labels_": labels,
        "n_clusters_": len(model.used),
        "cluster_centers_": _directions(sums[model.used]),
        "history_": list(trainer.history),
        "n_epochs_": len(trainer.history),
    }


def _assign(model: FittedModel, samples: Samples) -> tuple[np.ndarray, np.ndarray]:
    """Return the cluster of each sample, and the sum of the embedding of each cluster."""
    sums: Tensor | None = None

    def assign(embedding: Tensor, probabilities: Tensor) -> Tensor:
        nonlocal sums
        labels = probabilities.argmax(dim=1).cpu()
        if sums is None:
            shape = probabilities.shape[1], embedding.shape[1]
            sums = torch.zeros(shape, dtype=torch.float64)
        sums.index_add_(0, labels, embedding.cpu().double())
        return labels

    labels = model.collect(samples, assign)
    assert sums is not None
    return labels, sums.numpy()


def _directions(sums: np.ndarray) -> np.ndarray:
    """Scale to unit length; where members cancel out, every direction is as near to them."""
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    axis = np.eye(1, sums.shape[1])
    return np.where(lengths > 1e-12, sums / np.maximum(lengths, 1e-12), axis).astype(np.float32)


def warn_if_doubtful(estimator: Any) -> None:
    """
    Warn when the clustering should not be trusted.

    Parameters
    ----------
    estimator : estimator instance
        A fitted one.

    Warns
    -----
    ConvergenceWarning
        If clusters are empty; if the entropy of the cluster sizes, divided by that of equal sizes,
        is below 0.5; or if more than 0.3 of the samples changed their cluster in the last epoch.
    """
    doubt = _doubt(estimator)
    if doubt:
        text = (
            f"{doubt} Try a smaller n_clusters, more max_epochs, another augmentation, or a "
            "larger batch_size."
        )
        warnings.warn(text, ConvergenceWarning, stacklevel=5)


def _doubt(estimator: Any) -> str:
    asked, found = int(estimator.n_clusters), estimator.n_clusters_
    entropy = size_entropy(np.bincount(estimator.labels_, minlength=asked))
    churn = estimator.history_[-1]["changed_labels"]
    if found < asked:
        return f"Only {found} of n_clusters={asked} clusters have members."
    if entropy < COLLAPSE_ENTROPY:
        return (
            f"The clustering has nearly collapsed: the entropy of the cluster sizes is "
            f"{entropy:.2f} of the possible, below {COLLAPSE_ENTROPY}."
        )
    if len(estimator.history_) > 1 and churn > LARGEST_CHURN:
        return (
            f"The clusters have not settled: in the last epoch {churn:.0%} of the samples changed "
            f"their cluster between views, above {LARGEST_CHURN:.0%}."
        )
    return ""
