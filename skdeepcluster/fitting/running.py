"""A training from its first epoch to its last, with states on disk where they are wanted."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import Any

import numpy as np

from skdeepcluster.data.known_labels import KnownLabels, read_known_labels
from skdeepcluster.data.samples import Samples
from skdeepcluster.training.callbacks import EpochWatch, models_are_shown_to
from skdeepcluster.training.checkpoint import Checkpoints, open_checkpoints
from skdeepcluster.training.distributed import Processes
from skdeepcluster.training.engine import Trainer
from skdeepcluster.training.identity import training_identity


def read_known(
    estimator: Any, processes: Processes, samples: Samples, known_labels: Any
) -> KnownLabels | None:
    """
    Read the known labels, in all processes, which then know that they train the same model.

    Parameters
    ----------
    estimator : estimator instance
        Gives the parameters of the training.
    processes : Processes
        Those that train together.
    samples : Samples
        The training samples.
    known_labels : array-like of shape (n,), dtype int, or None
        What `fit` was given.

    Returns
    -------
    KnownLabels or None
        None if no class is known.

    Raises
    ------
    ValueError
        If the labels cannot be read, or processes were given other samples or parameters.
    TypeError
        If the labels are not integers.
    """
    n = len(samples)
    most = n if estimator.n_clusters == "auto" else int(estimator.n_clusters)
    known = processes.agree(lambda: read_known_labels(known_labels, n, most))
    if processes.size > 1:
        use = {
            "use of checkpoint_dir": str(estimator.checkpoint_dir is None),
            "set of callbacks": str(models_are_shown_to(estimator)),  # which all have to make
        }
        _refuse_differences(processes.all_of(training_identity(estimator, samples, known) | use))
    return known


def _refuse_differences(found: list[dict[str, str]]) -> None:
    """Refuse processes that would not train the same model."""
    for rank, other in enumerate(found):
        names = [name for name, text in found[0].items() if other.get(name) != text]
        if names:
            raise ValueError(
                "All processes must be given the same X and parameters; process "
                f"{rank} has another {', '.join(names)} than process 0."
            )


def train(
    estimator: Any,
    trainer: Trainer,
    watch: EpochWatch,
    samples: Samples,
    known: KnownLabels | None,
) -> None:
    """
    Run a training to its end; with `checkpoint_dir`, from the last state that is there.

    Parameters
    ----------
    estimator : estimator instance
        Gives the parameters of the training.
    trainer : Trainer
        Before its first epoch.
    watch : EpochWatch
        Is told of the epochs.
    samples : Samples
        The training samples.
    known : KnownLabels or None
        Classes of some of them.
    """
    if estimator.checkpoint_dir is None:
        trainer.run(watch.begin_epoch, watch.end_epoch)
        return
    with ExitStack() as stack:

        def begin() -> Checkpoints | None:
            found = stack.enter_context(_checkpoints(estimator, trainer, samples, known))
            if found is not None:
                found.restore(trainer)
            return found

        checkpoints = trainer.processes.agree(begin)
        trainer.follow_first()
        watch.skip(trainer.epoch)

        def end_epoch(entry: dict[str, Any]) -> bool:
            if checkpoints is not None:
                checkpoints.keep(trainer)
            return watch.end_epoch(entry)

        trainer.run(watch.begin_epoch, end_epoch)


def refuse_states_of_another(
    estimator: Any, processes: Processes, samples: Samples, known: KnownLabels | None
) -> None:
    """
    Refuse a `checkpoint_dir` of another training while its number of clusters is not yet known.

    Parameters
    ----------
    estimator : estimator instance
        Gives the parameters of the training.
    processes : Processes
        Those that train together.
    samples : Samples
        The training samples.
    known : KnownLabels or None
        Classes of some of them.

    Raises
    ------
    ValueError
        If it holds the states of a training that differs in more than that number.
    RuntimeError
        In the other processes.
    """
    unknown = {"n_clusters"}
    if isinstance(estimator.random_state, np.random.RandomState):
        unknown.add("random_state")  # the training before moves it on

    def look() -> None:
        if processes.is_first:
            identity = training_identity(estimator, samples, known)
            with open_checkpoints(estimator.checkpoint_dir, identity, 0.0) as checkpoints:
                checkpoints.refuse_another(unknown)

    if estimator.checkpoint_dir is not None:
        processes.agree(look)


def _checkpoints(
    estimator: Any, trainer: Trainer, samples: Samples, known: KnownLabels | None
) -> AbstractContextManager[Checkpoints | None]:
    """Open the folder of states in the first process; the others follow it."""
    if not trainer.processes.is_first:
        return nullcontext()
    identity = training_identity(estimator, samples, known)
    return open_checkpoints(estimator.checkpoint_dir, identity, estimator.checkpoint_interval)
