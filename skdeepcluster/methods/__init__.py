"""The clustering methods, one a file."""

from skdeepcluster.methods.contrastive_clustering import ContrastiveClustering

__all__ = ["ContrastiveClustering"]
