"""Positive sampling and prototype scattering: loops, empty clusters, extremes, stop-gradients."""

from __future__ import annotations

import math

import pytest
import torch
from comparing import ROUNDING, compare_with_reference
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from skdeepcluster.losses.prototype import positive_sampling, prototype_scattering, prototypes

SIZES = [(1, 4, 2), (9, 3, 4), (5, 20, 3)]  # samples, clusters, width


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def some_labels(n: int, k: int) -> Tensor:
    return torch.randint(0, k, (n,), generator=torch.Generator().manual_seed(3))


def slow_prototypes(x: Tensor, labels: Tensor, k: int) -> dict[int, Tensor]:
    means = {}
    for cluster in range(k):
        members = [row / row.norm() for row, y in zip(x, labels, strict=True) if y == cluster]
        if members:
            mean = sum(members) / len(members)
            means[cluster] = mean / mean.norm()
    return means


def slow_scattering(
    online: Tensor, target: Tensor, labels: Tensor, k: int, temperature: float
) -> Tensor:
    means, target_means = (slow_prototypes(x, labels, k) for x in (online, target.detach()))
    total = 0 * online.sum()
    for cluster, mean in means.items():
        positive = torch.exp(mean @ target_means[cluster] / temperature)
        others = [torch.exp(mean @ m / temperature) for c, m in means.items() if c != cluster]
        total = total - torch.log(positive / (positive + sum(others)))
    return total / len(means)


@pytest.mark.parametrize(("n", "k", "d"), SIZES)
@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_prototype_scattering_equals_the_loop(n: int, k: int, d: int, temperature: float) -> None:
    online, target, labels = draw(n, d), draw(n, d, seed=1), some_labels(n, k)
    compare_with_reference(
        lambda x: prototype_scattering(x, target, labels, k, temperature),
        lambda x: slow_scattering(x, target.double(), labels, k, temperature),
        online,
    )


@pytest.mark.parametrize(("n", "k", "d"), SIZES)
def test_prototypes_equal_the_loop(n: int, k: int, d: int) -> None:
    x, labels = draw(n, d), some_labels(n, k)
    means, counts = prototypes(x, labels, k)
    expected = slow_prototypes(x, labels, k)
    assert means.shape == (k, d) and counts.shape == (k,)
    assert torch.equal(counts, labels.bincount(minlength=k).float())
    for cluster in range(k):
        wanted = expected.get(cluster, torch.zeros(d))
        torch.testing.assert_close(means[cluster], wanted, **ROUNDING)


def test_labels_out_of_range_belong_to_no_cluster() -> None:
    x = draw(4, 3)
    means, counts = prototypes(x, torch.tensor([0, -1, 2, 1]), 2)
    kept, _ = prototypes(x[[0, 3]], torch.tensor([0, 1]), 2)
    assert torch.equal(means, kept) and counts.tolist() == [1, 1]


def test_empty_clusters_change_nothing() -> None:
    online, target, labels = draw(8, 3), draw(8, 3, seed=1), torch.arange(8) % 3
    results = []
    for spread, k in ((1, 3), (1, 50), (7, 50)):  # no empty ones; at the end; in between
        x = online.clone().requires_grad_()
        value = prototype_scattering(x, target, labels * spread, k, 0.05)
        value.backward()
        results.append((value.detach(), x.grad))
    for value, gradient in results[1:]:
        torch.testing.assert_close(value, results[0][0])
        torch.testing.assert_close(gradient, results[0][1])


@pytest.mark.parametrize(("n", "k", "label"), [(1, 1, 0), (6, 1, 0), (6, 4, 2), (6, 4, -1)])
def test_one_cluster_or_none_costs_nothing(n: int, k: int, label: int) -> None:
    online = draw(n, 3).requires_grad_()
    labels = torch.full((n,), label)
    value = prototype_scattering(online, draw(n, 3, seed=1), labels, k, 0.1)
    value.backward()
    assert value == 0 and torch.equal(online.grad, torch.zeros(n, 3))


def test_members_that_cancel_are_finite() -> None:
    online = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]], requires_grad=True)
    value = prototype_scattering(online, online, torch.tensor([0, 0, 1]), 3, 0.1)
    value.backward()
    assert value.isfinite() and online.grad.isfinite().all()


def test_scattering_is_least_for_opposite_aligned_prototypes() -> None:
    x = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    labels = torch.tensor([0, 1])
    best = prototype_scattering(x, x, labels, 2, 0.5)
    assert best.item() == pytest.approx(math.log1p(math.exp(-4)), rel=1e-5)
    assert best < prototype_scattering(x, x.flip(0), labels, 2, 0.5)
    assert best < prototype_scattering(x.abs(), x.abs(), labels, 2, 0.5)


@pytest.mark.parametrize(("n", "d"), [(1, 1), (9, 3)])
def test_positive_sampling_equals_the_loop(n: int, d: int) -> None:
    target = draw(n, d, seed=1)

    def slow(x: Tensor) -> Tensor:
        rows = zip(x, target.double(), strict=True)
        return sum(((a / a.norm() - b / b.norm()) ** 2).sum() for a, b in rows) / n

    compare_with_reference(lambda x: positive_sampling(x, target), slow, draw(n, d))


def test_positive_sampling_runs_from_zero_to_four() -> None:
    x = draw(5, 4)
    assert positive_sampling(x, 3 * x).item() == pytest.approx(0, abs=1e-6)
    assert positive_sampling(x, -x).item() == pytest.approx(4, rel=1e-6)
    torch.testing.assert_close(positive_sampling(x, x.flip(0)), positive_sampling(x.flip(0), x))


@pytest.mark.parametrize("scale", [0.0, 1e-40, 1e-20, 1e30])
def test_finite_for_extreme_lengths(scale: float) -> None:
    x = (draw(6, 3) * scale).requires_grad_()
    labels = torch.arange(6) % 2
    value = positive_sampling(x, draw(6, 3, seed=1))
    value = value + prototype_scattering(x, draw(6, 3, seed=1), labels, 3, 0.1)
    value.backward()
    assert value.isfinite() and x.grad.isfinite().all()


def test_the_target_is_not_trained() -> None:
    online, target = draw(6, 3).requires_grad_(), draw(6, 3, seed=1).requires_grad_()
    for loss in (
        positive_sampling(online, target),
        prototype_scattering(online, target, torch.arange(6) % 3, 3, 0.5),
    ):
        online.grad = None
        loss.backward()
        assert online.grad.norm() > 1e-3 and target.grad is None


def test_prototypes_pass_gradients_to_the_features() -> None:
    x = draw(6, 3).requires_grad_()
    prototypes(x, torch.arange(6) % 2, 2)[0][:, 0].sum().backward()
    assert (x.grad.norm(dim=1) > 1e-4).all()


def test_autocast_does_not_lower_the_precision() -> None:
    online, target, labels = draw(6, 3), draw(6, 3, seed=1), torch.arange(6) % 3
    with torch.autocast("cpu", torch.bfloat16):
        inside = prototype_scattering(online, target, labels, 3, 0.1)
        means, _ = prototypes(online, labels, 3)
    assert torch.equal(inside, prototype_scattering(online, target, labels, 3, 0.1))
    assert torch.equal(means, prototypes(online, labels, 3)[0])


def test_no_host_synchronisation_and_no_other_device() -> None:
    with FakeTensorMode():
        x = torch.randn(6, 3, device="meta", requires_grad=True)
        labels = torch.zeros(6, dtype=torch.long, device="meta")
        assert positive_sampling(x, x).device.type == "meta"
        assert prototype_scattering(x, x, labels, 4, 0.5).device.type == "meta"
