"""CPU seconds to a given accuracy on MNIST-5000: ours, the published loop of CC, UMAP + k-means.

One process, one thread, labels for scoring only. Ours are whole fits of growing length, the first
of which that reaches the goal counts; the loop is in plain torch with the same trunk: float32, PIL
views, Adam at 3e-4, scored every five epochs.

    OMP_NUM_THREADS=1 python benchmarks/time_to_accuracy.py --seed 0 --goal 0.95
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import torch
from competitors import umap_kmeans
from datasets import mnist5000
from timing.published import PublishedLoop, Twice, glyph, loader
from timing.workloads import Workload

from skdeepcluster import ContrastiveClustering
from skdeepcluster.metrics import clustering_accuracy_score

LENGTHS = (5, 6, 8, 10, 12, 15, 20, 25)


def timed(fit: Any) -> tuple[Any, float]:
    """Return what a function returns, and the CPU seconds that it took."""
    start = time.process_time()
    return fit(), time.process_time() - start


def report(name: str, accuracy: float, seconds: float) -> None:
    """Print one line."""
    print(f"{name:30} ACC {accuracy:.3f} {seconds:8.1f} s", flush=True)


def ours(X: np.ndarray, y: np.ndarray, seed: int, goal: float) -> float:
    """Fit longer and longer, until the goal is reached; return the seconds of that fit."""
    for n_epochs in LENGTHS:
        model = ContrastiveClustering(10, max_epochs=n_epochs, random_state=seed)
        labels, seconds = timed(lambda model=model: model.fit_predict(X))
        accuracy = clustering_accuracy_score(y, labels)
        report(f"ours, {n_epochs} epochs", accuracy, seconds)
        if accuracy >= goal:
            return seconds
    return float("nan")


def published(X: np.ndarray, y: np.ndarray, seed: int, goal: float, limit: float) -> float:
    """Train the published loop until it reaches the goal or the limit of seconds."""
    torch.manual_seed(seed)
    workload = Workload("MNIST", X.shape[1:], "small", 256)
    cpu = torch.device("cpu")
    loop = PublishedLoop(workload, len(X), cpu)
    loop.batches = loader(X, Twice(glyph(X.shape[1])), workload, cpu, n_workers=0)
    images = (torch.from_numpy(X)[:, None] / 255 - 0.5) / 0.25
    seconds, epoch = 0.0, 0
    while seconds < limit:
        seconds, epoch = seconds + timed(loop.epoch)[1], epoch + 1
        if epoch % 5 == 0:
            loop.parts.eval()
            with torch.no_grad():
                labels = torch.cat([loop.forward(part)[1].argmax(1) for part in images.split(500)])
            loop.parts.train()
            accuracy = clustering_accuracy_score(y, labels.numpy())
            report(f"published loop, {epoch} epochs", accuracy, seconds)
            if accuracy >= goal:
                return seconds
    return float("nan")


def main() -> None:
    """Run all three."""
    parser = argparse.ArgumentParser(description="CPU seconds to a given accuracy.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--goal", type=float, default=0.95)
    parser.add_argument("--limit", type=float, default=3600.0, help="seconds for the loop")
    options = parser.parse_args()
    torch.set_num_threads(1)
    X, y = mnist5000()
    own = ours(X, y, options.seed, options.goal)
    rows = X.reshape(len(X), -1) / 255.0
    labels, seconds = timed(lambda: umap_kmeans(10, options.seed).fit_predict(rows))
    report("UMAP + k-means", clustering_accuracy_score(y, labels), seconds)
    theirs = published(X, y, options.seed, options.goal, options.limit)
    print(f"ratio of the seconds to ACC {options.goal}: {theirs / own:.1f}")


if __name__ == "__main__":
    main()
