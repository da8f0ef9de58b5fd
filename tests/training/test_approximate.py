"""Neighbours by an index: nearly those of an exact search, for very many rows only."""

from __future__ import annotations

import faiss
import numpy as np
import pytest
import torch
from sklearn.datasets import make_blobs

from skdeepcluster import CLC
from skdeepcluster.augmentation import VectorAugmentation
from skdeepcluster.data.samples import read_samples
from skdeepcluster.data.scaling import Scaling
from skdeepcluster.data.source import StreamedSource
from skdeepcluster.fitting import building
from skdeepcluster.training import approximate
from skdeepcluster.training.approximate import approximate_neighbors, is_worthwhile
from skdeepcluster.training.neighbors import nearest_neighbors

CPU = torch.device("cpu")


def opened(rows):
    samples = read_samples(rows)
    return StreamedSource(samples, Scaling.learn(samples), CPU)


def test_nearly_all_are_the_nearest():
    source = opened(make_blobs(3000, n_features=24, centers=30, random_state=0)[0])
    exact, found = nearest_neighbors(source, 10), approximate_neighbors(source, 10)
    assert found.shape == exact.shape and found.dtype == exact.dtype
    shared = (found[:, :, None] == exact[:, None]).any(dim=2).float().mean()
    assert shared > 0.97
    assert not (found == torch.arange(3000)[:, None]).any()


def test_twice_the_same_and_with_the_threads_of_before():
    source = opened(np.random.default_rng(0).normal(size=(500, 5)))
    before = faiss.omp_get_max_threads()
    assert torch.equal(approximate_neighbors(source, 4), approximate_neighbors(source, 4))
    assert faiss.omp_get_max_threads() == before


def test_equal_rows_have_each_other():
    found = approximate_neighbors(opened(np.vstack([np.eye(4)] * 50)), 3)
    assert (found % 4 == torch.arange(200)[:, None] % 4).all()


def test_few_rows_and_those_on_a_gpu_are_searched_exactly(monkeypatch):
    many = approximate.EXACT_UP_TO + 1
    assert is_worthwhile(many, CPU)
    assert not is_worthwhile(many - 1, CPU)
    assert not is_worthwhile(many, torch.device("cuda"))
    with monkeypatch.context() as patched:
        patched.setattr(approximate.sys, "platform", "darwin")
        assert not is_worthwhile(many, CPU)
    monkeypatch.setattr(approximate, "find_spec", lambda name: None)  # as where it is not installed
    assert not is_worthwhile(many, CPU)


@pytest.mark.parametrize("n_neighbors", [10, 0])
def test_a_fit_takes_them(monkeypatch, n_neighbors):
    monkeypatch.setattr(approximate, "EXACT_UP_TO", 100)
    given = []
    search = building.approximate_neighbors
    monkeypatch.setattr(
        building, "approximate_neighbors", lambda *how: given.append(how[1]) or search(*how)
    )
    X, y = make_blobs(400, n_features=12, centers=3, random_state=0)
    augmentation = VectorAugmentation(n_neighbors=n_neighbors)
    fitted = CLC(3, augmentation=augmentation, max_epochs=3, random_state=0, device="cpu").fit(X)
    assert len(fitted.labels_) == len(y) and given == [n_neighbors] * (n_neighbors > 0)
