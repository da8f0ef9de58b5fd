"""What a few known classes are worth: accuracy on the samples whose class is not known.

    OMP_NUM_THREADS=1 python benchmarks/known_labels.py --data mnist5000 --given ten five wrong

"ten": ten labels of each class. "five": ten labels of each of half the classes; "new" is the
accuracy on the classes of which none is known. "wrong": ten of each class, of which one in twenty
is another. "none": no label. With --others, a linear probe and label spreading get the same labels,
and the embedding of a fit without labels.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from datasets import LOADERS, load
from matching import matched_classes
from sklearn.linear_model import LogisticRegression
from sklearn.semi_supervised import LabelSpreading

from skdeepcluster import methods
from skdeepcluster.metrics import clustering_accuracy_score

PER_CLASS = 10


def choose(y: np.ndarray, given: str, seed: int) -> np.ndarray | None:
    """Return labels, -1 where they are not given."""
    if given == "none":
        return None
    rng, known = np.random.default_rng(seed), np.full(len(y), -1)
    classes = rng.permutation(np.unique(y))
    for k in classes[: len(classes) // 2] if given == "five" else classes:
        known[rng.permutation(np.flatnonzero(y == k))[:PER_CLASS]] = k
    if given == "wrong":
        rows = rng.permutation(np.flatnonzero(known >= 0))
        wrong = rows[: max(1, len(rows) // 20)]
        known[wrong] = (known[wrong] + rng.integers(1, len(classes), len(wrong))) % len(classes)
    return known


def accuracy_of_new(labels: np.ndarray, y: np.ndarray, known: np.ndarray) -> float:
    """Return the accuracy on the classes of which none is known, all classes matched at once."""
    matched = matched_classes(labels, y, labels.max() + 1)
    new = ~np.isin(y, known[known >= 0])
    return float(np.mean(matched[labels[new]] == y[new])) if new.any() else float("nan")


def others(embedding: np.ndarray, known: np.ndarray, y: np.ndarray) -> list[float]:
    """Return the accuracies of a linear probe and of label spreading, on the rest."""
    rest = known < 0
    probe = LogisticRegression(max_iter=1000).fit(embedding[~rest], known[~rest])
    spread = LabelSpreading(kernel="knn", n_neighbors=10).fit(embedding, known)
    found = probe.predict(embedding), spread.transduction_
    return [float(np.mean(labels[rest] == y[rest])) for labels in found]


def main() -> None:
    """Read the command line, fit, and print a line for each fit."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", choices=LOADERS, default="digits")
    parser.add_argument("--method", nargs="+", choices=methods.__all__, default=methods.__all__)
    parser.add_argument("--given", nargs="+", default=["ten"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--others", action="store_true", help="the probe and the spreading, too")
    parser.add_argument("--folder", type=Path, help="of the data, if not where packages put it")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    X, y = load(options.data, options.folder)
    y = y.astype(int)
    for given in options.given:
        for method in options.method:
            for seed in options.seeds:
                print(
                    options.data, given, method, seed, *line(X, y, given, method, seed), flush=True
                )
                if options.others and given != "none":
                    model = getattr(methods, method)(len(np.unique(y)), random_state=seed).fit(X)
                    known: Any = choose(y, given, seed)
                    print("  probe, spreading", *others(model.transform(X), known, y), flush=True)


def line(X: np.ndarray, y: np.ndarray, given: str, method: str, seed: int) -> list[str]:
    """Fit once and say how well the rest is clustered, and the new classes."""
    known, start = choose(y, given, seed), time.process_time()
    model = getattr(methods, method)(len(np.unique(y)), random_state=seed)
    model.fit(X, known_labels=known)
    seconds = time.process_time() - start
    rest = np.full(len(y), True) if known is None else known < 0
    found = [f"accuracy {clustering_accuracy_score(y[rest], model.labels_[rest]):.4f}"]
    if given == "five" and known is not None:
        found.append(f"new {accuracy_of_new(model.labels_, y, known):.4f}")
    return [*found, f"{seconds:.0f} s"]


if __name__ == "__main__":
    main()
