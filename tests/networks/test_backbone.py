"""Trunks for every shape, with weights from a local generator."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from skdeepcluster import CLC, load
from skdeepcluster.networks import mlp
from skdeepcluster.networks.backbone import build_backbone, choose_backbone, takes_channels_last
from skdeepcluster.networks.resnet import _Conv1x1, _Conv3x3


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("shape", "name"),
    [((5,), "mlp"), ((1, 8, 8), "small"), ((3, 40, 40), "small"), ((3, 41, 8), "small")],
)
def test_auto_looks_at_the_shape_alone(shape, name):
    assert choose_backbone(shape) == name


@pytest.mark.parametrize(
    ("name", "shape", "n_features"),
    [
        ("small", (1, 1, 1), 256),
        ("small", (100, 3, 7), 256),
        ("small", (1, 28, 28), 256),
        ("resnet18", (5, 32, 32), 512),
        ("resnet18", (3, 70, 66), 512),
        ("resnet34", (1, 16, 16), 512),
        ("resnet50", (1, 16, 16), 2048),
        ("mlp", (3,), 64),
        ("mlp", (300,), 512),
    ],
)
def test_named_trunks_map_samples_to_features(name, shape, n_features):
    state = torch.get_rng_state()
    trunk, found = build_backbone(name, shape, seeded())
    assert torch.equal(torch.get_rng_state(), state)
    assert found == n_features
    features = trunk(torch.randn(3, *shape))
    assert features.shape == (3, n_features)
    assert torch.isfinite(features).all()
    again, _ = build_backbone(name, shape, seeded())
    for one, other in zip(trunk.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)


def test_the_stem_follows_the_size_of_the_image():
    small, _ = build_backbone("resnet18", (3, 64, 64), seeded())
    large, _ = build_backbone("resnet18", (3, 65, 65), seeded())
    assert small.conv1.kernel_size == (3, 3)
    assert isinstance(small.maxpool, nn.Identity)
    assert large.conv1.kernel_size == (7, 7)
    assert isinstance(large.maxpool, nn.MaxPool2d)


def test_seeds_differ_and_biases_are_drawn():
    one, other = mlp((4, 6, 3), seeded(0)), mlp((4, 6, 3), seeded(1))
    assert not torch.equal(one[0].weight, other[0].weight)
    assert one[0].bias.abs().max() <= 0.5
    assert one[0].bias.std() > 0


def test_what_is_frozen_in_a_module_is_frozen_in_its_copy():
    module = nn.Sequential(nn.Flatten(), nn.Linear(4, 4).requires_grad_(False), nn.Linear(4, 3))
    trunk, n_features = build_backbone(module, (1, 2, 2), seeded())
    assert n_features == 3
    assert [p.requires_grad for p in trunk.parameters()] == [False, False, True, True]


def test_a_callable_draws_from_the_generator():
    state = torch.get_rng_state()
    trunks = [build_backbone(lambda s: nn.Linear(s[0], 3), (4,), seeded())[0] for _ in range(2)]
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(trunks[0].weight, trunks[1].weight)


def not_copied():
    module = nn.Flatten()
    module.state = torch.ones(2, requires_grad=True) * 2  # not a leaf: refuses to be copied
    return module


class Failing(nn.Module):
    """Fails on every batch."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def forward(self, x):
        raise self.error


class Noisy(nn.Module):
    """Draws from torch's global stream, in evaluation too."""

    def forward(self, x):
        return x.flatten(1) + torch.rand(4)


@pytest.mark.parametrize(
    ("backbone", "message"),
    [
        (nn.LazyLinear(3), r"\(n, d\); got torch.Size\(\[2, 1, 2, 3\]\)"),
        (nn.Linear(4, 3).to("meta"), "can be copied and trained.*meta"),
        (not_copied(), "can be copied and trained.*Flatten"),
        (nn.Sequential(nn.Flatten(), nn.Linear(4, 3)).double(), "failed on zeros"),
        (Failing(KeyError("weights")), "failed on zeros.*weights"),
        (Failing(AssertionError("no such size")), "failed on zeros.*no such size"),
        (lambda shape: nn.LSTM(2, 3), r"\(n, d\)"),
        (lambda shape: nn.Flatten(0, 1), r"\(n, d\)"),
        (lambda shape: 1 / 0, r"failed with ZeroDivisionError: division by zero"),
        (nn.Linear, "failed with TypeError"),
        (int, "failed with TypeError"),
    ],
)
def test_a_backbone_that_fails_is_named(backbone, message):
    with pytest.raises(ValueError, match=f"(?s)^backbone must .*{message}"):
        build_backbone(backbone, (1, 2, 2), seeded())


@pytest.mark.parametrize("change", [torch.Tensor.double, torch.Tensor.int, lambda x: x[:, :0]])
def test_features_are_float32_and_at_least_one(change):
    class Changed(nn.Flatten):
        def forward(self, x):
            return change(super().forward(x))

    with pytest.raises(ValueError, match=r"of float32, d >= 1; got shape \(2, [04]\)"):
        build_backbone(Changed(), (1, 2, 2), seeded())


def test_what_a_module_draws_follows_the_generator():
    state = torch.get_rng_state()
    assert build_backbone(Noisy(), (1, 2, 2), seeded())[1] == 4
    trunks = [build_backbone(lambda s: nn.LazyLinear(3), (4,), seeded())[0] for _ in range(2)]
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(trunks[0].weight, trunks[1].weight)


@pytest.mark.parametrize("module", [nn.Identity(), nn.Linear(3, 2), nn.Flatten(0)])
def test_a_module_that_does_not_fit_is_named(module):
    with pytest.raises(ValueError, match="backbone must map"):
        build_backbone(module, (1, 2, 2), seeded())


@pytest.mark.parametrize("size", [(2, 2), (2, 1), (3, 2), (4, 4)])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kind", [_Conv1x1, _Conv3x3])
def test_convolutions_by_matrix_products_are_convolutions(kind, size, stride):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(5, 3, *size, generator=generator, dtype=torch.float64, requires_grad=True)
    convolution = kind(3, 4, stride).double()
    weight = convolution.weight
    found = convolution(x)
    expected = functional.conv2d(x, weight, stride=stride, padding=convolution.padding)
    torch.testing.assert_close(found, expected)
    gradient = torch.randn(expected.shape, generator=generator, dtype=torch.float64)
    for ours, theirs in zip(
        torch.autograd.grad(found, (x, weight), gradient),
        torch.autograd.grad(expected, (x, weight), gradient),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)


def factory(*, weights=None, progress=True):
    raise AssertionError("it must not be called")


def test_a_function_that_takes_weights_is_not_given_a_shape():
    with pytest.raises(ValueError, match=r"factory, which takes 'weights'.*trunk = factory\(\)"):
        build_backbone(factory, (3, 8, 8), torch.Generator())


class Viewing(nn.Module):
    """Flattens by `view`, which channels-last memory does not allow."""

    def __init__(self):
        super().__init__()
        self.conv, self.last = nn.Conv2d(3, 4, 3), nn.Linear(4 * 36, 8)

    def forward(self, x):
        return self.last(self.conv(x).relu().view(len(x), -1))


class Deep(nn.Module):
    """Has kernels of three dimensions."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv3d(1, 8, 3)

    def forward(self, x):
        return self.conv(x[:, None]).flatten(2).mean(dim=2)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("trunk", [Viewing(), Deep()], ids=["view", "3-D"])
def test_a_trunk_that_cannot_do_with_channels_last_memory_is_spared_it(trunk, tmp_path):
    X = np.random.default_rng(0).random((30, 8, 8, 3))
    model = CLC(3, backbone=trunk, max_epochs=1, random_state=0).fit(X)
    model.save(tmp_path / "model")
    loaded = load(tmp_path / "model", backbone=trunk)
    np.testing.assert_array_equal(loaded.predict(X), model.labels_)
    assert not takes_channels_last(trunk, trunk, (3, 8, 8))
    assert takes_channels_last(nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3), (3, 8, 8))


def test_a_module_that_a_callable_always_returns_is_not_trained(digits):
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 8))
    before = module[1].weight.detach().clone()
    models = [
        CLC(3, backbone=lambda shape: module, max_epochs=1, random_state=0).fit(digits)
        for _ in range(2)
    ]
    assert torch.equal(module[1].weight, before)
    np.testing.assert_array_equal(*(model.transform(digits) for model in models))


class Remembering(nn.Linear):
    """Keeps more than tensors."""

    def get_extra_state(self):
        return {"seen": 1}


def test_states_of_other_things_than_tensors_are_refused():
    with pytest.raises(ValueError, match="'_extra_state', of its get_extra_state, is a dict"):
        build_backbone(Remembering(4, 2), (4,), torch.Generator())
