"""What stands out in a clustering: sure and doubtful members, and clusters not to be trusted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skdeepcluster.fitting.doubts import LEAST_AGREEMENT

N_SHOWN = 8  # members of a kind
N_PAIRS = 6
SMALLEST_SHARE = 0.02  # of the probability: pairs that give each other less are told apart
FAR_BELOW = 0.8  # of the median of the other clusters
LEAST_TRUST = 0.5


class Assignment(NamedTuple):
    """
    Soft assignments, and what follows from them for samples and for k clusters.

    Parameters
    ----------
    probabilities : ndarray of shape (n, k)
        Probability of each cluster for each sample.
    labels, second : ndarray of shape (n,), dtype intp
        Clusters with the highest and the second highest probability.
    confidence : ndarray of shape (n,)
        The highest probability.
    sizes : ndarray of shape (k,), dtype intp
        Number of samples in each cluster.
    given : ndarray of shape (k, k), dtype float64
        Mean probability that the members of a cluster (row) give to each cluster (column); zeros
        for an empty one.
    """

    probabilities: NDArray[Any]
    labels: NDArray[np.intp]
    second: NDArray[np.intp]
    confidence: NDArray[Any]
    sizes: NDArray[np.intp]
    given: NDArray[np.float64]

    @property
    def means(self) -> NDArray[np.float64]:
        """Mean confidence of the members of each cluster."""
        return self.given.diagonal()


def assignment(probabilities: NDArray[Any]) -> Assignment:
    """
    Derive the assignment of samples from their probabilities.

    Parameters
    ----------
    probabilities : ndarray of shape (n, k)
        Probability of each cluster for each sample.

    Returns
    -------
    Assignment
        Clusters, confidence, sizes.
    """
    n_clusters, rows = probabilities.shape[1], np.arange(len(probabilities))
    labels = probabilities.argmax(axis=1)
    members = [probabilities[labels == k] for k in range(n_clusters)]
    others = probabilities.copy()
    others[rows, labels] = -1.0
    return Assignment(
        probabilities=probabilities,
        labels=labels,
        second=others.argmax(axis=1) if n_clusters > 1 else labels,
        confidence=probabilities[rows, labels],
        sizes=np.bincount(labels, minlength=n_clusters),
        given=np.stack([m.sum(axis=0, dtype=np.float64) / max(1, len(m)) for m in members]),
    )


def extremes(found: Assignment, cluster: int) -> tuple[list[int], list[int]]:
    """
    Choose the members of a cluster that are shown.

    Parameters
    ----------
    found : Assignment
        The assignment.
    cluster : int
        Number of the cluster.

    Returns
    -------
    certain : list of int
        Rows of the members with the highest confidence, the highest first.
    doubtful : list of int
        Rows of those with the lowest among the others, the lowest first.
    """
    rows = np.flatnonzero(found.labels == cluster)
    # Stable, so that equal confidences keep the order of the samples.
    rows = rows[np.argsort(-found.confidence[rows], kind="stable")]
    certain, others = rows[:N_SHOWN], rows[N_SHOWN:]
    return certain.tolist(), others[::-1][:N_SHOWN].tolist()


class Pair(NamedTuple):
    """
    Two clusters that are hard to tell apart.

    Parameters
    ----------
    a, b : int
        Their numbers.
    a_to_b, b_to_a : float
        Mean probability that members of one give to the other.
    between : list of int
        Rows of members of either that are least decided between the two, in that order.
    """

    a: int
    b: int
    a_to_b: float
    b_to_a: float
    between: list[int]


def hard_pairs(found: Assignment) -> list[Pair]:
    """
    Find the pairs of clusters that are hardest to tell apart.

    Parameters
    ----------
    found : Assignment
        The assignment.

    Returns
    -------
    list of Pair
        The hardest first: those in which a cluster's members give the most to the other.
    """
    shares = np.triu(np.maximum(found.given, found.given.T), k=1)
    empty = found.sizes == 0
    shares[empty], shares[:, empty] = 0, 0
    order = np.argsort(-shares, axis=None, kind="stable")[:N_PAIRS]
    pairs = [divmod(int(place), len(shares)) for place in order]
    return [_pair(found, a, b) for a, b in pairs if shares[a, b] >= SMALLEST_SHARE]


def _pair(found: Assignment, a: int, b: int) -> Pair:
    rows = np.flatnonzero((found.labels == a) | (found.labels == b))
    margins = np.abs(found.probabilities[rows, a] - found.probabilities[rows, b])
    between = rows[np.argsort(margins, kind="stable")[:N_SHOWN]]
    return Pair(a, b, float(found.given[a, b]), float(found.given[b, a]), between.tolist())


class Trust(NamedTuple):
    """
    How far two views of a training sample stay together, as an estimator has found at `fit`.

    Parameters
    ----------
    agreement : float
        Adjusted mutual information of the clusters of the two; NaN where that is not known.
    clusters : ndarray of shape (k,)
        For each cluster, the share of its views that the other view is in it too; NaN where that is
        not known.
    """

    agreement: float
    clusters: NDArray[np.float64]


def trust_in(model: Any, n_clusters: int) -> Trust:
    """
    Find what an estimator knows of its clusters.

    Parameters
    ----------
    model : estimator
        Any fitted estimator.
    n_clusters : int
        Number of its clusters.

    Returns
    -------
    Trust
        NaN throughout where it knows nothing.
    """
    unknown = np.full(n_clusters, np.nan)
    return Trust(
        getattr(model, "view_agreement_", np.nan), getattr(model, "cluster_trust_", unknown)
    )


def unsure_clusters(found: Assignment) -> list[int]:
    """
    Find the clusters whose members are far less certain than those of the others.

    Parameters
    ----------
    found : Assignment
        The assignment.

    Returns
    -------
    list of int
        Numbers of the clusters whose mean confidence, counted from that of chance, is below 0.8
        of the median of the other clusters.
    """
    filled = np.flatnonzero(found.sizes)
    if len(filled) < 2:
        return []
    above = found.means - 1 / len(found.sizes)
    return [int(k) for k in filled if above[k] < FAR_BELOW * np.median(above[filled[filled != k]])]


def loose_clusters(found: Assignment, trust: Trust) -> list[int]:
    """
    Find the clusters that two views of an image are seldom both in.

    Parameters
    ----------
    found : Assignment
        The assignment.
    trust : Trust
        What is known of the clusters.

    Returns
    -------
    list of int
        Numbers of the clusters with members whose trust is below one half.
    """
    return np.flatnonzero((found.sizes > 0) & (trust.clusters < LEAST_TRUST)).tolist()


class Finding(NamedTuple):
    """
    A reason not to trust the clustering.

    Parameters
    ----------
    title, text : str
        What was found, and what it means.
    clusters : sequence of int
        Clusters that it is about.
    files : sequence of (str, str)
        Files that it is about, with reasons.
    """

    title: str
    text: str
    clusters: Sequence[int] = ()
    files: Sequence[tuple[str, str]] = ()


def findings(
    found: Assignment, trust: Trust, asked: Any, skipped: Sequence[tuple[str, str]]
) -> Iterator[Finding]:
    """
    List the reasons not to trust a clustering.

    Parameters
    ----------
    found : Assignment
        The assignment.
    trust : Trust
        What is known of the clusters.
    asked : object
        Number of clusters that was asked for; what is no number is passed over.
    skipped : sequence of (str, str)
        Files that could not be read, with reasons.

    Yields
    ------
    Finding
        One reason.
    """
    filled = int(np.count_nonzero(found.sizes))
    asked = int(asked) if isinstance(asked, (int, np.integer)) else len(found.sizes)
    if trust.agreement < LEAST_AGREEMENT:
        yield Finding(
            "Views of an image disagree",
            "Two views of a training image, which should be in one cluster, are often in different "
            f"ones: their adjusted mutual information is {trust.agreement:.2f}, below "
            f"{LEAST_AGREEMENT:.2f}.",
        )
    if filled < asked:
        yield Finding(
            "Fewer clusters than asked for",
            f"Only {filled} of {asked} clusters have members among these images.",
        )
    yield from _doubtful(found, trust)
    if skipped:
        yield Finding(
            "Files that could not be read",
            f"{len(skipped):,} {'file is' if len(skipped) == 1 else 'files are'} in no cluster.",
            files=skipped,
        )


def _doubtful(found: Assignment, trust: Trust) -> Iterator[Finding]:
    unsure, loose = unsure_clusters(found), loose_clusters(found, trust)
    if unsure:
        rest = np.setdiff1d(np.flatnonzero(found.sizes), unsure)
        typical = float(np.median(found.means[rest]))
        yield Finding(
            "Doubtful clusters",
            f"Their mean confidence is far below that of the others (median {typical:.2f}). Look "
            "at their members before you use them.",
            clusters=unsure,
        )
    if loose:
        yield Finding(
            "Clusters that do not hold together",
            "Where one view of a training image is in one of these, the other is mostly elsewhere.",
            clusters=loose,
        )
