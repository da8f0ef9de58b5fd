"""Devices, precision, and that nothing strays from the chosen device."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from trainings import trainer_of

from skdeepcluster.data.samples import read_samples
from skdeepcluster.data.scaling import Scaling
from skdeepcluster.networks.backbone import build_backbone
from skdeepcluster.networks.resnet import has_pixels_for_strides
from skdeepcluster.training.device import inference_dtype, resolve_device, training_dtype
from skdeepcluster.training.seeds import Generators


def pretend(module, device):
    """Replace every parameter and buffer by a pretend one on another device."""
    for part in module.modules():
        for name, value in part._parameters.items():
            if value is not None:
                fake = torch.empty(value.shape, dtype=value.dtype, device=device)
                part._parameters[name] = nn.Parameter(fake, requires_grad=value.requires_grad)
        for name, value in part._buffers.items():
            if value is not None:
                part._buffers[name] = torch.empty(value.shape, dtype=value.dtype, device=device)


@pytest.mark.parametrize("kind", ["grey", "colour", "vector"])
# "meta" has no autocast, and a pretend CUDA ends the process where torch was built without it.
@pytest.mark.parametrize(("precision", "device"), [("float32", "meta"), ("bfloat16", "cpu")])
def test_a_training_step_stays_on_its_device(quick, kind, precision, device):
    shape = {"grey": (40, 9, 8), "colour": (40, 9, 8, 3), "vector": (40, 5)}[kind]
    X = np.random.default_rng(0).random(shape)
    trainer = trainer_of(quick(precision=precision), X)
    objective, batch_size = trainer.objective, trainer.settings.schedule.batch_size
    sample_shape = read_samples(X).shape
    with FakeTensorMode(allow_non_fake_inputs=True):
        pretend(objective, device)
        trainer.source.maps = trainer.source.scaling.on(torch.device(device))
        trainer.source.data = torch.empty(trainer.source.data.shape, device=device)
        if kind == "vector":
            found = trainer.views.neighbors
            trainer.views.neighbors = torch.empty(found.shape, dtype=found.dtype, device=device)
        batch = torch.rand(batch_size, *sample_shape, device=device)
        index = torch.arange(batch_size, device=device)
        trainer.generators.augmentation = None
        trainer.noise = tuple(torch.empty(n.shape, device=device) for n in trainer.noise)
        objective.train()
        seen = trainer.batch(index, batch)
        assert [view.device.type for view in seen.views] == [device, device]
        assert len(seen.views[0]) == seen.global_size == batch_size
        result = trainer._evaluate(seen)
        loss = torch.stack(list(result.losses.values())).sum()
        assert loss.dtype == torch.float32
        for tensor in (loss, result.logits, result.embedding):
            assert tensor.device.type == device
        assert loss.requires_grad
        objective.after_step(1, result.memory)
        objective.eval()
        embedding, logits = objective.model(trainer.source.maps.standardise(batch))
        assert embedding.device.type == logits.device.type == device


def test_samples_stay_where_scaling_puts_them():
    samples = read_samples(np.random.default_rng(0).integers(0, 9, (20, 6, 6), dtype=np.uint8))
    scaling = Scaling.learn(samples)
    with FakeTensorMode(allow_non_fake_inputs=True):
        scaling = scaling.on(torch.device("meta"))
        for dtype in (torch.uint8, torch.float32):
            batch = torch.empty(4, 1, 6, 6, device="meta").to(dtype)
            unit = scaling.unit(batch)
            assert unit.device.type == "meta"
            assert unit.dtype == torch.float32
            assert scaling.standardise(unit).device.type == "meta"


def test_precision_follows_the_device():
    cpu, image = torch.device("cpu"), (3, 8, 8)
    assert training_dtype("float32", cpu, image) is None
    assert training_dtype("bfloat16", cpu, image) is torch.bfloat16
    assert training_dtype("float16", torch.device("cuda"), image) is torch.float16
    assert training_dtype("auto", cpu, (5,)) is None
    assert training_dtype("auto", cpu, (3, 8, 1)) is None
    assert training_dtype("auto", cpu, (3, 4, 8), "resnet18") is None
    assert training_dtype("auto", cpu, (3, 16, 70), "resnet18") is None
    assert training_dtype("auto", cpu, (3, 127, 127), torch.nn.Identity()) is None
    assert training_dtype("auto", torch.device("mps"), image) is None


NARROW = [(64, 8), (8, 64), (128, 8), (40, 3), (24, 4), (100, 12), (27, 2), (8, 1)]


@pytest.mark.parametrize("sides", NARROW)
def test_narrow_images_are_trained_in_float32(sides):
    assert training_dtype("auto", torch.device("cpu"), (1, *sides)) is None
    assert training_dtype("bfloat16", torch.device("cuda"), (1, *sides)) is torch.bfloat16
    with pytest.raises(ValueError, match=r"precision='bfloat16' .* narrow for backbone='small'"):
        training_dtype("bfloat16", torch.device("cpu"), (1, *sides), "small")


@pytest.mark.parametrize(
    ("name", "longer"), [*(("small", n) for n in (2, 5, 16, 17, 40, 65, 193)), ("resnet18", 66)]
)
def test_narrow_is_what_the_network_makes_of_it(name, longer):
    trunk, _ = build_backbone(name, (1, longer, longer), torch.Generator().manual_seed(0))
    fits = []

    def look(layer, inputs):
        fits.append(inputs[0].shape[3] >= np.max(layer.stride))

    for layer in trunk.eval().modules():
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
            layer.register_forward_pre_hook(look)
    for side in {1, 2, 3, 4, 8, 9, 16, 17, 32, longer} - set(range(longer + 1, 33)):
        with torch.no_grad():
            trunk(torch.zeros(1, 1, longer, side))
        assert has_pixels_for_strides(name, (1, longer, side)) == all(fits)
        fits.clear()


def test_float16_is_not_trained_on_the_cpu(quick, digits):
    with pytest.raises(ValueError, match=r"precision='float16' is for GPUs.*'bfloat16'"):
        quick(precision="float16", device="cpu").fit(digits)


def test_inference_is_float32_unless_a_lower_precision_is_named():
    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    for device in (cpu, cuda):
        assert inference_dtype("auto", device) is inference_dtype("float32", device) is None
        assert inference_dtype("bfloat16", device) is torch.bfloat16
    assert inference_dtype("float16", cuda) is torch.float16


def test_a_model_trained_in_float16_works_in_float32_on_the_cpu(quick, digits):
    plain = quick(device="cpu", max_epochs=1).fit(digits)
    trained = copy.deepcopy(plain)
    trained._model.parameters["precision"] = "float16"
    np.testing.assert_array_equal(trained.transform(digits), plain.transform(digits))


@pytest.mark.parametrize("name", ["cpu", torch.device("cpu")])
def test_a_device_that_is_there_is_taken(name):
    assert resolve_device(name) == torch.device("cpu")


@pytest.mark.parametrize("name", ["meta", "nonsense", "cuda:99", "xpu:7"])
def test_a_device_that_is_not_there_is_named(name):
    with pytest.raises(ValueError, match=f"device must .*{name}"):
        resolve_device(name)


def test_generators_repeat():
    first, second = (Generators.seeded([1, 2, 3], torch.device("cpu")) for _ in range(2))
    for name in ("order", "augmentation", "noise"):
        draws = [torch.rand(3, generator=getattr(g, name)) for g in (first, second)]
        assert torch.equal(*draws)
