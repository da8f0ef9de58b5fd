"""What a run leaves in its folder, beside the model."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdeepcluster._files import write_whole
from skdeepcluster._text import printable
from skdeepcluster.cli.tables import CLUSTERS, UNREADABLE, write_clusters, write_table
from skdeepcluster.plotting.projection import project

MODEL = "model.safetensors"
EMBEDDING = "embedding.npy"
REPORT = "report.html"
RESULTS = (CLUSTERS, EMBEDDING, REPORT, UNREADABLE)


def write_results(
    out: Path,
    filenames: list[str],
    probabilities: NDArray[np.float32],
    embedding: NDArray[np.float32],
    classes: list[str] | None,
) -> None:
    """
    Write the tables and the embedding, over those that are there.

    Parameters
    ----------
    out : Path
        Folder of the run.
    filenames : list of str
        The images' files.
    probabilities : ndarray of shape (n, n_clusters)
        Soft assignments.
    embedding : ndarray of shape (n, d)
        Embedding.
    classes : list of str or None
        Class that each cluster stands for, None where no class is known.
    """
    content = io.BytesIO()
    np.save(content, embedding)
    write_whole(out / EMBEDDING, [content.getbuffer()], overwrite=True)
    places = project(embedding) if len(embedding) > 1 else np.zeros((1, 2), np.float32)
    write_clusters(out / CLUSTERS, filenames, probabilities, places, classes)


def write_unreadable(out: Path, skipped: list[tuple[str, str]]) -> None:
    """
    Write the table of the files that are not among the images, over one that is there.

    Parameters
    ----------
    out : Path
        Folder of the run.
    skipped : list of tuple of str and str
        Files that could not be read, and why.
    """
    write_table(out / UNREADABLE, ("path", "reason"), skipped)


def summary(
    out: Path, probabilities: NDArray[np.float32], n_skipped: int, classes: list[str] | None
) -> dict[str, Any]:
    """
    Sum up a clustering.

    Parameters
    ----------
    out : Path
        Folder of the run.
    probabilities : ndarray of shape (n, n_clusters)
        Soft assignments.
    n_skipped : int
        Number of files that could not be read.
    classes : list of str or None
        Class that each cluster stands for, None where no class is known.

    Returns
    -------
    dict of str to Any
        What can be written as JSON.
    """
    labels, n_clusters = probabilities.argmax(axis=1), probabilities.shape[1]
    sure = probabilities.max(axis=1)
    sizes = np.bincount(labels, minlength=n_clusters)
    totals = np.bincount(labels, weights=sure, minlength=n_clusters)
    known = {} if classes is None else {"classes": classes}
    return {
        "out": str(out),
        "n_images": len(labels),
        "n_unreadable": n_skipped,
        "n_clusters": n_clusters,
        "sizes": sizes.tolist(),
        "confidence": np.round(totals / np.maximum(sizes, 1), 4).tolist(),
        **known,
        "report": str(out / REPORT),
    }


def in_words(values: dict[str, Any]) -> list[str]:
    """
    Say what `summary` holds.

    Parameters
    ----------
    values : dict of str to Any
        What it has returned.

    Returns
    -------
    list of str
        Lines.
    """
    classes = values.get("classes")
    lines = ["cluster   images   mean confidence" + ("   class" if classes else "")]
    for k, (size, sure) in enumerate(zip(values["sizes"], values["confidence"], strict=True)):
        line = f"{k:>7}{size:>9,}{sure:>18.2f}"
        lines.append(f"{line}   {printable(classes[k])}".rstrip() if classes else line)
    if values["n_unreadable"]:
        where = Path(values["out"]) / UNREADABLE
        n = values["n_unreadable"]
        lines.append(f"{n:,} {'file was' if n == 1 else 'files were'} left out: {where}")
    return [*lines, f"{values['n_images']:,} images. Look at {values['report']}"]
