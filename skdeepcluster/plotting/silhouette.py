"""How far each sample is from other clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_array

from skdeepcluster.base import DeepClusterer
from skdeepcluster.clustering.silhouette import silhouettes
from skdeepcluster.plotting._checks import (
    NOISE,
    check_estimator,
    check_labels,
    check_lengths,
    cluster_name,
    cluster_numbers,
    final_step,
)
from skdeepcluster.plotting._drawing import axes_for, ink, name_ticks, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SAMPLES_AT_ONCE = 8192


class SilhouetteDisplay:
    """
    Simplified silhouette of each sample, sorted within its cluster.

    Create one with :meth:`from_estimator` or :meth:`from_predictions`, which also draw it. Each
    cluster is a blade: as high as it has samples, and as wide as their silhouettes, the largest at
    the top. Samples left of 0 are nearer to another cluster's centre than to that of their own.

    Parameters
    ----------
    silhouettes : ndarray of shape (n_samples,)
        Silhouette of each sample, in [-1, 1].
    labels : ndarray of shape (n_samples,), dtype int64
        Cluster of each sample.

    Attributes
    ----------
    score : float
        Mean of the silhouettes.
    ax_ : matplotlib Axes
        The axes with the blades.
    figure_ : matplotlib Figure or SubFigure
        The figure that holds them.

    See Also
    --------
    EmbeddingDisplay : A map of the samples.
    sklearn.metrics.silhouette_samples : The silhouette by distances between samples.

    Notes
    -----
    The simplified silhouette has distances to the centres of clusters in place of mean distances to
    their samples, so it takes all samples in linear time. With a the distance to the sample's own
    centre and b that to the nearest other one, it is (b - a) / max(a, b); with a single cluster it
    is 0.

    Examples
    --------
    >>> from skdeepcluster.plotting import SilhouetteDisplay
    >>> display = SilhouetteDisplay.from_predictions([[0.0], [2.0], [9.0], [11.0]], [0, 0, 1, 1])
    >>> display.silhouettes.round(3).tolist()
    [0.9, 0.875, 0.875, 0.9]
    """

    def __init__(self, silhouettes: NDArray[np.float64], labels: NDArray[np.int64]) -> None:
        self.silhouettes = silhouettes
        self.labels = labels

    @property
    def score(self) -> float:
        """Mean of the silhouettes."""
        return float(np.mean(self.silhouettes))

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, *, ax: Axes | None = None) -> SilhouetteDisplay:
        """
        Draw the silhouettes of samples in the embedding of a fitted estimator.

        Parameters
        ----------
        estimator : estimator with ``transform``, ``predict`` and ``cluster_centers_``
            A fitted estimator, or a pipeline that ends in one.
        X : array-like or torch.Tensor of shape (n_samples, ...)
            Samples that the estimator accepts.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        SilhouetteDisplay
            The drawn silhouettes.
        """
        check_estimator(cls, estimator)
        last = final_step(estimator)
        if isinstance(last, DeepClusterer):
            embedding = estimator.transform(X)
        else:  # `transform` of k-means gives distances; its centres are among what it is given
            before = getattr(estimator, "steps", [])[:-1]
            embedding = estimator[:-1].transform(X) if before else X
        labels = estimator.predict(X)
        return cls.from_predictions(embedding, labels, centers=last.cluster_centers_, ax=ax)

    @classmethod
    def from_predictions(
        cls,
        embedding: ArrayLike,
        labels: ArrayLike,
        *,
        centers: ArrayLike | None = None,
        ax: Axes | None = None,
    ) -> SilhouetteDisplay:
        """
        Draw the silhouettes of vectors in given clusters.

        Parameters
        ----------
        embedding : array-like of shape (n_samples, n_features)
            The vectors.
        labels : array-like of shape (n_samples,)
            Cluster of each vector: integers. Those of -1, noise, are left out.
        centers : array-like of shape (n_clusters, n_features), default=None
            Centre of each cluster, by its number. None takes the means of the members.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        SilhouetteDisplay
            The drawn silhouettes.

        Raises
        ------
        ValueError
            If `embedding` and `labels` differ in length or are not what they should be, or
            `centers` do not fit them.
        """
        numbers = check_labels(labels)
        vectors = check_array(embedding, dtype=[np.float64, np.float32], input_name="embedding")
        check_lengths(embedding=vectors, labels=numbers)
        is_member = numbers != NOISE
        vectors, numbers = vectors[is_member], numbers[is_member]
        if centers is None:
            places, codes = _means(vectors, numbers)
        else:
            places, codes = _checked_centers(centers, vectors, numbers), numbers
        parts = gen_batches(len(vectors), _SAMPLES_AT_ONCE)
        values = [silhouettes(vectors[part], codes[part], places) for part in parts]
        return cls(np.concatenate(values), numbers).plot(ax=ax)

    def plot(self, *, ax: Axes | None = None) -> SilhouetteDisplay:
        """
        Draw the silhouettes.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        SilhouetteDisplay
            This display, with ``ax_`` and ``figure_`` set.
        """
        clusters = cluster_numbers(self.labels)
        ax = axes_for(type(self), ax, height=min(max(4.8, 0.19 * len(clusters)), 12))
        blades = [np.sort(self.silhouettes[self.labels == k])[::-1] for k in clusters]
        room = _room(np.array([len(values) for values in blades], dtype=np.float64))
        middles = np.cumsum(room) - room / 2
        for cluster, values, middle in zip(clusters, blades, middles, strict=True):
            heights = middle + np.arange(len(values) + 1) - len(values) / 2
            ax.fill_betweenx(
                heights,
                np.append(values, values[-1]),
                step="post",  # each sample has a height of 1
                color=style(cluster, ax)[0],
                linewidth=0.6,  # shows even a cluster of one among thousands of samples
            )
        ax.axvline(0, color=ink(ax), linewidth=0.8)
        ax.axvline(self.score, color=ink(ax), linestyle="--")
        ax.set_ylim(room.sum(), 0)
        name_ticks(ax.yaxis, [cluster_name(k) for k in clusters], middles)
        ax.set_xlim(min(-0.1, float(self.silhouettes.min()) - 0.05), 1)
        ax.set(xlabel="simplified silhouette", ylabel="cluster")
        ax.set_title(f"mean {self.score:.3f} (dashed)")
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _room(sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the height for each blade: small ones need more than their own, for their names."""
    room = sizes
    for _ in range(30):  # settles, as the mean rises less each time
        room = np.maximum(sizes, 0.7 * room.mean())
    return room + 0.15 * room.mean()


def _means(
    vectors: NDArray[Any], labels: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the mean of each cluster that occurs, and the row of each vector's own."""
    clusters, rows = np.unique(labels, return_inverse=True)
    return np.stack([vectors[labels == k].mean(axis=0, dtype=np.float64) for k in clusters]), rows


def _checked_centers(
    centers: ArrayLike, vectors: NDArray[Any], labels: NDArray[np.int64]
) -> NDArray[Any]:
    """Refuse centres that are too few, or of another length than the vectors."""
    table = check_array(centers, dtype=[np.float64, np.float32], input_name="centers")
    if table.shape[1] != vectors.shape[1] or len(table) <= labels.max():
        raise ValueError(
            f"centers must have shape (n_clusters, {vectors.shape[1]}) with more than "
            f"{labels.max()} rows, to fit embedding and labels; got shape {table.shape}."
        )
    return table
