"""Training states on disk: written beside and renamed, checked when read, never overwritten."""

from __future__ import annotations

import hashlib
import io
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from skdeepcluster.training.engine import Trainer

__all__ = ["Checkpoints", "open_checkpoints"]

N_KEPT = 2
DIGEST_BYTES = 32


class Checkpoints:
    """
    The states of one training in a folder, of which the newest two are kept.

    Parameters
    ----------
    folder : Path
        Where the states are; it exists.
    identity : dict of str to str
        Parameters and data of the training. A state of another identity is refused.
    interval : float
        Least seconds between two writes; the last state is always written.
    """

    def __init__(self, folder: Path, identity: dict[str, str], interval: float) -> None:
        self.folder = folder
        self.identity = identity
        self.interval = interval
        self.pending: bytes | None = None
        self.epoch = 0
        self.written = time.monotonic()

    def restore(self, trainer: Trainer) -> None:
        """
        Bring a trainer to the newest readable state, if there is one.

        Parameters
        ----------
        trainer : Trainer
            A trainer at its start.

        Raises
        ------
        ValueError
            If the folder holds the states of another training; the message names the difference.

        Warns
        -----
        UserWarning
            If a state is damaged and the one before it is taken.
        """
        for path in reversed(self._paths()):
            state = _read(path)
            if state is not None:
                self._check_identity(state["identity"])
                trainer.load_state_dict(state["trainer"])
                return
            warnings.warn(
                f"The training state {path} is damaged; going on from the one before it.",
                UserWarning,
                stacklevel=5,
            )

    def keep(self, trainer: Trainer) -> None:
        """
        Take note of the state at the end of an epoch, and write it where it is time to.

        Parameters
        ----------
        trainer : Trainer
            Between two epochs.
        """
        buffer = io.BytesIO()
        torch.save({"identity": self.identity, "trainer": trainer.state_dict()}, buffer)
        self.pending, self.epoch = buffer.getvalue(), trainer.epoch
        if time.monotonic() - self.written >= self.interval:
            self.flush()

    def flush(self) -> None:
        """
        Write the last state that is not yet written.

        Warns
        -----
        UserWarning
            If it cannot be written; training need not stop for that.
        """
        if self.pending is None:
            return
        path = self.folder / f"epoch-{self.epoch:06d}.state"
        try:
            _write(path, self.pending)
            for old in self._paths()[:-N_KEPT]:
                old.unlink(missing_ok=True)
        except OSError as error:
            warnings.warn(
                f"The training state could not be written to checkpoint_dir: {error}. "
                "Training goes on without it.",
                UserWarning,
                stacklevel=5,
            )
            return
        self.pending, self.written = None, time.monotonic()

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob("epoch-*.state"))

    def _check_identity(self, found: dict[str, str]) -> None:
        names = sorted(self.identity.keys() | found.keys())
        other = [name for name in names if self.identity.get(name) != found.get(name)]
        if other:
            listed = "; ".join(
                f"{name} was {found.get(name)}, is {self.identity.get(name)}" for name in other
            )
            raise ValueError(
                f"checkpoint_dir={str(self.folder)!r} holds a training with other parameters or "
                f"data: {listed}. Name an empty folder, or the parameters and data of before."
            )


@contextmanager
def open_checkpoints(
    folder: str | os.PathLike[str], identity: dict[str, str], interval: float
) -> Iterator[Checkpoints]:
    """
    Open a folder of states for one process; write what is pending however the block ends.

    Parameters
    ----------
    folder : str or path
        The folder; made if absent.
    identity : dict of str to str
        Parameters and data of the training.
    interval : float
        Least seconds between two writes.

    Yields
    ------
    Checkpoints
        The states.

    Raises
    ------
    ValueError
        If the folder cannot be written to, or another process trains in it.
    """
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path / "lock", timeout=0)
        lock.acquire()
    except Timeout as error:
        raise ValueError(
            f"checkpoint_dir={str(path)!r} must not be in use; another fit is training in it."
        ) from error
    except OSError as error:
        raise ValueError(
            f"checkpoint_dir must be a folder that can be written to; got {str(path)!r}: {error}."
        ) from error
    checkpoints = Checkpoints(path, identity, interval)
    try:
        yield checkpoints
    finally:
        checkpoints.flush()
        lock.release()


def _write(path: Path, content: bytes) -> None:
    beside = path.with_suffix(".part")
    with open(beside, "wb") as file:
        file.write(content)
        file.write(hashlib.sha256(content).digest())
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)


def _read(path: Path) -> dict[str, Any] | None:
    """Return the state in a file, None if the file is not what was written."""
    content = path.read_bytes()
    body, digest = content[:-DIGEST_BYTES], content[-DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        return None
    state: dict[str, Any] = torch.load(io.BytesIO(body), map_location="cpu", weights_only=True)
    return state
