"""What is no array: read in slices where it can be, else refused before it costs anything."""

from __future__ import annotations

import time

import h5py
import numpy as np
import pytest
import zarr
from timing.memory import Peak
from torch.utils.data import DataLoader, Dataset
from trainings import make

from skdeepcluster.data.samples import read_samples


class Endless(Dataset):
    """A data set that does not say where it ends."""

    def __getitem__(self, number):
        return np.zeros((32, 32), np.uint8)

    def __len__(self):
        return 5


def ragged():
    return [np.zeros((1000 + number, 1000, 3), np.uint8) for number in range(30)]


REFUSED = {
    "ragged": (
        ragged,
        ValueError,
        r"one shape.*got a list of 30 with shapes .*1000, 1000, 3.*\.\.\.",
    ),
    "paths": (lambda: ["a.png", "b.png"] * 9, TypeError, "numbers, read from files.*'a.png' first"),
    "data set": (Endless, TypeError, "got a Endless: put the samples one by one into an array"),
    "loader": (lambda: DataLoader(Endless()), TypeError, "got a DataLoader: put the samples"),
    "generator": (lambda: (row for row in np.eye(3)), TypeError, "got a generator"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_array_is_refused_at_once(kind):
    give, error, message = REFUSED[kind]
    X, start = give(), time.perf_counter()
    with Peak() as peak, pytest.raises(error, match=f"(?s){message}"):
        make().fit(X)
    assert time.perf_counter() - start < 1
    assert peak.growth < 20 * 2**20


@pytest.fixture(params=["h5py", "zarr"])
def stored(request, tmp_path, digits):
    """Keep images in a file, in chunks."""
    if request.param == "zarr":
        array = zarr.create_array(
            str(tmp_path / "x"), shape=digits.shape, dtype="u1", chunks=(7, 8, 8)
        )
        array[:] = digits
        yield array
        return
    with h5py.File(tmp_path / "x", "w") as file:
        yield file.create_dataset("x", data=digits, chunks=(7, 8, 8))


def test_what_is_read_in_slices_gives_what_arrays_give(stored, digits, monkeypatch):
    samples = read_samples(stored)
    assert samples.array is stored
    np.testing.assert_array_equal(samples.batch(3, 9), digits[3:9, None])
    index = np.array([5, 1, 5, 40, 2])
    np.testing.assert_array_equal(samples.take(index), digits[index, None])
    monkeypatch.setattr("skdeepcluster.data.source.CPU_BUDGET_BYTES", 0)  # streamed
    model, expected = make(max_epochs=1).fit(stored), make(max_epochs=1).fit(digits)
    np.testing.assert_array_equal(model.labels_, expected.labels_)
    np.testing.assert_array_equal(model.transform(stored), expected.transform(digits))


def test_what_is_read_in_slices_follows_the_rules_of_arrays(tmp_path):
    with h5py.File(tmp_path / "x", "w") as file:
        row = file.create_dataset("row", data=np.arange(4.0), chunks=True)
        with pytest.raises(ValueError, match="2 to 4 dimensions"):
            make().fit(row)
        none = file.create_dataset("none", shape=(0, 3), maxshape=(None, 3), chunks=True)
        with pytest.raises(ValueError, match=r"0 sample\(s\)"):
            make().fit(none)
