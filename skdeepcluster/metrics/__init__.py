"""Scores of a clustering against known classes."""

from __future__ import annotations

from skdeepcluster.metrics.accuracy import clustering_accuracy_score

__all__ = ["clustering_accuracy_score"]
