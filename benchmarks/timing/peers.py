"""SimCLR and BYOL as lightly's documentation trains them, on the trunk and batch of a workload."""

from __future__ import annotations

import copy
from typing import Any

import torch
from lightly.loss import NegativeCosineSimilarity, NTXentLoss
from lightly.models.modules import BYOLPredictionHead, BYOLProjectionHead, SimCLRProjectionHead
from lightly.models.utils import deactivate_requires_grad, update_momentum
from lightly.transforms import (
    BYOLTransform,
    BYOLView1Transform,
    BYOLView2Transform,
    SimCLRTransform,
)
from torch import Tensor, nn

from timing.published import loader, trunk
from timing.workloads import Workload

Views = list[Tensor]


def settings(workload: Workload) -> dict[str, Any]:
    """Return what lightly's transforms need to know: small images are not blurred."""
    n_channels = workload.canonical[0]
    normalize = {"mean": [0.5] * n_channels, "std": [0.25] * n_channels}
    return {"input_size": workload.shape[0], "gaussian_blur": 0.0, "normalize": normalize}


class Peer:
    """
    What lightly's methods have in common.

    Parameters
    ----------
    workload : Workload
        Trunk, images and batch.
    n_images : int
        Number of images.
    device : torch.device
        Where to train.
    """

    def __init__(self, workload: Workload, n_images: int, device: torch.device) -> None:
        self.device = device
        backbone, n_features = trunk(workload)
        self.build(backbone, n_features)
        transform = self.transform(workload)
        self.batches = loader(workload.images(n_images), transform, workload, device)
        trained = [p for p in self.parts.to(device).train().parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(trained, lr=1e-3)

    parts: nn.ModuleDict

    def build(self, backbone: nn.Module, n_features: int) -> None:
        """Build the networks."""
        raise NotImplementedError

    def transform(self, workload: Workload) -> Any:
        """Return the transform."""
        raise NotImplementedError

    def loss(self, views: Views) -> Tensor:
        """Compute the loss of a batch."""
        raise NotImplementedError

    def epoch(self) -> float:
        """Train for one epoch; return the mean loss."""
        total: Any = 0
        for views in self.batches:
            loss = self.loss([view.to(self.device) for view in views])
            total += loss.detach()
            loss.backward()
            self.optimizer.step()
            self.optimizer.zero_grad()
        return float(total) / len(self.batches)


class SimCLR(Peer):
    """SimCLR."""

    def build(self, backbone: nn.Module, n_features: int) -> None:
        """Build trunk and head."""
        projection = SimCLRProjectionHead(n_features, n_features, 128)
        self.parts = nn.ModuleDict({"backbone": backbone, "projection": projection})
        self.criterion = NTXentLoss()

    def transform(self, workload: Workload) -> Any:
        """Return SimCLR's transform."""
        return SimCLRTransform(**settings(workload), cj_strength=0.5)

    def loss(self, views: Views) -> Tensor:
        """Compute NT-Xent of the two views."""
        backbone, projection = self.parts["backbone"], self.parts["projection"]
        return self.criterion(*(projection(backbone(view).flatten(1)) for view in views))


class BYOL(Peer):
    """BYOL."""

    def build(self, backbone: nn.Module, n_features: int) -> None:
        """Build both networks."""
        projection = BYOLProjectionHead(n_features, 512, 256)
        parts = {"backbone": backbone, "projection": projection}
        parts["prediction"] = BYOLPredictionHead(256, 512, 256)
        self.parts = nn.ModuleDict(parts)
        for name in ("backbone", "projection"):
            self.parts[f"{name}_target"] = copy.deepcopy(self.parts[name])
            deactivate_requires_grad(self.parts[f"{name}_target"])
        self.criterion = NegativeCosineSimilarity()

    def transform(self, workload: Workload) -> Any:
        """Return BYOL's pair of transforms."""
        known = settings(workload)
        return BYOLTransform(BYOLView1Transform(**known), BYOLView2Transform(**known))

    def loss(self, views: Views) -> Tensor:
        """Move the target, then compute the symmetric negative cosine."""
        parts = self.parts
        for name in ("backbone", "projection"):
            update_momentum(parts[name], parts[f"{name}_target"], m=0.99)
        with torch.no_grad():
            targets = [self.embed(view, "_target") for view in views]
        first, second = (parts["prediction"](self.embed(view)) for view in views)
        return (self.criterion(first, targets[1]) + self.criterion(second, targets[0])) / 2

    def embed(self, view: Tensor, of: str = "") -> Tensor:
        """Project a view by one of the networks."""
        features = self.parts[f"backbone{of}"](view).flatten(1)
        return self.parts[f"projection{of}"](features)
