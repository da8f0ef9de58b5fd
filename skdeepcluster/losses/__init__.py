"""Loss terms of the deep clustering methods, as pure functions of tensors."""

from skdeepcluster.losses.cluster_contrast import entropy_deficit
from skdeepcluster.losses.contrast import info_nce, nt_xent
from skdeepcluster.losses.normalise import unit_vectors

__all__ = ["entropy_deficit", "info_nce", "nt_xent", "unit_vectors"]
