"""Contrastive Clustering: its terms, and that both views and both heads learn."""

from __future__ import annotations

import pytest
import torch

from skdeepcluster import ContrastiveClustering
from skdeepcluster.losses import entropy_deficit, nt_xent
from skdeepcluster.losses.contrast import cluster_contrast


def test_the_terms_are_those_of_the_heads(build, of_rows):
    trainer = build(ContrastiveClustering, entropy_weight=2.5, temperature=0.3)
    objective = trainer.objective.eval()
    x = torch.randn(12, 1, 8, 8)
    z, logits = objective.model.heads(x)
    result = objective.step((z, logits), of_rows(torch.arange(6)))
    p1, p2 = logits.softmax(dim=1).chunk(2)
    expected = {
        "instance": nt_xent(z[:6], z[6:], 0.3),
        "cluster": cluster_contrast(p1, p2, 1.0),
        "entropy": 2.5 * entropy_deficit(p1, p2),
    }
    assert set(result.losses) == set(expected)
    for name, value in expected.items():
        torch.testing.assert_close(result.losses[name], value)
    torch.testing.assert_close(result.logits, logits[:6])


def test_everything_learns(build, backward, has_gradient):
    trainer = build(ContrastiveClustering)
    backward(trainer)
    assert all(has_gradient(trainer.objective.model.backbone))
    assert all(has_gradient(trainer.objective.model.instance_head))
    assert all(has_gradient(trainer.objective.model.cluster_head))


@pytest.mark.parametrize("view", [0, 1])
def test_both_views_get_gradients(build, of_rows, view):
    objective = build(ContrastiveClustering).objective
    z, logits = torch.randn(10, 128), torch.randn(10, 3)
    z.requires_grad_(), logits.requires_grad_()
    result = objective.step((z, logits), of_rows(torch.arange(5)))
    sum(result.losses.values()).backward()
    assert z.grad.chunk(2)[view].abs().sum() > 0
    assert logits.grad.chunk(2)[view].abs().sum() > 0


@pytest.mark.parametrize("embedding_dim", [1, 7])
def test_the_embedding_has_the_length_asked_for(digits, embedding_dim):
    model = ContrastiveClustering(n_clusters=2, max_epochs=1, embedding_dim=embedding_dim)
    assert model.fit_transform(digits).shape == (60, embedding_dim)
