"""Messages that quote what stands in files."""

from __future__ import annotations

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
