"""How far a clustering can be judged without labels: scores, warnings and confidence of many fits.

    OMP_NUM_THREADS=1 python benchmarks/judging.py --data digits digits-rows mnist5000

Each method is fitted as it is by default and in ways that make it better or worse. Labels only tell
how good the fits were. For each data set the table says how `score`, and a silhouette in each
model's own embedding, agree with the accuracy (Spearman's rank correlation), how much accuracy is
lost by choosing the fit of the highest score (among all, and among the four defaults), and which of
the fits that are worse than k-means gave no warning, or better and did. Every fit is a line of
--out, and is not made again if it is there.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from datasets import LOADERS, load
from listening import build, listen
from matching import matched_classes
from scipy.stats import spearmanr
from sklearn.cluster import KMeans

from skdeepcluster import methods
from skdeepcluster.clustering.silhouette import silhouettes
from skdeepcluster.metrics import clustering_accuracy_score

N_BINS = 15


def variants(n_classes: int) -> dict[str, dict[str, Any]]:
    """Return parameters by name: the defaults, and what differs from them."""
    return {
        "default": {},
        "3 epochs": {"max_epochs": 3},
        "lr x 10": {"lr": 10},
        "lr / 10": {"lr": 0.1},
        "half the clusters": {"n_clusters": n_classes // 2},
        "twice the clusters": {"n_clusters": 2 * n_classes},
        "no augmentation": {"augmentation": None},
    }


def calibration_error(probabilities: np.ndarray, classes: np.ndarray) -> float:
    """Return the expected calibration error, after matching clusters to classes, in 15 bins."""
    labels, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    right = matched_classes(labels, classes, probabilities.shape[1])[labels] == classes
    bins = np.minimum((confidence * N_BINS).astype(int), N_BINS - 1)
    gaps = [abs(right[bins == b].sum() - confidence[bins == b].sum()) for b in range(N_BINS)]
    return float(sum(gaps) / len(classes))


def fit(
    method: str, parameters: dict[str, Any], X: np.ndarray, y: np.ndarray, seed: int
) -> dict[str, Any]:
    """Fit once; return what is known of it with labels and without."""
    model = build(method, len(np.unique(y)), seed, parameters)
    said, seconds = listen(model, X)
    own = silhouettes(model.transform(X), model.labels_, model.cluster_centers_.astype(float))
    return {
        "accuracy": clustering_accuracy_score(y, model.labels_),
        "score": model.score(X),
        "silhouette": float(own.mean()) if model.n_clusters_ > 1 else 0.0,
        "agreement": model.view_agreement_,
        "calibration_error": calibration_error(model.predict_proba(X), y),
        "warned": bool(said),
        "seconds": round(seconds, 1),
    }


def regret(fits: list[dict[str, Any]], by: str) -> float:
    """Return how much accuracy is lost by choosing the fit that is best by something else."""
    best = max(one["accuracy"] for one in fits)
    return float(best - max(fits, key=lambda one: one[by])["accuracy"])


def table(fits: list[dict[str, Any]], k_means: float) -> str:
    """Return what the fits of one data set say."""
    accuracy, lines = [one["accuracy"] for one in fits], [f"k-means {k_means:.3f}"]
    defaults = [one for one in fits if one["variant"] == "default"]
    for name in ("score", "silhouette"):
        correlation = spearmanr([one[name] for one in fits], accuracy)[0]
        lines.append(
            f"{name}: correlation {correlation:.2f}, lost {regret(fits, name):.3f} of all "
            f"{len(fits)}, {regret(defaults, name):.3f} of the defaults"
        )
    told = [one for one in fits if "clusters" not in one["variant"]]
    silent = [one["name"] for one in told if one["accuracy"] <= k_means and not one["warned"]]
    false = [one["name"] for one in told if one["accuracy"] > k_means and one["warned"]]
    lines += [f"worse than k-means and silent: {silent}", f"better and warned: {false}"]
    lines += [f"{one['name']}: calibration {one['calibration_error']:.3f}" for one in defaults]
    return "\n".join(lines)


def main() -> None:
    """Read the command line, make the fits that are missing, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", nargs="+", choices=LOADERS, default=["digits-rows"])
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--limit", type=int, help="so many samples of each")
    parser.add_argument("--folder", type=Path, help="of the data, if not where packages put it")
    parser.add_argument("--out", type=Path, default=Path("judging.jsonl"))
    options = parser.parse_args()
    lines = options.out.read_text().splitlines() if options.out.exists() else []
    known = {one["key"]: one for one in map(json.loads, lines)}
    for data in options.data:
        X, y = load(data, options.folder, options.limit)
        y, fits = y.astype(int), []
        for variant, parameters in variants(len(np.unique(y))).items():
            for method in methods.__all__:
                key = f"{data} {options.limit} {options.seed} {method} {variant}"
                if key not in known:
                    found = fit(method, parameters, X, y, options.seed)
                    known[key] = {"key": key, "name": f"{method}, {variant}", "variant": variant}
                    known[key] |= found
                    with options.out.open("a") as file:
                        file.write(json.dumps(known[key]) + "\n")
                fits.append(known[key])
        rows = X.reshape(len(X), -1).astype(float)
        k_means = KMeans(len(np.unique(y)), n_init=10, random_state=0).fit_predict(rows)
        print(f"\n{data}\n{table(fits, clustering_accuracy_score(y, k_means))}", flush=True)


if __name__ == "__main__":
    main()
