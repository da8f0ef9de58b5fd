"""What holds samples but is no array gives what arrays give, a few samples at a time."""

from __future__ import annotations

import collections
import threading

import h5py
import numpy as np
import pytest
import torch
import zarr
from comparing import assert_same_fit
from PIL import Image
from sklearn.model_selection import GridSearchCV
from timing.memory import Peak
from torch.utils.data import Dataset, StackDataset, TensorDataset
from trainings import make

from skdeepcluster.data import readers
from skdeepcluster.data.samples import CHUNK_BYTES, read_samples

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Lazy:
    """What dask and others give: shape, dtype and slices, and an array where one asks for it."""

    def __init__(self, values, part=False):
        self.values, self.shape, self.dtype, self.part = values, values.shape, values.dtype, part

    def __getitem__(self, rows):
        return Lazy(self.values[rows], part=True)

    def __array__(self, dtype=None, copy=None):
        assert self.part, "read as a whole"
        return np.asarray(self.values, dtype)


class Stored(Lazy):
    """What knows no rows by their numbers, but becomes an array as a whole."""

    def __getitem__(self, rows):
        return np.stack([self.values[row] for row in range(rows.start, rows.stop)])

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype)


class Items(Dataset):
    """A data set of PyTorch's that makes its items by a function."""

    def __init__(self, item, length=60):
        self.item, self.length = item, length

    def __getitem__(self, number):
        return self.item(number)

    def __len__(self):
        return self.length


class Column(collections.abc.Sequence):
    """A column as the package datasets gives it: lists for slices, new images for numbers."""

    def __init__(self, images):
        self.images = images

    def __getitem__(self, key):
        if isinstance(key, (int, np.integer)):
            return Image.fromarray(self.images[int(key)])
        return [Image.fromarray(image) for image in self.images[key]]

    def __len__(self):
        return len(self.images)


class Rows(Column):
    """Rows as the package datasets gives them, with a shape that is the table's."""

    shape = (60, 2)

    def __getitem__(self, number):
        return {"name": "x", "label": 3, "img": self.images[number].tolist()}


def in_hdf5(X, folder):
    return h5py.File(folder / "x", "w").create_dataset("x", data=X, chunks=(7, 8, 8))


def in_zarr(X, folder):
    array = zarr.create_array(str(folder / "x"), shape=X.shape, dtype="u1", chunks=(7, 8, 8))
    array[:] = X
    return array


def objects(parts):
    array = np.empty(len(parts), object)
    array[:] = parts
    return array


FORMS = {
    "h5py": in_hdf5,
    "zarr": in_zarr,
    "lazy": lambda X, _: Lazy(X),
    "column": lambda X, _: Column(X),
    "rows": lambda X, _: Rows(X),
    "pictures": lambda X, _: [Image.fromarray(image) for image in X],
    "object array": lambda X, _: objects([Image.fromarray(image) for image in X]),
    "tensors": lambda X, _: list(torch.tensor(X)),
    "tensor set": lambda X, _: TensorDataset(torch.tensor(X)),
    "pairs": lambda X, _: TensorDataset(torch.tensor(X).bfloat16(), torch.arange(60)),
    "list of pairs": lambda X, _: [(image, 3) for image in X],
    "dicts": lambda X, _: StackDataset(label=torch.arange(60), image=X),
    "views": lambda X, _: Items(lambda number: [X[number], X[0], X[1]]),
    "nested": lambda X, _: Items(lambda number: X[number].tolist()),
}


@pytest.fixture(params=FORMS)
def form(request, digits, tmp_path):
    """Keep the digits in some form that is no array."""
    return FORMS[request.param](digits, tmp_path)


def test_samples_are_those_of_the_array(form, digits):
    samples = read_samples(form)
    assert isinstance(samples.array, readers.Reader)
    assert samples.array.shape == (60, 8, 8)
    np.testing.assert_array_equal(samples.batch(3, 9), digits[3:9, None])
    index = np.array([5, 1, 5, 40, 2])
    np.testing.assert_array_equal(samples.take(index), digits[index, None])
    assert samples.batch(9, 9).shape == (0, 1, 8, 8)


@pytest.fixture(scope="module")
def expected(digits):
    """Return a fit of the array itself."""
    return make(max_epochs=1).fit(digits)


@pytest.mark.parametrize("budget", [0, 2**30], ids=["streamed", "resident"])
def test_a_fit_is_that_of_the_array(form, expected, digits, monkeypatch, budget):
    monkeypatch.setattr("skdeepcluster.data.source.CPU_BUDGET_BYTES", budget)
    assert_same_fit(make(max_epochs=1).fit(form), expected, digits)


@pytest.mark.parametrize("form", [Column, lambda X: Items(lambda n: (torch.tensor(X[n]), 3))])
def test_every_estimator_takes_data_sets(quick, form, fitted, digits):
    X = form(digits)
    assert_same_fit(quick().fit(X), fitted, digits)
    np.testing.assert_array_equal(fitted.predict(X), fitted.labels_)
    np.testing.assert_array_equal(fitted.transform(X), fitted.transform(digits))
    assert fitted.score(X) == fitted.score(digits)


def test_colours_and_vectors_are_items_too(photos):
    for X in (photos, np.moveaxis(photos, -1, 1), photos.reshape(len(photos), -1)):
        found = read_samples(Items(lambda number, X=X: X[number], len(X)))
        expected = read_samples(X)
        assert found.layout == expected.layout
        np.testing.assert_array_equal(found.batch(0, 9), expected.batch(0, 9))


def test_palettes_are_read_as_their_colours(photos):
    pictures = [Image.fromarray(photo).quantize(9) for photo in photos]
    found = read_samples(pictures)
    assert found.shape == (3, 10, 12)
    expected = np.stack([np.asarray(picture.convert("RGB")) for picture in pictures])
    np.testing.assert_array_equal(found.batch(0, 9), np.moveaxis(expected[:9], -1, 1))


def test_no_more_than_a_chunk_is_held():
    image = np.ones((256, 256, 3), np.uint8)
    X = Items(lambda number: image, 600)  # of 118 MB
    read_samples(X)
    with Peak() as peak:
        read_samples(X)
    assert peak.growth < 3 * CHUNK_BYTES


def test_items_are_read_in_threads_lists_are_not(digits, monkeypatch):
    monkeypatch.setattr(readers, "N_THREADS", 3)
    together = threading.Barrier(3, timeout=10)

    def item(number):
        if threading.current_thread() is not threading.main_thread():
            together.wait()  # until there are three
        return digits[number]

    np.testing.assert_array_equal(readers.ItemReader(Items(item))[10:40], digits[10:40])
    assert readers.ItemReader(list(torch.tensor(digits))).n_threads == 1


def test_states_of_arrays_serve_data_sets(digits, tmp_path):
    first = make(max_epochs=2, checkpoint_dir=tmp_path).fit(digits)
    again = make(max_epochs=2, checkpoint_dir=tmp_path).fit(Column(digits))
    assert again.history_ == first.history_  # seconds and all: it was read, not trained
    with pytest.raises(ValueError, match="holds a training with other parameters or data"):
        make(max_epochs=2, checkpoint_dir=tmp_path).fit(Column(digits[::-1]))


def test_a_search_takes_data_sets_apart(digits):
    grid = {"lr": [1e-3]}
    expected = GridSearchCV(make(max_epochs=1), grid, cv=2).fit(digits).cv_results_
    for X in (Column(digits), TensorDataset(torch.tensor(digits), torch.arange(60))):
        found = GridSearchCV(make(max_epochs=1), grid, cv=2, error_score="raise").fit(X)
        np.testing.assert_array_equal(
            found.cv_results_["mean_test_score"], expected["mean_test_score"]
        )


def broken(number):
    if number >= 7:
        raise OSError("no such file")
    return np.zeros((8, 8))


@pytest.mark.parametrize(
    ("item", "error", "message"),
    [
        (lambda n: np.zeros((8, 8 + (n >= 7))), ValueError, r"item 7 has.*\(8, 9\).*0 \(8, 8\).*"
         r"datasets\.load_images"),
        (lambda n: np.zeros((8, 8), float if n == 7 else np.uint8), ValueError,
         "one dtype; item 7 has float64, item 0 uint8"),
        (lambda n: "a.png", TypeError, "item 0 is of type str: 'a.png'"),
        (lambda n: None if n >= 7 else np.zeros(3), TypeError, "item 7 is of type NoneType"),
        (lambda n: (3, np.zeros((8, 8))), TypeError, "at the beginning of each item; item 0 is"),
        (lambda n: {"name": "x"}, TypeError, "item 0 is of type dict: {'name': 'x'}"),
        (lambda n: [[1, 2], [3]], TypeError, r"item 0 is of type list: \[\[1, 2\], \[3\]\]"),
        (lambda n: np.ma.masked_array([1, 2], [0, 1]), TypeError, "item 0 is of type MaskedArray"),
        (lambda n: n, TypeError, "item 0 is of type int"),
        (lambda n: {"a": broken(n + 7)}, RuntimeError, "Item 0 of X cannot be read: OSError: no"),
        (broken, RuntimeError, "Item 7 of X cannot be read: OSError: no such file"),
        (lambda n: np.full(4, np.nan if n == 7 else 0.0), ValueError, "NaN.*sample 7"),
    ],
)  # fmt: skip
def test_items_that_cannot_be_used_are_named(item, error, message):
    with pytest.raises(error, match=f"(?s){message}"):
        make().fit(Items(item))


def test_what_an_item_raises_is_the_cause():
    with pytest.raises(RuntimeError) as caught:
        read_samples(Items(broken))
    assert isinstance(caught.value.__cause__, OSError)


def test_too_few_items_are_refused():
    for length in (0, 1):
        with pytest.raises(ValueError, match=rf"{length} sample\(s\), 2 are required"):
            make().fit(Items(broken, length))


def test_random_items_are_warned_of():
    rng = np.random.default_rng(0)
    with pytest.warns(UserWarning, match=r"Item 0 of X differs.*random transforms to augmentation"):
        read_samples(Items(lambda number: rng.random((8, 8))))


def test_what_is_sliced_follows_the_rules_of_arrays(tmp_path):
    with h5py.File(tmp_path / "x", "w") as file:
        row = file.create_dataset("row", data=np.arange(4.0), chunks=True)
        with pytest.raises(ValueError, match="2 to 4 dimensions"):
            make().fit(row)
        none = file.create_dataset("none", shape=(0, 3), maxshape=(None, 3), chunks=True)
        with pytest.raises(ValueError, match=r"0 sample\(s\)"):
            make().fit(none)
        text = file.create_dataset("text", (60, 3), dtype=h5py.string_dtype())
        with pytest.raises(TypeError, match="real numbers; got a Dataset of dtype object"):
            make().fit(text)
        with pytest.raises(TypeError, match="a File with keys such as 'none', 'row', 'text'"):
            make().fit(file)


def test_what_knows_no_rows_by_number_is_taken_whole_if_it_is_an_array(digits, monkeypatch):
    np.testing.assert_array_equal(read_samples(Stored(digits)).array, digits)
    monkeypatch.delattr(Stored, "__array__")
    monkeypatch.delattr(Lazy, "__array__")
    with pytest.raises(TypeError, match="real numbers; got a Stored: it cannot be sliced"):
        read_samples(Stored(digits))


class Masked(Lazy):
    """What gives masked slices, as masked arrays of dask and variables of netCDF do."""

    def __getitem__(self, rows):
        return self.values[rows]


def test_masked_values_are_refused():
    values = np.ma.masked_greater(np.random.default_rng(0).random((60, 6)), 0.99)
    with pytest.raises(ValueError, match="must have a value everywhere; got masked values"):
        make(max_epochs=1).fit(Masked(values))
    whole = np.ma.masked_greater(values.data, 2.0)
    assert make(max_epochs=1).fit(Masked(whole)).n_epochs_ == 1


@pytest.mark.parametrize("kinds", ["L1", "I;16 L", "fB"])
def test_items_on_another_scale_are_refused(kinds):
    first, other = {"L1": ("L", "1"), "I;16 L": ("I;16", "L"), "fB": ("F", "L")}[kinds]
    images = [Image.fromarray(np.full((8, 8), n, np.uint8)).convert(first) for n in range(12)]
    images[5] = images[5].convert("L").convert(other)
    with pytest.raises(ValueError, match="X must hold samples of one dtype; item 5"):
        read_samples(images).take(np.arange(12))
