"""The finished arrays on disk: found again as long as no file has changed."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from skdeepcluster._files import write_whole
from skdeepcluster.datasets.decoding import is_readable, states_of_readers
from skdeepcluster.datasets.listing import Entry
from skdeepcluster.datasets.pictures import Options
from skdeepcluster.datasets.spool import JOURNAL, Decision, Spool

FORMAT = 1  # to be raised when files are read otherwise than before
IMAGES, INDEX = "images", "index.json"


class Found(NamedTuple):
    """
    The images of a listing.

    Parameters
    ----------
    images : ndarray of shape (n, H, W) or (n, H, W, C), dtype uint8 or float32
        A read-only memory map.
    reasons : dict of int to str
        Why there is no image of an entry, by its number.
    mixed : bool
        As in `Decision`.
    """

    images: NDArray[Any]
    reasons: dict[int, str]
    mixed: bool


class Cache:
    """
    The place of one listing, read with certain options.

    Parameters
    ----------
    root : Path
        Folder of all caches.
    folder : str or None
        The folder that was listed; None for a sequence.
    entries : list of Entry
        The listing.
    options : Options
        The options.

    Raises
    ------
    ImportError
        If Pillow is not installed.
    """

    def __init__(
        self, root: Path, folder: str | None, entries: list[Entry], options: Options
    ) -> None:
        self.entries = entries
        self.options = options
        names = [entry.name for entry in entries] if folder is None else [folder]
        self.home = root / _digest([json.dumps(asdict(options)), *map(os.path.abspath, names)])
        # Each state of the files, and of what reads them, has a folder; a new one takes the place
        # of those before.
        states = (
            f"{os.path.abspath(entry.name)}\0{entry.size}\0{entry.mtime}\0{entry.problem}"
            for entry in entries
        )
        self.whole = self.home / _digest([str(FORMAT), *states_of_readers(), *states])
        self.part = self.whole.with_suffix(".part")

    def lock(self) -> FileLock:
        """
        Return what keeps others from reading the same files at the same time.

        Returns
        -------
        FileLock
            To be entered.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        return FileLock(self.home / "lock")

    def load(self, look_again: bool = True) -> Found | None:
        """
        Take what is there.

        Parameters
        ----------
        look_again : bool, default=True
            Whether files that could not be read are tried again.

        Returns
        -------
        Found or None
            None if nothing is there, it is damaged, or a file can be read now that could not.
        """
        try:
            index = json.loads((self.whole / INDEX).read_bytes())
            shape, dtype = tuple(index["shape"]), np.dtype(index["dtype"])
            if (self.whole / IMAGES).stat().st_size != math.prod(shape) * dtype.itemsize:
                return None
            unread = index["may_pass"] if look_again else ()
            if any(is_readable(self.entries[number].name) for number in unread):
                return None
            images = np.memmap(self.whole / IMAGES, dtype, "r", shape=shape)
            reasons = {int(number): reason for number, reason in index["reasons"].items()}
            return Found(images, reasons, index["mixed"])
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return None

    def keep(self, spool: Spool, decision: Decision) -> None:
        """
        Put what was read in its place, and remove what was read of earlier states of the files.

        Parameters
        ----------
        spool : Spool
            The images, in `part`.
        decision : Decision
            The form that they get.
        """
        spool.assemble(self.part / IMAGES, decision)
        n_images = len(self.entries) - len(decision.reasons)
        shape = [n_images, self.options.height, self.options.width, decision.channels]
        index = {
            "shape": shape[:3] if decision.channels == 1 else shape,
            "dtype": decision.dtype,
            "reasons": decision.reasons,
            "mixed": decision.mixed,
            "may_pass": [n for n, record in enumerate(spool.records) if record.may_pass],
        }
        write_whole(self.part / INDEX, [json.dumps(index).encode()], overwrite=True)
        shutil.rmtree(self.whole, ignore_errors=True)
        os.rename(self.part, self.whole)
        (self.whole / JOURNAL).unlink()
        for other in self.home.iterdir():
            if other.is_dir() and other != self.whole:
                shutil.rmtree(other, ignore_errors=True)


def _digest(parts: Iterable[str]) -> str:
    found = hashlib.sha256()
    for part in parts:
        found.update(os.fsencode(part) + b"\0\0")
    return found.hexdigest()[:32]
