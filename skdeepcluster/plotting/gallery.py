"""A gallery of clusters: one row per cluster, its most certain members from left to right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_array, check_scalar

from skdeepcluster.data.samples import Samples, read_samples

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

_INCHES_PER_IMAGE = 0.7


class ClusterGalleryDisplay:
    """
    Gallery of the members that a clustering is most certain of.

    Create one with :meth:`from_estimator` or :meth:`from_predictions`, which also draw it. Each
    cluster is a row, labelled with its number and its size; its members are ordered from left to
    right by decreasing probability.

    Parameters
    ----------
    images : sequence of ndarray of shape (n_members, channels, height, width)
        The members of each cluster, the most certain first. One array per cluster, with no rows
        for an empty one.
    indices : sequence of ndarray of shape (n_members,), dtype intp
        The rows of ``X`` that the images were taken from.
    sizes : ndarray of shape (n_clusters,), dtype intp
        Number of samples in each cluster.

    Attributes
    ----------
    figure_ : matplotlib Figure or SubFigure
        The figure that holds the gallery.
    axes_ : ndarray of shape (n_clusters, n_columns) of matplotlib Axes
        One axes per image; those without an image are switched off.

    See Also
    --------
    skdeepcluster.ContrastiveClustering : An estimator whose clusters can be drawn.

    Notes
    -----
    Images with one channel are drawn in grey, images with three in colour, images with four by
    their first three, and all others as the mean over their channels. Values are scaled jointly,
    from the lowest to the highest in the gallery.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from skdeepcluster.plotting import ClusterGalleryDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> display = ClusterGalleryDisplay.from_predictions(
    ...     X, np.eye(10)[y], n_images=5, image_shape=(8, 8)
    ... )
    >>> display.axes_.shape
    (10, 5)
    """

    def __init__(
        self,
        images: Sequence[NDArray[Any]],
        indices: Sequence[NDArray[np.intp]],
        sizes: NDArray[np.intp],
    ) -> None:
        self.images = images
        self.indices = indices
        self.sizes = sizes

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        n_images: int = 10,
        image_shape: Sequence[int] | None = None,
        channel_axis: str | None = None,
        figure: Figure | SubFigure | None = None,
    ) -> ClusterGalleryDisplay:
        """
        Draw the clusters that a fitted estimator finds in images.

        Parameters
        ----------
        estimator : estimator with ``predict_proba``
            A fitted estimator, or a pipeline that ends in one.
        X : array-like or torch.Tensor of shape (n_samples, ...)
            Images, in a layout that the estimator accepts.
        n_images : int, default=10
            Largest number of members to draw of each cluster.
        image_shape : tuple of int, default=None
            Shape of one image, if the rows of `X` are flattened images. None takes that of the
            estimator, if it has one.
        channel_axis : {"auto", "first", "last"}, default=None
            Where the channels of 4-D `X` are, as in the estimators. None takes that of the
            estimator, if it has one, otherwise ``"auto"``.
        figure : matplotlib Figure or SubFigure, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        ClusterGalleryDisplay
            The drawn gallery.
        """
        if image_shape is None:
            image_shape = getattr(estimator, "image_shape", None)
        if channel_axis is None:
            channel_axis = getattr(estimator, "channel_axis", "auto")
        return cls.from_predictions(
            X,
            estimator.predict_proba(X),
            n_images=n_images,
            image_shape=image_shape,
            channel_axis=channel_axis,
            figure=figure,
        )

    @classmethod
    def from_predictions(
        cls,
        X: Any,
        probabilities: ArrayLike,
        *,
        n_images: int = 10,
        image_shape: Sequence[int] | None = None,
        channel_axis: str = "auto",
        figure: Figure | SubFigure | None = None,
    ) -> ClusterGalleryDisplay:
        """
        Draw clusters given by the soft assignments of images.

        Parameters
        ----------
        X : array-like or torch.Tensor of shape (n_samples, ...)
            Grey images, images with channels last or first, or flattened images.
        probabilities : array-like of shape (n_samples, n_clusters)
            Soft assignment of each sample; a sample belongs to the cluster with its highest value.
        n_images : int, default=10
            Largest number of members to draw of each cluster.
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
            If `X` does not hold images, or its length differs from that of `probabilities`.
        """
        check_scalar(n_images, "n_images", int, min_val=1)
        samples = read_samples(X, image_shape=image_shape, channel_axis=channel_axis)
        scores = check_array(probabilities, dtype=np.float64, input_name="probabilities")
        _check_images(samples, len(scores))
        labels = scores.argmax(axis=1)
        indices = [_most_certain(row, labels == k, n_images) for k, row in enumerate(scores.T)]
        display = cls(
            images=[samples.take(rows).cpu().numpy() for rows in indices],
            indices=indices,
            sizes=np.bincount(labels, minlength=scores.shape[1]),
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
        n_rows, n_columns = len(self.images), max(len(rows) for rows in self.images)
        if figure is None:
            figure = _new_figure(n_rows, n_columns)
        self.figure_ = figure
        self.axes_ = figure.subplots(n_rows, n_columns, squeeze=False)
        for k, (axes, pictures) in enumerate(zip(self.axes_, _pictures(self.images), strict=True)):
            _draw_row(axes, pictures, f"{k}\n({self.sizes[k]})")
        return self


def _check_images(samples: Samples, n_scores: int) -> None:
    """Refuse vectors, and samples that do not match their assignments in number."""
    if len(samples.shape) != 3:
        raise ValueError(
            f"X must hold images, got vectors of {samples.shape[0]} features; where they are "
            "flattened images, give image_shape."
        )
    if len(samples) != n_scores:
        raise ValueError(
            f"X and probabilities must have the same number of samples, got {len(samples)} and "
            f"{n_scores}."
        )


def _most_certain(scores: NDArray[Any], members: NDArray[Any], n: int) -> NDArray[np.intp]:
    """Return the rows of the n highest scores among the members, the highest first."""
    rows = np.flatnonzero(members)
    # Stable, so that equal scores, such as those of hard labels, keep the order of the samples.
    return rows[np.argsort(-scores[rows], kind="stable")[:n]]


def _pictures(clusters: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Turn images (n, C, H, W) into what matplotlib draws: (n, H, W) or (n, H, W, 3) in [0, 1]."""
    low = min(float(images.min()) for images in clusters if len(images))
    high = max(float(images.max()) for images in clusters if len(images))
    span = (high - low) or 1.0  # images of a single value must not be divided by 0
    return [_channels_last((images.astype(np.float64) - low) / span) for images in clusters]


def _channels_last(images: NDArray[Any]) -> NDArray[Any]:
    """Return colour images as (n, H, W, 3) and all others as grey (n, H, W)."""
    if images.shape[1] in (3, 4):
        return np.moveaxis(images[:, :3], 1, -1)
    return images.mean(axis=1)


def _draw_row(axes: NDArray[Any], pictures: NDArray[Any], title: str) -> None:
    """Draw the members of one cluster and switch off the remaining axes."""
    for axis, picture in zip(axes, pictures, strict=False):
        axis.imshow(picture, cmap="gray", vmin=0, vmax=1)
    for axis in axes:
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
    axes[0].set_ylabel(title, rotation=0, ha="right", va="center")
    # The first axes carries the label, so it stays on even for an empty cluster.
    for axis in axes[max(len(pictures), 1) :]:
        axis.set_axis_off()


def _new_figure(n_rows: int, n_columns: int) -> Figure:
    """Make a figure with room for the gallery."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "ClusterGalleryDisplay needs matplotlib, which the plot extra installs: "
            'pip install "skdeepcluster[plot]".'
        ) from error
    size = (_INCHES_PER_IMAGE * (n_columns + 1), _INCHES_PER_IMAGE * n_rows)
    return plt.figure(figsize=size, layout="constrained")
