"""Saved models come back whole, or not at all, and loading runs nothing."""

from __future__ import annotations

import copy
import functools
import importlib.util
import json
import os
import pickle
import sys
import warnings
from collections import Counter
from pathlib import Path

import cloudpickle
import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save as to_bytes
from safetensors.torch import save_file
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from torch import nn

import skdeepcluster
from skdeepcluster import ContrastiveClustering, load, methods
from skdeepcluster.augmentation import ImageAugmentation, VectorAugmentation
from skdeepcluster.persistence import loading, restoring
from skdeepcluster.persistence.container import read_file, write_file
from skdeepcluster.persistence.encoding import Given, decode, encode, encode_parameters

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

HERE = Path(__file__).parent
SETTINGS = {"n_clusters": 3, "max_epochs": 1, "batch_size": 32, "random_state": 0}
TIMES = ("seconds", "images_per_second")


def import_file(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


ToyMethod = import_file(HERE / "toy_method.py", "toy_method_to_save").ToyMethod
damage = import_file(HERE.parent / "benchmarks" / "damage.py", "damage_benchmark")
METHODS = {**{name: getattr(methods, name) for name in methods.__all__}, "ToyMethod": ToyMethod}


@functools.cache
def fitted(name, kind="images"):
    """Fit once; tests that change a model take a copy."""
    rng = np.random.default_rng(0)
    X = rng.random((30, 4)) if kind == "vectors" else rng.integers(0, 256, (30, 8, 8), np.uint8)
    return METHODS[name](**SETTINGS).fit(X), X


@pytest.fixture(params=METHODS)
def model_and_data(request):
    model, X = fitted(request.param)
    return copy.deepcopy(model), X


@pytest.fixture
def small(tmp_path):
    """Save a model of some 100 kB."""
    model, X = fitted("ContrastiveClustering", "vectors")
    path = tmp_path / "small.safetensors"
    model.save(path)
    return model, X, path


def own_module():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU())


def own_callable(shape):
    return nn.Sequential(nn.Flatten(), nn.Linear(int(np.prod(shape)), 16))


def saved_with(tmp_path, **parameters):
    """Fit a model with further parameters and save it."""
    X = fitted("CLC")[1]
    model = ContrastiveClustering(**{**SETTINGS, **parameters}).fit(X)
    path = tmp_path / "model.safetensors"
    model.save(path)
    return model, X, path


def load_quietly(path, **arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return load(path, **arguments)


def assert_same_model(one, other):
    """Compare networks, attributes and what was learnt of the samples, to the last bit."""
    names = ("labels_", "cluster_centers_")
    for name in names:
        assert getattr(one, name).dtype == getattr(other, name).dtype
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    state, expected = (m._model.objective.state_dict() for m in (one, other))
    assert list(state) == list(expected)
    for name, value in state.items():
        assert value.dtype == expected[name].dtype
        assert torch.equal(value, expected[name]), name
    for name, value in vars(one._model.scaling).items():
        assert value.dtype == getattr(other._model.scaling, name).dtype
        np.testing.assert_array_equal(value, getattr(other._model.scaling, name))


def without_times(history):
    return [{k: v for k, v in entry.items() if k not in TIMES} for entry in history]


# --- what comes back ---------------------------------------------------------------------------


def test_a_loaded_model_is_the_model_saved(model_and_data, tmp_path):
    model, X = model_and_data
    model.save(tmp_path / "model")
    loaded = load_quietly(str(tmp_path / "model"))
    assert type(loaded) is type(model)
    assert_same_model(loaded, model)
    assert loaded.get_params() == model.get_params()
    assert set(vars(loaded)) == set(vars(model))
    for name in ("history_", "n_epochs_", "n_clusters_", "n_features_in_", "image_shape_"):
        assert getattr(loaded, name) == getattr(model, name)
    assert [list(entry) for entry in loaded.history_] == [list(entry) for entry in model.history_]
    for use in ("predict", "predict_proba", "transform"):
        np.testing.assert_array_equal(getattr(loaded, use)(X), getattr(model, use)(X))
    assert loaded.score(X) == model.score(X)
    np.testing.assert_array_equal(loaded.get_feature_names_out(), model.get_feature_names_out())
    trained = [p.requires_grad for p in model._model.objective.parameters()]
    assert [p.requires_grad for p in loaded._model.objective.parameters()] == trained
    assert not loaded._model.objective.training


def test_a_loaded_model_serves_as_the_original(model_and_data, tmp_path):
    model, X = model_and_data
    model.save(tmp_path / "first")
    loaded = load_quietly(tmp_path / "first")
    loaded.save(tmp_path / "second")
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    assert clone(loaded).get_params() == model.get_params()
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(loaded)).transform(X), model.transform(X)
    )
    (tmp_path / "first").write_bytes(b"")  # nothing is read from the file any more
    np.testing.assert_array_equal(loaded.transform(X), model.transform(X))
    loaded.labels_[0] = 0  # and nothing is read-only


def test_training_goes_on_alike(model_and_data, tmp_path):
    model, X = model_and_data
    model.set_params(warm_start=True)
    model.save(tmp_path / "model")
    loaded = load_quietly(tmp_path / "model").fit(X)
    model.fit(X)
    assert_same_model(loaded, model)
    assert model.n_epochs_ == 2
    assert without_times(loaded.history_) == without_times(model.history_)


def test_names_of_columns_and_data_frames_come_back(tmp_path):
    X = pd.DataFrame(fitted("CLC", "vectors")[1], columns=list("abcd"))
    model = ContrastiveClustering(**SETTINGS).fit(X).set_output(transform="pandas")
    model.save(tmp_path / "model")
    loaded = load_quietly(tmp_path / "model")
    assert loaded.feature_names_in_.dtype == object
    assert list(loaded.feature_names_in_) == list("abcd")
    pd.testing.assert_frame_equal(loaded.transform(X), model.transform(X))
    with pytest.raises(ValueError, match="feature names"):
        loaded.predict(X[list("bacd")])


def test_parameters_come_back_as_they_were(tmp_path):
    parameters = {
        "n_clusters": np.int64(3),
        "lr": np.float32(1e-3),
        "image_shape": (8, 8),
        "augmentation": ImageAugmentation.glyph().set_params(blur_sigma=[0.1, 0.5]),
        "precision": "bfloat16",
        "device": torch.device("cpu"),
        "checkpoint_dir": tmp_path / "states",
        "random_state": np.random.RandomState(0),
    }
    model, X, path = saved_with(tmp_path, **parameters)
    loaded = load_quietly(path)
    changed = {"lr": float(np.float32(1e-3)), "device": "cpu"}
    changed |= {"checkpoint_dir": None, "random_state": None}
    expected = {**model.get_params(), **changed}
    del expected["augmentation"]
    found = loaded.get_params()
    assert repr(found.pop("augmentation")) == repr(model.augmentation)
    assert found == expected
    assert type(found["n_clusters"]) is int
    np.testing.assert_array_equal(loaded.transform(X), model.transform(X))


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -1.5, "text", (), (1, (2.5, "a")), [1, [2]], {"a": {"b": (1,)}}, float("inf")],
)
def test_values_survive_json(value):
    text = json.dumps(encode(value), allow_nan=False)
    assert decode(json.loads(text)) == value
    assert type(decode(json.loads(text))) is type(value)


def test_what_json_cannot_hold_is_named_or_refused():
    encoded = encode_parameters({"backbone": own_module(), "augmentation": own_callable})
    assert decode(encoded) == {
        "backbone": Given("Sequential"),
        "augmentation": Given("own_callable"),
    }
    with pytest.raises(ValueError, match=r"metric=.*cannot be saved"):
        encode_parameters({"metric": len})
    with pytest.raises(ValueError, match="backbone"):
        encode_parameters({"backbone_options": {"__kind__": "tuple"}})


def test_a_model_is_as_it_was_fitted_whatever_was_set_since(tmp_path):
    model, X = fitted("ProPos")
    model = copy.deepcopy(model).set_params(temperature=0.05, momentum=0.9)
    model.save(tmp_path / "model")
    loaded = load_quietly(tmp_path / "model")
    assert loaded.temperature == 0.05
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"embedding_dim": 7}, "changed after fit.*shape"),
        ({"n_clusters": 4}, "changed after fit.*n_clusters was 3, is 4"),
        ({"backbone": "resnet18"}, "changed after fit"),
        ({"lr": -1.0}, "lr"),
        ({"augmentation": VectorAugmentation(mix=2.0)}, "mix"),
    ],
)
def test_what_could_not_be_loaded_is_not_saved(changed, message, tmp_path):
    model = copy.deepcopy(fitted("CLC")[0]).set_params(**changed)
    with pytest.raises(ValueError, match=message):
        model.save(tmp_path / "model")
    assert os.listdir(tmp_path) == []


# --- the file ----------------------------------------------------------------------------------


def test_the_file_is_safetensors_with_a_manifest(model_and_data, tmp_path):
    model, _ = model_and_data
    model.save(tmp_path / "model")
    with safe_open(tmp_path / "model", framework="np") as file:
        (text,) = file.metadata().values()
        np.testing.assert_array_equal(file.get_tensor("labels"), model.labels_)
        names = {name for name in file.keys() if name.startswith("objective.")}  # noqa: SIM118
    assert {name.partition(".")[2] for name in names} == set(model._model.objective.state_dict())
    manifest = json.loads(text)
    assert (manifest["format"], manifest["format_version"]) == ("skdeepcluster", 1)
    assert manifest["class"] == [type(model).__module__, type(model).__qualname__]
    assert manifest["versions"]["torch"] == torch.__version__
    assert set(manifest["versions"]) == {"skdeepcluster", "torch", "sklearn", "numpy"}
    stored = sum(t.nbytes for t in model._model.objective.state_dict().values())
    assert (tmp_path / "model").stat().st_size <= 1.1 * stored + 30_000


def test_saving_twice_gives_the_same_bytes(small, tmp_path):
    model, _, path = small
    model.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_a_file_is_replaced_only_where_asked(small):
    model, X, path = small
    before = path.read_bytes()
    other = copy.deepcopy(model).set_params(verbose=1)
    with pytest.raises(FileExistsError, match=r"small\.safetensors.*overwrite=True"):
        other.save(path)
    assert path.read_bytes() == before
    other.save(path, overwrite=True)
    assert load_quietly(path).verbose == 1
    assert os.listdir(path.parent) == [path.name]
    with pytest.raises(NotFittedError):
        clone(model).save(path, overwrite=True)
    np.testing.assert_array_equal(load_quietly(path).predict(X), model.predict(X))


@pytest.mark.parametrize("function", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_a_write_that_fails_leaves_what_was_there(small, monkeypatch, function, error):
    model, _, path = small
    before = path.read_bytes()

    def fail(*_):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(os, function, fail)
        for target in (path, path.with_name("new")):
            with pytest.raises(type(error)):
                model.save(target, overwrite=True)
    assert os.listdir(path.parent) == [path.name]
    assert path.read_bytes() == before


def test_a_folder_that_is_absent_is_an_os_error(small, tmp_path):
    with pytest.raises(OSError, match="absent"):
        small[0].save(tmp_path / "absent" / "model")


# --- what only the caller has ------------------------------------------------------------------


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
        (own_module().double(), "float32.*not torch.float64"),
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
    assert loaded.backbone_.first.weight is loaded.backbone_.second.weight
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


def test_an_absent_device_is_said_and_the_cpu_taken(small):
    model, X, path = small
    copy.deepcopy(model).set_params(device="cuda:99").save(path, overwrite=True)
    with pytest.warns(UserWarning, match="device='cuda:99'"):
        loaded = load(path)
    assert loaded.device == "cuda:99"
    np.testing.assert_array_equal(loaded.transform(X), model.transform(X))
    assert load_quietly(path, device="cpu").device == "cpu"
    with pytest.raises(ValueError, match="device must be present"):
        load(path, device="cuda:99")


# --- what is refused ---------------------------------------------------------------------------


def foreign_files(folder, content):
    header = b'{"__metadata__":' + b'{"a":' * 5000
    yield "empty", b"", "damaged, cut short, or not a safetensors"
    yield "picture", b"\x89PNG\r\n\x1a\n" + bytes(500), "not a safetensors"
    yield "pickle", pickle.dumps({"a": 1}), "not a safetensors"
    yield "torch", (folder / "torch").read_bytes(), "not a safetensors"
    yield "foreign", to_bytes({"a": torch.zeros(2)}), "not of a model of skdeepcluster"
    yield "foreign2", to_bytes({}, {"format": "pt"}), "not of a model of skdeepcluster"
    yield "deep", len(header).to_bytes(8, "little") + header, "not a safetensors"
    yield "huge", (2**62).to_bytes(8, "little") + bytes(100), "not a safetensors"
    yield "truncated", content[:-1], "cut short"
    yield "longer", content + b"\0", "damaged"
    yield "other weight", content[:-1] + bytes([content[-1] ^ 1]), "checksum"


def test_other_files_are_refused_by_name(small, tmp_path):
    torch.save({"a": torch.zeros(2)}, tmp_path / "torch")
    for name, content, message in foreign_files(tmp_path, small[2].read_bytes()):
        path = tmp_path / f"{name}.file"
        path.write_bytes(content)
        with pytest.raises(ValueError, match=message) as caught:
            load(path)
        assert path.name in str(caught.value)


def test_paths_without_a_file_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing"):
        load(tmp_path / "nothing")
    with pytest.raises(ValueError, match=f"{tmp_path.name}.*not a file"):
        load(tmp_path)
    with pytest.raises(ValueError, match="not a file"):
        load(os.devnull)


def forge(path, change):
    """Change what is in a file and give it a checksum that fits."""
    manifest, tensors = read_file(path)
    change(manifest, tensors)
    write_file(path, manifest, tensors)


def put(value, *keys):
    def change(manifest, tensors):
        place = manifest
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value

    return change


def leave_out(*keys):
    def change(manifest, tensors):
        place = manifest
        for key in keys[:-1]:
            place = place[key]
        del place[keys[-1]]

    return change


def tensor(name, make):
    def change(manifest, tensors):
        tensors[name] = make(tensors[name]) if name in tensors else make(None)

    return change


def clusters(labels, used):
    """Let the samples belong to some clusters in turn."""

    def change(manifest, tensors):
        tensors["labels"] = torch.tensor(labels * 30)[:30].clone()
        tensors["used"] = torch.tensor(used)
        tensors["cluster_centers"] = torch.ones(len(used), manifest["sizes"]["embedding"])
        manifest["sizes"]["clusters"] = len(used)

    return change


WEIGHT = "objective.backbone.0.weight"
FORGERIES = {
    "class of another module": put(["os", "system"], "class"),
    "class that is no method": put(["skdeepcluster.base", "DeepClusterer"], "class"),
    "class of another type": put("CLC", "class"),
    "another method": put(["skdeepcluster.methods.clc", "CLC"], "class"),
    "no class": leave_out("class"),
    "unknown entry": put(1, "more"),
    "newer format": put(2, "format_version"),
    "no format": put(None, "format_version"),
    "format zero": put(0, "format_version"),
    "unknown parameter": put(1, "parameters", "__class__"),
    "parameter out of range": put(-1.0, "parameters", "lr"),
    "parameter of a type": put("3", "parameters", "n_clusters"),
    "parameter that is huge": put(10**400, "parameters", "n_clusters"),
    "parameter infinite": put({"__kind__": "float", "value": "inf"}, "parameters", "lr"),
    "parameter nan": put({"__kind__": "float", "value": "nan"}, "parameters", "temperature"),
    "parameter given": put({"__kind__": "given", "what": "x"}, "parameters", "lr"),
    "parameter of no kind": put({"__kind__": "code", "value": "x"}, "parameters", "lr"),
    "parameter half a kind": put({"__kind__": "tuple"}, "parameters", "lr"),
    "backbone of no name": put("resnet1000", "parameters", "backbone"),
    "backbone that is no name": put(
        {"__kind__": "augmentation", "name": "VectorAugmentation", "parameters": {}},
        "parameters",
        "backbone",
    ),
    "backbone for images": put("small", "parameters", "backbone"),
    "augmentation of no name": put(
        {"__kind__": "augmentation", "name": "Popen", "parameters": {}},
        "parameters",
        "augmentation",
    ),
    "augmentation out of range": put(
        {"__kind__": "augmentation", "name": "VectorAugmentation", "parameters": {"mix": 3}},
        "parameters",
        "augmentation",
    ),
    "augmentation parameter": put(
        {"__kind__": "augmentation", "name": "VectorAugmentation", "parameters": {"a__b": 3}},
        "parameters",
        "augmentation",
    ),
    "fewer clusters": put(2, "parameters", "n_clusters"),
    "huge embedding": put(10**9, "parameters", "embedding_dim"),
    "absurd embedding": put(10**18, "parameters", "embedding_dim"),
    "huge clusters": put(10**12, "parameters", "n_clusters"),
    "huge trunk": put(10**9, "sizes", "trunk"),
    "absurd trunk": put(2**61, "sizes", "trunk"),
    "absurd sizes": put(
        {"samples": 30, "clusters": 2**29, "embedding": 2**29, "trunk": 64}, "sizes"
    ),
    "trunk true": put(True, "sizes", "trunk"),
    "huge vectors": put([10**9], "shape"),
    "absurd vectors": put([10**30], "shape"),
    "images": put([1, 2, 2], "shape"),
    "huge images": put([3, 10**6, 10**6], "shape"),
    "shape of text": put("44", "shape"),
    "shape of two": put([2, 2], "shape"),
    "shape of none": put([], "shape"),
    "shape negative": put([-4], "shape"),
    "no sizes": put({}, "sizes"),
    "more samples": put(31, "sizes", "samples"),
    "other precision": put("float8", "precision"),
    "precision list": put([], "precision"),
    "history of text": put(["a"], "history"),
    "history of lists": put([{"loss": [1]}], "history"),
    "history missing": put(None, "history"),
    "names too many": put(list("abcde"), "feature_names"),
    "names of numbers": put([1, 2, 3, 4], "feature_names"),
    "output": put("numpy", "output"),
    "output list": put(["pandas"], "output"),
    "setting unknown": put(1, "settings", "forward"),
    "setting missing": leave_out("settings", "temperature"),
    "setting nested": put({"a": 1}, "settings", "temperature"),
    "setting of another type": put("warm", "settings", "temperature"),
    "setting that is nothing": put(None, "settings", "temperature"),
    "versions": put([], "versions"),
    "version numbers": put({"skdeepcluster": 1, "torch": 2}, "versions"),
    "tensor missing": lambda manifest, tensors: tensors.pop(WEIGHT),
    "tensor unknown": tensor("objective.more", lambda _: torch.zeros(1)),
    "tensor of a dtype": tensor(WEIGHT, lambda t: t.half()),
    "tensor of a shape": tensor(WEIGHT, lambda t: t.flatten()),
    "tensor empty": tensor(WEIGHT, lambda t: t[:0]),
    "scaling of a shape": tensor("scaling.offset", lambda t: t[:1].clone()),
    "scaling of a dtype": tensor("scaling.offset", lambda t: t.float()),
    "labels negative": clusters([-1, 0, 1], [0, 2]),
    "labels too large": clusters([0, 1, 2], [0, 2]),
    "labels that leave one out": clusters([0, 2], [0, 1, 2]),
    "labels of floats": tensor("labels", lambda t: t.double()),
    "used negative": clusters([0, 1], [-1, 1]),
    "used too large": clusters([0, 1], [0, 3]),
    "used falling": clusters([0, 1], [1, 0]),
    "used twice": clusters([0, 1], [1, 1]),
    "centres of a shape": tensor("cluster_centers", lambda t: t[:, :1].clone()),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_forgeries_are_refused_before_memory_is_taken(small, monkeypatch, name):
    path = small[2]
    devices, build = [], restoring.build_untrained

    def spy(*arguments):
        devices.append(arguments[4] if len(arguments) > 4 else "cpu")
        return build(*arguments)

    monkeypatch.setattr(restoring, "build_untrained", spy)
    before = set(sys.modules)
    forge(path, FORGERIES[name])
    with pytest.raises(ValueError, match=path.name) as caught:
        load(path)
    if "huge" in name or "absurd" in name:
        assert "cpu" not in devices
    assert set(sys.modules) == before
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_change_that_keeps_the_rules_is_not_refused(small):
    forge(small[2], clusters([0, 1], [0, 2]))
    loaded = load_quietly(small[2])
    assert loaded.n_clusters_ == 2
    assert loaded.predict_proba(small[1]).shape == (30, 2)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{}",
        '{"format": "skdeepcluster"}',
        '{"format": "skdeepcluster", "format_version": 1}',
        '{"format": "skdeepcluster", "format_version": NaN}',
        '{"format": "skdeepcluster", "format_version": 1, "lr": Infinity}',
        '{"format": "skdeepcluster", "format_version": 1, "lr": 1e999}',
        '{"format": "skdeepcluster", "format_version": 1, "lr": ' + "9" * 5000 + "}",
        '{"format": "skdeepcluster", "format_version": 1, "lr": ' + "[" * 100_000,
        '{"format": "skdeepcluster", "format_version": 1, "lr": "\\ud800"}',
    ],
)
def test_odd_manifests_are_refused(tmp_path, text):
    save_file({"a": torch.zeros(1)}, tmp_path / "model", {"skdeepcluster": text})
    with pytest.raises(ValueError, match="model"):
        load(tmp_path / "model")


def test_a_file_of_a_newer_format_says_so(small):
    forge(small[2], put(2, "format_version"))
    with pytest.raises(ValueError, match=r"format 2.*up to 1.*newer skdeepcluster"):
        load(small[2])


def test_a_method_that_is_not_imported_is_named_and_not_imported(small):
    forge(small[2], put(["antigravity", "Fly"], "class"))
    with pytest.raises(ValueError, match=r"a Fly of antigravity.*import it first"):
        load(small[2])
    assert "antigravity" not in sys.modules


def test_errors_nobody_thought_of_are_value_errors(small, monkeypatch):
    for error in (MemoryError(), RecursionError("deep"), KeyError("lr")):
        monkeypatch.setattr(
            loading, "restore_fit", lambda *_, error=error: (_ for _ in ()).throw(error)
        )
        with pytest.raises(ValueError, match=type(error).__name__):
            load(small[2])


def test_damaged_files_are_refused_or_load_as_saved(small, tmp_path):
    model = small[0]
    counts = damage.sweep(model, n_each=6, seed=0)
    total = sum(counts.values(), Counter())
    assert sum(total.values()) == 60
    assert total["wrong"] == total["other"] == 0, counts
    assert total["refused"] > 50


# --- versions and pickles ----------------------------------------------------------------------


def test_a_file_of_other_versions_warns_of_both(small, monkeypatch):
    model, X, path = small
    monkeypatch.setattr(skdeepcluster, "__version__", "99.1")
    with pytest.warns(UserWarning, match=r"skdeepcluster 0\.\d.*skdeepcluster 99\.1"):
        loaded = load(path)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    monkeypatch.undo()
    forge(path, put("1.13.0+cu118", "versions", "torch"))
    with pytest.warns(UserWarning, match=r"torch 1\.13\.0\+cu118.*read with torch \d"):
        load(path)
    forge(path, put(torch.__version__.partition("+")[0] + "+rocm", "versions", "torch"))
    load_quietly(path)


def test_a_parameter_that_the_file_does_not_name_takes_its_default(small):
    forge(small[2], leave_out("parameters", "weight_decay"))
    with pytest.warns(UserWarning, match="weight_decay"):
        assert load(small[2]).weight_decay == 0.0


def to_pickle(model):
    return pickle.dumps(model)


def to_cloudpickle(model):
    return cloudpickle.dumps(model)


@pytest.mark.parametrize("dump", [to_pickle, to_cloudpickle])
def test_pickles_of_other_versions_warn_of_both(small, monkeypatch, dump):
    model, X, _ = small
    content = dump(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pickle.loads(content)
    monkeypatch.setattr(skdeepcluster, "__version__", "99.1")
    with pytest.warns(UserWarning, match=r"skdeepcluster 0\.\d.*skdeepcluster 99\.1"):
        loaded = pickle.loads(content)
    np.testing.assert_array_equal(loaded.transform(X), model.transform(X))
    assert set(vars(loaded)) == set(vars(model))


def test_joblib_files_of_other_versions_warn_of_both(small, monkeypatch, tmp_path):
    model, X, _ = small
    joblib.dump(model, tmp_path / "model.joblib")
    monkeypatch.setattr(skdeepcluster, "__version__", "99.1")
    with pytest.warns(UserWarning, match=r"99\.1"):
        loaded = joblib.load(tmp_path / "model.joblib")
    np.testing.assert_array_equal(loaded.transform(X), model.transform(X))


def test_pickles_without_a_version_warn(small):
    state = small[0].__getstate__()
    del state["_skdeepcluster_version"]
    with pytest.warns(UserWarning, match="unknown"):
        ContrastiveClustering().__setstate__(state)


def test_nothing_global_changes(model_and_data, tmp_path):
    def state():
        return torch.get_rng_state().tolist(), str(np.random.get_state()), torch.get_num_threads()  # noqa: NPY002

    model, _ = model_and_data
    before = state()
    model.save(tmp_path / "model")
    load(tmp_path / "model")
    assert state() == before
