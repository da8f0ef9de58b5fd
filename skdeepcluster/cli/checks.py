"""What does not go together: images, a model, and the tables of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from skdeepcluster.cli.pile import Pile
from skdeepcluster.cli.results import MODEL
from skdeepcluster.cli.tables import CLUSTERS, read_clusters

MOST_IN_BALANCE = 0.01  # of the images


def refuse_other_classes(pile: Pile, classes: Sequence[str], out: Path) -> None:
    """
    Refuse to go on with a model whose classes had other names.

    Parameters
    ----------
    pile : Pile
        The images, and the names of their classes.
    classes : sequence of str
        Those of the run.
    out : Path
        Its folder.

    Raises
    ------
    ValueError
        If they are not the same.
    """
    if classes != pile.classes:
        raise ValueError(
            f"{out / MODEL} was trained with labels of other classes, {_listed(classes)}; "
            f"now there are {_listed(pile.classes)}. Give those labels, or add --overwrite."
        )


def _listed(classes: Sequence[str]) -> str:
    return ", ".join(map(repr, classes)) or "none by name"


def refuse_other_number(pile: Pile, model: Any, out: Path) -> None:
    """
    Refuse to go on with a model of more images, or of fewer.

    Parameters
    ----------
    pile : Pile
        The images.
    model : DeepClusterer
        The model of the run.
    out : Path
        Its folder.

    Raises
    ------
    ValueError
        If it was trained with another number.
    """
    if len(model.labels_) != len(pile.samples):
        raise ValueError(
            f"{out / MODEL} was trained with {len(model.labels_)} images; now there are "
            f"{len(pile.samples)}. Bring back those of then, or add --overwrite."
        )


def refuse_other_files(pile: Pile, out: Path, folder: str) -> None:
    """
    Refuse to describe images that are not those of the run's tables.

    Parameters
    ----------
    pile : Pile
        The images.
    out : Path
        Folder of the run.
    folder : str
        Folder of the images.

    Raises
    ------
    ValueError
        If some are new, or gone.
    """
    table = out / CLUSTERS
    known = {name for name, _ in read_clusters(table)[0]} if table.exists() else None
    found = set(pile.filenames)
    if known is not None and known != found:
        raise ValueError(
            f"{folder} does not hold the images of {table} any more: {len(found - known)} are new, "
            f"and {len(known - found)} are gone. Sort them with predict, into another folder."
        )


def refuse_other_results(pile: Pile, probabilities: NDArray[Any], out: Path, folder: str) -> None:
    """
    Refuse to describe other clusters than those of the run's tables.

    Parameters
    ----------
    pile : Pile
        The images.
    probabilities : ndarray of shape (n, n_clusters)
        Their clusters.
    out : Path
        Folder of the run.
    folder : str
        Folder of the images.

    Raises
    ------
    ValueError
        If more of them differ than can be in the balance between two clusters.
    """
    table = out / CLUSTERS
    before = dict(read_clusters(table)[0]) if table.exists() else {}
    found = dict(zip(pile.filenames, probabilities.argmax(axis=1).tolist(), strict=True))
    n_other = sum(found[name] != cluster for name, cluster in before.items())
    if n_other > MOST_IN_BALANCE * len(before):
        raise ValueError(
            f"{n_other} of {len(before)} images are in other clusters now than in {table}: the "
            f"images in {folder} have changed since, or the model. Sort them anew, into another "
            "folder."
        )
