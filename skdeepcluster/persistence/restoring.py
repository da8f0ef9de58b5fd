"""From checked entries and tensors to the attributes that fitting leaves."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from math import prod
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from skdeepcluster.data import Scaling
from skdeepcluster.fitted import FittedModel
from skdeepcluster.networks import build_backbone
from skdeepcluster.networks.init import built_by_user
from skdeepcluster.persistence.manifest import check_clusters
from skdeepcluster.persistence.networks import (
    OBJECTIVE,
    build_untrained,
    describe_difference,
    expected_tensors,
    plain_settings,
)
from skdeepcluster.training import Objective
from skdeepcluster.training.device import DTYPES, resolve_device

__all__ = ["move_networks", "restore_fit"]

SCALING = "scaling."


def restore_fit(estimator: Any, manifest: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """
    Give an estimator the attributes of a fit.

    Parameters
    ----------
    estimator : estimator instance
        Not fitted, with valid parameters.
    manifest : mapping
        As `check_manifest` accepts it.
    tensors : mapping of str to Tensor
        All tensors of the file.

    Raises
    ------
    ValueError
        If the tensors are not those of the estimator's networks and attributes.
    """
    objective = _restore_objective(estimator, manifest, tensors)
    arrays = {name: t.numpy() for name, t in tensors.items() if not name.startswith(OBJECTIVE)}
    check_clusters(arrays["labels"], arrays["used"], estimator.n_clusters)
    scaling = {n.removeprefix(SCALING): a for n, a in arrays.items() if n.startswith(SCALING)}
    estimator._model = FittedModel(
        objective=objective,
        scaling=Scaling(**scaling),
        shape=tuple(manifest["shape"]),
        n_clusters=estimator.n_clusters,
        dtype=DTYPES[manifest["precision"]],
        used=arrays["used"],
    )
    estimator.labels_, estimator.cluster_centers_ = arrays["labels"], arrays["cluster_centers"]
    estimator.n_clusters_ = len(arrays["used"])
    estimator.history_ = manifest["history"]
    estimator.n_epochs_ = len(manifest["history"])
    _restore_input(estimator, manifest)


def _restore_input(estimator: Any, manifest: Mapping[str, Any]) -> None:
    shape, names = tuple(manifest["shape"]), manifest["feature_names"]
    estimator.n_features_in_ = prod(shape)
    estimator.image_shape_ = shape if len(shape) == 3 else None
    if names is not None:
        estimator.feature_names_in_ = np.array(names, dtype=object)
    estimator.set_output(transform=manifest["output"])


def _restore_objective(
    estimator: Any, manifest: Mapping[str, Any], tensors: Mapping[str, Tensor]
) -> Objective:
    """Compare before memory is taken: what fits is no larger than the file."""
    shape, sizes = tuple(manifest["shape"]), manifest["sizes"]
    trunk = _own_trunk(estimator.backbone, shape)
    blank = build_untrained(estimator, trunk, shape, sizes["trunk"], "meta")
    problem = describe_difference(expected_tensors(blank, shape, sizes), tensors)
    if problem:
        cause = "its parameters" if trunk is None else "its parameters and the backbone given"
        raise ValueError(f"its tensors do not fit {cause}: {problem}")
    objective = build_untrained(estimator, trunk, shape, sizes["trunk"])
    state = {n.removeprefix(OBJECTIVE): t for n, t in tensors.items() if n.startswith(OBJECTIVE)}
    objective.load_state_dict(state)
    settings, own = manifest["settings"], plain_settings(objective)
    if settings.keys() != own.keys() or not all(_alike(settings[n], own[n]) for n in own):
        raise ValueError("its settings are not those of its method")
    for name, value in settings.items():
        setattr(objective, name, value)
    return objective


def _alike(value: Any, own: Any) -> bool:
    """Tell whether two settings are of one type; "auto" stands for a number."""
    numbers = all(isinstance(setting, Real) or setting == "auto" for setting in (value, own))
    return numbers or type(value) is type(own)


def _own_trunk(backbone: Any, shape: tuple[int, ...]) -> nn.Module | None:
    """Make the trunk of the caller's as `fit` does, None where `backbone` names one of ours."""
    if isinstance(backbone, str):
        return None
    generator = torch.Generator()
    if isinstance(backbone, nn.Module):
        trunk = copy.deepcopy(backbone).requires_grad_(True)
    else:
        trunk = built_by_user(lambda: backbone(shape), generator)
    if not isinstance(trunk, nn.Module):
        raise ValueError(f"backbone must return an nn.Module; got {type(trunk).__name__}")
    if any(is_lazy(value) for value in trunk.state_dict().values()):
        trunk, _ = build_backbone(backbone, shape, generator)  # a first batch gives the shapes
    return trunk


def move_networks(estimator: Any, *, must: bool) -> str:
    """
    Bring the networks to the device that the estimator names.

    Parameters
    ----------
    estimator : estimator instance
        A fitted one.
    must : bool
        Whether the device has to be there; the CPU stands in otherwise.

    Returns
    -------
    str
        A sentence if the CPU stands in, else empty.

    Raises
    ------
    ValueError
        If the device has to be there and is not.
    """
    note, device = "", torch.device("cpu")
    try:
        device = resolve_device(estimator.device)
    except ValueError:
        if must:
            raise
        note = (
            f"This machine lacks the model's device={estimator.device!r}: its networks are on the "
            "CPU. Pass device= to load to name another."
        )
    model = estimator._model
    images = len(model.shape) == 3
    layout = torch.channels_last if images else torch.preserve_format
    model.objective = model.objective.to(device).to(memory_format=layout)
    return note
