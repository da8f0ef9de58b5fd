"""Training states on disk: written beside and renamed, checked when read, never overwritten."""

from __future__ import annotations

import copy
import hashlib
import io
import itertools
import os
import time
from collections.abc import Iterator, Set
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from torch import Tensor

from skdeepcluster._files import remove_left_over, write_whole
from skdeepcluster._text import printable
from skdeepcluster._warn import warn
from skdeepcluster.training.engine import Trainer
from skdeepcluster.training.inference import is_out_of_memory
from skdeepcluster.training.state_checks import check_state

DIGEST_BYTES = 32
# What a trainer raises whose state is another than it expects.
MISFITS = (RuntimeError, ValueError, TypeError, LookupError, AttributeError)


class AnotherTraining(ValueError):
    """A folder holds states of a training with other parameters or data, or of other versions."""


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
        self.pending: dict[str, Any] | None = None
        self.damaged: set[Path] = set()
        self.written = time.monotonic()

    def restore(self, trainer: Trainer) -> None:
        """
        Bring a trainer to the newest readable state; leave it as it is where there is none.

        Parameters
        ----------
        trainer : Trainer
            A trainer at its start.

        Raises
        ------
        ValueError
            If the folder holds the states of another training, the message naming the difference,
            or states that do not fit these versions of the package and of torch.

        Warns
        -----
        UserWarning
            If a state is damaged, so that training goes on from the one before it, or afresh. The
            damaged file stays until a newer state is written.
        """
        paths = self._paths()
        for path in reversed(paths):
            state = _read(path)
            if state is not None:
                self._check_identity(state["identity"])
                _load(trainer, state["trainer"], path)
                return
            self.damaged.add(path)
            following = "from the one before it" if path != paths[0] else "afresh: it was the last"
            warn(
                f"The training state {path} is damaged or cannot be read; training goes on "
                f"{following}."
            )

    def keep(self, trainer: Trainer) -> None:
        """
        Copy the state at the end of an epoch, and write it where it is time to.

        Parameters
        ----------
        trainer : Trainer
            Between two epochs.

        Warns
        -----
        UserWarning
            If it cannot be copied or written; training need not stop for that.
        """
        with _warned_of():
            self.pending = _copied(trainer.state_dict())
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
        path = self.folder / f"epoch-{self.pending['epoch']:09d}.state"
        with _warned_of():
            _write(path, {"identity": self.identity, "trainer": self.pending})
            self.pending, self.written = None, time.monotonic()
            self.damaged.discard(path)
            self._remove_before(path)

    def _remove_before(self, path: Path) -> None:
        older = [other for other in self._paths() if other < path]
        readable = [other for other in older if other not in self.damaged]
        for other in older:
            if other not in readable[-1:]:
                other.unlink(missing_ok=True)

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob("epoch-*.state"))

    def refuse_another(self, but_for: Set[str]) -> None:
        """
        Refuse the states of another training before there is a trainer.

        Parameters
        ----------
        but_for : set of str
            Parameters that are not known yet, and do not count.

        Raises
        ------
        ValueError
            If the newest readable state differs in another.
        """
        states = filter(None, map(_read, reversed(self._paths())))
        for state in itertools.islice(states, 1):
            self._check_identity(state["identity"], but_for)

    def _check_identity(self, found: dict[str, str], but_for: Set[str] = frozenset()) -> None:
        names = sorted((self.identity.keys() | found.keys()) - but_for)
        other = [name for name in names if self.identity.get(name) != found.get(name)]
        if other:
            listed = printable(
                "; ".join(
                    f"{name} was {found.get(name)}, is {self.identity.get(name)}" for name in other
                )
            )
            raise AnotherTraining(
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
    with _lock(path):
        remove_left_over(path)
        checkpoints = Checkpoints(path, identity, interval)
        try:
            yield checkpoints
        finally:
            checkpoints.flush()


def _lock(folder: Path) -> AbstractContextManager[Any]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return FileLock(folder / "lock").acquire(timeout=0)
    except Timeout as error:
        raise ValueError(
            f"checkpoint_dir={str(folder)!r} must not be in use; another fit is training in it."
        ) from error
    except (OSError, NotImplementedError, ValueError) as error:
        raise ValueError(
            f"checkpoint_dir must be a folder that can be written to; got {str(folder)!r}: {error}."
        ) from error


@contextmanager
def _warned_of() -> Iterator[None]:
    """Turn a lack of disk, folder or memory into a warning."""
    try:
        yield
    except (OSError, MemoryError, RuntimeError) as error:
        if not isinstance(error, OSError) and not is_out_of_memory(error):
            raise
        warn(
            f"The training state could not be written to checkpoint_dir: {error}. "
            "Training goes on without it."
        )


def _copied(value: Any) -> Any:
    """Copy the tensors of a state, which training goes on to change, where they are."""
    if isinstance(value, Tensor):
        return value.clone()
    if isinstance(value, dict):
        same = copy.copy(value)  # keeps the class, and what `nn.Module` hangs on its state
        same.update((name, _copied(item)) for name, item in value.items())
        return same
    return [_copied(item) for item in value] if isinstance(value, list) else value


def _write(path: Path, state: dict[str, Any]) -> None:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getbuffer()
    write_whole(path, [content, hashlib.sha256(content).digest()], overwrite=True)


def _read(path: Path) -> dict[str, Any] | None:
    """Return the state in a file, None if the file is not what was written."""
    try:
        if not path.is_file():  # opening a pipe would wait for ever
            return None
        content = memoryview(path.read_bytes())
        body, digest = content[:-DIGEST_BYTES], content[-DIGEST_BYTES:]
        if hashlib.sha256(body).digest() != digest:
            return None
        state = torch.load(io.BytesIO(body), map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception:  # of which kind, `torch.load` leaves open
        return None
    if not isinstance(state, dict) or state.keys() != {"identity", "trainer"}:
        return None
    identity = state["identity"]
    are_texts = isinstance(identity, dict) and all(
        isinstance(text, str) for item in identity.items() for text in item
    )
    return state if are_texts else None


def _load(trainer: Trainer, state: dict[str, Any], path: Path) -> None:
    try:
        check_state(trainer, state)
        trainer.load_state_dict(state)
    except MISFITS as error:
        raise AnotherTraining(
            f"The training state {path} does not fit these versions of skdeepcluster and torch: "
            f"{printable(str(error))}. Name an empty folder as checkpoint_dir."
        ) from error
