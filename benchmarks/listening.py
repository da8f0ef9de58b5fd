"""Estimators by name and parameters, and fits that are listened to."""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skdeepcluster import methods


def build(method: str, n_clusters: int | str, seed: int, parameters: dict[str, Any]) -> Any:
    """Build an estimator; a learning rate is given as a multiple of the default."""
    model = getattr(methods, method)(n_clusters, random_state=seed)
    if "lr" in parameters:
        parameters = parameters | {"lr": parameters["lr"] * model.lr}
    return model.set_params(**parameters)


def listen(model: Any, X: np.ndarray) -> tuple[list[str], float]:
    """Fit, and return the texts of its convergence warnings, and the CPU seconds."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        start = time.process_time()
        model.fit(X)
        seconds = time.process_time() - start
    said = [str(w.message) for w in caught if w.category is ConvergenceWarning]
    return said, seconds
