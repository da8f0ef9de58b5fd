"""Clusters that are found again and keep their numbers."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from skdeepcluster.clustering import PseudoLabels
from skdeepcluster.clustering.kmeans import kmeans
from skdeepcluster.clustering.pseudo_labels import match_centers


def blobs(n_each: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    corners = torch.eye(4, 6).repeat_interleave(n_each, dim=0)
    return functional.normalize(corners + 0.05 * torch.randn(4 * n_each, 6, generator=generator))


def test_the_first_update_is_k_means() -> None:
    x, clusters = blobs(10), PseudoLabels(4, 6, n_init=3)
    assert not clusters.centers.any()
    clusters.resize(40)
    clusters.update(x, None, torch.Generator().manual_seed(5))
    generator = torch.Generator().manual_seed(5)
    expected = kmeans(x, 4, spherical=True, n_init=3, generator=generator)
    rows = {tuple(row) for row in clusters.centers.tolist()}
    assert rows == {tuple(row) for row in expected.centers.tolist()}
    assert torch.equal(clusters.labels, (x @ clusters.centers.T).argmax(dim=1))


def test_views_choose_among_starts() -> None:
    x = blobs(10)
    x[:10, 4] = x[20:30, 4] = 0.5  # the first and the third group are near each other,
    groups = functional.normalize(x).split(10)
    views = torch.cat([groups[0], groups[2]]), torch.cat([groups[1], groups[3]])  # but not alike
    found = []
    for judges in (None, views):
        clusters = PseudoLabels(2, 6, n_init=12)
        clusters.resize(40)
        clusters.centers[0] = functional.normalize(torch.cat(groups[:2]).sum(dim=0), dim=0)
        clusters.centers[1] = functional.normalize(torch.cat(groups[2:]).sum(dim=0), dim=0)
        clusters.update(torch.cat(groups), judges, torch.Generator().manual_seed(0))
        found.append([part.unique().tolist() for part in clusters.labels.split(10)])
    near, alike = found
    assert near[0] == near[2]
    assert alike == [[0], [0], [1], [1]]


@pytest.mark.parametrize("n_init", [1, 4])
def test_clusters_keep_their_numbers(n_init: int) -> None:
    clusters, generator = PseudoLabels(4, 6, n_init), torch.Generator().manual_seed(0)
    clusters.resize(40)
    clusters.update(blobs(10), None, generator)
    before = clusters.labels.clone()
    for seed in range(1, 6):
        clusters.update(blobs(10, seed), None, generator)
        assert torch.equal(clusters.labels, before)


def test_balancing_weights() -> None:
    clusters = PseudoLabels(3, 6, n_init=1)
    clusters.labels = torch.tensor([0, 0, 0, 2])
    weights = clusters.balancing_weights()
    torch.testing.assert_close(weights, torch.tensor([4 / 3, 4 / 3, 4 / 3, 4.0]))


def test_labels_are_forgotten() -> None:
    clusters = PseudoLabels(3, 6, n_init=1)
    clusters.resize(9)
    assert clusters.labels.tolist() == [0] * 9
    clusters.resize(0)
    assert clusters.labels.shape == (0,)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_centres_are_paired_as_by_trying_all(k: int) -> None:
    generator = torch.Generator().manual_seed(k)
    new, old = (torch.randn(k, 3, generator=generator) for _ in range(2))
    order = match_centers(new, old)
    assert sorted(order.tolist()) == list(range(k))
    sums = [float((new[list(p)] * old).sum()) for p in itertools.permutations(range(k))]
    assert float((new[order] * old).sum()) == pytest.approx(max(sums), rel=1e-5)


def test_centres_that_are_not_finite_are_paired_somehow() -> None:
    order = match_centers(torch.full((3, 2), float("nan")), torch.ones(3, 2))
    assert sorted(order.tolist()) == [0, 1, 2]


def test_samples_that_are_all_alike_are_one_cluster():
    row = functional.normalize(torch.randn(1, 5, generator=torch.Generator().manual_seed(0)))
    clusters = PseudoLabels(3, 5, 2)
    clusters.resize(40)
    for _ in range(3):
        clusters.update(row.repeat(40, 1), None, torch.Generator().manual_seed(0))
        assert len(clusters.labels.unique()) == 1
        own = clusters.centers[clusters.labels[0]]
        torch.testing.assert_close(own, row[0])
        assert (clusters.centers.norm(dim=1) > 0).sum() == 1
