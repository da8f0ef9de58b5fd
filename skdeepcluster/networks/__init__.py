"""Trunks, heads, and the other stateful parts that some methods need."""

from skdeepcluster.networks.backbone import BACKBONES, build_backbone, choose_backbone
from skdeepcluster.networks.ema import cosine_momentum, ema_momentum, update_ema
from skdeepcluster.networks.heads import mlp
from skdeepcluster.networks.init import materialise
from skdeepcluster.networks.prototypes import Prototypes
from skdeepcluster.networks.queue import FeatureQueue
from skdeepcluster.networks.resnet import SmallResNet, build_resnet
from skdeepcluster.networks.sample_queue import SampleQueue
from skdeepcluster.networks.twin_memory import TwinMemory

__all__ = [
    "BACKBONES",
    "FeatureQueue",
    "Prototypes",
    "SampleQueue",
    "SmallResNet",
    "TwinMemory",
    "build_backbone",
    "build_resnet",
    "choose_backbone",
    "cosine_momentum",
    "ema_momentum",
    "materialise",
    "mlp",
    "update_ema",
]
