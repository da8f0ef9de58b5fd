"""Bars of the sizes of clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skdeepcluster.plotting._checks import (
    NOISE,
    check_estimator,
    cluster_name,
    predicted,
    read_assignments,
)
from skdeepcluster.plotting._drawing import COLOURS, GREY, axes_for, ink, name_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class ClusterSizesDisplay:
    """
    Bars of the number of samples in each cluster, beside the size that all would have if even.

    Create one with :meth:`from_estimator` or :meth:`from_predictions`, which also draw it. Bars
    stand in the order of the clusters' numbers; noise is a grey bar at the end.

    Parameters
    ----------
    sizes : ndarray of shape (n_clusters,), dtype intp
        Number of samples in each cluster.
    clusters : ndarray of shape (n_clusters,), dtype int64, default=None
        Number of each cluster, -1 for noise. None numbers them from 0 on.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes with the bars.
    figure_ : matplotlib Figure or SubFigure
        The figure that holds them.
    bars_ : matplotlib BarContainer
        The bars.

    See Also
    --------
    ClusterGalleryDisplay : Members of each cluster.

    Notes
    -----
    The even size is that of the samples in clusters, without noise, over the number of clusters.
    From labels only clusters that occur are known; empty ones are drawn from probabilities, such as
    those of an estimator with ``predict_proba``.

    Examples
    --------
    >>> from skdeepcluster.plotting import ClusterSizesDisplay
    >>> display = ClusterSizesDisplay.from_predictions([0, 0, 1, 2, 2, 2])
    >>> display.sizes.tolist()
    [2, 1, 3]
    """

    def __init__(self, sizes: NDArray[np.intp], clusters: NDArray[np.int64] | None = None) -> None:
        self.sizes = sizes
        self.clusters = clusters

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, *, ax: Axes | None = None
    ) -> ClusterSizesDisplay:
        """
        Draw the sizes of the clusters that a fitted estimator finds.

        Parameters
        ----------
        estimator : estimator with ``predict_proba`` or ``predict``
            A fitted estimator, or a pipeline that ends in one.
        X : array-like or torch.Tensor of shape (n_samples, ...)
            Samples that the estimator accepts.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        ClusterSizesDisplay
            The drawn bars.
        """
        check_estimator(cls, estimator)
        return cls.from_predictions(predicted(estimator, X), ax=ax)

    @classmethod
    def from_predictions(
        cls, assignments: ArrayLike, *, ax: Axes | None = None
    ) -> ClusterSizesDisplay:
        """
        Draw the sizes of clusters given by the assignments of samples, from any clusterer.

        Parameters
        ----------
        assignments : array-like of shape (n_samples,) or (n_samples, n_clusters)
            Labels, as integers, with -1 for noise. Or probabilities; a sample then belongs to
            the cluster with its highest one.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        ClusterSizesDisplay
            The drawn bars.
        """
        given = read_assignments(assignments)
        return cls(given.sizes, given.clusters).plot(ax=ax)

    def plot(self, *, ax: Axes | None = None) -> ClusterSizesDisplay:
        """
        Draw the bars.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        ClusterSizesDisplay
            This display, with ``ax_``, ``figure_`` and ``bars_`` set.
        """
        n_bars = len(self.sizes)
        clusters = np.arange(n_bars) if self.clusters is None else self.clusters
        ax = axes_for(type(self), ax, width=min(max(6.4, 0.2 * n_bars), 16))
        colours = [GREY if k == NOISE else COLOURS[0] for k in clusters]
        self.bars_ = ax.bar(np.arange(n_bars), self.sizes, color=colours)
        even = float(np.mean(self.sizes[clusters != NOISE]))
        ax.axhline(even, color=ink(ax), linestyle="--", label=f"even size: {even:.4g}")
        name_ticks(ax.xaxis, [cluster_name(k) for k in clusters])
        ax.set(xlabel="cluster", ylabel="samples", xlim=(-0.7, n_bars - 0.3))
        ax.margins(y=0.15)  # room for the legend above the bars
        ax.legend(loc="upper right", frameon=False)
        self.ax_, self.figure_ = ax, ax.figure
        return self
