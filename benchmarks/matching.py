"""Which class a cluster stands for, where labels tell."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment


def matched_classes(labels: np.ndarray, classes: np.ndarray, n_clusters: int) -> np.ndarray:
    """Match clusters to classes, one to one, so that most samples agree; -1 for what is left."""
    table = np.zeros((n_clusters, classes.max() + 1), dtype=int)
    np.add.at(table, (labels, classes), 1)
    matched = np.full(n_clusters, -1)
    rows, columns = linear_sum_assignment(table, maximize=True)
    matched[rows] = columns
    return matched
