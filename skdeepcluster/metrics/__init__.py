"""Scores of a clustering, with and without known classes."""

from __future__ import annotations

from skdeepcluster.metrics.accuracy import clustering_accuracy_score
from skdeepcluster.metrics.agreement import view_agreement_score
from skdeepcluster.metrics.number import estimate_n_clusters

__all__ = ["clustering_accuracy_score", "estimate_n_clusters", "view_agreement_score"]
