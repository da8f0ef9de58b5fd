"""The rules for what stands in a file: no value of it is trusted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skdeepcluster.data.known_labels import UNKNOWN
from skdeepcluster.data.scaling import Scaling
from skdeepcluster.persistence.encoding import NOT_IN_FILES

OUTPUTS = (None, "default", "pandas", "polars")
LARGEST = 2**30  # of any count: products of two, in bytes, fit into 64 bits
LISTED = 3


def check_manifest(manifest: Any) -> None:
    """
    Check the decoded manifest of a file, apart from what the method's class knows.

    Parameters
    ----------
    manifest : object
        What stands in the file.

    Raises
    ------
    ValueError
        If an entry is missing, unknown, or not of its form; the message names it.
    """
    if not isinstance(manifest, dict):
        raise ValueError("its manifest is not a list of entries")
    forms = {
        "class": lambda v: _all(v, list, str) and len(v) == 2,
        "versions": lambda v: _all(v, dict, str) and {"skdeepcluster", "torch"} <= set(v),
        "parameters": lambda v: isinstance(v, dict),
        "shape": lambda v: _are_counts(v) and len(v) in (1, 3),
        "feature_names": lambda v: (
            v is None or (_all(v, list, str) and len(v) == prod(manifest["shape"]))
        ),
        "output": lambda v: v in OUTPUTS,
        "temperature": lambda v: type(v) in (int, float) and 1e-3 <= v <= 1e3,
        "view_agreement": lambda v: v is None or _is_share(v),
        "cluster_trust": lambda v: (
            isinstance(v, list) and all(item is None or _is_share(item) for item in v)
        ),
        "n_clusters_curve": _is_curve,
        "classes": lambda v: _are_numbers(v) and all(a < b for a, b in pairwise([-1, *v])),
        "cluster_to_class": _are_numbers,
        "history": lambda v: (
            _all(v, list, dict) and all(_all(entry, dict, bool | int | float | str) for entry in v)
        ),
    }
    odd = manifest.keys() ^ forms.keys()
    if odd:
        raise ValueError(f"its manifest lacks, or should not have, the entries {sorted(odd)}")
    for name, is_right in forms.items():
        if not is_right(manifest[name]):
            raise ValueError(f"the entry {name!r} of its manifest is not of the right form")


def _all(values: Any, container: Any, kind: Any) -> bool:
    """Whether something is a list or dict whose values are all of a kind."""
    if not isinstance(values, container):
        return False
    items = values.values() if isinstance(values, dict) else values
    return all(isinstance(item, kind) for item in items)


def _are_counts(values: Any) -> bool:
    return _all(values, list, int) and all(type(v) is int and 0 < v < LARGEST for v in values)


def _is_curve(value: Any) -> bool:
    """Whether something is nothing, or numbers of clusters and finite values for each."""
    if value == {}:
        return True
    # Files from before there was a separation hold none.
    known = {"n_clusters", "score"}, {"n_clusters", "score", "separation"}
    if not _all(value, dict, list) or set(value) not in known:
        return False
    numbers, *values = (value[name] for name in sorted(value))
    finite = all(type(v) in (int, float) and -1e9 < v < 1e9 for part in values for v in part)
    lengths = {len(part) for part in value.values()}
    return _are_counts(numbers) and finite and len(lengths) == 1 and 0 not in lengths


def _is_share(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= 1


def _are_numbers(values: Any) -> bool:
    return _all(values, list, int) and all(type(v) is int and -(2**63) <= v < 2**63 for v in values)


def check_classes(classes: list[int], matched: list[int], n_clusters: int) -> None:
    """
    Check which clusters stand for known classes.

    Parameters
    ----------
    classes : list of int
        The classes, ascending.
    matched : list of int
        Class of each cluster, -1 for none.
    n_clusters : int
        Number of clusters that have members.

    Raises
    ------
    ValueError
        If that is not what fitting leaves.
    """
    stand = [name for name in matched if name != UNKNOWN]
    if len(matched) != n_clusters or len(set(stand)) != len(stand) or not {*stand} <= {*classes}:
        raise ValueError("its list of the classes of clusters is not one to one")


def check_parameters(parameters: Mapping[str, Any], cls: Any) -> list[str]:
    """
    Check the names of the parameters in a file.

    Parameters
    ----------
    parameters : mapping of str to object
        What the file holds.
    cls : type
        The estimator's class.

    Returns
    -------
    list of str
        Parameters that the file should name and does not.

    Raises
    ------
    ValueError
        If the class has no such parameter, or one that no file may set.
    """
    known = set(cls._get_param_names())
    refused = sorted(parameters.keys() - (known - NOT_IN_FILES))
    if refused:
        raise ValueError(f"no file may set parameters {refused} of {cls.__name__}")
    return sorted(known - parameters.keys() - NOT_IN_FILES)


def check_tensors(expected: Mapping[str, Tensor], found: Mapping[str, Tensor], ours: bool) -> None:
    """
    Check the names, shapes and dtypes of tensors.

    Parameters
    ----------
    expected, found : mapping of str to Tensor
        Tensors by name.
    ours : bool
        Whether the trunk is one of this package.

    Raises
    ------
    ValueError
        If they differ; the message names the first differences.
    """
    lines = [f"{name} is missing" for name in sorted(expected.keys() - found.keys())]
    lines += [f"{name!r} is unknown" for name in sorted(found.keys() - expected.keys())]
    for name in sorted(expected.keys() & found.keys()):
        want, have = (f"{t.dtype} of shape {tuple(t.shape)}" for t in (expected[name], found[name]))
        lines += [f"{name} is {have}, not {want}"] * (want != have)
    if lines:
        cause = "its parameters" if ours else "its parameters and the backbone given"
        more = f"; and {len(lines) - LISTED} more" if len(lines) > LISTED else ""
        raise ValueError(f"its tensors do not fit {cause}: {'; '.join(lines[:LISTED])}{more}")


def check_values(
    groups: Mapping[str, Mapping[str, Tensor]],
    shape: tuple[int, ...],
    n_clusters: int,
    width: int,
    not_finite: Collection[str] = (),
) -> None:
    """
    Check what stands beside the networks, and that all numbers are finite.

    Parameters
    ----------
    groups : mapping of str to mapping of str to Tensor
        The tensors of a file.
    shape : tuple of int
        Canonical shape of one sample.
    n_clusters : int
        Number of clusters looked for.
    width : int
        Length of the embedding.
    not_finite : collection of str, default=()
        Names, within a trunk of the caller's, of tensors that need not be finite.

    Raises
    ------
    ValueError
        If something is not what fitting leaves; the message names it.
    """
    clusters, none = groups["clusters"], torch.empty(0)
    n, k = (clusters.get(name, none).numel() for name in ("labels", "used"))
    units, channels = (1, shape[0]) if len(shape) == 3 else (shape[0], 1)
    blank = {
        "scaling.offset": torch.empty(units, dtype=torch.float64, device="meta"),
        "scaling.factor": torch.empty(1, device="meta"),
        "scaling.shift": torch.empty(units, device="meta"),
        **{f"scaling.{name}": torch.empty(channels, device="meta") for name in ("mean", "spread")},
        "scaling.equal_length": torch.empty(1, dtype=torch.bool, device="meta"),
        "clusters.labels": torch.empty(n, dtype=torch.int64, device="meta"),
        "clusters.used": torch.empty(k, dtype=torch.int64, device="meta"),
        "clusters.centers": torch.empty(k, width, device="meta"),
    }
    if "equal_length" not in groups["scaling"]:
        del blank["scaling.equal_length"]
    beside = {f"{g}.{n}": t for g in ("scaling", "clusters") for n, t in groups[g].items()}
    check_tensors(blank, beside, True)
    for group, tensors in groups.items():
        for name, tensor in tensors.items():
            may_be = any(f".{name}".endswith(f".{odd}") for odd in not_finite)
            _check_numbers(f"{group}.{name}", tensor, not may_be)
    _check_scaling({name: tensor.numpy() for name, tensor in groups["scaling"].items()})
    _check_centers(clusters["centers"].numpy())
    _check_clusters(clusters["labels"].numpy(), clusters["used"].numpy(), n_clusters)


def _check_numbers(name: str, tensor: Tensor, demand: bool = True) -> None:
    try:
        finite = not (demand and tensor.is_floating_point()) or bool(tensor.isfinite().all())
        negative = name.endswith("running_var") and bool((tensor < 0).any())
    except RuntimeError as error:  # torch knows dtypes with which it cannot reckon
        raise ValueError(f"{name!r} is of {tensor.dtype}, which no network has") from error
    if not finite:
        raise ValueError(f"{name!r} holds values that are not finite")
    if negative:
        raise ValueError(f"{name!r} holds negative variances")


def _check_scaling(values: Mapping[str, np.ndarray]) -> None:
    """Check that the maps neither turn samples over nor lose them."""
    for name in ("factor", "spread"):
        if not (values[name] > 0).all():
            raise ValueError(f"'scaling.{name}' holds values that are not positive")
    with np.errstate(over="ignore"):
        maps = Scaling(**values).on(torch.device("cpu"))
    for name, tensor in vars(maps).items():
        if isinstance(tensor, Tensor) and not tensor.isfinite().all():
            raise ValueError(f"the {name} of its scaling is not finite in float32")


def _check_centers(centers: np.ndarray) -> None:
    if not np.allclose(np.linalg.norm(centers.astype(np.float64), axis=1), 1, atol=1e-3):
        raise ValueError("'clusters.centers' holds vectors that are not of unit length")


def _check_clusters(labels: np.ndarray, used: np.ndarray, n_clusters: int) -> None:
    """Check that the clusters of the training samples are what fitting leaves."""
    rises = (used[1:] > used[:-1]).all()  # differences could wrap round
    if not len(used) or used[0] < 0 or used[-1] >= n_clusters or not rises:
        raise ValueError(f"its list of clusters does not rise within 0 to {n_clusters - 1}")
    if not np.array_equal(np.unique(labels), np.arange(len(used))):
        raise ValueError(f"its labels are not all of the numbers 0 to {len(used) - 1}")
