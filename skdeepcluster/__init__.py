"""Deep image clustering with the scikit-learn API."""

from skdeepcluster._version import __version__
from skdeepcluster.methods import CLC, ContrastiveClustering, ProPos, TwinContrastClustering
from skdeepcluster.persistence.loading import load

__all__ = [
    "CLC",
    "ContrastiveClustering",
    "ProPos",
    "TwinContrastClustering",
    "__version__",
    "load",
]
