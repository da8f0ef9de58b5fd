"""Sinkhorn scaling against a slow loop: marginals, queue, extremes, devices."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from skdeepcluster.clustering.sinkhorn import sinkhorn

SIZES = [(1, 4), (3, 7), (12, 1), (20, 4)]


def draw(*shape: int, seed: int = 0) -> Tensor:
    return 2 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def slow_sinkhorn(logits: Tensor, epsilon: float, n_iterations: int) -> Tensor:
    q = torch.exp(logits.double() / epsilon)
    b, k = q.shape
    for _ in range(n_iterations):
        for c in range(k):
            q[:, c] *= b / k / q[:, c].sum()
        for r in range(b):
            q[r] /= q[r].sum()
    return q


@pytest.mark.parametrize(
    ("b", "k", "epsilon", "n_iterations"),
    [(1, 1, 0.25, 1), (1, 4, 1.0, 3), (3, 7, 0.25, 3), (12, 1, 1.0, 10), (20, 4, 0.25, 10)],
)
def test_equals_the_loop(b: int, k: int, epsilon: float, n_iterations: int) -> None:
    result = sinkhorn(draw(b, k), epsilon, n_iterations)
    expected = slow_sinkhorn(draw(b, k), epsilon, n_iterations).float()
    torch.testing.assert_close(result, expected, rtol=1e-4, atol=1e-5)


def test_no_round_is_the_softmax() -> None:
    torch.testing.assert_close(sinkhorn(draw(5, 3), 0.5, 0), (draw(5, 3) / 0.5).softmax(1))


@pytest.mark.parametrize("n_iterations", [0, 1])
def test_rows_always_sum_to_one(n_iterations: int) -> None:
    b, k = 20, 4
    result = sinkhorn(draw(b, k), n_iterations=n_iterations)
    assert result.dtype == torch.float32 and (result >= 0).all()
    torch.testing.assert_close(result.sum(1), torch.ones(b))


@pytest.mark.parametrize(("b", "k"), SIZES)
def test_columns_are_even_in_the_limit(b: int, k: int) -> None:
    result = sinkhorn(draw(b, k), n_iterations=200)
    torch.testing.assert_close(result.sum(0), torch.full((k,), b / k), rtol=1e-3, atol=1e-4)


def test_constants_of_rows_and_columns_do_not_matter_in_the_limit() -> None:
    logits = draw(8, 3)
    shifted = logits + draw(8, 1, seed=1) + draw(1, 3, seed=2)
    results = [sinkhorn(x, n_iterations=200) for x in (logits, shifted)]
    torch.testing.assert_close(*results, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("m", [1, 30])
def test_queue_rows_count_but_are_not_returned(m: int) -> None:
    logits, queue = draw(6, 4), draw(m, 4, seed=1)
    expected = sinkhorn(torch.cat([queue, logits]))[m:]
    torch.testing.assert_close(sinkhorn(logits, queue=queue), expected)
    assert not torch.allclose(sinkhorn(logits), expected, atol=1e-3)


def test_masked_queue_rows_do_not_count() -> None:
    logits, queue = draw(6, 4), draw(5, 4, seed=1)
    mask = torch.tensor([1.0, 0.0, 1.0, 0.0, 0.0])
    expected = sinkhorn(logits, queue=queue[mask == 1])
    torch.testing.assert_close(sinkhorn(logits, queue=queue, queue_mask=mask), expected)
    empty = sinkhorn(logits, queue=queue, queue_mask=torch.zeros(5))
    torch.testing.assert_close(empty, sinkhorn(logits))


@pytest.mark.parametrize("scale", [0.0, 1e2, 1e8])
@pytest.mark.parametrize(("b", "k"), [(1, 4), (12, 1), (20, 4)])
def test_finite_for_extreme_logits(scale: float, b: int, k: int) -> None:
    result = sinkhorn(scale * draw(b, k), epsilon=0.05)
    assert result.isfinite().all()
    torch.testing.assert_close(result.sum(1), torch.ones(b))


def test_uniform_logits_give_uniform_codes() -> None:
    torch.testing.assert_close(sinkhorn(torch.full((5, 4), 3.0)), torch.full((5, 4), 0.25))


def test_a_collapsed_batch_is_spread_over_the_clusters() -> None:
    logits = 0.1 * draw(40, 4) + torch.tensor([5.0, 0.0, 0.0, 0.0])  # all in the first cluster
    assert (logits.argmax(1) == 0).all()
    sizes = sinkhorn(logits, n_iterations=10).sum(0)
    torch.testing.assert_close(sizes, torch.full((4,), 10.0), rtol=1e-3, atol=0)


def test_no_gradient_flows_and_nothing_is_changed() -> None:
    logits, mask = draw(5, 3).requires_grad_(), torch.ones(5)
    before = logits.detach().clone()
    result = sinkhorn(logits, queue=logits, queue_mask=mask)
    assert not result.requires_grad
    assert torch.equal(logits, before) and mask.sum() == 5


def test_entropy_weight_sharpens() -> None:
    def entropy(q: Tensor) -> float:
        return -(q * q.clamp_min(1e-30).log()).sum(1).mean().item()

    entropies = [entropy(sinkhorn(draw(30, 5), epsilon)) for epsilon in (0.05, 0.25, 1.0, 100.0)]
    assert entropies == sorted(entropies)
    assert entropies[-1] == pytest.approx(math.log(5), rel=1e-2)


def test_no_host_synchronisation_and_no_other_device() -> None:
    with FakeTensorMode():
        logits, mask = torch.randn(6, 3, device="meta"), torch.ones(6, device="meta")
        assert sinkhorn(logits, queue=logits, queue_mask=mask).device.type == "meta"
