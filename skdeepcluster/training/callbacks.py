"""What watches training: scikit-learn's callbacks where it has them, a log, and a progress bar."""

from __future__ import annotations

import inspect
import logging
import random
import sys
from collections.abc import Callable
from typing import Any, TextIO

_state = random.getstate()  # sklearn.callback imports rich, which draws from the global stream
try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn before 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stand in where scikit-learn has no callbacks."""

    def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        """
        Return a method as it is.

        Parameters
        ----------
        method : callable
            Any.

        Returns
        -------
        callable
            The method.
        """
        return method

finally:
    random.setstate(_state)


LOGGER = logging.getLogger("skdeepcluster")
SECONDS_BETWEEN_LINES = 30.0
AS_A_LINE = "{desc}: {n_fmt}/{total_fmt} epochs, {elapsed} gone, {remaining} left{postfix}"


def models_are_shown_to(estimator: Any) -> list[str]:
    """
    Name the callbacks that ask for the fitted estimator at the end of an epoch.

    Parameters
    ----------
    estimator : estimator instance
        The estimator being fitted.

    Returns
    -------
    list of str
        Their classes.
    """
    return [
        type(callback).__name__
        for callback in getattr(estimator, "_skl_callbacks", ())
        if "fitted_estimator" in inspect.signature(callback.on_fit_task_end).parameters
    ]


class EpochWatch:
    """
    Tell callbacks, the log and the progress bar about epochs.

    Parameters
    ----------
    estimator : estimator instance
        The estimator being fitted.
    X, y : object
        What `fit` was given, handed on to callbacks that ask for it.
    max_epochs : int
        Number of epochs.
    fitted_attributes : callable or None
        Returns the attributes of an estimator fitted up to now; called only if a callback asks.
        With None, callbacks are not told: the training is a means of another.
    show : bool, default=False
        Whether there is a progress bar; where there is no terminal, a line every 30 seconds.
    """

    def __init__(
        self,
        estimator: Any,
        X: Any,
        y: Any,
        max_epochs: int,
        fitted_attributes: Callable[[], dict[str, Any]] | None,
        show: bool = False,
    ) -> None:
        self.estimator = estimator
        self.data = {"X": X, "y": y}
        self.fitted_attributes = fitted_attributes
        show = show and sys.stderr is not None  # as in programs without a console
        self.name = type(estimator).__name__ + (", to count" if fitted_attributes is None else "")
        self.bar = _progress_bar(self.name, max_epochs) if show else None
        self.context: Any = None
        self.epoch_context: Any = None
        if fitted_attributes is not None and hasattr(estimator, "_init_callback_context"):
            self.context = estimator._init_callback_context(max_subtasks=max_epochs)
            self.context.call_on_fit_task_begin(estimator=estimator, **self.data)

    def skip(self, n_epochs: int) -> None:
        """
        Count epochs of an earlier process.

        Parameters
        ----------
        n_epochs : int
            How many.
        """
        if self.bar is not None and n_epochs:
            self.bar.initial = self.bar.n = n_epochs
            self.bar.refresh()

    def begin_epoch(self) -> None:
        """Open the task of the next epoch."""
        if self.context is not None:
            self.epoch_context = self.context.subcontext(task_name="epoch")
            self.epoch_context.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def end_epoch(self, entry: dict[str, Any]) -> bool:
        """
        Close the task of an epoch.

        Parameters
        ----------
        entry : dict
            The epoch's entry of the history.

        Returns
        -------
        bool
            Whether a callback asks to stop.
        """
        values = (entry[key] for key in ("epoch", "loss", "images_per_second", "cluster_entropy"))
        LOGGER.info("%s: epoch %d, loss %.3f, %.0f images/s, balance %.2f", self.name, *values)
        if self.bar is not None:
            self.bar.set_postfix(
                loss=f"{entry['loss']:.3f}",
                images_s=f"{entry['images_per_second']:.0f}",
                balance=f"{entry['cluster_entropy']:.2f}",
                refresh=False,
            )
            self.bar.update()
        if self.context is None:
            return False
        return bool(
            self.epoch_context.call_on_fit_task_end(
                estimator=self.estimator,
                reconstruction_attributes=self.fitted_attributes,
                **self.data,
            )
        )

    def finish(self) -> None:
        """Close the task of the whole fit."""
        if self.context is not None:
            self.context.call_on_fit_task_end(estimator=self.estimator, **self.data)

    def close(self) -> None:
        """Leave the terminal in order, however training ended."""
        if self.bar is not None:
            self.bar.close()


def _progress_bar(name: str, max_epochs: int) -> Any:
    """Return a bar for a terminal or notebook; a file or pipe gets a line now and then."""
    from tqdm.auto import tqdm

    is_widget = any(base.__module__ == "tqdm.notebook" for base in tqdm.__mro__)
    options: dict[str, Any] = {}
    if not is_widget and not sys.stderr.isatty():
        lines, seconds = _Lines(sys.stderr), SECONDS_BETWEEN_LINES
        options = {"file": lines, "bar_format": AS_A_LINE, "mininterval": seconds, "miniters": 1}
    return tqdm(total=max_epochs, desc=name, unit="epoch", **options)


class _Lines:
    """Text stream that makes each state of a bar a line of its own."""

    def __init__(self, file: TextIO) -> None:
        self.file, self.last = file, ""

    def write(self, text: str) -> None:
        line = text.strip()
        if line and line != self.last:
            self.file.write(f"{line}\n")
            self.last = line

    def flush(self) -> None:
        self.file.flush()
