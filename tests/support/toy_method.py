"""A fifth method in a file of its own: SimCLR, and even clusters from a confident softmax."""

from __future__ import annotations

import torch
from torch.nn import functional

from skdeepcluster.base import DeepClusterer
from skdeepcluster.losses import entropy_deficit, nt_xent, unit_vectors
from skdeepcluster.networks import Model, mlp
from skdeepcluster.training import Objective, Step


class ToyModel(Model):
    """Two heads on a trunk."""

    def __init__(self, backbone, n_features, generator, method):
        super().__init__(backbone)
        self.projector = mlp((n_features, method.embedding_dim), generator)
        self.classifier = mlp((n_features, method.n_clusters), generator)

    def forward(self, x):
        features = self.backbone(x)
        return unit_vectors(self.projector(features)), self.classifier(features)


class ToyObjective(Objective):
    """Views of a sample are alike, and clusters even."""

    def __init__(self, model, schedule, method):
        super().__init__(model, schedule)
        self.method = method

    def forward(self, batch):
        return self.model(torch.cat(batch.views))

    def step(self, outputs, batch):
        z, logits = outputs
        (z1, z2), (p1, p2) = z.chunk(2), functional.softmax(logits, dim=1).chunk(2)
        losses = {
            "instance": nt_xent(z1, z2, self.method.temperature),
            "agreement": 1 - (p1 * p2).sum(dim=1).mean(),
            "balance": entropy_deficit(p1, p2),
        }
        return Step(losses, logits[: len(z1)], z1)


class ToyMethod(DeepClusterer):
    """SimCLR with a softmax head whose views should agree, on even clusters."""

    def _build_model(self, backbone, n_features, generator):
        return ToyModel(backbone, n_features, generator, self)

    def _build_objective(self, model, schedule, generator):
        return ToyObjective(model, schedule, self)
