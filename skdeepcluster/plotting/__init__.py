"""Plots of what a fitted estimator has found."""

from __future__ import annotations

from skdeepcluster.plotting.confidence import ConfidenceDisplay
from skdeepcluster.plotting.contingency import ContingencyDisplay
from skdeepcluster.plotting.embedding import EmbeddingDisplay
from skdeepcluster.plotting.gallery import ClusterGalleryDisplay
from skdeepcluster.plotting.learning_curves import LearningCurvesDisplay
from skdeepcluster.plotting.number import ClusterNumberDisplay
from skdeepcluster.plotting.silhouette import SilhouetteDisplay
from skdeepcluster.plotting.sizes import ClusterSizesDisplay

__all__ = [
    "ClusterGalleryDisplay",
    "ClusterNumberDisplay",
    "ClusterSizesDisplay",
    "ConfidenceDisplay",
    "ContingencyDisplay",
    "EmbeddingDisplay",
    "LearningCurvesDisplay",
    "SilhouetteDisplay",
]
