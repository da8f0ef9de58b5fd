"""Backbones, augmentations and devices of one's own."""

from __future__ import annotations

import copy
import pickle
import warnings

import joblib
import numpy as np
import pytest
import torch
from comparing import assert_same_model
from saved import METHODS, SETTINGS, fitted, load_quietly, own_callable, own_module, saved_with
from torch import nn

from skdeepcluster import CLC, ProPos, load

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("backbone", [own_module(), own_callable], ids=["module", "callable"])
@pytest.mark.parametrize("given", [own_module()[:2], own_callable], ids=["module", "callable"])
def test_a_backbone_of_ones_own_is_given_again(tmp_path, backbone, given):
    backbone = backbone[:2] if isinstance(backbone, nn.Module) else backbone
    model, X, path = saved_with(tmp_path, backbone=backbone)
    with pytest.raises(ValueError, match="backbone="):
        load(path)
    before = copy.deepcopy(given)
    random_state = torch.get_rng_state()
    loaded = load_quietly(path, backbone=given)
    assert torch.equal(torch.get_rng_state(), random_state)
    assert loaded.backbone is given
    np.testing.assert_array_equal(loaded.transform(X), model.transform(X))
    if isinstance(given, nn.Module):
        assert all(map(torch.equal, given.state_dict().values(), before.state_dict().values()))
        assert given.training
    assert loaded.set_params(warm_start=True).fit(X).n_epochs_ == 2


@pytest.mark.parametrize("name", METHODS)
def test_every_method_takes_a_backbone_of_ones_own(name, tmp_path):
    X = fitted(name)[1]
    model = METHODS[name](**SETTINGS, backbone=own_module()).fit(X)
    model.save(tmp_path / "model")
    loaded = load_quietly(tmp_path / "model", backbone=own_module())
    assert_same_model(loaded, model)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(64, 8)), "backbone given: .*shape"),
        (own_module().double(), "backbone must map a batch .* it failed on zeros"),
        (nn.Flatten(), "unknown"),
        (nn.Sequential(nn.BatchNorm2d(1), *own_module()), "missing"),
        (lambda shape: None, "NoneType"),
        ("small", "nn.Module or a callable"),
    ],
)
def test_a_backbone_of_another_structure_is_refused(tmp_path, given, message):
    _, _, path = saved_with(tmp_path, backbone=own_module())
    with pytest.raises(ValueError, match=message) as caught:
        load(path, backbone=given)
    assert str(path) in str(caught.value)


def test_a_backbone_that_is_not_wanted_is_refused(small):
    with pytest.raises(ValueError, match=r"backbone='auto': leave out backbone="):
        load(small[2], backbone=own_module())


def test_lazy_layers_get_their_shapes_first(tmp_path):
    def lazy(shape):
        return nn.Sequential(nn.Flatten(), nn.LazyLinear(16))

    model, X, path = saved_with(tmp_path, backbone=lazy)
    loaded = load_quietly(path, backbone=lazy)
    np.testing.assert_array_equal(loaded.transform(X), model.transform(X))


def test_what_a_callable_froze_stays_frozen(tmp_path):
    def frozen(shape):
        return nn.Sequential(
            nn.Flatten(), nn.Linear(64, 32).requires_grad_(False), nn.Linear(32, 8)
        )

    model, _, path = saved_with(tmp_path, backbone=frozen)
    loaded = load_quietly(path, backbone=frozen)
    flags = [p.requires_grad for p in loaded.backbone_.parameters()]
    assert flags == [p.requires_grad for p in model.backbone_.parameters()]
    assert flags == [False, False, True, True]


class Tied(nn.Module):
    """Half-precision, shared, transposed and unused weights, and a buffer of whole numbers."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(64, 64)
        self.second = nn.Linear(64, 64)
        self.second.weight = self.first.weight
        self.scale = nn.Parameter(torch.ones(64, dtype=torch.bfloat16))
        self.turned = nn.Parameter(torch.randn(3, 64).T)
        self.register_buffer("count", torch.tensor(3, dtype=torch.int16))

    def forward(self, x):
        return self.second(self.first(x.flatten(1)) * self.scale.float()) @ self.turned


def test_weights_of_every_kind_come_back(tmp_path):
    model, X, path = saved_with(tmp_path, backbone=Tied())
    loaded = load_quietly(path, backbone=Tied())
    assert_same_model(loaded, model)
    trunk = loaded.backbone_
    assert trunk.first.weight is trunk.second.weight
    np.testing.assert_array_equal(loaded.transform(X), model.transform(X))


def test_an_augmentation_of_ones_own_is_not_needed_to_predict(tmp_path):
    def augment(x, generator):
        return x

    model, X, path = saved_with(tmp_path, augmentation=augment)
    with pytest.warns(UserWarning, match="augmentation.*augment.*'auto'"):
        loaded = load(path)
    assert loaded.augmentation == "auto"
    np.testing.assert_array_equal(loaded.transform(X), model.transform(X))
    assert load_quietly(path, augmentation=augment).augmentation is augment
    assert load_quietly(path, augmentation="photo").augmentation == "photo"
    with pytest.raises(ValueError, match="augmentation"):
        load(path, augmentation=3)


def test_the_device_is_said_by_who_loads(small):
    model, X, path = small
    assert load_quietly(path).device == "auto"
    loaded = load_quietly(path, device="cpu")
    assert loaded.device == "cpu"
    np.testing.assert_array_equal(loaded.transform(X), model.transform(X))
    with pytest.raises(ValueError, match="device must be present"):
        load(path, device="cuda:99")


class Masking(nn.Module):
    """A trunk with a mask as those of attention."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(16, 8)
        self.register_buffer("mask", torch.tensor([0.0] * 7 + [-torch.inf]))

    def forward(self, x):
        return self.linear(x.flatten(1)).relu() + self.mask.exp()


@pytest.mark.parametrize("kind", [CLC, ProPos])
def test_a_trunk_with_an_infinite_mask_is_read_back(kind, rows, tmp_path):
    model = kind(3, max_epochs=1, random_state=0, backbone=Masking()).fit(rows)
    model.save(tmp_path / "m", for_training=True)
    loaded = load(tmp_path / "m", backbone=Masking())
    np.testing.assert_array_equal(loaded.transform(rows), model.transform(rows))
    with torch.no_grad():
        model._model.model.backbone.linear.bias[0] = torch.inf
    model.save(tmp_path / "n")
    with pytest.raises(ValueError, match=r"linear\.bias' holds values that are not finite"):
        load(tmp_path / "n", backbone=Masking())


def test_an_agreement_that_rounding_takes_beyond_one_is_read_back(rows, tmp_path, monkeypatch):
    beyond = lambda *_: 1.0000000000000002  # noqa: E731
    monkeypatch.setattr("sklearn.metrics.adjusted_mutual_info_score", beyond)
    model = CLC(3, max_epochs=1, random_state=0).fit(rows)
    assert model.view_agreement_ == 1
    model.save(tmp_path / "m")
    assert load(tmp_path / "m").view_agreement_ == model.view_agreement_


def test_modules_of_a_gpu_are_pickled_on_the_cpu(rows):
    """ "meta" stands for the GPU: what is there has no values that could be copied."""
    trunk = nn.Sequential(nn.Flatten(), nn.Linear(16, 8))
    model = CLC(3, max_epochs=1, random_state=0, backbone=trunk).fit(rows)
    elsewhere = Elsewhere(nn.Linear(2, 2))
    model.backbone = model._model.parameters["backbone"] = elsewhere
    again = pickle.loads(pickle.dumps(model))
    assert again.backbone is again._model.parameters["backbone"]
    assert again.backbone.moved
    assert not elsewhere.moved
    assert copy.copy(model).backbone is elsewhere
    np.testing.assert_array_equal(again.transform(rows), model.transform(rows))


class Elsewhere(nn.Module):
    """Seems to be on another device until it is moved."""

    def __init__(self, inner):
        super().__init__()
        self.inner, self.moved = inner, False

    def state_dict(self, *args, **kwargs):
        state = super().state_dict(*args, **kwargs)
        return state if self.moved else {name: t.to("meta") for name, t in state.items()}

    def cpu(self):
        self.moved = True
        return self


def test_a_model_mapped_from_its_pickle_serves_in_silence(tmp_path):
    model, X, _ = saved_with(tmp_path)
    joblib.dump(model, tmp_path / "model.pkl")
    mapped = joblib.load(tmp_path / "model.pkl", mmap_mode="r")
    assert not mapped._model.used.flags.writeable
    always = torch.is_warn_always_enabled()
    torch.set_warn_always(True)  # else torch warns of such arrays once
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            np.testing.assert_array_equal(mapped.predict(X), model.labels_)
            assert mapped.score(X) == model.score(X)
    finally:
        torch.set_warn_always(always)


class MaskedInTraining(nn.Module):
    """Has a buffer that becomes a mask of minus infinity while it is trained."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(64, 16)
        self.register_buffer("low", torch.zeros(3))

    def forward(self, x):
        if self.training:
            self.low.fill_(-torch.inf)
        return self.layer(x.flatten(1))


def test_a_mask_that_training_makes_is_loaded(tmp_path):
    model, X, path = saved_with(tmp_path, backbone=MaskedInTraining())
    np.testing.assert_array_equal(
        load_quietly(path, backbone=MaskedInTraining()).predict(X), model.labels_
    )


@pytest.mark.parametrize("odd", [torch.zeros(2, dtype=torch.complex128), torch.eye(3).to_sparse()])
def test_tensors_that_files_cannot_hold_are_named(tmp_path, odd):
    trunk = own_module()
    trunk.register_buffer("odd", odd)
    X = np.random.default_rng(0).integers(0, 256, (30, 8, 8), np.uint8)
    model = CLC(3, max_epochs=1, backbone=trunk, random_state=0).fit(X)
    with pytest.raises(ValueError, match="odd of the networks cannot be saved"):
        model.save(tmp_path / "model")
    assert not list(tmp_path.iterdir())
