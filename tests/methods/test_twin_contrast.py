"""Twin-contrast clustering: prototypes, branches, noise, memories and the terms."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from skdeepcluster import TwinContrastClustering
from skdeepcluster.losses import info_nce
from skdeepcluster.losses import twin as losses
from skdeepcluster.losses.twin import (
    categorical_kl,
    cluster_memory_contrast,
    cluster_vectors,
    shift_by_prototypes,
)


@pytest.mark.parametrize(("k", "dim"), [(2, 8), (5, 8), (8, 8), (1, 4), (9, 4)])
def test_prototypes_start_as_a_simplex(build, k, dim):
    objective = build(TwinContrastClustering, n_clusters=k, embedding_dim=dim).objective
    prototypes = objective.model.prototypes.rows.detach()
    cosines = prototypes @ prototypes.T
    torch.testing.assert_close(cosines.diagonal(), torch.ones(k))
    if 1 < k <= dim:
        expected = torch.full((k, k), -1 / (k - 1)).fill_diagonal_(1)
        torch.testing.assert_close(cosines, expected, atol=1e-5, rtol=0)
    assert torch.equal(prototypes, objective.key.prototypes.rows)


def test_only_the_trained_branch_gets_gradients(build, backward, has_gradient):
    trainer = build(TwinContrastClustering)
    for _ in range(2):  # in the first step there is no negative yet
        result = backward(trainer)
        trainer.objective.after_step(1, result.memory)
    objective = trainer.objective
    assert all(has_gradient(objective.model))
    assert not any(has_gradient(objective.key))
    assert not any(p.requires_grad for p in objective.key.parameters())
    trained = {id(p) for group in trainer.optimizer.param_groups for p in group["params"]}
    assert id(objective.model.prototypes.rows) in trained
    assert not any(id(p) in trained for p in objective.key.parameters())


@pytest.mark.parametrize("prior", ["key", "uniform"])
def test_the_terms_are_averages_over_both_orders_of_the_views(build, advance, of_rows, prior):
    trainer = build(TwinContrastClustering, prior=prior, cluster_weight=0.4, gumbel_temperature=0.6)
    objective = trainer.objective
    objective.start_epoch(3, trainer.training_set)  # the last one
    for number in range(2):
        advance(trainer, number)
    u, key = torch.randn(2, 30, 128)
    result = objective.step((u, key), of_rows(torch.arange(15), trainer.noise))
    gumbel, jitter = trainer.noise[0].flatten(1, 2), trainer.noise[1]
    memory = functional.normalize(objective.sets.rows + 0.1 * jitter, dim=-1)
    branches = []
    for rows, mu, noise in (
        (u, objective.model.prototypes.rows, gumbel[0]),
        (key, objective.key.prototypes.rows, gumbel[1]),
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
        nce = info_nce(e, ebar, objective.keys.rows, 0.2, objective.keys.mask())
        clusters = cluster_memory_contrast(r, rbar, memory, 0.2, objective.sets.mask())
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


@pytest.mark.parametrize(("placement", "epochs"), [
        (0.0, []), (0.01, [1]), (0.4, [4]), (0.65, [6]), (0.99, [9]), (1.0, []), ("auto", [4]),
    ],
)  # fmt: skip
def test_prototypes_are_placed_once(build, placement, epochs):
    objective = build(TwinContrastClustering, placement=placement, max_epochs=10).objective
    noise = torch.randn(9, 4, 128, generator=torch.Generator().manual_seed(0))
    clusters = functional.normalize(torch.eye(4, 128)[[2, 0, 1, 1]] + 0.02 * noise, dim=-1)
    placed = []
    for epoch in range(10):
        before = objective.model.prototypes.rows.detach().clone()
        objective.start_epoch(epoch, Seen(clusters.flatten(end_dim=1)))
        if not torch.equal(objective.model.prototypes.rows, before):
            placed.append(epoch)
            means = functional.normalize(clusters.mean(dim=0))
            means = torch.stack([means[0], means[1], functional.normalize(means[2:].sum(0), dim=0)])
            cosines = objective.model.prototypes().detach() @ means.T
            torch.testing.assert_close(cosines.amax(dim=0), torch.ones(3), atol=1e-4, rtol=0)
            order = cosines.argmax(dim=1)
            kept = [(before * means[list(p)]).sum() for p in itertools.permutations(range(3))]
            torch.testing.assert_close((before * means[order]).sum(), max(kept))
            prototypes = objective.model.prototypes.rows
            assert torch.equal(objective.key.prototypes.rows, prototypes)
    assert placed == epochs


@pytest.mark.parametrize(("latest", "epoch"), [(500, 4), (8, 2), (1, 1)])
def test_prototypes_are_placed_early_in_a_long_training(build, monkeypatch, latest, epoch):
    monkeypatch.setattr("skdeepcluster.methods.twin_contrast.LATEST_PLACEMENT", latest)
    assert build(TwinContrastClustering, max_epochs=10).objective.placement == epoch


def test_a_single_epoch_places_no_prototypes(build):
    assert build(TwinContrastClustering, max_epochs=1).objective.placement is None


def test_a_prototype_without_a_cluster_of_its_own_stays(build):
    objective = build(TwinContrastClustering, placement=0.5).objective
    before = objective.model.prototypes.rows.detach().clone()
    objective.start_epoch(2, Seen(functional.normalize(torch.ones(20, 128))))
    moved = (objective.model.prototypes.rows - before).abs().amax(dim=1) > 1e-4
    assert int(moved.sum()) == 1
    torch.testing.assert_close(objective.model.prototypes()[moved], torch.full((1, 128), 128**-0.5))


class Seen:
    """Stands for a training set of which the embedding is known, and that are not augmented."""

    def __init__(self, embedding):
        self.embed_all, self.generator = lambda: embedding, torch.Generator()
        self.known = None

    def embed_views(self, n_samples):
        return None


def halves():
    return slice(0, 15), slice(15, 30)


def test_noise_follows_the_seed_and_is_new_in_every_step(build, advance):
    first, second, other = (build(TwinContrastClustering, random_state=seed) for seed in (0, 0, 1))
    assert [noise.shape for noise in first.noise] == [(2, 2, 15, 3), (20, 3, 128)]
    before = first.noise
    for trainer in (first, second):
        advance(trainer)
    for mine, same, others, old in zip(first.noise, second.noise, other.noise, before, strict=True):
        assert torch.equal(mine, same)
        assert not torch.equal(old, others)
        assert not torch.equal(mine, old)


@pytest.mark.parametrize(
    ("n", "batch_size", "length"),
    [(60_000, 256, 15_000), (1_000_000, 256, 16_384), (1797, 224, 896), (2, 2, 8)],
)
def test_the_automatic_length_of_the_queue(build, rebuild, n, batch_size, length):
    objective = rebuild(build(TwinContrastClustering), n, batch_size)
    assert objective.keys.rows.shape == (length, 128)


@pytest.mark.parametrize(
    ("momentum", "n_steps", "expected"),
    [(0.7, 10, 0.7), ("auto", 500, 0.9), ("auto", 5_000, 0.99), ("auto", 10**7, 0.999)],
)
def test_the_momentum_of_the_key_branch(build, rebuild, momentum, n_steps, expected):
    objective = rebuild(build(TwinContrastClustering, momentum=momentum), 60, 15, n_steps)
    assert objective.momentum == pytest.approx(expected)
    with torch.no_grad():
        objective.model.prototypes.rows.add_(1.0)
    before = objective.key.prototypes.rows.clone()
    objective.after_step(3, (torch.eye(15, 128), torch.zeros(2, 3, 128)))
    moved = before + (1 - expected) * (objective.model.prototypes.rows.detach() - before)
    torch.testing.assert_close(objective.key.prototypes.rows.detach(), moved)


@pytest.mark.parametrize(("length", "n_sets"), [(40, 5), (7, 1), (200, 20)])
def test_memories_wrap_around(build, advance, length, n_sets):
    trainer = build(TwinContrastClustering, queue_length=length, cluster_queue_length=n_sets)
    objective, keys, sets = trainer.objective, [], []
    for number in range(4):
        memory = advance(trainer, number + 1, start=15 * number).memory
        keys.append(memory[0])
        sets.append(memory[1])
    for queue, pushed in ((objective.keys, keys), (objective.sets, sets)):
        pushed, size = torch.cat(pushed), len(queue.rows)
        valid = min(size, len(pushed))
        order = (queue.pointer - valid + torch.arange(valid)) % size
        assert int(queue.mask().sum()) == valid
        torch.testing.assert_close(queue.rows[order], pushed[-valid:])
    assert objective.sets.rows.shape == (n_sets, 3, 128)


def test_no_memory_of_clusters(build, advance):
    trainer = build(TwinContrastClustering, cluster_queue_length=0)
    for number in range(2):
        advance(trainer, number)
    assert not trainer.objective.sets.mask().any()


@pytest.mark.parametrize("jitter", [0.0, 0.05])
def test_the_memory_is_jittered(build, advance, of_rows, monkeypatch, jitter):
    trainer = build(TwinContrastClustering, jitter=jitter)
    advance(trainer)
    objective, seen = trainer.objective, []

    def look(r, rbar, memory, temperature, mask):
        seen.append(memory)
        return r.sum()

    monkeypatch.setattr(losses, "cluster_memory_contrast", look)
    objective.step(tuple(torch.randn(2, 30, 128)), of_rows(torch.arange(15), trainer.noise))
    cosines = (seen[0] * objective.sets.rows).sum(dim=-1)[:2]
    expected = 1 / math.sqrt(1 + 128 * jitter**2)
    torch.testing.assert_close(cosines, torch.full((2, 3), expected), atol=0.05, rtol=0)


def test_nothing_of_the_samples_stays(digits):
    model = TwinContrastClustering(n_clusters=3, max_epochs=2, random_state=0).fit(digits)
    names = {name.partition(".")[0] for name in model._model.model.state_dict()}
    assert names == {"backbone", "head", "prototypes"}
    assert {name.partition(".")[0] for name in model._further_weights} == {"key"}


def test_predictions_compare_embeddings_with_prototypes(digits):
    model = TwinContrastClustering(n_clusters=3, max_epochs=2, random_state=0).fit(digits)
    prototypes = functional.normalize(model._model.model.prototypes.rows.detach().cpu())
    logits = torch.from_numpy(model.transform(digits)) @ prototypes.T / 0.1
    temperature = model._model.temperature
    expected = (logits[:, torch.from_numpy(model._model.used)] / temperature).softmax(dim=1)
    rounding = 1e-5 / min(1.0, temperature)  # the lower, the steeper
    np.testing.assert_allclose(model.predict_proba(digits), expected.numpy(), atol=rounding)


@pytest.mark.parametrize("parameters", [{"n_clusters": 1}, {"n_clusters": 20, "batch_size": 4}])
@pytest.mark.parametrize("prior", ["key", "uniform"])
def test_few_samples_of_a_cluster(digits, parameters, prior):
    model = TwinContrastClustering(max_epochs=2, prior=prior, **parameters).fit(digits)
    assert np.isfinite([entry["loss"] for entry in model.history_]).all()
