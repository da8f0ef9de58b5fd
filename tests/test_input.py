"""Everything that may come in as X, and everything that must not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from strategies import tiny

from skdeepcluster import ContrastiveClustering


def forms_of_grey(images, tmp_path):
    """Return the same grey images in every form that is read without further parameters."""
    stored = np.memmap(tmp_path / "images", dtype=np.uint8, mode="w+", shape=images.shape)
    stored[:] = images
    return {
        "float64": images.astype(np.float64),
        "float32": images.astype(np.float32),
        "float16": images.astype(np.float16),
        "int64": images.astype(np.int64),
        "uint16": images.astype(np.uint16),
        "fortran": np.asfortranarray(images),
        "strided": np.repeat(images, 2, axis=0)[::2],
        "list": images.tolist(),
        "torch": torch.tensor(images),
        "torch float": torch.tensor(images).double(),
        "channels last": images[..., None],
        "channels first": images[:, None],
        "memmap": np.memmap(tmp_path / "images", dtype=np.uint8, mode="r", shape=images.shape),
    }


def test_equal_grey_images_give_equal_labels(quick, digits, tmp_path):
    expected = quick(backbone=tiny).fit(digits)
    for name, form in forms_of_grey(digits, tmp_path).items():
        fitted = quick(backbone=tiny).fit(form)
        np.testing.assert_array_equal(fitted.labels_, expected.labels_, err_msg=name)
        np.testing.assert_array_equal(
            fitted.cluster_centers_, expected.cluster_centers_, err_msg=name
        )
        np.testing.assert_array_equal(expected.predict(form), expected.labels_, err_msg=name)


def test_flattened_images_equal_images(quick, fitted, digits):
    flat = digits.reshape(len(digits), -1)
    model = quick(image_shape=(8, 8)).fit(flat)
    np.testing.assert_array_equal(model.labels_, fitted.labels_)
    assert model.image_shape_ == fitted.image_shape_ == (1, 8, 8)
    np.testing.assert_array_equal(model.predict(flat.tolist()), fitted.labels_)
    np.testing.assert_array_equal(model.predict(digits), fitted.labels_)


def test_equal_colour_images_give_equal_labels(quick, photos):
    expected = quick(backbone=tiny).fit(photos)
    assert expected.image_shape_ == (3, 10, 12)
    assert expected.n_features_in_ == 360
    first = np.moveaxis(photos, -1, 1)
    flat = photos.reshape(len(photos), -1)
    for fitted, form in [
        (quick(backbone=tiny).fit(first), first),
        (quick(backbone=tiny).fit(torch.tensor(photos)), torch.tensor(photos)),
        (quick(backbone=tiny, image_shape=(10, 12, 3)).fit(flat), flat),
        (quick(backbone=tiny, channel_axis="first").fit(np.ascontiguousarray(first)), first),
    ]:
        np.testing.assert_array_equal(fitted.labels_, expected.labels_)
        np.testing.assert_array_equal(fitted.predict(form), expected.labels_)


@pytest.mark.parametrize("shape", [(20, 5), (20, 1), (20, 1, 1), (20, 2, 5, 100), (20, 1, 9, 1)])
def test_any_shape_of_sample_is_clustered(quick, shape):
    X = np.random.default_rng(0).random(shape)
    model = quick(channel_axis="last").fit(X)
    assert model.labels_.shape == (20,)
    assert model.n_features_in_ == np.prod(shape[1:])
    assert model.image_shape_ == (
        None if len(shape) == 2 else (shape[3] if len(shape) == 4 else 1, *shape[1:3])
    )


def test_data_frames_keep_their_names(quick):
    frame = pd.DataFrame(np.random.default_rng(0).random((20, 3)), columns=["a", "b", "c"])
    model = quick().fit(frame)
    assert list(model.feature_names_in_) == ["a", "b", "c"]
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["b", "a", "c"]])


def test_bool_images_and_constant_images(quick, digits):
    assert len(quick(backbone=tiny).fit(digits > 7).labels_) == len(digits)
    with pytest.warns(UserWarning, match="clusters have members"):
        model = quick().fit(np.full((20, 8, 8), 7.0))
    assert model.n_clusters_ == 1
    assert np.isfinite(model.transform(np.full((3, 8, 8), 7.0))).all()


def bad_inputs():
    """Yield a name, what is given as X, the type of error, and what its message must hold."""
    good = np.random.default_rng(0).random((20, 4))
    with_nan, with_inf, huge = good.copy(), good.copy(), good.copy()
    with_nan[3, 1], with_inf[5, 0], huge[0, 0] = np.nan, np.inf, 1e300
    complex_tensor = torch.tensor(good).to(torch.complex64)
    return {
        "nan": (with_nan, ValueError, "NaN.*sample 3"),
        "inf": (with_inf, ValueError, "infinity.*sample 5"),
        "huge": (huge, ValueError, "too large for float32"),
        "nan tensor": (torch.tensor(with_nan), ValueError, "NaN"),
        "empty": (np.empty((0, 4)), ValueError, "0 sample"),
        "empty tensor": (torch.empty(0, 4), ValueError, "at least 2"),
        "no features": (np.empty((20, 0)), ValueError, "0 feature"),
        "no pixels": (np.empty((20, 0, 3)), ValueError, "at least 1 value"),
        "one sample": (good[:1], ValueError, "1 sample"),
        "1-d": (good[0], ValueError, "Reshape your data"),
        "1-d tensor": (torch.tensor(good[0]), ValueError, "dim 1"),
        "5-d": (np.zeros((4, 1, 2, 2, 2)), ValueError, "dim 5"),
        "object": (
            np.array([["a", {}]] * 20, dtype=object),
            (TypeError, ValueError),
            "must be|conv",
        ),
        "complex": (good + 1j, ValueError, "Complex data not supported"),
        "complex tensor": (complex_tensor, ValueError, "Complex data not supported"),
        "ragged": ([[1, 2], [3]] * 10, ValueError, "X must be a regular array"),
        "sparse": (sparse.csr_array(good), TypeError, "[Ss]parse"),
        "sparse tensor": (torch.tensor(good).to_sparse(), TypeError, "dense"),
        "strings": (np.array([["a", "b"]] * 20), ValueError, "string|numeric"),
        "none": (None, ValueError, "X must be an array-like.*None"),
        "a string": ("images", ValueError, "X|array"),
        "a number": (3.0, ValueError, "X|array"),
        "ambiguous": (np.zeros((20, 3, 8, 3)), ValueError, "channel_axis.*both ends"),
        "no channels": (np.zeros((20, 8, 8, 8)), ValueError, "channel_axis.*neither end"),
    }


@pytest.mark.parametrize("name", bad_inputs())
def test_bad_input_is_refused(quick, name):
    X, error, message = bad_inputs()[name]
    with pytest.raises(error, match=f"(?s){message}"):
        quick().fit(X)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_clusters": 0}, "n_clusters.*0"),
        ({"n_clusters": 2.5}, "n_clusters.*2.5"),
        ({"n_clusters": 21}, "n_samples=20.*n_clusters=21"),
        ({"image_shape": (3, 3)}, "image_shape.*9.*4"),
        ({"image_shape": (2, -2)}, "image_shape.*-2"),
        ({"image_shape": (4,)}, "image_shape"),
        ({"image_shape": "2x2"}, "image_shape.*2x2"),
        ({"backbone": "resnet19"}, "backbone.*resnet19"),
        ({"backbone": "resnet18"}, "backbone='resnet18'.*image_shape"),
        ({"backbone": torch.nn.Linear(9, 3)}, "backbone must map"),
        ({"backbone": repr}, "backbone must map.*str"),
        ({"backbone": 3}, "backbone.*3"),
        ({"precision": "float8"}, "precision.*float8"),
        ({"device": "abacus"}, "device.*abacus"),
        ({"device": 0}, "device.*0"),
        ({"augmentation": "posters"}, "augmentation.*posters"),
        ({"augmentation": "photo"}, "augmentation"),
        ({"lr": -0.1}, "lr.*-0.1"),
        ({"lr": float("nan")}, "lr.*nan"),
        ({"max_epochs": -1}, "max_epochs.*-1"),
        ({"max_epochs": 0}, "max_epochs.*0"),
        ({"batch_size": 1}, "batch_size.*1"),
        ({"channel_axis": 3}, "channel_axis.*3"),
        ({"random_state": "zero"}, "random_state.*zero"),
        ({"temperature": 0}, "temperature.*0"),
        ({"embedding_dim": 0}, "embedding_dim.*0"),
        ({"compile": "yes"}, "compile.*yes"),
        ({"checkpoint_dir": 3}, "checkpoint_dir.*3"),
    ],
    ids=str,
)
def test_bad_parameters_are_refused_before_training(quick, parameters, message, monkeypatch):
    monkeypatch.setattr(
        "skdeepcluster.training.engine.Trainer.run", lambda *_: pytest.fail("trained")
    )
    X = np.random.default_rng(0).random((20, 4))
    with pytest.raises(ValueError, match=f"(?s){message}"):
        quick(**parameters).fit(X)


def test_an_absent_device_is_an_error(quick, digits):
    absent = f"cuda:{torch.cuda.device_count()}"
    with pytest.raises(ValueError, match=f"device.*{absent}"):
        quick(device=absent).fit(digits)


def test_a_different_sample_shape_is_refused(quick, fitted, digits, photos):
    for wrong in (digits[:, :7], photos, digits.reshape(60, -1)):
        for method in (fitted.predict, fitted.transform, fitted.predict_proba, fitted.score):
            with pytest.raises(ValueError, match=r"\(1, 8, 8\)"):
                method(wrong)
    vectors = quick().fit(np.random.default_rng(0).random((20, 4)))
    with pytest.raises(ValueError, match=r"X has 3 features.*expecting 4 features"):
        vectors.predict(np.zeros((5, 3)))


def test_the_message_of_an_ambiguous_shape_says_what_to_do():
    with pytest.raises(ValueError, match=r"channel_axis='last'.*channel_axis='first'"):
        ContrastiveClustering().fit(np.zeros((20, 3, 8, 3)))
