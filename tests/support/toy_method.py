"""A fifth method in a file of its own: SimCLR, and even clusters from a confident softmax."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from skdeepcluster.base import DeepClusterer
from skdeepcluster.losses import entropy_deficit, nt_xent, unit_vectors
from skdeepcluster.networks import mlp
from skdeepcluster.training import Objective, Step


class ToyObjective(Objective):
    """Two heads on a trunk."""

    def __init__(
        self, backbone: nn.Module, n_features: int, generator: torch.Generator, method: ToyMethod
    ) -> None:
        super().__init__(backbone)
        self.temperature = method.temperature
        self.projector = mlp((n_features, method.embedding_dim), generator)
        self.classifier = mlp((n_features, method.n_clusters), generator)

    def forward(self, views: Tensor) -> tuple[Tensor, ...]:
        features = self.backbone(views)
        return self.projector(features), self.classifier(features)

    def step(self, outputs: tuple[Tensor, ...], index: Tensor) -> Step:
        z, logits = outputs
        (z1, z2), (p1, p2) = z.chunk(2), functional.softmax(logits, dim=1).chunk(2)
        losses = {
            "instance": nt_xent(z1, z2, self.temperature),
            "agreement": 1 - (p1 * p2).sum(dim=1).mean(),
            "balance": entropy_deficit(p1, p2),
        }
        return Step(losses, logits[: len(z1)], unit_vectors(z1))

    def infer(self, x: Tensor) -> tuple[Tensor, Tensor]:
        z, logits = self(x)
        return unit_vectors(z), logits


class ToyMethod(DeepClusterer):
    """SimCLR with a softmax head whose views should agree, on even clusters."""

    def _build_objective(
        self, backbone: nn.Module, n_features: int, generator: torch.Generator
    ) -> Objective:
        return ToyObjective(backbone, n_features, generator, self)
