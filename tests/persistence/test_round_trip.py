"""A loaded model is the model that was saved."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from comparing import assert_same_model, without_times
from saved import SETTINGS, fitted, load_quietly, own_callable, own_module, saved_with
from sklearn.base import clone

from skdeepcluster import ContrastiveClustering, load
from skdeepcluster.augmentation import ImageAugmentation, VectorAugmentation
from skdeepcluster.persistence.encoding import Given, decode, encode, encode_parameters

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


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
    trained = [p.requires_grad for p in model._model.model.parameters()]
    assert [p.requires_grad for p in loaded._model.model.parameters()] == trained
    assert not loaded._model.model.training


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
    model.save(tmp_path / "model", for_training=True)
    loaded = load_quietly(tmp_path / "model").set_params(warm_start=True).fit(X)
    model.set_params(warm_start=True).fit(X)
    assert_same_model(loaded, model)
    assert model.n_epochs_ == 2
    assert without_times(loaded.history_) == without_times(model.history_)


def test_without_weights_for_training_a_warm_start_makes_do(model_and_data, tmp_path):
    model, X = model_and_data
    model.save(tmp_path / "model")
    loaded = load_quietly(tmp_path / "model").set_params(warm_start=True).fit(X)
    assert loaded.n_epochs_ == 2
    assert loaded.history_[1]["loss"] != model.history_[0]["loss"]


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
    changed = {"lr": float(np.float32(1e-3))}
    changed |= {"checkpoint_dir": None, "random_state": None, "device": "auto"}
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


def test_an_array_as_a_parameter_comes_back_as_a_tuple():
    assert decode(json.loads(json.dumps(encode(np.array([8, 8]))))) == (8, 8)


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


def test_a_model_is_saved_as_it_was_fitted_whatever_was_set_since(tmp_path):
    model, X = fitted("ProPos")
    since = {"temperature": 0.05, "embedding_dim": 7, "n_clusters": 4, "backbone": "resnet18"}
    since |= {"lr": -1.0, "precision": "bfloat16", "augmentation": VectorAugmentation(mix=2.0)}
    changed = copy.deepcopy(model).set_params(**since)
    changed.save(tmp_path / "model")
    loaded = load_quietly(tmp_path / "model")
    assert loaded.get_params() == model.get_params()
    for fitted_one in (changed, loaded):
        np.testing.assert_array_equal(fitted_one.predict_proba(X), model.predict_proba(X))


def test_what_is_set_inside_an_augmentation_since_is_not_saved(tmp_path):
    model, _, _ = saved_with(tmp_path, augmentation=ImageAugmentation.glyph())
    model.augmentation.set_params(hue=0.25)
    model.save(tmp_path / "again")
    assert load_quietly(tmp_path / "again").augmentation.hue != 0.25


def test_nothing_global_changes(model_and_data, tmp_path):
    def state():
        return torch.get_rng_state().tolist(), str(np.random.get_state()), torch.get_num_threads()  # noqa: NPY002

    model, _ = model_and_data
    before = state()
    model.save(tmp_path / "model")
    load(tmp_path / "model")
    assert state() == before
