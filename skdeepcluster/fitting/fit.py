"""What `fit` does, from what it is given to what the estimator keeps."""

from __future__ import annotations

from typing import Any, NamedTuple

from skdeepcluster._warn import quiet
from skdeepcluster.data.known_labels import KnownLabels
from skdeepcluster.data.samples import Samples
from skdeepcluster.fitting.attributes import fitted_attributes
from skdeepcluster.fitting.building import build_trainer
from skdeepcluster.fitting.counting import with_n_clusters
from skdeepcluster.fitting.running import read_known, train
from skdeepcluster.training.callbacks import EpochWatch
from skdeepcluster.training.device import resolve_device
from skdeepcluster.training.distributed import Processes, open_processes

CURVE = "n_clusters_curve_"
NOT_IN_EVERY_FIT = (CURVE, "classes_")


class Fit(NamedTuple):
    """
    A training that has ended.

    Parameters
    ----------
    attributes : dict of str to Any
        What the estimator keeps.
    watch : EpochWatch
        Who watched it.
    is_first : bool
        Whether this is the process that speaks to the user.
    interrupt : KeyboardInterrupt or None
        What has cut it short.
    """

    attributes: dict[str, Any]
    watch: EpochWatch
    is_first: bool
    interrupt: KeyboardInterrupt | None


def fit(estimator: Any, X: Any, y: Any, known_labels: Any) -> Fit:
    """
    Train the networks of an estimator and cluster the samples.

    Parameters
    ----------
    estimator : estimator instance
        Gives method and parameters; learns the shape of the samples, and loses what an
        earlier fit has found and this one need not find.
    X, y, known_labels : object
        What its `fit` was given.

    Returns
    -------
    Fit
        The training.

    Raises
    ------
    ValueError, TypeError
        If a parameter, `X` or the labels are invalid, alone or together.
    KeyboardInterrupt
        If training is interrupted before its first epoch has ended, or a model is to be kept.
    """
    device = resolve_device(estimator.device)
    with open_processes(estimator.distributed, device) as processes, quiet(not processes.is_first):
        samples = processes.agree(lambda: estimator._read(X, reset=True))
        known = read_known(estimator, processes, samples, known_labels)
        goes_on = estimator.warm_start and hasattr(estimator, "_model")
        chosen, curve = estimator, getattr(estimator, CURVE, {}) if goes_on else {}
        if estimator.n_clusters == "auto":
            found, chosen = with_n_clusters(estimator, processes, samples, X, known)
            curve = found or curve
        for name in NOT_IN_EVERY_FIT:  # callbacks look at the estimator while it is trained
            estimator.__dict__.pop(name, None)
        result = _fit_in(processes, chosen, samples, X, y, known, watched=estimator)
        if curve:
            result.attributes[CURVE] = curve
        return result


def _fit_in(
    processes: Processes,
    estimator: Any,
    samples: Samples,
    X: Any,
    y: Any,
    known: KnownLabels | None,
    *,
    watched: Any,
) -> Fit:
    trainer = build_trainer(estimator, samples, processes, known)
    watch = EpochWatch(
        watched,
        X,
        y,
        trainer.settings.schedule.max_epochs,
        lambda: fitted_attributes(trainer.snapshot(), samples, estimator, known),
        show=bool(estimator.verbose) and processes.is_first,
    )
    cut_short = None
    try:
        train(estimator, trainer, watch, samples, known)
        attributes = fitted_attributes(trainer, samples, estimator, known)
    except KeyboardInterrupt as interrupt:
        if processes.size > 1 or (hasattr(estimator, "_model") and not estimator.warm_start):
            # The model that is there is not to be lost for half another; nor can one process
            # finish what the others have not stopped.
            raise
        trainer.go_back_to_last_epoch(interrupt)
        attributes = fitted_attributes(trainer, samples, estimator, known)
        cut_short = interrupt
    finally:
        watch.close()
    return Fit(attributes, watch, processes.is_first, cut_short)
