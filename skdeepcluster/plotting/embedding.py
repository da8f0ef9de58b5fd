"""A map of an embedding."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_array, check_scalar

from skdeepcluster.data.samples import read_samples
from skdeepcluster.plotting._checks import (
    NOISE,
    check_estimator,
    check_images,
    check_labels,
    check_lengths,
    cluster_name,
    cluster_numbers,
    final_step,
)
from skdeepcluster.plotting._drawing import as_pictures, axes_for, halo, style
from skdeepcluster.plotting.projection import project

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LONGEST_LEGEND = 20
_MOST_PLACES = 1000  # looked at for a number
_THUMBNAIL_INCHES = 0.3
_ROOM = 0.08  # of a thumbnail, in widths of the map


class EmbeddingDisplay:
    """
    Map of an embedding: each sample is a point, in the colour of its cluster.

    Create one with :meth:`from_estimator` or :meth:`from_predictions`, which also draw it. A legend
    names up to 20 clusters; more are named by numbers at, or near, the medians of their points.
    Noise is grey. Thumbnails of some images, spread over the map, may be drawn on top.

    Parameters
    ----------
    points : ndarray of shape (n_samples, 2)
        Coordinates of each sample.
    labels : ndarray of shape (n_samples,), dtype int64
        Cluster of each sample, -1 for noise.
    thumbnails : ndarray of shape (n_thumbnails, channels, height, width), default=None
        Images to draw on the map. None draws points alone.
    thumbnail_indices : ndarray of shape (n_thumbnails,), dtype intp, default=None
        The sample that each thumbnail shows.
    axis_name : str, default="coordinate"
        What the axes are called.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes with the map.
    figure_ : matplotlib Figure or SubFigure
        The figure that holds it.

    See Also
    --------
    ClusterGalleryDisplay : Members of each cluster.

    Notes
    -----
    Clusters that lie apart in the embedding may overlap on a map: two of its many dimensions show
    little. With many clusters, UMAP shows more than PCA, but its distances between clusters mean
    nothing. The scale is the same in both directions.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdeepcluster.plotting import EmbeddingDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> EmbeddingDisplay.from_predictions(X, y).points.shape
    (150, 2)
    """

    def __init__(
        self,
        points: NDArray[Any],
        labels: NDArray[np.int64],
        *,
        thumbnails: NDArray[Any] | None = None,
        thumbnail_indices: NDArray[np.intp] | None = None,
        axis_name: str = "coordinate",
    ) -> None:
        self.points = points
        self.labels = labels
        self.thumbnails = thumbnails
        self.thumbnail_indices = thumbnail_indices
        self.axis_name = axis_name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        method: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        images: Any = None,
        n_thumbnails: int = 30,
        image_shape: Sequence[int] | None = None,
        channel_axis: str | None = None,
        ax: Axes | None = None,
    ) -> EmbeddingDisplay:
        """
        Draw the embedding and the clusters of a fitted estimator.

        Parameters
        ----------
        estimator : estimator with ``transform`` and ``predict``
            A fitted estimator, or a pipeline that ends in one.
        X : array-like or torch.Tensor of shape (n_samples, ...)
            Samples that the estimator accepts.
        method : {"auto", "pca", "umap"}, default="auto"
            How the map is made. ``"auto"`` is ``"pca"``; ``"umap"`` needs the ``umap`` extra.
        random_state : int, RandomState instance or None, default=None
            Seed of ``"umap"``.
        images : array-like or torch.Tensor of shape (n_samples, ...), default=None
            Images to draw thumbnails of, often `X` itself. None draws points alone.
        n_thumbnails : int, default=30
            Largest number of thumbnails; there are fewer where more would overlap.
        image_shape : tuple of int, default=None
            Shape of one image, if the rows of `images` are flattened images. None takes that of
            the estimator or of the last step of a pipeline, if it has one.
        channel_axis : {"auto", "first", "last"}, default=None
            Where the channels of 4-D `images` are, as in the estimators. None takes that of the
            estimator or of the last step of a pipeline, if it has one, otherwise ``"auto"``.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        EmbeddingDisplay
            The drawn map.
        """
        check_estimator(cls, estimator)
        last = final_step(estimator)
        if image_shape is None:
            image_shape = getattr(last, "image_shape", None)
        if channel_axis is None:
            channel_axis = getattr(last, "channel_axis", "auto")
        return cls.from_predictions(
            estimator.transform(X),
            estimator.predict(X),
            method=method,
            random_state=random_state,
            images=images,
            n_thumbnails=n_thumbnails,
            image_shape=image_shape,
            channel_axis=channel_axis,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        embedding: ArrayLike,
        labels: ArrayLike,
        *,
        method: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        images: Any = None,
        n_thumbnails: int = 30,
        image_shape: Sequence[int] | None = None,
        channel_axis: str = "auto",
        ax: Axes | None = None,
    ) -> EmbeddingDisplay:
        """
        Draw vectors and their clusters, from any clusterer.

        Parameters
        ----------
        embedding : array-like of shape (n_samples, n_features)
            The vectors.
        labels : array-like of shape (n_samples,)
            Cluster of each vector: integers, with -1 for noise.
        method : {"auto", "pca", "umap"}, default="auto"
            How the map is made. ``"auto"`` is ``"pca"``; ``"umap"`` needs the ``umap`` extra.
        random_state : int, RandomState instance or None, default=None
            Seed of ``"umap"``.
        images : array-like or torch.Tensor of shape (n_samples, ...), default=None
            Images to draw thumbnails of. None draws points alone.
        n_thumbnails : int, default=30
            Largest number of thumbnails; there are fewer where more would overlap.
        image_shape : tuple of int, default=None
            Shape of one image, if the rows of `images` are flattened images.
        channel_axis : {"auto", "first", "last"}, default="auto"
            Where the channels of 4-D `images` are, as in the estimators.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        EmbeddingDisplay
            The drawn map.

        Raises
        ------
        ValueError
            If the arguments differ in their numbers of samples, `images` are none, or `method` is
            unknown.
        ImportError
            If matplotlib is not installed, or umap-learn where it is needed.
        """
        check_scalar(n_thumbnails, "n_thumbnails", Integral, min_val=1)
        numbers = check_labels(labels)
        vectors = check_array(embedding, dtype=[np.float64, np.float32], input_name="embedding")
        check_lengths(embedding=vectors, labels=numbers)
        samples = None
        if images is not None:
            samples = read_samples(images, image_shape=image_shape, channel_axis=channel_axis)
            check_images("images", samples)
            check_lengths(images=samples, labels=numbers)
        display = cls(
            project(vectors, method, random_state),
            numbers,
            axis_name="UMAP" if method == "umap" else "principal component",
        )
        if samples is not None:
            display.thumbnail_indices = _spread(display.points, n_thumbnails)
            display.thumbnails = samples.take(display.thumbnail_indices).cpu().numpy()
        return display.plot(ax=ax)

    def plot(self, *, ax: Axes | None = None) -> EmbeddingDisplay:
        """
        Draw the map.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        EmbeddingDisplay
            This display, with ``ax_`` and ``figure_`` set.
        """
        clusters = cluster_numbers(self.labels)
        has_legend = len(clusters) <= _LONGEST_LEGEND
        ax = axes_for(type(self), ax, *((7.0, 5.4) if has_legend else (8.4, 7.2)))
        size = float(np.clip(2e4 / len(self.points), 2, 20))
        for cluster in clusters:
            colour, marker = style(cluster, ax)
            x, y = self.points[self.labels == cluster].T
            ax.scatter(
                x,
                y,
                s=size,
                c=colour,
                marker=marker,
                linewidths=0,
                alpha=0.7,
                label=cluster_name(cluster),
                zorder=1 if cluster == NOISE else 2,
            )
        if self.thumbnails is not None and self.thumbnail_indices is not None:
            self._draw_thumbnails(ax, self.thumbnails, self.thumbnail_indices)
        if has_legend:
            _add_legend(ax, len(clusters))
        else:
            self._write_numbers(ax, clusters[clusters != NOISE])
        # The units of a map mean nothing, but its two directions must not be stretched.
        is_shared = all(
            len(group.get_siblings(ax)) > 1
            for group in (ax.get_shared_x_axes(), ax.get_shared_y_axes())
        )
        ax.set(xticks=[], yticks=[])
        ax.set_aspect("equal", adjustable="box" if is_shared else "datalim")
        ax.set(xlabel=f"{self.axis_name} 1", ylabel=f"{self.axis_name} 2")
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _draw_thumbnails(self, ax: Axes, thumbnails: NDArray[Any], rows: NDArray[np.intp]) -> None:
        """Draw images at their points, framed in the colours of their clusters."""
        from matplotlib.offsetbox import AnnotationBbox, OffsetImage

        (pictures,) = as_pictures([thumbnails])
        # The zoom of an OffsetImage is in points, at 72 to the inch.
        zoom = 72 * _THUMBNAIL_INCHES / max(pictures.shape[1:3])
        for picture, row in zip(pictures, rows, strict=True):
            image = OffsetImage(picture, zoom=zoom, cmap="gray", origin="upper")
            image.image.set_clim(0, 1)
            frame = {"edgecolor": style(self.labels[row], ax)[0], "linewidth": 1.5}
            ax.add_artist(AnnotationBbox(image, self.points[row], pad=0.1, bboxprops=frame))

    def _write_numbers(self, ax: Axes, clusters: NDArray[np.int64]) -> None:
        """Write the number of each cluster at the median of its points."""
        for cluster, (x, y) in zip(clusters, _label_places(self, clusters), strict=True):
            ax.text(
                x,
                y,
                cluster_name(cluster),
                ha="center",
                va="center",
                weight="bold",
                path_effects=halo(ax),
                zorder=4,
            )


def _label_places(display: EmbeddingDisplay, clusters: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the clusters' medians, or their points nearest to them where nothing else stands."""
    room = 0.6 * _ROOM * np.ptp(display.points, axis=0).max()
    rows = display.thumbnail_indices
    taken = np.empty((0, 2)) if rows is None else display.points[rows].astype(np.float64)
    n_thumbnails = len(taken)
    for cluster in clusters:
        points = display.points[display.labels == cluster]
        median = np.median(points, axis=0)
        nearest = np.linalg.norm(points - median, axis=1).argsort(kind="stable")[:_MOST_PLACES]
        candidates = np.vstack([median, points[nearest]])
        distances = np.linalg.norm(candidates[:, None] - taken, axis=2)
        is_free = (distances > room).all(axis=1)
        # The median itself if nothing is free.
        taken = np.vstack([taken, candidates[is_free.argmax()]])
    return taken[n_thumbnails:]


def _add_legend(ax: Axes, n_clusters: int) -> None:
    """Name the clusters beside the map."""
    legend = ax.legend(
        title="cluster",
        loc="upper left",
        bbox_to_anchor=(1, 1),
        frameon=False,
        ncols=1 if n_clusters <= 12 else 2,
    )
    handles: list[Any] = legend.legend_handles
    for handle in handles:
        handle.set(sizes=[30], alpha=1)


def _spread(points: NDArray[Any], n: int) -> NDArray[np.intp]:
    """Return the rows of at most n points, each as far as can be from those before it."""
    room = _ROOM * np.ptp(points, axis=0).max()
    distances = np.linalg.norm(points - np.median(points, axis=0), axis=1)
    chosen = [int(distances.argmin())]
    nearest = np.full(len(points), np.inf)
    while len(chosen) < n:
        gaps = np.abs(points - points[chosen[-1]]).max(axis=1)  # between squares
        nearest = np.minimum(nearest, gaps)
        if nearest.max() <= room:
            break
        chosen.append(int(nearest.argmax()))
    return np.array(chosen, dtype=np.intp)
