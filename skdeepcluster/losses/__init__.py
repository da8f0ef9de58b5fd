"""Loss terms of the deep clustering methods, as pure functions of tensors."""

from skdeepcluster.losses.contrast import entropy_deficit, info_nce, nt_xent
from skdeepcluster.losses.cosine import unit_vectors

__all__ = ["entropy_deficit", "info_nce", "nt_xent", "unit_vectors"]
