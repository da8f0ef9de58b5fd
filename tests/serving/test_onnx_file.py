"""ONNX files: another runtime gives what the estimator gives, and files are whole or not there."""

from __future__ import annotations

import sys

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from torch import nn

from skdeepcluster import CLC, ContrastiveClustering, ProPos, TwinContrastClustering, __version__
from skdeepcluster.serving import export_onnx


@pytest.mark.parametrize(
    ("method", "kind", "dtype", "layout"),
    [
        (ContrastiveClustering, "resized", "uint8", "(n, H, W, C)"),
        (ProPos, "grey bytes", "uint8", "(n, H, W)"),
        (CLC, "vectors", "float", "(n, d)"),
        (TwinContrastClustering, "floats", "float", "(n, H, W, C)"),
    ],
)
def test_onnxruntime_gives_what_the_estimator_gives(
    model_of, tmp_path, method, kind, dtype, layout
):
    model, X = model_of(kind, method)
    path = tmp_path / "model.onnx"
    export_onnx(model, X[:1], path)
    graph = onnx.load(path)
    onnx.checker.check_model(graph, full_check=True)
    assert b".py" not in path.read_bytes()  # the paths of this machine
    assert not any(node.metadata_props for node in graph.graph.node)
    session = onnxruntime.InferenceSession(path)
    assert [given.name for given in session.get_inputs()] == ["X"]
    assert session.get_inputs()[0].type == f"tensor({dtype})"
    assert [o.name for o in session.get_outputs()] == ["labels", "probabilities", "embedding"]
    for n in (1, 1000):
        labels, probabilities, embedding = session.run(None, {"X": X[:n]})
        assert labels.dtype == np.int64
        np.testing.assert_array_equal(labels, model.predict(X[:n]))
        np.testing.assert_allclose(probabilities, model.predict_proba(X[:n]), atol=1e-5)
        np.testing.assert_allclose(embedding, model.transform(X[:n]), atol=1e-5)
    about = session.get_modelmeta().custom_metadata_map
    assert about == {
        "class": method.__name__,
        "skdeepcluster": __version__,
        "n_clusters": str(model.n_clusters_),
        "layout": layout,
    }


@pytest.fixture(scope="module")
def table():
    """Return a tiny model of a data frame, and the frame."""
    values = np.random.default_rng(0).normal(size=(40, 2))
    frame = pd.DataFrame(values, columns=["width", "height"])
    settings = {"max_epochs": 1, "random_state": 0, "device": "cpu", "embedding_dim": 4}
    return ContrastiveClustering(2, **settings).fit(frame), frame


def test_a_file_that_is_there_is_kept_unless_it_may_be_replaced(table, tmp_path):
    model, frame = table
    path = tmp_path / "model.onnx"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        export_onnx(model, frame, path)
    assert path.read_text() == "mine"
    export_onnx(model, frame, path, overwrite=True)
    session = onnxruntime.InferenceSession(path)
    assert session.get_inputs()[0].type == "tensor(double)"
    assert session.get_modelmeta().custom_metadata_map["feature_names"] == '["width", "height"]'
    assert [p.name for p in tmp_path.iterdir()] == ["model.onnx"]


class Halting(nn.Module):
    """A trunk that looks at its samples to decide what to do."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 3)

    def forward(self, x):
        features = self.layer(x)
        return features * 2 if bool(features.sum() > 0) else features


def test_networks_that_onnx_cannot_express_are_refused(table, tmp_path):
    _, frame = table
    settings = {"max_epochs": 1, "random_state": 0, "device": "cpu", "backbone": Halting()}
    model = ContrastiveClustering(2, **settings).fit(frame)
    with pytest.raises(ValueError, match=r"cannot be written as ONNX.*backbone"):
        export_onnx(model, frame, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_samples_of_another_shape_are_refused_before_any_work(table, tmp_path):
    with pytest.raises(ValueError, match="3 features"):
        export_onnx(table[0], np.zeros((1, 3)), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_only_fitted_estimators_of_this_package_are_written(table, tmp_path):
    model, frame = table
    with pytest.raises(TypeError, match="got Pipeline"):
        export_onnx(make_pipeline(model), frame, tmp_path / "model.onnx")
    with pytest.raises(NotFittedError):
        export_onnx(ProPos(), frame, tmp_path / "model.onnx")


@pytest.mark.parametrize("missing", ["onnx", "onnxscript"])
def test_without_onnx_the_error_names_the_extra(table, tmp_path, monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=r"skdeepcluster\[onnx\]"):
        export_onnx(*table, tmp_path / "model.onnx")


class Counting(nn.Module):
    """Makes the number of samples a constant of the graph."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 3)

    def forward(self, x):
        return self.layer(x.reshape(len(x), -1))


def test_networks_of_one_number_of_samples_are_refused(table, tmp_path):
    _, frame = table
    settings = {"max_epochs": 1, "random_state": 0, "device": "cpu", "backbone": Counting()}
    model = ContrastiveClustering(2, **settings).fit(frame)
    with pytest.raises(ValueError, match="any number of samples"):
        export_onnx(model, frame, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())
