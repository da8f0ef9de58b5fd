"""NT-Xent and InfoNCE against slow loops, symmetries, extremes, stop-gradients, other devices."""

from __future__ import annotations

import math

import pytest
import torch
from comparing import compare_with_reference
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from skdeepcluster.losses import info_nce, nt_xent, unit_vectors

SIZES = [(1, 3, 1.0), (2, 1, 0.5), (2, 5, 0.1), (7, 4, 0.1)]  # samples, width, temperature


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def unit(x: Tensor) -> Tensor:
    return x / x.norm(dim=-1, keepdim=True)


def slow_nt_xent(z1: Tensor, z2: Tensor, temperature: float) -> Tensor:
    rows = [x / x.norm() for x in [*z1, *z2]]
    n = len(z1)
    total = 0 * z1.sum()
    for i, row in enumerate(rows):
        exponentials = [
            torch.exp(row @ other / temperature) for j, other in enumerate(rows) if j != i
        ]
        positive = torch.exp(row @ rows[(i + n) % (2 * n)] / temperature)
        total = total - torch.log(positive / sum(exponentials))
    return total / (2 * n)


def slow_info_nce(query: Tensor, key: Tensor, negatives: Tensor, temperature: float) -> Tensor:
    total = 0 * query.sum()
    for q, k in zip(query, key.detach(), strict=True):
        positive = torch.exp(q @ k / temperature)
        others = sum(torch.exp(q @ row / temperature) for row in negatives.detach())
        total = total - torch.log(positive / (positive + others))
    return total / len(query)


@pytest.mark.parametrize(("n", "d", "temperature"), SIZES)
def test_nt_xent_equals_the_loop(n: int, d: int, temperature: float) -> None:
    compare_with_reference(
        lambda a, b: nt_xent(a, b, temperature),
        lambda a, b: slow_nt_xent(a, b, temperature),
        draw(n, d),
        draw(n, d, seed=1),
    )


def test_nt_xent_is_symmetric_and_blind_to_length_and_order() -> None:
    a, b = draw(7, 4), draw(7, 4, seed=1)
    expected = nt_xent(a, b, 0.5)
    order = torch.arange(7).flip(0)
    for value in (
        nt_xent(b, a, 0.5),
        nt_xent(3 * a, 0.1 * b, 0.5),
        nt_xent(a[order], b[order], 0.5),
    ):
        torch.testing.assert_close(value, expected)


def test_nt_xent_of_one_sample_is_zero() -> None:
    a = draw(1, 4).requires_grad_()
    value = nt_xent(a, draw(1, 4, seed=1), 0.1)
    value.backward()
    assert value == 0 and torch.equal(a.grad, torch.zeros_like(a))


def test_nt_xent_of_equal_vectors_is_the_log_of_the_number_of_comparisons() -> None:
    same = torch.ones(5, 3)
    assert nt_xent(same, same, 0.2).item() == pytest.approx(math.log(9), rel=1e-6)


def test_nt_xent_gives_gradients_to_both_views() -> None:
    a, b = draw(6, 4).requires_grad_(), draw(6, 4, seed=1).requires_grad_()
    nt_xent(a, b, 0.5).backward()
    assert a.grad.norm() > 1e-3 and b.grad.norm() > 1e-3


@pytest.mark.parametrize("scale", [0.0, 1e-40, 1e-20, 1e38])
def test_nt_xent_is_finite_for_extreme_lengths(scale: float) -> None:
    a = (draw(4, 3).sign() * scale).requires_grad_()
    value = nt_xent(a, draw(4, 3, seed=1), 0.07)
    value.backward()
    assert value.isfinite() and a.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_low_precision_inputs_are_computed_in_float32(dtype: torch.dtype) -> None:
    a, b = draw(6, 4).to(dtype), draw(6, 4, seed=1).to(dtype)
    assert torch.equal(nt_xent(a, b, 0.1), nt_xent(a.float(), b.float(), 0.1))
    assert torch.equal(info_nce(a, b, b, 0.1), info_nce(a.float(), b.float(), b.float(), 0.1))


def test_autocast_does_not_lower_the_precision() -> None:
    a, b = unit(draw(6, 4)), unit(draw(6, 4, seed=1))
    with torch.autocast("cpu", torch.bfloat16):
        inside = nt_xent(a, b, 0.1), info_nce(a, b, b, 0.1)
    assert torch.equal(inside[0], nt_xent(a, b, 0.1))
    assert torch.equal(inside[1], info_nce(a, b, b, 0.1))


@pytest.mark.parametrize(("n", "d", "temperature"), SIZES)
@pytest.mark.parametrize("m", [1, 6])
def test_info_nce_equals_the_loop(n: int, d: int, temperature: float, m: int) -> None:
    compare_with_reference(
        lambda q, k, rows: info_nce(q, k, rows, temperature),
        lambda q, k, rows: slow_info_nce(q, k, rows, temperature),
        unit(draw(n, d)),
        unit(draw(n, d, seed=1)),
        unit(draw(m, d, seed=2)),
    )


@pytest.mark.parametrize("mask", [[1, 1, 1, 1, 1], [1, 0, 1, 0, 0]])
def test_info_nce_ignores_masked_rows(mask: list[int]) -> None:
    query, key, queue = unit(draw(4, 3)), unit(draw(4, 3, seed=1)), unit(draw(5, 3, seed=2))
    kept = queue[torch.tensor(mask) == 1]
    compare_with_reference(
        lambda q: info_nce(q, key, queue, 0.2, torch.tensor(mask).float()),
        lambda q: slow_info_nce(q, key.double(), kept.double(), 0.2),
        query,
    )


def test_info_nce_without_negatives_is_zero() -> None:
    query, key = unit(draw(4, 3)).requires_grad_(), unit(draw(4, 3, seed=1))
    masked = info_nce(query, key, torch.zeros(5, 3), 0.1, torch.zeros(5))
    empty = info_nce(query, key, torch.zeros(0, 3), 0.1)
    (masked + empty).backward()
    assert masked == 0 and empty == 0 and torch.equal(query.grad, torch.zeros(4, 3))


def test_info_nce_trains_the_query_only() -> None:
    query, key, queue = (unit(draw(4, 3, seed=s)).requires_grad_() for s in range(3))
    info_nce(query, key, queue, 0.2).backward()
    assert query.grad.norm() > 1e-3
    assert key.grad is None and queue.grad is None


def test_unit_vectors_have_unit_length_and_keep_the_direction() -> None:
    x = draw(5, 3)
    for scale in (1e-25, 1.0, 1e30):
        torch.testing.assert_close(unit_vectors(x * scale), unit(x))
    torch.testing.assert_close(unit_vectors(x, dim=0), unit(x.T).T)
    assert torch.equal(unit_vectors(torch.zeros(2, 3)), torch.zeros(2, 3))


def test_no_host_synchronisation_and_no_other_device() -> None:
    with FakeTensorMode():
        a = torch.randn(4, 3, device="meta", requires_grad=True)
        mask = torch.ones(6, device="meta")
        rows = torch.randn(6, 3, device="meta")
        assert nt_xent(a, a, 0.1).device.type == "meta"
        assert info_nce(a, a, rows, 0.1, mask).device.type == "meta"
