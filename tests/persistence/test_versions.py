"""Files and pickles of other versions."""

from __future__ import annotations

import pickle
import warnings

import cloudpickle
import joblib
import numpy as np
import pytest
import torch
from saved import forge, leave_out, load_quietly, put

from skdeepcluster import ContrastiveClustering, load
from skdeepcluster.persistence import versions

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_a_file_of_other_versions_warns_of_both(small, monkeypatch):
    model, X, path = small
    monkeypatch.setattr(versions, "__version__", "99.1")
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
    monkeypatch.setattr(versions, "__version__", "99.1")
    with pytest.warns(UserWarning, match=r"skdeepcluster 0\.\d.*skdeepcluster 99\.1"):
        loaded = pickle.loads(content)
    np.testing.assert_array_equal(loaded.transform(X), model.transform(X))
    assert set(vars(loaded)) == set(vars(model))


def test_joblib_files_of_other_versions_warn_of_both(small, monkeypatch, tmp_path):
    model, X, _ = small
    joblib.dump(model, tmp_path / "model.joblib")
    monkeypatch.setattr(versions, "__version__", "99.1")
    with pytest.warns(UserWarning, match=r"99\.1"):
        loaded = joblib.load(tmp_path / "model.joblib")
    np.testing.assert_array_equal(loaded.transform(X), model.transform(X))


def test_pickles_without_a_version_warn(small):
    state = small[0].__getstate__()
    del state["_skdeepcluster_version"]
    with pytest.warns(UserWarning, match="unknown"):
        ContrastiveClustering().__setstate__(state)
