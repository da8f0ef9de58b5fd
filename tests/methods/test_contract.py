"""What the engine may expect of every method."""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch

from skdeepcluster.training import Batch
from skdeepcluster.training.views import Views


def test_a_step_is_one_graph(Estimator, build, advance):
    """`torch.compile` meets neither randomness from generators nor a look at values."""
    plain, compiled = build(Estimator), build(Estimator)
    torch._dynamo.reset()
    compiled._evaluate = torch.compile(compiled._evaluate, fullgraph=True, backend="eager")
    for number in range(3):
        for trainer in (plain, compiled):
            trainer.latest = advance(trainer, number + 1)
        for name, value in plain.latest.losses.items():
            torch.testing.assert_close(compiled.latest.losses[name], value)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_what_a_step_returns(Estimator, build, step, precision):
    result = step(build(Estimator, precision=precision))
    for value in (*result.losses.values(), result.logits, result.embedding):
        assert value.dtype == torch.float32
        assert value.isfinite().all()
    assert all(value.shape == () for value in result.losses.values())
    assert result.logits.shape == (15, 3)
    torch.testing.assert_close(result.embedding.norm(dim=1), torch.ones(15))


def test_inference_is_float32_under_autocast(Estimator, build):
    model = build(Estimator).objective.model.eval()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        embedding, _ = model(torch.randn(5, 1, 8, 8))
    assert embedding.dtype == torch.float32
    torch.testing.assert_close(embedding.norm(dim=1), torch.ones(5))


def test_the_model_does_not_grow_with_the_samples(Estimator, digits):
    def shapes(X):
        model = Estimator(n_clusters=2, max_epochs=1, batch_size=16).fit(X)
        return {name: value.shape for name, value in model._model.model.state_dict().items()}

    assert shapes(digits) == shapes(digits[:20])


def test_any_number_of_views(Estimator, build, batch):
    """With three views, of which two are alike, the terms are means over all pairs."""
    trainer = build(Estimator)
    trainer.objective.eval()
    schedule = dataclasses.replace(trainer.settings.schedule, n_views=3)
    trainer.objective.schedule = schedule
    trainer.noise = trainer.objective.draw(trainer.generators.noise)
    trainer.views = Views(trainer.views.augmentation, 3)
    found = trainer._evaluate(batch(trainer))
    assert all(value.isfinite() for value in found.losses.values())
    assert found.logits.shape == (15, 3)
    assert len(found.embedding) == 15
    torch.stack(list(found.losses.values())).sum().backward()
    trained = [p for group in trainer.optimizer.param_groups for p in group["params"]]
    assert all(p.grad is not None and p.grad.isfinite().all() for p in trained)


def test_a_batch_knows_its_sizes():
    batch = Batch((torch.zeros(3, 2),) * 2, torch.arange(12), share=slice(6, 9))
    assert (len(batch.views[0]), batch.global_size) == (3, 12)


def test_training_goes_on_from_a_state(Estimator, build):
    first, second = build(Estimator), build(Estimator, random_state=1)
    first._train_epoch()
    first.epoch = 1
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for trainer in (first, second):
        trainer._train_epoch()
    for name, value in first.objective.state_dict().items():
        assert torch.equal(value, second.objective.state_dict()[name]), name
