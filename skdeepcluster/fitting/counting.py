"""``n_clusters="auto"``: a first training with too many clusters, after which they are counted."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch

from skdeepcluster.clustering.number import choose_number, most_clusters, separation_curve
from skdeepcluster.data.known_labels import KnownLabels, refuse_too_many
from skdeepcluster.data.samples import Samples
from skdeepcluster.fitting.attributes import fit_model, judging_views
from skdeepcluster.fitting.building import build_trainer
from skdeepcluster.fitting.running import refuse_states_of_another, train
from skdeepcluster.training.agreement import embedding_of_views
from skdeepcluster.training.callbacks import EpochWatch
from skdeepcluster.training.distributed import Processes
from skdeepcluster.training.engine import Trainer


def with_n_clusters(
    estimator: Any, processes: Processes, samples: Samples, X: Any, known: KnownLabels | None
) -> tuple[dict[str, np.ndarray], Any]:
    """
    Find the number of clusters.

    Parameters
    ----------
    estimator : estimator instance
        With ``n_clusters="auto"``; not changed.
    processes : Processes
        Those that train together.
    samples : Samples
        The training samples.
    X : object
        What `fit` was given.
    known : KnownLabels or None
        Classes of some of the samples.

    Returns
    -------
    curve : dict of str to ndarray
        How well clusters are told apart, by their number; empty after a warm start.
    chosen : estimator instance
        A copy that has the number of clusters, no less than there are known classes.

    Raises
    ------
    ValueError
        If there are more known classes than there may be clusters, or `checkpoint_dir` holds
        another training.
    """
    n_classes = 0 if known is None else len(known.classes)
    chosen, pilot = copy.copy(estimator), copy.copy(estimator)
    if estimator.warm_start and hasattr(estimator, "_model"):
        chosen.n_clusters = estimator._model.n_clusters
        if len(samples) < chosen.n_clusters:
            raise ValueError(
                f"n_samples={len(samples)} should be >= n_clusters={chosen.n_clusters}, the number "
                "that n_clusters='auto' found before."
            )
        refuse_too_many(n_classes, chosen.n_clusters)
        return {}, chosen
    pilot.n_clusters = _begin_with(estimator.max_clusters, len(samples), n_classes)
    if estimator.checkpoint_dir is not None:
        pilot.checkpoint_dir = Path(estimator.checkpoint_dir) / "number_of_clusters"
    refuse_states_of_another(estimator, processes, samples, known)
    trainer = build_trainer(pilot, samples, processes, known)
    show = bool(estimator.verbose) and processes.is_first
    watch = EpochWatch(pilot, X, None, trainer.settings.schedule.max_epochs, None, show=show)
    try:
        train(pilot, trainer, watch, samples, known)
    finally:
        watch.close()
    curve = processes.from_first(_count(trainer, samples, pilot))
    chosen.n_clusters = max(choose_number(curve).best, n_classes)
    return curve, chosen


def _begin_with(max_clusters: int | str, n: int, n_classes: int) -> int:
    """Choose how many clusters to begin with."""
    if isinstance(max_clusters, str):
        return max(most_clusters(n), n_classes)
    if max_clusters < n_classes:
        raise ValueError(
            f"max_clusters must be at least the number of classes in known_labels, {n_classes}; "
            f"got {max_clusters}."
        )
    return min(int(max_clusters), n)


def _count(trainer: Trainer, samples: Samples, estimator: Any) -> dict[str, np.ndarray]:
    """Merge the clusters of a training that had too many; return how well they are told apart."""
    fitted, _, _ = fit_model(trainer, samples, estimator)
    views = embedding_of_views(fitted, samples, judging_views(estimator))
    first, second = (torch.from_numpy(view) for view in views)
    most, starts = int(estimator.n_clusters), torch.Generator().manual_seed(0)
    return separation_curve(first, second, most, starts)
