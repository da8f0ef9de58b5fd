"""How many clusters `n_clusters="auto"` finds, and what the accuracy is with so many.

    OMP_NUM_THREADS=1 python benchmarks/counting.py --data digits mnist5000

A line for each fit: the number found and those that are as good, the accuracy, whether a warning
was given, and the CPU seconds of both trainings. "two-sets" has 20 classes: 2,500 images of MNIST
and as many of Fashion-MNIST. With --known, a second line tells the accuracy where the number is
given.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from datasets import LOADERS, fashion, load, mnist5000, some
from listening import build, listen
from sklearn.datasets import make_blobs

from skdeepcluster import methods
from skdeepcluster.clustering.number import choose_number
from skdeepcluster.metrics import clustering_accuracy_score

BLOBS = (2, 5, 12, 20)
N_NOISE = 1000
Data = tuple[np.ndarray, np.ndarray]


def two_sets(folder: Path | None) -> Data:
    """Return digits and clothes."""
    digits, clothes = some(*mnist5000(), 2500), some(*fashion(folder), 2500)
    labels = np.concatenate([digits[1], clothes[1].astype(int) + 10])
    return np.concatenate([digits[0], clothes[0]]), labels


def read(name: str, folder: Path | None) -> Data:
    """Return a data set of those of the other benchmarks, or of those of this one."""
    if name == "two-sets":
        return two_sets(folder)
    if name == "noise":
        return np.random.default_rng(0).random((N_NOISE, 10)), np.zeros(N_NOISE, int)
    if name.startswith("blobs"):
        k = int(name.removeprefix("blobs"))
        return make_blobs(50 * k, n_features=16, centers=k, random_state=0)
    return load(name, folder)


def report(method: str, n_clusters: int | str, X: np.ndarray, y: np.ndarray, seed: int) -> str:
    """Fit, and say what was found."""
    model = build(method, n_clusters, seed, {})
    said, seconds = listen(model, X)
    found, accuracy = f"{model.n_clusters_} clusters", clustering_accuracy_score(y, model.labels_)
    if n_clusters == "auto":
        choice = choose_number(model.n_clusters_curve_)
        found += f" ({choice.least} to {choice.most})"
    return (
        f"{method}, seed {seed}: {found}, accuracy {accuracy:.3f}, "
        f"{'warned' if said else 'silent'}, {seconds:.0f} s"
    )


def main() -> None:
    """Read the command line, fit, and print a line for each fit."""
    own = ["two-sets", "noise", *(f"blobs{k}" for k in BLOBS)]
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", nargs="+", choices=[*LOADERS, *own], default=own[1:])
    parser.add_argument("--methods", nargs="+", choices=methods.__all__, default=methods.__all__)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--known", action="store_true", help="give the number, too")
    parser.add_argument("--folder", type=Path, help="of the data, if not where packages put it")
    options = parser.parse_args()
    for data in options.data:
        X, y = read(data, options.folder)
        k = len(np.unique(y))
        for method in options.methods:
            for seed in options.seeds:
                for n_clusters in ["auto", k] if options.known else ["auto"]:
                    found = report(method, n_clusters, X, y, seed)
                    print(f"{data} ({k} classes), {found}", flush=True)


if __name__ == "__main__":
    main()
