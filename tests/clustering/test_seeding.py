"""Starting centres: rows of the samples, spread out, sought among boundedly many."""

from __future__ import annotations

import pytest
import torch

from skdeepcluster.clustering import seeding
from skdeepcluster.clustering.seeding import plus_plus_centers


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("n", "k"), [(1, 1), (5, 5), (60, 7)])
def test_centers_are_distinct_samples(n: int, k: int) -> None:
    x = torch.randn(n, 3, generator=generator())
    centers = plus_plus_centers(x, k, generator())
    assert centers.shape == (k, 3)
    assert (torch.cdist(centers, x) == 0).any(1).all()
    assert len(centers.unique(dim=0)) == k


@pytest.mark.parametrize("seed", range(5))
def test_each_of_some_distant_groups_gets_a_center(seed: int) -> None:
    groups = torch.arange(12).repeat_interleave(20)
    x = torch.randn(240, 2, generator=generator()) + 1e4 * torch.stack([groups, groups**2], 1)
    centers = plus_plus_centers(x, 12, generator(seed))
    nearest = torch.cdist(centers, x).argmin(1)
    assert sorted(groups[nearest].tolist()) == list(range(12))


def test_starts_are_better_than_random_ones() -> None:
    x = torch.randn(500, 2, generator=generator()).sign() * 5
    x = x + torch.randn(500, 2, generator=generator(1))
    costs = [torch.cdist(x, plus_plus_centers(x, 4, generator(s))).amin(1).sum() for s in range(20)]
    random = [
        torch.cdist(x, x[torch.randperm(500, generator=generator(s))[:4]]).amin(1).sum()
        for s in range(20)
    ]
    assert sum(costs) < 0.8 * sum(random)


def test_many_samples_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeding, "_FEWEST_ROWS", 8)
    seen = []
    distances = seeding._squared_distances
    monkeypatch.setattr(
        seeding,
        "_squared_distances",
        lambda x, *rest: seen.append(len(x)) or distances(x, *rest),
    )
    x = torch.randn(1000, 2, generator=generator())
    assert plus_plus_centers(x, 3, generator()).shape == (3, 2)
    assert set(seen) == {3 * 64}


def test_duplicates_only() -> None:
    assert torch.equal(plus_plus_centers(torch.ones(6, 2), 4, generator()), torch.ones(4, 2))


def test_the_seed_decides() -> None:
    x = torch.randn(200, 2, generator=generator())
    first, second, other = (plus_plus_centers(x, 5, generator(s)) for s in (0, 0, 1))
    assert torch.equal(first, second) and not torch.equal(first, other)
