"""Supervised contrast against a slow loop, and where there is nothing to contrast."""

from __future__ import annotations

import pytest
import torch
from comparing import compare_with_reference
from torch import Tensor

from skdeepcluster.losses.supervised import supervised_contrast

CLASSES = [[0, 0, 1, 1, 1, 2], [0, 0, 0, 0, 0, 0], [0, 1, 2, 3, 0, 1]]


def draw(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def slow(embedding: Tensor, classes: list[int], temperature: float) -> Tensor:
    rows = [row / row.norm() for row in embedding]
    terms = []
    for i, row in enumerate(rows):
        others = [j for j in range(len(rows)) if j != i]
        total = sum(torch.exp(row @ rows[j] / temperature) for j in others)
        alike = [j for j in others if classes[j] == classes[i]]
        if alike:
            logs = [torch.log(torch.exp(row @ rows[j] / temperature) / total) for j in alike]
            terms.append(-sum(logs) / len(alike))
    return sum(terms) / len(terms)


@pytest.mark.parametrize("classes", CLASSES)
@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_it_equals_the_loop(classes: list[int], temperature: float) -> None:
    compare_with_reference(
        lambda z: supervised_contrast(z, torch.tensor(classes), temperature),
        lambda z: slow(z, classes, temperature),
        draw(6, 4),
    )


def test_vectors_alone_in_their_class_add_nothing() -> None:
    z = draw(4, 3).requires_grad_()
    loss = supervised_contrast(z, torch.arange(4), 0.5)
    assert loss == 0
    loss.backward()
    assert (z.grad == 0).all()


def test_one_vector_gives_zero_and_no_nan() -> None:
    z = draw(1, 3).requires_grad_()
    loss = supervised_contrast(z, torch.zeros(1, dtype=torch.long), 0.5)
    assert loss == 0
    loss.backward()
    assert z.grad.isfinite().all()


def test_it_falls_as_classes_move_apart() -> None:
    classes = torch.tensor([0, 0, 1, 1])
    apart = torch.tensor([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [-1.0, 0.0]])
    mixed = apart[[0, 2, 1, 3]]
    assert supervised_contrast(apart, classes, 0.5) < supervised_contrast(mixed, classes, 0.5)
