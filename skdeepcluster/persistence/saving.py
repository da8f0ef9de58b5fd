"""From a fitted estimator to a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from skdeepcluster.augmentation import resolve_augmentation
from skdeepcluster.networks import build_backbone
from skdeepcluster.persistence.container import refuse_existing, write_file
from skdeepcluster.persistence.encoding import encode, encode_parameters
from skdeepcluster.persistence.networks import (
    OBJECTIVE,
    build_untrained,
    describe_difference,
    expected_tensors,
    plain_settings,
)
from skdeepcluster.persistence.versions import present_versions
from skdeepcluster.training.device import DTYPES

__all__ = ["save_model"]


def save_model(estimator: Any, path: str | os.PathLike[str], *, overwrite: bool) -> None:
    """
    Write a fitted estimator to a file that holds no code.

    Parameters
    ----------
    estimator : estimator instance
        A fitted one.
    path : str or path
        Where to.
    overwrite : bool
        Whether a file that is there is replaced.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    FileExistsError
        If there is a file and `overwrite` is False.
    ValueError
        If a parameter has no form in JSON, is out of its range, or does not belong to the fitted
        networks.
    OSError
        If the file cannot be written.
    """
    check_is_fitted(estimator)
    path = Path(path)
    if not overwrite:
        refuse_existing(path)
    estimator._validate_params()
    resolve_augmentation(estimator.augmentation, estimator._model.shape)
    tensors = _tensors(estimator)
    write_file(path, _manifest(estimator, tensors), tensors, overwrite=overwrite)


def _tensors(estimator: Any) -> dict[str, Tensor]:
    model = estimator._model
    state = {OBJECTIVE + n: value for n, value in model.objective.state_dict().items()}
    for name, value in state.items():
        if not isinstance(value, Tensor):
            raise ValueError(f"{name} of the networks cannot be saved: it is not a tensor.")
    arrays = {
        **{f"scaling.{name}": value for name, value in vars(model.scaling).items()},
        "labels": estimator.labels_,
        "used": model.used,
        "cluster_centers": estimator.cluster_centers_,
    }
    state.update({name: torch.tensor(value) for name, value in arrays.items()})
    plain = torch.contiguous_format  # and no storage shared, as tied weights have it
    return {name: t.detach().cpu().clone(memory_format=plain) for name, t in state.items()}


def _manifest(estimator: Any, tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    model, cls = estimator._model, type(estimator)
    names = getattr(estimator, "feature_names_in_", None)
    clusters, embedding = tensors["cluster_centers"].shape
    sizes = {"samples": len(tensors["labels"]), "clusters": clusters, "embedding": embedding}
    sizes["trunk"] = build_backbone(model.objective.trunk, model.shape, torch.Generator())[1]
    return {
        "class": [cls.__module__, cls.__qualname__],
        "versions": present_versions(),
        "parameters": encode_parameters(estimator.get_params(deep=False)),
        "settings": _settings(estimator, sizes, tensors),
        "precision": next(name for name, dtype in DTYPES.items() if dtype == model.dtype),
        "shape": list(model.shape),
        "sizes": sizes,
        "feature_names": None if names is None else [str(name) for name in names],
        "output": getattr(estimator, "_sklearn_output_config", {}).get("transform"),
        "history": encode(estimator.history_),
    }


def _settings(
    estimator: Any, sizes: Mapping[str, int], tensors: Mapping[str, Tensor]
) -> dict[str, Any]:
    """Return the objective's plain settings, once the parameters are known to describe it."""
    model = estimator._model
    trunk = None if isinstance(estimator.backbone, str) else model.objective.trunk
    fresh = build_untrained(estimator, trunk, model.shape, sizes["trunk"], "meta")
    problem = describe_difference(expected_tensors(fresh, model.shape, sizes), tensors)
    if model.n_clusters != estimator.n_clusters:
        problem = f"n_clusters was {model.n_clusters}, is {estimator.n_clusters}"
    if problem:
        raise ValueError(
            f"{type(estimator).__name__} cannot be saved: parameters were changed after fit and do "
            f"not describe the fitted networks ({problem}). Set them back or fit again."
        )
    settings: dict[str, Any] = encode(
        {n: getattr(model.objective, n) for n in plain_settings(fresh)}
    )
    return settings
