"""Classes of some samples, as the caller knows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

UNKNOWN = -1
LARGEST = np.iinfo(np.int64).max


@dataclass(frozen=True)
class KnownLabels:
    """
    Classes of some of the training samples.

    Parameters
    ----------
    classes : ndarray of shape (c,), dtype int64
        The classes, ascending.
    clusters : ndarray of shape (n,), dtype int64
        For each sample the cluster that stands for its class: the place of the class in `classes`;
        -1 where the class is not known.
    """

    classes: np.ndarray
    clusters: np.ndarray


def read_known_labels(labels: Any, n_samples: int, n_clusters: int) -> KnownLabels | None:
    """
    Read the classes that the caller knows.

    Parameters
    ----------
    labels : array-like of shape (n_samples,), or None
        Classes as integers from 0 on, -1 where the class is not known.
    n_samples : int
        Number of samples.
    n_clusters : int
        Number of clusters looked for.

    Returns
    -------
    KnownLabels or None
        None if no class is known.

    Raises
    ------
    TypeError
        If the labels are not integers.
    ValueError
        If they are masked or not one for each sample, if one is below -1 or 2**63 or more, or if
        there are more classes than clusters.
    """
    if labels is None:
        return None
    if np.ma.is_masked(labels):
        raise ValueError("known_labels must not be masked; -1 says that a class is not known.")
    given = np.asarray(labels)
    if given.shape != (n_samples,):
        raise ValueError(
            f"known_labels must have one label for each of the {n_samples} samples, -1 where it is "
            f"not known; got an array of shape {given.shape}."
        )
    if given.dtype.kind not in "iu":
        raise TypeError(
            "known_labels must be integers, with -1 for samples of unknown class; got "
            f"{given.dtype}. sklearn.preprocessing.LabelEncoder numbers classes that have names."
        )
    if given.dtype.kind == "i" and given.min() < UNKNOWN:
        raise ValueError(f"known_labels must be -1 (unknown) or more; got {given.min()}.")
    if given.size and given.max() > LARGEST:
        raise ValueError(f"known_labels must be below 2**63; got {given.max()}.")
    given = given.astype(np.int64)
    classes = np.unique(given[given >= 0])
    refuse_too_many(len(classes), n_clusters)
    if not len(classes):
        return None
    return KnownLabels(classes, np.where(given >= 0, np.searchsorted(classes, given), UNKNOWN))


def refuse_too_many(n_classes: int, n_clusters: int) -> None:
    """
    Refuse more known classes than clusters.

    Parameters
    ----------
    n_classes, n_clusters : int
        Their numbers.

    Raises
    ------
    ValueError
        If there are more classes.
    """
    if n_classes > n_clusters:
        raise ValueError(
            f"known_labels names {n_classes} classes, more than n_clusters={n_clusters}: there "
            "is a cluster for each class, and any further clusters are new classes."
        )


def match_to_classes(labels: np.ndarray, n_clusters: int, known: KnownLabels) -> np.ndarray:
    """
    Match clusters to the known classes, one to one, so that most samples of known class agree.

    Parameters
    ----------
    labels : ndarray of shape (n,), dtype int64
        Clusters of the samples.
    n_clusters : int
        Number of clusters.
    known : KnownLabels
        Classes of some samples.

    Returns
    -------
    ndarray of shape (n_clusters,), dtype int64
        Class of each cluster, -1 for a cluster that stands for none of the known classes.
    """
    from scipy.optimize import linear_sum_assignment  # here, to keep the package's import light

    seen = known.clusters >= 0
    table = np.zeros((n_clusters, len(known.classes)), dtype=np.int64)
    np.add.at(table, (labels[seen], known.clusters[seen]), 1)
    rows, columns = linear_sum_assignment(table, maximize=True)
    matched = np.full(n_clusters, UNKNOWN, dtype=np.int64)
    shared = table[rows, columns] > 0
    matched[rows[shared]] = known.classes[columns[shared]]
    return matched
