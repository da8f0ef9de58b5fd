"""From a file to a fitted estimator, without running anything that the file names."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from skdeepcluster._text import printable
from skdeepcluster._torch_state import in_plain_torch
from skdeepcluster._warn import warn
from skdeepcluster.augmentation.resolve import resolve_augmentation
from skdeepcluster.data.known_labels import UNKNOWN
from skdeepcluster.data.layout import infer_layout
from skdeepcluster.data.resizing import resized_shape
from skdeepcluster.data.scaling import Scaling
from skdeepcluster.networks.backbone import build_backbone, takes_channels_last
from skdeepcluster.networks.ema import STATISTICS
from skdeepcluster.networks.model import Model
from skdeepcluster.persistence.checks import (
    check_classes,
    check_manifest,
    check_parameters,
    check_tensors,
    check_values,
)
from skdeepcluster.persistence.container import read_file
from skdeepcluster.persistence.encoding import Given, decode
from skdeepcluster.persistence.versions import version_note
from skdeepcluster.training.device import resolve_device
from skdeepcluster.training.fitted import FittedModel, parameters_of

# The estimators that files may name: those that are imported.
_CLASSES: dict[tuple[str, str], type[Any]] = {}
NOT_IN_ALL: dict[str, Any] = {  # what stands for entries that a file need not have
    "temperature": 1.0,
    "view_agreement": None,
    "cluster_trust": [],
    "n_clusters_curve": {},
    "classes": [],
    "cluster_to_class": [],
}
GROUPS = ("model", "further", "scaling", "clusters")


def register(estimator: type[Any]) -> None:
    """
    Make an estimator known to `load`; of two with one name, the later counts.

    Parameters
    ----------
    estimator : type
        The estimator's class.
    """
    _CLASSES[estimator.__module__, estimator.__qualname__] = estimator


@in_plain_torch
def load(
    path: str | os.PathLike[str],
    *,
    backbone: nn.Module | Callable[[tuple[int, ...]], nn.Module] | None = None,
    augmentation: Any = None,
    device: str | torch.device = "auto",
) -> Any:
    """
    Load an estimator that its method `save` wrote.

    Nothing in the file is run or imported: it holds numbers and text, which are checked. What comes
    back is as it was fitted, also where parameters were changed between `fit` and `save`.

    Parameters
    ----------
    path : str or path
        The file.
    backbone : nn.Module or callable, default=None
        The trunk, where the model was made with the caller's own: a module of the same structure,
        which is copied, or a callable from the shape of a sample to one. Its weights are replaced.
    augmentation : str or callable, default=None
        Takes the place of the parameter `augmentation`. Needed only to train on, and only where
        that was the caller's own.
    device : str or torch.device, default="auto"
        Where the networks go, and the parameter `device` of the estimator: a file does not say.

    Returns
    -------
    DeepClusterer
        A fitted estimator of the class that was saved.

    Raises
    ------
    ValueError
        If the file is damaged, of a newer format or not a model; if its method is not imported; if
        `device` is absent; if `backbone` is missing, not wanted, or of another structure.
    OSError
        If there is no file, or it cannot be read.

    Warns
    -----
    UserWarning
        If other versions of skdeepcluster or torch made the file, or parameters take their default
        because the file cannot hold or does not name them.
    """
    notes: list[str] = []
    target = resolve_device(device)
    try:
        manifest, tensors = read_file(Path(path))
        manifest = _decoded(manifest)
        check_manifest(manifest)
        notes.append(version_note(manifest["versions"]))
        given = {"backbone": backbone, "augmentation": augmentation, "device": device}
        estimator = _build_unfitted(manifest, given, notes)
        _restore(estimator, manifest, tensors, target)
    except (OSError, Warning):
        raise
    except Exception as error:  # whatever bytes do, a caller has one kind of error to expect
        text = printable(str(error) if isinstance(error, ValueError) else repr(error))
        raise ValueError(f"{str(path)!r} cannot be loaded: {text}") from error
    for note in filter(None, notes):
        warn(printable(note))
    return estimator


def _decoded(manifest: dict[str, Any]) -> Any:
    try:
        decoded = decode(manifest)
        return NOT_IN_ALL | decoded if isinstance(decoded, dict) else decoded
    except RecursionError as error:
        raise ValueError("its manifest is nested too deeply") from error


# --- parameters ----------------------------------------------------------------------------


def _find_class(module: str, name: str) -> type[Any]:
    """Find an estimator without importing anything."""
    if (module, name) not in _CLASSES:
        raise ValueError(
            f"it holds a {name!r} of {module!r}, which is not imported: import it first"
        )
    return _CLASSES[module, name]


def _build_unfitted(manifest: dict[str, Any], given: dict[str, Any], notes: list[str]) -> Any:
    cls = _find_class(*manifest["class"])
    parameters = manifest["parameters"]
    missing = check_parameters(parameters, cls)
    if missing:
        notes.append(f"The file names no {', '.join(missing)}; taking the default.")
    _check_backbone(parameters.get("backbone"), given["backbone"])
    known = set(cls._get_param_names())
    parameters.update({n: v for n, v in given.items() if v is not None and n in known})
    if isinstance(parameters.get("augmentation"), Given):
        notes.append(
            "The model was made with its caller's own augmentation "
            f"({parameters['augmentation'].what!r}), which is 'auto' now. To train on with it, "
            "pass augmentation= to load; predictions need none."
        )
        parameters["augmentation"] = "auto"
    if isinstance(parameters.get("random_state"), Given):
        parameters["random_state"] = None
    estimator = cls(**parameters)
    estimator._validate_params()
    shape = tuple(manifest["shape"])
    resolve_augmentation(estimator.augmentation, shape)
    _check_image_shape(estimator, shape)
    return estimator


def _check_image_shape(estimator: Any, shape: tuple[int, ...]) -> None:
    given = estimator.image_shape
    if given is None:
        return
    if infer_layout((prod(shape),), given, estimator.channel_axis).shape != shape:
        raise ValueError(f"its image_shape={given!r} is not that of its samples, {shape}")


def _check_backbone(saved: Any, given: Any) -> None:
    if not isinstance(saved, str | Given | None):
        raise ValueError("its backbone is not a name")
    if isinstance(saved, Given) and given is None:
        raise ValueError(
            f"it was made with its caller's own backbone ({saved.what!r}): pass one of the same "
            "structure as backbone="
        )
    if given is not None and not isinstance(saved, Given):
        raise ValueError(f"it was made with backbone={saved!r}: leave out backbone=")
    if given is not None and not isinstance(given, nn.Module) and not callable(given):
        raise ValueError(f"backbone must be an nn.Module or a callable; got {given!r}")


# --- networks and fitted attributes ----------------------------------------------------------


def _restore(
    estimator: Any, manifest: Mapping[str, Any], tensors: dict[str, Tensor], device: torch.device
) -> None:
    """Give an estimator the attributes of a fit."""
    groups: dict[str, dict[str, Tensor]] = {group: {} for group in GROUPS}
    for name, tensor in tensors.items():
        group, _, rest = name.partition(".")
        if group not in groups:
            raise ValueError(f"it holds a tensor of the unknown name {name!r}")
        groups[group][rest] = tensor
    shape = tuple(manifest["shape"])
    seen = resized_shape(shape, estimator.image_size)
    model, width, not_finite = _restore_model(estimator, seen, groups["model"])
    check_values(groups, shape, estimator.n_clusters, width, not_finite)
    clusters, scaling = ({n: t.numpy() for n, t in groups[g].items()} for g in GROUPS[:1:-1])
    estimator._model = FittedModel(
        model=model.to(device).to(memory_format=model.memory_format),
        scaling=Scaling(**scaling),
        shape=shape,
        parameters=parameters_of(estimator),
        used=clusters["used"],
        temperature=manifest["temperature"],
    )
    if isinstance(estimator.backbone, str):
        estimator._model.check()
    estimator._further_weights = groups["further"]
    estimator.labels_, estimator.cluster_centers_ = clusters["labels"], clusters["centers"]
    estimator.n_clusters_ = len(clusters["used"])
    trust = manifest["cluster_trust"] or [None] * estimator.n_clusters_
    if len(trust) != estimator.n_clusters_:
        raise ValueError("its entry 'cluster_trust' is not one number for each cluster")
    if manifest["n_clusters_curve"]:
        curve = manifest["n_clusters_curve"]
        estimator.n_clusters_curve_ = {name: np.array(values) for name, values in curve.items()}
    agreement = manifest["view_agreement"]
    estimator.view_agreement_ = float("nan") if agreement is None else float(agreement)
    estimator.cluster_trust_ = np.array(trust, dtype=np.float64)
    matched = manifest["cluster_to_class"] or [UNKNOWN] * estimator.n_clusters_
    check_classes(manifest["classes"], matched, estimator.n_clusters_)
    if manifest["classes"]:
        estimator.classes_ = np.array(manifest["classes"], dtype=np.int64)
    estimator.cluster_to_class_ = np.array(matched, dtype=np.int64)
    estimator.history_, estimator.n_epochs_ = manifest["history"], len(manifest["history"])
    estimator.n_features_in_ = prod(shape)
    estimator.image_shape_ = shape if len(shape) == 3 else None
    if manifest["feature_names"] is not None:
        estimator.feature_names_in_ = np.array(manifest["feature_names"], dtype=object)
    estimator.set_output(transform=manifest["output"])


def _restore_model(
    estimator: Any, shape: tuple[int, ...], state: dict[str, Tensor]
) -> tuple[Model, int, list[str]]:
    """
    Build the networks around the tensors of the file, and find the length of the embedding.

    Of a trunk of the caller's, those tensors are named, too, that need not be finite.

    On the "meta" device building and running the networks takes neither memory nor time, whatever
    sizes a file claims; then the file's own tensors take the place of the empty ones.
    """
    generator, is_ours = torch.Generator(), isinstance(estimator.backbone, str)
    place = "meta" if is_ours else "cpu"
    try:
        with torch.device(place):
            trunk, n_features = build_backbone(estimator.backbone, shape, generator)
        not_finite = [] if is_ours else _need_not_be_finite(trunk)
        with torch.device("meta"):
            model: Model = estimator._build_model(trunk, n_features, generator)
        check_tensors(model.state_dict(), state, is_ours)
        if not is_ours:  # weights are copied into a module that may share some among its parts
            model = estimator._build_model(trunk, n_features, generator)
            model.load_state_dict(state)
        with torch.device(place), torch.no_grad():
            embedding, _ = model.eval()(torch.zeros(1, *shape))
        if is_ours:
            model.load_state_dict(state, assign=True)
    except (RuntimeError, TypeError, OverflowError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{type(estimator).__name__} cannot be built: {reason}") from error
    model.channels_last = takes_channels_last(estimator.backbone, trunk, shape)
    return model, embedding.shape[1], not_finite


def _need_not_be_finite(trunk: nn.Module) -> list[str]:
    """Name buffers such as masks of minus infinity, and what is not finite in it as it is given."""
    own = [name for name, _ in trunk.named_buffers() if not name.endswith(STATISTICS)]
    return own + [name for name, tensor in trunk.state_dict().items() if _is_odd(tensor)]


def _is_odd(tensor: Tensor) -> bool:
    return tensor.is_floating_point() and not bool(tensor.isfinite().all())
