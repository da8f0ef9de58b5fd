"""All files of a listing, in threads, into the cache."""

from __future__ import annotations

import errno
import shutil
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from logging import LogRecord, getLogger
from pathlib import Path

from skdeepcluster.datasets.cache import Cache, Found
from skdeepcluster.datasets.decoding import Outcome, read_image
from skdeepcluster.datasets.listing import HIDDEN, Entry
from skdeepcluster.datasets.pictures import Options
from skdeepcluster.datasets.spool import Spool, decide

N_SHOWN = 5
THREADS = "skdeepcluster-reading"


def read_files(cache: Cache, n_threads: int, is_strict: bool, is_shown: bool) -> Found:
    """
    Read all files into the cache, unless another process or thread does so in the meantime.

    Parameters
    ----------
    cache : Cache
        The files, and where their images go.
    n_threads : int
        Number of threads.
    is_strict : bool
        Whether a file that cannot be read is an error.
    is_shown : bool
        Whether to show progress.

    Returns
    -------
    Found
        The images.

    Raises
    ------
    OSError
        If the cache cannot be written.
    ValueError
        If no file can be read, or one cannot and `is_strict`.
    """
    with _explained(cache.home), cache.lock():
        return cache.load() or _read(cache, n_threads, is_strict, is_shown)


@contextmanager
def _explained(place: Path) -> Iterator[None]:
    """Say of errors of the system that they are of the cache: those of files are no errors here."""
    try:
        yield
    except OSError as error:
        message = (
            "the cache cannot be written (cache_dir, or else XDG_CACHE_HOME, says where it is): "
            f"{error.strerror or error}"
        )
        raise OSError(error.errno or errno.EIO, message, str(place)) from error


def _read(cache: Cache, n_threads: int, is_strict: bool, is_shown: bool) -> Found:
    from PIL import Image

    Image.init()  # now, and not in several threads at once
    cache.part.mkdir(exist_ok=True)
    with Spool(cache.part, cache.options) as spool:
        _fill(spool, cache, n_threads, is_strict, is_shown)
    decision = decide(spool.records, cache.options)
    if len(decision.reasons) == len(cache.entries):
        shutil.rmtree(cache.part, ignore_errors=True)
        raise ValueError(_nothing_read(cache.entries, decision.reasons))
    cache.keep(spool, decision)
    found = cache.load(look_again=False)
    if found is None:
        raise OSError(errno.EIO, "what was written cannot be read")
    return found


def _fill(spool: Spool, cache: Cache, n_threads: int, is_strict: bool, is_shown: bool) -> None:
    from tqdm.auto import tqdm

    start, total = len(spool.records), len(cache.entries)
    outcomes = _in_order(cache.entries[start:], cache.options, n_threads)
    bar = tqdm(
        total=total, initial=start, desc="Reading images", unit="image", disable=not is_shown
    )
    with closing(outcomes), bar, _unlogged():
        for number, outcome in enumerate(outcomes, start):
            if is_strict and outcome.reason is not None:
                refuse(cache.entries[number], outcome.reason)
            spool.add(outcome)
            bar.update()


def _in_order(
    entries: list[Entry], options: Options, n_threads: int
) -> Generator[Outcome, None, None]:
    """Read files in threads; few are under way at a time, so that few are in memory."""

    def read(entry: Entry) -> Outcome:
        if entry.problem is not None:
            return Outcome(reason=entry.problem)
        return read_image(entry.name, options)

    waiting: deque[Future[Outcome]] = deque()
    pool = ThreadPoolExecutor(n_threads, thread_name_prefix=THREADS)
    try:
        for entry in entries:
            waiting.append(pool.submit(read, entry))
            if len(waiting) > 4 * n_threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _unlogged() -> Iterator[None]:
    """Keep what tifffile logs of broken files, in the threads that read, off the terminal."""

    def is_elsewhere(record: LogRecord) -> bool:
        return not (record.threadName or "").startswith(THREADS)

    logger = getLogger("tifffile")
    logger.addFilter(is_elsewhere)
    try:
        yield
    finally:
        logger.removeFilter(is_elsewhere)


def refuse(entry: Entry, reason: str) -> None:
    """
    Make an error of a file that cannot be read; those that are hidden are not meant to be.

    Parameters
    ----------
    entry : Entry
        The file.
    reason : str
        Why.

    Raises
    ------
    ValueError
        If it is not hidden.
    """
    if reason != HIDDEN:
        raise ValueError(f"{entry.name!r} cannot be read: {reason}.")


def _nothing_read(entries: list[Entry], reasons: dict[int, str]) -> str:
    first = [f"{entries[n].name!r}: {reason}" for n, reason in sorted(reasons.items())[:N_SHOWN]]
    return "\n  ".join(
        [f"source must hold images; of {len(entries)} files none could be read:", *first]
    )
