"""What the engine may expect of every method."""

from __future__ import annotations

import copy

import pytest
import torch


def test_a_step_is_one_graph(Estimator, build, step):
    """`torch.compile` meets neither randomness from generators nor a look at values."""
    plain, compiled = build(Estimator), build(Estimator)
    torch._dynamo.reset()
    compiled._evaluate = torch.compile(compiled._evaluate, fullgraph=True, backend="eager")
    for number in range(3):
        for trainer in (plain, compiled):
            result = step(trainer)
            trainer.objective.after_step(number + 1)
            trainer.latest = result
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
    objective = build(Estimator).objective.eval()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        embedding, _ = objective.infer(torch.randn(5, 1, 8, 8))
    assert embedding.dtype == torch.float32
    torch.testing.assert_close(embedding.norm(dim=1), torch.ones(5))


def test_the_model_does_not_grow_with_the_samples(Estimator, digits):
    def shapes(X):
        model = Estimator(n_clusters=2, max_epochs=1, batch_size=16).fit(X)
        return {name: value.shape for name, value in model._model.objective.state_dict().items()}

    assert shapes(digits) == shapes(digits[:20])


def test_training_goes_on_from_a_state(Estimator, build):
    first, second = build(Estimator), build(Estimator, random_state=1)
    first._train_epoch()
    first.epoch = 1
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for trainer in (first, second):
        trainer._train_epoch()
    for name, value in first.objective.state_dict().items():
        assert torch.equal(value, second.objective.state_dict()[name]), name
