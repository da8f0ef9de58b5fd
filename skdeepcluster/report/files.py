"""Names of files: as they are shown, and as links."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from skdeepcluster._text import is_text

# Control, format, private, surrogate and unassigned characters, and those that end lines.
ODD = {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"}
JOINERS = "\u200c\u200d"
AS_IN_SCRIPTS = "/!~*'()"  # what encodeURIComponent, part by part, leaves as it is


def file_names(filenames: Any, n_images: int) -> list[str]:
    """
    Check the paths of the files that images were read from.

    Parameters
    ----------
    filenames : sequence of str, bytes or path
        The paths.
    n_images : int
        Number of images.

    Returns
    -------
    list of str
        The paths, with slashes; bytes that are not UTF-8 are surrogates.

    Raises
    ------
    TypeError
        If it is no sequence of paths.
    ValueError
        If their number is another, or one cannot be a path.
    """
    if isinstance(filenames, (str, bytes)):
        raise TypeError(f"filenames must be a sequence of paths; got {filenames!r}.")
    names = [_as_text(name, "filenames") for name in filenames]
    if len(names) != n_images:
        raise ValueError(
            f"filenames must name each of the images; got {len(names)} for {n_images} images."
        )
    return names


def unread_files(skipped: Any) -> list[tuple[str, str]]:
    """
    Check the files that could not be read.

    Parameters
    ----------
    skipped : sequence of (path, reason)
        The files.

    Returns
    -------
    list of (str, str)
        Paths and reasons, safe to show.

    Raises
    ------
    TypeError
        If it does not hold pairs, or not of paths.
    ValueError
        If one cannot be a path.
    """
    pairs = list(skipped)
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(f"skipped must hold pairs of file name and reason; got {pair!r}.")
    return [(shown(_as_text(name, "skipped")), shown(str(why))) for name, why in pairs]


def _as_text(name: Any, parameter: str) -> str:
    if not isinstance(name, (str, bytes, os.PathLike)):
        raise TypeError(f"{parameter} must hold paths of files; got {name!r}.")
    text = os.fsdecode(name)
    try:
        os.fsencode(text)
    except UnicodeEncodeError:  # half a character, and no byte that surrogateescape has kept
        raise ValueError(f"{parameter} must hold paths of files; {text!r} cannot be one.") from None
    return text.replace(os.sep, "/")


def shown(text: str) -> str:
    r"""
    Make text safe to show in one line.

    Parameters
    ----------
    text : str
        Any text, such as the path of a file.

    Returns
    -------
    str
        The text, in which bytes that are not UTF-8 stand as ``\xff``, and characters that would
        break the line, turn its direction or have no meaning, as in Python. Spaces of all widths
        and joiners, which scripts need, are left.
    """
    return "".join(
        _escaped(c) if unicodedata.category(c) in ODD and c not in JOINERS else c for c in text
    )


def _escaped(character: str) -> str:
    if 0xDC80 <= ord(character) <= 0xDCFF:  # a byte that surrogateescape has kept
        return f"\\x{ord(character) - 0xDC00:02x}"
    return repr(character)[1:-1]


def file_table(filenames: Sequence[str], folder: str | os.PathLike[str]) -> dict[str, Any]:
    """
    Describe files so that a page can show and reach them.

    Parameters
    ----------
    filenames : sequence of str
        Paths of the files, at least one.
    folder : str or path
        Where the page is.

    Returns
    -------
    dict
        ``folder``, the part of the paths that all share; ``names``, the rest of each; ``link``, the
        way from the page to that folder, None where there is none; ``links``, by number, those
        ways from it that do not follow from the names as shown; ``own``, by number, those paths
        that are shown otherwise.
    """
    common = os.path.commonprefix(list(filenames))  # noqa: RUF071 (cut at a slash below)
    start = common.rfind("/") + 1
    rests = [name[start:] for name in filenames]
    names = [shown(rest) for rest in rests]
    way = _way(common[:start] or ".", folder)
    links: dict[int, str | None] = {i: _quoted(r) for i, r in enumerate(rests) if r != names[i]}
    start_shown = shown(common[:start])
    table: dict[str, Any] = {
        "folder": start_shown,
        "names": names,
        "own": {
            i: name
            for i, name in enumerate(filenames)
            if name != start_shown + names[i] and is_text(name)
        },
    }
    if any(map(os.path.isabs, rests)):  # beside relative ones: they do not go on from the folder
        ways = {i: _way(name, folder) for i, name in enumerate(filenames)}
        return table | {"link": "", "links": ways}
    return table | {"link": None if way is None else f"{way}/", "links": links}


def _way(path: str, folder: str | os.PathLike[str]) -> str | None:
    """Return the link from a folder to a path."""
    try:
        return _quoted(os.path.relpath(path, folder).replace(os.sep, "/"))
    except ValueError:  # on another drive, or no path at all
        return None


def _quoted(path: str) -> str:
    return quote(os.fsencode(path), safe=AS_IN_SCRIPTS)
