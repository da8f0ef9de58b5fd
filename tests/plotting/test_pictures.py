"""Pictures equal those in ``baseline/``; run this file as a script to renew them, and look at them.

Text is left out: its pixels depend on the version of FreeType.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.testing.compare import compare_images
from PIL import Image

from skdeepcluster.plotting import (
    ClusterGalleryDisplay,
    ClusterSizesDisplay,
    ConfidenceDisplay,
    ContingencyDisplay,
    EmbeddingDisplay,
    LearningCurvesDisplay,
    SilhouetteDisplay,
)

BASELINE = Path(__file__).parent / "baseline"
# Root mean square, of 255. Versions of matplotlib differ by 1.7, and by 5.6 in the gallery, where
# edges of images are black on white; two clusters that change places make 3.5 or more.
TOLERANCE = 2.5
TOLERANCE_OF_GALLERY = 7


def _data(n_clusters: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return points of clusters on a ring, and their labels, of which the sizes differ."""
    rng = np.random.default_rng(seed)
    labels = np.sort(rng.integers(n_clusters, size=400) * rng.integers(1, 3, size=400) // 2)
    angles = 2 * np.pi * labels / n_clusters
    points = np.stack([3 * np.cos(angles), 2 * np.sin(angles)], axis=1)
    return points + 0.2 * rng.normal(size=points.shape), labels


def _images() -> np.ndarray:
    """Return a picture of a bar for each point, wider where its number is higher."""
    return np.tile(np.arange(16), (400, 16, 1)) < np.arange(400)[:, None, None] / 25


def _soft(labels: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(1)
    table = rng.random((len(labels), 10)) + 4 * rng.random((len(labels), 1)) * np.eye(10)[labels]
    return table / table.sum(axis=1, keepdims=True)


def _history() -> list[dict[str, float]]:
    return [
        {
            "epoch": k,
            "loss": 3 / k + 1,
            "loss_one": 2 / k + 1,
            "loss_other": 1 / k,
            "lr": 0.1 * (1 - k / 21),
            "cluster_entropy": 1 - 0.5 / k,
            "largest_share": 0.1 + 0.4 / k,
            "changed_labels": 1 / k,
        }
        for k in range(1, 21)
    ]


def _draw(name: str) -> Any:
    """Draw the display of a name."""
    (X10, labels10), (X40, labels40) = _data(10), _data(40)
    moved = (labels10 + (np.arange(400) % 5 == 0)) % 10
    draw: dict[str, Callable[[], Any]] = {
        "gallery": lambda: ClusterGalleryDisplay.from_predictions(_images(), labels10, n_images=4),
        "sizes_10": lambda: ClusterSizesDisplay.from_predictions(labels10),
        "sizes_40": lambda: ClusterSizesDisplay.from_predictions(labels40),
        "confidence": lambda: ConfidenceDisplay.from_predictions(moved, _soft(labels10)),
        "contingency_10": lambda: ContingencyDisplay.from_predictions(moved, labels10),
        "contingency_40": lambda: ContingencyDisplay.from_predictions(moved, labels40),
        "embedding_10": lambda: EmbeddingDisplay.from_predictions(X10, labels10),
        "embedding_40": lambda: EmbeddingDisplay.from_predictions(
            X40, labels40, images=_images(), n_thumbnails=12
        ),
        "learning_curves": lambda: LearningCurvesDisplay.from_history(_history()),
        "silhouette_10": lambda: SilhouetteDisplay.from_predictions(X10, labels10),
        "silhouette_40": lambda: SilhouetteDisplay.from_predictions(X40, labels40),
    }
    return draw[name]()


def _save(name: str, path: Path) -> None:
    """Draw in matplotlib's default style, and save without text."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.use("Agg")
        figure = _draw(name).figure_
        for ax in figure.axes:
            ax.set(title="", xlabel="", ylabel="")
            ax.tick_params(labelbottom=False, labelleft=False, labelright=False)
            for text in ax.texts:
                text.set_visible(False)
            if ax.get_legend():
                ax.get_legend().remove()
        figure.savefig(path, dpi=200)
    # Versions round the edges of images differently, by a pixel: make that a fifth of one.
    with Image.open(path) as picture:
        small = picture.convert("RGB").reduce(5)
    small.save(path)


NAMES = [
    "gallery",
    "sizes_10",
    "sizes_40",
    "confidence",
    "contingency_10",
    "contingency_40",
    "embedding_10",
    "embedding_40",
    "learning_curves",
    "silhouette_10",
    "silhouette_40",
]


@pytest.mark.parametrize("name", NAMES)
def test_picture_is_the_known_one(name: str, tmp_path: Path) -> None:
    actual = tmp_path / f"{name}.png"
    _save(name, actual)
    tolerance = TOLERANCE_OF_GALLERY if name == "gallery" else TOLERANCE
    assert compare_images(BASELINE / f"{name}.png", actual, tol=tolerance) is None


def test_every_baseline_is_compared_and_small() -> None:
    sizes = {path.stem: path.stat().st_size for path in BASELINE.iterdir()}
    assert sizes.keys() == set(NAMES)
    assert max(sizes.values()) < 30_000


if __name__ == "__main__":
    for name in NAMES:
        _save(name, BASELINE / f"{name}.png")
