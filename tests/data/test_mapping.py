"""Pages of mapped files are given back; what is read stays the same, and private copies whole."""

from __future__ import annotations

import mmap
from unittest import mock

import numpy as np
import pytest

from skdeepcluster.data import mapping
from skdeepcluster.data.mapping import MappedPages
from skdeepcluster.data.samples import read_samples


@pytest.fixture
def path(tmp_path):
    """Write 20 samples of 6 values."""
    np.arange(120, dtype=np.uint8).tofile(tmp_path / "samples")
    return tmp_path / "samples"


@pytest.mark.parametrize("mode", ["r", "r+"])
def test_large_shared_mappings_are_found_through_views(path, mode, monkeypatch):
    monkeypatch.setattr(mapping, "RESIDENT_BYTES", 59)
    mapped = np.memmap(path, np.uint8, mode, shape=(20, 6))
    for array in (mapped, np.asarray(mapped), mapped[3:], mapped.reshape(20, 2, 3)[::2]):
        assert MappedPages(array).mapping is mapped._mmap
    assert MappedPages(mapped[:9]).mapping is None


def test_private_mappings_and_other_arrays_are_left_alone(path, monkeypatch):
    monkeypatch.setattr(mapping, "RESIDENT_BYTES", 0)
    private = np.memmap(path, np.uint8, "c", shape=(20, 6))
    with open(path, "rb") as file:
        own = np.ndarray((20, 6), np.uint8, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    for array in (private, np.asarray(private), private[2:], own, np.ones((2, 2)), None):
        assert MappedPages(array).mapping is None


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_dropping_pages_changes_nothing(path, mode, monkeypatch):
    monkeypatch.setattr(mapping, "RESIDENT_BYTES", 0)  # drop after every read
    mapped = np.memmap(path, np.uint8, mode, shape=(20, 6))
    if mode != "r":
        mapped[4] = 200  # in the file where it is shared, else in memory alone
    expected = np.array(mapped)
    samples = read_samples(mapped)
    for _ in range(2):
        np.testing.assert_array_equal(samples.batch(3, 9).numpy(), expected[3:9])
        np.testing.assert_array_equal(samples.take(np.array([19, 4])).numpy(), expected[[19, 4]])
    np.testing.assert_array_equal(mapped, expected)


def test_pages_are_dropped_when_they_have_become_many(path, monkeypatch):
    dropped = []
    samples = read_samples(np.memmap(path, np.uint8, "r", shape=(20, 6)))
    samples.pages.mapping = mock.Mock(madvise=dropped.append)
    monkeypatch.setattr(mapping, "RESIDENT_BYTES", 12)
    for start, n_drops in [(0, 0), (1, 0), (2, 1), (3, 1)]:  # 6 bytes each
        samples.batch(start, start + 1)
        assert len(dropped) == n_drops
    monkeypatch.setattr(mapping, "RESIDENT_BYTES", mapping.READ_AROUND + 6)
    samples.take(np.array([7]))  # may have made resident what is around
    assert len(dropped) == 1
    samples.take(np.array([7]))
    assert dropped == [mmap.MADV_DONTNEED] * 2
