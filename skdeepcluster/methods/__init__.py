"""The clustering methods, one per file."""

from skdeepcluster.methods.clc import CLC
from skdeepcluster.methods.contrastive_clustering import ContrastiveClustering
from skdeepcluster.methods.propos import ProPos
from skdeepcluster.methods.twin_contrast import TwinContrastClustering

__all__ = ["CLC", "ContrastiveClustering", "ProPos", "TwinContrastClustering"]
