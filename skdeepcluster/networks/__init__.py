"""Trunks, heads, and the moving parts that some methods put beside them."""

from skdeepcluster.networks.heads import mlp
from skdeepcluster.networks.model import Model

__all__ = ["Model", "mlp"]
