"""Whatever a user may hand in, as samples or as a parameter: strategies of hypothesis."""

from __future__ import annotations

import decimal
import math
import warnings
from fractions import Fraction
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from hypothesis import strategies as st
from scipy import sparse
from torch import nn

INTEGERS_AND_BOOL = ("?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", ">i2", ">u4")
NUMBERS = (*INTEGERS_AND_BOOL, "f2", "f4", "f8", "g", ">f2", ">f4", ">f8")
OTHERS = ("c8", "c16", "O", "U3", "S3", "M8[s]", "m8[s]", "V4", "i4,f4")
BAD_VALUES = {"nan": np.nan, "inf": -np.inf, "huge": 3e38}
FILLS = ("spread", "spread", "constant", "few", "limits", "tiny", *BAD_VALUES)
MEMORY = ("C", "F", "reversed", "sliced", "moved", "broadcast", "readonly", "unaligned")
TENSORS = ("tensor", "tensors", "leaf", "expanded", "bfloat16", "float8")
LARGEST = 1e37
CHANNELS = (1, 3, 4)


class Given(NamedTuple):
    """Samples in some form, and the same numbers in plain float64 if they are finite numbers."""

    X: Any
    plain: np.ndarray | None

    def is_legal(self, channel_axis="auto", least=2):
        """Say whether the documented rules let the samples in, without `image_shape`."""
        if self.plain is None or not 2 <= self.plain.ndim <= 4 or self.plain.size == 0:
            return False
        ends = [self.plain.shape[axis] in CHANNELS for axis in (1, -1)]
        clear = self.plain.ndim < 4 or channel_axis != "auto" or ends[0] != ends[1]
        return clear and len(self.plain) >= least


class Holder:
    """What other libraries give: an object that turns into an array when asked."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.array, dtype=dtype)


class Subclass(np.ndarray):
    """An array of a type of its own."""


def tiny(shape):
    """Build a trunk so small that training takes milliseconds."""
    return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), 4), nn.ReLU())


# --- samples -----------------------------------------------------------------------------------


def filled(rng, shape, dtype, fill):
    """Make an array of numbers of a dtype."""
    info = np.iinfo(dtype) if dtype.kind in "iu" else None
    top = min(float(np.finfo(dtype).max), LARGEST / 10) if dtype.kind == "f" else None
    if fill == "limits":
        ends = (0, 1) if dtype.kind == "b" else (info.min, info.max) if info else (-top, top)
        values = rng.choice(np.array([*ends, 0], dtype=dtype), shape)
    elif dtype.kind == "f" and fill == "tiny":
        values = rng.integers(0, 3, shape).astype(dtype) * np.finfo(dtype).smallest_subnormal
    else:
        values = rng.integers(0, 2 if dtype.kind == "b" else 100, shape).astype(dtype)
        values = (values / 8).astype(dtype) if dtype.kind == "f" else values
    if fill in ("constant", "few") and values.size and values.ndim:
        values[:] = values[rng.integers(0, 1 + (fill == "few"), len(values)) % len(values)]
    if fill in BAD_VALUES and dtype.kind == "f" and values.size:
        with np.errstate(over="ignore"):
            values.flat[rng.integers(values.size)] = BAD_VALUES[fill]
    return values


def other(rng, shape, dtype):
    """Make an array of things that are not real numbers."""
    values = rng.integers(0, 100, shape)
    if dtype.kind == "O":
        odd = [None, "a", "", {}, [1], 1j, 10**400, np.datetime64("2020"), pd.NA, object()]
        values = values.astype(object)
        if values.size:
            values.flat[rng.integers(values.size)] = odd[rng.integers(len(odd))]
        return values
    if dtype.kind == "V":
        return np.zeros(shape, dtype)
    if dtype.kind in "US":
        return np.char.add("x", values.astype("U2")).astype(dtype)
    return values.astype(dtype)


def laid_out(array, how):
    """Put the same values elsewhere in memory."""
    if how == "F":
        return np.asfortranarray(array)
    if how == "reversed":
        flip = (slice(None, None, -1),) * array.ndim
        return np.ascontiguousarray(array[flip])[flip]
    if how == "sliced" and array.ndim:
        return np.repeat(array, 2, axis=0)[::2]
    if how == "moved" and array.ndim:
        return np.moveaxis(np.ascontiguousarray(np.moveaxis(array, -1, 0)), 0, -1)
    if how == "broadcast" and len(array.shape) and len(array):
        return np.broadcast_to(array[:1], array.shape)
    if how == "unaligned" and array.dtype.kind != "O":
        memory = np.zeros(array.nbytes + 1, np.uint8)[1:]
        memory[:] = np.frombuffer(array.tobytes(), np.uint8)
        return memory.view(array.dtype).reshape(array.shape)
    array = np.array(array)
    array.flags.writeable = how != "readonly"
    return array


def as_plain(array):
    """Return the same numbers in float64, None where they are none or too large."""
    if array.dtype == object and all(type(value) is int for value in array.flat):
        array = array.astype("f8") if max(array.flat, default=0) < LARGEST else array
    with np.errstate(over="ignore"):
        plain = array.astype("f8") if array.dtype.kind in "biuf" else np.array(np.inf)
    return plain if (np.abs(plain) <= LARGEST).all() else None


def held(array, how, rng):
    """Hand an array over in a container."""
    native = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("="))
    native = native.reshape(array.shape)
    if how in SIMPLE:
        return Given(SIMPLE[how](array), as_plain(array))
    if how == "frame" and array.ndim == 2 and array.dtype.kind != "V":
        names = [f"f{number}" for number in range(array.shape[1])]
        return Given(pd.DataFrame(native, columns=names), as_plain(array))
    if how == "masked" and array.size:
        mask = np.zeros(array.shape, bool)
        mask.flat[rng.integers(array.size)] = True
        return Given(np.ma.masked_array(array, mask), None)
    if how == "sparse" and array.ndim == 2 and array.dtype.str[1:] in ("i4", "i8", "f4", "f8"):
        return Given(sparse.csr_array(native), None)
    in_torch = native.dtype.kind in "biufc" and native.dtype.char not in "gG"
    if in_torch and how in (*TENSORS, *ODD_TENSORS):
        return as_tensor(torch.from_numpy(native), how)
    return Given(array, as_plain(array))


SIMPLE = {
    "subclass": lambda array: array.view(Subclass),
    "list": lambda array: array.tolist(),
    "tuple": lambda array: tuple(array) if array.ndim else array,
    "rows": lambda array: list(array) if array.ndim else array,
    "objects": lambda array: array.astype(object),
    "protocol": Holder,
    "filled": np.ma.masked_array,
}
ODD_TENSORS = {
    "bits": lambda tensor: torch.empty(tensor.shape, dtype=torch.bits8),
    "meta": lambda tensor: tensor.to("meta"),
    "quantized": lambda tensor: quantized(tensor),
    "sparse_tensor": lambda tensor: tensor.double().to_sparse(),
    "nested": lambda tensor: torch.nested.nested_tensor(list(tensor), layout=torch.jagged),
}
CONTAINERS = (*SIMPLE, *TENSORS, *ODD_TENSORS, "frame", "masked", "sparse")


def quantized(tensor):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch is about to drop them
        return torch.quantize_per_tensor(tensor.float(), 0.5, 0, torch.quint8)


def as_tensor(tensor, how):
    """Hand a tensor over as it is, as another kind of tensor, or as a list of its rows."""
    real = not tensor.is_complex()
    if how in ODD_TENSORS and real and tensor.ndim > 1 and tensor.numel():
        return Given(ODD_TENSORS[how](tensor), None)
    if how in ("bfloat16", "float8") and real:
        tensor = tensor.to(torch.bfloat16 if how == "bfloat16" else torch.float8_e5m2)
    if how == "leaf" and tensor.is_floating_point():
        tensor = tensor.clone().requires_grad_()
    if how == "expanded" and tensor.ndim and len(tensor):
        tensor = tensor[:1].expand(tensor.shape)
    if how == "tensors" and tensor.ndim and tensor.dtype != torch.bfloat16:
        return Given(list(tensor), as_plain(tensor.numpy()))
    return Given(tensor, as_plain(tensor.detach().double().numpy()) if real else None)


@st.composite
def shapes(draw):
    """Draw a shape: mostly that of samples, sometimes of anything."""
    n = draw(st.one_of(st.integers(2, 12), st.integers(2, 40), st.sampled_from([0, 1, 2])))
    side, channels = st.integers(1, 12), st.sampled_from([1, 3, 4])
    kind = draw(st.sampled_from(["vectors", "grey", "last", "first", "many", "any"]))
    sizes = {
        "vectors": [side],
        "grey": [side, side],
        "last": [side, side, channels],
        "first": [channels, side, side],
        "many": [st.sampled_from([2, 100, 7]), side, channels],
    }
    if kind == "any":
        return tuple(draw(st.lists(st.integers(0, 5), max_size=5)))
    return (n, *(draw(size) for size in sizes[kind]))


@st.composite
def samples(draw, shape=None):
    """Draw samples of any shape, dtype, values, memory and container."""
    shape = draw(shapes()) if shape is None else shape
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dtype = np.dtype(draw(st.sampled_from(NUMBERS * 3 + OTHERS)))
    if dtype.kind in "biuf":
        array = filled(rng, shape, dtype, draw(st.sampled_from(FILLS)))
    else:
        array = other(rng, shape, dtype)
    array = laid_out(array, draw(st.sampled_from(MEMORY)))
    return held(array, draw(st.sampled_from(("array",) * 6 + CONTAINERS)), rng)


def things():
    """Draw what is no array of numbers at all."""
    return st.sampled_from(THINGS).map(lambda X: Given(X, None))


# --- parameters --------------------------------------------------------------------------------

HUGE = [2**62, 2**63, 2**64, 10**30, 10**400, -(10**400)]  # no memory could hold so many values
INTEGERS = [0, 1, 2, 3, 5, 17, -1, True, False, *HUGE]
FLOATS = [0.0, -0.0, 0.5, 1.0, 2.0, 0.3, 1e-3, 1e-8, -0.1, 100.0, 5e-324, 1e-300, 1e-38, 1e-30]
FLOATS += [1e10, 1e30, 1e38, 1e300, math.nan, math.inf, -math.inf]
SCALARS = [kind(2) for kind in (np.int8, np.uint8, np.int64, np.float16, np.float32, np.float64)]
SCALARS += [np.uint8(255), np.int8(-1), np.longdouble(0.5), np.float16(0.5), np.float64("nan")]
SCALARS += [np.bool_(True), np.complex64(1), np.datetime64("2020"), np.str_("auto")]
WORDS = ["", "auto", "cpu", "adam", "last", "mlp", "small", "glyph", "key", "no such", "\0", "é"]
ODDITIES = [
    None,
    b"auto",
    1j,
    decimal.Decimal(1),
    Fraction(1, 3),
    (),
    (1,),
    (2, 2),
    [2, 3],
    [1, "a"],
    {},
    {2},
]
ODDITIES += [np.array(2), np.array([2, 2]), np.ones((2, 2), int), torch.tensor(2), torch.Size([4])]
ODDITIES += [[np.array([2, 2]), 2], (True, 4), bytearray(b"\1\4"), pd.NA, pd.NaT, np.ma.masked]
ODDITIES += [object(), int, nn.Linear, lambda *_: None, slice(2), ..., np.random.RandomState(0)]
ODDITIES += [np.random.default_rng(0), torch.Generator(), torch.device("meta"), torch.float32]
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of matrices, and of layers without features
    THINGS = [
        None, 3, 2.5, True, "images", b"images", {}, {"a": [1]}, {1, 2}, range(9), object(), [],
        [[]], [[[]]], [[1, 2], [3]], [["a"], ["b"]], [[1, None], [2, 3]], [[10**400], [1]],
        (i for i in range(3)), np.float64(3), SimpleNamespace(shape=(3, 2)), lambda: 0, slice(3),
        pd.Series([1.0, 2.0]), pd.DataFrame(), pd.DataFrame({"a": ["x", "y"]}),
        pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}),
        pd.DataFrame({"a": pd.date_range("2020", periods=3)}),
        pd.DataFrame({"a": pd.Categorical(["x", "y"])}),
        np.matrix([[1, 2], [3, 4]]), torch.tensor(3), torch.Size([3, 2]), nn.Linear(2, 2), int,
    ]  # fmt: skip
    MODULES = [
        nn.Linear(4, 3), nn.Linear(9, 3), nn.Linear(4, 0), nn.Linear(4, 3).double(), nn.Identity(),
        nn.LazyLinear(3), nn.Flatten(0), nn.LSTM(4, 3), nn.Embedding(4, 3), nn.Conv2d(1, 1, 1),
        nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5), nn.BatchNorm1d(3)),
        nn.Linear(4, 3).requires_grad_(False), nn.Linear(4, 2).to("meta"),
        lambda shape: nn.LazyLinear(3), lambda shape: 1 / 0,
    ]  # fmt: skip
AUGMENTATIONS = [
    lambda batch, generator: batch,
    lambda batch, generator: batch.double() / 2,
    lambda batch, generator: (batch > 0).int(),
    lambda batch, generator: batch[:1],
    lambda batch, generator: batch * math.nan,
    lambda batch, generator: batch.numpy(),
]
ANYTHING = [*INTEGERS, *FLOATS, *SCALARS, *WORDS, *ODDITIES, *MODULES]
# A large value of these is legal and means a long time; some words are folders.
ENDLESS = ("max_epochs", "n_init", "sinkhorn_iterations")


def parameter_values(name):
    """Draw a value of any type for a parameter, but none that would train for hours or write."""
    values = ANYTHING
    if name == "augmentation":
        values = values + AUGMENTATIONS
    if name in ENDLESS:
        values = [v for v in values if not (isinstance(v, int | np.integer) and v > 100)]
    if name == "compile":
        values = [v for v in values if not (isinstance(v, bool | np.bool_) and v)]
    if name == "checkpoint_dir":
        values = [v for v in values if not isinstance(v, str)] + ["\0", "/dev/null/states"]
    return st.sampled_from(values)


def pairs():
    """Draw a value of any type for a range, mostly a pair."""
    number = st.sampled_from(INTEGERS + FLOATS + SCALARS)
    return st.one_of(st.tuples(number, number), st.lists(number, max_size=3), number)
