"""Labels that the user gives for some of the files, and files that are worth labelling next."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdeepcluster._text import composed, is_text
from skdeepcluster.cli.tables import read_table, write_table

TO_LABEL = "to_label.csv"
UNKNOWN = {"", "-1"}
MOST_DIGITS = 9


def read_labels(paths: Sequence[str], folder: str) -> dict[str, str]:
    """
    Read labels of files.

    Parameters
    ----------
    paths : sequence of str
        Tables with the columns ``file`` and ``label``.
    folder : str
        Folder of the images, from which names of files that are not absolute go on.

    Returns
    -------
    dict of str to str
        Labels by file; lines whose label is empty or -1 are passed over.

    Raises
    ------
    ValueError
        If a table is not such a table, a file has two labels, or no file has one.
    OSError
        If a table cannot be read.
    """
    labels: dict[str, str] = {}
    for path in paths:
        for line, (file, given) in read_table(Path(path), ("file", "label")):
            label = composed(given.strip())
            if label in UNKNOWN:
                continue
            if not is_text(label):
                raise ValueError(f"{path}, line {line}: labels must be text in UTF-8.")
            name = os.path.normpath(os.path.join(folder, file))
            if labels.setdefault(name, label) != label:
                raise ValueError(
                    f"{path}, line {line}: {file!r} has two labels, {labels[name]!r} and {label!r}."
                )
    if paths and not labels:
        raise ValueError(f"{', '.join(paths)} must give labels; the column label is empty.")
    return labels


def numbered(
    labels: Mapping[str, str], filenames: Sequence[str], skipped: Iterable[str]
) -> tuple[NDArray[np.int64], list[str]]:
    """
    Give numbers to the classes of images.

    Parameters
    ----------
    labels : mapping of str to str
        Labels by file.
    filenames : sequence of str
        Files of n images.
    skipped : iterable of str
        Files that could not be read, whose labels are of no use.

    Returns
    -------
    known : ndarray of shape (n,), dtype int64
        Classes, -1 where there is no label.
    names : list of str
        Names of the classes, sorted, a class a place; empty where labels are numbers, which stay
        as they are.

    Raises
    ------
    ValueError
        If a label is of a file that there is not.
    """
    places = {os.path.normpath(name): row for row, name in enumerate(filenames)}
    labels = _as_listed(labels, [*places, *map(os.path.normpath, skipped)])
    names = sorted(set(labels.values()))
    if all(map(_is_number, names)):
        numbers, names = {name: int(name) for name in names}, []
    else:
        numbers = {name: number for number, name in enumerate(names)}
    known = np.full(len(filenames), -1, dtype=np.int64)
    for name, label in labels.items():
        if name in places:
            known[places[name]] = numbers[label]
    return known, names


def _as_listed(labels: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """Find the files of labels; a Mac may have taken apart the accents of their names."""
    there = set(names)
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(composed(name), []).append(name)
    found: dict[str, str] = {}
    gone = []
    for given, label in labels.items():
        one = [given] if given in there else alike.get(composed(given), [])
        if len(one) != 1:
            gone.append(given)
        elif found.setdefault(one[0], label) != label:
            raise ValueError(f"{one[0]!r} has two labels, {found[one[0]]!r} and {label!r}.")
    if gone:
        raise ValueError(
            f"Labels must be of files in the folder of the images; {min(gone)!r} is none"
            f"{f', as are {len(gone) - 1:,} more' if len(gone) > 1 else ''}."
        )
    return found


def _is_number(label: str) -> bool:
    return label.isascii() and label.isdigit() and len(label) <= MOST_DIGITS


def classes_of_clusters(model: Any, names: Sequence[str]) -> list[str] | None:
    """
    Tell which classes the clusters of a model stand for.

    Parameters
    ----------
    model : DeepClusterer
        A fitted estimator.
    names : sequence of str
        Names of the classes; empty where they have numbers only.

    Returns
    -------
    list of str or None
        A name or number for each cluster, empty where it stands for none; None if no class is
        known.
    """
    if not hasattr(model, "classes_"):
        return None
    numbers = model.cluster_to_class_.tolist()
    return ["" if k < 0 else names[k] if k < len(names) else str(k) for k in numbers]


def write_to_label(
    path: Path, filenames: Sequence[str], probabilities: NDArray[np.float32]
) -> None:
    """
    Write files to label, over a table that is there.

    Parameters
    ----------
    path : Path
        Where to.
    filenames : sequence of str
        The files.
    probabilities : ndarray of shape (n, n_clusters)
        Their soft assignments.
    """
    found = zip(filenames, probabilities.argmax(axis=1), probabilities.max(axis=1), strict=True)
    rows = ((name, cluster, f"{confidence:.4f}", "") for name, cluster, confidence in found)
    write_table(path, ("file", "cluster", "confidence", "label"), rows)
