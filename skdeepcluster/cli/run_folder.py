"""The folder of a run: what may be begun, gone on with, or replaced in it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from skdeepcluster._files import write_whole
from skdeepcluster.cli.results import MODEL, REPORT, RESULTS
from skdeepcluster.cli.settings import RUN_FILE, Settings
from skdeepcluster.cli.shell import say
from skdeepcluster.cli.tables import CLUSTERS, has_own_columns

TRAINING = ".training"
LOCK = ".lock"


@contextmanager
def held(out: Path) -> Iterator[None]:
    """
    Keep the folder of a run, which is made if absent, for one command.

    Parameters
    ----------
    out : Path
        The folder.

    Yields
    ------
    None
        While other commands are refused.

    Raises
    ------
    OSError
        If another command is at work in it, or it cannot be written to.
    """
    out.mkdir(parents=True, exist_ok=True)
    try:
        lock = FileLock(out / LOCK).acquire(timeout=0)
    except Timeout:
        raise FileExistsError(f"Another command is at work in {out}.") from None
    with lock:
        try:
            yield
        finally:
            with suppress(OSError):  # of systems on which an open file cannot be removed
                (out / LOCK).unlink()


def refuse_place(settings: Settings, out: Path) -> None:
    """
    Refuse folders in which no run can be made.

    Parameters
    ----------
    settings : Settings
        The run.
    out : Path
        Its folder.

    Raises
    ------
    OSError
        If the folder of the images is not there.
    ValueError
        If `out` is inside the folder of the images.
    """
    folder = Path(settings.folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {settings.folder}.")
    refuse_inside(folder, out, "-o")


def refuse_inside(folder: Path, out: Path, name: str) -> None:
    """
    Refuse to write among the images.

    Parameters
    ----------
    folder : Path
        Folder of the images.
    out : Path
        Where something is to be written.
    name : str
        What that is called, for the message.

    Raises
    ------
    ValueError
        If it is inside the folder.
    """
    if out.resolve().is_relative_to(folder.resolve()):
        raise ValueError(
            f"{name} must be outside of the folder of the images, {folder}; got {out}."
        )


def open_run(settings: Settings, out: Path, overwrite: bool) -> Settings:
    """
    Begin a run in its folder, or go on with the one that is in it.

    Parameters
    ----------
    settings : Settings
        The run.
    out : Path
        Its folder.
    overwrite : bool
        Whether what another run has left there is going to be replaced.

    Returns
    -------
    Settings
        The same, with the classes of the run that is gone on with, and, if it has a model, the type
        of the values that this was trained on.

    Raises
    ------
    OSError
        If `out` holds another run's results, or files that no run has left.
    """
    found = _results_in(out)
    if found and RUN_FILE not in found:
        raise FileExistsError(
            f"{out} holds {', '.join(found)}, but no {RUN_FILE} of a run that has left them: "
            "choose another folder."
        )
    if overwrite:
        (out / TRAINING).mkdir(exist_ok=True)  # as long as it is there, nothing has been replaced
        if _has_states(out):
            say(f"Going on with the training in {out} if it is of these settings and images.")
        return settings
    if found:
        settings = _go_on(settings, out, found)
    write_settings(settings, out)
    return settings


def remove_results(out: Path) -> None:
    """
    Remove what another run has left.

    Parameters
    ----------
    out : Path
        Folder of the run.
    """
    found = _results_in(out)
    if found:
        say(f"Replacing {', '.join(found)} in {out}.")
    # The report says that a run is finished; without it, the settings are of what is left.
    for name in sorted(found, key=[REPORT, MODEL, *RESULTS, RUN_FILE].index):
        (out / name).unlink(missing_ok=True)


def _results_in(out: Path) -> list[str]:
    return [name for name in (*RESULTS, MODEL, RUN_FILE) if os.path.lexists(out / name)]


def write_settings(settings: Settings, out: Path) -> None:
    """
    Write down how a run is made.

    Parameters
    ----------
    settings : Settings
        The run.
    out : Path
        Its folder.
    """
    write_whole(out / RUN_FILE, [settings.to_toml().encode()], overwrite=True)


def refuse_existing(path: Path) -> None:
    """
    Refuse to replace what is there.

    Parameters
    ----------
    path : Path
        Where something is to be written.

    Raises
    ------
    FileExistsError
        If there is something.
    """
    if os.path.lexists(path):
        raise FileExistsError(f"{path} exists: add --overwrite to replace it.")


def _go_on(settings: Settings, out: Path, found: list[str]) -> Settings:
    """Refuse results of a run that is finished, or has got somewhere with other settings."""
    there = Settings.from_toml(out / RUN_FILE)
    if REPORT in found:
        raise FileExistsError(
            f"{out} holds the results of a run ({', '.join(found)}): choose another folder"
            f"{_or_replace(settings)}."
        )
    if CLUSTERS in found and not has_own_columns(out / CLUSTERS):
        raise FileExistsError(
            f"{out / CLUSTERS} has other columns than a run writes, and would be replaced. If only "
            f"the page is missing, skdeepcluster report {out} writes it."
        )
    before, now = dataclasses.asdict(there), dataclasses.asdict(settings)
    if settings.dtype == "auto":  # which is replaced by what was found
        now["dtype"] = before["dtype"]
    now["classes"] = before["classes"]  # which follow from the labels
    other = [name for name in now if before[name] != now[name]]
    has_begun = found != [RUN_FILE] or _has_states(out)
    if other and has_begun:
        raise FileExistsError(
            f"{out} holds an unfinished run with another {', '.join(other)}: choose another folder"
            f"{_or_replace(settings)}."
        )
    say(f"Going on with the run in {out}.")
    dtype = there.dtype if MODEL in found else settings.dtype
    return dataclasses.replace(settings, classes=there.classes, dtype=dtype)


def _has_states(out: Path) -> bool:
    return any((out / TRAINING).rglob("*.state"))


def _or_replace(settings: Settings) -> str:
    return ", or add --overwrite to replace what is there" if settings.model is None else ""
