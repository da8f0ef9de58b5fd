"""From a file to a fitted estimator, without running anything that the file names."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from skdeepcluster.augmentation import resolve_augmentation
from skdeepcluster.base import DeepClusterer
from skdeepcluster.persistence.container import read_file
from skdeepcluster.persistence.encoding import Given, decode
from skdeepcluster.persistence.manifest import check_manifest
from skdeepcluster.persistence.restoring import move_networks, restore_fit
from skdeepcluster.persistence.versions import version_note

__all__ = ["load"]


def load(
    path: str | os.PathLike[str],
    *,
    backbone: nn.Module | Callable[[tuple[int, ...]], nn.Module] | None = None,
    augmentation: Any = None,
    device: str | torch.device | None = None,
) -> DeepClusterer:
    """
    Load an estimator that its method `save` wrote.

    Nothing in the file is run or imported: it holds numbers and text, which are checked.

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
    device : str or torch.device, default=None
        Takes the place of the parameter `device`. The networks go there; without this, where the
        parameter in the file says, or to the CPU if this machine lacks that device.

    Returns
    -------
    DeepClusterer
        A fitted estimator of the class that was saved.

    Raises
    ------
    ValueError
        If the file is damaged, of a newer format or not a model; if its method is not imported; if
        `backbone` is missing, not wanted, or of another structure.
    OSError
        If there is no file, or it cannot be read.

    Warns
    -----
    UserWarning
        If other versions of skdeepcluster or torch made the file, its device is absent, or
        parameters take their default because the file cannot hold or does not name them.
    """
    notes: list[str] = []
    try:
        manifest, tensors = read_file(Path(path))
        manifest = decode(manifest)
        check_manifest(manifest)
        notes.append(version_note(manifest["versions"]))
        given = {"backbone": backbone, "augmentation": augmentation, "device": device}
        estimator = _build_unfitted(manifest, given, notes)
        restore_fit(estimator, manifest, tensors)
        notes.append(move_networks(estimator, must=device is not None))
    except (OSError, Warning):
        raise
    except Exception as error:  # whatever bytes do, a caller has one kind of error to expect
        text = str(error) if isinstance(error, ValueError) else repr(error)
        raise ValueError(f"{str(path)!r} cannot be loaded: {text}") from error
    for note in filter(None, notes):
        warnings.warn(note, UserWarning, stacklevel=2)
    return estimator


def _build_unfitted(
    manifest: dict[str, Any], given: dict[str, Any], notes: list[str]
) -> DeepClusterer:
    cls = _find_class(*manifest["class"])
    parameters, known = manifest["parameters"], set(cls._get_param_names())
    unknown = sorted(parameters.keys() - known)
    if unknown:
        raise ValueError(f"{cls.__name__} has no parameters {', '.join(unknown)}")
    missing = sorted(known - parameters.keys() - {"checkpoint_dir"})
    if missing:
        notes.append(f"The file names no {', '.join(missing)}; taking the default.")
    _fill_in(parameters, given, notes)
    estimator = cls(**parameters)
    estimator._validate_params()
    resolve_augmentation(estimator.augmentation, tuple(manifest["shape"]))
    return estimator


def _find_class(module: str, name: str) -> type[DeepClusterer]:
    """Find a method among those imported."""
    for cls in _methods(DeepClusterer):
        if (cls.__module__, cls.__qualname__) == (module, name):
            return cls
    raise ValueError(f"it holds a {name} of {module}, which is not imported: import it first")


def _methods(base: type[DeepClusterer]) -> Iterator[type[DeepClusterer]]:
    for cls in reversed(base.__subclasses__()):  # of two with one name, the later
        yield cls
        yield from _methods(cls)


def _fill_in(parameters: dict[str, Any], given: dict[str, Any], notes: list[str]) -> None:
    """Put what the caller gives in place of what the file holds or lacks."""
    _check_backbone(parameters.get("backbone"), given["backbone"])
    parameters.update({name: value for name, value in given.items() if value is not None})
    if isinstance(parameters.get("augmentation"), Given):
        notes.append(
            f"The model was made with its caller's own augmentation "
            f"({parameters['augmentation'].what}), which is 'auto' now. To train on with it, pass "
            "augmentation= to load; predictions need none."
        )
        parameters["augmentation"] = "auto"
    if isinstance(parameters.get("random_state"), Given):
        parameters["random_state"] = None


def _check_backbone(saved: Any, given: Any) -> None:
    if not isinstance(saved, str | Given | None):
        raise ValueError("its backbone is not a name")
    if isinstance(saved, Given) and given is None:
        raise ValueError(
            f"it was made with its caller's own backbone ({saved.what}): pass one of the same "
            "structure as backbone="
        )
    if given is not None and not isinstance(saved, Given):
        raise ValueError(f"it was made with backbone={saved!r}: leave out backbone=")
    if given is not None and not isinstance(given, nn.Module) and not callable(given):
        raise ValueError(f"backbone must be an nn.Module or a callable; got {given!r}")
