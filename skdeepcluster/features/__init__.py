"""Features of frozen, pretrained networks, to be clustered as vectors."""

from __future__ import annotations

from skdeepcluster.features.pretrained import PretrainedFeatures

__all__ = ["PretrainedFeatures"]
