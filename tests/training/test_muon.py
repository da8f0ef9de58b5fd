"""Muon against its definition by singular values, and beside Adam."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from skdeepcluster.training.muon import LR_FACTOR, Muon, is_kernel, orthogonalise


def _draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def _polynomial(values: torch.Tensor) -> torch.Tensor:
    """Apply the five rounds to single singular values."""
    for _ in range(5):
        values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
    return values


@pytest.mark.parametrize("shape", [(1, 32, 288), (3, 64, 16), (2, 8, 8)])
def test_singular_values_follow_the_polynomial(shape):
    x = _draw(*shape)
    u, s, v = torch.linalg.svd(x.double(), full_matrices=False)
    s = _polynomial(s / s.norm(dim=1, keepdim=True))
    torch.testing.assert_close(orthogonalise(x), ((u * s[:, None]) @ v).float(), rtol=0, atol=2e-5)


def test_singular_values_come_near_one():
    found = torch.linalg.svdvals(orthogonalise(_draw(4, 32, 100)))
    assert found.min() > 0.6
    assert found.max() < 1.3


def test_zero_stays_zero():
    assert not orthogonalise(torch.zeros(2, 4, 9)).any()


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((32, 32, 3, 3), True), ((32, 1, 3, 3), False), ((512, 512), False), ((1, 64, 32), False)],
)
def test_kernels_are_what_convolves(shape, expected):
    assert is_kernel(torch.zeros(shape)) is expected


def _steps(optimizer: torch.optim.Optimizer, net: nn.Module, n_steps: int = 3) -> None:
    for seed in range(n_steps):
        net(_draw(4, 8, 5, 5, seed=seed)).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()


def _net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(8, 16, 3), nn.Conv2d(16, 16, 3), nn.Flatten(), nn.Linear(16, 2))


def test_one_step_by_hand():
    with torch.random.fork_rng():
        net = _net()
    optimizer = Muon([{"params": list(net.parameters())}], lr=0.01, weight_decay=0.1, fused=True)
    kernel, x = net[0].weight, _draw(4, 8, 5, 5)
    before = kernel.detach().clone()
    net(x).square().sum().backward()
    gradient = kernel.grad.clone()
    optimizer.step()
    assert torch.equal(kernel.grad, gradient)
    update = orthogonalise((1.95 * gradient).flatten(1)[None])[0].view_as(kernel)
    lr = 0.01 * LR_FACTOR
    torch.testing.assert_close(kernel.detach(), before * (1 - lr * 0.1) - lr * update)


def test_everything_else_moves_as_by_adam():
    with torch.random.fork_rng():
        ours, other = _net()[2:], _net()[2:]
    settings = {"lr": 0.01, "weight_decay": 0.1, "fused": True}
    first = Muon([{"params": list(ours.parameters())}], **settings)
    second = torch.optim.AdamW(other.parameters(), **settings)
    for seed in range(3):
        for net, optimizer in ((ours, first), (other, second)):
            net(_draw(4, 16, seed=seed)).square().sum().backward()
            optimizer.step()
            optimizer.zero_grad()
    assert torch.equal(ours[1].weight, other[1].weight)


def test_a_state_comes_back():
    with torch.random.fork_rng():
        one, two = _net(), _net()
    first, second = (
        Muon([{"params": list(net.parameters())}], lr=0.01, weight_decay=0.0, fused=True)
        for net in (one, two)
    )
    _steps(first, one)
    two.load_state_dict(one.state_dict())
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    _steps(first, one)
    _steps(second, two)
    assert all(map(torch.equal, one.parameters(), two.parameters()))
