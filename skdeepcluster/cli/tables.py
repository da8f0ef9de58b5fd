"""The tables that a run writes, as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skdeepcluster._files import write_whole

CLUSTERS = "clusters.csv"
UNREADABLE = "unreadable.csv"
CLASS = "class"  # the column that is there where classes are known
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
    classes: Sequence[str] | None = None,
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
    classes : sequence of str or None, default=None
        For each cluster the class that it stands for, empty where it stands for none; None leaves
        the column out.
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
    if classes is None:
        write_table(path, COLUMNS, rows)
    else:
        write_table(path, (*COLUMNS, CLASS), ((*row, classes[row[1]]) for row in rows))


def has_own_columns(path: Path) -> bool:
    """
    Tell whether a table has the columns that `write_clusters` gives it, and no others.

    Parameters
    ----------
    path : Path
        The table.

    Returns
    -------
    bool
        Whether it has.
    """
    with open(path, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        columns = next(csv.reader(file), [])
    return columns in ([*COLUMNS], [*COLUMNS, CLASS])


def read_clusters(path: Path) -> tuple[list[tuple[str, int]], dict[int, str]]:
    """
    Read who belongs where.

    Parameters
    ----------
    path : Path
        A table that `write_clusters` has written; columns may have been added or moved.

    Returns
    -------
    members : list of tuple of str and int
        File and cluster.
    classes : dict of int to str
        The class that a cluster stands for, where it stands for one.

    Raises
    ------
    ValueError
        If there are no such columns, or a cluster is no number.
    """
    members, classes = [], {}
    for line, (name, cluster, its_class) in read_table(path, ("path", "cluster"), (CLASS,)):
        if not (cluster.strip().isascii() and cluster.strip().isdigit()):
            raise ValueError(
                f"{path} must have a whole number as cluster; line {line} has {cluster!r}."
            )
        members.append((name, int(cluster)))
        if its_class:
            classes[int(cluster)] = its_class
    return members, classes


def read_table(
    path: Path, columns: Sequence[str], further: Sequence[str] = ()
) -> Iterator[tuple[int, list[str]]]:
    """
    Read some columns of a table.

    Parameters
    ----------
    path : Path
        A table in UTF-8, with a line of names first; its columns may stand in any order.
    columns : sequence of str
        Names of columns that must be there.
    further : sequence of str, default=()
        Names of columns that may be there.

    Yields
    ------
    line : int
        Number of the line.
    values : list of str
        Values of the columns, and of the further ones; empty where there is none.

    Raises
    ------
    ValueError
        If a column is not there, or the file is no table.
    """
    with open(path, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.DictReader(file)
        try:
            if not set(columns) <= set(reader.fieldnames or ()):
                raise ValueError(
                    f"{path} must have the columns {' and '.join(columns)}, with commas between."
                )
            for row in reader:
                yield reader.line_num, [row.get(name) or "" for name in (*columns, *further)]
        except csv.Error as error:
            raise ValueError(f"{path}, line {reader.line_num}: {error}.") from None
