"""Known classes against clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skdeepcluster.plotting._checks import Matching, check_estimator, cluster_name, match
from skdeepcluster.plotting._drawing import axes_for, name_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NORMALIZE = ("true", "pred", "all")
_MOST_COLUMNS_WITH_VALUES = 20
_INCHES_PER_CELL = 0.22


class ContingencyDisplay:
    """
    Table of known classes against clusters, with each class and its cluster on the diagonal.

    Create one with :meth:`from_estimator` or :meth:`from_predictions`, which also draw it. Clusters
    are matched to classes one to one so that most samples lie on the diagonal (Hungarian
    algorithm).

    Parameters
    ----------
    contingency : ndarray of shape (n_classes, n_clusters)
        Samples of each class in each cluster, as counts or as shares.
    classes : ndarray of shape (n_classes,)
        Name of each row.
    clusters : ndarray of shape (n_clusters,), dtype int64
        Number of each column's cluster, -1 for noise.
    accuracy : float, default=None
        Share of the samples on the diagonal, for the title. None leaves the title out.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes with the table.
    figure_ : matplotlib Figure or SubFigure
        The figure that holds it.
    im_ : matplotlib AxesImage
        The cells.
    text_ : ndarray of shape (n_classes, n_clusters) of matplotlib Text, or None
        The values written into the cells, None for a cell of value 0; None if there are none.

    See Also
    --------
    skdeepcluster.metrics.clustering_accuracy_score : The accuracy in the title.
    sklearn.metrics.ConfusionMatrixDisplay : The same for a classifier.

    Notes
    -----
    Rows are the classes in sorted order, but those without a cluster come last. Columns are the
    clusters in the order of their classes; then come those without a class, and noise.

    Examples
    --------
    >>> from skdeepcluster.plotting import ContingencyDisplay
    >>> display = ContingencyDisplay.from_predictions(["cat", "cat", "dog"], [1, 1, 0])
    >>> display.contingency.tolist(), display.clusters.tolist(), display.accuracy
    ([[2, 0], [0, 1]], [1, 0], 1.0)
    """

    def __init__(
        self,
        contingency: NDArray[Any],
        classes: NDArray[Any],
        clusters: NDArray[np.int64],
        accuracy: float | None = None,
    ) -> None:
        self.contingency = contingency
        self.classes = classes
        self.clusters = clusters
        self.accuracy = accuracy

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        normalize: str | None = None,
        display_labels: ArrayLike | None = None,
        include_values: bool | None = None,
        cmap: Any = "Blues",
        ax: Axes | None = None,
    ) -> ContingencyDisplay:
        """
        Draw known classes against the clusters that a fitted estimator finds.

        Parameters
        ----------
        estimator : estimator with ``predict``
            A fitted estimator, or a pipeline that ends in one.
        X : array-like or torch.Tensor of shape (n_samples, ...)
            Samples that the estimator accepts.
        y : array-like of shape (n_samples,)
            Class of each sample.
        normalize : {"true", "pred", "all"}, default=None
            Draw shares of each class, of each cluster or of all samples. None draws counts.
        display_labels : array-like of shape (n_classes,), default=None
            Names of the classes, in the sorted order of their values. None takes the values.
        include_values : bool, default=None
            Whether to write the values into the cells. None does for at most 20 columns.
        cmap : str or matplotlib Colormap, default="Blues"
            Colours of the cells.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        ContingencyDisplay
            The drawn table.
        """
        check_estimator(cls, estimator)
        return cls.from_predictions(
            y,
            estimator.predict(X),
            normalize=normalize,
            display_labels=display_labels,
            include_values=include_values,
            cmap=cmap,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        *,
        normalize: str | None = None,
        display_labels: ArrayLike | None = None,
        include_values: bool | None = None,
        cmap: Any = "Blues",
        ax: Axes | None = None,
    ) -> ContingencyDisplay:
        """
        Draw known classes against clusters.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Class of each sample: numbers or strings.
        y_pred : array-like of shape (n_samples,)
            Cluster of each sample: integers, with -1 for noise.
        normalize : {"true", "pred", "all"}, default=None
            Draw shares of each class, of each cluster or of all samples. None draws counts.
        display_labels : array-like of shape (n_classes,), default=None
            Names of the classes, in the sorted order of their values. None takes the values.
        include_values : bool, default=None
            Whether to write the values into the cells. None does for at most 20 columns.
        cmap : str or matplotlib Colormap, default="Blues"
            Colours of the cells.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        ContingencyDisplay
            The drawn table.

        Raises
        ------
        ValueError
            If the labels differ in number, are not one-dimensional or not labels, `normalize` is
            unknown, or there is not one name per class.
        """
        if normalize is not None and normalize not in _NORMALIZE:
            raise ValueError(f"normalize must be one of {_NORMALIZE} or None, got {normalize!r}.")
        found = match(y_true, y_pred)
        rows, columns = _order(found)
        display = cls(
            contingency=_shares(found.table, normalize)[np.ix_(rows, columns)],
            classes=_names(found, display_labels)[rows],
            clusters=found.clusters[columns],
            accuracy=float(found.table[found.rows, found.columns].sum() / found.table.sum()),
        )
        return display.plot(include_values=include_values, cmap=cmap, ax=ax)

    def plot(
        self,
        *,
        include_values: bool | None = None,
        cmap: Any = "Blues",
        ax: Axes | None = None,
    ) -> ContingencyDisplay:
        """
        Draw the table.

        Parameters
        ----------
        include_values : bool, default=None
            Whether to write the values into the cells. None does for at most 20 columns.
        cmap : str or matplotlib Colormap, default="Blues"
            Colours of the cells.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        ContingencyDisplay
            This display, with ``ax_``, ``figure_``, ``im_`` and ``text_`` set.
        """
        n_rows, n_columns = self.contingency.shape
        ax = axes_for(
            type(self),
            ax,
            width=min(max(6.4, _INCHES_PER_CELL * n_columns + 1), 16),
            height=min(max(4.8, _INCHES_PER_CELL * n_rows + 1), 16),
        )
        self.im_ = ax.imshow(self.contingency, cmap=cmap, vmin=0, aspect="auto", origin="upper")
        if include_values is None:
            include_values = n_columns <= _MOST_COLUMNS_WITH_VALUES
        self.text_ = self._write_values(ax) if include_values else None
        name_ticks(ax.xaxis, [cluster_name(k) for k in self.clusters])
        name_ticks(ax.yaxis, [str(name) for name in self.classes])
        ax.set(xlabel="cluster", ylabel="class")
        if self.accuracy is not None:
            ax.set_title(f"accuracy {self.accuracy:.3f}")
        is_share = self.contingency.dtype.kind == "f"
        ax.figure.colorbar(self.im_, ax=ax, label="share" if is_share else "samples")
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _write_values(self, ax: Axes) -> NDArray[Any]:
        """Write the values that are not 0, in white on dark cells."""
        text = np.full(self.contingency.shape, None, dtype=object)
        size = "medium" if self.contingency.shape[1] <= 12 else "x-small"
        form = ".2f" if self.contingency.dtype.kind == "f" else "d"
        for i, j in np.argwhere(self.contingency > 0):
            value = self.contingency[i, j]
            colour = "white" if sum(self.im_.to_rgba(value)[:3]) < 1.5 else "black"
            text[i, j] = ax.text(
                j, i, format(value, form), color=colour, size=size, ha="center", va="center"
            )
        return text


def _order(found: Matching) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows and the columns in the order in which they are drawn."""
    n_rows, n_columns = found.table.shape
    rest_of_rows = np.setdiff1d(np.arange(n_rows), found.rows)
    rest_of_columns = np.setdiff1d(np.arange(n_columns), found.columns)
    return np.append(found.rows, rest_of_rows), np.append(found.columns, rest_of_columns)


def _shares(table: NDArray[np.int64], normalize: str | None) -> NDArray[Any]:
    """Return counts, or shares of what `normalize` says."""
    if normalize is None:
        return table
    axis = {"true": 1, "pred": 0, "all": None}[normalize]
    return table / table.sum(axis=axis, keepdims=True)


def _names(found: Matching, display_labels: ArrayLike | None) -> NDArray[Any]:
    """Return the names of the classes."""
    if display_labels is None:
        return found.classes
    names = np.asarray(display_labels)
    if names.shape != found.classes.shape:
        raise ValueError(
            f"display_labels must hold one name for each of the {len(found.classes)} classes, got "
            f"shape {names.shape}."
        )
    return names
