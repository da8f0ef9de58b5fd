"""ProPos: branches, E-step, warm-up, noise, balancing, queue and the last look at the samples."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional
from trainings import trainer_of

from skdeepcluster import ProPos
from skdeepcluster.clustering.kmeans import kmeans
from skdeepcluster.losses.prototype import positive_sampling, prototype_scattering


def start(trainer, epoch=0):
    return trainer.objective.start_epoch(epoch, trainer.training_set)


def test_only_the_online_network_gets_gradients(build, backward, has_gradient):
    trainer = build(ProPos, cluster_warmup_epochs=0)
    start(trainer)
    backward(trainer)
    objective = trainer.objective
    assert all(has_gradient(objective.online))
    assert all(has_gradient(objective.predictor))
    assert not any(has_gradient(objective.model))
    trained = {id(p) for group in trainer.optimizer.param_groups for p in group["params"]}
    assert not any(id(p) in trained for p in objective.model.parameters())


def test_the_terms_are_averages_over_both_orders_of_the_views(build, of_rows):
    trainer = build(ProPos, cluster_warmup_epochs=0, scattering_weight=0.3, temperature=0.2)
    objective = trainer.objective
    start(trainer)
    o, g, t = (torch.randn(30, 256, requires_grad=True) for _ in range(3))
    index = torch.arange(20, 35)
    losses = objective.step((o, g, t), of_rows(index)).losses
    labels = objective.labels[index]
    (o1, o2), (g1, g2), (t1, t2) = o.chunk(2), g.chunk(2), t.chunk(2)
    align = (positive_sampling(g1, t2) + positive_sampling(g2, t1)) / 2
    scatter = sum(
        prototype_scattering(online, target, labels, 3, 0.2)
        for online, target in ((o1, t2), (o2, t1))
    )
    torch.testing.assert_close(losses["alignment"], align)
    torch.testing.assert_close(losses["scattering"], 0.3 * scatter / 2)
    sum(losses.values()).backward()
    assert t.grad is None
    assert o.grad.abs().sum() > 0
    assert g.grad.abs().sum() > 0


def test_the_warm_up_is_byol(build, step, batch):
    trainer = build(ProPos, cluster_warmup_epochs=2, noise=0.5, max_epochs=3)
    objective, seen = trainer.objective, batch(trainer)
    for epoch in range(3):
        start(trainer, epoch)
        result = step(trainer)
        objective.eval()
        online, prediction, _ = objective(seen)
        plain = objective.predictor(online)
        same = torch.allclose(prediction, plain, atol=1e-6)
        assert same == (epoch < 2)
        assert (result.losses["scattering"] == 0) == (epoch < 2)


@pytest.mark.parametrize(
    ("given", "max_epochs", "expected"),
    [(7, 20, 7), (0, 20, 0), ("auto", 1, 0), ("auto", 2, 1), ("auto", 20, 2), ("auto", 1000, 50)],
)
def test_the_warm_up_follows_the_length_of_training(build, given, max_epochs, expected):
    trainer = build(ProPos, cluster_warmup_epochs=given, max_epochs=max_epochs)
    trainer.objective._cluster = lambda training_set: None
    for epoch in range(max_epochs):
        start(trainer, epoch)
        assert trainer.objective.clustering == (epoch >= expected)


def test_a_warm_up_that_leaves_no_epoch_warns(build):
    with pytest.warns(UserWarning, match="cluster_warmup_epochs=3 of max_epochs=3 leave no epoch"):
        build(ProPos, cluster_warmup_epochs=3, max_epochs=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        build(ProPos, cluster_warmup_epochs=2, max_epochs=3)


def test_the_e_step_is_spherical_k_means_on_the_target_network(build):
    trainer = build(ProPos, n_init=3)
    objective = trainer.objective
    for parameter in objective.model.parameters():
        parameter.data.add_(0.01 * torch.randn_like(parameter))
    generator = torch.Generator().set_state(trainer.generators.noise.get_state())
    start(trainer)
    x = trainer.source.maps.standardise(trainer.source.maps.unit(trainer.source.data))
    embedding = functional.normalize(objective.model.eval().project(x)).detach()
    expected = kmeans(embedding, 3, spherical=True, n_init=3, generator=generator)
    labels = objective.labels
    pairs = {(int(a), int(b)) for a, b in zip(labels, expected.labels, strict=True)}
    assert len(pairs) == len(set(labels.tolist())) == 3
    assert torch.equal(labels, (embedding @ objective.model.centers.T).argmax(dim=1))


@pytest.mark.parametrize(
    ("given", "batch_size", "expected"),
    [
        (3, 8, [0, 3, 6]),
        ("auto", 12, [0, 1, 2, 3, 4, 5, 6]),
        ("auto", 15, [0, 2, 4, 6]),
        ("auto", 60, [0, 5]),
    ],
)
def test_e_steps_come_at_their_interval(build, given, batch_size, expected):
    trainer = build(ProPos, assign_interval=given, batch_size=batch_size)
    asked = []

    embed_all = trainer.training_set.embed_all
    trainer.training_set.embed_all = lambda: asked.append(epoch) or embed_all()
    for epoch in range(7):
        start(trainer, epoch)
    assert asked == expected


@pytest.mark.parametrize("balanced", [False, True])
def test_balanced_sampling_draws_clusters_equally(build, balanced):
    trainer = build(ProPos, balanced_sampling=balanced)
    weights = start(trainer)
    if not balanced:
        assert weights is None
        return
    labels = trainer.objective.labels
    mass = torch.zeros(3).index_add_(0, labels, weights)
    torch.testing.assert_close(mass, torch.full((3,), 60.0))
    drawn = trainer._order(weights).flatten()
    assert len(drawn) == 60
    assert len(set(drawn.tolist())) < 60


def test_the_predictor_learns_faster(build):
    trainer = build(ProPos, predictor_lr_factor=7.0, lr=0.02, warmup_epochs=0)
    assert trainer._set_lr(0) == pytest.approx(0.02)
    rates = {
        id(p): group["lr"] for group in trainer.optimizer.param_groups for p in group["params"]
    }
    objective = trainer.objective
    assert all(rates[id(p)] == pytest.approx(0.14) for p in objective.predictor.parameters())
    assert all(rates[id(p)] == pytest.approx(0.02) for p in objective.online.parameters())


def test_the_predictor_starts_small(build):
    layers = build(ProPos).objective.predictor
    for layer in (layers[0], layers[-1]):
        assert float(layer.weight.detach().std()) == pytest.approx(0.01, rel=0.05)
    assert not layers[-1].bias.any()


@pytest.mark.parametrize(
    ("n_features", "given", "expected"), [(2, "auto", 128), (64, "auto", 512), (2, 40, 40)]
)
def test_the_hidden_layers_are_twice_as_wide_as_the_trunk(build, n_features, given, expected):
    rows = np.random.default_rng(0).normal(size=(60, n_features))
    objective = build(ProPos, rows, hidden_dim=given).objective
    assert objective.model.projector[0].out_features == expected
    assert objective.predictor[0].out_features == expected


@pytest.mark.parametrize(("momentum", "expected"), [(0.25, 0.25), (0.0, 0.0), ("auto", 0.375)])
def test_the_target_moves_and_then_rests(build, momentum, expected):
    trainer = build(ProPos, momentum=momentum)
    objective, n_steps = trainer.objective, trainer.settings.schedule.n_steps
    assert n_steps == 16  # so that "auto" remembers 1.6 steps
    with torch.no_grad():
        for p in objective.online.parameters():
            p.add_(1.0)
    online, target = next(objective.online.parameters()), next(objective.model.parameters())
    before = target.clone()
    objective.after_step(0, ())
    torch.testing.assert_close(target, expected * before + (1 - expected) * online)
    before = target.clone()
    objective.after_step(n_steps, ())
    assert torch.equal(target, before)


def test_the_noise_is_new_in_every_step_and_follows_the_seed(build, advance):
    first, second, other = (build(ProPos, random_state=seed) for seed in (0, 0, 1))
    assert torch.equal(*first.noise, *second.noise)
    assert not torch.equal(*first.noise, *other.noise)
    before = first.noise[0]
    advance(first), advance(second)
    assert torch.equal(*first.noise, *second.noise)
    assert not torch.equal(*first.noise, before)
    assert before.shape == (2, 15, 256)
    assert float(before.std()) == pytest.approx(1, abs=0.05)


def test_each_process_adds_its_share_of_the_noise(build, batch):
    trainer = build(ProPos, cluster_warmup_epochs=0, noise=0.5)
    start(trainer)
    whole = batch(trainer)
    trainer.objective.eval()
    expected = trainer.objective(whole)
    share = slice(5, 9)
    part = replace(whole, views=tuple(view[share] for view in whole.views), share=share)
    for rows, others in zip(trainer.objective(part), expected, strict=True):
        torch.testing.assert_close(rows.view(2, 4, -1), others.view(2, 15, -1)[:, share])


def test_the_queue_wraps_around_and_its_labels_follow_the_e_step(build, advance):
    trainer = build(ProPos, queue_length=50, cluster_warmup_epochs=0)
    objective = trainer.objective
    start(trainer)
    assert objective.queue.rows.shape == (50, 256)
    assert (objective.queue.labels(objective.labels) == -1).all()
    pushed = []
    for number in range(4):
        pushed.append(advance(trainer, number + 1, start=15 * number).memory)
    rows, numbers = (torch.cat(parts)[-50:] for parts in zip(*pushed, strict=True))
    order = torch.arange(4 * 30 - 50, 4 * 30) % 50
    torch.testing.assert_close(objective.queue.rows[order], rows)
    for labels in (objective.labels, torch.randint(0, 3, (60,))):
        assert torch.equal(objective.queue.labels(labels)[order], labels[numbers])
    torch.testing.assert_close(rows.norm(dim=1), torch.ones(50))


def test_the_queue_joins_both_sets_of_prototypes(build, advance):
    trainer = build(ProPos, queue_length=40, cluster_warmup_epochs=0)
    objective = trainer.objective
    start(trainer)
    advance(trainer)
    o, t = torch.randn(2, 15, 256)
    index = torch.arange(30, 45)
    rows = objective.queue.rows
    labels = torch.cat([objective.labels[index], objective.queue.labels(objective.labels)])
    valid = labels >= 0
    assert int(valid.sum()) == 15 + 30
    expected = prototype_scattering(
        torch.cat([o, rows])[valid], torch.cat([t, rows])[valid], labels[valid], 3, 0.5
    )
    torch.testing.assert_close(objective._scatter(o, t, index), expected)


def test_after_training_centres_are_those_of_the_final_network(digits, monkeypatch):
    def distance():
        settings = {"max_epochs": 3, "batch_size": 20, "lr": 0.05, "precision": "float32"}
        model = ProPos(n_clusters=4, random_state=0, **settings).fit(digits)
        means = torch.from_numpy(model.cluster_centers_)
        used = model._model.model.centers[torch.from_numpy(model._model.used)]
        return float((used - means).norm(dim=1).max())

    finished = distance()
    monkeypatch.setattr("skdeepcluster.methods.propos.ProPosObjective.finish", lambda *_: None)
    assert finished < 0.1 * distance()


def test_users_get_the_target_network_and_nothing_of_the_samples(digits):
    model = ProPos(n_clusters=3, max_epochs=2, queue_length=9, random_state=0).fit(digits)
    pairs = zip(model.backbone_.parameters(), model._model.model.backbone.parameters(), strict=True)
    assert all(torch.equal(own, kept) for own, kept in pairs)
    assert all(p.requires_grad for p in model.backbone_.parameters())
    names = {name.partition(".")[0] for name in model._model.model.state_dict()}
    assert names == {"backbone", "projector", "centers"}
    assert {name.partition(".")[0] for name in model._further_weights} == {"online", "predictor"}


def test_a_warm_start_goes_on_from_the_centres_and_the_online_network(digits):
    model = ProPos(n_clusters=3, max_epochs=2, random_state=0, warm_start=True).fit(digits)
    trainer = trainer_of(model, digits)
    objective = trainer.objective
    assert torch.equal(objective.model.centers, model._model.model.centers)
    assert objective.labels.shape == (60,)
    for name, value in objective.further_weights().items():
        assert torch.equal(value, model._further_weights[name])


@pytest.mark.parametrize("parameters", [{"n_clusters": 1}, {"n_clusters": 20, "batch_size": 4}])
@pytest.mark.parametrize("queue_length", [0, 7])
def test_few_samples_of_a_cluster(digits, parameters, queue_length):
    model = ProPos(
        max_epochs=2, cluster_warmup_epochs=0, queue_length=queue_length, **parameters
    ).fit(digits)
    assert np.isfinite([entry["loss"] for entry in model.history_]).all()
