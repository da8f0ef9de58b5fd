"""
What fits of the digits come to, to the last bit: run it on two commits and compare the lines.

Usage: ``python benchmarks/same_numbers.py [--samples 200] [--epochs 3]``. One line per fit:
digests of the labels, the embedding and the history (times apart), and the final loss.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import warnings

import numpy as np
from sklearn.datasets import load_digits

import skdeepcluster

TIMES = ("seconds", "images_per_second")
METHODS = ("CLC", "ContrastiveClustering", "ProPos", "TwinContrastClustering")


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def describe(name: str, X: np.ndarray, max_epochs: int) -> str:
    settings = {"n_clusters": 10, "max_epochs": max_epochs, "random_state": 0, "device": "cpu"}
    model = getattr(skdeepcluster, name)(**settings).fit(X)
    history = [{k: v for k, v in entry.items() if k not in TIMES} for entry in model.history_]
    parts = {
        "labels": model.labels_.tobytes(),
        "embedding": model.transform(X).tobytes(),
        "history": json.dumps(history).encode(),
    }
    digests = " ".join(f"{part} {digest(content)}" for part, content in parts.items())
    return f"{name:24} {digests} loss {history[-1]['loss']!r}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=3)
    arguments = parser.parse_args()
    digits = load_digits().images[: arguments.samples].astype(np.uint8)
    inputs = {"images": digits, "vectors": digits.reshape(len(digits), -1)}
    warnings.simplefilter("ignore")
    for kind, X in inputs.items():
        for name in METHODS:
            print(f"{kind:8}{describe(name, X, arguments.epochs)}", flush=True)


if __name__ == "__main__":
    main()
