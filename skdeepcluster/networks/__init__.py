"""Trunks, heads, and the other stateful parts that some methods need."""

from skdeepcluster.networks.heads import mlp
from skdeepcluster.networks.model import Model

__all__ = ["Model", "mlp"]
