"""The terms of twin contrast against slow loops, their noise, extremes and stop-gradients."""

from __future__ import annotations

import math

import pytest
import torch
from comparing import compare_with_reference
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from skdeepcluster.losses.twin import (
    categorical_kl,
    cluster_memory_contrast,
    cluster_vectors,
    gumbel_noise,
    jitter_memory,
    shift_by_prototypes,
)

SIZES = [(1, 1, 2), (2, 2, 1), (5, 9, 4)]  # samples, clusters, width


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def unit(x: Tensor) -> Tensor:
    return x / x.norm(dim=-1, keepdim=True)


def slow_cluster_vectors(assignments: Tensor, features: Tensor) -> Tensor:
    rows = []
    for k in range(assignments.shape[1]):
        total = sum(a[k] * u for a, u in zip(assignments, features, strict=True))
        rows.append(total / total.norm())
    return torch.stack(rows)


def slow_memory_contrast(r: Tensor, rbar: Tensor, past: list[Tensor], temperature: float) -> Tensor:
    total = 0 * r.sum()
    for k in range(len(r)):
        positive = torch.exp(r[k] @ rbar[k] / temperature)
        others = [
            torch.exp(r[k] @ rows[cluster] / temperature)
            for rows in (rbar, r, *past)
            for cluster in range(len(r))
            if cluster != k
        ]
        total = total - torch.log(positive / (positive + sum(others)))
    return total / len(r)


@pytest.mark.parametrize(("n", "k", "d"), SIZES)
def test_cluster_vectors_equal_the_loop(n: int, k: int, d: int) -> None:
    compare_with_reference(
        lambda a, u: cluster_vectors(a.softmax(1), u),
        lambda a, u: slow_cluster_vectors(a.softmax(1), u),
        draw(n, k),
        unit(draw(n, d, seed=1)),
    )


@pytest.mark.parametrize("weight", [1e-29, 1e-20, 1e-8])
def test_cluster_vectors_do_not_depend_on_the_weight_of_the_cluster(weight: float) -> None:
    assignments, features = draw(6, 3).softmax(1), unit(draw(6, 4, seed=1))
    scaled = (assignments * torch.tensor([weight, 1.0, 1.0])).requires_grad_()
    result = cluster_vectors(scaled, features)
    torch.testing.assert_close(result, cluster_vectors(assignments, features))
    result.sum().backward()
    assert scaled.grad.isfinite().all()


def test_an_empty_cluster_has_a_zero_vector_and_a_finite_gradient() -> None:
    assignments = torch.tensor([[1.0, 0.0], [1.0, 0.0]], requires_grad=True)
    result = cluster_vectors(assignments, torch.eye(2))
    result.sum().backward()
    assert torch.equal(result[1], torch.zeros(2)) and assignments.grad.isfinite().all()


@pytest.mark.parametrize(
    ("k", "d", "mask", "temperature"),
    [
        (1, 3, [1, 0, 1], 0.1),
        (2, 1, [0], 1.0),
        (3, 4, [], 0.1),
        (3, 4, [1, 0, 1], 1.0),
        (7, 2, [1], 0.1),
        (7, 2, [0, 0, 1], 1.0),
    ],
)
def test_cluster_memory_contrast_equals_the_loop(
    k: int, d: int, mask: list[int], temperature: float
) -> None:
    rbar, memory = unit(draw(k, d, seed=1)), unit(draw(len(mask), k, d, seed=2))
    past = [rows.double() for rows, kept in zip(memory, mask, strict=True) if kept]
    compare_with_reference(
        lambda r: cluster_memory_contrast(r, rbar, memory, temperature, torch.tensor(mask).float()),
        lambda r: slow_memory_contrast(r, rbar.double(), past, temperature),
        unit(draw(k, d)),
    )


def test_cluster_memory_contrast_of_one_cluster_is_zero() -> None:
    r = unit(draw(1, 3)).requires_grad_()
    value = cluster_memory_contrast(r, -r, unit(draw(4, 1, 3)), 0.1, torch.ones(4))
    value.backward()
    assert value == 0 and torch.equal(r.grad, torch.zeros(1, 3))


@pytest.mark.parametrize("q", [0, 1, 20])
def test_memory_of_the_same_cluster_is_left_out(q: int) -> None:
    r = torch.eye(2)
    value = cluster_memory_contrast(r, r, r.expand(q, 2, 2), 0.5, torch.ones(q))
    others = 2 + q  # one in the own branch, one in the key branch, one in each memory entry
    assert value.item() == pytest.approx(math.log1p(others * math.exp(-2)), rel=1e-5)


def test_cluster_memory_contrast_trains_the_query_side_only() -> None:
    r, rbar = unit(draw(3, 4)).requires_grad_(), unit(draw(3, 4, seed=1)).requires_grad_()
    memory = unit(draw(2, 3, 4, seed=2)).requires_grad_()
    cluster_memory_contrast(r, rbar, memory, 0.2, torch.ones(2)).backward()
    assert r.grad.norm() > 1e-3
    assert rbar.grad is None and memory.grad is None


@pytest.mark.parametrize(("n", "k", "d"), SIZES)
def test_shift_by_prototypes_equals_the_loop(n: int, k: int, d: int) -> None:
    def slow(u: Tensor, a: Tensor, m: Tensor) -> Tensor:
        rows = [u[i] + sum(a[i, c] * m[c] for c in range(k)) for i in range(n)]
        return torch.stack([row / row.norm() for row in rows])

    inputs = unit(draw(n, d)), draw(n, k, seed=1).softmax(1), unit(draw(k, d, seed=2))
    compare_with_reference(shift_by_prototypes, slow, *inputs)


def test_shift_that_cancels_the_feature_is_finite() -> None:
    u = torch.tensor([[1.0, 0.0]], requires_grad=True)
    result = shift_by_prototypes(u, torch.ones(1, 1), torch.tensor([[-1.0, 0.0]]))
    result.sum().backward()
    assert result.isfinite().all() and u.grad.isfinite().all()


@pytest.mark.parametrize(("n", "k"), [(1, 1), (1, 4), (5, 1), (6, 3)])
def test_categorical_kl_equals_the_loop(n: int, k: int) -> None:
    log_p = draw(n, k, seed=1).log_softmax(1)

    def slow(logits: Tensor) -> Tensor:
        q, p = logits.softmax(1), log_p.double().exp()
        terms = [q[i, c] * torch.log(q[i, c] / p[i, c]) for i in range(n) for c in range(k)]
        return sum(terms) / n

    compare_with_reference(lambda x: categorical_kl(x.log_softmax(1), log_p), slow, draw(n, k))


def test_categorical_kl_is_zero_for_equals_and_positive_otherwise() -> None:
    log_q, log_p = draw(5, 3).log_softmax(1), draw(5, 3, seed=1).log_softmax(1)
    assert categorical_kl(log_q, log_q) == 0
    assert categorical_kl(log_q, log_p) > 0.1
    sure, even = torch.tensor([[0.0, -1e4]]), torch.full((1, 2), -math.log(2))
    assert categorical_kl(sure, even).item() == pytest.approx(math.log(2), rel=1e-6)


def test_categorical_kl_trains_the_posterior_only() -> None:
    q, p = draw(5, 3).requires_grad_(), draw(5, 3, seed=1).requires_grad_()
    categorical_kl(q.log_softmax(1), p.log_softmax(1)).backward()
    assert q.grad.norm() > 1e-3 and p.grad is None


def test_gumbel_noise_makes_samples_of_the_distribution() -> None:
    probabilities = torch.tensor([0.5, 0.3, 0.15, 0.05])
    logits = probabilities.log().expand(40_000, 4) + 3  # a constant does not matter
    noise = gumbel_noise(logits, torch.Generator().manual_seed(0))
    shares = (logits + noise).argmax(1).bincount(minlength=4) / len(noise)
    torch.testing.assert_close(shares, probabilities, rtol=0, atol=0.0125)  # 5 sigma
    assert noise.isfinite().all()
    assert noise.mean().item() == pytest.approx(0.5772, abs=0.02)
    assert noise.var().item() == pytest.approx(math.pi**2 / 6, abs=0.05)


def test_the_noise_comes_from_the_generator_alone() -> None:
    logits, state = draw(5, 3), torch.get_rng_state()
    first, same, other = (
        gumbel_noise(logits, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)
    )
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_jitter_moves_unit_vectors_by_the_scale() -> None:
    memory = unit(draw(20, 50, 8))
    noise = torch.randn(20, 50, 8, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(jitter_memory(memory, 0.0, noise), memory, atol=1e-6)
    jittered = jitter_memory(memory, 0.01, noise)
    torch.testing.assert_close(jittered.norm(dim=-1), torch.ones(20, 50))
    spread = (jittered - memory).norm(dim=-1).square().mean().sqrt() / math.sqrt(7)
    assert spread.item() == pytest.approx(0.01, rel=0.05)  # the tangent space has 7 dimensions


def test_autocast_does_not_lower_the_precision() -> None:
    u, rows, mask = unit(draw(6, 4)), unit(draw(3, 4, seed=1)), torch.ones(2)
    weights, memory = draw(6, 3).softmax(1), unit(draw(2, 3, 4, seed=2))
    for function in (
        lambda: cluster_vectors(weights, u),
        lambda: cluster_memory_contrast(rows, rows.flip(0), memory, 0.1, mask),
        lambda: shift_by_prototypes(u, weights, rows),
    ):
        with torch.autocast("cpu", torch.bfloat16):
            inside = function()
        assert torch.equal(inside, function())


def test_no_host_synchronisation_and_no_other_device() -> None:
    with FakeTensorMode():
        u = torch.randn(5, 4, device="meta", requires_grad=True)
        memory = torch.randn(2, 3, 4, device="meta")
        mask = torch.ones(2, device="meta")
        c = (u[:, :3] + gumbel_noise(u[:, :3], None)).softmax(dim=1)
        r = cluster_vectors(c, u)
        results = [
            cluster_memory_contrast(r, r, jitter_memory(memory, 0.1, memory), 0.2, mask),
            shift_by_prototypes(u, c, r),
            categorical_kl(c.log(), c.log()),
        ]
        assert {result.device.type for result in results} == {"meta"}
