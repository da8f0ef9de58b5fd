"""What an estimator keeps of a training."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, clone
from torch import Tensor

from skdeepcluster.clustering.agreement import chance_corrected_agreement
from skdeepcluster.clustering.calibration import cluster_agreement, fit_temperature
from skdeepcluster.clustering.labels import compact_labels
from skdeepcluster.data.known_labels import UNKNOWN, KnownLabels, match_to_classes
from skdeepcluster.data.samples import Samples
from skdeepcluster.training.agreement import logits_of_views
from skdeepcluster.training.distributed import Processes
from skdeepcluster.training.engine import Trainer, TrainingDiverged
from skdeepcluster.training.fitted import FittedModel, parameters_of


def fit_model(
    trainer: Trainer, samples: Samples, estimator: Any
) -> tuple[FittedModel, np.ndarray, np.ndarray]:
    """
    Finish the model of a training, and assign the samples to its clusters.

    Parameters
    ----------
    trainer : Trainer
        After its last epoch.
    samples : Samples
        The training samples.
    estimator : estimator instance
        Whose parameters are those of the training.

    Returns
    -------
    fitted : FittedModel
        What predicts.
    labels : ndarray of shape (n,), dtype int64
        Clusters of the samples, numbered without gaps.
    sums : ndarray of shape (K, d), dtype float64
        Sum of the embedding of each cluster that has members.

    Raises
    ------
    TrainingDiverged
        If an embedding is zero or not finite.
    """
    settings, objective = trainer.settings, trainer.objective
    objective.finish(trainer.training_set)
    trainer.processes.same_weights(objective)  # sums on GPUs may be rounded otherwise in each
    fitted = FittedModel(
        model=objective.model.eval(),
        scaling=trainer.source.scaling,
        shape=samples.shape,
        parameters=_kept_parameters(estimator),
        used=np.arange(settings.n_clusters),
    )
    try:
        labels, sums = _assign(fitted, samples, trainer.processes)
    except ValueError as error:
        raise TrainingDiverged(
            f"The embedding is zero or not finite after epoch {len(trainer.history)}. Try a lower "
            f"lr (now {settings.lr:g}), more warmup_epochs, or precision='float32', and look for "
            "extreme values in X."
        ) from error
    fitted.used, labels = compact_labels(labels, settings.n_clusters)
    return fitted, labels, sums[fitted.used]


def fitted_attributes(
    trainer: Trainer, samples: Samples, estimator: Any, known: KnownLabels | None = None
) -> dict[str, Any]:
    """
    Compute everything an estimator keeps of a training.

    Parameters
    ----------
    trainer : Trainer
        After its last epoch, or a `Trainer.snapshot` between two.
    samples : Samples
        The training samples.
    estimator : estimator instance
        Whose parameters are those of the training.
    known : KnownLabels or None, default=None
        Classes of some of the samples.

    Returns
    -------
    dict
        Attributes by name.

    Raises
    ------
    TrainingDiverged
        If an embedding is zero or not finite.
    """
    fitted, labels, sums = fit_model(trainer, samples, estimator)
    return {
        **_known_classes(labels, len(fitted.used), known),
        **_trust(fitted, samples, estimator),
        "_model": fitted,
        "_further_weights": trainer.objective.further_weights(),
        "labels_": labels,
        "n_clusters_": len(fitted.used),
        "cluster_centers_": _directions(sums),
        "history_": list(trainer.history),
        "n_epochs_": len(trainer.history),
    }


def _trust(fitted: FittedModel, samples: Samples, estimator: Any) -> dict[str, Any]:
    """Judge the clusters by views of the samples, and fit the temperature to them."""
    first, second = logits_of_views(fitted, samples, judging_views(estimator))
    fitted.temperature = fit_temperature(first, second)
    labels = first.argmax(axis=1), second.argmax(axis=1)
    return {
        "view_agreement_": chance_corrected_agreement(*labels),
        "cluster_trust_": cluster_agreement(*labels, len(fitted.used)),
    }


def judging_views(estimator: Any) -> Any:
    """
    Choose the views by which clusters are judged.

    Parameters
    ----------
    estimator : estimator instance
        Gives `augmentation`.

    Returns
    -------
    callable or str
        Its views; ``"auto"`` where it has none, as training then has learnt nothing of what a
        sample may look like.
    """
    return "auto" if estimator.augmentation is None else estimator.augmentation


def _known_classes(
    labels: np.ndarray, n_clusters: int, known: KnownLabels | None
) -> dict[str, np.ndarray]:
    """Say which clusters stand for known classes: none of them where no class is known."""
    if known is None:
        # No `classes_`: tools of scikit-learn take what has it for a classifier.
        return {"cluster_to_class_": np.full(n_clusters, UNKNOWN, dtype=np.int64)}
    matched = match_to_classes(labels, n_clusters, known)
    return {"classes_": known.classes, "cluster_to_class_": matched}


def _kept_parameters(estimator: Any) -> dict[str, Any]:
    """Return the parameters as they are now: those of an augmentation may be set later."""
    parameters = parameters_of(estimator)
    return {n: clone(v) if isinstance(v, BaseEstimator) else v for n, v in parameters.items()}


def _assign(
    fitted: FittedModel, samples: Samples, processes: Processes
) -> tuple[np.ndarray, np.ndarray]:
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

    own = torch.from_numpy(fitted.collect(samples, assign, processes.share(len(samples))))
    assert sums is not None
    processes.add_up([sums])
    return processes.gather(own, len(samples)).numpy(), sums.numpy()


def _directions(sums: np.ndarray) -> np.ndarray:
    """Scale to unit length; where members cancel out, every direction is as near to them."""
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    axis = np.eye(1, sums.shape[1])
    return np.where(lengths > 1e-12, sums / np.maximum(lengths, 1e-12), axis).astype(np.float32)
