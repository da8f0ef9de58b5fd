"""Plots of what a fitted estimator has found."""

from __future__ import annotations

from skdeepcluster.plotting.gallery import ClusterGalleryDisplay

__all__ = ["ClusterGalleryDisplay"]
