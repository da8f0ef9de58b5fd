"""Which fits warn: sixty good and bad ones.

    OMP_NUM_THREADS=1 python benchmarks/doubts.py

Each method is fitted to data with clusters and without, with settings that suit and that do not. A
fit is bad if its accuracy is no better than that of k-means, or if there is nothing to be found.
Bad fits should warn, and good ones should not.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
from datasets import digit_rows, digits
from listening import build, listen
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs

from skdeepcluster import methods
from skdeepcluster.metrics import clustering_accuracy_score

Data = tuple[np.ndarray, np.ndarray | None]
Case = tuple[Callable[[], Data], int, dict[str, Any]]


def blobs(sizes: list[int], n_features: int = 16) -> Data:
    """Return clouds of such sizes."""
    return make_blobs(sizes, n_features=n_features, random_state=0)


def noise(*shape: int) -> Data:
    """Return samples of no class."""
    return np.random.default_rng(0).normal(size=shape), None


def some_digits(of: int | None = None) -> Data:
    """Return the first 600 images, or all of one digit, which are of no class."""
    images, labels = digits()
    return (images[:600], labels[:600]) if of is None else (images[labels == of], None)


CASES: dict[str, Case] = {
    "five blobs": (lambda: blobs([100] * 5), 5, {}),
    "blobs of 285 and 15": (lambda: blobs([285, 15]), 2, {}),
    "blobs of 450, 25 and 25": (lambda: blobs([450, 25, 25]), 3, {}),
    "five blobs, 25 clusters": (lambda: blobs([100] * 5), 25, {}),
    "noise of 10 features": (lambda: noise(500, 10), 10, {}),
    "noise of 50 features": (lambda: noise(500, 50), 10, {}),
    "images of noise": (lambda: noise(400, 8, 8), 10, {}),
    "images of one value": (lambda: (np.ones((400, 8, 8)), None), 5, {}),
    "images of one digit": (lambda: some_digits(1), 10, {}),
    "rows of digits": (digit_rows, 10, {}),
    "rows, one epoch": (digit_rows, 10, {"max_epochs": 1}),
    "rows, lr x 100": (digit_rows, 10, {"lr": 100}),
    "rows, no augmentation": (digit_rows, 10, {"augmentation": None}),
    "600 digits": (some_digits, 10, {}),
    "600 digits, lr x 100": (some_digits, 10, {"lr": 100}),
}


def fit(method: str, case: Case, seed: int) -> tuple[float, float, str]:
    """Return the accuracy, that of k-means, and what was warned; nan where there are no classes."""
    source, k, parameters = case
    X, y = source()
    model = build(method, k, seed, parameters)
    try:
        said = "; ".join(listen(model, X)[0])
    except ValueError as error:  # a loss that is not finite is said, too
        return np.nan, np.nan, str(error)
    if y is None or k > len(np.unique(y)):
        return np.nan, np.nan, said
    base = KMeans(k, n_init=10, random_state=0).fit_predict(X.reshape(len(X), -1))
    return *(clustering_accuracy_score(y, labels) for labels in (model.labels_, base)), said


def main() -> None:
    """Read the command line, fit, and print a line for each fit, and the exceptions."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--methods", nargs="+", choices=methods.__all__, default=methods.__all__)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    silent, false, good = [], [], 0
    for name in options.cases:
        for method in options.methods:
            accuracy, base, said = fit(method, CASES[name], options.seed)
            is_good = accuracy > base or accuracy == 1
            good += is_good
            if is_good == bool(said):
                (false if is_good else silent).append(f"{name}, {method}")
            kind = "good" if is_good else "bad"
            figures = f"{accuracy:.3f}, k-means {base:.3f}, {kind}"
            print(f"{name}, {method}: {figures}: {said[:60]}", flush=True)
    print(f"bad and silent: {len(silent)}: {silent}")
    print(f"good and warned: {len(false)} of {good}: {false}")


if __name__ == "__main__":
    main()
