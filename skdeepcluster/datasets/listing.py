"""The files that there are, in a defined order, without opening one."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

HIDDEN = "hidden: a name in its path begins with a dot"


@dataclass(frozen=True, slots=True)
class Entry:
    """
    One path of a listing.

    Parameters
    ----------
    name : str
        The path as the caller will see it.
    size : int, default=0
        Bytes.
    mtime : int, default=0
        Time of the last change in nanoseconds.
    problem : str or None, default=None
        Why it is no file to read, if that is known already.
    """

    name: str
    size: int = 0
    mtime: int = 0
    problem: str | None = None


def find_files(source: Any) -> tuple[str | None, list[Entry]]:
    """
    List the files of a folder and of all folders in it, or those of a sequence.

    Parameters
    ----------
    source : path-like or iterable of path-like
        A folder, or files.

    Returns
    -------
    folder : str or None
        The folder, if `source` is one.
    entries : list of Entry
        A folder's files sorted by the names on their paths; a sequence's in its order.

    Raises
    ------
    FileNotFoundError
        If `source` is a folder that is not there.
    ValueError
        If `source` is a single file, or holds nothing.
    TypeError
        If `source` is or holds something else than paths.
    """
    if isinstance(source, (str, bytes, os.PathLike)):
        folder = os.fsdecode(source)
        _check_folder(folder)
        entries = list(_walk(folder))
    elif isinstance(source, Iterable):
        folder, entries = None, [_entry_of(item) for item in source]
    else:
        raise TypeError(
            f"source must be a folder or a sequence of paths; got a {type(source).__name__}."
        )
    if not entries:
        raise ValueError(f"source must hold files; there are none in {source!r}.")
    return folder, entries


def _check_folder(folder: str) -> None:
    if not os.path.exists(folder):
        raise FileNotFoundError(f"source must be a folder that exists; there is no {folder!r}.")
    if not os.path.isdir(folder):
        raise ValueError(
            f"source must be a folder or a sequence of paths; {folder!r} is a file: pass [source]."
        )


def _entry_of(item: Any) -> Entry:
    if not isinstance(item, (str, bytes, os.PathLike)):
        raise TypeError(f"source must hold paths; it holds a {type(item).__name__}: {item!r}.")
    name = os.fsdecode(item)
    try:
        status = os.stat(name)
    except (OSError, ValueError) as error:
        return Entry(name, problem=_reason(error))
    return Entry(name, problem="a folder") if stat.S_ISDIR(status.st_mode) else _file(name, status)


def _walk(top: str) -> Iterator[Entry]:
    """Yield what lies below a folder; links are followed, but not back to where they come from."""
    pending: list[tuple[str, tuple[tuple[int, int], ...], bool]] = [(top, (), False)]
    while pending:
        path, above, hidden = pending.pop()
        try:
            status = os.stat(path)
        except OSError as error:
            yield Entry(path, problem=_reason(error))
            continue
        try:
            names = os.listdir(path) if stat.S_ISDIR(status.st_mode) else None
        except OSError as error:
            yield Entry(path, problem=f"a folder that cannot be listed: {_reason(error)}")
            continue
        if names is None:
            yield Entry(path, problem=HIDDEN) if hidden else _file(path, status)
            continue
        folder = (status.st_dev, status.st_ino)
        if folder in above:
            yield Entry(path, problem="a link to a folder that it lies in")
            continue
        inside = (*above, folder)
        pending.extend(
            (os.path.join(path, name), inside, hidden or name.startswith("."))
            for name in sorted(names, reverse=True)
        )


def _file(name: str, status: os.stat_result) -> Entry:
    problem = None
    if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
        problem = "not a regular file"
    elif status.st_size == 0:
        problem = "an empty file"
    return Entry(name, status.st_size, status.st_mtime_ns, problem)


def _reason(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or str(error)


def first_folders(folder: str, names: list[str]) -> list[str] | None:
    """
    Take the first folder on the way to each file as its class.

    Parameters
    ----------
    folder : str
        The folder that was listed.
    names : list of str
        Paths of files in it, as they were listed.

    Returns
    -------
    list of str or None
        A class for each file. None if a file lies in `folder` itself, or all lie in one folder.
    """
    start = len(os.path.join(folder, ""))
    parts = [name[start:].split(os.sep) for name in names]
    classes = [part[0] for part in parts]
    return classes if all(len(p) > 1 for p in parts) and len(set(classes)) > 1 else None
