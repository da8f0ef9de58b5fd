"""From an estimator's parameters and samples to a training, and from it to fitted attributes."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any, TypeGuard

import numpy as np
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

from skdeepcluster._warn import warn
from skdeepcluster.augmentation.resolve import Augmentation, is_own, resolve_augmentation
from skdeepcluster.augmentation.vector import VectorAugmentation
from skdeepcluster.clustering.agreement import chance_corrected_agreement
from skdeepcluster.clustering.calibration import cluster_agreement, fit_temperature
from skdeepcluster.clustering.labels import compact_labels
from skdeepcluster.clustering.number import FLAT, choose_number, separation_curve
from skdeepcluster.constraints import plain_number
from skdeepcluster.data.directions import with_length_rule
from skdeepcluster.data.known_labels import UNKNOWN, KnownLabels, match_to_classes
from skdeepcluster.data.resizing import resized_shape
from skdeepcluster.data.samples import Samples
from skdeepcluster.data.scaling import Scaling
from skdeepcluster.data.source import Source, StreamedSource, open_source
from skdeepcluster.networks.backbone import build_backbone, trained_with
from skdeepcluster.training.agreement import embedding_of_views, logits_of_views
from skdeepcluster.training.approximate import approximate_neighbors, is_worthwhile
from skdeepcluster.training.device import memory_format_of, resolve_device, training_dtype
from skdeepcluster.training.distributed import ALONE, Processes
from skdeepcluster.training.engine import Settings, Trainer, TrainingDiverged
from skdeepcluster.training.fitted import FittedModel
from skdeepcluster.training.neighbors import NeighborViews, n_neighbors
from skdeepcluster.training.objective import Schedule
from skdeepcluster.training.schedule import (
    choose_max_epochs,
    choose_warmup_epochs,
    fit_batch_size,
    plan_batches,
)
from skdeepcluster.training.seeds import Generators, draw_seeds
from skdeepcluster.training.views import Views

KNOWN_PART = 4  # a quarter of a batch is added to it where there are so many of known class
LEAST_AGREEMENT = 2 / 3  # below, what views disagree on outweighs what they agree on


def plain_copy(estimator: Any) -> Any:
    """
    Copy an estimator's parameters as Python's numbers: they neither wrap round nor surprise torch.

    Parameters
    ----------
    estimator : estimator instance
        Not changed.

    Returns
    -------
    estimator instance
        Of the same class, with nothing of a fit.
    """
    plain = copy.copy(estimator)
    for name, value in vars(estimator).items():
        if name.startswith("_") or name.endswith("_"):
            del plain.__dict__[name]
        elif name != "random_state":
            plain.__dict__[name] = plain_number(value)
    return plain


def build_trainer(
    estimator: Any,
    samples: Samples,
    processes: Processes = ALONE,
    known: KnownLabels | None = None,
) -> Trainer:
    """
    Make a training ready.

    Parameters
    ----------
    estimator : estimator instance
        Gives method and parameters, and with ``warm_start=True`` the model to go on from.
    samples : Samples
        The training samples.
    processes : Processes, default=Processes()
        Those that train together.
    known : KnownLabels or None, default=None
        Classes of some of the samples.

    Returns
    -------
    Trainer
        Before its first epoch.

    Raises
    ------
    ValueError
        If parameters and samples do not go together.
    """
    device, plain = resolve_device(estimator.device), plain_copy(estimator)
    warm = _model_to_go_on_from(estimator, samples)
    shape = resized_shape(samples.shape, plain.image_size)
    augmentation = resolve_augmentation(plain.augmentation, shape)
    dtype = training_dtype(plain.precision, device, shape, plain.backbone)
    n_known = 0 if known is None else int((known.clusters >= 0).sum())
    settings = _settings(plain, samples, dtype, augmentation, n_known)
    if settings.schedule.batch_size < 2 * processes.size:
        raise ValueError(
            f"batch_size must be at least 2 for each of the {processes.size} processes; the "
            f"batches have {settings.schedule.batch_size} samples."
        )
    seeds = processes.from_first(draw_seeds(plain.random_state, 4))
    generator = torch.Generator().manual_seed(seeds[0])
    trunk, n_features = build_backbone(plain.backbone, shape, generator)
    if plain.backbone_lr_factor == 0:
        trunk.requires_grad_(False)
    model = plain._build_model(trunk, n_features, generator)
    if warm is not None:  # the weights of then in networks with the parameters of now
        model.load_state_dict(warm.model.state_dict())
    objective = plain._build_objective(model, settings.schedule, generator)
    if warm is not None:
        objective.load_further_weights(estimator._further_weights)
    if warm is None:
        scaling = with_length_rule(Scaling.learn(samples, trained_with(trunk)), samples)
        scaling = processes.from_first(scaling)  # a rule is near its threshold now and then
    else:
        scaling = warm.scaling
    # Before the samples are copied: an index and the copy would be in memory at once.
    neighbors = _approximate_neighbors(augmentation, samples, scaling, device, processes)
    source = open_source(samples, scaling, device, plain.image_size)
    return Trainer(
        objective.to(device).to(memory_format=memory_format_of(shape)),
        source,
        _views(augmentation, source, processes, neighbors),
        settings,
        Generators.seeded(seeds[1:], device),
        history=[] if warm is None else list(estimator.history_),
        processes=processes,
        known=None if known is None else torch.from_numpy(known.clusters),
    )


def _approximate_neighbors(
    augmentation: Augmentation | None,
    samples: Samples,
    scaling: Scaling,
    device: torch.device,
    processes: Processes,
) -> Tensor | None:
    if not _draws_neighbors(augmentation) or not is_worthwhile(len(samples), device):
        return None
    source = StreamedSource(samples, scaling, device)
    return approximate_neighbors(source, n_neighbors(augmentation, len(samples)), processes)


def _draws_neighbors(augmentation: Augmentation | None) -> TypeGuard[VectorAugmentation]:
    return isinstance(augmentation, VectorAugmentation) and bool(augmentation.n_neighbors)


def _views(
    augmentation: Augmentation | None,
    source: Source,
    processes: Processes,
    neighbors: Tensor | None,
) -> Views:
    if _draws_neighbors(augmentation):
        return NeighborViews(augmentation, source, processes=processes, neighbors=neighbors)
    return Views(augmentation)


def _settings(
    plain: Any,
    samples: Samples,
    dtype: torch.dtype | None,
    augmentation: Augmentation | None,
    n_known: int,
) -> Settings:
    return Settings(
        schedule=_schedule(plain, samples, n_known),
        optimizer=_optimizer(plain, samples),
        lr=plain.lr,
        weight_decay=plain.weight_decay,
        dtype=dtype,
        compile=plain.compile,
        n_clusters=plain.n_clusters,
        tol=plain.tol,
        lr_schedule=plain.lr_schedule,
        backbone_lr_factor=plain.backbone_lr_factor,
        draws_globally=not is_own(augmentation) or not isinstance(plain.backbone, str),
    )


def _optimizer(plain: Any, samples: Samples) -> str:
    if plain.optimizer != "auto":
        return str(plain.optimizer)
    return "muon" if samples.layout.is_image else "adam"


def _schedule(plain: Any, samples: Samples, n_known: int) -> Schedule:
    size, max_epochs, warmup = plain.batch_size, plain.max_epochs, plain.warmup_epochs
    is_image = samples.layout.is_image
    if isinstance(size, str):
        size = fit_batch_size(len(samples), plain.n_clusters)
    if isinstance(max_epochs, str):
        max_epochs = choose_max_epochs(is_image, -(-len(samples) // size))
    if isinstance(warmup, str):
        warmup = choose_warmup_epochs(is_image, max_epochs)
    plan = plan_batches(len(samples), size, max_epochs, warmup, is_image=is_image)
    return replace(plan, n_known=min(n_known, max(2, plan.batch_size // KNOWN_PART)))


def _model_to_go_on_from(estimator: Any, samples: Samples) -> FittedModel | None:
    """Return the model that a warm start goes on from, None to start afresh."""
    if not estimator.warm_start or not hasattr(estimator, "_model"):
        return None
    fitted: FittedModel = estimator._model
    then, now = fitted.parameters, estimator.get_params(deep=False)
    changed = [
        f"{name} was {then[name]!r}, is {now[name]!r}"
        for name in estimator._structural_parameters
        if not (name == "n_clusters" and now[name] == "auto")  # what was found is gone on with
        and name in now
        and name in then
        and now[name] is not then[name]
        and now[name] != then[name]
    ]
    if fitted.shape != samples.shape:
        changed.append(f"the shape of a sample was {fitted.shape}, is {samples.shape}")
    if changed:
        raise ValueError(
            "warm_start=True goes on with the networks that are there, which other parameters "
            f"would not describe: {'; '.join(changed)}. Set them back, or set warm_start=False."
        )
    return fitted


def _fit_model(
    trainer: Trainer, samples: Samples, estimator: Any
) -> tuple[FittedModel, np.ndarray, np.ndarray]:
    """Return what stays of a training, the samples' clusters, and their sums of the embedding."""
    settings, objective = trainer.settings, trainer.objective
    objective.finish(trainer.training_set)
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
    fitted, labels, sums = _fit_model(trainer, samples, estimator)
    return {
        **known_classes(labels, len(fitted.used), known),
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
    first, second = logits_of_views(fitted, samples, _judging_views(estimator))
    fitted.temperature = fit_temperature(first, second)
    labels = first.argmax(axis=1), second.argmax(axis=1)
    return {
        "view_agreement_": chance_corrected_agreement(*labels),
        "cluster_trust_": cluster_agreement(*labels, len(fitted.used)),
    }


def _judging_views(estimator: Any) -> Any:
    # Without views of its own, training has learnt nothing of what a sample may look like.
    return "auto" if estimator.augmentation is None else estimator.augmentation


def count_clusters(trainer: Trainer, samples: Samples, estimator: Any) -> dict[str, np.ndarray]:
    """
    Find out how many clusters there are, from a training with too many.

    Parameters
    ----------
    trainer : Trainer
        After its last epoch with too many clusters.
    samples : Samples
        The training samples.
    estimator : estimator instance
        Whose parameters are those of the training.

    Returns
    -------
    dict of str to ndarray
        How well clusters are told apart, for numbers of clusters from those of the training down.
    """
    fitted, _, _ = _fit_model(trainer, samples, estimator)
    views = embedding_of_views(fitted, samples, _judging_views(estimator))
    first, second = (torch.from_numpy(view) for view in views)
    most, starts = int(estimator.n_clusters), torch.Generator().manual_seed(0)
    return separation_curve(first, second, most, starts)


def known_classes(
    labels: np.ndarray, n_clusters: int, known: KnownLabels | None
) -> dict[str, np.ndarray]:
    """
    Say which clusters stand for known classes.

    Parameters
    ----------
    labels : ndarray of shape (n,), dtype int64
        Clusters of the samples.
    n_clusters : int
        Number of clusters.
    known : KnownLabels or None
        Classes of some samples.

    Returns
    -------
    dict
        Attributes by name: empty arrays and -1 where no class is known.
    """
    if known is None:
        none = np.full(n_clusters, UNKNOWN, dtype=np.int64)
        return {"classes_": none[:0], "cluster_to_class_": none}
    matched = match_to_classes(labels, n_clusters, known)
    return {"classes_": known.classes, "cluster_to_class_": matched}


def _kept_parameters(estimator: Any) -> dict[str, Any]:
    """Return the parameters as they are now: those of an augmentation may be set later."""
    parameters = estimator.get_params(deep=False)
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
        If clusters are empty; if two views of a sample are so often in different clusters that the
        adjusted mutual information of the two is below 2/3; or if ``n_clusters="auto"`` has found
        numbers of clusters that differ by half and more to be as good as each other.
    """
    doubt, remedy = _doubt(estimator)
    if doubt:
        warn(f"{doubt} Try {remedy}.", ConvergenceWarning)


def _doubt(estimator: Any) -> tuple[str, str]:
    """Say what makes a clustering doubtful, if anything does, and what might help."""
    asked, found, agreement = estimator.n_clusters, estimator.n_clusters_, estimator.view_agreement_
    trained = estimator._model.parameters["n_clusters"]
    usual = "a smaller n_clusters, more max_epochs, another augmentation, or a larger batch_size"
    if found < trained:
        of = (
            f"the {trained} clusters of n_clusters='auto'"
            if asked == "auto"
            else f"n_clusters={asked} clusters"
        )
        return f"Only {found} of {of} have members.", usual
    if asked == "auto" and found == 1:
        text = (
            "n_clusters='auto' found no two clusters that views tell apart: all samples are in one."
        )
        return text, "more max_epochs, another augmentation, or the number that you need"
    if agreement < LEAST_AGREEMENT:
        return (
            "The clusters should not be trusted: two views of a sample are often in different ones "
            f"(adjusted mutual information {agreement:.2f}, below {LEAST_AGREEMENT:.2f}).",
            usual,
        )
    curve = getattr(estimator, "n_clusters_curve_", {}) if asked == "auto" else {}
    # After a warm start from a given number there is none, and old files hold no separation.
    least, _, most = choose_number(curve) if "separation" in curve else (found,) * 3
    if most >= FLAT * least and least <= found <= most:
        text = f"n_clusters='auto' took {found}, but any number from {least} to {most} is as good."
        return text, "the number that you need"
    return "", ""
