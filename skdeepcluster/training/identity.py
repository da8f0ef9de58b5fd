"""What makes two trainings the same: parameters and data, in a form that can be compared."""

from __future__ import annotations

import hashlib
import inspect
import re
from collections.abc import Iterable
from types import CodeType, FunctionType
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from skdeepcluster.data.known_labels import KnownLabels
from skdeepcluster.data.resizing import resized_shape
from skdeepcluster.data.samples import Samples
from skdeepcluster.training.approximate import is_worthwhile
from skdeepcluster.training.device import resolve_device, training_dtype

# These change neither what is computed nor where it ends; of the device its type is told.
IRRELEVANT = {
    "device",
    "verbose",
    "warm_start",
    "checkpoint_dir",
    "checkpoint_interval",
    "distributed",
}
N_PIECES = 64
PIECE_BYTES = 2**20
UNCHANGING = (type(None), str, bytes, int, float, tuple)
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def training_identity(
    estimator: BaseEstimator, samples: Samples, known: KnownLabels | None = None
) -> dict[str, str]:
    """
    Describe a training.

    Parameters
    ----------
    estimator : BaseEstimator
        Gives the class, the parameters and, with ``warm_start=True``, the model to go on from. Of
        modules the weights count, of functions the code and the constants they hold, of a
        `RandomState` its position, of other objects the ``repr``; of modules, and of objects whose
        ``repr`` is an address, also the constants that they keep of what they were made with.
    samples : Samples
        The training samples. Of large ones, 64 pieces of 1 MiB spread over all are looked at.
    known : KnownLabels or None, default=None
        Classes of some of the samples.

    Returns
    -------
    dict of str to str
        Equal for equal trainings, in every process.
    """
    parameters = estimator.get_params(deep=True)
    device = resolve_device(estimator.device)
    shape = resized_shape(samples.shape, estimator.image_size)
    dtype = training_dtype(estimator.precision, device, shape, estimator.backbone)
    fitted = getattr(estimator, "_model", None) if estimator.warm_start else None
    return {
        "method": type(estimator).__name__,
        **{name: _describe(v) for name, v in parameters.items() if name not in IRRELEVANT},
        "type of device": device.type,
        "dtype of training": str(dtype or torch.float32),
        "start of training": "afresh" if fitted is None else _start(estimator),
        "number of samples": str(len(samples)),
        "shape of a sample": str(samples.shape),
        "samples": _digest_samples(samples),
        "search for neighbours": _search(samples, device),
        "known_labels": "none" if known is None else _digest(map(_bytes, vars(known).values())),
    }


def _search(samples: Samples, device: torch.device) -> str:
    by_index = not samples.layout.is_image and is_worthwhile(len(samples), device)
    return "by an index" if by_index else "exact"


def _start(estimator: Any) -> str:
    items = sorted(estimator._further_weights.items())  # files have an order of their own
    further = (part for item in items for part in map(_bytes, item))
    return f"{_describe(estimator._model.model)} {_digest(further)}"


def _describe(value: Any) -> str:
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return f"({', '.join(map(_describe, value))})"
    if isinstance(value, float) and value.is_integer():
        return repr(int(value))
    if isinstance(value, BaseEstimator):  # its parameters are described beside it
        return type(value).__name__
    if isinstance(value, nn.Module):
        return f"{type(value).__name__} {_digest(_module(value))}"
    if isinstance(value, FunctionType):
        return f"{value.__qualname__} {_digest(_function(value))}"
    if isinstance(value, np.random.RandomState):
        return f"RandomState {_digest(map(_bytes, value.get_state()))}"
    text = ADDRESS.sub("", repr(value))
    if text == repr(value) or not hasattr(value, "__dict__"):
        return text
    return f"{text} {_digest(_settings(value))}"


def _digest(parts: Iterable[Any]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()[:16]


def _bytes(value: Any) -> Any:
    if isinstance(value, Tensor) and not is_lazy(value):
        return value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy()
    return value.tobytes() if isinstance(value, np.ndarray) else _describe(value).encode()


def _module(module: nn.Module) -> Iterable[Any]:
    yield ADDRESS.sub("", repr(module)).encode()
    for name, value in module.state_dict().items():
        yield name.encode()
        yield _bytes(value)
    for part in module.modules():
        yield from _settings(part)


def _settings(value: Any) -> Iterable[bytes]:
    """Name the constants under the names of what `__init__` takes; others may be counters."""
    try:
        taken = inspect.signature(type(value).__init__).parameters
    except ValueError:  # of classes in C
        return
    for name, kept in sorted(vars(value).items()):
        if name.strip("_") in taken and _is_constant(kept):
            yield f"{name}={kept!r}".encode()


def _is_constant(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_constant, value))
    return isinstance(value, UNCHANGING)


def _function(function: FunctionType) -> Iterable[Any]:
    yield from _code(function.__code__)
    held = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    held += [cell.cell_contents for cell in function.__closure__ or ()]
    for value in held:
        if isinstance(value, FunctionType):
            yield from _code(value.__code__)
        else:  # what can change, such as a counter, does not count
            kept = repr(value if isinstance(value, UNCHANGING) else type(value))
            yield ADDRESS.sub("", kept).encode()


def _code(code: CodeType) -> Iterable[bytes]:
    yield code.co_code
    yield repr(code.co_names).encode()
    for value in code.co_consts:
        if isinstance(value, CodeType):
            yield from _code(value)
        else:  # the order of a set differs between processes
            ordered = sorted(value, key=repr) if isinstance(value, frozenset) else value
            yield repr(ordered).encode()


def _digest_samples(samples: Samples) -> str:
    rows = max(1, PIECE_BYTES // (4 * samples.layout.n_features))
    n_pieces = min(N_PIECES, -(-len(samples) // rows))
    starts = [
        piece * max(0, len(samples) - rows) // max(1, n_pieces - 1) for piece in range(n_pieces)
    ]
    return _digest(
        # float32 would make one of all that lies as far from 0 as times in seconds do.
        _bytes(samples.batch(start, min(start + rows, len(samples))).double())
        for start in starts
    )
