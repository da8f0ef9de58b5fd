"""How a training went, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from skdeepcluster.plotting._checks import check_estimator, final_step
from skdeepcluster.plotting._drawing import COLOURS, ink, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

# What is drawn below the losses, and what is said about it.
_PANELS = {
    "lr": "learning rate",
    "cluster_entropy": "entropy of cluster sizes (1: even)",
    "largest_share": "share of the largest cluster",
    "changed_labels": "share of samples changing cluster",
    "confidence": "mean confidence",
}
_SHARES = ("cluster_entropy", "largest_share", "changed_labels", "confidence")
_LINES = ("--", ":", "-.")


class LearningCurvesDisplay:
    """
    Curves of a training: losses, learning rate, balance of the clusters and changes of label.

    Create one with :meth:`from_estimator` or :meth:`from_history`, which also draw it.

    Parameters
    ----------
    history : list of dict
        One entry per epoch, as in ``history_`` of the estimators.

    Attributes
    ----------
    figure_ : matplotlib Figure or SubFigure
        The figure that holds the curves.
    axes_ : dict of str to matplotlib Axes
        The panels by the key of the history that they show; that of all losses is ``"loss"``.

    See Also
    --------
    ClusterSizesDisplay : Balance of the clusters after training.

    Notes
    -----
    The sum of the losses is a solid line, its terms are broken ones. Keys that the history does not
    hold have no panel. The first epoch has no earlier labels, so all of them count as changed.

    Examples
    --------
    >>> from skdeepcluster.plotting import LearningCurvesDisplay
    >>> history = [
    ...     {"epoch": 1, "loss": 3.0, "changed_labels": 1.0},
    ...     {"epoch": 2, "loss": 2.5, "changed_labels": 0.3},
    ... ]
    >>> sorted(LearningCurvesDisplay.from_history(history).axes_)
    ['changed_labels', 'loss']
    """

    def __init__(self, history: Sequence[Mapping[str, float]]) -> None:
        self.history = history

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, figure: Figure | SubFigure | None = None
    ) -> LearningCurvesDisplay:
        """
        Draw the training of a fitted estimator.

        Parameters
        ----------
        estimator : estimator with ``history_``
            A fitted estimator, or a pipeline that ends in one.
        figure : matplotlib Figure or SubFigure, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        LearningCurvesDisplay
            The drawn curves.
        """
        check_estimator(cls, estimator)
        return cls.from_history(final_step(estimator).history_, figure=figure)

    @classmethod
    def from_history(
        cls,
        history: Sequence[Mapping[str, float]],
        *,
        figure: Figure | SubFigure | None = None,
    ) -> LearningCurvesDisplay:
        """
        Draw a training by its history.

        Parameters
        ----------
        history : list of dict
            One entry per epoch, as in ``history_`` of the estimators; each has ``"epoch"`` and
            ``"loss"``; others may be missing in some, as after a warm start with ``known_labels``.
        figure : matplotlib Figure or SubFigure, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        LearningCurvesDisplay
            The drawn curves.

        Raises
        ------
        ValueError
            If there is no epoch, or one lacks ``"epoch"`` or ``"loss"``.
        """
        _check_history(history)
        return cls(history).plot(figure=figure)

    def plot(self, *, figure: Figure | SubFigure | None = None) -> LearningCurvesDisplay:
        """
        Draw the curves.

        Parameters
        ----------
        figure : matplotlib Figure or SubFigure, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        LearningCurvesDisplay
            This display, with ``figure_`` and ``axes_`` set.
        """
        keys = ["loss", *(key for key in _PANELS if key in self._keys())]
        n_rows, n_columns = (1, len(keys)) if len(keys) < 4 else (2, -(-len(keys) // 2))
        if figure is None:
            size = 3.2 * n_columns, 2.7 * n_rows
            figure = new_figure(type(self), *size, layout="constrained")
        panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
        for panel in panels[len(keys) :]:
            panel.set_axis_off()
        self.axes_ = dict(zip(keys, panels, strict=False))
        for key, panel in self.axes_.items():
            if key == "loss":
                self._draw_losses(panel)
            else:
                self._draw(panel, key, color=COLOURS[0])
            panel.set_title(_PANELS.get(key, key), size="medium")
            if key in _SHARES:
                panel.set_ylim(-0.05, 1.05)
            panel.set_xlabel("epoch")
            panel.xaxis.get_major_locator().set_params(integer=True)
        self.figure_ = figure
        return self

    def _keys(self) -> list[str]:
        """List what epochs hold, in the order of its first appearance."""
        return list(dict.fromkeys(key for entry in self.history for key in entry))

    def _draw(self, panel: Axes, key: str, **options: Any) -> None:
        """Draw one curve; where no two epochs in a row have a value, dots."""
        epochs = [entry["epoch"] for entry in self.history]
        values = [entry.get(key, float("nan")) for entry in self.history]
        are_there = np.isfinite(values)
        marker = None if (are_there[1:] & are_there[:-1]).any() else "o"
        panel.plot(epochs, values, marker=marker, **options)

    def _draw_losses(self, panel: Axes) -> None:
        """Draw the loss and, where there are several, the terms that it sums."""
        self._draw(panel, "loss", color=ink(panel), label="sum")
        terms = [key for key in self._keys() if key.startswith("loss_")]
        if len(terms) < 2:
            return
        for i, key in enumerate(terms):
            line, colour = _LINES[i % len(_LINES)], COLOURS[i % len(COLOURS)]
            self._draw(panel, key, color=colour, linestyle=line, label=key.removeprefix("loss_"))
        low, high = panel.get_ylim()
        panel.set_ylim(low, high + 0.35 * (high - low))  # room for the legend above the curves
        panel.legend(loc="upper center", fontsize="small", ncols=2, frameon=False)


def _check_history(history: Sequence[Mapping[str, float]]) -> None:
    """Refuse what is no history."""
    if len(history) == 0:
        raise ValueError("history must hold at least one epoch, got none.")
    if any(not {"epoch", "loss"} <= entry.keys() for entry in history):
        raise ValueError(
            'history must hold "epoch" and "loss" in each entry; got '
            f"{sorted({tuple(sorted(entry)) for entry in history})}."
        )
