"""Contrastive Clustering trained in the usual way, written anew: images one by one, in workers."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from skdeepcluster.networks.backbone import build_backbone
from timing.workloads import N_CLUSTERS, Workload

N_WORKERS = 2


class Views(Dataset):
    """
    Images and the views that a transform makes of each.

    Parameters
    ----------
    images : ndarray of shape (n, H, W) or (n, H, W, 3), dtype uint8
        The images.
    transform : callable
        Takes a PIL image and returns a list of tensors.
    """

    def __init__(self, images: np.ndarray, transform: Any) -> None:
        self.images = images
        self.transform = transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, number: int) -> list[Tensor]:
        return self.transform(Image.fromarray(self.images[number]))


class Twice:
    """Apply a transform twice."""

    def __init__(self, transform: Any) -> None:
        self.transform = transform

    def __call__(self, image: Image.Image) -> list[Tensor]:
        return [self.transform(image), self.transform(image)]


def photo(side: int) -> Any:
    """Return SimCLR's transforms for small images in colour."""
    jitter = transforms.ColorJitter(0.4, 0.4, 0.4, 0.1)
    return transforms.Compose(
        [
            transforms.RandomResizedCrop(side, scale=(0.2, 1.0)),
            transforms.RandomHorizontalFlip(),
            transforms.RandomApply([jitter], p=0.8),
            transforms.RandomGrayscale(0.2),
            transforms.ToTensor(),
            transforms.Normalize([0.5] * 3, [0.25] * 3),
        ]
    )


def glyph(side: int) -> Any:
    """Return the like for grey signs: the changes that our own augmentation makes."""
    jitter = transforms.ColorJitter(0.6, 0.6)
    return transforms.Compose(
        [
            transforms.RandomAffine(15, translate=(0.1, 0.1), scale=(0.8, 1.2), shear=15),
            transforms.RandomResizedCrop(side, scale=(0.6, 1.0)),
            transforms.RandomApply([jitter], p=0.8),
            transforms.RandomApply([transforms.GaussianBlur(3, (0.1, 1.0))], p=0.5),
            transforms.ToTensor(),
            transforms.Normalize([0.5], [0.25]),
        ]
    )


def loader(
    images: np.ndarray,
    transform: Any,
    workload: Workload,
    device: torch.device,
    n_workers: int = N_WORKERS,
) -> Any:
    """Return a loader with workers that outlive the epoch."""
    return DataLoader(
        Views(images, transform),
        batch_size=workload.batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=n_workers,
        persistent_workers=n_workers > 0,
        pin_memory=device.type == "cuda",
    )


def trunk(workload: Workload) -> tuple[nn.Module, int]:
    """Build the trunk that the estimators would build."""
    generator = torch.Generator().manual_seed(0)
    return build_backbone(workload.backbone, workload.canonical, generator)


def head(n_features: int, n_out: int) -> nn.Module:
    """Return a head of two layers."""
    hidden = nn.Linear(n_features, n_features)
    return nn.Sequential(hidden, nn.ReLU(), nn.Linear(n_features, n_out))


def contrast(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """Compute NT-Xent between the rows of two matrices."""
    rows = functional.normalize(torch.cat([first, second]), dim=1)
    similarity = rows @ rows.T / temperature
    similarity.fill_diagonal_(float("-inf"))
    partner = torch.arange(len(rows), device=rows.device).roll(len(first))
    return functional.cross_entropy(similarity, partner)


def negative_entropy(assignment: Tensor) -> Tensor:
    """Compute the negative entropy of the mean assignment."""
    share = assignment.mean(0)
    return (share * share.log()).sum()


class PublishedLoop:
    """
    Contrastive Clustering in float32, one forward pass a view.

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
        side = workload.shape[0]
        transform = Twice(photo(side) if len(workload.shape) == 3 else glyph(side))
        self.batches = loader(workload.images(n_images), transform, workload, device)
        backbone, n_features = trunk(workload)
        instance, cluster = head(n_features, 128), head(n_features, N_CLUSTERS)
        self.parts = nn.ModuleList([backbone, instance, cluster]).to(device).train()
        self.optimizer = torch.optim.Adam(self.parts.parameters(), lr=3e-4)
        self.device = device

    def epoch(self) -> float:
        """Train for one epoch; return the summed loss."""
        total = 0.0
        for views in self.batches:
            self.optimizer.zero_grad()
            (z1, p1), (z2, p2) = (self.forward(view.to(self.device)) for view in views)
            loss = contrast(z1, z2, 0.5) + contrast(p1.T, p2.T, 1.0)
            loss = loss + negative_entropy(p1) + negative_entropy(p2)
            loss.backward()
            self.optimizer.step()
            total += loss.item()
        return total

    def forward(self, view: Tensor) -> tuple[Tensor, Tensor]:
        """Return the embedding and the assignment of one view."""
        backbone, instance, cluster = self.parts
        features = backbone(view)
        return instance(features), cluster(features).softmax(1)
