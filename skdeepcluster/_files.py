"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import socket
import stat
import uuid
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_MARK = ".skdeepcluster"


def write_whole(path: Path, parts: Iterable[bytes | memoryview], *, overwrite: bool) -> None:
    """
    Write a file; whatever goes wrong, there is the old one or the new one.

    What is written stands beside until it is whole. A link to a file stays a link, and a file that
    is replaced leaves its permissions to the new one.

    Parameters
    ----------
    path : Path
        Where to.
    parts : iterable of bytes-like
        The content.
    overwrite : bool
        Whether a file that is there is replaced.

    Raises
    ------
    FileExistsError
        If there is a file and `overwrite` is False, also one that came in the meantime. Without
        links in the file system, one that comes in the last instant is missed.
    OSError
        If it cannot be written.
    """
    if overwrite:
        path = Path(os.path.realpath(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{str(path)!r} cannot be written: there is no such folder.")
    remove_left_over(path.parent)
    beside = path.with_name(f"{_MARK}-{socket.gethostname()[:64]}-{os.getpid()}-{_token()}.part")
    try:
        _write(beside, parts, path)
        if overwrite:
            os.replace(beside, path)
        else:
            _place(beside, path)
        _sync_folder(path.parent)
    except OSError as error:
        if error.filename is None and error.errno is not None:  # such as that of a full disk
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise
    finally:
        with suppress(OSError):  # where the folder is gone, so is the file
            beside.unlink(missing_ok=True)


def _token() -> str:
    return uuid.uuid4().hex[:8]


def _write(beside: Path, parts: Iterable[bytes | memoryview], path: Path) -> None:
    with open(beside, "xb") as file:
        if path.exists() and hasattr(os, "fchmod"):
            os.fchmod(file.fileno(), stat.S_IMODE(path.stat().st_mode))
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())


def _place(beside: Path, path: Path) -> None:
    """Give a file its name; unlike a renaming, a link never takes the place of another file."""
    try:
        os.link(beside, path)
    except OSError:  # there is a file, or the file system has no links
        refuse_existing(path)
        os.replace(beside, path)


def _sync_folder(folder: Path) -> None:
    """Make a new name last through a loss of power, where the system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def refuse_existing(path: Path) -> None:
    """
    Refuse a path at which there is something.

    Parameters
    ----------
    path : Path
        The path.

    Raises
    ------
    FileExistsError
        If there is something.
    IsADirectoryError
        If it is a folder.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{str(path)!r} is a folder; give the path of a file.")
    if os.path.lexists(path):
        raise FileExistsError(f"{str(path)!r} exists; overwrite=True replaces it.")


def remove_left_over(folder: Path) -> None:
    """
    Remove what processes of this machine that were killed while they wrote have left.

    Parameters
    ----------
    folder : Path
        Where to look.
    """
    if os.name != "posix":  # elsewhere asking for a process may end it
        return
    for path in folder.glob(f"{_MARK}-{socket.gethostname()[:64]}-*.part"):
        with suppress(OSError, ValueError):
            if not _is_alive(int(path.name.split("-")[-2])):
                path.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
