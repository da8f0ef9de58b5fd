"""Deep image clustering with the scikit-learn API."""

from importlib.metadata import version

from skdeepcluster.methods import CLC, ContrastiveClustering, ProPos, TwinContrastClustering
from skdeepcluster.persistence.loading import load

__version__ = version("skdeepcluster")

__all__ = [
    "CLC",
    "ContrastiveClustering",
    "ProPos",
    "TwinContrastClustering",
    "__version__",
    "load",
]
