"""Images in the order of their files while they are read, and how they become one array."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from skdeepcluster.datasets.decoding import Outcome
from skdeepcluster.datasets.pictures import Options

SECONDS_BETWEEN_WRITES = 3.0
PIXELS, JOURNAL = "pixels", "journal"


class Record(NamedTuple):
    """
    What is remembered of a file that was dealt with.

    Parameters
    ----------
    channels : int
        Of its image; 0 if it has none.
    kind : {"", "bytes", "share", "unit", "float"}
        As in `Outcome`.
    reason : str or None
        As in `Outcome`.
    may_pass : bool
        As in `Outcome`.
    """

    channels: int
    kind: str
    reason: str | None
    may_pass: bool

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        return np.dtype(np.uint8 if self.kind == "bytes" else np.float32)


class Decision(NamedTuple):
    """
    The form that all images get, once all are known.

    Parameters
    ----------
    channels : int
        1, 3, or that of files with more.
    dtype : {"uint8", "float32"}
        Type of the values.
    reasons : dict of int to str
        Why there is no image of an entry, by its number.
    mixed : bool
        Whether some images are shares and some are floats of another range.
    """

    channels: int
    dtype: str
    reasons: dict[int, str]
    mixed: bool


def decide(records: Sequence[Record], options: Options) -> Decision:
    """
    Choose channels and type, and leave out what does not fit.

    Parameters
    ----------
    records : sequence of Record
        All files.
    options : Options
        What was asked for.

    Returns
    -------
    Decision
        The choice.
    """
    reasons = {n: record.reason for n, record in enumerate(records) if record.reason is not None}
    # Grey and colour go together; other numbers of channels only with their like.
    groups = Counter(_group(record) for record in records if record.channels)
    most = max(groups, key=lambda group: (groups[group], -group), default=0)
    for number, record in enumerate(records):
        if record.channels and _group(record) != most:
            usual = most or "1 or 3"
            reasons[number] = f"it has {record.channels} channels; most files have {usual}"
        elif record.kind == "float" and options.dtype == "uint8":
            reasons[number] = "its floating-point values exceed [0, 1], so dtype cannot be 'uint8'"
    kept = [record for number, record in enumerate(records) if number not in reasons]
    channels = max((record.channels for record in kept), default=1)
    kinds = {record.kind for record in kept}
    return Decision(
        channels=3 if channels == 1 and options.color == "rgb" else channels,
        dtype=("uint8" if kinds <= {"bytes"} else "float32")
        if options.dtype == "auto"
        else options.dtype,
        reasons=reasons,
        mixed="float" in kinds and not kinds <= {"float", "unit"},
    )


def _group(record: Record) -> int:
    return 0 if record.channels in (1, 3) else record.channels


class Spool:
    """
    Images in the order of their entries, each in the channels and type that it was read in.

    Parameters
    ----------
    folder : Path
        Where they are, and exists; what an interrupted read has left there is taken up.
    options : Options
        With which they are read.
    """

    def __init__(self, folder: Path, options: Options) -> None:
        self.area = options.height * options.width
        self.pixels = open(_touched(folder / PIXELS), "r+b")  # noqa: SIM115 -- closed by close
        self.journal = folder / JOURNAL
        self.records = self._left()
        self.n_written = len(self.records)
        self.written = time.monotonic()
        self.pixels.truncate(self._end(self.records))
        self.pixels.seek(0, os.SEEK_END)
        _write_journal(self.journal, self.records, "w")

    def _left(self) -> list[Record]:
        """Return the records that a read has left, as far as their pixels are there."""
        records = []
        with suppress(OSError, ValueError, TypeError):
            for line in self.journal.read_text().splitlines():
                records.append(Record(*json.loads(line)))
        there = os.fstat(self.pixels.fileno()).st_size
        while records and self._end(records) > there:
            records.pop()
        return records

    def _end(self, records: Sequence[Record]) -> int:
        return sum(self.area * record.channels * record.dtype.itemsize for record in records)

    def add(self, outcome: Outcome) -> None:
        """
        Take the outcome of the next entry.

        Parameters
        ----------
        outcome : Outcome
            The outcome.
        """
        channels = 0
        if outcome.image is not None:
            channels = outcome.image.size // self.area
            self.pixels.write(np.ascontiguousarray(outcome.image).data)
        self.records.append(Record(channels, outcome.kind, outcome.reason, outcome.may_pass))
        if time.monotonic() - self.written > SECONDS_BETWEEN_WRITES:
            self.write()

    def write(self) -> None:
        """Let what was added last through a loss of power: the pixels, then the records."""
        self.pixels.flush()
        os.fsync(self.pixels.fileno())
        _write_journal(self.journal, self.records[self.n_written :], "a")
        self.n_written, self.written = len(self.records), time.monotonic()

    def close(self) -> None:
        """Write the rest."""
        if not self.pixels.closed:
            self.write()
            self.pixels.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def assemble(self, path: Path, decision: Decision) -> None:
        """
        Write all images in one form, one after the other.

        Parameters
        ----------
        path : Path
            Where to.
        decision : Decision
            The form.
        """
        self.close()
        source = self.journal.with_name(PIXELS)
        form = (decision.channels, np.dtype(decision.dtype))
        if all((record.channels or form[0], record.dtype) == form for record in self.records):
            os.replace(source, path)
            return
        with open(source, "rb") as pixels, open(path, "wb") as images:
            for number, record in enumerate(self.records):
                values = np.frombuffer(pixels.read(self._end([record])), record.dtype)
                if number not in decision.reasons:
                    images.write(_converted(values.reshape(-1, record.channels), decision).data)
            images.flush()
            os.fsync(images.fileno())
        source.unlink()


def _converted(values: NDArray[Any], decision: Decision) -> NDArray[Any]:
    if values.shape[1] == 1 and decision.channels == 3:
        values = np.repeat(values, 3, axis=1)
    if decision.dtype == values.dtype:
        return np.ascontiguousarray(values)
    if decision.dtype == "uint8":
        return np.round(values * 255).astype(np.uint8)
    return values.astype(np.float32) / np.float32(255)


def _write_journal(path: Path, records: Sequence[Record], mode: str) -> None:
    with open(path, mode, encoding="utf-8") as file:
        file.writelines(f"{json.dumps(record)}\n" for record in records)


def _touched(path: Path) -> Path:
    path.touch()
    return path
