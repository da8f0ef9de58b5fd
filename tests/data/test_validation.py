"""What is no array of real numbers is refused with a word on what it is."""

from __future__ import annotations

import collections
import warnings

import numpy as np
import pandas as pd
import pytest
import torch

from skdeepcluster.data.samples import read_samples
from skdeepcluster.data.validation import validated_array

GOOD = np.arange(12.0).reshape(4, 3)
STAMPS = np.arange(12).reshape(4, 3)


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (STAMPS.astype("M8[s]"), TypeError, r"real numbers.*datetime64\[s\]"),
        (STAMPS.astype("m8[s]"), TypeError, r"real numbers.*timedelta64\[s\]"),
        (pd.DataFrame({"a": pd.date_range("2020", periods=4)}), TypeError, "'a'.*datetime64"),
        (pd.DataFrame({"b": 1, "a": ["x", "y"]}), ValueError, "DataFrame.*'a' holds strings, 'x'"),
        (pd.DataFrame({"a": pd.Categorical(["x", "y"])}), ValueError, "'a' holds strings, 'x'"),
        (pd.DataFrame({"a": [None, {}]}), TypeError, "'a', of dtype object, holds no numbers"),
        (pd.DataFrame(), ValueError, "X must be a regular array.*DataFrame"),
        (np.zeros((4, 3), "i4,f4"), ValueError, "X must be.*got an array of structured"),
        (np.array([["a", "b"]] * 4, dtype=object), ValueError, "real numbers.*convert string"),
        ([[10**400, 1]] * 4, ValueError, "real numbers.*too large"),
        ([[np.datetime64(3, "s"), 1]] * 4, TypeError, "real numbers.*datetime64.*no number"),
        ([[1j, 1]] * 4, ValueError, "real numbers.*Complex"),
        ({"a": 1}, TypeError, "got a dict with keys such as 'a': pass what is under"),
        ((row for row in GOOD), TypeError, "real numbers; got a generator"),
        (pd.Series([1.0, 2.0]), ValueError, "dim 1.*Reshape your data"),
        (np.float64(3), ValueError, "dim 0.*Reshape your data"),
        (np.zeros((30, 40)) + 1j, ValueError, "Complex data not supported.*complex128.$"),
        (torch.ones(4, 3).to("meta"), TypeError, "in memory.*float32 on device 'meta'"),
        (torch.zeros(4, 3, dtype=torch.bits8), TypeError, "floating-point numbers.*bits8"),
        (torch.nested.nested_tensor([torch.ones(2)], layout=torch.jagged), TypeError, "nested"),
    ],
)
def test_what_holds_no_numbers_is_refused(X, error, message):
    with pytest.raises(error, match=f"(?s){message}"):
        validated_array(X)


def test_a_quantized_tensor_is_refused():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch is about to drop them
        X = torch.quantize_per_tensor(torch.ones(4, 3), 0.5, 0, torch.quint8)
    with pytest.raises(TypeError, match=r"floating-point numbers.*quint8"):
        validated_array(X)


@pytest.mark.parametrize("dtype", [float, int, object])
def test_masked_values_are_no_numbers(dtype):
    X = np.ma.masked_array(GOOD.astype(dtype), mask=GOOD > 9)
    with pytest.raises(ValueError, match="masked array with 2 masked values"):
        validated_array(X)
    whole = np.ma.masked_array(GOOD.astype(dtype), mask=False)
    np.testing.assert_array_equal(validated_array(whole), GOOD)


@pytest.mark.parametrize(
    "X",
    [
        GOOD.tolist(),
        GOOD.astype(object),
        GOOD.astype(np.longdouble),
        GOOD.astype(">f4"),
        pd.DataFrame(GOOD, columns=["dtype", "shape", "ndim"]),
        list(torch.tensor(GOOD)),
        list(torch.tensor(GOOD, requires_grad=True)),
        [range(3), (3, 4, 5), [6, 7, 8], collections.deque([9, 10, 11])],
        pd.DataFrame(GOOD).astype({0: object, 1: "category", 2: "Float64"}),
        memoryview(GOOD),
        torch.tensor(GOOD, requires_grad=True),
        torch.tensor(GOOD).to(torch.float8_e5m2).float(),
        torch.tensor(GOOD).to(torch.uint16),
    ],
    ids=lambda X: f"{type(X).__name__} {getattr(X, 'dtype', '')}",
)
def test_numbers_are_read_in_silence(X):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = read_samples(X).batch(0, 4)
    expected = torch.tensor(GOOD)
    if isinstance(X, torch.Tensor) and X.dtype == torch.float32:  # came through eight bits
        expected = X.double()
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=0)


def test_a_long_double_beyond_float32_is_refused_in_silence():
    X = GOOD.astype(np.longdouble)
    X[2, 1] = np.finfo(np.longdouble).max  # on many machines beyond float64 too
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=r"too large for float32.*sample 2"):
            read_samples(X)
