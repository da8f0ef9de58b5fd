"""From a fitted estimator to a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skdeepcluster._files import refuse_existing
from skdeepcluster.persistence.container import write_file
from skdeepcluster.persistence.encoding import encode, encode_parameters
from skdeepcluster.persistence.versions import present_versions


def save_model(
    estimator: Any, path: str | os.PathLike[str], *, overwrite: bool, for_training: bool
) -> None:
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
    for_training : bool
        Whether weights that only further training needs are written too.

    Raises
    ------
    FileExistsError
        If there is a file and `overwrite` is False.
    ValueError
        If a parameter has no form in JSON, or the networks hold something else than tensors.
    OSError
        If the file cannot be written.
    """
    path = Path(path)
    if not overwrite:
        refuse_existing(path)
    manifest, tensors = _manifest(estimator), _tensors(estimator, for_training)
    write_file(path, manifest, tensors, overwrite=overwrite)


def _manifest(estimator: Any) -> dict[str, Any]:
    fitted, cls = estimator._model, type(estimator)
    if estimator.n_clusters == "auto" and "n_clusters" not in cls._get_param_names():
        raise ValueError(f"n_clusters='auto' must be a parameter of {cls.__name__} to be saved.")
    names = getattr(estimator, "feature_names_in_", None)
    return {
        "class": [cls.__module__, cls.__qualname__],
        "versions": present_versions(),
        "parameters": encode_parameters({n: fitted.parameters[n] for n in cls._get_param_names()}),
        "shape": list(fitted.shape),
        "feature_names": None if names is None else [str(name) for name in names],
        "output": getattr(estimator, "_sklearn_output_config", {}).get("transform"),
        "history": encode(estimator.history_),
        "temperature": fitted.temperature,
        "view_agreement": _or_none(estimator.view_agreement_),
        "cluster_trust": [_or_none(value) for value in estimator.cluster_trust_],
        **_curve(estimator),
        **_classes(estimator),
    }


def _or_none(value: float) -> float | None:
    """Return what JSON can hold: where nothing is known, the attribute is NaN."""
    return None if np.isnan(value) else float(value)


def _curve(estimator: Any) -> dict[str, Any]:
    """Return what only fits with ``n_clusters="auto"`` have."""
    curve = getattr(estimator, "n_clusters_curve_", None)
    return {"n_clusters_curve": {n: v.tolist() for n, v in curve.items()}} if curve else {}


def _classes(estimator: Any) -> dict[str, Any]:
    """Return what files of fits without known classes do not hold."""
    if not hasattr(estimator, "classes_"):
        return {}
    return {n: getattr(estimator, f"{n}_").tolist() for n in ("classes", "cluster_to_class")}


def _scaling(fitted: Any) -> dict[str, np.ndarray]:
    """Return the scaling; files of what is not brought to equal length do not speak of that."""
    values = vars(fitted.scaling).copy()
    if not values["equal_length"]:
        del values["equal_length"]
    return values


def _tensors(estimator: Any, for_training: bool) -> dict[str, Tensor]:
    fitted = estimator._model
    further = estimator._further_weights if for_training else {}
    groups = {
        "model": fitted.model.state_dict(),
        "further": further,
        "scaling": _scaling(fitted),
        "clusters": {
            "labels": estimator.labels_,
            "used": fitted.used,
            "centers": estimator.cluster_centers_,
        },
    }
    found = {f"{g}.{name}": value for g, values in groups.items() for name, value in values.items()}
    return {name: _plain(name, value) for name, value in found.items()}


def _plain(name: str, value: Any) -> Tensor:
    """Copy a tensor or array to where safetensors wants it: contiguous, on the CPU, not shared."""
    if not isinstance(value, Tensor) and not hasattr(value, "dtype"):
        raise ValueError(f"{name} of the networks cannot be saved: it is not a tensor.")
    tensor = torch.as_tensor(value).detach().cpu()
    if tensor.layout != torch.strided or tensor.dtype == torch.complex128:
        kind = tensor.dtype if tensor.layout == torch.strided else tensor.layout
        raise ValueError(f"{name} of the networks cannot be saved: files hold no {kind}.")
    return tensor.clone(memory_format=torch.contiguous_format)
