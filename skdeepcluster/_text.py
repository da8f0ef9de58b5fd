"""Text that comes from files, and messages that quote it."""

from __future__ import annotations

import unicodedata

LONGEST = 1000


def printable(text: str) -> str:
    """
    Make a message safe to print, whatever it quotes.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        One line, in which characters that a terminal might obey are escaped as `repr` does, and of
        which the middle is left out where it is long.
    """
    text = " ".join(text[: 100 * LONGEST].split())
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    half = LONGEST // 2
    return text if len(text) <= LONGEST else f"{text[:half]} ... {text[-half:]}"


def is_text(text: str) -> bool:
    """
    Tell whether a text can be written to a file of UTF-8: names of files may hold other bytes.

    Parameters
    ----------
    text : str
        The text.

    Returns
    -------
    bool
        The answer.
    """
    return not any("\ud800" <= character <= "\udfff" for character in text)


def composed(text: str) -> str:
    """
    Put accents together with their letters, which some systems take apart in names of files.

    Parameters
    ----------
    text : str
        The text.

    Returns
    -------
    str
        Its normal form C: texts that look the same are the same.
    """
    return unicodedata.normalize("NFC", text)
