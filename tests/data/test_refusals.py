"""What is no array is refused before it costs time or memory, with a word on what to do."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy import sparse
from timing.memory import Peak
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from skdeepcluster.data.samples import read_samples

MANY = 100_000
LOADER = r"skdeepcluster\.datasets\.load_images"
SIDES = np.random.default_rng(0).integers(8, 2000, (300, 2)).tolist()


class Stream(IterableDataset):
    """A data set that is read from front to back."""

    def __iter__(self):
        return iter(np.eye(3))

    def __len__(self):
        return 3


class Unending:
    """Gives an item for every number."""

    def __getitem__(self, number):
        return np.zeros((8, 8))


class Joined(Unending, Dataset):
    """A data set of PyTorch's that does not mind being asked beyond its end."""

    def __len__(self):
        return 3


def images(make=np.zeros):
    return [make((*sides, 3)) for sides in SIDES]


def bytes_of_torch(shape):
    return torch.empty(shape, dtype=torch.uint8)


def objects(parts):
    array = np.empty(len(parts), object)
    array[:] = [None] * len(parts)
    for number, part in enumerate(parts):
        array[number] = part
    return array


def frame():
    return pd.DataFrame(np.ones((MANY, 20))).assign(name=[f"{n}" for n in range(MANY)])


def itself():
    parts = []
    parts.append([parts, parts])
    return parts


SHAPES = r"one shape; got a {} of 300 with parts of different shapes: .*\d, 3\).*, \.\.\.\. .*{}"
REFUSED = {
    "arrays of many sizes": (images, ValueError, SHAPES.format("list", LOADER)),
    "tensors of many sizes": (lambda: images(bytes_of_torch), ValueError, LOADER),
    "pictures of many sizes": (
        lambda: [Image.new("RGB", (width, height)) for height, width in SIDES],
        ValueError,
        LOADER,
    ),
    "an object array of arrays": (lambda: objects(images()), ValueError, LOADER),
    "images and labels": (
        lambda: (torch.zeros(MANY, 28, 28), torch.zeros(MANY)),
        ValueError,
        r"shapes: \(100000, 28, 28\), \(100000,\)",
    ),
    "ragged rows": (lambda: [[1, 2], [3]] * MANY, ValueError, "shapes: length 1, length 2\\.$"),
    "ragged deep inside": (
        lambda: [[[1, 2], [3, 4]] for _ in range(20_000)] + [[[1, 2], [3]]],
        ValueError,
        "shapes: length 1, length 2",
    ),
    "rows and numbers": (lambda: [[1, 2], 3], ValueError, r"shapes: \(\), length 2"),
    "a list that holds itself": (itself, ValueError, "more than four lists"),
    "paths": (lambda: [f"{n}.png" for n in range(MANY)], TypeError, f"'0.png' in it.*{LOADER}"),
    "Paths": (lambda: [Path("a")] * MANY, TypeError, rf"Path\('a'\) in it.*{LOADER}"),
    "a path": (lambda: "folder", ValueError, f"path 'folder'.*{LOADER}"),
    "a Path": (lambda: Path("folder"), ValueError, f"Path.'folder'.*{LOADER}"),
    "contents of files": (lambda: [b"x" * 10**6] * 300, TypeError, r"of 300 with b'xx.*\.\.\."),
    "rows with long text": (lambda: [["x" * 9999, 1]] * MANY, TypeError, r"'xx.*\.\.\..*in it"),
    "an array of paths": (lambda: np.array(["a.png"] * 10**6), ValueError, f"strings.*{LOADER}"),
    "an object array of paths": (
        lambda: np.array([f"{n}" for n in range(10**6)], object),
        TypeError,
        f"'0' in it.*{LOADER}",
    ),
    "a column of paths": (lambda: pd.Series(["a"] * MANY), TypeError, f"'a' in it.*{LOADER}"),
    "a frame with text": (frame, ValueError, "DataFrame whose column 'name' holds strings, '0'"),
    "a frame with text, once more": (
        lambda: frame().astype({"name": object}),
        ValueError,
        "column 'name' holds strings, '0'",
    ),
    "structured": (lambda: np.zeros((MANY, 9), "i4,f4"), ValueError, "structured dtype"),
    "masked": (
        lambda: np.ma.masked_array(np.zeros((MANY, 9)), mask=np.eye(MANY, 9)),
        ValueError,
        "9 masked values",
    ),
    "masked parts": (
        lambda: [np.ma.masked_array([1, 2], [0, 1])] * 9,
        ValueError,
        "masked values in it",
    ),
    "a matrix": (lambda: np.matrix(np.zeros((MANY, 9))), TypeError, "matrix is not supported"),
    "sparse": (lambda: sparse.eye_array(MANY).tocsr(), TypeError, "must be dense; got a csr_array"),
    "sparse frame": (
        lambda: pd.DataFrame(np.ones((MANY, 2))).astype(pd.SparseDtype(float)),
        TypeError,
        "must be dense; got a DataFrame",
    ),
    "sparse keys": (lambda: sparse.dok_array((MANY, MANY)), TypeError, "Sparse.*got a dok_array"),
    "None": (lambda: [np.zeros((8, 8))] * 5 + [None], ValueError, "None in it, first at 5"),
    "None first": (lambda: [None, np.zeros((8, 8))], ValueError, "None in it, first at 0"),
    "a picture": (lambda: Image.new("RGB", (8, 8)), ValueError, r"passed as \[X\]"),
    "a dict": (lambda: {"train": 1}, TypeError, "a dict with keys such as 'train': pass what"),
    "a generator": (lambda: (row for row in np.eye(3)), TypeError, "a generator, which has no"),
    "an iterator": (lambda: map(str, [1]), TypeError, "a map, which has no length or no items"),
    "a set": (lambda: {1, 2}, TypeError, "a set, which has no length or no items"),
    "a stream": (Stream, TypeError, "a Stream, which has no length or no items"),
    "a loader": (
        lambda: DataLoader(TensorDataset(torch.zeros(9, 8, 8))),
        TypeError,
        r"a DataLoader: pass the data set that it loads, X\.dataset",
    ),
    "no length": (Unending, TypeError, "got a Unending"),
    "a class": (lambda: Joined, TypeError, "got a type"),
    "data sets": (lambda: [Joined(), Joined()], TypeError, "a list of 2 with a Joined in it"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_array_is_refused_at_once(name):
    give, error, message = REFUSED[name]
    X, start = give(), time.process_time()
    with Peak() as peak, pytest.raises(error, match=f"(?s){message}"):
        read_samples(X)
    assert time.process_time() - start < 1
    assert peak.growth < 20 * 2**20


def test_an_estimator_refuses_in_the_same_words(quick, fitted):
    for call in (quick().fit, quick().fit_predict, fitted.predict, fitted.transform, fitted.score):
        with pytest.raises(TypeError, match=LOADER):
            call(["a.png"] * 9)


class Temporal(str):
    """A data type of polars."""

    def is_temporal(self):
        return self == "Date"


class Frame:
    """A data frame as polars has it."""

    columns = ("when", "x")
    shape = (30, 2)

    def __init__(self, *dtypes):
        self.dtypes = [Temporal(dtype) for dtype in dtypes]

    def get_column(self, name):
        return np.ones(30)

    def __array__(self, dtype=None, copy=None):
        return np.ones(self.shape)


def test_times_in_a_frame_of_polars_are_refused():
    read_samples(Frame("Float64", "Int8"))
    with pytest.raises(TypeError, match="column 'when', of dtype Date, holds no numbers"):
        read_samples(Frame("Date", "Float64"))
