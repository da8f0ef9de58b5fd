"""Cosines as logits."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from skdeepcluster.losses.cosine import cosine_logits


@pytest.mark.parametrize(("n", "k", "d"), [(1, 1, 1), (5, 3, 4), (2, 7, 3)])
@pytest.mark.parametrize("temperature", [0.1, 2.0])
def test_equals_the_cosine(n: int, k: int, d: int, temperature: float) -> None:
    x, centers = torch.randn(n, d), torch.randn(k, d)
    logits = cosine_logits(x, centers, temperature)
    for i in range(n):
        for j in range(k):
            expected = functional.cosine_similarity(x[i], centers[j], dim=0) / temperature
            torch.testing.assert_close(logits[i, j], expected, atol=1e-5, rtol=1e-5)


def test_a_centre_of_zeros_is_like_nothing() -> None:
    x, centers = torch.randn(4, 3, requires_grad=True), torch.zeros(2, 3, requires_grad=True)
    logits = cosine_logits(x, centers, 0.5)
    logits.sum().backward()
    assert not logits.any()
    assert x.grad is not None and x.grad.isfinite().all()
    assert centers.grad is not None and centers.grad.isfinite().all()


def test_autocast_is_off() -> None:
    x, centers = torch.randn(4, 3), torch.randn(2, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = cosine_logits(x.bfloat16(), centers, 0.5)
    assert logits.dtype == torch.float32
    torch.testing.assert_close(logits, cosine_logits(x.bfloat16(), centers, 0.5))
