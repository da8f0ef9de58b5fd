"""A gallery of clusters: one row per cluster, chosen members from left to right."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_scalar

from skdeepcluster.data.samples import read_samples
from skdeepcluster.plotting._checks import (
    Assignments,
    check_estimator,
    check_images,
    check_lengths,
    cluster_name,
    final_step,
    predicted,
    read_assignments,
)
from skdeepcluster.plotting._drawing import as_pictures, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.gridspec import GridSpec

_SELECT = ("certain", "doubtful", "random")
_MOST_ROWS = 25  # further clusters stand beside, not below: a screen is wider than high
_LABEL_WIDTH = 1.2  # in widths of an image


class ClusterGalleryDisplay:
    """
    Gallery of members of each cluster.

    Create one with :meth:`from_estimator` or :meth:`from_predictions`, which also draw it. Each
    cluster is a row, labelled with its number and its size; rows beyond the 25th go on to the right
    of the first.

    Parameters
    ----------
    images : sequence of ndarray of shape (n_members, channels, height, width)
        The members to draw of each cluster, from left to right. One array per cluster, with no
        rows for an empty one.
    indices : sequence of ndarray of shape (n_members,), dtype intp
        The rows of ``X`` that the images were taken from.
    sizes : ndarray of shape (n_clusters,), dtype intp
        Number of samples in each cluster.
    clusters : ndarray of shape (n_clusters,), dtype int64, default=None
        Number of each cluster, -1 for noise. None numbers them from 0 on.

    Attributes
    ----------
    figure_ : matplotlib Figure or SubFigure
        The figure that holds the gallery.
    axes_ : ndarray of shape (n_clusters, n_columns) of matplotlib Axes
        One axes per image; those without an image are switched off.

    See Also
    --------
    EmbeddingDisplay : A map of all samples, with some of their images.

    Notes
    -----
    Images with one channel are drawn in grey, images with three in colour, images with four by
    their first three, and all others as the mean over their channels. Values are scaled jointly,
    from the lowest to the highest in the gallery.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeepcluster.plotting import ClusterGalleryDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> display = ClusterGalleryDisplay.from_predictions(X, y, n_images=5, image_shape=(8, 8))
    >>> display.axes_.shape
    (10, 5)
    """

    def __init__(
        self,
        images: Sequence[NDArray[Any]],
        indices: Sequence[NDArray[np.intp]],
        sizes: NDArray[np.intp],
        clusters: NDArray[np.int64] | None = None,
    ) -> None:
        self.images = images
        self.indices = indices
        self.sizes = sizes
        self.clusters = clusters

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        n_images: int = 10,
        select: str = "certain",
        clusters: ArrayLike | None = None,
        random_state: int | np.random.RandomState | None = None,
        image_shape: Sequence[int] | None = None,
        channel_axis: str | None = None,
        figure: Figure | SubFigure | None = None,
    ) -> ClusterGalleryDisplay:
        """
        Draw the clusters that a fitted estimator finds in images.

        Parameters
        ----------
        estimator : estimator with ``predict_proba`` or ``predict``
            A fitted estimator, or a pipeline that ends in one.
        X : array-like or torch.Tensor of shape (n_samples, ...)
            Images, in a layout that the estimator accepts.
        n_images : int, default=10
            Largest number of members to draw of each cluster.
        select : {"certain", "doubtful", "random"}, default="certain"
            Which members to draw: those of highest probability, those of lowest, or any.
        clusters : array-like of int, default=None
            Numbers of the clusters to draw, in this order. None draws all.
        random_state : int, RandomState instance or None, default=None
            Seed of ``select="random"``.
        image_shape : tuple of int, default=None
            Shape of one image, if the rows of `X` are flattened images. None takes that of the
            estimator or of the last step of a pipeline, if it has one.
        channel_axis : {"auto", "first", "last"}, default=None
            Where the channels of 4-D `X` are, as in the estimators. None takes that of the
            estimator or of the last step of a pipeline, if it has one, otherwise ``"auto"``.
        figure : matplotlib Figure or SubFigure, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        ClusterGalleryDisplay
            The drawn gallery.
        """
        check_estimator(cls, estimator)
        last = final_step(estimator)
        if image_shape is None:
            image_shape = getattr(last, "image_shape", None)
        if channel_axis is None:
            channel_axis = getattr(last, "channel_axis", "auto")
        return cls.from_predictions(
            X,
            predicted(estimator, X),
            n_images=n_images,
            select=select,
            clusters=clusters,
            random_state=random_state,
            image_shape=image_shape,
            channel_axis=channel_axis,
            figure=figure,
        )

    @classmethod
    def from_predictions(
        cls,
        X: Any,
        assignments: ArrayLike,
        *,
        n_images: int = 10,
        select: str = "certain",
        clusters: ArrayLike | None = None,
        random_state: int | np.random.RandomState | None = None,
        image_shape: Sequence[int] | None = None,
        channel_axis: str = "auto",
        figure: Figure | SubFigure | None = None,
    ) -> ClusterGalleryDisplay:
        """
        Draw clusters given by the assignments of images, from any clusterer.

        Parameters
        ----------
        X : array-like or torch.Tensor of shape (n_samples, ...)
            Grey images, images with channels last or first, or flattened images.
        assignments : array-like of shape (n_samples,) or (n_samples, n_clusters)
            Labels, as integers; those of -1, noise, are the last row. Or
            probabilities; a sample then belongs to the cluster with its highest one.
        n_images : int, default=10
            Largest number of members to draw of each cluster.
        select : {"certain", "doubtful", "random"}, default="certain"
            Which members to draw: those of highest probability, those of lowest, or any. Labels
            tell of no doubt: with them, ``"certain"`` takes the first members.
        clusters : array-like of int, default=None
            Numbers of the clusters to draw, in this order. None draws all, noise included.
        random_state : int, RandomState instance or None, default=None
            Seed of ``select="random"``.
        image_shape : tuple of int, default=None
            Shape of one image, if the rows of `X` are flattened images.
        channel_axis : {"auto", "first", "last"}, default="auto"
            Where the channels of 4-D `X` are, as in the estimators.
        figure : matplotlib Figure or SubFigure, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        ClusterGalleryDisplay
            The drawn gallery.

        Raises
        ------
        ValueError
            If `X` does not hold images, its length differs from that of `assignments`, `clusters`
            names none that is there, or members are to be ``"doubtful"`` by labels alone.
        """
        check_scalar(n_images, "n_images", Integral, min_val=1)
        given = read_assignments(assignments)
        _check_select(select, given)
        shown = given._replace(clusters=_chosen(clusters, given.clusters))
        samples = read_samples(X, image_shape=image_shape, channel_axis=channel_axis)
        check_images("X", samples)
        check_lengths(X=samples, assignments=given.labels)
        generator = check_random_state(random_state)
        indices = [_members(shown, k, select, generator)[:n_images] for k in shown.clusters]
        display = cls(
            images=[samples.take(rows).cpu().numpy() for rows in indices],
            indices=indices,
            sizes=shown.sizes,
            clusters=shown.clusters,
        )
        return display.plot(figure=figure)

    def plot(self, *, figure: Figure | SubFigure | None = None) -> ClusterGalleryDisplay:
        """
        Draw the gallery.

        Parameters
        ----------
        figure : matplotlib Figure or SubFigure, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        ClusterGalleryDisplay
            This display, with ``figure_`` and ``axes_`` set.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        n_rows, n_columns = len(self.images), max(1, *(len(rows) for rows in self.images))
        n_blocks = -(-n_rows // _MOST_ROWS)
        n_high = -(-n_rows // n_blocks)
        if figure is None:
            inches = 0.7 if n_blocks == 1 else 0.5
            width = inches * n_blocks * (n_columns + _LABEL_WIDTH)
            figure = new_figure(type(self), width, inches * n_high)
        self.figure_ = figure
        grid = _grid(figure, n_high, n_blocks, n_columns)
        self.axes_ = np.empty((n_rows, n_columns), dtype=object)
        names = range(n_rows) if self.clusters is None else self.clusters
        for k, pictures in enumerate(as_pictures(self.images)):
            block, row = divmod(k, n_high)
            for j in range(n_columns):
                column = block * (n_columns + 1) + 1 + j
                self.axes_[k, j] = figure.add_subplot(grid[row, column])
            _draw_row(self.axes_[k], pictures, f"{cluster_name(names[k])}\n({self.sizes[k]})")
        return self


def _check_select(select: str, given: Assignments) -> None:
    """Refuse an unknown way to choose, and doubt where there is none."""
    if select not in _SELECT:
        raise ValueError(f"select must be one of {_SELECT}, got {select!r}.")
    if select == "doubtful" and given.certainty is None:
        raise ValueError(
            'select="doubtful" needs probabilities of shape (n_samples, n_clusters); got labels.'
        )


def _chosen(clusters: ArrayLike | None, known: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the clusters to draw."""
    if clusters is None:
        return known
    numbers = np.asarray(clusters)
    if numbers.ndim != 1 or len(numbers) == 0 or not np.isin(numbers, known).all():
        raise ValueError(
            f"clusters must be a list of some of {known.tolist()}, got {numbers.tolist()}."
        )
    return numbers.astype(np.int64)


def _members(
    given: Assignments, cluster: int, select: str, generator: np.random.RandomState
) -> NDArray[np.intp]:
    """Return the rows of a cluster's members, those to be drawn first."""
    rows = np.flatnonzero(given.labels == cluster)
    if select == "random":
        return generator.permutation(rows)
    if given.certainty is None:
        return rows
    rank = given.certainty[rows] if select == "doubtful" else -given.certainty[rows]
    # Stable, so that equal certainties, such as those of one-hot rows, keep the samples' order.
    return rows[np.argsort(rank, kind="stable")]


def _grid(figure: Figure | SubFigure, n_high: int, n_blocks: int, n_columns: int) -> GridSpec:
    """Divide the figure into images, with room for labels on the left of each block."""
    return figure.add_gridspec(
        n_high,
        n_blocks * (n_columns + 1),
        width_ratios=[_LABEL_WIDTH, *[1.0] * n_columns] * n_blocks,
        left=0,
        right=1,
        bottom=0,
        top=1,
        wspace=0.08,
        hspace=0.08,
    )


def _draw_row(axes: NDArray[Any], pictures: NDArray[Any], title: str) -> None:
    """Draw the members of one cluster and switch off the remaining axes."""
    axis: Axes
    for axis, picture in zip(axes, pictures, strict=False):
        axis.imshow(picture, cmap="gray", vmin=0, vmax=1, origin="upper")
    for axis in axes:
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
    axes[0].set_ylabel(title, rotation=0, ha="right", va="center")
    # The first axes carries the label, so it stays on even for an empty cluster.
    for axis in axes[max(len(pictures), 1) :]:
        axis.set_axis_off()
