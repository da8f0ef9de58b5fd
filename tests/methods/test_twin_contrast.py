"""Twin-contrast clustering: prototypes, branches, noise, memories and the terms."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from skdeepcluster import TwinContrastClustering
from skdeepcluster.losses import (
    categorical_kl,
    cluster_memory_contrast,
    cluster_vectors,
    info_nce,
    shift_by_prototypes,
)


@pytest.mark.parametrize(("k", "dim"), [(2, 8), (5, 8), (8, 8), (1, 4), (9, 4)])
def test_prototypes_start_as_a_simplex(build, k, dim):
    objective = build(TwinContrastClustering, n_clusters=k, embedding_dim=dim).objective
    prototypes = objective.prototypes.rows.detach()
    cosines = prototypes @ prototypes.T
    torch.testing.assert_close(cosines.diagonal(), torch.ones(k))
    if 1 < k <= dim:
        expected = torch.full((k, k), -1 / (k - 1)).fill_diagonal_(1)
        torch.testing.assert_close(cosines, expected, atol=1e-5, rtol=0)
    assert torch.equal(prototypes, objective.key_prototypes.rows)


def test_only_the_trained_branch_gets_gradients(build, backward, has_gradient):
    trainer = build(TwinContrastClustering)
    for _ in range(2):  # in the first step there is no negative yet
        backward(trainer)
        trainer.objective.after_step(1)
    objective = trainer.objective
    for part in (objective.backbone, objective.head, objective.prototypes):
        assert all(has_gradient(part))
    for part in (objective.key, objective.key_prototypes):
        assert not any(has_gradient(part))
        assert not any(p.requires_grad for p in part.parameters())
    trained = {id(p) for group in trainer.optimizer.param_groups for p in group["params"]}
    assert id(objective.prototypes.rows) in trained
    assert not any(id(p) in trained for p in objective.key.parameters())


@pytest.mark.parametrize("prior", ["key", "uniform"])
def test_the_terms_are_averages_over_both_orders_of_the_views(build, step, prior):
    trainer = build(TwinContrastClustering, prior=prior, cluster_weight=0.4, gumbel_temperature=0.6)
    objective = trainer.objective
    objective.start_epoch(3, trainer.look)  # the last one
    for number in range(2):
        step(trainer)
        objective.after_step(number)
    u, key = torch.randn(2, 30, 128)
    result = objective.step((u, key), torch.arange(15))
    branches = []
    for rows, mu, noise in (
        (u, objective.prototypes.rows, objective.memory.gumbel[0]),
        (key, objective.key_prototypes.rows, objective.memory.gumbel[1]),
    ):
        rows, mu = functional.normalize(rows), functional.normalize(mu)
        log_pi = functional.log_softmax(rows @ mu.T / 0.1, dim=1)
        c = ((log_pi + noise) / 0.6).softmax(dim=1)
        e = shift_by_prototypes(rows, 0.5 * c, mu)
        branches.append([(log_pi[v], e[v], cluster_vectors(c[v], rows[v])) for v in halves()])
    online, target = branches
    expected = {"instance": 0.0, "assignment": 0.0, "cluster": 0.0}
    for (log_pi, e, r), (log_prior, ebar, rbar) in zip(online, target[::-1], strict=True):
        if prior == "uniform":
            log_prior = torch.full_like(log_prior, -math.log(3))
        keys, memory = objective.memory.keys, objective.memory.jittered
        nce = info_nce(e, ebar, keys.rows, 0.2, keys.mask())
        clusters = cluster_memory_contrast(r, rbar, memory, 0.2, objective.memory.sets.mask())
        expected["instance"] += nce / 2
        expected["assignment"] += categorical_kl(log_pi, log_prior) / 2
        expected["cluster"] += 0.4 * clusters / 2
    assert set(result.losses) == set(expected)
    for name, value in expected.items():
        torch.testing.assert_close(result.losses[name], value, msg=name)


def test_the_temperature_of_the_samples_falls_geometrically(build):
    objective = build(
        TwinContrastClustering, max_epochs=3, gumbel_temperature=0.25, placement=0
    ).objective
    found = []
    for epoch in range(3):
        objective.start_epoch(epoch, None)
        found.append(float(objective.lambda_))
    assert found == [1.0, 0.5, 0.25]


@pytest.mark.parametrize(("placement", "epochs"), [(0.0, []), (0.4, [4]), (0.65, [6]), (1.0, [])])
def test_prototypes_are_placed_once(build, placement, epochs):
    objective = build(TwinContrastClustering, placement=placement, max_epochs=10).objective
    noise = torch.randn(9, 4, 128, generator=torch.Generator().manual_seed(0))
    clusters = functional.normalize(torch.eye(4, 128)[[2, 0, 1, 1]] + 0.02 * noise, dim=-1)
    placed = []
    for epoch in range(10):
        before = objective.prototypes.rows.detach().clone()
        objective.start_epoch(epoch, Seen(clusters.flatten(end_dim=1)))
        if not torch.equal(objective.prototypes.rows, before):
            placed.append(epoch)
            means = functional.normalize(clusters.mean(dim=0))
            means = torch.stack([means[0], means[1], functional.normalize(means[2:].sum(0), dim=0)])
            cosines = objective.prototypes().detach() @ means.T
            torch.testing.assert_close(cosines.amax(dim=0), torch.ones(3), atol=1e-4, rtol=0)
            order = cosines.argmax(dim=1)
            kept = [(before * means[list(p)]).sum() for p in itertools.permutations(range(3))]
            torch.testing.assert_close((before * means[order]).sum(), max(kept))
            assert torch.equal(objective.key_prototypes.rows, objective.prototypes.rows)
    assert placed == epochs


def test_a_prototype_without_a_cluster_of_its_own_stays(build):
    objective = build(TwinContrastClustering, placement=0.5).objective
    before = objective.prototypes.rows.detach().clone()
    objective.start_epoch(2, Seen(functional.normalize(torch.ones(20, 128))))
    moved = (objective.prototypes.rows - before).abs().amax(dim=1) > 1e-4
    assert int(moved.sum()) == 1
    torch.testing.assert_close(objective.prototypes()[moved], torch.full((1, 128), 128**-0.5))


class Seen:
    """Stands for a look at samples of which the embedding is known, and that are not augmented."""

    def __init__(self, embedding):
        self.embed_all = lambda: embedding

    def embed_views(self, n_samples):
        return None


def halves():
    return slice(0, 15), slice(15, 30)


def test_noise_follows_the_seed_and_is_new_in_every_step(build):
    first, second, other = (
        build(TwinContrastClustering, random_state=seed).objective for seed in (0, 0, 1)
    )
    assert first.memory.gumbel.shape == (2, 30, 3)
    assert torch.equal(first.memory.gumbel, second.memory.gumbel)
    assert not torch.equal(first.memory.gumbel, other.memory.gumbel)
    for objective in (first, second):
        objective.fresh = torch.eye(15, 128), functional.normalize(torch.ones(2, 3, 128), dim=-1)
    before = first.memory.gumbel.clone()
    first.after_step(1), second.after_step(1)
    assert torch.equal(first.memory.gumbel, second.memory.gumbel)
    assert torch.equal(first.memory.jittered, second.memory.jittered)
    assert not torch.equal(first.memory.gumbel, before)


@pytest.mark.parametrize(
    ("n", "batch_size", "length"),
    [(60_000, 256, 15_000), (1_000_000, 256, 16_384), (1797, 224, 896), (2, 2, 8)],
)
def test_the_automatic_length_of_the_queue(build, schedule, n, batch_size, length):
    objective = build(TwinContrastClustering).objective
    objective.begin(schedule(n, batch_size), torch.Generator())
    assert objective.memory.keys.rows.shape == (length, 128)


@pytest.mark.parametrize(
    ("momentum", "n_steps", "expected"),
    [(0.7, 10, 0.7), ("auto", 500, 0.9), ("auto", 5_000, 0.99), ("auto", 10**7, 0.999)],
)
def test_the_momentum_of_the_key_branch(build, schedule, momentum, n_steps, expected):
    objective = build(TwinContrastClustering, momentum=momentum).objective
    objective.begin(schedule(60, 15, n_steps), torch.Generator())
    assert objective.key_momentum == pytest.approx(expected)
    objective.fresh = torch.eye(15, 128), torch.zeros(2, 3, 128)
    with torch.no_grad():
        objective.prototypes.rows.add_(1.0)
    before = objective.key_prototypes.rows.clone()
    objective.after_step(3)
    moved = before + (1 - expected) * (objective.prototypes.rows.detach() - before)
    torch.testing.assert_close(objective.key_prototypes.rows.detach(), moved)


@pytest.mark.parametrize(("length", "n_sets"), [(40, 5), (7, 1), (200, 20)])
def test_memories_wrap_around(build, step, length, n_sets):
    trainer = build(TwinContrastClustering, queue_length=length, cluster_queue_length=n_sets)
    objective, keys, sets = trainer.objective, [], []
    for number in range(4):
        step(trainer, start=15 * number)
        keys.append(objective.fresh[0].clone())
        sets.append(objective.fresh[1].clone())
        objective.after_step(number + 1)
    for queue, pushed in ((objective.memory.keys, keys), (objective.memory.sets, sets)):
        pushed, size = torch.cat(pushed), len(queue.rows)
        valid = min(size, len(pushed))
        order = (queue.pointer - valid + torch.arange(valid)) % size
        assert int(queue.mask().sum()) == valid
        torch.testing.assert_close(queue.rows[order], pushed[-valid:])
    assert objective.memory.sets.rows.shape == (n_sets, 3, 128)


def test_no_memory_of_clusters(build, step):
    trainer = build(TwinContrastClustering, cluster_queue_length=0)
    for number in range(2):
        step(trainer)
        trainer.objective.after_step(number)
    assert not trainer.objective.memory.sets.mask().any()


@pytest.mark.parametrize("jitter", [0.0, 0.05])
def test_the_memory_is_jittered(build, step, jitter):
    trainer = build(TwinContrastClustering, jitter=jitter)
    step(trainer)
    objective = trainer.objective
    objective.after_step(1)
    cosines = (objective.memory.jittered * objective.memory.sets.rows).sum(dim=-1)[:2]
    expected = 1 / math.sqrt(1 + 128 * jitter**2)
    torch.testing.assert_close(cosines, torch.full((2, 3), expected), atol=0.05, rtol=0)


def test_nothing_of_the_samples_stays(digits):
    model = TwinContrastClustering(n_clusters=3, max_epochs=2, random_state=0).fit(digits)
    objective = model._model.objective
    assert objective.fresh == ()
    for buffer in (
        objective.memory.keys.rows,
        objective.memory.sets.rows,
        objective.memory.jittered,
        objective.memory.gumbel,
    ):
        assert not buffer.any()
        assert len(buffer.flatten()) <= 3 * 128


def test_predictions_compare_embeddings_with_prototypes(digits):
    model = TwinContrastClustering(n_clusters=3, max_epochs=2, random_state=0).fit(digits)
    prototypes = functional.normalize(model._model.objective.prototypes.rows.detach())
    logits = torch.from_numpy(model.transform(digits)) @ prototypes.T / 0.1
    expected = logits[:, torch.from_numpy(model._model.used)].softmax(dim=1)
    np.testing.assert_allclose(model.predict_proba(digits), expected.numpy(), atol=1e-5)


@pytest.mark.parametrize("parameters", [{"n_clusters": 1}, {"n_clusters": 20, "batch_size": 4}])
@pytest.mark.parametrize("prior", ["key", "uniform"])
def test_few_samples_of_a_cluster(digits, parameters, prior):
    model = TwinContrastClustering(max_epochs=2, prior=prior, **parameters).fit(digits)
    assert np.isfinite([entry["loss"] for entry in model.history_]).all()
