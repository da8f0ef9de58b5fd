"""Scores of a clustering, with and without known classes."""

from __future__ import annotations

from skdeepcluster.metrics.accuracy import clustering_accuracy_score
from skdeepcluster.metrics.agreement import view_agreement_score

__all__ = ["clustering_accuracy_score", "view_agreement_score"]
