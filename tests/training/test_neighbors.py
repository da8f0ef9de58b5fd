"""Neighbours: those that scikit-learn finds, and views of them in a fit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from skdeepcluster import CLC
from skdeepcluster.augmentation import VectorAugmentation
from skdeepcluster.data import source as sources
from skdeepcluster.data.samples import read_samples
from skdeepcluster.data.scaling import Scaling
from skdeepcluster.data.source import ResidentSource, StreamedSource
from skdeepcluster.training import neighbors
from skdeepcluster.training.neighbors import NeighborViews, nearest_neighbors
from skdeepcluster.training.views import Views

ROWS = np.random.default_rng(0).normal(size=(300, 6))
CPU = torch.device("cpu")
PLAIN = {"noise": 0.0, "mask_probability": 0.0, "mix": 0.0}


def opened(rows, kind=ResidentSource):
    samples = read_samples(rows)
    return kind(samples, Scaling.learn(samples), CPU)


@pytest.mark.parametrize("kind", [ResidentSource, StreamedSource])
@pytest.mark.parametrize(("block", "values"), [(4096, 2**25), (64, 600), (7, 6)])
def test_they_are_the_nearest_rows(monkeypatch, kind, block, values):
    monkeypatch.setattr(neighbors, "BLOCK", block)
    monkeypatch.setattr(neighbors, "QUERY_VALUES", values)
    found = nearest_neighbors(opened(ROWS, kind), 9)
    expected = NearestNeighbors(n_neighbors=9).fit(ROWS).kneighbors(return_distance=False)
    np.testing.assert_array_equal(found.numpy(), expected)


def test_no_row_is_its_own_neighbour_even_among_equals():
    found = nearest_neighbors(opened(np.vstack([ROWS[:5]] * 4)), 19)
    assert all(set(row.tolist()) == set(range(20)) - {i} for i, row in enumerate(found))


@pytest.mark.parametrize("kind", [ResidentSource, StreamedSource])
def test_the_second_view_is_of_a_neighbour(kind):
    source = opened(ROWS, kind)
    views = NeighborViews(VectorAugmentation(n_neighbors=4, **PLAIN), source, n_views=3)
    index = torch.arange(40, 80)
    batch, generator = source.rows(index), torch.Generator().manual_seed(0)
    first, *others = views(batch, index, generator)
    assert torch.equal(first, batch) and len(others) == 2
    every = source.rows(torch.arange(300))
    for other in others:
        number = torch.cdist(other, every).argmin(dim=1)
        assert torch.equal(every[number], other)
        assert (views.neighbors[index] == number[:, None]).any(dim=1).all()
    assert not torch.equal(*others)


def test_without_neighbours_views_are_of_the_row_itself(monkeypatch):
    monkeypatch.setattr(neighbors, "nearest_neighbors", None)  # nothing is searched
    settings = {"n_clusters": 3, "max_epochs": 1, "random_state": 0}
    fitted = CLC(augmentation=VectorAugmentation(n_neighbors=0), **settings).fit(ROWS)
    assert len(fitted.labels_) == 300
    index = torch.arange(5)
    batch = opened(ROWS).rows(index)
    plain = Views(VectorAugmentation(n_neighbors=0, **PLAIN))
    assert all(torch.equal(view, batch) for view in plain(batch, index, torch.Generator()))


def test_streamed_and_resident_rows_give_equal_fits(monkeypatch):
    settings = {"n_clusters": 3, "max_epochs": 2, "random_state": 0, "device": "cpu"}
    resident = CLC(**settings).fit(ROWS)
    monkeypatch.setattr(sources, "VECTOR_BUDGET_BYTES", 0)
    streamed = CLC(**settings).fit(ROWS)
    np.testing.assert_array_equal(resident.transform(ROWS), streamed.transform(ROWS))


def test_two_rows_have_one_neighbour_each():
    assert nearest_neighbors(opened(ROWS[:2]), 1).tolist() == [[1], [0]]
