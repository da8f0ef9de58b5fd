"""What displays are given: estimators, labels, probabilities, classes, images."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.metrics.cluster import contingency_matrix
from sklearn.utils.validation import check_array, check_is_fitted

from skdeepcluster.clustering.labels import as_labels, is_missing
from skdeepcluster.data.samples import Samples
from skdeepcluster.plotting._drawing import load_matplotlib

NOISE = -1


class Assignments(NamedTuple):
    """
    Clusters of samples, however they were given.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,), dtype int64
        Cluster of each sample.
    certainty : ndarray of shape (n_samples,), dtype float64, or None
        Probability of the sample's own cluster, if known.
    clusters : ndarray of shape (n_clusters,), dtype int64
        The clusters in the order in which they are drawn.
    """

    labels: NDArray[np.int64]
    certainty: NDArray[np.float64] | None
    clusters: NDArray[np.int64]

    @property
    def sizes(self) -> NDArray[np.intp]:
        """Number of samples in each cluster."""
        return np.array([np.count_nonzero(self.labels == k) for k in self.clusters], dtype=np.intp)


class Matching(NamedTuple):
    """
    Classes against clusters, and which of them belong together.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The classes, sorted.
    codes : ndarray of shape (n_samples,), dtype intp
        Number of each sample's class.
    clusters : ndarray of shape (n_clusters,), dtype int64
        The clusters that occur, noise last.
    table : ndarray of shape (n_classes, n_clusters), dtype int64
        Number of samples of each class in each cluster.
    rows, columns : ndarray of shape (n_matched,), dtype intp
        Rows and columns of the table that are matched one to one.
    """

    classes: NDArray[Any]
    codes: NDArray[np.intp]
    clusters: NDArray[np.int64]
    table: NDArray[np.int64]
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]


def check_estimator(display: type, estimator: Any) -> None:
    """
    Refuse, before the samples are looked at, what could not be drawn afterwards.

    Parameters
    ----------
    display : type
        The display, named in messages.
    estimator : estimator
        What is to be drawn.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    NotFittedError
        If the estimator is not fitted.
    """
    load_matplotlib(display)
    check_is_fitted(estimator)


def final_step(estimator: Any) -> Any:
    """
    Find the estimator at the end of a pipeline, of a search the best one.

    Parameters
    ----------
    estimator : estimator
        A pipeline, a fitted search, or any other estimator.

    Returns
    -------
    estimator
        The last step of a pipeline, and any other estimator as it is.
    """
    estimator = getattr(estimator, "best_estimator_", estimator)
    return estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator


def predicted(estimator: Any, X: Any) -> Any:
    """
    Predict as much as the estimator can say.

    Parameters
    ----------
    estimator : estimator with ``predict_proba`` or ``predict``
        A fitted estimator.
    X : array-like or Tensor of shape (n_samples, ...)
        Samples.

    Returns
    -------
    ndarray of shape (n_samples, n_clusters) or (n_samples,)
        Probabilities where the estimator has them, otherwise labels.
    """
    has_probabilities = hasattr(estimator, "predict_proba")
    return estimator.predict_proba(X) if has_probabilities else estimator.predict(X)


def check_lengths(**arrays: Any) -> None:
    """
    Refuse arrays that differ in their numbers of samples.

    Parameters
    ----------
    **arrays : sized objects
        The arrays by the names of the parameters.

    Raises
    ------
    ValueError
        If they do.
    """
    lengths = [len(array) for array in arrays.values()]
    if len(set(lengths)) > 1:
        raise ValueError(
            f"{' and '.join(arrays)} must have the same number of samples, got "
            f"{' and '.join(map(str, lengths))}."
        )


def check_labels(labels: ArrayLike, name: str = "labels") -> NDArray[np.int64]:
    """
    Read numbers of clusters.

    Parameters
    ----------
    labels : array-like of shape (n_samples,)
        Integers from 0 on, and -1 for noise.
    name : str, default="labels"
        The parameter, named in messages.

    Returns
    -------
    ndarray of shape (n_samples,), dtype int64
        The labels.

    Raises
    ------
    ValueError
        If they are not what they should be, or all are noise.
    """
    values = np.asarray(labels)
    if np.ma.is_masked(labels):
        raise ValueError(f"{name} must have a cluster for every sample, got masked ones.")
    if values.ndim != 1 or values.dtype.kind not in "iu" or len(values) == 0:
        raise ValueError(
            f"{name} must be one-dimensional and hold integers, one for each sample; got shape "
            f"{values.shape} and dtype {values.dtype}."
        )
    if values.min() < NOISE or values.max() < 0:
        raise ValueError(
            f"{name} must be numbers of clusters, from 0 on, or -1 for noise, and name at least "
            f"one cluster; got values from {values.min()} to {values.max()}."
        )
    return values.astype(np.int64)


def check_classes(y_true: ArrayLike) -> NDArray[Any]:
    """
    Read known classes.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Numbers or strings.

    Returns
    -------
    ndarray of shape (n_samples,)
        The classes.

    Raises
    ------
    ValueError
        If they are not one-dimensional, or missing in part.
    """
    classes = as_labels(y_true)
    if classes.ndim != 1:
        raise ValueError(f"y_true must be one-dimensional, got shape {classes.shape}.")
    if len(classes) == 0 or np.ma.is_masked(y_true) or any(map(is_missing, classes)):
        raise ValueError("y_true must hold a class for every sample; there is none, or a gap.")
    return classes


def check_probabilities(
    probabilities: ArrayLike, name: str = "probabilities"
) -> NDArray[np.float64]:
    """
    Read probabilities of clusters.

    Parameters
    ----------
    probabilities : array-like of shape (n_samples, n_clusters)
        Numbers from 0 to 1.
    name : str, default="probabilities"
        The parameter, named in messages.

    Returns
    -------
    ndarray of shape (n_samples, n_clusters), dtype float64
        The probabilities.

    Raises
    ------
    ValueError
        If they are not two-dimensional, not finite or not from 0 to 1.
    """
    table = check_array(probabilities, dtype=np.float64, input_name=name)
    if table.min() < 0 or table.max() > 1 + 1e-4:  # by rounding, 1 may be a little more
        raise ValueError(
            f"{name} must lie between 0 and 1 if two-dimensional, got values from "
            f"{table.min():g} to {table.max():g}."
        )
    return np.minimum(table, 1.0)


def check_images(name: str, samples: Samples) -> None:
    """
    Refuse vectors where images are to be drawn.

    Parameters
    ----------
    name : str
        The parameter, named in messages.
    samples : Samples
        What it holds.

    Raises
    ------
    ValueError
        If that is vectors.
    """
    if len(samples.shape) != 3:
        raise ValueError(
            f"{name} must hold images, got vectors of {samples.shape[0]} features; where they are "
            "flattened images, give image_shape."
        )


def cluster_numbers(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """
    List clusters.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,), dtype int64
        Cluster of each sample.

    Returns
    -------
    ndarray of shape (n_clusters,), dtype int64
        The clusters that occur, ascending, with noise at the end.
    """
    numbers = np.unique(labels)
    return np.concatenate([numbers[numbers != NOISE], numbers[numbers == NOISE]])


def read_assignments(assignments: ArrayLike) -> Assignments:
    """
    Read labels, or probabilities of which the highest counts.

    Parameters
    ----------
    assignments : array-like of shape (n_samples,) or (n_samples, n_clusters)
        Labels or probabilities.

    Returns
    -------
    Assignments
        The clusters.

    Raises
    ------
    ValueError
        If they are neither.
    """
    values = np.asarray(assignments)
    if values.ndim == 1:
        labels = check_labels(values, "assignments")
        return Assignments(labels, None, cluster_numbers(labels))
    if values.ndim != 2:
        raise ValueError(
            "assignments must be labels, one-dimensional, or probabilities of shape "
            f"(n_samples, n_clusters); got shape {values.shape}."
        )
    table = check_probabilities(values, "assignments")
    return Assignments(table.argmax(axis=1), table.max(axis=1), np.arange(table.shape[1]))


def match(y_true: ArrayLike, y_pred: ArrayLike) -> Matching:
    """
    Match clusters to classes one to one so that most samples agree; noise to none.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Class of each sample.
    y_pred : array-like of shape (n_samples,)
        Cluster of each sample.

    Returns
    -------
    Matching
        Who belongs to whom.

    Raises
    ------
    ValueError
        If they differ in length or are not what they should be.
    """
    labels, true = check_labels(y_pred, "y_pred"), check_classes(y_true)
    check_lengths(y_true=true, y_pred=labels)
    classes, codes = _encoded(true)
    clusters = np.unique(labels)
    table = contingency_matrix(codes, labels)
    if clusters[0] == NOISE:
        clusters, table = np.roll(clusters, -1), np.roll(table, -1, axis=1)
    rows, columns = linear_sum_assignment(table[:, clusters != NOISE], maximize=True)
    return Matching(classes, codes, clusters, table, rows, columns)


def _encoded(labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the classes, sorted, and the number of each sample's."""
    try:
        classes, codes = np.unique(labels, return_inverse=True)
    except TypeError:  # several kinds, which have no order
        distinct = sorted(set(labels), key=str)
        numbers = {label: number for number, label in enumerate(distinct)}
        classes = np.array([*distinct, None], dtype=object)[:-1]
        codes = np.array([numbers[label] for label in labels], dtype=np.intp)
    return classes, codes


def cluster_name(cluster: int) -> str:
    """
    Name a cluster.

    Parameters
    ----------
    cluster : int
        Its number.

    Returns
    -------
    str
        What pictures call it.
    """
    return "noise" if cluster == NOISE else str(cluster)
