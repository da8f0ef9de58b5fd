"""Whether a clustering is right as often as it is sure."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_scalar

from skdeepcluster.plotting._checks import (
    check_classes,
    check_estimator,
    check_lengths,
    check_probabilities,
    match,
)
from skdeepcluster.plotting._drawing import COLOURS, axes_for, halo, ink

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class ConfidenceDisplay:
    """
    Reliability diagram: accuracy against the probability of the cluster that was chosen.

    Create one with :meth:`from_estimator` or :meth:`from_predictions`, which also draw it. Samples
    are sorted into bins of equal width by their highest probability, the confidence. A bar is as
    high as the share of its samples that are right; where it ends below the diagonal, the
    clustering is too sure of itself. Above it stands the share of all samples that are in the bin.

    Parameters
    ----------
    confidence : ndarray of shape (n_bins,)
        Mean confidence in each bin, NaN where it is empty.
    accuracy : ndarray of shape (n_bins,)
        Share of samples of each bin that are right, NaN where it is empty.
    counts : ndarray of shape (n_bins,), dtype intp
        Number of samples in each bin.

    Attributes
    ----------
    expected_calibration_error : float
        Mean distance of accuracy and confidence over the bins, weighted by their counts.
    ax_ : matplotlib Axes
        The axes with the diagram.
    figure_ : matplotlib Figure or SubFigure
        The figure that holds it.
    bars_ : matplotlib BarContainer
        The bars, one per bin that is not empty.

    See Also
    --------
    sklearn.calibration.CalibrationDisplay : The same for a classifier of two classes.

    Notes
    -----
    A sample is right if its cluster is matched to its class, one to one so that most samples are
    right (Hungarian algorithm). This takes the labels of all samples into account, so that few
    samples and many clusters make a clustering look better than it is.

    References
    ----------
    .. [1] Guo, C., Pleiss, G., Sun, Y., Weinberger, K. Q., "On calibration of modern neural
       networks", ICML 2017.

    Examples
    --------
    >>> from skdeepcluster.plotting import ConfidenceDisplay
    >>> probabilities = [[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.2, 0.8]]
    >>> display = ConfidenceDisplay.from_predictions(["a", "a", "b", "a"], probabilities)
    >>> round(display.expected_calibration_error, 3)
    0.2
    """

    def __init__(
        self,
        confidence: NDArray[np.float64],
        accuracy: NDArray[np.float64],
        counts: NDArray[np.intp],
    ) -> None:
        self.confidence = confidence
        self.accuracy = accuracy
        self.counts = counts

    @property
    def expected_calibration_error(self) -> float:
        """Mean distance of accuracy and confidence over the bins, weighted by their counts."""
        gaps = np.abs(self.accuracy - self.confidence)
        return float(np.nansum(gaps * self.counts) / self.counts.sum())

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: ArrayLike, *, n_bins: int = 10, ax: Axes | None = None
    ) -> ConfidenceDisplay:
        """
        Draw how far the probabilities of a fitted estimator can be trusted.

        Parameters
        ----------
        estimator : estimator with ``predict_proba``
            A fitted estimator, or a pipeline that ends in one.
        X : array-like or torch.Tensor of shape (n_samples, ...)
            Samples that the estimator accepts.
        y : array-like of shape (n_samples,)
            Class of each sample.
        n_bins : int, default=10
            Number of bins between 0 and 1.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        ConfidenceDisplay
            The drawn diagram.
        """
        check_estimator(cls, estimator)
        return cls.from_predictions(y, estimator.predict_proba(X), n_bins=n_bins, ax=ax)

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        probabilities: ArrayLike,
        *,
        n_bins: int = 10,
        ax: Axes | None = None,
    ) -> ConfidenceDisplay:
        """
        Draw how far probabilities can be trusted.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Class of each sample: numbers or strings.
        probabilities : array-like of shape (n_samples, n_clusters)
            Probability of each cluster, between 0 and 1.
        n_bins : int, default=10
            Number of bins between 0 and 1.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        ConfidenceDisplay
            The drawn diagram.

        Raises
        ------
        ValueError
            If the arguments differ in length, or `probabilities` are none.
        """
        check_scalar(n_bins, "n_bins", Integral, min_val=1)
        table, true = check_probabilities(probabilities), check_classes(y_true)
        check_lengths(y_true=true, probabilities=table)
        is_right = _is_right(true, table.argmax(axis=1))
        return cls(*_binned(table.max(axis=1), is_right, n_bins)).plot(ax=ax)

    def plot(self, *, ax: Axes | None = None) -> ConfidenceDisplay:
        """
        Draw the diagram.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        ConfidenceDisplay
            This display, with ``ax_``, ``figure_`` and ``bars_`` set.
        """
        ax = axes_for(type(self), ax)
        filled = np.flatnonzero(self.counts)
        width = 1 / len(self.counts)
        middles = (filled + 0.5) * width
        self.bars_ = ax.bar(
            middles, self.accuracy[filled], 0.94 * width, color=COLOURS[4], label="accuracy"
        )
        ax.plot([0, 1], [0, 1], color=ink(ax), linestyle="--", label="ideal")
        ax.plot(
            self.confidence[filled],
            self.accuracy[filled],
            color=COLOURS[0],
            marker="o",
            linestyle="none",
            clip_on=False,
            label="mean confidence",
        )
        for bin_, middle in zip(filled, middles, strict=True):
            ax.annotate(
                f"{self.counts[bin_] / self.counts.sum():.1%}",
                (middle, self.accuracy[bin_]),
                xytext=(0, 5),
                textcoords="offset points",
                ha="center",
                size="small",
                path_effects=halo(ax),
            )
        ax.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1.25))
        ax.set_yticks(np.linspace(0, 1, 6))
        ax.set_title(f"expected calibration error {self.expected_calibration_error:.3f}")
        ax.legend(loc="upper center", ncols=3, fontsize="small", frameon=False)
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _is_right(y_true: NDArray[Any], labels: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Tell of each sample whether its cluster is matched to its class."""
    found = match(y_true, labels)
    class_of = np.full(labels.max() + 1, -1)
    class_of[found.clusters[found.columns]] = found.rows
    return found.codes == class_of[labels]


def _binned(
    confidence: NDArray[np.float64], is_right: NDArray[np.bool_], n_bins: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
    """Return mean confidence, accuracy and number of samples of each bin."""
    # A value on an edge belongs to the bin below, so that 1 belongs to the last one.
    bins = np.searchsorted(np.linspace(0, 1, n_bins + 1)[1:-1], confidence)
    counts = np.bincount(bins, minlength=n_bins)
    with np.errstate(invalid="ignore"):  # an empty bin has no mean
        means = np.bincount(bins, confidence, minlength=n_bins) / counts
        accuracy = np.bincount(bins, is_right, minlength=n_bins) / counts
    return means, accuracy, counts
