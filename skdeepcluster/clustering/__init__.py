"""Classical clustering on the device, label bookkeeping and label-free scores."""

from __future__ import annotations

from skdeepcluster.clustering.kmeans import KMeansResult, kmeans
from skdeepcluster.clustering.labels import compact_labels, size_entropy
from skdeepcluster.clustering.silhouette import simplified_silhouette
from skdeepcluster.clustering.sinkhorn import sinkhorn

__all__ = [
    "KMeansResult",
    "compact_labels",
    "kmeans",
    "simplified_silhouette",
    "sinkhorn",
    "size_entropy",
]
