"""The information between clusters of two views against a slow sum, and at its ends."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from skdeepcluster.clustering.pseudo_labels import view_information, views_needed


def test_the_information_is_that_of_the_table_of_both_labels() -> None:
    generator = torch.Generator().manual_seed(0)
    first, centers = (torch.randn(n, 3, generator=generator) for n in (70, 4))
    second = first + 0.5 * torch.randn(70, 3, generator=generator)
    table = torch.zeros(4, 4, dtype=torch.float64)
    for one, other in zip(first, second, strict=True):
        nearest = [max(range(4), key=lambda k, x=x: float(x @ centers[k])) for x in (one, other)]
        table[tuple(nearest)] += 1 / 70
    expected = 0.0
    for i in range(4):
        for j in range(4):
            if table[i, j] > 0:
                alone = float(table[i].sum() * table[:, j].sum())
                expected += float(table[i, j]) * math.log(float(table[i, j]) / alone)
    assert view_information((first, second), centers) == pytest.approx(expected, abs=1e-9)


def test_clusters_that_both_views_share_equally_tell_most() -> None:
    rows = functional.normalize(torch.eye(4).repeat(5, 1) + 0.01)
    assert view_information((rows, rows), torch.eye(4)) == pytest.approx(math.log(4))
    assert view_information((rows, rows.flip(1)), torch.eye(4)) == pytest.approx(math.log(4))
    assert view_information((rows, rows), torch.eye(4)[:1]) == 0
    unrelated = rows.repeat_interleave(4, dim=0), rows[:4].repeat(20, 1)
    assert view_information(unrelated, torch.eye(4)) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("n_clusters", "expected"), [(1, 1024), (64, 1024), (100, 1600)])
def test_many_clusters_need_many_views(n_clusters: int, expected: int) -> None:
    assert views_needed(n_clusters) == expected
