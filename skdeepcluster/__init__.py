"""Deep image clustering with the scikit-learn API."""

from skdeepcluster._version import __version__
from skdeepcluster.methods.clc import CLC
from skdeepcluster.methods.contrastive_clustering import ContrastiveClustering
from skdeepcluster.methods.propos import ProPos
from skdeepcluster.methods.twin_contrast import TwinContrastClustering
from skdeepcluster.persistence.loading import load

__all__ = [
    "CLC",
    "ContrastiveClustering",
    "ProPos",
    "TwinContrastClustering",
    "__version__",
    "load",
]
