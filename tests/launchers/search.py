"""
A search under torchrun, with as many jobs as are asked for.

    torchrun --nproc-per-node=2 tests/launchers/search.py FOLDER N_JOBS

Writes to FOLDER/RANK what it has found, or its error.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV

from skdeepcluster import ContrastiveClustering


def search(n_jobs: int) -> str:
    """Search among four trainings, and train a fifth."""
    model = ContrastiveClustering(3, max_epochs=1, batch_size=32, random_state=0)
    grid = {"temperature": [0.3, 0.5]}
    found = GridSearchCV(model, grid, cv=2, n_jobs=n_jobs, error_score="raise")
    try:
        found.fit(load_digits().images[:100])
    except ValueError as error:
        return str(error)
    kept = ("mean_test_score", "rank_test_score")
    return json.dumps({name: found.cv_results_[name].tolist() for name in kept})


if __name__ == "__main__":
    Path(sys.argv[1], os.environ["RANK"]).write_text(search(int(sys.argv[2])))
