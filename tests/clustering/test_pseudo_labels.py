"""Clusters that are found again and keep their numbers."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from skdeepcluster.clustering.kmeans import kmeans
from skdeepcluster.clustering.pseudo_labels import (
    _merged,
    balancing_weights,
    clusters_like,
    match_centers,
)


def blobs(n_each: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    corners = torch.eye(4, 6).repeat_interleave(n_each, dim=0)
    return functional.normalize(corners + 0.05 * torch.randn(4 * n_each, 6, generator=generator))


def test_without_centres_to_go_on_from_it_is_k_means() -> None:
    x = blobs(10)
    generators = [torch.Generator().manual_seed(5) for _ in range(2)]
    centers, labels = clusters_like(torch.zeros(4, 6), x, None, generators[0], 3)
    expected = kmeans(x, 4, spherical=True, n_init=3, generator=generators[1])
    rows = {tuple(row) for row in centers.tolist()}
    assert rows == {tuple(row) for row in expected.centers.tolist()}
    assert torch.equal(labels, (x @ centers.T).argmax(dim=1))


def test_views_choose_among_starts() -> None:
    x = blobs(10)
    x[:10, 4] = x[20:30, 4] = 0.5  # the first and the third group are near each other,
    groups = functional.normalize(x).split(10)
    views = torch.cat([groups[0], groups[2]]), torch.cat([groups[1], groups[3]])  # but not alike
    halves = torch.cat(groups[:2]).sum(dim=0), torch.cat(groups[2:]).sum(dim=0)
    previous, found = functional.normalize(torch.stack(halves)), []
    for judges in (None, views):
        generator = torch.Generator().manual_seed(0)
        _, labels = clusters_like(previous, torch.cat(groups), judges, generator, 12)
        found.append([part.unique().tolist() for part in labels.split(10)])
    near, alike = found
    assert near[0] == near[2]
    assert alike == [[0], [0], [1], [1]]


@pytest.mark.parametrize("n_init", [1, 4])
def test_clusters_keep_their_numbers(n_init: int) -> None:
    generator = torch.Generator().manual_seed(0)
    centers, before = clusters_like(torch.zeros(4, 6), blobs(10), None, generator, n_init)
    for seed in range(1, 6):
        centers, labels = clusters_like(centers, blobs(10, seed), None, generator, n_init)
        assert torch.equal(labels, before)


def test_balancing_weights() -> None:
    weights = balancing_weights(torch.tensor([0, 0, 0, 2]), 3)
    torch.testing.assert_close(weights, torch.tensor([4 / 3, 4 / 3, 4 / 3, 4.0]))


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
    centers = torch.zeros(3, 5)
    for _ in range(3):
        generator = torch.Generator().manual_seed(0)
        centers, labels = clusters_like(centers, row.repeat(40, 1), None, generator, 2)
        assert len(labels.unique()) == 1
        torch.testing.assert_close(centers[labels[0]], row[0])
        assert (centers.norm(dim=1) > 0).sum() == 1


def test_clusters_stand_for_the_classes_that_are_known():
    x, known = blobs(10), torch.full((40,), -1)
    known[[20, 21]], known[5] = 0, 3  # the third blob, and the first
    for previous in (torch.zeros(4, 6), functional.normalize(torch.eye(4, 6).flip(0) + 0.1)):
        centers, labels = clusters_like(
            previous, x, None, torch.Generator().manual_seed(0), 3, known=known
        )
        assert labels[20:30].eq(0).all()
        assert labels[:10].eq(3).all()
        assert sorted(labels[[0, 10, 20, 30]].tolist()) == [0, 1, 2, 3]
        assert torch.equal(labels, (x @ centers.T).argmax(dim=1))


def test_a_sample_stays_in_the_cluster_it_is_known_to_belong_to():
    x, known = blobs(10), torch.full((40,), -1)
    known[:8], known[19] = 1, 1  # the last of these lies in another blob
    _, labels = clusters_like(
        torch.zeros(4, 6), x, None, torch.Generator().manual_seed(0), 3, known=known
    )
    assert labels[19] == 1
    assert labels[:10].eq(1).all()
    assert labels[10:19].ne(1).all()


def test_centres_whose_products_are_rounded_are_not_lost() -> None:
    """On GPUs, TF32 may make the product of a unit vector with itself less than 1 by 1e-4."""
    centers = 0.9999 * torch.eye(4, 6)
    labels = torch.arange(4)
    kept, same = _merged(centers, labels)
    assert torch.equal(kept, centers) and torch.equal(same, labels)
    twice = torch.eye(4, 6)[[0, 1, 0, 2]]
    kept, same = _merged(twice, labels)
    assert torch.equal(same, torch.tensor([0, 1, 0, 3])) and not kept[2].any()
