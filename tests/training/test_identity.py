"""What makes two trainings the same, and by what names they differ."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from torch import nn

from skdeepcluster import ContrastiveClustering
from skdeepcluster.augmentation import VectorAugmentation
from skdeepcluster.data.samples import read_samples
from skdeepcluster.training import identity
from skdeepcluster.training.identity import training_identity


def make(**parameters):
    return ContrastiveClustering(**{"random_state": 0, **parameters})


def differing(rows, first, second):
    """Return the names under which two estimators' trainings differ."""
    one, other = (training_identity(model, read_samples(rows)) for model in (first, second))
    assert one.keys() >= {"method", "samples", "dtype of training"}
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}


def shift(batch, generator, by=0.1):
    return batch + by


class Adding:
    """Says nothing of what it adds."""

    class Module(nn.Module):
        def __init__(self, by):
            super().__init__()
            self.by = by

        def forward(self, x):
            return x + self.by

    def __init__(self, by):
        self.by, self._seen, self.of = by, 0, (shift, by)

    def __call__(self, batch, generator):
        self._seen += 1
        return batch + self.by


def shifting(by):
    return lambda batch, generator: batch + by


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("lr", 0.001, np.float64(0.001)),
        ("lr", np.float32(0.5), 0.5),
        ("lr", 1, 1.0),
        ("n_clusters", 3, np.int64(3)),
        ("compile", False, np.False_),
        ("image_shape", [4, 4], (4, 4)),
        ("image_shape", (4, 4), np.array([4, 4])),
        ("augmentation", shifting(1), shifting(1)),
        ("augmentation", shift, shift),
        ("augmentation", functools.partial(shift, by=1), functools.partial(shift, by=1)),
        ("augmentation", VectorAugmentation(), VectorAugmentation()),
        ("augmentation", Adding(1), Adding(1)),
        ("backbone", Adding.Module(1), Adding.Module(1).eval()),
        ("backbone", nn.LazyLinear(3), nn.LazyLinear(3)),
        ("random_state", np.random.RandomState(0), np.random.RandomState(0)),
        ("device", "cpu", torch.device("cpu")),
        ("verbose", 0, 1),
        ("warm_start", False, True),
        ("checkpoint_dir", None, "elsewhere"),
    ],
)
def test_what_means_the_same_is_the_same(rows, name, first, second):
    assert differing(rows, make(**{name: first}), make(**{name: second})) == set()


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("lr", 0.001, 0.0010000001),
        ("max_epochs", 4, 5),
        ("backbone", "mlp", "auto"),
        ("backbone", nn.Linear(16, 4), nn.Linear(16, 4)),
        ("backbone", nn.Linear(16, 4), None),
        ("augmentation", lambda x, g: x + 1, lambda x, g: x + 2),
        ("augmentation", lambda x, g: x + 1, lambda x, g: x - 1),
        ("augmentation", lambda x, g: x.sin(), lambda x, g: x.cos()),
        ("augmentation", lambda x, g, by=1: x + by, lambda x, g, by=2: x + by),
        ("augmentation", lambda x, g: (lambda: x + 1)(), lambda x, g: (lambda: x + 2)()),
        ("augmentation", shifting(1), shifting(2)),
        ("augmentation", functools.partial(shift, by=1), functools.partial(shift, by=2)),
        ("augmentation", Adding(1), Adding(2)),
        ("augmentation", Adding.Module(1), Adding.Module(2)),
        ("augmentation", nn.Sequential(Adding.Module(1)), nn.Sequential(Adding.Module(2))),
        ("random_state", 0, None),
        ("random_state", np.random.RandomState(0), np.random.RandomState(1)),
    ],
)
def test_what_means_another_is_named(rows, name, first, second):
    assert differing(rows, make(**{name: first}), make(**{name: second})) == {name}


def test_differences_in_nested_parameters_device_and_precision_are_named(rows, monkeypatch):
    first, second = (make(augmentation=VectorAugmentation(noise=s)) for s in (0.1, 0.2))
    assert differing(rows, first, second) == {"augmentation__noise"}
    one = training_identity(make(), read_samples(rows))
    monkeypatch.setattr("skdeepcluster.training.identity.resolve_device", torch.device)
    other = training_identity(make(device="cuda"), read_samples(rows))
    assert {n for n in one if one[n] != other[n]} == {"type of device"}
    images = rows.reshape(60, 4, 4)
    for able, dtype in ((True, "torch.bfloat16"), (False, "torch.float32")):
        monkeypatch.setattr("skdeepcluster.training.device._has_fast_bfloat16", lambda _, a=able: a)
        identity = training_identity(make(device="cpu"), read_samples(images))
        assert identity["dtype of training"] == dtype


def test_any_sample_of_small_data_counts(rows):
    expected = training_identity(make(), read_samples(rows))["samples"]
    assert training_identity(make(), read_samples(rows.astype(float)))["samples"] == expected
    for place in (0, 29, 59):
        changed = rows.copy()
        changed[place, 7] += 1
        assert training_identity(make(), read_samples(changed))["samples"] != expected


def test_small_differences_far_from_zero_count(rows):
    far = 1.7e9 + rows.astype(np.float64)
    one, other = (training_identity(make(), read_samples(X)) for X in (far, far + 1))
    assert one["samples"] != other["samples"]


def test_what_a_callable_counts_does_not_count(rows):
    model = make(augmentation=Adding(1))
    before = training_identity(model, read_samples(rows))
    model.augmentation(rows, None)
    assert training_identity(model, read_samples(rows)) == before


def test_large_data_is_looked_at_in_pieces():
    """Of 80 MiB, 64 are looked at: the first, the last and what lies between in even steps."""
    rows = np.zeros((80, 2**18), dtype=np.uint8)
    expected = training_identity(make(), read_samples(rows))["samples"]
    found = []
    for place in range(0, 80, 13):
        rows[place, 5] = 1
        found.append(training_identity(make(), read_samples(rows))["samples"] != expected)
        rows[place, 5] = 0
    assert found[0]
    assert sum(found) >= 4


@pytest.mark.parametrize("changed", [0, 499, 999])
def test_of_many_samples_the_first_and_the_last_are_looked_at(monkeypatch, changed):
    """Pieces of 8 samples at 3 places stand for 64 of 1 MiB."""
    monkeypatch.setattr(identity, "N_PIECES", 3)
    monkeypatch.setattr(identity, "PIECE_BYTES", 8 * 4 * 4)
    X = np.random.default_rng(0).normal(size=(1000, 4))
    other = X.copy()
    other[changed] += 1
    one, two = (training_identity(make(), read_samples(rows)) for rows in (X, other))
    assert one["samples"] != two["samples"]
