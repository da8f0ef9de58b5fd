"""The file: what it holds, and that none is lost in writing another."""

from __future__ import annotations

import copy
import json
import os

import numpy as np
import pytest
import torch
from safetensors import safe_open
from saved import load_quietly
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_the_file_is_safetensors_with_a_manifest(model_and_data, tmp_path):
    model, _ = model_and_data
    model.save(tmp_path / "model")
    with safe_open(tmp_path / "model", framework="np") as file:
        (text,) = file.metadata().values()
        np.testing.assert_array_equal(file.get_tensor("clusters.labels"), model.labels_)
        names = {name for name in file.keys() if name.startswith("model.")}  # noqa: SIM118
    assert {name.partition(".")[2] for name in names} == set(model._model.model.state_dict())
    manifest = json.loads(text)
    assert (manifest["format"], manifest["format_version"]) == ("skdeepcluster", 1)
    assert manifest["class"] == [type(model).__module__, type(model).__qualname__]
    assert manifest["versions"]["torch"] == torch.__version__
    assert set(manifest["versions"]) == {"skdeepcluster", "torch", "sklearn", "numpy"}
    stored = sum(t.nbytes for t in model._model.model.state_dict().values())
    assert (tmp_path / "model").stat().st_size <= 1.05 * stored + 20_000


def test_saving_twice_gives_the_same_bytes(small, tmp_path):
    model, _, path = small
    model.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_a_file_is_replaced_only_where_asked(small):
    model, X, path = small
    before = path.read_bytes()
    other = copy.deepcopy(model)
    other._model.parameters["verbose"] = 1
    with pytest.raises(IsADirectoryError, match="is a folder; give the path of a file"):
        model.save(path.parent)
    with pytest.raises(FileExistsError, match=r"small\.safetensors.*overwrite=True"):
        other.save(path)
    assert path.read_bytes() == before
    other.save(path, overwrite=True)
    assert load_quietly(path).verbose == 1
    assert os.listdir(path.parent) == [path.name]
    with pytest.raises(NotFittedError):
        clone(model).save(path, overwrite=True)
    np.testing.assert_array_equal(load_quietly(path).predict(X), model.predict(X))


@pytest.mark.parametrize("has_links", [True, False])
def test_a_file_that_appears_meanwhile_is_not_replaced(small, monkeypatch, has_links):
    model, _, path = small
    new, sync = path.with_name("new"), os.fsync
    if not has_links:
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(PermissionError("links")))

    def meanwhile(file):
        new.write_text("of another process")
        sync(file)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", meanwhile)
        with pytest.raises(FileExistsError, match=r"'.*new' exists; overwrite=True"):
            model.save(new)
    assert new.read_text() == "of another process"
    new.unlink()
    model.save(new)
    assert new.read_bytes() == path.read_bytes()
    assert sorted(os.listdir(path.parent)) == ["new", path.name]


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
