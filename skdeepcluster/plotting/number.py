"""How good each number of clusters is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from skdeepcluster.clustering.number import choose_number
from skdeepcluster.plotting._checks import check_estimator, check_lengths, final_step
from skdeepcluster.plotting._drawing import COLOURS, axes_for

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMES = ("n_clusters", "separation", "score")


class ClusterNumberDisplay:
    """
    How well clusters are told apart, for numbers of clusters, and which of them is taken.

    Create one with :meth:`from_estimator` or :meth:`from_curve`, which also draw it.

    Parameters
    ----------
    n_clusters : ndarray of shape (m,), dtype int
        Numbers of clusters, ascending.
    separation : ndarray of shape (m,)
        Separation of the two clusters that are told apart worst, from 0 to 1, for each number.
    score : ndarray of shape (m,)
        What two views agree on, weighed against what they do not, in nats.
    taken : int, default=None
        Number of clusters that was taken; None is what the curve tells. It is more where more
        classes are known.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes that were drawn on.
    figure_ : matplotlib Figure
        The figure that holds them.
    line_ : matplotlib Line2D
        The curve.

    See Also
    --------
    skdeepcluster.metrics.estimate_n_clusters : Gives the curve for any vectors.

    Notes
    -----
    The number taken is where the curve begins to fall, and the shaded ones are as good, if a little
    more were allowed. If it falls all the way, or two views disagree on more than they agree on,
    the ``"score"`` of the curve decides.

    Examples
    --------
    >>> from skdeepcluster.plotting import ClusterNumberDisplay
    >>> curve = {"n_clusters": [2, 3, 4, 5], "separation": [0.97, 0.96, 0.97, 0.7],
    ...          "score": [0.6, 0.9, 1.2, 0.8]}
    >>> ClusterNumberDisplay.from_curve(curve).ax_.get_title()
    '4 clusters'
    """

    def __init__(
        self,
        n_clusters: np.ndarray,
        separation: np.ndarray,
        score: np.ndarray,
        taken: int | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.separation = separation
        self.score = score
        self.taken = taken

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Axes | None = None) -> ClusterNumberDisplay:
        """
        Draw the curve of an estimator that was fitted with ``n_clusters="auto"``.

        Parameters
        ----------
        estimator : estimator with ``n_clusters_curve_``
            A fitted estimator, or a pipeline that ends in one.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        ClusterNumberDisplay
            The drawn curve.

        Raises
        ------
        ValueError
            If the number of clusters was given.
        """
        check_estimator(cls, estimator)
        last = final_step(estimator)
        curve = getattr(last, "n_clusters_curve_", None)
        if not curve:
            raise ValueError(
                "estimator has no n_clusters_curve_: it was not fitted with n_clusters='auto'."
            )
        return cls._of(curve, last._model.n_clusters).plot(ax=ax)

    @classmethod
    def from_curve(
        cls, curve: Mapping[str, ArrayLike], *, ax: Axes | None = None
    ) -> ClusterNumberDisplay:
        """
        Draw a curve.

        Parameters
        ----------
        curve : mapping of str to array-like
            ``"n_clusters"``, ``"separation"`` and ``"score"``, of one length, as
            `estimate_n_clusters` returns them.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        ClusterNumberDisplay
            The drawn curve.

        Raises
        ------
        ValueError
            If one of them is missing or empty, or their lengths differ.
        """
        return cls._of(curve, None).plot(ax=ax)

    @classmethod
    def _of(cls, curve: Mapping[str, ArrayLike], taken: int | None) -> ClusterNumberDisplay:
        missing = set(NAMES) - set(curve)
        if missing:
            raise ValueError(f"curve must have {sorted(missing)}; got the keys {sorted(curve)}.")
        arrays = {name: np.asarray(curve[name]) for name in NAMES}
        check_lengths(**arrays)
        if not arrays[NAMES[0]].size:
            raise ValueError("curve must have at least one number of clusters.")
        return cls(**arrays, taken=taken)

    def plot(self, *, ax: Axes | None = None) -> ClusterNumberDisplay:
        """
        Draw the curve.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        ClusterNumberDisplay
            This display, with ``ax_``, ``figure_`` and ``line_`` set.
        """
        ax = axes_for(type(self), ax)
        from matplotlib.ticker import MaxNLocator

        least, best, most = choose_number({name: getattr(self, name) for name in NAMES})
        label = f"as good: {least} to {most}" if most > least else "nothing else is as good"
        ax.axvspan(least - 0.5, most + 0.5, color=COLOURS[0], alpha=0.15, linewidth=0, label=label)
        (self.line_,) = ax.plot(self.n_clusters, self.separation, "o-", color=COLOURS[0])
        self.line_.set_markersize(4)
        ylabel = "separation of the worst two"
        ax.set(xlabel="number of clusters", ylabel=ylabel, title=f"{self.taken or best} clusters")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.legend(loc="best", frameon=False)
        self.ax_, self.figure_ = ax, ax.figure
        return self
