"""Folders of files by cluster: links or copies; the files themselves stay where they are."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from skdeepcluster._text import composed

LONGEST = 255  # bytes, of a name in the usual file systems


def _copy(source: Path, target: Path) -> None:
    """Copy a file; what is broken off is not left under its name."""
    with TemporaryDirectory(dir=target.parent, prefix=".part-") as folder:
        os.replace(shutil.copy2(source, folder), target)


WAYS: dict[str, Callable[[Path, Path], object]] = {
    "link": lambda source, target: target.symlink_to(source),
    "copy": _copy,
}


def planned(
    members: Sequence[tuple[str, int]], names: Mapping[int, str], destination: Path
) -> list[tuple[Path, Path]]:
    """
    Say which file would stand where.

    Parameters
    ----------
    members : sequence of tuple of str and int
        Files, absolute, and their clusters.
    names : mapping of int to str
        Names of clusters.
    destination : Path
        Folder of the clusters' folders.

    Returns
    -------
    list of tuple of Path and Path
        File and target. Below a cluster's folder, files keep their place among the others, so that
        no two of them meet. Clusters of the same name share a folder.

    Raises
    ------
    ValueError
        If there are no files, a name is too long for a folder, or clusters that are not the same
        would share one.
    """
    if not members:
        raise ValueError("The run has no files: its clusters.csv has no rows.")
    folders = _folders({cluster for _, cluster in members}, names)
    common = os.path.commonpath([os.path.dirname(path) for path, _ in members])
    return [
        (Path(path), destination / folders[cluster] / os.path.relpath(path, common))
        for path, cluster in members
    ]


def _folders(clusters: Iterable[int], names: Mapping[int, str]) -> dict[int, str]:
    """Name the folders of clusters: by their name without what file systems refuse, or number."""
    meant: dict[str, str | int] = {}
    folders = {}
    for cluster in sorted(clusters):
        name = names.get(cluster, "")
        folder = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*]', "_", name).strip(" .") or str(cluster)
        if len(os.fsencode(folder)) > LONGEST:
            raise ValueError(
                f"The name of a cluster must have at most {LONGEST} bytes to be that of a folder; "
                f"got {len(os.fsencode(folder))}: {folder!r}."
            )
        key = composed(folder).casefold()
        if meant.setdefault(key, name or cluster) != (name or cluster):
            raise ValueError(
                f"The clusters {meant[key]!r} and {name or cluster!r} would share "
                f"the folder {folder!r}; name one of them otherwise."
            )
        folders[cluster] = folder
    return folders


def carry_out(plan: Sequence[tuple[Path, Path]], way: str) -> list[Path]:
    """
    Link or copy files, or only look which of them are there.

    Parameters
    ----------
    plan : sequence of tuple of Path and Path
        Files and targets.
    way : {"link", "copy", ""}
        What to do.

    Returns
    -------
    list of Path
        Files that are no longer there.

    Raises
    ------
    OSError
        If none of the files is there, or a target cannot be written; a file that is there is never
        replaced.
    """
    missing = [source for source, _ in plan if not source.exists()]
    if len(missing) == len(plan):
        raise FileNotFoundError(f"None of the files is there any more, such as {missing[0]}.")
    gone = set(missing)
    for source, target in plan if way else ():
        if source in gone:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(target):
            raise FileExistsError(f"{target} exists, and is not replaced.")
        try:
            WAYS[way](source, target)
        except OSError as error:
            raise OSError(
                f"{source} could not be put in its cluster's folder, which is not complete: "
                f"{error.strerror or error}."
            ) from error
    return missing
