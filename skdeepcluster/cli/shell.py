"""How the command speaks: warnings and errors in a line each, results as text or JSON."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer

from skdeepcluster._text import printable
from skdeepcluster.training.inference import is_out_of_memory

FAILED = 1
INTERRUPTED = 130  # what a shell gives after Ctrl-C
USERS = (ValueError, TypeError, OSError, ImportError)


def say(text: str) -> None:
    """
    Tell the user something; what a script reads is elsewhere.

    Parameters
    ----------
    text : str
        A line, printed to the standard error.
    """
    typer.echo(text, err=True)


@contextmanager
def plainly(hint: Callable[[], str] = str) -> Iterator[list[str]]:
    """
    Turn warnings and errors that concern the user into a line each.

    Parameters
    ----------
    hint : callable, default=str
        Says what to add where the command was interrupted.

    Yields
    ------
    list of str
        The warnings up to now.

    Raises
    ------
    typer.Exit
        Instead of errors, with `FAILED` or `INTERRUPTED`.
    """
    heard: list[str] = []

    def hear(message: Warning | str, *_: Any, **__: Any) -> None:
        text = printable(str(message))
        if text not in heard:
            heard.append(text)
            say(f"Warning: {text}")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = hear
        try:
            yield heard
        except KeyboardInterrupt:
            say(f"Interrupted. {hint()}".strip())
            raise typer.Exit(INTERRUPTED) from None
        except Exception as error:
            if not (isinstance(error, USERS) or is_out_of_memory(error)):
                raise
            say(f"Error: {printable(str(error)) or type(error).__name__}")
            raise typer.Exit(FAILED) from None


def result(values: dict[str, Any], lines: list[str], as_json: bool) -> None:
    """
    Print what came out.

    Parameters
    ----------
    values : dict of str to Any
        For scripts.
    lines : list of str
        For people.
    as_json : bool
        Whether to print the values, as JSON, instead of the lines.
    """
    typer.echo(json.dumps(values) if as_json else "\n".join(lines))
