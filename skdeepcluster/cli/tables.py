"""The tables that a run writes, as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skdeepcluster._files import write_whole

CLUSTERS = "clusters.csv"
UNREADABLE = "unreadable.csv"
COLUMNS = ("path", "cluster", "confidence", "second_cluster", "x", "y")


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """
    Write a table, over one that is there.

    Parameters
    ----------
    path : Path
        Where to.
    columns : sequence of str
        Names of the columns.
    rows : iterable of sequence of object
        The rows.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(rows)
    # Names of files need not be UTF-8; their bytes are written as they are.
    content = text.getvalue().encode("utf-8", "surrogateescape")
    write_whole(path, [content], overwrite=True)


def write_clusters(
    path: Path,
    filenames: Sequence[str],
    probabilities: NDArray[np.float32],
    positions: NDArray[np.float32],
) -> None:
    """
    Write who belongs where.

    Parameters
    ----------
    path : Path
        Where to.
    filenames : sequence of str
        The images' files.
    probabilities : ndarray of shape (n, n_clusters)
        Soft assignments.
    positions : ndarray of shape (n, 2)
        Places on the map.
    """
    order = np.argsort(-probabilities, axis=1, kind="stable")
    sure = np.take_along_axis(probabilities, order[:, :1], axis=1)[:, 0]
    second = order[:, 1] if order.shape[1] > 1 else [""] * len(order)
    rows = (
        (name, cluster, f"{confidence:.4f}", other, f"{x:.4f}", f"{y:.4f}")
        for name, cluster, confidence, other, (x, y) in zip(
            filenames, order[:, 0], sure, second, positions, strict=True
        )
    )
    write_table(path, COLUMNS, rows)


def read_clusters(path: Path) -> list[tuple[str, int]]:
    """
    Read who belongs where.

    Parameters
    ----------
    path : Path
        A table that `write_clusters` has written; columns may have been added or moved.

    Returns
    -------
    list of tuple of str and int
        File and cluster.

    Raises
    ------
    ValueError
        If there are no such columns, or a cluster is no number.
    """
    with open(path, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.DictReader(file)
        missing = {"path", "cluster"} - set(reader.fieldnames or ())
        if missing:
            raise ValueError(f"{path} must have the columns path and cluster.")
        try:
            return [(row["path"], int(row["cluster"])) for row in reader]
        except (TypeError, ValueError):
            raise ValueError(
                f"{path} must have a whole number as cluster; line {reader.line_num} has none."
            ) from None
