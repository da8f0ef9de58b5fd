"""From an estimator's parameters and samples to a training."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any, TypeGuard

import torch
from torch import Tensor

from skdeepcluster.augmentation.resolve import Augmentation, is_own, resolve_augmentation
from skdeepcluster.augmentation.vector import VectorAugmentation
from skdeepcluster.constraints import plain_number
from skdeepcluster.data.directions import with_length_rule
from skdeepcluster.data.known_labels import KnownLabels
from skdeepcluster.data.resizing import resized_shape
from skdeepcluster.data.samples import Samples
from skdeepcluster.data.scaling import Scaling
from skdeepcluster.data.source import Source, StreamedSource, open_source
from skdeepcluster.networks.backbone import build_backbone, takes_channels_last, trained_with
from skdeepcluster.training.approximate import approximate_neighbors, is_worthwhile
from skdeepcluster.training.device import resolve_device, training_dtype
from skdeepcluster.training.distributed import ALONE, Processes
from skdeepcluster.training.engine import Settings, Trainer
from skdeepcluster.training.fitted import FittedModel, parameters_of
from skdeepcluster.training.neighbors import NeighborViews, n_neighbors
from skdeepcluster.training.objective import Schedule, are_ours
from skdeepcluster.training.schedule import (
    choose_max_epochs,
    choose_warmup_epochs,
    fit_batch_size,
    plan_batches,
)
from skdeepcluster.training.seeds import Generators, draw_seeds
from skdeepcluster.training.views import Views

KNOWN_PART = 4  # a quarter of a batch is added to it where there are so many of known class


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
    model.channels_last = takes_channels_last(plain.backbone, trunk, shape)
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
        objective.to(device).to(memory_format=model.memory_format),
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
        draws_globally=not is_own(augmentation) or _has_parts_of_others(plain),
    )


def _has_parts_of_others(plain: Any) -> bool:
    """Tell whether there are networks that may draw as torch's own layers do."""
    is_ours = are_ours(type(plain), plain._model_class, plain._objective_class)
    return not is_ours or not isinstance(plain.backbone, str)


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
        max_epochs = choose_max_epochs(is_image, -(-len(samples) // size), len(samples))
    if isinstance(warmup, str):
        warmup = choose_warmup_epochs(is_image, max_epochs)
    plan = plan_batches(len(samples), size, max_epochs, warmup, is_image=is_image)
    return replace(plan, n_known=min(n_known, max(2, plan.batch_size // KNOWN_PART)))


def _model_to_go_on_from(estimator: Any, samples: Samples) -> FittedModel | None:
    """Return the model that a warm start goes on from, None to start afresh."""
    if not estimator.warm_start or not hasattr(estimator, "_model"):
        return None
    fitted: FittedModel = estimator._model
    then, now = fitted.parameters, parameters_of(estimator)
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
