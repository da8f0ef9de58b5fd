"""The clusterers of the benchmark: ours, ours without their cluster terms, and competitors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline

from skdeepcluster import methods

NEVER = 10**9  # an interval between E-steps that no training reaches


def kmeans(n_clusters: int, seed: int) -> KMeans:
    """Make k-means with ten starts."""
    return KMeans(n_clusters, n_init=10, random_state=seed)


def simclr_kmeans(n_clusters: int, seed: int, parameters: dict[str, Any]) -> Any:
    """Make SimCLR + k-means: with one cluster CC's cluster and entropy terms are constant 0."""
    settings = {**parameters, "n_clusters": 1, "random_state": seed}
    return make_pipeline(methods.ContrastiveClustering(**settings), kmeans(n_clusters, seed))


def byol_kmeans(n_clusters: int, seed: int, parameters: dict[str, Any]) -> Any:
    """Make BYOL + k-means: ProPos without noise, scattering, and E-steps in training."""
    without = {"noise": 0.0, "scattering_weight": 0.0, "assign_interval": NEVER}
    settings = {**parameters, **without, "n_clusters": n_clusters, "random_state": seed}
    return make_pipeline(methods.ProPos(**settings), kmeans(n_clusters, seed))


def pca_kmeans(n_clusters: int, seed: int) -> Any:
    """Make PCA, to nine tenths of the variance, followed by k-means."""
    return make_pipeline(PCA(0.9, random_state=seed), kmeans(n_clusters, seed))


def umap_kmeans(n_clusters: int, seed: int) -> Any:
    """Make UMAP in 10 dimensions, with its authors' advice for clustering, and k-means."""
    from umap import UMAP

    reduce = UMAP(n_components=10, n_neighbors=30, min_dist=0.0, random_state=seed)
    return make_pipeline(reduce, kmeans(n_clusters, seed))


def clustpy_method(name: str) -> Callable[[int, int], Any]:
    """Return a maker of one of ClustPy's deep methods with its default settings."""

    def make(n_clusters: int, seed: int) -> Any:
        from clustpy import deep

        return getattr(deep, name)(n_clusters, random_state=seed)

    return make


ABLATIONS: dict[str, Callable[[int, int, dict[str, Any]], Any]] = {
    "SimCLR+KMeans": simclr_kmeans,
    "BYOL+KMeans": byol_kmeans,
}
COMPETITORS: dict[str, Callable[[int, int], Any]] = {
    "KMeans": kmeans,
    "PCA+KMeans": pca_kmeans,
    "UMAP+KMeans": umap_kmeans,
    "DEC": clustpy_method("DEC"),
    "IDEC": clustpy_method("IDEC"),
    "DCN": clustpy_method("DCN"),
}
OURS = (*methods.__all__, *ABLATIONS)  # those that take images, and parameters
METHODS = (*OURS, *COMPETITORS)


def build(name: str, n_clusters: int, seed: int, parameters: dict[str, Any]) -> Any:
    """Make a clusterer by name; `parameters` are for those in `OURS`."""
    if name in COMPETITORS:
        return COMPETITORS[name](n_clusters, seed)
    if name in ABLATIONS:
        return ABLATIONS[name](n_clusters, seed, parameters)
    settings = {**parameters, "n_clusters": n_clusters, "random_state": seed}
    return getattr(methods, name)(**settings)


def as_rows(X: np.ndarray) -> np.ndarray:
    """Flatten, and give all values together mean 0 and spread 1, as autoencoders need."""
    rows = X.reshape(len(X), -1).astype(np.float32)
    scaled: np.ndarray = (rows - rows.mean()) / rows.std()
    return scaled
