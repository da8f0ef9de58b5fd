"""Damaged, forged and foreign files are refused, and loading runs nothing."""

from __future__ import annotations

import functools
import os
import pickle
import shutil
import sys
from collections import Counter
from contextlib import nullcontext

import damage
import forgeries
import pytest
import torch
import torchvision.models  # noqa: F401 - the package imports it for a trunk, files import nothing
from safetensors.torch import save as to_bytes
from safetensors.torch import save_file
from saved import (
    clusters,
    fitted,
    forge,
    forged_bytes,
    leave_out,
    load_quietly,
    put,
    saved_with,
    tensor,
)
from timing.memory import Peak

from skdeepcluster import load
from skdeepcluster.persistence import container, loading

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


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


def many_tensors(_, tensors):
    tensors.update((str(number), torch.empty(0)) for number in range(12_000))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put([[]] * 150_000, "class"), "its manifest holds 300[0-9]{3} values"),
        (put([{"": 1}] * 60_000, "class"), "its manifest holds"),
        (put("x" * 3_000_000, "class"), "its header of 300[0-9]{4} bytes is too long"),
        (many_tensors, "it holds 120[0-9]{2} tensors, at most 10000"),
    ],
)
def test_a_flood_of_text_is_refused_before_it_is_parsed(small, tmp_path, change, message):
    path = tmp_path / "flood"
    path.write_bytes(forged_bytes(small[2], change))
    with Peak() as peak, pytest.raises(ValueError, match=message):
        load(path)
    assert peak.growth < 2 * path.stat().st_size + 16 * 2**20
    with pytest.raises(ValueError, match=message):
        forge(small[2], change)


def test_a_history_of_five_thousand_epochs_is_read_back(small, tmp_path):
    path = tmp_path / "long"
    shutil.copy(small[2], path)
    forge(path, put(small[0].history_ * 5000, "history"))
    assert len(container.read_file(path)[0]["history"]) == 5000


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


WEIGHT = "model.backbone.0.weight"
ESCAPES = "\x1b[31mred\x1b[0m\r\n\u202e"
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
    "folder to write to": put("/tmp/states", "parameters", "checkpoint_dir"),
    "device": put("cuda", "parameters", "device"),
    "cost": put(True, "parameters", "compile"),
    "precision of no name": put("float8", "parameters", "precision"),
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
    "huge vectors": put([10**9], "shape"),
    "absurd vectors": put([10**30], "shape"),
    "images": put([1, 2, 2], "shape"),
    "huge images": put([3, 10**6, 10**6], "shape"),
    "larger vectors": put([2**20], "shape"),
    "shape of text": put("44", "shape"),
    "shape of two": put([2, 2], "shape"),
    "shape of none": put([], "shape"),
    "shape negative": put([-4], "shape"),
    "history of text": put(["a"], "history"),
    "history of lists": put([{"loss": [1]}], "history"),
    "history missing": put(None, "history"),
    "names too many": put(list("abcde"), "feature_names"),
    "names of numbers": put([1, 2, 3, 4], "feature_names"),
    "output": put("numpy", "output"),
    "output list": put(["pandas"], "output"),
    "versions": put([], "versions"),
    "version numbers": put({"skdeepcluster": 1, "torch": 2}, "versions"),
    "tensor missing": lambda manifest, tensors: tensors.pop(WEIGHT),
    "tensor of no group": tensor("more", lambda _: torch.zeros(1)),
    "weight that is no number": tensor(WEIGHT, lambda t: t * torch.nan),
    "weight that is infinite": tensor(WEIGHT, lambda t: t / 0),
    "variance below zero": tensor("model.backbone.1.running_var", lambda t: t - 100),
    "tensor unknown": tensor("model.more", lambda _: torch.zeros(1)),
    "tensor of a dtype": tensor(WEIGHT, lambda t: t.half()),
    "tensor of a shape": tensor(WEIGHT, lambda t: t.flatten()),
    "tensor empty": tensor(WEIGHT, lambda t: t[:0]),
    "scaling of a shape": tensor("scaling.offset", lambda t: t[:1].clone()),
    "scaling of a dtype": tensor("scaling.offset", lambda t: t.float()),
    "labels negative": clusters([-1, 0, 1], [0, 2]),
    "labels too large": clusters([0, 1, 2], [0, 2]),
    "labels that leave one out": clusters([0, 2], [0, 1, 2]),
    "labels of floats": tensor("clusters.labels", lambda t: t.double()),
    "used negative": clusters([0, 1], [-1, 1]),
    "used too large": clusters([0, 1], [0, 3]),
    "used falling": clusters([0, 1], [1, 0]),
    "used so far apart that differences wrap round": clusters([0, 1, 2], [0, 2**63 - 1, -2]),
    "trust of another number of clusters": put([1.0], "cluster_trust"),
    "trust above one": put([1.0, 1.5, 0.5], "cluster_trust"),
    "temperature zero": put(0.0, "temperature"),
    "agreement that is no share": put(-0.5, "view_agreement"),
    "a curve of unequal lengths": put({"n_clusters": [2, 3], "score": [1.0]}, "n_clusters_curve"),
    "a curve of something else": put({"n_clusters": [2], "inertia": [1.0]}, "n_clusters_curve"),
    "classes that fall": put([5, 2], "classes"),
    "used twice": clusters([0, 1], [1, 1]),
    "centres of a shape": tensor("clusters.centers", lambda t: t[:, :1].clone()),
    "centres too long": tensor("clusters.centers", lambda t: t * 1e38),
    "labels of no dimension": tensor("clusters.labels", lambda t: t[0].clone()),
    "scaling by zero": tensor("scaling.factor", lambda t: t * 0),
    "scaling upside down": tensor("scaling.factor", lambda t: -t),
    "scaling of no spread": tensor("scaling.spread", lambda t: t * 0),
    "scaling beyond float32": tensor("scaling.offset", lambda t: t + 1e300),
    "weights that overflow": tensor(WEIGHT, lambda t: t.sign() * 3e38),
    "weights of zero": lambda manifest, tensors: tensors.update(
        {n: t * 0 for n, t in tensors.items() if n.startswith("model.instance_head")}
    ),
    "dtype that torch cannot check": tensor(
        "further.x", lambda _: torch.zeros(1, dtype=torch.float8_e4m3fn)
    ),
    "variances without an order": tensor(
        "further.running_var", lambda _: torch.zeros(1, dtype=torch.float8_e5m2)
    ),
    "image shape of vectors": put([2, 2], "parameters", "image_shape"),
    "image shape of junk": put({"": {}}, "parameters", "image_shape"),
    "nested deeply": put(functools.reduce(lambda v, _: [v], range(800)), "history"),
    "escapes in the class": put([ESCAPES, ESCAPES], "class"),
    "escapes in a name": tensor(f"model.{ESCAPES}", lambda _: torch.zeros(1)),
    "escapes in a further name": tensor(f"further.{ESCAPES}", lambda _: torch.ones(1) / 0),
    "escapes in the backbone": put(
        {"__kind__": "given", "what": ESCAPES}, "parameters", "backbone"
    ),
    "long text": put("x" * 100_000, "parameters", "lr"),
    "long name": put(1, "x" * 100_000),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_forgeries_are_refused(small, name):
    path, before = small[2], set(sys.modules)
    forge(path, FORGERIES[name])
    with pytest.raises(ValueError, match=path.name) as caught:
        load(path)
    assert set(sys.modules) == before
    assert isinstance(caught.value.__cause__, ValueError)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1500


@pytest.mark.parametrize(("side", "fits"), [(48, True), (8192, False)])
def test_a_shape_that_a_file_claims_costs_nothing(tmp_path, side, fits):
    """The same weights go with images of up to 48 pixels; beyond, the network has more layers."""
    _, _, path = saved_with(tmp_path, backbone="small")
    forge(path, put([1, side, side], "shape"))
    with Peak() as peak, nullcontext() if fits else pytest.raises(ValueError, match="do not fit"):
        load(path)
    assert peak.growth < 2 * path.stat().st_size + 30 * 2**20


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
    with pytest.raises(ValueError, match=r"a 'Fly' of 'antigravity'.*import it first"):
        load(small[2])
    assert "antigravity" not in sys.modules


def test_errors_nobody_thought_of_are_value_errors(small, monkeypatch):
    for error in (MemoryError(), RecursionError("deep"), KeyError("lr")):
        monkeypatch.setattr(
            loading, "_restore", lambda *_, error=error: (_ for _ in ()).throw(error)
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


def test_notes_on_what_a_file_holds_are_safe_to_print(small):
    def change(manifest, tensors):
        manifest["versions"]["torch"] = ESCAPES
        manifest["parameters"]["augmentation"] = {"__kind__": "given", "what": ESCAPES}

    forge(small[2], change)
    with pytest.warns(UserWarning) as caught:
        load(small[2])
    assert len(caught) == 2
    assert all(str(warning.message).isprintable() for warning in caught)


def test_a_temperature_that_no_result_survives_is_refused(tmp_path):
    model, _ = fitted("TwinContrastClustering", "vectors")
    model.save(tmp_path / "model")
    forge(tmp_path / "model", put(1e-300, "parameters", "assignment_temperature"))
    with pytest.raises(ValueError, match="its networks give no finite embedding"):
        load(tmp_path / "model")


def test_forged_files_are_refused_or_sound():
    attempts = functools.partial(forgeries.file_attempts, kinds=("vectors",))
    counts, bad = forgeries.sweep(attempts, range(80))
    assert not bad
    total = sum(counts.values(), Counter())
    assert sum(total.values()) == 80
    assert total["refused"] > 40
    assert total["sound"] + total["equal"] > 5
