"""CLC: codes, the joint contrast, the queue of logits and the joint representation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from skdeepcluster import CLC
from skdeepcluster.clustering.sinkhorn import sinkhorn


def reference(a, b, gamma, temperature, swapped_weight):
    """Compute the loss with loops, for both orders of the views."""
    half, contrast, swapped = len(a) // 2, 0.0, 0.0
    views = [slice(0, half), slice(half, None)]
    for this, other in (views, views[::-1]):
        p, n = a[this].softmax(dim=1), functional.normalize(b[this])
        q, n_other = sinkhorn(a[other]), functional.normalize(b[other]).detach()
        for i in range(half):
            s = torch.stack(
                [(gamma * p[i] @ q[j] + n[i] @ n_other[j]) / temperature for j in range(half)]
            )
            contrast = contrast + (s.logsumexp(0) - s[i]) / (2 * half)
            swapped = swapped - swapped_weight * (q[i] * p[i].log()).sum() / (2 * half)
    return contrast, swapped


@pytest.mark.parametrize(("gamma", "temperature"), [(1.0, 0.5), (0.0, 0.5), (2.0, 1.0)])
@pytest.mark.parametrize("swapped_weight", [0.0, 0.7])
def test_the_loss_and_its_gradients_equal_the_formula(
    build, of_rows, gamma, temperature, swapped_weight
):
    objective = build(
        CLC,
        categorical_weight=gamma,
        temperature=temperature,
        swapped_weight=swapped_weight,
        queue_length=0,
    ).objective
    outputs, copies = [], []
    for width in (3, 8):
        rows = torch.randn(12, width)
        outputs.append(rows.clone().requires_grad_())
        copies.append(rows.clone().requires_grad_())
    losses = objective.step(tuple(outputs), of_rows(torch.arange(6))).losses
    contrast, swapped = reference(*copies, gamma, temperature, swapped_weight)
    torch.testing.assert_close(losses["contrast"], contrast)
    torch.testing.assert_close(losses["swapped"], torch.as_tensor(swapped))
    sum(losses.values()).backward()
    (contrast + swapped).backward()
    for ours, theirs in zip(outputs, copies, strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-6, rtol=1e-4)


def test_everything_learns(build, backward, has_gradient):
    trainer = build(CLC)
    backward(trainer)
    assert all(has_gradient(trainer.objective.model.backbone))
    assert all(has_gradient(trainer.objective.model.head))


def test_codes_use_all_clusters_equally(build):
    objective = build(CLC, n_clusters=4, sinkhorn_iterations=50, queue_length=0).objective
    codes = objective._codes(torch.randn(20, 4) + torch.tensor([5.0, 0.0, 0.0, 0.0]))
    torch.testing.assert_close(codes.sum(dim=0), torch.full((4,), 5.0), atol=1e-3, rtol=0)
    torch.testing.assert_close(codes.sum(dim=1), torch.ones(20))


@pytest.mark.parametrize(
    ("n_clusters", "batch_size", "queue_length", "expected"),
    [(3, 15, "auto", 0), (4, 15, "auto", 5), (60, 4, "auto", 296), (3, 15, 9, 9), (60, 4, 0, 0)],
)
def test_the_length_of_the_queue(build, rebuild, n_clusters, batch_size, queue_length, expected):
    trainer = build(CLC, n_clusters=n_clusters, queue_length=queue_length)
    objective = rebuild(trainer, 60, batch_size)
    if expected == 0:
        assert objective.queue is None
    else:
        assert objective.queue.rows.shape == (expected, n_clusters)


def test_the_queue_wraps_around_and_balances_codes(build, advance):
    trainer = build(CLC, queue_length=40)
    objective, pushed = trainer.objective, []
    for number in range(4):
        pushed.append(*advance(trainer, number + 1, start=15 * number).memory)
    rows, order = torch.cat(pushed)[-40:], torch.arange(20, 60) % 40
    torch.testing.assert_close(objective.queue.rows[order], rows)
    logits = torch.randn(15, 3)
    expected = sinkhorn(torch.cat([logits, rows]))[:15]
    torch.testing.assert_close(objective._codes(logits), expected)
    assert not torch.allclose(expected, sinkhorn(logits), atol=1e-4)


def test_an_empty_queue_changes_nothing(build):
    objective = build(CLC, queue_length=40).objective
    logits = torch.randn(15, 3)
    torch.testing.assert_close(objective._codes(logits), sinkhorn(logits))


@pytest.mark.parametrize("embedding_dim", [1, 16])
def test_the_embedding_joins_both_parts(digits, embedding_dim):
    model = CLC(n_clusters=4, max_epochs=2, embedding_dim=embedding_dim, random_state=0)
    embedding = model.fit_transform(digits)
    assert embedding.shape == (60, 4 + embedding_dim)
    lengths = np.linalg.norm(embedding[:, 4:], axis=1, keepdims=True)  # n had length 1
    p = embedding[:, :4] / lengths
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-5)
    used = p[:, model._model.used]
    scaled = used ** (1 / model._model.temperature)
    expected = scaled / scaled.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict_proba(digits), expected, atol=1e-5)


def test_nothing_of_the_samples_stays(digits):
    model = CLC(n_clusters=30, max_epochs=2).fit(digits)
    assert not any("queue" in name for name in model._model.model.state_dict())
    assert model._further_weights == {}


@pytest.mark.parametrize("parameters", [{"n_clusters": 1}, {"n_clusters": 20, "batch_size": 4}])
def test_few_samples_of_a_cluster(digits, parameters):
    model = CLC(max_epochs=2, swapped_weight=1.0, **parameters).fit(digits)
    assert np.isfinite([entry["loss"] for entry in model.history_]).all()
