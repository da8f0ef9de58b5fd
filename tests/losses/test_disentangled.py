"""The joint contrast against a slow loop, its gradient's form, extremes and stop-gradients."""

from __future__ import annotations

import math

import pytest
import torch
from comparing import compare_with_reference
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from skdeepcluster.losses.contrast import joint_contrast


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def inputs(b: int, k: int, d: int) -> list[Tensor]:
    p, q = (draw(b, k, seed=s).softmax(1) for s in (0, 1))
    n, n_other = (torch.nn.functional.normalize(draw(b, d, seed=s)) for s in (2, 3))
    return [p, n, q, n_other]


def slow_joint_contrast(
    p: Tensor, n: Tensor, q: Tensor, n_other: Tensor, temperature: float, gamma: float
) -> Tensor:
    total = 0 * p.sum()
    for i in range(len(p)):
        s = [(gamma * (p[i] @ q[j]) + n[i] @ n_other[j]) / temperature for j in range(len(p))]
        total = total - torch.log(torch.exp(s[i]) / sum(torch.exp(x) for x in s))
    return total / len(p)


@pytest.mark.parametrize(
    ("b", "k", "d", "temperature", "gamma"),
    [(1, 3, 2, 0.5, 1.0), (2, 2, 1, 0.1, 1.0), (5, 9, 4, 1.0, 0.3), (5, 1, 4, 0.5, 0.0)],
)
def test_equals_the_loop(b: int, k: int, d: int, temperature: float, gamma: float) -> None:
    p, n, q, n_other = inputs(b, k, d)
    compare_with_reference(
        lambda p, n: joint_contrast(p, n, q, n_other, temperature, gamma),
        lambda p, n: slow_joint_contrast(p, n, q.double(), n_other.double(), temperature, gamma),
        p,
        n,
    )


def test_default_weight_is_one() -> None:
    assert torch.equal(
        joint_contrast(*inputs(5, 3, 4), 0.5), joint_contrast(*inputs(5, 3, 4), 0.5, 1.0)
    )


def test_order_of_samples_and_names_of_clusters_do_not_matter() -> None:
    p, n, q, n_other = inputs(6, 4, 3)
    expected = joint_contrast(p, n, q, n_other, 0.5)
    rows, columns = torch.arange(6).roll(2), torch.arange(4).flip(0)
    moved = joint_contrast(p[rows], n[rows], q[rows], n_other[rows], 0.5)
    renamed = joint_contrast(p[:, columns], n, q[:, columns], n_other, 0.5)
    torch.testing.assert_close(moved, expected)
    torch.testing.assert_close(renamed, expected)


def test_only_this_view_is_trained() -> None:
    p, n, q, n_other = (x.requires_grad_() for x in inputs(6, 4, 3))
    joint_contrast(p, n, q, n_other, 0.5).backward()
    assert p.grad.norm() > 1e-3 and n.grad.norm() > 1e-3
    assert q.grad is None and n_other.grad is None


def test_one_sample_costs_nothing() -> None:
    p, n, q, n_other = inputs(1, 3, 2)
    p.requires_grad_()
    value = joint_contrast(p, n, q, n_other, 0.1)
    value.backward()
    assert value == 0 and torch.equal(p.grad, torch.zeros(1, 3))


def test_one_cluster_leaves_the_instance_part() -> None:
    _, n, _, n_other = inputs(8, 1, 4)
    ones = torch.ones(8, 1)
    instance = joint_contrast(ones, n, ones, n_other, 0.5, gamma=0.0)
    torch.testing.assert_close(joint_contrast(ones, n, ones, n_other, 0.5), instance)


def test_indistinguishable_samples_cost_the_log_of_their_number() -> None:
    p, n = torch.full((7, 3), 1 / 3), torch.eye(2)[torch.zeros(7, dtype=torch.long)]
    assert joint_contrast(p, n, p, n, 0.5).item() == pytest.approx(math.log(7), rel=1e-6)


def test_autocast_does_not_lower_the_precision() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        inside = joint_contrast(*inputs(6, 4, 3), 0.1)
    assert torch.equal(inside, joint_contrast(*inputs(6, 4, 3), 0.1))


def test_no_host_synchronisation_and_no_other_device() -> None:
    with FakeTensorMode():
        p = torch.randn(6, 3, device="meta", requires_grad=True)
        assert joint_contrast(p, p, p, p, 0.5).device.type == "meta"
