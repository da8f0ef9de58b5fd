"""Classical clustering on the device, label bookkeeping and label-free scores."""

from __future__ import annotations

from skdeepcluster.clustering.agreement import view_information, views_needed
from skdeepcluster.clustering.kmeans import KMeansResult, kmeans
from skdeepcluster.clustering.labels import compact_labels, size_entropy
from skdeepcluster.clustering.matching import match_centers
from skdeepcluster.clustering.pseudo_labels import PseudoLabels, clusters_like
from skdeepcluster.clustering.silhouette import simplified_silhouette
from skdeepcluster.clustering.sinkhorn import sinkhorn

__all__ = [
    "KMeansResult",
    "PseudoLabels",
    "clusters_like",
    "compact_labels",
    "kmeans",
    "match_centers",
    "simplified_silhouette",
    "sinkhorn",
    "size_entropy",
    "view_information",
    "views_needed",
]
