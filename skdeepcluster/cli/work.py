"""From a folder to its results, each step going on from what an earlier run has left."""

from __future__ import annotations

import dataclasses
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import skdeepcluster
from skdeepcluster._warn import warn
from skdeepcluster.cli.checks import (
    refuse_other_classes,
    refuse_other_files,
    refuse_other_number,
    refuse_other_results,
)
from skdeepcluster.cli.labels import TO_LABEL, classes_of_clusters, read_labels, write_to_label
from skdeepcluster.cli.pile import Pile, forget_features, read_pile
from skdeepcluster.cli.results import MODEL, REPORT, summary, write_results, write_unreadable
from skdeepcluster.cli.run_folder import (
    TRAINING,
    held,
    open_run,
    refuse_existing,
    refuse_place,
    remove_results,
    write_settings,
)
from skdeepcluster.cli.settings import RUN_FILE, Settings
from skdeepcluster.cli.shell import say
from skdeepcluster.clustering.suggestions import open_rows, suggest
from skdeepcluster.report import write_report
from skdeepcluster.report.names import class_name
from skdeepcluster.training.checkpoint import AnotherTraining


class Results:
    """
    Stand in for a pipeline whose results are known.

    Parameters
    ----------
    model : DeepClusterer
        A fitted estimator.
    samples : ndarray of shape (n, ...)
        The samples.
    """

    def __init__(self, model: Any, samples: NDArray[Any]) -> None:
        self.steps = [("samples", None), ("model", model)]
        # In one pass: the networks are what takes the time.
        both = model._collect(samples, lambda *batch: torch.cat(batch, dim=1))
        self.embedding, self.probabilities = np.split(both, [-model.n_clusters_], axis=1)

    def predict_proba(self, X: Any) -> NDArray[np.float32]:
        """
        Return the soft assignments.

        Parameters
        ----------
        X : object
            Ignored.

        Returns
        -------
        ndarray of shape (n, n_clusters)
            The assignments.
        """
        return self.probabilities

    def transform(self, X: Any) -> NDArray[np.float32]:
        """
        Return the embedding.

        Parameters
        ----------
        X : object
            Ignored.

        Returns
        -------
        ndarray of shape (n, d)
            The embedding.
        """
        return self.embedding


def fit(settings: Settings, out: Path, overwrite: bool, verbose: bool) -> dict[str, Any]:
    """
    Cluster the images of a folder.

    Parameters
    ----------
    settings : Settings
        How.
    out : Path
        Folder of the results; an unfinished run in it goes on.
    overwrite : bool
        Whether a run with other settings that is there is replaced.
    verbose : bool
        Whether to show progress.

    Returns
    -------
    dict of str to Any
        What has come out, as `summary` has it.

    Raises
    ------
    ValueError
        If settings or images are unfit.
    OSError
        If something is there that would be overwritten, or files cannot be read or written.
    """
    for name in ("weights", "bits"):
        if getattr(settings, name) is not None and settings.features is None:
            raise ValueError(f"--{name} is for a pretrained network: name that by --features.")
    if settings.model is not None:
        raise ValueError(
            f"These are settings of predict, with model = {settings.model!r}. Leave model out of "
            "the file to train another."
        )
    # Images are read with their channels last, however many they have.
    more = {"checkpoint_dir": out / TRAINING, "verbose": int(verbose), "channel_axis": "last"}
    estimator = settings.estimator(**more)
    estimator._validate_params()
    read_labels(settings.labels, settings.folder)  # refused before anything is written
    refuse_place(settings, out)
    with held(out):
        return _fit(settings, estimator, out, overwrite, verbose)


def _fit(
    settings: Settings, estimator: Any, out: Path, overwrite: bool, verbose: bool
) -> dict[str, Any]:
    settings = open_run(settings, out, overwrite)
    pile = read_pile(settings, out, verbose)
    is_there = (out / MODEL).exists() and not overwrite
    if is_there:
        model = _trained_before(settings, pile, out)
    else:
        model = _trained(estimator, pile, out, overwrite)
    if overwrite:
        remove_results(out)
    # Images that come later are to be read as these were, and clusters to have the same names.
    settings = dataclasses.replace(settings, dtype=str(pile.images.dtype), classes=pile.classes)
    write_settings(settings, out)
    if not is_there:
        os.replace(out / TRAINING / MODEL, out / MODEL)
    shutil.rmtree(out / TRAINING, ignore_errors=True)
    return finish(settings, model, pile, out)


def _trained_before(settings: Settings, pile: Pile, out: Path) -> Any:
    model = skdeepcluster.load(out / MODEL)
    refuse_other_classes(pile, settings.classes, out)
    refuse_other_number(pile, model, out)
    say(f"{out / MODEL} is there, and is not trained again.")
    return model


def _trained(estimator: Any, pile: Pile, out: Path, overwrite: bool) -> Any:
    """Train, and save the model beside what it is going to replace."""
    try:
        estimator.fit(pile.samples, known_labels=pile.known)
    except AnotherTraining:
        if not overwrite:
            raise ValueError(
                f"Images, labels or versions have changed since the training in {out} began. Bring "
                "back those of then, or add --overwrite to begin anew."
            ) from None
        shutil.rmtree(out / TRAINING)
        estimator.fit(pile.samples, known_labels=pile.known)
    model = estimator.set_params(checkpoint_dir=None, verbose=0)
    model.save(out / TRAINING / MODEL, overwrite=True)  # on the disk before anything is removed
    return model


def predict(model_path: Path, folder: Path, out: Path, verbose: bool) -> dict[str, Any]:
    """
    Sort the images of another folder into the clusters of a model.

    Parameters
    ----------
    model_path : Path
        A saved model, or the folder of the run that has saved it.
    folder : Path
        Folder of the images.
    out : Path
        Folder of the results.
    verbose : bool
        Whether to show progress.

    Returns
    -------
    dict of str to Any
        What has come out, as `summary` has it.

    Raises
    ------
    ValueError
        If model or images are unfit.
    OSError
        If something is there that would be overwritten, or files cannot be read or written.
    """
    path = (model_path / MODEL if model_path.is_dir() else model_path).absolute()
    model = skdeepcluster.load(path)
    settings = dataclasses.replace(
        _settings_of(path, model), folder=str(folder.absolute()), model=str(path), labels=[]
    )
    refuse_place(settings, out)
    with held(out):
        open_run(settings, out, overwrite=False)
        return finish(settings, model, read_pile(settings, out, verbose), out)


def report(out: Path, overwrite: bool, verbose: bool) -> dict[str, Any]:
    """
    Write the report of a run anew.

    Parameters
    ----------
    out : Path
        Folder of the run.
    overwrite : bool
        Whether a report that is there is replaced.
    verbose : bool
        Whether to show progress.

    Returns
    -------
    dict of str to Any
        What the run has found, as `summary` has it.

    Raises
    ------
    OSError
        If there is no run, or a report that would be overwritten.
    ValueError
        If images or model are not those of the run's tables any more.
    """
    settings = Settings.from_toml(out / RUN_FILE)
    if not overwrite:
        refuse_existing(out / REPORT)
    with held(out):
        model, pile, results = _reopened(_without_lost_labels(settings), out, verbose)
        return _finish(settings, model, pile, results, out, overwrite)


def suggestions(out: Path, n: int, overwrite: bool, verbose: bool) -> dict[str, Any]:
    """
    Write which files of a run to label next, as a table to fill in.

    Parameters
    ----------
    out : Path
        Folder of the run.
    n : int
        Number of files; if there are fewer without label, all of these.
    overwrite : bool
        Whether a table that is there is replaced.
    verbose : bool
        Whether to show progress.

    Returns
    -------
    dict of str to Any
        The table and how many files are in it.

    Raises
    ------
    OSError
        If there is no run, or a table that would be overwritten.
    ValueError
        If images or model are not those of the run's tables any more.
    """
    settings, table = Settings.from_toml(out / RUN_FILE), out / TO_LABEL
    for path in settings.labels:
        if not Path(path).exists():
            raise FileNotFoundError(
                f"{path}, the labels of this run, is needed to leave out the files that have one: "
                "bring it back."
            )
    if any(Path(path).resolve() == table.resolve() for path in settings.labels):
        raise FileExistsError(
            f"{table} holds the labels that this run was trained with. Copy it, fit anew with "
            "--labels and the copy, and ask then."
        )
    if not overwrite:
        refuse_existing(table)
    with held(out):
        _, pile, results = _reopened(settings, out, verbose)
        rows = open_rows(0, len(pile.known), pile.known)
        chosen = suggest(rows, results.probabilities, results.embedding, min(n, len(rows)))
        files = [pile.filenames[row] for row in chosen]
        write_to_label(table, files, results.probabilities[chosen])
        forget_features(out)
    return {"table": str(table), "n_files": len(files), "folder": settings.folder}


def _without_lost_labels(settings: Settings) -> Settings:
    """Do without tables of labels that have gone, which a page needs for its advice alone."""
    there = [path for path in settings.labels if Path(path).exists()]
    if there != settings.labels:
        warn("Labels of this run are no longer there: the page does not know which files have one.")
    return dataclasses.replace(settings, labels=there)


def _reopened(settings: Settings, out: Path, verbose: bool) -> tuple[Any, Pile, Results]:
    """Read the model and the images of a run again; refuse what its tables do not describe."""
    model = skdeepcluster.load(settings.model or out / MODEL)
    pile = read_pile(settings, out, verbose)
    refuse_other_files(pile, out, settings.folder)
    results = Results(model, pile.samples)
    refuse_other_results(pile, results.probabilities, out, settings.folder)
    return model, pile, results


def finish(settings: Settings, model: Any, pile: Pile, out: Path) -> dict[str, Any]:
    """
    Write what a model finds in images; the report, which says that a run is finished, is last.

    Parameters
    ----------
    settings : Settings
        The run.
    model : DeepClusterer
        A fitted estimator.
    pile : Pile
        The images.
    out : Path
        Folder of the run.

    Returns
    -------
    dict of str to Any
        What has come out, as `summary` has it.
    """
    results = Results(model, pile.samples)
    both = results.probabilities, results.embedding
    classes = classes_of_clusters(model, settings.classes)
    write_results(out, pile.filenames, *both, classes)
    return _finish(settings, model, pile, results, out)


def _finish(
    settings: Settings, model: Any, pile: Pile, results: Results, out: Path, overwrite: bool = False
) -> dict[str, Any]:
    """Write the report, and which files are not in it."""
    classes = classes_of_clusters(model, settings.classes)
    write_unreadable(out, pile.skipped)
    write_report(
        results,
        pile.images,
        out / REPORT,
        filenames=pile.filenames,
        skipped=pile.skipped,
        names={k: class_name(name) for k, name in enumerate(classes or []) if name},
        known_labels=pile.known,
        overwrite=overwrite,
    )
    forget_features(out)
    return summary(out, results.probabilities, len(pile.skipped), classes)


def _settings_of(path: Path, model: Any) -> Settings:
    """Tell how the images of a model were read: by its run, or else by their shape."""
    run = path.with_name(RUN_FILE)
    if run.exists():
        settings = Settings.from_toml(run)
    elif model.image_shape_ is None or model.image_shape_[1] != model.image_shape_[2]:
        raise FileNotFoundError(f"{run} is needed: it says how images are read for {path}.")
    else:
        warn(
            f"There is no {run}: images are read with resize='pad', which need not be how they "
            "were read for the training."
        )
        settings = Settings("", model.n_clusters, image_size=model.image_shape_[1])
    if model.image_shape_ is None:
        return settings
    color = {1: "gray", 3: "rgb"}.get(model.image_shape_[0], "auto")
    return dataclasses.replace(settings, color=color)
