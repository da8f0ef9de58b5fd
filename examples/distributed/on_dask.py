"""
A search whose trainings are spread over Dask's workers: ``pip install "dask[distributed]"``.

    python examples/distributed/on_dask.py
"""

from __future__ import annotations

import argparse

from dask.distributed import Client, LocalCluster
from joblib import parallel_config
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV

from skdeepcluster import ProPos


def search(epochs: int) -> str:
    """Search as scikit-learn does, with joblib's backend of the moment."""
    model = ProPos(n_clusters=10, max_epochs=epochs, random_state=0)
    found = GridSearchCV(model, {"temperature": [0.3, 0.5]}, cv=2)
    found.fit(load_digits().images)
    return f"best {found.best_params_}, scores {found.cv_results_['mean_test_score'].tolist()}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, default=2, help="0 searches in this process")
    parser.add_argument("--scheduler", help="address of one whose workers run already")
    parser.add_argument("--epochs", type=int, default=10)
    options = parser.parse_args()
    if options.workers == 0:
        print(search(options.epochs))
    else:
        cluster = options.scheduler or LocalCluster(
            n_workers=options.workers, threads_per_worker=1, dashboard_address=None
        )
        with Client(cluster), parallel_config(backend="dask"):
            print(search(options.epochs))
