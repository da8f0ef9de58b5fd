"""Many vectors: the search for neighbours and one epoch, against scikit-learn's k-means.

    OMP_NUM_THREADS=1 python benchmarks/many_vectors.py

Rows are a mixture of Gaussians of unequal shape, standing for the embeddings of another network.
Seconds are those of the processor. Memory is the most that is resident during `fit` above what was
before it, and the rows themselves, in units of the rows. A fit of few rows goes before, so that
what torch loads at its first step, some 300 MiB for any number of rows, is not counted.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from run_one import forget_peak, peak_memory
from sklearn.cluster import KMeans

from skdeepcluster import methods

RANK = 20  # of the shape of a cluster
FEW = 6000


def mixture(n: int, d: int, n_clusters: int) -> np.ndarray:
    """Draw rows of clusters that are long in some directions, each in others."""
    rng = np.random.default_rng(0)
    shapes = rng.normal(size=(n_clusters, RANK, d)).astype(np.float32)
    centers = 1.5 * rng.normal(size=(n_clusters, d)).astype(np.float32)
    X = np.empty((n, d), dtype=np.float32)
    for part in np.array_split(np.arange(n), max(1, n // 1000)):
        k = rng.integers(n_clusters, size=len(part))
        where = rng.normal(size=(len(part), 1, RANK)).astype(np.float32) / RANK**0.5
        X[part] = centers[k] + 3 * (where @ shapes[k])[:, 0]
        X[part] += rng.normal(size=(len(part), d)).astype(np.float32)
    return X


def seconds(action: Callable[[], object]) -> float:
    """Return the processor's seconds of a call."""
    start = time.process_time()
    action()
    return time.process_time() - start


def main() -> None:
    """Measure, and print a line for each method."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--n", type=int, default=100_000)
    parser.add_argument("--d", type=int, default=384)
    parser.add_argument("--clusters", type=int, default=100)
    parser.add_argument("--methods", nargs="+", choices=methods.__all__, default=["CLC"])
    options = parser.parse_args()
    X = mixture(options.n, options.d, options.clusters)
    size = X.nbytes / 2**20
    k_means = KMeans(options.clusters, n_init=1, random_state=0)
    base = seconds(lambda: k_means.fit(X))
    print(f"k-means: {base:.1f} s, {k_means.n_iter_} iterations; rows: {size:.0f} MiB", flush=True)
    for name in options.methods:
        model = getattr(methods, name)(
            options.clusters, max_epochs=1, warmup_epochs=0, random_state=0, device="cpu"
        )
        model.fit(X[:FEW])
        forget_peak()
        before = peak_memory()
        whole = seconds(lambda model=model: model.fit(X))
        epoch = model.history_[0]["seconds"]
        print(
            f"{name}: fit of one epoch {whole:.1f} s, {whole / base:.1f} times k-means (the epoch "
            f"{epoch:.1f} s of the clock); memory {1 + (peak_memory() - before) / size:.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
