"""Bounds spare distances but never change an assignment."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from skdeepcluster.clustering.partition import Partition


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def check(partition: Partition, x: Tensor, centers: Tensor) -> None:
    distances = torch.cdist(x.double(), centers.double())
    own = distances.gather(1, partition.labels[:, None])[:, 0]
    torch.testing.assert_close(own, distances.amin(1), rtol=1e-5, atol=1e-5)
    one_hot = torch.nn.functional.one_hot(partition.labels, len(centers)).double()
    torch.testing.assert_close(partition.sums, one_hot.T @ x.double(), rtol=1e-5, atol=1e-5)
    assert torch.equal(partition.counts(), one_hot.sum(0).long())
    torch.testing.assert_close(
        partition.squared_distances().double(), own.square(), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize(
    ("n", "k", "d", "step", "size"),
    [
        (1, 1, 1, 0.1, 16),
        (50, 1, 3, 3.0, 16),
        (40, 40, 2, 0.1, 1000),
        (300, 8, 5, 0.0, 1000),
        (300, 8, 5, 1e-3, 16),
        (300, 8, 5, 0.1, 16),
        (300, 8, 5, 3.0, 1000),
    ],
)
def test_follows_wandering_centers(n: int, k: int, d: int, step: float, size: int) -> None:
    x, centers = draw(n, d), draw(k, d, seed=1)
    partition = Partition(x, centers, size)
    check(partition, x, centers)
    for time in range(15):
        before = partition.labels.clone()
        centers = centers + step * draw(k, d, seed=2 + time)
        changed = partition.move(centers)
        assert changed == (not torch.equal(before, partition.labels))
        check(partition, x, centers)


def test_small_moves_spare_most_distances(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.cat([draw(500, 4), draw(500, 4, seed=1) + 10])
    centers = torch.stack([x[:500].mean(0), x[500:].mean(0)])
    partition = Partition(x, centers, 64)
    compared = []
    reassign = Partition._reassign
    monkeypatch.setattr(
        Partition,
        "_reassign",
        lambda self, rows: compared.append(len(rows)) or reassign(self, rows),
    )
    partition.move(centers + 0.01)
    assert sum(compared) == 0
    partition.move(centers.flip(0))
    assert sum(compared) == 1000 and (partition.labels[:500] == 1).all()
