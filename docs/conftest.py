"""The code of the guide runs as doctests: ``pytest docs --doctest-glob="*.rst"``."""

from __future__ import annotations

import os
import warnings

os.environ["OMP_NUM_THREADS"] = "1"  # read when torch is imported

import pytest
from sklearn.exceptions import ConvergenceWarning

collect_ignore_glob = ["_build/*", "_ext/*", "api/generated/*", "auto_examples/*"]


@pytest.fixture(autouse=True)
def _somewhere_else(tmp_path, monkeypatch):
    """Write files elsewhere, and do not warn of fits that are short because they are examples."""
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield
