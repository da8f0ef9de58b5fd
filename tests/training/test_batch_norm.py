"""Batch normalisation by given statistics against torch's own, where one process has the batch."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from skdeepcluster.training.batch_norm import _normalised
from skdeepcluster.training.distributed import ALONE


def _pair(norm: nn.Module) -> tuple[nn.Module, nn.Module]:
    ours = copy.deepcopy(norm)
    vars(ours)["processes"] = ALONE
    return norm, ours


def _input(dtype: torch.dtype, shape: tuple[int, ...]) -> torch.Tensor:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    return (3 * x + 1).requires_grad_()


def _gradients(y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    slope = torch.linspace(-1, 2, y.numel(), dtype=torch.float64).view(y.shape).to(y.dtype)
    (y * slope.cos()).sum().backward()
    assert x.grad is not None
    return x.grad


@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float64, 1e-10), (torch.float32, 1e-5), (torch.bfloat16, 2e-2)],
)
@pytest.mark.parametrize("shape", [(12, 6, 5, 4), (12, 6)])
def test_as_torch_does_it(dtype, tolerance, shape):
    kind = nn.BatchNorm2d if len(shape) == 4 else nn.BatchNorm1d
    theirs, ours = _pair(kind(6, dtype=None if dtype is torch.bfloat16 else dtype))
    x, other = _input(dtype, shape), _input(dtype, shape)
    torch.testing.assert_close(_normalised(ours, other), theirs(x), rtol=tolerance, atol=tolerance)
    found, expected = _gradients(_normalised(ours, other), other), _gradients(theirs(x), x)
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)
    for own, their in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(own.grad, their.grad, rtol=tolerance, atol=tolerance * 30)


def test_without_weights():
    theirs, ours = _pair(nn.BatchNorm2d(6, affine=False))
    x, other = (_input(torch.float32, (12, 6, 5, 4)) for _ in range(2))
    found, expected = _gradients(_normalised(ours, other), other), _gradients(theirs(x), x)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_a_frozen_weight_has_no_gradient():
    theirs, ours = _pair(nn.BatchNorm2d(6))
    theirs.weight.requires_grad_(False)
    ours.weight.requires_grad_(False)
    x, other = (_input(torch.float32, (12, 6, 5, 4)) for _ in range(2))
    _gradients(theirs(x), x)
    _gradients(_normalised(ours, other), other)
    assert ours.weight.grad is None
    torch.testing.assert_close(ours.bias.grad, theirs.bias.grad, rtol=1e-5, atol=1e-5)
