"""The rules for what stands in a file beside the weights."""

from __future__ import annotations

from collections.abc import Collection
from math import prod
from typing import Any

import numpy as np

from skdeepcluster.training.device import DTYPES

__all__ = ["check_clusters", "check_manifest"]

SIZES = {"samples", "clusters", "embedding", "trunk"}
OUTPUTS = (None, "default", "pandas", "polars")
LARGEST = 2**30  # of any count: products of two, in bytes, fit into 64 bits


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
        "settings": lambda v: _all(v, dict, bool | int | float | str),
        "precision": lambda v: isinstance(v, str) and v in DTYPES,
        "shape": lambda v: _are_counts(v, list) and len(v) in (1, 3),
        "sizes": lambda v: _are_counts(v, dict) and set(v) == SIZES,
        "feature_names": lambda v: (
            v is None or (_all(v, list, str) and len(v) == prod(manifest["shape"]))
        ),
        "output": lambda v: v in OUTPUTS,
        "history": lambda v: _all(v, list, dict) and all(map(_is_entry, v)),
    }
    odd = manifest.keys() ^ forms.keys()
    if odd:
        raise ValueError(f"its manifest lacks, or should not have, the entries {sorted(odd)}")
    for name, is_right in forms.items():
        if not is_right(manifest[name]):
            raise ValueError(f"the entry {name!r} of its manifest is not of the right form")


def _all(values: Any, container: type, kind: Any) -> bool:
    """Whether something is a list or dict whose values are all of a kind."""
    if not isinstance(values, container):
        return False
    return all(isinstance(item, kind) for item in _items(values))


def _items(values: Any) -> Collection[Any]:
    return values.values() if isinstance(values, dict) else values


def _are_counts(values: Any, container: type) -> bool:
    return _all(values, container, int) and all(
        type(item) is int and 0 < item < LARGEST for item in _items(values)
    )


def _is_entry(entry: Any) -> bool:
    return _all(entry, dict, bool | int | float | str)


def check_clusters(labels: np.ndarray, used: np.ndarray, n_clusters: int) -> None:
    """
    Check that the clusters of the training samples are what fitting leaves.

    Parameters
    ----------
    labels : ndarray of shape (n,), dtype int64
        Clusters of the training samples.
    used : ndarray of shape (n_clusters_,), dtype int64
        Those clusters that have members.
    n_clusters : int
        Number of clusters looked for.

    Raises
    ------
    ValueError
        If `used` does not rise within the clusters, or `labels` leaves one of them out.
    """
    if used[0] < 0 or used[-1] >= n_clusters or (np.diff(used) <= 0).any():
        raise ValueError(f"its list of clusters does not rise within 0 to {n_clusters - 1}")
    if not np.array_equal(np.unique(labels), np.arange(len(used))):
        raise ValueError(f"its labels are not all of the numbers 0 to {len(used) - 1}")
