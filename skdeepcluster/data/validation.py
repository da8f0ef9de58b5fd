"""From whatever the caller passes as X to an array of numbers, or an error that says why."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from sklearn.utils.validation import check_array
from torch import Tensor

from skdeepcluster.data.kinds import ARRAY_PROTOCOLS, REAL, has_items, is_sliced
from skdeepcluster.data.readers import ItemReader, Reader, SliceReader
from skdeepcluster.data.refusals import RULE, check_shapes, refuse_what_is_no_array


def validated_array(
    X: Any, min_samples: int = 1, estimator: Any = None
) -> np.ndarray | Tensor | Reader:
    """
    Convert samples to an array of real numbers; their values are not checked.

    Parameters
    ----------
    X : array-like or Tensor
        The samples.
    min_samples : int, default=1
        Smallest number of samples accepted.
    estimator : estimator instance or None, default=None
        Named in error messages.

    Returns
    -------
    ndarray, Tensor or Reader of 2 to 4 dimensions
        The samples, copied only to convert lists, frames and objects.

    Raises
    ------
    ValueError
        If `X` is empty, partly masked, complex or ragged, or has the wrong number of dimensions.
    TypeError
        If `X` is sparse or holds values that are not numbers.
    RuntimeError
        If a sample cannot be read.
    """
    if isinstance(X, Tensor):
        _check_tensor(X, min_samples)
        return X.detach()
    return _checked_array(X, min_samples, estimator)


def _is_sparse_frame(X: Any) -> bool:
    return getattr(X, "ndim", 1) == 2 and X.shape[1] > 0 and hasattr(X, "sparse")  # of pandas


def _checked_array(X: Any, min_samples: int, estimator: Any) -> np.ndarray | Reader:
    if X is None:
        raise ValueError("X must be an array-like of samples; got None.")
    if issparse(X) or _is_sparse_frame(X):
        raise TypeError(f"Sparse data not supported: X must be dense; got a {type(X).__name__}.")
    kind = getattr(getattr(X, "dtype", None), "kind", "O")
    if kind == "c":
        raise ValueError(f"Complex data not supported: X must be real; got dtype {X.dtype}.")
    if kind in "biufO" and np.ma.is_masked(X):
        raise ValueError(
            f"X must have a value everywhere; got a masked array with {np.ma.count_masked(X)} "
            "masked values. Fill them in first, for example by X.filled(0)."
        )
    if kind == "O" and hasattr(X, "tolist") and getattr(X, "ndim", 0) == 1:
        X = X.tolist()  # the objects may be images
    reader = _reader_of(X, min_samples)
    if reader is not None:
        return reader
    refuse_what_is_no_array(X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        array = X if kind in REAL else _converted(X)
        if not 2 <= len(array.shape) <= 4:
            _refuse_dimensions(tuple(array.shape))
        # Finiteness is checked later, chunk by chunk (see `read_samples`).
        array = check_array(
            array,
            dtype=None,
            allow_nd=True,
            ensure_all_finite=False,
            ensure_min_samples=min_samples,
            estimator=estimator,
            input_name="X",
        )
    return array


def _reader_of(X: Any, min_samples: int) -> Reader | None:
    """Return what reads samples a few at a time; None if they are to become an array as a whole."""
    if is_sliced(X):
        _check_shape(X.shape, min_samples)
        return _slice_reader_of(X)
    if not has_items(X):
        return None
    _check_shape((len(X), 1), min_samples)
    if isinstance(X, (list, tuple)):
        check_shapes(X, X)
    return ItemReader(X)


def _slice_reader_of(X: Any) -> Reader | None:
    try:
        reader = SliceReader(X)
    except TypeError as error:
        if any(hasattr(X, name) for name in ARRAY_PROTOCOLS):
            return None
        raise TypeError(f"{RULE}; got a {type(X).__name__}: {error}.") from error
    if reader.dtype.kind not in REAL:
        raise TypeError(f"{RULE}; got a {type(X).__name__} of dtype {reader.dtype}.")
    return reader


def _check_shape(shape: tuple[int, ...], min_samples: int) -> None:
    if not 2 <= len(shape) <= 4:
        _refuse_dimensions(shape)
    if shape[0] < min_samples:
        raise ValueError(f"Found array with {shape[0]} sample(s), {min_samples} are required.")


def _converted(X: Any) -> np.ndarray:
    """Convert lists, frames and objects to an array of real numbers."""
    array = X
    try:
        if not hasattr(X, "shape") and not hasattr(X, "__array__"):
            array = np.asarray(X)
        _check_times(array)
        array = check_array(
            array,
            allow_nd=True,
            ensure_2d=False,
            ensure_all_finite=False,
            ensure_min_samples=0,
            ensure_min_features=0,
        )
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        reason = str(error).partition("\n")[0]
        raise kind(f"{RULE}; got a {type(X).__name__}: {reason}") from error
    if array.dtype.kind not in REAL:
        raise TypeError(f"{RULE}; got a {type(X).__name__} of dtype {array.dtype}.")
    return array


def _check_times(array: Any) -> None:
    """Refuse dates and times among objects: they would become numbers of seconds, or of days."""
    times = (np.datetime64, np.timedelta64)
    if isinstance(array, np.ndarray) and array.dtype == object:
        for value in array.flat:
            if isinstance(value, times):
                raise TypeError(f"{value!r} is no number")


def _check_tensor(array: Tensor, min_samples: int) -> None:
    if array.layout is not torch.strided or array.is_nested:
        kind = "a nested tensor" if array.is_nested else f"a tensor of layout {array.layout}"
        raise TypeError(f"X must be a dense tensor; got {kind}.")
    if array.is_complex():
        raise ValueError(f"Complex data not supported: X must be real; got dtype {array.dtype}.")
    if not 2 <= array.ndim <= 4:
        _refuse_dimensions(tuple(array.shape))
    if len(array) < min_samples or array[0].numel() == 0:
        raise ValueError(
            f"X must have at least {min_samples} sample(s) of at least 1 value; "
            f"got a tensor of shape {tuple(array.shape)}."
        )
    if not _is_readable(array):
        raise TypeError(
            "X must be a tensor of bools, integers or floating-point numbers, in memory; got dtype "
            f"{array.dtype} on device {str(array.device)!r}."
        )


def _is_readable(array: Tensor) -> bool:
    if array.is_quantized or array.is_meta:
        return False
    try:
        torch.empty(1, dtype=array.dtype).to(torch.float64)  # on the CPU: "mps" has no float64
    except RuntimeError:  # dtypes that only hold bits
        return False
    return True


def _refuse_dimensions(shape: tuple[int, ...]) -> None:
    raise ValueError(
        "X must have 2 to 4 dimensions: (n, d), (n, H, W), (n, H, W, C) or (n, C, H, W). "
        f"Found array with dim {len(shape)}, of shape {shape}. Reshape your data; a single sample "
        "X is passed as X[None]."
    )
