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
