"""Samples that stay on the device and samples that are streamed give the same batches."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from skdeepcluster import ContrastiveClustering
from skdeepcluster.data.samples import read_samples
from skdeepcluster.data.scaling import Scaling
from skdeepcluster.data.source import ResidentSource, StreamedSource, open_source

CPU = torch.device("cpu")


@pytest.fixture
def stored(tmp_path):
    """Return a read-only memory map of 50 images."""
    images = np.random.default_rng(0).integers(0, 255, (50, 6, 5), dtype=np.uint8)
    images.tofile(tmp_path / "images")
    return np.memmap(tmp_path / "images", dtype=np.uint8, mode="r", shape=images.shape)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_streamed_equals_resident(stored, dtype):
    samples = read_samples(stored.astype(dtype))
    scaling = Scaling.learn(samples)
    resident, streamed = (kind(samples, scaling, CPU) for kind in (ResidentSource, StreamedSource))
    order = torch.randperm(50, generator=torch.Generator().manual_seed(0)).view(5, 10)
    pairs = zip(resident.batches(order), streamed.batches(order), strict=True)
    for (index, batch), (other_index, other_batch) in pairs:
        assert torch.equal(index, other_index)
        assert torch.equal(batch, other_batch)
    for batch, other_batch in zip(resident.in_order(16), streamed.in_order(16), strict=True):
        assert torch.equal(batch, other_batch)


def test_what_exceeds_the_budget_is_streamed(stored, monkeypatch):
    samples = read_samples(stored)
    scaling = Scaling.learn(samples)
    assert isinstance(open_source(samples, scaling, CPU), ResidentSource)
    model = ContrastiveClustering(n_clusters=3, max_epochs=2, batch_size=16, random_state=0)
    resident = model.fit(stored).cluster_centers_
    monkeypatch.setattr("skdeepcluster.data.source.CPU_BUDGET_BYTES", stored.nbytes - 1)
    assert isinstance(open_source(samples, scaling, CPU), StreamedSource)
    np.testing.assert_array_equal(model.fit(stored).cluster_centers_, resident)
