"""Warnings that point at the caller's own line."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import joblib
import sklearn

# Between the caller and this package stand scikit-learn's wrappers, Pipelines and searches.
_PASSED_ON_THE_WAY = tuple(
    os.path.join(os.path.dirname(file), "")  # of the folder, and of none that begins like it
    for file in (__file__, sklearn.__file__, joblib.__file__)
)


_IS_QUIET: ContextVar[bool] = ContextVar("is_quiet", default=False)


@contextmanager
def quiet(is_quiet: bool) -> Iterator[None]:
    """
    Leave warnings to another process.

    Parameters
    ----------
    is_quiet : bool
        Whether to.

    Yields
    ------
    None
        While there are no warnings.
    """
    before = _IS_QUIET.set(is_quiet or _IS_QUIET.get())
    try:
        yield
    finally:
        _IS_QUIET.reset(before)


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """
    Warn at the line that called into this package, however deep this is called.

    Parameters
    ----------
    message : str
        What to say.
    category : type of Warning, default=UserWarning
        Kind of warning.
    """
    if _IS_QUIET.get():
        return
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PASSED_ON_THE_WAY):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
