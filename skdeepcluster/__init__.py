"""Deep image clustering with scikit-learn's interface."""

from importlib.metadata import version

from skdeepcluster.methods import ContrastiveClustering

__version__ = version("skdeepcluster")

__all__ = ["ContrastiveClustering", "__version__"]
