"""Cluster contrast and entropy deficit against slow loops, symmetries, extremes."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from comparing import compare_with_reference
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from skdeepcluster.losses import entropy_deficit
from skdeepcluster.losses.contrast import cluster_contrast

SIZES = [(1, 1, 0.2), (1, 3, 1.0), (3, 7, 0.2), (8, 4, 1.0)]  # samples, clusters, temperature


def draw(*shape: int, seed: int = 0) -> Tensor:
    """Draw logits spread enough for clear assignments."""
    return 2 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def slow_cluster_contrast(p1: Tensor, p2: Tensor, temperature: float) -> Tensor:
    columns = [p[:, k] / p[:, k].norm() for p in (p1, p2) for k in range(p.shape[1])]
    n = p1.shape[1]
    total = 0 * p1.sum()
    for i, column in enumerate(columns):
        positive = torch.exp(column @ columns[(i + n) % (2 * n)] / temperature)
        others = [torch.exp(column @ c / temperature) for j, c in enumerate(columns) if j != i]
        total = total - torch.log(positive / sum(others))
    return total / (2 * n)


def slow_entropy_deficit(p1: Tensor, p2: Tensor) -> Tensor:
    total = 0 * p1.sum()
    for p in (p1, p2):
        total = total + math.log(p.shape[1])
        for k in range(p.shape[1]):
            size = sum(p[:, k]) / len(p)
            total = total + size * torch.log(size)
    return total


@pytest.mark.parametrize(("n", "k", "temperature"), SIZES)
def test_cluster_contrast_equals_the_loop(n: int, k: int, temperature: float) -> None:
    compare_with_reference(
        lambda a, b: cluster_contrast(a.softmax(1), b.softmax(1), temperature),
        lambda a, b: slow_cluster_contrast(a.softmax(1), b.softmax(1), temperature),
        draw(n, k),
        draw(n, k, seed=1),
    )


@pytest.mark.parametrize(("n", "k"), [(1, 1), (1, 3), (8, 4)])
def test_entropy_deficit_equals_the_loop(n: int, k: int) -> None:
    compare_with_reference(
        lambda a, b: entropy_deficit(a.softmax(1), b.softmax(1)),
        lambda a, b: slow_entropy_deficit(a.softmax(1), b.softmax(1)),
        draw(n, k),
        draw(n, k, seed=1),
    )


@pytest.mark.parametrize("loss", [lambda a, b: cluster_contrast(a, b, 0.5), entropy_deficit])
def test_symmetric_in_views_samples_and_clusters(loss: Callable[..., Tensor]) -> None:
    a, b = draw(9, 4).softmax(1), draw(9, 4, seed=1).softmax(1)
    rows, columns = torch.arange(9).roll(3), torch.arange(4).flip(0)
    for value in (loss(b, a), loss(a[rows], b[rows]), loss(a[:, columns], b[:, columns])):
        torch.testing.assert_close(value, loss(a, b))


@pytest.mark.parametrize("loss", [lambda a, b: cluster_contrast(a, b, 0.5), entropy_deficit])
def test_gradients_reach_both_views(loss: Callable[..., Tensor]) -> None:
    a, b = draw(9, 4).requires_grad_(), draw(9, 4, seed=1).requires_grad_()
    loss(a.softmax(1), b.softmax(1)).backward()
    assert a.grad.norm() > 1e-4 and b.grad.norm() > 1e-4


@pytest.mark.parametrize("loss", [lambda a, b: cluster_contrast(a, b, 0.5), entropy_deficit])
@pytest.mark.parametrize("spread", [0.0, 30.0, 60.0, 88.0, 100.0, 1e4])
@pytest.mark.parametrize(("n", "k"), [(1, 4), (6, 3)])
def test_finite_for_empty_and_underflowing_clusters(
    loss: Callable[..., Tensor], spread: float, n: int, k: int
) -> None:
    logits = torch.zeros(n, k)
    logits[:, 0] = spread  # the other columns hold exp(-spread), which is 0 from about 104 on
    logits.requires_grad_()
    p = logits.softmax(1)
    p.retain_grad()
    value = loss(p, p)
    value.backward()
    assert value.isfinite() and p.grad.isfinite().all() and logits.grad.isfinite().all()


def test_cluster_contrast_of_one_cluster_is_zero() -> None:
    p = torch.ones(4, 1, requires_grad=True)
    value = cluster_contrast(p, p.detach(), 0.1)
    value.backward()
    assert value == 0 and torch.equal(p.grad, torch.zeros_like(p))


def test_cluster_contrast_is_least_for_agreeing_one_hot_assignments() -> None:
    one_hot = torch.eye(3).repeat(4, 1)
    agreeing = cluster_contrast(one_hot, one_hot, 1.0)
    assert agreeing.item() == pytest.approx(math.log(math.e + 4) - 1, rel=1e-6)
    assert agreeing < cluster_contrast(one_hot, one_hot.roll(1, 0), 1.0)
    assert agreeing < cluster_contrast(one_hot, torch.full((12, 3), 1 / 3), 1.0)


@pytest.mark.parametrize("k", [1, 2, 10])
def test_entropy_deficit_runs_from_even_to_one_cluster(k: int) -> None:
    even = torch.eye(k).repeat(3, 1)
    single = torch.eye(k)[torch.zeros(6, dtype=torch.long)]
    assert entropy_deficit(even, even).item() == pytest.approx(0, abs=1e-6)
    assert entropy_deficit(single, single).item() == pytest.approx(2 * math.log(k), rel=1e-6)
    assert entropy_deficit(even, single).item() == pytest.approx(math.log(k), rel=1e-6)


def test_entropy_deficit_is_not_negative() -> None:
    for seed in range(5):
        p = (0.01 * draw(50, 6, seed=seed)).softmax(1)
        assert entropy_deficit(p, p) > -1e-6


def test_no_host_synchronisation_and_no_other_device() -> None:
    with FakeTensorMode():
        p = torch.randn(6, 3, device="meta", requires_grad=True).softmax(1)
        assert cluster_contrast(p, p, 0.5).device.type == "meta"
        assert entropy_deficit(p, p).device.type == "meta"
