"""Trunks, heads, and the moving parts that some methods put beside them."""

from skdeepcluster.networks.backbone import BACKBONES, build_backbone, choose_backbone
from skdeepcluster.networks.heads import mlp
from skdeepcluster.networks.init import materialise
from skdeepcluster.networks.resnet import SmallResNet, build_resnet

__all__ = [
    "BACKBONES",
    "SmallResNet",
    "build_backbone",
    "build_resnet",
    "choose_backbone",
    "materialise",
    "mlp",
]
