"""Warnings that point at the caller's own line."""

from __future__ import annotations

import os
import sys
import warnings

import joblib
import sklearn

# Between the caller and this package stand scikit-learn's wrappers, Pipelines and searches.
_PASSED_ON_THE_WAY = tuple(
    os.path.join(os.path.dirname(file), "")  # of the folder, and of none that begins like it
    for file in (__file__, sklearn.__file__, joblib.__file__)
)


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
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PASSED_ON_THE_WAY):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
