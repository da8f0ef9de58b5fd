"""Names of clusters: those they have from the start, and as the page saves them."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from skdeepcluster._text import composed
from skdeepcluster.report.files import shown

HEADER = ["cluster", "name"]
MOST_DIGITS = 9


def read_names(path: str | os.PathLike[str]) -> dict[int, str]:
    r"""
    Read the names of clusters from the file that the page of `write_report` saves.

    Parameters
    ----------
    path : str or path
        A CSV file in UTF-8, with or without a byte order mark. Its first line is
        ``cluster,name``; lines without values are passed over.

    Returns
    -------
    dict of int to str
        The name of each cluster, without space around it. Clusters with the same name are one.

    Raises
    ------
    ValueError
        If the file is not such a file; the message names the line.
    OSError
        If it cannot be read.

    See Also
    --------
    write_report : Writes the page in which clusters are named.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skdeepcluster.report import read_names
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "names.csv")
    ...     _ = path.write_text("cluster,name\n0,round\n1,long\n")
    ...     read_names(path)
    {0: 'round', 1: 'long'}
    """
    path = Path(path)
    rows = _rows(path)
    line, header = next(rows, (1, []))
    if header != HEADER:
        raise ValueError(
            f"{str(path)!r}, line {line}: must be the header cluster,name, separated by a comma; "
            f"got {','.join(header)!r}."
        )
    names: dict[int, str] = {}
    for line, row in rows:
        try:
            cluster, name = _entry(row)
            if cluster in names:
                raise ValueError(f"each cluster has one name; {cluster} stands there twice")
        except ValueError as error:
            raise ValueError(f"{str(path)!r}, line {line}: {error}.") from None
        names[cluster] = name
    return names


def first_names(names: Any, model: Any, n_clusters: int) -> dict[int, str]:
    """
    Find the names that clusters have from the start.

    Parameters
    ----------
    names : mapping of int to str, or None
        Names that the caller has given; None takes those of the classes that clusters stand for.
    model : estimator
        A fitted estimator.
    n_clusters : int
        Number of its clusters.

    Returns
    -------
    dict of int to str
        Names by cluster, safe to show.

    Raises
    ------
    TypeError
        If `names` is no mapping, or not to text.
    ValueError
        If it names a cluster that there is not.
    """
    if names is None:
        classes = enumerate(getattr(model, "cluster_to_class_", ()))
        return {cluster: class_name(number) for cluster, number in classes if number >= 0}
    if not isinstance(names, Mapping) or not all(isinstance(n, str) for n in names.values()):
        raise TypeError(f"names must map numbers of clusters to names; got {names!r}.")
    unknown = [cluster for cluster in names if cluster not in range(n_clusters)]
    if unknown:
        raise ValueError(
            f"names must be of clusters, from 0 to {n_clusters - 1}; got {unknown[0]!r}."
        )
    return {int(cluster): shown(" ".join(name.split())) for cluster, name in names.items()}


def class_name(label: object) -> str:
    """
    Name a class; by its number alone it would pass for a cluster.

    Parameters
    ----------
    label : object
        Number or name of the class.

    Returns
    -------
    str
        The name.
    """
    return f"class {label}" if str(label).isdecimal() else str(label)


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield lines that hold something, with their numbers."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{str(path)!r}, line {line}: must be text in UTF-8.") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            if any(value.strip() for value in row):
                yield reader.line_num, [value.strip() for value in row]
    except csv.Error as error:
        raise ValueError(f"{str(path)!r}, line {reader.line_num}: {error}.") from None


def _entry(row: list[str]) -> tuple[int, str]:
    """Return cluster and name, or say what is wrong with them."""
    if len(row) != len(HEADER):
        raise ValueError(f"must hold a cluster and a name; got {len(row)} values")
    cluster, name = row
    if not (cluster.isascii() and cluster.isdigit() and len(cluster) <= MOST_DIGITS):
        raise ValueError(f"cluster must be a whole number from 0 on; got {cluster!r}")
    if not name:
        raise ValueError(f"cluster {cluster} must have a name; it is empty")
    return int(cluster), composed(name)
