"""What methods see between epochs: all samples, and two views of some, without a trace."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional
from trainings import trainer_of

from skdeepcluster import ContrastiveClustering
from skdeepcluster.data.source import ResidentSource, StreamedSource
from skdeepcluster.training import training_set


def negative(batch, generator):
    """Tell views from samples, and draw from the generator."""
    return 1 - batch + 0.1 * torch.rand(batch.shape, generator=generator, device=batch.device)


def build(monkeypatch, digits, source_class=ResidentSource, augmentation=negative):
    monkeypatch.setattr("skdeepcluster.fitting.building.open_source", source_class)
    model = ContrastiveClustering(
        n_clusters=3, random_state=0, precision="float32", augmentation=augmentation
    )
    return trainer_of(model, digits)


@pytest.mark.parametrize("source_class", [ResidentSource, StreamedSource])
@pytest.mark.parametrize(
    ("asked", "size", "given"), [(20, 512, 20), (20, 8, 16), (20, 20, 20), (99, 25, 50), (1, 9, 1)]
)
def test_views_are_those_of_drawn_samples(monkeypatch, digits, source_class, asked, size, given):
    trainer = build(monkeypatch, digits, source_class)
    monkeypatch.setattr(training_set, "batch_size_of", lambda shape: size)
    first, second = trainer.training_set.embed_views(asked)
    assert first.shape == second.shape == (given, 128)
    assert not torch.allclose(first, second, atol=1e-4)
    generators, maps = trainer.generators, trainer.source.maps
    drawn = torch.randperm(60, generator=generators.order)[:given]
    size = min(size, asked)
    samples = trainer.source.samples.take(drawn.numpy()).float().to(trainer.source.device)
    batches = [
        maps.standardise(negative(maps.unit(torch.cat([part, part])), generators.augmentation))
        for part in samples.split(size)
    ]
    model = trainer.objective.model.eval()
    expected = torch.cat([model(views)[0].view(2, -1, 128) for views in batches], dim=1)
    torch.testing.assert_close(torch.stack([first, second]), expected, rtol=0, atol=1e-5)


def test_looking_moves_no_generator(monkeypatch, digits):
    trainer = build(monkeypatch, digits)
    before = [g.get_state() for g in vars(trainer.generators).values()]
    views = [trainer.training_set.embed_views(9) for _ in range(2)]
    for one, same in zip(*views, strict=True):
        assert torch.equal(one, same)
    for generator, state in zip(vars(trainer.generators).values(), before, strict=True):
        assert torch.equal(generator.get_state(), state)


def test_samples_that_are_not_augmented_have_no_views(monkeypatch, digits):
    assert build(monkeypatch, digits, augmentation=None).training_set.embed_views(9) is None


def test_embeddings_have_unit_length(monkeypatch, digits):
    seen = build(monkeypatch, digits).training_set
    for rows in (seen.embed_all(), *seen.embed_views(60)):
        torch.testing.assert_close(rows, functional.normalize(rows))
        assert len(rows) == 60
