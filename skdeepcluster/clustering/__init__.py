"""Classical clustering on the device: label bookkeeping and label-free scores."""

from __future__ import annotations

from skdeepcluster.clustering.labels import compact_labels, size_entropy
from skdeepcluster.clustering.silhouette import simplified_silhouette
from skdeepcluster.clustering.sinkhorn import sinkhorn

__all__ = ["compact_labels", "simplified_silhouette", "sinkhorn", "size_entropy"]
