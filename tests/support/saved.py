"""Small models, saved; and files that are changed and given a checksum that fits."""

from __future__ import annotations

import functools
import warnings

import numpy as np
import torch
from torch import nn
from toy_method import ToyMethod

from skdeepcluster import ContrastiveClustering, load, methods
from skdeepcluster.persistence.container import read_file, sealed, write_file

SETTINGS = {"n_clusters": 3, "max_epochs": 1, "batch_size": 32, "random_state": 0}
METHODS = {**{name: getattr(methods, name) for name in methods.__all__}, "ToyMethod": ToyMethod}


@functools.cache
def fitted(name, kind="images"):
    """Fit once; tests that change a model take a copy."""
    rng = np.random.default_rng(0)
    X = rng.random((30, 4)) if kind == "vectors" else rng.integers(0, 256, (30, 8, 8), np.uint8)
    return METHODS[name](**SETTINGS).fit(X), X


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


def forge(path, change):
    """Change what is in a file and give it a checksum that fits."""
    manifest, tensors = read_file(path)
    change(manifest, tensors)
    write_file(path, manifest, tensors, overwrite=True)


def forged_bytes(path, change):
    """Change what is in a file as `forge` does, also where no file may be written."""
    manifest, tensors = read_file(path)
    change(manifest, tensors)
    return sealed(manifest, tensors)


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
        tensors["clusters.labels"] = torch.tensor(labels * 30)[:30].clone()
        tensors["clusters.used"] = torch.tensor(used)
        manifest["cluster_trust"] = [1.0] * len(used)
        width = tensors["clusters.centers"].shape[1]
        tensors["clusters.centers"] = torch.full((len(used), width), width**-0.5)

    return change
